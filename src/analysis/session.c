/* SPDX-License-Identifier: MIT */
/* Traces opened together: see session.h. */
#include "analysis/session.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "reader/damage.h"

static const char ending[] = ".ctrace";

static void input_deinit(struct ct_input *input)
{
	free(input->path);
	ct_names_destroy(input->names);
	ct_trace_destroy(input->trace);
	ct_pack_release(input->pack);
	free(input->functions);
}

void ct_session_destroy(struct ct_session *session)
{
	if (!session)
		return;
	for (size_t i = 0; i < session->input_count; i++)
		input_deinit(&session->inputs[i]);
	for (size_t i = 0; i < session->unread_count; i++) {
		free(session->unread[i].path);
		free(session->unread[i].message);
	}
	free(session->inputs);
	free(session->unread);
	free(session->functions);
	free(session->streams);
	free(session);
}

static void session_cleanup(struct ct_session **session)
{
	ct_session_destroy(*session);
}

/* ---- finding traces ---- */

struct search {
	struct ct_session *session;
	unsigned int flags; /* enum ct_session_flags */
	ct_names_warn_fn *warn;
};

/* Is the file, by whatever path, there already? It would be counted twice. */
static bool is_repeated(const struct search *search, const char *path, const struct stat *status,
			size_t operand)
{
	const struct ct_session *session = search->session;
	char *sentence = NULL;
	for (size_t i = 0; i < session->input_count; i++) {
		const struct ct_input *input = &session->inputs[i];
		if (input->inode != status->st_ino || input->device != status->st_dev ||
		    (search->flags & CT_SESSION_HAS_SIDES && input->operand != operand))
			continue;
		if (search->warn &&
		    asprintf(&sentence, "'%s' is there twice; it is read once", path) >= 0)
			search->warn(sentence);
		free(sentence);
		return true;
	}
	return false;
}

static struct ct_error *add_input(const struct search *search, const char *path,
				  const struct stat *status, size_t operand)
{
	struct ct_session *session = search->session;
	struct ct_input *inputs = reallocarray(session->inputs, session->input_count + 1,
					       sizeof(*inputs));
	if (!inputs)
		return ct_error_nomem;
	session->inputs = inputs;
	inputs[session->input_count] = (struct ct_input){
		.path = strdup(path),
		.operand = (uint32_t)operand,
		.device = status->st_dev,
		.inode = status->st_ino,
	};
	return inputs[session->input_count++].path ? NULL : ct_error_nomem;
}

static void pack_cleanup(struct ct_pack **pack)
{
	ct_pack_release(*pack);
}

static struct ct_error *add_pack(const struct search *search, const char *path,
				 const struct stat *status, size_t operand)
{
	struct ct_session *session = search->session;
	ct_cleanup(pack_cleanup) struct ct_pack *pack = NULL;
	ct_cleanup(ct_strbuf_deinit) struct ct_strbuf name = {0};
	struct ct_error *err = ct_pack_open(path, &pack);
	for (uint32_t i = 0; !err && i < ct_pack_input_count(pack); i++) {
		name.length = 0;
		ct_strbuf_printf(&name, "%s/%s", path, ct_pack_name(pack, i));
		err = name.failed ? ct_error_nomem : add_input(search, name.bytes, status, operand);
		if (err || session->input_count == 0)
			break;
		struct ct_input *input = &session->inputs[session->input_count - 1];
		input->pack = ct_pack_keep(pack);
		input->pack_input = i;
		input->shift_ns = ct_pack_shift_ns(pack, i);
	}
	return err;
}

static int is_trace(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name), end = sizeof(ending) - 1;
	return length > end && strcmp(entry->d_name + length - end, ending) == 0;
}

