# SPDX-License-Identifier: MIT
"""`calltrace pack` of real recordings: every byte comes back, every command says the same."""
import glob
import json
import os
import shutil
import subprocess

from driver.harness import BOTH, ONE, test


def calltrace(t, *arguments, status=0):
    done = subprocess.run(
        [t.context.command, *arguments], cwd=t.dir, capture_output=True, timeout=60
    )
    t.same(f"exit status of calltrace {arguments}; {done.stderr}", status, done.returncode)
    return done.stdout


def content(path):
    with open(path, "rb") as file:
        return file.read()


def packs(t, raws):
    """Pack, unpack, compare; then what the commands say of both."""
    t.expect(raws, "nothing was recorded")
    packed = os.path.join(t.dir, "all.ctpack")
    there = os.path.join(t.dir, "there")
    calltrace(t, "pack", *raws, "-o", packed)
    calltrace(t, "unpack", "--check", packed)
    calltrace(t, "unpack", packed, "-o", there)
    for raw in raws:
        t.expect(
            content(raw) == content(os.path.join(there, os.path.basename(raw))),
            f"{os.path.basename(raw)} is not the same when it is unpacked",
        )
    for command in (
        ("report", "--json"),
        ("report", "--json", "--by", "thread"),
        ("tree", "--json"),
        ("slow", "--json"),
        ("replay", "--no-pager"),
    ):
        of_raws, of_packed = calltrace(t, *command, *raws), calltrace(t, *command, packed)
        if command[-1] == "thread":  # which trace each is of
            for raw in raws:
                inside = os.path.join(packed, os.path.basename(raw))
                of_packed = of_packed.replace(f'"trace":"{inside}"'.encode(), f'"trace":"{raw}"'.encode())
        t.same(" ".join(command), of_raws, of_packed)
    facts = ("process_id", "end", "duration_ns", "threads", "modules")
    infos = [json.loads(calltrace(t, "info", "--json", *what))["traces"] for what in (raws, [packed])]
    for raw_info, packed_info in zip(*infos):
        for fact in facts:
            t.same(f"info: {fact}", raw_info[fact], packed_info[fact])
    for raw in raws:
        document = calltrace(t, "json", raw, "-o", "-")
        name = os.path.join(packed, os.path.basename(raw))
        t.expect(document == calltrace(t, "json", name, "-o", "-"), "another document")
    return packed


def recorded(t, command, env=None, **options):
    """The raw traces that a run left."""
    names = {"CALLTRACE_OUTPUT": os.path.join(t.out, "trace.ctrace"), **(env or {})}
    t.run(command, env=names, **options)
    return sorted(glob.glob(os.path.join(t.out, "*.ctrace")))


@test(BOTH)
def pack_of_threads(t):
    """several streams, some that ended before the process"""
    packs(t, recorded(t, t.build("threads.c")))


@test(BOTH)
def pack_of_many_calls(t):
    """more than a frame of each thread"""
    packs(t, recorded(t, t.build("many_calls.c")))


@test(ONE)
def pack_of_processes(t):
    """parent and child in one file"""
    raws = recorded(t, [t.build("forks.c"), "fork"])
    t.same("processes", 2, len(raws))
    packs(t, raws)


@test(BOTH)
def pack_of_coroutines(t):
    """records of stacks, and of frames left by longjmp"""
    packs(t, recorded(t, t.build("coroutines.c")))


@test(BOTH)
def pack_of_random_jumps(t):
    """records of frames that are gone"""
    packs(t, recorded(t, [t.build("random_jumps.c"), "7"]))


@test(BOTH)
def pack_of_values(t):
    """arguments, results, and the plans that tell what they mean"""
    packs(t, recorded(t, t.build("captured.c"), env={"CALLTRACE_CAPTURE_ARGS": "1"}))


@test(BOTH)
def pack_of_a_crashed_process(t):
    """state, signal and address of the crash"""
    packs(t, recorded(t, [t.build("deaths.c"), "segv"]))


@test(ONE)
def pack_of_a_killed_process(t):
    """live windows, and the open calls in them"""
    raws = recorded(t, [t.build("deaths.c"), "kill"])
    packs(t, raws)


@test(ONE)
def packed_names_need_no_program(t):
    """the program is gone, and its functions have their names, files and lines still"""
    program = os.path.join(t.dir, "program")
    shutil.copy(t.build("threads.c"), program)
    raws = recorded(t, program)
    packed = os.path.join(t.dir, "all.ctpack")
    calltrace(t, "pack", *raws, "-o", packed)
    expected = calltrace(t, "report", "--json", *raws)
    os.unlink(program)
    t.same("report", expected, calltrace(t, "report", "--json", packed))
    t.expect(
        expected != calltrace(t, "report", "--json", *raws), "the names did not need the program"
    )
