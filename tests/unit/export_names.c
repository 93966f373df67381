/* SPDX-License-Identifier: MIT */
/* Names of sites, found in this very program. */
#include "unit_test.h"

#include <inttypes.h>
#include <link.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "export/names.h"
#include "trace_writer.h"

__attribute__((noinline)) static int known_function(int value)
{
	__asm__ volatile("" : "+r"(value));
	return value + 1;
}

static char own_path[PATH_MAX];
static uint64_t own_bias;
static int warnings;

static int take_bias(struct dl_phdr_info *info, size_t size_bytes, void *data)
{
	(void)size_bytes;
	(void)data;
	own_bias = info->dlpi_addr;
	return 1; /* the program itself comes first */
}

static int find_self(void **state)
{
	(void)state;
	ssize_t length = readlink("/proc/self/exe", own_path, sizeof(own_path) - 1);
	dl_iterate_phdr(take_bias, NULL);
	return length > 0 ? 0 : -1;
}

static void count_warning(const char *sentence)
{
	(void)sentence;
	warnings++;
}

static void names_cleanup(struct ct_names **names)
{
	ct_names_destroy(*names);
}

static void trace_cleanup(struct ct_trace **trace)
{
	ct_trace_destroy(*trace);
}

/* A module of this program, as if its mappings were moved by `shift`. */
static void add_self(struct trace_writer *writer, uint32_t ordinal, uint64_t shift)
{
	const struct ct_module module = {
		.ordinal = ordinal,
		.low = own_bias + shift,
		.high = UINT64_MAX,
		.bias = own_bias + shift,
	};
	trace_writer_module(writer, &module, own_path);
}

static void add_site(struct trace_writer *writer, uint32_t number, uint32_t module,
		     uint64_t function)
{
	const struct ct_site site = {
		.site = function + 1,
		.function = function,
		.call_site = 0x77,
		.module = module,
	};
	trace_writer_site(writer, number, &site);
}

static struct ct_names *names_of(struct trace_writer *writer, bool pretty, struct ct_trace **trace)
{
	struct ct_names *names = NULL;
	warnings = 0;
	assert_no_error(ct_trace_open(trace_writer_save(writer), trace));
	assert_no_error(ct_names_create(*trace, pretty, count_warning, &names));
	return names;
}

/* The members of a site's function begin with these. */
static void assert_begins(const struct ct_names *names, uint32_t site, const char *expected)
{
	const struct ct_function_name *function = ct_names_of(names, site);
	assert_true(function->length >= strlen(expected));
	assert_memory_equal(names->text.bytes + function->offset, expected, strlen(expected));
}

static void finds_a_function_of_this_program(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	trace_writer_init(&writer);
	add_self(&writer, 1, 0);
	add_site(&writer, 1, 1, (uint64_t)known_function);
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, false, &trace);

	char expected[PATH_MAX + 100];
	snprintf(expected, sizeof(expected), "\"function\":\"known_function\",\"module\":\"%s\",",
		 strrchr(own_path, '/') + 1);
	assert_begins(names, 1, expected);
	assert_int_equal(ct_names_of(names, 1)->name_length,
			 strlen("\"function\":\"known_function\","));
	snprintf(expected, sizeof(expected),
		 "\"address\":\"0x%" PRIx64 "\",\"call_site\":\"0x77\",", (uint64_t)known_function);
	assert_int_equal(names->sites[1].length, strlen(expected));
	assert_memory_equal(names->sites[1].text, expected, strlen(expected));
	assert_int_equal(warnings, 0);
}

static void pretty_text_has_a_newline_after_each_member(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	trace_writer_init(&writer);
	add_self(&writer, 1, 0);
	add_site(&writer, 1, 1, (uint64_t)known_function);
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, true, &trace);
	assert_begins(names, 1, "\"function\": \"known_function\",\n\"module\": \"");
}

static void site_text_holds_the_longest_addresses(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	static const struct ct_site site = {
		.site = 1,
		.function = UINT64_MAX,
		.call_site = UINT64_MAX,
	};
	static const char expected[] = "\"address\": \"0xffffffffffffffff\",\n"
				       "\"call_site\": \"0xffffffffffffffff\",\n";
	trace_writer_init(&writer);
	trace_writer_site(&writer, 1, &site);
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, true, &trace);
	assert_int_equal(names->sites[1].length, CT_SITE_TEXT_BYTES);
	assert_memory_equal(names->sites[1].text, expected, CT_SITE_TEXT_BYTES);
}

