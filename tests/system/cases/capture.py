# SPDX-License-Identifier: MIT
"""What the library does with plans: written by hand, so that no compiler and no planner is part of it.

programs/captured.c has its values in known registers; driver/plans.py writes plans, and reads the
values' bytes from the raw trace.
"""
import os
import re
import shutil
import struct
import subprocess

from driver import plans as P
from driver.harness import BOTH, ONE, test

ADDRESS, NUMBER, THIRD, FOURTH = P.RBX, P.RBP, P.R12, P.R13
STRING_OPS = [
    P.op(P.REGISTER, NUMBER, 8),
    P.op(P.PUSH_REGISTER, ADDRESS),
    P.op(P.STRING, size=64),
]


class Captured:
    """The program, a cache folder of its own, and runs with what is put there."""

    def __init__(self, t):
        if os.uname().machine != "x86_64":
            t.skip("values are captured on x86-64 only")
        self.t = t
        self.program = t.build("captured.c")
        self.symbols = P.symbols(t, self.program)
        self.function = self.symbols["captured"]
        self.cache = P.Cache(t)
        self.raw = os.path.join(t.out, "trace.ctrace")

    def enter(self, ops, **odd):
        return P.Plan(P.ENTER, self.symbols["captured_enter"], self.function, ops, **odd)

    def exit(self, ops, kind=P.EXIT_STUB, **odd):
        return P.Plan(kind, self.symbols["captured_exit"], self.function, ops, **odd)

    def put(self, *plans, **odd):
        return self.cache.put(self.program, plans, **odd)

    def run(self, *arguments, env=None, status=0, said=b"", same=True):
        """Untraced and traced; the raw trace."""
        for name in os.listdir(self.t.out):
            os.unlink(os.path.join(self.t.out, name))
        environment = {**self.cache.env, "CALLTRACE_OUTPUT": self.raw, **(env or {})}
        command = [self.program, *arguments]
        traced = self.t.run(command, env=environment)
        if same:
            plain = self.t.run(command, traced=False)
            self.t.same("standard output", plain.out, traced.out)
        self.t.same("status, standard error", (status, said), (traced.status, traced.err))
        return P.Raw(self.raw)

    def enters(self, *arguments, **options):
        return self.run(*arguments, **options).of(self.function)


def number_of(payload):
    return int.from_bytes(payload[:8], "little")


# ---- reading memory ----

SIXTY_FOUR = b"as many bytes as are captured, and then the memory has its end.."
PLACES = [
    b"in the constants",
    b"in the data",
    b"in a small piece of the heap",
    b"in a large one",
    b"the last byte",
    (b"no end", P.ENDS),  # before a page that cannot be read
    b"",
    b"across two pages",
    b"over a boundary",
    P.UNREADABLE,  # unmapped
    P.UNREADABLE,  # PROT_NONE
    P.UNREADABLE,  # a mapping beyond its file's end
    P.NULL,
    P.UNREADABLE,
    P.UNREADABLE,
    P.UNREADABLE,
    P.UNREADABLE,
    P.UNREADABLE,
    P.UNREADABLE,
    (b"no end, in a module", P.ENDS),
    (SIXTY_FOUR, P.ENDS),
    (SIXTY_FOUR, P.ENDS),
    (SIXTY_FOUR, 0),
]
LOCALS = {100: (b"on the stack", 0), 101: (b"x" * 64, 0), 102: (b"y" * 64, P.TRUNCATED)}


def expected_string(number):
    if number in LOCALS:
        return LOCALS[number]
    if number == 200:
        return b"in the heap of a thread", 0
    place = PLACES[number]
    if isinstance(place, tuple):
        return place
    return (place, 0) if isinstance(place, bytes) else (b"", place)


def strings(t, how, env=None):
    captured = Captured(t)
    captured.put(captured.enter(STRING_OPS))
    payloads = captured.enters(how, env=env)
    t.same("calls", 3 * (len(PLACES) + 3) + 1, len(payloads))
    for payload in payloads:
        t.expect(payload is not None, "a call has no values")
        number = number_of(payload)
        text, flags, end = P.string_at(payload, 8)
        t.same(f"string {number}", expected_string(number), (text, flags))
        t.same(f"bytes of call {number}", end, len(payload))


@test(ONE)
def capture_strings_anywhere(t):
    """constants, heap, stack, mappings, page ends; and where nothing can be read"""
    strings(t, "strings")


@test(ONE)
def capture_strings_with_fault_handlers(t):
    """the program's own handlers for SIGSEGV and SIGBUS see no fault of ours"""
    strings(t, "strings_handler")


@test(ONE)
def capture_strings_with_signals_blocked(t):
    """a fault of ours would end the program"""
    strings(t, "strings_blocked")


