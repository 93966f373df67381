# SPDX-License-Identifier: MIT
"""The command line: choose tests, run them on a few threads, print what failed."""
import argparse
import concurrent.futures
import fnmatch
import glob
import importlib
import os
import shutil
import sys
import threading
import time
import traceback

from . import harness
from .harness import DRIVERS, Context, Failure, Skip, T

STACK_BYTES = (
    512 << 20
)  # nested documents recurse in Python's JSON reader; pages not touched cost nothing


def load_tests():
    harness.load_file_tests()
    for path in sorted(glob.glob(os.path.join(harness.SYSTEM, "cases", "*.py"))):
        importlib.import_module("cases." + os.path.splitext(os.path.basename(path))[0])
    names = [each.name for each in harness.REGISTRY]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise SystemExit(f"two tests have the same name: {', '.join(twice)}")
    return sorted(harness.REGISTRY, key=lambda each: each.name)


def run_one(context, each, variant):
    """(verdict, text) of a test of one variant."""
    compiler = variant.split("-")[0]
    needed = (context.drivers[compiler][0], *context.emulator[:1])
    if missing := [each for each in needed if not shutil.which(each)]:
        return "skipped", f"{missing[0]} is not installed"
    t = T(context, each.name, variant)
    try:
        each.function(t)
        return "passed", ""
    except Skip as reason:
        return "skipped", str(reason)
    except Failure as failure:
        return "failed", str(failure) + (f"\nfiles kept in {t.dir}" if context.keep else "")
    except Exception:
        return "failed", traceback.format_exc()
    finally:
        if not context.keep:
            t.cleanup()


def main():
    parser = argparse.ArgumentParser(
        description="Trace small programs and check the programs and their traces."
    )
    parser.add_argument(
        "--build",
        default=os.environ.get("CALLTRACE_BUILD", "build/dev"),
        help="build folder with lib/libcalltrace.so and bin/calltrace",
    )
    parser.add_argument(
        "-k",
        metavar="PATTERN",
        help="only tests whose name[variant] matches: part of it, a glob, or =NAME",
    )
    parser.add_argument("-j", metavar="N", type=int, default=1, help="tests at a time")
    parser.add_argument(
        "--compiler", choices=sorted(DRIVERS), help="only variants of this compiler"
    )
    parser.add_argument(
        "--arm64",
        action="store_true",
        help="compile with GCC for arm64 and run under qemu; only the tests that allow it",
    )
    parser.add_argument("--list", action="store_true", help="print the names of the tests and end")
    parser.add_argument("--keep", action="store_true", help="keep the files of failed runs")
    parser.add_argument("-v", action="store_true", help="print every test with its time")
    options = parser.parse_args()

    jobs = []
    for each in load_tests():
        for variant in each.variants:
            if options.arm64 and not (each.portable and variant.startswith("gcc-")):
                continue
            if wanted(options, each.name, variant):
                jobs.append((each, variant))
    if options.list:
        for name in sorted({each.name for each, _ in jobs}):
            print(name)
        return 0

    context = Context(options.build, options.keep, options.arm64)
    sys.setrecursionlimit(1 << 20)
    threading.stack_size(STACK_BYTES)
    counts = {"passed": 0, "failed": 0, "skipped": 0}

    def timed(job):
        start = time.monotonic()
        return run_one(context, *job), time.monotonic() - start

    with concurrent.futures.ThreadPoolExecutor(max_workers=options.j) as pool:
        for (each, variant), ((verdict, text), seconds) in zip(jobs, pool.map(timed, jobs)):
            counts[verdict] += 1
            label = f"{each.name}[{variant}]"
            if verdict == "failed":
                print(
                    f"FAILED {label} ({seconds:.1f} s): {each.about}\n    "
                    + text.replace("\n", "\n    "),
                    flush=True,
                )
            elif verdict == "skipped":
                print(f"skipped {label}: {text}", flush=True)
            elif options.v:
                print(f"passed {label} ({seconds:.1f} s)", flush=True)
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    if counts["failed"]:
        return 1
    return 77 if counts["skipped"] and not counts["passed"] else 0


def wanted(options, name, variant):
    if options.compiler and not variant.startswith(options.compiler + "-"):
        return False
    if not options.k:
        return True
    label = f"{name}[{variant}]"
    if options.k.startswith("="):
        return options.k[1:] in (name, label)
    if any(mark in options.k for mark in "*?"):
        return fnmatch.fnmatchcase(name, options.k)
    return options.k in label
