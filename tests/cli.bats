#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The command line: what is refused and how, limits and signals, the forms of
# the output, and engines with the kinds of bugs that a patch can bring.

RACE=corpus/private-write-vs-private-read.litmus
THREE=corpus/private-write-vs-private-read-vs-dontneed.litmus

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${FAULTLINE:=$PWD/faultline}" "${BUILD:=build}"
	: "${FAULTLINE_CACHE:=$PWD/$BUILD/cache}"
	export FAULTLINE_CACHE
	TMP=$BATS_TEST_TMPDIR
}

# Run faultline; its streams are in $TMP/out and $TMP/err, and in $output.
faultline() {
	status=0
	timeout 60 "$FAULTLINE" "$@" >"$TMP/out" 2>"$TMP/err" </dev/null ||
		status=$?
	output=$(cat "$TMP/out" "$TMP/err")
}

needs() {
	command -v "$1" >/dev/null || skip "needs $1"
}

# A patched engine is compiled without sanitizers.
needs_patches() {
	! grep -qs sanitize "$BUILD/flags" || skip "compiled without sanitizers"
}

# refuses TEXT ARGUMENT...: exit status 2, nothing on stdout, one line on
# stderr that holds TEXT; behind it may only be a hint at --help.
refuses() {
	text=$1
	shift
	faultline "$@"
	echo "faultline $* => $status: $output"
	[ "$status" -eq 2 ]
	[ ! -s "$TMP/out" ]
	[[ "$(head -n 1 "$TMP/err")" == *"$text"* ]]
	[ "$(sed '/^Try `faultline/,$d' "$TMP/err" | wc -l)" -eq 1 ]
}

# refuses_test TEXT: the litmus test on stdin; TEXT is LINE:COLUMN: error: ...
# Behind that line stands the line of the file, and a caret below the column.
refuses_test() {
	cat >"$TMP/wrong.litmus"
	faultline check "$TMP/wrong.litmus"
	echo "wanted: $1"
	echo "status $status: $output"
	[ "$status" -eq 2 ]
	[ ! -s "$TMP/out" ]
	[[ "$(head -n 1 "$TMP/err")" == "$TMP/wrong.litmus:$1"* ]]
	[ "$(wc -l <"$TMP/err")" -eq 3 ]
	[ "$(tail -n 1 "$TMP/err" | tr -d ' \t')" = '^' ]
}

# The race, with one line of it changed by sed.
race_with() {
	sed "$1" "$RACE"
}

# What a search that has to be stopped looks at.
big_test() {
	cat >"$TMP/big.litmus" <<-'END'
		DAX big
		{
		  file f = mapped 2 pmd;
		  map p = f private rw;
		  load p[0];
		  dontneed p;
		}
		 P0                | P1                  | P2             ;
		 store p[0] 1      | r0 = load p[1]      | dontneed p     ;
		 r0 = load p[1pmd] | store p[1pmd] 2     | r1 = load p[3] ;
		 store p[2] 3      | r1 = load p[1pmd+1] | dontneed p     ;
		forall (true)
	END
}

# Make $TMP/NAME.patch: what sed does to a file of the engine.
make_patch() {
	mkdir "$TMP/$1"
	cp -r engine "$TMP/$1/a"
	cp -r engine "$TMP/$1/b"
	sed -i "$3" "$TMP/$1/b/$2"
	diff -u --label "a/engine/$2" --label "b/engine/$2" \
		"$TMP/$1/a/$2" "$TMP/$1/b/$2" >"$TMP/$1.patch" || true
	[ -s "$TMP/$1.patch" ]
}

# The text goes where the DAX PTE handler holds the entry lock.
in_pte_fault() {
	make_patch "$1" dax/fault.c "/^\tret = dax_fault_page(vmf, sync_pfn);/i $2"
}

# The engine with $TMP/NAME.patch has a bug: ORACLE, and what is said of it.
has_bug() {
	faultline check --with "$TMP/$1.patch" "$RACE"
	echo "status $status: $output"
	[ "$status" -eq 1 ]
	grep -q "^Bug [0-9]* of [0-9]*: $2, .*$3" "$TMP/out"
	grep -q '^Replay: faultline show --with ' "$TMP/out"
	replay=$(sed -n 's/^Replay: .* --replay \([^ ]*\) .*/\1/p' "$TMP/out")
	faultline show --with "$TMP/$1.patch" --replay "${replay%%
*}" "$RACE"
	[ "$status" -eq 1 ]
}

# ---- what is refused ----

@test "no command, or one that there is not" {
	faultline
	[ "$status" -eq 2 ]
	[ ! -s "$TMP/out" ]
	grep -q '^Usage: faultline COMMAND' "$TMP/err"
	refuses "there is no command 'frob'" frob
	refuses "there is no command '--frob'" --frob
}

@test "options that there are not, files that are missing or too many" {
	refuses "unrecognized option '--frob'" check --frob "$RACE"
	refuses "option '--faults' requires an argument" check --faults
	refuses "which litmus tests?" check
	refuses "which litmus tests?" compare
	refuses "which litmus test?" show
	refuses "one litmus test at a time" show "$RACE" "$RACE"
	refuses "no arguments are taken" list "$RACE"
	refuses "there is no 'frob' to measure" bench frob
}

