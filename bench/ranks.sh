#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What would a thousand ranks do?  The trees of real searches are recorded, and
# the balancer's own code deals them out to more ranks than there are here: how
# many times faster than one rank that is, when an execution takes 100
# microseconds or a millisecond, and how busy the coordinator is.
#
# FAULTS=5 bench/ranks.sh records a larger search of the engine.

set -eu
cd "$(dirname "$0")/.."
make -s build/record build/balance

ranks="2 16 64 256 1000"
race=corpus/private-write-vs-private-read.litmus
faults=${FAULTS:-4}
tree=$(mktemp)
trap 'rm -f "$tree" "$tree.log"' EXIT
FAULTLINE_DATA=$PWD
export FAULTLINE_DATA

# simulate NAME ARGUMENT...: a row for each cost.
simulate() {
	name=$1
	shift
	status=0
	build/record "$tree" "$@" >/dev/null 2>"$tree.log" || status=$?
	# 3: executions were cut
	if [ $status -ne 0 ] && [ $status -ne 3 ]; then
		cat "$tree.log" >&2
		exit 2
	fi
	for cost in 100 1000; do
		# shellcheck disable=SC2086 # several words
		build/balance --cost $cost "$tree" $ranks |
			awk -v name="$name" -v cost=$cost '
				NR == 1 {
					printf "%-16s %7d %5d", name, $2, cost
				}
				NR > 3 {
					printf " %7.1f", $3
					busy = $7
				}
				END { printf " %7.1f%%\n", busy }'
	done
}

printf '%-16s %7s %5s' tree nodes us
for n in $ranks; do
	printf ' %7d' "$n"
done
printf ' %8s\n' 'busy'
simulate 'indexer(16)' bench dpor 'indexer(16)'
simulate 'lastzero(15)' bench dpor 'lastzero(15)'
simulate 'fib(6)' bench dpor 'fib(6)'
simulate "engine, $faults faults" check --faults "$faults" $race
