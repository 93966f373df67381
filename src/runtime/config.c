/* SPDX-License-Identifier: MIT */
/*
 * The CALLTRACE_ variables: read once, before main, without getenv() or any
 * other function the program could have replaced. Complaints are kept until
 * the program turns out to be a traced one.
 */
#include "runtime/runtime.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static char complaint_bytes[2048];
static struct ct_text complaints = {complaint_bytes, 0, sizeof(complaint_bytes), false};

/* The value of an environment variable, or NULL. */
const char *ct_config_get(const char *name)
{
	size_t length = ct_string_length(name);
	for (char **entry = environ; entry && *entry; entry++)
		if (ct_string_starts(*entry, name) && (*entry)[length] == '=')
			return *entry + length + 1;
	return NULL;
}

/* Complaints are lines: a value's own line ends must not look like one. */
static void add_value(const char *value)
{
	for (; *value; value++) {
		char c = *value == '\n' ? '?' : *value;
		ct_text_add_bytes(&complaints, &c, 1);
	}
}

static void complain(const char *name, const char *value, const char *accepted,
		     const char *default_text)
{
	ct_text_printf(&complaints, "%s='", name);
	add_value(value);
	ct_text_printf(&complaints, "' is not accepted: it takes %s; using the default, %s\n",
		       accepted, default_text);
}

static bool read_flag(const char *name, bool default_value)
{
	const char *value = ct_config_get(name);
	if (!value || ct_string_equal(value, ""))
		return default_value;
	if (ct_string_equal(value, "0"))
		return false;
	if (ct_string_equal(value, "1"))
		return true;
	complain(name, value, "0 or 1", default_value ? "1" : "0");
	return default_value;
}

/* `accepted` says in words what `least` and `most` are. */
static uint32_t read_number(const char *name, uint32_t least, uint32_t most, const char *accepted,
			    uint32_t default_value, const char *default_text)
{
	const char *value = ct_config_get(name);
	if (!value || !*value)
		return default_value;
	uint64_t number = 0;
	const char *at = value;
	for (; *at >= '0' && *at <= '9' && number <= most; at++)
		number = number * 10 + (uint64_t)(*at - '0');
	if (*at || number < least || number > most) {
		complain(name, value, accepted, default_text);
		return default_value;
	}
	return (uint32_t)number;
}

static bool read_capture_args(void)
{
	if (!read_flag("CALLTRACE_CAPTURE_ARGS", false))
		return false;
#if defined(__x86_64__)
	return true;
#else
	ct_text_add(&complaints,
		    "CALLTRACE_CAPTURE_ARGS='1' is not accepted: arguments are captured "
		    "on x86-64 only; calls are recorded without\n");
	return false;
#endif
}

static void read_args_filter(struct ct_config *config)
{
	struct ct_text filter = {config->args_filter, 0, sizeof(config->args_filter), false};
	const char *value = ct_config_get("CALLTRACE_ARGS_FILTER");
	ct_text_add(&filter, value ? value : "");
	if (!filter.cut)
		return;
	config->args_filter[0] = '\0';
	ct_text_add(&complaints,
		    "CALLTRACE_ARGS_FILTER is not accepted: it takes at most 4095 bytes; "
		    "using the default, all functions\n");
}

struct choice {
	const char *name;
	uint8_t value;
};

static uint8_t read_choice(const char *name, const struct choice *choices, const char *accepted)
{
	const char *value = ct_config_get(name);
	if (!value || !*value)
		return choices[0].value;
	for (const struct choice *choice = choices; choice->name; choice++)
		if (ct_string_equal(value, choice->name))
			return choice->value;
	complain(name, value, accepted, choices[0].name);
	return choices[0].value;
}

static uint8_t read_clock(void)
{
	static const struct choice clocks[] = {
		{"tsc", CT_CLOCK_TSC},
		{"monotonic", CT_CLOCK_MONOTONIC},
		{"none", CT_CLOCK_NONE},
		{NULL, 0},
	};
	uint8_t clock = read_choice("CALLTRACE_CLOCK", clocks, "tsc, monotonic or none");
	if (clock != CT_CLOCK_TSC || ct_clock_cycles_usable())
		return clock;
	const char *asked = ct_config_get("CALLTRACE_CLOCK");
	if (asked && ct_string_equal(asked, "tsc"))
		ct_text_add(&complaints, "CALLTRACE_CLOCK='tsc' is not accepted: this machine's "
					 "time-stamp counter is not invariant; using monotonic\n");
	return CT_CLOCK_MONOTONIC;
}

