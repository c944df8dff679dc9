#!/usr/bin/env python3
"""Whether the same seeds take the same course in every build: g++ or clang, optimised or not.

usage: compare_builds.py PROGRAM

PROGRAM is build/PRESET/tests/simulation-hashes. It is compared with those of the other presets
that were built from the sources as they are now. Those with a sanitizer, which have no pools, are
not compared: compilers leave out frames there that others have (heap allocation elision), and the
fault `memory` is drawn for each frame.
Exit code: 0 the same, 1 not, 77 none to compare.
"""
import pathlib
import subprocess
import sys

SKIPPED = 77
WHAT_IS_BUILT_IN = ("include", "src", "tests/simulation")


def newest_source(root):
    return max(path.stat().st_mtime for directory in WHAT_IS_BUILT_IN
               for path in (root / directory).rglob("*") if path.suffix in (".h", ".cpp"))


def lines(program, *seeds):
    return subprocess.run([program, *seeds], capture_output=True, text=True, check=True,
                          timeout=600).stdout.splitlines()


def has_sanitizer(program):
    return lines(program, "0") != ["pools 1"]


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    program = pathlib.Path(arguments[0]).resolve()
    root = pathlib.Path(__file__).resolve().parents[2]
    changed = newest_source(root)
    others = [path for path in sorted(root.glob("build/*/tests/" + program.name))
              if path.resolve() != program]
    current = [path for path in others if path.stat().st_mtime > changed]
    for path in set(others) - set(current):
        print(f"{path}: older than the sources")
    if has_sanitizer(program):
        print("a build with a sanitizer may take another course")
        return SKIPPED
    mine = lines(program)
    differ = compared = 0
    for path in current:
        if has_sanitizer(path):
            print(f"{path}: has a sanitizer")
            continue
        theirs = lines(path)
        compared += 1
        for one, other in zip(mine, theirs):
            if one != other:
                print(f"{program}: {one}\n{path}: {other}")
                differ += 1
        differ += len(mine) != len(theirs)
        print(f"{path}: {len(mine) - 1} hashes compared")
    if not compared:
        print("no other build to compare with: ./check --clang makes one")
        return SKIPPED
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
