#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The commands of doc/claims.md are there, and those that take a second print
# what stands behind them: all of the line that is between backquotes, where
# `...` is anything.

PAGE=doc/claims.md

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${BUILD:=build}"
	RACE=$(sed -n 's/^RACE=//p' $PAGE)
	export RACE
}

# Lines of the tables: command, seconds, what to look for, between tabs.
rows() {
	awk -F ' *[|] ' '/^[|] / && !/^[|] (claim|---)/ {
		gsub(/`/, "", $3)
		sub(/ *[|]$/, "", $5)
		print $3 "\t" $4 "\t" $5
	}' $PAGE
}

# has_options COMMAND WORD...: the command has these options.
has_options() {
	./faultline "$1" --help >"$BATS_TEST_TMPDIR/help"
	for word in "${@:2}"; do
		case $word in
		--*) grep -qE -e "$word( |=|\$)" "$BATS_TEST_TMPDIR/help" ;;
		esac
	done
}

# is_there WORD...: of a command, its assignments left out.
is_there() {
	local test
	case $1 in
	./faultline)
		has_options "${@:2}"
		;;
	build/*)
		grep -q "^\$(BUILD)/${1#build/}:" Makefile ||
			[ -e "tests/${1#build/}.c" ]
		test=${2#\*}
		[ -z "$2" ] || grep -qF -e "${test%\*}" "tests/${1#build/}.c"
		;;
	bench/*)
		[ -x "$1" ]
		[ -z "$2" ] || grep -qw -e "$2" "$1"
		;;
	make)
		grep -q "^$2:" Makefile
		;;
	bats)
		[ "${3:--f}" = -f ]
		grep -q -e "^@test \".*$4" "$2"
		;;
	*)
		false
		;;
	esac
}

@test "each command of doc/claims.md is there" {
	[ -e "$RACE" ]
	[ "$(rows | wc -l)" -gt 40 ]
	while IFS=$'\t' read -r command seconds looks; do
		echo "$command"
		[[ $seconds =~ ^[0-9]+$ ]]
		[[ $command =~ ^([A-Z]+=[0-9]+ )?(.*) ]]
		eval "set -- ${BASH_REMATCH[2]}"
		is_there "$@"
	done < <(rows)
}

@test "what bench/ measures with can be built" {
	[ "$BUILD" = build ] || skip "once is enough"
	make -s build/estimate build/record build/balance 3>&-
	[ -x build/estimate ] && [ -x build/record ] && [ -x build/balance ]
}

@test "doc/claims.md has all requirements, and is linked to" {
	for n in 1 2 3 4 5 6 7 8 9; do
		grep -q "^## .* ($n)\$" $PAGE
	done
	grep -q 'doc/claims.md' README.md
	grep -q 'doc/claims.md' DESIGN.md
}

@test "what takes a second prints what stands behind it" {
	[ "$BUILD" = build ] || skip "the commands are about build/"
	unset CMOCKA_MESSAGE_OUTPUT
	while IFS=$'\t' read -r command seconds looks; do
		[ "$seconds" -eq 1 ] || continue
		echo "$command"
		expected=0
		if [[ $looks =~ exit\ status\ ([0-9]) ]]; then
			expected=${BASH_REMATCH[1]}
		fi
		status=0
		eval "$command" >"$BATS_TEST_TMPDIR/out" 2>&1 </dev/null ||
			status=$?
		[ "$status" -eq "$expected" ]
		while read -r text; do
			echo "prints: $text"
			pattern=$(sed 's/[][\.*^$]/\\&/g; s/\\\.\\\.\\\./.*/g' \
				<<<"$text")
			grep -q -e "$pattern" "$BATS_TEST_TMPDIR/out"
		done < <(grep -oE '`[^`]+`' <<<"$looks" | tr -d '`')
	done < <(rows)
}
