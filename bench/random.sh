#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# How many runs at random it takes to meet the bugs of the museum, a row for
# each patch that trips something and a test that shows it: the median over
# SEEDS seeds (21) of the runs up to the first bug, at most RUNS (20000); 0 when
# the twenty executions of the profile met it already.  `seconds` is the search
# by states up to the first bug.  A patch has one row, with ALL=1 one for each
# test that shows it.

set -eu
cd "$(dirname "$0")/.."
make -s

SEEDS=${SEEDS:-21}
RUNS=${RUNS:-20000}

# value KEY: of the JSON on standard input, where it stands first.
value() {
	sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}\$/\1/p" |
		head -n 1
}

# check ARGUMENT...: a bug, or none, is no error.
check() {
	./faultline check --json --first "$@" || [ $? -ne 2 ]
}

# runs STRATEGY PATCH TEST
runs() {
	for seed in $(seq "$SEEDS"); do
		check --random "$1" --runs "$RUNS" --seed "$seed" \
			--with "$2" "$3" >"$json"
		# that there was no bug counts as more than all runs
		if grep -q '"oracle"' "$json"; then
			value runs <"$json"
		else
			echo $((RUNS + 1))
		fi
	done | sort -n | sed -n "$((SEEDS / 2 + 1))p" |
		sed "s/^$((RUNS + 1))\$/> $RUNS/"
}

json=$(mktemp)
trap 'rm -f "$json"' EXIT

printf '%-22s %-42s %8s %8s %8s %8s\n' patch test seconds walk pct surw
grep -L '^Trips: none' patches/*.patch | while read -r patch; do
	name=$(basename "$patch" .patch)
	for test in corpus/*.litmus; do
		check --with "$name" "$test" >"$json"
		grep -q '"oracle"' "$json" || continue
		grep -q '^ *expect ' "$test" && continue
		printf '%-22s %-42s %8.4f %8s %8s %8s\n' "$name" \
			"$(basename "$test" .litmus)" \
			"$(value seconds <"$json")" \
			"$(runs walk "$name" "$test")" \
			"$(runs pct "$name" "$test")" \
			"$(runs surw "$name" "$test")"
		# one test a patch will do, unless ALL is set
		[ -n "${ALL:-}" ] || break
	done
done
