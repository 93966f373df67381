# SPDX-License-Identifier: MIT
"""Trees that need more than an expectation file: random ones, many functions, deep ones, odd names."""
import collections
import os
import re
import resource
import shutil

from driver import tree
from driver.harness import ALL, BOTH, GCC, ONE, test

SEEDS = range(1, 7)


def check_against_own_account(t, program, seed):
    """The program prints the tree that the trace must show."""
    document = t.compare([program, str(seed)], timeout=30)
    expected = tree.parse(t.traced.out.decode(), t.variant)
    actual = document.forests()[0]
    if not tree.matches_runs(expected[0].root, actual, {}):
        # The program's lines, in the form in which the actual tree is printed.
        wanted = tree.render(as_runs(expected[0].root), limit=5000)
        t.fail(
            f"seed {seed}: the trace differs from the program's own account\n"
            + tree.difference(wanted, tree.render(actual, limit=5000))
        )


def as_runs(node):
    table = tree.ShapeTable()

    def shape(each):
        return table.intern(each.name, each.unfinished, [shape(child) for child in each.children])

    return tree.group([shape(child) for child in node.children])


@test(ALL)
def random_jumps_and_signals(t):
    """longjmp, signals and siglongjmp out of handlers at random, against the program's own account"""
    program = t.build("random_jumps.c")
    for seed in SEEDS:
        check_against_own_account(t, program, seed)


@test(BOTH)
def random_jumps_fortified(t):
    """the same through __longjmp_chk"""
    program = t.build("random_jumps.c", cflags=["-D_FORTIFY_SOURCE=2"])
    for seed in SEEDS:
        check_against_own_account(t, program, seed)


@test(ALL)
def random_jumps_on_alternate_stacks(t):
    """the same with handlers on an alternate stack, above (odd seeds) or below the others"""
    program = t.build("random_jumps.c", cflags=["-DON_ALTSTACK"], name="random_jumps_altstack")
    for seed in SEEDS:
        check_against_own_account(t, program, seed)


@test(ALL)
def random_exceptions(t):
    """throws, catches and rethrows at random, against the program's own account"""
    program = t.build("random_throws.cpp")
    for seed in SEEDS:
        check_against_own_account(t, program, seed)


@test(BOTH)
def random_exceptions_static_unwinder(t):
    """the same with the unwinder linked into the program

    With Clang no hook and no library sees the unwinding: where a function has stale frames of
    itself below it, nothing tells which of them made the next call. No call is missing.
    """
    flags = ["-static-libgcc", "-static-libstdc++"]
    program = t.build("random_throws.cpp", ldflags=flags, name="random_throws_static")
    for seed in SEEDS:
        if t.compiler == "gcc":
            check_against_own_account(t, program, seed)
            continue
        document = t.compare([program, str(seed)])
        said = collections.Counter(line.split()[0] for line in t.traced.out.decode().splitlines())
        t.same(
            f"seed {seed}: calls", said, collections.Counter(call.name for call in document.calls)
        )


@test(("gcc-O2", "gcc-O3", "clang-O2", "clang-O3"))
def inlined_throw_loses_no_call(t):
    """thrower and catcher in one frame: parents cannot always be told, but no call is missing or doubled"""
    document = t.compare([t.build("inlined_throw.cpp")])
    for name, count in (
        ("main", 1),
        ("catcher", 10),
        ("middle", 10),
        ("thrower", 10),
        ("leaf", 20),
    ):
        t.same(f"calls of {name}", count, document.count(name))


