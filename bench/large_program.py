#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Make a program with a lot of debug information: bench/large_program.py DIR [MIB]

Leaves DIR/large, instrumented, with about MIB (100) MiB in its .debug sections,
where there is none yet. It is one file's object many times over, for compiling
as many different ones would take a quarter of an hour. It calls a few of its
functions and ends.
"""

import os
import subprocess
import sys

FUNCTIONS = 2500
FLAGS = ["gcc", "-O2", "-g", "-w", "-finstrument-functions"]


def source():
    lines = ["struct point { int x, y; double weight; const char *label; };"]
    for i in range(FUNCTIONS):
        record = i - i % 5
        if i == record:
            lines.append(f"struct record_{i} {{ struct record_{i} *next; struct point at; "
                         f"unsigned flags_{i % 97} : 3, kind : 5; long counts[{i % 7 + 1}]; "
                         f"const char *name; enum {{ RED_{i}, GREEN_{i} }} color; }};")
        lines.append(f"""
static __attribute__((used)) long work_{i}(struct record_{record} *record, const char *text,
	int count, double factor, struct point *points)
{{
	long total_{i % 53} = count;
	for (int i = 0; i < count; i++) {{
		struct point *point = &points[i];
		total_{i % 53} += point->x * record->counts[0] + (long)(factor * point->weight);
		if (record->color == GREEN_{record} && text)
			total_{i % 53} -= text[0];
	}}
	return total_{i % 53};
}}""")
    lines.append("""
long start(int count)
{
	static struct record_0 record;
	struct point points[2] = {{1, 2, 3.5, "a"}, {4, 5, 6.5, "b"}};
	return work_0(&record, "text", count, 1.5, points);
}""")
    return "\n".join(lines) + "\n"


def debug_mib(path):
    """MiB in the .debug sections."""
    listing = subprocess.run(["readelf", "-SW", path], stdout=subprocess.PIPE, text=True,
                             check=True).stdout
    return sum(int(line.split("PROGBITS")[1].split()[2], 16) for line in listing.splitlines()
               if " .debug_" in line and "PROGBITS" in line) / 2**20


def make(folder, mib=100):
    """The program's path; builds it when it is not there."""
    program = os.path.join(folder, "large")
    if os.path.exists(program):
        return program
    os.makedirs(folder, exist_ok=True)
    one = os.path.join(folder, "part.c")
    with open(one, "w", encoding="ascii") as file:
        file.write(source())
    subprocess.run([*FLAGS, "-c", "-o", one[:-1] + "o", one], check=True)
    count = max(1, round(mib / debug_mib(one[:-1] + "o")))
    objects = []
    for number in range(count):
        objects.append(os.path.join(folder, f"part{number}.o"))
        subprocess.run(["objcopy", "--redefine-sym", f"start=start_{number}", one[:-1] + "o",
                        objects[-1]], check=True)
    main_file = os.path.join(folder, "main.c")
    with open(main_file, "w", encoding="ascii") as file:
        file.write("".join(f"long start_{n}(int count);\n" for n in range(count)))
        file.write("int main(void)\n{\n\tlong sum = 0;\n")
        file.write("".join(f"\tsum += start_{n}(2);\n" for n in range(0, count, 10)))
        file.write("\treturn sum == 0;\n}\n")
    subprocess.run([*FLAGS, "-o", program, main_file, *objects], check=True)
    for path in objects:
        os.unlink(path)
    return program


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__, file=sys.stderr)
        return 2
    program = make(sys.argv[1], float(sys.argv[2]) if len(sys.argv) == 3 else 100)
    print(f"{program}: {debug_mib(program):.1f} MiB of debug information")
    return 0


if __name__ == "__main__":
    sys.exit(main())
