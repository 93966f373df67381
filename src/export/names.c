/* SPDX-License-Identifier: MIT */
/* Names of a trace's sites: see names.h. */
#include "export/names.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "export/json_text.h"
#include "format/pack.h"
#include "reader/columns.h"
#include "symbols/symbols.h"

/*
 * A file that was loaded twice, at two addresses, is two modules of the trace.
 * `file` is the ordinal of the first of them: what is the same function, and
 * what needs to be opened once, goes by it.
 */
struct module {
	struct ct_trace_module row;
	uint32_t file;
};

enum lookup_kind { LOOKUP_FUNCTION, LOOKUP_SITE_KEY, LOOKUP_CALL_KEY };

/* One question to the symbols of one file. */
struct lookup {
	uint32_t file;
	uint32_t site;
	uint64_t address; /* of the ELF file */
	enum lookup_kind kind;
};

struct resolver {
	struct ct_names *names;
	struct module *modules; /* by ordinal; 0: none known */
	uint32_t module_count;	/* with ordinal 0 */
	struct lookup *lookups;
	size_t lookup_count;
	uint64_t *site_keys; /* for ct_trace_set_function_keys() */
	uint64_t *call_keys;
	bool pretty;
	ct_names_warn_fn *warn;
};

static void resolver_deinit(struct resolver *resolver)
{
	free(resolver->modules);
	free(resolver->lookups);
	free(resolver->site_keys);
	free(resolver->call_keys);
}

void ct_names_destroy(struct ct_names *names)
{
	if (!names)
		return;
	free(names->sites);
	free(names->functions);
	ct_strbuf_deinit(&names->text);
	ct_strbuf_deinit(&names->plain);
	free(names);
}

static void names_cleanup(struct ct_names **names)
{
	ct_names_destroy(*names);
}

static void symbols_cleanup(struct ct_symbols **symbols)
{
	ct_symbols_destroy(*symbols);
}

static void add_key(struct ct_strbuf *text, const char *key, bool pretty)
{
	ct_strbuf_printf(text, "\"%s\":%s", key, pretty ? " " : "");
}

static void end_member(struct ct_strbuf *text, bool pretty)
{
	ct_strbuf_add_string(text, pretty ? ",\n" : ",");
}

static void add_string_member(struct ct_strbuf *text, const char *key, const char *bytes,
			      size_t length, bool pretty)
{
	add_key(text, key, pretty);
	ct_json_string(text, bytes, length);
	end_member(text, pretty);
}

static size_t add_plain(struct ct_names *names, const char *bytes, size_t length)
{
	size_t offset = names->plain.length;
	if (length == 0)
		return 0;
	ct_strbuf_add(&names->plain, bytes, length);
	ct_strbuf_add(&names->plain, "", 1);
	return offset;
}

static struct ct_bytes base_name(struct ct_bytes path)
{
	for (size_t i = path.length; i > 0; i--) {
		if (path.bytes[i - 1] == '/')
			return (struct ct_bytes){path.bytes + i, path.length - i};
	}
	return path;
}

/* "module+0xoffset", or the bare address where no module is known. */
static void make_nameless(struct ct_strbuf *name, const struct module *module, uint64_t address)
{
	struct ct_bytes base = module ? base_name(module->row.path) : (struct ct_bytes){0};
	char hex[CT_JSON_HEX_BYTES];
	size_t hex_length = (size_t)(ct_json_hex(hex, address) - hex);

	if (base.length > 0) {
		ct_strbuf_add(name, base.bytes, base.length);
		ct_strbuf_add(name, "+", 1);
	}
	ct_strbuf_add(name, hex, hex_length);
}

static size_t add_nameless(struct ct_strbuf *text, const struct module *module, uint64_t address,
			   bool pretty)
{
	struct ct_strbuf name = {0};

	make_nameless(&name, module, address);
	add_string_member(text, "function", name.bytes ? name.bytes : "", name.length, pretty);
	text->failed |= name.failed;
	ct_strbuf_deinit(&name);
	return text->length;
}

