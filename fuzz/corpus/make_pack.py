#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the seeds of the pack target anew, in the form fuzz_pack.c takes: lists of chunks."""

import pathlib
import struct

HERE = pathlib.Path(__file__).resolve().parent
FILE, RECORDS, SITES, MODULES, THREADS = 1, 2, 3, 4, 5
INPUT, PIECES, BLOCKS, FRAMES, NAMES, SUMMARY = 1, 2, 3, 4, 5, 6
WHOLE, NO_INDEX, OTHER_HASH = 1, 2, 4
BLOCK = 65536


def chunk(kind, *columns, owner=0, flags=0):
    """struct packed_chunk, and each column behind its length."""
    packed = struct.pack("<4B", kind, owner, len(columns), flags)
    return packed + b"".join(struct.pack("<H", len(column)) + column for column in columns)


def header(kind, stream=0, used=0, seq=0):
    return struct.pack("<IHHIIQQIIQQQ", 0x42544343, kind, 1, stream, used, seq, 0, 0, 0, 77, 0, 0)


def file_block():
    info = struct.pack("<8IQ", 1, BLOCK, 62, 1, 22, 2, 4242, 1, 9)
    points = struct.pack("<3Q", 1000, 5000, 6000) + bytes(48) + struct.pack("<3Q", 900000, 904000, 905000)
    return header(FILE) + info + points


def sites_block():
    rows = b"".join(struct.pack("<3Q2I", 0x1000 + i * 16, 0x1000 + i * 16, 0x2000, 0, 0) for i in (1, 2, 3))
    return header(SITES) + rows


def threads_block():
    return header(THREADS) + struct.pack("<6I5Q16s", 1, 42, 3, 0, 0, 0, 1000, 90000, 0, 0, 0, b"main")


def planes(*times):
    return [bytes(time >> shift & 255 for time in times) for shift in (0, 8, 16)]


def pieces(first_block, seqs):
    """Each two calls, one within the other, and a SYNC record."""
    sync = struct.pack("<BBHIQQ", 3, 24, 0, 0, 5000, 0)
    used = 2 * 9 + len(sync)
    heads = b"".join(
        struct.pack("<II", first_block + i, 5) + header(RECORDS, 1, used, seq) for i, seq in enumerate(seqs)
    )
    tokens = struct.pack("<5H", 4, 5, 1, 0, 0) * len(seqs)
    enters, returns = planes(*[1000, 10] * len(seqs)), planes(*[20, 30] * len(seqs))
    return [heads, tokens, b"", *enters, *returns, sync * len(seqs)]


def frame(offset, count, stream):
    return struct.pack("<4Q6I", offset, 0, 0, 0, stream, count, 4, 2, 100, 0)


def names():
    strings = b"\0??\0f\0g\0/bin/p\0p.c\0"
    sites = struct.pack("<3I", 0, 0, 0) + b"".join(struct.pack("<3I", i % 3, i, 1) for i in range(1, 4))
    functions = struct.pack("<5I", 1, 0, 0, 0, 0) + struct.pack("<5I", 4, 0, 8, 15, 3)
    functions += struct.pack("<5I", 6, 0, 8, 15, 9)
    return [sites, functions, strings]


def summary():
    rows = struct.pack("<2I7QdII", 0, 1, 4, 0, 90, 40, 90, 10, 30, 900.0, 2, 0)
    buckets = struct.pack("<4I", 10, 2, 70, 2)
    return [rows, buckets, struct.pack("<2I2Q", 0, 1, 4, 0)]


def trace(owner, flags=0, name=b"t.ctrace"):
    facts = struct.pack("<QqQQ", 7 * BLOCK, 5, 0, 0)
    ordinals = [struct.pack("<I", i) for i in (0, 1, 2)]
    blocks = [file_block(), sites_block(), threads_block()]
    at = owner * 7
    index = b"".join(frame(at + 1 + i, 1, 0) for i in range(3)) + frame(at + 4, 3, 1)
    heads = [block[:64] for block in blocks] + [pieces(4, (0, 1, 2))[0][i * 72 + 8 : i * 72 + 72] for i in range(3)]
    parts = [chunk(INPUT, facts, name, owner=owner, flags=flags)]
    for ordinal, block in zip(ordinals, blocks):
        parts.append(chunk(BLOCKS, ordinal, block, owner=owner, flags=WHOLE))
    parts.append(chunk(PIECES, *pieces(4, (0, 1, 2)), owner=owner))
    parts.append(chunk(FRAMES, index, struct.pack("<6I", 0, 1, 2, 4, 5, 6), b"".join(heads), owner=owner))
    parts.append(chunk(NAMES, *names(), owner=owner))
    return b"".join(parts)


def main():
    folder = HERE / "pack"
    folder.mkdir(exist_ok=True)
    seeds = {
        "one": trace(0) + chunk(SUMMARY, *summary()),
        "two": trace(0) + trace(1, name=b"u.ctrace"),
        "no_index": trace(0, flags=NO_INDEX),
        "other_hash": trace(0) + chunk(PIECES, *pieces(4, (3,)), flags=OTHER_HASH),
        "empty": b"",
    }
    for name, seed in seeds.items():
        (folder / name).write_bytes(seed)


if __name__ == "__main__":
    main()
