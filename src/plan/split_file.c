/* SPDX-License-Identifier: MIT */
/* Packages and .dwo files: what units there are, and views of them for libdw. */
#include "plan/split_file.h"

#include <dwarf.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/cursor.h"

/* ---- sections ---- */

/* Without ".debug_" and ".dwo" */
static const char *const section_names[CT_SPLIT_SECTIONS] = {
	[CT_SPLIT_INFO] = "info",
	[CT_SPLIT_TYPES] = "types",
	[CT_SPLIT_ABBREV] = "abbrev",
	[CT_SPLIT_LINE] = "line",
	[CT_SPLIT_LOC] = "loc",
	[CT_SPLIT_LOCLISTS] = "loclists",
	[CT_SPLIT_STR_OFFSETS] = "str_offsets",
	[CT_SPLIT_RNGLISTS] = "rnglists",
	[CT_SPLIT_STR] = "str",
};

struct index_bytes {
	struct ct_split_bytes units, types; /* .debug_cu_index, .debug_tu_index */
};

/* A section's bytes, unpacked; none where that is not possible. */
static struct ct_split_bytes section_bytes(Elf_Scn *section, const char *name)
{
	GElf_Shdr header;
	if (strncmp(name, ".zdebug_", 8) == 0)
		elf_compress_gnu(section, 0, 0);
	if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS ||
	    ((header.sh_flags & SHF_COMPRESSED) && elf_compress(section, 0, 0) < 0))
		return (struct ct_split_bytes){0};
	Elf_Data *data = elf_getdata(section, NULL);
	if (!data || !data->d_buf)
		return (struct ct_split_bytes){0};
	return (struct ct_split_bytes){data->d_buf, data->d_size};
}

/* Types that may be in several .dwo files have sections of their own. */
static bool join(struct ct_split_file *file, enum ct_split_section which,
		 struct ct_split_bytes more)
{
	struct ct_split_bytes *all = &file->sections[which];
	if (!all->start) {
		*all = more;
		return true;
	}
	struct ct_strbuf *joined = &file->joined[which];
	if (!joined->bytes)
		ct_strbuf_add(joined, all->start, all->size_bytes);
	ct_strbuf_add(joined, more.start, more.size_bytes);
	*all = (struct ct_split_bytes){(unsigned char *)joined->bytes, joined->length};
	return !joined->failed;
}

static bool is_named(const char *name, size_t length, const char *wanted)
{
	return strlen(wanted) == length && memcmp(name, wanted, length) == 0;
}

static bool take_section(struct ct_split_file *file, struct index_bytes *index, Elf_Scn *section,
			 const char *name)
{
	static const char suffix[] = ".dwo";
	const char *begin = strchr(name, '_');
	if (!begin || (strncmp(name, ".debug_", 7) != 0 && strncmp(name, ".zdebug_", 8) != 0))
		return true;
	begin++;
	size_t length = strlen(begin);
	if (is_named(begin, length, "cu_index"))
		index->units = section_bytes(section, name);
	if (is_named(begin, length, "tu_index"))
		index->types = section_bytes(section, name);
	if (length < sizeof(suffix) || strcmp(begin + length - (sizeof(suffix) - 1), suffix) != 0)
		return true;
	length -= sizeof(suffix) - 1;
	for (unsigned int i = 0; i < CT_SPLIT_SECTIONS; i++) {
		if (!is_named(begin, length, section_names[i]))
			continue;
		struct ct_split_bytes bytes = section_bytes(section, name);
		if (!bytes.start ||
		    (file->sections[i].start && i != CT_SPLIT_INFO && i != CT_SPLIT_TYPES))
			return true;
		return join(file, i, bytes);
	}
	return true;
}

