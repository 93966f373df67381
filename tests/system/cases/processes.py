# SPDX-License-Identifier: MIT
"""fork, exec and their kin: one document for each process, each with its own calls only."""
import os
import re

from driver.harness import ALL, BOTH, ONE, test

CHILD_MAIN = "before\n    leaf\n"


def by_role(t):
    """The first process's document, and the others'."""
    documents = t.documents()
    t.expect("trace.json" in documents, f"no trace.json, but {sorted(documents)}")
    others = {name: each for name, each in documents.items() if name != "trace.json"}
    for name, each in others.items():
        match = re.match(r"^trace\.(\d+)\.json$", name)
        t.expect(match, f"a document is named {name}")
        t.same(f"pid in {name}", int(match.group(1)), each.metadata["process"]["process_id"])
    return documents["trace.json"], list(others.values())


def fork_case(t, what, parent_tree, *child_trees):
    t.compare([t.build("forks.c"), what], check=False)
    parent, children = by_role(t)
    t.check_tree(parent, parent_tree)
    t.same("number of the other documents", len(child_trees), len(children))
    for text in child_trees:
        reports = []
        for child in children:
            from driver import tree

            report = tree.compare(text, child.forests(), t.variant)
            if report is None:
                children.remove(child)
                break
            reports.append(report)
        else:
            t.fail("no child has this tree:\n" + text + "\n" + "\n".join(reports))
    return parent


FORKING = """
main
    before
        leaf
    forks
        in_parent
            leaf
"""


@test(ALL)
def fork_makes_a_second_document(t):
    """the child writes trace.<pid>.json with its own calls only"""
    fork_case(t, "fork", FORKING, "in_child\n    leaf x2\n")


@test(ALL)
def child_returns_through_calls_open_at_the_fork(t):
    """returns of calls that only the parent recorded are no events of the child"""
    parent = FORKING.replace("forks", "forks_and_returns")
    fork_case(t, "fork_return", parent, "in_child\n    leaf x2\n")


@test(BOTH)
def fork_in_a_forked_child(t):
    """a document for child and grandchild"""
    fork_case(
        t,
        "fork_twice",
        FORKING.replace("forks", "forks_twice"),
        "in_child\n    leaf x2\n",
        "in_grandchild\n    leaf\n",
    )


@test(BOTH)
def fork_in_a_thread(t):
    """a thread forks: the child's only thread is that one"""
    t.compare([t.build("forks.c"), "fork_in_thread"], check=False)
    parent, children = by_role(t)
    t.check_tree(
        parent, "main\n before\n  leaf\n--- thread\nforking_thread\n forks\n  in_parent\n   leaf\n"
    )
    t.same("number of the other documents", 1, len(children))
    t.same(
        "calls of the child",
        ["in_child", "leaf", "leaf"],
        [call.name for call in children[0].calls],
    )


@test(BOTH)
def fork_while_threads_record(t):
    """6 children of a process whose threads never stop calling"""
    result = t.run([t.build("forking_threads.c"), "6"], timeout=60)
    t.same("exit status, standard error", (0, b""), (result.status, result.err))
    counts = dict(line.split() for line in result.out.decode().splitlines())
    t.same("children that failed", "0", counts["failed"])
    parent, children = by_role(t)
    t.same("calls of leaf", int(counts["leaf"]), parent.count("leaf"))
    t.same("documents of children", 6, len(children))
    for child in children:
        t.same("calls of a child", 1001, len(child.calls))
        t.same("root call of a child", "in_child", child.calls[0].name)


@test(BOTH)
def fork_by_raw_system_call(t):
    """fork by syscall(): the parent's document is whole"""
    t.compare([t.build("forks.c"), "raw_fork"], check=False)
    parent, _ = by_role(t)
    t.check_tree(parent, FORKING.replace("forks", "raw_fork"))


@test(BOTH)
def twenty_forks(t):
    """every child has its document"""
    t.compare([t.build("forks.c"), "many"], check=False)
    parent, children = by_role(t)
    t.same("documents of children", 20, len(children))
    t.same("calls of the parent", 3 + 20 * 3, len(parent.calls))
    for child in children:
        t.same(
            "calls of a child", ["in_child", "leaf", "leaf"], [call.name for call in child.calls]
        )


EXECUTED = "main\n    before\n        leaf\n    in_child\n        leaf x2\n"


@test(BOTH)
def vfork_and_exec(t):
    """the executed program has a document of its own, the parent's is whole"""
    fork_case(t, "vfork", FORKING.replace("forks", "vforks"), EXECUTED)


@test(BOTH)
def vfork_child_makes_a_call(t):
    """a traced call between vfork and exec, in the parent's memory: no call of the parent is lost"""
    t.compare([t.build("forks.c"), "vfork_call"], check=False)
    parent, children = by_role(t)
    names = [call.name for call in parent.calls]
    if names.count("leaf") == 3:  # the child's is there too: it used the parent's memory
        names.remove("leaf")
    t.same(
        "calls of the parent",
        ["before", "in_parent", "leaf", "leaf", "main", "vforks_and_calls"],
        sorted(names),
    )
    t.same("how they ended", {None}, {call.raw.get("unfinished") for call in parent.calls})
    t.same("number of the other documents", 1, len(children))
    t.check_tree(children[0], EXECUTED)


