# SPDX-License-Identifier: MIT
"""Capturing arguments and return values: programs that leave their functions in every way.

Each program tells of its own calls (programs/values_account.h): order, depth, arguments, results.
It must behave as untraced, and no value in the trace may be wrong.
"""
import os
import signal
import subprocess

from driver import account
from driver.harness import ALL, BOTH, test


def exceptions_program(t):
    flags = ["-std=gnu++14"]  # with exception specifications
    library = t.build("values_thrower.cpp", cflags=flags, shared=True, name="libvalues_thrower.so")
    return t.build("values_exceptions.cpp", cflags=flags, ldflags=[library])


@test(ALL)
def values_and_exceptions(t):
    """nested, rethrown, out of and inside destructors, by value, across a library and threads"""
    tally = account.compare_and_check(t, [exceptions_program(t)])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(ALL)
def values_and_exceptions_that_terminate(t):
    """noexcept and an exception specification violated, and an exception that nobody catches"""
    for how in ("terminate", "unexpected", "uncaught"):
        tally = account.compare_and_check(t, [exceptions_program(t), how])
        t.same(f"{how}: exit status", -signal.SIGABRT, t.traced.status)
        account.expect_shares(t, tally, 0.9, 0)
        account.clear(t)


@test(ALL)
def values_and_random_exceptions(t):
    """calls, returns, throws, catches and handlers at random, through values of many kinds"""
    program = t.build("values_random.cpp")
    for seed in (1, 2, 3):
        tally = account.compare_and_check(t, [program, str(seed)])
        account.expect_shares(t, tally, 0.9, 0.9)
        account.clear(t)


@test(ALL)
def values_and_jumps(t):
    """longjmp past them, setjmp that returns twice in them, siglongjmp out of handlers"""
    tally = account.compare_and_check(t, [t.build("values_jumps.c")])
    account.expect_shares(t, tally, 0.9, 0.9)


@test(BOTH)
def values_and_jumps_fortified(t):
    """the same through __longjmp_chk"""
    program = t.build("values_jumps.c", cflags=["-D_FORTIFY_SOURCE=2"])
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.9, 0.9)


# What follows from a function's first argument, in programs/values_ruled.h and values_steps.c:
# its other arguments, and its result.
TEXTS = ("zero", "one or so", "two", "a third of them")
RULES = {
    "ruled_sum": (
        lambda n: {"square": n * n, "low": n & 255, "half": n / 2},
        lambda n: n + n * n + (n & 255) + n,
    ),
    "ruled_make": (
        lambda n: {"text": TEXTS[n & 3]},
        lambda n: {"first": n * 2, "second": n * 0.5},
    ),
    "ruled_big": (
        lambda n: {"pair": {"first": n * 2, "second": n * 0.5}},
        lambda n: {"n": n, "text": "large", "half": n / 2, "square": n * n},
    ),
    "ruled_real": (lambda n: {"quarter": n / 4}, lambda n: n * 2.0),
    "ruled_wide": (lambda n: {"pair": {"first": n * 2, "second": n * 0.5}}, lambda n: n * 0.25),
    "ruled_text": (lambda n: {}, lambda n: TEXTS[n & 3]),
    "ruled_nothing": (lambda n: {"text": TEXTS[n & 3]}, lambda n: account.NOTHING),
    "ruled_outer": (lambda n: {"text": TEXTS[n & 3]}, lambda n: n * 7 + 3),
    "in_handler": (lambda n: {"text": TEXTS[n & 3]}, lambda n: n * 1.5),
    "after": (lambda n: {"half": n / 2}, lambda n: n + 1),
}


def check_rules(t, document):
    """Each call's values follow from its own first argument, where that is known."""
    tally = account.Tally()
    for call in document.calls:
        if call.name not in RULES:
            continue
        account.check_shape(t, call)
        first = account.shown_argument(call, "n")
        t.expect(first is not None, f"{account.where(call)} has no argument n")
        arguments, result = RULES[call.name]
        row = account.Row.__new__(account.Row)
        row.returned = call.raw.get("unfinished") is None
        if account.absent(first):
            tally.arguments[first["why"]] += 1
            continue
        n = first["value"]
        row.arguments = dict(arguments(n), n=n)
        row.result = result(n)
        account.check_call(t, row, call, tally)
    return tally


def only_row(rows, name):
    (row,) = [each for each in rows if each.name == name]
    return row.result


# The functions that are interrupted: results in registers of all kinds, and in memory.
INTERRUPTED = {"gcc-O0": "make", "gcc-O2": "sum", "clang-O0": "big", "clang-O2": "wide"}


