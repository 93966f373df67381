# SPDX-License-Identifier: MIT
"""Types of C and C++, values of them, and what a trace must show for each value.

A type declares a name, makes values and says how code can use a value. A value is its C
initializer and an *expectation*: a tree that check.py compares with the JSON. Expectations:

    {"is": "int", "value": "-5"}               a number; decimal
    {"is": "char", "code": 65, "size": 1}      a character; "number": true where a number is fine too
    {"is": "bool", "value": true}
    {"is": "enum", "number": "3", "names": []} names: of that number; empty: it has none, but "flags",
                                               numbers by name, are named when "is_sum" is true
    {"is": "float", "bits": 53, "value": "3p-1"} bits of mantissa; 3 * 2**-1; or -0, nan, inf, -inf
    {"is": "complex", "real": {...}, "imaginary": {...}}
    {"is": "pointer", "address": A, "to": {...} or null}
    {"is": "string", "address": A, "bytes": "latin-1", "readable": true}  a char * that is not null
    {"is": "function", "address": A, "name": "callee_0"}
    {"is": "struct" | "union", "members": [["m0", {...}], ...]}           "" names an anonymous one
    {"is": "array", "elements": [...]}
    {"is": "chars", "bytes": "latin-1"}        an array of char
    {"is": "text", "bytes": "latin-1"}         std::string, std::string_view
    {"is": "vector", "elements": [...]}
    {"is": "reference", "address": A, "to": {...}}
    {"is": "smart", "address": A, "to": {...}} std::unique_ptr, std::shared_ptr
    {"is": "any"}                              not compared

An address A is a number, or the name of something whose address the program notes when it runs, or
null where nobody knows it.
"""

from __future__ import annotations

import struct as binary
from fractions import Fraction


class Value:
    """An initializer and what the trace must show."""

    def __init__(self, init, expect, number=None):
        self.init = init
        self.expect = expect
        self.number = number  # of integers and floats: the exact value


class Inputs:
    """What the file of inputs holds: definitions, and statements of its set-up function."""

    def __init__(self, cpp):
        self.cpp = cpp
        self.definitions = []
        self.declarations = []
        self.setup = []
        self.late = set()  # labels of variables that set-up may set
        self.lvalues = {}  # label -> how to reach it, where that is not the label

    def lvalue(self, label):
        return self.lvalues.get(label, label)

    def define(self, declaration, init):
        self.definitions.append(f"{declaration} = {init};")
        self.declarations.append(f"extern {declaration};")

    def note(self, name, expression):
        self.setup.append(f'note("{name}", (const void *)({expression}));')


class Type:
    """Base of all types. `simple`: can be copied by assignment and passed on by name."""

    simple = True
    trivial = True  # its bytes may be overwritten
    cpp_only = False
    c_only = False
    scalar = False

    def declare(self, name):
        return f"{self.name} {name}".rstrip()

    def value(self, rng, inputs, label):
        raise NotImplementedError

    def uses(self, expression):
        """Ways to read it: ("i", integer expression) or ("f", floating one)."""
        raise NotImplementedError

    def pass_on(self, expression):
        """The expression as an argument."""
        return expression


# --- scalars ------------------------------------------------------------------


class Int(Type):
    scalar = True

    def __init__(self, name, bits, signed):
        self.name = name
        self.bits = bits
        self.signed = signed
        self.size = bits // 8

    def wrap(self, number):
        number &= (1 << self.bits) - 1
        if self.signed and number >> (self.bits - 1):
            number -= 1 << self.bits
        return number

    def literal(self, number):
        raw = number & ((1 << self.bits) - 1)
        if self.bits == 128:
            return f"(({self.name})((unsigned __int128){raw >> 64:#x}UL << 64 | {raw & (1 << 64) - 1:#x}UL))"
        if 0 <= number < 1 << 31:
            return f"(({self.name}){number})"
        if -(1 << 31) < number < 0:
            return f"(({self.name})({number}))"
        return f"(({self.name}){raw:#x}UL)"

    def expect(self, number):
        return {"is": "int", "value": str(number)}

    def exactly(self, number):
        return Value(self.literal(number), self.expect(number), number)

    def value(self, rng, inputs, label):
        top = 1 << self.bits
        number = rng.choice([0, 1, top - 1, top >> 1, (top >> 1) - 1, rng.randrange(top), rng.randrange(top),
                             rng.randrange(top), rng.randrange(100), -rng.randrange(1, 100)])
        return self.exactly(self.wrap(number))

    def uses(self, expression):
        if self.bits == 128:
            return [("i", f"{expression} ^ ((unsigned __int128){expression} >> 64)")]
        return [("i", expression)]

    def from_bytes(self, data):
        return self.expect(int.from_bytes(data, "little", signed=self.signed))


