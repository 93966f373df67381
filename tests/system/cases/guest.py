# SPDX-License-Identifier: MIT
"""The library is a guest: whatever the program does to its process, it is not disturbed."""
import os
import re
import shutil
import signal
import stat
import subprocess

from driver.harness import ALL, BOTH, ONE, test


@test(ALL)
def errno_signal_mask_and_descriptors_are_as_untraced(t):
    """errno, signal mask, handlers, next free descriptor, limits, children: the same"""
    document = t.compare([t.build("guest_state.c", ldflags=["-lm"])])
    t.same("exit status", 11, t.traced.status)
    t.same("calls of leaf", 90002, document.count("leaf"))


@test(ONE + ("clang-O2",))
def guest_state_with_debug_log(t):
    """with CALLTRACE_DEBUG=1 only standard error differs"""
    program = t.build("guest_state.c", ldflags=["-lm"])
    plain = t.run([program], traced=False)
    traced = t.run([program], env={"CALLTRACE_DEBUG": "1"})
    t.same("exit status, standard output", (plain.status, plain.out), (traced.status, traced.out))


def takes_descriptors(t, how):
    document = t.compare([t.build("descriptors.c"), how], check=False)
    t.same("what the program found in its files", b"files with wrong content: 0\n", t.traced.out)
    for name in os.listdir(t.dir):
        if name.startswith("run"):
            t.same("files left in the program's folder", [], os.listdir(os.path.join(t.dir, name)))
    document = t.document(lost=True)
    calls = document.count("leaf")
    lost = document.metadata["lost_events"]
    t.same("calls of leaf, lost events", (90000, 0), (calls, lost))


@test(BOTH)
def program_closes_all_descriptors(t):
    """close() of each, then files of its own at these numbers"""
    takes_descriptors(t, "close")


@test(BOTH)
def program_uses_closefrom(t):
    """closefrom()"""
    takes_descriptors(t, "closefrom")


@test(BOTH)
def program_uses_close_range(t):
    """close_range()"""
    takes_descriptors(t, "close_range")


@test(BOTH)
def program_uses_dup2_over_all(t):
    """dup2() over every number"""
    takes_descriptors(t, "dup2")


@test(BOTH)
def raw_system_calls_take_descriptors(t):
    """close, close_range and dup2 by syscall(), which nobody sees: the program's files stay its own"""
    for how in ("raw_close", "raw_close_range", "raw_dup2"):
        takes_descriptors(t, how)
        os.unlink(os.path.join(t.out, "trace.json"))


MOVES = 40003


@test(BOTH)
def program_changes_directory(t):
    """chdir: a relative output path is that of the start"""
    document = t.compare(
        [t.build("moves.c"), "chdir"], env={"CALLTRACE_OUTPUT": "../out/trace.json"}
    )
    t.same("calls", MOVES, len(document.calls))


@test(ONE)
def program_changes_root(t):
    """chroot: what was recorded is not lost"""
    t.need_root()
    root = os.path.join(t.dir, "root")
    os.mkdir(root)
    program = t.build("moves.c")
    plain = t.run([program, "chroot", root], traced=False)
    traced = t.run([program, "chroot", root])
    t.same("exit status, standard output", (plain.status, plain.out), (traced.status, traced.out))
    kept_somewhere(t, MOVES, traced)


@test(ONE)
def program_drops_its_rights(t):
    """setuid to nobody: what was recorded is not lost"""
    t.need_root()
    program = t.build("moves.c")
    plain = t.run([program, "setuid"], traced=False)
    traced = t.run([program, "setuid"])
    t.same("exit status, standard output", (plain.status, plain.out), (traced.status, traced.out))
    kept_somewhere(t, MOVES, traced)


