#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Runs every test, after installing what they need. The last line is
# "N passed, N failed"; the exit status is 0 when nothing failed.

set -uo pipefail
cd "$(dirname "$0")" || exit 1

usage()
{
	cat <<END
usage: ./test.sh [--quick] [--only STAGE[,STAGE]...] [--no-install] [--list]

  --quick        the first stages alone: build with GCC, its tests, the format
  --only STAGES  these stages alone
  --no-install   do not install missing packages
  --list         name the stages

A stage is quiet unless something fails. All of its output is in
build/logs/STAGE.log. Each fuzz target is run FUZZ_RUNS times (default 10000),
the same way each time; FUZZ_SECONDS=N searches on for so long instead, and keeps
what it finds in build/fuzz/found; FUZZ_SEED=N (default 1; 0 is another each time)
sets where it goes.
END
}

# name | what it does. In this order, which puts first what fails most often.
stages='
deps    | install missing packages
format  | clang-format has nothing to change
shell   | shellcheck has nothing to say
gcc     | build with GCC; unit, command, system and ABI tests, fuzz corpora
schema  | real documents and outputs are valid against their schemas (ajv, xmllint)
formats | exports are what protoc, pprof, babeltrace2, speedscope, browsers and others read
debugger | arguments in Lua, SQLite and JsonCpp are those that gdb shows
arguments | values in random functions are those they were called with
install | install, and build a program with pkg-config
clang   | build with Clang; the same tests
asan    | the tools with ASan and UBSan: unit and command tests, damaged traces, fuzz corpora
tsan    | the tools with TSan: unit and command tests
arm64   | cross build; its tests under qemu
fuzz    | each fuzz target, FUZZ_RUNS times
tidy    | clang-tidy has nothing to say
'
quick_stages='deps format shell gcc'
logs=$PWD/build/logs
jobs=$(nproc)

# --- counting ---------------------------------------------------------------

# Add up lines of "passed failed skipped".
sum_counts()
{
	cat "$@" 2>/dev/null |
		awk '{ for (i = 1; i <= 3; i++) n[i] += $i } END { print n[1] + 0, n[2] + 0, n[3] + 0 }'
}

# Add to the stage's results: passed, failed, skipped.
tally()
{
	echo "$1 $2 $3" >>"$logs/$stage.counts"
}

# One test that is a command: its exit status is the result, 77 means skipped.
check()
{
	local name=$1 status
	shift
	echo "--- $name: $*"
	"$@"
	status=$?
	case $status in
	0) tally 1 0 0 ;;
	77)
		echo "SKIPPED: $name"
		tally 0 0 1
		;;
	*)
		echo "FAILED: $name (exit status $status)"
		tally 0 1 0
		return 1
		;;
	esac
}

# Many tests behind one command, which says "N passed, N failed", perhaps more than once.
driver()
{
	local name=$1 status output passed failed skipped
	shift
	output=$logs/$stage.$name.out
	echo "--- $name: $*"
	"$@" >"$output" 2>&1
	status=$?
	cat "$output"
	read -r passed failed skipped < <(sed -nE \
		-e 's/^([0-9]+) passed, ([0-9]+) failed(, ([0-9]+) skipped)?$/\1 \2 \4/p' \
		-e 's/^([0-9]+) skipped$/0 0 \1/p' "$output" | sum_counts)
	rm "$output"
	if ((status == 77 && passed + failed + skipped == 0)); then
		skipped=1
	elif ((status != 0 && status != 77 && failed == 0)); then
		failed=1
	fi
	((failed == 0)) || echo "FAILED: $name (exit status $status)"
	tally "$passed" "$failed" "$skipped"
	((failed == 0))
}

# A build is no test, but one that fails is a failure, and ends its stage.
build()
{
	echo "--- $*"
	"$@" && return
	echo "FAILED: $*"
	tally 0 1 0
	return 1
}

# Configure and build a preset.
build_preset()
{
	build cmake --preset "$1" --log-level=WARNING && build cmake --build --preset "$1" -j "$jobs"
}

# The tests of a preset that was built; further arguments go to ctest.
# Address space randomisation is off under TSan: the one of GCC 12 and Clang 14
# does not start where the kernel randomises more bits than they knew of.
ctest_preset()
{
	local preset=$1 junit=$logs/$stage.junit.xml
	local -a wrap=()
	shift
	[[ $preset != tsan ]] || wrap=(setarch "$(uname -m)" -R)
	rm -f "$junit"
	"${wrap[@]}" ctest --preset "$preset" -j "$jobs" --no-tests=error --output-junit "$junit" \
		--test-output-size-passed 10000000 --test-output-size-failed 10000000 "$@"
	build scripts/count-tests.py "$junit" "$logs/$stage.counts"
}

# --- stages -----------------------------------------------------------------

stage_deps()
{
	build scripts/install-deps.sh build demo test
}

stage_format()
{
	check clang-format scripts/check-format.sh
}

stage_shell()
{
	local -a files
	mapfile -t files < <(git grep -lE '^#! ?/(usr/)?bin/(env )?(ba)?sh' -- ':!*.md')
	check shellcheck shellcheck -e SC1091 "${files[@]}"
}

stage_gcc()
{
	build_preset dev && ctest_preset dev
}

stage_clang()
{
	build_preset clang && ctest_preset clang
}

stage_asan()
{
	build_preset asan && ctest_preset asan -R '^(unit|cli|fuzz|damage)'
}

stage_tsan()
{
	build_preset tsan && ctest_preset tsan -R '^(unit|cli)'
}

