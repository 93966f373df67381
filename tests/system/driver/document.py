# SPDX-License-Identifier: MIT
"""A JSON document written by CallTrace: read it, and check all that must hold in any of them."""
import collections
import json
import re

from . import tree

TIME_KEYS = {"start_ns", "duration_ns", "self_ns"}
UNFINISHED = ("exit", "crash", "killed", "unwound")
# Source file, line and mangled name are there only where they are known.
CALL_KEYS = {
    "id",
    "function",
    "module",
    "address",
    "call_site",
    "depth",
    "start_ns",
    "duration_ns",
    "self_ns",
}
TREE_KEYS = {
    "thread_id",
    "thread_name",
    "is_main_thread",
    "parent_thread_id",
    "start_ns",
    "end_ns",
    "total_calls",
    "max_depth",
    "root_calls",
}
METADATA_KEYS = {
    "format_version",
    "generator",
    "start_time",
    "end_time",
    "duration_ns",
    "total_calls",
    "suppressed_calls",
    "lost_events",
    "total_threads",
    "clock",
    "process",
    "config",
    "modules",
}
PROCESS_KEYS = {"process_id", "parent_process_id", "executable", "command_line", "working_directory", "hostname"}
RFC3339_NS = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")

# Made by the compiler around the constructors of static objects; GCC and Clang differ in them.
COMPILER_MADE = re.compile(
    r"^(_GLOBAL__sub_[ID]_.*|_GLOBAL__I_.*|__cxx_global_var_init.*|__static_initialization_and_destruction_0"
    r"|__cxx_global_array_dtor.*|_sub_[ID]_.*)$"
)


def short_name(name):
    """A demangled name without its parameters: "ns::f(int) const" is "ns::f"."""
    name = re.sub(r" \[clone .*\]$", "", name)
    name = re.sub(r"\) (const|volatile|&|&&)$", ")", name)
    if not name.endswith(")") or name.endswith("operator()"):
        return name
    depth = 0
    for at in range(len(name) - 1, -1, -1):
        depth += (name[at] == ")") - (name[at] == "(")
        if depth == 0:
            return name[:at] if at > 0 else name
    return name


def is_main(raw_tree):
    """Whether a tree is that of the main thread's own stack; coroutines have trees of their own."""
    return raw_tree["is_main_thread"] and "coroutine" not in raw_tree


class Call:
    __slots__ = ("raw", "children", "parent")

    def __init__(self, raw):
        self.raw = raw
        self.parent = None
        self.children = []

    @property
    def name(self):
        return short_name(self.raw["function"])


