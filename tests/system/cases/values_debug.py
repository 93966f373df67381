# SPDX-License-Identifier: MIT
"""Arguments and return values with debug information in every form that toolchains give it."""
import hashlib
import os
import random
import re
import shutil

from driver import account, harness
from driver.harness import BOTH, Failure, test

ROOT = "/usr/lib/debug/.build-id"


class Recipe:
    """How to make a program of values_debug.c (or .cpp) and values_debug_other.c.

    Commands run in the folder where the program stays, for debug information has its path. In
    them {cc} is the compiler and {folder} the folder. `library`: the other file is a library.
    """

    def __init__(
        self, cflags="-g", ldflags="", after=(), library=False, main_cflags=None, tools=()
    ):
        self.cflags = cflags
        self.ldflags = ldflags
        self.after = after
        self.library = library
        self.main_cflags = cflags if main_cflags is None else main_cflags
        self.tools = tools

    def commands(self, t, plus):
        source = os.path.join(harness.PROGRAMS, "values_debug")
        common = f"-{t.opt} -Wall -I {harness.PROGRAMS} -finstrument-functions -pthread"
        compilers = t.context.drivers[t.compiler]
        cc = compilers[1 if plus else 0]
        pic = "-fPIC" if self.library else ""
        yield f"{cc} {common} {self.main_cflags} -c {source}{'.cpp' if plus else '.c'} -o main.o"
        yield f"{compilers[0]} {common} {self.cflags} {pic} -c {source}_other.c -o other.o"
        other = "other.o"
        if self.library:
            other = "-L. -lother -Wl,-rpath,{folder}"
            yield f"{compilers[0]} {self.cflags} -shared other.o -o libother.so"
        yield f"{cc} -pthread {self.cflags} main.o {other} -o program {self.ldflags}"
        yield from self.after

    def make(self, t, plus=False):
        for tool in self.tools:
            t.need(tool)
        commands = list(self.commands(t, plus))
        digest = hashlib.sha256(repr(commands).encode() + harness.headers_digest())
        for name in sorted(os.listdir(harness.PROGRAMS)):
            if name.startswith("values_debug"):
                with open(os.path.join(harness.PROGRAMS, name), "rb") as file:
                    digest.update(file.read())
        folder = os.path.join(t.context.cache, digest.hexdigest()[:20])
        done = os.path.join(folder, "done")
        with t.context.lock_of(folder):
            if not os.path.exists(done):
                shutil.rmtree(folder, ignore_errors=True)
                os.mkdir(folder)
                for command in commands:
                    command = command.replace("{folder}", folder)
                    t.tool(["/bin/sh", "-c", command], cwd=folder)
                with open(done, "w"):
                    pass
        return os.path.join(folder, "program")


SEPARATE = ["objcopy --only-keep-debug program program.debug", "strip -g program"]

