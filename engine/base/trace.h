/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * trace.h - the tracepoints of the engine.
 *
 * name			a			b
 * ------------------	-----------------------	-----------------------
 * page_fault		address			1 for a write, else 0
 * handle_mm_fault	answer (VM_FAULT_*)	0
 * create_huge_pmd	answer			0
 * wp_huge_pmd		answer			0
 * handle_pte_fault	answer			0
 * do_read_fault	answer			0
 * do_cow_fault		answer			0
 * do_shared_fault	answer			0
 * do_wp_page		answer			0
 * finish_fault		answer			0
 * alloc_set_pte	answer			0
 * dax_iomap_pte_fault	answer			0
 * dax_iomap_pmd_fault	answer			0
 * dax_load_hole	answer			page of the file
 * dax_pmd_load_hole	answer			first page
 * dax_insert_pfn_mkwrite
 *			answer			0
 * dax_insert_pfn_mkwrite_no_entry
 *			answer			0
 * dax_writeback_one	first page of the entry	pages of the entry
 * dax_writeback_range_done
 *			first page asked for	last page asked for
 * retry		1: dax_iomap_pte_fault() saw a huge PMD
 *			2: dax_iomap_pmd_fault() saw a table
 *						0
 * split_huge_pmd	address of the PMD	0
 * sleep_on_entry	first page of the entry	0
 * wake_entry		first page of the entry	1: all waiters, 0: one
 * sleep_on_page	pfn of a pinned page	0
 *
 * Functions trace when they return; `retry` and `split_huge_pmd` come where
 * the thing happens, `sleep_on_entry` and `sleep_on_page` before the task
 * sleeps.
 *
 * A fault that is over shows as a `handle_mm_fault` without an error and with-
 * out VM_FAULT_RETRY: a major one if VM_FAULT_MAJOR is set, else a minor one.
 */
#ifndef BASE_TRACE_H
#define BASE_TRACE_H

#include "base/types.h"

/* Trace the answer of a fault function on its way out. */
static inline unsigned int trace_answer(const char *name, unsigned int answer)
{
	machine_trace(name, answer, 0);
	return answer;
}

#endif /* BASE_TRACE_H */
