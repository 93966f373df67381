# SPDX-License-Identifier: MIT
"""The CALLTRACE_* variables: what each does, and what a bad value gives."""
import os
import re
import socket
import time

from driver.harness import ALL, BOTH, ONE, test

TREE = "main\n first x2\n  second\n   third x2\n"

BAD_VALUES = [
    ("CALLTRACE_ENABLED", "yes", ("0", "1")),
    ("CALLTRACE_ENABLED", "", ("0", "1")),
    ("CALLTRACE_ENABLED", "2", ("0", "1")),
    ("CALLTRACE_CAPTURE_ARGS", "on", ("0", "1")),
    ("CALLTRACE_MAX_DEPTH", "-1", ("0",)),
    ("CALLTRACE_MAX_DEPTH", "ten", ("0",)),
    ("CALLTRACE_MAX_DEPTH", "99999999999999999999", ("0",)),
    ("CALLTRACE_MAX_DEPTH", "5x", ("0",)),
    ("CALLTRACE_MAX_STRING", "0", ("1", "4096", "64")),
    ("CALLTRACE_MAX_STRING", "4097", ("1", "4096", "64")),
    ("CALLTRACE_MAX_STRING", "64 bytes", ("1", "4096", "64")),
    ("CALLTRACE_MAX_POINTEE", "5", ("0", "4", "1")),
    ("CALLTRACE_MAX_POINTEE", "all", ("0", "4", "1")),
    ("CALLTRACE_ARGS_FILTER", "x" * 4096, ("4095",)),
    ("CALLTRACE_DEBUG", "verbose", ("0", "1")),
    ("CALLTRACE_PRETTY_JSON", "true", ("0", "1")),
    ("CALLTRACE_JSON_LAYOUT", "tree", ("nested", "flat")),
    ("CALLTRACE_CLOCK", "sundial", ("tsc", "monotonic", "none")),
]


@test(ONE)
def bad_value_gives_one_line(t):
    """one line with the variable, the value and what is accepted; the default is used"""
    program = t.build("small_calls.c")
    for variable, value, accepted in BAD_VALUES:
        result = t.run([program], env={variable: value})
        said = f"{variable}={value!r}: standard error is {result.err!r}"
        t.same(
            f"{variable}={value!r}: exit status, output", (0, b"4\n"), (result.status, result.out)
        )
        lines = result.err.decode().splitlines()
        if value == "" and not lines:
            pass  # an empty variable counts as not set
        else:
            t.expect(len(lines) == 1, said)
            t.expect(
                lines[0].startswith("calltrace: ")
                and variable in lines[0]
                and (value in lines[0] or len(value) > 100),
                said,
            )
            for word in accepted:
                t.expect(
                    word in lines[0].replace(f"{variable}='{value}'", ""),
                    said + f", which does not say '{word}'",
                )
        t.check_tree(t.document(), TREE)


@test(ONE)
def several_bad_values(t):
    """a line for each of them"""
    result = t.run(
        [t.build("small_calls.c")],
        env={"CALLTRACE_DEBUG": "x", "CALLTRACE_CLOCK": "y", "CALLTRACE_MAX_DEPTH": "z"},
    )
    t.same("lines", 3, len(result.err.decode().splitlines()))
    t.check_tree(t.document(), TREE)


@test(ONE)
def bad_output_field(t):
    """an unknown %x in CALLTRACE_OUTPUT: one line, the program runs"""
    result = t.run(
        [t.build("small_calls.c")], env={"CALLTRACE_OUTPUT": os.path.join(t.out, "a%zb.json")}
    )
    t.same("exit status, output", (0, b"4\n"), (result.status, result.out))
    lines = result.err.decode().splitlines()
    t.expect(
        len(lines) == 1 and "CALLTRACE_OUTPUT" in lines[0] and "%z" in lines[0],
        f"standard error is {result.err!r}",
    )


