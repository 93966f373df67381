# SPDX-License-Identifier: MIT
"""Other programs' formats by the extension of CALLTRACE_OUTPUT."""
import csv
import json
import os
import re
import subprocess

from cases.output import small_file_system
from driver.harness import ONE, test

EXTENSIONS = {
    ".chrome-trace.json": b'{"displayTimeUnit"',
    ".firefox.json": b'{"meta"',
    ".speedscope.json": b'{"$schema":"https://www.speedscope.app/',
    ".folded": b"main",
    ".svg": b"<?xml",
    ".csv": b"id,parent_id,",
    ".ndjson": b'{"type":"process"',
}


def skip_emulated(t):
    if t.context.emulator:
        t.skip("an emulated program cannot start the command")


def rows_of(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@test(ONE)
def each_extension_is_a_format(t):
    """one file of that name and format, no raw trace, nothing said"""
    skip_emulated(t)
    program = t.build("many_calls.c")
    for extension, head in EXTENSIONS.items():
        path = os.path.join(t.out, "made" + extension)
        result = t.run([program, "50"], env={"CALLTRACE_OUTPUT": path})
        t.same(f"{extension}: behaviour", (9, b"50 calls\n", b""), (result.status, result.out, result.err))
        t.same(f"{extension}: files", ["made" + extension], os.listdir(t.out))
        with open(path, "rb") as file:
            t.expect(file.read().startswith(head), f"{extension}: it does not begin with {head}")
        os.unlink(path)


@test(ONE)
def forked_child_has_a_file_of_the_format(t):
    """parent and child have a file each, the child's id before the whole extension"""
    skip_emulated(t)
    program = t.build("forks.c")
    for extension, head in EXTENSIONS.items():
        result = t.run([program, "fork"], env={"CALLTRACE_OUTPUT": os.path.join(t.out, "a" + extension)})
        t.same(f"{extension}: standard error", b"", result.err)
        there = sorted(os.listdir(t.out))
        t.expect(
            len(there) == 2 and f"a{extension}" in there
            and re.match(r"^a\.\d+" + re.escape(extension) + "$", there[0]),
            f"files made: {there}",
        )
        for name in there:
            with open(os.path.join(t.out, name), "rb") as file:
                text = file.read()
            is_childs_folded = extension == ".folded" and name != "a.folded"
            t.expect(text.startswith(b"in_child" if is_childs_folded else head), f"{name}: {text[:80]}")
            if extension == ".csv":
                names = {row["function"] for row in rows_of(os.path.join(t.out, name))}
                t.same(f"{name}: the parent's calls", name == "a.csv", "in_parent" in names)
                t.same(f"{name}: the child's calls", name != "a.csv", "in_child" in names)
            os.unlink(os.path.join(t.out, name))


@test(ONE)
def processes_of_a_run_do_not_overwrite_each_other(t):
    """one after the other, with the same name: a file each; those of an earlier run are replaced"""
    skip_emulated(t)
    program = t.build("many_calls.c")
    for extension in (".csv", ".speedscope.json"):
        env = {"CALLTRACE_OUTPUT": os.path.join(t.out, "a" + extension), "LD_PRELOAD": t.context.library}
        t.run([program, "10"], env=env)
        result = t.run(["/bin/sh", "-c", f"{program} 20; {program} 20"], env=env)
        t.same(f"{extension}: standard error", b"", result.err)
        there = os.listdir(t.out)
        t.expect(len(there) == 2 and f"a{extension}" in there, f"files made: {there}")
        for name in there:
            with open(os.path.join(t.out, name), encoding="utf-8") as file:
                t.same(f"{name}: calls", 21, len(re.findall(r',leaf,|^\d+,0,|"O"', file.read(), re.MULTILINE)))
            os.unlink(os.path.join(t.out, name))


@test(ONE)
def exec_leaves_a_file_of_each_program(t):
    """exec: one file of the calls before it, one of those after"""
    skip_emulated(t)
    result = t.run([t.build("forks.c"), "exec_self"], env={"CALLTRACE_OUTPUT": os.path.join(t.out, "a.folded")})
    t.same("standard error", b"", result.err)
    t.same("number of files", 2, len(os.listdir(t.out)))


@test(ONE)
def values_are_in_the_formats(t):
    """arguments and return values, as JSON in a CSV"""
    skip_emulated(t)
    if not os.uname().machine == "x86_64":
        t.skip("arguments are captured on x86-64")
    result = t.run(
        [t.build("many_calls.c"), "3"],
        env={
            "CALLTRACE_OUTPUT": os.path.join(t.out, "a.csv"),
            "CALLTRACE_CAPTURE_ARGS": "1",
            "XDG_CACHE_HOME": t.dir,
        },
    )
    t.same("standard error", b"", result.err)
    main = [row for row in rows_of(os.path.join(t.out, "a.csv")) if row["function"] == "main"][0]
    arguments = json.loads(main["arguments"])
    t.same("name and value", ("argc", 2), (arguments[0]["name"], arguments[0]["value"]))
    t.same("return value", 9, json.loads(main["return_value"])["value"])


@test(ONE)
def the_raw_trace_stays_when_a_format_fails(t):
    """no room for the file: the raw trace stays, and the command that the message names finishes the job"""
    skip_emulated(t)
    t.need_root()
    folder = small_file_system(t, "2m")
    try:
        result = t.run(
            [t.build("many_calls.c"), "120000"],
            env={"CALLTRACE_OUTPUT": os.path.join(folder, "trace.speedscope.json")},
        )
        t.same("exit status, output", (9, b"120000 calls\n"), (result.status, result.out))
        t.same("files left", ["trace.ctrace"], os.listdir(folder))
        match = re.search(r"`calltrace (json '.*' -o '.*')`", result.err.decode())
        t.expect(match, f"no command in {result.err!r}")
        subprocess.run(["mount", "-o", "remount,size=100m", folder], check=True)
        done = subprocess.run(
            ["/bin/sh", "-c", f"{t.context.command} {match.group(1)}"], capture_output=True
        )
        t.same("the command", (0, b""), (done.returncode, done.stderr))
        with open(os.path.join(folder, "trace.speedscope.json"), encoding="utf-8") as file:
            profile = json.load(file)["profiles"][0]
        t.same("events", 2 * 120001, len(profile["events"]))
    finally:
        subprocess.run(["umount", "-l", folder])


@test(ONE)
def a_killed_program_is_recovered_into_its_format(t):
    """kill -9: `recover` writes the file that was asked for"""
    skip_emulated(t)
    path = os.path.join(t.out, "a.speedscope.json")
    program = t.build("recorded.c")
    t.run([program, "kill"], env={"CALLTRACE_OUTPUT": path})
    t.same("files", ["a.ctrace"], os.listdir(t.out))
    done = subprocess.run(
        [t.context.command, "recover", os.path.join(t.out, "a.ctrace")], capture_output=True
    )
    t.same("exit status", 0, done.returncode)
    t.expect(b"a.speedscope.json', 0 events lost" in done.stderr, f"it says {done.stderr!r}")
    with open(path, encoding="utf-8") as file:
        json.load(file)


@test(ONE)
def record_takes_a_format(t):
    """record -o NAME.csv: after kill -9, too"""
    skip_emulated(t)
    program = t.build("recorded.c")
    for how in ("0", "kill"):
        done = subprocess.run(
            [t.context.command, "record", "-o", "a.csv", program, how],
            cwd=t.out, capture_output=True,
            env={k: v for k, v in os.environ.items() if not k.startswith("CALLTRACE_")},
        )
        lines = done.stderr.decode().splitlines()
        t.same(f"{how}: lines", 2, len(lines))
        t.expect("1 process, " in lines[0] and lines[0].endswith("in 'a.csv'"), lines)
        t.same(f"{how}: files", ["a.csv"], os.listdir(t.out))
        t.same(f"{how}: calls", 101, len(rows_of(os.path.join(t.out, "a.csv"))))