void ct_config_read(struct ct_config *config)
{
	static const struct choice layouts[] = {
		{"nested", CT_JSON_NESTED},
		{"flat", CT_JSON_FLAT},
		{NULL, 0},
	};
	config->enabled = read_flag("CALLTRACE_ENABLED", true);
	config->debug = read_flag("CALLTRACE_DEBUG", false);
	config->pretty_json = read_flag("CALLTRACE_PRETTY_JSON", false);
	config->max_depth = read_number("CALLTRACE_MAX_DEPTH", 0, CT_DEPTH_MAX,
					"a number from 1 to 16777214, or 0 for no limit", 0, "0");
	config->json_layout = read_choice("CALLTRACE_JSON_LAYOUT", layouts, "nested or flat");
	config->clock_kind = read_clock();
	config->capture_args = read_capture_args();
	config->max_string = read_number("CALLTRACE_MAX_STRING", 1, CT_PLAN_STRING_MAX,
					 "a number of bytes from 1 to 4096", CT_PLAN_STRING_DEFAULT,
					 "64");
	config->max_pointee = read_number("CALLTRACE_MAX_POINTEE", 0, CT_PLAN_POINTEE_MAX,
					  "a number from 0 to 4", CT_PLAN_POINTEE_DEFAULT, "1");
	read_args_filter(config);
	const char *output = ct_config_get("CALLTRACE_OUTPUT");
	struct ct_text setting = {config->output_setting, 0, sizeof(config->output_setting), false};
	ct_text_add(&setting, output && *output ? output : "%e.json");
	config->output_is_null = ct_string_equal(config->output_setting, "/dev/null");
}

void ct_config_report(void)
{
	char *line = complaint_bytes;
	for (char *at = complaint_bytes; *at; at++) {
		if (*at != '\n')
			continue;
		*at = '\0';
		ct_log("%s", line);
		line = at + 1;
	}
	complaint_bytes[0] = '\0';
	complaints.length = 0;
}

/* Days since 1970 to a date of the Gregorian calendar, whose years begin in March here. */
static void add_utc_time(struct ct_text *text, uint64_t realtime_ns)
{
	uint64_t seconds = realtime_ns / 1000000000;
	uint64_t days = seconds / 86400 + 719468;
	uint64_t era = days / 146097, day_of_era = days % 146097;
	uint64_t year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint64_t day_of_year = day_of_era -
			       (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint64_t shifted_month = (5 * day_of_year + 2) / 153;
	uint64_t parts[] = {
		year_of_era + era * 400 + (shifted_month >= 10),
		shifted_month < 10 ? shifted_month + 3 : shifted_month - 9,
		day_of_year - (153 * shifted_month + 2) / 5 + 1,
		seconds / 3600 % 24,
		seconds / 60 % 60,
		seconds % 60,
	};
	for (unsigned int i = 0; i < ct_array_length(parts); i++)
		ct_text_printf(text, "%s%s%lu", i == 3 ? "T" : "", parts[i] < 10 ? "0" : "",
			       parts[i]);
}

static void add_program_name(struct ct_text *text)
{
	const char *slash = ct_string_last(ct_runtime.executable, '/');
	const char *name = slash ? slash + 1 : ct_runtime.executable;
	ct_text_add(text, *name ? name : "program");
}

static void add_hostname(struct ct_text *text)
{
	char name[256];
	long length = ct_sys_read_file("/proc/sys/kernel/hostname", name, sizeof(name));
	while (length > 0 && name[length - 1] == '\n')
		length--;
	if (length > 0)
		ct_text_add_bytes(text, name, (size_t)length);
	else
		ct_text_add(text, "localhost");
}

static bool add_field(struct ct_text *text, char field)
{
	switch (field) {
	case 'p':
		ct_text_printf(text, "%d", ct_runtime.pid);
		return true;
	case 'e':
		add_program_name(text);
		return true;
	case 'h':
		add_hostname(text);
		return true;
	case 't':
		add_utc_time(text, ct_runtime.start_realtime_ns);
		return true;
	case '%':
		ct_text_add(text, "%");
		return true;
	default:
		return false;
	}
}

/* The document's absolute path, from the setting. 0, or -ENAMETOOLONG. */
int ct_config_expand_output(struct ct_config *config)
{
	struct ct_text output = {config->output, 0, sizeof(config->output), false};
	const char *setting = config->output_setting;
	if (setting[0] != '/') {
		ct_text_add(&output, ct_runtime.start_directory);
		ct_text_add(&output, "/");
	}
	bool complained = false;
	for (const char *at = setting; *at; at++) {
		if (*at != '%') {
			ct_text_add_bytes(&output, at, 1);
		} else if (add_field(&output, at[1])) {
			at++;
		} else {
			if (!complained && !at[1])
				ct_log("CALLTRACE_OUTPUT='%s': the %% at its end is kept as it is; "
				       "write %%%% for one",
				       setting);
			else if (!complained)
				ct_log("CALLTRACE_OUTPUT='%s': %%%c is not a field, and is kept as "
				       "it is; the fields are %%p, %%e, %%h, %%t and %%%%",
				       setting, at[1]);
			complained = true;
			ct_text_add(&output, "%");
		}
	}
	const char *slash = ct_string_last(config->output, '/');
	const char *dot = ct_string_last(slash, '.');
	config->output_is_raw = dot && ct_string_equal(dot, ".ctrace");
	return output.cut ? -ENAMETOOLONG : 0;
}
