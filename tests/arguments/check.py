#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares a traced run of a generated program with what generate.py expects.

    check.py EXPECTED.json TRACE.json [ADDRESSES]      tells what is right, absent, wrong
    check.py --self-test                               proves that wrong values are found

ADDRESSES is the file of "name address" lines that the program wrote. Every parameter of every call is one value, and so
is every returned one. It is *right*, *absent* with the reason the trace gives ("partly ...": some of its members are), or
*wrong*: another value, another name, a value where there can be none.
"""

from __future__ import annotations

import argparse
import bisect
import collections
import copy
import decimal
import functools
import json
import operator
import random
import re
import sys
from decimal import Decimal

MAX_STRING = 64
REASONS = ("optimized out", "entry value", "no debug info", "plan unsure", "unreadable", "inlined",
           "left out")
NAME = re.compile(r"(?<!\w)([fl])(\d{4,})(?!\w)")
DEEP = 10000


class Absent(Exception):
    """The trace has no value, and says why."""


class Wrong(Exception):
    def __init__(self, expected, seen, where=""):
        super().__init__(where)
        self.expected, self.seen, self.where = expected, seen, where

    def at(self, place):
        return Wrong(self.expected, self.seen, place + self.where)


def parse_int(text):
    return Decimal("-0") if text == "-0" else int(text)


def load(path):
    """JSON with exact numbers."""
    with open(path, encoding="utf-8") as file:
        return json.load(file, parse_float=Decimal, parse_int=parse_int)


# --- comparing ----------------------------------------------------------------


def as_cell(seen):
    """What stands for a value: {"value": ..., and what is beside it}."""
    return seen if isinstance(seen, dict) and "value" in seen else {"value": seen}


def need(good, expected, seen):
    if not good:
        raise Wrong(expected, seen)


def is_number(seen):
    return isinstance(seen, (int, Decimal)) and not isinstance(seen, bool)


def whole(seen):
    """An integer from a JSON number or a decimal string; None when it is neither."""
    if isinstance(seen, int) and not isinstance(seen, bool):
        return seen
    if isinstance(seen, Decimal) and seen == seen.to_integral_value():
        return int(seen)
    if isinstance(seen, str) and re.fullmatch(r"-?\d+", seen):
        return int(seen)
    return None


def hexadecimal(seen):
    return int(seen, 16) if isinstance(seen, str) and re.fullmatch(r"0x[0-9a-f]+", seen) else None


def round_to(number, bits, least):
    """A Decimal or integer to `bits` of mantissa, ties to even, no bit below 2**least: (mantissa, exponent)."""
    numerator, denominator = Decimal(number).as_integer_ratio()
    negative, numerator = numerator < 0, abs(numerator)
    if numerator == 0:
        return 0, 0
    exponent = max(numerator.bit_length() - denominator.bit_length() - bits, least)
    while True:
        over, under = (numerator, denominator << exponent) if exponent >= 0 else (numerator << -exponent, denominator)
        mantissa, rest = divmod(over, under)
        mantissa += 2 * rest > under or (2 * rest == under and mantissa & 1)
        if mantissa <= 1 << bits:
            break
        exponent += 1
    zeros = (mantissa & -mantissa).bit_length() - 1 if mantissa else 0
    return (-mantissa if negative else mantissa) >> zeros, exponent + zeros if mantissa else 0


def fits_double(want):
    """Can readers that keep numbers as doubles read it? Others are strings."""
    if want == "-0":
        return True
    mantissa, exponent = (int(part) for part in want.split("p"))
    bits = abs(mantissa).bit_length()
    return mantissa == 0 or (bits <= 53 and exponent >= -1074 and bits + exponent <= 1024)


LEAST = {24: -149, 53: -1074, 64: -16445}


def unescape(text, cell):
    """The bytes of a shown string."""
    if not cell.get("escaped"):
        return text.encode("utf-8")
    parts = re.split(r"\\(\\|x[0-9a-f]{2})", text)
    out = parts[0].encode("utf-8")
    for escape, rest in zip(parts[1::2], parts[2::2]):
        out += b"\\" if escape == "\\" else bytes([int(escape[1:], 16)])
        out += rest.encode("utf-8")
    return out


def compare_text(expected, cell):
    seen = cell["value"]
    need(isinstance(seen, str), expected, cell)
    shown = unescape(seen, cell)
    if cell.get("truncated"):
        # No character is cut in the middle, so some bytes may be missing.
        need(len(expected) > len(shown) >= MAX_STRING - 3 and len(shown) <= MAX_STRING and expected.startswith(shown),
             expected, cell)
    else:
        need(shown == expected, expected, cell)


class Comparison:
    """Compares expectations with values of a document, knowing the addresses of the run."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.missing = []  # parts of the value at hand that are absent

    def value(self, expected, cell):
        """Raises Wrong, or Absent; notes in `missing` what is absent within."""
        why = cell.get("why")
        if why is not None and cell.get("value") is None:
            need(why in REASONS, "a known reason", cell)
            raise Absent(why)
        getattr(self, expected["is"])(expected, cell)

    def part(self, expected, seen, where):
        """A member, an element: its absence is not that of the whole."""
        try:
            self.value(expected, as_cell(seen))
        except Absent as absent:
            self.missing.append(str(absent))
        except Wrong as wrong:
            raise wrong.at(where) from None

    def any(self, expected, cell):
        pass

    def int(self, expected, cell):
        number = int(expected["value"])
        need(whole(cell["value"]) == number, number, cell)
        need(isinstance(cell["value"], str) == (abs(number) > 1 << 53), "a string from 2^53 on", cell)

    def char(self, expected, cell):
        code, size, seen = expected["code"], expected["size"], cell["value"]
        if expected["number"] and is_number(seen):
            need(whole(seen) in (code, code - (1 << 8 * size)), code, cell)
            return
        need(isinstance(seen, str), f"character {code:#x}", cell)
        if size == 1:
            need(unescape(seen, cell) == bytes([code]), f"character {code:#x}", cell)
        else:
            need(seen == chr(code), f"character {code:#x}", cell)

    def bool(self, expected, cell):
        need(cell["value"] is expected["value"], expected["value"], cell)

    def enum(self, expected, cell):
        seen = cell["value"]
        need(isinstance(seen, dict) and whole(seen.get("number")) == int(expected["number"]), expected, cell)
        if expected["names"]:
            need(seen.get("name") in expected["names"], expected["names"], cell)
        else:
            name, flags = seen.get("name"), expected.get("flags", {})
            if expected.get("is_sum"):
                # Flags that were added up are named, none of them in vain.
                parts = (name or "").split("|")
                need(all(part in flags for part in parts) and len(set(parts)) == len(parts), expected, cell)
                sums = [functools.reduce(operator.or_, (flags[part] for part in parts if part != left), 0)
                        for left in ("", *parts)]
                need(sums[0] == int(expected["number"]) and sums[0] not in sums[1:], expected, cell)
            else:
                need(name is None, "no name", cell)

    def float(self, expected, cell):
        want, seen, bits = expected["value"], cell["value"], expected["bits"]
        if want in ("nan", "inf", "-inf"):
            need(seen in ((want, "-nan") if want == "nan" else (want,)), want, cell)
            return
        if not fits_double(want):
            need(isinstance(seen, str) and re.fullmatch(r"-?[0-9.]+(e[+-][0-9]+)?", seen), f"{want}, a string", cell)
            seen = Decimal(seen)
        need(is_number(seen), want, cell)
        if want in ("-0", "0p0"):
            need(seen == 0 and (isinstance(seen, Decimal) and seen.is_signed()) == (want == "-0"), want, cell)
            return
        mantissa, exponent = (int(part) for part in want.split("p"))
        need(round_to(seen, bits, LEAST[bits]) == (mantissa, exponent), want, cell)
        digits = str(seen).lower().split("e")[0].replace(".", "").lstrip("-0").rstrip("0")
        need(len(digits) <= {24: 9, 53: 17, 64: 21}[bits], f"{want} in fewer digits", cell)

    def complex(self, expected, cell):
        seen = cell["value"]
        need(isinstance(seen, dict) and set(seen) == {"real", "imaginary"}, expected, cell)
        for half in ("real", "imaginary"):
            self.part(expected[half], seen[half], f".{half}")

    def address(self, expected, seen):
        want = expected["address"]
        if isinstance(want, str):
            want = self.addresses.get(want)
        if want == 0:
            need(seen is None, "null", seen)
        elif want is None:
            need(hexadecimal(seen), "an address", seen)
        else:
            need(hexadecimal(seen) == want, f"{want:#x} ({expected['address']})", seen)

    def pointer(self, expected, cell):
        self.address(expected, cell["value"])
        if "pointee" not in cell:
            # Levels of pointers end somewhere; that of a parameter must be followed.
            if expected["to"] and expected["to"]["is"] != "any" and cell.get("type") is not None:
                self.missing.append("pointee")
            return
        need(expected["to"] is not None, "no pointee", cell)
        pointee = cell["pointee"]
        if pointee is None and cell.get("why"):
            self.missing.append(f"pointee {cell['why']}")
            return
        self.part(expected["to"], pointee, "*")

    def string(self, expected, cell):
        if hexadecimal(cell["value"]) is not None and expected["bytes"] != cell["value"]:
            self.address(expected, cell["value"])
            if expected["readable"] and cell.get("unreadable"):
                raise Wrong(f"readable {expected['bytes'][:40]!r}", cell)
            if expected["readable"] and cell.get("type") is not None:
                self.missing.append("text")
            elif not expected["readable"] and cell.get("type") is not None:
                need(cell.get("unreadable") is True, "unreadable", cell)
            return
        need(expected["readable"], f"unreadable {expected['address']}", cell)
        compare_text(expected["bytes"].encode("latin-1"), cell)
        if "address" in cell:
            self.address(expected, cell["address"])

    def function(self, expected, cell):
        self.address(expected, cell["value"])
        if cell.get("symbol") is not None:
            need(cell["symbol"].split("(")[0] == expected["name"], expected["name"], cell)
        elif cell.get("type") is not None:
            self.missing.append("symbol")

    def struct(self, expected, cell):
        seen = cell["value"]
        need(isinstance(seen, dict), expected, cell)
        shown = {self.member_name(name): value for name, value in seen.items() if not name.startswith("_vptr")}
        need(len(shown) == len([name for name in seen if not name.startswith("_vptr")]), "distinct members", cell)
        members = list(flat_members(expected["members"]))
        if as_cell(shown.pop("...", None)).get("why"):
            # The rest of a very large one.
            self.missing.append("left out")
            members = members[:len(shown)]
        need([name for name, _ in members] == list(shown), [name for name, _ in members], cell)
        for name, member in members:
            self.part(member, shown[name], f".{name}")

    union = struct

    @staticmethod
    def member_name(name):
        # GCC calls the captures of a lambda __name.
        return name[2:] if name.startswith("__") else name

    def elements(self, expected, seen, cell):
        need(isinstance(seen, list), expected, cell)
        want = expected["elements"]
        if len(seen) < len(want) and ("size" in cell or cell.get("length") == len(want)):
            if not seen:
                self.missing.append("left out")
        else:
            need(len(seen) == len(want), f"{len(want)} elements", cell)
        for i, (element, of) in enumerate(zip(want, seen)):
            self.part(element, of, f"[{i}]")

    def array(self, expected, cell):
        self.elements(expected, cell["value"], cell)

    def chars(self, expected, cell):
        compare_text(expected["bytes"].encode("latin-1"), cell)

    def text(self, expected, cell):
        seen = cell["value"]
        if isinstance(seen, dict) and "_M_len" in seen:
            # A std::string_view of which a part is absent is shown by its members.
            length = as_cell(seen["_M_len"])
            need(length.get("why") or length["value"] == len(expected["bytes"]), expected, cell)
            self.missing.append(length.get("why") or as_cell(seen["_M_str"]).get("why", "text"))
            return
        self.chars(expected, cell)

    def vector(self, expected, cell):
        seen = cell["value"]
        need(isinstance(seen, dict) and seen.get("size") == len(expected["elements"]), expected, cell)
        self.elements(expected, seen.get("elements"), {"size": seen["size"]})

    def reference(self, expected, cell):
        if "address" in cell:
            self.address(expected, cell["address"])
        # The reference is a level of pointers itself.
        self.value(expected["to"], {key: of for key, of in cell.items() if key != "type"})

    def smart(self, expected, cell):
        self.pointer(expected, cell)


