#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Install what a build, the tests or the demo need and what is not there yet, on
# Debian and Ubuntu. Does nothing, and does it fast, when all is there.
#
# usage: scripts/install-deps.sh [--dry-run] [build|test|demo]...   (default: build)

set -euo pipefail

# One package a line. After it, where there is one: the command that will do as
# well, installed from wherever (a Node from elsewhere makes Debian's needless).
build_packages='
gcc              gcc
g++              g++
libc6-dev
cmake            cmake
ninja-build      ninja
pkg-config
libdw-dev
libelf-dev
libzydis-dev
zlib1g-dev
libzstd-dev
libxxhash-dev
'
demo_packages='
jq               jq
dpkg-dev         dpkg-source
make             make
python3          python3
ca-certificates
'
test_packages='
clang            clang
clang-format     clang-format
clang-tidy       clang-tidy
libcmocka-dev
nodejs           node
npm              npm
git              git
binutils         readelf
valgrind         valgrind
gdb              gdb
strace           strace
shellcheck       shellcheck
dwz              dwz
musl-tools       musl-gcc
libxml2-utils    xmllint
python3-junitparser
protobuf-compiler protoc
babeltrace2      babeltrace2
golang-go        go
golang-github-google-pprof-dev
zsh              zsh
fish             fish
meson            meson
autoconf         autoconf
chromium         chromium
fonts-dejavu-core
libdevel-nytprof-perl
kcachegrind      kcachegrind
xvfb             Xvfb
dbus-daemon      dbus-run-session
at-spi2-core
gir1.2-atspi-2.0
python3-gi
sqlite3          sqlite3
jq               jq
'
# Nice to have: a test that needs one of these is skipped, and says so, without it.
optional_test_packages='
uftrace          uftrace
libc++-dev
libc++abi-dev
'
# The cross compiler for arm64 is packaged for amd64 hosts.
arm64_test_packages='
gcc-aarch64-linux-gnu   aarch64-linux-gnu-gcc
g++-aarch64-linux-gnu   aarch64-linux-gnu-g++
libc6-dev-arm64-cross
qemu-user               qemu-aarch64
'

die()
{
	echo "install-deps: $*" >&2
	exit 1
}

is_installed()
{
	local status
	status=$(dpkg-query -W -f='${Status}' "$1" 2>/dev/null) && [[ $status == *' installed' ]]
}

# The packages of the list on standard input that are not there.
missing_of()
{
	local package command
	while read -r package command; do
		[[ -n $package ]] || continue
		[[ -n $command ]] && command -v "$command" >/dev/null && continue
		is_installed "$package" || echo "$package"
	done
}

# Clang's sanitizers and libFuzzer are a package of their own, named after its version.
missing_clang_runtime()
{
	local dir version
	command -v clang >/dev/null || return 0
	dir=$(clang -print-resource-dir)
	compgen -G "$dir/lib/*/libclang_rt.fuzzer*.a" >/dev/null && return 0
	version=$(clang -dumpversion)
	for package in "libclang-rt-${version%%.*}-dev" "libclang-common-${version%%.*}-dev"; do
		if apt-cache show "$package" >/dev/null 2>&1; then
			echo "$package"
			return 0
		fi
	done
}

apt_is_updated=''
apt_install()
{
	(($# > 0)) || return 0
	echo "install-deps: installing $*" >&2
	[[ -z $dry_run ]] || return 0
	local -a as_root=()
	if ((EUID != 0)); then
		command -v sudo >/dev/null ||
			die "not root and no sudo here; as root, run: apt-get update; apt-get install $*"
		as_root=(sudo)
	fi
	if [[ -z $apt_is_updated ]]; then
		"${as_root[@]}" apt-get -q update >&2 || die "apt-get update failed"
		apt_is_updated=yes
	fi
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		--no-install-recommends install "$@" >&2 ||
		die "apt-get install failed for: $*"
}

dry_run=''
if [[ ${1-} == --dry-run ]]; then
	dry_run=yes
	shift
fi
(($# > 0)) || set -- build

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
	die "neither Debian nor Ubuntu; install what the lists in $0 name by other means"
fi

wanted=''
optional=''
for group; do
	case $group in
	build) wanted+=$build_packages ;;
	demo) wanted+=$demo_packages ;;
	test)
		wanted+=$test_packages
		[[ $(dpkg --print-architecture) != amd64 ]] || wanted+=$arm64_test_packages
		optional+=$optional_test_packages
		;;
	*) die "no group '$group'; there are build, test and demo" ;;
	esac
done

mapfile -t missing < <(missing_of <<<"$wanted")
apt_install "${missing[@]}"

if [[ $optional ]]; then
	mapfile -t missing < <(missing_clang_runtime)
	apt_install "${missing[@]}"
	mapfile -t missing < <(missing_of <<<"$optional")
	for package in "${missing[@]}"; do
		(apt_install "$package") || echo "install-deps: going on without $package" >&2
	done
fi