static bool read_sections(struct ct_split_file *file, struct index_bytes *index)
{
	size_t names;
	const char *ident = elf_getident(file->elf, NULL);
	if (elf_kind(file->elf) != ELF_K_ELF || !ident || ident[EI_CLASS] != ELFCLASS64 ||
	    ident[EI_DATA] != ELFDATA2LSB || elf_getshdrstrndx(file->elf, &names) != 0)
		return false;
	Elf_Scn *section = NULL;
	while ((section = elf_nextscn(file->elf, section))) {
		GElf_Shdr header;
		const char *name = gelf_getshdr(section, &header)
					   ? elf_strptr(file->elf, names, header.sh_name)
					   : NULL;
		if (name && !take_section(file, index, section, name))
			return false;
	}
	return true;
}

/* ---- the index of a package ---- */

/* What a column's number means, in the index of GNU's DWARF 4 and of DWARF 5. */
static unsigned int section_of_column(unsigned int version, uint32_t number)
{
	static const uint8_t of_version_2[] = {
		CT_SPLIT_SECTIONS, CT_SPLIT_INFO, CT_SPLIT_TYPES,	CT_SPLIT_ABBREV,
		CT_SPLIT_LINE,	   CT_SPLIT_LOC,  CT_SPLIT_STR_OFFSETS,
	};
	static const uint8_t of_version_5[] = {
		CT_SPLIT_SECTIONS,    CT_SPLIT_INFO,	 CT_SPLIT_SECTIONS,
		CT_SPLIT_ABBREV,      CT_SPLIT_LINE,	 CT_SPLIT_LOCLISTS,
		CT_SPLIT_STR_OFFSETS, CT_SPLIT_SECTIONS, CT_SPLIT_RNGLISTS,
	};
	if (version == 2)
		return number < sizeof(of_version_2) ? of_version_2[number] : CT_SPLIT_SECTIONS;
	return number < sizeof(of_version_5) ? of_version_5[number] : CT_SPLIT_SECTIONS;
}

enum {
	INDEX_COLUMNS_MAX = 16,
	INDEX_HEADER_BYTES = 16,
};

struct index {
	unsigned int version;
	uint32_t column_count, row_count, slot_count;
	unsigned int sections[INDEX_COLUMNS_MAX];
	struct ct_split_bytes ids, rows, offsets, sizes; /* the tables */
};

static uint32_t u32_at(struct ct_split_bytes table, uint64_t number)
{
	uint32_t value;
	memcpy(&value, table.start + number * sizeof(value), sizeof(value));
	return value;
}

static bool read_index(struct ct_split_bytes bytes, struct index *ret)
{
	struct ct_cursor cursor = ct_cursor_init(bytes.start, bytes.size_bytes, NULL);
	uint32_t version = ct_cursor_u32(&cursor);
	ret->version = version & 0xffff; /* of version 5 the rest is padding */
	ret->column_count = ct_cursor_u32(&cursor);
	ret->row_count = ct_cursor_u32(&cursor);
	ret->slot_count = ct_cursor_u32(&cursor);
	if (cursor.failed || (ret->version != 2 && ret->version != 5) ||
	    ret->column_count > INDEX_COLUMNS_MAX)
		return false;
	uint64_t table_bytes = (uint64_t)ret->row_count * ret->column_count * 4;
	uint64_t need = (uint64_t)ret->slot_count * 12 + ret->column_count * 4 + 2 * table_bytes;
	if (ct_cursor_left(&cursor) < need)
		return false;
	unsigned char *at = bytes.start + INDEX_HEADER_BYTES;
	ret->ids = (struct ct_split_bytes){at, (size_t)ret->slot_count * 8};
	ret->rows = (struct ct_split_bytes){at += ret->ids.size_bytes, (size_t)ret->slot_count * 4};
	struct ct_split_bytes columns = {at += ret->rows.size_bytes, ret->column_count * 4};
	ret->offsets = (struct ct_split_bytes){at += columns.size_bytes, (size_t)table_bytes};
	ret->sizes = (struct ct_split_bytes){at + table_bytes, (size_t)table_bytes};
	for (uint32_t i = 0; i < ret->column_count; i++)
		ret->sections[i] = section_of_column(ret->version, u32_at(columns, i));
	return true;
}