@test(ALL)
def constructors_and_destructors(t):
    """complete, base and deleting destructors, thunks, templates, operators, lambdas"""
    document = t.compare([t.build("classes.cpp")])
    # GCC runs Other's destructor, defaulted and small, as a call; Clang does too where it makes one.
    text = """
main
    on_stack
        shapes::Base::Base
        shapes::Base::draw
        shapes::Base::~Base
    on_heap
        shapes::Derived::Derived
            shapes::Base::Base
            ...
        draw_all
            shapes::Derived::draw
            shapes::Derived::move
        shapes::Derived::operator<
        shapes::Derived::~Derived
            shapes::Derived::~Derived
                ...
    int twice<int>
    double twice<double>
    main::{lambda(int)#1}::operator() @gcc
    main::$_0::operator() @clang
"""
    t.check_tree(document, text)
    inner = document.named("shapes::Derived::~Derived")[1]
    names = [call.name for call in inner.children if "Other" not in call.name]
    t.same("calls in the complete destructor", ["shapes::Base::~Base"], names)
    call = document.named("shapes::Base::draw")[0].raw
    t.same("demangled name", "shapes::Base::draw()", call["function"])
    t.same("mangled name", "_ZN6shapes4Base4drawEv", call["mangled_name"])
    plain = document.named("main")[0].raw
    t.expect(
        "mangled_name" not in plain or plain["mangled_name"] in (None, "main"),
        "main has a mangled_name of its own",
    )


@test(ALL)
def coroutines_by_swapcontext(t):
    """each coroutine's calls are a tree of their own, none hangs under a frame of another stack"""
    coroutine_trees(t, t.build("coroutines.c"))


@test(ALL)
def coroutines_by_assembly(t):
    """the same with a hand-written switch that no library sees, each stack mapped with a guard page"""
    need_x86_64(t)
    coroutine_trees(t, t.build("coroutines.c", cflags=["-DASSEMBLY"], name="coroutines_asm"))


def need_x86_64(t):
    if os.uname().machine != "x86_64":
        t.skip("the switch is written for x86-64")


def coroutine_trees(t, program):
    t.compare(
        [program],
        tree="""
main
    schedule
        leaf x4
    leaf
--- stack
body_0
    step_0 x2
        leaf x2
--- stack
body_1
    step_1
        leaf
    leaf
    step_1
        leaf
""",
    )


def account(call):
    return call.name + "(" + "".join(account(child) for child in call.children) + ")"


def random_coroutine_trees(t, program):
    for seed in SEEDS:
        document = t.compare([program, str(seed)])
        resumed, *expected = t.traced.out.decode().splitlines()
        roots = [call for _, calls in document.trees for call in calls]
        wanted = collections.Counter(expected)
        found = collections.Counter(account(call) for call in roots if call.name != "main")
        t.expect(
            wanted == found,
            f"seed {seed}: calls of the coroutines: missing {list((wanted - found))[:3]}, "
            f"not expected {list((found - wanted))[:3]}",
        )
        t.same(
            f"seed {seed}: calls of main",
            ["resume"] * int(resumed),
            [call.name for call in document.named("main")[0].children],
        )


@test(ALL)
def random_coroutines_by_swapcontext(t):
    """coroutines that call and yield at random, on stacks that are used again"""
    random_coroutine_trees(t, t.build("random_coroutines.c"))


@test(ALL)
def random_coroutines_by_assembly(t):
    """the same with a hand-written switch, each stack mapped with a guard page"""
    need_x86_64(t)
    program = t.build("random_coroutines.c", cflags=["-DASSEMBLY"], name="random_coroutines_asm")
    random_coroutine_trees(t, program)


@test(ALL)
def coroutines_side_by_side_lose_no_call(t):
    """a hand-written switch between stacks with nothing between them: parents cannot always be told

    Nothing in the addresses says where one stack ends; but every call is there, once.
    """
    need_x86_64(t)
    flags = ["-DASSEMBLY", "-DIN_HEAP"]
    program = t.build("random_coroutines.c", cflags=flags, name="random_coroutines_heap")
    for seed in SEEDS:
        document = t.compare([program, str(seed)])
        text = t.traced.out.decode()
        for name in ("body", "act_0", "act_1", "act_2"):
            t.same(f"seed {seed}: calls of {name}", text.count(name + "("), document.count(name))