@test "bench: programs that there are not, and an N that cannot be" {
	for row in frob 'frob(3)' '' '(3)' 'ainc (3)' 'AINC(3)' 'ainc[3]'; do
		refuses "there is no program '$row'; there are indexer, " \
			bench dpor "$row"
	done
	for n in '()' '(' '(3' '(3)x' '(x)' '(0)' '(-3)' '(+3)' '( 3)' '(3.5)' \
		'(21)' '(31)' '(99999999999999999999)'; do
		refuses "'ainc$n': the N of ainc is from 1 to 20" \
			bench dpor 'inc(2)' "ainc$n"
	done
	refuses "'readers(31)': the N of readers is from 1 to 30" \
		bench dpor 'readers(31)'
	refuses "'philosophers(1)': the N of philosophers is from 2 to 31" \
		bench dpor 'philosophers(1)'
	refuses "not 'time=x'" bench dpor --limit time=x
	refuses "the limit on states is for --by-states" \
		bench dpor --limit states=5
	refuses "that on executions for the search by executions" \
		bench dpor --by-states --limit executions=5
}

@test "files that cannot be read" {
	ln -s loop "$TMP/loop"
	for command in check compare show; do
		refuses "$TMP/missing: error: No such file" $command "$TMP/missing"
		refuses "$TMP: error: Is a directory" $command "$TMP"
		refuses "$RACE/x: error: Not a directory" $command "$RACE/x"
		refuses "$TMP/loop: error: Too many levels" $command "$TMP/loop"
	done
	[ "$(id -u)" -ne 0 ] || return 0
	touch "$TMP/secret"
	chmod 0 "$TMP/secret"
	refuses "$TMP/secret: error: Permission denied" check "$TMP/secret"
}

@test "a wrong file does not hide the others" {
	faultline check "$TMP/missing" corpus/private-read-vs-map.litmus
	[ "$status" -eq 2 ]
	grep -q '^Verdict private-read-vs-map clean' "$TMP/out"
	[ "$(wc -l <"$TMP/err")" -eq 1 ]
}

@test "litmus tests that are wrong: place, what, and a caret" {
	refuses_test "1:1: error: expected 'DAX'" </dev/null
	printf '\0\1\2\n' | refuses_test "1:1: error: unexpected byte 0x00"
	race_with 's/store p/stroe p/' |
		refuses_test "11:2: error: unknown operation 'stroe'"
	race_with 's/^{//' | refuses_test "5:3: error: expected '{'"
	race_with 's/load p\[1\]/load q[1]/' |
		refuses_test "11:27: error: unknown mapping 'q'"
	race_with 's/load p\[1\]/load p[1pmd]/' |
		refuses_test "11:29: error: page 1pmd is outside 'p'"
	race_with 's/private rw/& offset 3pmd/' |
		refuses_test "6:31: error: mapping 'p' leaves file 'f'"
	race_with 's/private rw/& offset 1 length 1pmd/' |
		refuses_test "6:40: error: mapping 'p' leaves file 'f'"
	race_with 's/^ P0 .*/ P0 | P0 ;/' |
		refuses_test "10:7: error: expected 'P1'"
	race_with 's/^forall.*/forall (p[0]=/' |
		refuses_test "13:14: error: expected a value"
}

@test "a missing brace is called by its name" {
	race_with 's/^}//' | refuses_test "10:2: error: "
	[[ "$(head -n 1 "$TMP/err")" == *"'}'"* ]]
}

@test "bounds and limits that cannot be" {
	for bound in 0 -1 x '' 1x 1.5 1001 99999999999999999999; do
		refuses "--faults takes a number from 1 to 1000, not '$bound'" \
			check --faults "$bound" "$RACE"
		refuses "--faults takes a number from 1 to 1000, not '$bound'" \
			compare --faults "$bound" "$RACE"
	done
	for limit in '' x x=1 time time= time=0 time=-1 time=x memory=1Q \
		states=nan states=inf states=1e30 states=0.5 executions=0.5 \
		memory=0.5 'time=1 states=2' ,; do
		refuses "not '$limit'" check --limit "$limit" "$RACE"
		refuses "not '$limit'" compare --limit "$limit" "$RACE"
	done
}

@test "numbers of searches that are not exhaustive" {
	for text in '' x -1 ' 1' 1x 1.5 0x1 99999999999999999999; do
		refuses "--preemptions takes a number from 0 to 1000, not '$text'" \
			check --preemptions "$text" "$RACE"
		refuses "--runs takes a number from 1 to 1000000000, not '$text'" \
			check --random walk --runs "$text" "$RACE"
		refuses "--depth takes a number from 1 to 16, not '$text'" \
			check --random pct --depth "$text" "$RACE"
		refuses "--seed takes a number from 1 to 9223372036854775807, not '$text'" \
			check --random walk --seed "$text" "$RACE"
	done
	for option in --runs --seed --depth; do
		refuses "$option takes a number from 1 to " \
			check --random pct $option 0 "$RACE"
	done
	for text in '' Walk walks random; do
		refuses "--random takes walk, pct or surw, not '$text'" \
			check --random "$text" "$RACE"
	done
}

@test "searches that contradict each other" {
	refuses "two searches" check --random walk --preemptions 1 "$RACE"
	refuses "a search by states" check --faults 2 --preemptions 1 "$RACE"
	for option in --seed --runs; do
		refuses "--seed and --runs are for --random" \
			check $option 1 "$RACE"
	done
	refuses "--depth is for --random pct" check --depth 2 "$RACE"
	refuses "--depth is for --random pct" \
		check --random walk --depth 2 "$RACE"
	refuses "is what --runs says" \
		check --random walk --limit executions=5 "$RACE"
	refuses "the limit on states is for" \
		check --preemptions 1 --limit executions=5 "$RACE"
	refuses "the limit on operations is for --faults and --random" \
		check --limit operations=5 "$RACE"
	refuses "the limit on operations is for the search by executions" \
		bench dpor --by-states --limit operations=5
	for command in 'check --faults 1' compare 'bench dpor'; do
		# shellcheck disable=SC2086 # several words
		refuses "--limit operations= takes 60000 at most" \
			$command --limit operations=60001 "$RACE"
	done
}

