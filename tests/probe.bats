#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The engine does what a real kernel was seen to do, line by line; and the
# command that says so notices when it does not.

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${FAULTLINE:=$PWD/faultline}"
	cd tests/data
	scratch=$BATS_TEST_TMPDIR
}

probe() {
	run "$FAULTLINE" probe "$@"
	echo "$output"
}

# The recording $1 agrees, all $2 lines of it.
agrees() {
	probe --against "$1"
	[ "$status" -eq 0 ]
	[ "$output" = "$2 lines, $2 agree, 0 differ" ]
	[ "$(grep -c '^[PC] ' "$1")" -eq "$2" ]
}

@test "169 scripted lines agree" {
	agrees linux-6.1-dax-probe.txt 169
}

@test "300 random lines agree" {
	agrees linux-6.1-dax-random-1.txt 300
}

@test "299 more random lines agree" {
	agrees linux-6.1-dax-random-2.txt 299
}

# Change line $1 by the sed expression $2: field $3 differs, no other line does.
notices() {
	sed "$1$2" linux-6.1-dax-probe.txt >"$scratch/changed"
	! cmp -s linux-6.1-dax-probe.txt "$scratch/changed"
	probe --against "$scratch/changed"
	[ "$status" -eq 1 ]
	[[ "$output" = *"/changed:$1: "*": $3: recorded "* ]]
	[[ "$output" = *"169 lines, 168 agree, 1 differ" ]]
}

@test "each field that is changed is noticed" {
	notices 6 's/=> 0 /=> SIGBUS /' result
	notices 5 's/=> 0x69/=> 0x68/' result
	notices 6 's/pte+4/pte+0/' pte
	notices 6 's/anon+4/anon+8/' anon
	notices 6 's/file+0/file+4/' file
	notices 6 's,flt 1/0,flt 2/0,' flt
	notices 33 's,flt 0/1,flt 0/0,' flt
	notices 6 's/A1,.1023/.1024/' a.pages
	notices 4 's/D512@0,.512/D512@1,.512/' a.pages
	notices 29 's/z1/Z1/' c.pages
	notices 60 's/{v2/{v1/' d.v
	notices 6 's/rss4/rss8/' a.rss
	notices 6 's/ anon4/ anon0/' a.anon
	notices 6 's/pd4/pd0/' a.pd
	notices 4 's/pc4/pc0/' a.pc
	notices 103 's/sd4/sd0/' g.sd
	notices 6 's/(RW)/(ro)/' a.entries
	notices 6 's/size 4096k/size 4092k/' size
	notices 6 's/blk 4096k/blk 4092k/' blk
	notices 6 's/DONE_COW/NOPAGE/' ev
	notices 36 's/ wbdone//' ev
	notices 16 's/ | | size/ | a:.1024 {v1 rss0 anon0 pd0 pc0 ref0 }[] | size/' maps
}

@test "what chance decides may differ" {
	sed -e '4s/ref4/ref0/' -e '103s,flt 6/0,flt 60/0,' \
		-e '81s/D1@-4535/D1@99999/' -e '6s/blk 4096k/blk 4100k/' \
		linux-6.1-dax-probe.txt >"$scratch/changed"
	! cmp -s linux-6.1-dax-probe.txt "$scratch/changed"
	probe --against "$scratch/changed"
	[ "$status" -eq 0 ]
}

@test "what is printed is a recording" {
	for file in *.txt; do
		echo "$file"
		"$FAULTLINE" probe "$file" >"$scratch/printed"
		[ "$(grep -c '^[PC] ' "$scratch/printed")" -eq \
			"$(grep -c '^[PC] ' "$file")" ]
		# As in the recording, up to the results.
		diff <(sed 's/ *=>.*//; s/[ \r]*$//' "$file") \
			<(sed 's/ *=>.*//' "$scratch/printed")
		"$FAULTLINE" probe --against "$scratch/printed"
		"$FAULTLINE" probe "$scratch/printed" | diff "$scratch/printed" -
	done
}

@test "a script needs no numbers and no results" {
	printf '%s\n' '# a remark' 'file f 2m written' 'map a private 0 2m' \
		'w a 4k 5' fork 'C r a 4k' 'C w a 4k 6' 'r a 4k' wait \
		>"$scratch/script"
	probe "$scratch/script"
	[ "$status" -eq 0 ]
	[[ "${lines[4]}" = 'C 01 r a 4k  '*'=> 0x05 '* ]]
	[[ "${lines[6]}" = 'P 05 r a 4k  '*'=> 0x05 '* ]]
	probe --against "$scratch/script"
	[ "$status" -eq 2 ]
	[[ "$output" = *'no results in it'* ]]
}

# A script with this line at the end ends with status 2 and this complaint.
refused() {
	printf '%s\n' 'file f 2m' 'map a private 0 2m' "$1" >"$scratch/bad"
	probe "$scratch/bad"
	[ "$status" -eq 2 ]
	[ "${#lines[@]}" -eq 1 ]
	[ "$output" = "$scratch/bad:3: error: $2" ]
}

