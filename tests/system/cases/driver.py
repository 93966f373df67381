# SPDX-License-Identifier: MIT
"""The checks themselves: a document that is wrong in one place must not pass."""
import copy
import json
import os

from driver import tree
from driver.document import Document
from driver.harness import ONE, Failure, test


def call(number, name, depth, start, duration, *children, unfinished=None):
    inside = sum(child["duration_ns"] or 0 for child in children)
    each = {
        "id": number,
        "function": name,
        "module": "/bin/a",
        "address": "0x1000",
        "call_site": "0x2000",
        "source_file": None,
        "line_number": None,
        "depth": depth,
        "start_ns": start,
        "duration_ns": duration,
        "self_ns": None if duration is None else duration - inside,
        "children": list(children),
    }
    if unfinished:
        each["unfinished"] = unfinished
    return each


def fabricated():
    roots = [
        call(
            1,
            "main",
            0,
            100,
            1000,
            call(2, "a", 1, 150, 100, call(3, "b(int)", 2, 160, 10), call(4, "b(int)", 2, 180, 10)),
            call(5, "c", 1, 300, None, unfinished="unwound"),
        )
    ]
    rows = [
        {"function": name, "calls": calls}
        for name, calls in (("main", 1), ("a", 1), ("b(int)", 2), ("c", 1))
    ]
    return {
        "metadata": {
            "format_version": 1,
            "generator": "test",
            "start_time": "2026-01-02T03:04:05.123456789Z",
            "end_time": "2026-01-02T03:04:06.123456789Z",
            "duration_ns": 1000000000,
            "total_calls": 5,
            "suppressed_calls": 0,
            "lost_events": 0,
            "total_threads": 1,
            "clock": "tsc",
            "process": {
                "process_id": 7,
                "parent_process_id": 1,
                "executable": "/bin/a",
                "command_line": ["a"],
                "working_directory": "/",
                "hostname": "h",
            },
            "config": {},
            "modules": [],
        },
        "call_trees": [
            {
                "thread_id": 7,
                "thread_name": "a",
                "is_main_thread": True,
                "parent_thread_id": None,
                "start_ns": 100,
                "end_ns": 1100,
                "total_calls": 5,
                "max_depth": 3,
                "root_calls": roots,
            }
        ],
        "thread_relationships": [],
        "statistics": rows,
    }


RIGHT = "main\n    a\n        b x2\n    c !unwound\n"


def read(t, raw):
    path = os.path.join(t.dir, "fabricated.json")
    with open(path, "w") as file:
        json.dump(raw, file)
    return Document(path)


@test(ONE)
def driver_accepts_a_right_document(t):
    """the fabricated document is right, and has the tree it should have"""
    document = read(t, fabricated())
    t.same("problems", [], document.problems())
    t.same("difference", None, tree.compare(RIGHT, document.forests()))


@test(ONE)
def driver_finds_each_fault_of_a_document(t):
    """every one of these changes must be found"""

    def main_of(raw):
        return raw["call_trees"][0]["root_calls"][0]

    faults = {
        "total_calls": lambda raw: raw["metadata"].update(total_calls=6),
        "lost_events": lambda raw: raw["metadata"].update(lost_events=1),
        "no clock": lambda raw: raw["metadata"].pop("clock"),
        "start_time": lambda raw: raw["metadata"].update(start_time="2026-01-02 03:04:05"),
        "statistics": lambda raw: raw["statistics"][0].update(calls=2),
        "a tree's total_calls": lambda raw: raw["call_trees"][0].update(total_calls=4),
        "a tree's max_depth": lambda raw: raw["call_trees"][0].update(max_depth=9),
        "depth": lambda raw: main_of(raw)["children"][0].update(depth=2),
        "the same id twice": lambda raw: main_of(raw)["children"][0].update(id=1),
        "child longer than its parent": lambda raw: main_of(raw)["children"][0].update(
            duration_ns=5000
        ),
        "child before its parent": lambda raw: main_of(raw)["children"][0].update(start_ns=50),
        "siblings overlap": lambda raw: main_of(raw)["children"][0]["children"][1].update(
            start_ns=165
        ),
        "self_ns": lambda raw: main_of(raw)["children"][0].update(self_ns=3),
        "no duration and not unfinished": lambda raw: main_of(raw)["children"][1].pop("unfinished"),
        "unfinished but with a duration": lambda raw: main_of(raw)["children"][0].update(
            unfinished="exit"
        ),
        "an unknown way to end": lambda raw: main_of(raw)["children"][1].update(unfinished="gone"),
        "a relationship of a thread that is not there": lambda raw: raw[
            "thread_relationships"
        ].append({"parent_thread_id": 7, "child_thread_id": 8}),
    }
    for what, change in faults.items():
        raw = copy.deepcopy(fabricated())
        change(raw)
        t.expect(read(t, raw).problems(), f"the driver does not find this fault: {what}")


@test(ONE)
def driver_finds_a_wrong_tree(t):
    """expected trees that differ in one place do not match"""
    document = read(t, fabricated())
    wrong = [
        "main\n    a\n        b\n    c !unwound\n",
        "main\n    a\n        b x3\n    c !unwound\n",
        "main\n    a\n        b x2\n    c\n",
        "main\n    a\n        b x2\n    c !exit\n",
        "main\n    a\n    b x2\n    c !unwound\n",
        "main\n    c !unwound\n    a\n        b x2\n",
        "main\n    a\n        b x2\n",
        "main\n    a\n        b x2\n    c !unwound\nmain\n",
        RIGHT + "--- thread\nworker\n",
        "",
    ]
    for text in wrong:
        t.expect(
            tree.compare(text, document.forests()) is not None, f"this tree must not match:\n{text}"
        )
    right = [
        "main\n    a\n        b x+\n    c !unwound\n",
        "main\n    a\n        b x2\n        d x*\n    c !unwound\n",
        "main\n    a\n        ...\n    c !unwound\n",
        "main\n    a\n        b x2\n    c !unwound@clang\n",
        "main\n    a\n        b x2\n    c !unwound\n    d @gcc\n        e\n",
    ]
    for text in right:
        t.same(f"difference from\n{text}", None, tree.compare(text, document.forests(), "clang-O2"))


@test(ONE)
def driver_finds_changed_behaviour(t):
    """an exit status or an output that differs from the untraced run's is a failure"""

    class Run:
        def __init__(self, status, out, err):
            self.status, self.out, self.err, self.how = status, out, err, ""

    for other in (Run(1, b"a", b""), Run(0, b"b", b""), Run(0, b"a", b"x")):
        try:
            t.same_behaviour(Run(0, b"a", b""), other)
        except Failure:
            continue
        t.fail("a difference was not found")
    t.same_behaviour(Run(0, b"a", b""), Run(0, b"a", b""))
