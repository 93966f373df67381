# SPDX-License-Identifier: MIT
"""What linkers, code models and libraries make of functions must not make values wrong."""
import os

from driver import account
from driver.harness import test

CAPTURE = {"CALLTRACE_CAPTURE_ARGS": "1"}


def known(call):
    """Arguments by name, those without a value left out."""
    return {
        each["name"]: each["value"]
        for each in call.raw.get("arguments") or ()
        if not account.absent(each)
    }


@test(("gcc-O0", "gcc-O1", "gcc-O2", "clang-O2"))
def values_of_folded_functions(t):
    """functions that the linker has made one: nothing is known where their signatures differ"""
    linker = "gold" if t.compiler == "gcc" else "lld"
    t.need(f"ld.{linker}")
    program = t.build(
        "values_folded.c",
        cflags=["-ffunction-sections"],
        ldflags=[f"-fuse-ld={linker}", "-Wl,--icf=all"],
    )
    document = t.compare([program], env=CAPTURE)
    calls = document.calls[1:]
    t.same("calls", 5, len(calls))
    t.same("names of the folded", 1, len({call.name for call in calls[:2]}))
    for call in calls[:2]:
        t.same("arguments of what is two functions", {}, known(call))
        t.same("its result", ("plan unsure", None), result_of(call))
    t.same("names of the folded, of one signature", 1, len({call.name for call in calls[2:4]}))
    t.same("their arguments", [{"a": 4, "k": 5}, {"a": 6, "k": 7}], [known(c) for c in calls[2:4]])
    t.same("arguments of what is not folded", {"a": 8}, known(calls[4]))
    listed = t.tool([t.context.command, "plan", program, "--list"])
    t.expect("folded from several functions" in listed, f"calltrace plan says {listed}")


def result_of(call):
    result = call.raw["return_value"]
    return result.get("why"), result["value"]


@test(("gcc-O0", "clang-O2"))
def values_of_two_programs_with_one_build_id(t):
    """a build-id that stays while the program changes, small or large: the plans are its own"""
    source = os.path.join(t.dir, "program.c")
    program = os.path.join(t.dir, "program")
    for padding_bytes in (0, 5 << 20):
        # Of one length, so that sizes of sections do not tell them apart.
        for name in ("first", "other", "first"):
            with open(source, "w") as file:
                file.write(
                    "int takes(int NAME);\n"
                    "__attribute__((noinline)) int takes(int NAME) { return NAME + 1; }\n"
                    f"char padding[{padding_bytes + 1}] = {{1}};\n"
                    "int main(void) { return takes(3) != 4; }\n".replace("NAME", name)
                )
            t.tool(
                [t.cc(), f"-{t.opt}", "-g", "-finstrument-functions", source, "-o", program]
                + ["-Wl,--build-id=0xdeadbeef"]
            )
            for _ in range(2):
                document = t.compare([program], env=CAPTURE)
                (call,) = (call for call in document.calls if call.name == "takes")
                t.same("names of arguments", [name], [a["name"] for a in call.raw["arguments"]])
                account.clear(t)


@test(("gcc-O0", "clang-O0"))
def values_of_references_to_unknown_types(t):
    """a reference to an incomplete type has the address, and no value"""
    program = t.build("values_references.cpp", cflags=["-Wno-address", "-Wno-tautological-compare"])
    document = t.compare([program], env=CAPTURE)
    (call,) = (call for call in document.calls if call.name.startswith("takes"))
    (shown,) = call.raw["arguments"]
    t.expect(int(shown.pop("address"), 16) > 0, f"no address: {shown}")
    t.same(
        "the argument",
        {"name": "unknown", "type": "const Unknown &", "value": None, "why": "no debug info"},
        shown,
    )


@test(("gcc-O0", "gcc-O2", "clang-O2"))
def values_of_the_large_code_model(t):
    """hooks called through registers: names and calls, and a line that says what is to be done"""
    program = t.build("values_frames.c", cflags=["-mcmodel=large", "-fno-pie"], ldflags=["-no-pie"], name="large")
    plain = t.run([program], traced=False)
    traced = t.run([program], traced=True, env=CAPTURE)
    t.same("exit status and output", (plain.status, plain.out), (traced.status, traced.out))
    document = t.document(alone=False)
    for call in document.calls:
        t.same("keys", set(), {"arguments", "return_value"} & call.raw.keys())
    lines = traced.err.decode().splitlines()
    t.expect(len(lines) == 1 and "-mcmodel=large" in lines[0], f"standard error: {lines}")


@test(("gcc-O0",))
def values_of_old_strings(t):
    """std::string with _GLIBCXX_USE_CXX11_ABI=0 is shown as its text, wherever it is"""
    document = t.compare([t.build("values_old_strings.cpp")], env=CAPTURE)
    (call,) = (call for call in document.calls if call.name.startswith("joins"))
    by_value, long_one, record, many = call.raw["arguments"]
    t.same("by value", "text", by_value["value"])
    t.same("a long one", ("x" * 64, True), (long_one["value"], long_one["truncated"]))
    t.same("an empty one in a struct", {"name": "", "number": 3}, record["value"])
    t.same("in a vector", {"size": 2, "elements": ["one", "two"]}, many["value"])
    t.same("the result", "text\0b!", call.raw["return_value"]["value"])
