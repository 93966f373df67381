#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Build real programs from Debian's (or Ubuntu's) source packages, each one
# twice: plain and with -finstrument-functions.
#
#   bench/real/build.sh [lua] [sqlite] [zstd] [jsoncpp]    default: the first three
#
# Leaves build/real/<name>/plain/<program> and build/real/<name>/instrumented/
# <program>. Asks for no root rights and changes nothing on the system: the
# source lists are fetched into a folder of our own, with the signatures checked
# as always. What is there already is not built again.
#
# Environment: CT_REAL_DIR (default build/real), CC (gcc), CXX (g++), CFLAGS (-O2 -g).
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
out=${CT_REAL_DIR:-$root/build/real}
cc=${CC:-gcc}
cflags=${CFLAGS:--O2 -g}
jobs=$(nproc 2>/dev/null || echo 1)

die()
{
	echo "build.sh: $*" >&2
	exit 1
}

# Write deb-src lines made from the deb lines of this system's own archive.
# Third-party archives are left out: many offer no sources, and apt would fail.
write_source_list()
{
	# shellcheck disable=SC1091
	codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
	suites="^(${codename:-stable}|stable|oldstable|testing|unstable|sid)(-|/|\$)"
	mkdir -p "$apt/parts"
	for list in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
		[ -r "$list" ] || continue
		awk -v suites="$suites" '
			$1 == "deb" {
				i = 2
				if ($2 ~ /^\[/)
					while (i < NF && $i !~ /\]$/)
						i++
				if ($2 ~ /^\[/)
					i++
				if ($(i + 1) ~ suites && $0 ~ / (main|universe)( |$)/) {
					sub(/^deb/, "deb-src")
					print
				}
			}' "$list"
	done >"$apt/parts/one-line.list"
	for list in /etc/apt/sources.list.d/*.sources; do
		[ -r "$list" ] || continue
		# One paragraph is one archive; an embedded key may hold lines of dots.
		awk -v suites="$suites" '
			function flush_paragraph() {
				if (wanted && usable && enabled)
					print text
				text = ""
				wanted = usable = 0
				enabled = 1
			}
			BEGIN { enabled = 1 }
			/^#/ { next }
			/^[ \t]*$/ { flush_paragraph(); next }
			tolower($1) == "suites:" { for (i = 2; i <= NF; i++) if ($i ~ suites) wanted = 1 }
			tolower($1) == "components:" && / (main|universe)( |$)/ { usable = 1 }
			tolower($1) == "enabled:" && tolower($2) ~ /^(no|false|off|0)$/ { enabled = 0 }
			tolower($1) == "types:" { text = text "Types: deb-src\n"; next }
			{ text = text $0 "\n" }
			END { flush_paragraph() }' "$list"
	done >"$apt/parts/deb822.sources"
	[ -s "$apt/parts/one-line.list" ] || rm "$apt/parts/one-line.list"
	[ -s "$apt/parts/deb822.sources" ] || rm "$apt/parts/deb822.sources"
	[ -n "$(ls "$apt/parts")" ] || die "no Debian or Ubuntu archive in /etc/apt to take sources from"
}

private_apt()
{
	apt-get -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt/parts" \
		-o Dir::State::lists="$apt/lists" -o Dir::Cache="$apt/cache" \
		-o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

# Unpack the source package $1 into $out/src/$1.
fetch()
{
	[ ! -d "$out/src/$1" ] || return 0
	command -v apt-get >/dev/null || die "needs apt-get (Debian or Ubuntu)"
	command -v dpkg-source >/dev/null || die "needs dpkg-source: apt-get install dpkg-dev"
	apt=$out/apt
	if [ ! -e "$apt/ready" ]; then
		rm -rf "$apt"
		mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
		write_source_list
		echo "build.sh: fetching the list of source packages"
		private_apt update >"$apt/log" 2>&1 || { cat "$apt/log" >&2; die "apt-get update failed"; }
		touch "$apt/ready"
	fi
	echo "build.sh: fetching the source of $1"
	rm -rf "$out/src/$1.part"
	mkdir -p "$out/src/$1.part"
	(cd "$out/src/$1.part" && private_apt source --only-source "$1" >"$apt/log" 2>&1) ||
		{ cat "$apt/log" >&2; die "apt-get source $1 failed"; }
	mv "$out/src/$1.part"/*/ "$out/src/$1"
	rm -rf "$out/src/$1.part"
}

# compile <name> <program> <flags for the compiler> <flags for the linker> <sources...>
# Both variants; object files side by side, as many compilers as there are cores.
compile()
{
	name=$1 program=$2 flags=$3 libraries=$4
	shift 4
	for variant in plain instrumented; do
		dir=$out/$name/$variant
		stamp="$cc $cflags $flags"
		[ "$variant" = plain ] || stamp="$stamp -finstrument-functions"
		[ ! -x "$dir/$program" ] || [ "$(cat "$dir/flags" 2>/dev/null)" != "$stamp" ] || continue
		echo "build.sh: $name, $variant"
		rm -rf "$dir"
		mkdir -p "$dir/obj"
		# The object's name is the path, so that two files of one name can be.
		# shellcheck disable=SC2016
		printf '%s\n' "$@" | xargs -P "$jobs" -I '{}' sh -c '
			object=$2/$(echo "$3" | tr / _).o
			exec $1 -c -w -o "$object" "$3"' sh "$stamp" "$dir/obj" '{}' 2>"$dir/log" ||
			{ head -n 20 "$dir/log" >&2; die "$name did not compile"; }
		# shellcheck disable=SC2086
		$cc $cflags -o "$dir/$program" "$dir"/obj/*.o $libraries
		rm -r "$dir/obj" "$dir/log"
		echo "$stamp" >"$dir/flags"
	done
}

build_lua()
{
	fetch lua5.4
	cd "$out/src/lua5.4/src"
	# Debian's patch wants this header, which its packaging makes.
	echo "#define DEB_HOST_MULTIARCH \"$($cc -print-multiarch)\"" >lua5.4-deb-multiarch.h
	# luac is a program of its own.
	# shellcheck disable=SC2046
	compile lua lua "-DLUA_COMPAT_5_3 -DLUA_USE_LINUX" "-Wl,-E -lm -ldl" \
		$(find . -maxdepth 1 -name '*.c' ! -name luac.c | sed 's,^\./,,' | sort)
}

# SQLite's source package holds the pieces; its own build joins them with Tcl.
# Where that is missing, it is unpacked beside us, not installed.
find_tclsh()
{
	tclsh=$(command -v tclsh || command -v tclsh8.6 || true)
	[ -z "$tclsh" ] || return 0
	tcl=$out/tcl
	if [ ! -x "$tcl/usr/bin/tclsh8.6" ]; then
		echo "build.sh: fetching Tcl for SQLite's build"
		mkdir -p "$tcl"
		(cd "$tcl" && apt-get -q download tcl8.6 libtcl8.6 >log 2>&1) ||
			{ cat "$tcl/log" >&2; die "SQLite's build needs Tcl: apt-get install tcl"; }
		for package in "$tcl"/*.deb; do
			dpkg-deb -x "$package" "$tcl"
		done
	fi
	tclsh=$tcl/usr/bin/tclsh8.6
	TCL_LIBRARY=$tcl/usr/share/tcltk/tcl8.6
	LD_LIBRARY_PATH=$(dirname "$(find "$tcl" -name 'libtcl8.6.so*' | head -n 1)")
	export TCL_LIBRARY
}

build_sqlite()
{
	fetch sqlite3
	cd "$out/src/sqlite3"
	if [ ! -e "$out/sqlite-amalgamation/shell.c" ]; then
		find_tclsh
		echo "build.sh: joining SQLite's sources"
		rm -rf "$out/sqlite-amalgamation"
		mkdir -p "$out/sqlite-amalgamation"
		(cd "$out/sqlite-amalgamation" &&
			LD_LIBRARY_PATH=${LD_LIBRARY_PATH:-}
			export LD_LIBRARY_PATH
			../src/sqlite3/configure --with-tclsh="$tclsh" --disable-tcl >log 2>&1 &&
			make sqlite3.c shell.c TCLSH_CMD="$tclsh" >>log 2>&1) ||
			{ tail -n 20 "$out/sqlite-amalgamation/log" >&2; die "joining SQLite's sources failed"; }
	fi
	cd "$out/sqlite-amalgamation"
	compile sqlite sqlite3 "-DSQLITE_THREADSAFE=1 -DSQLITE_ENABLE_FTS5 -DSQLITE_ENABLE_RTREE" \
		"-lm -ldl -lpthread" sqlite3.c shell.c
}

build_zstd()
{
	fetch libzstd
	cd "$out/src/libzstd"
	# shellcheck disable=SC2046
	compile zstd zstd "-DZSTD_MULTITHREAD -DZSTD_LEGACY_SUPPORT=0 -DXXH_NAMESPACE=ZSTD_" \
		"-lpthread" $(ls lib/common/*.c lib/compress/*.c lib/decompress/*.c \
			lib/decompress/*.S lib/dictBuilder/*.c programs/*.c)
}

build_jsoncpp()
{
	fetch libjsoncpp
	cd "$out/src/libjsoncpp"
	cc=${CXX:-g++}
	compile jsoncpp jsoncpp "-std=c++17 -Iinclude" "" \
		src/lib_json/*.cpp src/jsontestrunner/main.cpp
}

[ $# -gt 0 ] || set -- lua sqlite zstd
mkdir -p "$out/src"
for name; do
	case $name in
	lua | sqlite | zstd | jsoncpp) (build_"$name") ;;
	*) die "unknown program '$name'; there are lua, sqlite, zstd and jsoncpp" ;;
	esac
done