@test(ONE)
def huge_values(t):
    """an output path longer than any path: one line, the program runs"""
    result = t.run(
        [t.build("small_calls.c")], env={"CALLTRACE_OUTPUT": "/tmp/" + "x" * 10000 + ".json"}
    )
    t.same("exit status, output", (0, b"4\n"), (result.status, result.out))
    t.expect(
        1 <= len(result.err.decode().splitlines()) <= 1, f"standard error is {result.err[:300]!r}"
    )


@test(ONE)
def output_fields(t):
    """%p pid, %e program, %h host, %t start time, %%"""
    before = int(time.time())
    result = t.run(
        [t.build("small_calls.c")],
        env={"CALLTRACE_OUTPUT": os.path.join(t.out, "%e-%p-%h-%t-%%.json")},
    )
    t.same("behaviour", (0, b"4\n", b""), (result.status, result.out, result.err))
    (name,) = os.listdir(t.out)
    match = re.match(rf"^small_calls-(\d+)-{re.escape(socket.gethostname())}-(.+)-%\.json$", name)
    t.expect(match, f"the document is named {name}")
    document = t.document(name)
    t.same("pid in the name", document.metadata["process"]["process_id"], int(match.group(1)))
    digits = match.group(2)
    if digits.isdigit() and len(digits) <= 11:
        t.expect(
            before - 1 <= int(digits) <= time.time() + 1, f"start time in the name is {digits}"
        )


@test(ONE)
def default_output(t):
    """%e.json in the directory of the start"""
    run = os.path.join(t.dir, "here")
    os.mkdir(run)
    result = t.run([t.build("small_calls.c"), "chdir"], env={"CALLTRACE_OUTPUT": None}, cwd=run)
    t.same("behaviour", (0, b"4\n", b""), (result.status, result.out, result.err))
    t.same("files made", ["small_calls.json"], os.listdir(run))
    t.check_tree(t.load(os.path.join(run, "small_calls.json")), TREE)


@test(ONE)
def relative_output_of_a_program_that_moves(t):
    """a relative path is that of the directory at program start"""
    run = os.path.join(t.dir, "here")
    os.makedirs(os.path.join(run, "sub"))
    t.run([t.build("small_calls.c"), "chdir"], env={"CALLTRACE_OUTPUT": "sub/a.json"}, cwd=run)
    t.check_tree(t.load(os.path.join(run, "sub", "a.json")), TREE)


@test(ONE)
def raw_trace_is_kept(t):
    """.ctrace converts nothing; calltrace json and dump read it"""
    raw = os.path.join(t.out, "trace.ctrace")
    result = t.run([t.build("small_calls.c")], env={"CALLTRACE_OUTPUT": raw})
    t.same("behaviour", (0, b"4\n", b""), (result.status, result.out, result.err))
    t.same("files made", ["trace.ctrace"], os.listdir(t.out))
    made = t.run(
        [t.context.command, "json", raw, "-o", os.path.join(t.out, "trace.json")], traced=False
    )
    t.same("calltrace json", (0, b""), (made.status, made.err))
    t.check_tree(t.document(alone=False), TREE)
    dump = t.run([t.context.command, "dump", raw], traced=False)
    t.same("calltrace dump", (0, b""), (dump.status, dump.err))
    for event in ("enter", "return"):
        t.same(f"{event} in the dump", 9, len(re.findall(rf" {event}\b", dump.out.decode())))


@test(ONE)
def large_raw_trace_takes_no_more_than_its_size(t):
    """what was reserved on the disk ahead of the writing is given back"""
    raw = os.path.join(t.out, "trace.ctrace")
    source = os.path.join(t.dir, "many.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write(
            "static int leaf(int x) { return x + 1; }\n"
            "int main(void) { int x = 0; while (x < 2000000) x = leaf(x); return x & 1; }\n"
        )
    t.run([t.build(source)], env={"CALLTRACE_OUTPUT": raw})
    status = os.stat(raw)
    t.expect(status.st_size > 8 << 20, f"only {status.st_size} bytes")
    t.expect(
        status.st_blocks * 512 <= status.st_size + 65536,
        f"{status.st_blocks * 512} bytes of disk for {status.st_size}",
    )


