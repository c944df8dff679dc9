#!/bin/sh
# Builds the page of the report: build.sh WORK OUT.cpp. What npm installs goes into WORK. Without
# a network, or without npm, weir is built all the same and says that it has no page.
set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$1
out=$2

make_page() {
  cp "$here"/*.js "$here"/*.mjs "$here"/*.json "$here"/*.html "$here"/*.css "$work" || return 1
  cd "$work" || return 1
  if ! cmp -s package-lock.json installed.json; then
    npm ci --ignore-scripts --no-audit --no-fund || return 1
    cp package-lock.json installed.json
  fi
  node build.mjs "$out"
}

mkdir -p "$work"
if ! make_page >"$work/log" 2>&1; then
  echo "weir: the page of the report could not be built: $(tail -n 1 "$work/log")" >&2
  echo "weir: weir compare goes without it; the whole story is in $work/log" >&2
  cp "$here/../compare/no_page.cpp" "$out"
fi
