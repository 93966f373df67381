# SPDX-License-Identifier: MIT
"""Call trees: what was recorded, as shapes, and what is expected, as indented text.

The notation, one call a line, children indented deeper than their caller:

    main
        step x3             three calls in a row, all with the same children
        fails !unwound      did not return: unfinished is "unwound"
        thrown !unwound@clang   the same, but only where the variant's name has "clang" in it
        poll x+             one or more; x* any number
        extra @gcc          only there (with its children) where the variant's name has "gcc" in it
        ...                 any calls from here on

"--- thread x4" starts the tree of other threads, here four of the same; "--- stack" that of
a coroutine. What stands before the first such line is on the main thread's own stack. Root
calls are not indented.
"""
import difflib
import re


class Shape:
    """One way a call looked: name, how it ended, and runs of equal children."""

    __slots__ = ("name", "unfinished", "runs")

    def __init__(self, name, unfinished, runs):
        self.name = name
        self.unfinished = unfinished
        self.runs = runs


class ShapeTable:
    """Gives equal subtrees the same Shape, so that huge trees print and compare quickly."""

    def __init__(self):
        self.shapes = {}

    def intern(self, name, unfinished, children):
        runs = []
        for child in children:
            if runs and runs[-1][0] is child:
                runs[-1][1] += 1
            else:
                runs.append([child, 1])
        key = (name, unfinished, tuple((id(shape), count) for shape, count in runs))
        shape = self.shapes.get(key)
        if shape is None:
            shape = self.shapes[key] = Shape(name, unfinished, runs)
        return shape


def group(shapes):
    runs = []
    for shape in shapes:
        if runs and runs[-1][0] is shape:
            runs[-1][1] += 1
        else:
            runs.append([shape, 1])
    return runs


def render(runs, indent=0, limit=400):
    """The notation of a forest, at most about `limit` lines."""
    lines = []
    stack = [(run, indent) for run in reversed(runs)]
    while stack:
        (shape, count), level = stack.pop()
        if len(lines) >= limit:
            lines.append("    " * level + "(more)")
            break
        flag = f" !{shape.unfinished}" if shape.unfinished else ""
        times = f" x{count}" if count > 1 else ""
        lines.append("    " * min(level, 40) + shape.name + times + flag)
        stack.extend((run, level + 1) for run in reversed(shape.runs))
    return lines


class Expected:
    __slots__ = ("name", "count", "unfinished", "children", "rest")

    def __init__(self, name, count, unfinished):
        self.name = name
        self.count = count  # a number, "+" or "*"
        self.unfinished = unfinished
        self.children = []
        self.rest = False  # "..." stands at the end of the children


class Section:
    def __init__(self, count):
        self.count = count
        self.root = Expected("", 1, None)


LINE = re.compile(
    r"^(?P<name>.*?)(?: x(?P<count>\d+|\+|\*))?(?: !(?P<end>[\w@.+-]+))?(?: @(?P<only>[\w.+-]+))?$"
)


def parse(text, variant=""):
    """The notation as sections: [0] is the main thread's, the others stand for further threads."""
    sections = [Section(1)]
    stack = [(-1, sections[0].root)]
    skip_below = None
    for line in text.splitlines():
        line = line.expandtabs(8).rstrip()
        if not line.strip():
            continue
        if line.startswith("---"):
            match = re.search(r" x(\d+)$", line)
            sections.append(Section(int(match.group(1)) if match else 1))
            stack = [(-1, sections[-1].root)]
            skip_below = None
            continue
        level = len(line) - len(line.lstrip())
        if skip_below is not None:
            if level > skip_below:
                continue
            skip_below = None
        match = LINE.match(line.strip())
        if match.group("only") and match.group("only") not in variant:
            skip_below = level
            continue
        while stack[-1][0] >= level:
            stack.pop()
        parent = stack[-1][1]
        if match.group("name") == "...":
            parent.rest = True
            continue
        count = match.group("count") or "1"
        end = match.group("end")
        if end and "@" in end:
            end, where = end.split("@")
            end = end if where in variant else None
        node = Expected(match.group("name"), int(count) if count.isdigit() else count, end)
        parent.children.append(node)
        stack.append((level, node))
    return sections


def matches_shape(expected, shape, memo):
    key = (id(expected), id(shape))
    if key not in memo:
        memo[key] = (
            shape.name == expected.name
            and shape.unfinished == expected.unfinished
            and matches_runs(expected, shape.runs, memo)
        )
    return memo[key]


def matches_runs(expected, runs, memo):
    """Whether children are as expected. A run of equal calls is one step, however long."""
    runs = [list(run) for run in runs]
    at = 0
    for want in expected.children:
        left = want.count if isinstance(want.count, int) else None
        seen = 0
        while at < len(runs) and left != 0 and matches_shape(want, runs[at][0], memo):
            take = runs[at][1] if left is None else min(left, runs[at][1])
            seen += take
            runs[at][1] -= take
            if left is not None:
                left -= take
            if runs[at][1] == 0:
                at += 1
        if left or (want.count == "+" and seen == 0):
            return False
    return expected.rest or at == len(runs)


def render_expected(node, indent=0):
    lines = []
    for child in node.children:
        times = "" if child.count == 1 else f" x{child.count}"
        flag = f" !{child.unfinished}" if child.unfinished else ""
        lines.append("    " * indent + child.name + times + flag)
        lines.extend(render_expected(child, indent + 1))
    if node.rest:
        lines.append("    " * indent + "...")
    return lines


def difference(expected_lines, actual_lines):
    diff = list(
        difflib.unified_diff(expected_lines, actual_lines, "expected", "actual", n=4, lineterm="")
    )
    if len(diff) > 80:
        diff = diff[:80] + [f"({len(diff) - 80} more lines)"]
    return "\n".join(diff)


def compare(text, forests, variant=""):
    """None when the threads' forests (main thread's first) are as the text says, else a report."""
    sections = parse(text, variant)
    memo = {}
    main = forests[0] if forests else []
    if not matches_runs(sections[0].root, main, memo):
        return "main thread:\n" + difference(render_expected(sections[0].root), render(main))
    others = list(forests[1:])
    for section in sections[1:]:
        for number in range(section.count):
            found = next((f for f in others if matches_runs(section.root, f, memo)), None)
            if found is None:
                want = "\n".join(render_expected(section.root))
                have = "\n--- thread\n".join("\n".join(render(f)) for f in others[:5])
                return (
                    f"{section.count - number} of {section.count} trees like this are missing:\n{want}\n"
                    f"trees left over ({len(others)}):\n{have}"
                )
            others.remove(found)
    if others:
        have = "\n--- thread\n".join("\n".join(render(f)) for f in others[:5])
        return f"{len(others)} trees that are not expected:\n{have}"
    return None
