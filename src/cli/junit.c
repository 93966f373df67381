/* SPDX-License-Identifier: MIT */
/* JUnit's XML: see junit.h. */
#include "cli/junit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "export/output.h"
#include "export/value_text.h"

static void put(struct ct_sink *sink, const char *text)
{
	ct_sink_add(sink, text, strlen(text));
}

static void put_number(struct ct_sink *sink, size_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%zu", number);
	put(sink, text);
}

/* The bytes of the character at `at`; 0: it is none that XML may have, however it is written. */
static size_t character_bytes(const char *at)
{
	unsigned char c = (unsigned char)*at;
	size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	size_t valid = length;
	if (c < ' ' ? c != '\t' && c != '\n' : c == 0x7f)
		return 0;
	if (strnlen(at, length) < length ||
	    !ct_value_is_utf8((const unsigned char *)at, &valid, false))
		return 0;
	return length;
}

static const char *escape_of(char c)
{
	switch (c) {
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '&':
		return "&amp;";
	case '"':
		return "&quot;";
	case '\n':
		return "&#10;";
	case '\t':
		return "&#9;";
	default:
		return NULL;
	}
}

/* Names may have any bytes. */
static void put_text(struct ct_sink *sink, const char *text)
{
	for (const char *at = text; *at;) {
		const char *escape = escape_of(*at);
		size_t length = character_bytes(at);
		bool is_noncharacter = length == 3 && (memcmp(at, "\xef\xbf\xbe", 3) == 0 ||
						       memcmp(at, "\xef\xbf\xbf", 3) == 0);
		if (escape)
			put(sink, escape);
		else if (length == 0 || is_noncharacter)
			put(sink, "\xef\xbf\xbd");
		else
			ct_sink_add(sink, at, length);
		at += length ? length : 1;
	}
}

static void put_attribute(struct ct_sink *sink, const char *name, const char *value)
{
	put(sink, " ");
	put(sink, name);
	put(sink, "=\"");
	put_text(sink, value);
	put(sink, "\"");
}

static void put_case(struct ct_sink *sink, const char *suite, const struct ct_check_result *result)
{
	put(sink, "\t\t<testcase name=\"");
	put_text(sink, result->rule->name);
	put(sink, ": ");
	put(sink, ct_check_name(result->kind));
	put(sink, "\"");
	put_attribute(sink, "classname", suite);
	put(sink, " time=\"0\"");
	if (result->verdict == CT_VERDICT_PASSED) {
		put(sink, "/>\n");
		return;
	}
	const char *element = result->verdict == CT_VERDICT_FAILED ? "failure" : "error";
	put(sink, ">\n\t\t\t<");
	put(sink, element);
	put_attribute(sink, "type", ct_check_name(result->kind));
	put_attribute(sink, "message", result->message);
	put(sink, ">");
	put_text(sink, result->rule->function);
	put(sink, ": ");
	put_text(sink, result->message);
	if (result->path) {
		put(sink, "&#10;");
		put_text(sink, result->path);
	}
	put(sink, "</");
	put(sink, element);
	put(sink, ">\n\t\t</testcase>\n");
}

struct counts {
	size_t tests, failures, errors;
};

static void put_counts(struct ct_sink *sink, const struct counts *counts)
{
	put(sink, " tests=\"");
	put_number(sink, counts->tests);
	put(sink, "\" failures=\"");
	put_number(sink, counts->failures);
	put(sink, "\" errors=\"");
	put_number(sink, counts->errors);
	put(sink, "\" time=\"0\">\n");
}

static void put_error(struct ct_sink *sink, const char *suite, const char *name,
		      const char *message)
{
	put(sink, "\t\t<testcase");
	put_attribute(sink, "name", name);
	put_attribute(sink, "classname", suite);
	put(sink, " time=\"0\">\n\t\t\t<error type=\"error\"");
	put_attribute(sink, "message", message);
	put(sink, "/>\n\t\t</testcase>\n");
}

static void begin(struct ct_sink *sink, const char *suite, const struct counts *counts)
{
	put(sink, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
	put_counts(sink, counts);
	put(sink, "\t<testsuite");
	put_attribute(sink, "name", suite);
	put_counts(sink, counts);
}

static void end(struct ct_sink *sink)
{
	put(sink, "\t</testsuite>\n</testsuites>\n");
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

struct ct_error *ct_junit_write(const char *path, const char *suite,
				const struct ct_session *session, const struct ct_checks *checks)
{
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;
	struct ct_error *err = ct_output_create(path, &output);
	const struct counts counts = {
		.tests = checks->count + session->unread_count,
		.failures = checks->verdicts[CT_VERDICT_FAILED],
		.errors = checks->verdicts[CT_VERDICT_ERROR] +
			  checks->verdicts[CT_VERDICT_UNKNOWN] + session->unread_count,
	};
	if (err)
		return err;
	struct ct_sink *sink = ct_output_sink(output);
	begin(sink, suite, &counts);
	for (size_t i = 0; i < session->unread_count; i++)
		put_error(sink, suite, session->unread[i].path, session->unread[i].message);
	for (size_t i = 0; i < checks->count; i++)
		put_case(sink, suite, &checks->results[i]);
	end(sink);
	return ct_output_commit(output);
}

struct ct_error *ct_junit_write_error(const char *path, const char *suite, const char *message)
{
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;
	struct ct_error *err = ct_output_create(path, &output);
	const struct counts counts = {.tests = 1, .errors = 1};
	if (err)
		return err;
	begin(ct_output_sink(output), suite, &counts);
	put_error(ct_output_sink(output), suite, "calltrace check", message);
	end(ct_output_sink(output));
	return ct_output_commit(output);
}
