#!/usr/bin/env bash
# usage: tests/install/run.sh BUILD_DIRECTORY
# Installs a finished build into a temporary prefix, moves that tree, and builds and runs the
# consumer against it: by find_package(weir) and by pkg-config. CMAKE, CXX and CXXFLAGS are heeded.
set -euo pipefail

[ $# -eq 1 ] && [ -f "$1/CMakeCache.txt" ] || { echo "usage: run.sh BUILD_DIRECTORY" >&2; exit 2; }
build=$(cd "$1" && pwd)
consumer=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/consumer
cmake=${CMAKE:-cmake}
export CXX=${CXX:-g++}
export CXXFLAGS=${CXXFLAGS:-}

# Not in /tmp, which may be mounted noexec.
scratch=$(mktemp -d "$build/installed.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

echo "== install"
"$cmake" --install "$build" --prefix "$scratch/first" >"$scratch/install.log" ||
  { cat "$scratch/install.log"; exit 1; }
# An installed tree can be moved: nothing in it may name the place it was made for.
prefix=$scratch/moved
mv "$scratch/first" "$prefix"
if grep -rIl -e "$scratch" -e "$build" "$prefix"; then
  echo "the files above name the directory of the build or of the first installation" >&2
  exit 1
fi

echo "== find_package"
"$cmake" -S "$consumer" -B "$scratch/consumer" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_BUILD_TYPE=Release >"$scratch/configure.log" 2>&1 ||
  { cat "$scratch/configure.log"; exit 1; }
"$cmake" --build "$scratch/consumer"
"$scratch/consumer/consumer"

echo "== pkg-config"
pc=$(find "$prefix" -name weir.pc -printf '%h\n')
export PKG_CONFIG_PATH=$pc${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
# Flags are words here, hence not quoted.
# shellcheck disable=SC2046,SC2086
"$CXX" -std=c++20 -O1 $CXXFLAGS $(pkg-config --cflags weir) "$consumer/main.cpp" \
  -o "$scratch/by_pkg_config" $(pkg-config --libs weir)
LD_LIBRARY_PATH=$(dirname "$pc") "$scratch/by_pkg_config"
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:.*=//p' "$build/CMakeCache.txt")
[ "$(pkg-config --modversion weir)" = "$version" ]

if [ -e "$prefix/bin/weir" ]; then
  echo "== tool"
  "$prefix/bin/weir" --version
fi