@test "schedules that are none" {
	for schedule in '' x 0 1/ 1/1 1/0 /1.6 1/31.1 2/0.1 1/1.6.1 1/-1.3 \
		1/0.-3 '1/0.1 ' 1/0.1/ 1/0.99999999999999999999; do
		refuses "'$schedule' is no schedule" \
			show --replay "$schedule" "$RACE"
	done
}

@test "schedules of another test" {
	refuses "$RACE: this schedule is not one of this test" \
		show --replay 1/0.9999 "$RACE"
	refuses "this schedule is not one of this test" \
		show --replay 1/1.6/0.47/1.13 corpus/write-to-read-only-map.litmus
	refuses "this schedule is not one of this test" \
		show --replay 1/0.5/2.5/1.9999 "$THREE"
}

@test "patches that are not there, or are none" {
	echo "only words" >"$TMP/words.patch"
	for command in check show compare; do
		refuses "no patch 'frob'; 'faultline list' shows them" \
			$command --with frob "$RACE"
		refuses "cannot read patch './frob.patch': No such file" \
			$command --with ./frob.patch "$RACE"
		refuses "patch '$TMP/words.patch' holds no unified diff" \
			$command --with "$TMP/words.patch" "$RACE"
	done
	refuses "no patch ''" check --with '' "$RACE"
	refuses "cannot read patch '$TMP': Is a directory" \
		check --with "$TMP" "$RACE"
}

@test "compare refuses an engine without a name" {
	for engines in '' , +; do
		refuses "" compare --with "$engines" "$RACE"
	done
}

@test "patches that do not apply" {
	needs_patches
	refuses "patch 'unfixed' does not apply: engine/dax/fault.c: " \
		check --with unfixed --with unfixed "$RACE"
	refuses "patch 'v4.11' does not apply: engine/dax/fault.c: " \
		check --with unfixed --with v4.11 "$RACE"
	refuses "patch 'split' does not apply: " \
		compare --with unfixed,no-pte-recheck+split "$RACE"
	in_pte_fault other 'vmf->flags = 0;'
	sed -i 's/^ .*grab_mapping_entry.*/ other text/; s/^ .*trace_answer.*/ x/' \
		"$TMP/other.patch"
	refuses "patch '$TMP/other.patch' does not apply: engine/dax/fault.c: " \
		check --with "$TMP/other.patch" "$RACE"
}

@test "patches that do not compile: file, line, and where the log is" {
	needs_patches
	in_pte_fault word 'nothing like C;'
	refuses "patch '$TMP/word.patch' does not compile: engine/dax/fault.c:" \
		check --with "$TMP/word.patch" "$RACE"
	log=$(sed -n 's/.*(whole log: \(.*\))$/\1/p' "$TMP/err")
	grep -q 'error: ' "$log"
	in_pte_fault libc 'malloc(1);'
	refuses "does not compile: engine/dax/fault.c:" \
		check --with "$TMP/libc.patch" "$RACE"
}

@test "patches that reach out of engine/" {
	make_patch good base/list.h '1a /* more */'
	for name in litmus/subject.c subject.mk engine/../x.c ../x.c; do
		sed "s|engine/base/list.h|$name|" "$TMP/good.patch" \
			>"$TMP/bad.patch"
		refuses "patch '$TMP/bad.patch' touches '$name'" \
			check --with "$TMP/bad.patch" "$RACE"
	done
	sed "s|[ab]/engine/base/list.h|/etc/passwd|" "$TMP/good.patch" \
		>"$TMP/bad.patch"
	refuses "touches '/etc/passwd'" check --with "$TMP/bad.patch" "$RACE"
}

@test "a cache folder that cannot be" {
	touch "$TMP/file"
	FAULTLINE_CACHE=$TMP/file refuses "cannot write '$TMP/file': " \
		check --with unfixed "$RACE"
	FAULTLINE_CACHE=$TMP/file/x refuses "set FAULTLINE_CACHE to another" \
		check --with unfixed "$RACE"
	# Without a patch nothing is compiled.
	FAULTLINE_CACHE=$TMP/file faultline check "$RACE"
	[ "$status" -eq 0 ]
}

@test "what a patched engine needs is missing" {
	FAULTLINE_DATA=$TMP refuses "FAULTLINE_DATA is '$TMP', which holds no" \
		check --with unfixed "$RACE"
	CC=nocc refuses "cannot run 'nocc': No such file or directory; install" \
		check --with unfixed "$RACE"
	CC=false refuses "the compiler 'false' does not work" \
		check --with unfixed "$RACE"
	mkdir "$TMP/bin"
	for program in cat head sed timeout wc; do
		ln -s "$(command -v $program)" "$TMP/bin"
	done
	PATH=$TMP/bin refuses "cannot run 'patch': No such file or directory" \
		check --with unfixed "$RACE"
}

# full ARGUMENT...: with a full disk behind stdout.
full() {
	status=0
	"$FAULTLINE" "$@" >/dev/full 2>"$TMP/err" || status=$?
	echo "faultline $* => $status: $(cat "$TMP/err")"
	[ "$status" -eq 2 ]
	[ "$(cat "$TMP/err")" = "faultline: cannot write the output: No space left on device" ]
}

@test "a full disk" {
	full check "$RACE"
	full check --json "$RACE"
	full show "$RACE"
	full compare "$RACE"
	full list
	full bench
	full bench dpor 'ainc(3)'
	full --help
	full --version
}

