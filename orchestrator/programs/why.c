/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "daemon/boot_file.h"
#include "model/manifest.h"
#include "model/runtime.h"
#include "programs/command.h"
#include "programs/ports.h"
#include "programs/reach.h"
#include "programs/show.h"
#include "programs/why_rules.h"

enum { CONSOLE_LINES = 5, CONSOLE_MAX_BYTES = 64 * 1024 * 1024 };

/* Everything that is looked at; `seen` borrows from the rest. */
struct why {
	struct reach reach;
	struct boot_node boot;
	struct runtime runtime;
	struct text_list console; /* its last lines */
	char *age;
	struct why_seen seen;
};

static void look_at_boot(struct why *why, const struct site_node *node, int64_t now_ms)
{
	struct why_seen *seen = &why->seen;
	AUTO_FREE char *dir = xasprintf("%s/boot", why->reach.state_dir);
	AUTO_STR struct str age = STR_INIT;
	/* Names and MAC are the site's, borrowed: see free_why(). */
	why->boot.name = node->name;
	why->boot.mac = node->mac;
	boot_file_read(dir, &why->boot);
	const struct boot_record *now = &why->boot.now;
	seen->stage = now->stage;
	seen->percent = now->percent;
	seen->boot_error = now->error;
	if (now->times_ms[now->stage] && now->times_ms[now->stage] < now_ms)
		seen->stage_age_s = (uint64_t)(now_ms - now->times_ms[now->stage]) / 1000;
	show_seconds(seen->stage_age_s, &age);
	seen->stage_age = why->age = str_take(&age);
	seen->boot_refused = why->boot.refused;
}

/* What its serial console wrote last, where somebody keeps it: STATE/console/NODE.log. */
static void look_at_console(struct why *why)
{
	AUTO_FREE char *path = xasprintf("%s/console/%s.log", why->reach.state_dir, why->seen.node);
	AUTO_STR struct str text = STR_INIT;
	if (!file_exists(path) || file_read(path, CONSOLE_MAX_BYTES, &text, NULL) != 0)
		return;
	for (char *rest = text.data; rest;) {
		char *line = strsep(&rest, "\n");
		line[strcspn(line, "\r")] = '\0';
		if (*line == '\0')
			continue;
		if (why->console.count == CONSOLE_LINES) {
			free(why->console.items[0]);
			why->console.count--;
			memmove(why->console.items, why->console.items + 1,
				why->console.count * sizeof(char *));
		}
		text_list_add(&why->console, line);
	}
}

static void look_at_host(struct why *why)
{
	const struct host *host = &why->reach.fleet.hosts[0];
	struct why_seen *seen = &why->seen;
	seen->ssh_error = host->failed;
	if (host->failed)
		seen->ssh = host->unreachable ? why_ssh_error(host->failed) : WHY_CANNOT;
	seen->steps = host->step_count;
	for (size_t i = 0; i < host->step_count; i++) {
		if (host->steps[i].refused == NULL)
			continue;
		seen->refused_steps++;
		seen->refused_step = host->steps[i].refused;
	}
}

static int look(const struct options *options, struct why *why, int64_t now_ms, struct err *err)
{
	struct reach *reach = &why->reach;
	const struct host *host = &reach->fleet.hosts[0];
	struct manifest manifest = { 0 };
	why->seen.node = host->name;
	why->seen.role = host->node->role_name;
	look_at_boot(why, host->node, now_ms);
	look_at_console(why);
	if (runtime_read(reach->state_dir, &why->runtime, err) != 0)
		return -1;
	const struct maintenance *item = runtime_maintenance(&why->runtime, host->name);
	why->seen.maintenance = item != NULL;
	why->seen.maintenance_reason = item ? item->reason : NULL;
	why->seen.image_missing =
		manifest_read(options->images_dir, host->node->role_name, &manifest, NULL) != 0;
	manifest_free(&manifest);
	why->seen.served = ports_answers(reach->site.boot_server, (unsigned)reach->site.boot_port);
	int rc = fleet_each(&reach->fleet, host_status, err);
	progress_close(&reach->progress);
	if (rc == 0)
		look_at_host(why);
	return rc;
}

/* ---- what was found ---- */

static void row(struct show_table *table, const char *name, const char *text)
{
	show_cell(table, name);
	show_cell(table, text);
}

static void add_times(const struct boot_record *record, struct show_table *table)
{
	for (enum boot_stage stage = BOOT_DHCP; stage < BOOT_STAGES; stage++) {
		char when[32];
		if (record->times_ms[stage] == 0)
			continue;
		boot_time_print(record->times_ms[stage], when);
		row(table, boot_stage_name(stage), when);
	}
}

