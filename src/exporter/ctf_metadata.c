/* SPDX-License-Identifier: MIT */
/*
 * The description of the streams, in CTF's own language. Each function is a
 * label of an enumeration, so that an event has its name in four bytes.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "calltrace/version.h"
#include "exporter/ctf.h"
#include "exporter/text.h"
#include "exporter/utf8.h"

static const char types[] = CT_CTF_METADATA_HEAD
	"typealias integer { size = 8; align = 8; signed = false; } := uint8_t;\n"
	"typealias integer { size = 32; align = 8; signed = false; } := uint32_t;\n"
	"typealias integer { size = 32; align = 8; signed = true; } := int32_t;\n"
	"typealias integer { size = 64; align = 8; signed = false; } := uint64_t;\n"
	"typealias integer { size = 64; align = 8; signed = false; base = 16; } := address_t;\n"
	"typealias integer { size = 8; align = 8; signed = false; base = 16; } := byte_t;\n"
	"\n"
	"trace {\n"
	"\tmajor = 1;\n"
	"\tminor = 8;\n"
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	"\tbyte_order = le;\n"
#else
	"\tbyte_order = be;\n"
#endif
	"\tpacket.header := struct {\n"
	"\t\tuint32_t magic;\n"
	"\t\tuint32_t stream_id;\n"
	"\t};\n"
	"};\n"
	"\n";

static const char streams[] =
	"typealias integer { size = 32; align = 8; signed = false; map = clock.monotonic.value; } :="
	" time32_t;\n"
	"typealias integer { size = 64; align = 8; signed = false; map = clock.monotonic.value; } :="
	" time64_t;\n"
	"\n"
	"stream {\n"
	"\tid = 0;\n"
	"\tpacket.context := struct {\n"
	"\t\ttime64_t timestamp_begin;\n"
	"\t\ttime64_t timestamp_end;\n"
	"\t\tuint64_t content_size;\n"
	"\t\tuint64_t packet_size;\n"
	"\t\tuint64_t events_discarded;\n"
	"\t};\n"
	"\tevent.header := struct {\n"
	"\t\tuint8_t id;\n"
	"\t\ttime32_t timestamp;\n"
	"\t};\n"
	"\tevent.context := struct {\n"
	"\t\tint32_t _vpid;\n"
	"\t\tint32_t _vtid;\n"
	"\t\tstring _procname;\n"
	"\t};\n"
	"};\n"
	"\n";

#define ENTRY "lttng_ust_cyg_profile:func_entry"
#define EXIT  "lttng_ust_cyg_profile:func_exit"
#define CALL  "enum function _function; address_t _addr; "

static const struct {
	enum ct_ctf_event id;
	const char *name;
	const char *fields;
} events[] = {
	{CT_CTF_ENTRY, ENTRY, CALL "address_t _call_site; "},
	{CT_CTF_EXIT, EXIT, CALL},
	{CT_CTF_ENTRY_ARGUMENTS, ENTRY, CALL "address_t _call_site; string _arguments; "},
	{CT_CTF_EXIT_RESULT, EXIT, CALL "string _return_value; "},
	{CT_CTF_EXIT_UNWOUND, EXIT, CALL "string _unfinished; "},
	{CT_CTF_OPEN, "calltrace:open_calls", "string _unfinished; uint64_t _calls; "},
	{CT_CTF_FILE, "lttng_ust_statedump:bin_info",
	 "address_t _baddr; uint64_t _memsz; string _path; uint8_t _is_pic; "
	 "uint8_t _has_build_id; uint8_t _has_debug_link; "},
	{CT_CTF_BUILD_ID, "lttng_ust_statedump:build_id",
	 "address_t _baddr; uint64_t __build_id_length; byte_t _build_id[__build_id_length]; "},
};

/* A string literal; `text` is scratch. */
static void put_literal(struct ct_sink *sink, struct ct_strbuf *text, const char *bytes,
			size_t length)
{
	text->length = 0;
	ct_utf8_add(text, bytes, length);
	CT_PUT(sink, "\"");
	for (size_t i = 0; i < text->length; i++) {
		if (text->bytes[i] == '"' || text->bytes[i] == '\\')
			CT_PUT(sink, "\\");
		ct_sink_add(sink, text->bytes + i, 1);
	}
	CT_PUT(sink, "\"");
}

