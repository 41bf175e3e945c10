#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The main job, from a checkout to the two races of 2017 and their repair.
# Installs what is missing (Debian, root).

set -eu
cd "$(dirname "$0")"

tests/install-packages.sh demo
make -s -j"$(nproc)" --no-print-directory

race=corpus/private-write-vs-private-read.litmus

# Show a command and run it; its exit status has to be the one expected.
show() {
	expected=$1
	shift
	printf '\n$ %s\n' "$*"
	status=0
	"$@" || status=$?
	if [ "$status" -ne "$expected" ]; then
		echo "demo.sh: exit status $status, expected $expected" >&2
		exit 1
	fi
}

echo
echo "1. The engine without the checks: both races, found by exploration."
show 1 ./faultline check --with unfixed "$race"
echo
echo "2. The engine as it is: every interleaving, and none breaks anything."
show 0 ./faultline check "$race"
echo
echo "3. The checks one by one, and what another repair costs."
checks=no-pte-recheck,no-pmd-recheck,no-finish-check,no-insert-check
show 1 ./faultline compare --with "unfixed,no-dax-recheck,$checks,split" "$race"
