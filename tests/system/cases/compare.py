# SPDX-License-Identifier: MIT
"""`calltrace diff` and `calltrace check`: two versions of a program, really recorded."""
import json
import os
import subprocess
import xml.etree.ElementTree

from driver.harness import BOTH, test

RUNS = 6


def calltrace(t, *arguments, status=0, errors=b""):
    done = subprocess.run(
        [t.context.command, *arguments], cwd=t.out, capture_output=True, timeout=60
    )
    t.same(f"exit status of calltrace {arguments}", (status, errors), (done.returncode, done.stderr))
    return done.stdout


def record_runs(t, program, name, runs=RUNS):
    """Raw traces of several runs in one folder."""
    folder = os.path.join(t.out, name)
    os.mkdir(folder)
    for run in range(runs):
        t.run([program], env={"CALLTRACE_OUTPUT": os.path.join(folder, f"{run}.ctrace")})
    return folder


def both_versions(t, runs=RUNS):
    return [
        record_runs(t, t.build("compared.c", cflags=flags, name=f"compared_{name}"), name, runs)
        for name, flags in (("old", ()), ("new", ("-DNEW",)))
    ]


@test(BOTH)
def diff_tells_what_changed(t):
    """three times the time is slower, more calls are more, by a test over runs; the rest is the same"""
    old, new = both_versions(t)
    answer = json.loads(calltrace(t, "diff", old, new, "--json", "--all", "--threshold", "50"))
    t.same("runs", (RUNS, RUNS), (answer["old"]["runs"], answer["new"]["runs"]))
    t.same("test", ("Mann-Whitney U", "runs", True),
           tuple(answer["test"][key] for key in ("name", "over", "exact")))
    rows = {row["name"]: row for row in answer["rows"]}
    t.same("functions", {"main", "parse", "steady", "often", "appeared", "vanished"}, set(rows))
    t.same("parse", ("slower", "same"), (rows["parse"]["time"], rows["parse"]["calls"]))
    t.same("often", "more", rows["often"]["calls"])
    t.same("calls of often", (200, 300), (rows["often"]["calls_old"], rows["often"]["calls_new"]))
    t.same("steady", ("same", "same"), (rows["steady"]["time"], rows["steady"]["calls"]))
    t.same("appeared", "new", rows["appeared"]["what"])
    t.same("vanished", "gone", rows["vanished"]["what"])
    calltrace(t, "diff", old, new, "--exit-code", status=1)


@test(BOTH)
def diff_of_two_runs_of_one_program_finds_the_same_functions(t):
    """no function appears or vanishes, and calls are as many, wherever the program was loaded"""
    program = t.build("compared.c")
    first, second = record_runs(t, program, "first", 1), record_runs(t, program, "second", 1)
    rows = json.loads(calltrace(t, "diff", first, second, "--json", "--all"))["rows"]
    t.same("functions", 5, len(rows))
    t.same("calls", {"same"}, {row["calls"] for row in rows})


RULES = """
baseline = "{baseline}"
[[rule]]
name = "parse takes no longer than before"
function = "parse"
max_slowdown = "50%"
max_p95 = "{limit}"
[[rule]]
function = "often"
max_calls = 250
only_under = "main"
[[rule]]
function = "appeared"
never_called = true
[[rule]]
function = "steady"
only_under = "parse"
"""


@test(BOTH)
def check_tells_what_broke_the_rules(t):
    """the version before keeps to them, the new one breaks those it was to; JUnit's XML has them"""
    old, new = both_versions(t, runs=1)
    rules = os.path.join(t.out, "rules.toml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write(RULES.format(baseline=old, limit="1s"))
    answer = json.loads(calltrace(t, "check", rules, new, "--json", "--junit", "junit.xml", status=1))
    failed = {(result["rule"], result["check"]): result["path"]
              for result in answer["results"] if not result["passed"]}
    t.same("failed", {
        ("parse takes no longer than before", "max_slowdown"): "main > parse",
        ("often", "max_calls"): "main > often",
        ("appeared", "never_called"): "main > appeared",
        ("steady", "only_under"): "main > steady",
    }, failed)
    suite = xml.etree.ElementTree.parse(os.path.join(t.out, "junit.xml")).getroot().find("testsuite")
    t.same("cases", 6, len(suite.findall("testcase")))
    t.same("failures", {f"{rule}: {check}" for rule, check in failed},
           {case.get("name") for case in suite.findall("testcase") if case.find("failure") is not None})
    answer = json.loads(calltrace(t, "check", rules, old, "--json", status=1))
    t.same("old", [("appeared", True), ("steady", False)],
           [(result["rule"], result["passed"]) for result in answer["results"]][-2:])
    with open(rules, "w", encoding="utf-8") as file:
        file.write(RULES.format(baseline=old, limit="1s").rpartition("[[rule]]")[0])
    calltrace(t, "check", rules, old)