class Char(Int):
    def __init__(self, name="char", bits=8, signed=True, number_ok=False):
        super().__init__(name, bits, signed)
        self.number_ok = number_ok
        self.cpp_only = name in ("char16_t", "char32_t")

    def expect(self, number):
        return {"is": "char", "code": number & ((1 << self.bits) - 1), "size": self.size, "number": self.number_ok}

    def value(self, rng, inputs, label):
        if self.size == 1:
            return self.exactly(self.wrap(rng.choice([65, 122, 48, 32, 10, 0, 34, 92, 127, 0xff, 0xe9, 0x80])))
        return self.exactly(rng.choice([65, 0xe9, 0x6f22, 0]) if self.bits == 16 else
                            rng.choice([65, 0xe9, 0x6f22, 0x1f600, 0]))


class Bool(Type):
    scalar = True
    size = 1

    def __init__(self, cpp):
        self.name = "bool" if cpp else "_Bool"

    def exactly(self, number):
        return Value("1" if number else "0", {"is": "bool", "value": bool(number)}, int(bool(number)))

    def value(self, rng, inputs, label):
        return self.exactly(rng.randrange(2))

    def uses(self, expression):
        return [("i", expression)]


def exact_text(number):
    """The expectation's text for a floating value: MpE for M * 2**E. `number` is a Fraction, or "-0"."""
    if isinstance(number, str):
        return number
    if number == 0:
        return "0p0"
    mantissa, exponent = number.numerator, 1 - number.denominator.bit_length()
    zeros = (mantissa & -mantissa).bit_length() - 1
    return f"{mantissa >> zeros}p{exponent + zeros}"


class Float(Type):
    scalar = True
    suffixes = {"float": ("f", 24, -149, 127), "double": ("", 53, -1074, 1023), "long double": ("L", 64, -16445, 16383)}

    def __init__(self, name):
        self.name = name
        self.suffix, self.bits, self.least, self.greatest = self.suffixes[name]
        self.size = {24: 4, 53: 8, 64: 16}[self.bits]

    def expect(self, number):
        return {"is": "float", "bits": self.bits, "value": exact_text(number)}

    def power(self, mantissa, exponent):
        """mantissa * 2**exponent, both in range."""
        number = Fraction(mantissa) * Fraction(2) ** exponent
        sign = "-" if mantissa < 0 else ""
        init = f"{sign}0x{abs(mantissa):x}p{exponent:+d}{self.suffix}"
        return Value(f"({init})" if sign else init, self.expect(number), number)

    def tame(self, rng):
        """A multiple of 1/4 below 256: sums and products of a few are exact in any format."""
        return self.power(rng.randrange(-1000, 1000), -2)

    def value(self, rng, inputs, label):
        special = rng.randrange(12)
        if special == 0:
            return Value(f"0.0{self.suffix}", self.expect(Fraction(0)), Fraction(0))
        if special == 1:
            return Value(f"(-0.0{self.suffix})", self.expect("-0"))
        if special == 2:
            kind = {"f": "f", "": "", "L": "l"}[self.suffix]
            text = rng.choice(["nan", "inf", "-inf"])
            init = {"nan": f'__builtin_nan{kind}("")', "inf": f"__builtin_inf{kind}()",
                    "-inf": f"(-__builtin_inf{kind}())"}[text]
            return Value(init, {"is": "float", "bits": self.bits, "value": text})
        if special == 3:
            return self.power((1 << self.bits) - 1, self.greatest - self.bits + 1)
        if special == 4:
            return self.power(rng.choice([1, 3]), self.least)
        if special == 5:
            return self.power(rng.getrandbits(self.bits) | 1, rng.randrange(self.least, self.greatest - self.bits))
        if special < 9:
            return self.tame(rng)
        return self.power(rng.choice([-1, 1]) * (rng.getrandbits(self.bits) | 1), rng.randrange(-self.bits - 8, -8))

    def uses(self, expression):
        return [("f", expression)]

    def from_bytes(self, data):
        number = binary.unpack("<f" if self.size == 4 else "<d", data)[0]
        if number != number or number in (float("inf"), float("-inf")):
            return {"is": "float", "bits": self.bits, "value": "nan" if number != number else f"{number}"}
        if number == 0 and data[-1] & 0x80:
            return self.expect("-0")
        return self.expect(Fraction(number))


class Complex(Type):
    scalar = True
    c_only = True

    def __init__(self, half):
        self.half = half
        self.name = f"{half.name} _Complex"

    def value(self, rng, inputs, label):
        real, imaginary = self.half.value(rng, inputs, label), self.half.value(rng, inputs, label)
        return Value(f"__builtin_complex({real.init}, {imaginary.init})",
                     {"is": "complex", "real": real.expect, "imaginary": imaginary.expect})

    def uses(self, expression):
        return [("f", f"__real__ {expression}"), ("f", f"__imag__ {expression}")]


