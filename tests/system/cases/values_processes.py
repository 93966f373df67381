# SPDX-License-Identifier: MIT
"""Values where threads, coroutines, plug-ins and processes come and go."""
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess

from cases.values_hostile import install
from driver import account
from driver.harness import ALL, BOTH, ONE, test


def need_switch(t):
    if os.uname().machine != "x86_64":
        t.skip("the switch is written for x86-64")


@test(ALL)
def values_in_coroutines(t):
    """functions with values that are left by swapcontext, and come back"""
    tally = account.compare_and_check(t, [t.build("values_contexts.c")])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(BOTH)
def values_in_coroutines_by_assembly(t):
    """the same with a hand-written switch that no library sees"""
    need_switch(t)
    program = t.build("values_contexts.c", cflags=["-DASSEMBLY"], name="values_contexts_asm")
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(ALL)
def values_on_stacks_of_all_kinds(t):
    """on signal stacks and threads' own; pointers that lead nowhere where no fault may come"""
    document, rows = account.compare(t, [t.build("values_stacks.c")])
    tally = account.check(t, document, rows)
    account.expect_shares(t, tally, 0.9, 0.9)
    for call in document.named("bad_string") + document.named("bad_pair"):
        bad = account.shown_argument(call, "bad")
        which = account.shown_argument(call, "n")["value"] % 10
        if call.name == "bad_string" and which in (1, 2):
            continue  # it begins where memory is, and has no end
        if account.absent(bad) in (None, "unreadable") and which != 7:
            t.expect(bad.get("unreadable"), f"{account.where(call)}: a bad pointer is {bad}")


@test(BOTH)
def values_of_memory_that_comes_and_goes(t):
    """another thread takes the memory away while it is read, and the program handles faults"""
    document, _ = account.compare(t, [t.build("values_stacks.c"), "races"])
    calls = document.named("racing")
    t.same("calls of racing", 4000, len(calls))
    for n, call in enumerate(calls):
        bad = account.shown_argument(call, "bad")
        text = bad.get("value")
        t.expect(
            bad.get("unreadable") or account.absent(bad) or set(text) <= {"x"},
            f"{account.where(call)}: the text is {bad}",
        )
        t.same("n", n, account.shown_argument(call, "n")["value"])


@test(("gcc-O0", "gcc-O2", "clang-O0"))  # Clang -O2: a resumed coroutine has no entry of its own
def values_in_generators(t):
    """C++20 coroutines call functions with values, and are left by exceptions"""
    program = t.build("values_generators.cpp", cflags=["-std=c++20"])
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(ALL)
def values_and_threads(t):
    """threads by the dozen, that return, call pthread_exit, or are cancelled in either way"""
    tally = account.compare_and_check(t, [t.build("values_threads.c")])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(BOTH)
def values_and_threads_with_fexceptions(t):
    """the same where forced unwinding runs exit hooks"""
    program = t.build("values_threads.c", cflags=["-fexceptions"])
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(ALL)
def values_of_plugins_at_one_address(t):
    """plug-ins that are loaded in turns, with other functions at the same addresses"""
    plugins = [
        t.build("values_plugin.c", cflags=[f"-D{which}"], shared=True, name=f"values_{which}.so")
        for which in ("FIRST", "SECOND")
    ]
    program = t.build("values_loads.c", ldflags=["-ldl"])
    tally = account.compare_and_check(t, [program, *plugins])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(BOTH)
def values_of_a_module_that_many_threads_enter_at_once(t):
    """the first calls of a plug-in's functions come from sixteen threads at the same moment"""
    plugin = t.build("values_plugin.c", cflags=["-DFIRST"], shared=True, name="values_FIRST.so")
    program = t.build("values_race.c", ldflags=["-ldl"], instrument=False)
    for _ in range(3):
        tally = account.compare_and_check(t, [program, plugin])
        account.expect_shares(t, tally, 0.9, 0.9)
        account.clear(t)
        shutil.rmtree(os.path.join(t.dir, "plans"), ignore_errors=True)