@test(ONE)
def unknown_extension_is_json(t):
    """an extension that is not known gives JSON"""
    for name in ("trace.txt", "trace", "trace.json.old"):
        result = t.run(
            [t.build("small_calls.c")], env={"CALLTRACE_OUTPUT": os.path.join(t.out, name)}
        )
        t.same("behaviour", (0, b"4\n", b""), (result.status, result.out, result.err))
        t.check_tree(t.document(name), TREE)
        os.unlink(os.path.join(t.out, name))


@test(ONE)
def dev_null_only_counts(t):
    """/dev/null records nothing, and writes nothing"""
    result = t.run([t.build("many_calls.c"), "1000"], env={"CALLTRACE_OUTPUT": "/dev/null"})
    t.same("behaviour", (9, b"1000 calls\n", b""), (result.status, result.out, result.err))
    t.same("files", [], os.listdir(t.out))
    t.expect(not os.path.isfile("/dev/null"), "/dev/null is a file now")
    counted = t.run(
        [t.build("many_calls.c"), "1000"],
        env={"CALLTRACE_OUTPUT": "/dev/null", "CALLTRACE_DEBUG": "1"},
    )
    t.expect(
        b"1001" in counted.err.replace(b",", b""),
        f"the summary does not say 1001 calls: {counted.err!r}",
    )


@test(ONE)
def disabled(t):
    """CALLTRACE_ENABLED=0 leaves no file"""
    t.compare([t.build("small_calls.c")], env={"CALLTRACE_ENABLED": "0"}, check=False)
    t.same("files", [], os.listdir(t.out))


@test(BOTH)
def depth_limit(t):
    """calls below CALLTRACE_MAX_DEPTH are counted as suppressed"""
    trees = {
        1: "main\n",
        2: "main\n first x2\n",
        3: "main\n first x2\n  second\n",
        4: TREE,
        100: TREE,
    }
    suppressed = {1: 8, 2: 6, 3: 4, 4: 0, 100: 0}
    for limit, text in trees.items():
        document = t.compare(
            [t.build("small_calls.c")], env={"CALLTRACE_MAX_DEPTH": str(limit)}, tree=text
        )
        t.same(
            f"suppressed_calls with limit {limit}",
            suppressed[limit],
            document.metadata["suppressed_calls"],
        )


@test(BOTH)
def depth_limit_and_longjmp(t):
    """a jump from below the limit, and one to below it"""
    document = t.compare(
        [t.build("longjmp.c"), "out"],
        env={"CALLTRACE_MAX_DEPTH": "3"},
        tree="main\n jumps_out\n  middle !unwound\n  after x2\n after\n  leaf\n",
    )
    t.same("suppressed_calls", 4, document.metadata["suppressed_calls"])


@test(("gcc-O2",))
def depth_limit_of_a_deep_recursion(t):
    """a million calls below the limit, threads included"""
    document = t.compare([t.build("deep.c"), "60000"], env={"CALLTRACE_MAX_DEPTH": "10"})
    t.same("calls", 10, len(document.calls))
    t.same("suppressed_calls", 60001 - 10, document.metadata["suppressed_calls"])


@test(ONE)
def debug_log_and_summary(t):
    """CALLTRACE_DEBUG=1: a log, and a summary of calls, threads, lost, suppressed, bytes, ns per call"""
    program = t.build("small_calls.c")
    result = t.run([program], env={"CALLTRACE_DEBUG": "1"})
    t.same("exit status, output", (0, b"4\n"), (result.status, result.out))
    text = result.err.decode()
    for line in text.splitlines():
        t.expect(line.startswith("calltrace: "), f"a line of the log is {line!r}")
    for word in ("calls", "thread", "lost", "suppressed", "bytes", "ns"):
        t.expect(word in text, f"'{word}' is not in the log:\n{text}")
    t.expect(
        re.search(r"\b9 calls", text) or re.search(r"calls\D{0,3}9\b", text),
        f"9 calls are not in the summary:\n{text}",
    )