/* Gives the length of the text when it had the demangled name alone. */
static size_t add_name(struct ct_strbuf *text, const char *linkage_name, bool pretty)
{
	ct_cleanup(ct_cleanup_free) char *demangled = ct_demangle(linkage_name);
	const char *name = demangled ? demangled : linkage_name;

	add_string_member(text, "function", name, strlen(name), pretty);
	size_t length = text->length;
	if (strcmp(name, linkage_name) != 0)
		add_string_member(text, "mangled_name", linkage_name, strlen(linkage_name), pretty);
	return length;
}

static void add_module(struct ct_strbuf *text, const struct module *module, bool pretty)
{
	struct ct_bytes base = base_name(module->row.path);
	add_string_member(text, "module", base.bytes, base.length, pretty);
}

static void add_source(struct ct_strbuf *text, const struct ct_source_line *source, bool pretty)
{
	if (!source->file)
		return;
	add_string_member(text, "source_file", source->file, strlen(source->file), pretty);
	if (source->line < 1)
		return;
	add_key(text, "line_number", pretty);
	ct_strbuf_printf(text, "%d", source->line);
	end_member(text, pretty);
}

static void add_plain_name(struct ct_names *names, const char *linkage_name,
			   struct ct_function_name *function)
{
	ct_cleanup(ct_cleanup_free) char *demangled = ct_demangle(linkage_name);
	const char *name = demangled ? demangled : linkage_name;
	function->name = add_plain(names, name, strlen(name));
	if (strcmp(name, linkage_name) != 0)
		function->linkage_name = add_plain(names, linkage_name, strlen(linkage_name));
}

static void add_plain_nameless(struct ct_names *names, const struct module *module,
			       uint64_t address, struct ct_function_name *function)
{
	struct ct_strbuf name = {0};
	make_nameless(&name, module, address);
	function->name = add_plain(names, name.bytes ? name.bytes : "", name.length);
	names->plain.failed |= name.failed;
	ct_strbuf_deinit(&name);
}

/* All that calls of the function at `address` of the file say about it. */
static struct ct_function_name add_function(struct ct_names *names, const struct module *module,
					    struct ct_symbols *symbols, uint64_t address,
					    bool pretty)
{
	struct ct_strbuf *text = &names->text;
	struct ct_function_name function = {.offset = text->length};
	struct ct_symbol symbol;
	struct ct_source_line source;
	size_t name_end;

	/* A symbol that begins elsewhere names another function: this one was stripped. */
	if (symbols && ct_symbols_find(symbols, address, &symbol) && symbol.low == address) {
		name_end = add_name(text, symbol.linkage_name, pretty);
		add_plain_name(names, symbol.linkage_name, &function);
	} else {
		name_end = add_nameless(text, module, address, pretty);
		add_plain_nameless(names, module, address, &function);
	}
	if (module) {
		add_module(text, module, pretty);
		function.module = add_plain(names, module->row.path.bytes, module->row.path.length);
	}
	if (symbols && ct_symbols_declaration(symbols, address, &source)) {
		add_source(text, &source, pretty);
		if (source.file)
			function.source = add_plain(names, source.file, strlen(source.file));
		function.line = source.line < 1 ? 0 : source.line;
	}
	function.name_length = name_end - function.offset;
	function.length = text->length - function.offset;
	return function;
}

static bool is_file(const struct module *module)
{
	return module->row.path.length > 0 && module->row.path.bytes[0] == '/';
}

/* NULL, after a warning, where the names cannot be had; a pseudo file such as [vdso] has none. */
static struct ct_symbols *open_symbols(const struct module *module, ct_names_warn_fn *warn)
{
	struct ct_symbols *symbols = NULL;

