/* SPDX-License-Identifier: MIT */
/* Names of functions by their address: see code_names.h. */
#include "export/code_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "export/json_text.h"
#include "export/names.h"
#include "symbols/symbols.h"

/* The same pointers come again and again; the text grows with distinct ones. */
struct slot {
	uint64_t address;
	uint32_t module; /* ordinal; 0: the slot is free */
	uint32_t length;
	size_t offset;
};

struct file {
	struct ct_symbols *symbols;
	bool was_opened;
};

struct ct_code_names {
	const struct ct_trace *trace;
	struct file *files; /* by module */
	uint32_t module_count;
	struct slot *slots;
	size_t slot_count; /* a power of two */
	size_t used;
	struct ct_strbuf text;
};

enum { FIRST_SLOTS = 256 };
static const struct ct_bytes no_name = {"null", 4};

struct ct_code_names *ct_code_names_create(const struct ct_trace *trace)
{
	struct ct_code_names *names = calloc(1, sizeof(*names));
	if (!names)
		return NULL;
	names->trace = trace;
	names->module_count = ct_trace_module_count(trace);
	names->files = calloc((size_t)names->module_count + 1, sizeof(*names->files));
	names->slots = calloc(FIRST_SLOTS, sizeof(*names->slots));
	names->slot_count = FIRST_SLOTS;
	if (!names->files || !names->slots) {
		ct_code_names_destroy(names);
		return NULL;
	}
	return names;
}

void ct_code_names_destroy(struct ct_code_names *names)
{
	if (!names)
		return;
	for (uint32_t i = 0; names->files && i <= names->module_count; i++)
		ct_symbols_destroy(names->files[i].symbols);
	free(names->files);
	free(names->slots);
	ct_strbuf_deinit(&names->text);
	free(names);
}

/* The newest module that was there at the time; 0: none. */
static uint32_t find_module(const struct ct_code_names *names, uint64_t address, uint64_t ns,
			    struct ct_trace_module *ret)
{
	for (uint32_t i = names->module_count; i > 0; i--) {
		if (!ct_trace_module(names->trace, i, ret))
			continue;
		const struct ct_module *entry = &ret->entry;
		if (address >= entry->low && address < entry->high &&
		    (entry->unload_ticks == 0 ||
		     ct_trace_ns(names->trace, entry->unload_ticks) >= ns))
			return i;
	}
	return 0;
}

static struct slot *find_slot(const struct ct_code_names *names, uint64_t address, uint32_t module)
{
	uint64_t hash = (address ^ (uint64_t)module << 48) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = hash >> 32 & (names->slot_count - 1);
	while (names->slots[i].module &&
	       (names->slots[i].address != address || names->slots[i].module != module))
		i = (i + 1) & (names->slot_count - 1);
	return &names->slots[i];
}

/* At most half full. */
static bool grow(struct ct_code_names *names)
{
	struct slot *old = names->slots;
	size_t count = names->slot_count;
	if (names->used * 2 < count)
		return true;
	struct slot *slots = calloc(count * 2, sizeof(*slots));
	if (!slots)
		return false;
	names->slots = slots;
	names->slot_count = count * 2;
	for (size_t i = 0; i < count; i++) {
		if (old[i].module)
			*find_slot(names, old[i].address, old[i].module) = old[i];
	}
	free(old);
	return true;
}

static void look_up(struct ct_code_names *names, const struct ct_trace_module *module,
		    struct slot *slot)
{
	struct file *file = &names->files[slot->module];
	struct ct_symbol symbol;
	uint64_t address = slot->address - module->entry.bias;
	if (!file->was_opened)
		file->symbols = ct_names_open_symbols(module);
	file->was_opened = true;
	if (!file->symbols || !ct_symbols_find(file->symbols, address, &symbol) ||
	    symbol.low != address)
		return;
	ct_cleanup(ct_cleanup_free) char *demangled = ct_demangle(symbol.linkage_name);
	const char *name = demangled ? demangled : symbol.linkage_name;
	slot->offset = names->text.length;
	ct_json_string(&names->text, name, strlen(name));
	slot->length = names->text.failed ? 0 : (uint32_t)(names->text.length - slot->offset);
}

struct ct_bytes ct_code_names_find(struct ct_code_names *names, uint64_t address, uint64_t ns)
{
	struct ct_trace_module module;
	uint32_t ordinal = find_module(names, address, ns, &module);
	if (ordinal == 0 || !grow(names))
		return no_name;
	struct slot *slot = find_slot(names, address, ordinal);
	if (slot->module == 0) {
		*slot = (struct slot){.address = address, .module = ordinal};
		names->used++;
		look_up(names, &module, slot);
	}
	if (slot->length == 0)
		return no_name;
	return (struct ct_bytes){names->text.bytes + slot->offset, slot->length};
}