static void put_line(struct ct_sink *sink, const char *before, uint64_t number, const char *after)
{
	ct_sink_add(sink, before, strlen(before));
	ct_put_u64(sink, number);
	ct_sink_add(sink, after, strlen(after));
}

/*
 * Whose events these are like: Trace Compass looks for call stacks, and for the
 * files that addresses lie in, in traces of this domain, tracer and version.
 */
static void put_environment(struct ct_sink *sink, struct ct_strbuf *text,
			    const struct ct_session *session)
{
	const struct ct_trace *trace = session->inputs[0].trace;
	struct ct_bytes host = ct_trace_string(trace, ct_trace_info(trace)->hostname);
	struct ct_bytes program = ct_export_program_name(session, 0);
	CT_PUT(sink, "env {\n\tdomain = \"ust\";\n\ttracer_name = \"lttng-ust\";\n"
		     "\ttracer_major = 2;\n\ttracer_minor = 13;\n"
		     "\tcreator = \"calltrace " CALLTRACE_VERSION "\";\n\thostname = ");
	put_literal(sink, text, host.bytes, host.length);
	if (session->input_count == 1) {
		CT_PUT(sink, ";\n\tprocname = ");
		put_literal(sink, text, program.bytes, program.length);
	}
	CT_PUT(sink, ";\n};\n\n");
}

static void put_clock(struct ct_sink *sink, const struct ct_session *session)
{
	/* A name that is a word of the language, such as "trace", ends Trace Compass's parser. */
	CT_PUT(sink, "clock {\n\tname = monotonic;\n"
		     "\tdescription = \"nanoseconds since the first process started\";\n"
		     "\tfreq = 1000000000;\n");
	put_line(sink, "\toffset = ", session->start_realtime_ns, ";\n};\n\n");
}

static void put_functions(struct ct_sink *sink, struct ct_strbuf *text,
			  const struct ct_session *session)
{
	CT_PUT(sink, "enum function : uint32_t {\n");
	for (uint32_t i = 0; i < session->function_count; i++) {
		const char *name = session->functions[i].name;
		CT_PUT(sink, "\t");
		put_literal(sink, text, name, strlen(name));
		put_line(sink, " = ", i, ",\n");
	}
	CT_PUT(sink, "};\n\n");
}

static void put_events(struct ct_sink *sink)
{
	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		CT_PUT(sink, "event {\n\tname = \"");
		ct_sink_add(sink, events[i].name, strlen(events[i].name));
		put_line(sink, "\";\n\tid = ", events[i].id, ";\n\tstream_id = 0;\n");
		CT_PUT(sink, "\tfields := struct { ");
		ct_sink_add(sink, events[i].fields, strlen(events[i].fields));
		CT_PUT(sink, "};\n};\n\n");
	}
}

static void output_cleanup(struct ct_output **output)
{
	ct_output_destroy(*output);
}

struct ct_error *ct_ctf_put_metadata(const struct ct_export *export)
{
	ct_cleanup(output_cleanup) struct ct_output *output = NULL;
	ct_cleanup(ct_cleanup_free) char *path = NULL;
	struct ct_strbuf text = {0};
	if (asprintf(&path, "%s/metadata", export->folder) < 0) {
		path = NULL;
		return ct_error_nomem;
	}
	struct ct_error *err = ct_output_create(path, &output);
	if (err)
		return err;
	struct ct_sink *sink = ct_output_sink(output);
	ct_sink_add(sink, types, strlen(types));
	put_environment(sink, &text, export->session);
	put_clock(sink, export->session);
	put_functions(sink, &text, export->session);
	ct_sink_add(sink, streams, strlen(streams));
	put_events(sink);
	bool failed = text.failed;
	ct_strbuf_deinit(&text);
	return failed ? ct_error_nomem : ct_output_commit(output);
}