@test "a full disk, help of a command" {
	full check --help
	full check --usage
	full check --version
}

# ---- limits and signals ----

# It was stopped, and nobody can take it for clean.
is_stopped() {
	echo "status $status: $output"
	[ "$status" -eq 3 ]
	[[ "$(grep '^Verdict ' "$TMP/out")" == *"stopped"*"$1"*"; no bug up to there" ]]
	! grep -E '^(Verdict|Note).*(clean|complete)' "$TMP/out"
}

@test "limits of a search by states" {
	big_test
	for limit in states=100 memory=1M time=0.2; do
		faultline check --limit $limit "$TMP/big.litmus"
		is_stopped "${limit%=*}"
	done
}

@test "a limit on states is met to the state" {
	needs jq
	faultline check --json "$RACE"
	[ "$status" -eq 0 ]
	states=$(jq '.[0].states' "$TMP/out")
	faultline check --json --limit "states=$states" "$RACE"
	[ "$status" -eq 0 ]
	faultline check --json --limit "states=$((states - 1))" "$RACE"
	[ "$status" -eq 3 ]
	jq -e ".[0].states == $((states - 1))" "$TMP/out"
}

@test "exact: the same states, and no chance to lose one" {
	needs jq
	needs_patches
	for with in "" "--with unfixed"; do
		for exact in "" --exact; do
			# shellcheck disable=SC2086 # none, or several words
			faultline check --json $exact $with "$RACE"
			jq 'map({ status, states, steps, executions, outcomes,
				failures })' "$TMP/out" >"$TMP/states$exact"
			jq -e ".[0] | .exact == (\"$exact\" != \"\") and
				(.collision_probability == 0) == .exact and
				.bytes_per_state > 16" "$TMP/out"
		done
		cmp "$TMP/states" "$TMP/states--exact"
	done
	faultline check "$RACE"
	grep -qE '^Verdict .* states of [0-9]+ bytes stored, one lost with probability < [0-9]e-[0-9]+$' "$TMP/out"
	faultline check --exact "$RACE"
	grep -qE '^Verdict .* bytes stored, exact$' "$TMP/out"
	faultline check --exact --faults 1 "$RACE"
	[ "$status" -eq 2 ]
}

@test "limits of a search by executions" {
	big_test
	for limit in executions=100 memory=1K time=0.2; do
		faultline check --faults 20 --limit $limit "$TMP/big.litmus"
		is_stopped "${limit%=*}"
	done
}

@test "a limit on operations cuts executions, and is part of the verdict" {
	needs jq
	faultline check --faults 2 --limit operations=100 "$RACE"
	[ "$status" -eq 3 ]
	[[ "$output" =~ \
		no\ bug\ so\ far\;\ [0-9]+\ executions\ cut\;\ [0-9]+\ at\ the\ limit\ of\ 100\ operations,\ which\ --limit\ operations=N\ raises ]]
	faultline check --json --faults 2 --limit operations=100 "$RACE"
	[ "$status" -eq 3 ]
	jq -e '.[0] | (.complete | not) and .too_long > 0 and
		.too_long <= .cut and .stopped == null' "$TMP/out"
	faultline check --json --faults 2 --limit operations=1K "$RACE"
	jq -e '.[0] | .too_long == 0 and .cut > 0 and .executions == 126' \
		"$TMP/out"
	faultline check --random walk --runs 10 --limit operations=20 "$RACE"
	[ "$status" -eq 3 ]
	[[ "$output" == *"; 10 at the limit of 20 operations, which"* ]]
	faultline bench dpor --limit operations=20 'fib(4)'
	[ "$status" -eq 3 ]
	[[ "$output" == *"executions with too many operations"* ]]
}

@test "limits: JSON and compare say so, a bug found before still counts" {
	needs jq
	big_test
	faultline check --json --limit states=100 "$TMP/big.litmus"
	[ "$status" -eq 3 ]
	jq -e '.[0] | .status == 3 and .complete == false' "$TMP/out"
	faultline compare --limit states=100,time=1 "$TMP/big.litmus"
	[ "$status" -eq 3 ]
	grep -qE '^\(unpatched\) +stopped ' "$TMP/out"
	needs_patches
	faultline check --with unfixed --limit states=100 "$RACE"
	[ "$status" -eq 1 ]
	grep -q '^Verdict .* 1 bug: O1; stopped by the limit on states$' \
		"$TMP/out"
}

@test "compare: a cost search that was stopped is no success" {
	faultline compare --limit executions=10 "$RACE"
	echo "status $status: $output"
	[ "$status" -eq 3 ]
}

@test "a bound on faults is part of the verdict" {
	faultline check --faults 2 "$RACE"
	[ "$status" -eq 3 ]
	grep -qE '^Verdict .* clean up to 2 faults per access; [1-9][0-9]* executions cut$' "$TMP/out"
	faultline check --faults 2 corpus/private-read-vs-map.litmus
	[ "$status" -eq 0 ]
	grep -qE '^Verdict .* clean, complete by executions: [0-9]+ executions$' "$TMP/out"
}

@test "at random: never clean, and the seed repeats it" {
	for strategy in walk pct surw; do
		faultline check --random $strategy --runs 200 --seed 7 "$RACE"
		echo "status $status: $output"
		[ "$status" -eq 3 ]
		grep -q '^Incomplete' "$TMP/out"
		grep -qE '^Verdict .* no bug met; 200 runs of .*, seed 7; not exhaustive: ' "$TMP/out"
		grep -v '^Time ' "$TMP/out" >"$TMP/first"
		faultline check --random $strategy --runs 200 --seed 7 "$RACE"
		grep -v '^Time ' "$TMP/out" | diff "$TMP/first" -
		# a fresh seed is told, and does the same again
		faultline check --random $strategy --runs 20 "$RACE"
		grep -v '^Time ' "$TMP/out" >"$TMP/first"
		seed=$(sed -n 's/^Verdict .*, seed \([0-9]*\);.*/\1/p' "$TMP/out")
		faultline check --random $strategy --runs 20 --seed "$seed" \
			"$RACE"
		grep -v '^Time ' "$TMP/out" | diff "$TMP/first" -
	done
}

