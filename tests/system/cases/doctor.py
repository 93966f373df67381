# SPDX-License-Identifier: MIT
"""`calltrace doctor`: programs built in all ways, and what is said of each."""
import json
import os
import shutil
import subprocess

from driver.harness import BOTH, ONE, PROGRAMS, test

SOURCE = "doctored.c"


def examine(t, *arguments, **variables):
    """Exit status, and the findings of each check."""
    if not os.path.exists(t.context.library):
        t.skip(f"{t.context.library} is not built")
    if t.context.emulator:
        t.skip("the command looks at programs of its own architecture")
    env = {k: v for k, v in os.environ.items() if not k.startswith("CALLTRACE_") and k != "ASAN_OPTIONS"}
    env.update(variables)
    done = subprocess.run(
        [t.context.command, "doctor", "--json", *arguments], cwd=t.out, env=env, capture_output=True, timeout=60
    )
    t.same("stderr", b"", done.stderr)
    document = json.loads(done.stdout)
    t.same("can_trace", done.returncode == 0, document["can_trace"])
    t.same("files that stayed", [], [f for f in os.listdir(t.out) if f.startswith(".calltrace")])
    checks = {}
    for row in document["findings"]:
        checks.setdefault(row["check"], []).append((row["mark"], row["finding"], row["remedy"] or ""))
    return done.returncode, checks


def says(t, checks, check, mark, text, remedy=""):
    """One finding of `check` has this mark, and these words."""
    found = checks.get(check, [])
    t.expect(
        any(m == mark and text in what and remedy in todo for m, what, todo in found),
        f"{check}: no {mark} with '{text}' and '{remedy}' among {found}, of {sorted(checks)}",
    )


def is_problem(t, program, check, text, remedy, **variables):
    status, checks = examine(t, program, **variables)
    says(t, checks, check, "problem", text, remedy)
    t.same("status", 1, status)
    t.same("problems", [check], [c for c, rows in checks.items() if any(r[0] == "problem" for r in rows)])
    return checks


@test(BOTH)
def doctor_finds_nothing_in_the_way(t):
    """an ordinary program: counted, with symbols and debug information, and a trial is made"""
    status, checks = examine(t, t.build(SOURCE))
    t.same("status", 0, status)
    says(t, checks, "program", "ok", "is for x86-64, linked dynamically")
    says(t, checks, "instrumentation", "ok", "3 of 4 functions call the hooks")
    says(t, checks, "excluded", "note", "1 function calls no hook: quiet (", "no_instrument_function")
    says(t, checks, "symbols", "ok", "symbol table")
    says(t, checks, "debug-info", "ok", "DWARF 5; compiled by")
    says(t, checks, "version", "ok", "Command and library are of version")
    says(t, checks, "trial", "ok", ": 3 calls.")
    says(t, checks, "clock", "ok", "Times come from")
    t.same("problems and notes", ["excluded"], sorted(c for c in checks if checks[c][0][0] != "ok"))


@test(BOTH)
def doctor_sees_what_is_not_instrumented(t):
    """a whole program is a problem; some files of one are named"""
    bare = t.build(SOURCE, instrument=False)
    is_problem(t, bare, "instrumentation", "is not instrumented", "-finstrument-functions: make CC=")
    stripped = t.build(SOURCE, instrument=False, after=[["strip", "{}"]])
    is_problem(t, stripped, "instrumentation", "is not instrumented", "-finstrument-functions")


@test(ONE)
def doctor_tells_how_functions_were_excluded(t):
    """GCC writes its options down"""
    program = t.build(SOURCE, cflags=["-finstrument-functions-exclude-function-list=helper"])
    status, checks = examine(t, program)
    t.same("status", 0, status)
    says(t, checks, "instrumentation", "ok", "2 of 4 functions call")
    says(t, checks, "excluded", "note", "helper, quiet (", "-finstrument-functions-exclude-function-list=helper")
    mixed = t.build([SOURCE, ("header_inline.c", ["-fno-instrument-functions", "-Dmain=other_main"])])
    says(t, examine(t, mixed)[1], "excluded", "note", "header_inline.c", "compile with -finstrument-functions what was not")


@test(BOTH)
def doctor_counts_by_symbols_without_debug_information(t):
    """the start-up code of the compiler does not count; optimised calls may be inlined"""
    status, checks = examine(t, t.build(SOURCE, cflags=["-g0"]))
    t.same("status", 0, status)
    says(t, checks, "excluded", "note", "1 function calls no hook: quiet.")
    says(t, checks, "debug-info", "note", "has no debug information: calls have no source lines", "compile with -g.")


