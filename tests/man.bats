#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What faultline(1) shows is what the program prints, and it has every option;
# libchecker(3) has every function.
#
# An example of the page is a display behind a line `.\" example STATUS`: a
# command behind `$ `, over as many lines as end in a backslash, then its
# output.  A line `...` stands for any number of lines.  Times, schedules and
# numbers that stand alone may differ.

PAGE=man/faultline.1

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${FAULTLINE:=$PWD/faultline}" "${BUILD:=build}"
}

faultline() {
	"$FAULTLINE" "$@"
}

is_sanitized() {
	grep -qs sanitize "$BUILD/flags"
}

# Write each example to FOLDER/N.{status,command,output}, N from 1.
extract() {
	awk -v folder="$1" '
	function plain(line) {
		gsub(/\\&/, "", line)
		gsub(/\\-/, "-", line)
		gsub(/\\\(ha/, "^", line)
		gsub(/\\\(ti/, "~", line)
		gsub(/\\\(aq/, "\047", line)
		gsub(/\\\(ga/, "`", line)
		gsub(/\\e/, "\\", line)
		return line
	}
	/^\.\\" example / {
		name = folder "/" ++n
		print $3 >(name ".status")
		printf "" >(name ".output")
		command = 1
		next
	}
	/^\.Bd/ { inside = name != ""; next }
	/^\.Ed/ { inside = 0; name = ""; next }
	inside && command {
		line = plain($0)
		sub(/^\$ /, "", line)
		print line >(name ".command")
		command = line ~ /\\$/
		next
	}
	inside { print plain($0) >(name ".output") }
	' "$PAGE"
}

# Take out what may differ from run to run and from engine to engine.
level() {
	sed -E -e 's/--replay [^ ]+/--replay SCHEDULE/' \
		-e ': again' \
		-e 's/(^| ) *[0-9]+([.\/][0-9]+)*( |$)/\1N\3/' \
		-e 't again'
}

# Does the output in file $2 have the form of that in file $1?
agrees() {
	awk -v wanted="$1" '
	BEGIN {
		while ((getline line <wanted) > 0)
			want[++nr] = line
		i = 1
	}
	function skip() {
		while (i <= nr && want[i] == "...") {
			any = 1
			i++
		}
	}
	{
		skip()
		if (i <= nr && $0 == want[i]) {
			any = 0
			i++
		} else if (!any) {
			print "line " NR " is:  " $0
			print "on the page: " want[i]
			bad = 1
			exit 1
		}
	}
	END {
		if (bad)
			exit 1
		skip()
		if (i <= nr) {
			print "not printed: " want[i]
			exit 1
		}
	}' "$2"
}

differs() {
	if agrees "$@"; then return 1; fi
}

@test "a comparison of examples notices what differs" {
	cd "$BATS_TEST_TMPDIR"
	printf '%s\n' a ... c d >wanted
	printf '%s\n' a b b c d >same
	printf '%s\n' a b b d >missing
	printf '%s\n' a c d e >longer
	printf '%s\n' b c d >other
	agrees wanted same
	differs wanted missing
	differs wanted longer
	differs wanted other
	[ "$(echo 'Positive: 12 Negative: 0' | level)" = \
		'Positive: N Negative: N' ]
	[ "$(echo 'split    3.1/4  10 0.047' | level)" = 'split N N N' ]
	[ "$(echo '^^^^ O1' | level)" = '^^^^ O1' ]
	[ "$(echo 'pte[p+0]: none -> copy' | level)" = \
		'pte[p+0]: none -> copy' ]
}

@test "the examples of faultline(1) print what they show" {
	examples=$BATS_TEST_TMPDIR/examples
	mkdir "$examples"
	extract "$examples"
	[ -s "$examples/5.command" ]
	for command in "$examples"/*.command; do
		name=${command%.command}
		# A patched engine is compiled without sanitizers.
		if is_sanitized && grep -q -e --with "$command"; then
			continue
		fi
		cat "$command"
		run source "$command"
		echo "$output" >"$name.printed"
		echo "exit status $status"
		[ "$status" -eq "$(cat "$name.status")" ]
		level <"$name.output" >"$name.wanted"
		level <"$name.printed" >"$name.found"
		agrees "$name.wanted" "$name.found"
	done
}

@test "the command behind Replay: shows the same diagram" {
	is_sanitized && skip "a patched engine is compiled without sanitizers"
	cd "$BATS_TEST_TMPDIR"
	cp "$OLDPWD/corpus/private-write-vs-private-read.litmus" .
	faultline check --with unfixed private-write-vs-private-read.litmus \
		>checked || [ $? -eq 1 ]
	sed -n 's/^Replay: //p' checked | head -n 1 >replay
	[ -s replay ]
	run source ./replay
	[ "$status" -eq 1 ]
	echo "$output" >drawn
	awk '/^Replay:/ { exit } /^set-up:/ { on = 1 } on' checked |
		diff -B - drawn
}

# The options that `faultline $1 --help` tells, a line each, sorted.
helped() {
	faultline "$1" --help |
		grep -oE '^ +(-.(, )?)?(--[a-z-]+)?' |
		grep -oE -e '-[^ ,]+' | sort
}

# The options that the page has under heading $1.
paged() {
	awk -v heading=".Ss $1" '
	/^\.S[sh]/ { on = $0 == heading }
	on && /^\.It Fl/ {
		gsub(/\\&/, "")
		for (i = 2; i < NF; i++)
			if ($i == "Fl")
				print "-" $(i + 1)
	}' "$PAGE"
}

@test "faultline(1) has the options of each --help, and no others" {
	for command in check compare probe show list bench; do
		echo "$command"
		helped "$command" >"$BATS_TEST_TMPDIR/helped"
		grep -qx -e --help "$BATS_TEST_TMPDIR/helped"
		{ paged "faultline $command"; paged 'Options of every command'; } |
			sort | diff "$BATS_TEST_TMPDIR/helped" -
	done
}

@test "the synopsis has each option once" {
	for command in check compare probe show list bench; do
		echo "$command"
		paged "faultline $command" | awk '
			/^--/ { if (!short) print; short = 0; next }
			{ print; short = 1 }' | sort >"$BATS_TEST_TMPDIR/options"
		awk -v command="$command" '
		/^\.Sh/ { on = $2 == "SYNOPSIS" }
		/^\.Cm/ { mine = $2 == command }
		on && mine && /^\.Op Fl/ { print "-" $3 }
		' "$PAGE" | sort | diff "$BATS_TEST_TMPDIR/options" -
	done
}

@test "faultline(1) has the commands of --help, and no others" {
	faultline --help | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort \
		>"$BATS_TEST_TMPDIR/commands"
	[ -s "$BATS_TEST_TMPDIR/commands" ]
	sed -n 's/^\.Ss faultline //p' "$PAGE" | sort |
		diff "$BATS_TEST_TMPDIR/commands" -
	awk '/^\.Sh/ { on = $2 == "SYNOPSIS" }
	     on && $1 == ".Cm" && $2 != "help" { print $2 }' "$PAGE" | sort |
		diff "$BATS_TEST_TMPDIR/commands" -
}

@test "faultline(1) has the keys of --json, and no others" {
	is_sanitized && skip "a patched engine is compiled without sanitizers"
	faultline check --json --with unfixed \
		corpus/private-write-vs-private-read.litmus \
		>"$BATS_TEST_TMPDIR/json" || [ $? -eq 1 ]
	faultline check --json --limit states=10 \
		corpus/private-write-vs-private-read.litmus \
		>>"$BATS_TEST_TMPDIR/json" || [ $? -eq 3 ]
	for how in '--preemptions 1' '--random walk --runs 10'; do
		# shellcheck disable=SC2086 # several words
		faultline check --json $how \
			corpus/private-write-vs-private-read.litmus \
			>>"$BATS_TEST_TMPDIR/json" || [ $? -eq 3 ]
	done
	grep -oE '^ +"[a-z_]+":' "$BATS_TEST_TMPDIR/json" | tr -d ' ":' |
		sort -u >"$BATS_TEST_TMPDIR/keys"
	awk '/^\.Sh/ { on = $2 == "JSON" } on' "$PAGE" \
		>"$BATS_TEST_TMPDIR/section"
	while read -r key; do
		echo "$key"
		grep -qw -e "$key" "$BATS_TEST_TMPDIR/section"
	done <"$BATS_TEST_TMPDIR/keys"
	sed -n 's/^\.It Li //p' "$BATS_TEST_TMPDIR/section" | tr -d ' ' |
		tr , '\n' | sort | comm -13 "$BATS_TEST_TMPDIR/keys" - \
		>"$BATS_TEST_TMPDIR/surplus"
	[ ! -s "$BATS_TEST_TMPDIR/surplus" ]
}

# The names of the headers that a program calls; not what macros expand to.
declared() {
	grep -ohE '^(#define )?[_a-z].*\bcheck_[a-z_]+ ?\(|^#define check_[a-z_]+\(' \
		include/*.h | grep -oE 'check_[a-z_]+ ?\(' | tr -d ' (' |
		grep -vE '_(at|fails)$' | sort -u
	echo check_op_at
}

@test "libchecker(3) has the functions of the headers, and no others" {
	declared | sort >"$BATS_TEST_TMPDIR/declared"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/declared")" -gt 80 ]
	grep -oE '^\.(It )?Fn check_[a-z_]+' man/libchecker.3 |
		grep -oE 'check_[a-z_]+' | sort -u |
		diff "$BATS_TEST_TMPDIR/declared" -
}

# Fields of the structs of checker.h that are the caller's to use.
fields() {
	awk '
	/^struct check_(program|options|result|failure|cycle|schedule|segment|progress|listener|place|message|post) \{/ {
		inside = 1
		next
	}
	/^}/ { inside = 0 }
	{
		gsub(/\/\*([^*]|\*[^\/])*\*\//, "")
		if (comment || /\/\*/) {
			comment = !/\*\//
			sub(/\/\*.*/, "")
			if (comment && !/;/)
				next
		}
	}
	inside && /^\t[a-z].*\(\*[a-z_]+\)/ {
		match($0, /\(\*[a-z_]+\)/)
		print substr($0, RSTART + 2, RLENGTH - 3)
		next
	}
	inside && /^\t[a-z][^()]*;/ {
		sub(/(\[[A-Z0-9_]*\])?;.*/, "")
		sub(/.*[ *]/, "")
		print
	}' include/checker.h include/checker_post.h | sort -u
}

@test "libchecker(3) has the fields and the constants of the headers" {
	fields >"$BATS_TEST_TMPDIR/fields"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/fields")" -gt 80 ]
	for one in mode cpu_seconds nr_threads segments told leave text; do
		grep -qx $one "$BATS_TEST_TMPDIR/fields"
	done
	grep -E '^\.(It )?Va ' man/libchecker.3 | grep -oE '[a-z_]{2,}' |
		sort -u >"$BATS_TEST_TMPDIR/paged"
	comm -23 "$BATS_TEST_TMPDIR/fields" "$BATS_TEST_TMPDIR/paged" \
		>"$BATS_TEST_TMPDIR/missing"
	cat "$BATS_TEST_TMPDIR/missing"
	[ ! -s "$BATS_TEST_TMPDIR/missing" ]
	comm -13 "$BATS_TEST_TMPDIR/fields" "$BATS_TEST_TMPDIR/paged" \
		>"$BATS_TEST_TMPDIR/surplus"
	cat "$BATS_TEST_TMPDIR/surplus"
	[ ! -s "$BATS_TEST_TMPDIR/surplus" ]
	# of macros, those that others are made of are nobody's
	grep -ohE '^(#define |[[:space:]])CHECK_[A-Z_]+' include/checker.h |
		grep -oE 'CHECK_[A-Z_]+' | sort -u >"$BATS_TEST_TMPDIR/names"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/names")" -gt 25 ]
	while read -r name; do
		echo "$name"
		grep -qw -e "$name" man/libchecker.3
	done <"$BATS_TEST_TMPDIR/names"
}

@test "libfaultline(3) has the functions of the header, and no others" {
	grep -oE '^[a-z].*\bfl_[a-z_]+\(' include/faultline.h |
		grep -oE 'fl_[a-z_]+\($' | tr -d '(' | sort -u \
		>"$BATS_TEST_TMPDIR/declared"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/declared")" -gt 30 ]
	grep -oE '^\.(It )?Fn fl_[a-z_]+ .*' man/libfaultline.3 |
		grep -oE 'fl_[a-z_]+' | sort -u |
		diff "$BATS_TEST_TMPDIR/declared" -
}

@test "the pages give no warnings" {
	command -v mandoc >/dev/null || command -v groff >/dev/null ||
		skip "neither mandoc nor groff is here"
	for page in man/*.[1-9]; do
		echo "$page"
		if command -v mandoc >/dev/null; then
			mandoc -Tlint -Wwarning "$page"
		fi
		if command -v groff >/dev/null; then
			run groff -ww -mdoc -Tascii -z "$page"
			[ "$status" -eq 0 ]
			[ -z "$output" ]
		fi
	done
}
