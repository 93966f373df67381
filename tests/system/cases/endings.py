# SPDX-License-Identifier: MIT
"""How programs end: by exit, by signal, killed. The trace is kept, and says how."""
import os
import re
import signal
import struct
import time

from driver.harness import ALL, BOTH, ONE, test


def dies(t, how, ending, tree, *more):
    document = t.compare([t.build("deaths.c"), how, *more], tree=tree)
    t.same("exit status", ending, t.traced.status)
    return document


def crash_is(t, document, signal_name):
    crash = document.raw.get("crash")
    t.expect(isinstance(crash, dict), f"crash is {crash!r}")
    t.same(
        "signal",
        (int(getattr(signal, signal_name)), signal_name),
        (crash["signal"], crash["signal_name"]),
    )
    t.same("thread that crashed", document.trees[0][0]["thread_id"], crash["thread_id"])


@test(ALL)
def segmentation_fault(t):
    """SIGSEGV: the same signal ends the program, the open calls are "crash\" """
    document = dies(
        t, "segv", -signal.SIGSEGV, "main !crash\n die !crash\n  bad_write !crash\n   leaf\n"
    )
    crash_is(t, document, "SIGSEGV")


@test(BOTH)
def crash_in_another_thread(t):
    """the thread that crashed has "crash", main "exit\" """
    document = t.compare(
        [t.build("deaths.c"), "thread"],
        tree="""
main !exit
    die !exit
        starts_crashing_thread !exit
--- thread
crashing_thread !crash
    bad_write !crash
        leaf
""",
    )
    t.same(
        "thread that crashed", document.trees[1][0]["thread_id"], document.raw["crash"]["thread_id"]
    )
    t.same("function that crashed", "bad_write", document.raw["crash"].get("function"))


@test(ALL)
def abort(t):
    """SIGABRT"""
    document = dies(
        t, "abort", -signal.SIGABRT, "main !crash\n die !crash\n  calls_abort !crash\n   leaf\n"
    )
    crash_is(t, document, "SIGABRT")


@test(BOTH)
def other_fatal_signals(t):
    """SIGFPE, SIGBUS, SIGTRAP and SIGSYS raised"""
    for how, name in (("fpe", "SIGFPE"), ("bus", "SIGBUS"), ("trap", "SIGTRAP"), ("sys", "SIGSYS")):
        document = dies(
            t, how, -getattr(signal, name), "main !crash\n die !crash\n  raises !crash\n   leaf\n"
        )
        crash_is(t, document, name)
        os.unlink(document.path)


@test(BOTH)
def illegal_instruction(t):
    """SIGILL by an instruction that is none"""
    crash_is(t, dies(t, "ill", -signal.SIGILL, "main !crash\n die !crash\n"), "SIGILL")


@test(ALL)
def stack_overflow(t):
    """no stack left for a handler: the trace is kept all the same"""
    document = dies(t, "overflow", -signal.SIGSEGV, None)
    crash_is(t, document, "SIGSEGV")
    t.expect(
        document.count("overflow") > 1000, f"only {document.count('overflow')} calls of overflow()"
    )
    t.same(
        "how overflow() ended",
        {"crash"},
        {call.raw.get("unfinished") for call in document.named("overflow")},
    )


@test(BOTH)
def own_segv_handler_ends_the_program(t):
    """the program's handler runs first; its calls are in the trace"""
    document = dies(
        t,
        "segv",
        -signal.SIGSEGV,
        "main !crash\n die !crash\n  bad_write !crash\n   leaf\n   says_goodbye\n    leaf\n",
        "mine",
    )
    crash_is(t, document, "SIGSEGV")


@test(BOTH)
def own_abort_handler(t):
    """a handler for SIGABRT that raises it again"""
    dies(
        t,
        "abort",
        -signal.SIGABRT,
        "main !crash\n die !crash\n  calls_abort !crash\n   leaf\n   says_goodbye\n    leaf\n",
        "mine",
    )


@test(ALL)
def own_segv_handler_repairs(t):
    """a handler that makes the page writable, or jumps out: no crash, nothing unfinished but what was left"""
    document = dies(
        t,
        "survive",
        0,
        "main\n die\n  survives\n   repair\n    leaf\n   bad_write !unwound\n    leaf\n    repair !unwound\n     leaf\n   leaf\n",
    )
    t.expect(document.raw.get("crash") is None, f"crash is {document.raw.get('crash')!r}")


