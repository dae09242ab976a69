#!/bin/sh
# Installs the Python tools of python/requirements.lock, once, and prints their folder: a generator of clients and the one of
# the documentation's site. They have an environment of their own, since they need other versions of what the hub needs.
# The folder lies outside the repository: under SKOLNAV_PEERS, by default under the user's cache folder.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../.venv/bin/python
[ -x "$python" ] || python=python3
version=$(cksum < "$here/python/requirements.lock" | cut -d ' ' -f 1)
target=${SKOLNAV_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/skolnav/peers}/python-$version
if [ ! -e "$target/.complete" ]; then
  # An environment can't be moved: two runs at once wait for each other.
  mkdir -p "$target"
  exec 9> "$target.lock"
  flock 9
  if [ ! -e "$target/.complete" ]; then
    "$python" -m venv --clear --without-pip "$target" >&2
    uv=$here/../../.venv/bin/uv
    [ -x "$uv" ] || uv=uv
    "$uv" pip install --quiet --require-hashes --python "$target/bin/python" -r "$here/python/requirements.lock" >&2
    touch "$target/.complete"
  fi
fi
echo "$target"
