/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>

#include "base/stamp.h"
#include "model/nodeset.h"
#include "model/runtime.h"
#include "programs/command.h"
#include "programs/maintenance.h"
#include "programs/reach.h"
#include "programs/relocation.h"
#include "programs/show.h"
#include "programs/takeover.h"
#include "programs/who.h"

static void print(const struct runtime *runtime, bool json)
{
	static const char *const HEAD[] = { "NODE", "SINCE", "BY", "REASON" };
	AUTO_STR struct str out = STR_INIT;
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	for (size_t i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	for (size_t i = 0; i < runtime->maintenance_count; i++) {
		const struct maintenance *item = &runtime->maintenance[i];
		if (json)
			show_json_line(&out, show_maintenance_json(item));
		show_cell(&table, item->node);
		show_cell(&table, item->since);
		show_cell(&table, item->by);
		show_cell(&table, item->reason ? item->reason : "-");
	}
	if (!json)
		show_table_print(&table, &out);
	show_table_free(&table);
	fputs(str_text(&out), stdout);
}

/* What has left the site has left maintenance, too. */
static void drop_unknown(struct runtime *runtime, const struct site *site)
{
	for (size_t i = runtime->maintenance_count; i-- > 0;)
		if (site_find_node(site, runtime->maintenance[i].node) == NULL)
			runtime_maintenance_off(runtime, runtime->maintenance[i].node);
}

static void change(struct runtime *runtime, bool on, const struct text_list *names,
		   const char *reason)
{
	char now[STAMP_SIZE];
	AUTO_FREE char *who = who_am_i();
	AUTO_LIST struct text_list not_there = TEXT_LIST_INIT;
	stamp_utc(time(NULL), now);
	for (size_t i = 0; i < names->count; i++) {
		if (on) {
			runtime_maintenance_on(runtime, names->items[i], now, who, reason);
			continue;
		}
		if (runtime_maintenance(runtime, names->items[i]) == NULL)
			text_list_add(&not_there, names->items[i]);
		runtime_maintenance_off(runtime, names->items[i]);
	}
	if (not_there.count > 0) {
		AUTO_STR struct str folded = STR_INIT;
		nodeset_fold(&not_there, &folded);
		fprintf(stderr, "not in maintenance: %s\n", str_text(&folded));
	}
}

int maintenance_set(const struct options *options, const char *state_dir, const struct site *site,
		    bool on, const struct text_list *names, const char *reason, struct err *err)
{
	struct runtime runtime;
	struct takeover takeover;
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	if (reach_hear_manager(options, state_dir, err) != 0 ||
	    takeover_read(state_dir, &takeover, err) != 0)
		return -1;
	bool shared = takeover.node != NULL;
	takeover_free(&takeover);
	AUTO_CLOSE int held = runtime_lock(state_dir, true, err);
	if (held < 0 || runtime_read(state_dir, &runtime, err) != 0)
		return -1;
	change(&runtime, on, names, reason);
	/* Of several operators, one may know a node that is not in our clone yet. */
	if (!shared)
		drop_unknown(&runtime, site);
	int rc = runtime_write(state_dir, &runtime, err);
	runtime_free(&runtime);
	text_list_add(&files, "runtime.cfg");
	return rc == 0 ? reach_tell_manager(options, state_dir, &files, err) : -1;
}

/* They may be off, and every command would wait for them. */
static void tell_packed(const char *state_dir, const struct text_list *names)
{
	struct runtime runtime;
	if (runtime_read(state_dir, &runtime, NULL) != 0)
		return;
	for (size_t i = 0; i < names->count; i++) {
		const struct maintenance *item = runtime_maintenance(&runtime, names->items[i]);
		if (item != NULL && text_equal(item->reason, RELOCATION_PACKED))
			fprintf(stderr,
				"%s was switched off by moyai pack: moyai power on %s, if it is "
				"off\n",
				names->items[i], names->items[i]);
	}
	runtime_free(&runtime);
}

static int set(const struct options *options, const struct site *site, const char *state_dir,
	       bool on, const char *nodes, struct err *err)
{
	static const struct field REASON = { "reason", FIELD_TEXT, 0, 0, 1, 1024, NULL, NULL, "" };
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_FREE char *reason = NULL;
	if (options->reason && field_set_text(&REASON, &reason, options->reason, err) != 0)
		return err_context(err, "--reason");
	if (nodeset_parse(nodes, site, &names, err) != 0)
		return -1;
	if (!on)
		tell_packed(state_dir, &names);
	return maintenance_set(options, state_dir, site, on, &names, reason, err);
}

static int check_words(const struct options *options, int argc, char **argv, struct err *err)
{
	bool on = argc == 2 && strcmp(argv[0], "on") == 0;
	bool off = argc == 2 && strcmp(argv[0], "off") == 0;
	if (argc != 0 && !on && !off)
		return err_set(err, "write: maintenance on NODES [--reason TEXT], maintenance off "
				    "NODES, or maintenance alone to list them");
	if (options->reason && !on)
		return err_set(err, "--reason is for maintenance on NODES");
	return 0;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	struct runtime runtime;
	int rc;
	if (check_words(options, argc, argv, &err) != 0)
		return command_fail(&err);
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state_dir = command_state_dir(options, &site);
	if (state_dir == NULL)
		rc = -1;
	else if (argc == 2 ? set(options, &site, state_dir, strcmp(argv[0], "on") == 0, argv[1],
				 &err) != 0
			   : reach_hear_manager(options, state_dir, &err) != 0 ||
				     runtime_read(state_dir, &runtime, &err) != 0)
		rc = command_fail(&err);
	else
		rc = 0;
	if (rc == 0 && argc == 0) {
		print(&runtime, options->json);
		runtime_free(&runtime);
	}
	site_free(&site);
	return rc == 0 ? EXIT_OK : EXIT_ERROR;
}

const struct command command_maintenance = {
	.name = "maintenance",
	.usage = "[on|off NODES]",
	.summary = "nodes that apply leaves alone for now, unless --limit names them",
	.doc = "With on, the nodes are left alone by apply, plan and drift until off, unless\n"
	       "--limit names them; --reason says why to whoever meets them. Without words: the\n"
	       "nodes that are in maintenance.",
	.run = run,
	.options = OPTION_REASON,
};