@test(BOTH)
def default_death_by_sigterm_or_sigint(t):
    """the document is written, the parent sees the same signal"""
    for how, number in (("term", signal.SIGTERM), ("int", signal.SIGINT)):
        document = dies(t, how, -number, None)
        t.same(
            "calls", ["main", "die", "kills_itself", "leaf"], [call.name for call in document.calls]
        )
        os.unlink(document.path)


@test(BOTH)
def own_sigterm_handler(t):
    """the program's handler decides"""
    dies(
        t,
        "term",
        21,
        "main !exit\n die !exit\n  kills_itself !exit\n   leaf\n   says_goodbye !exit\n    leaf\n",
        "mine",
    )


@test(BOTH)
def ignored_sigterm(t):
    """a signal that the program ignores stays ignored"""
    dies(t, "ignore", 0, "main\n die\n  raises\n   leaf x2\n")


@test(ALL)
def immediate_exits(t):
    """_exit, _Exit and quick_exit keep the trace"""
    for how, status, inside in (
        ("_exit", 12, ""),
        ("_Exit", 13, ""),
        ("quick_exit", 14, "  at_quick\n   leaf\n"),
    ):
        document = dies(t, how, status, "main !exit\n die !exit\n" + inside)
        os.unlink(document.path)


@test(BOTH)
def exit_by_raw_system_call(t):
    """exit_group by syscall(): document or recoverable trace, with every call"""
    program = t.build("deaths.c")
    plain = t.run([program, "exit_group"], traced=False)
    traced = t.run([program, "exit_group"])
    t.same_behaviour(plain, traced)
    document = t.document() if "trace.json" in os.listdir(t.out) else recover(t)
    t.same("calls", ["main", "die"], [call.name for call in document.calls])


def recover(t):
    """The document that `calltrace recover` makes of the only raw trace in the output folder."""
    there = sorted(os.listdir(t.out))
    raw = [name for name in there if name.endswith(".ctrace")]
    t.same("number of raw traces", 1, len(raw))
    result = t.run([t.context.command, "recover", os.path.join(t.out, raw[0])], traced=False)
    t.expect(result.status == 0, f"calltrace recover {raw[0]}: {result.how}, {result.err.decode()}")
    made = [name for name in os.listdir(t.out) if name.endswith(".json")]
    t.same("documents made by recover", 1, len(made))
    return t.document(made[0], alone=False)


@test(ALL)
def killed_program_is_recovered(t):
    """kill -9, then calltrace recover: every call of every thread is there"""
    rounds = 20000
    run = t.start([t.build("until_killed.c"), str(rounds)])
    t.same("first line", b"ready\n", run.stdout.readline())
    time.sleep(0.05)
    os.kill(run.pid, signal.SIGKILL)
    t.same("exit status", -signal.SIGKILL, t.finish(run).status)
    t.expect("trace.json" not in os.listdir(t.out), "a killed process wrote a document")
    document = recover(t)
    t.same("calls of step", 2 * rounds, document.count("step"))
    t.same("calls of leaf", 4 * rounds, document.count("leaf"))
    open_calls = sorted(
        (call.name, call.raw.get("unfinished"))
        for call in document.calls
        if call.raw["duration_ns"] is None
    )
    t.same(
        "open calls",
        [("main", "killed")] + [("stays", "killed")] * 2 + [("works", "killed")] * 2,
        open_calls,
    )


RAW_BYTES = 8 * 65536  # windows, tables and a few pieces that were appended


def raw_bytes(t):
    return sum(os.path.getsize(os.path.join(t.out, name)) for name in os.listdir(t.out))


@test(BOTH)
def killed_at_random(t):
    """kill -9 at two moments: the recovered trace is whole up to then, in order"""
    program = t.build("until_killed.c")
    for attempt in range(2):
        run = t.start([program, "15000"])
        deadline = time.monotonic() + 10
        while raw_bytes(t) < RAW_BYTES and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(attempt * 0.001)
        os.kill(run.pid, signal.SIGKILL)
        t.finish(run)
        document = recover(t)
        t.expect(document.count("step") > 0, "no calls were recovered")
        for call in document.calls:
            if call.name == "leaf":
                t.expect(call.parent.name == "step", f"leaf is a child of {call.parent.name}")
            if call.name == "step":
                t.expect(
                    len(call.children) == 2 or call.raw["duration_ns"] is None,
                    f"a finished step has {len(call.children)} children",
                )
        for name in os.listdir(t.out):
            os.unlink(os.path.join(t.out, name))