class Document:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.bytes = file.read()
        self.raw = json.loads(self.bytes.decode("utf-8"))
        self.metadata = self.raw["metadata"]
        self.calls = []  # in the order in which they began within a tree, so callers before callees
        self.trees = []  # (raw tree, root calls), that of the main thread's own stack first
        for raw in sorted(self.raw["call_trees"], key=lambda each: not is_main(each)):
            self.trees.append((raw, self._read_tree(raw)))

    def _read_tree(self, raw):
        """Calls hang in their caller's `children`, or lie elsewhere and name it by `parent_id`."""
        found = []
        stack = [(each, None) for each in raw["root_calls"]]
        while stack:
            each, container = stack.pop()
            call = Call(each)
            found.append((call, container))
            stack.extend((child, call) for child in each.get("children", ()))
        found.sort(key=lambda each: each[0].raw["id"])
        by_id = {call.raw["id"]: call for call, _ in found}
        roots = []
        for call, container in found:
            if "parent_id" in call.raw:
                call.parent = by_id[call.raw["parent_id"]] if call.raw["parent_id"] else None
            else:
                call.parent = container
            (call.parent.children if call.parent else roots).append(call)
            self.calls.append(call)
        return roots

    def named(self, name):
        return [call for call in self.calls if call.name == name]

    def count(self, name):
        return len(self.named(name))

    def forest(self, roots, keep_compiler_made=False):
        """Root calls as runs of shapes; initialisers made by the compiler give way to their children."""
        table = tree.ShapeTable()
        done = {}
        stack = [(call, False) for call in reversed(roots)]
        while stack:
            call, ready = stack.pop()
            if not ready:
                stack.append((call, True))
                stack.extend((child, False) for child in reversed(call.children))
                continue
            children = [shape for child in call.children for shape in done.pop(id(child))]
            if COMPILER_MADE.match(call.name) and not keep_compiler_made:
                done[id(call)] = children
            else:
                done[id(call)] = [table.intern(call.name, call.raw.get("unfinished"), children)]
        return tree.group([shape for call in roots for shape in done[id(call)]])

    def forests(self):
        main = [self.forest(roots) for raw, roots in self.trees if is_main(raw)]
        others = [self.forest(roots) for raw, roots in self.trees if not is_main(raw)]
        return [main[0] if main else []] + others

    def problems(self, lost_allowed=False):
        """What is wrong with the document, whatever program it is of; a list of sentences."""
        found = []

        def expect(condition, text):
            if not condition and len(found) < 10:
                found.append(text)

        meta = self.metadata
        expect(
            {"metadata", "call_trees", "thread_relationships", "statistics"} <= set(self.raw),
            f"top level has only {sorted(self.raw)}",
        )
        if not METADATA_KEYS <= set(meta):
            return [f"metadata lacks {sorted(METADATA_KEYS - set(meta))}"]
        expect(
            PROCESS_KEYS <= set(meta.get("process", {})),
            f"process has only {sorted(meta.get('process', {}))}",
        )
        expect(isinstance(meta["process"]["command_line"], list), "command_line is not an array")
        for key in ("start_time", "end_time"):
            expect(RFC3339_NS.match(str(meta.get(key))), f"{key} is {meta.get(key)!r}")
        expect(
            meta["total_calls"] == len(self.calls),
            f"total_calls is {meta['total_calls']}, the trees have {len(self.calls)} calls",
        )
        expect(lost_allowed or meta["lost_events"] == 0, f"lost_events is {meta['lost_events']}")
        tids = {raw["thread_id"] for raw, _ in self.trees}
        expect(
            meta["total_threads"] >= len(tids),
            f"total_threads is {meta['total_threads']}, there are trees of {len(tids)}",
        )
        ids = collections.Counter(call.raw.get("id") for call in self.calls)
        expect(len(ids) == len(self.calls), f"ids are not unique: {ids.most_common(1)}")
        for raw, roots in self.trees:
            self._tree_problems(raw, roots, expect, meta["clock"] != "none")
        self._statistics_problems(expect)
        for each in self.raw["thread_relationships"]:
            child = each["child_thread_id"]
            expect(
                child in tids, f"thread_relationships speaks of thread {child}, which has no tree"
            )
        return found

    def _tree_problems(self, raw, roots, expect, timed):
        where = f"thread {raw.get('thread_id')}"
        expect(TREE_KEYS <= set(raw), f"{where}: lacks {sorted(TREE_KEYS - set(raw))}")
        keys = CALL_KEYS if timed else CALL_KEYS - TIME_KEYS
        total = levels = 0
        stack = [(call, 0) for call in roots]
        while stack:
            call, level = stack.pop()
            total += 1
            levels = max(levels, level + 1)
            for problem in self._call_problems(call, level, keys, timed):
                expect(
                    False, f"{where}: {call.raw.get('function')} (id {call.raw['id']}): {problem}"
                )
            stack.extend((child, level + 1) for child in call.children)
        expect(
            raw["total_calls"] == total,
            f"{where}: total_calls is {raw['total_calls']}, not {total}",
        )
        expect(
            raw["max_depth"] == levels, f"{where}: max_depth is {raw['max_depth']}, not {levels}"
        )

    @staticmethod
    def _call_problems(call, level, keys, timed):
        """Run for every call of documents with many: text is made only when something is wrong."""
        each = call.raw
        if not keys <= each.keys():
            yield f"lacks {sorted(keys - each.keys())}"
            return
        if each["depth"] != level:
            yield f"has depth {each['depth']} at level {level}"
        unfinished = each.get("unfinished")
        if unfinished is not None and unfinished not in UNFINISHED:
            yield f"is unfinished {unfinished!r}"
        if (unfinished or timed) and (each["duration_ns"] is None) != (unfinished is not None):
            yield f"has duration {each['duration_ns']} and unfinished {unfinished}"
        if not timed:
            return
        start, duration = each["start_ns"], each["duration_ns"]
        end = None if duration is None else start + duration
        if start < 0 or (end is not None and end < start):
            yield f"starts at {start} and lasts {duration}"
        last, inside, lasting = start, 0, False
        for child in call.children:
            begin, length = child.raw["start_ns"], child.raw["duration_ns"]
            if begin < last:
                yield f"its child {child.raw['id']} starts at {begin}, an elder one ends at {last}"
            lasting = lasting or length is None
            last = begin + (length or 0)
            inside += length or 0
        if end is not None and last > end:
            yield f"ends at {end}, its last child at {last}"
        if end is not None and not lasting and each["self_ns"] != duration - inside:
            yield f"has self_ns {each['self_ns']}, duration {duration} less children {inside}"

    def _statistics_problems(self, expect):
        statistics = self.raw["statistics"]
        expect(len(statistics) > 0 or not self.calls, "statistics has no rows")
        total = sum(row.get("calls", 0) for row in statistics)
        expect(
            total == len(self.calls),
            f"statistics count {total} calls, the trees have {len(self.calls)}",
        )
        have = collections.Counter(call.raw["function"] for call in self.calls)
        said = collections.Counter()
        for row in statistics:
            said[row["function"]] += row["calls"]
        for name in have:
            expect(
                said[name] == have[name],
                f"statistics say {said[name]} calls of {name}, the trees have {have[name]}",
            )