	if (!is_file(module))
		return NULL;
	ct_cleanup(ct_cleanup_free) char *path = strndup(module->row.path.bytes,
							 module->row.path.length);
	if (!path)
		return NULL;
	size_t build_id_bytes = module->row.entry.build_id_bytes;
	if (build_id_bytes > sizeof(module->row.entry.build_id))
		build_id_bytes = 0;
	struct ct_error *err = ct_symbols_open(path, module->row.entry.build_id, build_id_bytes,
					       NULL, &symbols);
	if (!err)
		return symbols;
	if (warn)
		warn(err->message);
	ct_error_destroy(err);
	return NULL;
}

struct ct_symbols *ct_names_open_symbols(const struct ct_trace_module *module)
{
	const struct module named = {.row = *module};
	return open_symbols(&named, NULL);
}

/* Keys of different files must differ; 0 stays "not known". */
static uint64_t key_of_file(uint64_t key, uint32_t file)
{
	if (key == 0)
		return 0;
	key ^= (uint64_t)file * UINT64_C(0x9e3779b97f4a7c15);
	return key ? key : 1;
}

static void resolve_function(struct resolver *resolver, const struct lookup *lookup, bool same,
			     struct ct_symbols *symbols)
{
	struct ct_names *names = resolver->names;

	if (!same)
		names->functions[names->function_count++] =
			add_function(names, lookup->file ? &resolver->modules[lookup->file] : NULL,
				     symbols, lookup->address, resolver->pretty);
	names->sites[lookup->site].function = names->function_count - 1;
}

/* Answer the questions of one file, which are sorted by kind and address. */
static void resolve_file(struct resolver *resolver, const struct lookup *lookups, size_t count)
{
	uint32_t file = lookups[0].file;
	ct_cleanup(symbols_cleanup) struct ct_symbols *symbols =
		file ? open_symbols(&resolver->modules[file], resolver->warn) : NULL;
	uint64_t key = 0;

	for (size_t i = 0; i < count; i++) {
		const struct lookup *lookup = &lookups[i];
		bool same = i > 0 && lookup->kind == lookups[i - 1].kind &&
			    lookup->address == lookups[i - 1].address;
		if (lookup->kind == LOOKUP_FUNCTION) {
			resolve_function(resolver, lookup, same, symbols);
			continue;
		}
		if (!same)
			key = symbols ? key_of_file(
						ct_symbols_function_key(symbols, lookup->address),
						file)
				      : 0;
		if (lookup->kind == LOOKUP_SITE_KEY)
			resolver->site_keys[lookup->site] = key;
		else
			resolver->call_keys[lookup->site] = key;
	}
}

static int compare_lookups(const void *a, const void *b)
{
	const struct lookup *left = a, *right = b;
	if (left->file != right->file)
		return left->file < right->file ? -1 : 1;
	if (left->kind != right->kind)
		return left->kind < right->kind ? -1 : 1;
	if (left->address != right->address)
		return left->address < right->address ? -1 : 1;
	return 0;
}

static void resolve_all(struct resolver *resolver)
{
	qsort(resolver->lookups, resolver->lookup_count, sizeof(*resolver->lookups),
	      compare_lookups);
	for (size_t begin = 0, end; begin < resolver->lookup_count; begin = end) {
		for (end = begin + 1; end < resolver->lookup_count; end++) {
			if (resolver->lookups[end].file != resolver->lookups[begin].file)
				break;
		}
		resolve_file(resolver, resolver->lookups + begin, end - begin);
	}
}

static void add_lookup(struct resolver *resolver, enum lookup_kind kind, uint32_t site,
		       uint32_t ordinal, uint64_t address)
{
	if (ordinal >= resolver->module_count)
		ordinal = 0;
	const struct module *module = &resolver->modules[ordinal];
	resolver->lookups[resolver->lookup_count++] = (struct lookup){
		.file = module->file,
		.site = site,
		.address = address - module->row.entry.bias,
		.kind = kind,
	};
}

