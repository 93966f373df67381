# SPDX-License-Identifier: MIT
"""Threads and signals: how many, who made whom, how they end, what interrupts them."""
import os
import re

from driver.harness import ALL, BOTH, ONE, test


@test(ALL)
def threads_record_their_own_calls(t):
    """four threads at the same time, every call counted"""
    document = t.compare(
        [t.build("threads.c"), "4", "5000"],
        tree="""
main
    start_threads
--- thread x4
worker
    step x5000
        leaf x2
""",
    )
    t.check_thread_times(document)
    t.same("total_threads", 5, document.metadata["total_threads"])
    t.same(
        "names of the threads", {"worker"}, {raw["thread_name"] for raw, _ in document.trees[1:]}
    )
    t.same("depth of the tree", 3, document.trees[1][0]["max_depth"])


@test(BOTH)
def thread_relationships_say_who_made_whom(t):
    """parent, child, the call that created it, and when"""
    document = t.compare([t.build("threads.c"), "3", "2"])
    main = document.trees[0][0]
    children = {raw["thread_id"] for raw, _ in document.trees[1:]}
    t.same("parent_thread_id of main", None, main["parent_thread_id"])
    t.same(
        "parent_thread_id of the others",
        {main["thread_id"]},
        {raw["parent_thread_id"] for raw, _ in document.trees[1:]},
    )
    relations = document.raw["thread_relationships"]
    t.same("number of thread_relationships", 3, len(relations))
    creator = document.named("start_threads")[0].raw
    for each in relations:
        t.same("parent", main["thread_id"], each["parent_thread_id"])
        children.remove(each["child_thread_id"])
        t.same("the call that created the thread", creator["id"], each["call_id"])
        begin, end = creator["start_ns"], creator["start_ns"] + creator["duration_ns"]
        t.expect(
            begin <= each["created_ns"] <= end,
            f"{each} is not within start_threads(), {begin} to {end}",
        )


@test(ALL)
def thread_local_objects(t):
    """destructors of thread_local objects, of a thread and of main, are in the trace"""
    document = t.compare([t.build("thread_local.cpp")])
    for name in ("Local::Local", "Local::~Local"):
        t.same(f"calls of {name}", 2, document.count(name))
    t.same("calls of leaf", 4, document.count("leaf"))
    t.same(
        "callers of leaf",
        ["Local::Local", "Local::Local", "Local::~Local", "Local::~Local"],
        sorted(call.parent.name for call in document.named("leaf")),
    )
    for call in document.calls:
        t.expect(
            "unfinished" not in call.raw or call.raw["unfinished"] is None,
            f"{call.name} is unfinished: {call.raw.get('unfinished')}",
        )


@test(BOTH)
def five_thousand_live_threads(t):
    """5,000 threads alive at once, one call each"""
    document = t.compare([t.build("storm.c"), "5000", "5000"], timeout=120)
    t.same("calls of once", 5000, document.count("once"))
    t.same("total_threads", 5001, document.metadata["total_threads"])


@test(BOTH)
def storm_of_short_threads(t):
    """20,000 threads, four at a time"""
    document = t.compare([t.build("storm.c"), "20000", "4"], timeout=120)
    t.same("calls of once", 20000, document.count("once"))


def account_of(result):
    return {
        name: int(count)
        for name, count in (line.split() for line in result.out.decode().splitlines())
    }


def check_timer(t, *arguments):
    result = t.run([t.build("timer.c"), *arguments], timeout=60)
    t.same("exit status and standard error", (0, b""), (result.status, result.err))
    document = t.document()
    for name, count in account_of(result).items():
        t.same(f"calls of {name}", count, document.count(name))
    for call in document.calls:
        if call.name == "tick_work":
            t.expect(
                call.parent.name in ("on_tick", "on_prof"),
                f"tick_work is a child of {call.parent.name}",
            )
        elif call.name == "work":
            t.expect(call.parent.name == "main", f"work is a child of {call.parent.name}")
        elif call.name == "leaf":
            t.expect(call.parent.name == "work", f"leaf is a child of {call.parent.name}")
        if call.name != "main":
            t.expect(
                call.raw["duration_ns"] is not None, f"{call.name} is {call.raw.get('unfinished')}"
            )


@test(ALL)
def timer_signal_at_1_khz(t):
    """a traced handler interrupts traced code a thousand times a second; nothing is lost or misplaced"""
    check_timer(t, "1000", "100")


@test(BOTH)
def timer_signal_at_10_khz(t):
    """the same every 100 microseconds"""
    check_timer(t, "100", "1000")


@test(BOTH)
def timer_signals_nested(t):
    """another timer interrupts the handlers"""
    check_timer(t, "250", "400", "nested")


def check_timer_with(t, env):
    """Half a million calls, of which many are hit: counted from the document's head."""
    result = t.run([t.build("timer.c"), "250", "150", "tight"], env=env, timeout=60)
    with open(os.path.join(t.out, "trace.json"), "rb") as file:
        head = file.read(65536)
    t.same("total_calls", sum(account_of(result).values()) + 1, number_in(head, b"total_calls"))
    t.same("lost_events", 0, number_in(head, b"lost_events"))


def number_in(head, key):
    return int(re.search(b'"' + key + rb'":\s*(\d+)', head).group(1))


@test(BOTH)
def timer_signal_without_clock(t):
    """the same with CALLTRACE_CLOCK=none"""
    check_timer_with(t, {"CALLTRACE_CLOCK": "none"})


@test(BOTH)
def timer_signal_with_the_kernels_clock(t):
    """the same with CALLTRACE_CLOCK=monotonic"""
    check_timer_with(t, {"CALLTRACE_CLOCK": "monotonic"})


@test(BOTH)
def timer_signal_without_restartable_sequences(t):
    """the same where libc has not registered the threads with the kernel"""
    check_timer_with(t, {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})


@test(ONE + ("clang-O2",))
def signals_during_exit(t):
    """a timer goes on interrupting while atexit handlers run and the process ends"""
    for _ in range(5):
        result = t.run([t.build("signal_at_exit.c")])
        t.same("exit status, output", (6, b"done\n", b""), (result.status, result.out, result.err))
        document = t.document()
        t.expect(document.count("at_the_end") == 1, "at_the_end is missing")
        ticks = document.count("on_tick")
        works = document.count("tick_work")
        t.expect(ticks >= 25 and 0 <= ticks - works <= 1, f"{ticks} on_tick and {works} tick_work")
