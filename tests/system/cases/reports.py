# SPDX-License-Identifier: MIT
"""`calltrace report` of real recordings."""
import json
import os
import subprocess

from driver.harness import ALL, BOTH, test


def calltrace(t, *arguments):
    done = subprocess.run(
        [t.context.command, *arguments], cwd=t.out, capture_output=True, timeout=60
    )
    t.same(f"exit status of calltrace {arguments}", (0, b""), (done.returncode, done.stderr))
    return done.stdout


def record(t, program, *arguments):
    """A raw trace, and the document made of it."""
    raw = os.path.join(t.out, "trace.ctrace")
    t.run([program, *arguments], env={"CALLTRACE_OUTPUT": raw})
    return raw, json.loads(calltrace(t, "json", raw, "-o", "-"))


@test(ALL)
def report_agrees_with_the_document(t):
    """calls, times and percentiles of each function are those of its statistics"""
    raw, document = record(t, t.build("random_jumps.c"), "7")
    report = json.loads(calltrace(t, "report", raw, "--json"))
    t.same("calls", document["metadata"]["total_calls"], report["calls"])
    rows = {row["function"]: row for row in report["rows"]}
    t.same("functions", len(document["statistics"]), len(rows))
    for expected in document["statistics"]:
        row = rows[expected["function"]]
        for key in ("calls", "total_ns", "self_ns", "min_ns", "max_ns", "p50_ns", "p99_ns"):
            if key in expected:
                t.same(f"{expected['function']}: {key}", expected[key], row[key])


@test(BOTH)
def report_of_threads_adds_up(t):
    """rows of threads and of functions have the same calls and self times"""
    raw, _ = record(t, t.build("threads.c"))
    sums = []
    for by in ("function", "module", "thread", "process"):
        rows = json.loads(calltrace(t, "report", raw, "--json", "--by", by))["rows"]
        sums.append((sum(row["calls"] for row in rows), sum(row["self_ns"] for row in rows)))
    t.same("sums", [sums[0]] * len(sums), sums)
