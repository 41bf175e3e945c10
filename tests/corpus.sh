#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The corpus against the engine as it is, and against every patch; TAP.
#
# Without a patch each test is clean in every interleaving.  With a patch the
# oracles that break, over all tests of two CPUs, are those of its `Trips:`.

set -eu

pairs=$(grep -L '^ *P0 .*| *P2' corpus/*.litmus)
clean=$(ls corpus/*.litmus)
patches=$(ls patches/*.patch)
if grep -q sanitize "$BUILD/flags"; then
	# Three CPUs take too long there, and a patched engine is compiled
	# without sanitizers.
	clean=$pairs
	patches=
fi
number=0

# Say whether what was wanted was found.
judge() {
	number=$((number + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		echo "# wanted: $2"
		echo "# found:  $3"
	fi
}

for test in $clean; do
	status=0
	"$FAULTLINE" check "$test" >"$BUILD/tests/corpus.out" 2>&1 || status=$?
	judge "$test" 0 "$status"
done

for patch in $patches; do
	name=$(basename "$patch" .patch)
	wanted=$(sed -n '/^---/q; s/^Trips: *//p' "$patch" |
		sed 's/none//' | tr -s ' ' '\n' | sort -u | xargs)
	status=0
	# shellcheck disable=SC2086 # one word for each file
	"$FAULTLINE" check --json --with "$name" $pairs \
		>"$BUILD/tests/corpus.out" 2>&1 || status=$?
	found=$(grep -o '"oracle": *"O[0-9]*"' "$BUILD/tests/corpus.out" |
		grep -o 'O[0-9]*' | sort -u | xargs)
	judge "--with $name: exit status" "${wanted:+1}" "${status#0}"
	judge "--with $name: oracles" "$wanted" "$found"
done
echo "1..$number"
