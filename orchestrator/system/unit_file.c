/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/unit_file.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/point.h"
#include "base/run.h"

#define FOLDER "/run/systemd/system"
#define MARK "# moyai "

enum { SMALL_FILE_BYTES = 65536 };

char *unit_file_name(const char *path, const char *suffix)
{
	AUTO_STR struct str name = STR_INIT;
	path += strspn(path, "/");
	for (const char *at = path; *at; at++) {
		bool kept = isalnum((unsigned char)*at) || *at == ':' || *at == '_' ||
			    (*at == '.' && at != path);
		if (*at == '/')
			str_add(&name, "-");
		else if (kept)
			str_add_bytes(&name, at, 1);
		else
			str_addf(&name, "\\x%02x", (unsigned char)*at);
	}
	str_add(&name, suffix);
	return str_take(&name);
}

/* The id that the first line names, a copy; NULL: not ours, or of another kind. */
static char *id_of(const char *unit, const char *kind, struct str *text)
{
	AUTO_FREE char *path = xasprintf(FOLDER "/%s", unit);
	AUTO_FREE char *mark = xasprintf(MARK "%s ", kind);
	str_clear(text);
	/* Not what a write that was cut left beside it. */
	if ((!text_ends(unit, ".mount") && !text_ends(unit, ".swap")) ||
	    file_read(path, SMALL_FILE_BYTES, text, NULL) != 0 ||
	    !text_starts(str_text(text), mark))
		return NULL;
	const char *id = str_text(text) + strlen(mark);
	return xstrndup(id, strcspn(id, "\n"));
}

int unit_file_list(const char *kind, struct text_list *ids, struct err *err)
{
	AUTO_LIST struct text_list units = TEXT_LIST_INIT;
	AUTO_STR struct str text = STR_INIT;
	if (file_list_dir(FOLDER, &units, err) != 0)
		return -1;
	for (size_t i = 0; i < units.count; i++) {
		char *id = id_of(units.items[i], kind, &text);
		if (id != NULL)
			text_list_take(ids, id);
	}
	return 0;
}

int unit_file_find(const char *kind, const char *id, char **unit, char **out, struct err *err)
{
	AUTO_LIST struct text_list units = TEXT_LIST_INIT;
	AUTO_STR struct str text = STR_INIT;
	*unit = NULL;
	*out = NULL;
	if (file_list_dir(FOLDER, &units, err) != 0)
		return -1;
	for (size_t i = 0; i < units.count && *unit == NULL; i++) {
		AUTO_FREE char *found = id_of(units.items[i], kind, &text);
		if (found == NULL || strcmp(found, id) != 0)
			continue;
		*unit = xstrdup(units.items[i]);
		*out = xstrdup(str_text(&text));
	}
	return 0;
}

char *unit_file_value(const char *text, const char *key)
{
	AUTO_FREE char *start = xasprintf("\n%s=", key);
	const char *at = strstr(text, start);
	if (at == NULL)
		return NULL;
	at += strlen(start);
	return xstrndup(at, strcspn(at, "\n"));
}

bool unit_file_uses(const char *device)
{
	AUTO_LIST struct text_list units = TEXT_LIST_INIT;
	file_list_dir(FOLDER, &units, NULL);
	for (size_t i = 0; i < units.count; i++) {
		AUTO_FREE char *path = xasprintf(FOLDER "/%s", units.items[i]);
		AUTO_STR struct str text = STR_INIT;
		if (file_read(path, SMALL_FILE_BYTES, &text, NULL) != 0 ||
		    !text_starts(str_text(&text), MARK))
			continue;
		AUTO_FREE char *what = unit_file_value(str_text(&text), "What");
		if (text_equal(what, device))
			return true;
	}
	return false;
}

static int reload(struct err *err)
{
	const struct run run = { .argv = RUN_ARGV("systemctl", "daemon-reload") };
	return run_ok(&run, NULL, err);
}

int unit_file_write(const char *unit, const char *kind, const char *id, const char *body,
		    struct err *err)
{
	AUTO_FREE char *path = xasprintf(FOLDER "/%s", unit);
	AUTO_FREE char *text = xasprintf(MARK "%s %s\n%s", kind, id, body);
	point_pass(path);
	if (file_make_dirs(FOLDER, 0755, err) != 0 ||
	    file_write(path, text, strlen(text), 0644, err) != 0)
		return -1;
	point_pass(path);
	/* Also when the text was the same: a crash may have come in between. */
	return reload(err);
}

int unit_file_remove(const char *unit, struct err *err)
{
	AUTO_FREE char *path = xasprintf(FOLDER "/%s", unit);
	point_pass(path);
	if (file_remove(path, err) != 0)
		return -1;
	point_pass(path);
	return reload(err);
}
