/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/run.h"
#include "daemon/address.h"
#include "daemon/boot_file.h"
#include "daemon/journal_query.h"
#include "model/manifest.h"
#include "model/runtime.h"
#include "programs/command.h"
#include "programs/ports.h"
#include "programs/reach.h"
#include "programs/show.h"
#include "programs/takeover.h"
#include "programs/why_rules.h"

enum { LAST_LINES = 5, CONSOLE_MAX_BYTES = 64 * 1024 * 1024, JOURNAL_TIMEOUT_MS = 20000 };

/* Everything that is looked at; `seen` borrows from the rest. */
struct why {
	struct reach reach;
	struct boot_node boot;
	struct runtime runtime;
	struct takeover takeover;
	char address[INET_ADDRSTRLEN];	   /* of this machine on the boot network; "": none */
	struct text_list console, journal; /* their last lines */
	bool console_kept;
	char *journal_error; /* why the manager does not show it; NULL: none */
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

static void keep_last(struct text_list *lines, const char *line)
{
	if (lines->count == LAST_LINES) {
		free(lines->items[0]);
		lines->count--;
		memmove(lines->items, lines->items + 1, lines->count * sizeof(char *));
	}
	text_list_add(lines, line);
}

/* What its serial console wrote last, where somebody keeps it: STATE/console/NODE.log. */
static void look_at_console(struct why *why)
{
	AUTO_FREE char *path = xasprintf("%s/console/%s.log", why->reach.state_dir, why->seen.node);
	AUTO_STR struct str text = STR_INIT;
	why->console_kept =
		file_exists(path) && file_read(path, CONSOLE_MAX_BYTES, &text, NULL) == 0;
	for (char *rest = text.data; rest;) {
		char *line = strsep(&rest, "\n");
		line[strcspn(line, "\r")] = '\0';
		if (*line != '\0')
			keep_last(&why->console, line);
	}
}

static void take_line(void *context, const char *text, size_t length)
{
	AUTO_FREE char *line = xstrndup(text, length);
	keep_last(context, line);
}

static int read_journal(struct why *why, const struct journal_query *query, struct err *err)
{
	const struct remote_options *remote = &why->reach.remote;
	if (why->takeover.node) {
		AUTO_FREE char *input = journal_query_print(query);
		const struct takeover_call call = {
			.words = (const char *const[]){ "/usr/lib/moyai/moyaid", "logs", NULL },
			.input = input,
			.input_length = strlen(input),
			.timeout_ms = JOURNAL_TIMEOUT_MS,
			.stop = why->reach.stop
		};
		return takeover_lines(&remote->ssh, remote->transport, &why->takeover, &call,
				      take_line, &why->journal, err);
	}
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	AUTO_FREE char *dir = xasprintf("%s/log/journal", takeover_store());
	AUTO_STR struct str text = STR_INIT;
	journal_query_words(query, dir, &words);
	const char **argv = xcalloc(words.count + 1, sizeof(*argv));
	for (size_t i = 0; i < words.count; i++)
		argv[i] = words.items[i];
	int rc = run_ok(&(struct run){ .argv = argv, .reads_only = 1 }, &text, err);
	free(argv);
	for (char *rest = text.data; rc == 0 && rest;) {
		const char *line = strsep(&rest, "\n");
		if (*line != '\0')
			keep_last(&why->journal, line);
	}
	return rc;
}

/* What the node sent to the cluster manager last, its kernel's last lines among it. */
static void look_at_journal(struct why *why)
{
	struct err err = ERR_INIT;
	struct journal_query query = JOURNAL_QUERY_INIT;
	const struct why_seen *seen = &why->seen;
	bool fine = seen->ssh == WHY_ANSWERS && seen->steps == 0;
	/* Its own is with it. */
	bool away = seen->ssh_error && text_equal(seen->manager, seen->node);
	if (seen->manager == NULL || fine || away)
		return;
	text_list_add(&query.nodes, seen->node);
	query.lines = LAST_LINES;
	if (read_journal(why, &query, &err) != 0)
		why->journal_error = xasprintf("%s: %s", seen->manager, err.text);
	journal_query_free(&query);
}

/* Who serves boots: the manager that has taken over, which may be this machine, or else a pxe serve,
   at whichever address of the boot network its machine has. */
static int look_at_server(struct why *why, struct err *err)
{
	const struct site *site = &why->reach.site;
	struct why_seen *seen = &why->seen;
	unsigned port = (unsigned)site->boot_port;
	char interface[IF_NAMESIZE];
	boot_address_find(site, why->address, interface, NULL);
	if (takeover_read(why->reach.state_dir, &why->takeover, err) != 0)
		return -1;
	const struct site_node *self = site_manager(site);
	if (why->takeover.node) {
		seen->manager = why->takeover.node;
		seen->server = why->takeover.address;
	} else if (self && takeover_is_here(why->reach.state_dir)) {
		seen->manager = self->name;
		seen->server = why->address;
	}
	if (seen->manager)
		seen->served = ports_answers(seen->server, port);
	else
		seen->served =
			ports_answers(site->boot_server, port) || ports_answers(why->address, port);
	return 0;
}

/* The nodes boot from the images of whoever serves them. */
static bool has_image(const struct options *options, const struct why *why,
		      const struct site_node *node)
{
	struct manifest manifest = { 0 };
	AUTO_FREE char *told = takeover_images(why->reach.state_dir);
	AUTO_FREE char *folder = image_folder(node->role_name, node->image);
	const char *dir = why->takeover.node ? told : options->images_dir;
	bool found = manifest_read(dir, folder, &manifest, NULL) == 0;
	manifest_free(&manifest);
	return found;
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
	why->seen.node = host->name;
	why->seen.role = host->node->role_name;
	look_at_boot(why, host->node, now_ms);
	look_at_console(why);
	if (runtime_read(reach->state_dir, &why->runtime, err) != 0)
		return -1;
	const struct maintenance *item = runtime_maintenance(&why->runtime, host->name);
	why->seen.maintenance = item != NULL;
	why->seen.maintenance_reason = item ? item->reason : NULL;
	if (look_at_server(why, err) != 0)
		return -1;
	why->seen.image_missing = !has_image(options, why, host->node);
	int rc = fleet_each(&reach->fleet, host_status, err);
	progress_close(&reach->progress);
	if (rc != 0)
		return -1;
	look_at_host(why);
	look_at_journal(why);
	return 0;
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

static void add_lines(const char *name, const struct text_list *lines, struct show_table *table)
{
	for (size_t i = 0; i < lines->count; i++)
		row(table, i ? "" : name, lines->items[i]);
}

static void add_last_lines(const struct why *why, struct show_table *table)
{
	add_lines("console", &why->console, table);
	add_lines("journal", &why->journal, table);
	if (why->journal_error)
		row(table, "journal", why->journal_error);
	/* Nothing to show is not the same as nothing that was written. */
	if (!why->console_kept && why->seen.manager == NULL && why->seen.ssh_error)
		row(table, "console",
		    "nobody keeps what it writes: no cluster manager has taken over, and there is "
		    "no STATE/console/NODE.log");
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
	add_last_lines(why, &table);
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

static json_t *lines_json(const struct text_list *lines)
{
	json_t *json = json_array();
	for (size_t i = 0; i < lines->count; i++) {
		AUTO_STR struct str line = STR_INIT;
		show_safe(&line, lines->items[i]);
		json_array_append_new(json, json_string(str_text(&line)));
	}
	return json;
}

static void print_json(const struct why *why, const struct why_answer *answer, struct str *out)
{
	const struct why_seen *seen = &why->seen;
	json_t *times = json_object();
	for (enum boot_stage stage = BOOT_DHCP; stage < BOOT_STAGES; stage++) {
		char when[32];
		if (why->boot.now.times_ms[stage] == 0)
			continue;
		boot_time_print(why->boot.now.times_ms[stage], when);
		json_object_set_new(times, boot_stage_name(stage), json_string(when));
	}
	show_json_line(out,
		       json_pack("{s:s, s:s, s:b, s:s, s:s?, s:s, s:o, s:s?, s:s?, s:s?, s:b, "
				 "s:I, s:o, s:o, s:s?}",
				 "event", "why", "node", seen->node, "fine", (int)answer->fine,
				 "cause", answer->cause, "next", answer->next, "stage",
				 boot_stage_name(seen->stage), "times", times, "boot_error",
				 seen->boot_error, "refused", seen->boot_refused, "ssh_error",
				 seen->ssh_error, "maintenance", (int)seen->maintenance, "steps",
				 (json_int_t)seen->steps, "console", lines_json(&why->console),
				 "journal", lines_json(&why->journal), "journal_error",
				 why->journal_error));
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
	free(why->journal_error);
	text_list_free(&why->console);
	text_list_free(&why->journal);
	takeover_free(&why->takeover);
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
	       "whether it answers by ssh and with the pinned key, the last lines that it wrote,\n"
	       "and from all that the likely cause and what to do next.\n"
	       "\n"
	       "Its last lines are those of its journal and kernel, which the cluster manager has\n"
	       "where one has taken over, and those of its console, where something records it to\n"
	       "STATE/console/NODE.log.\n"
	       "\n"
	       "Exits with 0 when the node is as the site wants it.",
	.run = run,
	.options = OPTION_TIMEOUT | OPTION_REVISION,
};