def steps(t, act, stride=1, which="outer"):
    if os.uname().machine != "x86_64":
        t.skip("steps by the trap flag of x86-64")
    program = t.build("values_steps.c")
    # A restartable sequence begins anew after each step, for ever.
    env = {"GLIBC_TUNABLES": "glibc.pthread.rseq=0"}
    document, rows = account.compare(t, [program, act, str(stride), which], env=env)
    tally = check_rules(t, document)
    account.expect_shares(t, tally, 0.9, 0.8)
    return document, only_row(rows, act)


@test(ALL)
def values_and_calls_at_each_instruction(t):
    """a handler with values at each instruction of functions with values, and of their hooks"""
    document, calls = steps(t, "calls")
    t.expect(calls > 300, f"only {calls} steps")
    t.same("calls of in_handler", calls + 3, document.count("in_handler"))
    t.same("calls of ruled_sum", 4, document.count("ruled_sum"))


@test(ALL)
def values_and_jumps_at_any_instruction(t):
    """siglongjmp out of a handler at instructions of a function with values, and of its hooks"""
    document, jumps = steps(t, "jumps", 5, INTERRUPTED[t.variant])
    t.same("calls of after", jumps + 3, document.count("after"))
    t.same("callers of after", {"main", "jumps"}, {c.parent.name for c in document.named("after")})


@test(BOTH)
def values_and_cancellation_at_any_instruction(t):
    """asynchronous cancellation at instructions of a function with values, and of its hooks"""
    document, threads = steps(t, "cancels", 9, INTERRUPTED[t.variant])
    t.same("calls of after", threads + 3, document.count("after"))


@test(ALL)
def values_and_coroutines_switched_at_any_instruction(t):
    """a handler that goes on with another coroutine, as a scheduler does, which is interrupted, too

    Parents cannot always be told when a hook is left in its middle for another stack.
    """
    for which, stride in (("sum", 7), ("real", 11)):
        document, switches = steps(t, "alternates", stride, which)
        t.expect(switches > 50, f"only {switches} switches")
        calls = document.count(f"ruled_{which}")
        t.expect(calls >= 8, f"{calls} calls of ruled_{which}")
        account.clear(t)


@test(ALL)
def values_and_backtraces_at_each_instruction(t):
    """the stack can be unwound at each instruction of functions with values, and of their hooks"""
    steps(t, "unwinds")


def timer(t, act, times, env=None):
    document, _ = account.compare(t, [t.build("values_timer.c"), act, str(times)], env=env)
    tally = check_rules(t, document)
    account.expect_shares(t, tally, 0.9, 0.8)
    return document


@test(ALL)
def values_and_timer_signals(t):
    """a timer's handler with values of its own every few microseconds"""
    document = timer(t, "calls", 100)
    t.same("calls of in_handler", 103, document.count("in_handler"))


@test(ALL)
def values_and_jumps_out_of_a_timer(t):
    """a timer's handler that jumps out of functions with values every few microseconds"""
    document = timer(t, "jumps", 50)
    unsure = [
        call
        for call in document.calls
        if (call.raw.get("return_value") or {}).get("why") == "plan unsure"
    ]
    t.expect(len(unsure) < 50, f"{len(unsure)} results unsure: what jumps left stays taken")
    t.same("calls of after", 50, document.count("after"))
    t.same("callers of after", {"main"}, {call.parent.name for call in document.named("after")})


@test(BOTH)
def values_and_backtraces_of_a_timer(t):
    """the stack can be unwound wherever a timer interrupts functions with values"""
    timer(t, "unwinds", 100)


@test(ALL)
def values_and_frames(t):
    """variable, aligned and large frames, arguments on the stack, results in every register"""
    tally = account.compare_and_check(t, [t.build("values_frames.c")])
    account.expect_shares(t, tally, 0.9, 0.9)


# What the functions of values_changed_at_once.c are passed; pointers do not count.
CHANGED = {
    "divided": {"s": {"x": 10, "y": 30}},
    "halved": {"s": {"a": 100, "b": 705}},
    "counted": {"s": {"a": 100, "b": 30}},
    "squared": {"s": {"x": 10, "y": 30, "z": 3}},
    "remainder_of": {"n": 705},
    "third": {"d": 30},
}


