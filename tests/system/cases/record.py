# SPDX-License-Identifier: MIT
"""`calltrace record`: the program runs as without it, and what it leaves is whole."""
import glob
import json
import os
import pty
import select
import signal
import subprocess
import time

from driver.harness import BOTH, ONE, test

CALLS = 101


def record(t, *arguments, settings=None, **options):
    env = {k: v for k, v in os.environ.items() if not k.startswith("CALLTRACE_")} | (settings or {})
    if not os.path.exists(t.context.library):
        t.skip(f"{t.context.library} is not built")
    if t.context.emulator:
        t.skip("the command records programs of its own architecture")
    return subprocess.run(
        [t.context.command, "record", *arguments],
        cwd=t.out,
        env=env,
        capture_output=True,
        timeout=60,
        **options,
    )


def report(t, *arguments):
    done = subprocess.run(
        [t.context.command, "report", "--json", *arguments], cwd=t.out, capture_output=True, timeout=60
    )
    t.same("exit status of report", 0, done.returncode)
    return json.loads(done.stdout)


@test(BOTH)
def record_ends_as_the_program(t):
    """exit statuses and deadly signals, after two lines on standard error"""
    program = t.build("recorded.c")
    for how, expected in (
        ("0", 0), ("1", 1), ("3", 3), ("255", 255),
        ("kill", -signal.SIGKILL), ("fault", -signal.SIGSEGV), ("term", -signal.SIGTERM),
    ):
        done = record(t, program, how)
        t.same(f"{how}: status", expected, done.returncode)
        t.same(f"{how}: stdout", b"", done.stdout)
        lines = done.stderr.decode().splitlines()
        t.same(f"{how}: lines on standard error", 2, len(lines))
        t.expect(lines[0].startswith(f"calltrace: {CALLS} calls of 1 thread in 1 process, "), lines[0])
        t.same(f"{how}: what to do", "calltrace: see it with: calltrace report", lines[1])
        t.same(f"{how}: calls", CALLS, report(t)["calls"])


