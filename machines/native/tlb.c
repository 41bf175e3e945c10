/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tlb.c - instructions, the TLB of each CPU, and shoot-downs.
 *
 * A CPU holds its own insn mutex for as long as it is inside an instruction.
 * A shoot-down takes the mutex of one CPU after the other and empties what
 * matches: when it has been everywhere, every instruction that could use the
 * old translation is over.  An instruction takes no lock, so this ends.
 */
#include "internal.h"

struct flush_range {
	const void *mm;
	uint64_t start;
	uint64_t end;
};

void machine_insn_begin(void)
{
	struct machine_task *cpu = native_self();

	BUG_ON(ORACLE_LOCKS, cpu->in_insn);
	native_mutex_lock(&cpu->insn);
	cpu->in_insn = true;
}

void machine_insn_end(void)
{
	struct machine_task *cpu = native_self();

	BUG_ON(ORACLE_LOCKS, !cpu->in_insn);
	cpu->in_insn = false;
	pthread_mutex_unlock(&cpu->insn);
}

static unsigned int page_shift(void)
{
	return machine_geometry()->page_shift;
}

static unsigned int huge_shift(void)
{
	return page_shift() + machine_geometry()->huge_order;
}

static struct native_tlb_entry *page_slot(struct machine_task *cpu,
					  uint64_t address)
{
	return &cpu->pages[(address >> page_shift()) % NATIVE_TLB_PAGES];
}

static struct native_tlb_entry *huge_slot(struct machine_task *cpu,
					  uint64_t address)
{
	return &cpu->huges[(address >> huge_shift()) % NATIVE_TLB_HUGES];
}

/* Return: whether the entry translates any byte of [start, end). */
static bool entry_meets(const struct native_tlb_entry *entry, const void *mm,
			uint64_t start, uint64_t end)
{
	return entry->is.flags && entry->mm == mm &&
	       entry->is.address < end &&
	       entry->is.address + (entry->is.bytes - 1) >= start;
}

bool machine_tlb_lookup(const void *mm, uint64_t address,
			struct machine_translation *found)
{
	struct machine_task *cpu = native_self();
	const struct native_tlb_entry *entry = page_slot(cpu, address);

	BUG_ON(ORACLE_LOCKS, !cpu->in_insn);
	if (!entry_meets(entry, mm, address, address + 1))
		entry = huge_slot(cpu, address);
	if (!entry_meets(entry, mm, address, address + 1))
		return false;
	*found = entry->is;
	return true;
}

/* Empty what cpu holds for the range.  Locks: cpu->insn is held. */
static void cpu_drop(struct machine_task *cpu, const struct flush_range *range)
{
	for (size_t i = 0; i < NATIVE_TLB_PAGES; i++)
		if (entry_meets(&cpu->pages[i], range->mm, range->start,
				range->end))
			cpu->pages[i].is.flags = 0;
	for (size_t i = 0; i < NATIVE_TLB_HUGES; i++)
		if (entry_meets(&cpu->huges[i], range->mm, range->start,
				range->end))
			cpu->huges[i].is.flags = 0;
}

void machine_tlb_fill(const void *mm, const struct machine_translation *entry)
{
	struct machine_task *cpu = native_self();
	struct flush_range range = {
		mm, entry->address, entry->address + entry->bytes,
	};
	struct native_tlb_entry *slot;

	BUG_ON(ORACLE_LOCKS, !cpu->in_insn);
	BUG_ON(ORACLE_FRAMES, !entry->flags || !entry->pfn);
	BUG_ON(ORACLE_FRAMES, entry->address & (entry->bytes - 1));
	cpu_drop(cpu, &range);
	if (entry->bytes == (uint64_t)1 << page_shift()) {
		slot = page_slot(cpu, entry->address);
	} else {
		BUG_ON(ORACLE_FRAMES,
		       entry->bytes != (uint64_t)1 << huge_shift());
		slot = huge_slot(cpu, entry->address);
	}
	slot->mm = mm;
	slot->is = *entry;
}

static void cpu_flush(struct machine_task *cpu, const void *range)
{
	native_mutex_lock(&cpu->insn);
	cpu_drop(cpu, range);
	pthread_mutex_unlock(&cpu->insn);
}

void machine_tlb_flush(const void *mm, uint64_t start, uint64_t end)
{
	struct flush_range range = { mm, start, end };

	BUG_ON(ORACLE_LOCKS, native_self()->in_insn);
	native_each_cpu(cpu_flush, &range);
}