@test(ONE)
def pretty_document(t):
    """CALLTRACE_PRETTY_JSON=1 indents, and changes nothing else"""
    t.compare([t.build("small_calls.c")], tree=TREE, env={"CALLTRACE_PRETTY_JSON": "1"})
    pretty = t.document().bytes
    t.expect(
        pretty.count(b"\n") > 50 and re.search(rb"\n[ \t]+\"metadata\"", pretty),
        "the document is not indented",
    )


@test(BOTH)
def flat_layout(t):
    """CALLTRACE_JSON_LAYOUT=flat: each call one object with id, parent_id and depth"""
    document = t.compare(
        [t.build("small_calls.c")], tree=TREE, env={"CALLTRACE_JSON_LAYOUT": "flat"}
    )
    for call in document.calls:
        t.expect(
            {"id", "parent_id", "depth"} <= set(call.raw),
            f"a call of the flat layout has {sorted(call.raw)}",
        )
        t.expect(not call.raw.get("children"), "a call of the flat layout has children")
    t.expect(
        not document.calls[0].raw["parent_id"],
        f"a root call has the parent {document.calls[0].raw['parent_id']}",
    )


@test(BOTH)
def flat_layout_of_threads(t):
    """the same calls as nested"""
    document = t.compare(
        [t.build("threads.c"), "2", "50"],
        env={"CALLTRACE_JSON_LAYOUT": "flat"},
        tree="main\n start_threads\n--- thread x2\nworker\n step x50\n  leaf x2\n",
    )
    t.same("calls", 2 + 2 * 151, len(document.calls))


@test(BOTH)
def clocks(t):
    """tsc, monotonic and none"""
    for kind in ("tsc", "monotonic", "none"):
        document = t.compare([t.build("small_calls.c")], tree=TREE, env={"CALLTRACE_CLOCK": kind})
        said = document.metadata["clock"]
        t.expect(
            said == kind or (kind, said) == ("tsc", "monotonic"),
            f"clock is {said}, {kind} was asked for",
        )
        main = document.calls[0].raw
        if kind == "none":
            t.expect(
                not main.get("duration_ns"),
                f"duration without a clock is {main.get('duration_ns')}",
            )
        else:
            t.expect(0 < main["duration_ns"] < 10**9, f"main took {main['duration_ns']} ns")


@test(ONE)
def metadata_of_the_process(t):
    """pid, ppid, executable, command line, directory, host, config, modules"""
    program = t.build("small_calls.c")
    cwd = os.path.join(t.dir, "here")
    os.mkdir(cwd)
    started = t.start([program], cwd=cwd, env={"CALLTRACE_MAX_DEPTH": "7"})
    pid = started.pid
    t.finish(started)
    meta = t.document().metadata
    process = meta["process"]
    t.same("pid", pid, process["process_id"])
    t.same("ppid", os.getpid(), process["parent_process_id"])
    t.same("executable", os.path.realpath(program), process["executable"])
    t.same("command line", [program], process["command_line"])
    t.same("working directory", os.path.realpath(cwd), process["working_directory"])
    t.same("host", socket.gethostname(), process["hostname"])
    t.same("depth limit in config", 7, meta["config"]["max_depth"])
    paths = {module["path"]: module for module in meta["modules"]}
    t.expect(
        os.path.realpath(program) in paths, f"the program is not among the modules: {sorted(paths)}"
    )
    notes = t.tool(["readelf", "-n", program])
    build_id = re.search(r"Build ID: ([0-9a-f]+)", notes)
    t.same(
        "build id",
        build_id.group(1) if build_id else None,
        paths[os.path.realpath(program)]["build_id"],
    )


@test(ONE)
def odd_command_line(t):
    """arguments of any bytes, an empty one, and a very long one"""
    arguments = [b"a b", b"", b'\xff"quote\n', b"x" * 50000]
    process = t.start([os.fsencode(t.build("small_calls.c")), *arguments])
    result = t.finish(process)
    t.same("exit status", (0, b""), (result.status, result.err))
    line = t.document().metadata["process"]["command_line"]
    t.same("first arguments", ["a b", ""], line[1:3])
    t.expect("quote" in line[3] and len(line) >= 4, f"the third is {line[3]!r}")
