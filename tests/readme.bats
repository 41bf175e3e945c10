#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What the README shows is what the program prints.

setup() {
	cd "$BATS_TEST_DIRNAME/.."
}

# The first fenced block behind the marker.
shown() {
	awk '/^<!-- output:/ { marked = 1 }
	     marked && /^```/ { if (inside) exit; inside = 1; next }
	     marked && inside' README.md
}

# Bug 1 of the output, from its set-up line to before the replay string.
printed() {
	awk '/^Bug 1 of/ { found = 1 }
	     /^Replay:/ { exit }
	     found && /^set-up/ { on = 1 }
	     on' "$1" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}'
}

@test "the README's diagram is the tool's" {
	run ./faultline check --with unfixed \
		corpus/private-write-vs-private-read.litmus
	[ "$status" -eq 1 ]
	echo "$output" >"$BATS_TEST_TMPDIR/output"
	diff <(shown) <(printed "$BATS_TEST_TMPDIR/output")
}

@test "the README's litmus test is the corpus's" {
	awk '/^DAX /, /^forall/' README.md >"$BATS_TEST_TMPDIR/readme.litmus"
	run ./faultline check --with unfixed "$BATS_TEST_TMPDIR/readme.litmus"
	[ "$status" -eq 1 ]
	[[ "$output" == *"Verdict private-write-vs-private-read 2 bugs: O1 O12"* ]]
	run ./faultline check "$BATS_TEST_TMPDIR/readme.litmus"
	[ "$status" -eq 0 ]
}
