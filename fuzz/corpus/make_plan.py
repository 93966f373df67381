#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make the seeds of the plan and plan_file targets anew, with the compilers installed.

usage: make_plan.py CALLTRACE, the command of a build. The seeds in the repository are what
GCC 12 and Clang 14 gave; run this after changing how the targets read their input.
"""

import os
import pathlib
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent

# The order of section_names[] in fuzz_plan.c; from FIRST_SPLIT on those of the .dwo file.
SECTIONS = [
    ".text", ".plt", ".plt.got", ".dynsym", ".dynstr", ".rela.plt", ".rela.dyn", ".symtab",
    ".strtab", ".eh_frame", ".debug_frame", ".debug_info", ".debug_abbrev", ".debug_line",
    ".debug_str", ".debug_ranges", ".debug_rnglists", ".debug_addr", ".debug_str_offsets",
    ".debug_types", ".debug_line_str", ".debug_loc", ".debug_loclists", ".debug_info.dwo",
    ".debug_abbrev.dwo", ".debug_str.dwo", ".debug_str_offsets.dwo", ".debug_loc.dwo",
    ".debug_loclists.dwo", ".debug_rnglists.dwo", ".debug_line.dwo", ".debug_types.dwo",
    ".debug_cu_index", ".debug_tu_index",
]
FIRST_SPLIT = 23
PACKED, POINTEE, PACKAGE = 1, 2, 8

C_SOURCE = """
enum color { RED, GREEN = 5 };
struct small { int a; unsigned b : 3, c : 5; };
struct large { double x[3]; char name[8]; struct small s; const struct large *next; };
union either { long n; float f; };
int opaque(int x);
int numbers(int a, long b, char c, double d, float e, _Bool f, enum color g)
{ opaque(c); return a + (int)b + (int)(d * e) + f + g; }
long double wide(long double x, __int128 y, _Complex double z)
{ opaque(1); return x + (long)y + __real__ z; }
struct small by_value(struct small s, struct large l, union either e)
{ opaque(l.name[0]); s.a += (int)e.n; return s; }
struct large in_memory(const struct large *p, int n) { opaque(n); return *p; }
static inline int inlined(const char *text, int n) { return opaque(text[n]); }
void *many(int a, int b, int c, int d, int e, int f, int g, const char *h, int *i)
{ inlined(h, a); *i = b + c + d + e + f + g; return i; }
void nothing(int (*f)(int), ...) { f(1); }
"""

CXX_SOURCE = """
int opaque(int x);
namespace n {
struct B { int base; virtual int f(int); };
struct S : B { long v; explicit S(long x); ~S(); int f(int x) override;
template <typename T> T g(T t, const S &other) { opaque(1); return t + other.v; } };
S::S(long x) : v(x) { opaque((int)x); }
S::~S() { opaque(0); }
int B::f(int x) { return opaque(x); }
int S::f(int x) { auto l = [&](int y) { return opaque(y) + x; }; return l(2) + (int)g(3L, *this); }
S make(S &&s, bool b) { opaque(b); return S(s.v); }
}
"""

# Classes with the names and members that the C++ library's have.
LIBRARY_SOURCE = """
namespace std {
typedef unsigned long size_t;
template <class T> struct char_traits {};
template <class T> struct allocator {};
inline namespace __cxx11 {
template <class C, class T = char_traits<C>, class A = allocator<C>> struct basic_string {
struct hider : A { C *_M_p; }; hider _M_dataplus; size_t _M_string_length;
union { C local[16]; size_t capacity; };
basic_string(const basic_string &other) : _M_string_length(other._M_string_length) {} };
}
template <class C, class T = char_traits<C>> struct basic_string_view { size_t _M_len; const C *_M_str; };
template <class T, class A = allocator<T>> struct _Vector_base {
struct data { T *_M_start, *_M_finish, *_M_end_of_storage; }; struct impl : A, data {}; impl _M_impl; };
template <class T, class A = allocator<T>> struct vector : protected _Vector_base<T, A> {};
template <size_t N, class T> struct _Head_base { T _M_head_impl; };
template <class T> struct _Tuple_impl : _Head_base<0, T> {};
template <class T> struct tuple : _Tuple_impl<T> {};
template <class T> struct __uniq_ptr_impl { tuple<T *> _M_t; };
template <class T> struct unique_ptr { __uniq_ptr_impl<T> _M_t; };
template <class T> struct __shared_ptr { T *_M_ptr; void *count; };
template <class T> struct shared_ptr : __shared_ptr<T> {};
}
typedef std::basic_string<char> string;
struct P { int x; string name; };
int opaque(const void *);
string f(const string &a, std::basic_string_view<char> b, std::vector<int> *c, const std::vector<P> &d)
{ opaque(&a); opaque(&b); opaque(c); opaque(&d); return a; }
std::shared_ptr<P> g(std::unique_ptr<P> a, const std::shared_ptr<P> &b)
{ opaque(&a); opaque(&b); return b; }
"""

# Name of the seed: compiler, source.
BUILDS = {
    "gcc_O0": ("gcc -O0 -gdwarf-5", C_SOURCE),
    "gcc_O2": ("gcc -O2 -gdwarf-5", C_SOURCE),
    "gcc_O2_dwarf4": ("gcc -O2 -gdwarf-4 -fno-plt -fdebug-types-section", C_SOURCE),
    "gcc_split": ("gcc -O2 -gdwarf-5 -gsplit-dwarf", C_SOURCE),
    "gcc_split4": ("gcc -O1 -gdwarf-4 -gsplit-dwarf", C_SOURCE),
    "gxx_O0": ("g++ -O0 -gdwarf-5", CXX_SOURCE),
    "gxx_O2": ("g++ -O2 -gdwarf-4", CXX_SOURCE),
    "clang_O0": ("clang -O0 -gdwarf-4", C_SOURCE),
    "clang_O2": ("clang -O2 -gdwarf-5", C_SOURCE),
    "clang_split": ("clang -O2 -gdwarf-5 -gsplit-dwarf", C_SOURCE),
    "gcc_package4": ("gcc -O2 -gdwarf-4 -gsplit-dwarf", C_SOURCE),
    "gcc_package4_types": ("gcc -O2 -gdwarf-4 -gsplit-dwarf -fdebug-types-section", C_SOURCE),
    "gcc_package5": ("gcc -O2 -gdwarf-5 -gsplit-dwarf -fdebug-types-section", C_SOURCE),
    "clang_package5": ("clang -O0 -gdwarf-5 -gsplit-dwarf", C_SOURCE),
    "gcc_split4_types": ("gcc -O1 -gdwarf-4 -gsplit-dwarf -fdebug-types-section", C_SOURCE),
    "gxx_library": ("g++ -O0 -gdwarf-5", LIBRARY_SOURCE),
    "clangxx_library": ("clang++ -O2 -gdwarf-4", LIBRARY_SOURCE),
    "clangxx_O0": ("clang++ -O0 -gdwarf-5", CXX_SOURCE),
    "clangxx_O2": ("clang++ -O2 -gdwarf-4", CXX_SOURCE),
}
FLAGS = ["-fpic", "-shared", "-nostdlib", "-finstrument-functions", "-fno-exceptions",
         "-Wl,-z,noseparate-code", "-Wl,-z,max-page-size=4096", "-Wl,--build-id=none",
         "-Wl,-Ttext=0x1000"]
# As long as a .dwo file's name, which it replaces.
SPLIT_PATH = b"/proc/self/fd/100"
SPLIT_NAME = "0123456789abc.dwo"


def section_headers(path):
    """Name, address, offset, size of each section with bytes"""
    content = path.read_bytes()
    offset, = struct.unpack_from("<Q", content, 0x28)
    size, count, names = struct.unpack_from("<3H", content, 0x3a)
    headers = [struct.unpack_from("<IIQQQQ", content, offset + i * size) for i in range(count)]
    strings = headers[names][4]
    for name, kind, _, address, start, length in headers:
        end = content.index(b"\0", strings + name)
        if kind not in (0, 8):
            yield content[strings + name:end].decode(), address, content[start:start + length]


def pack(path, numbers):
    packed = b""
    for name, address, content in section_headers(path):
        if name in SECTIONS and SECTIONS.index(name) in numbers:
            content = content.replace(SPLIT_NAME.encode(), SPLIT_PATH)
            packed += struct.pack("<BIH", SECTIONS.index(name), address, len(content)) + content
    return packed


def build(name, compiler, source, directory):
    """The program and its .dwo file, if it has one"""
    suffix = ".cc" if "++" in compiler else ".c"
    stem = directory / SPLIT_NAME[:-len(".dwo")]
    stem.with_suffix(suffix).write_text(source)
    options = [option for option in FLAGS if suffix == ".cc" or option != "-fno-exceptions"]
    map_option = f"-ffile-prefix-map={directory}=/src"
    subprocess.run([*compiler.split(), *options[:2], *options[3:], map_option, "-c",
                    stem.name + suffix, "-o", stem.name + ".o"], cwd=directory, check=True,
                   stderr=subprocess.DEVNULL)
    program = directory / name
    subprocess.run([compiler.split()[0], *options, stem.name + ".o", "-o", name], cwd=directory,
                   check=True)
    split = stem.with_suffix(".dwo")
    return program, split if split.exists() else None


def make_package(program, split, is_new):
    """GNU's tool knows DWARF 4 alone"""
    package = program.with_suffix(".dwp")
    tool = "llvm-dwp-14" if is_new else "dwp"
    subprocess.run([tool, split.name, "-o", package.name], cwd=split.parent, check=True)
    return package