@test(BOTH)
def values_of_many_processes_that_start_at_once(t):
    """eight programs start at the same moment, with no plan kept yet: each has its values"""
    program = t.build("values_jumps.c")
    started = []
    for number in range(8):
        env = account.environment(t, {"CALLTRACE_OUTPUT": os.path.join(t.out, f"{number}.json")})
        started.append((t.account, t.start([program], env=env)))
    for number, (path, process) in enumerate(started):
        result = t.finish(process)
        t.same("exit status, standard error", (1, b""), (result.status, result.err))
        document = t.document(f"{number}.json", alone=False)
        tally = account.check(t, document, account.rows_of(path))
        account.expect_shares(t, tally, 0.9, 0.9)


def check_documents(t, rows):
    """A document for each process, and in each what it told of."""
    documents = [t.document(name, alone=False) for name in sorted(os.listdir(t.out))]
    told = {}
    for row in rows:
        told.setdefault(row.pid, []).append(row)
    tally = account.Tally()
    for document in documents:
        pid = document.metadata["process"]["process_id"]
        # A process that executes has two documents, and one account.
        parts = [each for each in documents if each.metadata["process"]["process_id"] == pid]
        mine = told[pid]
        if len(parts) == 2:
            cut = next(at for at, row in enumerate(mine) if at and row.name == "main")
            mine = (
                mine[cut:]
                if "executed" in document.metadata["process"]["command_line"]
                else mine[:cut]
            )
        account.check(t, document, mine, tally)
    t.same("processes", len(told), len({each.metadata["process"]["process_id"] for each in documents}))
    return tally


@test(ALL)
def values_and_processes(t):
    """fork, vfork, exec and both in the middle of functions with values"""
    program = t.build("values_processes.c")
    for how, documents in (
        ("forks", 2),
        ("forks_and_returns", 2),
        ("vforks", 1),
        ("executes", 2),
        ("spawns", 2),
    ):
        _, rows = account.compare(t, [program, how])
        t.same(f"{how}: documents", documents, len(os.listdir(t.out)))
        tally = check_documents(t, rows)
        account.expect_shares(t, tally, 0.9, 0.85)
        account.clear(t)


ENDINGS = {
    "returns": 0,
    "exit": 10,
    "_exit": 10,
    "quick_exit": 10,
    "abort": -signal.SIGABRT,
    "term": -signal.SIGTERM,
    "segv": -signal.SIGSEGV,
}


@test(ALL)
def values_and_endings(t):
    """exit, _exit, quick_exit, abort and deaths in the middle of functions with values"""
    program = t.build("values_processes.c")
    for how, status in ENDINGS.items():
        tally = account.compare_and_check(t, [program, how])
        t.same(f"{how}: exit status", status, t.traced.status)
        account.expect_shares(t, tally, 0.9, 0.5)
        account.clear(t)


@test(BOTH)
def values_of_a_killed_process(t):
    """kill -9: what was captured until then is in the trace"""
    program = t.build("values_processes.c")
    document, rows = account.compare(t, [program, "kill"])
    t.expect(document is None, "a killed process has made its document")
    t.same("exit status", -signal.SIGKILL, t.traced.status)
    (raw,) = os.listdir(t.out)
    path = os.path.join(t.out, "trace.json")
    made = t.run([t.context.command, "json", os.path.join(t.out, raw), "-o", path], traced=False)
    t.same("calltrace json", 0, made.status)
    tally = account.check(t, t.document(alone=False), rows)
    account.expect_shares(t, tally, 0.9, 0.9)


def many_functions(count):
    """C: functions with parameters of several types, enough for several planners"""
    lines = ["struct pair { int a; const char *b; };"]
    for i in range(count):
        lines.append(f"long many_{i}(int n, struct pair *pair, double by, const char *text) "
                     f"{{ return n > {i} ? pair->a + (long)by : text[0]; }}")
    return "\n".join(lines) + "\nint main(void) { return 0; }\n"