def kept_somewhere(t, calls, traced):
    """A document, or a raw trace with one line that names it and the command to finish."""
    there = os.listdir(t.out)
    if "trace.json" in there:
        t.same("standard error", b"", traced.err)
        t.same("calls", calls, len(t.document().calls))
        return
    raw = [name for name in there if name.endswith(".ctrace")]
    t.same("number of raw traces", 1, len(raw))
    lines = traced.err.decode().splitlines()
    t.expect(
        len(lines) <= 2 and lines[-1].startswith("calltrace: ") and raw[0] in lines[-1],
        f"standard error is {traced.err!r}",
    )
    result = t.run(
        [
            t.context.command,
            "json",
            os.path.join(t.out, raw[0]),
            "-o",
            os.path.join(t.out, "trace.json"),
        ],
        traced=False,
    )
    t.same("calltrace json", (0, b""), (result.status, result.err))
    t.same("calls", calls, len(t.document(alone=False).calls))


@test(BOTH)
def program_replaces_malloc(t):
    """a traced malloc of the program's own"""
    document = t.compare([t.build("own_malloc.c", cflags=["-fno-builtin"])])
    t.expect(
        document.count("malloc") >= 2 and document.count("free") >= 2,
        "the program's malloc and free are not in the trace",
    )
    for call in document.named("malloc"):
        t.expect(
            [child.name for child in call.children] == ["take"],
            "malloc has other children than take",
        )


@test(ONE)
def set_user_id_program_is_left_alone(t):
    """AT_SECURE: the environment is ignored, the library stays off"""
    t.need_root()
    folder = os.path.dirname(t.context.library)
    if not os.path.exists(t.context.library):
        t.skip(f"{t.context.library} is not built")
    flags = [f"-L{folder}", "-Wl,--no-as-needed", "-lcalltrace", f"-Wl,-rpath,{folder}"]
    program = os.path.join(t.dir, "privileged")
    shutil.copy(t.build("small_calls.c", ldflags=flags, name="small_linked"), program)
    os.chown(program, 65534, 65534)
    os.chmod(program, 0o6755)
    if os.stat(program).st_mode & stat.S_ISUID == 0 or os.statvfs(t.dir).f_flag & os.ST_NOSUID:
        t.skip("the file system does not do set-user-ID")
    os.chmod(t.out, 0o777)
    result = t.run([program], env={"LD_PRELOAD": None, "CALLTRACE_DEBUG": "1"})
    t.same("behaviour", (0, b"4\n", b""), (result.status, result.out, result.err))
    t.same("documents", [], os.listdir(t.out))


@test(ONE)
def no_descriptor_free(t):
    """RLIMIT_NOFILE so low that no file can be opened: one line, the program is unharmed"""
    import resource

    program = t.build("many_calls.c")
    result = t.run([program, "100000"], limits=[(resource.RLIMIT_NOFILE, 4)])
    t.same("exit status, output", (9, b"100000 calls\n"), (result.status, result.out))
    if os.listdir(t.out):
        kept_somewhere(t, 100001, result)
    else:
        lines = result.err.decode().splitlines()
        t.expect(
            len(lines) == 1 and lines[0].startswith("calltrace: "),
            f"standard error is {result.err!r}",
        )


@test(ONE)
def closed_standard_streams(t):
    """started with descriptors 0 to 2 closed: nothing of ours lands in the program's first file"""
    program = t.build("descriptors.c")
    shell = ["/bin/sh", "-c", f"exec '{program}' close 0<&- 1>&- 2>&-"]
    result = t.run(shell)
    t.same("exit status", 0, result.status)


@test(BOTH)
def output_of_a_pipeline_is_not_touched(t):
    """nothing is written to standard output or error by default"""
    result = t.run([t.build("many_calls.c"), "10"])
    t.same("behaviour", (9, b"10 calls\n", b""), (result.status, result.out, result.err))


