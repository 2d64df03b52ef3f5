/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "programs/command.h"
#include "programs/reach.h"
#include "programs/show.h"
#include "programs/status.h"

/* What an operator means by "what it holds"; the rest is in `facts` and `plan`. */
enum { BOOT_FILE_MAX = 64 * 1024 };

static const char *get(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* ---- STATE/boot, written by `moyai pxe serve` ---- */

/* One that cannot be read is as good as none. */
static json_t *boot_file(const char *state_dir, const char *name)
{
	AUTO_FREE char *path = xasprintf("%s/boot/%s", state_dir, name);
	AUTO_STR struct str text = STR_INIT;
	if (!file_exists(path) || file_read(path, BOOT_FILE_MAX, &text, NULL) != 0)
		return NULL;
	return json_loadb(str_text(&text), text.length, 0, NULL);
}

json_t *status_boot(const char *state_dir, const char *node)
{
	AUTO_FREE char *name = xasprintf("%s.json", node);
	return boot_file(state_dir, name);
}

/* Machines that asked to boot and are in no configuration. */
static json_t *unknown_machines(const struct reach *reach)
{
	json_t *machines = json_array();
	AUTO_FREE char *dir = xasprintf("%s/boot", reach->state_dir);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(dir, &names, NULL) != 0)
		return machines;
	for (size_t i = 0; i < names.count; i++) {
		if (!text_starts(names.items[i], "unknown-") || !text_ends(names.items[i], ".json"))
			continue;
		json_t *machine = boot_file(reach->state_dir, names.items[i]);
		const char *mac = get(machine, "mac");
		/* Meanwhile it may have been added to the site. */
		if (mac && site_find_mac(&reach->site, mac) == NULL)
			json_array_append(machines, machine);
		json_decref(machine);
	}
	return machines;
}

/* ---- a node ---- */

/* A step that creates is a resource that is not there. */
static bool to_create(const struct host *host, const char *kind, const char *id)
{
	for (size_t i = 0; i < host->step_count; i++)
		if (host->steps[i].action == STEP_CREATE &&
		    strcmp(host->steps[i].kind, kind) == 0 && strcmp(host->steps[i].id, id) == 0)
			return true;
	return false;
}

static size_t count_held(const struct host *host, const struct slice *slice, const char *kind)
{
	size_t held = 0;
	for (size_t i = 0; i < slice->wants.count; i++) {
		const struct spec *want = &slice->wants.items[i];
		held += strcmp(want->kind->name, kind) == 0 && !to_create(host, kind, want->id);
	}
	/* What is there and no longer wanted is held until it is removed. */
	for (size_t i = 0; i < host->step_count; i++)
		held += host->steps[i].action == STEP_REMOVE &&
			strcmp(host->steps[i].kind, kind) == 0;
	return held;
}

/* {"volume":2,"target":2} */
static json_t *holds(const struct host *host, const struct remote_options *options)
{
	json_t *counts = json_object();
	struct slice slice = { 0 };
	const struct derive from = { .site = options->site,
				     .node = host->node,
				     .key = options->key,
				     .images = options->images,
				     .images_url = options->images_url };
	if (slice_make(&from, &slice, NULL) != 0)
		return counts;
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++) {
		size_t held = (*kind)->in_status ? count_held(host, &slice, (*kind)->name) : 0;
		if (held > 0)
			json_object_set_new(counts, (*kind)->name, json_integer((json_int_t)held));
	}
	slice_free(&slice);
	return counts;
}

static void holds_text(const json_t *counts, struct str *out)
{
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++) {
		json_int_t held = json_integer_value(json_object_get(counts, (*kind)->name));
		if (held > 0)
			str_addf(out, "%s%lld %s", out->length ? ", " : "", (long long)held,
				 held == 1 ? (*kind)->name : (*kind)->section);
	}
}

