# SPDX-License-Identifier: MIT
"""The queries of the user's guide, run verbatim on real documents by jq."""
import subprocess

from driver.harness import BOTH, ONE, test

QUERIES = {
    "children": "jq '.call_trees[].root_calls[] | .. | .children? | length' trace.json | sort -n | tail -10",
    "average": """jq -r '.call_trees[].root_calls[] | .. | select(.duration_ns?) | .duration_ns' trace.json | awk '{sum+=$1; count++} END {print "Average:", sum/count "ns", "Total calls:", count}'""",
    "slowest": r"""jq -r '.call_trees[].root_calls[] | .. | select(.duration_ns?) | "\(.duration_ns) \(.function)"' trace.json | sort -nr | head -20""",
    "most_called": "jq -r '.call_trees[].root_calls[] | .. | select(.function?) | .function' trace.json | sort | uniq -c | sort -nr | head -20",
    "slow": "jq '.call_trees[].root_calls[] | .. | select(.duration_ns? > 1000000) | {function, duration_ns}' trace.json",
    "handlers": """jq '.call_trees[] | .root_calls[] | .. | select(.function? | test("handle_request|process_api")) | {function, duration_ns}' trace.json""",
    "totals": "jq '.metadata.total_calls' trace.json",
}


def query(t, name):
    t.need("jq")
    done = subprocess.run(
        ["bash", "-c", QUERIES[name] + "\nexit ${PIPESTATUS[0]}"],  # jq's own status
        cwd=t.out,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def traced(t):
    return t.compare([t.build("nested_calls.c")])


def works(t, name):
    status, out, err = query(t, name)
    t.same(f"jq's exit status and standard error for '{name}'", (0, ""), (status, err))
    return out


@test(ONE)
def query_of_the_widest_calls(t):
    """numbers of children, the greatest last"""
    document = traced(t)
    numbers = [int(line) for line in works(t, "children").split()]
    t.same("the greatest", max(len(call.children) for call in document.calls), numbers[-1])


@test(ONE)
def query_of_the_average(t):
    """average duration and number of calls"""
    document = traced(t)
    out = works(t, "average")
    t.expect(
        out.startswith("Average:") and out.rstrip().endswith(f"Total calls: {len(document.calls)}"),
        f"it says {out!r}",
    )


@test(ONE)
def query_of_the_slowest(t):
    """the slowest calls"""
    traced(t)
    lines = works(t, "slowest").splitlines()
    t.same("the slowest call", "main", lines[0].split(" ", 1)[1])
    t.same("number of lines", 14, len(lines))


@test(ONE)
def query_of_the_most_called(t):
    """functions by number of calls"""
    traced(t)
    lines = [line.split() for line in works(t, "most_called").splitlines()]
    t.same("the most called", [["6", "leaf"], ["4", "factorial"], ["2", "branch"]], lines[:3])


@test(ONE)
def query_of_slow_calls(t):
    """calls over a millisecond; there may be none"""
    traced(t)
    works(t, "slow")


@test(ONE)
def query_of_totals(t):
    """total_calls"""
    document = traced(t)
    t.same("total_calls", str(len(document.calls)), works(t, "totals").strip())


@test(ONE)
def query_by_name(t):
    """test() on names: jq 1.6 stops at values that are no string, unless the document avoids them"""
    traced(t)
    status, out, err = query(t, "handlers")
    if status:
        t.expect("cannot be matched, as it is not a string" in err, f"jq says {err!r}")
        repaired = QUERIES["handlers"].replace(
            "select(.function? | test(", 'select(.function? // "" | test('
        )
        repaired = repaired.replace("handle_request|process_api", "branch|compare")
        done = subprocess.run(
            ["bash", "-c", repaired], cwd=t.out, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        t.same(
            "exit status and error of the query the guide gives instead",
            (0, b""),
            (done.returncode, done.stderr),
        )
        t.same("calls it finds", 3, done.stdout.count(b'"function"'))


@test(ONE)
def queries_on_a_trace_with_open_calls(t):
    """unfinished calls have no duration; the queries go on"""
    t.compare([t.build("noreturn.c")])
    for name in ("children", "average", "slowest", "most_called", "slow", "totals"):
        works(t, name)


@test(ONE)
def queries_on_a_deep_trace(t):
    """deeper than jq 1.6 can read nested: the deepest calls lie flat, and the queries work"""
    document = t.compare([t.build("deep.c"), "5000"])
    for name in ("children", "average", "slowest", "slow", "totals"):
        works(t, name)
    t.same("the most called", ["5000", "deeper"], works(t, "most_called").split()[:2])
    t.same("calls", 5001, len(document.calls))


@test(ONE)
def queries_on_a_flat_trace(t):
    """the flat layout"""
    document = t.compare([t.build("deep.c"), "5000"], env={"CALLTRACE_JSON_LAYOUT": "flat"})
    t.expect(
        works(t, "average").rstrip().endswith(f"Total calls: {len(document.calls)}"),
        "not all calls are counted",
    )
    for name in ("slowest", "slow", "totals"):
        works(t, name)
    t.same("the most called", ["5000", "deeper"], works(t, "most_called").split()[:2])
