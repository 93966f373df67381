# SPDX-License-Identifier: MIT
"""Runs inside gdb: at each stop of pick.c, write what gdb says of the arguments as a JSON line."""

import json
import os

import gdb

MOST_STRING_BYTES = 64
DEEPEST = 4


def plain_type(value_type):
    return value_type.strip_typedefs().unqualified()


def struct_value(value, depth):
    if depth == DEEPEST:
        return {"kind": "other"}
    members = {}
    for field in plain_type(value.type).fields():
        if field.name and not field.is_base_class and hasattr(field, "bitpos"):
            members[field.name] = describe(value[field], depth + 1)
    return {"kind": "struct", "members": members}


def describe(value, depth=0):
    """A value as run compares it; an absent one has the kind 'absent'."""
    try:
        if value.is_optimized_out:
            return {"kind": "absent"}
        kind = plain_type(value.type)
        if kind.code == gdb.TYPE_CODE_PTR:
            described = {"kind": "pointer", "value": int(value)}
            target = plain_type(kind.target())
            if target.code == gdb.TYPE_CODE_INT and target.name == "char" and int(value):
                described["bytes"] = string_bytes(int(value))
            return described
        if kind.code in (gdb.TYPE_CODE_REF, gdb.TYPE_CODE_RVALUE_REF):
            return {"kind": "reference", "value": int(value.referenced_value().address)}
        if kind.code == gdb.TYPE_CODE_BOOL:
            return {"kind": "bool", "value": int(value) != 0}
        if kind.code in (gdb.TYPE_CODE_INT, gdb.TYPE_CODE_CHAR, gdb.TYPE_CODE_ENUM):
            return {"kind": "int", "value": int(value), "type": kind.name}
        if kind.code == gdb.TYPE_CODE_FLT:
            return {"kind": "float", "value": float(value), "size": kind.sizeof}
        if kind.code in (gdb.TYPE_CODE_STRUCT, gdb.TYPE_CODE_UNION):
            return struct_value(value, depth)
        return {"kind": "other"}
    except gdb.error as why:
        return {"kind": "absent", "message": str(why)}


def string_bytes(address):
    """Up to a NUL, at most MOST_STRING_BYTES, as hexadecimal; None where nothing can be read."""
    found = b""
    inferior = gdb.selected_inferior()
    for at in range(address, address + MOST_STRING_BYTES):
        try:
            byte = bytes(inferior.read_memory(at, 1))
        except gdb.MemoryError:
            return None
        if byte == b"\0":
            break
        found += byte
    return found.hex()


def arguments(frame):
    """Of the function, or of the inlined one, that the frame is of."""
    block = frame.block()
    while block.function is None:
        block = block.superblock
    return [{"name": symbol.name, **describe(symbol.value(frame))}
            for symbol in block if symbol.is_argument]


def report(out):
    number = int(gdb.parse_and_eval("(unsigned long)pick_count"))
    frame = gdb.newest_frame().older().older()
    line = {"number": number, "function": frame.name(), "arguments": None}
    try:
        frame.select()
        line["arguments"] = arguments(frame)
    except (RuntimeError, gdb.error) as why:
        line["message"] = str(why)
    out.write(json.dumps(line) + "\n")


def main():
    for setting in ("pagination off", "confirm off", "breakpoint pending on"):
        gdb.execute(f"set {setting}")
    gdb.execute("handle SIGPIPE nostop noprint")
    gdb.execute("break pick_stop")
    with open(os.environ["CT_ANSWERS"], "w", encoding="utf-8") as out:
        gdb.execute("run")
        while gdb.selected_inferior().pid:
            report(out)
            gdb.execute("continue", to_string=True)


main()