/* Which of the two stages of not being there: it boots, or nobody knows. */
static void not_up_text(const struct host *host, const json_t *boot, struct str *out)
{
	const char *stage = get(boot, "stage");
	const char *error = get(boot, "error");
	json_int_t percent = json_integer_value(json_object_get(boot, "percent"));
	if (!host->unreachable || stage == NULL || strcmp(stage, "none") == 0 ||
	    strcmp(stage, "ready") == 0) {
		str_addf(out, "%s: %s", host->unreachable ? "unreachable" : "error", host->failed);
		return;
	}
	if (strcmp(stage, "failed") == 0) {
		str_addf(out, "boot failed: %s", error ? error : "no reason was reported");
		return;
	}
	str_addf(out, "booting: %s", stage);
	if (strcmp(stage, "image") == 0)
		str_addf(out, " %lld%%", (long long)percent);
	if (error)
		str_addf(out, "; it failed before: %s", error);
}

static void drift_text(const struct host *host, const json_t *boot,
		       const struct maintenance *maintenance, struct str *out)
{
	size_t refused = 0;
	for (size_t i = 0; i < host->step_count; i++)
		refused += host->steps[i].refused != NULL;
	if (host->failed)
		not_up_text(host, boot, out);
	else if (host->step_count == 0)
		str_add(out, "none");
	else
		str_addf(out, "%zu step%s", host->step_count, host->step_count == 1 ? "" : "s");
	if (refused > 0)
		str_addf(out, ", %zu refused", refused);
	if (maintenance)
		str_addf(out, "; in maintenance%s%s", maintenance->reason ? ": " : "",
			 maintenance->reason ? maintenance->reason : "");
}

static void add_row(struct show_table *table, const struct fleet *fleet, const struct host *host,
		    const struct reach *reach)
{
	AUTO_STR struct str uptime = STR_INIT;
	AUTO_STR struct str held = STR_INIT;
	AUTO_STR struct str drift = STR_INIT;
	json_t *boot = status_boot(reach->state_dir, host->name);
	const char *version = get(host->facts, "image_version");
	const json_t *seconds = json_object_get(host->facts, "uptime_s");
	if (seconds)
		show_seconds((uint64_t)json_number_value(seconds), &uptime);
	if (host->failed == NULL) {
		json_t *counts = holds(host, fleet->options);
		holds_text(counts, &held);
		json_decref(counts);
	}
	drift_text(host, boot, runtime_maintenance(&reach->runtime, host->name), &drift);
	AUTO_FREE char *image = version ? xstrndup(version, 12) : xstrdup("-");
	show_cell(table, host->name);
	show_cell(table, host->node->role_name);
	show_cell(table, image);
	show_cell(table, uptime.length ? str_text(&uptime) : "-");
	show_cell(table, held.length ? str_text(&held) : "-");
	show_cell(table, str_text(&drift));
	json_decref(boot);
}