static bool is_within(const struct ct_split_file *file, unsigned int section, uint64_t offset,
		      uint64_t size_bytes)
{
	uint64_t all = file->sections[section].size_bytes;
	return offset <= all && size_bytes <= all - offset;
}

/* The unit of row `row`, from 0. False: a part is not there. */
static bool read_row(const struct ct_split_file *file, const struct index *index, uint32_t row,
		     struct ct_split_unit *unit)
{
	for (uint32_t i = 0; i < index->column_count; i++) {
		uint64_t cell = (uint64_t)row * index->column_count + i;
		unsigned int section = index->sections[i];
		if (section == CT_SPLIT_SECTIONS)
			continue;
		unit->parts[section].offset = u32_at(index->offsets, cell);
		unit->parts[section].size_bytes = u32_at(index->sizes, cell);
		if (!is_within(file, section, unit->parts[section].offset,
			       unit->parts[section].size_bytes))
			return false;
	}
	return unit->parts[unit->section].size_bytes > 0;
}

static struct ct_split_unit *add_unit(struct ct_split_file *file, size_t *capacity)
{
	if (file->unit_count == *capacity) {
		size_t larger = *capacity ? *capacity * 2 : 64;
		struct ct_split_unit *units = reallocarray(file->units, larger, sizeof(*units));
		if (!units)
			return NULL;
		file->units = units;
		*capacity = larger;
	}
	struct ct_split_unit *unit = &file->units[file->unit_count++];
	*unit = (struct ct_split_unit){0};
	return unit;
}

static bool add_rows(struct ct_split_file *file, struct ct_split_bytes bytes, bool is_type,
		     size_t *capacity)
{
	struct index index;
	if (!bytes.start)
		return true;
	if (!read_index(bytes, &index))
		return false;
	for (uint32_t i = 0; i < index.slot_count; i++) {
		uint32_t row = u32_at(index.rows, i);
		if (row == 0 || row > index.row_count)
			continue;
		struct ct_split_unit *unit = add_unit(file, capacity);
		if (!unit)
			return false;
		memcpy(&unit->id, index.ids.start + (size_t)i * 8, sizeof(unit->id));
		unit->is_type = is_type;
		unit->section = is_type && index.version == 2 ? CT_SPLIT_TYPES : CT_SPLIT_INFO;
		if (!read_row(file, &index, row - 1, unit))
			file->unit_count--;
	}
	return true;
}

/* ---- units of a .dwo file ---- */

/* What the header says; `left` is what the section has from there on. Its bytes, or 0. */
static uint64_t read_head(struct ct_cursor cursor, bool is_types_section,
			  struct ct_split_unit *unit)
{
	enum { LENGTH_MAX = 0xfffffff0 };
	size_t left = ct_cursor_left(&cursor);
	uint32_t length = ct_cursor_u32(&cursor);
	uint16_t version = ct_cursor_u16(&cursor);
	if (version == 5) {
		uint8_t type = ct_cursor_u8(&cursor);
		unit->is_type = type == DW_UT_split_type;
		ct_cursor_skip(&cursor, 5); /* address size, abbreviations */
		unit->id = ct_cursor_u64(&cursor);
	} else if (is_types_section) {
		unit->is_type = true;
		ct_cursor_skip(&cursor, 5);
		unit->id = ct_cursor_u64(&cursor);
	}
	if (cursor.failed || length >= LENGTH_MAX || length > left - 4)
		return 0;
	return (uint64_t)length + 4;
}

