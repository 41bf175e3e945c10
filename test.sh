#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# All tests.  Installs what is missing (Debian, root), prints a line for each
# suite, and as the last line `N passed, N failed`.  Exit status 0 when nothing
# failed.

set -eu
cd "$(dirname "$0")"

tests/install-packages.sh test

MAKEFLAGS="-j$(nproc) --no-print-directory -s"
RESULTS=$(mktemp)
export MAKEFLAGS RESULTS
trap 'rm -f "$RESULTS"' EXIT

# Run a command.  Suites count for themselves, by way of tests/run; a command
# that runs none, or never came that far, counts as one test.
stage() {
	name=$1
	shift
	before=$(wc -l <"$RESULTS")
	status=0
	"$@" || status=$?
	[ "$(wc -l <"$RESULTS")" -eq "$before" ] || return 0
	if [ "$status" -eq 0 ]; then
		echo "$name: ok"
		echo "1 0" >>"$RESULTS"
	else
		echo "$name: FAILED"
		echo "0 1" >>"$RESULTS"
	fi
}

stage 'build with gcc' make CC=gcc
stage 'tests' make CC=gcc test
stage 'tests with ASan and UBSan' make CC=gcc test-asan
stage 'tests with TSan' make CC=gcc test-tsan
stage 'build with clang' make clang
stage 'format' make format-check
if command -v shellcheck >/dev/null; then
	stage 'shell scripts' shellcheck ./*.sh tests/*.sh tests/run \
		tests/format-check .ci/run
fi

awk '{ passed += $1; failed += $2 }
	END {
		print passed " passed, " failed " failed"
		exit failed != 0
	}' "$RESULTS"
