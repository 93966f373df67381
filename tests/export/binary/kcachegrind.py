#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What KCachegrind's window shows of a file, as those who cannot see it are told.

usage: dbus-run-session -- tests/export/binary/kcachegrind.py FILE

Prints {"title", "status", "functions": [{"Incl.": ..., "Self": ..., "Called": ..., "Function": ..., "Location": ...}]}.
Needs DISPLAY, and Debian's own Python, whose packages at-spi's bindings are.
"""
import json
import os
import subprocess
import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402  pylint: disable=wrong-import-position

SECONDS = 40


def below(part):
    """All there is in it. Menus are left out; they are long."""
    for i in range(min(part.get_child_count(), 2000)):
        child = part.get_child_at_index(i)
        if child is None or child.get_role_name() in ("menu bar", "menu", "tool bar"):
            continue
        yield child
        yield from below(child)


def rows_of(table):
    parts = [table.get_child_at_index(i) for i in range(table.get_child_count())]
    names = [part.get_name() for part in parts if part.get_role_name() == "table column header"]
    cells = [part.get_name() for part in parts if part.get_role_name() == "table cell"]
    return [dict(zip(names, cells[i:i + len(names)])) for i in range(0, len(cells), len(names) or 1)]


def look():
    """None: it is not all there yet."""
    desktop = Atspi.get_desktop(0)
    applications = [desktop.get_child_at_index(i) for i in range(desktop.get_child_count())]
    for application in applications:
        if application is None or application.get_name() != "kcachegrind" or application.get_child_count() == 0:
            continue
        window = application.get_child_at_index(0)
        parts = list(below(window))
        labels = [part.get_name() for part in parts if part.get_role_name() == "label"]
        status = [label for label in labels if " Cost: " in label]
        profile = [part for part in parts if part.get_name() == "Flat Profile"]
        tables = [rows_of(part) for part in below(profile[0]) if part.get_role_name() == "tree"] if profile else []
        functions = [rows for rows in tables if rows and "Called" in rows[0]]
        if status and functions:
            return {"title": window.get_name(), "status": status[0], "functions": functions[0]}
    return None


def main():
    program = subprocess.Popen(["kcachegrind", sys.argv[1]], stdout=sys.stderr,
                               env={**os.environ, "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1"})
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if program.poll() is not None:
                sys.exit(f"kcachegrind ended with {program.returncode}")
            try:
                seen = look()
            except GLib.Error:  # what was looked at went away meanwhile
                seen = None
            if seen:
                print(json.dumps(seen))
                return
            time.sleep(0.3)
        sys.exit(f"kcachegrind showed no functions in {SECONDS} seconds")
    finally:
        program.kill()
        program.wait()


if __name__ == "__main__":
    main()
