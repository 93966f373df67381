# SPDX-License-Identifier: MIT
"""The settings of capturing, and values in every form of document."""
import os
import shutil

from driver import account
from driver.harness import BOTH, ONE, test

OTHER = ["values_debug_other.c"]
LENGTHS = (0, 1, 9, 10, 11, 63, 64, 65, 4095, 4096, 4097, 5000)


def settings_program(t, **options):
    return t.build(["values_settings.c", *OTHER], name="values_settings", **options)


def document_with(t, env, **options):
    document, rows = account.compare(t, [settings_program(t)], env=env, **options)
    t.expect(document is not None, f"files in the output folder: {os.listdir(t.out)}")
    account.check(t, document, rows)
    account.clear(t)
    return document


def argument(t, call, name):
    shown = account.shown_argument(call, name)
    t.expect(shown is not None, f"{account.where(call)} has no argument {name}")
    return shown


def check_text(t, what, shown, letter, length, limit):
    t.same(what, letter * min(length, limit), shown["value"])
    t.same(f"{what}: truncated", length > limit, shown.get("truncated", False))


@test(BOTH)
def values_max_string(t):
    """so many bytes of a string and no more, and whether there are more"""
    for limit in (None, 1, 10, 64, 65, 4096):
        env = {"CALLTRACE_MAX_STRING": str(limit)} if limit else {}
        document = document_with(t, env)
        limit = limit or 64
        for length, call in zip(LENGTHS, document.named("takes_string")):
            what = f"limit {limit}, a string of {length}"
            check_text(t, what, argument(t, call, "text"), "t", length, limit)
        for length, call in zip(LENGTHS, document.named("gives_string")):
            what = f"limit {limit}, a returned string of {length}"
            check_text(t, what, call.raw["return_value"], "g", length, limit)
        config = document.metadata["config"]["arguments"]
        t.same("max_string in config", (True, limit), (config["captured"], config["max_string"]))


def levels_of(shown):
    """How many nodes of the list are there."""
    levels = 0
    while isinstance(shown, dict) and "pointee" in shown:
        levels += 1
        node = account.members_of(shown["pointee"])
        shown = node.get("next") if node else None
    return levels


@test(BOTH)
def values_max_pointee(t):
    """so many levels of pointers, in arguments and return values"""
    for limit in (None, 0, 1, 2, 3, 4):
        env = {} if limit is None else {"CALLTRACE_MAX_POINTEE": str(limit)}
        document = document_with(t, env)
        limit = 1 if limit is None else limit
        (call,) = document.named("takes_nodes")
        node = argument(t, call, "node")
        t.expect(str(node["value"]).startswith("0x"), f"a pointer's value is {node['value']!r}")
        t.same(f"limit {limit}: levels of node", limit, levels_of(node))
        if limit >= 1:
            t.expect(account.agrees({"n": 1}, node), f"limit {limit}: node is {node}")
        if limit >= 2:
            # A string is a level of its own.
            second = {"n": 2, "label": "the second"} if limit >= 3 else {"n": 2}
            shown = account.members_of(node["pointee"])["next"]
            t.expect(account.agrees(second, shown), f"limit {limit}: its next is {shown}")
        number = argument(t, call, "number")
        if limit >= 2 and not account.absent(number):
            inner = account.as_shown(number["pointee"])
            t.expect(account.agrees(5, inner), f"limit {limit}: number is {number}")
        elif limit == 0:
            t.expect("pointee" not in number, f"limit 0: number is {number}")
        (call,) = document.named("gives_node")
        given = call.raw["return_value"]
        t.same(f"limit {limit}: levels returned", min(limit, 3), levels_of(given))
        config = document.metadata["config"]["arguments"]
        t.same("max_pointee in config", limit, config["max_pointee"])