class Enum(Type):
    scalar = True

    def __init__(self, name, names, flags=False, scoped_over=None):
        self.tag = name
        self.names = names  # [(name, number)]
        self.flags = flags
        self.under = scoped_over
        self.cpp = False
        self.cpp_only = scoped_over is not None

    @property
    def name(self):
        return self.tag if self.cpp else f"enum {self.tag}"

    def definition(self):
        enumerators = ", ".join(f"{name} = {number}" for name, number in self.names)
        if self.under:
            return f"enum class {self.tag} : {self.under} {{ {enumerators} }};"
        return f"enum {self.tag} {{ {enumerators} }};"

    def exactly(self, number):
        names = [name for name, of in self.names if of == number]
        if names and not self.under:
            init = names[0]
        elif names:
            init = f"{self.tag}::{names[0]}"
        else:
            init = f"({self.name}){number}"
        expect = {"is": "enum", "number": str(number), "names": names}
        if self.flags and not names:
            expect.update(is_sum=True, flags=dict(self.names))
        return Value(init, expect, number)

    def value(self, rng, inputs, label):
        if self.flags and rng.randrange(2):
            return self.exactly(rng.choice(self.names)[1] | rng.choice(self.names)[1])
        return self.exactly(rng.choice(self.names)[1])

    def uses(self, expression):
        return [("i", expression)]


class Typedef(Type):
    """Another name, of a type whose declarator is a plain name."""

    def __init__(self, name, of):
        self.name = name
        self.of = of
        self.scalar = of.scalar
        self.simple = of.simple
        self.trivial = of.trivial
        self.cpp_only = of.cpp_only
        self.c_only = of.c_only

    def __getattr__(self, key):
        return getattr(self.__dict__["of"], key)

    def definition(self):
        return f"typedef {self.of.declare(self.name)};"

    def value(self, rng, inputs, label):
        return self.of.value(rng, inputs, label)

    def uses(self, expression):
        return self.of.uses(expression)


def plain(of):
    """Without typedefs."""
    while isinstance(of, Typedef):
        of = of.of
    return of


# --- pointers -----------------------------------------------------------------


def address_use(expression):
    return [("i", f"(unsigned long)(uintptr_t){expression}")]


class Pointer(Type):
    """To an object that is a global of its own, or null."""

    scalar = True
    name = "pointer"
    size = 8

    def __init__(self, to, const=False, always=False):
        self.to = to
        self.const = const
        self.always = always  # never null: the code may follow it
        self.cpp_only = to.cpp_only
        self.c_only = to.c_only

    def declare(self, name):
        if not self.const:
            return self.to.declare(f"*{name}")
        if isinstance(self.to, (Pointer, String)):
            return self.to.declare(f"const *{name}")
        return f"const {self.to.declare('*' + name)}"

    def value(self, rng, inputs, label):
        if not self.always and rng.randrange(8) == 0:
            return Value("0", {"is": "pointer", "address": 0, "to": None})
        target = f"{label}_to"
        to = self.to.value(rng, inputs, target)
        inputs.define(self.to.declare(target), to.init)
        inputs.note(target, f"&{target}")
        return Value(f"&{target}", {"is": "pointer", "address": target, "to": to.expect})

    def uses(self, expression):
        return self.to.uses(f"(*{expression})") if self.always else address_use(expression)


class PointerToArray(Pointer):
    def __init__(self, to, count):
        super().__init__(Array(to, count))

    def declare(self, name):
        return self.to.declare(f"(*{name})")


class VoidPointer(Pointer):
    name = "void *"

    def __init__(self, const=False):
        self.name = "const void *" if const else "void *"
        self.always = False
        self.cpp_only = self.c_only = False

    def declare(self, name):
        return f"{self.name}{name}"

    def value(self, rng, inputs, label):
        kind = rng.randrange(4)
        if kind == 0:
            return Value("0", {"is": "pointer", "address": 0, "to": None})
        if kind == 1:
            number = rng.choice([1, 0x4000, 0xdead000000000000, 0xffffffffffffffff])
            return Value(f"(void *){number:#x}UL", {"is": "pointer", "address": number, "to": None})
        target = f"{label}_to"
        inputs.define(f"long {target}", "7")
        inputs.note(target, f"&{target}")
        return Value(f"&{target}", {"is": "pointer", "address": target, "to": None})


