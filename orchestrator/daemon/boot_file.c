/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/boot_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"

enum { BOOT_FILE_MAX_BYTES = 1024 * 1024 };

void boot_record_free(struct boot_record *record)
{
	free(record->image);
	free(record->error);
	*record = (struct boot_record){ 0 };
}

void boot_time_print(int64_t time_ms, char text[32])
{
	struct tm parts;
	time_t seconds = (time_t)(time_ms / 1000);
	gmtime_r(&seconds, &parts);
	size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &parts);
	snprintf(text + length, 32 - length, ".%03dZ", (int)(time_ms % 1000));
}

int64_t boot_time_parse(const char *text)
{
	struct tm parts = { 0 };
	int ms = 0;
	const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) : NULL;
	if (rest == NULL || sscanf(rest, ".%3dZ", &ms) != 1 || ms < 0)
		return 0;
	return (int64_t)timegm(&parts) * 1000 + ms;
}

static void set_time(json_t *object, const char *name, int64_t time_ms)
{
	char text[32];
	boot_time_print(time_ms, text);
	json_object_set_new(object, name, time_ms ? json_string(text) : json_null());
}

static void set_text(json_t *object, const char *name, const char *text)
{
	json_object_set_new(object, name, text ? json_string(text) : json_null());
}

static int write_json(const char *path, json_t *json, struct err *err)
{
	AUTO_FREE char *text = json_dumps(json, JSON_INDENT(1));
	json_decref(json);
	if (text == NULL)
		return err_set(err, "%s: cannot be written as JSON", path);
	AUTO_FREE char *line = xasprintf("%s\n", text);
	return file_write(path, line, strlen(line), 0644, err);
}

int boot_file_write(const char *dir, const struct boot_node *node, int64_t now_ms, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s.json", dir, node->name);
	const struct boot_record *record = &node->now;
	json_t *json = json_object();
	json_t *times = json_object();
	set_text(json, "node", node->name);
	set_text(json, "mac", node->mac);
	set_text(json, "address", node->address);
	set_text(json, "role", node->role);
	set_text(json, "boot", record->id[0] ? record->id : NULL);
	set_text(json, "stage", boot_stage_name(record->stage));
	json_object_set_new(json, "percent", json_integer((json_int_t)record->percent));
	set_text(json, "image", record->image);
	set_text(json, "error", record->error);
	set_text(json, "refused", node->refused);
	json_object_set_new(json, "refused_count", json_integer((json_int_t)node->refused_count));
	set_time(json, "refused_at", node->refused_ms);
	set_time(json, "updated", now_ms);
	for (enum boot_stage stage = BOOT_DHCP; stage < BOOT_STAGES; stage++)
		if (record->times_ms[stage])
			set_time(times, boot_stage_name(stage), record->times_ms[stage]);
	json_object_set_new(json, "times", times);
	return write_json(path, json, err);
}

static const char *get_text(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static json_t *load(const char *path)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read(path, BOOT_FILE_MAX_BYTES, &text, NULL) != 0)
		return NULL;
	return json_loadb(str_text(&text), text.length, 0, NULL);
}

void boot_file_read(const char *dir, struct boot_node *node)
{
	AUTO_FREE char *path = xasprintf("%s/%s.json", dir, node->name);
	json_t *json = load(path);
	/* Another machine under the same name has another history. */
	if (json == NULL || !text_equal(get_text(json, "mac"), node->mac)) {
		json_decref(json);
		return;
	}
	struct boot_record *record = &node->now;
	const char *id = get_text(json, "boot");
	json_int_t percent = json_integer_value(json_object_get(json, "percent"));
	json_int_t refused = json_integer_value(json_object_get(json, "refused_count"));
	boot_record_free(record);
	record->stage = boot_stage_parse(get_text(json, "stage"));
	record->percent = percent >= 0 && percent <= 100 ? (unsigned)percent : 0;
	record->image = xstrdup(get_text(json, "image"));
	record->error = xstrdup(get_text(json, "error"));
	if (id && strlen(id) == BOOT_ID_SIZE - 1)
		memcpy(record->id, id, BOOT_ID_SIZE);
	for (enum boot_stage stage = BOOT_DHCP; stage < BOOT_STAGES; stage++)
		record->times_ms[stage] = boot_time_parse(
			get_text(json_object_get(json, "times"), boot_stage_name(stage)));
	free(node->refused);
	node->refused = xstrdup(get_text(json, "refused"));
	node->refused_count = refused > 0 ? (unsigned)refused : 0;
	node->refused_ms = boot_time_parse(get_text(json, "refused_at"));
	json_decref(json);
}

int boot_file_unknown(const char *dir, const char *mac, const char *asked, int64_t now_ms,
		      struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/unknown-%s.json", dir, mac);
	json_t *before = load(path);
	json_t *json = json_object();
	json_int_t count = json_integer_value(json_object_get(before, "count"));
	int64_t first_ms = boot_time_parse(get_text(before, "first_seen"));
	json_decref(before);
	set_text(json, "mac", mac);
	set_text(json, "asked", asked);
	set_time(json, "first_seen", first_ms ? first_ms : now_ms);
	set_time(json, "last_seen", now_ms);
	json_object_set_new(json, "count", json_integer(count + 1));
	return write_json(path, json, err);
}

static void add_stranger(struct boot_strangers *strangers, const char *path)
{
	json_t *json = load(path);
	const char *mac = get_text(json, "mac");
	if (mac != NULL) {
		strangers->items =
			xrealloc(strangers->items, strangers->count + 1, sizeof(*strangers->items));
		json_int_t count = json_integer_value(json_object_get(json, "count"));
		strangers->items[strangers->count++] = (struct boot_stranger){
			.mac = xstrdup(mac),
			.asked = xstrdup(get_text(json, "asked")),
			.first_ms = boot_time_parse(get_text(json, "first_seen")),
			.last_ms = boot_time_parse(get_text(json, "last_seen")),
			.count = count > 0 ? (uint64_t)count : 0,
		};
	}
	json_decref(json);
}

static int by_first_sight(const void *left, const void *right)
{
	const struct boot_stranger *a = left;
	const struct boot_stranger *b = right;
	if (a->first_ms != b->first_ms)
		return a->first_ms < b->first_ms ? -1 : 1;
	return strcmp(a->mac, b->mac);
}

int boot_file_strangers(const char *dir, struct boot_strangers *strangers, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	*strangers = (struct boot_strangers){ 0 };
	if (file_list_dir(dir, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names.items[i]);
		if (text_starts(names.items[i], "unknown-") && text_ends(names.items[i], ".json"))
			add_stranger(strangers, path);
	}
	if (strangers->count > 1)
		qsort(strangers->items, strangers->count, sizeof(*strangers->items),
		      by_first_sight);
	return 0;
}

void boot_strangers_free(struct boot_strangers *strangers)
{
	for (size_t i = 0; i < strangers->count; i++) {
		free(strangers->items[i].mac);
		free(strangers->items[i].asked);
	}
	free(strangers->items);
	*strangers = (struct boot_strangers){ 0 };
}
