/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/apply_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/stamp.h"
#include "programs/show.h"

enum { LOG_MAX_BYTES = 1024 * 1024 * 1024 };

static char *log_path(const char *state_dir)
{
	return xasprintf("%s/log/applies.jsonl", state_dir);
}

static int append(const struct apply_log *log, const char *event, json_t *members, struct err *err)
{
	char now[STAMP_SIZE];
	AUTO_STR struct str line = STR_INIT;
	json_t *object = json_pack("{s:s, s:s, s:s}", "event", event, "id", log->id, "at",
				   stamp_utc(time(NULL), now));
	json_object_update(object, members);
	json_decref(members);
	show_json_line(&line, object);
	if (file_write_all(log->fd, line.data, line.length, err) != 0)
		return -1;
	return fsync(log->fd) == 0 ? 0 : err_set_errno(err, errno, "fsync");
}

/* A crash may have left half a line: what follows begins on a new one. */
static int end_line(int fd, struct err *err)
{
	char last = '\n';
	off_t length = lseek(fd, 0, SEEK_END);
	if (length > 0 && pread(fd, &last, 1, length - 1) != 1)
		return err_set_errno(err, errno, "read");
	return last == '\n' ? 0 : file_write_all(fd, "\n", 1, err);
}

int apply_log_begin(const char *state_dir, json_t *about, struct apply_log *log, struct err *err)
{
	AUTO_FREE char *folder = xasprintf("%s/log", state_dir);
	AUTO_FREE char *path = log_path(state_dir);
	unsigned char random[8];
	*log = (struct apply_log){ .fd = -1 };
	if (file_make_dirs(folder, 0700, err) != 0 ||
	    hash_random(random, sizeof(random), err) != 0) {
		json_decref(about);
		return -1;
	}
	hash_hex(random, sizeof(random), log->id);
	log->fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (log->fd < 0) {
		json_decref(about);
		return err_set_errno(err, errno, "%s", path);
	}
	int rc = end_line(log->fd, err);
	if (rc == 0)
		rc = append(log, "begin", about, err);
	else
		json_decref(about);
	if (rc == 0)
		return 0;
	close(log->fd);
	log->fd = -1;
	return err_context(err, "%s", path);
}

int apply_log_end(struct apply_log *log, json_t *result, struct err *err)
{
	int rc = append(log, "end", result, err);
	close(log->fd);
	log->fd = -1;
	return rc == 0 ? 0 : err_context(err, "the log of applies");
}

/* ---- reading ---- */

static void move_member(json_t *object, const char *from, const char *to)
{
	json_t *value = json_incref(json_object_get(object, from));
	json_object_del(object, from);
	json_object_set_new(object, to, value ? value : json_null());
}

/* One line into the list; false when it is none of ours. */
static bool take(json_t *line, json_t *applies, struct map *by_id)
{
	const char *event, *id, *at;
	if (line == NULL ||
	    json_unpack(line, "{s:s, s:s, s:s}", "event", &event, "id", &id, "at", &at) != 0)
		return false;
	if (strcmp(event, "begin") == 0) {
		move_member(line, "at", "begun");
		json_object_set_new(line, "ended", json_null());
		json_object_set_new(line, "event", json_string("apply"));
		json_array_append(applies, line);
		map_put(by_id, json_string_value(json_object_get(line, "id")), line);
		return true;
	}
	json_t *begun = map_get(by_id, id);
	if (strcmp(event, "end") != 0 || begun == NULL)
		return false;
	move_member(line, "at", "ended");
	json_object_del(line, "event");
	json_object_del(line, "id"); /* the map's key is the text of the other one */
	json_object_update(begun, line);
	return true;
}

/* Times are RFC 3339 in UTC: their order is that of the text. */
static bool is_later(const json_t *a, const json_t *b)
{
	return strcmp(json_string_value(json_object_get(a, "begun")),
		      json_string_value(json_object_get(b, "begun"))) > 0;
}

/* Those of one second as they came: only where a line came late is anything moved. */
static void sort(json_t *applies)
{
	size_t count = json_array_size(applies);
	for (size_t i = 1; i < count; i++) {
		json_t *item = json_incref(json_array_get(applies, i));
		size_t to = i;
		while (to > 0 && is_later(json_array_get(applies, to - 1), item))
			to--;
		if (to < i) {
			json_array_remove(applies, i);
			json_array_insert(applies, to, item);
		}
		json_decref(item);
	}
}

void apply_log_parse(const char *text, size_t length, json_t **applies, size_t *unreadable)
{
	struct map by_id = MAP_INIT;
	const char *end = text + length;
	*unreadable = 0;
	*applies = json_array();
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((newline ? newline : end) - text);
		json_t *object = json_loadb(text, line, 0, NULL);
		*unreadable += !take(object, *applies, &by_id);
		json_decref(object);
		text += line + (newline != NULL);
	}
	map_free(&by_id);
	sort(*applies);
}

int apply_log_read(const char *state_dir, json_t **applies, size_t *unreadable, struct err *err)
{
	AUTO_FREE char *path = log_path(state_dir);
	AUTO_STR struct str text = STR_INIT;
	if (file_exists(path) && file_read(path, LOG_MAX_BYTES, &text, err) != 0)
		return -1;
	apply_log_parse(str_text(&text), text.length, applies, unreadable);
	return 0;
}
