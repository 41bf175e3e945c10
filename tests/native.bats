#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The races are real: threads over the engine without its checks trip them, and
# as on a real kernel they do not while one check of each pair is left.

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	! grep -qs sanitize "${BUILD:-build}/flags" ||
		skip "compiled without sanitizers"
}

# stress PATCH SECONDS: run bench/stress.c over the engine with that patch.
stress() {
	cp -r Makefile subject.mk engine litmus machines bench tests \
		"$BATS_TEST_TMPDIR"
	patch -s -d "$BATS_TEST_TMPDIR" -p1 <"patches/$1.patch"
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s \
		-C "$BATS_TEST_TMPDIR" CC="${CC:-cc}" WERROR= build/stress
	run "$BATS_TEST_TMPDIR/build/stress" --seconds "$2"
	echo "$output"
}

@test "stress complains about the engine with unfixed.patch" {
	stress unfixed 60
	[ "$status" -eq 1 ]
	# the broken engine may run into a BUG of its own before mm is freed
	[[ "$output" = *"Bad rss-counter state"* || "$output" = *crashed* ]]
}

@test "stress finds nothing in the engine with no-dax-recheck.patch" {
	stress no-dax-recheck 5
	[ "$status" -eq 0 ]
}
