# SPDX-License-Identifier: MIT
"""What a traced program says of its calls (programs/values_account.h), compared with its trace.

A value in the trace is right, or absent with a reason. One that differs from the program's own
account is never forgiven; absent ones are counted, and a test says how many it allows.
"""
import collections
import difflib
import json
import math
import os
import re
import struct

CAPTURE = {"CALLTRACE_CAPTURE_ARGS": "1"}
REASONS = {
    "optimized out",
    "entry value",
    "no debug info",
    "plan unsure",
    "unreadable",
    "inlined",
    "left out",
    "not followed",  # an address is there
}
HEAD = struct.Struct("<i12x4096x")
ROW = struct.Struct("<5i60s256s128s")
RETURNED = 1
NOTHING = object()  # a call that returns no value
SOMETHING = object()  # a value that the program does not tell


class Row:
    """A call as the program tells it."""

    __slots__ = ("pid", "tid", "stack", "depth", "returned", "name", "arguments", "result")

    def __init__(self, fields):
        self.pid, self.tid, self.stack, self.depth, end = fields[:5]
        self.returned = end == RETURNED
        self.name = text_of(fields[5])
        self.arguments = json_of("{" + text_of(fields[6]) + "}")
        result = text_of(fields[7])
        if result == "...":
            self.result = SOMETHING
        else:
            self.result = json_of(result) if result else NOTHING

    def __repr__(self):
        return f"{self.name}({self.arguments}) at depth {self.depth}"


def text_of(field):
    return field.split(b"\0")[0].decode()


def json_of(text):
    return json.loads(text.replace("'", '"'))


def rows_of(path):
    with open(path, "rb") as file:
        data = file.read()
    (count,) = HEAD.unpack_from(data)
    return [Row(ROW.unpack_from(data, HEAD.size + at * ROW.size)) for at in range(count)]


class Tally:
    """How many values were right, and why others were absent."""

    def __init__(self):
        self.arguments = collections.Counter()
        self.returns = collections.Counter()

    def share(self, counter):
        total = sum(counter.values())
        return counter["right"] / total if total else 1.0

    def __str__(self):
        return f"arguments {dict(self.arguments)}, return values {dict(self.returns)}"


def agrees(expected, shown):
    """Whether a value of the trace, {"value": ...}, is the one that the program told."""
    return verdict(expected, shown) == "right"


def verdict(expected, shown):
    """ "right", "WRONG", or why a value of the trace, or a part of it, is not there."""
    if expected is SOMETHING:
        return absent(shown) or "right"
    if absent(shown):
        return shown["why"]
    if isinstance(expected, str) and "pointee" in shown:
        return verdict(expected, as_shown(shown["pointee"]))
    value = shown.get("pointee", shown.get("value"))
    if isinstance(expected, (dict, list, str)) and is_address(value):
        return "not followed"
    if isinstance(expected, dict):
        members = members_of(value)
        if members is None or not set(expected) <= set(members):
            return "left out" if members and "..." in members else "WRONG"
        return worst(verdict(each, as_shown(members[name])) for name, each in expected.items())
    if isinstance(expected, list):
        if not isinstance(value, list) or len(value) < len(expected):
            return "WRONG"
        return worst(verdict(each, as_shown(item)) for each, item in zip(expected, value))
    if isinstance(expected, bool):
        right = value is expected
    elif isinstance(expected, (int, float)):
        right = same_number(expected, value)
    elif shown.get("truncated"):
        right = isinstance(value, str) and expected.startswith(value)
    else:
        right = value == expected
    return "right" if right else "WRONG"


def worst(verdicts):
    verdicts = list(verdicts)
    if "WRONG" in verdicts:
        return "WRONG"
    return next((each for each in verdicts if each != "right"), "right")


def is_address(value):
    return isinstance(value, str) and re.fullmatch("0x[0-9a-f]+", value) is not None


def as_shown(value):
    """A value within another: itself, or an object when there is more to say than that."""
    return value if isinstance(value, dict) and "value" in value else {"value": value}


def members_of(value):
    if isinstance(value, dict) and isinstance(value.get("value"), dict):
        return value["value"]  # of a pointer's target, with more to say of it
    return value if isinstance(value, dict) else None


def same_number(expected, value):
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, dict) and "number" in value:  # of an enum
        value = value["number"]
    if isinstance(value, str):
        if len(value) == 1 and isinstance(expected, int):  # a character
            return ord(value) == expected
        try:  # too wide for a JSON number, or not a number
            value = float(value) if isinstance(expected, float) else int(value)
        except ValueError:
            return False
    if isinstance(expected, float) and math.isnan(expected):
        return isinstance(value, float) and math.isnan(value)
    return value == expected


def absent(shown):
    """Why a value is not there, or None when it is."""
    if shown.get("value") is None and "why" in shown:
        return shown["why"]
    return None


def name_of(call):
    """The call's name as a program tells it, without what only some compilers add."""
    return re.sub(r"\[abi:cxx11\]|(\.llvm)?\.\d+$", "", call.name)


def visible(roots, names):
    """(call, depth) of the calls with these names, in order; others give way to their callees."""
    stack = [(call, 0) for call in reversed(roots)]
    while stack:
        call, depth = stack.pop()
        known = name_of(call) in names
        if known:
            yield call, depth
        stack.extend((child, depth + known) for child in reversed(call.children))


