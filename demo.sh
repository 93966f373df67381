#!/bin/bash
# SPDX-License-Identifier: MIT
#
# From nothing to a trace of a real program: installs what is missing, builds
# CallTrace, fetches Lua 5.4 from the distribution's source package, builds it
# with -finstrument-functions, traces it running a script and shows the result.
#
# usage: ./demo.sh

set -euo pipefail
cd "$(dirname "$0")"

work=build/demo
logs=build/logs
library=build/release/lib/libcalltrace.so
lua=build/real/lua/instrumented/lua
manual=build/real/src/lua5.4/doc/contents.html
trace=$work/trace.json
mkdir -p "$work" "$logs"

if [[ -t 1 ]]; then
	bold=$'\e[1m'
	plain=$'\e[0m'
else
	bold=''
	plain=''
fi

heading()
{
	printf '\n%s%s%s\n' "$bold" "$1" "$plain"
}

# quietly <log's name> <what it does> <command...>: show the log only if it fails.
quietly()
{
	local log=$logs/demo-$1.log start=$SECONDS
	printf '  %-62s' "$2"
	if "${@:3}" >"$log" 2>&1; then
		printf ' %4d s\n' $((SECONDS - start))
	else
		printf ' failed\n\n'
		tail -n 40 "$log"
		echo
		echo "demo.sh: '${*:3}' failed; all of its output is in $log" >&2
		exit 1
	fi
}

build_calltrace()
{
	cmake --preset release && cmake --build --preset release
}

heading 'Preparing'
quietly install 'what is missing, through apt-get' scripts/install-deps.sh build demo
quietly build 'CallTrace' build_calltrace
quietly lua 'Lua 5.4, its source package, with -O2 -finstrument-functions' bench/real/build.sh lua

heading 'Tracing Lua while it reads the index of its own manual'
cat <<END
  \$ CALLTRACE_OUTPUT=$trace \\
    LD_PRELOAD=$library \\
    $lua scripts/demo.lua \\
    $manual

END
rm -f "$work"/trace*.json
CALLTRACE_OUTPUT=$trace LD_PRELOAD=$library "$lua" scripts/demo.lua "$manual"

[[ -s $trace ]] || {
	echo "demo.sh: $trace was not written" >&2
	exit 1
}

heading 'What was recorded'
jq -r --arg file "$trace" --arg bytes "$(stat -c %s "$trace")" '
	"  \($file): \($bytes | tonumber / 1e6 | floor) MB\n" +
	"  \(.metadata.total_calls) calls in \(.metadata.duration_ns / 1e4 | floor / 100) ms, " +
	"\(.metadata.total_threads) thread, \(.metadata.lost_events) events lost, " +
	"deepest call at level \(.call_trees | map(.max_depth) | max)"' "$trace"

heading 'The functions with the most time of their own (.statistics)'
printf '  %9s %9s %9s  %s\n' calls 'self ms' 'total ms' function
jq -r '.statistics | sort_by(-.self_ns)[:8][] |
	[.calls, .self_ns / 1e6, .total_ns / 1e6, .function] | @tsv' "$trace" |
	awk -F'\t' '{ printf "  %9d %9.2f %9.2f  %.46s\n", $1, $2, $3, $4 }'

heading 'One call of the script: string.match, how it came about, and what it did'
jq -r '
	def seek($name):
		. as $call | if .function == $name then [$call]
		else .children[]? | seek($name) | [$call] + . end;
	[limit(3; .call_trees[] | select(.is_main_thread) | .root_calls[] | seek("str_match"))] | .[-1] |
	map(.function) | join(" > ")' "$trace" | fold -s -w 76 | sed 's/^/  /'
echo
jq -r '
	def seek($name): if .function == $name then . else .children[]? | seek($name) end;
	# Calls of one function in a row are one line.
	def runs: reduce .[] as $call ([];
		if length > 0 and .[-1][0].function == $call.function then .[-1] += [$call]
		else . + [[$call]] end);
	def show($level):
		(.[0] | [
			"  " * $level + .function,
			(.source_file // "?" | split("/") | last) + ":\(.line_number // "?")"
		]) + [length, (map(.duration_ns // 0) | add)] | @tsv;
	def tree($level):
		show($level),
		if $level < 4 then map(.children[]?) | runs[] | tree($level + 1) else empty end;
	[limit(3; .call_trees[] | select(.is_main_thread) | .root_calls[] | seek("str_match"))] |
	.[-1:] | tree(0)' "$trace" |
	awk -F'\t' 'NR <= 24 { printf "  %-44s %-15s x%-4d %7.2f us\n", $1, $2, $3, $4 / 1000 }'

heading 'Ask it something yourself'
cat <<END
  jq '.metadata' $trace
  jq -r '.call_trees[].root_calls[] | .. | select(.function?) | .function' \\
    $trace | sort | uniq -c | sort -nr | head -20
  jq '.call_trees[].root_calls[] | .. | select(.duration_ns? > 100000)
    | {function, duration_ns}' $trace

Your own program: compile it with -finstrument-functions, then

  CALLTRACE_OUTPUT=trace.json \\
    LD_PRELOAD=$PWD/$library \\
    ./program

docs/user-guide.md has the rest.
END
