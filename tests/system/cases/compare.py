# SPDX-License-Identifier: MIT
"""`calltrace diff`, `calltrace check` and conditions on values, with programs really recorded."""
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
    rows = {row["function"]: row for row in answer["rows"]}
    t.same("functions", {"main", "parse", "steady", "often", "appeared", "vanished"}, set(rows))
    t.same("parse", ("slower", "same"), (rows["parse"]["time_verdict"], rows["parse"]["calls_verdict"]))
    t.same("often", "more", rows["often"]["calls_verdict"])
    t.same("calls of often", (200, 300), (rows["often"]["calls_old"], rows["often"]["calls_new"]))
    t.same("steady", ("same", "same"), (rows["steady"]["time_verdict"], rows["steady"]["calls_verdict"]))
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
    t.same("calls", {"same"}, {row["calls_verdict"] for row in rows})


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
    failed = {(result["rule"], result["check"]): result["call_path"]
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


@test(BOTH)
def a_name_without_its_class_is_told(t):
    """a rule that nothing breaks because it names nothing, and one function of a list"""
    raw = os.path.join(t.out, "trace.ctrace")
    t.run([t.build("classes.cpp")], env={"CALLTRACE_OUTPUT": raw})
    rules = os.path.join(t.out, "rules.toml")
    with open(rules, "w", encoding="utf-8") as file:
        file.write('[[rule]]\nfunction = "draw"\nnever_called = true\n'
                   '[[rule]]\nfunction = "*::draw"\nnever_called = true\n'
                   '[[rule]]\nfunction = "raw"\nnever_called = true\n')
    lines = calltrace(t, "check", rules, raw, status=1).decode().splitlines()
    t.same("hint", "ok      draw: never_called: 0 calls; no function is meant by 'draw' (did you mean '*::draw'?)", lines[0])
    t.expect(lines[1].startswith("FAILED  *::draw: never_called: "), lines)
    t.expect(not any("raw: n" in line and "draw" not in line for line in lines), lines)
    calltrace(t, "report", raw, "-f", "main,draw", status=1,
              errors=b"calltrace: --function: no function that was called is meant by 'draw' (did you mean '*::draw'?)\n")


def record_values(t, *arguments, **settings):
    raw = os.path.join(t.out, "trace.ctrace")
    env = {"CALLTRACE_OUTPUT": raw, "CALLTRACE_CAPTURE_ARGS": "1", **settings}
    t.run([t.build("conditions.c"), *arguments], env=env)
    return raw


@test(BOTH)
def where_chooses_calls_by_their_values(t):
    """arguments, members behind pointers, results, and what lies below such calls"""
    raw = record_values(t, CALLTRACE_MAX_POINTEE="3")

    def counts(*options):
        report = json.loads(calltrace(t, "report", raw, "--json", *options))
        return {row["function"]: row["calls"] for row in report["rows"]}

    for condition, expected in (
        ("handle(request.id>=9)", {"handle": 3}),
        ("request->header->size>100", {"handle": 3}),
        ("handle(request.header.method=PUT, name='e*')", {"handle": 3}),
        ("name!=even", {"handle": 6}),
        ("handle(retval=-1)", {"handle": 4}),
        ("retval<0", {"handle": 4}),
        ("handle(request.id<6, retval=-1)", {"handle": 2}),
        ("down(retval>5)", {"down": 3}),
        ("step(n=3)", {"step": 3}),
    ):
        t.same(condition, expected, counts("--where", condition))
    t.same("either", {"handle": 4, "step": 3},
           counts("--where", "handle(retval<0)", "--where", "step(n=3)"))
    t.same("inside by argument", {"handle": 1, "step": 2}, counts("--inside", "handle(request.id=7)"))
    t.same("inside by result", {"handle": 4, "step": 8}, counts("--inside", "handle(retval=-1)"))
    t.same("outside by result", {"main": 1, "handle": 8, "step": 21, "down": 6},
           counts("--outside", "handle(retval=-1)"))
    t.same("inside a recursion", {"down": 4, "step": 3},
           counts("--inside", "down(retval=6)"))


@test(BOTH)
def where_tells_results_of_millions_of_calls(t):
    """what is kept of them until they begin is more than is held in memory"""
    ticks = 2_200_000
    raw = record_values(t, str(ticks), CALLTRACE_ARGS_FILTER="tick")
    report = json.loads(calltrace(t, "report", raw, "--json", "--where", "tick(retval=1)"))
    t.same("calls", [("tick", ticks // 1000)], [(row["function"], row["calls"]) for row in report["rows"]])
    last = json.loads(calltrace(t, "report", raw, "--json", "--where", f"tick(n={ticks - 1000}, retval=1)"))
    t.same("the last of them", 1, last["calls"])
    left = [name for name in os.listdir(t.out) if "XXXX" in name or name.startswith("calltrace-")]
    t.same("files left", [], left)
