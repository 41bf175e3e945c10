#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The generated tests of two operations on one page: they are what the generator
# makes, and clean in every interleaving.

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${FAULTLINE:=$PWD/faultline}" "${BUILD:=build}"
}

@test "corpus/pairs is what corpus/generate writes" {
	corpus/generate "$BATS_TEST_TMPDIR/pairs"
	diff -r "$BATS_TEST_TMPDIR/pairs" corpus/pairs
	[ "$(ls corpus/pairs | wc -l)" -eq $((13 * 14 / 2 * 2 * 3)) ]
}

@test "every pair is clean and complete" {
	tests=$(ls corpus/pairs/*.litmus)
	if grep -qs sanitize "$BUILD/flags"; then
		# The others differ in where their pages come from.
		tests=$(ls corpus/pairs/shared-hole-*.litmus)
	fi
	# shellcheck disable=SC2086 # one word for each file
	run "$FAULTLINE" check --summary --quiet --jobs 2 $tests
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1 ]
	nr=$(echo "$tests" | wc -l)
	[[ "${lines[0]}" == "$nr tests: $nr clean and complete, 0 not; "* ]]
}

@test "a pair that is not clean has a line that says so" {
	run "$FAULTLINE" check --summary --quiet --limit states=10 \
		corpus/pairs/shared-hole-load-vs-store.litmus \
		corpus/pairs/shared-hole-fsync-vs-read.litmus
	[ "$status" -eq 3 ]
	[[ "${lines[0]}" == "shared-hole-load-vs-store "*"stopped by the limit on states"* ]]
	[[ "${lines[1]}" == "2 tests: 1 clean and complete, 1 not; "* ]]
}

@test "lines come in the order of the files, whatever the jobs" {
	run "$FAULTLINE" check --summary --jobs 4 corpus/pairs/shared-mapped-fsync*
	[ "$status" -eq 0 ]
	[ "$(printf '%s\n' "${lines[@]}" | sed '$d; s/ .*//')" = \
		"$(basename -s .litmus -a corpus/pairs/shared-mapped-fsync*)" ]
}