@test(ALL)
def values_changed_at_once(t):
    """members that an inlined function changes first: as they were passed, or absent"""
    programs = [
        t.build("values_changed_at_once.c", cflags=flags, name=f"changed{n}")
        for n, flags in enumerate(([], ["-O1"], ["-O3"], ["-Os"]))
    ]
    for program in programs:
        t.run([program], env={"CALLTRACE_CAPTURE_ARGS": "1"})
        document = t.document()
        for name, arguments in CHANGED.items():
            calls = document.named(name)
            t.same(f"calls of {name}", 2, len(calls))
            for call in calls:
                for argument, expected in arguments.items():
                    shown = account.shown_argument(call, argument)
                    members = shown["value"] if isinstance(expected, dict) else shown
                    if members is None or account.absent(shown):
                        continue
                    pairs = (
                        [(expected[key], members[key]) for key in expected if key in members]
                        if isinstance(expected, dict)
                        else [(expected, shown["value"])]
                    )
                    for right, found in pairs:
                        if not (isinstance(found, dict) and found.get("why")):
                            t.same(f"{program}: {name}'s {argument}", right, found)
        os.remove(document.path)


# What the functions of values_untraced.c are passed.
UNTRACED_ARGUMENTS = {
    "changed": {"a": 5, "s": "xyz", "n": 100},
    "member_changed": {"p": {"x": 3, "y": 4}},
    "kept": {"a": 6, "s": "abc", "n": 200},
}


def expect_right_or_absent(t, what, expected, shown):
    t.expect(shown is not None, f"{what} is not in the document")
    if not account.absent(shown):
        t.expect(account.verdict(expected, shown) != "WRONG", f"{what}: not {expected}: {shown}")


@test(ALL)
def values_of_variables_that_are_not_traced(t):
    """places for good, changed before the hook: as they were passed, or absent"""
    flags = ["-fno-var-tracking"] if t.compiler == "gcc" else []
    levels = ("O0",) if t.opt == "O0" else ("O1", "O2", "O3", "Os")
    for level in levels:
        program = t.build("values_untraced.c", cflags=[f"-{level}", *flags], name=f"untraced_{level}")
        t.run([program], env={"CALLTRACE_CAPTURE_ARGS": "1"})
        document = t.document()
        for function, arguments in UNTRACED_ARGUMENTS.items():
            (call,) = document.named(function)
            for argument, expected in arguments.items():
                shown = account.shown_argument(call, argument)
                what = f"{level}: {function}'s {argument}"
                expect_right_or_absent(t, what, expected, shown)
                if function == "kept":
                    t.expect(not account.absent(shown), f"{what} is absent: {shown}")
        os.remove(document.path)


def interpreter(labels):
    """A program whose function has so many operations that GCC traces no variable of it."""
    table = ",".join(f"&&l{n}" for n in range(labels))
    operations = "".join(
        f"l{n}: acc=acc*{n + 3}^{n}; sink+=acc; goto *L[*pc++];\n" for n in range(labels - 1)
    )
    return (
        "volatile long sink;\n"
        "__attribute__((noinline)) int interpreter(const short *pc, int acc) {\n"
        f"acc = acc * 2 + 1; static const void *const L[] = {{{table}}}; goto *L[*pc++];\n"
        f"{operations}l{labels - 1}: return acc; }}\n"
        f"int main(void) {{ short c[] = {{7, {labels - 1}}}; return interpreter(c, 5) == 0; }}\n"
    )


@test(("gcc-O2",))
def values_of_a_large_interpreter(t):
    """too large to be traced: an argument changed before the hook is not shown as passed"""
    source = os.path.join(t.dir, "interpreter.c")
    with open(source, "w") as file:
        file.write(interpreter(501))
    t.run([t.build(source)], env={"CALLTRACE_CAPTURE_ARGS": "1"})
    (call,) = t.document().named("interpreter")
    expect_right_or_absent(t, "acc", 5, account.shown_argument(call, "acc"))


# What the functions of values_conventions.c are passed and return.
CONVENTIONS = {
    "ms_3": ({"k": 1}, {"c": [1, 2, 3]}),
    "ms_5": ({"k": 1}, {"c": [1, 2, 3, 4, 5]}),
    "ms_6": ({"k": 1}, {"c": [1, 2, 3, 4, 5, 6]}),
    "ms_7": ({"k": 1}, {"c": [1, 2, 3, 4, 5, 6, 7]}),
    "ms_8": ({"k": 1}, {"c": [1, 2, 3, 4, 5, 6, 7, 8]}),
    "ms_none": ({}, {"c": [1, 2, 3, 4, 5]}),
    "ms_float": ({"x": 1.5}, {"x": 1.5}),
    "ms_complex": ({"a": 1.5}, {"real": 1.5, "imaginary": 2.0}),
    "ms_long_double": ({"a": 3.0}, 4.0),
    "ms_wide": ({"a": 4}, 5),
    "ms_ints": ({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}, 7),
    "ms_doubles": ({"a": 1.5, "b": 2.5}, 4.0),
    "ms_unused": ({"a": 1, "b": 2, "c": 3, "d": 4}, 5),
    "preserving_unused": ({"a": 1, "b": 2, "c": 3.5}, 5),
    "preserving": ({"a": 1, "b": 2, "c": 3.5}, 5),
}


