/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/takeover.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "daemon/applies.h"
#include "daemon/pins.h"
#include "daemon/store.h"
#include "model/runtime.h"
#include "remote/pipe.h"

enum {
	RECORD_MAX_BYTES = 64 * 1024,
	ARCHIVE_MAX_BYTES = 1024 * 1024 * 1024,
	VIEW_TIMEOUT_MS = 30000,
	SEND_TIMEOUT_MS = 120000,
	KNOWN_HOSTS_MAX_BYTES = 64 * 1024 * 1024,
	COMMIT_MIN = 40,
};
#define MOYAID "/usr/lib/moyai/moyaid"

const struct site_node *takeover_node(const struct site *site, struct err *err)
{
	const struct site_node *found = site_manager(site);
	if (found == NULL)
		err_set(err, "no node has a system to take over with; write systems = ( { name = "
			     "\"main\"; disk = \"/dev/disk/by-id/…\"; } ); into the cluster "
			     "manager's node");
	return found;
}

/* As in moyaid, the variable is for tests. */
const char *takeover_store(void)
{
	const char *dir = getenv("MOYAI_MANAGER_DIR");
	return dir ? dir : STORE_DIR;
}

bool takeover_is_here(const char *state_dir)
{
	AUTO_FREE char *state = xasprintf("%s/state", takeover_store());
	return text_equal(state_dir, state);
}

/* ---- the record ---- */

static char *record_path(const char *state_dir)
{
	return xasprintf("%s/takeover.json", state_dir);
}

int takeover_read(const char *state_dir, struct takeover *takeover, struct err *err)
{
	AUTO_FREE char *path = record_path(state_dir);
	AUTO_STR struct str text = STR_INIT;
	json_error_t why;
	*takeover = (struct takeover){ 0 };
	if (!file_exists(path))
		return 0;
	if (file_read(path, RECORD_MAX_BYTES, &text, err) != 0)
		return -1;
	json_t *json = json_loadb(str_text(&text), text.length, 0, &why);
	const char *node;
	const char *address;
	const char *since;
	int rc = 0;
	if (json == NULL || json_unpack_ex(json, &why, 0, "{s:s, s:s, s:s}", "node", &node,
					   "address", &address, "since", &since) != 0)
		rc = err_set(err, "%s: %s", path, why.text);
	else
		*takeover = (struct takeover){ xstrdup(node), xstrdup(address), xstrdup(since) };
	json_decref(json);
	return rc;
}

int takeover_write(const char *state_dir, const struct site_node *node, const char *address,
		   struct err *err)
{
	AUTO_FREE char *path = record_path(state_dir);
	char since[32];
	struct tm parts;
	time_t now = time(NULL);
	gmtime_r(&now, &parts);
	strftime(since, sizeof(since), "%Y-%m-%dT%H:%M:%SZ", &parts);
	json_t *json = json_pack("{s:s, s:s, s:s}", "node", node->name, "address", address, "since",
				 since);
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(1));
	json_decref(json);
	AUTO_FREE char *line = xasprintf("%s\n", text);
	return file_write(path, line, strlen(line), 0644, err);
}

void takeover_free(struct takeover *takeover)
{
	free(takeover->node);
	free(takeover->address);
	free(takeover->since);
	*takeover = (struct takeover){ 0 };
}