def make_plans(calltrace, program):
    with tempfile.TemporaryFile() as file:
        environment = {**os.environ, "XDG_CACHE_HOME": "/nonexistent/cache"}
        subprocess.run([calltrace, "plan", program, "--fd", str(file.fileno())], check=True,
                       pass_fds=[file.fileno()], env=environment)
        file.seek(0)
        return file.read()


def main():
    calltrace = pathlib.Path(sys.argv[1]).resolve()
    for target in "plan", "plan_file":
        (HERE / target).mkdir(exist_ok=True)
    for name, (compiler, source) in BUILDS.items():
        with tempfile.TemporaryDirectory() as temporary:
            program, split = build(name, compiler, source, pathlib.Path(temporary))
            packed = pack(program, range(FIRST_SPLIT))
            flags = PACKED | POINTEE
            if "package" in name:
                flags |= PACKAGE
                split = make_package(program, split, "5" in name)
            if split:
                packed += pack(split, range(FIRST_SPLIT, len(SECTIONS)))
            (HERE / "plan" / name).write_bytes(bytes([flags]) + packed)
            if name in ("gcc_O0", "clang_O2"):
                (HERE / "plan" / (name + "_file")).write_bytes(
                    bytes([POINTEE]) + program.read_bytes())
            if not split and "O2" in name:
                for flags in (1, 3) if name == "gcc_O2" else (7,):
                    (HERE / "plan_file" / f"{name}_{flags}").write_bytes(
                        bytes([flags]) + make_plans(calltrace, program))


if __name__ == "__main__":
    main()
