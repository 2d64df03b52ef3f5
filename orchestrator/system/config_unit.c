/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/config_unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/point.h"
#include "base/run.h"
#include "system/node.h"
#include "system/units.h"

#define FOLDER "/run/moyai"
#define HEAD "# moyai\n"
#define CONF ".conf"
enum { FILE_LIMIT_BYTES = 1 << 20, WORDS_MAX = 40 };

static char *path_of(const char *kind, const char *name, const char *suffix)
{
	return xasprintf(FOLDER "/%s/%s%s", kind, name, suffix);
}

static char *unit_of(const char *kind, const char *name)
{
	return xasprintf("moyai-%s-%s.service", kind, name);
}

int config_units_list(const char *kind, struct text_list *names, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(FOLDER "/%s", kind);
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	if (file_list_dir(folder, &files, err) != 0)
		return -1;
	for (size_t i = 0; i < files.count; i++) {
		const char *file = files.items[i];
		if (file[0] != '.' && text_ends(file, CONF))
			text_list_take(names, xstrndup(file, strlen(file) - strlen(CONF)));
	}
	return 0;
}

/* Without the head. */
static void split_lines(const char *text, struct text_list *lines)
{
	if (text_starts(text, HEAD))
		text += strlen(HEAD);
	while (*text) {
		size_t length = strcspn(text, "\n");
		text_list_take(lines, xstrndup(text, length));
		text += length + (text[length] == '\n');
	}
}

int config_unit_get(struct node *node, const char *kind, const char *name, char **waits,
		    struct text_list *lines, char **state, bool *found, struct err *err)
{
	AUTO_FREE char *conf = path_of(kind, name, CONF);
	AUTO_FREE char *runs = path_of(kind, name, ".runs");
	AUTO_FREE char *service = unit_of(kind, name);
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str started = STR_INIT;
	char hash[HASH_HEX_SIZE];
	struct unit unit;
	*found = file_exists(conf);
	if (!*found)
		return 0;
	if (unit_get(node, service, &unit, err) != 0 ||
	    file_read(conf, FILE_LIMIT_BYTES, &text, err) != 0 ||
	    hash_bytes_hex(str_text(&text), text.length, hash, err) != 0)
		return -1;
	if (file_exists(runs) && file_read(runs, HASH_HEX_SIZE, &started, err) != 0)
		return -1;
	split_lines(str_text(&text), lines);
	bool again = waits && text_equal(unit.sub, "auto-restart");
	bool lives = again || text_equal(unit.active, "active");
	if (again)
		*waits = unit_last_line(service);
	if (!lives)
		*state = xstrdup("stopped");
	else
		*state = xstrdup(text_equal(str_text(&started), hash) ? "running" : "stale");
	return 0;
}

/* before and words, with the path where it belongs. */
static int call(const char *const *before, const char *const *words, const char *path,
		struct err *err)
{
	const char *argv[2 * WORDS_MAX + 1] = { NULL };
	size_t count = 0;
	for (; before && *before; before++)
		argv[count++] = *before;
	for (; *words; words++)
		argv[count++] = *words;
	AUTO_FREE char *last = xasprintf("%s%s", argv[count - 1], path);
	if (*argv[count - 1] == '\0' || text_ends(argv[count - 1], "="))
		argv[count - 1] = last;
	const struct run run = { .argv = argv };
	return run_ok(&run, NULL, err);
}

static int start(const struct config_unit *unit, const char *service, const char *path,
		 struct err *err)
{
	AUTO_FREE char *name = xasprintf("--unit=%s", service);
	const char *before[WORDS_MAX] = { "systemd-run",
					  "--quiet",
					  "--collect",
					  name,
					  "--property=Restart=on-failure",
					  "--property=RestartSec=1" };
	size_t count = 6;
	/* A later property takes an earlier one's place. */
	for (const char *const *at = unit->properties; at && *at && count < WORDS_MAX - 2; at++)
		before[count++] = *at;
	before[count] = "--";
	return call(before, unit->command, path, err);
}

/* systemctl knows no unit that has ended: a transient one goes with its process. */
static int stop(struct node *node, const char *service, struct err *err)
{
	struct unit unit;
	node_forget(node);
	if (unit_get(node, service, &unit, err) != 0)
		return -1;
	return text_equal(unit.active, "inactive") ? 0 : unit_stop(service, err);
}

int config_unit_apply(struct node *node, const struct config_unit *unit,
		      const struct text_list *lines, struct err *err)
{
	AUTO_FREE char *folder = xasprintf(FOLDER "/%s", unit->kind);
	AUTO_FREE char *conf = path_of(unit->kind, unit->name, CONF);
	AUTO_FREE char *fresh = path_of(unit->kind, unit->name, ".new");
	AUTO_FREE char *runs = path_of(unit->kind, unit->name, ".runs");
	AUTO_FREE char *service = unit_of(unit->kind, unit->name);
	AUTO_STR struct str text = STR_INIT;
	char hash[HASH_HEX_SIZE];
	str_add(&text, HEAD);
	for (size_t i = 0; i < lines->count; i++)
		str_addf(&text, "%s\n", lines->items[i]);
	if (hash_bytes_hex(str_text(&text), text.length, hash, err) != 0 ||
	    file_make_dirs(folder, 0755, err) != 0)
		return -1;
	/* One that is wrong takes no right one's place. */
	point_pass(fresh);
	if (file_write(fresh, text.data, text.length, unit->secret ? 0600 : 0644, err) != 0 ||
	    (unit->check && call(NULL, unit->check, fresh, err) != 0))
		return -1;
	point_pass(conf);
	if (rename(fresh, conf) != 0)
		return err_set_errno(err, errno, "%s", conf);
	point_pass(conf);
	if (file_remove(runs, err) != 0 || stop(node, service, err) != 0 ||
	    start(unit, service, conf, err) != 0)
		return -1;
	point_pass(runs);
	if (file_write(runs, hash, strlen(hash), 0644, err) != 0)
		return -1;
	point_pass(runs);
	return 0;
}

int config_unit_remove(struct node *node, const char *kind, const char *name, struct err *err)
{
	AUTO_FREE char *conf = path_of(kind, name, CONF);
	AUTO_FREE char *fresh = path_of(kind, name, ".new");
	AUTO_FREE char *runs = path_of(kind, name, ".runs");
	AUTO_FREE char *service = unit_of(kind, name);
	if (stop(node, service, err) != 0 || file_remove(runs, err) != 0 ||
	    file_remove(fresh, err) != 0)
		return -1;
	point_pass(conf);
	int rc = file_remove(conf, err);
	point_pass(conf);
	return rc;
}
