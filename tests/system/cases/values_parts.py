# SPDX-License-Identifier: MIT
"""Structures of which parts are in places of their own, and what is inlined without optimisation."""
import os

from driver import account
from driver.harness import ALL, test

PASSED = [
    {"a": -5, "b": 11, "in": {"d": -7, "e": False}},
    {"a": 8, "b": 12, "in": {"d": 9, "e": True}},
    {"a": 1, "b": 3, "in": {"d": 55, "e": False}},
]


def check_members(t, where, expected, shown):
    for name, right in expected.items():
        found = shown.get(name)
        if isinstance(right, dict) and isinstance(found, dict):
            check_members(t, f"{where}.{name}", right, found)
        elif isinstance(found, dict) and account.absent(found):
            continue
        else:
            t.same(f"{where}.{name}", right, found)


@test(ALL)
def values_parts_of_structures(t):
    """a part is shown as it was passed, or absent, wherever the others are"""
    for level in ([], ["-O1"], ["-O3"], ["-Os"]):
        program = t.build("values_parts.cpp", cflags=level, name="parts" + "".join(level))
        t.run([program], env={"CALLTRACE_CAPTURE_ARGS": "1"})
        document = t.document()
        for name in ("above", "below"):
            calls = [c for c in document.calls if c.raw["function"].startswith(name + "(")]
            for call, expected in zip(calls, PASSED):
                shown = account.shown_argument(call, "m")
                if not account.absent(shown):
                    check_members(t, f"{program}: {name}'s m", expected, shown["value"])
        os.remove(document.path)


@test(("gcc-O0", "clang-O0"))
def values_always_inlined_behind_a_branch(t):
    """without optimisation the arguments of what is always inlined are there all the same"""
    t.run([t.build("values_parts.cpp")], env={"CALLTRACE_CAPTURE_ARGS": "1"})
    calls = [c for c in t.document().calls if c.raw["function"].startswith("always(")]
    t.same("n", [41, 42], [account.shown_argument(c, "n").get("value") for c in calls])
    t.same("text", ["text"] * 2, [account.shown_argument(c, "text").get("value") for c in calls])