static bool add_units_of_section(struct ct_split_file *file, enum ct_split_section section,
				 uint64_t dwo_id, size_t *capacity)
{
	struct ct_split_bytes bytes = file->sections[section];
	for (uint64_t offset = 0; offset < bytes.size_bytes;) {
		struct ct_split_unit head = {.id = dwo_id, .section = section};
		uint64_t size_bytes = read_head(
			ct_cursor_init(bytes.start + offset, bytes.size_bytes - offset, NULL),
			section == CT_SPLIT_TYPES, &head);
		if (size_bytes == 0)
			return true;
		struct ct_split_unit *unit = add_unit(file, capacity);
		if (!unit)
			return false;
		*unit = head;
		for (unsigned int i = 0; i < CT_SPLIT_SECTIONS; i++)
			unit->parts[i].size_bytes = file->sections[i].size_bytes;
		unit->parts[section].offset = offset;
		unit->parts[section].size_bytes = size_bytes;
		offset += size_bytes;
	}
	return true;
}

/* ---- opening ---- */

static int compare_units(const void *a, const void *b)
{
	const struct ct_split_unit *x = a, *y = b;
	if (x->section != y->section)
		return x->section < y->section ? -1 : 1;
	uint64_t left = x->parts[x->section].offset, right = y->parts[y->section].offset;
	return left < right ? -1 : left > right;
}

/* Two units of the same bytes would be changed twice. */
static void drop_overlapping(struct ct_split_file *file)
{
	size_t kept = 0;
	uint64_t end = 0;
	for (size_t i = 0; i < file->unit_count; i++) {
		const struct ct_split_unit *unit = &file->units[i];
		uint64_t offset = unit->parts[unit->section].offset;
		if (kept > 0 && file->units[kept - 1].section == unit->section && offset < end)
			continue;
		end = offset + unit->parts[unit->section].size_bytes;
		file->units[kept++] = *unit;
	}
	file->unit_count = kept;
}

static int compare_ids(const void *a, const void *b, void *context)
{
	const struct ct_split_unit *units = context;
	uint64_t left = units[*(const size_t *)a].id, right = units[*(const size_t *)b].id;
	return left < right ? -1 : left > right;
}

static bool order_units(struct ct_split_file *file)
{
	if (file->unit_count == 0)
		return false;
	qsort(file->units, file->unit_count, sizeof(*file->units), compare_units);
	drop_overlapping(file);
	file->by_id = calloc(file->unit_count, sizeof(*file->by_id));
	if (!file->by_id)
		return false;
	for (size_t i = 0; i < file->unit_count; i++)
		if (!file->units[i].is_type)
			file->by_id[file->by_id_count++] = i;
	qsort_r(file->by_id, file->by_id_count, sizeof(*file->by_id), compare_ids, file->units);
	for (size_t i = 0; i < file->unit_count; i++)
		if (file->units[i].is_type)
			ct_split_unit_change(file, &file->units[i], NULL);
	return true;
}

