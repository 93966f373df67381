# SPDX-License-Identifier: MIT
"""When plans cannot be made or kept: the program runs as ever, and one line at most says so."""
import os
import re
import shutil
import struct
import subprocess

from driver import account
from driver.harness import BOTH, ONE, test

PROGRAM = "values_frames.c"
SECTIONS = (".debug_info", ".debug_abbrev", ".debug_str", ".debug_line", ".debug_rnglists")


def run(t, program, says=None, **options):
    """Behaves as untraced but for a line that has `says` in it; None: none. The tally."""
    if os.uname().machine != "x86_64":
        t.skip("values are captured on x86-64 only")
    document, rows = account.compare(t, [program], check_behaviour=False, **options)
    t.same("status, output", (t.plain.status, t.plain.out), (t.traced.status, t.traced.out))
    lines = t.traced.err.decode().splitlines()
    if says is None:
        t.same("standard error", [], lines)
    else:
        t.expect(
            len(lines) == 1 and re.search(says, lines[0]),
            f"standard error is {t.traced.err!r}, without {says!r}",
        )
    t.expect(document is not None and rows, "no document, or no account")
    tally = account.check(t, document, rows)
    account.clear(t)
    return tally


def install(t, planner):
    """The library with a command beside it whose `calltrace plan` is a script of bash."""
    folder = os.path.join(t.dir, "install")
    os.makedirs(folder, exist_ok=True)
    library = os.path.join(folder, "libcalltrace.so")
    command = os.path.join(folder, "calltrace")
    shutil.copy(t.context.library, library)
    with open(command, "w") as file:
        file.write(
            f"#!/bin/bash\nreal='{t.context.command}'\n"
            f'if [[ $1 != plan ]]; then exec "$real" "$@"; fi\n{planner}\n'
        )
    os.chmod(command, 0o755)
    return {"LD_PRELOAD": library}


@test(ONE)
def values_of_a_planner_that_ends_badly(t):
    """a crash, the end of its time, nonsense: one line, and all calls without values"""
    program = t.build(PROGRAM)
    endings = {
        "kill -SEGV $$": "was killed by a signal",
        "kill -ALRM $$": "took more than five minutes",
        "kill -XCPU $$": "took more than five minutes",
        "sleep 1; head -c 100000 /dev/urandom >&$4": "is of another version",
        "head -c 50 /dev/zero >&$4": "is of another version",
        "exit 0": "made nothing",
    }
    for planner, says in endings.items():
        tally = run(t, program, says=says + ".*recorded without", env=install(t, planner))
        t.same("values", 0, tally.arguments["right"] + tally.returns["right"])


@test(ONE)
def values_of_a_planner_with_limits(t):
    """the time it sleeps and computes and the memory it takes have an end; the program's have not"""
    program = t.build(PROGRAM)
    told = os.path.join(t.dir, "told")
    limits = (
        "import os, resource, signal; "
        "print(signal.getitimer(signal.ITIMER_REAL)[0], resource.getrlimit(resource.RLIMIT_CPU)[0],"
        " resource.getrlimit(resource.RLIMIT_DATA)[0], resource.getrlimit(resource.RLIMIT_CORE)[0],"
        " int(signal.getsignal(signal.SIGALRM) == signal.SIG_DFL))"
    )
    env = install(t, f'/usr/bin/env python3 -c "{limits}" >{told}; exec "$real" "$@"')
    tally = run(t, program, env=env)
    account.expect_shares(t, tally, 0.9, 0.9)
    with open(told) as file:
        # The shell has the timer, and not what it starts.
        _, seconds, size, core, is_default = file.read().split()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    t.same("seconds, core file, SIGALRM", (300, 0, 1), (int(seconds), int(core), int(is_default)))
    t.expect(0.4 * memory < int(size) <= 0.6 * memory, f"{size} of {memory} bytes")


@test(ONE)
def values_of_a_planner_that_sleeps(t):
    """the timer is set, and ends it"""
    program = t.build(PROGRAM)
    told = os.path.join(t.dir, "told")
    timer = (
        "import os, signal, time; "
        "left = signal.getitimer(signal.ITIMER_REAL)[0]; "
        f"print(left, file=open('{told}', 'w')); "
        "signal.setitimer(signal.ITIMER_REAL, 0.2); time.sleep(1000)"
    )
    tally = run(
        t,
        program,
        says="took more than five minutes",
        env=install(t, f'exec /usr/bin/env python3 -c "{timer}"'),
    )
    t.same("values", 0, tally.arguments["right"])
    with open(told) as file:
        left = float(file.read())
    t.expect(290 < left <= 300, f"{left} seconds were left")