class String(Type):
    """A char *."""

    scalar = True
    size = 8
    texts = [
        b"", b"a", b"hello", b"The quick brown fox", b"tab\tnewline\nquote\"backslash\\", b"x" * 63, b"y" * 64, b"z" * 65,
        b"0123456789" * 30, "h\u00e9llo w\u00f6rld".encode(), "\u6f22\u5b57".encode(), "\U0001f600 smile".encode(),
        b"\xff\xfe", b"mixed \xc3\xa9 and \xc3( bad", b"\x80", b"a\\b\xffc", ("\u00e9" * 40).encode(), b"\x01\x02\x1f\x7f",
        b"%s %d \\x41",
    ]

    def __init__(self, const=True):
        self.const = const
        self.name = "const char *" if const else "char *"

    def declare(self, name):
        return f"{self.name}{name}"

    def value(self, rng, inputs, label):
        kind = rng.randrange(10)
        if kind == 0:
            return Value("0", {"is": "pointer", "address": 0, "to": None})
        if kind == 1:
            number = rng.choice([1, 0x4000, 0xdead000000000000, 0xffffffffffffffff, 0x7ffffffff000])
            return Value(f"({self.name}){number:#x}UL",
                         {"is": "string", "address": number, "bytes": "", "readable": False})
        text = rng.choice(self.texts) if rng.randrange(2) else \
            bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyz 0123456789") for _ in range(rng.randrange(80)))
        target = f"{label}_text"
        expect = {"is": "string", "address": target, "bytes": text.decode("latin-1"), "readable": True}
        if kind == 2 and label in inputs.late:
            # Its NUL is the last byte that can be read.
            inputs.setup.append(f"{label} = at_the_end_of_a_page({c_string(text)}, {len(text) + 1});")
            inputs.note(target, label)
            return Value("0", expect)
        inputs.definitions.append(f"char {target}[{len(text) + 1}] = {c_string(text)};")
        inputs.declarations.append(f"extern char {target}[{len(text) + 1}];")
        inputs.note(target, target)
        return Value(target, expect)

    def uses(self, expression):
        return address_use(expression)


def c_string(text):
    """A string literal; every odd byte in octal, so that nothing runs into what follows."""
    out = "".join(chr(byte) if 32 <= byte < 127 and chr(byte) not in "\"\\?" else f"\\{byte:03o}" for byte in text)
    return f'"{out}"'


class FunctionPointer(Type):
    scalar = True
    callees = ["callee_0", "callee_1", "callee_2"]

    def declare(self, name):
        return f"int (*{name})(int)"

    def value(self, rng, inputs, label):
        if rng.randrange(6) == 0:
            return Value("0", {"is": "pointer", "address": 0, "to": None})
        callee = rng.choice(self.callees)
        return Value(callee, {"is": "function", "address": callee, "name": callee})

    def uses(self, expression):
        return [("i", f"({expression} ? {expression}(3) : 0)")]


# --- aggregates ---------------------------------------------------------------


class Array(Type):
    """Only inside structs and behind pointers."""

    def __init__(self, of, count):
        self.of = of
        self.count = count
        self.cpp_only, self.c_only, self.trivial = of.cpp_only, of.c_only, of.trivial

    @property
    def size(self):
        return self.of.size * self.count

    def declare(self, name):
        return self.of.declare(f"{name}[{self.count}]")

    def value(self, rng, inputs, label):
        values = [self.of.value(rng, inputs, f"{label}_m{i}") for i in range(self.count)]
        return Value("{" + ", ".join(value.init for value in values) + "}",
                     {"is": "array", "elements": [value.expect for value in values]})

    def uses(self, expression):
        return [use for i in range(self.count) for use in self.of.uses(f"{expression}[{i}]")]

    def from_bytes(self, data):
        return {"is": "array", "elements": [self.of.from_bytes(data[i * self.of.size:(i + 1) * self.of.size])
                                            for i in range(self.count)]}


class Chars(Type):
    """An array of char in a struct."""

    def __init__(self, count):
        self.count = count
        self.size = count

    def declare(self, name):
        return f"char {name}[{self.count}]"

    def value(self, rng, inputs, label):
        # One byte short: C++ wants room for the NUL.
        text = rng.choice([b"", b"abc", b"a longer text than fits in there", "\u00e9\u00e8".encode(),
                           b"q\xffz"])[:self.count - 1]
        return Value(c_string(text), {"is": "chars", "bytes": text.decode("latin-1")})

    def uses(self, expression):
        return [("i", f"{expression}[{i}]") for i in range(self.count)]


