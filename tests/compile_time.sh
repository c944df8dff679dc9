#!/bin/sh
# Prints what it costs to compile the smallest server, in seconds of CPU. A figure to look at,
# not a test: it depends on the machine.
#
# usage: compile_time.sh [COMPILER]
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
compiler=${1:-g++}
TIMEFORMAT='%U user + %S system'
export TIMEFORMAT
for source in echo chat; do
  printf '%s -O2 examples/%s.cpp: ' "$compiler" "$source"
  bash -c 'time "$0" -std=c++20 -O2 -I"$1"/include -c "$1"/examples/"$2".cpp -o /dev/null' \
    "$compiler" "$root" "$source" 2>&1
done
