#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The commands of examples/README.md build and run the examples, and print what
# stands there; each bug is found by both searches, each repair is clean.

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${BUILD:=build}" "${CC:=cc}"
	# what the library was built with, a program has to be built with
	sanitize=$(grep -oE -e '-f(no-)?sanitize[^ ]*' -e '[^ ]*asan-stack=0' \
		"$BUILD/flags" | paste -sd ' ')
	sanitize=${sanitize/ -asan-stack/ -mllvm -asan-stack}
	flags="-std=c11 -O2 -Wall -Wextra -Wconversion -Wno-unused-parameter"
	flags="$flags -Werror $sanitize"
}

# compile FILE [FLAG...]: the example, as the test's own program.
compile() {
	local file=$1
	shift
	# shellcheck disable=SC2086 # several words
	"$CC" $flags "$@" -Iinclude -o "$BATS_TEST_TMPDIR/program" \
		"examples/$file.c" "$BUILD/libchecker.a" -lxxhash -lm
}

program() {
	run "$BATS_TEST_TMPDIR/program" "$@"
	echo "$output"
}

# Replay what the failure printed last says; it has to fail again, alike.
replays() {
	local schedule drawn
	schedule=$(sed -n 's/^Replay: .* --replay //p' <<<"$output" | tail -n 1)
	drawn=$(awk '/^Failure/ { text = "" } /^Replay/ { on = 0 }
		on { text = text $0 "\n" } /^Failure/ { on = 1 }
		END { printf "%s", text }' <<<"$output")
	[ -n "$schedule" ]
	program --replay "$schedule"
	[ "$status" -eq 1 ]
	diff -B <(echo "$drawn") <(echo "$output")
}

finds() {
	program "${@:2}"
	[ "$status" -eq 1 ]
	[[ "$output" == *"$1"* ]]
	replays
}

is_clean() {
	program "$@"
	[ "$status" -eq 0 ]
	[[ "$output" == *": clean, complete by "* ]]
}

@test "no example has more than 60 lines" {
	for file in examples/*.c; do
		echo "$file"
		[ "$(wc -l <"$file")" -le 60 ]
		head -n 1 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only'
	done
}

@test "lockfree_stack: clean with tags, ABA without" {
	compile lockfree_stack
	is_clean
	is_clean --by-executions
	compile lockfree_stack -DBROKEN
	finds 'assertion failed: check_exchange(&stack->taken[NODE(top)], 1) == 0'
	finds 'assertion failed' --by-executions --first
}

@test "double_checked_lock: what is published early is found" {
	compile double_checked_lock
	finds 'assertion failed: check_load(get_limit()) == 42'
	finds 'assertion failed' --by-executions
}

@test "bounded_buffer: clean with broadcast, a lost wake-up with signal" {
	compile bounded_buffer
	is_clean
	is_clean --by-executions
	compile bounded_buffer -DBROKEN
	finds 'waits for condition variable changed'
	finds 'waits for condition variable changed' --by-executions
}

# The fenced blocks of kind $1 in the README, each ended by a line `%%`.
blocks() {
	awk -v kind="$1" '
	/^```/ && inside { inside = 0; if (want) print "%%"; want = 0; next }
	/^```/ { inside = 1; want = $0 == "```" kind; next }
	inside && want' examples/README.md
}

@test "examples/README.md shows what its commands print" {
	grep -q fsanitize "$BUILD/flags" && skip "the commands do not say so"
	[ "$BUILD" = build ] || skip "the commands are about build/"
	ln -s "$PWD/include" "$PWD/examples" "$PWD/build" "$BATS_TEST_TMPDIR"
	blocks '' >"$BATS_TEST_TMPDIR/wanted"
	[ "$(grep -c '%%' "$BATS_TEST_TMPDIR/wanted")" -eq 6 ]
	blocks sh >"$BATS_TEST_TMPDIR/commands"
	cd "$BATS_TEST_TMPDIR"
	while read -r line; do
		if [ "$line" = %% ]; then
			echo %%
		else
			eval "$line" || [ $? -eq 1 ]
		fi
	done <commands >found
	# how many states there are is a matter of the compiler, too
	sed -i 's/: [0-9]* states$/: N states/' wanted found
	diff wanted found
}

@test "check_main: options, exit status, limits" {
	compile bounded_buffer
	program --help
	[ "$status" -eq 0 ]
	[[ "$output" == Usage:* ]]
	for wrong in --nonsense surplus --limit=turns=3 --limit=time \
		--limit=states=0 --limit=operations=60001 --limit= --replay=2/0.1 --replay=1/0.99 \
		--limit=time=1x; do
		program "$wrong"
		[ "$status" -eq 2 ]
		[ "${#lines[@]}" -le 2 ]
	done
	program --limit states=10
	[ "$status" -eq 3 ]
	[[ "$output" == *"no failure so far, stopped by the limit on states"* ]]
	program --by-executions --limit executions=5,time=1000,memory=1G
	[ "$status" -eq 3 ]
	[[ "$output" == *"stopped by the limit on executions: "* ]]
	program --by-executions --limit operations=20
	[ "$status" -eq 3 ]
	[[ "$output" == *" cut at the limit of 20 operations, which --limit operations=N raises"* ]]
	program --replay 1
	[ "$status" -eq 0 ]
	run sh -c '"$1" >/dev/full' sh "$BATS_TEST_TMPDIR/program"
	[ "$status" -eq 2 ]
}

@test "the library has no other global names than check_*" {
	nm -g --defined-only "$BUILD/libchecker.a" | awk 'NF == 3 { print $3 }' \
		>"$BATS_TEST_TMPDIR/names"
	grep -qx check_run "$BATS_TEST_TMPDIR/names"
	if grep -v -e '^check_' -e '^__asan_' "$BATS_TEST_TMPDIR/names"; then false; fi
}

@test "a program with names of its own links with the library" {
	cat >"$BATS_TEST_TMPDIR/names.c" <<-'END'
	#include <checker.h>
	int run, world, now_seconds, queue_init, lock_enter, prefer;
	static uint64_t *word;
	static void setup(void *arg) { word = check_alloc(8, arg); }
	static void thread(void *arg, unsigned int t) { check_add(word, t); }
	int main(int argc, char **argv)
	{
		struct check_program program = {
			.nr_threads = 2, .setup = setup, .thread = thread,
			.arg = "word",
		};
		return check_main(argc, argv, &program);
	}
	END
	# shellcheck disable=SC2086 # several words
	"$CC" $flags -Iinclude -o "$BATS_TEST_TMPDIR/program" \
		"$BATS_TEST_TMPDIR/names.c" "$BUILD/libchecker.a" -lxxhash -lm
	is_clean
}

# The display behind the comment $1 of a page of the manual.
display() {
	awk -v comment=".\\\\\" $1" '
	$0 == comment { wanted = 1; next }
	/^\.Ed/ { wanted = inside = 0 }
	inside { gsub(/\\&/, ""); gsub(/\\e/, "\\"); print }
	wanted && /^\.Bd/ { inside = 1 }' "man/${2:-libchecker.3}"
}

@test "the program of libchecker(3) prints what the page shows" {
	grep -q fsanitize "$BUILD/flags" && skip "it makes states differ"
	display program >"$BATS_TEST_TMPDIR/program.c"
	display output >"$BATS_TEST_TMPDIR/wanted"
	[ -s "$BATS_TEST_TMPDIR/wanted" ]
	library=$PWD/$BUILD/libchecker.a include=$PWD/include
	cd "$BATS_TEST_TMPDIR"
	# shellcheck disable=SC2086 # several words
	"$CC" $flags -I"$include" -o program program.c "$library" -lxxhash -lm
	run ./program
	[ "$status" -eq 1 ]
	echo "$output"
	diff <(sed 's/: [0-9]* states$/: N states/' wanted) \
		<(sed 's/: [0-9]* states$/: N states/' <<<"$output")
}

# What is linked with libfaultline is built with what it was built with.
compile_embedded() {
	# shellcheck disable=SC2086 # several words
	"$CC" $flags -Iinclude -o "$BATS_TEST_TMPDIR/program" "$1" \
		"$BUILD/libfaultline.a" -lpthread
}

@test "embedded: what one run stores, the next one finds" {
	compile_embedded examples/embedded.c
	for i in 1 2 3; do
		program "$BATS_TEST_TMPDIR/pool"
		[ "$status" -eq 0 ]
		[ "$output" = "$i" ]
	done
	echo nonsense >"$BATS_TEST_TMPDIR/pool"
	program "$BATS_TEST_TMPDIR/pool"
	[ "$status" -eq 1 ]
	[[ "$output" == "embedded: $BATS_TEST_TMPDIR/pool: "* ]]
}

@test "the program of libfaultline(3) prints what the page shows" {
	display program libfaultline.3 >"$BATS_TEST_TMPDIR/program.c"
	display output libfaultline.3 >"$BATS_TEST_TMPDIR/wanted"
	[ -s "$BATS_TEST_TMPDIR/wanted" ]
	compile_embedded "$BATS_TEST_TMPDIR/program.c"
	cd "$BATS_TEST_TMPDIR"
	./program
	./program >found
	diff wanted found
}

@test "libfaultline has no other global names than fl_*" {
	nm -g --defined-only "$BUILD/libfaultline.a" |
		awk 'NF == 3 { print $3 }' >"$BATS_TEST_TMPDIR/names"
	grep -qx fl_open "$BATS_TEST_TMPDIR/names"
	if grep -v -e '^fl_' -e '^__asan_' "$BATS_TEST_TMPDIR/names"; then false; fi
}

@test "faultline.h is C++, and needs nothing but itself" {
	command -v g++ >/dev/null || skip "no g++ is here"
	cp include/faultline.h "$BATS_TEST_TMPDIR"
	g++ -x c++ -Wall -Wextra -Werror -fsyntax-only \
		"$BATS_TEST_TMPDIR/faultline.h" -Wno-pragma-once-outside-header
}

@test "an installed library is found by pkg-config" {
	command -v pkg-config >/dev/null || skip "no pkg-config is here"
	grep -q fsanitize "$BUILD/flags" && skip "make has to be told again"
	make -s install BUILD="$BUILD" CC="$CC" PREFIX="$BATS_TEST_TMPDIR/usr" \
		>/dev/null
	export PKG_CONFIG_PATH=$BATS_TEST_TMPDIR/usr/lib/pkgconfig
	# shellcheck disable=SC2046,SC2086 # several words
	"$CC" $flags -o "$BATS_TEST_TMPDIR/program" examples/embedded.c \
		$(pkg-config --cflags --libs faultline)
	program "$BATS_TEST_TMPDIR/pool"
	[ "$status" -eq 0 ]
	[ "$output" = 1 ]
	[ -s "$BATS_TEST_TMPDIR/usr/share/man/man3/libfaultline.3" ]
}