static void render_site(struct ct_site_name *name, const struct ct_site *site, bool pretty)
{
	const char *space = pretty ? " " : "", *comma = pretty ? ",\n" : ",";
	char text[CT_SITE_TEXT_BYTES + 1]; /* snprintf wants room for a NUL */
	int length = snprintf(text, sizeof(text),
			      "\"address\":%s\"0x%" PRIx64 "\"%s\"call_site\":%s\"0x%" PRIx64
			      "\"%s",
			      space, site->function, comma, space, site->call_site, comma);
	memcpy(name->text, text, (size_t)length);
	name->length = (uint8_t)length;
}

static bool same_file(const struct ct_trace_module *a, const struct ct_trace_module *b)
{
	return a->path.length == b->path.length &&
	       a->entry.build_id_bytes == b->entry.build_id_bytes &&
	       memcmp(a->path.bytes, b->path.bytes, a->path.length) == 0 &&
	       memcmp(a->entry.build_id, b->entry.build_id, sizeof(a->entry.build_id)) == 0;
}

static bool read_modules(struct resolver *resolver, const struct ct_trace *trace)
{
	resolver->module_count = ct_trace_module_count(trace) + 1;
	resolver->modules = calloc(resolver->module_count, sizeof(*resolver->modules));
	if (!resolver->modules)
		return false;
	for (uint32_t i = 1; i < resolver->module_count; i++) {
		struct module *module = &resolver->modules[i];
		if (!ct_trace_module(trace, i, &module->row))
			continue;
		module->file = i;
		for (uint32_t earlier = 1; earlier < i; earlier++) {
			if (resolver->modules[earlier].file == earlier &&
			    same_file(&resolver->modules[earlier].row, &module->row)) {
				module->file = earlier;
				break;
			}
		}
	}
	return true;
}

static bool module_holds(const struct module *module, uint64_t address)
{
	return address >= module->row.entry.low && address < module->row.entry.high;
}

/*
 * The row's module is the hook's. A function that was inlined from another one
 * (Clang does that with libc's inline functions) has the address it has there;
 * of modules that took each other's place the one with the hook's is unknown,
 * so the newest counts.
 */
static uint32_t module_of_function(const struct resolver *resolver, const struct ct_site *site)
{
	if (site->module < resolver->module_count &&
	    module_holds(&resolver->modules[site->module], site->function))
		return site->module;
	for (uint32_t i = resolver->module_count; i-- > 1;)
		if (module_holds(&resolver->modules[i], site->function))
			return i;
	return site->module;
}

static bool allocate(struct ct_names *names, struct resolver *resolver)
{
	names->sites = calloc(names->site_count, sizeof(*names->sites));
	resolver->site_keys = calloc(names->site_count, sizeof(*resolver->site_keys));
	resolver->call_keys = calloc(names->site_count, sizeof(*resolver->call_keys));
	names->functions = calloc(names->site_count, sizeof(*names->functions));
	resolver->lookups = calloc(names->site_count, 3 * sizeof(*resolver->lookups));
	return names->sites && resolver->site_keys && resolver->call_keys && names->functions &&
	       resolver->lookups;
}

static void read_sites(struct resolver *resolver, const struct ct_trace *trace)
{
	for (uint32_t i = 1; i < resolver->names->site_count; i++) {
		struct ct_site site;
		if (!ct_trace_site(trace, i, &site))
			continue;
		render_site(&resolver->names->sites[i], &site, resolver->pretty);
		add_lookup(resolver, LOOKUP_FUNCTION, i, module_of_function(resolver, &site),
			   site.function);
		add_lookup(resolver, LOOKUP_SITE_KEY, i, site.module, site.site);
		add_lookup(resolver, LOOKUP_CALL_KEY, i, site.call_module, site.call_site - 1);
	}
}

/* ---- names that were packed with the trace ---- */

/* NULL: there is no such string. */
static const char *stored_string(const struct ct_columns *columns, uint32_t offset)
{
	const struct ct_strbuf *strings = &columns->columns[CT_NAMES_STRINGS];
	return offset < strings->length ? strings->bytes + offset : NULL;
}