def flat_members(members):
    """Members of anonymous structs and unions are shown as if they were of the outer one."""
    for name, member in members:
        if name == "" and member["is"] in ("struct", "union"):
            yield from flat_members(member["members"])
        else:
            yield name, member


# --- counting -----------------------------------------------------------------


class Tally:
    """Values of one kind."""

    def __init__(self):
        self.right = 0
        self.wrong = 0
        self.absent = collections.Counter()

    @property
    def total(self):
        return self.right + self.wrong + sum(self.absent.values())

    def percent(self):
        return 100.0 * self.right / self.total if self.total else 100.0

    def add(self, other):
        self.right += other.right
        self.wrong += other.wrong
        self.absent += other.absent


class Report:
    """What one run showed, by kind of value: parameters that the body uses, of functions that were called and of those
    that the compiler put into their callers; parameters of which it uses some members; those that it only passes on;
    those that it does not use; returned values."""

    kinds = ("used", "inlined", "partly", "passed on", "unused", "return")

    def __init__(self):
        self.values = {kind: Tally() for kind in self.kinds}
        self.wrong = []  # details, as text
        self.absent = collections.defaultdict(list)  # reason -> [function.parameter]
        self.missing_calls = 0

    def all(self):
        whole_ = Tally()
        for tally in self.values.values():
            whole_.add(tally)
        return whole_


