#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# How long the searches take that DESIGN.md and the issues speak of.  Each is
# run three times, the best time counts; `first` stops at the first bug.  B/state
# is what a state has, stored what the search keeps of it and the steps from it.

set -eu
cd "$(dirname "$0")/.."
make -s

# Engines are built before anything is timed.
./faultline check --with unfixed corpus/private-write-vs-private-read.litmus \
	>/dev/null || [ $? -eq 1 ]

row() {
	name=$1
	shift
	for _ in 1 2 3; do
		./faultline check --json "$@" || [ $? -ne 2 ]
	done | awk -v name="$name" '
		function value() { sub(/^[^:]*: "?/, ""); sub(/"?,$/, ""); return $0 }
		/"seconds":/ { t = value(); if (best == "" || t < best) best = t }
		/"states":/ { states = value() }
		/"state_bytes":/ { bytes = value() }
		/"search_bytes":/ { memory = value() }
		/"bytes_per_state":/ { stored = value() }
		/"executions":/ { executions = value() }
		/"cut":/ { cut = value() }
		/"verdict":/ { verdict = value() }
		END {
			printf "%-30s %9.4f %8d %6d %6.0f %6.1f %5d %6d  %s\n",
				name, best, states, bytes, stored,
				memory / 1048576, executions, cut, verdict
		}'
}

race=corpus/private-write-vs-private-read.litmus
printf '%-30s %9s %8s %6s %6s %6s %5s %6s  %s\n' search seconds states B/state \
	stored MB ends cut verdict
row "race found, first" --with unfixed --first $race
row "both races, all" --with unfixed $race
row "write / read" $race
row "write / read, no set-up" corpus/private-write-vs-private-read-no-setup.litmus
row "two writes / two reads" corpus/private-two-writes-two-reads.litmus
row "write / read / DONTNEED" \
	corpus/private-write-vs-private-read-vs-dontneed.litmus
row "write / read / DONTNEED, exact" --exact \
	corpus/private-write-vs-private-read-vs-dontneed.litmus
row "write / read, 2 faults" --faults 2 $race
row "write / read, 4 faults" --faults 4 $race