FUNCTIONS = {
    "main",
    "takes_string",
    "gives_string",
    "takes_nodes",
    "gives_node",
    "debug_other",
    "inner",
}
FILTERS = {
    "takes_nodes": {"takes_nodes"},
    "takes_*": {"takes_string", "takes_nodes"},
    "*_node": {"gives_node"},
    "gives_????": {"gives_node"},
    "[mi]*": {"main", "inner"},
    "main,inner": {"main", "inner"},
    "main,takes_*,nothing": {"main", "takes_string", "takes_nodes"},
    "/^no/, takes_string,x(a, b)": {"takes_string"},
    "/^gives_/": {"gives_string", "gives_node"},
    "/^(main|inner)$/": {"main", "inner"},
    "/string/,inner": {"takes_string", "gives_string", "inner"},
    "module:values_settings": FUNCTIONS,
    "module:*": FUNCTIONS,
    "module:lib*": set(),
    "file:values_debug_other.c": {"debug_other", "inner"},
    "file:*/values_settings.c": FUNCTIONS - {"debug_other", "inner"},
    "file:nothing.c,inner": {"inner"},
    "no_such_function": set(),
    "*": FUNCTIONS,
}
MISSES = {
    "main,takes_*,nothing": ["nothing"],
    "module:lib*": ["module:lib*"],
    "file:nothing.c,inner": ["file:nothing.c"],
    "no_such_function": ["no_such_function"],
    "/^no/, takes_string,x(a, b)": ["/^no/", "x(a, b)"],
}


def misses(filter_, program):
    return "".join(
        f"calltrace: '{each}' in CALLTRACE_ARGS_FILTER fits no function with debug information of "
        f"'{os.path.basename(program)}' and its libraries\n"
        for each in MISSES.get(filter_, ())
    ).encode()


def captured(document):
    return {
        call.name
        for call in document.calls
        if any(not account.absent(each) for each in call.raw.get("arguments", ()))
    }


@test(BOTH)
def values_args_filter(t):
    """globs, lists, regular expressions, modules and files: those functions' values and no other's"""
    program = settings_program(t)
    plain = t.run([program], traced=False)
    for filter_, expected in FILTERS.items():
        env = account.environment(t, {"CALLTRACE_ARGS_FILTER": filter_})
        traced = t.run([program], env=env)
        t.same("exit status, output", (plain.status, plain.out), (traced.status, traced.out))
        t.same(f"{filter_}: standard error", misses(filter_, program), traced.err)
        document = t.document()
        rows = account.rows_of(t.account)
        t.same(f"{filter_}: functions with values", expected, captured(document))
        for row, call in zip(rows, document.calls):
            if call.name in expected:
                account.check_call(t, row, call, account.Tally())
            else:
                t.same(f"{filter_}: {call.name}", None, call.raw.get("return_value"))
        config = document.metadata["config"]["arguments"]
        t.same("filter in config", filter_, config["filter"])
        account.clear(t)


@test(ONE)
def values_args_filter_of_a_library(t):
    """a library's functions by module:"""
    library = t.build(
        "values_debug_other.c", shared=True, ldflags=["-Wl,-soname,libother.so"], name="libother.so"
    )
    folder = os.path.dirname(library)
    program = t.build(
        "values_settings.c", ldflags=[library, f"-Wl,-rpath,{folder}"], name="values_with_library"
    )
    for filter_, expected in (
        ("module:libother.so", {"debug_other", "inner"}),
        (f"module:{folder}/*", {"debug_other", "inner"}),
        ("module:libother.so,main", {"debug_other", "inner", "main"}),
        ("module:values_with*", FUNCTIONS - {"debug_other", "inner"}),
    ):
        document, _ = account.compare(t, [program], env={"CALLTRACE_ARGS_FILTER": filter_})
        t.same(f"{filter_}: functions with values", expected, captured(document))
        account.clear(t)


@test(("gcc-O0", "clang-O2"))
def values_args_filter_plus(t):
    """C++: a name without parameters, with them, and the linker's"""
    program = t.build(["values_debug.cpp", *OTHER], name="values_debug_plus")
    area = {"shapes::Shape::area", "shapes::Square::area"}
    for filter_, expected in (
        ("shapes::Square::is_square", {"shapes::Square::is_square"}),
        ("shapes::*::area", area),
        ("shapes::Shape::area(double, shapes::Color) const", {"shapes::Shape::area"}),
        ("_ZNK6shapes6Square4areaEdNS_5ColorE", {"shapes::Square::area"}),
        ("shapes::times<long, 3>", {"long shapes::times<long, 3>"}),
        ("*times*,debug_other", {"long shapes::times<long, 3>", "debug_other"}),
        ("/::area/", area),
    ):
        document, _ = account.compare(t, [program], env={"CALLTRACE_ARGS_FILTER": filter_})
        t.same(f"{filter_}: functions with values", expected, captured(document))
        account.clear(t)