def shorten(value, limit=300):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= limit else text[:limit] + "..."


class Symbols:
    """Finds the function of the program that an address lies in. `lines`: nm's."""

    def __init__(self, document, program, lines):
        base = [module["address_low"] for module in document["metadata"]["modules"] if module["path"] == program]
        found = sorted((int(address, 16), name) for address, kind, name in (line.split()[:3] for line in lines)
                       if kind in "tTwW")
        self.starts, self.names = [address for address, _ in found], [name for _, name in found]
        low = int(base[0], 16) if base else 0
        # One that is not position-independent has its addresses in the file already.
        self.base = 0 if found and found[0][0] >= low else low

    def at(self, address):
        index = bisect.bisect_right(self.starts, int(address, 16) - self.base - 1) - 1
        return self.names[index] if index >= 0 else ""


def is_inlined(call, caller, by_id, symbols):
    """The hook of a function that was put into its caller tells where that caller was called."""
    parent = by_id.get(call.get("parent_id"))
    if caller is not None and parent is not None and name_of(parent) == caller:
        return call["call_site"] == parent["call_site"]
    return symbols is not None and re.match(r"(run|drive)_unit_|main$", symbols.at(call["call_site"])) is not None


def all_calls(document):
    """Calls in the order in which they began, of both layouts."""
    found = []
    for tree in document["call_trees"]:
        pending = list(tree["root_calls"])
        while pending:
            call = pending.pop()
            found.append(call)
            pending += call["children"]
    return sorted(found, key=lambda call: call["id"])


