#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The engine that is checked is, byte for byte, the engine that runs.

# The engine objects that the linker says it loaded, sorted.
loaded() {
	sed -n "s|^LOAD \($BUILD/engine/.*\)|\1|p" "$1" | sort
}

@test "command, native machine and library link the same engine objects" {
	[ -s "$BUILD/faultline.objects" ]
	diff "$BUILD/faultline.objects" "$BUILD/stress.objects"
	diff "$BUILD/faultline.objects" "$BUILD/probe.objects"
	diff "$BUILD/faultline.objects" "$BUILD/libfaultline.objects"
	sha256sum --quiet --check "$BUILD/faultline.objects"
}

@test "the linker maps name these objects, all of them" {
	find engine -name '*.c' | sed "s|\(.*\)c|$BUILD/\1o|" | sort \
		>"$BATS_TEST_TMPDIR/wanted"
	sed 's/^[^ ]*  //' "$BUILD/faultline.objects" | sort |
		diff "$BATS_TEST_TMPDIR/wanted" -
	loaded "$BUILD/faultline.map" | diff "$BATS_TEST_TMPDIR/wanted" -
	loaded "$BUILD/stress.map" | diff "$BATS_TEST_TMPDIR/wanted" -
	loaded "$BUILD/probe.map" | diff "$BATS_TEST_TMPDIR/wanted" -
}

@test "the command shows machine_* and host_* to a subject, nothing else" {
	nm -D --defined-only "$FAULTLINE" >"$BATS_TEST_TMPDIR/shown"
	grep -q ' T machine_load$' "$BATS_TEST_TMPDIR/shown"
	# The C library's own variables carry a version, after @.
	! grep -v -e argp_program_version -e ' [TW] machine_' -e ' [TW] host_' -e @ -e ' __' \
		"$BATS_TEST_TMPDIR/shown"
}

@test "the engine has no global variables" {
	grep -q sanitize "$BUILD/flags" && skip "sanitizers add their own"
	! size -A "$BUILD"/engine/*/*.o |
		awk '($1 == ".data" || $1 == ".bss") && $2 > 0' | grep .
}
