/* SPDX-License-Identifier: MIT */
/* One unit of split debug information, changed to what libdw reads: see split_file.h. */
#include <dwarf.h>
#include <string.h>

#include "base/cursor.h"
#include "plan/split_file.h"

enum {
	ATTRIBUTES_MAX = 64, /* of a unit's DIE */
	ID_BYTES = 8,
	ADDRESS_BYTES = 8,
	/* Where the DIE is */
	DIE_OF_UNIT_5 = 12,
	DIE_OF_SPLIT_UNIT_5 = DIE_OF_UNIT_5 + ID_BYTES,
	DIE_OF_TYPE_5 = DIE_OF_UNIT_5 + ID_BYTES + 4,
	DIE_OF_UNIT_4 = 11,
	DIE_OF_TYPE_4 = DIE_OF_UNIT_4 + ID_BYTES + 4,
	/* Headers of what is reached by an index */
	STR_OFFSETS_HEADER_5 = 8,
	LISTS_HEADER_5 = 12,
};

struct attribute {
	uint64_t name, form;
	uint64_t constant; /* of DW_FORM_implicit_const */
};

struct abbreviation {
	const unsigned char *start, *end; /* where it is in the table */
	uint64_t tag;
	uint8_t has_children;
	struct attribute attributes[ATTRIBUTES_MAX];
	size_t count;
};

/* ---- reading ---- */

