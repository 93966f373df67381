#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Say which C and C++ files of the repository clang-format would change.
# usage: scripts/check-format.sh [--fix]

set -euo pipefail
cd "$(dirname "$0")/.."

command -v clang-format >/dev/null || {
	echo "check-format: clang-format is missing; scripts/install-deps.sh test installs it" >&2
	exit 2
}

mapfile -d '' -t files < <(git ls-files -z -- '*.c' '*.h' '*.cc' '*.cpp')
(("${#files[@]}" > 0)) || {
	echo "check-format: found no source files" >&2
	exit 2
}
if [[ ${1-} == --fix ]]; then
	clang-format -i -- "${files[@]}"
	exit
fi

status=0
for file in "${files[@]}"; do
	clang-format --dry-run -Werror -- "$file" >/dev/null 2>&1 && continue
	echo "not as clang-format has it: $file"
	status=1
done
((status == 0)) || echo "scripts/check-format.sh --fix mends it"
exit "$status"
