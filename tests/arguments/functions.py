# SPDX-License-Identifier: MIT
"""Random functions: what they take, what their bodies do with it, how they are called, what they return."""

from __future__ import annotations

from fractions import Fraction

from model import (Bool, Char, CppType, Enum, Float, FunctionPointer, Int, Pointer, Reference, Smart, String, StringView,
                   Struct, Typedef, Value, plain)

CALLS = 3  # of each function, with different values

# Linkage and shape of a function, and how often it is made.
C_KINDS = ["external"] * 18 + ["static"] * 9 + ["static noinline"] * 12 + ["static inline"] * 8 + ["always_inline"]
CPP_KINDS = ["external"] * 4 + ["static"] * 2 + ["static noinline"] * 3 + ["static inline"] * 2 + [
    "template", "template", "template noinline", "method", "method", "const method", "static method", "virtual",
    "constructor", "lambda", "lambda noinline", "namespace", "anonymous namespace"]


class Param:
    def __init__(self, name, of):
        self.name = name
        self.type = of
        self.qualifier = ""
        self.used = "unused"  # "used", "partly": some of its members
        self.fixed = None  # the Value that every call passes as a literal
        self.tame = False

    def declare(self):
        return self.type.declare(f"{self.qualifier} {self.name}".strip())

    @property
    def changeable(self):
        return self.qualifier == "" and not isinstance(self.type, Reference)


class Function:
    """A function, its text, and the calls of it in the order in which they begin."""

    def __init__(self, name, kind, cpp):
        self.name = name
        self.kind = kind
        self.cpp = cpp
        self.params = []
        self.result = None
        self.traits = []
        self.calls = []  # (list of expectations by parameter, expectation of the result)
        self.text = ""  # definition
        self.prototype = ""  # for other files
        self.caller = ""  # body of the function that calls it
        self.elsewhere = False  # called from another file
        self.this = None  # expectations of `this` by call, where there is one
        self.this_uses = []  # reading members or captures
        self.owner = name.replace("f", "k") if kind != "constructor" else name
        self.members = []  # of the class, captures of the lambda: (name, [source by call], type)
        self.template = ""  # arguments of the template
        self.variadic = ""  # "", "unread", "read"
        self.forwarded = False  # called by another traced function alone
        self.inner = None  # (function it calls, parameters it passes on)
        self.caller_name = None  # the traced function that calls this one
        self.ignored = False  # nobody uses the result: a compiler may remove it
        self.results = []

    def record(self):
        """What check.py needs."""
        params = [{"name": param.name, "used": param.used} for param in self.params]
        if self.this is not None:
            params.insert(0, {"name": "this", "used": "used" if "this" in self.traits else "unused"})
        return {"kind": self.kind, "traits": self.traits, "params": params, "returns": self.result is not None,
                "caller": self.caller_name, "declaration": self.declaration()}

    def declaration(self):
        inner = f"{self.name}({', '.join(param.declare() for param in self.params) or 'void'})"
        return self.result.declare(inner) if self.result else f"void {inner}"