# name: recipe, for C with both compilers; those in PLUS also for C++.
RECIPES = {
    "dwarf4": Recipe("-gdwarf-4"),
    "dwarf5": Recipe("-gdwarf-5"),
    "g3": Recipe("-g3"),
    "ggdb": Recipe("-ggdb3"),
    "split_dwarf4": Recipe("-gdwarf-4 -gsplit-dwarf"),
    "split_dwarf5": Recipe("-gdwarf-5 -gsplit-dwarf"),
    "compressed": Recipe("-g -gz=zlib", "-Wl,--compress-debug-sections=zlib"),
    "compressed_the_old_way": Recipe(
        after=["objcopy --compress-debug-sections=zlib-gnu program"], tools=["objcopy"]
    ),
    "type_units_dwarf4": Recipe("-gdwarf-4 -fdebug-types-section"),
    "type_units_dwarf5": Recipe("-gdwarf-5 -fdebug-types-section"),
    "split_type_units": Recipe("-gdwarf-5 -gsplit-dwarf -fdebug-types-section"),
    "split_type_units_dwarf4": Recipe("-gdwarf-4 -gsplit-dwarf -fdebug-types-section"),
    "split_within_objects": Recipe("-g -gsplit-dwarf=single"),
    "split_with_inlining": Recipe("-gdwarf-4 -gsplit-dwarf -fsplit-dwarf-inlining"),
    "debug_link": Recipe(after=[*SEPARATE, "objcopy --add-gnu-debuglink=program.debug program"]),
    "debug_link_in_folder": Recipe(
        after=[
            *SEPARATE,
            "objcopy --add-gnu-debuglink=program.debug program",
            "mkdir .debug",
            "mv program.debug .debug",
        ]
    ),
    "dwz": Recipe("-gdwarf-4", after=["dwz program"], tools=["dwz"]),
    "dwz_of_dwarf5": Recipe("-gdwarf-5", after=["dwz -5 program || true"], tools=["dwz"]),
    "dwz_with_common_file": Recipe(
        "-gdwarf-4",
        library=True,
        after=[
            "dwz -l none -L none -m {folder}/common.alt -M {folder}/common.alt program libother.so"
        ],
        tools=["dwz"],
    ),
    "lto": Recipe("-g -flto", "-flto -fuse-ld=lld"),
    "thin_lto": Recipe("-g -flto=thin", "-flto=thin -fuse-ld=lld"),
    "no_pie": Recipe("-g -fno-pie", "-no-pie"),
    "bind_now": Recipe("-g -fno-plt", "-Wl,-z,now"),
    "no_build_id": Recipe("-g", "-Wl,--build-id=none"),
    "short_build_id": Recipe("-g", "-Wl,--build-id=md5"),
    "library": Recipe(library=True),
    "gdb_index": Recipe("-g -ggnu-pubnames", "-fuse-ld=lld -Wl,--gdb-index"),
    "section_of_each_function": Recipe(
        "-g -ffunction-sections -fdata-sections", "-Wl,--gc-sections"
    ),
    "prefix_map": Recipe("-g -ffile-prefix-map={folder}=/nowhere"),
    "O3": Recipe("-g -O3"),
    "linked_again": Recipe(after=["objcopy program copy", "mv copy program"]),
}
PLUS = (
    "dwarf4",
    "dwarf5",
    "split_dwarf5",
    "type_units_dwarf4",
    "type_units_dwarf5",
    "split_type_units",
    "split_type_units_dwarf4",
    "split_within_objects",
    "split_with_inlining",
    "dwz",
    "dwz_with_common_file",
    "lto",
    "library",
)
# GCC's plug-in is for GNU ld; Clang alone knows the other kind.
RECIPES_OF_GCC = {"lto": Recipe("-g -flto", "-flto")}
ONLY_CLANG = ("thin_lto", "split_within_objects", "split_with_inlining")


def recipe_test(name, recipe, plus):
    def run(t):
        chosen = RECIPES_OF_GCC.get(name, recipe) if t.compiler == "gcc" else recipe
        if "lld" in chosen.ldflags:
            t.need("ld.lld")
        program = chosen.make(t, plus)
        tally = account.compare_and_check(t, [program])
        # Whole-program optimisation puts one function of another file into main.
        least = 0.8 if "lto" in name else 0.9
        account.expect_shares(t, tally, least, least)

    run.__name__ = f"values_debug_{name}" + ("_plus" if plus else "")
    run.__doc__ = f"{'C++' if plus else 'C'}, {recipe.cflags} {recipe.ldflags}"
    if name in ONLY_CLANG:
        variants = ("clang-O2",)
    elif plus and name == "lto":
        variants = ("gcc-O2",)  # Clang's hooks refer to functions that libstdc++ does not have
    else:
        variants = ("gcc-O0", "clang-O2") if plus else ("gcc-O2", "clang-O0")
    test(variants)(run)


for each_name, each_recipe in RECIPES.items():
    recipe_test(each_name, each_recipe, False)
    if each_name in PLUS:
        recipe_test(each_name, each_recipe, True)


