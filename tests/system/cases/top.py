# SPDX-License-Identifier: MIT
"""`calltrace top`: what is seen of running processes, in tables and on a terminal."""
import fcntl
import json
import os
import pty
import random
import re
import select
import signal
import struct
import subprocess
import termios
import time

from driver.harness import BOTH, ONE, test

PATIENCE_S = 30


class Watched:
    """A program that is being recorded until it is told to end."""

    def __init__(self, t, *arguments, where="calltrace.data"):
        if not os.path.exists(t.context.library):
            t.skip(f"{t.context.library} is not built")
        if t.context.emulator:
            t.skip("the command reads traces of its own architecture")
        self.t = t
        os.makedirs(os.path.join(t.out, where), exist_ok=True)
        env = {k: v for k, v in os.environ.items() if not k.startswith("CALLTRACE_")}
        env.update(LD_PRELOAD=t.context.library, CALLTRACE_OUTPUT=os.path.join(t.out, where, "%e.%p.ctrace"))
        self.process = subprocess.Popen(
            [t.build("watched.c"), *arguments], env=env, cwd=t.out, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        end = time.monotonic() + PATIENCE_S
        while ".ctrace" not in open(f"/proc/{self.process.pid}/maps", encoding="utf-8").read():
            t.expect(time.monotonic() < end, "the program records nothing")
            time.sleep(0.01)

    def end(self):
        """The numbers of calls to leaf, work and nap."""
        out, _ = self.process.communicate(b"\n", timeout=PATIENCE_S)
        return [int(n) for n in out.split()]


def top(t, *arguments):
    return subprocess.Popen(
        [t.context.command, "top", *arguments], cwd=t.out, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def rows(shot):
    return {row["function"]: row for row in shot["rows"]}


@test(BOTH)
def top_counts_what_is_called(t):
    """the sums at the end are those of the program, also of one that is killed, and of the first part"""
    for how in ("idle", "busy", "dies"):
        watched = Watched(t, how, where=how)
        process = top(t, how, "--json", "-d", "100ms", "--sort", "total-calls")
        shots = [json.loads(process.stdout.readline()) for _ in range(4)]
        leaves, works, naps = watched.end()
        rest, err = process.communicate(timeout=PATIENCE_S)
        t.same(f"{how}: end", (0, b"calltrace: all processes have ended\n"), (process.returncode, err))
        shots += [json.loads(line) for line in rest.splitlines()]
        last = rows(shots[-1])
        for name, number in (("leaf", leaves), ("work", works), ("nap", naps), ("main", 1), ("sleeper", 1)):
            t.same(f"{how}: calls of {name}", number, last[name]["total_calls"])
        t.same(f"{how}: lost, skipped", (0, 0), (shots[-1]["lost_events"], shots[-1]["skipped_bytes"]))
        t.same(f"{how}: processes", (1, 0, 2), tuple(shots[1][k] for k in ("running", "ended", "total_threads")))
        t.same(f"{how}: processes at the end", (0, 1), (shots[-1]["running"], shots[-1]["ended"]))
        calls = [rows(shot)["leaf"]["total_calls"] for shot in shots]
        t.same(f"{how}: sums only grow", sorted(calls), calls)
        t.expect(calls[3] > calls[1], f"{how}: nothing was seen between the looks: {calls}")
        for before, shot in zip(shots, shots[1:]):
            t.same(f"{how}: interval", rows(shot)["leaf"]["total_calls"],
                   rows(before)["leaf"]["total_calls"] + rows(shot)["leaf"]["calls"])


@test(BOTH)
def top_gives_time_to_calls_that_go_on(t):
    """the wait for input has the main thread's time, sleeping the other's, before either returns"""
    watched = Watched(t)
    process = top(t, str(watched.process.pid), "--json", "-d", "300ms", "-n", "3")
    out, _ = process.communicate(timeout=PATIENCE_S)
    watched.end()
    shots = [json.loads(line) for line in out.splitlines()]
    t.same("tables", 3, len(shots))
    for shot in shots[1:]:
        self_ns = {name: row["self_ns"] for name, row in rows(shot).items()}
        for name in ("nap", "is_told"):
            share = self_ns[name] / shot["interval_ns"]
            t.expect(0.5 < share < 1.3, f"{name} had {share} of the time: {self_ns}")
        t.expect(sum(self_ns.values()) < 2.5 * shot["interval_ns"], self_ns)


@test(ONE)
def top_leaves_what_was_before_to_the_sums(t):
    """of a process that already runs the first interval is what happened in it, also of a call that began long before"""
    watched = Watched(t, "waits")
    before = time.monotonic()
    time.sleep(1.5)
    process = top(t, str(watched.process.pid), "--json", "-d", "200ms", "-n", "4")
    out, _ = process.communicate(timeout=PATIENCE_S)
    watched.end()
    for number, shot in enumerate(json.loads(line) for line in out.splitlines()):
        t.same(f"{number}: since the beginning", False, shot["since_beginning"])
        for name in ("is_told", "nap"):
            row = rows(shot)[name]
            share = row["self_ns"] / shot["interval_ns"]
            t.expect(0.7 < share < 1.2, f"{number}: {name} had {share} of the time: {row}, {shot['interval_ns']} ns")
            t.expect(1.4e9 < row["total_self_ns"] < 1e9 * (time.monotonic() - before + 1), f"{number}: {name}: {row}")
        t.expect(rows(shot)["nap"]["calls"] <= shot["interval_ns"] / 1e6, shot)


@test(ONE)
def top_of_ended_processes_agrees_with_report(t):
    """self times to the nanosecond, for they are not rounded call by call; said to be those of the whole time"""
    watched = Watched(t, "busy")
    time.sleep(0.2)
    watched.end()
    done = subprocess.run([t.context.command, "top", "--json"], cwd=t.out, capture_output=True, timeout=PATIENCE_S)
    shot = json.loads(done.stdout)
    t.same("since the beginning", True, shot["since_beginning"])
    report = subprocess.run([t.context.command, "report", "--json"], cwd=t.out, capture_output=True, timeout=PATIENCE_S)
    expected = {row["function"]: (row["calls"], row["self_ns"]) for row in json.loads(report.stdout)["rows"]}
    t.same("functions", expected, {name: (row["total_calls"], row["total_self_ns"]) for name, row in rows(shot).items()})


@test(BOTH)
def top_names_functions_whose_address_is_in_another_module(t):
    """inlined from a library that has them too, and called by its address of them"""
    os.mkdir(os.path.join(t.out, "calltrace.data"))
    t.run([t.build("strings.cpp")], env={"CALLTRACE_OUTPUT": os.path.join(t.out, "calltrace.data", "%e.ctrace")})
    run = lambda *words: json.loads(
        subprocess.run([t.context.command, *words, "--json"], cwd=t.out, capture_output=True, timeout=PATIENCE_S).stdout
    )
    top_rows = run("top", "-l", "10000")["rows"]
    t.same("names", sorted(row["function"] for row in run("report")["rows"]), sorted(row["function"] for row in top_rows))
    libraries = {os.path.basename(row["module"]) for row in top_rows}
    t.expect(any(name.startswith("libstdc++") for name in libraries), f"modules: {libraries}")


@test(ONE)
def reports_of_running_programs_give_open_calls_the_time_until_now(t):
    """report, tree and slow with --live, of a call that began long before and has not returned"""
    watched = Watched(t, "waits")
    time.sleep(1.2)
    run = lambda *words: json.loads(
        subprocess.run([t.context.command, *words, "--live", "--json"], cwd=t.out, capture_output=True, timeout=PATIENCE_S).stdout
    )
    report, tree, slow = run("report"), run("tree", "--layout", "flat"), run("slow", "-n", "3")
    watched.end()
    for what, row in (
        ("report", rows(report)["is_told"]),
        ("tree", next(node for node in tree["nodes"] if node["function"] == "is_told")),
        ("slow", next(call for call in slow["rows"] if call["function"] == "is_told")),
    ):
        t.expect(1.1e9 < row["self_ns"] < 1e10, f"{what}: {row}")
    main = rows(report)["main"]
    t.expect(main["total_ns"] > 0.9 * report["duration_ns"] > 1e9, f"{main} of {report['duration_ns']}")
    t.same("main did not return", 1, main["unfinished_calls"])


@test(ONE)
def top_finds_processes_that_begin(t):
    """of a folder, which is empty at first; each with threads of its own"""
    os.makedirs(os.path.join(t.out, "calltrace.data"))
    process = top(t, "--json", "-d", "100ms", "--sort", "total-calls", "-n", "300")
    first = json.loads(process.stdout.readline())
    t.same("processes", (0, 0, []), (first["running"], first["ended"], first["rows"]))
    one, two = Watched(t), Watched(t)
    end = time.monotonic() + PATIENCE_S
    while json.loads(process.stdout.readline())["total_threads"] != 4:
        t.expect(time.monotonic() < end, "two processes of two threads were not found")
    numbers = [a + b for a, b in zip(one.end(), two.end())]
    out, _ = process.communicate(timeout=PATIENCE_S)
    last = rows(json.loads(out.splitlines()[-1]))
    t.same("calls", numbers, [last[name]["total_calls"] for name in ("leaf", "work", "nap")])


@test(ONE)
def top_waits_a_moment_for_the_first_process(t):
    """of an empty folder, without a number of tables"""
    os.makedirs(os.path.join(t.out, "calltrace.data"))
    t.build("watched.c")
    process = top(t, "--json", "-d", "100ms")
    time.sleep(0.1)
    watched = Watched(t)
    t.same("processes", 1, json.loads(process.stdout.readline())["running"])
    watched.end()
    _, err = process.communicate(timeout=PATIENCE_S)
    t.same("end", (0, b"calltrace: all processes have ended\n"), (process.returncode, err))


@test(ONE)
def top_prints_tables(t):
    """in 80 columns; to a closed pipe it ends"""
    watched = Watched(t)
    done = subprocess.run(
        [t.context.command, "top", "-n", "2", "-d", "100ms", "-l", "3", "-s", "calls"], cwd=t.out, capture_output=True, timeout=PATIENCE_S
    )
    t.same("end", (0, b""), (done.returncode, done.stderr))
    lines = done.stdout.decode().splitlines()
    t.same("lines", 11, len(lines))
    for at in (0, 6):
        t.expect(re.fullmatch(r"1 process, 2 threads, [0-9.k]+ calls/s", lines[at]), lines[at])
        t.same("columns", "  self%       self   calls/s      calls  function", lines[at + 1])
    t.expect(re.fullmatch(r" *[0-9.]+ +[0-9.]+ [mnu]?s +[0-9.k]+ +[0-9.k]+  leaf", lines[8]), lines[8])
    process = top(t, "-d", "50ms")
    process.stdout.readline()
    process.stdout.close()
    t.same("nobody reads", -signal.SIGPIPE, process.wait(timeout=PATIENCE_S))
    watched.end()
    done = subprocess.run([t.context.command, "top", "-n", "5"], cwd=t.out, capture_output=True, timeout=PATIENCE_S)
    t.same("after the end", (0, b"calltrace: all processes have ended\n"), (done.returncode, done.stderr))
    t.expect(b"1 process ended" in done.stdout and b"leaf" in done.stdout, done.stdout)


@test(ONE)
def top_says_what_it_cannot_watch(t):
    """no folder, no process, one that is not recorded"""
    if not os.path.exists(t.context.library):
        t.skip(f"{t.context.library} is not built")
    sleeper = subprocess.Popen(["sleep", "60"])
    for arguments, status, text in (
        ((), 1, "there is no 'calltrace.data' here"),
        (("nothing",), 1, "cannot open 'nothing'"),
        (("4194999",), 1, "there is no process 4194999"),
        ((str(sleeper.pid),), 1, f"process {sleeper.pid} records nothing"),
        (("/etc/hostname",), 1, "not a CallTrace trace"),
        (("-d", "1ms"), 2, "--delay is 50ms at least"),
    ):
        done = subprocess.run([t.context.command, "top", *arguments], cwd=t.out, capture_output=True, timeout=PATIENCE_S)
        t.same(f"{arguments}: status", status, done.returncode)
        t.expect(text in done.stderr.decode(), done.stderr)
    sleeper.kill()
    sleeper.wait()


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, t, *command):
        self.t = t
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(t.out)
            os.environ["TERM"] = "xterm"
            os.environ.pop("NO_COLOR", None)
            os.execvp(command[0], command)
        self.resize(24, 80)
        self.text = ""

    def resize(self, rows, columns):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, timeout_s):
        if select.select([self.fd], [], [], timeout_s)[0]:
            try:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                return False
        return True

    def wait_for(self, what, pattern):
        """Until what was drawn since the last time has this."""
        end = time.monotonic() + PATIENCE_S
        while not re.search(pattern, self.text, re.DOTALL):
            if time.monotonic() > end or not self.read(0.2):
                self.t.fail(f"{what}: '{pattern}' was not drawn: {self.text[-2000:]!r}")
        drawn, self.text = self.text, ""
        return drawn

    def key(self, keys):
        os.write(self.fd, keys.encode())

    def status(self):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.read(0.05)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self.read(0) and select.select([self.fd], [], [], 0)[0]:
                    pass
                return os.waitstatus_to_exitcode(status)
        os.kill(self.pid, signal.SIGKILL)
        self.t.fail("it did not end")


