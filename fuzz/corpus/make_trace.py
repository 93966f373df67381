#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the seeds of the trace target anew.

Run this after changing how fuzz_trace.c reads its input, or the format.
"""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent

FILE, RECORDS, SITES, MODULES, THREADS, PLANS = range(1, 7)
APPENDED, TORN, HUGE_SEQ, HUGE_STREAM, HUGE_DEPTH, FOREIGN, LAST = (1 << i for i in range(7))
SYNC, UNWIND, STACK, CREATE, LOST, VALUES = range(6)
RUNNING, EXITED, CRASHED = range(1, 4)


def block(kind, payload=b"", flags=0, stream=0, seq=0, epoch=0, stack=0, depth=0):
    return struct.pack("<6B2H", kind, flags, stream, seq, epoch, stack, depth,
                       len(payload)) + payload


def enter(ticks, site):
    return ((1 | (ticks & 0x3fffff) << 2) | site << 24).to_bytes(6, "little")


def leave(ticks):
    return (2 | (ticks & 0x3fffff) << 2).to_bytes(3, "little")


def extended(kind, depth, ticks, value):
    return struct.pack("<BBHIQQ", 3 | kind << 2, 24, 0, depth, ticks, value)


def values(payload):
    if len(payload) < 32:
        return bytes([0x83 | len(payload) << 2]) + payload
    return struct.pack("<BH", 3 | VALUES << 2, 3 + len(payload)) + payload


REGISTER, STACK_BYTES, VALUE, MEMORY, STRING, TEXT, SEQUENCE = range(1, 8)


def op(code, size, operand=0):
    return struct.pack("<BBHiq", code, 0, size, 0, operand)


def row(hook, ops, shape, description):
    body = b"".join(ops) + b"".join(shape) + description
    size = (32 + len(body) + 7) & ~7
    plan = struct.pack("<IBBHHHiQII", size, 1, 0, len(ops), len(shape), 0, 0, 0, len(description),
                       0)
    return (struct.pack("<IIQII", 24 + size, 1, hook, 0, 0) + plan + body).ljust(24 + size, b"\0")


def text(string):
    return struct.pack("<H", len(string)) + string


def scalar(kind, offset, size):
    return struct.pack("<BHB", kind, offset, size)


def members(*named):
    return struct.pack("<H", len(named)) + b"".join(text(name) + node for name, node in named)


# Nodes by format/plan.h: those that only lead to others first.
ABSENT = b"\0\1"
NUMBER = scalar(4, 0, 4)
BIT = b"\x0b" + struct.pack("<IBB", 3, 5, 1) + scalar(5, 0, 8)
COLOR = scalar(10, 0, 4) + struct.pack("<BH", 1, 2) + struct.pack("<q", 1) + text(b"RED") \
    + struct.pack("<q", 6) + text(b"B")
STRUCT = b"\x10" + members(
    (b"a", NUMBER), (b"", b"\x17\4\0\x11" + members((b"a", scalar(7, 0, 1)), (b"b", BIT))),
    (b"c", b"\x13" + struct.pack("<HII", 0, 8, 6)),
    (b"d", b"\x12" + struct.pack("<HHII", 0, 2, 5, 3) + scalar(5, 0, 2)),
    (b"e", b"\x16\1\0\3\0"), (b"f", scalar(8, 0, 8)), (b"g", b"\x09\0\0\4\4"),
    (b"h", COLOR), (b"", ABSENT), (b"i", scalar(8, 0, 10)))
PIECES = b"\3" + struct.pack("<HB", 12, 2) + struct.pack("<HHBH", 0, 4, 0, 2) \
    + struct.pack("<HHBH", 4, 4, 255, 0) + STRUCT
NODES = [
    b"\1\0" + NUMBER, b"\1\0" + STRUCT, PIECES, b"\2\4\0\1\2\3\4" + NUMBER, ABSENT,
    b"\1\0\x0c\0\0\1\1" + STRUCT, b"\1\0\x0d\0\0\2", b"\1\0\x0e\0\0",
    b"\1\0\x0f\0\0\1" + STRUCT, b"\x14\3", b"\x15\4\2\0" + scalar(5, 0, 2), b"\1\0\x18\0\0",
    b"\1\0" + scalar(8, 0, 16), b"\1\0" + scalar(7, 4, 4)]
OPS = [op(STACK_BYTES, 15), op(REGISTER | 128, 1), op(16, 0), op(MEMORY, 16), op(STRING, 64),
       op(TEXT, 9), op(SEQUENCE, 2, 3)]
EVERYTHING = bytes([len(NODES)]) + b"".join(
    text(b"p%d" % i) + text(b"T\xff") + node for i, node in enumerate(NODES)) \
    + b"\1" + text(b"R") + NODES[1]
PAYLOAD = bytes(range(16)) + b"\0" + bytes(range(240, 256)) + text(b"G\xc3\xbc\\\xff") \
    + b"\2\x20ab" + b"\0\x09\0\0\0abcdef"


def info(state=EXITED, clock=1, end=(9000, 8000000, 7)):
    points = struct.pack("<12Q", 1000, 5000, 7, 0, 0, 0, 3000, 900000, 7, *end)
    head = (struct.pack("<8IQ", 1, 65536, 62, clock, 22, state, 0, 0, 5) + points
            + struct.pack("<QQIBBBB", 10**9, 0, 0, 0, 0, 0, 0)
            + struct.pack("<IiQQQII", 11, 1, 0, 64, 2500, 42, 1) + struct.pack("<4I", 64, 1, 0, 0))
    strings = [64 + len(head) + 48, 13] * 6
    return head + struct.pack("<12I", *strings) + b"/bin/true\0-x\0"


def site(hook, function, call_site, ordinal=1):
    return struct.pack("<QQQII", hook, function, call_site, ordinal, 1)


def module(ordinal, path):
    size = (88 + len(path) + 7) & ~7
    return (struct.pack("<IIQQQQQHHI", size, ordinal, 0, 65536, 0, 1, 0, 20, len(path), 0)
            + bytes(32) + path).ljust(size, b"\0")


def thread(stream, flags=0):
    return struct.pack("<6I5Q16s6Q", stream, 40 + stream, flags, 0, 0, 0, 1000, 5000, 0, 0, 0,
                       b"thread", *[0] * 6)


# main (1) calls A (2) calls B (3); 4 and 5 are called by main, 6 is inlined in main.
TABLES = (
    block(SITES, site(16, 1, 0x80) + site(32, 2, 0x91) + site(48, 3, 0xa2) + site(64, 4, 0xb1)
          + site(80, 5, 0xc1) + site(96, 1, 0x80))
    + block(MODULES, module(1, b"/bin/true") + module(2, b"/lib/libc.so.6"))
    + block(THREADS, thread(1, 1) + thread(2, 2)))

SEEDS = {
    "nested": block(FILE, info()) + TABLES + block(
        RECORDS, enter(2000, 1) + enter(2001, 2) + enter(2002, 3) + leave(2003) + leave(2004)
        + leave(2005), APPENDED, stream=1),
    "pieces": block(FILE, info(RUNNING)) + TABLES
    + block(RECORDS, enter(1, 1) + enter(2, 2), APPENDED, stream=1)
    + block(RECORDS, leave(3) + enter(4, 4), 0, stream=1, seq=1, depth=2)
    + block(RECORDS, leave(3) + enter(4, 5), APPENDED | TORN, stream=1, seq=1, depth=2)
    + block(RECORDS, leave(9) + leave(10), APPENDED | LAST, stream=1, seq=3, depth=7, epoch=2),
    "gone": block(FILE, info(CRASHED)) + TABLES + block(
        RECORDS, enter(1, 1) + enter(2, 2) + enter(3, 3) + enter(4, 4) + leave(5) + enter(6, 2)
        + enter(7, 6) + leave(8) + extended(UNWIND, 1, 9, 1) + leave(10), APPENDED, stream=1),
    "stacks": block(FILE, info()) + TABLES + block(
        RECORDS, enter(1, 1) + extended(STACK, 0, 2, 5) + enter(3, 2)
        + extended(STACK, 1, 4, 0) + extended(CREATE, 0, 5, 3) + leave(6)
        + extended(STACK, 1, 7, 5) + leave(8) + extended(LOST, 3, 9, 12) + leave(10)
        + extended(SYNC, 0, 5 << 22, 5) + enter(11, 9), stream=2),
    "hostile": block(FILE, info(clock=9, end=(2**64 - 1, 1, 0))) + TABLES
    + block(SITES, b"\xff" * 64, HUGE_SEQ, seq=255)
    + block(MODULES, b"\xff" * 120, 0, seq=1) + block(THREADS, b"\xff" * 256, 0, seq=1)
    + block(99, b"later") + block(RECORDS, enter(1, 1), FOREIGN, stream=1)
    + block(RECORDS, enter(1, 0xffffff) + b"\x03\x00", APPENDED | HUGE_DEPTH, stream=1, depth=65535)
    + block(RECORDS, extended(UNWIND, 2**32 - 1, 2**64 - 1, 0) + bytes([3 | 40 << 2, 9]) + bytes(7)
            + enter(1, 3), HUGE_SEQ, stream=1, seq=254)
    + block(RECORDS, enter(1, 2), APPENDED | HUGE_STREAM, stream=200),
}


SEEDS["values"] = block(FILE, info()) + TABLES + block(
    PLANS, row(16, OPS, OPS, EVERYTHING) + row(32, OPS[:1], [], b"\0\1" + text(b"int") + ABSENT)
    + struct.pack("<IIQII", 24, 1, 48, 3, 0) + row(64, OPS, [], b"\1" + text(b"x"))) + block(
    RECORDS, enter(1, 1) + values(PAYLOAD) + enter(2, 2) + values(b"short") + leave(3) + values(b"")
    + enter(4, 3) + values(b"x") + leave(5) + enter(6, 4) + leave(7) + values(b"y") + leave(8)
    + values(PAYLOAD) + leave(9) + values(b"of an orphan") + enter(10, 1) + leave(11)
    + enter(12, 1) + values(PAYLOAD[:40]) + leave(13) + values(PAYLOAD[:20])
    + b"\x17\2\0", APPENDED, stream=1)


# Each scalar of every size, with what is special about it.
def enumeration(size, is_signed, *named):
    return scalar(10, 0, size) + struct.pack("<BH", is_signed, len(named)) + b"".join(
        struct.pack("<q", number) + text(name) for number, name in named)


SCALARS = [
    (scalar(6, 0, 1), b"\0"), (scalar(6, 0, 1), b"\1"), (scalar(6, 0, 4), b"\2\0\0\0"),
    (scalar(7, 0, 2), b"\xac\x20"), (scalar(7, 0, 2), b"\0\xd8"),
    (scalar(7, 0, 4), b"\0\xf6\1\0"), (scalar(7, 0, 4), b"\xff\xff\xff\xff"),
    (scalar(4, 0, 16), bytes(15) + b"\x80"), (scalar(5, 0, 16), b"\xff" * 16),
    (scalar(4, 0, 8), b"\xff" * 8), (scalar(5, 0, 8), b"\xff" * 8),
    (scalar(8, 0, 2), b"\0\x3c"), (scalar(8, 0, 2), b"\0\x7c"), (scalar(8, 0, 2), b"\1\x7e"),
    (scalar(8, 0, 2), b"\1\x80"), (scalar(8, 0, 4), struct.pack("<f", -0.1)),
    (scalar(8, 0, 8), struct.pack("<d", 12.75)), (scalar(8, 0, 8), struct.pack("<d", -0.001)),
    (scalar(8, 0, 8), struct.pack("<d", 1e300)), (scalar(8, 0, 8), struct.pack("<d", -1e999)),
    (scalar(8, 0, 10), bytes(7) + b"\x80\xff\x7f"), (scalar(8, 0, 16), bytes(14) + b"\xfe\x7f"),
    (b"\x09\0\0\x08\x08", struct.pack("<dd", 1, -0.0)),
    (enumeration(4, 0, (1, b"A"), (2, b"B"), (4, b"C")), struct.pack("<I", 6)),
    (enumeration(4, 0, (1, b"A"), (2, b"B"), (4, b"C")), struct.pack("<I", 2)),
    (enumeration(1, 1, (-1, b"M"), (5, b"N")), b"\xfe"), (enumeration(8, 0, (1, b"A")), b"\xff" * 8),
    (b"\x0c\0\0\0", bytes(8)), (b"\x0e\0\0", bytes(8)), (b"\x16\0\0\2\0", b"\xde\xad"),
]
SCALAR_PAYLOAD = b"".join(content for _, content in SCALARS)
SEEDS["scalars"] = block(FILE, info()) + TABLES + block(PLANS, row(
    16, [op(STACK_BYTES, len(content)) for _, content in SCALARS], [],
    bytes([len(SCALARS)]) + b"".join(
        text(b"s") + text(b"T") + bytes([1, i]) + node for i, (node, _) in enumerate(SCALARS))
    + b"\0")) + block(
        RECORDS, enter(1, 1) + values(SCALAR_PAYLOAD) + leave(2) + enter(3, 1)
        + values(SCALAR_PAYLOAD[::-1]) + leave(4), APPENDED, stream=1)


# Command lines, each for one of the traces above: fuzz_commands.c.
COMMANDS = {
    "report": ("report", "nested"),
    "report_wide": ("report -w -s p99 -r -n 3 --by module", "pieces"),
    "report_threads": ("report --json --by thread --thread 4*", "stacks"),
    "report_callers": ("report --callers * --color always", "nested"),
    "report_callees": ("report --callees /x+/,??", "gone"),
    "tree": ("tree -m 0 --time 1us..2.5ms", "stacks"),
    "tree_inside": ("tree --json --inside *x* --outside file:*.c,module:lib*", "nested"),
    "graph": ("graph * --max-depth 4", "gone"),
    "slow": ("slow -n 3 --min-duration 10ns", "values"),
    "slow_json": ("slow --json -x ns::f<int,(a,b)>*", "hostile"),
    "replay": ("replay -f *", "values"),
    "replay_json": ("replay --json --time ..1s --min-duration 1ns", "scalars"),
    "replay_hostile": ("replay --live", "hostile"),
    "info": ("info --json", "pieces"),
    "dump": ("dump", "values"),
    "wrong_time": ("report --time 2s..1s --process [", "nested"),
}


# A module that is not there.
SEEDS["moduleless"] = block(FILE, info()) + block(SITES, site(16, 1, 0x80, 2**31)) + block(
    MODULES, module(1, b"/bin/true")) + block(THREADS, thread(1, 1)) + block(
    RECORDS, enter(2000, 1) + leave(2005), APPENDED, stream=1)

# In the order of CT_EXPORTERS: a trace that has what the format has a form for, and what is asked for.
EXPORTS = [
    ("perfetto", "values", 0), ("chrome", "values", 0), ("firefox", "stacks", 0),
    ("speedscope", "gone", 0), ("folded", "stacks", 5), ("svg", "nested", 2),
    ("callgrind", "pieces", 0), ("pprof", "nested", 0), ("ctf", "values", 0), ("csv", "scalars", 0),
    ("ndjson", "values", 0),
]


def main():
    directory = HERE / "exporters"
    directory.mkdir(exist_ok=True)
    for number, (name, seed, flags) in enumerate(EXPORTS):
        (directory / name).write_bytes(bytes([number, flags, 1]) + SEEDS[seed])
        for seed in ("hostile", "moduleless"):
            (directory / f"{name}_{seed}").write_bytes(bytes([number, flags, 1]) + SEEDS[seed])
    directory = HERE / "commands"
    directory.mkdir(exist_ok=True)
    for name, (line, seed) in COMMANDS.items():
        (directory / name).write_bytes(line.encode() + b"\n\x01" + SEEDS[seed])
    directory = HERE / "trace"
    directory.mkdir(exist_ok=True)
    for name, blocks in SEEDS.items():
        (directory / name).write_bytes(b"\x01" + blocks)
    (directory / "json").write_bytes(b'{"metadata": {}}')
    (directory / "empty").write_bytes(b"")


if __name__ == "__main__":
    main()