@test(BOTH)
def doctor_sees_stripped_programs(t):
    """nothing left but hook calls; a debug file that is there, and one that is not"""
    status, checks = examine(t, t.build(SOURCE, after=[["strip", "{}"]]))
    t.same("status", 0, status)
    says(t, checks, "instrumentation", "ok", " calls of the hook")
    says(t, checks, "symbols", "note", "functions that are not exported are shown as addresses", "strip")
    separate = [
        ["objcopy", "--only-keep-debug", "{}", "{}.debug"],
        ["strip", "{}"],
        ["objcopy", "--add-gnu-debuglink={}.debug", "{}"],
    ]
    program = t.build(SOURCE, after=separate)
    if not os.path.exists(program + ".debug"):
        t.skip("the build cache keeps no second file")
    says(t, examine(t, program)[1], "debug-info", "ok", "in " + os.path.realpath(program) + ".debug")


@test(BOTH)
def doctor_misses_a_debug_file(t):
    """.gnu_debuglink names one that is nowhere"""
    after = [
        ["objcopy", "--only-keep-debug", "{}", "gone.debug"],
        ["objcopy", "--strip-all", "--add-gnu-debuglink=gone.debug", "{}"],
        ["rm", "gone.debug"],
    ]
    says(t, examine(t, t.build(SOURCE, after=after))[1], "debug-info", "note", "in a file of its own that is not found",
         "debug symbols")


@test(BOTH)
def doctor_sees_poor_debug_information(t):
    """lines alone; split units that are gone"""
    program = t.build(SOURCE, cflags=["-g1" if t.compiler == "gcc" else "-gline-tables-only"])
    says(t, examine(t, program)[1], "debug-info", "note", "neither types nor variables", "-g instead of -g1")
    shutil.copy(os.path.join(PROGRAMS, SOURCE), os.path.join(t.dir, "split.c"))
    subprocess.run(
        [t.cc(), "-g", "-gsplit-dwarf", "-finstrument-functions", "split.c", "-o", "split"], cwd=t.dir, check=True
    )
    program = os.path.join(t.dir, "split")
    whole = examine(t, program)[1]
    says(t, whole, "instrumentation", "ok", "3 of 4 functions")
    t.same("rows about debug information", 1, len(whole["debug-info"]))
    for name in os.listdir(t.dir):
        if name.endswith(".dwo"):
            os.unlink(os.path.join(t.dir, name))
    says(t, examine(t, program)[1], "debug-info", "note", "Of 1 units with split debug information 1 are not found",
         ".dwo")


@test(BOTH)
def doctor_sees_static_programs(t):
    """nothing can be preloaded into them, position-independent or not"""
    for flag in ("-static", "-static-pie"):
        program = t.build(SOURCE, ldflags=[flag], cflags=["-fPIE"])
        checks = is_problem(t, program, "static", "is linked statically", "without -static")
        says(t, checks, "instrumentation", "ok", "It is instrumented")


@test(ONE)
def doctor_sees_musl(t):
    """another C library, and its loader that is not there"""
    t.need("musl-gcc")
    program = os.path.join(t.dir, "musl")
    source = os.path.join(PROGRAMS, SOURCE)
    subprocess.run(["musl-gcc", "-g", source, "-o", program], check=True)
    _, checks = examine(t, program)
    says(t, checks, "musl", "problem", "is linked with musl", "instead of musl-gcc")


@test(ONE)
def doctor_sees_other_machines(t):
    """arm64, and 32 bits"""
    t.need("aarch64-linux-gnu-gcc")
    program = os.path.join(t.dir, "arm")
    source = os.path.join(PROGRAMS, SOURCE)
    subprocess.run(["aarch64-linux-gnu-gcc", "-finstrument-functions", source, "-o", program], check=True)
    status, checks = examine(t, program)
    t.same("status", 1, status)
    says(t, checks, "machine", "problem", "for another machine: arm64.", "build CallTrace for that machine")
    says(t, checks, "instrumentation", "ok", "It is instrumented.")
    assembler = os.path.join(t.dir, "a.s")
    with open(assembler, "w", encoding="ascii") as file:
        file.write(".globl _start\n_start: ret\n")
    subprocess.run(["as", "--32", assembler, "-o", assembler + ".o"], check=True)
    subprocess.run(["ld", "-m", "elf_i386", assembler + ".o", "-o", program], check=True)
    says(t, examine(t, program)[1], "machine", "problem", "x86, 32 bits")