stage_install()
{
	build cmake --preset release --log-level=WARNING && build cmake --build --preset release -j "$jobs" &&
		driver installed tests/install/run build/release
}

stage_schema()
{
	build_preset dev && driver schema tests/schema/run build/dev
	driver outputs tests/schema/outputs --build build/dev
}

stage_formats()
{
	build_preset dev && driver binary tests/export/binary/run --build build/dev
	driver text tests/export/text/run --build build/dev
}

stage_arguments()
{
	build_preset dev && driver showcase tests/arguments/showcase.py --build build/dev
	driver arguments tests/arguments/run --build build/dev --functions 120 --levels O0,O2 --jobs "$jobs"
	driver levels tests/arguments/run --build build/dev --functions 40 --levels O1,O3,Os \
		--frame-pointers without --work build/dev/tests/levels --jobs "$jobs"
}

stage_debugger()
{
	build_preset dev && driver debugger tests/debugger/run --build build/dev
}

stage_arm64()
{
	if ! command -v aarch64-linux-gnu-gcc >/dev/null || ! command -v qemu-aarch64 >/dev/null; then
		echo "SKIPPED: arm64, no aarch64-linux-gnu-gcc or no qemu-aarch64 here"
		tally 0 0 1
		return
	fi
	build_preset dev && build_preset arm64 || return
	driver abi tests/abi/check build/arm64/lib/libcalltrace.so
	# This machine's command converts; the driver looks for it in the build tree.
	mkdir -p build/arm64/bin
	ln -sf ../../dev/bin/calltrace build/arm64/bin/calltrace
	driver system tests/system/run --build build/arm64 --arm64 -j "$jobs"
}

# Each target on a copy of its corpus: what a run finds is not for the repository.
fuzz_target()
{
	local target=$1 name=${1##*/}
	local log=$logs/fuzz.$name.log
	local found=build/fuzz/found/$name how=-max_total_time=${FUZZ_SECONDS:-}
	if [[ ! ${FUZZ_SECONDS:-} ]]; then
		found=build/fuzz/found_now/$name how=-runs=${FUZZ_RUNS:-10000}
		rm -rf "$found"
	fi
	local -a corpora=("$found")
	mkdir -p "$found" build/fuzz/crashes
	[[ ! -d fuzz/corpus/${name#fuzz_} ]] || corpora+=("fuzz/corpus/${name#fuzz_}")
	"$target" -seed="${FUZZ_SEED:-1}" "$how" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="build/fuzz/crashes/$name-" "${corpora[@]}" >"$log" 2>&1 && return
	tail -n 40 "$log"
	return 1
}

stage_fuzz()
{
	build_preset fuzz || return
	local -a targets
	mapfile -t targets < <(find build/fuzz/bin -name 'fuzz_*' -type f -perm -u+x | sort)
	((${#targets[@]} > 0)) || build false "no fuzz target was built"
	local target
	for target in "${targets[@]}"; do
		while (($(jobs -rp | wc -l) >= jobs)); do wait -n; done
		check "$(basename "$target")" fuzz_target "$target" &
	done
	wait
}

stage_tidy()
{
	build_preset clang || return
	local -a files
	mapfile -t files < <(git ls-files 'src/*.c' 'src/*.cc' 'src/*.cpp')
	# The project's own checks are errors (.clang-tidy); one process takes a few files.
	check clang-tidy xargs -a <(printf '%s\n' "${files[@]}") -d '\n' -n 4 -P "$jobs" \
		clang-tidy --quiet -p build/clang
}

# --- running them -----------------------------------------------------------

stage_names()
{
	awk -F'|' 'NF > 1 { gsub(/ /, "", $1); print $1 }' <<<"$stages"
}

selected=$(stage_names)
no_install=''
while (($# > 0)); do
	case $1 in
	--quick) selected=$quick_stages ;;
	--only)
		selected=${2-}
		selected=${selected//,/ }
		for name in $selected; do
			stage_names | grep -qx -- "$name" || {
				echo "test.sh: no stage '$name'; ./test.sh --list names them" >&2
				exit 2
			}
		done
		shift
		;;
	--no-install) no_install=yes ;;
	--list)
		sed '/^$/d' <<<"$stages"
		exit
		;;
	-h | --help)
		usage
		exit
		;;
	*)
		usage >&2
		exit 2
		;;
	esac
	shift
done

mkdir -p "$logs"
rm -f "$logs"/*.counts
start=$SECONDS
counts=()
for stage in $selected; do
	[[ $stage != deps || -z $no_install ]] || continue
	stage_start=$SECONDS
	counts+=("$logs/$stage.counts")
	"stage_$stage" >"$logs/$stage.log" 2>&1 </dev/null
	read -r passed failed skipped < <(sum_counts "$logs/$stage.counts")
	if ((failed > 0)); then
		printf '\n----- %s failed; the end of build/logs/%s.log:\n' "$stage" "$stage"
		tail -n "${LOG_LINES:-100}" "$logs/$stage.log"
		printf -- '-----\n\n'
	fi
	printf '%-9s %5d passed %3d failed %3d skipped %5d s\n' "$stage" "$passed" "$failed" "$skipped" \
		$((SECONDS - stage_start))
	grep -h '^SKIPPED: ' "$logs/$stage.log" | sed 's/^/          /'
	[[ $stage != deps || $failed == 0 ]] || break
done

read -r passed failed skipped < <(sum_counts "${counts[@]}")
printf '%d s in all, %d skipped, logs in build/logs\n' $((SECONDS - start)) "$skipped"
echo "$passed passed, $failed failed"
((failed == 0 && passed > 0))
