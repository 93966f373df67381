# SPDX-License-Identifier: MIT
"""What a terminal shows: its width, whole names elsewhere."""
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios

from driver.harness import ONE, test


def calltrace(t, *arguments):
    return subprocess.run([t.context.command, *arguments], cwd=t.out, capture_output=True, timeout=60, check=False).stdout.decode()


def on_terminal(t, columns, *arguments, pager="cat", statuses=(0, 1)):
    """What the command prints on a terminal so wide, without colours."""
    pid, fd = pty.fork()
    if pid == 0:
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.chdir(t.out)
        os.environ.update(TERM="xterm", PAGER=pager, NO_COLOR="1")
        os.environ.pop("COLUMNS", None)
        os.execv(t.context.command, [t.context.command, *arguments])
    text = b""
    while True:
        try:
            part = os.read(fd, 65536)
        except OSError:
            break
        if not part:
            break
        text += part
    t.expect(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) in statuses, text.decode())
    os.close(fd)
    return re.sub("\r\033\\[K[^\r\n]*(?=\r\033)|\033\\[K", "", text.decode()).replace("\r", "")


def record(t):
    program = t.build("templates.cpp")
    for name, arguments in (("old", []), ("new", ["more"])):
        t.run([program, *arguments], env={"CALLTRACE_OUTPUT": os.path.join(t.out, f"{name}.ctrace")})
    with open(os.path.join(t.out, "rules.toml"), "w", encoding="utf-8") as file:
        file.write('[[rule]]\nfunction = "*insert*"\nmax_calls = 1\n')


COMMANDS = (
    ("report", "old.ctrace"),
    ("report", "--callees", "*insert*", "old.ctrace"),
    ("report", "--by", "module", "old.ctrace"),
    ("tree", "-m", "0", "old.ctrace"),
    ("graph", "-m", "0", "*insert*", "old.ctrace"),
    ("slow", "old.ctrace"),
    ("replay", "old.ctrace"),
    ("diff", "--all", "old.ctrace", "new.ctrace"),
    ("top", "-n", "1", "old.ctrace"),
    ("info", "old.ctrace"),
)


@test(ONE)
def text_fits_the_terminal(t):
    """every line of every command, in terminals of several widths"""
    record(t)
    for columns in (80, 100, 132):
        for command in COMMANDS:
            lines = on_terminal(t, columns, *command).splitlines()
            t.expect(len(lines) > 1, f"{command}: {lines}")
            longest = max(lines, key=len)
            t.expect(len(longest) <= columns, f"{command} in {columns} columns: {len(longest)}: {longest}")


@test(ONE)
def names_are_whole_in_pipes_and_on_demand(t):
    """where the terminal shortens them; in JSON always"""
    record(t)
    names = {row["function"] for row in json.loads(calltrace(t, "report", "old.ctrace", "--json"))["rows"]}
    t.expect(max(map(len, names)) > 150, names)
    for command in COMMANDS[:1] + COMMANDS[3:4] + COMMANDS[7:9]:
        piped = calltrace(t, *command, *(["-l", "1000"] if command[0] == "top" else []))
        missing = [name for name in names if name not in piped]
        t.same(f"{command}: names that a pipe does not have", [], missing)
        if command[0] != "top":
            full = on_terminal(t, 80, *command, "--full-names")
            t.same(f"{command} --full-names", [], [name for name in names if name not in full])
            shown = on_terminal(t, 80, *command)
            t.expect(any(name not in shown for name in names), f"{command}: nothing is shortened")


@test(ONE)
def shortened_names_differ(t):
    """as many different names as there are functions; overloads are told apart"""
    record(t)
    names = {row["function"] for row in json.loads(calltrace(t, "report", "old.ctrace", "--json"))["rows"]}
    for columns in (80, 100, 132):
        lines = on_terminal(t, columns, "report", "old.ctrace").splitlines()[1:]
        shown = [line[57:] for line in lines]
        t.same(f"{columns} columns", len(names), len(set(shown)))
        t.expect(any("insert" in name for name in shown), shown)


@test(ONE)
def rules_that_are_broken_fit_the_terminal(t):
    """lines are wrapped, and nothing is left out"""
    record(t)
    lines = on_terminal(t, 80, "check", "rules.toml", "old.ctrace").splitlines()
    piped = calltrace(t, "check", "rules.toml", "old.ctrace")
    t.expect(any(len(line) > 80 for line in piped.splitlines()), piped)
    t.same("words", piped.split(), " ".join(lines).split())
    for line in lines:
        t.expect(len(line) <= 80 or " " not in line.strip(), line)


@test(ONE)
def pagers_show_everything_or_are_done_without(t):
    """one with settings and options; one that is not there, or no program: what it would have shown, and why"""
    record(t)
    plain = on_terminal(t, 80, "report", "old.ctrace")
    t.expect("insert" in plain, plain)
    for pager in ("tee paged", "X=1 tee paged", "tee paged | cat", "sh -c 'tee paged'"):
        t.same(pager, plain, on_terminal(t, 80, "report", "old.ctrace", pager=pager, statuses=(0,)))
    with open(os.path.join(t.out, "paged"), encoding="utf-8") as file:
        t.same("through the pager", plain, file.read())
    for pager in ("nosuchpager", "nosuchpager -R", "/etc/passwd", "./no/pager"):
        shown = on_terminal(t, 80, "report", "old.ctrace", pager=pager, statuses=(0,))
        t.same(pager, f"calltrace: the pager '{pager}' cannot be started; see PAGER\n" + plain, shown)
    shown = on_terminal(t, 80, "report", "old.ctrace", pager="$NOTHING nosuchpager", statuses=(1,))
    t.expect("the pager '$NOTHING nosuchpager' cannot be started, and nothing was shown" in shown, shown)
