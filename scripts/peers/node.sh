#!/bin/sh
# Installs the clients for Node that the tests use (node/package-lock.json), once, and prints the folder.
# The folder lies outside the repository: under SKOLNAV_PEERS, by default under the user's cache folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
version=$(cksum < "$here/node/package-lock.json" | cut -d ' ' -f 1)
target=${SKOLNAV_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/skolnav/peers}/node-$version
if [ ! -d "$target" ]; then
  part=$target.$$
  mkdir -p "$part"
  cp "$here/node/package.json" "$here/node/package-lock.json" "$part"
  (cd "$part" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
  # Another run may have been faster; then this folder is not needed.
  mv -T "$part" "$target" 2>/dev/null || rm -rf "$part"
fi
echo "$target"
