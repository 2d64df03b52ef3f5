/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/wire/kinds/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/point.h"

enum { FILE_BYTES_MAX = 1 << 20 };

static const char *root(void)
{
	const char *dir = getenv("MOYAI_WIRE_DIR");
	if (dir == NULL) {
		fprintf(stderr, "MOYAI_WIRE_DIR is not set\n");
		exit(70);
	}
	return dir;
}

char *store_path(const char *kind, const char *id, const char *file)
{
	AUTO_FREE char *hex = xcalloc(strlen(id) + 1, 2);
	hash_hex((const uint8_t *)id, strlen(id), hex);
	return xasprintf("%s/%s/%s%s%s", root(), kind, hex, file ? "/" : "", file ? file : "");
}

static char *unhex(const char *hex)
{
	size_t length = strlen(hex) / 2;
	char *id = xcalloc(length + 1, 1);
	for (size_t i = 0; i < length; i++) {
		unsigned value = 0;
		sscanf(hex + 2 * i, "%2x", &value);
		id[i] = (char)value;
	}
	return id;
}

int store_list(const char *kind, const char *site, struct text_list *owned, struct err *err)
{
	AUTO_FREE char *dir = xasprintf("%s/%s", root(), kind);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(dir, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s/mark", dir, names.items[i]);
		AUTO_STR struct str mark = STR_INIT;
		if (!file_exists(path))
			continue;
		if (file_read(path, FILE_BYTES_MAX, &mark, err) != 0)
			return -1;
		if (strcmp(str_text(&mark), site) == 0)
			text_list_take(owned, unhex(names.items[i]));
	}
	return 0;
}

int store_observe(const struct kind_spec *kind, const char *id, struct spec *have, bool *found,
		  struct err *err)
{
	AUTO_FREE char *mark = store_path(kind->name, id, "mark");
	json_t *fields = json_object();
	int rc = 0;
	*found = file_exists(mark);
	for (const struct field *field = kind->fields; *found && field->name; field++) {
		AUTO_FREE char *path = store_path(kind->name, id, field->name);
		AUTO_STR struct str text = STR_INIT;
		if (!file_exists(path))
			continue;
		if (file_read(path, FILE_BYTES_MAX, &text, err) != 0) {
			rc = -1;
			break;
		}
		json_object_set_new(fields, field->name,
				    json_loads(str_text(&text), JSON_DECODE_ANY, NULL));
	}
	if (rc == 0)
		rc = fields_from_json(kind->fields, have->body, fields, err);
	json_decref(fields);
	return rc;
}

int store_put(const char *kind, const char *id, const char *file, const struct str *bytes,
	      struct err *err)
{
	AUTO_FREE char *path = store_path(kind, id, file);
	AUTO_FREE char *point = xasprintf("write %s %s", kind, file);
	point_pass(point);
	int rc = file_write(path, str_text(bytes), bytes->length, 0600, err);
	point_pass(point);
	return rc;
}

int store_begin(const char *site, const struct step *step, struct err *err)
{
	const char *kind = step->kind->name;
	AUTO_FREE char *dir = store_path(kind, step->id, NULL);
	AUTO_STR struct str mark = STR_INIT;
	str_add(&mark, site);
	point_pass("make folder");
	if (file_make_dirs(dir, 0700, err) != 0)
		return -1;
	return store_put(kind, step->id, "mark", &mark, err);
}

int store_fields(const struct step *step, struct err *err)
{
	json_t *fields = fields_to_json(step->kind->fields, step->want->body);
	const char *name;
	json_t *value;
	int rc = 0;
	json_object_foreach(fields, name, value)
	{
		const struct field *field = field_find(step->kind->fields, name);
		AUTO_FREE char *text = json_dumps(value, JSON_ENCODE_ANY);
		AUTO_STR struct str bytes = STR_INIT;
		if (rc != 0 || (field != step->kind->fields && !step_field_changes(step, field) &&
				!(field->flags & FIELD_VOLATILE)))
			continue;
		str_add(&bytes, text);
		rc = store_put(step->kind->name, step->id, name, &bytes, err);
	}
	json_decref(fields);
	return rc;
}

int store_remove(const char *kind, const char *id, struct err *err)
{
	AUTO_FREE char *dir = store_path(kind, id, NULL);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_FREE char *mark = store_path(kind, id, "mark");
	if (file_list_dir(dir, &names, err) != 0)
		return -1;
	/* The mark goes last: what is half removed is still ours. */
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = store_path(kind, id, names.items[i]);
		point_pass("unlink");
		if (strcmp(names.items[i], "mark") != 0 && file_remove(path, err) != 0)
			return -1;
	}
	point_pass("unlink mark");
	if (file_remove(mark, err) != 0)
		return -1;
	point_pass("rmdir");
	if (rmdir(dir) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", dir);
	return 0;
}
