#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What a second process is worth: the same search by one and by two, in turn;
# the best of three rounds.

set -eu
cd "$(dirname "$0")/.."
make -s

race=corpus/private-write-vs-private-read.litmus
faults=${FAULTS:-5}

seconds() {
	./faultline check --json --faults "$faults" --jobs "$1" $race |
		sed -n 's/^ *"seconds": \([0-9.]*\).*/\1/p'
}

for _ in 1 2 3; do
	echo "$(seconds 1) $(seconds 2)"
done | awk -v faults="$faults" '
	NR == 1 || $1 < one { one = $1 }
	NR == 1 || $2 < two { two = $2 }
	END {
		printf "write / read, %d faults: 1 process %.2f s, 2 %.2f s: %.2f times\n",
			faults, one, two, one / two
	}'