@test(BOTH)
def coroutine_resumed_on_another_thread(t):
    """the calls of both threads are right, and none of the coroutine's is missing"""
    document = t.compare([t.build("wandering_coroutine.c")], lost=True)
    t.same("calls of leaf", 7, document.count("leaf"))
    children = {
        call.name: [child.name for child in call.children]
        for call in document.calls
        if call.name in ("main", "thread")
    }
    t.same(
        "callees of main and thread",
        {"main": ["resumes", "leaf"], "thread": ["resumes", "leaf"]},
        children,
    )
    for call in document.named("resumes"):
        t.same("callees of resumes", ["leaf"], [child.name for child in call.children])
        t.same("how resumes ended", None, call.raw.get("unfinished"))


@test(ALL)
def smallest_stacks(t):
    """threads, handlers and coroutines on the smallest stacks the system allows"""
    document = t.compare([t.build("small_stacks.c")])
    t.same("calls of leaf", 24000, document.count("leaf"))


@test(BOTH)
def only_a_library_is_instrumented(t):
    """an executable without hooks, and a shared library with them"""
    library = t.build("plugin.c", cflags=["-DNAME=inner"], shared=True, name="instrumented.so")
    program = t.build("reload.c", ldflags=["-ldl"], instrument=False, name="plain_reload")
    t.compare([program, library], tree="run\n inner x2\n")


@test(BOTH)
def stripped_library(t):
    """a stripped library: the exported function has its name, the static one is module+0xoffset"""
    library = t.build(
        "plugin.c",
        cflags=["-DNAME=inner"],
        ldflags=["-Wl,--strip-all"],
        shared=True,
        name="stripped.so",
    )
    document = t.compare([t.build("reload.c", ldflags=["-ldl"]), library])
    run = document.named("run")[0]
    for call in run.children:
        t.expect(
            re.match(r"^stripped\.so\+0x[0-9a-f]+$", call.raw["function"]),
            f"the static function is {call.raw['function']!r}",
        )
    t.same("calls of the static function", 2, len(run.children))


@test(("gcc-O2", "clang-O2"))
def inline_function_of_a_system_header(t):
    """Clang instruments libc's inline functions with libc's address: the name and module are libc's"""
    document = t.compare([t.build("header_inline.c")], tree="main\n atoi @clang\n")
    for call in document.named("atoi"):
        t.expect("libc" in call.raw["module"], f"atoi is of module {call.raw['module']}")


@test(ALL)
def names_of_any_bytes(t):
    """symbols with quotes, newlines, control characters and bad UTF-8 stay one valid JSON string each"""
    t.need("objcopy")
    odd = {
        "quotes": 'with "quotes" and \\ backslash',
        "newline": "line\none",
        "bad_utf8": "bad\udcff\udcc3utf8",  # the bytes FF C3
        "good_utf8": "grün_日本",
        "control": "tab\tand\x01one",
        "looks_mangled": "_ZN3foo",
    }
    rename = [word for old, new in odd.items() for word in ("--redefine-sym", f"{old}={new}")]
    document = t.compare([t.build("names.c", cflags=["-g0"], after=[["objcopy", *rename, "{}"]])])
    names = [call.raw["function"] for call in document.named("main")[0].children]
    t.same("quotes and backslash", odd["quotes"], names[0])
    t.same("newline", "line\none", names[1])
    t.expect(
        names[2].startswith("bad") and names[2].endswith("utf8") and len(names[2]) > 7,
        f"bad UTF-8 became {names[2]!r}",
    )
    t.same("good UTF-8", "grün_日本", names[3])
    t.same("control characters", "tab\tand\x01one", names[4])
    t.same("only looks mangled", odd["looks_mangled"], names[5])


@test(ONE)
def names_in_a_folder_of_any_bytes(t):
    """a program is found again in a folder whose name has newlines, spaces and escapes"""
    folder = os.path.join(t.dir, "two\nlines \\ \033[31m")
    os.mkdir(folder)
    program = shutil.copy(t.build("many_calls.c"), os.path.join(folder, "a program"))
    t.compare([program, "3"], tree="main\n leaf x3\n")


