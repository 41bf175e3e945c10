#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The corpus against the engine as it is, with every patch, and with pairs of
# patches that have been tried on a real kernel; TAP.
#
# Without a patch each test is clean in every interleaving.  With a patch the
# oracles that break, over the whole corpus, are those of its `Trips:`, no more
# and no less, and each replay string that is printed leads back to its bug.

set -eu

BUILD=${BUILD:-build}
FAULTLINE=${FAULTLINE:-$PWD/faultline}
FAULTLINE_CACHE=${FAULTLINE_CACHE:-$PWD/$BUILD/cache}
export FAULTLINE_CACHE
race=corpus/private-write-vs-private-read
out=$BUILD/tests/corpus
number=0

mkdir -p "$out"

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

# check ENGINE OPTION... FILE...: what it says is in $out/said.  ENGINE is a
# patch, `A+B` for patches in turn, or empty.
check() {
	with=
	for patch in $(echo "$1" | tr + ' '); do
		with="$with --with $patch"
	done
	shift
	status=0
	# shellcheck disable=SC2086 # one word for each option
	"$FAULTLINE" check $with "$@" >"$out/said" 2>&1 || status=$?
}

sorted() {
	tr ' ' '\n' | sort -uV | xargs
}

# The oracles in $out/said, which is JSON.  `condition` and `limit` count too.
oracles() {
	grep -o '"oracle": *"[^"]*"' "$out/said" | cut -d '"' -f 4 | sorted
}

# What two runs have in common: no times, and no lines of progress.
counts() {
	grep -v -e '"seconds":' -e ' states, .*/s, ' "$out/said"
}

# trips ENGINE ORACLES FILE...: are these the ones that break over all files?
# Then those files again, in which they do.
trips() {
	engine=$1
	wanted=$2
	shift 2
	check "$engine" --summary --quiet --jobs 2 "$@"
	judge "$engine: oracles" "$wanted" \
		"$(sed -n 's/.* bugs\{0,1\}: //p' "$out/said" | sorted)"
	judge "$engine: exit status" "${wanted:+1}" "${status#0}"
	[ -n "$wanted" ] || return 0
	# shellcheck disable=SC2046 # one word for each file
	set -- $(sed '$d; s/ .*//; s,.*,corpus/&.litmus,' "$out/said")
	check "$engine" --json "$@"
	judge "$engine: oracles of its tests" "$wanted" "$(oracles)"
	counts >"$out/first"
	check "$engine" --json "$@"
	judge "$engine: two runs, the same counts" "$(cat "$out/first")" \
		"$(counts)"
	replays "$engine" "$@"
}

# Run each command that is printed behind `Replay:`; that of a bug has to show
# one again, that of a note must not.
replays() {
	name=$1
	check "$@"
	awk '/^Bug / { status = 1 } /^Note: / { status = 0 }
		sub(/^Replay: faultline /, "") { print status, $0 }' \
		"$out/said" >"$out/replays"
	found=
	while read -r status arguments; do
		replayed=0
		# shellcheck disable=SC2086 # one word for each argument
		"$FAULTLINE" $arguments >"$out/replay" 2>&1 </dev/null ||
			replayed=$?
		[ "$replayed" -eq "$status" ] ||
			found="$found exit status $replayed: $arguments;"
	done <"$out/replays"
	judge "$name: $(wc -l <"$out/replays") replays" '' "$found"
	judge "$name: a replay for each bug" "$(grep -c '^Bug ' "$out/said")" \
		"$(grep -c '^1 ' "$out/replays")"
}

# says ENGINE FILE TEXT...: does the output hold every text?
says() {
	name="$1, $2"
	check "$1" "$2"
	shift 2
	for text in "$@"; do
		judge "$name: $text" 1 \
			"$(grep -cF "$text" "$out/said" | sed 's/^[1-9].*/1/')"
	done
}

# Do the patches, in this order, make the source that unfixed makes?
sources() {
	tree=$out/tree
	rm -rf "$tree"
	mkdir "$tree"
	cp -r engine "$tree"
	for patch in "$@"; do
		patch -s -p1 --fuzz=0 -d "$tree" <"patches/$patch.patch" ||
			return 1
	done
	find "$tree" -name '*.[ch]' | sort | xargs cat | sha256sum
}

# The engine as it is.
tests=$(ls corpus/*.litmus)
if grep -q sanitize "$BUILD/flags"; then
	# Three CPUs take too long there.
	tests=$(grep -L '^ *P0 .*| *P2' corpus/*.litmus)
fi
for test in $tests; do
	check '' "$test"
	judge "$test" 0 "$status"
done
check '' --json corpus/private-*.litmus
counts >"$out/first"
check '' --json corpus/private-*.litmus
judge "two runs, the same counts" "$(cat "$out/first")" "$(counts)"

# A patched engine is compiled without sanitizers.
if grep -q sanitize "$BUILD/flags"; then
	echo "1..$number"
	exit
fi

for patch in patches/*.patch; do
	wanted=$(sed -n '/^---/q; s/^Trips: *//p' "$patch" |
		sed 's/none//' | sorted)
	trips "$(basename "$patch" .patch)" "$wanted" corpus/*.litmus
done

# Pairs of checks: 1 and 4 cover each other, and so do 2 and 8.
one=no-pte-recheck
two=no-pmd-recheck
four=no-finish-check
eight=no-insert-check
trips "$one+$four" O12 corpus/*.litmus
trips "$two+$eight" O1 corpus/*.litmus
trips unfixed 'O1 O12' $race-no-setup.litmus
trips unfixed '' $race-pte-entry.litmus

# The words of the kernel.
says "$one+$four" $race.litmus \
	'O12: a data page is used as a page table' \
	'BUG: Bad rss-counter state mm:A idx:1 val:1'
for engine in "$two+$eight" unfixed v4.11; do
	says $engine $race.litmus \
		'O1: a page table is overwritten' \
		'BUG: Bad rss-counter state mm:A idx:1 val:1' \
		'BUG: non-zero nr_ptes on freeing mm: 1'
done
says v4.11 $race.litmus 'O9: bad pmd'

wanted=$(sources unfixed)
judge "all four checks, in turn" "$wanted" \
	"$(sources $one $two $four $eight)"
judge "all four checks, backwards" "$wanted" \
	"$(sources $eight $four $two $one)"
judge "both re-checks" "$(sources no-dax-recheck)" "$(sources $two $one)"
echo "1..$number"