/* Commands that run at once share the folders they work in. Closing lets go. */
static int lock(const char *state_dir, struct err *err)
{
	int fd = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX) == 0)
		return fd;
	err_set_errno(err, errno, "%s", state_dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

/* ---- talking to the manager ---- */

const char *takeover_transport(void)
{
	return getenv("MOYAI_MANAGER_TRANSPORT");
}

static int last_line(const struct str *errors, const char *command, int code, struct err *err)
{
	const char *text = str_text(errors);
	size_t end = errors->length;
	while (end > 0 && strchr(" \n\r\t", text[end - 1]))
		end--;
	size_t start = end;
	while (start > 0 && text[start - 1] != '\n')
		start--;
	if (end == start)
		return err_set(err, "%s: exit code %d", command, code);
	return err_set(err, "%s: %.*s", command, (int)(end - start), text + start);
}

static int talk(struct link *link, const struct takeover_call *call, struct str *out,
		struct err *err)
{
	AUTO_STR struct str ignored = STR_INIT;
	struct stream *stream = link_exec(link, call->words, call->stop, err);
	if (stream == NULL)
		return -1;
	int rc = 0;
	if (call->input_length > 0)
		rc = stream_write(stream, call->input, call->input_length, call->timeout_ms, err);
	if (rc == 0)
		rc = stream_end_input(stream, err);
	if (rc == 0)
		rc = stream_read_all(stream, call->timeout_ms, ARCHIVE_MAX_BYTES,
				     out ? out : &ignored, err);
	if (rc == 0 && stream->exit_code != 0)
		rc = last_line(&stream->errors, call->words[0], stream->exit_code, err);
	stream_close(stream);
	return rc;
}

int takeover_run(const struct ssh_options *ssh, const char *node, const char *address,
		 const struct takeover_call *call, struct str *out, struct err *err)
{
	const char *transport = takeover_transport();
	struct link *link = transport ? pipe_link_open(transport, node, err)
				      : ssh_link_open(ssh, node, address, call->stop, err);
	if (link == NULL)
		return -1;
	int rc = talk(link, call, out, err);
	link_close(link);
	return rc;
}

static int talk_lines(struct link *link, const struct takeover_call *call,
		      void (*line)(void *context, const char *text, size_t length), void *context,
		      struct err *err)
{
	struct stream *stream = link_exec(link, call->words, call->stop, err);
	char *text;
	size_t length;
	if (stream == NULL)
		return -1;
	int rc = stream_write(stream, call->input, call->input_length, SEND_TIMEOUT_MS, err);
	if (rc == 0)
		rc = stream_end_input(stream, err);
	while (rc == 0) {
		int got = stream_read_line(stream, call->timeout_ms, &text, &length, err);
		if (got <= 0) {
			rc = got;
			break;
		}
		line(context, text, length);
	}
	bool empty = stream->exit_code == call->empty_code && stream->errors.length == 0;
	if (rc == 0 && stream->exit_code != 0 && !empty)
		rc = last_line(&stream->errors, call->words[0], stream->exit_code, err);
	stream_close(stream);
	return rc;
}

int takeover_lines(const struct ssh_options *ssh, const char *transport,
		   const struct takeover *takeover, const struct takeover_call *call,
		   void (*line)(void *context, const char *text, size_t length), void *context,
		   struct err *err)
{
	struct link *link =
		transport ? pipe_link_open(transport, takeover->node, err)
			  : ssh_link_open(ssh, takeover->node, takeover->address, call->stop, err);
	if (link == NULL)
		return -1;
	int rc = talk_lines(link, call, line, context, err);
	link_close(link);
	return rc;
}

/* ---- what it told ---- */

int takeover_main_read(const char *state_dir, struct takeover_main *main, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/takeover/main", state_dir);
	AUTO_STR struct str text = STR_INIT;
	*main = (struct takeover_main){ 0 };
	if (!file_exists(path))
		return 0;
	if (file_read(path, RECORD_MAX_BYTES, &text, err) != 0)
		return -1;
	char *rest = text.data;
	const char *commit = strsep(&rest, "\n");
	const char *about = strsep(&rest, "\n");
	/* It becomes a word of git's command line. */
	if (about == NULL || strlen(commit) < COMMIT_MIN ||
	    strspn(commit, "0123456789abcdef") != strlen(commit))
		return err_set(err, "%s: is not what moyaid view tells", path);
	*main = (struct takeover_main){ xstrdup(commit), xstrdup(about) };
	return 0;
}

void takeover_main_free(struct takeover_main *main)
{
	free(main->commit);
	free(main->about);
	*main = (struct takeover_main){ 0 };
}

char *takeover_images(const char *state_dir)
{
	return xasprintf("%s/takeover/images", state_dir);
}

static int unpack(const char *state_dir, const struct str *archive, struct err *err)
{
	AUTO_FREE char *fresh = xasprintf("%s/.takeover", state_dir);
	AUTO_FREE char *place = xasprintf("%s/takeover", state_dir);
	const struct run untar = { .argv = RUN_ARGV("tar", "-xf", "-", "--no-same-owner", "-C",
						    fresh),
				   .input = str_text(archive),
				   .input_length = archive->length };
	if (run_args(err, "rm", "-rf", "--", fresh, NULL) != 0 ||
	    file_make_dirs(fresh, 0700, err) != 0 || run_ok(&untar, NULL, err) != 0)
		return -1;
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, place, RENAME_EXCHANGE) == 0)
		return run_args(err, "rm", "-rf", "--", fresh, NULL);
	if (errno != ENOENT || rename(fresh, place) != 0)
		return err_set_errno(err, errno, "%s", place);
	return 0;
}

