#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the seeds of the elf and dwarf targets anew, with the compilers installed.

The seeds in the repository are what GCC 12 and Clang 14 gave; run this after
changing how fuzz_dwarf.c reads its input.
"""

import pathlib
import struct
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# The order of section_names[] in fuzz_dwarf.c.
SECTIONS = [
    ".debug_info", ".debug_abbrev", ".debug_line", ".debug_str", ".debug_ranges",
    ".debug_rnglists", ".debug_addr", ".debug_str_offsets", ".debug_types",
    ".debug_line_str", ".debug_loclists", ".debug_aranges",
]

SOURCE = """
namespace n { struct S { int v; int f(int x); template <typename T> T g(T t) { return t + v; } }; }
extern "C" int puts(const char *);
extern "C" void abort() __attribute__((noreturn));
int n::S::f(int x) { if (x > 9) { puts("x"); abort(); } return v + x; }
static inline int inlined(int x) { return x * 3; }
extern "C" int entry(int x) { n::S s{x}; auto l = [&](int y) { return y + x; };
return s.f(x) + inlined(x) + s.g(1L) + l(2); }
"""

# Names as of pieces the compiler makes, with and without the function they belong to.
PIECES = """
#define FUNCTION(link, name) \\
	__attribute__((used, noinline)) link int name(int x) { return x + __LINE__; }
static int work_cold(int) __asm__("work.cold"), work_part(int) __asm__("work.part.0");
static int gone(int) __asm__("gone.constprop.0.isra.1"), entry_cold(int) __asm__("entry.cold");
FUNCTION(static, work) FUNCTION(static, work_cold) FUNCTION(static, work_part)
FUNCTION(static, gone) FUNCTION(static, entry_cold) FUNCTION(, entry)
"""

BUILDS = {
    "gcc_dwarf4": "g++ -g -O2 -gdwarf-4 -fdebug-types-section",
    "gcc_dwarf5": "g++ -g -O2 -gdwarf-5",
    "gcc_dwarf5_O0": "g++ -g -O0 -gdwarf-5",
    "gcc_split4": "g++ -g -O1 -gdwarf-4 -gsplit-dwarf",
    "clang_dwarf4": "clang++ -g -O2 -gdwarf-4",
    "clang_dwarf5": "clang++ -g -O1 -gdwarf-5",
    "clang_split5": "clang++ -g -O1 -gdwarf-5 -gsplit-dwarf",
}

# At 0x1000 use_symbols.c looks closest, and has fuzz_dwarf.c its code.
LINK = ["-fpic", "-shared", "-nostdlib", "-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=4096",
        "-Wl,-Ttext=0x1000"]


def run(*command, directory):
    subprocess.run(command, cwd=directory, check=True)


def section_bytes(program, name, directory):
    output = directory / "section"
    output.unlink(missing_ok=True)
    subprocess.run(["objcopy", "-O", "binary", "--set-section-flags", name + "=alloc",
                    "--only-section", name, program, output], cwd=directory, check=False,
                   stderr=subprocess.DEVNULL)
    return output.read_bytes() if output.exists() else b""


def pack(program, directory):
    packed = b""
    for number, name in enumerate(SECTIONS):
        content = section_bytes(program, name, directory)
        if content:
            packed += struct.pack("<BH", number, len(content)) + content
    return packed


def main():
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        (directory / "seed.cc").write_text(SOURCE)
        for name, compiler in BUILDS.items():
            run(*compiler.split(), *LINK, "-ffile-prefix-map=" +
                str(directory) + "=/src", "seed.cc", "-o", name, directory=directory)
            (HERE / "dwarf" / name).write_bytes(pack(name, directory))
        run("g++", "-O2", *LINK, "seed.cc", "-o", "full", directory=directory)
        run("strip", "-s", "full", "-o", "stripped", directory=directory)
        (directory / "keep").write_text("entry\n")
        run("objcopy", "-S", "--keep-symbols=keep", "full", "mini", directory=directory)
        run("xz", "mini", directory=directory)
        run("objcopy", "--add-section", ".gnu_debugdata=mini.xz", "stripped", "minidebug",
            directory=directory)
        run("objcopy", "--only-keep-debug", "full", "debug", directory=directory)
        run("objcopy", "--add-gnu-debuglink=debug", "stripped", "linked", directory=directory)
        (directory / "pieces.c").write_text(PIECES)
        run("gcc", "-O1", "-g", *LINK, "pieces.c", "-o", "pieces", directory=directory)
        (directory / "alternate").write_bytes(b"other.debug\0" + bytes(range(20)))
        run("objcopy", "--add-section", ".gnu_debugaltlink=alternate", "pieces",
            directory=directory)
        for name in "full", "stripped", "minidebug", "debug", "linked", "pieces":
            (HERE / "elf" / name).write_bytes((directory / name).read_bytes())


if __name__ == "__main__":
    main()