@test(ALL)
def values_of_other_conventions(t):
    """Microsoft's convention, and saved argument registers: what was passed and returned, or absent"""
    there = {
        "gcc": ("ms_8", "ms_ints", "ms_doubles"),
        "clang": ("preserving",),
    }[t.compiler]
    levels = {"O0": ["-O0"]} if t.opt == "O0" else {n: [f"-{n}"] for n in ("O1", "O2", "O3", "Os")}
    for level, cflags in levels.items():
        program = t.build("values_conventions.c", cflags=cflags, name=f"conventions_{level}")
        t.run([program], env={"CALLTRACE_CAPTURE_ARGS": "1"})
        document = t.document()
        for function, (arguments, result) in CONVENTIONS.items():
            if function.startswith("preserving") and t.compiler == "gcc":
                continue
            (call,) = document.named(function)
            for argument, expected in arguments.items():
                shown = account.shown_argument(call, argument)
                what = f"{level}: {function}'s {argument}"
                expect_right_or_absent(t, what, expected, shown)
                if function in there and argument == "a":
                    t.expect(not account.absent(shown), f"{what} is absent: {shown}")
            shown = call.raw["return_value"]
            expect_right_or_absent(t, f"{level}: {function}'s result", result, shown)
            if function in there and t.compiler == "gcc":
                t.expect(not account.absent(shown), f"{function}'s result is absent: {shown}")
        os.remove(document.path)


# Options that change how code is made, or how it gets to the hooks.
CODE = {
    "O1": ["-O1"],
    "O3": ["-O3"],
    "Os": ["-Os"],
    "Og": ["-Og"],
    "frame_pointer": ["-fno-omit-frame-pointer"],
    "no_frame_pointer": ["-fomit-frame-pointer"],
    "branch_protection": ["-fcf-protection=full"],
    "no_branch_protection": ["-fcf-protection=none"],
    "no_plt": ["-fno-plt"],
    "no_red_zone": ["-mno-red-zone"],
    "stack_protector": ["-fstack-protector-all"],
    "stack_clash_protection": ["-fstack-clash-protection"],
    "realigned_stack": ["-mstackrealign"],
    "position_independent": ["-fPIC"],
    "no_pie": ["-fno-pie", "link:-no-pie"],
    "bind_now": ["link:-Wl,-z,now"],
    "lazy": ["link:-Wl,-z,lazy"],
    "no_unwind_tables": ["-fno-asynchronous-unwind-tables"],
    "exceptions": ["-fexceptions", "-fnon-call-exceptions"],
    "avx2": ["-mavx2", "-mfma"],
    "padded_entry": ["-fpatchable-function-entry=16,8"],
    "sections": ["-ffunction-sections", "link:-Wl,--gc-sections"],
    "fortified": ["-D_FORTIFY_SOURCE=2", "-fstack-protector-strong"],
    "trapping_overflow": ["-ftrapv"],
    "undefined_sanitizer": ["-fsanitize=undefined"],
    "gold": ["link:-fuse-ld=gold"],
    "lld": ["link:-fuse-ld=lld"],
}
CODE_OF_GCC = {
    "return_thunks": ["-mindirect-branch=thunk", "-mfunction-return=thunk"],
    "outgoing_area": ["-maccumulate-outgoing-args"],
    "no_shrink_wrap": ["-fno-shrink-wrap", "-fno-ipa-ra"],
    "whole_program": ["-fwhole-program", "-fipa-pta"],
    # Locations without ranges: where a variable is at some time, or nowhere.
    "no_var_tracking": ["-fno-var-tracking"],
    "no_var_tracking_assignments": ["-fno-var-tracking-assignments"],
    "O1_no_var_tracking": ["-O1", "-fno-var-tracking"],
    "no_location_views": ["-gno-variable-location-views"],
    "lto": ["-flto", "link:-flto"],
    "address_sanitizer": ["-fsanitize=address", "link:-static-libasan"],
}
CODE_OF_CLANG = {
    "retpolines": ["-mretpoline"],
    "safe_stack": ["-fsanitize=safe-stack"],
    "lto": ["-flto", "link:-flto", "link:-fuse-ld=lld"],
    "address_sanitizer": ["-fsanitize=address"],
    "locations_by_instruction": ["-mllvm", "-experimental-debug-variable-locations"],
    "speculative_load_hardening": ["-mspeculative-load-hardening"],
}
LINKERS = {"gold": "ld.gold", "lld": "ld.lld"}
# With these arguments or results need not be there: locations are not told, results are not left
# by `ret`, or frames are moved.
ODD_RETURNS = ("return_thunks", "speculative_load_hardening", "address_sanitizer")
ODD_ARGUMENTS = (
    "speculative_load_hardening",
    "address_sanitizer",
    "no_var_tracking",
    "no_var_tracking_assignments",
    "O1_no_var_tracking",
)


