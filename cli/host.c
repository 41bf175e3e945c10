// SPDX-License-Identifier: GPL-2.0-only
/*
 * host.c - what a subject wants of its host: the medium.
 */
#include "trial.h"

void host_poison(uint64_t pfn)
{
	check_machine_poison(pfn);
}

void host_settle(void)
{
	check_machine_settle();
}

uint64_t *host_notes(void)
{
	return check_machine_notes();
}

void host_power_cut(void)
{
	check_machine_power_cut();
}

uint64_t host_survivor(uint64_t pfn, size_t offset)
{
	struct check_machine_versions versions =
		check_machine_medium(pfn, offset);

	return check_machine_survivor(&versions);
}

size_t host_marks(void)
{
	return check_machine_notes() ? check_machine_marks() : 0;
}

void host_sync_begin(uint64_t pfn, uint32_t *marks)
{
	check_machine_sync_begin(pfn, marks);
}

bool host_synced(uint64_t pfn, const uint32_t *marks, size_t *offset)
{
	return check_machine_synced(pfn, marks, offset);
}