class Maker:
    """Makes the functions of one unit."""

    def __init__(self, rng, pool, inputs, cpp, names):
        self.rng = rng
        self.pool = pool
        self.inputs = inputs
        self.cpp = cpp
        self.names = names  # iterator of numbers
        self.functions = []

    def chance(self, percent):
        return self.rng.randrange(100) < percent

    # --- parameters ---

    def parameter_types(self):
        rng, pool = self.rng, self.pool
        theme = rng.randrange(20)
        if theme == 0:
            return [rng.choice(pool.ints) for _ in range(rng.randrange(7, 13))]
        if theme == 1:
            return [rng.choice(pool.floats) for _ in range(rng.randrange(9, 13))]
        if theme == 2:
            return [rng.choice(pool.structs) for _ in range(rng.randrange(1, 5))]
        if theme == 3:
            return [rng.choice([Int("int", 32, True), Float("double"), Float("float")]) for _ in range(rng.randrange(2, 13))]
        count = rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 6, 6, 7, 8, 9, 10, 11, 12])
        return [pool.parameter(rng) for _ in range(count)]

    def new_params(self, types):
        params = []
        for i, of in enumerate(types):
            param = Param(f"a{i}", of)
            if of.scalar and self.chance(8):
                param.qualifier = self.rng.choice(["const", "volatile", "const"])
            elif isinstance(of, Pointer) and self.chance(20):
                param.qualifier = "__restrict"
            if isinstance(plain(of), (Int, Float, Bool, Enum)) and self.chance(6):
                param.fixed = plain(of).value(self.rng, self.inputs, "")
            if isinstance(plain(of), Float) and param.fixed is None and self.chance(50):
                param.tame = True
            params.append(param)
        return params

    # --- making one ---

    def make(self):
        function = self.begin(self.rng.choice(CPP_KINDS if self.cpp else C_KINDS), self.parameter_types())
        values = self.pick_values(function)
        self.finish(function, values)
        return function

    def begin(self, kind, types):
        function = Function(f"f{next(self.names):04d}", kind, self.cpp)
        function.params = self.new_params(types)
        if kind in ("external", "static", "static noinline") and types and self.chance(8):
            last = plain(types[-1])
            fit = isinstance(last, (Pointer, String)) or \
                isinstance(last, Int) and not isinstance(last, Char) and last.bits in (32, 64)
            function.variadic = "read" if fit and self.chance(70) else "unread"
            function.traits.append("variadic")
        if kind in ("method", "const method", "virtual", "constructor") or kind.startswith("lambda"):
            self.make_members(function)
        return function

    def make_members(self, function):
        """Members of the object, or captures of the lambda, and what `this` must show."""
        rng, name = self.rng, function.name
        by_call = [[] for _ in range(CALLS)]
        for i in range(rng.randrange(0, 5)):
            of = self.pool.scalar(rng)
            sources = []
            for k in range(1 if function.kind.startswith("lambda") else CALLS):
                label = f"in_{name}_{k}_this{i}"
                value = of.value(rng, self.inputs, label)
                self.inputs.define(of.declare(label), value.init)
                sources.append(label)
                by_call[k].append([f"m{i}", value.expect])
            function.members.append((f"m{i}", sources, of))
        if function.kind.startswith("lambda"):
            by_call = [by_call[0]] * CALLS
        if function.kind == "virtual":
            shape = ["Shape", {"is": "struct", "members": [["shape_id", {"is": "int", "value": "77"}]]}]
            by_call = [[shape] + members for members in by_call]
        function.this = [{"is": "pointer", "address": None if function.kind.startswith("lambda") else f"object_{name}_{k}",
                          "to": {"is": "any"} if function.kind == "constructor" else
                          {"is": "struct", "members": by_call[k]}} for k in range(CALLS)]
        # Clang warns of captures that are not used.
        if function.kind.startswith("lambda") or function.kind != "constructor" and self.chance(70):
            function.this_uses = [use for member, _, of in function.members for use in of.uses(member)]
            if function.this_uses:
                function.traits.append("this")

    def pick_values(self, function):
        """Make the inputs of each call. Returns them by call."""
        calls = []
        for k in range(CALLS):
            values = []
            for i, param in enumerate(function.params):
                if param.fixed is not None:
                    values.append(param.fixed)
                    continue
                label = f"in_{function.name}_{k}_{i}"
                holder = param.type.to if isinstance(param.type, Reference) else param.type
                self.inputs.late.add(label)
                value = plain(param.type).tame(self.rng) if param.tame else \
                    param.type.value(self.rng, self.inputs, label)
                self.inputs.define(holder.declare(label), value.init)
                values.append(Value(param.type.pass_on(label), value.expect, value.number))
            calls.append(values)
        return calls

    def finish(self, function, values, forwarded=False):
        """Write the body and the calls. `forwarded`: another function calls it, with its own parameters."""
        rng = self.rng
        plainly = function.kind != "constructor"
        pure = not forwarded and plainly and not function.variadic and self.chance(3) and \
            all(isinstance(plain(param.type), Int) for param in function.params) and function.params and \
            function.kind in ("external", "static noinline")
        leaves = None
        if not forwarded and not pure and plainly and self.chance(4):
            leaves = "throw" if self.cpp else "longjmp"
        recursive = not forwarded and not pure and not leaves and not function.variadic and self.chance(5) and \
            function.kind in ("external", "static", "static noinline") and \
            all(param.type.simple for param in function.params)
        if recursive:
            function.traits.append("recursive")
            depth = Param("depth", Int("int", 32, True))
            depth.used = "used"
            function.params.insert(0, depth)

        if function.kind == "constructor":
            function.result = None
        elif pure:
            function.result = rng.choice([of for of in self.pool.ints if of.bits <= 64])
        else:
            function.result = self.pool.result(rng)
        function.ignored = not pure and self.chance(12)
        if function.ignored:
            function.traits.append("ignored")
        lines, modified = self.body(function, pure, recursive)
        results = self.returning(function, values, lines, pure, recursive, leaves, modified)
        if len(lines) == 1 and lines[0].startswith("return ") and "turn_" not in lines[0] and not pure:
            # GCC makes one of two calls that are alike and have no effect, hooks or not.
            lines.insert(0, "global_sum += 1;")
        self.define(function, lines, pure, leaves)
        self.call(function, values, results, leaves, recursive, forwarded)
        self.functions.append(function)

    # --- bodies ---

    def body(self, function, pure, recursive):
        """Statements before the return; and the parameters they change."""
        rng = self.rng
        lines = []
        modified = set()
        if pure:
            function.traits.append("pure")
            return lines, modified
        usage = rng.choice(["all"] * 9 + ["after"] * 4 + ["some"] * 4 + ["none"] * 2)
        opening, closing = self.features(function)
        lines += opening
        uses = []
        # Clang describes no unused parameter that is passed by address, at -O0 as little: few of these.
        chosen = [param for param in function.params
                  if param.name != "depth" and (usage in ("all", "after") or (usage == "some" and self.chance(50))
                                                or is_passed_by_address(param.type) and self.chance(85))]
        for param in chosen:
            found = param.type.uses(param.name)
            param.used = "used"
            if len(found) > 1 and self.chance(15):
                found = rng.sample(found, rng.randrange(1, len(found)))
                param.used = "partly"
            if isinstance(param.type, (Pointer, Reference)) and not found:
                param.used = "unused"
            uses += found
        if function.this_uses:
            uses += function.this_uses
        if usage == "after":
            lines.append("opaque();")
        if function.variadic == "read":
            last = function.params[-1]
            last.qualifier = ""
            lines.append(f"__builtin_va_list rest; __builtin_va_start(rest, {last.name}); "
                         "sink(__builtin_va_arg(rest, int)); __builtin_va_end(rest);")
        rng.shuffle(uses)
        statements, sinks = self.sinking(uses)
        declarations = statements[:statements.index("")]
        lines[:0] = declarations
        lines += statements[len(declarations) + 1:]
        if recursive:
            arguments = ", ".join(["depth - 1"] + [param.name for param in function.params if param.name != "depth"])
            lines.append(f"if (depth > 0) (void){function.name}({arguments});")
        elif not function.forwarded and self.chance(9):
            lines += self.forward(function)
        changes = self.changes(function, chosen)
        for param, text in changes:
            modified.add(param.name)
            lines.append(text)
        lines += sinks + closing
        return lines, modified

    def sinking(self, uses):
        """Statements that read all of `uses` in one of many ways: declarations, an empty line, statements; and what is
        to come at the end."""
        declarations, statements, sinks = [], [], []
        way = self.rng.choice(["sums"] * 4 + ["constant sums"] * 2 + ["calls"] * 3 + ["stores"] * 3 + ["branches"] * 2)
        sums = way in ("sums", "constant sums")
        if sums and any(kind == "i" for kind, _ in uses):
            # A sum that begins with a constant may be computed before the hook is called.
            start = "global_sum" if way == "sums" else "1"
            declarations.append(f"unsigned long h = {start};")
            sinks.append(self.rng.choice(["sink(h);", "global_sum = h;"]))
        if sums and any(kind == "f" for kind, _ in uses):
            start = "global_float" if way == "sums" else "0"
            declarations.append(f"{self.rng.choice(['double', 'long double'])} d = {start};")
            sinks.append(self.rng.choice(["sink_float((double)d);", "global_float = (double)d;"]))
        for kind, expression in uses:
            number, real = f"(unsigned long)({expression})", f"(double)({expression})"
            statements.append({
                "calls": {"i": f"sink({number});", "f": f"sink_float({real});"},
                "stores": {"i": f"global_sum = {number};", "f": f"global_float = {real};"},
                "branches": {"i": f"if ({number} & 1) sink({number}); else global_sum = {number};",
                             "f": f"if ({expression} > 1) opaque(); else global_float = {real};"},
            }.get(way, {"i": f"h = h * 31 + {number};", "f": f"d += {expression};"})[kind])
        return declarations + [""] + statements, sinks

    def features(self, function):
        """Things that change how the frame is made. Returns lines for the beginning and the end."""
        opening, closing = [], []
        if self.chance(6):
            function.traits.append("alloca")
            opening.append("char *room = (char *)__builtin_alloca(some_size); opaque_bytes(room, some_size);")
        if not self.cpp and self.chance(5):
            function.traits.append("vla")
            opening.append("char row[some_size]; opaque_bytes(row, sizeof(row));")
        if self.chance(6):
            function.traits.append("over-aligned")
            opening.append("char aligned[40] __attribute__((aligned(64))); opaque_bytes(aligned, sizeof(aligned));")
        if self.chance(5):
            function.traits.append("buffer")
            opening.append("char buffer[100]; opaque_bytes(buffer, sizeof(buffer));")
        if self.cpp and self.chance(8):
            function.traits.append("try")
            closing.append("try { maybe_throw(some_size); } catch (int e) { sink(e); }")
        if self.cpp and self.chance(7):
            function.traits.append("guard")
            opening.append("Guard guard(3);")
        return opening, closing

    def changes(self, function, chosen):
        """Statements that change parameters after they were used: what they held before must be shown."""
        found = []
        for param in function.params:
            base = plain(param.type)
            if not param.changeable or param.name == "depth" or not self.chance(10):
                continue
            if isinstance(base, Int) and base.bits >= 16 and not isinstance(base, Char):
                name = param.name
                text = self.rng.choice([
                    f"for (int i = 0; i < 5 && {name} > 0; i++) {{ sink((unsigned long){name}); {name}--; }}",
                    f"while ({name} > 3) {{ {name} = {name} / 2; opaque(); }} sink((unsigned long){name});",
                    f"{name} = ({name} ^ 5) & 127; opaque(); sink((unsigned long){name});",
                ])
                function.traits.append("changes")
                if param.used == "unused":
                    param.used = "used"
            elif isinstance(base, Float) and self.chance(50):
                text = f"{param.name} += 1; opaque(); sink_float((double){param.name});"
                if param.used == "unused":
                    param.used = "used"
            elif base.trivial and not isinstance(param.type, Struct) or \
                    isinstance(param.type, Struct) and not param.type.cpp_only:
                text = f"scribble(&{param.name}, sizeof({param.name}));"
                function.traits.append("scribbles")
            else:
                continue
            found.append((param, text))
        return found

    def forward(self, function):
        """A call of another traced function with parameters of this one."""
        able = [param for param in function.params if param.type.simple and param.qualifier in ("", "const")
                and not isinstance(plain(param.type), Smart)]
        if not able or function.kind in ("constructor",):
            return []
        picked = [self.rng.choice(able) for _ in range(self.rng.randrange(1, len(able) + 1))]
        inner = self.begin(self.rng.choice(["static"] * 3 + ["static noinline"] * 3 + ["static inline"] * 3 +
                                           ["always_inline"]),
                           [param.type for param in picked])
        for param in inner.params:
            param.fixed = None
            param.tame = False
            param.qualifier = param.qualifier.replace("__restrict", "")
        inner.forwarded = True
        inner.variadic = ""
        inner.traits.clear()
        inner.caller_name = function.name
        function.traits.append("forwards")
        function.inner = (inner, picked)
        for param in picked:
            if param.used == "unused":
                param.used = "passed on"
        return [f"(void){inner.name}({', '.join(param.name for param in picked)});"]

    # --- results ---

    def returning(self, function, values, lines, pure, recursive, leaves, modified):
        """Append the return statement. Gives the results by call, each a Value."""
        rng, of = self.rng, function.result
        if leaves:
            function.traits.append(leaves)
            lines.append({"throw": "if (always) throw 7;", "longjmp": "if (always) longjmp(jump, 1);"}[leaves])
        if of is None:
            return [None] * CALLS
        params = [(i, param) for i, param in enumerate(function.params)
                  if param.name not in modified and param.name != "depth"]
        shift = 1 if recursive else 0
        base = plain(of)

        def numbers(i):
            return [call[i - shift].number for call in values]

        if pure or (not function.forwarded and self.chance(70)):
            if isinstance(base, (Int, Bool)) and not isinstance(base, Char):
                ints = [(i, param) for i, param in params if isinstance(plain(param.type), Int)
                        and not isinstance(plain(param.type), Char) and plain(param.type).bits <= 64]
                if ints:
                    return self.integer_result(function, lines, ints, numbers, base)
            if isinstance(base, Float):
                floats = [(i, param) for i, param in params if param.tame]
                if floats:
                    return self.float_result(function, lines, floats, numbers, of)
            same = [(i, param) for i, param in params if param.type is of and param.type.simple]
            if same and not pure:
                i, param = rng.choice(same)
                self.reads(function, [param])
                function.traits.append("returns a parameter")
                lines.append(f"return {param.name};")
                return [Value("", call[i - shift].expect) for call in values]
        return self.table_result(function, lines, recursive)

    def integer_result(self, function, lines, ints, numbers, base):
        rng = self.rng
        (i, left), (j, right) = rng.choice(ints), rng.choice(ints)
        constant = rng.randrange(1, 1000)
        a, b = f"(unsigned long){left.name}", f"(unsigned long){right.name}"
        ways = [
            (f"{a} * {constant} + {b}", lambda x, y: x * constant + y, "ab"),
            (f"({a} >> 3) | ({b} << 5)", lambda x, y: x >> 3 | y << 5, "ab"),
            (f"{a} > {constant} ? {b} : {a} + 1", lambda x, y: y if x > constant else x + 1, "ab"),
            (f"{a} / {constant} + {b} % {constant}", lambda x, y: x // constant + y % constant, "ab"),
            (f"{a}", lambda x, y: x, "a"),
            (f"{constant}UL", lambda x, y: constant, ""),
        ]
        if i != j:
            ways += [
                (f"{a} - {b}", lambda x, y: x - y, "ab"),
                (f"{a} > {b}", lambda x, y: int(x > y), "ab"),
                (f"~{a} ^ {b}", lambda x, y: ~x ^ y, "ab"),
                (f"{a} == {b}", lambda x, y: int(x == y), "ab"),
            ]
        text, compute, reads = rng.choice(ways)
        self.reads(function, ([left] if "a" in reads else []) + ([right] if "b" in reads else []))
        cast = "" if isinstance(base, Bool) else f"({function.result.name})"
        lines.append(f"return {cast}({text});" if cast else f"return ({text}) != 0;")
        function.traits.append("computes")
        top = (1 << 64) - 1
        found = []
        for x, y in zip(numbers(i), numbers(j)):
            number = compute(x & top, y & top) & top
            found.append(base.exactly(number if isinstance(base, Bool) else base.wrap(number)))
        return found

    @staticmethod
    def reads(function, params):
        """The result is made of these parameters."""
        for param in params:
            if param.used in ("unused", "passed on"):
                # When nobody wants the result, nobody need make it.
                param.used = "passed on" if function.ignored else "used"

    def float_result(self, function, lines, floats, numbers, of):
        rng = self.rng
        (i, left), (j, right) = rng.choice(floats), rng.choice(floats)
        a, b = left.name, right.name
        ways = [
            (f"{a} * 2 + {b}", lambda x, y: x * 2 + y),
            (f"{a} - {b} * 4", lambda x, y: x - y * 4),
            (f"{a} > {b} ? {a} : {b} + 1", lambda x, y: x if x > y else y + 1),
            (f"{a} / 8", lambda x, y: x / 8),
        ]
        text, compute = rng.choice(ways)
        self.reads(function, [left, right] if b in text else [left])
        lines.append(f"return ({of.name})({text});")
        function.traits.append("computes")
        found = []
        for x, y in zip(numbers(i), numbers(j)):
            number = compute(x, y)
            found.append(Value(None, plain(of).expect(Fraction(number)), Fraction(number)))
        # The sign of zero depends on how it came about; leave such results alone.
        return [value if value.number else Value(None, {"is": "any"}) for value in found]

    def table_result(self, function, lines, recursive):
        """Return what another file holds."""
        rng, of = self.rng, function.result
        count = 1 if recursive else CALLS
        table = f"ret_{function.name}"
        holder = of.to if isinstance(of, Reference) else of
        values = []
        for k in range(count):
            label = f"{table}_{k}"
            self.inputs.lvalues[label] = f"{table}[{k}]"
            values.append(of.value(rng, self.inputs, label))
        self.inputs.define(holder.declare(f"{table}[{count}]"), "{" + ", ".join(value.init for value in values) + "}")
        self.inputs.define(f"unsigned int turn_{function.name}", "0")
        entry = f"{table}[turn_{function.name}++ % {count}]"
        way = rng.randrange(5)
        if way == 0 and not isinstance(of, Reference) and of.trivial:
            function.traits.append("local result")
            lines.append(f"{of.declare('r')}; copy_bytes(&r, &{entry}, sizeof(r)); return r;")
        elif way == 1:
            function.traits.append("two returns")
            lines.append(f"if (turn_{function.name} % 2) {{ opaque(); return {of.pass_on(entry)}; }}")
            lines.append(f"return {of.pass_on(entry)};")
        else:
            lines.append(f"return {of.pass_on(entry)};")
        return [values[k % count] for k in range(CALLS)]

    # --- text ---

    def define(self, function, lines, pure, leaves):
        rng = self.rng
        attributes = []
        kind = function.kind
        if "noinline" in kind or function.kind in ("external",) and rng.randrange(3):
            attributes.append("noinline")
        if pure:
            attributes.append("pure")
        if leaves == "longjmp" and function.result is None and rng.randrange(2):
            attributes.append("noreturn")
            function.traits.append("noreturn")
            lines[-1] = "longjmp(jump, 1);"
        if kind == "always_inline":
            attributes.append("always_inline")
        attribute = f"__attribute__(({', '.join(attributes)})) " if attributes else ""
        body = "\n".join(f"\t{line}" for line in lines)
        params = ", ".join(param.declare() for param in function.params)
        if function.variadic:
            params += ", ..."
        if not params and not self.cpp:
            params = "void"

        def declared(name, suffix=""):
            inner = f"{name}({params}){suffix}"
            return function.result.declare(inner) if function.result else f"void {inner}"

        name = function.name
        if kind == "external":
            function.prototype = f"{attribute}{declared(name)};"
            function.elsewhere = bool(rng.randrange(3))
            function.text = f"{declared(name)}\n{{\n{body}\n}}\n"
        elif kind.startswith("static") and kind != "static method" or kind == "always_inline":
            inline = "inline " if "inline" in kind.replace("noinline", "") else ""
            function.text = f"{attribute}static {inline}{declared(name)}\n{{\n{body}\n}}\n"
        elif kind == "namespace":
            function.text = f"namespace space {{ namespace inner {{\n{attribute}{declared(name)}\n{{\n{body}\n}}\n}} }}\n"
        elif kind == "anonymous namespace":
            function.text = f"namespace {{\n{attribute}{declared(name)}\n{{\n{body}\n}}\n}}\n"
        elif kind.startswith("template"):
            letters = [(param, f"T{i}") for i, param in enumerate(function.params)
                       if not isinstance(param.type, (Reference, Pointer, FunctionPointer, String)) and rng.randrange(2)]
            names = ", ".join([f"typename {letter}" for _, letter in letters] + ["int N"])
            function.template = "<" + ", ".join([param.type.declare("") for param, _ in letters] + ["5"]) + ">"
            shown = ", ".join(f"{dict((p.name, l) for p, l in letters)[param.name]} {param.qualifier} {param.name}"
                              if param in [p for p, _ in letters] else param.declare() for param in function.params)
            inner = f"{name}({shown})"
            head = function.result.declare(inner) if function.result else f"void {inner}"
            function.text = f"template <{names}> {attribute}{head}\n{{\n{body}\n}}\n"
        elif kind == "lambda" or kind == "lambda noinline":
            captures = ", ".join(member for member, _, _ in function.members)
            copies = " ".join(f"auto {member} = {sources[0]};" for member, sources, _ in function.members)
            # What the body tells is not said: half of those that return nothing.
            result = f" -> {function.result.declare('')}" if function.result else self.rng.choice(["", " -> void"])
            noinline = " __attribute__((noinline))" if "noinline" in kind else ""
            function.text = (f"static auto l{name[1:]}()\n{{\n\t{copies}\n"
                             f"\treturn [{captures}]({params}){noinline}{result} {{\n{body}\n\t}};\n}}\n")
        else:
            self.define_member(function, attribute, declared, params, body)

    def define_member(self, function, attribute, declared, params, body):
        """Methods go out of line half the time."""
        rng, name, kind = self.rng, function.name, function.kind
        owner = function.owner
        members = " ".join(f"{of.declare(member)};" for member, _, of in function.members)
        initial = ", ".join(f"{member}({member}_)" for member, _, _ in function.members)
        takes = ", ".join(of.declare(member + "_") for member, _, of in function.members)
        constructor = f"UNTRACED {owner}({takes}){' : ' if initial else ''}{initial} {{}}" if kind != "constructor" else ""
        zero = " : " + ", ".join(f"{member}()" for member, _, _ in function.members) if function.members else ""
        const = " const" if kind == "const method" else ""
        base = ""
        if kind == "virtual":
            base = " : Shape"
        if kind == "constructor":
            head, outside = f"{name}({params}){zero}", f"{name}::{name}({params}){zero}"
        else:
            head, outside = declared(name, const), declared(f"{owner}::{name}", const)
        prefix = {"static method": "static ", "virtual": "virtual "}.get(kind, "")
        inside = rng.randrange(2)
        bare = head[:-len(zero)] if kind == "constructor" and zero else head
        inner = f"{attribute}{prefix}{head}\n{{\n{body}\n}}" if inside else f"{attribute}{prefix}{bare};"
        function.text = f"struct {owner}{base} {{ {members} {constructor}\n{inner}\n}};\n"
        if not inside:
            function.text += f"{outside}\n{{\n{body}\n}}\n"

    # --- calls ---

    def call(self, function, values, results, leaves, recursive, forwarded):
        """Write the calls, and what the trace must show for them."""
        rng, name = self.rng, function.name
        function.results = results
        if forwarded:
            return
        inner = function.inner
        if inner:
            callee, picked = inner
            index = {param.name: i for i, param in enumerate(function.params)}
            inner_values = [[Value("", call[index[param.name]].expect, call[index[param.name]].number)
                             for param in picked] for call in values]
            # Parameters of the caller come before it in the file, and so must the callee.
            self.finish(callee, inner_values, forwarded=True)
            for call, result in zip(inner_values, callee.results):
                callee.calls.append(([value.expect for value in call], result and result.expect))
        lines = []
        for k, (call, result) in enumerate(zip(values, results)):
            arguments = [value.init for value in call]
            expects = [value.expect for value in call]
            if function.this is not None:
                expects.insert(0, function.this[k])
            shown = "unwound" if leaves else result and result.expect
            if recursive:
                depth = rng.randrange(3)
                arguments.insert(0, str(depth))
                for level in range(depth, -1, -1):
                    function.calls.append(([{"is": "int", "value": str(level)}] + expects, shown))
            else:
                function.calls.append((expects, shown))
            if function.variadic:
                arguments += ["3", "2.5", '"rest"'][:rng.randrange(1, 4)]
            if function.kind in ("method", "const method", "virtual"):
                sources = ", ".join(by_call[k] for _, by_call, _ in function.members)
                lines.append(f"{function.owner} object_{k}{'(' + sources + ')' if sources else ''};")
                lines.append(f'note("object_{name}_{k}", &object_{k});')
            lines.append(self.call_statement(function, k, arguments, result, leaves))
        function.caller = "\n".join(f"\t{line}" for line in lines)

    def call_statement(self, function, k, arguments, result, leaves):
        rng, name, kind = self.rng, function.name, function.kind
        given = ", ".join(arguments)
        if kind == "constructor":
            return (f"alignas(64) static char room_{k}[sizeof({name})]; note(\"object_{name}_{k}\", room_{k}); "
                    f"new (room_{k}) {name}({given});")
        prefix = {"namespace": "space::inner::"}.get(kind, "")
        if kind.startswith("template"):
            target = f"{name}{function.template}"
        elif kind.startswith("lambda"):
            target = f"l{name[1:]}()"
        elif kind == "static method":
            target = f"{function.owner}::{name}"
        elif kind == "virtual":
            target = f"opaque_pointer(&object_{k})->{name}"
        elif "method" in kind:
            target = f"object_{k}.{name}"
        else:
            target = prefix + name
        call = f"{target}({given})"
        if leaves == "throw":
            return f"try {{ (void){call}; }} catch (int) {{ }}"
        if leaves:
            return f"if (!setjmp(jump)) (void){call};"
        of = function.result
        if of is None:
            return f"{call};"
        # A call of a pure function whose result nobody wants is none.
        if "pure" not in function.traits and (function.ignored or self.chance(20)):
            return f"(void){call};"
        base = plain(of)
        if isinstance(base, (Int, Bool, Enum)) and result.init:
            return f"{{ {of.declare('r')} = {call}; if (r != {result.init}) mismatch(\"{name}\", {k}); }}"
        if isinstance(base, Float) and result.number is not None and result.expect["is"] == "float":
            number = result.init or base_literal(base, result.number)
            return f"{{ {of.declare('r')} = {call}; if (r != {number}) mismatch(\"{name}\", {k}); }}"
        if isinstance(of, Reference):
            return f"sink((unsigned long)(uintptr_t)&{call});"
        return f"{{ {of.declare('r')} = {call}; opaque_bytes(&r, sizeof(r)); }}"


def is_passed_by_address(of):
    """A class by value that is not copied byte by byte."""
    return isinstance(of, CppType) and not isinstance(of, (Reference, StringView))


def base_literal(base, number):
    """A floating literal of a fraction whose denominator is a power of two."""
    return base.power(number.numerator, 1 - number.denominator.bit_length()).init