@test(BOTH)
def record_passes_input_output_and_signals_on(t):
    """standard input and output are the program's; a signal to the command reaches it"""
    program = t.build("recorded.c")
    done = record(t, "--quiet", program, "read", input=b"a line\n")
    t.same("output", (0, b"read: a line\n", b""), (done.returncode, done.stdout, done.stderr))
    ignored = record(t, "--quiet", program, "signals").stdout
    t.same("ignored signals", t.run([program, "signals"], traced=False).out, ignored)
    process = subprocess.Popen(
        [t.context.command, "record", "-q", program, "wait"], cwd=t.out, stdout=subprocess.PIPE
    )
    t.same("ready", b"ready\n", process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    t.same("output", b"signal 15\n", process.stdout.read())
    t.same("status", 7, process.wait(timeout=30))
    t.same("calls", CALLS, report(t)["calls"])


@test(BOTH)
def record_keeps_the_recording_before(t):
    """the default folder is for the last one; the one before is beside it, older ones go"""
    program = t.build("recorded.c")
    for _ in range(3):
        record(t, program)
    t.same("folders", ["calltrace.data", "calltrace.data.old"], sorted(os.listdir(t.out)))
    t.same("calls", CALLS, report(t, "calltrace.data.old")["calls"])
    with open(os.path.join(t.out, "calltrace.data.old", "mine"), "w"):
        pass
    done = record(t, program)
    t.same("status", 1, done.returncode)
    t.expect(b"holds more than traces" in done.stderr, done.stderr)
    t.same("calls of the last", CALLS, report(t)["calls"])


@test(ONE)
def record_makes_the_folders_it_is_told(t):
    """with those around them, and a slash at the end or not"""
    program = t.build("recorded.c")
    for name in ("runs/new/1", "runs/new/2/", "runs/new/2"):
        t.same(f"{name}: status", 0, record(t, "-o", name, program).returncode)
        t.same(f"{name}: calls", CALLS, report(t, name)["calls"])
    t.same("folders", ["1", "2", "2.old"], sorted(os.listdir(os.path.join(t.out, "runs", "new"))))
    with open(os.path.join(t.out, "file"), "w"):
        pass
    done = record(t, "-o", "file/1", program)
    t.same("below a file", 1, done.returncode)
    t.expect(b"cannot make the folder" in done.stderr and b"Not a directory" in done.stderr, done.stderr)


@test(ONE)
def record_of_nothing_costs_no_recording(t):
    """a name mistyped, a program without hooks, a library that is not there: all is as it was before"""
    program = t.build("recorded.c")

    def look():
        return {name: sorted(os.listdir(os.path.join(t.out, name))) for name in sorted(os.listdir(t.out))}

    record(t, program)
    for _ in range(2):
        before = look()
        for arguments, status, says in (
            (["./nope"], 127, b"there is no program './nope'"),
            (["true"], 0, b"'calltrace.data' is the recording before this one still"),
            (["--library", "nope.so", program], 1, b"libcalltrace.so is not at nope.so"),
        ):
            done = record(t, *arguments)
            t.same("status", status, done.returncode)
            t.expect(says in done.stderr, done.stderr)
            t.same("folders", before, look())
        record(t, program)  # now with calltrace.data.old beside it
    # As a command leaves it that was killed meanwhile.
    os.rename(os.path.join(t.out, "calltrace.data.old"), os.path.join(t.out, "calltrace.data.older"))
    record(t, program)
    t.same("folders", ["calltrace.data", "calltrace.data.old"], sorted(os.listdir(t.out)))


@test(ONE)
def record_moves_documents_with_their_traces(t):
    """what was made of a trace beside it does not stand in the way of the next recording"""
    program = t.build("recorded.c")
    record(t, program)
    raw = glob.glob(os.path.join(t.out, "calltrace.data", "*.ctrace"))[0]
    document = raw.replace(".ctrace", ".json")
    subprocess.run([t.context.command, "json", raw], check=True)
    t.same("status", 0, record(t, program).returncode)
    kept = os.path.join(t.out, "calltrace.data.old")
    t.same("kept", sorted(map(os.path.basename, (raw, document))), sorted(os.listdir(kept)))
    os.unlink(os.path.join(kept, os.path.basename(raw)))
    done = record(t, program)
    t.same("status with a document alone", 1, done.returncode)
    t.expect(b"holds more than traces" in done.stderr, done.stderr)


@test(ONE)
def record_replaces_nothing_but_traces(t):
    """neither a folder with other things, hidden ones too, nor a file is moved out of the way"""
    program = t.build("recorded.c")
    for name in ("notes", ".hidden"):
        os.makedirs(os.path.join(t.out, "mine"), exist_ok=True)
        with open(os.path.join(t.out, "mine", name), "w"):
            pass
        done = record(t, "-o", "mine", program)
        t.same("status", 1, done.returncode)
        t.expect(b"/mine' holds more than traces: move it away" in done.stderr, done.stderr)
        t.same("files", [name], os.listdir(os.path.join(t.out, "mine")))
        os.unlink(os.path.join(t.out, "mine", name))
    done = record(t, "-o", "mine", program)
    t.same("status of an empty folder", 0, done.returncode)
    with open(os.path.join(t.out, "file"), "w"):
        pass
    done = record(t, "-o", "file", program)
    t.same("status", 1, done.returncode)
    t.expect(b"/file' is there and is no folder" in done.stderr, done.stderr)
    t.same("files", ["file", "mine"], sorted(os.listdir(t.out)))


@test(ONE)
def record_can_be_interrupted_at_the_end(t):
    """while it makes a document of what a killed program left; nothing half-written stays, the trace does"""
    source = os.path.join(t.dir, "many.c")
    with open(source, "w", encoding="ascii") as file:
        file.write("#include <signal.h>\n"
                   "static volatile int n; __attribute__((noinline)) static void leaf(void) { n++; }\n"
                   "int main(void) { for (int i = 0; i < 1000000; i++) leaf(); raise(SIGKILL); }\n")
    env = {k: v for k, v in os.environ.items() if not k.startswith("CALLTRACE_")}
    for number in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [t.context.command, "record", "-o", "t.json", t.build(source)], cwd=t.out, env=env, stderr=subprocess.PIPE
        )
        children = f"/proc/{process.pid}/task/{process.pid}/children"
        seen = ""
        while True:  # until it has had a child, and has none any more
            t.expect(process.poll() is None, "it has ended")
            with open(children, encoding="ascii") as file:
                now = file.read()
            if seen and not now:
                break
            seen = seen or now
        process.send_signal(number)
        process.communicate(timeout=60)
        t.same("status", -number, process.returncode)
        t.same("files", ["t.ctrace"], os.listdir(t.out))
        os.unlink(os.path.join(t.out, "t.ctrace"))


