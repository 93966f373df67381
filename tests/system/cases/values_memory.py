# SPDX-License-Identifier: MIT
"""Pointers to memory that is gone, and memory that is not to be touched."""
import os

from driver import account
from driver.harness import BOTH, test


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


@test(BOTH)
def values_where_faults_are_blocked(t):
    """a fault would end the process: by a mask, of a handler, of a thread from its start on"""
    for act in ("sigprocmask", "system call", "thread", "attribute", "action", "sigsuspend"):
        check_gone(t, act)


@test(BOTH)
def values_where_page_faults_wait_for_the_program(t):
    """memory of a userfaultfd is not read: who serves it may be the thread that reads"""
    check_gone(t, "userfaultfd", text=False)