@test(ONE)
def environment_of_children_is_as_untraced(t):
    """the program sees the environment that it was given"""
    result = t.run(["/bin/sh", "-c", "env | sort | grep -v '^_='"], env={"PROBE": "1"})
    lines = result.out.decode().splitlines()
    ours = [line for line in lines if line.startswith(("CALLTRACE_", "LD_"))]
    # How a program that this one starts knows that it is not the first of the run.
    ours = [line for line in ours if not line.startswith("CALLTRACE_RUN=")]
    t.same(
        "our variables",
        [f"CALLTRACE_OUTPUT={t.out}/trace.json", f"LD_PRELOAD={t.context.library}"],
        ours,
    )


@test(BOTH)
def plugin_brings_the_unwinder(t):
    """a C program whose plug-in throws: the unwinder is in the plug-in's scope alone"""
    plugin = t.build("throwing_plugin.cpp", shared=True, name="throwing.so")
    document = t.compare([t.build("loads_plugin.c", ldflags=["-ldl"]), plugin])
    t.same("calls of thrower", 1, document.count("thrower"))


@test(BOTH)
def constructor_waits_for_a_thread(t):
    """a thread that libc's functions are called on while another holds the loader's lock"""
    plugin = t.build("waiting_constructor.c", shared=True, name="waiting.so")
    t.compare([t.build("loads_plugin.c", ldflags=["-ldl"]), plugin])
    t.same("standard output", b"42\n", t.traced.out)


@test(BOTH)
def death_on_a_small_signal_stack(t):
    """SIGTERM on 8 KiB of signal stack with nothing below: the signal kills, the document is there"""
    document = t.compare([t.build("signal_stack_sizes.c"), "small"])
    t.same("exit status", -signal.SIGTERM, t.traced.status)
    t.same("calls of leaf", 1, document.count("leaf"))


@test(BOTH)
def handler_that_finds_no_signal_stack(t):
    """SA_ONSTACK without a signal stack: the handler has the thread's own, and all its room"""
    document = t.compare([t.build("signal_stack_sizes.c"), "none"])
    t.same("calls of leaf", 2, document.count("leaf"))


@test(BOTH)
def nobody_reads_standard_error(t):
    """our lines into a closed pipe: no SIGPIPE for the program"""
    program = t.build("small_calls.c")
    reader, writer = os.pipe()
    os.close(reader)
    environment = dict(
        os.environ,
        LD_PRELOAD=t.context.library,
        CALLTRACE_MAX_DEPTH="x",
        CALLTRACE_DEBUG="1",
        CALLTRACE_OUTPUT=os.path.join(t.out, "trace.json"),
    )
    run = subprocess.run([program], env=environment, stdout=subprocess.PIPE, stderr=writer)
    os.close(writer)
    t.same("exit status, output", (0, b"4\n"), (run.returncode, run.stdout))


@test(BOTH)
def alloca_and_variable_arrays(t):
    """functions whose stack pointer has moved between the hooks"""
    t.compare(
        [t.build("alloca.c")],
        tree="""
main
    takes x2
        leaf
    nested
        leaf
        nested
            leaf
            nested
                leaf
                nested
                    leaf
                    takes
                        leaf
    leaf
""",
    )


@test(ALL)
def program_recovers_from_stack_overflows(t):
    """its handler jumps out of 100 overflows on each of two threads: wherever they happen"""
    import resource

    program = t.build("stack_overflow.c", ldflags=["-pthread"])
    limits = [(resource.RLIMIT_STACK, 256 << 10)]
    for capture in ("0", "1"):
        env = {"CALLTRACE_CAPTURE_ARGS": capture}
        document = t.compare([program], env=env, limits=limits, timeout=120)
        t.same("overflows", b"recovered 100 times\n" * 2, t.traced.out)
        t.same("calls after an overflow", 2 * 100, len(recoveries(document)))
        os.unlink(document.path)


def recoveries(document):
    """The calls of leaf after an overflow; within one they are children of recurse."""
    return [c for c in document.named("leaf") if c.parent is None or c.parent.name != "recurse"]


@test(ALL)
def signal_stacks_are_as_untraced(t):
    """sigaltstack() shows what the program has set; its handlers run where they would"""
    t.compare([t.build("signal_stack_queries.c", ldflags=["-pthread"])])