/* `dwo_id`: of a .dwo file's one unit; DWARF 4 has it in an attribute. */
bool ct_split_file_open(struct ct_split_file *ret, const char *path, uint64_t dwo_id)
{
	struct index_bytes index = {0};
	struct stat status;
	size_t capacity = 0;
	*ret = (struct ct_split_file){.fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
	if (ret->fd < 0)
		return false;
	/* Private: units are changed where they are. */
	if (fstat(ret->fd, &status) == 0 && S_ISREG(status.st_mode))
		ret->elf = elf_begin(ret->fd, ELF_C_READ_MMAP_PRIVATE, NULL);
	bool is_good = ret->elf && read_sections(ret, &index) &&
		       ret->sections[CT_SPLIT_INFO].start && ret->sections[CT_SPLIT_ABBREV].start;
	if (is_good && index.units.start)
		is_good = add_rows(ret, index.units, false, &capacity) &&
			  add_rows(ret, index.types, true, &capacity);
	else if (is_good)
		is_good = add_units_of_section(ret, CT_SPLIT_INFO, dwo_id, &capacity) &&
			  add_units_of_section(ret, CT_SPLIT_TYPES, dwo_id, &capacity);
	if (is_good && order_units(ret))
		return true;
	ct_split_file_close(ret);
	return false;
}

/* ---- views ---- */

enum { VIEW_SECTIONS_MAX = 10 };

struct view_section {
	const char *name;
	struct ct_split_bytes bytes;
};

/* An ELF file that is nowhere but in libelf's tables, made of others' bytes. */
struct ct_split_view {
	struct ct_split_view *next;
	Elf *elf;
	Dwarf *dwarf;
	struct ct_strbuf names;
};

static void destroy_view(struct ct_split_view *view)
{
	dwarf_end(view->dwarf);
	elf_end(view->elf);
	ct_strbuf_deinit(&view->names);
	free(view);
}

static bool put_section(struct ct_split_view *view, size_t name, struct ct_split_bytes bytes,
			unsigned int type)
{
	GElf_Shdr header;
	Elf_Scn *section = elf_newscn(view->elf);
	Elf_Data *data = section ? elf_newdata(section) : NULL;
	if (!data || !gelf_getshdr(section, &header))
		return false;
	data->d_buf = bytes.start;
	data->d_size = bytes.size_bytes;
	data->d_type = ELF_T_BYTE;
	data->d_align = 1;
	header.sh_name = (GElf_Word)name;
	header.sh_type = type;
	header.sh_size = bytes.size_bytes;
	return gelf_update_shdr(section, &header) != 0;
}

static bool fill_view(struct ct_split_view *view, const struct view_section *sections, size_t count)
{
	GElf_Ehdr header;
	size_t names[VIEW_SECTIONS_MAX];
	if (!view->elf || !gelf_newehdr(view->elf, ELFCLASS64) || !gelf_getehdr(view->elf, &header))
		return false;
	ct_strbuf_add(&view->names, "", 1);
	for (size_t i = 0; i < count; i++) {
		names[i] = view->names.length;
		ct_strbuf_add(&view->names, sections[i].name, strlen(sections[i].name) + 1);
	}
	if (view->names.failed)
		return false;
	struct ct_split_bytes name_bytes = {(unsigned char *)view->names.bytes, view->names.length};
	if (!put_section(view, 0, name_bytes, SHT_STRTAB))
		return false;
	for (size_t i = 0; i < count; i++)
		if (sections[i].bytes.start && sections[i].bytes.size_bytes > 0 &&
		    !put_section(view, names[i], sections[i].bytes, SHT_PROGBITS))
			return false;
	header.e_ident[EI_DATA] = ELFDATA2LSB;
	header.e_type = ET_REL;
	header.e_machine = EM_X86_64;
	header.e_version = EV_CURRENT;
	header.e_shstrndx = 1;
	if (!gelf_update_ehdr(view->elf, &header))
		return false;
	view->dwarf = dwarf_begin_elf(view->elf, DWARF_C_READ, NULL);
	return view->dwarf != NULL;
}

static Dwarf *make_view(struct ct_split_file *file, const struct view_section *sections,
			size_t count)
{
	struct ct_split_view *view = calloc(1, sizeof(*view));
	if (!view)
		return NULL;
	/* Nothing is ever written; libelf wants a descriptor that is open. */
	view->elf = elf_begin(file->fd, ELF_C_WRITE, NULL);
	if (!fill_view(view, sections, count)) {
		destroy_view(view);
		return NULL;
	}
	view->next = file->views;
	file->views = view;
	return view->dwarf;
}

static struct ct_split_bytes part(const struct ct_split_file *file,
				  const struct ct_split_unit *unit, enum ct_split_section section)
{
	unsigned char *start = file->sections[section].start;
	if (!start)
		return (struct ct_split_bytes){0};
	return (struct ct_split_bytes){
		start + unit->parts[section].offset,
		(size_t)unit->parts[section].size_bytes,
	};
}

static struct ct_split_bytes from(struct ct_split_bytes bytes, uint64_t offset)
{
	if (!bytes.start || offset >= bytes.size_bytes)
		return (struct ct_split_bytes){0};
	return (struct ct_split_bytes){bytes.start + offset, bytes.size_bytes - (size_t)offset};
}

static struct ct_split_bytes abbreviations(const struct ct_split_file *file)
{
	return (struct ct_split_bytes){
		(unsigned char *)file->abbreviations.bytes,
		file->abbreviations.length,
	};
}

/* DWARF 5: all bases are in the unit, so one view has all units. */
static Dwarf *view_whole(struct ct_split_file *file, const struct ct_split_program *program)
{
	const struct view_section sections[] = {
		{".debug_info", file->sections[CT_SPLIT_INFO]},
		{".debug_abbrev", abbreviations(file)},
		{".debug_loclists", file->sections[CT_SPLIT_LOCLISTS]},
		{".debug_rnglists", file->sections[CT_SPLIT_RNGLISTS]},
		{".debug_str_offsets", file->sections[CT_SPLIT_STR_OFFSETS]},
		{".debug_str", file->sections[CT_SPLIT_STR]},
		{".debug_addr", program->addr},
	};
	if (!file->whole)
		file->whole = make_view(file, sections, sizeof(sections) / sizeof(sections[0]));
	return file->whole;
}

/* DWARF 4: location lists, ranges and lines are counted from where the unit's part begins. */
static Dwarf *view_unit(struct ct_split_file *file, const struct ct_split_program *program,
			const struct ct_split_unit *unit, const struct ct_split_skeleton *skeleton)
{
	const struct view_section sections[] = {
		{".debug_info", part(file, unit, CT_SPLIT_INFO)},
		{".debug_types", file->sections[CT_SPLIT_TYPES]},
		{".debug_abbrev", abbreviations(file)},
		{".debug_loc", part(file, unit, CT_SPLIT_LOC)},
		{".debug_line", part(file, unit, CT_SPLIT_LINE)},
		{".debug_str_offsets", file->sections[CT_SPLIT_STR_OFFSETS]},
		{".debug_str", file->sections[CT_SPLIT_STR]},
		{".debug_addr", program->addr},
		{".debug_ranges", from(program->ranges, skeleton->ranges_base)},
	};
	return make_view(file, sections, sizeof(sections) / sizeof(sections[0]));
}

void ct_split_file_close(struct ct_split_file *file)
{
	while (file->views) {
		struct ct_split_view *next = file->views->next;
		destroy_view(file->views);
		file->views = next;
	}
	for (unsigned int i = 0; i < CT_SPLIT_SECTIONS; i++)
		ct_strbuf_deinit(&file->joined[i]);
	ct_strbuf_deinit(&file->abbreviations);
	free(file->units);
	free(file->by_id);
	elf_end(file->elf);
	ct_cleanup_fd(&file->fd);
	*file = (struct ct_split_file){.fd = -1};
}

/* ---- units ---- */

static struct ct_split_unit *find_unit(const struct ct_split_file *file, uint64_t id)
{
	size_t low = 0, high = file->by_id_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (file->units[file->by_id[middle]].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == file->by_id_count || file->units[file->by_id[low]].id != id)
		return NULL;
	return &file->units[file->by_id[low]];
}

void ct_split_file_prepare(struct ct_split_file *file, const struct ct_split_skeleton *skeleton)
{
	struct ct_split_unit *unit = find_unit(file, skeleton->id);
	if (unit && !file->views)
		ct_split_unit_change(file, unit, skeleton);
}

bool ct_split_file_unit(struct ct_split_file *file, const struct ct_split_program *program,
			const struct ct_split_skeleton *skeleton, Dwarf_Die *ret)
{
	const struct ct_split_unit *unit = find_unit(file, skeleton->id);
	if (!unit || !unit->is_ready)
		return false;
	uint64_t offset = ct_split_unit_die(unit);
	Dwarf *dwarf;
	if (unit->version == 5) {
		offset += unit->parts[CT_SPLIT_INFO].offset;
		dwarf = view_whole(file, program);
	} else {
		dwarf = view_unit(file, program, unit, skeleton);
	}
	return dwarf && dwarf_offdie(dwarf, offset, ret) && dwarf_tag(ret) == DW_TAG_compile_unit;
}