static void print_table(const struct reach *reach, struct str *out)
{
	const struct fleet *fleet = &reach->fleet;
	static const char *const HEAD[] = { "NODE", "ROLE", "IMAGE", "UPTIME", "HOLDS", "DRIFT" };
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	for (size_t i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	for (size_t i = 0; i < fleet->chosen; i++)
		add_row(&table, fleet, &fleet->hosts[i], reach);
	show_table_print(&table, out);
	show_table_free(&table);
}

/* Boots that were refused in a node's name: a second machine with its MAC. */
static void print_refused(const struct reach *reach, struct str *out)
{
	const struct fleet *fleet = &reach->fleet;
	for (size_t i = 0; i < fleet->chosen; i++) {
		json_t *boot = status_boot(reach->state_dir, fleet->hosts[i].name);
		const char *why = get(boot, "refused");
		if (why) {
			str_addf(out, "\n%s: a boot was refused: ", fleet->hosts[i].name);
			show_safe(out, why);
			if (get(boot, "refused_at")) {
				str_add(out, ", last at ");
				show_safe(out, get(boot, "refused_at"));
			}
			str_add(out, "\n");
		}
		json_decref(boot);
	}
}

static void print_unknown(const json_t *machines, struct str *out)
{
	size_t i;
	json_t *machine;
	struct show_table table = { .columns = 3 };
	if (json_array_size(machines) == 0)
		return;
	str_add(out, "\nUnknown machines, which were not booted; add one with its MAC to the "
		     "site:\n");
	show_cell(&table, "MAC");
	show_cell(&table, "FIRST SEEN");
	show_cell(&table, "LAST SEEN");
	json_array_foreach(machines, i, machine)
	{
		show_cell(&table, get(machine, "mac"));
		show_cell(&table, get(machine, "first_seen"));
		show_cell(&table, get(machine, "last_seen"));
	}
	show_table_print(&table, out);
	show_table_free(&table);
}

json_t *status_json(const struct reach *reach, const struct host *host)
{
	json_t *boot = status_boot(reach->state_dir, host->name);
	json_t *steps = json_array();
	for (size_t s = 0; s < host->step_count; s++)
		json_array_append_new(steps, show_step_json(host->name, &host->steps[s]));
	json_t *line = json_pack("{s:s, s:s, s:s, s:b, s:s?, s:O?, s:o, s:o}", "event", "status",
				 "node", host->name, "role", host->node->role_name, "reachable",
				 (int)!(host->failed && host->unreachable), "error", host->failed,
				 "facts", host->facts, "holds",
				 host->failed ? json_object() : holds(host, reach->fleet.options),
				 "steps", steps);
	json_t *warnings = json_array();
	for (size_t w = 0; w < host->warnings.count; w++)
		json_array_append_new(warnings, json_string(host->warnings.items[w]));
	json_object_set_new(line, "warnings", warnings);
	if (boot)
		json_object_set_new(line, "boot", boot);
	const struct maintenance *item = runtime_maintenance(&reach->runtime, host->name);
	if (item)
		json_object_set_new(line, "maintenance", show_maintenance_json(item));
	return line;
}

static void print_json(const struct reach *reach, json_t *machines, struct str *out)
{
	size_t n;
	json_t *machine;
	for (size_t i = 0; i < reach->fleet.chosen; i++)
		show_json_line(out, status_json(reach, &reach->fleet.hosts[i]));
	json_array_foreach(machines, n, machine)
	{
		json_object_set_new(machine, "event", json_string("unknown"));
		show_json_line(out, json_incref(machine));
	}
}

void status_text(const struct reach *reach, bool json, struct str *out)
{
	json_t *machines = unknown_machines(reach);
	if (json) {
		print_json(reach, machines, out);
	} else {
		print_table(reach, out);
		show_warnings(&reach->fleet, out);
		print_refused(reach, out);
		print_unknown(machines, out);
	}
	json_decref(machines);
}

void status_line(const struct reach *reach, const struct host *host, struct str *out)
{
	enum { NODE, ROLE, IMAGE, UPTIME, HOLDS, DRIFT, COLUMNS };
	struct show_table row = { .columns = COLUMNS };
	add_row(&row, &reach->fleet, host, reach);
	str_addf(out, "%s: image %s, holds %s, drift %s", row.cells.items[NODE],
		 row.cells.items[IMAGE], row.cells.items[HOLDS], row.cells.items[DRIFT]);
	show_table_free(&row);
}

static int print(const struct options *options, const struct reach *reach)
{
	AUTO_STR struct str out = STR_INIT;
	status_text(reach, options->json, &out);
	fputs(str_text(&out), stdout);
	return fleet_failed(&reach->fleet) > 0 ? EXIT_ERROR : EXIT_OK;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	int result = EXIT_ERROR;
	if (argc > 1) {
		err_set(&err, "status takes one node set, \"%s\" is a second one", argv[1]);
		return command_fail(&err);
	}
	if (options->watch)
		return status_watch(options, argc == 1 ? argv[0] : NULL);
	if (reach_open(options, argc == 1 ? argv[0] : NULL, NULL, &reach) == 0) {
		int rc = fleet_each(&reach.fleet, host_status, &err);
		progress_close(&reach.progress);
		result = rc == 0 ? print(options, &reach) : command_fail(&err);
	}
	reach_close(&reach);
	return result;
}

const struct command command_status = {
	.name = "status",
	.usage = "[NODES]",
	.summary = "what runs where, what it holds, and how far it has drifted",
	.doc = "A line per node: role, version of the image, uptime, what it holds, and how many\n"
	       "steps it is away from the site. A node that does not answer is shown with the\n"
	       "stage of its boot. Below are boots that were refused, and machines that asked to\n"
	       "boot and are in no configuration.",
	.run = run,
	.options = OPTIONS_REACH | OPTION_LOSS | OPTION_REVISION | OPTION_WATCH,
};