static struct ct_error *add_folder(const struct search *search, const char *path, size_t operand)
{
	struct dirent **entries;
	struct ct_error *err = NULL;
	int count = scandir(path, &entries, is_trace, alphasort);
	if (count < 0)
		return ct_error_errno(errno, "cannot read the folder '%s'", path);
	for (int i = 0; i < count; i++) {
		char *file = NULL;
		struct stat status = {0}; /* opening tells why there is none */
		if (!err && asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			err = ct_error_nomem;
		else if (!err &&
			 (stat(file, &status) != 0 || !is_repeated(search, file, &status, operand)))
			err = add_input(search, file, &status, operand);
		free(file);
		free(entries[i]);
	}
	free(entries);
	if (!err && count == 0)
		return ct_error_create("there is no trace (*.ctrace) in the folder '%s'", path);
	return err;
}

static struct ct_error *add_path(const struct search *search, const char *path, size_t operand)
{
	struct stat status = {0};
	/* FILE/NAME, where FILE is none of the file system's folders */
	if (stat(path, &status) != 0)
		return errno == ENOTDIR ? add_input(search, path, &status, operand)
					: ct_error_errno(errno, "cannot open '%s'", path);
	if (S_ISDIR(status.st_mode))
		return add_folder(search, path, operand);
	if (is_repeated(search, path, &status, operand))
		return NULL;
	return ct_pack_is_one(path) ? add_pack(search, path, &status, operand)
				    : add_input(search, path, &status, operand);
}

struct ct_error *ct_session_find(const char *path, char ***ret, size_t *ret_count)
{
	ct_cleanup(session_cleanup) struct ct_session *session = calloc(1, sizeof(*session));
	if (!session)
		return ct_error_nomem;
	struct ct_error *err = add_path(&(struct search){.session = session}, path, 0);
	char **found = err ? NULL : calloc(session->input_count + 1, sizeof(*found));
	if (!found)
		return err ? err : ct_error_nomem;
	for (size_t i = 0; i < session->input_count; i++)
		found[i] = ct_take(session->inputs[i].path);
	*ret = found;
	*ret_count = session->input_count;
	return NULL;
}

void ct_session_found_free(char **found, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(found[i]);
	free(found);
}

/* ---- functions ---- */

/* A function is known by its names and its file. */
static uint64_t function_hash(const struct ct_function *function)
{
	uint64_t hash = ct_hash_bytes(function->name, strlen(function->name) + 1);
	hash = ct_hash_more(hash, function->linkage_name, strlen(function->linkage_name) + 1);
	return ct_hash_more(hash, function->module, strlen(function->module));
}

static bool same_function(const struct ct_function *a, const struct ct_function *b)
{
	return strcmp(a->name, b->name) == 0 && strcmp(a->linkage_name, b->linkage_name) == 0 &&
	       strcmp(a->module, b->module) == 0 && strcmp(a->source, b->source) == 0 &&
	       a->line == b->line;
}

struct function_table {
	uint32_t *slots; /* index + 1 */
	size_t mask;
};

static uint32_t add_function(struct ct_session *session, const struct function_table *table,
			     const struct ct_function *function)
{
	size_t at = function_hash(function) & table->mask;
	while (table->slots[at]) {
		uint32_t index = table->slots[at] - 1;
		if (index < session->function_count && session->functions[index].name &&
		    same_function(&session->functions[index], function))
			return index;
		at = (at + 1) & table->mask;
	}
	session->functions[session->function_count] = *function;
	table->slots[at] = ++session->function_count;
	return session->function_count - 1;
}

static struct ct_error *number_functions(struct ct_session *session)
{
	size_t most = 1, capacity = 64;
	for (size_t i = 0; i < session->input_count; i++)
		most += session->inputs[i].names->function_count;
	while (capacity < 2 * most)
		capacity *= 2;
	ct_cleanup(ct_cleanup_free) uint32_t *slots = calloc(capacity, sizeof(*slots));
	const struct function_table table = {slots, capacity - 1};
	session->functions = calloc(most, sizeof(*session->functions));
	if (!slots || !session->functions)
		return ct_error_nomem;
	for (size_t i = 0; i < session->input_count; i++) {
		struct ct_input *input = &session->inputs[i];
		const struct ct_names *names = input->names;
		ct_cleanup(ct_cleanup_free)
			uint32_t *numbers = calloc(names->function_count, sizeof(*numbers));
		input->functions = calloc((size_t)names->site_count + 1, sizeof(uint32_t));
		if (!numbers || !input->functions)
			return ct_error_nomem;
		for (uint32_t j = 0; j < names->function_count; j++) {
			const struct ct_function_name *name = &names->functions[j];
			const struct ct_function function = {
				.name = ct_names_plain(names, name->name),
				.linkage_name = ct_names_plain(names, name->linkage_name),
				.module = ct_names_plain(names, name->module),
				.source = ct_names_plain(names, name->source),
				.line = name->line,
			};
			numbers[j] = add_function(session, &table, &function);
		}
		input->site_count = names->site_count;
		for (uint32_t j = 0; j < names->site_count; j++)
			input->functions[j] = numbers[names->sites[j].function];
	}
	return NULL;
}

/* ---- times and threads ---- */

static uint64_t start_of(const struct ct_input *input)
{
	return ct_trace_start_realtime_ns(input->trace) + (uint64_t)input->shift_ns;
}

void ct_session_set_times(struct ct_session *session)
{
	uint64_t start = UINT64_MAX;
	for (size_t i = 0; i < session->input_count; i++) {
		uint64_t own = start_of(&session->inputs[i]);
		if (own < start)
			start = own;
	}
	session->start_realtime_ns = start;
	session->duration_ns = 0;
	for (size_t i = 0; i < session->input_count; i++) {
		struct ct_input *input = &session->inputs[i];
		input->offset_ns = start_of(input) - start;
		uint64_t end = input->offset_ns + ct_trace_duration_ns(input->trace);
		if (end > session->duration_ns)
			session->duration_ns = end;
	}
}

static struct ct_error *list_streams(struct ct_session *session)
{
	size_t most = 0;
	for (size_t i = 0; i < session->input_count; i++)
		most += ct_trace_thread_count(session->inputs[i].trace);
	session->streams = calloc(most + 1, sizeof(*session->streams));
	if (!session->streams)
		return ct_error_nomem;
	for (size_t i = 0; i < session->input_count; i++) {
		uint32_t count = ct_trace_thread_count(session->inputs[i].trace);
		for (uint32_t stream = 1; stream <= count; stream++) {
			struct ct_stream *to = &session->streams[session->stream_count];
			to->input = (uint32_t)i;
			to->stream = stream;
			if (ct_trace_thread(session->inputs[i].trace, stream, &to->row))
				session->stream_count++;
		}
	}
	return NULL;
}

/* ---- opening ---- */

static struct ct_error *open_input(struct ct_input *input, bool may_be_live, ct_names_warn_fn *warn)
{
	struct ct_error *err = input->pack ? ct_trace_open_packed(input->pack, input->pack_input,
								  input->path, &input->trace)
					   : ct_trace_open(input->path, &input->trace);
	if (err)
		return err;
	bool is_live = ct_trace_is_live(input->trace);
	if (is_live && may_be_live)
		ct_trace_goes_on(input->trace);
	if (is_live && !may_be_live)
		return ct_error_create("process %u still writes '%s'; add --live to read it as it "
				       "is now",
				       ct_trace_info(input->trace)->pid, input->path);
	return ct_names_create(input->trace, false, warn, &input->names);
}

/* Takes the input's path. */
static struct ct_error *add_unread(struct ct_session *session, struct ct_input *input,
				   const struct ct_error *why)
{
	struct ct_unread *unread = reallocarray(session->unread, session->unread_count + 1,
						sizeof(*unread));
	if (!unread)
		return ct_error_nomem;
	session->unread = unread;
	unread += session->unread_count++;
	*unread = (struct ct_unread){ct_take(input->path), strdup(why->message)};
	return unread->message ? NULL : ct_error_nomem;
}

/* Of several traces one that cannot be read is left out, and told. */
static struct ct_error *open_inputs(struct ct_session *session, bool may_be_live,
				    ct_names_warn_fn *warn)
{
	size_t kept = 0;
	struct ct_error *first = NULL, *failed = NULL;
	for (size_t i = 0; i < session->input_count; i++) {
		struct ct_input *input = &session->inputs[i];
		struct ct_error *err = open_input(input, may_be_live, warn);
		if (!err) {
			struct ct_input opened = *input;
			*input = (struct ct_input){0};
			session->inputs[kept++] = opened;
			continue;
		}
		if (warn && session->input_count > 1)
			warn(err->message);
		if (!failed)
			failed = add_unread(session, input, err);
		input_deinit(input);
		*input = (struct ct_input){0};
		if (first)
			ct_error_destroy(err);
		else
			first = err;
	}
	session->input_count = kept;
	if (kept == 0 && !failed)
		return first ? first : ct_error_create("there is no trace to read");
	ct_error_destroy(first);
	for (size_t i = 0; i < session->unread_count && !failed; i++)
		ct_damage_add_unread(session->unread[i].path);
	return failed;
}

struct ct_error *ct_session_open(const char *const *paths, size_t path_count, unsigned int flags,
				 ct_names_warn_fn *warn, struct ct_session **ret)
{
	ct_cleanup(session_cleanup) struct ct_session *session = calloc(1, sizeof(*session));
	if (!session)
		return ct_error_nomem;
	const struct search search = {session, flags, warn};
	struct ct_error *err = NULL;
	for (size_t i = 0; i < path_count && !err; i++)
		err = add_path(&search, paths[i], i);
	if (!err)
		err = open_inputs(session, flags & CT_SESSION_LIVE, warn);
	if (!err)
		err = number_functions(session);
	if (!err)
		err = list_streams(session);
	if (err)
		return err;
	ct_session_set_times(session);
	*ret = ct_take(session);
	return NULL;
}

bool ct_session_is_timeless(const struct ct_session *session)
{
	for (size_t i = 0; i < session->input_count; i++)
		if (ct_trace_info(session->inputs[i].trace)->clock_kind != CT_CLOCK_NONE)
			return false;
	return session->input_count > 0;
}

bool ct_session_has_times(const struct ct_session *session)
{
	for (size_t i = 0; i < session->input_count; i++)
		if (ct_trace_info(session->inputs[i].trace)->clock_kind == CT_CLOCK_NONE)
			return false;
	return true;
}
