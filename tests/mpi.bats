#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
#
# The ranks of an MPI job search together: whatever their number, the same
# counts and verdicts as one process alone.

bats_require_minimum_version 1.5.0
RACE=corpus/private-write-vs-private-read.litmus

# Say what there is not to test with, if so.
lacks() {
	if ! command -v mpicc >/dev/null || ! command -v mpirun >/dev/null; then
		echo "no mpicc, or no mpirun"
	elif [ "${BUILD:-build}" != build ]; then
		# the sanitizers report what the MPI library leaks
		echo "once is enough, in build"
	else
		return 1
	fi
}

setup_file() {
	cd "$BATS_TEST_DIRNAME/.."
	lacks >/dev/null || make -s mpi 3>&-
}

setup() {
	local lack
	cd "$BATS_TEST_DIRNAME/.."
	! lack=$(lacks) || skip "$lack"
	: "${FAULTLINE:=$PWD/faultline}" "${BUILD:=build}"
	: "${FAULTLINE_CACHE:=$PWD/$BUILD/cache}" "${FAULTLINE_DATA:=$PWD}"
	export FAULTLINE_CACHE FAULTLINE_DATA
	# ranks of a small machine share its processors, and root may start them
	export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
	export OMPI_MCA_rmaps_base_oversubscribe=1
	export OMPI_MCA_hwloc_base_binding_policy=none
	# there is no network to look for
	export OMPI_MCA_pml=ob1 OMPI_MCA_btl=self,vader
}

# ranks N ARGUMENT...: what the first rank says, and its status.
ranks() {
	timeout 60 mpirun -n "$1" build/mpi/faultline "${@:2}" \
		2>"$BATS_TEST_TMPDIR/mpirun"
}

# What has to be the same: all but time, memory, and which schedule came first.
counts() {
	jq -S '.[] | {verdict, complete, executions, cut, outcomes, status,
		bugs: [.failures[] | {oracle, function, hits}] |
			sort_by(.oracle, .function)}'
}

# same NUMBERS ARGUMENT...: `check` says the same alone and by so many ranks.
same() {
	local status_alone=0 status n
	"$FAULTLINE" check --json "${@:2}" >"$BATS_TEST_TMPDIR/out" ||
		status_alone=$?
	counts <"$BATS_TEST_TMPDIR/out" >"$BATS_TEST_TMPDIR/alone"
	for n in $1; do
		status=0
		ranks "$n" check --json "${@:2}" >"$BATS_TEST_TMPDIR/out" ||
			status=$?
		counts <"$BATS_TEST_TMPDIR/out" | diff "$BATS_TEST_TMPDIR/alone" -
		[ $status -eq $status_alone ]
	done
}

@test "ranks of MPI: the same counts" {
	same "1 2 3 4" --faults 3 $RACE
	grep -q '"executions": 1117' "$BATS_TEST_TMPDIR/alone"
}

@test "ranks of MPI: the same bugs" {
	same "2 4" --faults 4 --with unfixed $RACE
	grep -q O12 "$BATS_TEST_TMPDIR/alone"
}

@test "ranks of MPI: what is wrong is said once, and nobody waits for ever" {
	run -2 ranks 3 check --faults 4 nonexistent.litmus
	file=$BATS_TEST_TMPDIR/checkpoint
	run -3 ranks 3 check --faults 5 --limit time=0.5 --checkpoint "$file" \
		$RACE
	[ -s "$file" ]
	run -3 ranks 3 check --faults 3 --checkpoint "$file" $RACE
	grep -q "is a checkpoint of another search" "$BATS_TEST_TMPDIR/mpirun"
}