@test(ONE)
def top_draws_a_screen_and_takes_keys(t):
    """sort, pause, resize, end of the process, quit"""
    watched = Watched(t)
    screen = Terminal(t, t.context.command, "top", "-d", "100ms")
    drawn = screen.wait_for("first", r"1 process, 2 threads.*sorted by self time.*function.*nap")
    t.expect("\033[?1049h" in drawn, "the shell's screen is not kept")
    t.expect(not termios.tcgetattr(screen.fd)[3] & termios.ECHO, "keys are shown")
    screen.key("s")
    screen.wait_for("sorted", r"sorted by calls.*leaf.*nap")
    screen.key("p")
    screen.wait_for("paused", r"PAUSED")
    screen.read(0.2)
    screen.text = ""
    screen.read(0.5)
    t.same("drawn in the pause", "", screen.text)
    screen.resize(8, 40)
    drawn = screen.wait_for("resized", r"\033\[J")
    lines = [re.sub(r"\033\[[0-9?;]*[A-Za-z]", "", line) for line in drawn.split("\r\n")]
    t.expect(len(lines) <= 8 and max(map(len, lines)) <= 40, lines)
    screen.resize(24, 80)
    screen.key("p")
    screen.wait_for("going on", r"p pauses")
    watched.end()
    screen.wait_for("the end", r"1 process ended.*ALL HAVE ENDED")
    screen.key("q")
    t.same("status", 0, screen.status())
    t.expect(screen.text.endswith("\033[?25h\033[?1049l"), screen.text[-100:])