/* The lines of all nodes but the manager, or of it alone. */
static int pins_of(const char *path, const struct takeover *takeover, bool only, struct str *out,
		   struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	if (!file_exists(path))
		return 0;
	if (file_read(path, KNOWN_HOSTS_MAX_BYTES, &text, err) != 0)
		return -1;
	for (char *at = text.data; at && *at;) {
		const char *line = strsep(&at, "\n");
		if (*line && pin_is_of(line, takeover->node, takeover->address) == only)
			str_addf(out, "%s\n", line);
	}
	return 0;
}

int takeover_pin(const char *state_dir, const struct takeover *takeover, struct str *line,
		 struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/known_hosts", state_dir);
	AUTO_STR struct str lines = STR_INIT;
	if (pins_of(path, takeover, true, &lines, err) != 0)
		return -1;
	str_add_bytes(line, str_text(&lines), strcspn(str_text(&lines), "\n"));
	return 0;
}

/* The manager's own pin is ours: it is what the others are believed by. */
static int keep_pins(const struct takeover *takeover, const char *state_dir, struct err *err)
{
	AUTO_FREE char *told = xasprintf("%s/takeover/state/known_hosts", state_dir);
	AUTO_FREE char *path = xasprintf("%s/known_hosts", state_dir);
	AUTO_STR struct str pins = STR_INIT;
	AUTO_STR struct str before = STR_INIT;
	if (pins_of(path, takeover, true, &pins, err) != 0 ||
	    pins_of(told, takeover, false, &pins, err) != 0)
		return -1;
	if (file_exists(path) && file_read(path, KNOWN_HOSTS_MAX_BYTES, &before, err) != 0)
		return -1;
	if (strcmp(str_text(&pins), str_text(&before)) == 0)
		return 0;
	return file_write(path, str_text(&pins), pins.length, 0600, err);
}

/* Who has asked there to boot, and is forgotten there, is forgotten here, too. */
static int drop_strangers(const char *dir, const struct text_list *told, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(dir, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names.items[i]);
		if (text_starts(names.items[i], "unknown-") &&
		    !text_list_has(told, names.items[i]) && file_remove(path, err) != 0)
			return -1;
	}
	return 0;
}

static int keep_reports(const char *state_dir, struct err *err)
{
	AUTO_FREE char *from = xasprintf("%s/takeover/state/boot", state_dir);
	AUTO_FREE char *to = xasprintf("%s/boot", state_dir);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(from, &names, err) != 0 || file_make_dirs(to, 0700, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *old = xasprintf("%s/%s", from, names.items[i]);
		AUTO_FREE char *new = xasprintf("%s/%s", to, names.items[i]);
		if (rename(old, new) != 0)
			return err_set_errno(err, errno, "%s", new);
	}
	return drop_strangers(to, &names, err);
}

/* Who is changing ours right now tells the manager next. */
static int keep_runtime(const char *state_dir, struct err *err)
{
	AUTO_FREE char *from = xasprintf("%s/takeover/state/runtime.cfg", state_dir);
	AUTO_FREE char *to = xasprintf("%s/runtime.cfg", state_dir);
	AUTO_CLOSE int held = runtime_lock(state_dir, false, NULL);
	if (held >= 0 && rename(from, to) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", to);
	return 0;
}

int takeover_sync(const struct takeover *takeover, const struct ssh_options *ssh,
		  const char *state_dir, const bool *stop, struct err *err)
{
	AUTO_STR struct str archive = STR_INIT;
	const struct takeover_call call = { .words = (const char *const[]){ MOYAID, "view", NULL },
					    .timeout_ms = VIEW_TIMEOUT_MS,
					    .stop = stop };
	AUTO_CLOSE int held = lock(state_dir, err);
	if (held < 0 ||
	    takeover_run(ssh, takeover->node, takeover->address, &call, &archive, err) != 0 ||
	    unpack(state_dir, &archive, err) != 0 || keep_pins(takeover, state_dir, err) != 0 ||
	    keep_runtime(state_dir, err) != 0)
		return -1;
	return keep_reports(state_dir, err);
}

/* From where on the log was not told yet; one that is shorter is another one. */
static size_t told_until(const char *path, size_t length)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read(path, RECORD_MAX_BYTES, &text, NULL) != 0)
		return 0;
	size_t told = strtoul(str_text(&text), NULL, 10);
	return told <= length ? told : 0;
}

