#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# What tests of the whole DAX path say: outcomes, oracles that look at one test
# each, and tests that the checker refuses.

setup() {
	cd "$BATS_TEST_DIRNAME/.."
	: "${FAULTLINE:=$PWD/faultline}"
	TEST=$BATS_TEST_TMPDIR/t.litmus
}

# check SETUP COLUMNS CONDITION
check() {
	printf 'DAX t\n{\n%s\n}\n%s\n%s\n' "$1" "$2" "$3" >"$TEST"
	run "$FAULTLINE" check "$TEST"
	echo "$output"
}

# Is this a final state?
has_state() {
	printf '%s\n' "${lines[@]}" | grep -qxF -e "$1"
}

@test "errors have the names that conditions have" {
	check 'file f = mapped 2; map p = f shared ro; map q = f shared rw;' \
		' P0 ; e0 = store p[0] 1 ; truncate f 1 ; r0 = load p[1] ;
		r1 = read f[1] ; e1 = write f[0] from p[1] ; unmap q[1] 1 ;
		e2 = dontneed q ; e3 = mremap p[0] 1 to q[0] ;'
	[ "$status" -eq 0 ]
	has_state '0:e0=SIGSEGV; 0:r0=SIGBUS; 0:r1=EOF; 0:e1=EFAULT; 0:e2=ENOMEM; 0:e3=ENOMEM;'
}

@test "each allocation fails once, and an execution has no more than it may" {
	check 'file f = mapped 2; fail alloc; map p = f private rw;' \
		' P0 ; e0 = store p[0] 1 ; e1 = store p[1] 1 ;'
	[ "$status" -eq 0 ]
	has_state '0:e0=0; 0:e1=0;'
	has_state '0:e0=ENOMEM; 0:e1=0;'
	has_state '0:e0=0; 0:e1=ENOMEM;'
	! has_state '0:e0=ENOMEM; 0:e1=ENOMEM;'
	check 'file f = mapped 2; fail alloc 2; map p = f private rw;' \
		' P0 ; e0 = store p[0] 1 ; e1 = store p[1] 1 ;'
	[ "$status" -eq 0 ]
	has_state '0:e0=ENOMEM; 0:e1=ENOMEM;'
}

@test "a fork that fails leaves no address space" {
	check 'file f = mapped 1; fail alloc; map p = f private rw;' \
		' P0 ; e0 = fork B ; r0 = B: load p[0] ;' \
		'exists (0:e0=ENOMEM /\ 0:r0=ESRCH)'
	[ "$status" -eq 0 ]
}

@test "lines reach the medium in any order until they are written back" {
	check 'file f = mapped 1; map p = f shared rw;' \
		' P0 ; store p[0] 1 ; store p[0].8 1 ; crash ;' \
		'medium exists (f[0]=0 /\ f[0].8=1)'
	[ "$status" -eq 0 ]
	[[ "$output" == *'Condition medium exists (f[0]=0 /\ f[0].8=1)'* ]]
	check 'file f = mapped 1; map p = f shared rw;' \
		' P0 ; store p[0] 1 ; fsync f ; store p[0].8 1 ; crash ;' \
		'medium exists (f[0]=0)'
	[ "$status" -eq 1 ]
	[[ "$output" == *'no execution satisfies the condition'* ]]
	check 'file f = mapped 1; map p = f shared rw;' \
		' P0 ; store p[0] 1 ; crash ;' 'medium forall (f[0]=1)'
	[ "$status" -eq 1 ]
	[[ "$output" == *'the condition on the medium does not hold'* ]]
}

@test "names of another address space in a diagram" {
	check 'file f = mapped 1pmd; mm B; map p = f shared rw in B;' \
		' P0:B ; store p[0] 1 ;' 'forall (p[0]=0)'
	[ "$status" -eq 1 ]
	[[ "$output" == *'pmd[B:p+0]: none -> huge RW'* ]]
}

@test "what only a run can tell is wrong input" {
	check 'file f = mapped 1pmd; map p = f shared rw;' \
		' P0 ; truncate f 3 ; punch f[3] 2 ;'
	[ "$status" -eq 2 ]
	[[ "$output" == *"t.litmus:5:22: error: page 4 lies outside of 'f'"* ]]
	check 'file f = mapped 1; map p = f shared rw;' \
		" P0 ; $(for i in $(seq 17); do
			echo "r$i = load p[0] ;"; done) crash ;"
	[ "$status" -eq 2 ]
	[[ "$output" == *'more than 16 registers, and a power cut'* ]]
}
