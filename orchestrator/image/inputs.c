/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/inputs.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum { NAMES_SHOWN = 2 };

static int add(struct inputs *inputs, const char *name, const void *bytes, size_t length,
	       struct err *err)
{
	struct input input;
	if (hash_bytes_hex(bytes, length, input.sha256, err) != 0)
		return -1;
	input.name = xstrdup(name);
	inputs->items = xrealloc(inputs->items, inputs->count + 1, sizeof(*inputs->items));
	inputs->items[inputs->count++] = input;
	return 0;
}

int inputs_text(struct inputs *inputs, const char *name, const char *text, struct err *err)
{
	return add(inputs, name, text ? text : "", text ? strlen(text) : 0, err);
}

int inputs_list(struct inputs *inputs, const char *name, const struct text_list *list,
		struct err *err)
{
	AUTO_STR struct str all = STR_INIT;
	for (size_t i = 0; i < list->count; i++)
		str_addf(&all, "%s\n", list->items[i]);
	return add(inputs, name, str_text(&all), all.length, err);
}

int inputs_file(struct inputs *inputs, const char *name, const char *path, struct err *err)
{
	char hex[HASH_HEX_SIZE];
	if (hash_file_hex(path, hex, err) != 0)
		return -1;
	AUTO_FREE char *all = xasprintf("%s %s", access(path, X_OK) == 0 ? "x" : "-", hex);
	return inputs_text(inputs, name, all, err);
}

static int add_path(struct inputs *inputs, const char *name, const char *path, struct err *err)
{
	struct stat st;
	char target[PATH_MAX];
	if (lstat(path, &st) != 0)
		return err_set_errno(err, errno, "%s", path);
	if (S_ISREG(st.st_mode))
		return inputs_file(inputs, name, path, err);
	if (S_ISDIR(st.st_mode))
		return inputs_text(inputs, name, "folder", err) != 0
			       ? -1
			       : inputs_tree(inputs, name, path, err);
	if (!S_ISLNK(st.st_mode))
		return err_set(err, "%s: neither a file, a folder nor a link", path);
	ssize_t length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return err_set_errno(err, errno, "%s", path);
	target[length] = '\0';
	AUTO_FREE char *link = xasprintf("link %s", target);
	return inputs_text(inputs, name, link, err);
}

int inputs_tree(struct inputs *inputs, const char *name, const char *path, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(path, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		/* The scripts that lay files take their names by lines. */
		if (strchr(names.items[i], '\n'))
			return err_set(err, "%s: a file name there has a line break: %s; rename it",
				       path, names.items[i]);
		AUTO_FREE char *inner = xasprintf("%s/%s", path, names.items[i]);
		AUTO_FREE char *inner_name = xasprintf("%s/%s", name, names.items[i]);
		if (add_path(inputs, inner_name, inner, err) != 0)
			return -1;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

int inputs_digest(struct inputs *inputs, char hex[HASH_HEX_SIZE], struct err *err)
{
	AUTO_STR struct str all = STR_INIT;
	if (inputs->count > 0)
		qsort(inputs->items, inputs->count, sizeof(*inputs->items), by_name);
	for (size_t i = 0; i < inputs->count; i++)
		str_addf(&all, "%s %s\n", inputs->items[i].sha256, inputs->items[i].name);
	return hash_bytes_hex(str_text(&all), all.length, hex, err);
}

void inputs_to_json(const struct inputs *inputs, const char *part, json_t *object)
{
	for (size_t i = 0; i < inputs->count; i++) {
		AUTO_FREE char *key = xasprintf("%s: %s", part, inputs->items[i].name);
		json_object_set_new(object, key, json_string(inputs->items[i].sha256));
	}
}

static void say(struct str *why, unsigned *said, const char *name, const char *what)
{
	if (*said < NAMES_SHOWN)
		str_addf(why, "%s%s %s", *said ? ", " : "", name, what);
	else if (*said == NAMES_SHOWN)
		str_add(why, ", …");
	(*said)++;
}

static bool has(const struct inputs *inputs, const char *name)
{
	for (size_t i = 0; i < inputs->count; i++)
		if (strcmp(inputs->items[i].name, name) == 0)
			return true;
	return false;
}

bool inputs_same(const struct inputs *inputs, const char *part, json_t *object, struct str *why)
{
	AUTO_FREE char *prefix = xasprintf("%s: ", part);
	unsigned said = 0;
	for (size_t i = 0; i < inputs->count; i++) {
		AUTO_FREE char *key = xasprintf("%s%s", prefix, inputs->items[i].name);
		const char *was = json_string_value(json_object_get(object, key));
		if (was == NULL)
			say(why, &said, key, "is new");
		else if (strcmp(was, inputs->items[i].sha256) != 0)
			say(why, &said, key, "changed");
	}
	const char *key;
	json_t *value;
	json_object_foreach(object, key, value) if (text_starts(key, prefix) &&
						    !has(inputs, key + strlen(prefix)))
		say(why, &said, key, "is gone");
	return said == 0;
}

void inputs_free(struct inputs *inputs)
{
	for (size_t i = 0; inputs && i < inputs->count; i++)
		free(inputs->items[i].name);
	if (inputs) {
		free(inputs->items);
		*inputs = (struct inputs){ 0 };
	}
}