@test "a bad script gets one clear line" {
	refused 'frob a 0' "there is no operation 'frob'"
	refused 'r b 0' "there is no map 'b'"
	refused 'r a' 'offset is missing'
	refused 'r a 4q' "'4q' is no offset"
	refused 'w a 0 0x100' 'a byte is at most 0xff'
	refused 'map a private 0 2m' "there is a map 'a' already"
	refused 'map b secret 0 2m' "'secret' is not known here"
	refused 'map b private 0 2m x' "'x' is no option of a map"
	refused 'map b private 1 2m' 'a map is whole pages of a file'
	refused 'map b private 0 5g' 'a map is at most 4g'
	refused 'mremap a 2m move 2m' 'a move is by whole pages below 2m'
	refused 'madv a 0 4k' 'a word is missing at the end'
	refused 'mprotect a 0 4k x' 'mprotect takes r, rw or none'
	refused 'fsync now' "'now' is too much for fsync"
	refused 'C r a 0' 'there is no child'
	refused wait 'there is no child to wait for'
	refused 'file ../f 2m' "'../f' is no name"
	refused 'P 01' 'an operation is missing'
	refused 'trunc 99999999999g' "'99999999999g' is no length"
	probe "$scratch/none"
	[ "$status" -eq 2 ]
	: >"$scratch/empty"
	probe "$scratch/empty"
	[ "$status" -eq 2 ]
	sed '6s/flt.*//' linux-6.1-dax-probe.txt >"$scratch/cut"
	probe --against "$scratch/cut"
	[ "$status" -eq 2 ]
	[[ "$output" = *'/cut:6: error: the faults are not understood' ]]
}

@test "wrong options are refused" {
	probe
	[ "$status" -eq 2 ]
	probe --on moon linux-6.1-dax-probe.txt
	[ "$status" -eq 2 ]
	probe --on kernel linux-6.1-dax-probe.txt
	[ "$status" -eq 2 ]
	probe --dir "$scratch" linux-6.1-dax-probe.txt
	[ "$status" -eq 2 ]
	probe --on kernel --dir "$scratch/none" linux-6.1-dax-probe.txt
	[ "$status" -eq 2 ]
}

@test "the kernel of this host runs the same scripts" {
	[ -r /proc/self/smaps_rollup ] || skip 'no smaps_rollup'
	! grep -qs sanitize "$BATS_TEST_DIRNAME/../${BUILD:-build}/flags" ||
		skip 'a sanitizer has memory of its own'
	mkdir "$scratch/here"
	cat >"$scratch/script" <<-END
		file f 4m written
		map a private 0 4m
		r a 4k
		w a 4k 0x41
		r a 4k
		madv a 0 4m dontneed
		r a 4k
		map b shared 0 2m r
		w b 0
		pwrite 0 0x33
		pread 0
		r b 0
		trunc 2m
		r a 2m
		fork
		C w a 0
		C r a 0
		r a 0
		wait
		mremap a 1m
		closeall
	END
	"$FAULTLINE" probe --on kernel --dir "$scratch/here" \
		"$scratch/script" >"$scratch/kernel"
	cat "$scratch/kernel"
	[ -z "$(ls -A "$scratch/here")" ]
	"$FAULTLINE" probe "$scratch/script" >"$scratch/engine"
	# Operation and result of each line are those of the engine, and how
	# much is private, whatever the filesystem is.
	level() {
		sed -E 's/\[pfn0[^]]*\] //; s/ \|.* anon([+-][0-9]+).*/ \1/' "$1"
	}
	diff <(level "$scratch/kernel") <(level "$scratch/engine")
	# What was recorded here can be read again.
	run "$FAULTLINE" probe --against "$scratch/kernel"
	[ "$status" -le 1 ]
}

@test "random scripts have the results that the kernel of this host gives" {
	! grep -qs sanitize "$BATS_TEST_DIRNAME/../${BUILD:-build}/flags" ||
		skip 'a sanitizer has memory of its own, and is slow'
	[ -r /proc/self/smaps_rollup ] || skip 'no smaps_rollup'
	fuzz=$BATS_TEST_DIRNAME/../${BUILD:-build}/probe_fuzz
	[ -x "$fuzz" ] || skip 'probe_fuzz is not built'
	mkdir "$scratch/here"
	for seed in 1 2 3; do
		# MAP_SYNC is for DAX alone.
		"$fuzz" --print --seed "$seed" --geometry real |
			sed 's/ sync / shared /; s/ *=>.*//' >"$scratch/script"
		"$FAULTLINE" probe "$scratch/script" |
			sed 's/\[pfn0[^]]*\] //; s/ | .*//' >"$scratch/engine"
		"$FAULTLINE" probe --on kernel --dir "$scratch/here" \
			"$scratch/script" | sed 's/ | .*//' >"$scratch/kernel"
		[ "$(wc -l <"$scratch/engine")" -gt 50 ]
		diff "$scratch/kernel" "$scratch/engine"
	done
}