class Struct(Type):
    """Members are (name, type, bits or None); an anonymous one has the name ""."""

    cpp = False

    def __init__(self, tag, members, attributes="", kind="struct", anonymous=False):
        self.tag = tag
        self.members = members
        self.attributes = attributes
        self.kind = kind
        self.anonymous = anonymous
        types = [of for _, of, _ in members]
        self.cpp_only = any(of.cpp_only for of in types)
        self.c_only = any(of.c_only for of in types)
        self.trivial = all(of.trivial for of in types)
        self.packed = "packed" in attributes

    @property
    def name(self):
        return self.tag if self.cpp else f"{self.kind} {self.tag}"

    def body(self):
        lines = []
        for name, of, bits in self.members:
            if isinstance(of, Struct) and of.anonymous:
                lines.append(f"{of.kind} {{ {of.body()} }} {name};".replace(" ;", ";"))
            elif bits is not None:
                lines.append(f"{of.declare(name)} : {bits};")
            else:
                lines.append(f"{of.declare(name)};")
        return " ".join(lines)

    def definition(self):
        attributes = f" __attribute__(({self.attributes}))" if self.attributes else ""
        return f"{self.kind}{attributes} {self.tag} {{ {self.body()} }};"

    def value(self, rng, inputs, label):
        inits, expects = [], []
        for i, (name, of, bits) in enumerate(self.members):
            if bits is not None and name == "":
                continue
            if bits is not None:
                base = plain(of)
                if isinstance(base, Int):
                    value = of.exactly(Int("", bits, base.signed).wrap(rng.getrandbits(bits)))
                    value.init = str(value.number)
                elif isinstance(base, Enum):
                    value = base.exactly(rng.choice([n for _, n in base.names if 0 <= n < 1 << (bits - 1)]))
                else:
                    value = of.value(rng, inputs, label)
            else:
                value = of.value(rng, inputs, f"{label}_m{i}")
            inits.append(value.init)
            expects.append([name, value.expect])
        return Value("{" + ", ".join(inits) + "}", {"is": "struct", "members": expects})

    def uses(self, expression):
        found = []
        for name, of, bits in self.members:
            if name == "" and not (isinstance(of, Struct) and of.anonymous):
                continue
            inner = f"{expression}.{name}" if name else expression
            found += of.uses(inner)
        return found


class Union(Struct):
    """All members have one size, so that each is known from the first one's bytes."""

    def __init__(self, tag, members, anonymous=False):
        super().__init__(tag, members, kind="union", anonymous=anonymous)

    def value(self, rng, inputs, label):
        name, first, _ = self.members[0]
        value = first.value(rng, inputs, label)
        data = (value.number & ((1 << first.size * 8) - 1)).to_bytes(first.size, "little")
        return Value("{" + value.init + "}",
                     {"is": "union", "members": [[name, of.from_bytes(data)] for name, of, _ in self.members]})

    def uses(self, expression):
        name, first, _ = self.members[0]
        return first.uses(f"{expression}.{name}" if name else expression)


class Derived(Struct):
    """A base, and nothing else."""

    def __init__(self, tag, base):
        super().__init__(tag, [])
        self.base = base
        self.cpp_only = True

    def definition(self):
        return f"struct {self.tag} : {self.base.name} {{ }};"

    def value(self, rng, inputs, label):
        value = self.base.value(rng, inputs, label)
        return Value(f"{{{value.init}}}", {"is": "struct", "members": [[self.base.tag, value.expect]]})

    def uses(self, expression):
        return self.base.uses(expression)


# --- C++ ----------------------------------------------------------------------


class CppType(Type):
    cpp_only = True
    trivial = False


class StdString(CppType):
    name = "std::string"
    texts = [text for text in String.texts] + [b"exactly fifteen", b"sixteen letters!", b"with\0a NUL"]

    def value(self, rng, inputs, label):
        text = rng.choice(self.texts)
        return Value(f"std::string({c_string(text)}, {len(text)})", {"is": "text", "bytes": text.decode("latin-1")})

    def uses(self, expression):
        return [("i", f"{expression}.size()")]


class StringView(StdString):
    name = "std::string_view"

    def value(self, rng, inputs, label):
        text = rng.choice(self.texts)
        return Value(f"std::string_view({c_string(text)}, {len(text)})",
                     {"is": "text", "bytes": text.decode("latin-1")})

    def uses(self, expression):
        return [("i", f"{expression}.size()"), ("i", f"(unsigned long)(uintptr_t){expression}.data()")]


class Vector(CppType):
    def __init__(self, of):
        self.of = of
        self.name = f"std::vector<{of.name}>"

    def value(self, rng, inputs, label):
        count = rng.choice([0, 1, 2, 3, 5, 20])
        values = [self.of.value(rng, inputs, f"{label}_m{i}") for i in range(count)]
        tag = "" if self.of.scalar or isinstance(self.of, CppType) else self.of.name
        return Value("{" + ", ".join(tag + value.init for value in values) + "}",
                     {"is": "vector", "elements": [value.expect for value in values]})

    def uses(self, expression):
        return [("i", f"{expression}.size()")]


class Tuple(CppType):
    def __init__(self, types):
        self.types = types
        self.name = f"std::tuple<{', '.join(of.name for of in types)}>"

    def value(self, rng, inputs, label):
        values = [of.value(rng, inputs, f"{label}_m{i}") for i, of in enumerate(self.types)]
        inits = [value.init if of.scalar or isinstance(of, CppType) else of.name + value.init
                 for of, value in zip(self.types, values)]
        return Value(f"{self.name}({', '.join(inits)})",
                     {"is": "array", "elements": [value.expect for value in values]})

    def uses(self, expression):
        return [use for i, of in enumerate(self.types) for use in of.uses(f"std::get<{i}>({expression})")]


