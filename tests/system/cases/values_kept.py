# SPDX-License-Identifier: MIT
"""Parameters of inlined functions that keep the value passed, and others."""
from driver.harness import ALL, test

PASSED = {"kept": {"count": 3, "limit": 4}, "changed": {"count": 3, "limit": 4}}


@test(ALL)
def values_kept_by_inlined_functions(t):
    """one that no way through the function changes is there; one that is changed is never shown as changed"""
    t.run([t.build("values_kept.c")], env={"CALLTRACE_CAPTURE_ARGS": "1"})
    shown = {call.raw["function"]: {each["name"]: each for each in call.raw["arguments"]}
             for call in t.document().calls if call.raw["function"] in PASSED}
    t.same("functions", sorted(PASSED), sorted(shown))
    for name, passed in PASSED.items():
        for key, value in passed.items():
            argument = shown[name][key]
            if argument["value"] is not None or not argument.get("why"):
                t.same(f"{name}: {key}", value, argument["value"])
    # Clang says where it is some instructions behind the hook.
    t.same("kept: count", 3, shown["kept"]["count"]["value"])
    t.same("changed: limit", 4, shown["changed"]["limit"]["value"])
