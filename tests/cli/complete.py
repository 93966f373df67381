#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What a real shell makes of a line when the tab key is pressed.

usage: complete.py bash|zsh SCRIPT LINE...

SCRIPT is what `calltrace completion` printed. Each LINE is typed on a terminal
of the shell's own, with a tab behind it, and printed as it is then.
"""
import os
import pty
import re
import select
import shutil
import sys
import time

PATIENCE_S = 20
SHOW = "\x18\x07"  # bound to a function that prints the line between marks
START_UP = {
    "bash": """. {script}
bind -x '"\\C-x\\C-g": printf "{{{{%s}}}}" "$READLINE_LINE"'
bind 'set bell-style none'
""",
    "zsh": """fpath=({folder} $fpath)
autoload -U compinit
compinit -D -u
show() {{ print -rn -- "{{{{$BUFFER}}}}" }}
zle -N show
bindkey '^X^G' show
setopt no_beep
""",
}


class Shell:
    def __init__(self, name, script):
        folder = os.path.join(os.path.dirname(os.path.abspath(script)), "shell")
        os.makedirs(folder, exist_ok=True)
        start_up = os.path.join(folder, ".zshrc")
        with open(start_up, "w", encoding="utf-8") as file:
            file.write(START_UP[name].format(script=os.path.abspath(script), folder=folder))
        shutil.copy(script, os.path.join(folder, "_calltrace"))
        self.text = ""
        pid, self.fd = pty.fork()
        if pid == 0:
            os.environ.update(TERM="dumb", HISTFILE="/dev/null", ZDOTDIR=folder)
            commands = {
                "bash": ["bash", "--rcfile", start_up, "--noprofile", "-i"],
                "zsh": ["zsh", "-d", "-i"],
            }
            os.execvp(commands[name][0], commands[name])
        self.ask("")  # it is ready

    def write(self, text):
        os.write(self.fd, text.encode())

    def ask(self, line):
        """The line between marks, that the shell prints when it has done what was typed."""
        if line:
            self.write(line + "\t")
        end = time.monotonic() + PATIENCE_S
        self.text = ""
        asked = 0.0
        while time.monotonic() < end:
            if time.monotonic() - asked > 0.5:  # a shell that still starts eats keys
                self.write(SHOW)
                asked = time.monotonic()
            if select.select([self.fd], [], [], 0.05)[0]:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
            found = re.findall(r"\{\{(.*?)\}\}", self.text, re.DOTALL)
            if found and (not line or found[-1]):
                self.write("\x15")  # an empty line again
                return found[-1].replace("\r\n", "").replace("\r", "")
        sys.exit(f"no answer for '{line}': {self.text[-500:]!r}")


def main():
    name, script, *lines = sys.argv[1:]
    for line in lines:
        print(f"[{Shell(name, script).ask(line)}]")


main()