static bool add_stored_function(struct ct_names *names, const struct ct_columns *columns,
				const struct ct_pack_function *stored, bool pretty)
{
	const char *name = stored_string(columns, stored->name);
	const char *linkage_name = stored_string(columns, stored->linkage_name);
	const char *module = stored_string(columns, stored->module);
	const char *source = stored_string(columns, stored->source);
	struct ct_strbuf *text = &names->text;
	struct ct_function_name function = {.offset = text->length};
	if (!name || !*name || !linkage_name || !module || !source)
		return false;
	function.line = stored->line <= INT_MAX ? (int)stored->line : 0;
	add_string_member(text, "function", name, strlen(name), pretty);
	function.name_length = text->length - function.offset;
	if (*linkage_name)
		add_string_member(text, "mangled_name", linkage_name, strlen(linkage_name), pretty);
	if (*module) {
		struct ct_bytes base = base_name((struct ct_bytes){module, strlen(module)});
		add_string_member(text, "module", base.bytes, base.length, pretty);
	}
	const struct ct_source_line line = {*source ? source : NULL, function.line};
	add_source(text, &line, pretty);
	function.length = text->length - function.offset;
	function.name = add_plain(names, name, strlen(name));
	function.linkage_name = add_plain(names, linkage_name, strlen(linkage_name));
	function.module = add_plain(names, module, strlen(module));
	function.source = add_plain(names, source, strlen(source));
	names->functions[names->function_count++] = function;
	return true;
}

static bool use_stored(struct resolver *resolver, const struct ct_columns *columns)
{
	struct ct_names *names = resolver->names;
	const struct ct_strbuf *sites = &columns->columns[CT_NAMES_SITES];
	const struct ct_strbuf *functions = &columns->columns[CT_NAMES_FUNCTIONS];
	const struct ct_strbuf *strings = &columns->columns[CT_NAMES_STRINGS];
	struct ct_pack_function function;
	struct ct_pack_site site;
	size_t count = ct_column_count(functions, sizeof(function));
	if (ct_column_count(sites, sizeof(site)) != names->site_count || count == 0 ||
	    count > names->site_count || strings->length == 0 ||
	    strings->bytes[strings->length - 1] != '\0')
		return false;
	for (size_t i = 1; i < count; i++) {
		memcpy(&function, functions->bytes + i * sizeof(function), sizeof(function));
		if (!add_stored_function(names, columns, &function, resolver->pretty))
			return false;
	}
	for (uint32_t i = 1; i < names->site_count; i++) {
		memcpy(&site, sites->bytes + i * sizeof(site), sizeof(site));
		if (site.function >= count)
			return false;
		names->sites[i].function = site.function;
		resolver->site_keys[i] = site.own;
		resolver->call_keys[i] = site.caller;
	}
	return true;
}

/* False, and names as if nothing had been there, when there are none, or damaged ones. */
static bool resolve_stored(struct resolver *resolver, const struct ct_trace *trace)
{
	ct_cleanup(ct_columns_deinit) struct ct_columns columns = {0};
	struct ct_names *names = resolver->names;
	size_t text_length = names->text.length, plain_length = names->plain.length;
	if (!ct_trace_read_names(trace, &columns))
		return false;
	if (use_stored(resolver, &columns))
		return true;
	names->text.length = text_length;
	names->plain.length = plain_length;
	names->function_count = 1;
	for (uint32_t i = 0; i < names->site_count; i++) {
		names->sites[i].function = 0;
		resolver->site_keys[i] = resolver->call_keys[i] = 0;
	}
	return false;
}

static uint32_t add_stored_string(struct ct_strbuf *strings, const char *string)
{
	size_t offset = strings->length;
	if (!*string)
		return 0;
	ct_strbuf_add(strings, string, strlen(string) + 1);
	strings->failed |= offset > UINT32_MAX;
	return (uint32_t)offset;
}