@test(("gcc-O2", "clang-O2"))
def values_debug_static_libraries_plus(t):
    """C++ with its libraries linked in"""
    program = Recipe(ldflags="-static-libstdc++ -static-libgcc").make(t, True)
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(("gcc-O2",))
def values_debug_by_build_id(t):
    """the debug file lies in /usr/lib/debug/.build-id"""
    t.need_root()
    program = Recipe("-g -DBY_BUILD_ID", "-Wl,--build-id=sha1", after=SEPARATE).make(t)
    build_id = re.search(r"Build ID: ([0-9a-f]+)", t.tool(["readelf", "-n", program])).group(1)
    folder = os.path.join(ROOT, build_id[:2])
    there = os.path.isdir(folder)
    os.makedirs(folder, exist_ok=True)
    debug_file = os.path.join(folder, build_id[2:] + ".debug")
    try:
        shutil.copy(program + ".debug", debug_file)
        tally = account.compare_and_check(t, [program])
        account.expect_shares(t, tally, 0.9, 0.9)
    finally:
        os.unlink(debug_file)
        if not there:
            os.rmdir(folder)


def nothing_known(t, program, says=("build it with -g",)):
    """The calls are there with their names; of values nothing is said, and one line says why."""
    document, rows = account.compare(t, [program], check_behaviour=False)
    t.same("exit status and output", (t.plain.status, t.plain.out), (t.traced.status, t.traced.out))
    tally = account.Tally()
    for call in document.calls:
        account.check_shape(t, call)
        if "build it with -g" in says:
            keys = {"arguments", "return_value"} & call.raw.keys()
            t.same(f"keys of {call.name} for what nothing is known of", set(), keys)
        for each in call.raw.get("arguments", ()):
            t.expect(account.absent(each), f"{account.where(call)} has an argument: {each}")
        shown = call.raw.get("return_value")
        t.expect(
            shown is None or account.absent(shown),
            f"{account.where(call)} has a return value: {shown}",
        )
    names = {call.name for call in document.calls}
    t.same("functions without a name", set(), {row.name for row in rows} - names)
    t.same("calls", len(rows), sum(call.name in {r.name for r in rows} for call in document.calls))
    for call in document.calls:
        if call.name == "sum_of" or call.name == "mean":
            t.expect(
                call.raw.get("arguments") != [], f"{call.name} is said to have no arguments at all"
            )
    lines = t.traced.err.decode().splitlines()
    is_right = len(lines) == 1 and lines[0].startswith("calltrace: ")
    t.expect(
        is_right and all(each in lines[0] for each in says),
        f"standard error is not one line with {says} in it: {t.traced.err!r}",
    )
    return tally


NOTHING = {
    "none": Recipe("-g0"),
    "line_tables_only": Recipe("-g1"),
    "stripped": Recipe("-g", after=["strip -g program"]),
    "lost_dwo": Recipe("-gsplit-dwarf -g", after=["rm *.dwo"]),
    "lost_debug_file": Recipe(
        "-g", after=[*SEPARATE, "objcopy --add-gnu-debuglink=program.debug program", "rm *.debug"]
    ),
    "foreign_debug_file": Recipe(
        "-g",
        after=[
            *SEPARATE,
            "objcopy --add-gnu-debuglink=program.debug program",
            "echo 'int sum_of(int q) { return q; }' > foreign.c",
            "cc -g -shared -fPIC foreign.c -o foreign.so",
            "objcopy --only-keep-debug foreign.so program.debug",
        ],
    ),
}


def nothing_test(name, recipe):
    def run(t):
        program = recipe.make(t)
        if name == "lost_dwo":
            nothing_known(t, program, (".dwo'", f"'{os.path.basename(program)}.dwp'"))
        elif name == "lost_debug_file":
            nothing_known(t, program, ("'program.debug', which is not there", "debug symbols"))
        elif name == "foreign_debug_file":
            nothing_known(t, program, ("/program.debug' is not the debug information", "another build"))
        else:
            nothing_known(t, program, ("build it with -g",))

    run.__name__ = f"values_debug_{name}"
    run.__doc__ = f"{recipe.cflags} {'; '.join(recipe.after)}: names, and one line"
    test(BOTH)(run)


for each_name, each_recipe in NOTHING.items():
    nothing_test(each_name, each_recipe)


@test(BOTH)
def values_debug_stripped_of_symbols(t):
    """without symbols: the program is unharmed, no call has a value"""
    program = Recipe("-g", after=["strip --strip-all program"]).make(t)
    document, rows = account.compare(t, [program], check_behaviour=False)
    t.same("exit status and output", (t.plain.status, t.plain.out), (t.traced.status, t.traced.out))
    t.same("calls", len(rows), len(document.calls))