@test "at random, with a bound on faults and a limit" {
	faultline check --random walk --faults 1 --runs 100 --seed 1 "$RACE"
	[ "$status" -eq 3 ]
	grep -qE '^Verdict .*, [0-9]+ cut, seed 1; not exhaustive' "$TMP/out"
	big_test
	faultline check --random pct --runs 1000000000 --limit time=0.2 \
		"$TMP/big.litmus"
	[ "$status" -eq 3 ]
	grep -qE '^Verdict .*stopped by the limit on time, seed ' "$TMP/out"
}

@test "a bound on preemptions is part of the verdict" {
	faultline check --preemptions 1 "$RACE"
	[ "$status" -eq 3 ]
	grep -qE '^Verdict .* clean up to 1 preemption: [0-9]+ states of [0-9]+ bytes stored, one lost with probability < [0-9]e-[0-9]+; not exhaustive: ' "$TMP/out"
	faultline check --preemptions 50 "$RACE"
	[ "$status" -eq 0 ]
	grep -qE '^Verdict .* clean, complete by states: .*; every state is reached ' "$TMP/out"
}

@test "each way to look at a part finds both races of 2017, and draws them" {
	needs_patches
	for how in '--random walk' '--random pct' '--random surw'; do
		# shellcheck disable=SC2086 # several words
		finds_races $how --seed 5
	done
	finds_races --preemptions 1
}

finds_races() {
	faultline check --with unfixed "$@" "$RACE"
	echo "$*: status $status: $output"
	[ "$status" -eq 1 ]
	grep -qE '^Verdict .* 2 bugs: O1 O12; .*not exhaustive: ' "$TMP/out"
	[ "$(grep -c ' \^\^\^\^ O' "$TMP/out")" -eq 2 ]
	for replay in $(sed -n 's/^Replay: .* --replay \([^ ]*\) .*/\1/p' \
			"$TMP/out"); do
		faultline show --with unfixed --replay "$replay" "$RACE"
		[ "$status" -eq 1 ]
	done
}

# A signal after a second, to a search that would take hours.
interrupt() {
	signal=$1
	shift
	big_test
	"$FAULTLINE" "$@" "$TMP/big.litmus" "$RACE" >"$TMP/out" 2>"$TMP/err" \
		</dev/null 3>&- &
	sleep 1
	kill -"$signal" $!
	status=0
	wait $! || status=$?
	output=$(cat "$TMP/out" "$TMP/err")
}

@test "signals stop a search; no other test is begun" {
	interrupt INT check
	is_stopped ""
	interrupt TERM check --faults 20
	is_stopped ""
	[ "$(grep -c '^Test ' "$TMP/out")" -eq 1 ]
	[ ! -s "$TMP/err" ]
}

@test "signals: JSON is whole, compare has status 3" {
	needs jq
	interrupt INT check --json
	[ "$status" -eq 3 ]
	jq -e 'length == 1 and .[0].status == 3 and (.[0].complete | not)' \
		"$TMP/out"
	interrupt INT compare
	[ "$status" -eq 3 ]
	! grep ' clean ' "$TMP/out"
}

# ---- the forms of the output ----

@test "help and version" {
	for command in '' check compare show list bench; do
		# shellcheck disable=SC2086 # none, or one
		faultline $command --help
		[ "$status" -eq 0 ]
		grep -q '^Usage: faultline' "$TMP/out"
		[ ! -s "$TMP/err" ]
		# shellcheck disable=SC2086
		faultline $command --version
		[ "$status" -eq 0 ]
		[[ "$output" =~ ^faultline\ [0-9.]+$ ]]
	done
}

@test "list: every test, then every patch, a line each" {
	faultline list
	[ "$status" -eq 0 ]
	for file in corpus/*.litmus; do
		grep -q "^  $(basename "$file" .litmus) " "$TMP/out"
	done
	for file in patches/*.patch; do
		trips=$(sed -n 's/^Trips: *//p' "$file" | sed 's/none/-/')
		grep -qE "^  $(basename "$file" .patch) +$trips " "$TMP/out"
	done
	[ "$(grep -c '^  ' "$TMP/out")" -eq \
		"$(ls corpus/*.litmus patches/*.patch | wc -l)" ]
	[[ "$(head -n 1 "$TMP/out")" == "Litmus tests in "* ]]
}

# The lines of herd's block: which, and that there is nothing between.
is_block() {
	awk -v RS= -v status=1 'NR == 1 {
		n = split($0, line, "\n")
		if (line[1] !~ /^Test [^ ]+ (Allowed|Required|Forbidden)$/) exit
		if (line[2] !~ /^States [0-9]+$/) exit
		split(line[2], states, " ")
		i = 3 + states[2]
		for (k = 3; k < i; k++)
			if (line[k] !~ /;$/) exit
		if (line[i++] !~ /^(Ok|No)$/) exit
		if (line[i++] != "Witnesses") exit
		if (line[i++] !~ /^Positive: [0-9]+ Negative: [0-9]+$/) exit
		if (line[i++] !~ /^Condition (forall|exists|~exists) \(/) exit
		if (line[i++] !~ /^Observation [^ ]+ (Never|Sometimes|Always) [0-9]+ [0-9]+$/) exit
		if (line[i++] !~ /^Time [^ ]+ [0-9.]+$/) exit
		if (line[i++] !~ /^Verdict [^ ]+ /) exit
		status = i == n + 1 ? 0 : 1
		exit
	} END { exit status }' "$TMP/out"
}

