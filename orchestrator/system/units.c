/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/units.h"

#include <string.h>

#include "base/file.h"
#include "base/point.h"
#include "base/run.h"
#include "system/node.h"

#define MARKS "/run/moyai/services"
#define MARK_TEXT "# moyai\n"
enum { START_TIMEOUT_MS = 90000 };

json_t *units_parse(const char *text, struct err *err)
{
	json_error_t why;
	json_t *list = json_loads(text, 0, &why);
	json_t *units = json_object();
	size_t i;
	const json_t *item;
	if (!json_is_array(list)) {
		json_decref(list);
		json_decref(units);
		err_set(err, "systemctl: its list of units cannot be read");
		return NULL;
	}
	json_array_foreach(list, i, item)
	{
		const char *name = json_string_value(json_object_get(item, "unit"));
		json_t *active = json_object_get(item, "active");
		json_t *sub = json_object_get(item, "sub");
		if (name && json_is_string(active) && json_is_string(sub))
			json_object_set_new(units, name, json_pack("[O, O]", active, sub));
	}
	json_decref(list);
	return units;
}

static json_t *read_units(struct err *err)
{
	AUTO_STR struct str out = STR_INIT;
	const struct run list = {
		.argv = RUN_ARGV("systemctl", "list-units", "--all", "--full", "--no-pager",
				 "--output=json"),
		.reads_only = 1,
	};
	if (run_ok(&list, &out, err) != 0)
		return NULL;
	return units_parse(str_text(&out), err);
}

int unit_get(struct node *node, const char *name, struct unit *unit, struct err *err)
{
	if (node->units == NULL)
		node->units = read_units(err);
	if (node->units == NULL)
		return -1;
	const json_t *state = json_object_get(node->units, name);
	unit->active = state ? json_string_value(json_array_get(state, 0)) : "inactive";
	unit->sub = state ? json_string_value(json_array_get(state, 1)) : "dead";
	return 0;
}

/* What the unit said last is worth more than systemctl's advice to look it up. */
char *unit_last_line(const char *name)
{
	struct run_result result;
	/* Its own words: --unit would end in systemd's "Failed to start". */
	AUTO_FREE char *match = xasprintf("_SYSTEMD_UNIT=%s", name);
	const struct run journal = {
		.argv = RUN_ARGV("journalctl", "--lines=1", "--output=cat", "--quiet", "--no-pager",
				 match),
		.reads_only = 1,
	};
	if (run_capture(&journal, &result, NULL) != 0)
		return xstrdup("");
	char *line = xstrndup(str_text(&result.out), strcspn(str_text(&result.out), "\n"));
	run_result_free(&result);
	return line;
}

static void add_journal_line(const char *name, struct err *err)
{
	if (err == NULL)
		return;
	AUTO_FREE char *line = unit_last_line(name);
	AUTO_FREE char *before = xstrdup(err->text);
	if (line[0] != '\0')
		err_set(err, "%s; its journal ends in: %s", before, line);
}

static int unit_call(const char *verb, const char *name, struct err *err)
{
	const struct run run = {
		.argv = RUN_ARGV("systemctl", verb, "--no-ask-password", "--", name),
		.timeout_ms = START_TIMEOUT_MS,
	};
	struct run_result result;
	if (run_capture(&run, &result, err) != 0)
		return -1;
	int rc = 0;
	if (result.exit_code != 0) {
		/* The first line says what is wrong, the rest how to find out more. */
		const char *text = str_text(&result.err);
		rc = err_set(err, "systemctl %s: %.*s", verb, (int)strcspn(text, "\n"), text);
		add_journal_line(name, err);
	}
	run_result_free(&result);
	return rc;
}

int unit_start(const char *name, struct err *err)
{
	return unit_call("start", name, err);
}

int unit_stop(const char *name, struct err *err)
{
	return unit_call("stop", name, err);
}

int units_list_marked(struct text_list *names, struct err *err)
{
	return file_list_dir(MARKS, names, err);
}

int unit_mark(const char *name, struct err *err)
{
	AUTO_FREE char *path = xasprintf(MARKS "/%s", name);
	if (file_exists(path))
		return 0;
	point_pass(path);
	if (file_make_dirs(MARKS, 0755, err) != 0 ||
	    file_write(path, MARK_TEXT, strlen(MARK_TEXT), 0644, err) != 0)
		return -1;
	point_pass(path);
	return 0;
}

int unit_unmark(const char *name, struct err *err)
{
	AUTO_FREE char *path = xasprintf(MARKS "/%s", name);
	point_pass(path);
	int rc = file_remove(path, err);
	point_pass(path);
	return rc;
}