static void address_inside_a_function_is_not_named_after_it(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	trace_writer_init(&writer);
	add_self(&writer, 1, 0);
	add_site(&writer, 1, 1, (uint64_t)known_function + 1);
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, false, &trace);

	char expected[PATH_MAX + 100];
	snprintf(expected, sizeof(expected), "\"function\":\"%s+0x%" PRIx64 "\",",
		 strrchr(own_path, '/') + 1, (uint64_t)known_function + 1 - own_bias);
	assert_begins(names, 1, expected);
}

static void a_file_loaded_twice_has_one_function(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	trace_writer_init(&writer);
	add_self(&writer, 1, 0);
	add_self(&writer, 2, 0x10000000);
	add_site(&writer, 1, 1, (uint64_t)known_function);
	add_site(&writer, 2, 2, (uint64_t)known_function + 0x10000000);
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, false, &trace);
	assert_ptr_equal(ct_names_of(names, 1), ct_names_of(names, 2));
	assert_true(names->sites[1].length && names->sites[2].length);
}

static void function_inlined_from_another_module_is_of_that_module(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	static const struct ct_module other = {.ordinal = 2, .low = 0x10000, .high = 0x20000};
	trace_writer_init(&writer);
	add_self(&writer, 1, 0);
	trace_writer_module(&writer, &other, "/nowhere/libother.so");
	add_site(&writer, 1, 1, (uint64_t)known_function);
	add_site(&writer, 2, 2, (uint64_t)known_function);
	add_site(&writer, 3, 2, 0x14000);
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, false, &trace);
	assert_ptr_equal(ct_names_of(names, 1), ct_names_of(names, 2));
	assert_ptr_not_equal(ct_names_of(names, 1), ct_names_of(names, 3));
}

static void missing_file_is_told_once(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	static const struct ct_module gone = {.ordinal = 1, .high = 0x10000};
	static const struct ct_module again = {.ordinal = 2, .low = 0x10000, .high = 0x20000};
	trace_writer_init(&writer);
	trace_writer_module(&writer, &gone, "/nowhere/libgone.so");
	trace_writer_module(&writer, &again, "/nowhere/libgone.so");
	add_site(&writer, 1, 1, 0x4000);
	add_site(&writer, 2, 2, 0x14000);
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, false, &trace);
	assert_begins(names, 1, "\"function\":\"libgone.so+0x4000\",\"module\":\"libgone.so\",");
	assert_int_equal(warnings, 1);
}

static void what_is_not_known_has_a_name_too(void **state)
{
	(void)state;
	ct_cleanup(trace_writer_deinit) struct trace_writer writer;
	ct_cleanup(trace_cleanup) struct ct_trace *trace = NULL;
	trace_writer_init(&writer);
	add_site(&writer, 1, 0, 0x4000);
	add_site(&writer, 3, 99, 0x5000); /* no such module; number 2 is not set */
	ct_cleanup(names_cleanup) struct ct_names *names = names_of(&writer, false, &trace);
	assert_begins(names, CT_SITE_UNKNOWN, "\"function\":\"??\",");
	assert_begins(names, 1, "\"function\":\"0x4000\",");
	assert_begins(names, 2, "\"function\":\"??\",");
	assert_begins(names, 3, "\"function\":\"0x5000\",");
	assert_begins(names, 1000000, "\"function\":\"??\",");
	assert_int_equal(warnings, 0);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test_setup(finds_a_function_of_this_program, find_self),
	cmocka_unit_test_setup(pretty_text_has_a_newline_after_each_member, find_self),
	cmocka_unit_test(site_text_holds_the_longest_addresses),
	cmocka_unit_test_setup(address_inside_a_function_is_not_named_after_it, find_self),
	cmocka_unit_test_setup(a_file_loaded_twice_has_one_function, find_self),
	cmocka_unit_test_setup(function_inlined_from_another_module_is_of_that_module, find_self),
	cmocka_unit_test(missing_file_is_told_once),
	cmocka_unit_test(what_is_not_known_has_a_name_too),
};

UNIT_TEST_MAIN(tests)
