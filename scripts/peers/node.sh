#!/bin/sh
# Installs packages for Node that the tests use, once, and prints the folder. The argument names the set: "node" (clients,
# the default) or "documents" (readers of the hub's OpenAPI and AsyncAPI), a folder here with a package-lock.json.
# The folder lies outside the repository: under SKOLNAV_PEERS, by default under the user's cache folder.
set -eu
set=${1:-node}
here=$(cd "$(dirname "$0")" && pwd)/$set
version=$(cksum < "$here/package-lock.json" | cut -d ' ' -f 1)
target=${SKOLNAV_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/skolnav/peers}/$set-$version
if [ ! -d "$target" ]; then
  part=$target.$$
  mkdir -p "$part"
  cp "$here/package.json" "$here/package-lock.json" "$part"
  (cd "$part" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
  # Another run may have been faster; then this folder is not needed.
  mv -T "$part" "$target" 2>/dev/null || rm -rf "$part"
fi
echo "$target"