static uint64_t read_uleb(struct ct_cursor *cursor)
{
	uint64_t value = 0;
	for (unsigned int shift = 0; shift < 70; shift += 7) {
		uint8_t byte = ct_cursor_u8(cursor);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	cursor->failed = true;
	return 0;
}

/* Signed numbers are kept as their bits. */
static uint64_t read_sleb(struct ct_cursor *cursor)
{
	uint64_t value = 0;
	for (unsigned int shift = 0; shift < 70; shift += 7) {
		uint8_t byte = ct_cursor_u8(cursor);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if ((byte & 0x40) && shift + 7 < 64)
			value |= UINT64_MAX << (shift + 7);
		return value;
	}
	cursor->failed = true;
	return 0;
}

/* False at the end of the table, or where it is damaged. */
static bool read_abbreviation(struct ct_cursor *table, uint64_t *ret_code, struct abbreviation *ret)
{
	ret->start = table->at;
	*ret_code = read_uleb(table);
	if (table->failed || *ret_code == 0)
		return false;
	ret->tag = read_uleb(table);
	ret->has_children = ct_cursor_u8(table);
	ret->count = 0;
	for (;;) {
		struct attribute attribute = {.name = read_uleb(table), .form = read_uleb(table)};
		if (attribute.form == DW_FORM_implicit_const)
			attribute.constant = read_sleb(table);
		if (table->failed)
			return false;
		if (attribute.name == 0 && attribute.form == 0)
			break;
		if (ret->count < ATTRIBUTES_MAX)
			ret->attributes[ret->count] = attribute;
		ret->count++;
	}
	ret->end = table->at;
	return true;
}

/* Go past a value. Only forms that a unit's own DIE may have. */
static bool skip_value(struct ct_cursor *cursor, uint64_t form)
{
	switch (form) {
	case DW_FORM_flag_present:
	case DW_FORM_implicit_const:
		return true;
	case DW_FORM_data1:
	case DW_FORM_flag:
	case DW_FORM_strx1:
	case DW_FORM_addrx1:
		return ct_cursor_skip(cursor, 1);
	case DW_FORM_data2:
	case DW_FORM_strx2:
	case DW_FORM_addrx2:
		return ct_cursor_skip(cursor, 2);
	case DW_FORM_strx3:
	case DW_FORM_addrx3:
		return ct_cursor_skip(cursor, 3);
	case DW_FORM_data4:
	case DW_FORM_strx4:
	case DW_FORM_addrx4:
	case DW_FORM_strp:
	case DW_FORM_line_strp:
	case DW_FORM_sec_offset:
		return ct_cursor_skip(cursor, 4);
	case DW_FORM_data8:
	case DW_FORM_addr:
		return ct_cursor_skip(cursor, 8);
	case DW_FORM_udata:
	case DW_FORM_sdata:
	case DW_FORM_strx:
	case DW_FORM_addrx:
	case DW_FORM_rnglistx:
	case DW_FORM_loclistx:
	case DW_FORM_GNU_str_index:
	case DW_FORM_GNU_addr_index:
		read_uleb(cursor);
		return !cursor->failed;
	case DW_FORM_string:
		while (ct_cursor_u8(cursor) != 0)
			;
		return !cursor->failed;
	default:
		return false;
	}
}

/* ---- writing abbreviations ---- */

static void put_uleb(struct ct_strbuf *buffer, uint64_t value)
{
	do {
		unsigned char byte = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
		ct_strbuf_add(buffer, &byte, 1);
		value >>= 7;
	} while (value > 0);
}

/* As signed, so that the last byte's upper bit must be clear. */
static void put_sleb(struct ct_strbuf *buffer, uint64_t value)
{
	while (value > 0x3f) {
		unsigned char byte = (unsigned char)((value & 0x7f) | 0x80);
		ct_strbuf_add(buffer, &byte, 1);
		value >>= 7;
	}
	unsigned char last = (unsigned char)value;
	ct_strbuf_add(buffer, &last, 1);
}

static void put_attribute(struct ct_strbuf *buffer, const struct attribute *attribute)
{
	put_uleb(buffer, attribute->name);
	put_uleb(buffer, attribute->form);
	if (attribute->form == DW_FORM_implicit_const)
		put_sleb(buffer, attribute->constant);
}

static void put_constant(struct ct_strbuf *buffer, uint64_t name, uint64_t value)
{
	put_attribute(buffer, &(struct attribute){name, DW_FORM_implicit_const, value});
}

/* What comes behind a section's header; where the unit has no part of it, behind the section. */
static uint64_t base_in(const struct ct_split_file *file, const struct ct_split_unit *unit,
			enum ct_split_section section, uint64_t header_bytes)
{
	if (unit->parts[section].size_bytes == 0)
		return file->sections[section].size_bytes;
	return unit->parts[section].offset + (unit->version < 5 ? 0 : header_bytes);
}

/* The attributes that take no bytes; the first of a name is the one that counts. */
static void put_bases(struct ct_split_file *file, const struct ct_split_unit *unit,
		      const struct ct_split_skeleton *skeleton)
{
	struct ct_strbuf *buffer = &file->abbreviations;
	put_constant(buffer, DW_AT_str_offsets_base,
		     base_in(file, unit, CT_SPLIT_STR_OFFSETS, STR_OFFSETS_HEADER_5));
	if (!skeleton)
		return;
	if (unit->version < 5) {
		put_constant(buffer, DW_AT_GNU_addr_base, skeleton->addr_base);
		put_constant(buffer, DW_AT_GNU_dwo_id, skeleton->id);
		return;
	}
	put_constant(buffer, DW_AT_addr_base, skeleton->addr_base);
	put_constant(buffer, DW_AT_loclists_base,
		     base_in(file, unit, CT_SPLIT_LOCLISTS, LISTS_HEADER_5));
	put_constant(buffer, DW_AT_rnglists_base,
		     base_in(file, unit, CT_SPLIT_RNGLISTS, LISTS_HEADER_5));
}

/* ---- changing ---- */

uint64_t ct_split_unit_die(const struct ct_split_unit *unit)
{
	if (unit->version < 5)
		return unit->is_type ? DIE_OF_TYPE_4 : DIE_OF_UNIT_4;
	return unit->is_type ? DIE_OF_TYPE_5 : DIE_OF_UNIT_5;
}

struct header {
	uint64_t die; /* before the change */
	uint64_t abbreviations;
	size_t abbreviations_at; /* where the offset is written */
};

static bool read_header(struct ct_split_unit *unit, const struct ct_split_bytes *bytes,
			struct header *ret)
{
	enum { LENGTH_BYTES = 4, LENGTH_MAX = 0xfffffff0 /* beyond: 64-bit DWARF */ };
	struct ct_cursor cursor = ct_cursor_init(bytes->start, bytes->size_bytes, NULL);
	uint32_t length = ct_cursor_u32(&cursor);
	unit->version = ct_cursor_u16(&cursor);
	if (length >= LENGTH_MAX || length > bytes->size_bytes - LENGTH_BYTES)
		return false;
	uint8_t address_bytes;
	bool is_right = true;
	if (unit->version == 5) {
		is_right = ct_cursor_u8(&cursor) ==
			   (unit->is_type ? DW_UT_split_type : DW_UT_split_compile);
		address_bytes = ct_cursor_u8(&cursor);
		ret->abbreviations_at = (size_t)(cursor.at - bytes->start);
		ret->abbreviations = ct_cursor_u32(&cursor);
		ret->die = unit->is_type ? DIE_OF_TYPE_5 : DIE_OF_SPLIT_UNIT_5;
		is_right = is_right && ct_cursor_u64(&cursor) == unit->id;
	} else {
		ret->abbreviations_at = (size_t)(cursor.at - bytes->start);
		ret->abbreviations = ct_cursor_u32(&cursor);
		address_bytes = ct_cursor_u8(&cursor);
		ret->die = ct_split_unit_die(unit);
		is_right = unit->version == 4 &&
			   (!unit->is_type || ct_cursor_u64(&cursor) == unit->id);
	}
	return is_right && !cursor.failed && address_bytes == ADDRESS_BYTES &&
	       ret->die < bytes->size_bytes;
}

static bool find_abbreviation(struct ct_cursor table, uint64_t code, struct abbreviation *ret)
{
	uint64_t found;
	while (read_abbreviation(&table, &found, ret))
		if (found == code)
			return ret->count <= ATTRIBUTES_MAX;
	return false;
}

/*
 * DWARF 5: the header without the identifier is 8 bytes shorter, and the DIE
 * begins with an address.
 */
static void begin_with_address(unsigned char *unit, size_t code_bytes, uint64_t low)
{
	enum { TYPE_AT = 6 };
	unit[TYPE_AT] = DW_UT_compile;
	memmove(unit + DIE_OF_UNIT_5, unit + DIE_OF_SPLIT_UNIT_5, code_bytes);
	memcpy(unit + DIE_OF_UNIT_5 + code_bytes, &low, sizeof(low));
}

/* DWARF 4: the identifier is the value of an attribute, whose place the address takes. */
static bool replace_identifier(struct ct_cursor values, const struct ct_split_skeleton *skeleton,
			       struct abbreviation *abbreviation)
{
	for (size_t i = 0; i < abbreviation->count; i++) {
		struct attribute *attribute = &abbreviation->attributes[i];
		if (attribute->name != DW_AT_GNU_dwo_id) {
			if (!skip_value(&values, attribute->form))
				return false;
			continue;
		}
		unsigned char *place = (unsigned char *)values.at;
		if (attribute->form != DW_FORM_data8 || ct_cursor_u64(&values) != skeleton->id ||
		    values.failed)
			return false;
		memcpy(place, &skeleton->low, sizeof(skeleton->low));
		*attribute = (struct attribute){DW_AT_low_pc, DW_FORM_addr, 0};
		return true;
	}
	return false;
}

/* Write the table with the unit's own abbreviation changed. False: it does not fit. */
static bool put_table(struct ct_split_file *file, const struct ct_split_unit *unit,
		      const struct ct_split_skeleton *skeleton, const struct ct_cursor *table,
		      const struct abbreviation *own, uint64_t code)
{
	struct ct_strbuf *buffer = &file->abbreviations;
	size_t most = 4 * file->sections[CT_SPLIT_ABBREV].size_bytes + 1024 * file->unit_count;
	if (most > UINT32_MAX)
		most = UINT32_MAX;
	put_uleb(buffer, code);
	put_uleb(buffer, own->tag);
	ct_strbuf_add(buffer, &own->has_children, 1);
	if (skeleton && unit->version == 5)
		put_attribute(buffer, &(struct attribute){DW_AT_low_pc, DW_FORM_addr, 0});
	put_bases(file, unit, skeleton);
	for (size_t i = 0; i < own->count; i++)
		put_attribute(buffer, &own->attributes[i]);
	ct_strbuf_add(buffer, "\0", 2);
	/* libdw takes a code that is there twice for damage. */
	ct_strbuf_add(buffer, table->at, (size_t)(own->start - table->at));
	ct_strbuf_add(buffer, own->end, (size_t)(table->end - own->end));
	ct_strbuf_add(buffer, "", 1);
	return !buffer->failed && buffer->length <= most;
}

/* The types of one compilation mostly share a table. */
static bool use_last_table(struct ct_split_file *file, const struct ct_split_unit *unit,
			   uint64_t abbreviations, uint64_t code, uint32_t *ret)
{
	if (!file->last_table.is_there || file->last_table.code != code ||
	    file->last_table.abbreviations != abbreviations ||
	    file->last_table.str_offsets != unit->parts[CT_SPLIT_STR_OFFSETS].offset)
		return false;
	*ret = file->last_table.offset;
	return true;
}

bool ct_split_unit_change(struct ct_split_file *file, struct ct_split_unit *unit,
			  const struct ct_split_skeleton *skeleton)
{
	struct header header;
	struct ct_split_bytes bytes = {
		file->sections[unit->section].start + unit->parts[unit->section].offset,
		unit->parts[unit->section].size_bytes,
	};
	if (unit->is_ready || !read_header(unit, &bytes, &header) ||
	    header.abbreviations >= unit->parts[CT_SPLIT_ABBREV].size_bytes)
		return false;
	uint64_t abbreviations = unit->parts[CT_SPLIT_ABBREV].offset + header.abbreviations;
	struct ct_cursor table = ct_cursor_init(
		file->sections[CT_SPLIT_ABBREV].start + abbreviations,
		(size_t)(unit->parts[CT_SPLIT_ABBREV].size_bytes - header.abbreviations), NULL);
	struct ct_cursor values = ct_cursor_init(bytes.start + header.die,
						 bytes.size_bytes - header.die, NULL);
	uint64_t code = read_uleb(&values);
	size_t code_bytes = (size_t)(values.at - (bytes.start + header.die));
	struct abbreviation own;
	uint32_t offset;
	if (values.failed || code == 0)
		return false;
	if (skeleton || !use_last_table(file, unit, abbreviations, code, &offset)) {
		if (!find_abbreviation(table, code, &own))
			return false;
		if (skeleton && unit->version < 5 && !replace_identifier(values, skeleton, &own))
			return false;
		offset = (uint32_t)file->abbreviations.length;
		if (!put_table(file, unit, skeleton, &table, &own, code))
			return false;
	}
	if (skeleton && unit->version == 5)
		begin_with_address(bytes.start, code_bytes, skeleton->low);
	if (!skeleton)
		file->last_table = (struct ct_split_table){
			true, offset, code, abbreviations, unit->parts[CT_SPLIT_STR_OFFSETS].offset,
		};
	memcpy(bytes.start + header.abbreviations_at, &offset, sizeof(offset));
	unit->is_ready = true;
	return true;
}
