#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Traces showcase.c and showcase.cpp and compares each call with the comment above its function.

    showcase.py [--build DIR]

The last line is "N passed, N failed", a program of a compiler and a level each.
"""

from __future__ import annotations

import sys

sys.dont_write_bytecode = True

import argparse  # noqa: E402
import fnmatch  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import re  # noqa: E402
import shutil  # noqa: E402
import subprocess  # noqa: E402
from decimal import Decimal  # noqa: E402
from pathlib import Path  # noqa: E402

import check  # noqa: E402

HERE = Path(__file__).resolve().parent
LEVELS = ["O0", "O2"]
COMPILERS = {"showcase.c": ["gcc", "clang"], "showcase.cpp": ["g++", "clang++"]}
COMMENT = re.compile(r"^(\t*)/\*\n((?:\1 \*.*\n)*)\1 \*/\n((?:\1.*\n)+?)", re.MULTILINE)


def parse_json(text):
    return json.loads(text, parse_float=Decimal, parse_int=check.parse_int)


def read_expectations(path):
    """By function: {"arguments": [...], "return_value": ... or None}."""
    found = {}
    for match in COMMENT.finditer(path.read_text()):
        indent, comment, code = match.groups()
        lines = []
        for line in comment.splitlines():
            line = line[len(indent) + 2:]
            if line.startswith("     "):
                lines[-1] += " " + line.strip()
            elif line.strip():
                lines.append(line.strip())
        if lines and not re.match(r"\w+: .* = ", lines[0]):
            continue
        name = re.search(r"(\w+)\(", re.sub(r"__attribute__\(\(.*?\)\)|NOINLINE", "", code))
        if name:
            found[name[1]] = expectation(lines)
    return found


def expectation(lines):
    arguments, result, last = [], None, None
    for line in lines:
        key, rest = line.split(": ", 1)
        if key == "besides":
            last.update(parse_json(rest))
            continue
        of, value = rest.split(" = ", 1)
        last = {"type": of, "value": parse_json(value)}
        if key == "returns":
            result = last
        else:
            arguments.append({"name": key, **last})
            last = arguments[-1]
    return {"arguments": arguments, "return_value": result}


def same(want, seen, exactly):
    """Equal, with "0x*" and other patterns in strings; unless exactly, parts may be absent with a reason."""
    if not exactly and isinstance(seen, dict) and seen.get("value", want) is None and seen.get("why") in check.REASONS:
        return True
    if isinstance(want, str) and "*" in want and isinstance(seen, str):
        return want in ("*", seen) or fnmatch.fnmatchcase(seen, want)
    if isinstance(want, dict):
        return isinstance(seen, dict) and list(want) == list(seen) and all(
            same(want[key], seen[key], exactly) for key in want)
    if isinstance(want, list):
        return isinstance(seen, list) and len(want) == len(seen) and all(
            same(*pair, exactly) for pair in zip(want, seen))
    if isinstance(want, Decimal) or isinstance(seen, Decimal):
        return check.is_number(want) and check.is_number(seen) and want == seen and \
            Decimal(want).is_signed() == Decimal(seen).is_signed()
    return type(want) is type(seen) and want == seen


def named(text):
    """The type without the parameters that it has by default; some compilers write them."""
    return re.sub(r", std::(allocator|default_delete)<.*> ?>", ">", text) if isinstance(text, str) else text


def compare(want, seen, exactly):
    """None, or what is different."""
    if want is None or seen is None:
        return None if want is seen or not exactly and want is not None else f"expected {want}, seen {seen}"
    if not exactly and seen.get("value") is None and seen.get("why") in check.REASONS:
        return None
    keys = {"name", "type", "value", *want} if want["type"].startswith(("shapes::circle", "const shapes::circle")) else \
        set(want) | set(seen)
    for key in sorted(keys & (set(want) | set(seen))):
        shown = named(seen.get(key)) if key == "type" else seen.get(key)
        if key not in want or key not in seen or not same(want[key], shown, exactly):
            return f"{key}: expected {show(want.get(key))}, seen {show(seen.get(key))}"
    return None


def show(value):
    return json.dumps(value, ensure_ascii=False, default=str)


def compare_call(want, call, exactly):
    result = call.get("return_value")
    if call.get("unfinished") or call["function"].startswith(("leaves", "shapes::throws(")):
        # Nothing was returned.
        if result is not None and result.get("value") is not None:
            yield f"a return value where nothing was returned: {show(result)}"
    else:
        different = compare(want["return_value"], result, exactly)
        if different:
            yield f"return value: {different}"
    arguments = call.get("arguments", [])
    if exactly and [argument["name"] for argument in arguments] != [argument["name"] for argument in want["arguments"]]:
        yield f"arguments are {[argument['name'] for argument in arguments]}"
        return
    by_name = {argument["name"]: argument for argument in arguments}
    for argument in want["arguments"]:
        different = compare(argument, by_name.get(argument["name"]), exactly)
        if different:
            yield f"{argument['name']}: {different}"


def run(build, source, compiler, level, work):
    """Differences of one program, as lines."""
    program = work / "program"
    standard = "-std=gnu11" if source.suffix == ".c" else "-std=gnu++17"
    subprocess.run([compiler, standard, f"-{level}", "-g", "-Wall", "-finstrument-functions", source, "-o", program, "-lm"],
                   check=True)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CALLTRACE_")}
    environment.update(LD_PRELOAD=str(build / "lib/libcalltrace.so"), CALLTRACE_CAPTURE_ARGS="1",
                       CALLTRACE_JSON_LAYOUT="flat", CALLTRACE_OUTPUT=str(work / "trace.json"),
                       XDG_CACHE_HOME=str(work / "cache"))
    subprocess.run([program], env=environment, check=True, timeout=120)
    document = check.load(work / "trace.json")
    wanted = read_expectations(source)
    seen = {}
    for call in check.all_calls(document):
        name = re.sub(r"\(.*|<.*", "", call["function"]).split("::")[-1].split()[-1]
        seen.setdefault(name, call)
    differences = []
    for name, want in wanted.items():
        if name not in seen:
            differences.append(f"{name}: no call")
            continue
        differences += [f"{name}: {text}" for text in compare_call(want, seen[name], level == "O0")]
    return len(wanted), differences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build/dev"))
    options = parser.parse_args()
    build = options.build.resolve()
    passed = failed = 0
    for name, compilers in COMPILERS.items():
        for compiler in compilers:
            for level in LEVELS:
                work = build / "tests/showcase"
                shutil.rmtree(work, ignore_errors=True)
                work.mkdir(parents=True)
                try:
                    count, differences = run(build, HERE / name, compiler, level, work)
                except (subprocess.SubprocessError, FileNotFoundError, ValueError, KeyError) as error:
                    count, differences = 0, [str(error)]
                print(f"{name} {compiler} -{level}: {count} functions, {len(differences)} differences")
                for difference in differences:
                    print(f"  {difference}")
                if differences:
                    failed += 1
                else:
                    passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
