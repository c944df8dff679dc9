#!/usr/bin/env python3
"""Prints what the conformance suite found: behaviours x models, and why a test was skipped.

usage: matrix.py DIRECTORY

DIRECTORY holds the GoogleTest XML reports of the last run; the matrix is also left in it, as
matrix.txt. Exit code: 0, or 1 when there is no report or a test that should have run did not.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree

SHAPES = ["1_thread", "2_threads", "2_processes"]
SIMULATED = "simulated_"
SIGNS = {"pass": "+", "skip": "-", "fail": "X"}


def outcome(case):
    """The result of a test case, and the reason if it was skipped."""
    if case.find("failure") is not None:
        return "fail", ""
    skipped = case.find("skipped")
    if skipped is None and case.get("result") != "skipped":
        return "pass", ""
    lines = (skipped.get("message") if skipped is not None else "").strip().splitlines()
    return "skip", lines[-1] if lines else "no reason given"


def read_reports(directory):
    """{behaviour: {model: {shape: (result, reason)}}} of all reports in the directory."""
    table = {}
    for path in sorted(directory.glob("*.xml")):
        for case in xml.etree.ElementTree.parse(path).iter("testcase"):
            name, _, shape = case.get("name").partition("/")
            found = re.fullmatch(r"(.+?)_(\d_\w+)", shape)
            model, workers = found.groups() if found else (case.get("classname"), "1_thread")
            row = table.setdefault(name.replace("_", " "), {})
            row.setdefault(model, {})[workers] = outcome(case)
    return table


def cell(results):
    """One sign for each kind of workers: '+-+'."""
    return "".join(SIGNS[results[shape][0]] if shape in results else " " for shape in SHAPES)


def matrix(table):
    on_all = {name: row for name, row in table.items() if len(row) > 1}
    models = list(dict.fromkeys(model for row in on_all.values() for model in row))
    width = max((len(name) for name in on_all), default=0)
    lines = ["Each model: 1 thread, 2 threads, 2 processes.  + pass  - skip  X fail", ""]
    # The simulated ones stand at the end, under a line of their own.
    real = [model for model in models if not model.startswith(SIMULATED)]
    models = real + [model for model in models if model not in real]
    if len(real) < len(models):
        lines.append(" " * (width + 13 * len(real)) + f"  {'simulated:':>11}")
    names = [model.removeprefix(SIMULATED) for model in models]
    lines.append(" " * width + "".join(f"  {name:>11}" for name in names))
    for name, row in on_all.items():
        cells = "".join(f"  {cell(row.get(model, {})):>11}" for model in models)
        lines.append(f"{name:<{width}}{cells}")
    lines += ["", "What concerns one model:"]
    for name, row in table.items():
        for model, results in row.items() if len(row) == 1 else ():
            lines.append(f"  {SIGNS[next(iter(results.values()))[0]]}  {model}: {name}")
    return lines


def summary(table):
    counts = {"pass": 0, "skip": 0, "fail": 0}
    reasons = {}
    for row in table.values():
        for results in row.values():
            for result, reason in results.values():
                counts[result] += 1
                if result == "skip":
                    reasons[reason] = reasons.get(reason, 0) + 1
    lines = ["", f"{counts['pass']} passed, {counts['skip']} skipped, {counts['fail']} failed"]
    for reason, count in sorted(reasons.items(), key=lambda item: -item[1]):
        lines.append(f"  {count:4} skipped: {reason}")
    return lines


def main(arguments):
    if len(arguments) != 1:
        print(__doc__.strip(), file=sys.stderr)
        return 1
    directory = pathlib.Path(arguments[0])
    table = read_reports(directory)
    if not table:
        print(f"no reports in {directory}", file=sys.stderr)
        return 1
    text = "\n".join(matrix(table) + summary(table)) + "\n"
    (directory / "matrix.txt").write_text(text, encoding="utf-8")
    print(text, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