BLOCK_BYTES, HEADER_BYTES, USED_AT, HEAD_SUM_AT = 65536, 64, 12, 52


def covered(block):
    """Offsets in the block that its sums must cover: in the head, and the ends of what follows."""
    used = struct.unpack_from("<I", block, USED_AT)[0]
    end = HEADER_BYTES + used if used else BLOCK_BYTES
    return [HEAD_SUM_AT - 1, HEADER_BYTES, end - 1]


@test(BOTH)
def a_changed_bit_of_a_closed_trace_is_told(t):
    """in each block there is: pieces, windows in use at the end, tables, the first block"""
    for words in (["many_calls.c", "20000"], ["thread_ends.c", "left_running"], ["deaths.c", "segv"]):
        path = os.path.join(t.out, "trace.ctrace")
        t.run([t.build(words[0], ldflags=["-pthread"]), *words[1:]], env={"CALLTRACE_OUTPUT": path})
        whole = open(path, "rb").read()
        info = lambda: t.run([t.context.command, "info", path], traced=False)
        t.same(f"{words}: as it is", 0, info().status)
        types = set()
        for at in range(0, len(whole), BLOCK_BYTES):
            block = whole[at : at + BLOCK_BYTES]
            types.add((struct.unpack_from("<H", block, 4)[0], struct.unpack_from("<I", block, USED_AT)[0] > 0))
            for offset in covered(block.ljust(BLOCK_BYTES, b"\0")):
                if at + offset >= len(whole):
                    continue
                changed = bytearray(whole)
                changed[at + offset] ^= 1 << offset % 8
                with open(path, "wb") as file:
                    file.write(changed)
                t.expect(info().status in (1, 3), f"{words}: byte {offset} of block {at // BLOCK_BYTES}: nothing said")
        t.expect(len(types) >= 4, f"{words}: types of blocks: {types}")
        os.unlink(path)


@test(ONE)
def recover_of_a_living_process(t):
    """recover refuses, or reads what is there; the process goes on and writes its document at the end"""
    run = t.start(
        [t.build("until_killed.c"), "1000"],
        env={"CALLTRACE_OUTPUT": os.path.join(t.out, "trace.ctrace")},
    )
    run.stdout.readline()
    raw = [name for name in os.listdir(t.out) if name.endswith(".ctrace")]
    t.same("number of raw traces", 1, len(raw))
    result = t.run([t.context.command, "recover", os.path.join(t.out, raw[0])], traced=False)
    t.expect(run.poll() is None, "the traced process did not survive")
    if result.status != 0:
        t.expect(
            result.err.startswith(b"calltrace: ") and result.err.count(b"\n") == 1,
            f"not one line: {result.err!r}",
        )
    os.kill(run.pid, signal.SIGTERM)
    t.same("exit status", -signal.SIGTERM, t.finish(run).status)


@test(ONE)
def interrupted_while_converting(t):
    """Ctrl-C twice: the second may stop the conversion, but the recorded calls are not lost"""
    run = t.start([t.build("until_killed.c"), "300000"])
    t.same("first line", b"ready\n", run.stdout.readline())
    os.killpg(run.pid, signal.SIGINT)
    time.sleep(0.1)
    try:
        os.killpg(run.pid, signal.SIGINT)
    except ProcessLookupError:
        pass
    t.same("exit status", -signal.SIGINT, t.finish(run).status)
    if "trace.json" not in os.listdir(t.out):
        raw = os.path.join(t.out, "trace.ctrace")
        result = t.run([t.context.command, "recover", raw], traced=False)
        t.expect(result.status == 0, f"calltrace recover: {result.how}, {result.err.decode()}")
    # Millions of calls are too many for t.document(); their number is in the document's head.
    with open(os.path.join(t.out, "trace.json"), "rb") as file:
        head = file.read(65536)
    total = int(re.search(rb'"total_calls":\s*(\d+)', head).group(1))
    # main, two works, 300000 rounds of step, leaf, leaf on each thread, and maybe two stays
    t.expect(0 <= total - (2 * 3 * 300000 + 3) <= 2, f"{total} calls")


@test(BOTH)
def programs_that_watch_their_children(t):
    """a SIGCHLD handler, SIGCHLD ignored, an atexit handler that waits for all, all signals blocked"""
    program = t.build("child_signals.c")
    for how in ("handler", "ignore", "wait", "blocked"):
        document = t.compare([program, how])
        t.same("calls of leaf", 2, document.count("leaf"))