@test(ONE)
def doctor_sees_privileges(t):
    """set-user-ID to another user; to oneself it does no harm; capabilities are for non-root users"""
    t.need_root()
    program = os.path.join(t.dir, "privileged")
    shutil.copy(t.build(SOURCE), program)
    os.chmod(program, 0o4755)
    status, checks = examine(t, program)
    t.same("status", 0, status)
    says(t, checks, "privileges", "note", "is set-user-ID: it can be recorded by you")
    os.chown(program, 65534, -1)
    os.chmod(program, 0o4755)
    is_problem(t, program, "privileges", "is set-user-ID: the loader preloads nothing", "record a copy")
    done = subprocess.run([t.context.command, "record", program], cwd=t.out, capture_output=True, timeout=60)
    t.expect(b"no call was recorded: '" + program.encode() + b"' is set-user-ID" in done.stderr, done.stderr)
    os.chown(program, 0, 65534)
    os.chmod(program, 0o2755)
    is_problem(t, program, "privileges", "is set-group-ID", "record a copy")


@test(BOTH)
def doctor_sees_sanitizers(t):
    """the shared AddressSanitizer wants an option, which does help; a static one nothing"""
    program = t.build(SOURCE, cflags=["-fsanitize=address"], ldflags=["-fsanitize=address"])
    if t.compiler == "clang":
        t.same("status", 0, examine(t, program)[0])
        return
    is_problem(t, program, "asan", "AddressSanitizer", "ASAN_OPTIONS=verify_asan_link_order=0")
    status, checks = examine(t, program, ASAN_OPTIONS="verify_asan_link_order=0")
    t.same("status", 0, status)
    says(t, checks, "sanitizer", "note", "times include its checks")


@test(BOTH)
def doctor_sees_hooks_of_the_programs_own(t):
    """they answer before the library does"""
    own = os.path.join(t.dir, "own.c")
    with open(own, "w", encoding="ascii") as file:
        for name in ("enter", "exit"):
            file.write(f"__attribute__((no_instrument_function)) void __cyg_profile_func_{name}(void *f, void *c);\n")
            file.write(f"void __cyg_profile_func_{name}(void *f, void *c) {{ (void)f; (void)c; }}\n")
    is_problem(t, t.build([SOURCE, own]), "own-hooks", "defines __cyg_profile_func_enter itself", "without the file")


@test(BOTH)
def doctor_looks_at_libraries(t):
    """instrumented or not, and not found"""
    for name in ("with", "without", "gone"):
        with open(os.path.join(t.dir, f"{name}.c"), "w", encoding="ascii") as file:
            file.write(f"int {name}_call(int n) {{ return n; }}\n")
        flags = ["-finstrument-functions"] if name == "with" else []
        subprocess.run([t.cc(), "-shared", "-fPIC", *flags, f"{name}.c", "-o", f"lib{name}.so"], cwd=t.dir, check=True)
    with open(os.path.join(t.dir, "main.c"), "w", encoding="ascii") as file:
        file.write("int with_call(int), without_call(int), gone_call(int);\n"
                   "int main(void) { return with_call(0) + without_call(0) + gone_call(0); }\n")
    subprocess.run([t.cc(), "main.c", "-L.", "-lwith", "-lwithout", "-lgone", "-Wl,-rpath,$ORIGIN", "-o", "main"],
                   cwd=t.dir, check=True)
    status, checks = examine(t, os.path.join(t.dir, "main"))
    t.same("status", 0, status)
    says(t, checks, "instrumentation", "note", "but libraries of it have")
    says(t, checks, "libraries", "ok", "1 of its 4 shared libraries is instrumented: libwith.so")
    says(t, checks, "libraries", "note", "not instrumented: libwithout.so, libgone.so")
    os.unlink(os.path.join(t.dir, "libgone.so"))
    is_problem(t, os.path.join(t.dir, "main"), "libraries", "are not found: libgone.so", "LD_LIBRARY_PATH")
    status, checks = examine(t, os.path.join(t.dir, "libwith.so"))
    t.same("status of a library", 0, status)
    says(t, checks, "instrumentation", "ok", "1 of 1 functions call")


@test(ONE)
def doctor_sees_other_profilers_and_link_time_optimisation(t):
    """-pg, -flto"""
    program = t.build(SOURCE, cflags=["-pg"], ldflags=["-pg"])
    says(t, examine(t, program)[1], "profiling", "note", "compiled with -pg", "without -pg")
    program = t.build(SOURCE, cflags=["-flto", "-O2"], ldflags=["-flto", "-O2"])
    says(t, examine(t, program)[1], "optimisation", "note", "-flto")


