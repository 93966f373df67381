/* SPDX-License-Identifier: MIT */
/* Lookups with what must hold for any file whatever: see use_symbols.h. */
#include "use_symbols.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols/symbols.h"
#include "symbols_elf_builder.h"

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void require_line(const struct ct_source_line *line)
{
	require(line->line > 0 && strlen(line->file) > 0);
}

static void look_up(struct ct_symbols *symbols, uint64_t address)
{
	struct ct_symbol symbol;
	if (ct_symbols_find(symbols, address, &symbol)) {
		require(strlen(symbol.linkage_name) > 0);
		require(symbol.low <= address && address < symbol.high);
		/* Who has a name has an identity. */
		require(ct_symbols_function_key(symbols, address) != 0);
		free(ct_demangle(symbol.linkage_name));
	} else {
		ct_symbols_function_key(symbols, address);
	}
	struct ct_source_line line;
	bool has_line = ct_symbols_line(symbols, address, &line);
	if (has_line)
		require_line(&line);
	bool has_declaration = ct_symbols_declaration(symbols, address, &line);
	if (has_declaration)
		require_line(&line);
	require(has_declaration || !has_line);
}

void use_symbols(const void *bytes, size_t size_bytes)
{
	int fd;
	char path[64];
	elf_builder_file(bytes, size_bytes, &fd, path);
	struct ct_symbols *symbols;
	struct ct_error *err = ct_symbols_open(path, NULL, 0, "/nonexistent", &symbols);
	if (err) {
		require(strlen(err->message) > 0);
		ct_error_destroy(err);
	} else {
		/* Where the seeds have their code; and coarsely, where mutants may have it. */
		for (uint64_t address = 0x1000; address < 0x1100; address += 3)
			look_up(symbols, address);
		for (uint64_t address = 0; address < 0xa000; address += 0x6b)
			look_up(symbols, address);
		look_up(symbols, UINT64_MAX);
		ct_symbols_destroy(symbols);
	}
	close(fd);
}
