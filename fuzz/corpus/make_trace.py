#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the seeds of the trace target anew.

Run this after changing how fuzz_trace.c reads its input, or the format.
"""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent

FILE, RECORDS, SITES, MODULES, THREADS = range(1, 6)
APPENDED, TORN, HUGE_SEQ, HUGE_STREAM, HUGE_DEPTH, FOREIGN, LAST = (1 << i for i in range(7))
SYNC, UNWIND, STACK, CREATE, LOST = range(5)
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


def info(state=EXITED, clock=1, end=(9000, 8000000, 7)):
    points = struct.pack("<12Q", 1000, 5000, 7, 0, 0, 0, 3000, 900000, 7, *end)
    head = (struct.pack("<8IQ", 1, 65536, 62, clock, 22, state, 0, 0, 5) + points
            + struct.pack("<QQIBBBB", 10**9, 0, 0, 0, 0, 0, 0)
            + struct.pack("<IiQQQII", 11, 1, 0, 64, 2500, 42, 1) + struct.pack("<4I", 64, 1, 0, 0))
    strings = [64 + len(head) + 48, 13] * 6
    return head + struct.pack("<12I", *strings) + b"/bin/true\0-x\0"


def site(hook, function, call_site):
    return struct.pack("<QQQII", hook, function, call_site, 1, 1)


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


def main():
    directory = HERE / "trace"
    directory.mkdir(exist_ok=True)
    for name, blocks in SEEDS.items():
        (directory / name).write_bytes(b"\x01" + blocks)
    (directory / "json").write_bytes(b'{"metadata": {}}')
    (directory / "empty").write_bytes(b"")


if __name__ == "__main__":
    main()
