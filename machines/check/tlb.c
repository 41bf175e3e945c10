// SPDX-License-Identifier: GPL-2.0-only
/*
 * tlb.c - a TLB for each CPU, and the shoot-down.
 *
 * The CPU that runs setup() and finish() has none: it walks the tables every
 * time, as a CPU would that comes new to the address space.
 */
#include "internal.h"

#include <string.h>

static struct tlb_entry *tlbs;

static struct tlb_entry *tlb_of(unsigned int cpu)
{
	return tlbs + (size_t)cpu * TLB_ENTRIES;
}

int tlb_open(void)
{
	if (!tlbs)
		tlbs = check_reserve(CPUS * TLB_ENTRIES * sizeof(*tlbs));
	if (!tlbs)
		return -1;
	memset(tlbs, 0, CPUS * TLB_ENTRIES * sizeof(*tlbs));
	for (unsigned int cpu = 0; cpu < CHECK_MACHINE_CPUS; cpu++)
		if (check_region(tlb_of(cpu), &machine->cpus[cpu].tlb_used))
			return -1;
	return 0;
}

void machine_insn_begin(void)
{
	if (this_cpu() < CHECK_MACHINE_CPUS)
		check_spin_lock(&machine->cpus[this_cpu()].insn, CALLER);
}

void machine_insn_end(void)
{
	if (this_cpu() < CHECK_MACHINE_CPUS)
		check_spin_unlock(&machine->cpus[this_cpu()].insn, CALLER);
}

static bool inside(const struct machine_translation *t, uint64_t address)
{
	return address - t->address < t->bytes;
}

bool machine_tlb_lookup(const void *mm, uint64_t address,
			struct machine_translation *found)
{
	unsigned int cpu = this_cpu();
	const struct tlb_entry *tlb = tlb_of(cpu);

	for (uint32_t i = 0; i < machine->cpus[cpu].nr_tlb; i++)
		if (tlb[i].mm == mm && inside(&tlb[i].translation, address)) {
			*found = tlb[i].translation;
			TRACE(TRACE_TLB_HIT, NULL, address, 0, NULL);
			return true;
		}
	return false;
}

static void set_nr(unsigned int cpu, uint32_t nr)
{
	struct cpu *c = &machine->cpus[cpu];
	struct tlb_entry *tlb = tlb_of(cpu);

	if (nr < c->nr_tlb)
		memset(tlb + nr, 0, (c->nr_tlb - nr) * sizeof(*tlb));
	c->nr_tlb = nr;
	c->tlb_used = nr * sizeof(*tlb);
}

/* Drop the entries that overlap [start, end); those left keep their order. */
static void drop(unsigned int cpu, const void *mm, uint64_t start, uint64_t end)
{
	struct tlb_entry *tlb = tlb_of(cpu);
	uint32_t kept = 0;

	for (uint32_t i = 0; i < machine->cpus[cpu].nr_tlb; i++) {
		const struct machine_translation *t = &tlb[i].translation;

		if (tlb[i].mm == mm && t->address < end &&
		    start < t->address + t->bytes)
			continue;
		tlb[kept++] = tlb[i];
	}
	set_nr(cpu, kept);
}

/* Entries are sorted, so that the same entries are the same bytes. */
void machine_tlb_fill(const void *mm, const struct machine_translation *entry)
{
	unsigned int cpu = this_cpu();
	struct tlb_entry *tlb = tlb_of(cpu);
	uint32_t nr, at = 0;

	if (cpu == CHECK_MACHINE_CPUS)
		return;
	drop(cpu, mm, entry->address, entry->address + entry->bytes);
	nr = machine->cpus[cpu].nr_tlb;
	if (nr == TLB_ENTRIES) {
		memmove(tlb, tlb + 1, (nr - 1) * sizeof(*tlb));
		nr--;
	}
	while (at < nr && tlb[at].translation.address < entry->address)
		at++;
	memmove(tlb + at + 1, tlb + at, (nr - at) * sizeof(*tlb));
	tlb[at] = (struct tlb_entry){ mm, *entry };
	set_nr(cpu, nr + 1);
}

/* A CPU answers a shoot-down between two instructions. */
void machine_tlb_flush(const void *mm, uint64_t start, uint64_t end)
{
	TRACE(TRACE_FLUSH, NULL, start, end, NULL);
	for (unsigned int cpu = 0; cpu < options_in_use.nr_cpus; cpu++) {
		struct check_lock *insn = &machine->cpus[cpu].insn;

		if (this_cpu() < CHECK_MACHINE_CPUS)
			check_spin_lock(insn, CALLER);
		drop(cpu, mm, start, end);
		if (this_cpu() < CHECK_MACHINE_CPUS)
			check_spin_unlock(insn, CALLER);
	}
}

bool tlb_has_page(uint64_t pfn)
{
	unsigned int shift = options_in_use.geometry.page_shift;

	for (unsigned int cpu = 0; cpu < options_in_use.nr_cpus; cpu++)
		for (uint32_t i = 0; i < machine->cpus[cpu].nr_tlb; i++) {
			const struct machine_translation *t =
				&tlb_of(cpu)[i].translation;

			if (pfn - t->pfn < t->bytes >> shift)
				return true;
		}
	return false;
}