@test(ONE)
def doctor_knows_scripts(t):
    """of a shell, and libtool's around a program"""
    for folder, script in ((t.dir, "script"), (os.path.join(t.dir, ".libs"), "script")):
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, script), "w", encoding="ascii") as file:
            file.write("#!/bin/sh\n")
        os.chmod(os.path.join(folder, script), 0o755)
        status, checks = examine(t, os.path.join(t.dir, "script"))
        t.same("status", 0, status)
        says(t, checks, "script", "note", "is a script, run by /bin/sh",
             "let the doctor" if folder == t.dir else "calltrace doctor " + t.dir + "/.libs/script")
    status, checks = examine(t, "/etc/hostname")
    t.same("status", 1, status)
    says(t, checks, "program", "problem", "neither a program nor a shared library")


@test(ONE)
def doctor_reads_the_environment(t):
    """names that are no settings, and values that are not accepted; what is right is not spoken of"""
    status, checks = examine(t, CALLTRACE_OUPUT="t.json", CALLTRACE_MAX_DEPTH="many", CALLTRACE_CLOCK="none",
                             calltrace_debug="1", CALLTRACE_NOTHING_LIKE_IT="", CALLTRACE_CC="gcc",
                             CALLTRACE_MAX_STRING="100", CALLTRACE_CAPTURE_ARGS="1", CALLTRACE_ENABLED="0")
    t.same("status", 0, status)
    says(t, checks, "environment", "note", "has CALLTRACE_OUPUT, which", "did you mean CALLTRACE_OUTPUT?")
    says(t, checks, "environment", "note", "has calltrace_debug, which is no setting")
    says(t, checks, "environment", "note", "has CALLTRACE_NOTHING_LIKE_IT, which", "user guide")
    says(t, checks, "environment", "note", "CALLTRACE_MAX_DEPTH='many' is not accepted")
    says(t, checks, "environment", "note", "CALLTRACE_ENABLED is 0", "unset it")
    says(t, checks, "clock", "note", "CALLTRACE_CLOCK is none", "--clock tsc")
    t.same("rows", 5, len(checks["environment"]))


@test(ONE)
def doctor_tries_the_folder(t):
    """one that is not there, one in memory, and limits of the shell"""
    status, checks = examine(t, "-o", "nowhere")
    t.same("status", 1, status)
    says(t, checks, "folder", "problem", "'nowhere': No such file", "-o")
    says(t, examine(t, "-o", "/dev/shm")[1], "file-system", "note", "is on tmpfs", "local disk")
    done = subprocess.run(
        ["sh", "-c", "ulimit -f 100; exec \"$0\" doctor --json", t.context.command], cwd=t.out, capture_output=True, timeout=60
    )
    t.same("status", 1, done.returncode)
    rows = {row["check"]: row["finding"] for row in json.loads(done.stdout)["findings"]}
    t.expect("bytes (ulimit -f)" in rows["limits"], rows)


@test(ONE)
def doctor_compares_versions(t):
    """a library of another build beside the command"""
    home = os.path.join(t.dir, "home")
    shutil.copytree(os.path.join(t.context.build, "bin"), os.path.join(home, "bin"),
                    ignore=lambda _, names: [n for n in names if n != "calltrace"])
    command = os.path.join(home, "bin", "calltrace")
    done = subprocess.run([command, "doctor"], cwd=t.out, capture_output=True, timeout=60)
    t.same("status", 1, done.returncode)
    t.expect(b"libcalltrace.so is not where the command looks" in done.stdout, done.stdout)
    os.mkdir(os.path.join(home, "lib"))
    version = subprocess.run([command, "--version"], capture_output=True, check=True).stdout.split()[1]
    with open(t.context.library, "rb") as file:
        library = file.read()
    note = b"CallTrace\0\0\0" + version + b"\0"
    t.same("notes in the library", 1, library.count(note))
    with open(os.path.join(home, "lib", "libcalltrace.so"), "wb") as file:
        file.write(library.replace(note, b"CallTrace\0\0\0" + b"9" + version[1:] + b"\0"))
    done = subprocess.run([command, "doctor"], cwd=t.out, capture_output=True, timeout=60)
    t.same("status", 1, done.returncode)
    t.expect(b"of version 9" in done.stdout.replace(b"\n         ", b" "), done.stdout)