def name_of(call):
    """The generated function's name, or None."""
    names = NAME.findall(call["function"])
    if not names:
        return None
    letter, number = names[-1]
    if letter == "l" and "operator()" not in call["function"] or "::~f" in call["function"]:
        return None
    return f"f{number}"


def check(expected, document, addresses, symbols=None):
    report = Report()
    calls = collections.defaultdict(list)
    by_id = {}
    for call in all_calls(document):
        by_id[call["id"]] = call
        name = name_of(call)
        if name is not None:
            calls[name].append(call)
    for name, function in expected["functions"].items():
        seen = calls.pop(name, [])
        if len(seen) != len(function["calls"]):
            report.missing_calls += 1
            report.wrong.append(f"{name}: {len(seen)} calls in the trace, {len(function['calls'])} expected")
        for i, (want, call) in enumerate(zip(function["calls"], seen)):
            check_call(report, name, function, i, want, call, addresses, is_inlined(call, function["caller"], by_id, symbols))
    for name in calls:
        report.missing_calls += 1
        report.wrong.append(f"{name}: not expected")
    return report


def check_call(report, name, function, index, want, call, addresses, inlined=False):
    params = function["params"]

    def tally_of(param):
        return report.values["inlined" if inlined and param["used"] == "used" else param["used"]]

    label = f"{name} (unit {function['unit']}, {function['kind']}, {' '.join(function['traits'])}) call {index}"
    if "arguments" not in call:
        for param in params:
            tally_of(param).absent["no plan"] += 1
            report.absent["no plan"].append(name)
    else:
        # All of them, in their order.
        shown = call["arguments"]
        if len(shown) != len(params):
            report.values["used"].wrong += 1
            report.wrong.append(f"{label}: {len(shown)} arguments, not {len(params)}")
        for param, expected, argument in zip(params, want["arguments"], shown):
            # One that only the signature tells of has no name, and no value.
            is_known = argument["name"] == param["name"] or \
                argument["name"] is None and argument["value"] is None and argument.get("why") == "optimized out"
            if not is_known or not isinstance(argument.get("type"), str) or not argument["type"]:
                report.values["used"].wrong += 1
                report.wrong.append(f"{label}: argument {shorten(argument)}, not {param['name']}")
                continue
            if argument["name"] is None:
                tally_of(param).absent["not described"] += 1
                report.absent["not described"].append(name + "." + param["name"])
                continue
            one(report, tally_of(param), f"{label}\n    {function['declaration']}\n    {param['name']}",
                name + "." + param["name"], expected, argument, addresses)
    result, cell = want["result"], call.get("return_value")
    tally = report.values["return"]
    if result is None or result == "unwound":
        # Without debug information nobody knows that nothing is returned.
        known = result == "unwound" or cell is not None and cell.get("why") == "no debug info"
        if cell is not None and not (known and cell.get("value") is None and cell.get("why")):
            tally.wrong += 1
            report.wrong.append(f"{label}: a return value of a call that has none: {shorten(cell)}")
        return
    one(report, tally, f"{label}\n    {function['declaration']}\n    return value", name + " return", result, cell,
        addresses)