@test(ONE)
def values_bad_filter(t):
    """a regular expression that is none, or no pattern at all: one line, the program is unharmed"""
    program = settings_program(t)
    plain = t.run([program], traced=False)
    for filter_ in ("/(/", "/[/", "/unfinished", "nosuch:thing", ",", " , "):
        env = account.environment(t, {"CALLTRACE_ARGS_FILTER": filter_})
        traced = t.run([program], env=env)
        t.same("exit status, output", (plain.status, plain.out), (traced.status, traced.out))
        lines = traced.err.decode().splitlines()
        t.expect(
            len(lines) <= 1 and all(line.startswith("calltrace: ") for line in lines),
            f"{filter_}: standard error is {traced.err!r}",
        )
        t.expect(
            len(lines) == 1 and "CALLTRACE_ARGS_FILTER" in lines[0] and f"'{filter_}'" in lines[0],
            f"{filter_}: standard error is {traced.err!r}",
        )
        account.clear(t)


@test(ONE)
def values_filter_of_a_library_loaded_later(t):
    """what fits nothing in the program may fit in a library; forked children say nothing"""
    library = t.build("values_debug_other.c", shared=True, name="libother.so")
    source = os.path.join(t.dir, "later.c")
    with open(source, "w") as file:
        file.write(
            """
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
int first(int n) { return n + 1; }
int main(int argc, char **argv)
{
	int n = first(argc);
	void *library = dlopen(argv[1], RTLD_NOW);
	long (*function)(int, const char *, const int *) =
		library ? (long (*)(int, const char *, const int *))dlsym(library, "debug_other") : 0;
	if (fork() == 0)
		return first(n) == 0;
	wait(0);
	return function ? (function(n, "", &n), 0) : 99;
}
"""
        )
    program = t.build(source, name="later", ldflags=["-ldl"])
    for filter_, missed in (("inner,first", ()), ("*nner,nosuch", ("nosuch",))):
        for _ in range(2):  # made, and from the cache
            env = account.environment(t, {"CALLTRACE_ARGS_FILTER": filter_})
            traced = t.run([program, library], env=env)
            t.same("exit status", 0, traced.status)
            said = [line.split("'")[1] for line in traced.err.decode().splitlines()]
            t.same(f"{filter_}: named", list(missed), said)
            for name in os.listdir(t.out):
                os.unlink(os.path.join(t.out, name))


@test(ONE)
def values_off_by_default(t):
    """without CALLTRACE_CAPTURE_ARGS, and with 0, no call has values, and no plan is made"""
    program = settings_program(t)
    plans = os.path.join(t.dir, "plans")
    for value in (None, "0"):
        env = account.environment(t, {"CALLTRACE_CAPTURE_ARGS": value})
        t.run([program], env=env)
        document = t.document()
        for call in document.calls:
            t.expect(
                not {"arguments", "return_value"} & set(call.raw),
                f"{call.name} has {sorted(call.raw)}",
            )
        t.same("captured", False, document.metadata["config"]["arguments"]["captured"])
        t.same("folder of plans", False, os.path.exists(plans))
        account.clear(t)


