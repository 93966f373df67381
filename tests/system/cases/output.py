# SPDX-License-Identifier: MIT
"""Where the result cannot go: one clear line, the program unharmed, what was recorded kept where it can be."""
import os
import resource
import subprocess

from driver.harness import BOTH, ONE, test


def one_line(t, result, *words):
    lines = result.err.decode().splitlines()
    t.expect(
        len(lines) == 1 and lines[0].startswith("calltrace: "),
        f"standard error is not one line of ours: {result.err!r}",
    )
    for word in words:
        t.expect(word in lines[0], f"'{word}' is not in the line: {lines[0]}")


def unharmed(t, path, *words, **options):
    result = t.run([t.build("many_calls.c"), "200000"], env={"CALLTRACE_OUTPUT": path}, **options)
    t.same("exit status, output", (9, b"200000 calls\n"), (result.status, result.out))
    one_line(t, result, *words)
    return result


@test(ONE + ("clang-O2",))
def output_folder_missing(t):
    """the folder of the output does not exist"""
    path = os.path.join(t.out, "missing", "trace.json")
    unharmed(t, path, path)


@test(ONE)
def output_is_a_folder(t):
    """the output path is a folder"""
    path = os.path.join(t.out, "folder.json")
    os.mkdir(path)
    unharmed(t, path, path)
    t.expect(os.path.isdir(path), "the folder is gone")
    t.same("in the folder", [], os.listdir(path))


@test(ONE)
def output_in_a_file(t):
    """a part of the path is a file"""
    with open(os.path.join(t.out, "file"), "w"):
        pass
    path = os.path.join(t.out, "file", "trace.json")
    unharmed(t, path, path)


@test(ONE)
def output_not_writable(t):
    """no right to write (for root: a file system without writing)"""
    path = "/proc/trace.json" if os.geteuid() == 0 else "/trace.json"
    unharmed(t, path, path)


@test(ONE)
def output_is_a_device(t):
    """a device other than /dev/null is not replaced or removed"""
    result = t.run([t.build("many_calls.c"), "100"], env={"CALLTRACE_OUTPUT": "/dev/full"})
    t.same("exit status, output", (9, b"100 calls\n"), (result.status, result.out))
    t.expect(
        os.path.exists("/dev/full") and not os.path.isfile("/dev/full"),
        "/dev/full is no device any more",
    )


def small_file_system(t, size):
    folder = os.path.join(t.dir, "small")
    os.mkdir(folder)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], stderr=subprocess.PIPE
    )
    if done.returncode:
        t.skip("cannot mount: " + done.stderr.decode().strip())
    return folder


@test(ONE + ("clang-O2",))
def disk_full_while_recording(t):
    """the disk fills up: one line, program unharmed, the calls until then are kept"""
    t.need_root()
    folder = small_file_system(t, "1m")
    try:
        result = t.run(
            [t.build("many_calls.c"), "300000"],
            env={"CALLTRACE_OUTPUT": os.path.join(folder, "trace.ctrace")},
        )
        t.same("exit status, output", (9, b"300000 calls\n"), (result.status, result.out))
        one_line(t, result)
        (raw,) = os.listdir(folder)
        made = t.run(
            [
                t.context.command,
                "json",
                os.path.join(folder, raw),
                "-o",
                os.path.join(t.out, "trace.json"),
            ],
            traced=False,
        )
        t.same("calltrace json", 0, made.status)
        document = t.document(lost=True)
        t.expect(document.count("leaf") > 20000, f"only {document.count('leaf')} calls were kept")
        leaves = {call.parent.name for call in document.named("leaf")}
        t.same("callers of leaf", {"main"}, leaves)
    finally:
        subprocess.run(["umount", "-l", folder])


@test(ONE)
def disk_full_while_converting(t):
    """room for the raw trace, not for the document: the raw trace stays, one line says what to do"""
    t.need_root()
    folder = small_file_system(t, "2m")
    try:
        result = t.run(
            [t.build("many_calls.c"), "120000"],
            env={"CALLTRACE_OUTPUT": os.path.join(folder, "trace.json")},
        )
        t.same("exit status, output", (9, b"120000 calls\n"), (result.status, result.out))
        raw = [name for name in os.listdir(folder) if name.endswith(".ctrace")]
        t.same("number of raw traces left", 1, len(raw))
        lines = result.err.decode().splitlines()
        t.expect(
            1 <= len(lines) <= 2 and any(raw[0] in line for line in lines),
            f"standard error does not name {raw[0]}: {result.err!r}",
        )
        made = t.run(
            [
                t.context.command,
                "json",
                os.path.join(folder, raw[0]),
                "-o",
                os.path.join(t.out, "trace.json"),
            ],
            traced=False,
        )
        t.same("calltrace json", 0, made.status)
        t.same("calls", 120001, len(t.document().calls))
    finally:
        subprocess.run(["umount", "-l", folder])


@test(ONE)
def disk_full_from_the_start(t):
    """not even the first block has room"""
    t.need_root()
    folder = small_file_system(t, "16k")
    try:
        unharmed(t, os.path.join(folder, "trace.json"))
    finally:
        subprocess.run(["umount", "-l", folder])


@test(BOTH)
def file_size_limit(t):
    """RLIMIT_FSIZE: no SIGXFSZ reaches the program, the calls until then are kept"""
    limit = [(resource.RLIMIT_FSIZE, 1 << 20)]
    raw = os.path.join(t.out, "trace.ctrace")
    result = t.run([t.build("many_calls.c"), "300000"], env={"CALLTRACE_OUTPUT": raw}, limits=limit)
    t.same("exit status, output", (9, b"300000 calls\n"), (result.status, result.out))
    one_line(t, result)
    made = t.run(
        [t.context.command, "json", raw, "-o", os.path.join(t.out, "trace.json")], traced=False
    )
    t.same("calltrace json", 0, made.status)
    document = t.document(lost=True, alone=False)
    t.expect(document.count("leaf") > 50000, f"only {document.count('leaf')} calls were kept")


@test(ONE)
def memory_limit(t):
    """RLIMIT_AS leaves little memory: the program is unharmed"""
    program = t.build("many_calls.c")
    result = t.run([program, "100000"], limits=[(resource.RLIMIT_AS, 24 << 20)])
    t.same("exit status, output", (9, b"100000 calls\n"), (result.status, result.out))
    t.expect(len(result.err.decode().splitlines()) <= 1, f"standard error is {result.err!r}")


@test(ONE)
def command_is_missing(t):
    """the library alone, without the command beside it: the raw trace stays and a line says how to finish"""
    import shutil

    if not os.path.exists(t.context.library):
        t.skip(f"{t.context.library} is not built")
    library = os.path.join(t.dir, "libcalltrace.so")
    shutil.copy(t.context.library, library)
    result = t.run(
        [t.build("many_calls.c"), "1000"], env={"LD_PRELOAD": library, "PATH": "/nowhere"}
    )
    t.same("exit status, output", (9, b"1000 calls\n"), (result.status, result.out))
    raw = [name for name in os.listdir(t.out) if name.endswith(".ctrace")]
    t.same("raw traces left", 1, len(raw))
    lines = result.err.decode().splitlines()
    t.expect(
        len(lines) <= 2 and raw[0] in lines[-1] and "calltrace json" in lines[-1],
        f"standard error does not say what finishes the job: {result.err!r}",
    )