def one(report, tally, label, short, expected, cell, addresses):
    """Count one value."""
    if cell is None or "value" not in cell:
        reason = cell["why"] if cell is not None and cell.get("why") else "not listed"
        tally.absent[reason] += 1
        report.absent[reason].append(short)
        return
    comparison = Comparison(addresses)
    try:
        comparison.value(expected, cell)
    except Absent as absent:
        tally.absent[str(absent)] += 1
        report.absent[str(absent)].append(short)
        return
    except Wrong as wrong:
        tally.wrong += 1
        report.wrong.append(f"{label}{wrong.where}: expected {shorten(wrong.expected)}\n      seen {shorten(wrong.seen)}"
                            + ("" if wrong.seen is cell else f"\n      in {shorten(cell)}"))
        return
    if comparison.missing:
        reason = "partly " + comparison.missing[0]
        tally.absent[reason] += 1
        report.absent[reason].append(short)
        return
    tally.right += 1


def load_addresses(path):
    addresses = {}
    if path:
        with open(path, encoding="utf-8") as file:
            for line in file:
                name, address = line.split()
                addresses[name] = 0 if address == "(nil)" else int(address, 16)
    return addresses


# --- self-test ----------------------------------------------------------------


class Faker:
    """Renders expectations as a perfect trace would show them."""

    def __init__(self, addresses):
        self.addresses = addresses

    def address_of(self, expected):
        want = expected["address"]
        if isinstance(want, str):
            want = self.addresses.setdefault(want, 0x500000 + 64 * len(self.addresses))
        return None if want == 0 else f"{0x7ffc0000 if want is None else want:#x}"

    def text(self, data):
        cell = {}
        if len(data) > MAX_STRING:
            cell["truncated"] = True
            data = data[:MAX_STRING]
        try:
            cell["value"] = data.decode("utf-8")
        except UnicodeDecodeError:
            cell["value"] = re.sub(r"[\udc80-\udcff]", lambda match: f"\\x{ord(match[0]) - 0xdc00:02x}",
                                   data.decode("utf-8", "surrogateescape").replace("\\", "\\\\"))
            cell["escaped"] = True
        return cell

    def inner(self, expected):
        cell = self.cell(expected, inside=True)
        return cell["value"] if set(cell) == {"value"} else cell

    def number(self, number):
        return str(number) if abs(number) > 1 << 53 else number

    def cell(self, expected, inside=False):
        kind = expected["is"]
        if kind == "int":
            return {"value": self.number(int(expected["value"]))}
        if kind == "char":
            if expected["size"] == 1:
                return self.text(bytes([expected["code"]]))
            return {"value": expected["code"] if expected["number"] else chr(expected["code"])}
        if kind == "bool":
            return {"value": expected["value"]}
        if kind == "enum":
            names = expected["names"] or [None]
            if expected.get("is_sum"):
                number = int(expected["number"])
                names = ["|".join(name for name, flag in expected["flags"].items()
                                  if flag & number and not flag & (flag - 1))]
            return {"value": {"name": names[0], "number": self.number(int(expected["number"]))}}
        if kind == "float":
            want = expected["value"]
            if want == "-0":
                return {"value": Decimal("-0")}
            if "p" not in want:
                return {"value": want}
            mantissa, exponent = (int(part) for part in want.split("p"))
            number = shortest(mantissa, exponent, expected["bits"])
            return {"value": number if fits_double(want) else str(number).lower()}
        if kind == "complex":
            return {"value": {half: self.inner(expected[half]) for half in ("real", "imaginary")}}
        if kind in ("pointer", "smart"):
            cell = {"value": self.address_of(expected)}
            if expected["to"] and not inside:
                cell["pointee"] = self.inner(expected["to"])
            return cell
        if kind == "string":
            if not expected["readable"]:
                return {"value": self.address_of(expected), "unreadable": True}
            return self.text(expected["bytes"].encode("latin-1"))
        if kind == "function":
            return {"value": self.address_of(expected), "symbol": expected["name"]}
        if kind in ("struct", "union"):
            return {"value": {name: self.inner(member) for name, member in flat_members(expected["members"])}}
        if kind == "array":
            return {"value": [self.inner(element) for element in expected["elements"]]}
        if kind in ("chars", "text"):
            return self.text(expected["bytes"].encode("latin-1"))
        if kind == "vector":
            return {"value": {"size": len(expected["elements"]),
                              "elements": [self.inner(element) for element in expected["elements"][:8]]}}
        if kind == "reference":
            return {**self.cell(expected["to"]), "address": self.address_of(expected)}
        return {"value": 1}

    def document(self, expected):
        calls = []
        for name, function in expected["functions"].items():
            for want in function["calls"]:
                call = {"id": len(calls) + 1, "function": f"{name}(int)", "children": [], "arguments": [
                    {"name": param["name"], "type": "t", **self.cell(value)}
                    for param, value in zip(function["params"], want["arguments"])]}
                if want["result"] not in (None, "unwound"):
                    call["return_value"] = {"type": "t", **self.cell(want["result"])}
                calls.append(call)
        return {"call_trees": [{"root_calls": calls}]}