@test(ALL)
def static_and_hidden_functions_have_names(t):
    """names come from .symtab without -rdynamic"""
    t.compare([t.build("static_functions.c", cflags=["-g0"])], tree="main\n hidden\n  secret\n")


@test(ONE + ("clang-O2",))
def source_file_and_line(t):
    """a call says where its function is defined"""
    document = t.compare([t.build("static_functions.c")])
    secret = document.named("secret")[0].raw
    t.expect(
        str(secret["source_file"]).endswith("static_functions.c"),
        f"source_file is {secret['source_file']!r}",
    )
    with open(
        os.path.join(
            os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
            "programs/static_functions.c",
        )
    ) as file:
        line = next(number for number, text in enumerate(file, 1) if "void secret(void)" in text)
    t.expect(
        secret["line_number"] in (line, line + 1),
        f"line_number is {secret['line_number']}, secret() is at {line}",
    )


@test(BOTH)
def stripped_program(t):
    """stripped functions are module+0xoffset, all calls are there"""
    program = t.build("static_functions.c", ldflags=["-Wl,--strip-all"], name="stripped")
    document = t.compare([program])
    t.same("number of calls", 3, len(document.calls))
    for call in document.calls:
        t.expect(
            re.match(r"^stripped\+0x[0-9a-f]+$", call.raw["function"]),
            f"a stripped function is {call.raw['function']!r}",
        )
        t.same("source_file of a stripped function", None, call.raw.get("source_file"))
    main = document.calls[0]
    t.same("depths", [0, 1, 2], [call.raw["depth"] - main.raw["depth"] for call in document.calls])
    unstripped = t.build("static_functions.c", name="stripped", after=None)
    symbols = t.tool(["nm", unstripped])
    offset = int(re.search(r"^([0-9a-f]+) t secret$", symbols, re.M).group(1), 16)
    t.same("offset of secret()", f"stripped+0x{offset:x}", document.calls[2].raw["function"])


@test(BOTH)
def debug_link_beside_the_program(t):
    """a separate debug file named by .gnu_debuglink gives names, files and lines"""
    t.need("objcopy")
    program = t.build(
        "static_functions.c",
        name="linked",
        after=[
            ["objcopy", "--only-keep-debug", "{}", "{}.debug"],
            ["strip", "--strip-all", "{}"],
            ["objcopy", "--add-gnu-debuglink={}.debug", "{}"],
        ],
    )
    document = t.compare([program], tree="main\n hidden\n  secret\n")
    t.expect(
        str(document.calls[0].raw["source_file"]).endswith("static_functions.c"),
        "no source_file from the debug file",
    )


@test(ONE)
def debug_link_in_debug_folder(t):
    """the debug file lies in .debug/"""
    t.need("objcopy")
    program = t.build(
        "static_functions.c",
        name="linked",
        after=[
            ["mkdir", ".debug"],
            ["objcopy", "--only-keep-debug", "{}", ".debug/{}.debug"],
            ["strip", "--strip-all", "{}"],
            ["objcopy", "--add-gnu-debuglink=.debug/{}.debug", "{}"],
        ],
    )
    t.compare([program], tree="main\n hidden\n  secret\n")


@test(ONE)
def debug_file_by_build_id(t):
    """the debug file lies in /usr/lib/debug/.build-id"""
    t.need_root()
    t.need("objcopy")
    program = t.build("static_functions.c", name="by_build_id", ldflags=["-Wl,--build-id=sha1"])
    notes = t.tool(["readelf", "-n", program])
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes).group(1)
    stripped = os.path.join(t.dir, "by_build_id")
    t.tool(["strip", "--strip-all", "-o", stripped, program])
    folder = f"/usr/lib/debug/.build-id/{build_id[:2]}"
    made = [
        each
        for each in ("/usr/lib/debug", "/usr/lib/debug/.build-id", folder)
        if not os.path.exists(each)
    ]
    debug = f"{folder}/{build_id[2:]}.debug"
    os.makedirs(folder, exist_ok=True)
    try:
        t.tool(["objcopy", "--only-keep-debug", program, debug])
        t.compare([stripped], tree="main\n hidden\n  secret\n")
    finally:
        os.unlink(debug)
        for each in reversed(made):
            os.rmdir(each)