@test "the block is herd's" {
	for file in corpus/private-*.litmus; do
		faultline check "$file"
		echo "$output"
		is_block
	done
	faultline check corpus/private-message-passing.litmus
	grep -qx 'Test private-message-passing Forbidden' "$TMP/out"
	grep -qx Ok "$TMP/out"
	grep -qE '^Observation private-message-passing Never 0 [1-9]' "$TMP/out"
}

@test "a condition that does not hold is a bug, with its own name" {
	race_with 's/^forall.*/forall (1:r0=7)/' >"$TMP/never.litmus"
	faultline check "$TMP/never.litmus"
	echo "$output"
	[ "$status" -eq 1 ]
	is_block
	grep -qx No "$TMP/out"
	grep -qE '^Bug 1 of 1: condition, ' "$TMP/out"
	race_with 's/^forall.*/exists (1:r0=7)/' >"$TMP/never.litmus"
	faultline check "$TMP/never.litmus"
	[ "$status" -eq 1 ]
	is_block
	grep -q '^Verdict .* no execution satisfies the condition$' "$TMP/out"
}

@test "expect: with the patch it is met, without it is missing" {
	needs_patches
	{ cat "$RACE"; echo 'expect O1'; echo 'expect O12'; } \
		>"$TMP/expect.litmus"
	faultline check --with unfixed "$TMP/expect.litmus"
	[ "$status" -eq 0 ]
	grep -q '^Verdict .* 2 bugs, as expected: O1 O12$' "$TMP/out"
	faultline check "$TMP/expect.litmus"
	[ "$status" -eq 1 ]
	grep -q '^Verdict .* expected to trip, and did not: O1 O12$' "$TMP/out"
}

@test "--first stops at the first bug" {
	needs_patches
	faultline check --first --with unfixed "$RACE"
	[ "$status" -eq 1 ]
	[ "$(grep -c '^Bug ' "$TMP/out")" -eq 1 ]
}

# The text on stdin is a diagram of two CPUs, or several.
is_diagram() {
	tee "$TMP/diagram"
	! LC_ALL=C grep -n '[^ -~]' "$TMP/diagram"
	! grep -nE '0x|[0-9a-f]{12}' "$TMP/diagram"
	! grep -nE '^.{79}' "$TMP/diagram"
	grep -qE '^CPU0 {36}CPU1$' "$TMP/diagram"
	grep -qE '^---- {36}----$' "$TMP/diagram"
}