def code_test(name, options, variants):
    def run(t):
        if name in LINKERS:
            t.need(LINKERS[name])
        cflags = [each for each in options if not each.startswith("link:")]
        ldflags = [each[len("link:") :] for each in options if each.startswith("link:")]
        ldflags += [each for each in cflags if each.startswith("-fsanitize")]
        if name == "avx2" and "avx2" not in open("/proc/cpuinfo").read():
            t.skip("the processor has no AVX2")
        program = t.build("values_frames.c", cflags=cflags, ldflags=ldflags)
        tally = account.compare_and_check(t, [program])
        arguments = 0 if name in ODD_ARGUMENTS else 0.9
        returns = 0 if name in ODD_RETURNS else 0.85
        account.expect_shares(t, tally, arguments, returns)

    by = "" if len(variants) > 1 else f"_by_{variants[0].split('-')[0]}"
    run.__name__ = f"values_compiled{by}_with_{name}"
    run.__doc__ = f"frames of all kinds, compiled with {' '.join(options)}"
    test(variants)(run)


for name, options in CODE.items():
    code_test(name, options, BOTH)
for name, options in CODE_OF_GCC.items():
    code_test(name, options, ("gcc-O2",))
for name, options in CODE_OF_CLANG.items():
    code_test(name, options, ("clang-O2",))


@test(ALL)
def values_and_calling_conventions(t):
    """other conventions, promoted arguments, static chains, types that look alike, odd functions"""
    tally = account.compare_and_check(t, [t.build("values_abi.c")])
    # Of functions with other conventions nothing has to be known.
    account.expect_shares(t, tally, 0.5, 0.6)


@test(ALL)
def values_of_structures_in_x87_registers(t):
    """a long double in a structure, in an array and in both, of the 10 bytes that are returned"""
    document, rows = account.compare(t, [t.build("values_abi.c")])
    names = ("struct_of_long", "array_of_long", "nested_longs")
    told = [row for row in rows if row.name in names]
    calls = [call for call in document.calls if call.name in names]
    t.same("calls", [row.name for row in told], [call.name for call in calls])
    for row, call in zip(told, calls):
        shown = call.raw["return_value"]
        t.expect(account.agrees(row.result, shown), f"{call.name} returned {shown}")


@test(("gcc-O0", "gcc-O2"))
def values_and_structures_returned_in_memory(t):
    """-fpcc-struct-return: no structure comes in registers, and debug information does not say so"""
    program = t.build("values_abi.c", cflags=["-fpcc-struct-return"], name="values_in_memory")
    account.compare_and_check(t, [program])


@test(ALL)
def values_and_other_long_doubles(t):
    """-mlong-double-64, -mlong-double-128: as wide as double, or in an XMM register"""
    # Clang's debug information does not tell the second from the ordinary one.
    for width in ("64", "128") if t.compiler == "gcc" else ("64",):
        name = f"values_long_double_{width}"
        program = t.build("values_abi.c", cflags=[f"-mlong-double-{width}"], name=name)
        account.compare_and_check(t, [program])
        account.clear(t)


LIBRARIES = {"gcc": (), "clang": ("-stdlib=libc++",)}


@test(ALL)
def values_of_the_library(t):
    """strings short and long, views, vectors, unique and shared pointers; Clang: of libc++"""
    flags = ["-std=c++17", *LIBRARIES[t.compiler]]
    if t.compiler == "clang" and not links(t, flags):
        t.skip(f"{t.cc(plus=True)} cannot link with -stdlib=libc++")
    program = t.build("values_library.cpp", cflags=flags, ldflags=flags)
    tally = account.compare_and_check(t, [program])
    account.expect_shares(t, tally, 0.95, 0.9)


def links(t, flags):
    source = os.path.join(t.dir, "links.cpp")
    with open(source, "w") as file:
        file.write("#include <string>\nint main() { return (int)std::string().size(); }\n")
    command = [t.cc(plus=True), *flags, source, "-o", os.path.join(t.dir, "links")]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0