static void print_text(const struct why *why, const struct why_answer *answer, struct str *out)
{
	const struct why_seen *seen = &why->seen;
	struct show_table table = { .columns = 2 };
	add_times(&why->boot.now, &table);
	if (seen->stage == BOOT_IMAGE) {
		AUTO_FREE char *percent = xasprintf("%u %%", seen->percent);
		row(&table, "fetched", percent);
	}
	if (seen->boot_error)
		row(&table, "error", seen->boot_error);
	if (seen->boot_refused)
		row(&table, "refused", seen->boot_refused);
	if (seen->maintenance)
		row(&table, "maintenance",
		    seen->maintenance_reason ? seen->maintenance_reason : "no reason given");
	row(&table, "ssh", seen->ssh_error ? seen->ssh_error : "answers");
	for (size_t i = 0; i < why->console.count; i++)
		row(&table, i ? "" : "console", why->console.items[i]);
	show_table_print(&table, out);
	show_table_free(&table);
	str_add(out, "\ncause  ");
	show_safe(out, answer->cause);
	if (answer->next) {
		str_add(out, "\nnext   ");
		show_safe(out, answer->next);
	}
	str_add(out, "\n");
}

static void print_json(const struct why *why, const struct why_answer *answer, struct str *out)
{
	const struct why_seen *seen = &why->seen;
	json_t *times = json_object();
	json_t *console = json_array();
	for (enum boot_stage stage = BOOT_DHCP; stage < BOOT_STAGES; stage++) {
		char when[32];
		if (why->boot.now.times_ms[stage] == 0)
			continue;
		boot_time_print(why->boot.now.times_ms[stage], when);
		json_object_set_new(times, boot_stage_name(stage), json_string(when));
	}
	for (size_t i = 0; i < why->console.count; i++) {
		AUTO_STR struct str line = STR_INIT;
		show_safe(&line, why->console.items[i]);
		json_array_append_new(console, json_string(str_text(&line)));
	}
	show_json_line(out, json_pack("{s:s, s:s, s:b, s:s, s:s?, s:s, s:o, s:s?, s:s?, s:s?, s:b, "
				      "s:I, s:o}",
				      "event", "why", "node", seen->node, "fine", (int)answer->fine,
				      "cause", answer->cause, "next", answer->next, "stage",
				      boot_stage_name(seen->stage), "times", times, "boot_error",
				      seen->boot_error, "refused", seen->boot_refused, "ssh_error",
				      seen->ssh_error, "maintenance", (int)seen->maintenance,
				      "steps", (json_int_t)seen->steps, "console", console));
}

static int print(const struct options *options, const struct why *why)
{
	AUTO_STR struct str out = STR_INIT;
	struct why_answer answer;
	why_judge(&why->seen, &answer);
	if (options->json)
		print_json(why, &answer, &out);
	else
		print_text(why, &answer, &out);
	fputs(str_text(&out), stdout);
	free(answer.cause);
	free(answer.next);
	return answer.fine ? EXIT_OK : EXIT_ERROR;
}

static void free_why(struct why *why)
{
	boot_record_free(&why->boot.now);
	free(why->boot.refused);
	free(why->age);
	runtime_free(&why->runtime);
	text_list_free(&why->console);
	reach_close(&why->reach);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct why why = { 0 };
	int result = EXIT_ERROR;
	if (argc != 1) {
		err_set(&err, "write: why NODE");
		return command_fail(&err);
	}
	if (reach_open(options, argv[0], NULL, &why.reach) == 0) {
		if (why.reach.names.count != 1) {
			err_set(&err, "why is about one node; moyai status shows many");
			result = command_fail(&err);
		} else if (look(options, &why, (int64_t)time(NULL) * 1000, &err) != 0) {
			result = command_fail(&err);
		} else {
			result = print(options, &why);
		}
	}
	free_why(&why);
	return result;
}

const struct command command_why = {
	.name = "why",
	.usage = "NODE",
	.summary = "what is the matter with a node, and what to do next",
	.doc = "When each stage of the node's last boot was reached, its last error or refusal,\n"
	       "whether it answers by ssh and with the pinned key, the last lines of its console\n"
	       "where STATE/console/NODE.log keeps them, and from all that the likely cause and\n"
	       "what to do next.\n"
	       "\n"
	       "Exits with 0 when the node is as the site wants it.",
	.run = run,
	.options = OPTION_TIMEOUT | OPTION_REVISION,
};
