# SPDX-License-Identifier: MIT
"""Capturing arguments and return values: programs that leave their functions in every way.

Each program tells of its own calls (programs/values_account.h): order, depth, arguments, results.
It must behave as untraced, and no value in the trace may be wrong.
"""
import signal

from driver import account
from driver.harness import ALL, test


def exceptions_program(t):
    flags = ["-std=gnu++14"]  # with exception specifications
    library = t.build(
        "values_thrower.cpp", cflags=flags, shared=True, name="libvalues_thrower.so"
    )
    return t.build("values_exceptions.cpp", cflags=flags, ldflags=[library])


@test(ALL)
def values_and_exceptions(t):
    """nested, rethrown, out of and inside destructors, by value, across a library and threads"""
    tally = account.compare_and_check(t, [exceptions_program(t)])
    account.expect_shares(t, tally, 0.95, 0.9)


@test(ALL)
def values_and_exceptions_that_terminate(t):
    """noexcept and an exception specification violated, and an exception that nobody catches"""
    for how in ("terminate", "unexpected", "uncaught"):
        tally = account.compare_and_check(t, [exceptions_program(t), how])
        t.same(f"{how}: exit status", -signal.SIGABRT, t.traced.status)
        account.expect_shares(t, tally, 0.95, 0)
        account.clear(t)