int takeover_applies(const struct takeover *takeover, const struct ssh_options *ssh,
		     const char *state_dir, const bool *stop, struct str *all, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/log/applies.jsonl", state_dir);
	AUTO_FREE char *note = xasprintf("%s/log/told", state_dir);
	AUTO_STR struct str log = STR_INIT;
	AUTO_CLOSE int held = lock(state_dir, err);
	if (held < 0 || (file_exists(path) && file_read(path, ARCHIVE_MAX_BYTES, &log, err) != 0))
		return -1;
	/* The last line may be in the middle of its write. */
	const char *end = log.length ? memrchr(log.data, '\n', log.length) : NULL;
	size_t length = end ? (size_t)(end - log.data) + 1 : 0;
	size_t from = told_until(note, length);
	if (length - from > APPLIES_TOLD_MAX_BYTES)
		from = length - APPLIES_TOLD_MAX_BYTES;
	if (from == length && all == NULL)
		return 0;
	const char *const words[] = { MOYAID, "applies", all ? NULL : "add", NULL };
	const struct takeover_call call = { .words = words,
					    .input = str_text(&log) + from,
					    .input_length = length - from,
					    .timeout_ms = VIEW_TIMEOUT_MS,
					    .stop = stop };
	if (takeover_run(ssh, takeover->node, takeover->address, &call, all, err) != 0)
		return -1;
	if (from == length)
		return 0;
	AUTO_FREE char *digits = xasprintf("%zu\n", length);
	return file_write(note, digits, strlen(digits), 0600, err);
}

int takeover_export(const struct takeover *takeover, const struct ssh_options *ssh,
		    const bool *stop, struct str *archive, struct err *err)
{
	const struct takeover_call call = { .words =
						    (const char *const[]){ MOYAID, "export", NULL },
					    .timeout_ms = SEND_TIMEOUT_MS,
					    .stop = stop };
	return takeover_run(ssh, takeover->node, takeover->address, &call, archive, err);
}

int takeover_send(const struct ssh_options *ssh, const char *node, const char *address,
		  const struct takeover_site *site, const char *state_dir, const bool *stop,
		  struct err *err)
{
	AUTO_FREE char *file = xasprintf("%s/.archive", state_dir);
	AUTO_STR struct str archive = STR_INIT;
	AUTO_CLOSE int held = lock(state_dir, err);
	if (held < 0)
		return -1;
	int rc = store_pack(site->dir, site->commit, state_dir, file, err);
	if (rc == 0)
		rc = file_read(file, ARCHIVE_MAX_BYTES, &archive, err);
	unlink(file);
	const char *const words[] = { MOYAID, "import", site->applied ? "applied" : NULL, NULL };
	const struct takeover_call call = { .words = words,
					    .input = str_text(&archive),
					    .input_length = archive.length,
					    .timeout_ms = SEND_TIMEOUT_MS,
					    .stop = stop };
	if (rc == 0)
		rc = takeover_run(ssh, node, address, &call, NULL, err);
	/* It had the site key in it. */
	if (archive.length > 0)
		explicit_bzero(archive.data, archive.length);
	return rc;
}

int takeover_tell(const struct takeover *takeover, const struct ssh_options *ssh,
		  const char *state_dir, const struct text_list *files, const bool *stop,
		  struct err *err)
{
	AUTO_STR struct str names = STR_INIT;
	AUTO_STR struct str archive = STR_INIT;
	for (size_t i = 0; i < files->count; i++)
		str_addf(&names, "%s\n", files->items[i]);
	const struct run tar = { .argv = RUN_ARGV("tar", "-cf", "-", "-C", state_dir,
						  "--files-from=-"),
				 .input = str_text(&names),
				 .input_length = names.length };
	int rc = run_ok(&tar, &archive, err);
	const struct takeover_call call = { .words = (const char *const[]){ MOYAID, "keep", NULL },
					    .input = str_text(&archive),
					    .input_length = archive.length,
					    .timeout_ms = SEND_TIMEOUT_MS,
					    .stop = stop };
	if (rc == 0)
		rc = takeover_run(ssh, takeover->node, takeover->address, &call, NULL, err);
	if (archive.length > 0)
		explicit_bzero(archive.data, archive.length);
	return rc;
}