@test(ONE)
def values_of_a_planner_without_memory(t):
    """more than a line is never said, whatever it cannot allocate"""
    program = t.build(PROGRAM)
    for kilobytes in (100, 400, 1000, 3000, 10000):
        env = install(t, f'ulimit -d {kilobytes}; exec "$real" "$@"')
        env["XDG_CACHE_HOME"] = os.path.join(t.dir, f"cache{kilobytes}")
        document, rows = account.compare(t, [program], env=env, check_behaviour=False)
        t.same("status, output", (t.plain.status, t.plain.out), (t.traced.status, t.traced.out))
        t.expect(len(t.traced.err.splitlines()) <= 1, f"standard error is {t.traced.err!r}")
        account.check(t, document, rows)
        account.clear(t)


def section(data, name):
    """Where a section's bytes are: start, length"""
    (offset,) = struct.unpack_from("<Q", data, 0x28)
    size, count, names = struct.unpack_from("<3H", data, 0x3A)
    headers = [struct.unpack_from("<IIQQQQ", data, offset + i * size) for i in range(count)]
    for header in headers:
        at = headers[names][4] + header[0]
        if data[at : at + len(name) + 1] == name.encode() + b"\0":
            return header[4], header[5]
    return None


@test(BOTH)
def values_of_damaged_debug_information(t):
    """noise, zeros or ones in place of each section: what is not known has no value"""
    program = t.build(PROGRAM, cflags=["-gdwarf-5"])
    with open(program, "rb") as file:
        whole = file.read()
    damaged = os.path.join(t.dir, "damaged")
    for name in (*SECTIONS, ".debug_loclists"):
        place = section(whole, name)
        if not place:
            continue
        start, length = place
        noise = bytes(i * i * 31 >> 3 & 255 for i in range(length))
        for content in (noise, bytes(length), b"\xff" * length, noise[: length // 2]):
            data = bytearray(whole)
            data[start : start + len(content)] = content
            with open(damaged, "wb") as file:
                file.write(data)
            os.chmod(damaged, 0o755)
            env = {"XDG_CACHE_HOME": os.path.join(t.dir, "none")}
            shutil.rmtree(env["XDG_CACHE_HOME"], ignore_errors=True)
            os.mkdir(env["XDG_CACHE_HOME"], 0o700)
            account.compare(t, [damaged], env=env, check_behaviour=False)
            t.same("status, output", (t.plain.status, t.plain.out), (t.traced.status, t.traced.out))
            t.expect(
                len(t.traced.err.splitlines()) <= 1,
                f"{name}: standard error is {t.traced.err!r}",
            )
            account.clear(t)


# ---- the cache ----


@test(ONE)
def values_without_a_home(t):
    """no HOME, one that cannot be written, one that is a file: values all the same"""
    program = t.build(PROGRAM)
    for home in (None, "", "/sys", "/dev/null", "/proc/self/fd"):
        tally = run(t, program, env={"XDG_CACHE_HOME": None, "HOME": home})
        account.expect_shares(t, tally, 0.9, 0.9)


@test(ONE)
def values_and_a_full_disk_for_the_cache(t):
    """values all the same, and no half file stays"""
    t.need_root()
    program = t.build(PROGRAM)
    folder = os.path.join(t.dir, "small")
    os.mkdir(folder)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", folder]
    done = subprocess.run(mount, stderr=subprocess.PIPE)
    if done.returncode:
        t.skip("cannot mount: " + done.stderr.decode().strip())
    try:
        # With room for the folders alone.
        os.makedirs(os.path.join(folder, "calltrace", "plans"), mode=0o700)
        with open(os.path.join(folder, "filler"), "wb") as file:
            try:
                file.write(bytes(1 << 20))
                file.flush()
            except OSError:
                pass
        for _ in range(2):
            tally = run(t, program, env={"XDG_CACHE_HOME": folder})
            account.expect_shares(t, tally, 0.9, 0.9)
            left = os.listdir(os.path.join(folder, "calltrace", "plans"))
            t.same("files in the cache", [], left)
    finally:
        subprocess.run(["umount", folder], check=True)


@test(ONE)
def values_and_a_limit_of_file_sizes(t):
    """RLIMIT_FSIZE: the plans are too large for it, and no SIGXFSZ reaches the program"""
    program = t.build(PROGRAM)
    env = install(t, 'ulimit -f 1; exec "$real" "$@"')
    run(t, program, says="was killed by a signal", env=env)


@test(ONE)
def values_and_links_in_the_cache(t):
    """a link in place of the folder: nothing is written behind it, and nothing taken away there"""
    program = t.build(PROGRAM)
    for name in ("calltrace", "calltrace/plans"):
        cache = os.path.join(t.dir, "cache-" + name.replace("/", "-"))
        other = os.path.join(t.dir, "other-" + name.replace("/", "-"))
        os.makedirs(os.path.join(other, "plans"), mode=0o700)
        os.makedirs(os.path.dirname(os.path.join(cache, name)), mode=0o700)
        os.symlink(other, os.path.join(cache, name))
        for i in range(300):
            for folder in (other, os.path.join(other, "plans")):
                with open(os.path.join(folder, f"{i}.plan"), "w"):
                    pass
        before = {path: sorted(names) for path, _, names in os.walk(other)}
        tally = run(t, program, env={"XDG_CACHE_HOME": cache})
        account.expect_shares(t, tally, 0.9, 0.9)
        t.same("files", before, {path: sorted(names) for path, _, names in os.walk(other)})
    # A link in place of the plans is replaced; what it leads to stays.
    cache = os.path.join(t.dir, "cache")
    run(t, program, env={"XDG_CACHE_HOME": cache})
    plans = os.path.join(cache, "calltrace", "plans")
    (name,) = os.listdir(plans)
    precious = os.path.join(t.dir, "precious")
    with open(precious, "w") as file:
        file.write("text")
    os.unlink(os.path.join(plans, name))
    os.symlink(precious, os.path.join(plans, name))
    tally = run(t, program, env={"XDG_CACHE_HOME": cache})
    account.expect_shares(t, tally, 0.9, 0.9)
    with open(precious) as file:
        t.same("what the link leads to", "text", file.read())


@test(ONE)
def values_and_a_cache_of_somebody_else(t):
    """folders and plans that others own or may write are not used, and stay as they are"""
    program = t.build(PROGRAM)
    cache = os.path.join(t.dir, "cache")
    run(t, program, env={"XDG_CACHE_HOME": cache})
    plans = os.path.join(cache, "calltrace", "plans")
    (name,) = os.listdir(plans)
    path = os.path.join(plans, name)
    with open(path, "r+b") as file:
        file.truncate(104)
    stamp = os.stat(path).st_mtime_ns
    changes = [(lambda: os.chmod(plans, 0o777)), (lambda: os.chmod(os.path.dirname(plans), 0o777))]
    if os.geteuid() == 0:
        changes += [
            (lambda: os.chown(plans, 65534, 65534)),
            (lambda: os.chown(os.path.dirname(plans), 65534, 65534)),
        ]
    for change in changes:
        for folder in (plans, os.path.dirname(plans)):
            os.chmod(folder, 0o700)
            if os.geteuid() == 0:
                os.chown(folder, 0, 0)
        change()
        tally = run(t, program, env={"XDG_CACHE_HOME": cache})
        account.expect_shares(t, tally, 0.9, 0.9)
        t.same("the file", (104, stamp), (os.stat(path).st_size, os.stat(path).st_mtime_ns))
        t.same("files", [name], os.listdir(plans))


@test(ONE)
def values_of_kept_plans_that_changed(t):
    """a bit of the file in the cache: the plans are made anew, and no value is wrong or missing"""
    program = t.build(PROGRAM)
    run(t, program)
    (path,) = plans_of(t)
    with open(path, "rb") as file:
        whole = file.read()
    for at in range(90, len(whole), len(whole) // 12):
        changed = bytearray(whole)
        changed[at] ^= 1 << at % 8
        with open(path, "wb") as file:
            file.write(changed)
        account.expect_shares(t, run(t, program), 0.9, 0.9)
        with open(path, "rb") as file:
            t.same(f"byte {at}: the file is as before", True, file.read() == whole)


def plans_of(t):
    return [
        os.path.join(folder, name)
        for folder, _, names in os.walk(os.path.join(t.dir, "plans"))
        for name in names
        if name.endswith(".plan")
    ]