@test(BOTH)
def values_debug_only_in_library(t):
    """a library with debug information, a program without: the library's values are there"""
    program = Recipe(library=True, main_cflags="-g0").make(t)
    document, rows = account.compare(t, [program], check_behaviour=False)
    t.same("exit status and output", (t.plain.status, t.plain.out), (t.traced.status, t.traced.out))
    tally = account.Tally()
    rows = [row for row in rows if row.name in ("debug_other", "inner")]
    calls = [call for call in document.calls if call.name in ("debug_other", "inner")]
    t.same("calls of the library", [row.name for row in rows], [call.name for call in calls])
    for row, call in zip(rows, calls):
        account.check_call(t, row, call, tally)
    account.expect_shares(t, tally, 0.9, 0.9)
    lines = t.traced.err.decode().splitlines()
    t.expect(len(lines) <= 1, f"standard error is {t.traced.err!r}")


@test(BOTH)
def values_debug_compressed_with_zstd(t):
    """compression that not every libelf can read: right values, or none"""
    program = Recipe(after=["objcopy --compress-debug-sections=zstd program"])
    try:
        path = program.make(t)
    except Failure:
        t.skip("objcopy cannot compress with zstd")
    document, rows = account.compare(t, [path], check_behaviour=False)
    for call in document.calls:
        account.check_shape(t, call)
    if t.traced.err == b"":
        account.check(t, document, rows)
        return
    lines = t.traced.err.decode().splitlines()
    t.expect(len(lines) == 1 and "zstd" in lines[0] and "-gz=zlib" in lines[0], f"said: {lines}")


BINUTILS = "dwp -e program -o program.dwp"  # 2.40 knows DWARF 4 alone
LLVM = "llvm-dwp -e program -o program.dwp"
LOSE = "rm *.dwo"


def package(cflags, tool, *after):
    """Without the .dwo files, so that the package alone has what is needed."""
    return Recipe(cflags + " -gsplit-dwarf", after=[tool, LOSE, *after], tools=[tool.split()[0]])


TYPES = "-fdebug-types-section"
PACKAGES = {
    "dwp_of_dwarf4": package("-gdwarf-4", BINUTILS),
    "dwp_of_dwarf4_by_llvm": package("-gdwarf-4", LLVM),
    "dwp_of_dwarf5": package("-gdwarf-5", LLVM),
    "dwp_of_types_of_dwarf4": package(f"-gdwarf-4 {TYPES}", BINUTILS),
    "dwp_of_types_of_dwarf4_by_llvm": package(f"-gdwarf-4 {TYPES}", LLVM),
    "dwp_of_types_of_dwarf5": package(f"-gdwarf-5 {TYPES}", LLVM),
    "dwp_compressed": package(
        "-gdwarf-5", LLVM, "objcopy --compress-debug-sections=zlib program.dwp"
    ),
    "dwp_compressed_the_old_way": package(
        "-gdwarf-4", BINUTILS, "objcopy --compress-debug-sections=zlib-gnu program.dwp"
    ),
    "dwp_of_debug_file": package(
        "-gdwarf-5",
        LLVM,
        *SEPARATE,
        "objcopy --add-gnu-debuglink=program.debug program",
        "mv program.dwp program.debug.dwp",
    ),
    "dwp_of_compressed_program": package(
        "-gdwarf-4", LLVM, "objcopy --compress-debug-sections=zlib program"
    ),
}
for each_name, each_recipe in PACKAGES.items():
    recipe_test(each_name, each_recipe, False)
    recipe_test(each_name, each_recipe, True)


@test(BOTH)
def values_debug_split_and_filter(t):
    """functions chosen by their source file, which split debug information tells"""
    for recipe in (
        RECIPES["split_dwarf4"],
        RECIPES["split_dwarf5"],
        PACKAGES["dwp_of_dwarf4"],
        PACKAGES["dwp_of_types_of_dwarf5"],
    ):
        program = recipe.make(t)
        filter_ = {"CALLTRACE_ARGS_FILTER": "file:*/values_debug_other.c"}
        document, _ = account.compare(t, [program], env=filter_)
        known = {
            call.name
            for call in document.calls
            if any(not account.absent(each) for each in call.raw.get("arguments", ()))
        }
        t.same("functions with values", {"debug_other", "inner"}, known)
        account.clear(t)