class Smart(CppType):
    """unique_ptr and shared_ptr."""

    def __init__(self, kind, to):
        self.kind = kind
        self.to = to
        self.name = f"std::{kind}_ptr<{to.name}>"
        self.simple = kind == "shared"

    def value(self, rng, inputs, label):
        if rng.randrange(6) == 0:
            return Value("{}", {"is": "smart", "address": 0, "to": None})
        to = self.to.value(rng, inputs, f"{label}_to")
        inputs.note(f"{label}_to", f"{inputs.lvalue(label)}.get()")
        return Value(f"std::make_{self.kind}<{self.to.name}>({self.to.name}({to.init}))" if self.to.scalar else
                     f"std::make_{self.kind}<{self.to.name}>({self.to.name}{to.init})",
                     {"is": "smart", "address": f"{label}_to", "to": to.expect})

    def uses(self, expression):
        return [("i", f"(unsigned long)(uintptr_t){expression}.get()")]

    def pass_on(self, expression):
        return f"std::move({expression})" if self.kind == "unique" else expression


class Reference(CppType):
    """`kind`: "&", "const &", "&&"."""

    def __init__(self, to, kind):
        self.to = to
        self.kind = kind
        self.simple = kind != "&&"

    def declare(self, name):
        base = self.to.declare(f"{self.kind.split()[-1]}{name}")
        return f"const {base}" if self.kind.startswith("const") else base

    def value(self, rng, inputs, label):
        to = self.to.value(rng, inputs, label)
        inputs.note(label, f"&{inputs.lvalue(label)}")
        return Value(to.init, {"is": "reference", "address": label, "to": to.expect})

    def uses(self, expression):
        return self.to.uses(expression)

    def pass_on(self, expression):
        return f"std::move({expression})" if self.kind == "&&" else expression

    def holder(self):
        """The type of the object that the argument refers to."""
        return self.to


# --- the pool of a unit -------------------------------------------------------

BASE_INTS = [
    ("signed char", 8, True), ("unsigned char", 8, False), ("short", 16, True), ("unsigned short", 16, False),
    ("int", 32, True), ("int", 32, True), ("unsigned int", 32, False), ("long", 64, True), ("unsigned long", 64, False),
    ("long long", 64, True), ("unsigned long long", 64, False), ("__int128", 128, True),
    ("unsigned __int128", 128, False), ("int8_t", 8, True), ("uint8_t", 8, False), ("int16_t", 16, True),
    ("uint32_t", 32, False), ("int64_t", 64, True), ("uint64_t", 64, False), ("size_t", 64, False),
]