@test(BOTH)
def ten_thousand_functions(t):
    """10,000 distinct functions, each called once from each of two places"""
    count = 10000
    source = os.path.join(t.context.base, "ten_thousand.c")
    text = ["#include <stdio.h>", "static volatile int sum;"]
    text += [
        f"static __attribute__((noinline)) void function_{n}(void) {{ sum++; }}"
        for n in range(count)
    ]
    for place in ("first", "second"):
        text.append(f"static __attribute__((noinline)) void {place}(void) {{")
        text += [f"function_{n}();" for n in range(count)]
        text.append("}")
    text.append('int main(void) { first(); second(); printf("%d\\n", sum); return 0; }')
    with t.context.lock_of(source):
        if not os.path.exists(source):
            with open(source + ".new", "w") as file:
                file.write("\n".join(text) + "\n")
            os.rename(source + ".new", source)
    document = t.compare([t.build(source, cflags=["-g1"])])
    names = [call.name for call in document.calls]
    wanted = [f"function_{n}" for n in range(count)]
    t.same("calls", 3 + 2 * count, len(names))
    t.same("order of the calls", ["main", "first"] + wanted + ["second"] + wanted, names)


def deep(t, levels, layout, limits=()):
    document = t.compare(
        [t.build("deep.c"), str(levels)],
        env={"CALLTRACE_JSON_LAYOUT": layout},
        limits=limits,
        timeout=120,
    )
    t.same("calls", levels + 1, len(document.calls))
    call = document.calls[0]
    for level in range(levels):
        t.expect(len(call.children) == 1, f"level {level} has {len(call.children)} children")
        call = call.children[0]
        t.expect(call.raw["function"] == "deeper", f"level {level} is {call.raw['function']}")
    t.same("children of the deepest", 0, len(call.children))


@test(("gcc-O0", "clang-O2"))
def recursion_100000_deep(t):
    """a recursion of 100,000 levels, nested layout"""
    deep(t, 100000, "nested", [(resource.RLIMIT_STACK, 64 << 20)])


@test(("gcc-O2",))
def recursion_1000000_deep(t):
    """a recursion of a million levels: what the document counts"""
    levels = 1000000
    limits = [(resource.RLIMIT_STACK, 512 << 20)]
    t.compare([t.build("deep.c"), str(levels)], limits=limits, timeout=120, check=False)
    with open(os.path.join(t.out, "trace.json"), "rb") as file:
        text = file.read()
    for key, value in (("total_calls", levels + 1), ("lost_events", 0)):
        t.same(key, str(value).encode(), re.search(rb'"%s":(\d+)' % key.encode(), text).group(1))
    t.same(
        "calls of deeper",
        levels,
        len(re.findall(rb'"id":\d+,(?:"parent_id":\d+,)?"function":"deeper"', text)),
    )
    found = re.search(rb'"max_depth":(\d+),"root_calls"', text)
    t.same("max_depth", str(levels + 1).encode(), found.group(1))
    t.expect(b'"unfinished":"' not in text, "a call is unfinished")


@test(BOTH)
def plugins_at_the_same_address(t):
    """after dlclose another plug-in lies at the same base: every function has its right name"""
    one = t.build("plugin.c", cflags=["-DNAME=function_of_one"], shared=True, name="one.so")
    two = t.build("plugin.c", cflags=["-DNAME=function_of_two"], shared=True, name="two.so")
    program = t.build("reload.c", ldflags=["-ldl"])
    document = t.compare([program, one, two, one, two], check=True)
    t.expect(b"same base: 3" in t.traced.out, f"the loader chose other addresses: {t.traced.out!r}")
    uses = "\n".join(
        f"    use\n        run\n            function_of_{which} x2" for which in ("one", "two") * 2
    )
    t.check_tree(document, "main\n" + uses)
    modules = [os.path.basename(call.raw["module"]) for call in document.named("run")]
    t.same("modules of run()", ["one.so", "two.so", "one.so", "two.so"], modules)