def many_program(t):
    source = os.path.join(t.dir, "many.c")
    with open(source, "w", encoding="ascii") as file:
        file.write(many_functions(1200))
    return t.build([(source, ["-Wno-unused-parameter"])], name="many")


@test(BOTH)
def values_planned_by_several_processes(t):
    """a large module's plans are the same whoever makes them; no process is left"""
    if os.uname().machine != "x86_64" or t.context.emulator:
        t.skip("arguments are for x86-64")
    program = many_program(t)
    cache = os.path.join(t.dir, "cache")
    plans = []
    for workers in ([], ["--workers", "1"], ["--workers", "2"], ["--workers", "7"]):
        path = os.path.join(t.dir, "plans")
        with open(path, "wb") as file:
            done = subprocess.run(
                [t.context.command, "plan", program, "--fd", str(file.fileno()), *workers],
                env={**t.environment(False), "XDG_CACHE_HOME": cache},
                pass_fds=[file.fileno()],
                timeout=60,
            )
        t.same("status", 0, done.returncode)
        with open(path, "rb") as file:
            plans.append(file.read())
        shutil.rmtree(cache)
    t.expect(len(plans[0]) > 100000, f"the plans have {len(plans[0])} bytes")
    t.expect(plans.count(plans[0]) == len(plans), "plans differ with the number of processes")


def on_terminal(command, env):
    """Run it with a terminal as its standard error. Returns (status, what the terminal got)."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=theirs
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                got = os.read(ours, 4096)
            except OSError:  # all who had the terminal have ended
                break
            if not got:
                break
            shown += got
    os.close(ours)
    return process.returncode, shown


def check_line(t, what, shown):
    """The line has been written over, with rising numbers, and was taken away at the end."""
    line = rb"\r\x1b\[Kcalltrace: finding arguments in the debug information, (\d+) %"
    t.expect(
        re.fullmatch(rb"(?:" + line + rb")+\r\x1b\[K", shown),
        f"{what}: the terminal got {shown[:300]!r} to {shown[-100:]!r}",
    )
    percents = [int(each) for each in re.findall(line, shown)]
    t.expect(
        percents == sorted(percents) and percents[-1] <= 100, f"{what}: the numbers {percents}"
    )


@test(ONE)
def values_and_the_planners_progress(t):
    """a line on a terminal when it takes long, which goes away; nothing elsewhere, or when quiet"""
    if os.uname().machine != "x86_64" or t.context.emulator:
        t.skip("arguments are for x86-64")
    program = many_program(t)
    clock = t.build("hasty_clock.c", shared=True, instrument=False, ldflags=["-ldl"])
    plan = [t.context.command, "plan", program]
    plain = t.environment(False)
    slow = {**plain, "LD_PRELOAD": clock}
    for workers in ([], ["--workers", "1"]):
        status, shown = on_terminal([*plan, *workers], slow)
        t.same("status", 0, status)
        check_line(t, f"calltrace plan {workers}", shown)
    t.same("what takes no time", (0, b""), on_terminal(plan[:2] + [clock], plain))
    t.same("with --quiet", (0, b""), on_terminal([*plan, "--quiet"], slow))
    done = subprocess.run(plan, env=slow, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    t.same("elsewhere", (0, b""), (done.returncode, done.stderr))

    # The same when the library starts it.
    env = {
        **t.environment(True, {"CALLTRACE_CAPTURE_ARGS": "1"}),
        **install(t, f'LD_PRELOAD={shlex.quote(clock)} exec "$real" "$@"'),
    }
    status, shown = on_terminal([program], env)
    t.same("status", 0, status)
    check_line(t, "a program", shown)
    t.same("plans from the cache", (0, b""), on_terminal([program], env))
    shutil.rmtree(env["XDG_CACHE_HOME"])
    done = subprocess.run([program], env=env, stderr=subprocess.PIPE)
    t.same("a program elsewhere", (0, b""), (done.returncode, done.stderr))
