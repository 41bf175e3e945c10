// SPDX-License-Identifier: GPL-2.0-only
/*
 * symbols.c - names of functions, from the debug information (elfutils).
 */
#include "symbols.h"

#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CACHE 1024

static struct cached {
	const void *pc;
	struct symbol symbol;
} cache[CACHE];

static Dwfl *dwfl;

static Dwfl *open_dwfl(void)
{
	static const Dwfl_Callbacks callbacks = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = dwfl_standard_find_debuginfo,
	};

	if (!dwfl)
		dwfl = dwfl_begin(&callbacks);
	return dwfl;
}

/* Shared objects come while the program runs, so look again on a miss. */
static Dwfl_Module *module_at(Dwarf_Addr address)
{
	Dwfl_Module *module;

	if (!open_dwfl())
		return NULL;
	module = dwfl_addrmodule(dwfl, address);
	if (module)
		return module;
	if (dwfl_linux_proc_report(dwfl, getpid()) ||
	    dwfl_report_end(dwfl, NULL, NULL))
		return NULL;
	return dwfl_addrmodule(dwfl, address);
}

static const char *plain_name(const char *name)
{
	const char *dot = name ? strchr(name, '.') : NULL;

	return dot ? strndup(name, (size_t)(dot - name)) : name;
}

static void look_up(struct symbol *symbol, const void *pc)
{
	Dwarf_Addr address = (Dwarf_Addr)(uintptr_t)pc - 1;
	Dwfl_Module *module = module_at(address);
	Dwfl_Line *line;
	const char *file, *layer;

	memset(symbol, 0, sizeof(*symbol));
	if (!module)
		return;
	symbol->function = plain_name(dwfl_module_addrname(module, address));
	line = dwfl_module_getsrc(module, address);
	if (!line)
		return;
	file = dwfl_lineinfo(line, NULL, &symbol->line, NULL, NULL, NULL);
	layer = file ? strstr(file, "engine/") : NULL;
	while (layer && strstr(layer + 1, "engine/"))
		layer = strstr(layer + 1, "engine/");
	symbol->engine = layer != NULL;
	symbol->file = layer ? layer + strlen("engine/") : file;
}

const struct symbol *symbol_at(const void *pc)
{
	struct cached *slot =
		&cache[((uintptr_t)pc * 0x9e3779b97f4a7c15u >> 40) % CACHE];

	if (slot->pc != pc) {
		slot->pc = pc;
		look_up(&slot->symbol, pc);
	}
	return &slot->symbol;
}