@test "diagrams of tests that pass" {
	for file in $(grep -L '| *P2' corpus/*.litmus); do
		faultline show "$file"
		[ "$status" -eq 0 ]
		is_diagram <"$TMP/out"
		grep -q '^ends in: ' "$TMP/out"
	done
}

@test "diagrams of bugs: oracle, mark, the kernel's words" {
	needs jq
	needs_patches
	for patch in unfixed v4.11 zap-bad-pmd fix-incomplete-retry; do
		# shellcheck disable=SC2046 # one word for each file
		faultline check --json --with $patch \
			$(grep -L '| *P2' corpus/*.litmus)
		[ "$status" -eq 1 ]
		jq -e '[.[].failures[] |
			.oracle as $o | .diagram |
			test("\\^\\^\\^\\^ " + $o + "\n") and
			test("\n" + $o + ": ")] | length > 0 and all' "$TMP/out"
		jq -r '.[].failures[].diagram' "$TMP/out" >"$TMP/diagrams"
		is_diagram <"$TMP/diagrams"
	done
}

@test "diagrams with three CPUs are ASCII without addresses" {
	needs_patches
	faultline check --with unfixed "$THREE"
	[ "$status" -eq 1 ]
	grep -qE '^CPU0 +CPU1 +CPU2$' "$TMP/out"
	! LC_ALL=C grep -n '[^ -~]' "$TMP/out"
	! grep -nE '0x' "$TMP/out"
}

@test "JSON has the keys of faultline(1)" {
	needs jq
	needs_patches
	faultline check --json --with unfixed "$RACE" \
		corpus/private-read-vs-map.litmus
	[ "$status" -eq 1 ]
	[ ! -s "$TMP/err" ]
	jq -e 'length == 2 and all(keys - ["cycle"] == ([
		"test", "file", "with", "verdict", "status", "complete",
		"condition", "mode", "states", "steps", "state_bytes",
		"search_bytes", "executions", "cut", "too_long", "seconds",
		"exact", "bytes_per_state", "collision_probability", "outcomes", "failures"] | sort))' \
		"$TMP/out"
	jq -e '.[0].failures | length == 2 and all(keys == ([
		"oracle", "message", "function", "file", "line", "hits",
		"replay", "diagram"] | sort))' "$TMP/out"
	jq -e '.[0] | .with == ["unfixed"] and .status == 1 and
		([.failures[].oracle] | sort) == ["O1", "O12"]' "$TMP/out"
	jq -e '.[1] | .status == 0 and .complete and .failures == [] and
		(.outcomes | length == 2 and
		 all(keys == ["satisfies", "state", "witnesses"]))' "$TMP/out"
	faultline check --json "$RACE"
	jq -e '.[0].cycle | .operations > 0 and .shortest and
		keys == ["operations", "replay", "shortest"]' "$TMP/out"
	faultline check --json "$TMP/missing"
	[ "$status" -eq 2 ]
	jq -e 'length == 1 and .[0].status == 2' "$TMP/out"
}

@test "compare: a row for each engine, the unpatched one first" {
	needs_patches
	faultline compare --with unfixed,no-pte-recheck+no-finish-check "$RACE"
	echo "$output"
	[ "$status" -eq 1 ]
	grep -A 4 '^engine ' "$TMP/out" | awk '{ print $1 }' | xargs |
		grep -qx 'engine (unpatched) unfixed no-pte-recheck+no-finish-check'
	grep -qE '^\(unpatched\) +clean ' "$TMP/out"
	grep -qE '^unfixed +O1 O12 ' "$TMP/out"
	grep -qE '^no-pte-recheck\+no-finish-check +O12 ' "$TMP/out"
	! grep -E '^.{111}' "$TMP/out"
}

# ---- bench ----

@test "bench: names every program, a line each" {
	faultline bench
	[ "$status" -eq 0 ]
	for name in indexer filesystem readers lastzero fib ainc inc \
		mutex-counter philosophers ticket-lock lastwrite; do
		grep -qE "^  $name\(N\) .* N: [12] to [0-9]+$" "$TMP/out"
	done
	[ "$(grep -c '^  ' "$TMP/out")" -eq 11 ]
}

@test "bench dpor: the columns, a row a program, the numbers of the table" {
	faultline bench dpor 'indexer(13)' 'mutex counter(4)' philosophers \
		'inc(3)'
	echo "$output"
	[ "$status" -eq 0 ]
	[ ! -s "$TMP/err" ]
	[ "$(head -n 1 "$TMP/out" | xargs)" = \
		'program executions redundant blocked seconds rate ceiling ratio MB' ]
	sed '1d; /^$/,$d' "$TMP/out" >"$TMP/rows"
	awk '{ print $1, $2, $3, $4 }' "$TMP/rows" | diff - <(cat <<-'END'
		indexer(13) 64 0 0
		mutex-counter(4) 24 0 0
		philosophers(10) 1022 0 0
		philosophers(14) 16382 0 0
		inc(3) 328 0 0
	END
	)
	# rate = executions / seconds, ratio = rate / ceiling, all above 0
	awk 'NF != 9 || $5 <= 0 || $6 <= 0 || $7 <= 0 || $9 <= 0 { exit 1 }
	     $5 > 0.01 && ($2 / $5 > 1.05 * $6 || $2 / $5 < 0.95 * $6) { exit 1 }
	     $8 - 100 * $6 / $7 > 0.1 || 100 * $6 / $7 - $8 > 0.1 { exit 1 }' \
		"$TMP/rows"
	! grep -E '^.{93}' "$TMP/out"
}

@test "bench dpor: the seconds of others on request, and whose they are" {
	faultline bench dpor --peers 'fib(6)' 'ainc(2)'
	echo "$output"
	[ "$status" -eq 0 ]
	grep -qE '^program .* MB \| +GenMC +times +Nidhugg +times$' "$TMP/out"
	# seconds, and in proportion to ours
	awk '$1 == "fib(6)" {
		if ($2 != 73789 || $11 != "5.60" || $13 != "6.90")
			exit 1
		genmc = $11 / $5 / $12
		nidhugg = $13 / $5 / $14
		exit !(genmc > 0.99 && genmc < 1.01 &&
		       nidhugg > 0.99 && nidhugg < 1.01)
	}' "$TMP/out"
	grep -qE '^ainc\(2\) .*\| +- +- +- +-$' "$TMP/out"
	grep -q 'on another machine' "$TMP/out"
	faultline bench dpor 'ainc(2)'
	! grep -E 'GenMC|Nidhugg|SPIN' "$TMP/out"
}

@test "bench dpor --by-states" {
	faultline bench dpor --by-states --peers 'inc(6)' 'ticket-lock(3)' \
		'readers(7)'
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(head -n 1 "$TMP/out" | xargs)" = \
		'program states seconds MB bytes stored | SPIN times' ]
	grep -qE '^inc\(6\) .*\| +0.10 +[0-9.]+$' "$TMP/out"
	grep -qE '^ticket-lock\(3\) .*\| +- +-$' "$TMP/out"
	# each of 8 threads is before or behind its only operation
	[ "$(awk '$1 == "readers(7)" { print $2 }' "$TMP/out")" -eq 256 ]
}

@test "bench dpor --by-states --exact: as many states, and more of each" {
	needs jq
	for exact in "" --exact; do
		# shellcheck disable=SC2086 # none, or a word
		faultline bench dpor --json --by-states $exact 'inc(6)'
		[ "$status" -eq 0 ]
		cp "$TMP/out" "$TMP/inc$exact"
	done
	jq -es '.[0][0].states == .[1][0].states and
		.[0][0].bytes_per_state > 16 and
		.[0][0].bytes_per_state < .[1][0].bytes_per_state' \
		"$TMP/inc" "$TMP/inc--exact"
	refuses "--exact is for --by-states" bench dpor --exact 'inc(2)'
}

@test "bench dpor --json" {
	needs jq
	faultline bench dpor --json --peers 'ainc(9)' 'fib(2)' \
		--limit executions=1000
	[ "$status" -eq 3 ]
	jq -e 'length == 2' "$TMP/out"
	jq -e '.[0] | .program == "ainc" and .n == 9 and .exact == 362880 and
		.executions >= 1000 and .executions < 362880 and
		(.complete | not) and .stopped == "the limit on executions" and
		.wrong == "incomplete: stopped by the limit on executions" and
		.peers == {genmc: 37.5, nidhugg: 60.6, spin: 0.1}' "$TMP/out"
	jq -e '.[1] | .executions == 19 and .exact == 19 and .complete and
		.redundant == 0 and .blocked == 0 and .ratio > 0 and
		([.rate / .ceiling - .ratio] | all(. < 0.001 and . > -0.001)) and
		keys == (["program", "n", "complete", "seconds", "search_bytes",
			"executions", "exact", "redundant", "blocked", "rate",
			"ceiling", "ratio"] | sort)' "$TMP/out"
	faultline bench dpor --json --by-states 'ainc(3)'
	[ "$status" -eq 0 ]
	jq -e '.[0] | .states == 8 and keys == (["program", "n", "complete",
		"seconds", "search_bytes", "states", "state_bytes",
		"bytes_per_state"] | sort)' "$TMP/out"
}

@test "bench dpor: a row that is stopped says so, and is no success" {
	faultline bench dpor --limit time=0.2 'ainc(12)' 'ainc(3)'
	echo "$output"
	[ "$status" -eq 3 ]
	grep -qE '^ainc\(12\) +[1-9]' "$TMP/out"
	grep -qx 'ainc(12): incomplete: stopped by the limit on time' "$TMP/out"
	grep -qE '^ainc\(3\) +6 ' "$TMP/out"
	"$FAULTLINE" bench dpor 'ainc(3)' 'ainc(12)' 'ainc(4)' >"$TMP/out" \
		2>"$TMP/err" </dev/null 3>&- &
	sleep 2
	kill -INT $!
	status=0
	wait $! || status=$?
	cat "$TMP/out" "$TMP/err"
	[ "$status" -eq 3 ]
	[ ! -s "$TMP/err" ]
	grep -qE '^ainc\(3\) +6 ' "$TMP/out"
	grep -qE '^ainc\(12\) +[1-9]' "$TMP/out"
	grep -qx 'ainc(12): incomplete: stopped by a signal' "$TMP/out"
	! grep '^ainc(4)' "$TMP/out"
}

# ---- engines with bugs of every kind ----

@test "an engine that dereferences NULL: O9" {
	needs_patches
	in_pte_fault null '*(volatile int *)0 = 1;'
	has_bug null O9 'segmentation fault'
}

@test "an engine that recurses without end: O9" {
	needs_patches
	make_patch recurse dax/fault.c '
		/^static vm_fault_t dax_iomap_pte_fault/i \
		int deeper(volatile int *n); \
		int deeper(volatile int *n) { volatile int m = *n + 1; return deeper(\&m) + m; }
		/^\tret = dax_fault_page(vmf, sync_pfn);/i { volatile int n = 0; deeper(\&n); }'
	has_bug recurse O9 ''
}

@test "an engine that loops without any operation: O7" {
	needs_patches
	in_pte_fault loop 'for (volatile int forever = 1; forever;) ;'
	has_bug loop O7 'without an operation'
}

@test "an engine that loops and reads: O7" {
	needs_patches
	in_pte_fault spin 'while (pmd_load(vmf->pmd) != 7) ;'
	has_bug spin O7 'for ever'
}

@test "an engine that takes two locks in both orders: O11" {
	needs_patches
	a='machine_spin_LOCK(\&mapping->i_pages);'
	b='machine_spin_LOCK(\&vmf->vma->vm_mm->page_table_lock);'
	make_patch abba dax/fault.c "
		/^\tret = dax_fault_page(vmf, sync_pfn);/i ${a//LOCK/lock} ${b//LOCK/lock} ${b//LOCK/unlock} ${a//LOCK/unlock}
		/^\tret = dax_fault_huge_page/i ${b//LOCK/lock} ${a//LOCK/lock} ${a//LOCK/unlock} ${b//LOCK/unlock}"
	has_bug abba O11 'circular'
}

@test "an engine that forgets to wake a sleeper: O7" {
	needs_patches
	make_patch wake dax/entry.c \
		'/^\tdax_wake_entry(mapping, slot->index, WAKE_NEXT);/d'
	has_bug wake O7 'a sleeper without a future waker'
}

@test "an engine that leaks: O14" {
	needs_patches
	in_pte_fault leak 'machine_alloc(8, "forgotten");'
	has_bug leak O14 'forgotten'
}

@test "an engine that sleeps under a spinlock: O11" {
	needs_patches
	in_pte_fault sleep 'machine_spin_lock(\&mapping->i_pages); machine_free(machine_alloc(8, "nap")); machine_spin_unlock(\&mapping->i_pages);'
	has_bug sleep O11 'may sleep while the spinlock i_pages is held'
}

@test "an engine that unlocks twice: O11" {
	needs_patches
	in_pte_fault twice 'machine_spin_lock(\&mapping->i_pages); machine_spin_unlock(\&mapping->i_pages); machine_spin_unlock(\&mapping->i_pages);'
	has_bug twice O11 'i_pages'
}

@test "an engine that never unlocks an entry: O11" {
	needs_patches
	make_patch held dax/fault.c \
		'/^\tdax_unlock_entry(mapping, vmf->pgoff);$/d'
	has_bug held O11 'entry still locked'
}

@test "an engine that breaks its own invariant: that one" {
	needs_patches
	in_pte_fault invariant 'BUG_ON(13, mapping);'
	has_bug invariant O13 'kernel BUG at engine/dax/fault.c'
}

@test "an engine that uses what it has freed: O14" {
	needs_patches
	in_pte_fault freed '{ uint64_t *word = machine_alloc(8, "gone"); machine_free(word); machine_store(word, 1); }'
	has_bug freed O14 'freed'
}
