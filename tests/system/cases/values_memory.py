# SPDX-License-Identifier: MIT
"""Pointers to memory that is gone, and memory that is not to be touched."""
import os

from driver import account
from driver.harness import ALL, BOTH, ONE, test


def check_gone(t, act, text=True):
    """Four calls with a pointer to nothing, between two with one to a text."""
    if os.uname().machine != "x86_64":
        t.skip("values are captured on x86-64 only")
    program = t.build("values_memory.c")
    # The first run is untraced: what the program does must be the same.
    document, _ = account.compare(t, [program, act])
    if t.plain.status == 77:
        t.skip(f"no {act} here")
    calls = {account.shown_argument(c, "n")["value"]: c for c in document.named("takes")}
    t.same("before", "before", account.shown_argument(calls[0], "text")["value"])
    for n in range(10, 14):
        shown = account.shown_argument(calls[n], "text")
        t.expect(shown.get("unreadable"), f"{act}: {shown}")
    shown = account.shown_argument(calls[14], "text")
    if text:
        t.same(f"{act}: text", "text", shown["value"])
    os.remove(document.path)


@test(BOTH)
def values_of_a_module_that_loses_a_page(t):
    """it is unmapped or replaced, first seen on the slow path; or the program handles faults"""
    for act in ("unmap", "map", "handler"):
        check_gone(t, act)


@test(ALL)
def values_where_faults_are_blocked(t):
    """a fault would end the process: by a mask, of a handler, of a thread from its start on"""
    for act in ("sigprocmask", "system call", "thread", "attribute", "action", "__sigaction"):
        check_gone(t, act)


@test(ALL)
def values_in_handlers_of_blocked_waits(t):
    """a handler that runs while a function waits with a mask inherits the mask"""
    for act in ("sigsuspend", "sigpause", "pselect", "ppoll", "__ppoll_chk"):
        check_gone(t, act)
    for act in ("epoll_pwait", "epoll_pwait2"):
        check_gone(t, act)


@test(ONE)
def values_of_handled_faults_need_no_kernel(t):
    """a handler of SIGSEGV, which blocks it while it runs, makes no call ask the kernel"""
    t.need("strace")
    program, log = t.build("values_memory.c"), os.path.join(t.dir, "system_calls")
    asks = "trace=rt_sigprocmask,process_vm_readv"
    t.run(["strace", "-o", log, "-e", asks, program, "handler, many calls"], env=account.CAPTURE)
    calls = t.document(alone=False).named("takes")
    t.same("calls", 5001, len(calls))
    t.same("text", "text", account.shown_argument(calls[-1], "text")["value"])
    with open(log, encoding="ascii") as lines:
        count = len(lines.readlines())
    t.expect(20 < count < 2000, f"{count} system calls")


@test(BOTH)
def values_where_page_faults_wait_for_the_program(t):
    """memory of a userfaultfd is not read: who serves it may be the thread that reads"""
    check_gone(t, "userfaultfd", text=False)


@test(BOTH)
def values_in_a_program_that_handles_faults(t):
    """its handlers get its own faults as if alone, and never ours; sigaction() shows them"""
    program = t.build("values_fault_handlers.c", ldflags=["-rdynamic"])
    account.compare(t, [program])
    calls = t.document(alone=False).named("takes")
    for call in calls:
        n = account.shown_argument(call, "n")["value"]
        shown = account.shown_argument(call, "text")
        if n % 2:
            t.expect(shown.get("unreadable"), f"call {n}: {shown}")
        else:
            t.same(f"call {n}", f"text {n}", shown["value"])
    t.same("calls", list(range(len(calls))), [account.shown_argument(c, "n")["value"] for c in calls])
    t.expect(len(calls) > 30, f"{len(calls)} calls")


@test(ALL)
def values_while_actions_change(t):
    """a thread sets the action of SIGSEGV over and over: no fault of ours comes through"""
    program = t.build("fault_actions.c", ldflags=["-pthread"])
    account.compare(t, [program])
    t.same("standard output", b"0 faults\n", t.traced.out)
    bad = [c for c in t.document(alone=False).named("takes") if not is_unreadable(c)]
    t.same("calls without an unreadable text", [], [c.raw["arguments"] for c in bad])


def is_unreadable(call):
    return account.shown_argument(call, "text").get("unreadable")


@test(ALL)
def signal_actions_are_the_programs_own(t):
    """what sigaction() and its kin show, and what they fail with, is as untraced"""
    program = t.build("signal_actions.c", ldflags=["-pthread"])
    for capture in ("0", "1"):
        t.compare([program], env={**account.CAPTURE, "CALLTRACE_CAPTURE_ARGS": capture}, check=False)
