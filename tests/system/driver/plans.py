# SPDX-License-Identifier: MIT
"""Plans written by hand (src/format/plan.h), and the values a raw trace has, as bytes.

What the library makes of a plan can so be tested without the command that makes plans.
"""
import collections
import os
import re
import struct

RSP, RBX, RBP, R12, R13, R14, R15, RAX, RDX, XMM0, XMM0_HIGH, XMM1, XMM1_HIGH = range(13)
ST0, ST0_HIGH, ST1, ST1_HIGH = range(13, 17)
ENTER, EXIT, EXIT_STUB = 1, 2, 3
VERSION = 4  # CT_PLAN_VERSION
NO_DEBUG_INFO = 1
JOINED = 0x80
REGISTER, STACK, VALUE, MEMORY, STRING, TEXT, SEQUENCE = range(1, 8)
PUSH_REGISTER, PUSH_CONSTANT, PUSH_BLOCK, LOAD, ADD_CONSTANT = range(16, 21)
SIGN_EXTEND, ZERO_EXTEND, NEGATE, NOT, PUSH_ADDRESS = range(21, 26)
ADD, SUBTRACT, MULTIPLY, AND, OR, XOR, SHIFT_LEFT, SHIFT_RIGHT = range(32, 40)
SHIFT_RIGHT_SIGNED, LESS, LESS_SIGNED, EQUAL = range(40, 44)
WHY_NO_DEBUG_INFO, WHY_PLAN_UNSURE = 3, 4
TRUNCATED, NULL, UNREADABLE = 0x2000, 0x4000, 0x8000
ENDS = TRUNCATED | UNREADABLE
OK_STATUS, NULL_STATUS, UNREADABLE_STATUS = range(3)


MASK = (1 << 64) - 1


def checksum(start, data):
    """As src/format/checksum.h has it."""
    rest = len(data) % 8
    words = struct.unpack(f"<{len(data) // 8}Q", data[: len(data) - rest])
    sums = [[start + lane & MASK, 0] for lane in range(4)]
    whole = len(words) // 4 * 4
    for i, word in enumerate(words):
        add_word(sums[i % 4 if i < whole else 0], word)
    add_word(sums[1], int.from_bytes(data[len(data) - rest :], "little"))
    total = len(data)
    for lane in sums:
        for part in lane:
            total = checksum_step(total, part)
    return total ^ total >> 32


def add_word(lane, word):
    lane[0] = lane[0] + word & MASK
    lane[1] = ((lane[1] << 29 | lane[1] >> 35) + lane[0]) & MASK


def checksum_step(lane, word):
    return (((lane << 29 | lane >> 35) & MASK) ^ word) * 0x9E3779B97F4A7C15 & MASK


def plan_checksum(plan):
    half = checksum(checksum(0, plan[:32]), plan[32:]) & 0xFFFFFFFF
    return half if half > 1 else half + 2


def op(code, source=0, size=0, offset=0, operand=0):
    return struct.pack("<BBHiq", code, source, size, offset, operand)


class Plan:
    def __init__(self, kind, site, function, ops, slot=(RSP, 56), odd=None):
        self.kind, self.site, self.function = kind, site, function
        self.ops, self.slot = list(ops), slot
        self.description = b"\0\0" if kind == ENTER else b""
        self.odd = odd or {}  # fields of struct ct_plan that are to be wrong

    def bytes(self):
        body = b"".join(self.ops) + self.description
        body += bytes(-len(body) % 8)
        fields = {
            "size_bytes": 32 + len(body),
            "kind": self.kind,
            "register": self.slot[0],
            "op_count": len(self.ops),
            "shape_count": 0,
            "payload_max": 8192,
            "offset": self.slot[1],
            "function": self.function,
            "description_bytes": len(self.description),
            "is_slot": 0,
            "checksum": 0,
        }
        fields.update(self.odd)
        plan = struct.pack("<IBBHHHiQHHI", *fields.values()) + body
        return plan[:28] + struct.pack("<I", plan_checksum(plan)) + plan[32:]