@test(BOTH)
def values_debug_package_that_comes_later(t):
    """a program that was run without its package, and then with it"""
    whole = PACKAGES["dwp_of_dwarf5"].make(t)
    folder = os.path.join(t.dir, "later")
    os.mkdir(folder)
    program = os.path.join(folder, "program")
    shutil.copy(whole, program)
    nothing_known(t, program, (".dwo",))
    account.clear(t)
    shutil.copy(whole + ".dwp", program + ".dwp")
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(BOTH)
def values_debug_package_of_another_program(t):
    """a package whose units belong to something else, and files that are no packages"""
    whole = PACKAGES["dwp_of_dwarf5"].make(t)
    other = PACKAGES["dwp_of_dwarf4"].make(t, True)
    folder = os.path.join(t.dir, "foreign")
    os.mkdir(folder)
    program = os.path.join(folder, "program")
    shutil.copy(whole, program)
    for foreign in (other + ".dwp", whole, "/dev/null"):
        if os.path.isfile(foreign):
            shutil.copy(foreign, program + ".dwp")
        else:
            os.unlink(program + ".dwp")
            os.mkfifo(program + ".dwp")
        nothing_known(t, program, (".dwo",))
        account.clear(t)


@test(("gcc-O2",))
def values_debug_damaged_packages(t):
    """packages with a few bytes changed or the end missing: the command ends, and not by a signal"""
    folder = os.path.join(t.dir, "damaged")
    os.mkdir(folder)
    program = os.path.join(folder, "program")
    for name in ("dwp_of_types_of_dwarf4", "dwp_of_types_of_dwarf5"):
        whole = PACKAGES[name].make(t)
        shutil.copy(whole, program)
        with open(whole + ".dwp", "rb") as file:
            good = file.read()
        chance = random.Random(name)
        for number in range(40):
            damaged = bytearray(good)
            for _ in range(chance.choice((1, 4, 64))):
                damaged[chance.randrange(len(good))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
            if number % 8 == 0:
                del damaged[chance.randrange(len(good)) :]
            with open(program + ".dwp", "wb") as file:
                file.write(damaged)
            t.tool([t.context.command, "plan", program])


@test(BOTH)
def values_debug_rebuilt_without_build_id(t):
    """a program without build-id that was built anew: plans of the former one are not used"""
    folder = os.path.join(t.dir, "rebuilt")
    os.mkdir(folder)
    path = os.path.join(folder, "plugin.so")
    program = t.build("values_loads.c", ldflags=["-ldl"])
    for round_ in range(2):
        for which in ("FIRST", "SECOND"):
            made = t.build(
                "values_plugin.c",
                cflags=[f"-D{which}"],
                ldflags=["-Wl,--build-id=none"],
                shared=True,
                name="values_without_build_id.so",
            )
            shutil.copy(made, path)
            tally = account.compare_and_check(t, [program, path])
            account.expect_shares(t, tally, 0.9, 0.9)
            account.clear(t)


@test(BOTH)
def values_debug_information_that_comes_later(t):
    """a program that was run without debug information, and then with it, under the same build-id"""
    whole = Recipe("-g").make(t)
    folder = os.path.join(t.dir, "later")
    os.mkdir(folder)
    program = os.path.join(folder, "program")
    stripped = program + ".stripped"
    t.tool(["strip", "-g", whole, "-o", stripped])
    shutil.copy(stripped, program)
    nothing_known(t, program)
    account.clear(t)
    shutil.copy(whole, program)
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)
    account.clear(t)
    # And in a file of its own.
    shutil.copy(stripped, program)
    shutil.rmtree(os.path.join(t.dir, "plans"), ignore_errors=True)
    nothing_known(t, program)
    account.clear(t)
    t.tool(["objcopy", "--only-keep-debug", whole, program + ".debug"])
    t.tool(["objcopy", f"--add-gnu-debuglink={program}.debug", program])
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)
