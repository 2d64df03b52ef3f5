/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/timeline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "remote/stream.h"

enum { FILE_MAX_BYTES = 64 * 1024 * 1024 };

void timeline_begin(struct timeline *timeline, const char *cluster)
{
	struct tm tm;
	time_t now = time(NULL);
	*timeline = (struct timeline){ .cluster = xstrdup(cluster),
				       .zero_ms = stream_now_ms(),
				       .ready_ms = -1 };
	gmtime_r(&now, &tm);
	strftime(timeline->began, sizeof(timeline->began), "%Y-%m-%dT%H:%M:%SZ", &tm);
}

void timeline_free(struct timeline *timeline)
{
	for (size_t i = 0; i < timeline->count; i++) {
		free(timeline->items[i].lane);
		free(timeline->items[i].what);
		free(timeline->items[i].node);
	}
	free(timeline->items);
	free(timeline->cluster);
	*timeline = (struct timeline){ .ready_ms = -1 };
}

static long since(const struct timeline *timeline)
{
	return stream_now_ms() - timeline->zero_ms;
}

static struct timeline_item *add(struct timeline *timeline, const char *lane, const char *what,
				 const char *node)
{
	timeline->items = xrealloc(timeline->items, timeline->count + 1, sizeof(*timeline->items));
	struct timeline_item *item = &timeline->items[timeline->count++];
	*item = (struct timeline_item){ .lane = xstrdup(lane),
					.what = xstrdup(what),
					.node = node ? xstrdup(node) : NULL,
					.begin_ms = since(timeline),
					.end_ms = -1 };
	return item;
}

/* The last one of this lane that goes on. what: NULL: any. */
static struct timeline_item *open_item(struct timeline *timeline, const char *lane,
				       const char *what, const char *node)
{
	for (size_t i = timeline->count; i-- > 0;) {
		struct timeline_item *item = &timeline->items[i];
		if (item->end_ms < 0 && text_equal(item->lane, lane) &&
		    text_equal(item->node, node) && (what == NULL || text_equal(item->what, what)))
			return item;
	}
	return NULL;
}

void timeline_step(struct timeline *timeline, const struct conduct_event *event)
{
	if (event->type == CONDUCT_START) {
		add(timeline, event->kind, event->id, event->node);
	} else if (event->type == CONDUCT_OK || event->type == CONDUCT_FAILED) {
		struct timeline_item *item =
			open_item(timeline, event->kind, event->id, event->node);
		if (item != NULL)
			item->end_ms = since(timeline);
	}
}

void timeline_stage(struct timeline *timeline, const char *guest, const char *stage)
{
	struct timeline_item *now = open_item(timeline, guest, NULL, NULL);
	if (now != NULL && text_equal(now->what, stage))
		return;
	if (now != NULL)
		now->end_ms = since(timeline);
	if (stage != NULL)
		add(timeline, guest, stage, NULL);
}

void timeline_ready(struct timeline *timeline)
{
	timeline->ready_ms = since(timeline);
}

/* ---- on disk ---- */

static char *path_of(const char *state_dir, const char *cluster)
{
	return xasprintf("%s/starts/%s.json", state_dir, cluster);
}

int timeline_save(const struct timeline *timeline, const char *state_dir, struct err *err)
{
	AUTO_FREE char *folder = xasprintf("%s/starts", state_dir);
	AUTO_FREE char *path = path_of(state_dir, timeline->cluster);
	json_t *items = json_array();
	for (size_t i = 0; i < timeline->count; i++) {
		const struct timeline_item *item = &timeline->items[i];
		json_array_append_new(items,
				      json_pack("{s:s, s:s, s:s?, s:I, s:I}", "lane", item->lane,
						"what", item->what, "node", item->node, "begin_ms",
						(json_int_t)item->begin_ms, "end_ms",
						(json_int_t)item->end_ms));
	}
	json_t *json = json_pack("{s:s, s:s, s:I, s:o}", "cluster", timeline->cluster, "began",
				 timeline->began, "ready_ms", (json_int_t)timeline->ready_ms,
				 "items", items);
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(1));
	json_decref(json);
	if (text == NULL)
		return err_set(err, "%s: cannot be written as JSON", path);
	return file_make_dirs(folder, 0700, err) == 0
		       ? file_write(path, text, strlen(text), 0600, err)
		       : -1;
}

static const char *text_of(const json_t *json, const char *name)
{
	const char *text = json_string_value(json_object_get(json, name));
	return text ? text : "";
}

static long number_of(const json_t *json, const char *name)
{
	const json_t *number = json_object_get(json, name);
	return json_is_integer(number) ? (long)json_integer_value(number) : -1;
}

static void take(struct timeline *timeline, const json_t *json)
{
	const char *node = json_string_value(json_object_get(json, "node"));
	struct timeline_item *item =
		add(timeline, text_of(json, "lane"), text_of(json, "what"), node);
	item->begin_ms = number_of(json, "begin_ms");
	item->end_ms = number_of(json, "end_ms");
}

int timeline_load(const char *state_dir, const char *cluster, struct timeline *timeline,
		  struct err *err)
{
	AUTO_FREE char *path = path_of(state_dir, cluster);
	AUTO_STR struct str text = STR_INIT;
	json_error_t why;
	size_t i;
	json_t *item;
	*timeline = (struct timeline){ .ready_ms = -1 };
	if (!file_exists(path))
		return 1;
	if (file_read(path, FILE_MAX_BYTES, &text, err) != 0)
		return -1;
	json_t *json = json_loadb(str_text(&text), text.length, 0, &why);
	if (json == NULL)
		return err_set(err, "%s:%d: %s; the next start writes it anew", path, why.line,
			       why.text);
	timeline_begin(timeline, cluster);
	snprintf(timeline->began, sizeof(timeline->began), "%s", text_of(json, "began"));
	timeline->ready_ms = number_of(json, "ready_ms");
	json_array_foreach(json_object_get(json, "items"), i, item) take(timeline, item);
	json_decref(json);
	return 0;
}