@test(ALL)
def before_and_after_all_constructors(t):
    """.preinit_array and constructors of libraries before ours, destructors after"""
    library = t.build("early_library.c", shared=True, name="libearly.so")
    folder = os.path.dirname(library)
    program = t.build("early.c", ldflags=[f"-L{folder}", "-learly", f"-Wl,-rpath,{folder}"])
    t.compare(
        [program],
        tree="""
before_everything
    leaf
library_constructor
    library_leaf
program_constructor
    leaf
main
    library_function
        library_leaf
program_destructor
    leaf
library_destructor
    library_leaf
""",
    )


@test(BOTH)
def linked_instead_of_preloaded(t):
    """a program linked with -lcalltrace needs no preloading"""
    folder = os.path.dirname(t.context.library)
    if not os.path.exists(t.context.library):
        t.skip(f"{t.context.library} is not built")
    flags = [f"-L{folder}", "-Wl,--no-as-needed", "-lcalltrace", f"-Wl,-rpath,{folder}"]
    program = t.build("small_calls.c", ldflags=flags, name="small_linked")
    result = t.run([program], env={"LD_PRELOAD": None})
    t.same("exit status", (0, b"4\n", b""), (result.status, result.out, result.err))
    t.check_tree(t.document(), "main\n first x2\n  second\n   third x2\n")


@test(BOTH)
def linked_and_preloaded(t):
    """both at once: the calls are there once"""
    folder = os.path.dirname(t.context.library)
    if not os.path.exists(t.context.library):
        t.skip(f"{t.context.library} is not built")
    flags = [f"-L{folder}", "-Wl,--no-as-needed", "-lcalltrace", f"-Wl,-rpath,{folder}"]
    program = t.build("small_calls.c", ldflags=flags, name="small_linked")
    t.compare([program], tree="main\n first x2\n  second\n   third x2\n")


@test(ALL)
def address_sanitizer(t):
    """a program with ASan: the library is preloaded before ASan's"""
    program = t.build(
        "nested_calls.c",
        cflags=["-fsanitize=address"],
        ldflags=["-fsanitize=address"],
        name="nested_asan",
    )
    env = {"ASAN_OPTIONS": "verify_asan_link_order=0"} if t.compiler == "gcc" else {}
    document = t.compare([program], env=env)
    for name, count in (("main", 1), ("branch", 2), ("leaf", 6), ("factorial", 4)):
        t.same(f"calls of {name}", count, document.count(name))


@test(GCC)
def address_sanitizer_static(t):
    """a program with ASan linked in needs no option"""
    program = t.build(
        "nested_calls.c",
        cflags=["-fsanitize=address"],
        ldflags=["-fsanitize=address", "-static-libasan"],
        name="nested_asan_static",
    )
    document = t.compare([program])
    t.same("calls of leaf", 6, document.count("leaf"))


@test(BOTH)
def address_sanitizer_with_exceptions(t):
    """ASan and exceptions together"""
    program = t.build(
        [("exceptions.cpp", []), ("c_frame.c", [])],
        cflags=["-fsanitize=address"],
        ldflags=["-fsanitize=address"],
        name="throws_asan",
    )
    env = {"ASAN_OPTIONS": "verify_asan_link_order=0"} if t.compiler == "gcc" else {}
    document = t.compare([program, "loop"], env=env)
    t.same("calls of thrower", 5, document.count("thrower"))
    t.same(
        "callers of middle",
        {"catches_in_loop"},
        {call.parent.name for call in document.named("middle")},
    )


@test(("gcc-O2", "clang-O2"))
def thread_sanitizer(t):
    """a program with TSan"""
    program = t.build(
        "threads.c",
        cflags=["-fsanitize=thread"],
        ldflags=["-fsanitize=thread"],
        name="threads_tsan",
    )
    document = t.compare([program, "2", "10"])
    t.same("calls of step", 20, document.count("step"))