FORMS = {
    "flat": {"CALLTRACE_JSON_LAYOUT": "flat"},
    "pretty": {"CALLTRACE_PRETTY_JSON": "1"},
    "flat_and_pretty": {"CALLTRACE_JSON_LAYOUT": "flat", "CALLTRACE_PRETTY_JSON": "1"},
    "clock_none": {"CALLTRACE_CLOCK": "none"},
    "clock_monotonic": {"CALLTRACE_CLOCK": "monotonic"},
    "no_restartable_sequences": {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"},
    "no_restartable_sequences_no_clock": {
        "GLIBC_TUNABLES": "glibc.pthread.rseq=0",
        "CALLTRACE_CLOCK": "none",
    },
    "everything_large": {"CALLTRACE_MAX_STRING": "4096", "CALLTRACE_MAX_POINTEE": "4"},
    "everything_small": {"CALLTRACE_MAX_STRING": "1", "CALLTRACE_MAX_POINTEE": "0"},
}
PROGRAMS = ("values_frames.c", "values_jumps.c")


def form_test(name, env):
    def run(t):
        small = name == "everything_small"
        for source in PROGRAMS:
            document, rows = account.compare(t, [t.build(source)], env=env)
            if small:
                document.problems()
                for call in document.calls:
                    account.check_shape(t, call)
            else:
                tally = account.check(t, document, rows)
                account.expect_shares(t, tally, 0.9, 0.9)
            account.clear(t)

    run.__name__ = f"values_form_{name}"
    run.__doc__ = " ".join(f"{key}={value}" for key, value in env.items())
    test(BOTH)(run)


for each_name, each_env in FORMS.items():
    form_test(each_name, each_env)


@test(BOTH)
def values_and_depth_limit(t):
    """with CALLTRACE_MAX_DEPTH the calls above it have their values"""
    for limit in (1, 2, 3):
        env = {"CALLTRACE_MAX_DEPTH": str(limit)}
        for source in PROGRAMS:
            document, rows = account.compare(t, [t.build(source)], env=env)
            rows = [row for row in rows if row.depth < limit]
            tally = account.check(t, document, rows)
            account.expect_shares(t, tally, 0.85, 0.85)
            account.clear(t)


@test(BOTH)
def values_in_a_raw_trace_alone(t):
    """a raw trace has all that its values need: the program and the plans may be gone"""
    folder = os.path.join(t.dir, "gone")
    os.mkdir(folder)
    program = os.path.join(folder, "program")
    shutil.copy(t.build("values_frames.c"), program)
    raw = os.path.join(t.out, "trace.ctrace")
    env = account.environment(t, {"CALLTRACE_OUTPUT": raw})
    result = t.run([program], env=env)
    t.same("exit status, standard error", (5, b""), (result.status, result.err))
    before = os.path.join(t.dir, "before.json")
    command = [t.context.command, "json", raw, "-o"]
    t.same("calltrace json", 0, t.run([*command, before], traced=False).status)
    rows = account.rows_of(t.account)
    whole = t.load(before)
    account.expect_shares(t, account.check(t, whole, rows), 0.9, 0.9)
    shutil.rmtree(folder)
    shutil.rmtree(os.path.join(t.dir, "plans"), ignore_errors=True)
    after = os.path.join(t.dir, "after.json")
    # It may say that names are missing.
    t.same("calltrace json", 0, t.run([*command, after], traced=False).status)
    for one, other in zip(whole.calls, t.load(after).calls):
        for key in ("arguments", "return_value"):
            t.same(
                f"{key} of {account.where(one)}",
                without_symbols(one.raw.get(key)),
                without_symbols(other.raw.get(key)),
            )


def without_symbols(value):
    """Names of functions that pointers lead to come from the program."""
    if isinstance(value, dict):
        return {key: without_symbols(each) for key, each in value.items() if key != "symbol"}
    return [without_symbols(each) for each in value] if isinstance(value, list) else value


@test(BOTH)
def values_from_the_cache(t):
    """the second run takes the plans of the first: the same values, and the cache stays as it was"""
    program = t.build("values_frames.c")
    plans = os.path.join(t.dir, "plans")
    seen = None
    for _ in range(2):
        tally = account.compare_and_check(t, [program])
        account.expect_shares(t, tally, 0.9, 0.9)
        files = {
            os.path.join(folder, name): os.stat(os.path.join(folder, name)).st_mtime_ns
            for folder, _, names in os.walk(plans)
            for name in names
        }
        t.expect(files, "no plan was kept")
        t.expect(seen is None or seen == files, f"the cache has changed: {seen}, {files}")
        seen = files
        account.clear(t)


@test(ONE)
def plans_that_are_kept_need_no_command(t):
    """the first run asks the command for plans, the second reads the file that is kept"""
    t.need("strace")
    program, log = t.build("values_frames.c"), os.path.join(t.dir, "started")
    asked = []
    for _ in range(2):
        t.run(["strace", "-f", "-e", "trace=execve", "-o", log, program], env=account.CAPTURE)
        with open(log, encoding="utf-8", errors="replace") as lines:
            asked.append(sum('"plan"' in line for line in lines))
        account.clear(t)
    t.same("commands started for plans", [True, False], [count > 0 for count in asked])


@test(BOTH)
def values_without_a_cache(t):
    """no folder to keep plans in: values all the same, or one line"""
    program = t.build("values_frames.c")
    for cache in ("/proc/no/such/folder", "relative/folder", ""):
        env = {"XDG_CACHE_HOME": cache, "HOME": "/proc/nowhere"}
        document, rows = account.compare(t, [program], env=env, check_behaviour=False)
        t.same(
            "exit status and output", (t.plain.status, t.plain.out), (t.traced.status, t.traced.out)
        )
        t.expect(len(t.traced.err.splitlines()) <= 1, f"standard error is {t.traced.err!r}")
        tally = account.check(t, document, rows)
        if not t.traced.err:
            account.expect_shares(t, tally, 0.9, 0.9)
        account.clear(t)