def plan_file(identity, plans, settings=(64, 1, 0), odd=None):
    """The bytes of a plan file. `odd`: fields of its header that are to be wrong, or others."""
    plans = sorted(plans, key=lambda plan: plan.site)
    header_bytes = 104
    at = header_bytes + 16 * len(plans)
    index, bodies = [], []
    for plan in plans:
        body = plan.bytes()
        index.append(struct.pack("<QII", plan.site, at // 8, len(body)))
        bodies.append(body)
        at += len(body)
    fields = {
        "magic": 0x4C505443,
        "version": VERSION,
        "total_bytes": at,
        "max_string": settings[0],
        "max_pointee": settings[1],
        "filter_hash": settings[2],
        "build_id_bytes": len(identity),
        "flags": 0,
        "build_id": identity,
        "index_offset": header_bytes,
        "index_count": len(plans),
    }
    fields.update(odd or {})
    header = struct.pack("<IIQIIQII32sQQ16x", *fields.values())
    return sealed(header + b"".join(index + bodies))


def sealed(data):
    """The plan file with the right sum of its header and index."""
    at, count = struct.unpack_from("<QQ", data, 72)
    header = data[:88] + bytes(8) + data[96:104]
    total = checksum(checksum(0, header), data[at : at + 16 * min(count, len(data))])
    return data[:88] + struct.pack("<Q", total) + data[96:]


def symbols(t, program):
    """Addresses of a program's symbols."""
    found = {}
    for line in t.tool(["nm", program]).splitlines():
        parts = line.split()
        if len(parts) == 3:
            found[parts[2]] = int(parts[0], 16)
    return found


def build_id(t, program):
    match = re.search(r"Build ID: ([0-9a-f]+)", t.tool(["readelf", "-n", program]))
    return bytes.fromhex(match.group(1)) if match else b""


def file_identity(program):
    """As src/format/module_identity.h has it, of a small file."""
    with open(program, "rb") as file:
        data = file.read()
    total = len(data)
    for at in range(0, len(data), 65536):
        total = checksum(total, data[at : at + 65536])
    return total


def fnv(text):
    value = 0xCBF29CE484222325
    for byte in text.encode():
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value


class Cache:
    """A cache folder of a test's own; `env` makes programs use it."""

    def __init__(self, t):
        self.t = t
        self.home = os.path.join(t.dir, "cache")
        self.folder = os.path.join(self.home, "calltrace", "plans")
        os.makedirs(self.folder, mode=0o700)
        with open(os.path.join(t.context.build, "include/format/planner_identity.h")) as header:
            self.planner = re.search(r'"(\w+)"', header.read())[1]
        self.env = {"CALLTRACE_CAPTURE_ARGS": "1", "XDG_CACHE_HOME": self.home}

    def name(self, identity, program, settings=(64, 1, 0)):
        return os.path.join(
            self.folder,
            f"{identity.hex()}.{file_identity(program):016x}-{VERSION}.{self.planner}-{settings[0]}-{settings[1]}-{settings[2]:016x}.plan",
        )

    def put(self, program, plans, settings=(64, 1, 0), odd=None):
        """Write a plan file for the program; its path."""
        identity = build_id(self.t, program)
        path = self.name(identity, program, settings)
        with open(path, "wb") as file:
            file.write(plan_file(identity, plans, settings, odd))
        return path


# ---- raw traces ----

Values = collections.namedtuple("Values", "kind site payload")  # kind: "enter" or "return"
PlanRow = collections.namedtuple("PlanRow", "site why plan module")
BLOCK = 65536
HEADER = struct.Struct("<IHHIIQQIIQ16x")


class Raw:
    """The values of a raw trace: of each stream a list of enters and returns with their payloads."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        self.sites, self.plans, self.bias, pieces = {}, [], {}, {}
        for start in range(0, len(data), BLOCK):
            block = data[start : start + BLOCK]
            magic, kind, _, stream, used, seq = HEADER.unpack_from(block)[:6]
            if magic != 0x42544343:
                continue
            if kind == 2 and stream:
                # An appended piece wins over the window it was copied from.
                if used or (stream, seq) not in pieces:
                    pieces[stream, seq] = block[64 : 64 + used] if used else block[64:]
            elif kind == 3:
                self.read_sites(block, seq)
            elif kind == 4:
                self.read_modules(block)
            elif kind == 6:
                self.read_plans(block)
        self.streams = {}
        for (stream, _), piece in sorted(pieces.items()):
            self.streams.setdefault(stream, []).extend(self.walk(piece))

    def read_sites(self, block, seq):
        for row in range((BLOCK - 64) // 32):
            site, function, call_site, module, _ = struct.unpack_from(
                "<QQQII", block, 64 + 32 * row
            )
            if site:
                number = seq * ((BLOCK - 64) // 32) + row + 1
                self.sites[number] = (site, function, call_site, module)

    def read_modules(self, block):
        at = 64
        while size := struct.unpack_from("<I", block, at)[0]:
            ordinal, _, _, bias = struct.unpack_from("<IQQQ", block, at + 4)
            self.bias[ordinal] = bias
            at += size

    def read_plans(self, block):
        at = 64
        while size := struct.unpack_from("<I", block, at)[0]:
            module, site, why = struct.unpack_from("<IQI", block, at + 4)
            self.plans.append(PlanRow(site, why, block[at + 24 : at + size], module))
            at += size

    def walk(self, piece):
        events, at = [], 0
        while at < len(piece) and piece[at]:
            kind = piece[at] & 3
            if kind == 1:
                number = int.from_bytes(piece[at + 3 : at + 6], "little")
                events.append(Values("enter", number, None))
                at += 6
            elif kind == 2:
                events.append(Values("return", None, None))
                at += 3
            elif piece[at] & 0x80 or piece[at] >> 2 == 5:
                head = 1 if piece[at] & 0x80 else 3
                size = 1 + (piece[at] >> 2 & 31)
                if head == 3:
                    size = int.from_bytes(piece[at + 1 : at + 3], "little")
                assert size >= head and at + size <= len(piece), "a VALUES record ends in nothing"
                assert events and events[-1].payload is None, "values of no call"
                events[-1] = events[-1]._replace(payload=piece[at + head : at + size])
                at += size
            else:
                assert piece[at + 1] >= 2, "a record of no size"
                at += piece[at + 1]
        return events

    def of(self, function):
        """Enters of the function (an address in the file), in order of streams."""
        found = []
        for stream in sorted(self.streams):
            for event in self.streams[stream]:
                if event.kind != "enter" or event.site not in self.sites:
                    continue
                _, address, _, module = self.sites[event.site]
                if address - self.bias[module] == function:
                    found.append(event.payload)
        return found

    def calls_of(self, function):
        """(payload of the enter, payload of the return or None) of the function's calls."""
        found = []
        for stream in sorted(self.streams):
            open_calls = []
            for event in self.streams[stream]:
                if event.kind == "enter":
                    _, address, _, module = self.sites[event.site]
                    ours = address - self.bias[module] == function
                    open_calls.append([event.payload, None] if ours else None)
                    if ours:
                        found.append(open_calls[-1])
                elif open_calls:
                    call = open_calls.pop()
                    if call:
                        call[1] = event.payload
        return found


def string_at(payload, at):
    """(text, flags, where it ends) of a STRING block."""
    head = int.from_bytes(payload[at : at + 2], "little")
    length = head & 0x1FFF
    return payload[at + 2 : at + 2 + length], head & ~0x1FFF, at + 2 + length