@test(ONE)
def top_gives_the_terminal_back_when_it_is_killed(t):
    """SIGTERM, and Ctrl-C"""
    watched = Watched(t)
    for how, expected in (("term", -signal.SIGTERM), ("ctrl-c", -signal.SIGINT)):
        screen = Terminal(t, t.context.command, "top", "-d", "100ms")
        screen.wait_for("first", r"leaf")
        modes = termios.tcgetattr(screen.fd)
        t.expect(not modes[3] & termios.ICANON, "no single keys")
        if how == "term":
            os.kill(screen.pid, signal.SIGTERM)
        else:
            screen.key("\003")
        t.same(f"{how}: status", expected, screen.status())
        t.expect("\033[?1049l" in screen.text, f"{how}: the screen is not given back")
    watched.end()


@test(ONE)
def top_stops_and_goes_on(t):
    """Ctrl-Z gives the terminal back, fg takes it again"""
    t.need("bash")
    watched = Watched(t)
    script = f"set -m; {t.context.command} top -d 100ms; echo stopped $?; stty -a; fg; echo ended $?"
    screen = Terminal(t, "bash", "-c", script)
    screen.wait_for("first", r"\033\[\?1049h.*leaf")
    screen.key("\x1a")
    drawn = screen.wait_for("stopped", r"stopped 148.* icanon .* echo .*\033\[\?1049h.*leaf")
    t.expect("\033[?1049l" in drawn.split("stopped 148")[0], "stopped, the screen is not given back")
    screen.key("q")
    screen.wait_for("ended", r"\033\[\?1049l.*ended 0")
    t.same("status", 0, screen.status())
    watched.end()


@test(ONE)
def top_survives_damaged_traces(t):
    """cut anywhere, bits turned over: it ends, with what can be read or a sentence"""
    watched = Watched(t, "busy")
    time.sleep(0.2)
    watched.end()
    folder = os.path.join(t.out, "calltrace.data")
    with open(os.path.join(folder, os.listdir(folder)[0]), "rb") as file:
        whole = file.read()
    chance = random.Random(1)
    for number in range(40):
        damaged = bytearray(whole)
        for _ in range(chance.randrange(1, 200)):
            block = chance.randrange(len(damaged) // 65536) * 65536
            damaged[min(block + chance.choice((chance.randrange(64), chance.randrange(65536))), len(damaged) - 1)] ^= (
                1 << chance.randrange(8)
            )
        if number % 4 == 0:
            del damaged[chance.randrange(len(damaged)):]
        with open(os.path.join(t.out, "damaged.ctrace"), "wb") as file:
            file.write(damaged)
        done = subprocess.run(
            [t.context.command, "top", "-n", "1", "-d", "50ms", "damaged.ctrace"], cwd=t.out, capture_output=True, timeout=PATIENCE_S
        )
        t.expect(done.returncode in (0, 1), f"{number}: status {done.returncode}: {done.stderr}")
