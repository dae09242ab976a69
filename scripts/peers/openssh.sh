#!/bin/sh
# Prints the path of OpenSSH's sftp-server. Where it is not installed, Debian's package is fetched and unpacked, once.
# The folder lies outside the repository: under SKOLNAV_PEERS, by default under the user's cache folder.
set -eu
path=usr/lib/openssh/sftp-server
if [ -x "/$path" ] && [ -z "${SKOLNAV_PEERS:-}" ]; then
  echo "/$path"
  exit
fi
target=${SKOLNAV_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/skolnav/peers}/openssh
if [ ! -x "$target/$path" ]; then
  part=$target.$$
  mkdir -p "$part"
  (
    cd "$part"
    # A new machine has no lists of packages yet. Only root can fetch them.
    apt-get download -qq openssh-sftp-server >&2 || { apt-get update -qq >&2 && apt-get download -qq openssh-sftp-server >&2; }
    dpkg-deb -x openssh-sftp-server_*.deb .
  )
  # Another run may have been faster; then this folder is not needed.
  mv -T "$part" "$target" 2>/dev/null || rm -rf "$part"
fi
echo "$target/$path"
