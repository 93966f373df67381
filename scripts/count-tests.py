#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the single tests in what ctest --output-junit wrote.

    count-tests.py RESULTS.xml COUNTS

A test of ctest is often many: a cmocka program, or a driver that ends with
"N passed, N failed". Adds "passed failed skipped" as a line to COUNTS, and
prints which tests failed or were skipped.
"""
import re
import sys
import xml.etree.ElementTree as ElementTree

DRIVER = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
SKIPPED = re.compile(r"^(\d+) skipped$", re.M)
CMOCKA = re.compile(r"^\[  (PASSED|FAILED|SKIPPED) *\] (\d+) test\(s\)", re.M)


def count(case):
    """(passed, failed, skipped) of one test of ctest."""
    output = case.findtext("system-out") or ""
    status = case.get("status")
    passed = failed = skipped = 0
    if drivers := DRIVER.findall(output):
        passed, failed, skipped = (int(number or 0) for number in drivers[-1])
        skipped += sum(map(int, SKIPPED.findall(output)))
    else:
        for word, number in CMOCKA.findall(output):
            passed += int(number) if word == "PASSED" else 0
            failed += int(number) if word == "FAILED" else 0
            skipped += int(number) if word == "SKIPPED" else 0

    # Whatever the output says, the exit status has the last word.
    if status == "fail":
        failed = max(failed, 1)
    elif passed + failed + skipped == 0:
        if status == "run":
            passed = 1
        else:  # "notrun" or "disabled": it said so by its exit status, or could not start
            skipped = 1
    return passed, failed, skipped


def main():
    results, counts = sys.argv[1:]
    total = [0, 0, 0]
    for case in ElementTree.parse(results).getroot().iter("testcase"):
        passed, failed, skipped = count(case)
        total = [a + b for a, b in zip(total, (passed, failed, skipped))]
        if failed:
            print(f"FAILED: {case.get('name')}")
            for line in (case.findtext("system-out") or "").splitlines()[-40:]:
                print("    " + line)
        elif skipped:
            print(f"SKIPPED: {case.get('name')}" + ("" if not passed else f" ({skipped} of its tests)"))
    if not any(total):
        sys.exit(f"count-tests: no test in {results}")
    with open(counts, "a", encoding="ascii") as file:
        print(*total, file=file)


if __name__ == "__main__":
    main()