class Pool:
    """The types of one unit: those of the language, and structs and enums of its own."""

    def __init__(self, rng, prefix, cpp):
        self.rng = rng
        self.prefix = prefix
        self.cpp = cpp
        self.definitions = []
        self.ints = [Int(*row) for row in BASE_INTS]
        self.chars = [Char(), Char("wchar_t", 32, True, True)]
        if cpp:
            self.chars += [Char("char16_t", 16, False, True), Char("char32_t", 32, False, True)]
        self.bool = Bool(cpp)
        self.floats = [Float("float"), Float("double"), Float("double"), Float("long double")]
        self.complexes = [] if cpp else [Complex(Float(name)) for name in ("float", "double", "long double")]
        self.enums = self.make_enums()
        self.typedefs = [self.defined(Typedef(f"{prefix}_{name}_t", of)) for name, of in
                         (("count", Int("unsigned short", 16, False)), ("real", Float("float")),
                          ("wide", Int("long", 64, True)), ("text", String()))]
        self.structs = [self.struct(i) for i in range(rng.randrange(12, 18))]
        self.structs += [self.special(kind) for kind in
                         ("pair", "mixed", "floats", "big", "packed", "aligned", "bits", "nested", "arrays", "text",
                          "anonymous", "union", "union_struct", "doubles", "one", "longs", "long_double", "empty_tail",
                          "names")]
        if cpp:
            # Of one byte, and of more.
            one = self.struct_of([("m0", Int("unsigned char", 8, False), None)])
            for base in (one, self.structs[0]):
                for _ in range(2):
                    base = self.defined(Derived(f"{prefix}_s{len(self.definitions)}", base))
                self.structs.append(base)

    def defined(self, of):
        if isinstance(of, (Struct, Enum)):
            of.cpp = self.cpp
        self.definitions.append(of.definition())
        return of

    def make_enums(self):
        prefix, rng = self.prefix, self.rng
        found = [
            self.defined(Enum(f"{prefix}_level", [(f"{prefix}_low", -3), (f"{prefix}_none", 0), (f"{prefix}_high", 7),
                                                  (f"{prefix}_top", 100000)])),
            self.defined(Enum(f"{prefix}_flags", [(f"{prefix}_flag{i}", 1 << i) for i in range(5)], flags=True)),
            self.defined(Enum(f"{prefix}_mode", [(f"{prefix}_r", 1), (f"{prefix}_w", 2), (f"{prefix}_rw", 3),
                                                 (f"{prefix}_x", 4), (f"{prefix}_sticky", 16)], flags=True)),
            self.defined(Enum(f"{prefix}_color", [(f"{prefix}_{name}", i) for i, name in
                                                  enumerate(("red", "green", "blue"))])),
        ]
        if self.cpp:
            found += [
                self.defined(Enum(f"{prefix}_tiny", [("off", 0), ("on", 1), ("stuck", 255)], scoped_over="unsigned char")),
                self.defined(Enum(f"{prefix}_short", [("down", -30000), ("even", 0), ("up", 30000)], scoped_over="short")),
                self.defined(Enum(f"{prefix}_wide", [("far", -(1 << 40)), ("near", 1), ("away", 1 << 60)],
                                  scoped_over="long")),
            ]
        return found

    def scalar(self, rng=None):
        """Any scalar type."""
        rng = rng or self.rng
        kind = rng.randrange(20)
        if kind < 8:
            return rng.choice(self.ints)
        if kind < 9:
            return rng.choice(self.chars)
        if kind < 10:
            return self.bool
        if kind < 14:
            return rng.choice(self.floats)
        if kind < 15 and self.complexes:
            return rng.choice(self.complexes)
        if kind < 17:
            return rng.choice(self.enums)
        if kind < 18:
            return rng.choice(self.typedefs)
        if kind < 19:
            return Pointer(rng.choice(self.ints + self.floats))
        return String(rng.randrange(2))

    def member(self, depth):
        rng = self.rng
        kind = rng.randrange(10)
        if kind < 7:
            return self.scalar()
        if kind == 7:
            return Array(rng.choice(self.ints + self.floats), rng.randrange(1, 5))
        if kind == 8:
            return Chars(rng.choice([4, 8, 13]))
        if depth == 0:
            return self.struct_of([(f"n{i}", self.scalar(), None) for i in range(2)])
        return VoidPointer()

    def struct_of(self, members, attributes=""):
        tag = f"{self.prefix}_s{len(self.definitions)}"
        return self.defined(Struct(tag, members, attributes))

    def struct(self, index):
        members = [(f"m{i}", self.member(0), None) for i in range(self.rng.randrange(1, 7))]
        return self.struct_of(members)

    def special(self, kind):
        rng = self.rng
        small = [of for of in self.ints if of.bits <= 32]
        if kind == "pair":
            return self.struct_of([("m0", rng.choice(small), None), ("m1", rng.choice(small), None)])
        if kind == "mixed":
            order = [Int("int", 32, True), Float("double")]
            rng.shuffle(order)
            return self.struct_of([(f"m{i}", of, None) for i, of in enumerate(order)])
        if kind == "floats":
            return self.struct_of([(f"m{i}", Float("float"), None) for i in range(rng.choice([2, 3, 4]))])
        if kind == "doubles":
            return self.struct_of([(f"m{i}", Float("double"), None) for i in range(2)])
        if kind == "one":
            return self.struct_of([("m0", rng.choice([Int("long", 64, True), Float("double"), Float("float"),
                                                      Int("unsigned char", 8, False)]), None)])
        if kind == "longs":
            return self.struct_of([("m0", Int("long", 64, True), None), ("m1", Pointer(Int("int", 32, True)), None)])
        if kind == "long_double":
            return self.struct_of([("m0", Float("long double"), None), ("m1", Int("int", 32, True), None)])
        if kind == "big":
            return self.struct_of([(f"m{i}", self.scalar(), None) for i in range(9)])
        if kind == "packed":
            ints = [of for of in self.ints if of.bits <= 64]
            return self.struct_of([("m0", Int("signed char", 8, True), None),
                                   ("m1", rng.choice(ints), None), ("m2", rng.choice(ints), None),
                                   ("m3", Float("double"), None)], "packed")
        if kind == "aligned":
            return self.struct_of([("m0", self.scalar(), None), ("m1", self.scalar(), None)], "aligned(32)")
        if kind == "bits":
            return self.struct_of([("m0", Int("unsigned int", 32, False), 3), ("m1", Int("int", 32, True), 7),
                                   ("", Int("unsigned int", 32, False), 5), ("m2", self.bool, 1),
                                   ("m3", Int("unsigned long", 64, False), rng.choice([33, 40, 47])),
                                   ("", Int("int", 32, True), 0), ("m4", Int("int", 32, True), rng.choice([2, 19])),
                                   ("m5", Int("unsigned char", 8, False), 6), ("m6", self.enums[3], 4),
                                   ("m7", Int("short", 16, True), None)])
        if kind == "nested":
            inner = self.struct_of([("n0", rng.choice(self.ints), None), ("n1", rng.choice(self.floats), None)])
            return self.struct_of([("m0", inner, None), ("m1", Array(inner, 2), None), ("m2", self.scalar(), None)])
        if kind == "arrays":
            return self.struct_of([("m0", Array(rng.choice(self.ints), 3), None),
                                   ("m1", Array(Array(Int("short", 16, True), 2), 2), None),
                                   ("m2", Array(Float("float"), 2), None)])
        if kind == "text":
            return self.struct_of([("m0", Chars(rng.choice([6, 16])), None), ("m1", String(), None),
                                   ("m2", Int("int", 32, True), None)])
        if kind == "names":
            row = self.struct_of([("n0", String(), None), ("n1", Int("int", 32, True), None)])
            return self.struct_of([("m0", Array(String(), 3), None), ("m1", Array(row, 2), None)])
        if kind == "empty_tail":
            return self.struct_of([("m0", Int("short", 16, True), None), ("m1", Int("signed char", 8, True), None)])
        if kind == "anonymous":
            union = Union("", [("u0", Int("unsigned int", 32, False), None), ("u1", Float("float"), None)], anonymous=True)
            inner = Struct("", [("a0", Int("short", 16, True), None), ("a1", self.bool, None)], anonymous=True)
            return self.struct_of([("m0", Int("int", 32, True), None), ("", union, None),
                                   ("m1" if self.cpp else "", inner, None)])
        tag = f"{self.prefix}_s{len(self.definitions)}"
        if kind == "union":
            return self.defined(Union(tag, [("u0", Int("unsigned int", 32, False), None), ("u1", Float("float"), None),
                                            ("u2", Array(Int("unsigned char", 8, False), 4), None)]))
        return self.defined(Union(tag, [("u0", Int("unsigned long", 64, False), None), ("u1", Float("double"), None),
                                        ("u2", Array(Int("short", 16, True), 4), None)]))

    def parameter(self, rng):
        """Any type a parameter can have."""
        kind = rng.randrange(100)
        if self.cpp and kind < 30:
            return self.cpp_parameter(rng)
        if kind < 62:
            return self.scalar(rng)
        if kind < 74:
            return rng.choice(self.structs)
        if kind < 80:
            return Pointer(rng.choice(self.structs), const=rng.randrange(2), always=rng.randrange(2))
        if kind < 84:
            to = self.scalar(rng)
            # A char * is a string.
            return String(rng.randrange(2)) if isinstance(to, Char) and to.size == 1 else \
                Pointer(to, const=rng.randrange(2))
        if kind < 86:
            return PointerToArray(rng.choice(self.ints + self.floats), rng.randrange(1, 6))
        if kind < 88:
            return VoidPointer(rng.randrange(2))
        if kind < 90:
            return FunctionPointer()
        if kind < 91:
            return Pointer(Pointer(Int("int", 32, True)))
        return String(rng.randrange(2))

    def cpp_parameter(self, rng):
        kind = rng.randrange(10)
        plain_structs = [of for of in self.structs if not of.packed]
        if kind < 2:
            return Reference(rng.choice(self.ints + self.floats + self.enums + plain_structs),
                             rng.choice(["&", "const &", "&&"]))
        if kind < 5:
            return rng.choice([StdString(), StringView(), Reference(StdString(), "const &"), Reference(StdString(), "&&"),
                               Pointer(StdString()), Reference(StringView(), "const &")])
        if kind < 7:
            if rng.randrange(3) == 0:
                small = [Int("int", 32, True), Int("signed char", 8, True), Float("double"), StdString(),
                         rng.choice(self.enums), rng.choice(plain_structs)]
                of = Tuple([rng.choice(small) for _ in range(rng.randrange(1, 5))])
                return rng.choice([of, Reference(of, "const &")])
            vector = Vector(rng.choice([Int("int", 32, True), Float("double"), rng.choice(plain_structs), StdString(),
                                        String()]))
            return rng.choice([vector, Reference(vector, "const &"), Reference(vector, "&")])
        to = rng.choice([Int("int", 32, True), Float("double"), rng.choice(plain_structs)])
        smart = Smart(rng.choice(["unique", "shared"]), to)
        return rng.choice([smart, smart, Reference(smart, "const &")])

    def result(self, rng):
        """Any type a function can return; None is void."""
        kind = rng.randrange(100)
        if kind < 12:
            return None
        if self.cpp and kind < 30:
            plain_structs = [of for of in self.structs if not of.packed]
            return rng.choice([StdString(), StringView(), Vector(Int("int", 32, True)), Vector(rng.choice(plain_structs)),
                               Vector(StdString()), Tuple([Int("int", 32, True), Int("signed char", 8, True)]),
                               Tuple([Float("double"), StdString(), rng.choice(self.enums)]),
                               Smart("unique", Int("int", 32, True)), Smart("shared", rng.choice(plain_structs)),
                               Reference(rng.choice(plain_structs + self.ints), "const &")])
        if kind < 60:
            return self.scalar(rng)
        if kind < 80:
            return rng.choice(self.structs)
        if kind < 86:
            return Pointer(rng.choice(self.structs), const=rng.randrange(2))
        if kind < 88:
            return VoidPointer()
        if kind < 90:
            return FunctionPointer()
        return String(rng.randrange(2))