def check(t, document, rows, tally=None):
    """Every call that the program told of is in the document, with its depth and its values.

    Returns the tally, to which more documents may be added.
    """
    tally = tally or Tally()
    names = {row.name for row in rows}
    told = collections.defaultdict(list)
    for row in rows:
        told[row.tid, row.stack].append(row)
    found = [
        (raw["thread_id"], "coroutine" in raw, list(visible(roots, names)))
        for raw, roots in document.trees
    ]
    found = [each for each in found if each[2]]
    for (tid, stack), want in told.items():
        calls = take_tree(found, tid, bool(stack), want)
        if calls is None:
            t.fail(f"no tree of thread {tid}, stack {stack}, for {len(want)} calls: {want[:3]}")
        lines = [f"{'  ' * row.depth}{row.name}" for row in want]
        shown = [f"{'  ' * depth}{name_of(call)}" for call, depth in calls]
        if lines != shown:
            diff = list(difflib.unified_diff(lines, shown, "account", "trace", n=6, lineterm=""))
            t.fail(f"thread {tid}, stack {stack}: calls differ\n" + "\n".join(diff[:60]))
        for row, (call, _) in zip(want, calls):
            check_call(t, row, call, tally)
    t.expect(not found, f"{len(found)} trees that the program does not tell of")
    return tally


def take_tree(found, tid, other_stack, want):
    """The calls of that thread's tree; of several coroutines the one that has the same calls."""
    candidates = [each for each in found if each[0] == tid and each[1] == other_stack]
    if not candidates:
        return None
    names = [row.name for row in want]
    first = want[0]

    def likeness(each):
        call = each[2][0][0]
        same_start = name_of(call) == first.name and all(
            agrees(value, shown_argument(call, name) or {})
            for name, value in first.arguments.items()
        )
        return [name_of(call) for call, _ in each[2]] == names, same_start

    best = max(candidates, key=likeness)
    found.remove(best)
    return best[2]


def shown_argument(call, name):
    for each in call.raw.get("arguments") or ():
        if each["name"] == name:
            return each
    return None


def where(call):
    return f"{call.raw['function']} (id {call.raw['id']})"


def check_call(t, row, call, tally):
    check_shape(t, call)
    for name, value in row.arguments.items():
        if "arguments" not in call.raw:
            tally.arguments["no arguments"] += 1
            continue
        shown = shown_argument(call, name)
        t.expect(
            shown is not None,
            f"{where(call)} has no argument {name}: {call.raw.get('arguments')}",
        )
        check_value(t, f"{where(call)}: argument {name}", value, shown, tally.arguments)
    shown = call.raw.get("return_value")
    if not row.returned:
        t.expect(
            shown is None or absent(shown) is not None,
            f"{where(call)} did not return, and has return_value {shown}",
        )
        return
    t.same(f"how {where(call)} ended", None, call.raw.get("unfinished"))
    if row.result is NOTHING:
        t.expect(
            shown is None or absent(shown) is not None,
            f"{where(call)} returns nothing, and has return_value {shown}",
        )
        return
    t.expect(shown is not None, f"{where(call)} returned {row.result} and has no return_value")
    check_value(t, f"{where(call)}: return value", row.result, shown, tally.returns)


def check_value(t, what, expected, shown, counter):
    found = verdict(expected, shown)
    if found == "WRONG":
        t.fail(f"WRONG: {what}: the program says {expected!r}, the trace {shown}")
    t.expect(
        found in REASONS | {"right"}, f"{what} is absent for an unknown reason, {found!r}: {shown}"
    )
    counter[found] += 1


def check_shape(t, call):
    """What holds for the arguments and the return value of any call."""
    for each in call.raw.get("arguments") or ():
        t.expect(
            {"name", "type", "value"} <= set(each),
            f"an argument of {where(call)} has only {sorted(each)}",
        )
    shown = call.raw.get("return_value")
    if shown is not None:
        t.expect(
            {"type", "value"} <= set(shown),
            f"return_value of {where(call)} has only {sorted(shown)}",
        )


def expect_shares(t, tally, arguments, returns):
    """At least these shares of the values were there (and right)."""
    for what, counter, floor in (
        ("arguments", tally.arguments, arguments),
        ("return values", tally.returns, returns),
    ):
        share = tally.share(counter)
        t.expect(
            share >= floor,
            f"only {100 * share:.1f} % of the {what} are there, {100 * floor:.0f} % should be: "
            f"{dict(counter)}",
        )


def environment(t, more=None):
    """For a run with capture, with a file for the account."""
    t.account = os.path.join(t.dir, f"account{t.runs}")
    env = dict(CAPTURE, ACCOUNT=t.account)
    env.update(more or {})
    return env


def compare(t, command, env=None, lost=False, check_behaviour=True, timeout=60, **options):
    """Run untraced, and traced with capture: both behave the same. Returns (document, rows).

    The document is None when there is not one document that is called trace.json.
    """
    more = environment(t, env)
    untraced = {
        key: value
        for key, value in more.items()
        if not key.startswith("CALLTRACE_") and key != "ACCOUNT"
    }
    t.plain = t.run(command, traced=False, env=untraced, timeout=timeout, **options)
    t.traced = t.run(command, env=more, timeout=timeout, **options)
    if check_behaviour:
        t.same_behaviour(t.plain, t.traced)
    rows = rows_of(t.account) if os.path.exists(t.account) else []
    if os.listdir(t.out) != ["trace.json"]:
        return None, rows
    return t.document(lost=lost), rows


def clear(t):
    """Make room for another run's document."""
    for name in os.listdir(t.out):
        os.unlink(os.path.join(t.out, name))


def compare_and_check(t, command, **options):
    """compare() and check(): for programs that leave one document. Returns the tally."""
    document, rows = compare(t, command, **options)
    t.expect(document is not None, f"files in the output folder: {os.listdir(t.out)}")
    t.expect(rows, "the program has written no account")
    return check(t, document, rows)