@test(BOTH)
def vfork_and_exit(t):
    """a vfork child that only exits leaves the parent's trace alone"""
    fork_case(t, "vfork_exit", FORKING.replace("forks", "vforks_and_exits"))


@test(BOTH)
def posix_spawn(t):
    """the spawned program has a document of its own"""
    fork_case(t, "spawn", FORKING.replace("forks", "spawns"), EXECUTED)


@test(BOTH)
def system_starts_a_traced_program(t):
    """through a shell that is not traced"""
    fork_case(t, "system", FORKING.replace("forks", "calls_system"), EXECUTED)


@test(BOTH)
def exec_of_itself(t):
    """both images have a document; exec ends the first one's calls"""
    t.compare([t.build("forks.c"), "exec_self"], check=False)
    documents = t.documents()
    t.same("number of documents", 2, len(documents))
    first = documents.pop("trace.json", None)
    t.expect(first is not None, f"no trace.json, but {sorted(documents)}")
    t.check_tree(first, "main !exit\n    before\n        leaf\n    execs !exit\n")
    t.check_tree(documents.popitem()[1], EXECUTED)


@test(BOTH)
def exec_of_another_program(t):
    """the calls before exec of a program that is not traced are kept"""
    t.compare(
        [t.build("forks.c"), "exec_other"],
        tree="main !exit\n    before\n        leaf\n    execs !exit\n",
    )


@test(BOTH)
def failed_exec(t):
    """exec fails, and recording goes on"""
    t.compare(
        [t.build("forks.c"), "exec_missing"], tree="main\n    before\n        leaf\n    execs\n"
    )


@test(ONE)
def fork_with_pid_in_the_name(t):
    """%p in the name: parent and child have a document each"""
    program = t.build("forks.c")
    result = t.run([program, "fork"], env={"CALLTRACE_OUTPUT": os.path.join(t.out, "a-%p.json")})
    t.same("exit status, standard error", (0, b""), (result.status, result.err))
    documents = t.documents()
    t.same("number of documents", 2, len(documents))
    for name, each in documents.items():
        t.expect(
            str(each.metadata["process"]["process_id"]) in name,
            f"{name} is of pid {each.metadata['process']['process_id']}",
        )


@test(ONE)
def fork_with_raw_output(t):
    """.ctrace: a raw trace of each process"""
    program = t.build("forks.c")
    result = t.run([program, "fork"], env={"CALLTRACE_OUTPUT": os.path.join(t.out, "a.ctrace")})
    t.same("exit status, standard error", (0, b""), (result.status, result.err))
    there = sorted(os.listdir(t.out))
    t.expect(
        len(there) == 2 and there[1] == "a.ctrace" and re.match(r"^a\.\d+\.ctrace$", there[0]),
        f"files made: {there}",
    )


@test(ONE)
def two_processes_with_the_same_output(t):
    """two programs started with the same CALLTRACE_OUTPUT: neither document is damaged"""
    program = t.build("many_calls.c")
    runs = [t.start([program, "60000"]) for _ in range(2)]
    for each in runs:
        result = t.finish(each)
        t.same("exit status, output", (9, b"60000 calls\n"), (result.status, result.out))
    documents = t.documents()
    for name, each in documents.items():
        t.same(f"calls in {name}", 60001, len(each.calls))
    t.expect("trace.json" in documents, f"no trace.json, but {sorted(documents)}")


@test(ONE)
def run_again_replaces_the_document(t):
    """the second run of a program replaces the first one's document"""
    program = t.build("many_calls.c")
    t.run([program, "10"])
    t.same("calls of the first run", 11, len(t.document().calls))
    t.run([program, "20"])
    t.same("calls of the second run", 21, len(t.document().calls))


@test(ONE)
def untraced_program_leaves_nothing(t):
    """a program without hooks, run with the library, writes no file and says nothing"""
    result = t.run(["/bin/echo", "hello"])
    t.same("behaviour", (0, b"hello\n", b""), (result.status, result.out, result.err))
    t.same("files", [], os.listdir(t.out))


@test(BOTH)
def processes_made_without_fork(t):
    """syscall(SYS_clone), clone3, _Fork and clone(): each child has a document, none writes into its parent's"""
    t.run([t.build("raw_forks.c")])
    counts = sorted(
        (each.count("in_parent"), each.count("in_child"))
        for each in (t.document(name, alone=False) for name in os.listdir(t.out))
    )
    t.same("calls of in_parent, in_child", [(0, 20000)] * 4 + [(80000, 0)], counts)


@test(BOTH)
def exit_while_the_document_is_made(t):
    """main returns, another thread calls _exit: the process waits for its document"""
    t.run([t.build("exit_races.c")])
    t.same("files", ["trace.json"], os.listdir(t.out))
    t.same("calls of leaf", 100000, t.document().count("leaf"))