bool ct_names_store(const struct ct_names *names, const struct ct_trace *trace,
		    struct ct_columns *ret)
{
	struct ct_strbuf *sites = &ret->columns[CT_NAMES_SITES];
	struct ct_strbuf *functions = &ret->columns[CT_NAMES_FUNCTIONS];
	struct ct_strbuf *strings = &ret->columns[CT_NAMES_STRINGS];
	const char *module = "";
	uint32_t module_offset = 0;
	ct_columns_reset(ret, CT_NAMES_COLUMNS);
	ct_strbuf_add(strings, "", 1);
	for (uint32_t i = 0; i < names->function_count; i++) {
		const struct ct_function_name *name = &names->functions[i];
		/* Functions come by modules. */
		if (strcmp(ct_names_plain(names, name->module), module) != 0) {
			module = ct_names_plain(names, name->module);
			module_offset = add_stored_string(strings, module);
		}
		const struct ct_pack_function function = {
			.name = add_stored_string(strings, ct_names_plain(names, name->name)),
			.linkage_name = add_stored_string(
				strings, ct_names_plain(names, name->linkage_name)),
			.module = module_offset,
			.source = add_stored_string(strings, ct_names_plain(names, name->source)),
			.line = (uint32_t)name->line,
		};
		ct_strbuf_add(functions, &function, sizeof(function));
	}
	for (uint32_t i = 0; i < names->site_count; i++) {
		struct ct_pack_site site = {.function = names->sites[i].function};
		ct_trace_function_keys(trace, i, &site.own, &site.caller);
		ct_strbuf_add(sites, &site, sizeof(site));
	}
	return !sites->failed && !functions->failed && !strings->failed;
}

struct ct_error *ct_names_create(struct ct_trace *trace, bool pretty, ct_names_warn_fn *warn,
				 struct ct_names **ret)
{
	ct_cleanup(names_cleanup) struct ct_names *names = calloc(1, sizeof(*names));
	if (!names)
		return ct_error_nomem;
	names->site_count = ct_trace_site_count(trace) + 1;

	ct_cleanup(resolver_deinit) struct resolver resolver = {
		.names = names,
		.pretty = pretty,
		.warn = warn,
	};
	if (!allocate(names, &resolver) || !read_modules(&resolver, trace))
		return ct_error_nomem;

	add_string_member(&names->text, "function", "??", 2, pretty);
	names->functions[0].length = names->functions[0].name_length = names->text.length;
	names->function_count = 1;
	ct_strbuf_add(&names->plain, "", 1);
	names->functions[0].name = add_plain(names, "??", 2);
	read_sites(&resolver, trace);
	if (!resolve_stored(&resolver, trace))
		resolve_all(&resolver);
	if (names->text.failed || names->plain.failed)
		return ct_error_nomem;
	ct_trace_set_function_keys(trace, resolver.site_keys, resolver.call_keys);
	*ret = ct_take(names);
	return NULL;
}

static bool find_module(const struct ct_trace *trace, uint64_t address, uint64_t ticks,
			struct module *ret)
{
	for (uint32_t i = ct_trace_module_count(trace); i > 0; i--) {
		if (!ct_trace_module(trace, i, &ret->row))
			continue;
		const struct ct_module *entry = &ret->row.entry;
		if (address >= entry->low && address < entry->high &&
		    (entry->unload_ticks == 0 || entry->unload_ticks >= ticks))
			return true;
	}
	return false;
}

void ct_names_locate(const struct ct_trace *trace, uint64_t address, uint64_t ticks, bool pretty,
		     struct ct_strbuf *text)
{
	struct module module;
	struct ct_symbol symbol;
	struct ct_source_line source;

	if (!find_module(trace, address, ticks, &module))
		return;
	ct_cleanup(symbols_cleanup) struct ct_symbols *symbols = open_symbols(&module, NULL);
	uint64_t elf_address = address - module.row.entry.bias;
	if (symbols && ct_symbols_find(symbols, elf_address, &symbol))
		add_name(text, symbol.linkage_name, pretty);
	else
		add_nameless(text, &module, elf_address, pretty);
	add_module(text, &module, pretty);
	if (symbols && ct_symbols_line(symbols, elf_address, &source))
		add_source(text, &source, pretty);
}
