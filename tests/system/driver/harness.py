# SPDX-License-Identifier: MIT
"""What a test works with: variants to compile for, a build cache, traced and untraced runs."""
import fnmatch
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading

from . import tree
from .document import Document

SYSTEM = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PROGRAMS = os.path.join(SYSTEM, "programs")

DRIVERS = {"gcc": ("gcc", "g++"), "clang": ("clang", "clang++")}
# For --arm64: programs for a machine that this one is not.
CROSS_DRIVERS = {"gcc": ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++")}
EMULATOR = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
ALL = ("gcc-O0", "gcc-O2", "clang-O0", "clang-O2")
ONE = ("gcc-O0",)
BOTH = ("gcc-O2", "clang-O2")
GCC = ("gcc-O0", "gcc-O2")


class Failure(Exception):
    pass


class Skip(Exception):
    pass


class Test:
    def __init__(self, name, function, variants, about, portable=False):
        self.name = name
        self.function = function
        self.variants = variants
        self.about = about
        self.portable = portable  # starts its programs with T.start(), so they can be emulated


REGISTRY = []


def test(variants=ALL):
    """Register a function as a test of each variant. Its name says the behaviour."""

    def register(function):
        about = (function.__doc__ or "").strip().split("\n")[0]
        REGISTRY.append(Test(function.__name__, function, tuple(variants), about))
        return function

    return register


class Context:
    """What is the same for all tests of one run of the driver."""

    def __init__(self, build, keep=False, arm64=False):
        self.build = os.path.abspath(build)
        self.drivers = CROSS_DRIVERS if arm64 else DRIVERS
        self.emulator = EMULATOR if arm64 else ()
        self.library = os.path.join(self.build, "lib", "libcalltrace.so")
        self.command = os.path.join(self.build, "bin", "calltrace")
        self.base = os.path.join(self.build, "tests", "system")
        self.keep = keep
        self.cache = os.path.join(self.base, "cache")
        self.work = os.path.join(self.base, "work")
        os.makedirs(self.cache, exist_ok=True)
        os.makedirs(self.work, exist_ok=True)
        self.locks = {}
        self.lock = threading.Lock()

    def lock_of(self, key):
        with self.lock:
            return self.locks.setdefault(key, threading.Lock())


class Result:
    """How a program ended and what it wrote."""

    def __init__(self, status, out, err):
        self.status = status  # as subprocess: -N is death by signal N
        self.out = out
        self.err = err

    @property
    def how(self):
        if self.status < 0:
            return f"killed by {signal.Signals(-self.status).name}"
        return f"exit status {self.status}"


def headers_digest():
    digest = hashlib.sha256()
    for name in sorted(os.listdir(PROGRAMS)):
        if name.endswith(".h"):
            with open(os.path.join(PROGRAMS, name), "rb") as file:
                digest.update(file.read())
    return digest.digest()


class T:
    """One test being run for one variant."""

    def __init__(self, context, name, variant):
        self.context = context
        self.name = name
        self.variant = variant
        self.compiler, self.opt = variant.split("-")[:2]
        self.dir = tempfile.mkdtemp(prefix=f"{name[:40]}-{variant}-", dir=context.work)
        self.out = os.path.join(self.dir, "out")  # documents, and nothing else, land here
        os.mkdir(self.out)
        self.runs = 0

    def cleanup(self):
        subprocess.run(["chmod", "-R", "u+rwX", self.dir], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.dir, ignore_errors=True)

    # Saying what is wrong

    def fail(self, text):
        raise Failure(text)

    def skip(self, reason):
        raise Skip(reason)

    def expect(self, condition, text):
        if not condition:
            raise Failure(text)

    def same(self, what, expected, actual):
        if expected != actual:
            raise Failure(f"{what}\n  expected: {show(expected)}\n  actual:   {show(actual)}")

    def need_root(self):
        if os.geteuid() != 0:
            self.skip("needs root")

    def need(self, *commands):
        for each in commands:
            if not shutil.which(each):
                self.skip(f"{each} is not installed")

    # Building programs

    def cc(self, plus=False):
        return self.context.drivers[self.compiler][1 if plus else 0]

    def build(
        self,
        sources,
        cflags=(),
        ldflags=(),
        shared=False,
        instrument=True,
        name=None,
        compiler=None,
        after=None,
    ):
        """Compile and link sources of programs/ (or full paths); cached. Returns the path of the file.

        A source may be (file, [flags]) to compile it with flags of its own. `after` is a list of
        commands run in the output's folder; "{}" stands for the file made.
        """
        if isinstance(sources, str):
            sources = [sources]
        sources = [(each, []) if isinstance(each, str) else each for each in sources]
        paths = [os.path.join(PROGRAMS, each) for each, _ in sources]
        plus = any(path.endswith(".cpp") for path in paths)
        pair = self.context.drivers[compiler or self.compiler]
        common = [f"-{self.opt}", "-g", "-Wall", "-Wextra", "-I", PROGRAMS, "-pthread"]
        if instrument:
            common.append("-finstrument-functions")
        if shared:
            common.append("-fPIC")
        common += cflags
        name = name or os.path.splitext(os.path.basename(paths[0]))[0] + (".so" if shared else "")
        digest = hashlib.sha256(
            repr((name, pair, common, sources, list(ldflags), shared, after)).encode()
            + headers_digest()
        )
        for path in paths:
            with open(path, "rb") as file:
                digest.update(file.read())
        home = os.path.join(self.context.cache, digest.hexdigest()[:20])
        target = os.path.join(home, name)
        with self.context.lock_of(home):
            if os.path.exists(target):
                return target
            stage = tempfile.mkdtemp(dir=self.context.cache)
            objects = []
            for number, (path, (_, flags)) in enumerate(zip(paths, sources)):
                objects.append(os.path.join(stage, f"{number}.o"))
                compiler_of = pair[1] if path.endswith(".cpp") else pair[0]
                self.tool([compiler_of, *common, *flags, "-c", path, "-o", objects[-1]])
            out = os.path.join(stage, name)
            link = [
                pair[1] if plus else pair[0],
                "-g",
                "-pthread",
                *(["-shared"] if shared else []),
                *objects,
                "-o",
                out,
                *ldflags,
            ]
            self.tool(link)
            for command in after or ():
                self.tool([word.replace("{}", name) for word in command], cwd=stage)
            for each in objects:
                os.unlink(each)
            try:
                os.rename(stage, home)
            except OSError:  # another run of the driver was first
                shutil.rmtree(stage)
        return target

    def tool(self, command, cwd=None):
        done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            self.fail(f"{' '.join(command)}\n{done.stdout.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    # Running programs

    def environment(self, traced, extra=None):
        env = {
            key: value
            for key, value in os.environ.items()
            if not key.startswith("CALLTRACE_") and key != "LD_PRELOAD"
        }
        if traced:
            env["LD_PRELOAD"] = self.context.library
            # Plans that another build of the command made would hide what this one makes.
            env["XDG_CACHE_HOME"] = os.path.join(self.dir, "plans")
            suffix = "ctrace" if self.context.emulator else "json"
            env["CALLTRACE_OUTPUT"] = os.path.join(self.out, f"trace.{suffix}")
        for key, value in (extra or {}).items():
            if value is None:
                env.pop(key, None)
            else:
                env[key] = value
        return env

    def start(self, command, traced=True, env=None, cwd=None, limits=(), **options):
        """Start a program in a fresh folder. `limits`: (resource, value) pairs."""
        if traced and not os.path.exists(self.context.library):
            self.skip(f"{self.context.library} is not built")
        if cwd is None:
            self.runs += 1
            cwd = os.path.join(self.dir, f"run{self.runs}")
            os.mkdir(cwd)

        def prepare():
            import resource

            # A driver in the background of a shell has these ignored; programs would inherit that.
            for number in (signal.SIGINT, signal.SIGQUIT):
                signal.signal(number, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            for what, value in limits:
                resource.setrlimit(what, (value, value))

        if isinstance(command, str):
            command = [command]
        environment = self.environment(traced, env)
        if self.context.emulator:
            # Preloaded into the program, not into the emulator.
            preload = environment.pop("LD_PRELOAD", None)
            emulator = [
                *self.context.emulator,
                *(["-E", f"LD_PRELOAD={preload}"] if preload else []),
            ]
            command = [*emulator, *command]
        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        return subprocess.Popen(
            command,
            env=environment,
            cwd=cwd,
            preexec_fn=prepare,
            start_new_session=True,
            **options,
        )

    def finish(self, process, timeout=60):
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            where = stacks_of(process.pid)
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            self.fail(
                f"does not end within {timeout} s; killed\n{where}\nstdout: {show(out)}\nstderr: {show(err)}"
            )
        return Result(process.returncode, out, err)

    def run(self, command, timeout=60, **options):
        return self.finish(self.start(command, **options), timeout)

    def compare(self, command, tree=None, env=None, lost=False, timeout=60, check=True, **options):
        """Run untraced and traced: both must behave the same. Returns the traced run's document.

        `tree`: the expected calls, in the notation of driver/tree.py.
        """
        untraced_env = {
            key: value for key, value in (env or {}).items() if not key.startswith("CALLTRACE_")
        }
        plain = self.run(command, traced=False, env=untraced_env, timeout=timeout, **options)
        traced = self.run(command, traced=True, env=env, timeout=timeout, **options)
        self.same_behaviour(plain, traced)
        self.plain = plain
        self.traced = traced
        if not check:
            return None
        document = self.document(lost=lost)
        if tree is not None:
            self.check_tree(document, tree)
        return document

    def same_behaviour(self, plain, traced):
        if (plain.status, plain.out, plain.err) != (traced.status, traced.out, traced.err):
            self.fail(
                "the traced program does not behave as the untraced one\n"
                f"  untraced: {plain.how}, stdout {show(plain.out)}, stderr {show(plain.err)}\n"
                f"  traced:   {traced.how}, stdout {show(traced.out)}, stderr {show(traced.err)}"
            )

    def document(self, name="trace.json", lost=False, alone=True):
        """The document of that name in the output folder, checked. `alone`: nothing else is there."""
        path = os.path.join(self.out, name)
        if self.context.emulator:
            self.convert(path)
        there = sorted(os.listdir(self.out))
        if not os.path.exists(path):
            err = getattr(getattr(self, "traced", None), "err", b"")
            self.fail(f"{name} was not written; the output folder has {there}; stderr: {show(err)}")
        if alone:
            self.same("files in the output folder", [name], there)
        document = self.load(path)
        problems = document.problems(lost_allowed=lost)
        if problems:
            self.fail(f"{name} is not right:\n  " + "\n  ".join(problems))
        return document

    def convert(self, path):
        """Make the document of an emulated program: qemu starts no process the way the library does."""
        raw = os.path.splitext(path)[0] + ".ctrace"
        if os.path.exists(raw):
            self.tool([self.context.command, "json", raw, "-o", path, "--remove-raw"])

    def load(self, path):
        try:
            return Document(path)
        except (ValueError, KeyError, UnicodeDecodeError, IndexError) as error:
            with open(path, "rb") as file:
                head = file.read(400)
            self.fail(
                f"{os.path.basename(path)} is not readable: {type(error).__name__}: {error}\nit begins: {show(head)}"
            )

    def documents(self, lost=False):
        """All documents in the output folder by name, each checked."""
        return {
            name: self.document(name, lost=lost, alone=False)
            for name in sorted(os.listdir(self.out))
        }

    def check_tree(self, document, text):
        report = tree.compare(text, document.forests(), self.variant)
        if report:
            self.fail(f"{os.path.basename(document.path)} has not the expected tree; {report}")

    def check_thread_times(self, document):
        """Every tree's calls lie within its thread's start and end."""
        for raw, roots in document.trees:
            for call in roots:
                self.expect(
                    raw["start_ns"] <= call.raw["start_ns"] <= raw["end_ns"],
                    f"{call.name} lies outside its thread's time",
                )


def stacks_of(pid):
    """Where the threads of a hanging program wait, as far as the kernel tells."""
    lines = []
    try:
        for tid in sorted(os.listdir(f"/proc/{pid}/task"))[:8]:
            with open(f"/proc/{pid}/task/{tid}/wchan") as wchan, open(
                f"/proc/{pid}/task/{tid}/stat"
            ) as stat:
                lines.append(
                    f"  thread {tid}: state {stat.read().rsplit(')', 1)[1].split()[0]}, waits in {wchan.read() or '?'}"
                )
    except OSError:
        pass
    return "\n".join(lines)


def show(value):
    """Bytes or anything else for a report, cut to a readable length."""
    if isinstance(value, bytes):
        text = value.decode("utf-8", errors="backslashreplace")
        if len(text) > 1500:
            text = text[:1500] + f"... ({len(text)} characters)"
        return (
            repr(text)
            if "\n" not in text.strip()
            else "\n    " + text.strip().replace("\n", "\n    ")
        )
    text = repr(value)
    return text if len(text) < 1500 else text[:1500] + "..."


# Tests written as files: programs/NAME.test

KEYS = {"about", "program", "args", "variants", "cflags", "ldflags", "env", "status", "lost"}


def load_file_tests():
    """Register programs/*.test. Head lines are "key: value"; after "tree:" comes the expected tree."""
    for file_name in sorted(fnmatch.filter(os.listdir(PROGRAMS), "*.test")):
        with open(os.path.join(PROGRAMS, file_name)) as file:
            head, _, text = file.read().partition("\ntree:\n")
        spec = {"name": file_name[: -len(".test")]}
        for line in head.splitlines():
            if not line.strip() or line.startswith("#"):
                continue
            key, _, value = line.partition(":")
            if key not in KEYS:
                raise ValueError(f"{file_name}: unknown key '{key}'")
            spec[key] = (spec[key] + " " if key in spec else "") + value.strip()
        spec["tree"] = text
        REGISTRY.append(
            Test(
                spec["name"],
                lambda t, spec=spec: run_file_test(t, spec),
                tuple(spec.get("variants", " ".join(ALL)).split()),
                spec.get("about", ""),
                portable=True,
            )
        )


def run_file_test(t, spec):
    sources = [part.split("+") for part in spec["program"].split()]  # file+flag+flag
    program = t.build(
        [(part[0], part[1:]) for part in sources],
        cflags=spec.get("cflags", "").split(),
        ldflags=spec.get("ldflags", "").split(),
    )
    env = dict(word.split("=", 1) for word in spec.get("env", "").split())
    t.compare(
        [program, *spec.get("args", "").split()],
        tree=spec["tree"],
        env=env,
        lost=spec.get("lost") == "allowed",
    )
    status = spec.get("status", "0")
    expected = -getattr(signal, status) if status.startswith("SIG") else int(status)
    t.same("exit status", expected, t.traced.status)
