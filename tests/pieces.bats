#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# Searches in pieces: by several processes, by ranks of MPI, killed and begun
# again.  Whatever is done to it, a search has the same counts in the end.

bats_require_minimum_version 1.5.0
RACE=corpus/private-write-vs-private-read.litmus

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${FAULTLINE:=$PWD/faultline}" "${BUILD:=build}"
	: "${FAULTLINE_CACHE:=$PWD/$BUILD/cache}"
	export FAULTLINE_CACHE
}

# What has to be the same: all but time, memory, and which schedule came first.
counts() {
	jq -S '.[] | {verdict, complete, executions, cut, outcomes, status}' |
		sed 's/; stopped by.*//'
}

check() {
	"$FAULTLINE" check --json "$@"
}

@test "one process or four: the same counts" {
	check --faults 4 $RACE | counts >"$BATS_TEST_TMPDIR/one"
	grep -q '"executions": 9753' "$BATS_TEST_TMPDIR/one"
	for n in 1 2 3 4; do
		check --faults 4 --jobs $n $RACE | counts \
			>"$BATS_TEST_TMPDIR/$n"
		diff "$BATS_TEST_TMPDIR/one" "$BATS_TEST_TMPDIR/$n"
	done
}

@test "one process or four: the same bugs" {
	bugs() {
		check --faults 3 --with unfixed "$@" $RACE |
			jq -S '.[].failures[] | {oracle, function, hits}'
	}
	bugs >"$BATS_TEST_TMPDIR/one"
	grep -q O12 "$BATS_TEST_TMPDIR/one"
	for n in 2 3 4; do
		bugs --jobs $n | jq -s -S 'sort_by(.oracle, .function)' \
			>"$BATS_TEST_TMPDIR/$n"
		jq -s -S 'sort_by(.oracle, .function)' \
			"$BATS_TEST_TMPDIR/one" | diff - "$BATS_TEST_TMPDIR/$n"
	done
}

@test "the first bug stops all" {
	run -1 "$FAULTLINE" check --faults 4 --first --jobs 3 --with unfixed \
		$RACE
	[[ $output == *"Bug 1 of 1"* ]]
}

@test "killed at random moments, a search ends with the same counts" {
	file=$BATS_TEST_TMPDIR/checkpoint
	check --faults 4 $RACE | counts >"$BATS_TEST_TMPDIR/whole"
	kills=0
	for jobs in 1 2 1 2; do
		while :; do
			"$FAULTLINE" check --json --faults 4 --jobs $jobs \
				--checkpoint "$file" --every 0.02 $RACE \
				>"$BATS_TEST_TMPDIR/out" 3>&- &
			pid=$!
			# a busy machine needs a while up to a checkpoint
			sleep "0.$((2 + RANDOM % 7))$((RANDOM % 10))"
			kill -9 $pid 2>"$BATS_TEST_TMPDIR/dead" || :
			status=0
			wait $pid 2>"$BATS_TEST_TMPDIR/dead" || status=$?
			[ $status -eq 137 ] || break
			kills=$((kills + 1))
			[ $kills -lt 200 ]
		done
		counts <"$BATS_TEST_TMPDIR/out" |
			diff "$BATS_TEST_TMPDIR/whole" -
		[ ! -e "$file" ]
	done
	echo "killed $kills times"
	[ $kills -gt 0 ]
}

@test "a search that is stopped goes on from its checkpoint" {
	file=$BATS_TEST_TMPDIR/checkpoint
	check --faults 4 $RACE | counts >"$BATS_TEST_TMPDIR/whole"
	run -3 "$FAULTLINE" check --faults 4 --limit time=0.05 \
		--checkpoint "$file" $RACE
	[ -s "$file" ]
	check --faults 4 --checkpoint "$file" --jobs 2 $RACE | counts |
		diff "$BATS_TEST_TMPDIR/whole" -
	[ ! -e "$file" ]
}

@test "a checkpoint of something else is refused" {
	file=$BATS_TEST_TMPDIR/checkpoint
	run -3 "$FAULTLINE" check --faults 4 --limit time=0.05 \
		--checkpoint "$file" $RACE
	run -3 "$FAULTLINE" check --faults 5 --checkpoint "$file" $RACE
	[[ $output == *"is a checkpoint of another search"* ]]
	[ -s "$file" ]
	# also if all that is known of both tests is the name of a pipe
	run -3 "$FAULTLINE" check --faults 4 --limit time=0.05 \
		--checkpoint "$file.2" /dev/stdin < <(cat $RACE)
	run -3 "$FAULTLINE" check --faults 4 --checkpoint "$file.2" \
		/dev/stdin < <(cat corpus/crash-vs-fsync.litmus)
	[[ $output == *"is a checkpoint of another search"* ]]
	echo damage >>"$file"
	run -3 "$FAULTLINE" check --faults 4 --checkpoint "$file" $RACE
	[[ $output == *"is no checkpoint, or is damaged"* ]]
	run -3 "$FAULTLINE" check --faults 4 --limit time=0.05 \
		--checkpoint /nonexistent/file $RACE
	[[ $output == *"No such file"* ]]
}