@test(ONE)
def record_stops_and_goes_on_with_the_program(t):
    """Ctrl-Z stops both, fg lets both go on, Ctrl-C ends the program, and the trace is whole"""
    t.need("bash")
    program = t.build("watched.c")
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(t.out)
        os.execvp("bash", ["bash", "-c", f"set -m; {t.context.command} record {program}; echo stopped $?; fg; echo ended $?"])
    text = b""

    def read_until(what):
        """Or to the end, for None."""
        nonlocal text
        end = time.monotonic() + 30
        while what is None or what not in text:
            t.expect(time.monotonic() < end, f"no '{what}' in {text}")
            if select.select([fd], [], [], 0.1)[0]:
                try:
                    text += os.read(fd, 4096)
                except OSError:
                    return

    while not glob.glob(os.path.join(t.out, "calltrace.data", "*.ctrace")):
        time.sleep(0.01)
    time.sleep(0.2)
    os.write(fd, b"\x1a")
    read_until(b"stopped 148")
    time.sleep(0.2)
    os.write(fd, b"\x03")
    read_until(None)
    t.same("status", 130, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    t.expect(b"2 threads in 1 process" in text and b"see it with: calltrace report" in text, text)
    names = {row["function"] for row in report(t)["rows"]}
    t.expect({"main", "work", "leaf", "nap"} <= names, names)


@test(BOTH)
def record_into_files(t):
    """-o NAME.ctrace and NAME.json, the latter also when the program is killed"""
    program = t.build("recorded.c")
    done = record(t, "-o", "one.ctrace", program)
    t.expect(b"in 'one.ctrace'" in done.stderr, done.stderr)
    t.same("calls", CALLS, report(t, "one.ctrace")["calls"])
    for how in ("0", "kill"):
        record(t, "-o", "two.json", program, how)
        with open(os.path.join(t.out, "two.json"), encoding="utf-8") as file:
            t.same("calls", CALLS, json.load(file)["metadata"]["total_calls"])
    t.same("files", ["one.ctrace", "two.json"], sorted(os.listdir(t.out)))


@test(BOTH)
def record_takes_whole_process_trees(t):
    """a trace for each process that made calls, shell scripts and their children included"""
    program = t.build("recorded.c")
    done = record(t, "sh", "-c", f"{program} fork; {program}; true")
    t.expect(b"of 3 threads in 3 processes" in done.stderr, done.stderr)
    t.same("calls", 2 * CALLS + 1, report(t)["calls"])
    rows = report(t, "--by", "process")["rows"]
    t.same("calls of processes", [1, CALLS, CALLS], sorted(row["calls"] for row in rows))


@test(BOTH)
def record_says_when_nothing_was_recorded(t):
    """a program without hooks, and none at all"""
    done = record(t, "true")
    t.same("status", 0, done.returncode)
    lines = done.stderr.decode().splitlines()
    t.expect("no call was recorded: '" in lines[0] and "true' is not instrumented" in lines[0], lines)
    t.same("what to do", "calltrace: see what to do about it with: calltrace doctor true", lines[1])
    t.same("files", [], os.listdir(t.out))
    for program, status, text in (
        ("./nothing", 127, b"there is no program './nothing'"),
        ("/etc/passwd", 126, b"cannot execute '/etc/passwd': Permission denied"),
    ):
        done = record(t, program)
        t.same("status", status, done.returncode)
        t.same("stderr", b"calltrace: " + text + b"\n", done.stderr)
    t.same("files", [], os.listdir(t.out))


@test(BOTH)
def record_sets_what_it_is_told(t):
    """options are the library's settings"""
    if os.uname().machine != "x86_64":
        t.skip("values are captured on x86-64 only")
    program = t.build("recorded.c")
    record(t, "-o", "t.json", "--args", "--max-depth", "9", "--clock", "monotonic",
           "--layout", "flat", "--pretty", program)
    with open(os.path.join(t.out, "t.json"), encoding="utf-8") as file:
        text = file.read()
    document = json.loads(text)
    t.expect("\n" in text, "the document is not indented")
    config = document["metadata"]["config"]
    t.same("max_depth", 9, config["max_depth"])
    t.same("clock", "monotonic", document["metadata"]["clock"])
    calls = [c for tree in document["call_trees"] for c in tree["root_calls"] if c["function"] == "add"]
    t.same("n", 42, calls[42]["arguments"][0]["value"])


@test(BOTH)
def record_and_report_mean_the_same_files(t):
    """file: and module: patterns of --args-filter and --function; sources that were compiled by relative paths"""
    if os.uname().machine != "x86_64":
        t.skip("values are captured on x86-64 only")
    source = os.path.join(t.out, "proj", "src", "net", "ch.c")
    os.makedirs(os.path.dirname(source))
    with open(source, "w", encoding="utf-8") as file:
        file.write("int sum(int a, int b) { return a + b; }\nint main(void) { return sum(1, -1); }\n")
    for flags in ([], ["-gdwarf-5", "-gsplit-dwarf"], ["-gdwarf-4", "-gsplit-dwarf"]):
        subprocess.run(
            [t.context.drivers[t.compiler][0], "-g", "-finstrument-functions", *flags, "src/net/ch.c", "-o", "ch"],
            cwd=os.path.join(t.out, "proj"), check=True, timeout=60,
        )
        for pattern, fits in (
            ("file:src/net/*", True), ("file:net/*.c", True), ("file:ch.c", True), ("file:*/src/net/*", True),
            (f"file:{t.out}/*/src/net/*", True), ("file:rc/net/*", False), ("file:src/net", False),
            ("file:/src/net/*", False), ("module:proj/ch", True), ("module:ch", True), ("module:/ch", False),
        ):
            done = record(t, "-o", "t.ctrace", "--args-filter", pattern, "proj/ch")
            t.same(f"{flags} {pattern}: complaint", not fits, b"fits no function" in done.stderr)
            replayed = subprocess.run(
                [t.context.command, "replay", "t.ctrace", "--function", pattern],
                cwd=t.out, capture_output=True, timeout=60,
            )
            t.same(f"{flags} {pattern}: replay", 0 if fits else 1, replayed.returncode)
            t.same(f"{flags} {pattern}: values", fits, b"a=1, b=-1" in replayed.stdout)


@test(("gcc-O2",))
def replay_says_what_is_missing(t):
    """a value that is not known, where nothing at all was captured of the call: the reason that JSON has"""
    if os.uname().machine != "x86_64":
        t.skip("values are captured on x86-64 only")
    source = os.path.join(t.out, "gone.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("static __attribute__((noinline)) void gone(int x) { (void)x; __asm__ volatile(\"\"); }\n"
                   "static inline __attribute__((always_inline)) int twice(int x) { return x * 2; }\n"
                   "int main(int argc, char **argv) { (void)argv; gone(3); return twice(argc) - 2; }\n")
    record(t, "-o", "t.ctrace", "--args", t.build(source))

    def replay(*arguments):
        return subprocess.run(
            [t.context.command, "replay", "t.ctrace", "--function", "gone", "--function", "twice", *arguments],
            cwd=t.out, capture_output=True, timeout=60, check=True,
        ).stdout.decode()

    calls = {call["function"]: call for call in map(json.loads, replay("--json").splitlines())}
    why = calls["gone"]["arguments"][0]["why"]
    t.same("why there is no result", "inlined", calls["twice"]["return_value"]["why"])
    t.expect(why in ("entry value", "optimized out"), why)
    for values in ("short", "full"):
        text = replay("--values", values)
        t.expect(f"gone(x=<{why}>);" in text and "twice(x=1) = <inlined>;" in text, f"{values}: {text}")


@test(ONE)
def record_names_the_files_of_all_processes(t):
    """-o FILE of several processes: what was recorded in all of them, and a command that shows it; no older file"""
    program = t.build("recorded.c")
    with open(os.path.join(t.out, "o.1.json"), "w", encoding="utf-8") as file:
        file.write("{}")
    os.utime(os.path.join(t.out, "o.1.json"), (1, 1))
    for name, see in (("o.ctrace", "see it with: calltrace report "), ("o.json", "see it with: jq . "),
                      ("o.svg", "see what shows it with: calltrace help export")):
        before = set(os.listdir(t.out))
        done = record(t, "-o", name, "sh", "-c", f"{program}; {program}; {program}")
        made = set(os.listdir(t.out)) - before
        t.same(f"{name}: files", 3, len(made))
        lines = done.stderr.decode().splitlines()
        t.same(f"{name}: lines", 2, len(lines))
        t.expect("3 processes, " in lines[0] and f" in '{name}' and 2 files beside it" in lines[0], lines)
        t.expect(lines[1].startswith(f"calltrace: {see}"), lines)
        if name != "o.svg":
            t.same(f"{name}: named", made, set(lines[1][len(f"calltrace: {see}"):].split()))
        if name == "o.ctrace":
            t.expect(f": {3 * CALLS} calls of 3 threads in" in lines[0], lines)
            t.same("calls", 3 * CALLS, report(t, *lines[1].split()[6:])["calls"])
            for each in made:
                os.unlink(os.path.join(t.out, each))


@test(ONE)
def record_leaves_finished_traces_alone(t):
    """a document of the same name, of a program that ends and of one that is killed, beside a trace that is kept"""
    program = t.build("recorded.c")
    record(t, "-q", "-o", "q.ctrace", program)
    with open(os.path.join(t.out, "q.ctrace"), "rb") as file:
        kept = file.read()
    for how in ("0", "kill"):
        for name in ("q.svg", "q.json", "q.csv"):
            done = record(t, "-q", "-o", name, program, how)
            t.same(f"{name} {how}: said", b"", done.stderr)
            t.same(f"{name} {how}: files", sorted(["q.ctrace", name]), sorted(os.listdir(t.out)))
            os.unlink(os.path.join(t.out, name))
    with open(os.path.join(t.out, "q.ctrace"), "rb") as file:
        t.expect(file.read() == kept, "the trace is another one")


@test(ONE)
def record_names_the_settings_it_does_not_use(t):
    """CALLTRACE_OUTPUT without -o and CALLTRACE_ENABLED=0, in a line each; not what another recording has set"""
    program = t.build("recorded.c")
    for settings, options, said in (
        ({"CALLTRACE_OUTPUT": "z.json"}, [], ["CALLTRACE_OUTPUT is not used here; name the output with -o"]),
        ({"CALLTRACE_OUTPUT": "z.json"}, ["-o", "y"], []),
        ({"CALLTRACE_OUTPUT": "z.json", "CALLTRACE_RUN": "1"}, [], []),
        ({"CALLTRACE_ENABLED": "0"}, [], ["CALLTRACE_ENABLED=0 is not used here: calls are recorded"]),
        ({"CALLTRACE_ENABLED": "1"}, [], []),
    ):
        done = record(t, *options, program, settings=settings)
        t.same(f"{settings} {options}", [f"calltrace: {line}" for line in said], done.stderr.decode().splitlines()[:-2])
        t.same("calls", CALLS, report(t, *options[1:])["calls"])
        t.expect(not os.path.exists(os.path.join(t.out, "z.json")), "z.json is there")


@test(ONE)
def record_makes_no_packs(t):
    """a name that ends in .ctpack is refused, and no folder made"""
    done = record(t, "-o", "o.ctpack", t.build("recorded.c"))
    t.same("status", 1, done.returncode)
    t.expect(b"'o.ctpack' would be a pack" in done.stderr and b"calltrace pack" in done.stderr, done.stderr)
    t.same("files", [], os.listdir(t.out))


@test(ONE)
def record_tells_of_one_that_goes_on(t):
    """a process that still runs when the program has ended"""
    program = t.build("recorded.c")
    done = record(t, "sh", "-c", f"{program}; {program} wait >out 2>&1 </dev/null & echo $! >pid; sleep 0.3")
    with open(os.path.join(t.out, "pid"), encoding="utf-8") as file:
        os.kill(int(file.read()), signal.SIGTERM)
    t.expect(b"1 process still runs, and goes on being recorded" in done.stderr, done.stderr)


@test(ONE)
def record_takes_what_the_library_takes(t):
    """the least and the greatest of each option reach the run without a complaint"""
    program = t.build("recorded.c")
    for options in (
        ("--clock", "tsc", "--max-depth", "0", "--max-string", "1", "--max-pointee", "0", "--layout", "nested"),
        ("--clock", "none", "--max-depth", "16777214", "--max-string", "4096", "--max-pointee", "4"),
    ):
        done = record(t, *options, program)
        t.same(f"{options}: status", 0, done.returncode)
        t.expect(b"not accepted" not in done.stderr, done.stderr)
        t.same(f"{options}: calls", CALLS, report(t)["calls"])