def shortest(mantissa, exponent, bits):
    """The decimal with the fewest digits that rounds to mantissa * 2**exponent."""
    goal = round_to(mantissa, 10000, 0)
    goal = (goal[0], goal[1] + exponent)
    numerator, denominator = (mantissa << exponent, 1) if exponent >= 0 else (mantissa, 1 << -exponent)
    with decimal.localcontext() as context:
        context.Emin, context.Emax = -10000, 10000
        for digits in range(1, 22):
            context.prec = digits
            found = Decimal(numerator) / Decimal(denominator)
            if mantissa == 0 or round_to(found, bits, LEAST[bits]) == goal:
                return found
    raise AssertionError("no decimal for a number")


def mutations(value):
    """Another value where each leaf of a JSON value was changed, one at a time: (path, changed value)."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("type", "truncated", "escaped", "unreadable"):
                continue
            for path, changed in mutations(inner):
                yield f".{key}{path}", {**value, key: changed}
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            for path, changed in mutations(inner):
                yield f"[{i}]{path}", value[:i] + [changed] + value[i + 1:]
    else:
        yield "", other_than(value)


def other_than(value):
    if isinstance(value, bool):
        return not value
    if value is None:
        return "0x1234"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, Decimal):
        # A thousandth of a denormal number is nothing.
        return value * 3 if 0 < abs(value) < Decimal("1e-30") else value + abs(value) / 1000 + (value == 0)
    if hexadecimal(value) is not None:
        return f"{int(value, 16) + 8:#x}"
    if whole(value) is not None:
        return str(int(value) + 1)
    if value == "":
        return "x"
    return ("x" if value[0] != "x" else "y") + value[1:]


def has_any(expected):
    """Parts that nobody knows cannot be found wrong."""
    return '"any"' in json.dumps(expected) or '"address": null' in json.dumps(expected)


def changes_nothing(path, changed, expected):
    """A number that is not an enumerator has no name, or any."""
    return path.endswith(".name") and '"names": []' in json.dumps(expected)


def self_test():
    """A perfect trace is all right; with any one leaf changed, exactly one value is wrong."""
    import generate

    sys.setrecursionlimit(DEEP)
    failures, mutants = [], 0
    for language in ("c", "c++"):
        _, expected = generate.generate(language, 120, "self-test")
        expected = json.loads(json.dumps(expected))
        addresses = {}
        document = Faker(addresses).document(expected)
        report = check(expected, document, addresses)
        all_ = report.all()
        if all_.wrong or all_.absent or report.missing_calls or all_.total < 1000:
            failures.append(f"{language}: a perfect trace has {all_.wrong} wrong, {dict(all_.absent)} absent")
            failures += report.wrong[:10]
            continue
        rng = random.Random(1)
        for name, function in expected["functions"].items():
            calls = [call for call in document["call_trees"][0]["root_calls"] if name_of(call) == name]
            index = rng.randrange(len(calls))
            want, call = function["calls"][index], calls[index]
            cells = list(zip([param["used"] for param in function["params"]], want["arguments"], call["arguments"]))
            if want["result"] not in (None, "unwound"):
                cells.append(("return", want["result"], call["return_value"]))
            for kind, value, cell in cells:
                if has_any(value):
                    continue
                for path, changed in mutations({key: of for key, of in cell.items() if key not in ("name", "type")}):
                    if changes_nothing(path, changed, value):
                        continue
                    mutants += 1
                    report = Report()
                    one(report, report.values[kind], name, name, value, {**changed, "type": "t"}, addresses)
                    if report.values[kind].wrong != 1:
                        failures.append(f"{language} {name}: not found: {shorten(value)}\n  {path} {shorten(changed)}")
            # Whole calls: an argument too many, one that is named otherwise, a return value from nowhere.
            for change, wrong in structural(call, want):
                mutants += 1
                report = Report()
                check_call(report, name, function, 0, want, change, addresses)
                if (report.all().wrong > 0) != wrong:
                    failures.append(f"{language} {name}: not found in {shorten(change)}")
    for failure in failures[:20]:
        print(failure)
    print(f"{mutants} traces with one wrong value, {len(failures)} not found")
    return not failures


def structural(call, want):
    changed = copy.deepcopy(call)
    changed["arguments"].append({"name": "stranger", "type": "int", "value": 1})
    yield changed, True
    if call["arguments"]:
        changed = copy.deepcopy(call)
        changed["arguments"][0]["name"] = "stranger"
        yield changed, True
        changed = copy.deepcopy(call)
        changed["arguments"][0]["name"] = None
        yield changed, True
        changed = copy.deepcopy(call)
        changed["arguments"].pop(0)
        yield changed, True
        changed = copy.deepcopy(call)
        changed["arguments"][0].update(value=None, why="optimized out")
        yield changed, False
        changed = copy.deepcopy(call)
        changed["arguments"][0].update(value=None, why="no idea")
        yield changed, True
    if want["result"] in (None, "unwound"):
        changed = copy.deepcopy(call)
        changed["return_value"] = {"type": "int", "value": 7}
        yield changed, True


def print_report(report, details=10):
    for kind in Report.kinds:
        tally = report.values[kind]
        absent = ", ".join(f"{count} {reason}" for reason, count in tally.absent.most_common())
        print(f"{kind:10} {tally.total:6} values, {tally.percent():6.2f} % right, {tally.wrong} wrong, absent: {absent or 0}")
    for wrong in report.wrong[:details]:
        print(f"WRONG {wrong}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--self-test", action="store_true")
    parser.add_argument("--details", type=int, default=10)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    sys.setrecursionlimit(DEEP)
    if options.self_test:
        return 0 if self_test() else 1
    if len(options.files) not in (2, 3):
        parser.error("EXPECTED.json TRACE.json [ADDRESSES]")
    with open(options.files[0], encoding="utf-8") as file:
        expected = json.load(file)
    report = check(expected, load(options.files[1]), load_addresses(options.files[2] if options.files[2:] else None))
    print_report(report, options.details)
    for reason, places in sorted(report.absent.items()):
        print(f"{reason}: {' '.join(sorted(set(places))[:12])}")
    return 1 if report.all().wrong or report.missing_calls else 0


if __name__ == "__main__":
    sys.exit(main())
