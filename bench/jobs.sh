#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What a second process is worth.  A machine does other things, too, so in each
# of five rounds there are, one after the other
#   one    a search by one process
#   two    the same by two
#   both   two searches by one process each, side by side; the longer counts
# One to two is how many times faster two processes are; twice one to both is
# what the machine has to offer to any two processes at that moment, the ceiling,
# and the last column how much of that it is.  The last lines are the medians of
# all columns, and what the best times come to.
#
# bench/jobs.sh mpi: the two are ranks of an MPI job, with a third that passes
# parts on.  FAULTS=4 makes the search ten times as short.

set -eu
cd "$(dirname "$0")/.."
make -s

race=corpus/private-write-vs-private-read.litmus
faults=${FAULTS:-5}
by=${1:-fork}
# mpirun says there that 3, for executions that were cut, is not 0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

if [ "$by" = mpi ]; then
	make -s mpi
	FAULTLINE_DATA=$PWD
	OMPI_ALLOW_RUN_AS_ROOT=1
	OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
	OMPI_MCA_rmaps_base_oversubscribe=1
	OMPI_MCA_hwloc_base_binding_policy=none
	OMPI_MCA_pml=ob1
	OMPI_MCA_btl=self,vader
	export FAULTLINE_DATA OMPI_ALLOW_RUN_AS_ROOT \
		OMPI_ALLOW_RUN_AS_ROOT_CONFIRM \
		OMPI_MCA_rmaps_base_oversubscribe \
		OMPI_MCA_hwloc_base_binding_policy OMPI_MCA_pml OMPI_MCA_btl
fi

# Of the JSON on standard input.
seconds() {
	sed -n 's/^ *"seconds": \([0-9.]*\).*/\1/p'
}

one() {
	./faultline check --json --faults "$faults" $race | seconds
}

two() {
	if [ "$by" = mpi ]; then
		mpirun -n 3 build/mpi/faultline check --json \
			--faults "$faults" $race 2>"$log" | seconds
	else
		./faultline check --json --faults "$faults" --jobs 2 $race |
			seconds
	fi
}

both() {
	{
		one &
		one
		wait
	} | sort -n | tail -n 1
}

echo "write / read, $faults faults per access, seconds"
printf '%-8s %8s %8s %8s %8s %8s %8s\n' round one two both times ceiling 'of it'
for _ in 1 2 3 4 5; do
	echo "$(one) $(two) $(both)"
done | awk '
	function median(of,    i, k, t) {
		for (i = 2; i <= NR; i++)
			for (k = i; k > 1 && of[k] < of[k - 1]; k--) {
				t = of[k]
				of[k] = of[k - 1]
				of[k - 1] = t
			}
		return of[(NR + 1) / 2]
	}
	function row(name, one, two, both, times, ceiling, part) {
		printf "%-8s %8.3f %8.3f %8.3f %8.2f %8.2f %7.0f%%\n", name,
			one, two, both, times, ceiling, 100 * part
	}
	{
		one[NR] = $1
		two[NR] = $2
		both[NR] = $3
		times[NR] = $1 / $2
		ceiling[NR] = 2 * $1 / $3
		part[NR] = times[NR] / ceiling[NR]
		row(NR, $1, $2, $3, times[NR], ceiling[NR], part[NR])
	}
	END {
		row("median", median(one), median(two), median(both),
			median(times), median(ceiling), median(part))
		# sorted by now
		row("best", one[1], two[1], both[1], one[1] / two[1],
			2 * one[1] / both[1], both[1] / 2 / two[1])
	}'