@test(ONE)
def capture_strings_without_restartable_sequences(t):
    """all calls go the slow way"""
    strings(t, "strings", {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"})


@test(ONE)
def capture_strings_with_another_clock(t):
    """monotonic, and none"""
    strings(t, "strings", {"CALLTRACE_CLOCK": "monotonic"})
    shutil.rmtree(os.path.join(t.dir, "cache"))
    strings(t, "strings", {"CALLTRACE_CLOCK": "none"})


@test(ONE)
def capture_memory_anywhere(t):
    """a status, and the bytes where they can be read; a block asked for what it holds"""
    captured = Captured(t)
    ops = [
        P.op(P.REGISTER, NUMBER, 8),
        P.op(P.PUSH_REGISTER, ADDRESS),
        P.op(P.MEMORY, size=9),
        P.op(P.PUSH_BLOCK, 1, offset=1),
        P.op(P.PUSH_CONSTANT, operand=0x7F7F7F7F7F7F7F7F),
        P.op(P.AND),
        P.op(P.LOAD, size=8),
        P.op(P.MEMORY, size=1),
    ]
    captured.put(captured.enter(ops))
    for payload in captured.enters("strings"):
        number = number_of(payload)
        text, flags = expected_string(number)
        if flags & P.NULL:
            t.same(f"memory {number}", b"\1", payload[8:9])
        elif flags == P.UNREADABLE:
            t.same(f"memory {number}", b"\2", payload[8:9])
        elif number in (5, 6, 9):
            pass  # shorter than what is asked for: may end before a page that cannot be read
        elif len(text) >= 9:
            t.same(f"memory {number}", b"\0" + text[:9], payload[8:18])
        t.same(f"what follows memory {number}", b"\2", payload[-1:])


# ---- operations ----


def evaluate(t, captured, ops, arguments=("many", "3"), env=None):
    captured.put(captured.enter(ops))
    return captured.enters(*arguments, env=env)


def little(value, size=8):
    return (value % (1 << 64)).to_bytes(8, "little")[:size]


@test(ONE)
def capture_operations(t):
    """what each operation computes"""
    captured = Captured(t)

    def constants(*values):
        return [P.op(P.PUSH_CONSTANT, operand=value) for value in values]

    value = P.op(P.VALUE, size=8)
    minus = -(1 << 63)
    cases = [
        (constants(5), 5),
        ([P.op(P.PUSH_REGISTER, NUMBER, offset=-1)], None),
        (constants(5) + [P.op(P.ADD_CONSTANT, operand=-7)], -2),
        (constants(0x1FF) + [P.op(P.SIGN_EXTEND, size=1)], -1),
        (constants(0x18000) + [P.op(P.SIGN_EXTEND, size=2)], -0x8000),
        (constants(0x80000000) + [P.op(P.SIGN_EXTEND, size=4)], -0x80000000),
        (constants(0x1FF) + [P.op(P.ZERO_EXTEND, size=1)], 0xFF),
        (constants(-1) + [P.op(P.ZERO_EXTEND, size=2)], 0xFFFF),
        (constants(-1) + [P.op(P.ZERO_EXTEND, size=4)], 0xFFFFFFFF),
        (constants(7) + [P.op(P.NEGATE)], -7),
        (constants(7) + [P.op(P.NOT)], ~7),
        (constants(7, 9) + [P.op(P.ADD)], 16),
        (constants(7, 9) + [P.op(P.SUBTRACT)], -2),
        (constants(-7, 9) + [P.op(P.MULTIPLY)], -63),
        (constants(0b1100, 0b1010) + [P.op(P.AND)], 0b1000),
        (constants(0b1100, 0b1010) + [P.op(P.OR)], 0b1110),
        (constants(0b1100, 0b1010) + [P.op(P.XOR)], 0b0110),
        (constants(3, 4) + [P.op(P.SHIFT_LEFT)], 48),
        (constants(3, 64) + [P.op(P.SHIFT_LEFT)], 0),
        (constants(-1, 60) + [P.op(P.SHIFT_RIGHT)], 15),
        (constants(-1, 64) + [P.op(P.SHIFT_RIGHT)], 0),
        (constants(-16, 2) + [P.op(P.SHIFT_RIGHT_SIGNED)], -4),
        (constants(minus, 200) + [P.op(P.SHIFT_RIGHT_SIGNED)], -1),
        (constants(1, -1) + [P.op(P.LESS)], 1),
        (constants(1, -1) + [P.op(P.LESS_SIGNED)], 0),
        (constants(5, 5) + [P.op(P.EQUAL)], 1),
        (constants(5, 6) + [P.op(P.EQUAL)], 0),
        (
            [P.op(P.PUSH_REGISTER, NUMBER), P.op(P.PUSH_REGISTER, THIRD), P.op(P.ADD)],
            None,
        ),
    ]
    ops = [op for case, _ in cases for op in case + [value]]
    first, second, third = evaluate(t, captured, ops)
    for at, (_, expected) in enumerate(cases):
        if expected is not None:
            t.same(f"case {at}", little(expected), first[8 * at : 8 * at + 8])
    for number, payload in enumerate((first, second, third)):
        t.same("register and offset", little(number - 1), payload[8:16])
        t.same("sum of registers", little(4 * number), payload[-8:])


@test(ONE)
def capture_widths(t):
    """registers and stack of each width, joined or not, with offsets"""
    captured = Captured(t)
    ops = [P.op(P.REGISTER, FOURTH, size) for size in range(1, 9)]
    ops += [P.op(P.STACK, P.RSP, size, 8) for size in (1, 2, 3, 4, 5, 8, 16, 24, 48)]
    ops += [
        P.op(P.REGISTER, NUMBER, 4, 1000),
        P.op(P.REGISTER | P.JOINED, THIRD, 2, -1),
        P.op(P.STACK | P.JOINED, P.RSP, 8, 56),
    ]
    raw_sizes = list(range(1, 9))
    for number, payload in enumerate(evaluate(t, captured, ops, ("many", "200"))):
        at = 0
        for size in raw_sizes:
            t.same(f"{size} bytes", little(~number, size), payload[at : at + size])
            at += size
        saved = payload[-14 - 48 : -14]
        for size in (1, 2, 3, 4, 5, 8, 16, 24, 48):
            t.same(f"{size} bytes of the stack", saved[:size], payload[at : at + size])
            at += size
        t.same("with offset", little(number + 1000, 4), payload[at : at + 4])
        t.same("joined", little(number * 3 - 1, 2), payload[at + 4 : at + 6])
        t.same("length", at + 14, len(payload))


@test(ONE)
def capture_text_and_sequences(t):
    """a length that is told, elements between two addresses; too many, none, and absurd ones"""
    captured = Captured(t)

    def text(length):
        return [
            P.op(P.PUSH_CONSTANT, operand=length),
            P.op(P.PUSH_REGISTER, ADDRESS),
            P.op(P.TEXT, size=8),
        ]

    def sequence(begin, end, size=4, most=3):
        return [
            P.op(P.PUSH_REGISTER, ADDRESS, offset=begin),
            P.op(P.PUSH_REGISTER, ADDRESS, offset=end),
            P.op(P.SEQUENCE, size=size, operand=most),
        ]

    ops = text(3) + text(0) + text(8) + text(9) + text(-1)
    ops += sequence(0, 0) + sequence(0, 4) + sequence(0, 20) + sequence(4, 0) + sequence(0, 5)
    ops += [P.op(P.PUSH_BLOCK, 6, offset=0), P.op(P.PUSH_BLOCK, 7, offset=4)]
    ops += [P.op(P.VALUE, size=8), P.op(P.MEMORY, size=1)]
    letters = b"zzzzzzzzzzzzzzzzzzzz"
    payload = evaluate(t, captured, ops, ("many", "52"))[51]
    expected = struct.pack("<H", 3) + letters[:3] + struct.pack("<H", 0)
    expected += struct.pack("<H", 8) + letters[:8]
    expected += struct.pack("<H", 8 | P.TRUNCATED) + letters[:8]
    expected += struct.pack("<H", 8 | P.TRUNCATED) + letters[:8]
    expected += b"\0" + struct.pack("<I", 0) + b"\0" + struct.pack("<I", 1) + letters[:4]
    expected += b"\0" + struct.pack("<I", 5) + letters[:12] + b"\2\2"
    expected += letters[:8] + b"\2"  # one element holds no 8 bytes: unreadable
    t.same("bytes", expected, payload)


@test(ONE)
def capture_drops_what_the_stack_has_not(t):
    """bytes beyond the stack, or a value computed from what cannot be read: no values at all"""
    captured = Captured(t)
    nothing = [
        [P.op(P.STACK, P.RSP, 8, -8)],
        [P.op(P.STACK, P.RSP, 8, 1 << 30)],
        [P.op(P.STACK, THIRD, 8, 0)],
        [P.op(P.REGISTER, NUMBER, 8), P.op(P.STACK, THIRD, 32, 0)],
        [P.op(P.PUSH_CONSTANT, operand=8), P.op(P.LOAD, size=8), P.op(P.VALUE, size=8)],
        [
            P.op(P.PUSH_CONSTANT, operand=8),
            P.op(P.LOAD, size=8),
            P.op(P.PUSH_CONSTANT, operand=8),
            P.op(P.ADD),
            P.op(P.VALUE, size=8),
        ],
    ]
    for ops in nothing:
        t.same("payloads", [None] * 30, evaluate(t, captured, ops, ("many", "30")))


# ---- returns ----


@test(ONE)
def capture_results_in_registers(t):
    """rax, rdx, xmm0 and xmm1, seen when the function has returned; the program sees them too"""
    captured = Captured(t)
    wanted = (P.RAX, P.RDX, P.XMM0, P.XMM0_HIGH, P.XMM1, P.XMM1_HIGH, P.RSP)
    captured.put(
        captured.enter([P.op(P.REGISTER, ADDRESS, 8), P.op(P.REGISTER, NUMBER, 8)]),
        captured.exit([P.op(P.REGISTER, register, 8) for register in wanted]),
    )
    calls = captured.run("many", "3000").calls_of(captured.function)
    t.same("calls", 3000, len(calls))
    for entered, returned in calls:
        address, number = struct.unpack("<QQ", entered)
        values = struct.unpack("<7Q", returned)
        t.same(
            f"result of {number}",
            (address + number, number * 3, address, 0, ~number % (1 << 64), 0),
            values[:6],
        )


@test(ONE)
def capture_results_at_the_hook(t):
    """what callee-saved registers and the stack tell at the exit hook"""
    captured = Captured(t)
    ops = [
        P.op(P.PUSH_REGISTER, ADDRESS),
        P.op(P.PUSH_REGISTER, NUMBER),
        P.op(P.ADD),
        P.op(P.VALUE, size=8),
        P.op(P.STACK, P.RSP, 8, 56),
    ]
    captured.put(
        captured.enter([P.op(P.REGISTER, ADDRESS, 8), P.op(P.REGISTER, NUMBER, 8)]),
        captured.exit(ops, P.EXIT),
    )
    for entered, returned in captured.run("many", "3000").calls_of(captured.function):
        address, number = struct.unpack("<QQ", entered)
        t.same(f"result of {number}", address + number, struct.unpack("<QQ", returned)[0])


@test(ONE)
def capture_x87_results(t):
    """st0, without taking it from the program"""
    captured = Captured(t)
    function = captured.symbols["captured_real"]
    captured.put(
        P.Plan(P.ENTER, captured.symbols["captured_real_enter"], function, STRING_OPS),
        P.Plan(
            P.EXIT_STUB,
            captured.symbols["captured_real_exit"],
            function,
            [P.op(P.REGISTER, P.ST0, 8), P.op(P.REGISTER | P.JOINED, P.ST0_HIGH, 2)],
        ),
    )
    calls = captured.run("real").calls_of(function)
    t.same("calls", 10, len(calls))
    for _, returned in calls:
        mantissa, exponent = struct.unpack("<QH", returned)
        t.same("result", "4.141592653589793", repr(mantissa / 2**63 * 2 ** (exponent - 16383)))


@test(ONE)
def capture_leaves_other_return_addresses(t):
    """where the return address is not where the plan says, nothing is replaced"""
    captured = Captured(t)
    for slot in ((P.RSP, 48), (P.RSP, 57), (P.RSP, -8), (P.RSP, 1 << 30), (P.R13, 0)):
        captured.put(captured.exit([P.op(P.REGISTER, P.RAX, 8)], slot=slot))
        calls = captured.run("many", "100").calls_of(captured.function)
        t.same("results", [None] * 100, [returned for _, returned in calls])


# ---- handlers, processes, threads, limits ----

WITH_RESULT = [P.op(P.REGISTER, P.RAX, 8), P.op(P.REGISTER, P.RDX, 8)]
SIMPLE_OPS = [P.op(P.REGISTER, NUMBER, 8), P.op(P.REGISTER, THIRD, 8), P.op(P.STACK, P.RSP, 16, 8)]


def expect_in_order(t, calls, count):
    """Each call of "interrupted" with its values; those of handlers between them."""
    numbers = []
    for entered, returned in calls:
        t.expect(entered is not None and returned is not None, "a call has no values")
        number = number_of(entered)
        t.same(f"third of {number}", number * 3 % (1 << 64), int.from_bytes(returned[8:16], "little"))
        numbers.append(number)
    plain = [number for number in numbers if number < 1 << 40]
    handled = [number & 0xFFFFFFFF for number in numbers if number >= 1 << 40]
    t.expect(plain == list(range(len(plain))), "calls are missing, or not in order")
    t.same("calls in handlers", [n for i in range(count) for n in (i + 1, i + 1)], handled)


def interrupted(t, ops, env=None, count=400):
    captured = Captured(t)
    captured.put(captured.enter(ops), captured.exit(WITH_RESULT))
    raw = captured.run("interrupted", str(count), env=env, same=False)
    expect_in_order(t, raw.calls_of(captured.function), count)


@test(ONE)
def capture_interrupted(t):
    """a timer's handler has values of its own, in the middle of ours: none is lost or torn"""
    interrupted(t, STRING_OPS)


@test(ONE)
def capture_interrupted_simple(t):
    """the same with values from registers and stack alone"""
    interrupted(t, SIMPLE_OPS)


@test(ONE)
def capture_interrupted_on_the_way_out(t):
    """a handler that runs where a large frame has been, before its function's return is seen"""
    captured = Captured(t)
    function = captured.symbols["captured_large"]
    captured.put(
        captured.enter(STRING_OPS),
        captured.exit(WITH_RESULT),
        P.Plan(P.ENTER, captured.symbols["captured_large_enter"], function, STRING_OPS),
        P.Plan(
            P.EXIT_STUB,
            captured.symbols["captured_large_exit"],
            function,
            WITH_RESULT,
            slot=(P.RSP, 12296 + 48),
        ),
    )
    raw = captured.run("interrupted_large", "500", same=False)
    calls = raw.calls_of(function)
    t.same("numbers", list(range(len(calls))), [number_of(entered) for entered, _ in calls])
    t.same("calls without a result", 0, len([1 for _, returned in calls if not returned]))
    t.same("calls in handlers", 1000, len([1 for each in raw.calls_of(captured.function) if each[1]]))


@test(ONE)
def capture_interrupted_elsewhere(t):
    """the same with another clock, and without restartable sequences"""
    interrupted(t, STRING_OPS, {"CALLTRACE_CLOCK": "monotonic"}, 300)
    shutil.rmtree(os.path.join(t.dir, "cache"))
    interrupted(t, STRING_OPS, {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}, 300)


@test(ONE)
def capture_full_windows(t):
    """payloads of all lengths across many windows, the largest one included"""
    captured = Captured(t)
    captured.put(captured.enter(STRING_OPS), captured.exit(WITH_RESULT))
    calls = captured.run("many", "20000").calls_of(captured.function)
    t.same("calls", 20000, len(calls))
    for number, (entered, returned) in enumerate(calls):
        text, flags, _ = P.string_at(entered, 8)
        expected = bytes([ord("a") + number % 26]) * (number % 70)
        kept = expected[:64]
        t.same(f"call {number}", (number, kept), (number_of(entered), text))
        t.same("flags", P.TRUNCATED if len(expected) > 64 else 0, flags)
        t.same("result", number * 3, int.from_bytes(returned[8:], "little"))
    large = [P.op(P.REGISTER, NUMBER, 8), P.op(P.PUSH_REGISTER, P.RSP), P.op(P.MEMORY, size=8183)]
    captured.put(captured.enter(large), captured.exit(WITH_RESULT))
    calls = captured.run("deep", "500").calls_of(captured.function)
    t.same("calls", 501, len(calls))
    for number, (entered, _) in enumerate(calls):
        t.same("number", 500 - number, number_of(entered))
        t.expect(len(entered) in (9, 8192), f"{len(entered)} bytes")


@test(ONE)
def capture_in_both_processes_of_a_fork(t):
    """the child goes on with the parent's plans, in a trace of its own"""
    captured = Captured(t)
    path = captured.put(captured.enter(STRING_OPS), captured.exit(WITH_RESULT))
    parent = captured.run("fork", same=False)
    t.same("calls of the parent", 70, len(parent.of(captured.function)))
    (other,) = [name for name in os.listdir(t.out) if name != "trace.ctrace"]
    child = P.Raw(os.path.join(t.out, other))
    for raw, counts in ((parent, [*range(50), *range(20)]), (child, [*range(70)])):
        calls = raw.calls_of(captured.function)
        t.same("numbers", counts, [number_of(entered) for entered, _ in calls])
        t.expect(all(returned for _, returned in calls), "a return has no values")
        rows = [row for row in raw.plans if not row.why]
        t.same("plans in the trace", 1, len(rows))
    t.expect(os.path.exists(path), "the cache is gone")


@test(ONE)
def capture_survives_a_kill(t):
    """kill -9: what was captured until then is in the file"""
    captured = Captured(t)
    captured.put(captured.enter(STRING_OPS), captured.exit(WITH_RESULT))
    calls = captured.run("kill", "777", status=-9, same=False).calls_of(captured.function)
    t.same("numbers", list(range(777)), [number_of(entered) for entered, _ in calls])


@test(ONE)
def capture_with_a_depth_limit(t):
    """calls below the limit have no records, and no values"""
    captured = Captured(t)
    captured.put(captured.enter(STRING_OPS), captured.exit(WITH_RESULT))
    env = {"CALLTRACE_MAX_DEPTH": "20"}
    calls = captured.run("deep", "3000", env=env).calls_of(captured.function)
    t.same("numbers", list(range(3000, 2982, -1)), [number_of(entered) for entered, _ in calls])
    t.expect(all(returned for _, returned in calls), "a return has no values")


@test(ONE)
def capture_on_small_and_signal_stacks(t):
    """values where there is room for them, and no harm where there is none"""
    captured = Captured(t)
    captured.put(captured.enter(STRING_OPS), captured.exit(WITH_RESULT))
    t.same("calls", 100, len([each for each in captured.enters("small_stack") if each]))
    t.same("calls", 40, len([each for each in captured.enters("signal_stack") if each]))
    large = [P.op(P.REGISTER, NUMBER, 8), P.op(P.PUSH_REGISTER, P.RSP), P.op(P.MEMORY, size=8000)]
    captured.put(captured.enter(large), captured.exit(WITH_RESULT))
    t.same("calls on a small stack", 100, len(captured.enters("small_stack")))


@test(BOTH)
def capture_on_the_smallest_stacks(t):
    """a signal stack with a kilobyte to spare, a coroutine with four: first calls, too"""
    env = {"CALLTRACE_CAPTURE_ARGS": "1", "XDG_CACHE_HOME": t.dir}
    document = t.compare([t.build("small_stacks.c")], env=env)
    t.same("calls of leaf", 24000, document.count("leaf"))


@test(ONE)
def capture_when_all_descriptors_are_closed(t):
    """plans that were not read yet are found again"""
    captured = Captured(t)
    captured.put(captured.enter(STRING_OPS), captured.exit(WITH_RESULT))
    t.same("calls", 1000, len([each for each in captured.enters("close", "1000") if each]))


# ---- plan files ----


def expect_refused(t, captured, what):
    """The program runs; without values, or with those of plans that were made anew."""
    result = t.run(
        [captured.program, "many", "40"],
        env={**captured.cache.env, "CALLTRACE_OUTPUT": captured.raw},
    )
    t.same(f"{what}: status, output", (0, b"done\n"), (result.status, result.out))
    lines = result.err.decode().splitlines()
    t.expect(
        len(lines) <= 1 and all(line.startswith("calltrace: ") for line in lines),
        f"{what}: standard error is {result.err!r}",
    )
    raw = P.Raw(captured.raw)
    os.unlink(captured.raw)
    marked = [each for each in raw.of(captured.function) if each and len(each) == 7]
    t.same(f"{what}: calls with values of the plan", [], marked)
    return raw


MARK = [P.op(P.REGISTER, NUMBER, 7)]  # a length that no other plan's values have


@test(ONE)
def capture_refuses_a_wrong_file(t):
    """cut short, of another program, version or setting, or simply noise"""
    captured = Captured(t)
    plans = [captured.enter(MARK)]
    path = captured.put(*plans)
    t.same("calls with values", 40, len([1 for each in captured.enters("many", "40") if each]))
    os.unlink(captured.raw)
    odd_files = [
        dict(magic=1),
        dict(version=P.VERSION + 1),
        dict(total_bytes=8),
        dict(total_bytes=1 << 40),
        dict(max_string=65),
        dict(max_pointee=2),
        dict(filter_hash=1),
        dict(build_id_bytes=0),
        dict(build_id_bytes=1 << 31),
        dict(build_id=b"another"),
        dict(index_offset=0),
        dict(index_offset=101),
        dict(index_offset=1 << 62),
        dict(index_count=1 << 60),
        dict(index_count=1000),
    ]
    for odd in odd_files:
        captured.put(*plans, odd=odd)
        expect_refused(t, captured, odd)
    captured.put(*plans)
    with open(path, "rb") as file:
        whole = file.read()
    for content in (b"", b"x" * 50, b"\0" * 4096, os.urandom(5000), whole[:104], whole[:-8]):
        with open(path, "wb") as file:
            file.write(content)
        expect_refused(t, captured, f"{len(content)} bytes")


@test(ONE)
def capture_refuses_a_wrong_plan(t):
    """operations, sizes, registers, blocks and functions that are not right"""
    captured = Captured(t)
    push = P.op(P.PUSH_CONSTANT, operand=1)
    value = P.op(P.VALUE, size=8)
    odd_plans = [
        captured.enter(MARK, odd={"function": captured.function + 1}),
        captured.enter(MARK, odd={"kind": 0}),
        captured.enter(MARK, odd={"kind": P.EXIT}),
        captured.enter(MARK, odd={"kind": 4}),
        captured.enter(MARK, odd={"op_count": 257}),
        captured.enter(MARK, odd={"op_count": 2}),
        captured.enter(MARK, odd={"shape_count": 1}),
        captured.enter(MARK, odd={"payload_max": 6}),
        captured.enter(MARK, odd={"payload_max": 8193}),
        captured.enter(MARK, odd={"description_bytes": 40000}),
        captured.enter(MARK, odd={"description_bytes": 0xFFFF}),
        captured.enter(MARK + [P.op(0)]),
        captured.enter(MARK + [P.op(8)]),
        captured.enter(MARK + [P.op(64, size=8)]),
        captured.enter(MARK + [P.op(255)]),
        captured.enter(MARK + [P.op(P.REGISTER, P.RAX, 8)]),
        captured.enter(MARK + [P.op(P.REGISTER, 200, 8)]),
        captured.enter(MARK + [P.op(P.REGISTER, P.RBX, 0)]),
        captured.enter(MARK + [P.op(P.REGISTER, P.RBX, 9)]),
        captured.enter(MARK + [P.op(P.STACK, P.RSP, 0)]),
        captured.enter(MARK + [P.op(P.STACK, P.RSP, 9000)]),
        captured.enter(MARK + [value]),
        captured.enter(MARK + [push, P.op(P.VALUE, size=9)]),
        captured.enter(MARK + [push, P.op(P.ADD), value]),
        captured.enter(MARK + [push] * 9 + [value] * 9),
        captured.enter(MARK + [push, P.op(P.LOAD, size=3), value]),
        captured.enter(MARK + [push, P.op(P.SIGN_EXTEND, size=8), value]),
        captured.enter(MARK + [P.op(P.PUSH_BLOCK, 1), value]),
        captured.enter(MARK + [P.op(P.PUSH_BLOCK, 0, offset=-8), value]),
        captured.enter(MARK + [push, P.op(P.STRING, size=4097)]),
        captured.enter(MARK + [push, push, P.op(P.SEQUENCE, size=0, operand=1)]),
        captured.enter(MARK + [push, push, P.op(P.SEQUENCE, size=8, operand=-1)]),
        captured.enter(MARK + [push, push, P.op(P.SEQUENCE, size=8, operand=1 << 40)]),
        captured.enter(MARK + [push, P.op(P.MEMORY | P.JOINED, size=1)]),
        captured.enter([P.op(P.REGISTER | P.JOINED, NUMBER, 7)]),
        captured.enter([push, P.op(P.STRING, size=8), P.op(P.REGISTER | P.JOINED, NUMBER, 7)]),
        captured.enter(MARK + [P.op(P.REGISTER, NUMBER, 1)] * 128),
        captured.enter(MARK + [P.op(P.STACK, P.RSP, 5000)] * 2),
    ]
    for number, plan in enumerate(odd_plans):
        captured.put(plan)
        raw = expect_refused(t, captured, f"plan {number}")
        t.same(f"plan {number}: payloads", [None] * 40, raw.of(captured.function))
        rows = [row for row in raw.plans if row.site - raw.bias[row.module] == plan.site]
        t.same(f"plan {number}: why", [P.WHY_PLAN_UNSURE], [row.why for row in rows])


@test(ONE)
def capture_refuses_a_wrong_index(t):
    """an index that leads out of the file, or to a plan of another size"""
    captured = Captured(t)
    path = captured.put(captured.enter(MARK))
    with open(path, "rb") as file:
        whole = file.read()
    for offset, size in ((1 << 31, 48), (0xFFFFFFFF, 48), (0, 48), (15, 1 << 31), (15, 8), (15, 40)):
        with open(path, "wb") as file:
            file.write(P.sealed(whole[:112] + struct.pack("<II", offset, size) + whole[120:]))
        expect_refused(t, captured, f"offset {offset}, size {size}")


@test(ONE)
def capture_refuses_a_file_that_changed(t):
    """a single bit anywhere: the plans are made anew, and replace what is in the cache"""
    captured = Captured(t)
    path = captured.put(captured.enter(MARK))
    with open(path, "rb") as file:
        whole = file.read()
    for at in range(0, len(whole), 7):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        with open(path, "wb") as file:
            file.write(changed)
        expect_refused(t, captured, f"byte {at} of {len(whole)}")
        with open(path, "rb") as file:
            t.expect(file.read() != changed, f"byte {at}: the file was not replaced")


@test(ONE)
def capture_refuses_a_strangers_file(t):
    """a file that others may write, or a link, a pipe, a folder; or in a folder of that kind"""
    captured = Captured(t)
    path = captured.put(captured.enter(MARK))
    for mode in (0o620, 0o602, 0o666):
        os.chmod(path, mode)
        expect_refused(t, captured, f"mode {mode:o}")
        if not os.path.exists(path):
            captured.put(captured.enter(MARK))
    os.chmod(path, 0o600)
    os.rename(path, path + "x")
    os.symlink(path + "x", path)
    expect_refused(t, captured, "a link")
    os.unlink(path)
    os.mkfifo(path, 0o600)
    expect_refused(t, captured, "a pipe")
    os.unlink(path)
    os.mkdir(path, 0o700)
    expect_refused(t, captured, "a folder")
    os.rmdir(path)
    captured.put(captured.enter(MARK))
    os.chmod(captured.cache.folder, 0o777)
    expect_refused(t, captured, "a folder others may write into")
    os.chmod(captured.cache.folder, 0o700)
    if os.geteuid() == 0:
        os.chown(path, 65534, 65534)
        expect_refused(t, captured, "somebody else's file")


@test(ONE)
def capture_from_a_large_file(t):
    """an index alone is read, and each plan when its hook is called; not from a file that changed"""
    captured = Captured(t)
    path = captured.put(captured.enter(MARK), captured.exit([P.op(P.REGISTER, P.RAX, 8)]))
    with open(path, "rb") as file:
        whole = file.read()
    large = struct.pack("<IIQ", 0x4C505443, P.VERSION, len(whole) + (5 << 20)) + whole[16:]
    large = P.sealed(large) + bytes(5 << 20)
    with open(path, "wb") as file:
        file.write(large)
    calls = captured.run("many", "40").calls_of(captured.function)
    t.same("calls with values", 40, len([1 for each in calls if each[0] and each[1]]))


@test(ONE)
def capture_from_a_large_file_that_changed(t):
    """a bit of a plan, or of the index: it is not used again, and the plan is none"""
    captured = Captured(t)
    path = captured.put(captured.enter(MARK), captured.exit([P.op(P.REGISTER, P.RAX, 8)]))
    with open(path, "rb") as file:
        whole = file.read()
    large = struct.pack("<IIQ", 0x4C505443, P.VERSION, len(whole) + (5 << 20)) + whole[16:]
    first = struct.unpack_from("<I", whole, 112)[0] * 8
    for at in (110, *range(first, first + 56, 5)):
        data = bytearray(P.sealed(large) + bytes(5 << 20))
        data[at] ^= 1 << at % 8
        with open(path, "wb") as file:
            file.write(data)
        expect_refused(t, captured, f"byte {at}")
        with open(path, "rb") as file:
            t.expect(len(file.read()) < 5 << 20, f"byte {at}: the file was not replaced")


@test(ONE)
def capture_cache_of_the_home_folder(t):
    """without XDG_CACHE_HOME, or with one that is not absolute: $HOME/.cache"""
    captured = Captured(t)
    captured.put(captured.enter(MARK))
    home = os.path.join(t.dir, "home")
    os.makedirs(home)
    os.rename(captured.cache.home, os.path.join(home, ".cache"))
    for xdg in (None, "", "relative"):
        env = {"XDG_CACHE_HOME": xdg, "HOME": home}
        payloads = captured.enters("many", "40", env=env)
        t.same("calls with values", 40, len([1 for each in payloads if each and len(each) == 7]))


@test(ONE)
def capture_without_debug_information(t):
    """one line says what to add; names and calls stay"""
    captured = Captured(t)
    captured.put(odd={"flags": P.NO_DEBUG_INFO})
    said = (
        b"calltrace: 'captured' has no debug information, so arguments are not captured; "
        b"build it with -g\n"
    )
    raw = captured.run("many", "40", said=said)
    t.same("payloads", [None] * 40, raw.of(captured.function))
    t.expect(all(row.why == P.WHY_NO_DEBUG_INFO for row in raw.plans), f"rows: {raw.plans}")


@test(ONE)
def capture_filter_leaves_out(t):
    """of functions that the filter leaves out the reader is told nothing"""
    captured = Captured(t)
    settings = (64, 1, P.fnv("captured"))
    captured.put(captured.enter(MARK), settings=settings)
    raw = captured.run("many", "40", env={"CALLTRACE_ARGS_FILTER": "captured"})
    t.same("rows", 1, len(raw.plans))
    t.same("calls with values", 40, len([1 for each in raw.of(captured.function) if each]))


@test(ONE)
def capture_settings_choose_the_file(t):
    """CALLTRACE_MAX_STRING and CALLTRACE_MAX_POINTEE are part of the name"""
    captured = Captured(t)
    captured.put(captured.enter(MARK), settings=(1000, 3, 0))
    env = {"CALLTRACE_MAX_STRING": "1000", "CALLTRACE_MAX_POINTEE": "3"}
    payloads = captured.enters("many", "40", env=env)
    t.same("calls with values", 40, len([1 for each in payloads if each and len(each) == 7]))


@test(ONE)
def capture_without_the_command(t):
    """one line says that plans cannot be made"""
    captured = Captured(t)
    alone = os.path.join(t.dir, "alone")
    os.mkdir(alone)
    shutil.copy(t.context.library, alone)
    env = {"LD_PRELOAD": os.path.join(alone, "libcalltrace.so"), "PATH": "/nowhere"}
    result = t.run(
        [captured.program, "many", "40"],
        env={**captured.cache.env, "CALLTRACE_OUTPUT": captured.raw, **env},
    )
    t.same("status, output", (0, b"done\n"), (result.status, result.out))
    t.expect(
        re.fullmatch(
            rb"calltrace: arguments are not captured in '[^']*captured': the command `calltrace` is "
            rb"neither beside libcalltrace.so nor in PATH; its calls are recorded without\n",
            result.err,
        ),
        f"standard error is {result.err!r}",
    )
    t.same("payloads", [None] * 40, P.Raw(captured.raw).of(captured.function))


@test(ONE)
def capture_asks_the_command_once(t):
    """a command that fails, is killed, or writes nonsense: one line at most, and no second try"""
    captured = Captured(t)
    home = os.path.join(t.dir, "fake")
    os.makedirs(os.path.join(home, "lib"))
    library = os.path.join(home, "lib", "libcalltrace.so")
    shutil.copy(t.context.library, library)
    command = os.path.join(home, "lib", "calltrace")
    asked = os.path.join(t.dir, "asked")
    bodies = {
        "fails": "echo calltrace: it says why >&2; exit 1",
        "is killed": "kill -9 $$",
        "crashes": "kill -SEGV $$",
        "is too slow": "kill -ALRM $$",
        "writes nothing": "exit 0",
        "writes nonsense": 'eval "echo nonsense >&$4"',
        "closes the file": 'eval "exec $4>&-"',
    }
    for what, body in bodies.items():
        with open(command, "w") as file:
            file.write(f"#!/bin/bash\necho \"$@\" >>'{asked}'\n{body}\n")
        os.chmod(command, 0o755)
        result = t.run(
            [captured.program, "fork"],
            env={
                **captured.cache.env,
                "CALLTRACE_OUTPUT": captured.raw,
                "LD_PRELOAD": library,
                "CALLTRACE_ARGS_FILTER": "a b*",
            },
        )
        t.same(f"{what}: status", 0, result.status)
        t.same(f"{what}: lines", 1, len(result.err.splitlines()))
        with open(asked) as file:
            (line,) = file.read().splitlines()
        os.unlink(asked)
        t.expect(
            re.fullmatch(
                rf"plan {re.escape(captured.program)} --fd \d+ --max-string 64 --max-pointee 1 "
                r"--from-runtime --args-filter a b\*",
                line,
            ),
            f"the command was asked {line!r}",
        )
        for name in os.listdir(t.out):
            os.unlink(os.path.join(t.out, name))


@test(ONE)
def capture_is_off_in_a_privileged_process(t):
    """set-user-ID: the environment counts for nothing"""
    t.need_root()
    captured = Captured(t)
    captured.put(captured.enter(MARK))
    privileged = os.path.join(t.dir, "privileged")
    shutil.copy(captured.program, privileged)
    os.chown(privileged, 65534, 65534)
    os.chmod(privileged, 0o4755)
    os.chmod(t.dir, 0o755)
    env = {**captured.cache.env, "CALLTRACE_OUTPUT": captured.raw}
    done = subprocess.run(
        [privileged, "many", "10"],
        env=t.environment(True, env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    t.same("status, output", (0, b"done\n"), (done.returncode, done.stdout))
    t.same("files", [], os.listdir(t.out))
