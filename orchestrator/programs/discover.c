/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/boot_file.h"
#include "model/adopt.h"
#include "model/guard.h"
#include "model/nodeset.h"
#include "programs/ask.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/show.h"
#include "programs/site_edit.h"

enum { POLL_MS = 500, POLL_MANAGER_MS = 2000 };

struct discover {
	const struct options *options;
	struct site site;
	const char *state_dir;
	char *boot_dir;
	struct takeover takeover; /* the machines ask that, if somebody has */
	struct text_list wanted;  /* MACs named on the command line; none: whoever asks */
	struct text_list names;	  /* of --as */
	const char *role;	  /* theirs */
	struct text_list macs;	  /* names[i] is to be macs[i]; fewer until all have come */
};

/* What the cluster manager has seen, where one has taken over. */
static int hear(const struct discover *discover, struct err *err)
{
	struct ssh_options ssh;
	const struct takeover *takeover = &discover->takeover;
	if (takeover->node == NULL)
		return 0;
	if (reach_ssh(discover->state_dir, &ssh, err) == 0 &&
	    takeover_sync(takeover, &ssh, discover->state_dir, interrupt_watch(NULL), err) == 0)
		return 0;
	return err_context(err, "machines ask %s to boot, and what it saw is not known",
			   takeover->node);
}

/* ---- the list ---- */

static void print_json(const struct boot_stranger *stranger)
{
	char first[32];
	char last[32];
	boot_time_print(stranger->first_ms, first);
	boot_time_print(stranger->last_ms, last);
	show_json(json_pack("{s:s, s:s, s:s, s:s, s:s?, s:I}", "event", "stranger", "mac",
			    stranger->mac, "first_seen", first, "last_seen", last, "asked",
			    stranger->asked, "count", (json_int_t)stranger->count));
}

static void print_row(struct show_table *table, const struct boot_stranger *stranger)
{
	char time[32];
	show_cell(table, stranger->mac);
	boot_time_print(stranger->first_ms, time);
	time[strlen("2026-11-21T10:00:00")] = '\0';
	show_cell(table, time);
	boot_time_print(stranger->last_ms, time);
	time[strlen("2026-11-21T10:00:00")] = '\0';
	show_cell(table, time);
	show_cell(table, stranger->asked ? stranger->asked : "");
}

static int list(const struct discover *discover, struct err *err)
{
	static const char *const HEADS[] = { "MAC", "FIRST SEEN (UTC)", "LAST SEEN", "ASKED FOR" };
	struct boot_strangers strangers;
	struct show_table table = { TEXT_LIST_INIT, COUNT_OF(HEADS) };
	size_t shown = 0;
	if (hear(discover, err) != 0 ||
	    boot_file_strangers(discover->boot_dir, &strangers, err) != 0)
		return -1;
	for (size_t i = 0; i < COUNT_OF(HEADS); i++)
		show_cell(&table, HEADS[i]);
	for (size_t i = 0; i < strangers.count; i++) {
		/* Meanwhile it may have been added to the site. */
		if (site_find_mac(&discover->site, strangers.items[i].mac) != NULL)
			continue;
		shown++;
		if (discover->options->json)
			print_json(&strangers.items[i]);
		else
			print_row(&table, &strangers.items[i]);
	}
	AUTO_STR struct str text = STR_INIT;
	show_table_print(&table, &text);
	if (shown > 0 && !discover->options->json)
		fputs(str_text(&text), stdout);
	else if (shown == 0)
		fputs("no unknown machine has asked to boot\n", stderr);
	show_table_free(&table);
	boot_strangers_free(&strangers);
	return 0;
}

/* ---- who is to be whom ---- */

static bool may_adopt(const struct discover *discover, const char *mac)
{
	return site_find_mac(&discover->site, mac) == NULL &&
	       !text_list_has(&discover->macs, mac) &&
	       (discover->wanted.count == 0 || text_list_has(&discover->wanted, mac));
}

/* By the order of first sight; named ones by the order they are named in. */
static int look(struct discover *discover, struct err *err)
{
	struct boot_strangers strangers;
	if (boot_file_strangers(discover->boot_dir, &strangers, err) != 0)
		return -1;
	for (size_t i = 0; i < strangers.count; i++) {
		const char *mac = strangers.items[i].mac;
		if (discover->macs.count == discover->names.count || !may_adopt(discover, mac))
			continue;
		if (discover->wanted.count == 0)
			fprintf(stderr, "%s is %s\n", discover->names.items[discover->macs.count],
				mac);
		text_list_add(&discover->macs, mac);
	}
	boot_strangers_free(&strangers);
	if (discover->wanted.count > 0 && discover->macs.count == discover->wanted.count) {
		text_list_free(&discover->macs);
		text_list_copy(&discover->macs, &discover->wanted);
	}
	return 0;
}

/* Whoever is waited for comes later, and a manager that starts again answers later. */
static void hear_again(const struct discover *discover, struct str *said)
{
	struct err err = ERR_INIT;
	if (__atomic_load_n(interrupt_watch(NULL), __ATOMIC_ACQUIRE))
		return;
	if (hear(discover, &err) != 0 && !text_equal(str_text(said), err.text))
		command_fail(&err);
	str_clear(said);
	str_add(said, err.text);
}

/* Until there are enough, or Ctrl-C takes those that have come. */
static int gather(struct discover *discover, struct err *err)
{
	const bool *stop = interrupt_watch(NULL);
	size_t told = SIZE_MAX;
	AUTO_STR struct str said = STR_INIT;
	long pause_ms = discover->takeover.node ? POLL_MANAGER_MS : POLL_MS;
	if (hear(discover, err) != 0)
		return -1;
	for (;;) {
		if (look(discover, err) != 0)
			return -1;
		size_t left = discover->names.count - discover->macs.count;
		if (left == 0 || __atomic_load_n(stop, __ATOMIC_ACQUIRE))
			break;
		if (left != told)
			fprintf(stderr,
				"waiting for %zu more machine%s; switch %s on one after the "
				"other; Ctrl-C takes those that have come\n",
				left, left == 1 ? "" : "s", left == 1 ? "it" : "them");
		told = left;
		nanosleep(&(struct timespec){ pause_ms / 1000, pause_ms % 1000 * 1000000 }, NULL);
		hear_again(discover, &said);
	}
	if (discover->macs.count == 0)
		return err_set(err, "no machine has come; nothing was written");
	while (discover->names.count > discover->macs.count)
		free(discover->names.items[--discover->names.count]);
	return 0;
}

/* ---- site.cfg ---- */

/* The file as it would be: read as a whole, before it is the file. */
static int check_text(const struct options *options, const struct str *text, struct err *err)
{
	struct site site;
	struct mistakes mistakes = MISTAKES_INIT;
	if (site_read_text(str_text(text), text->length, options->site_dir, options->share_dir,
			   &site, &mistakes, err) != 0)
		return -1;
	int rc = 0;
	if (mistakes.count > 0) {
		command_print_mistakes(&mistakes, options->json);
		rc = err_set(err, "site.cfg would be so with these nodes; nothing was written");
	}
	mistakes_free(&mistakes);
	site_free(&site);
	return rc;
}

/* Owner and mode stay, and a link stays a link. */
static int replace(const char *path, const struct str *before, const struct str *after,
		   struct err *err)
{
	struct stat about;
	AUTO_STR struct str now = STR_INIT;
	AUTO_FREE char *real = realpath(path, NULL);
	if (real == NULL || stat(real, &about) != 0)
		return err_set(err, "%s is not there any more; nothing was written", path);
	if (file_read(real, GUARD_FILE_BYTES, &now, err) != 0)
		return -1;
	if (!text_equal(str_text(&now), str_text(before)))
		return err_set(err, "%s was changed meanwhile; nothing was written", path);
	if (file_write(real, str_text(after), after->length, about.st_mode & 07777, err) != 0)
		return -1;
	if (about.st_uid != geteuid() && chown(real, about.st_uid, about.st_gid) != 0)
		return err_set(err, "%s: was written, and its owner cannot be kept", path);
	return 0;
}

static void print_adopted(const struct discover *discover)
{
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(&discover->names, &folded);
	for (size_t i = 0; discover->options->json && i < discover->names.count; i++)
		show_json(json_pack("{s:s, s:s, s:s}", "event", "adopted", "node",
				    discover->names.items[i], "mac", discover->macs.items[i]));
	if (!discover->options->json && discover->takeover.node)
		fprintf(stderr,
			"%s: written to site.cfg; commit it, and run moyai apply: it fails for "
			"them, but %s knows of them then. Switch the machines on again, and run "
			"moyai "
			"apply once more\n",
			str_text(&folded), discover->takeover.node);
	else if (!discover->options->json)
		fprintf(stderr,
			"%s: written to site.cfg; commit it, and switch the machines on again\n",
			str_text(&folded));
}

static int adopt(struct discover *discover, struct err *err)
{
	const struct options *options = discover->options;
	AUTO_FREE char *path = xasprintf("%s/site.cfg", options->site_dir);
	AUTO_STR struct str entries = STR_INIT;
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str after = STR_INIT;
	if (gather(discover, err) != 0 ||
	    adopt_entries(&discover->site, discover->role, &discover->names, &discover->macs,
			  &entries, err) != 0 ||
	    file_read(path, GUARD_FILE_BYTES, &before, err) != 0 ||
	    adopt_insert(str_text(&before), str_text(&entries), &after, err) != 0 ||
	    check_text(options, &after, err) != 0)
		return -1;
	if (!options->json)
		printf("%s\n", str_text(&entries));
	fflush(stdout);
	if (!options->yes &&
	    !ask_yes(interrupt_watch(NULL), "Write %zu node%s to %s?", discover->names.count,
		     discover->names.count == 1 ? "" : "s", path))
		return err_set(err, "nothing was written");
	if (replace(path, &before, &after, err) != 0)
		return -1;
	print_adopted(discover);
	return 0;
}

/* ---- the command ---- */

/* Names that cannot be are told before anybody walks through a machine room. */
static int choose(struct discover *discover, struct err *err)
{
	const struct options *options = discover->options;
	if (nodeset_expand(options->as, &discover->names, err) != 0)
		return -1;
	for (size_t i = 0; i < discover->names.count; i++)
		if (site_find_node(&discover->site, discover->names.items[i]) != NULL)
			return err_set(err, "node \"%s\" is in the site already",
				       discover->names.items[i]);
	if (discover->wanted.count > 0 && discover->wanted.count != discover->names.count)
		return err_set(err, "%zu MACs for %zu names; write one for each",
			       discover->wanted.count, discover->names.count);
	discover->role =
		options->role ? options->role : adopt_role(&discover->site, &discover->names, err);
	return discover->role ? 0 : -1;
}

static int take_macs(struct discover *discover, int argc, char **argv, struct err *err)
{
	static const struct field FIELD = { .name = "mac", .type = FIELD_MAC };
	for (int i = 0; i < argc; i++) {
		char *mac = NULL;
		if (field_set_text(&FIELD, &mac, argv[i], err) != 0)
			return err_context(err, "%s", argv[i]);
		const struct site_node *owner = site_find_mac(&discover->site, mac);
		text_list_take(&discover->wanted, mac);
		if (owner != NULL)
			return err_set(err, "%s is node \"%s\"'s already", mac, owner->name);
	}
	return 0;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct discover discover = { .options = options };
	int rc = -1;
	if (options->as != NULL && ask_possible(options, "discover --as") != 0)
		return EXIT_ERROR;
	if (command_site(options, &discover.site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &discover.site);
	if (state != NULL && (takeover_read(state, &discover.takeover, &err) != 0 ||
			      (options->as != NULL && site_edit_allowed(options, &err) != 0))) {
		command_fail(&err);
	} else if (state != NULL) {
		discover.state_dir = state;
		discover.boot_dir = xasprintf("%s/boot", state);
		if (options->as == NULL && (argc > 0 || options->role != NULL))
			rc = err_set(&err, "write: discover --as NODES [--role ROLE] [MAC…]");
		else if (options->as == NULL)
			rc = list(&discover, &err);
		else if (take_macs(&discover, argc, argv, &err) == 0 &&
			 choose(&discover, &err) == 0)
			rc = adopt(&discover, &err);
		if (rc != 0)
			command_fail(&err);
	}
	takeover_free(&discover.takeover);
	free(discover.boot_dir);
	text_list_free(&discover.wanted);
	text_list_free(&discover.names);
	text_list_free(&discover.macs);
	site_free(&discover.site);
	return rc == 0 ? EXIT_OK : EXIT_ERROR;
}

const struct command command_discover = {
	.name = "discover",
	.usage = "[--as NODES [--role ROLE] [MAC…]]",
	.summary = "machines that no node is, and their way into the site",
	.doc = "Without --as: the machines that asked to boot and are no nodes, in the order in "
	       "which\n"
	       "they were switched on. With --as they become nodes of these names: the entries are "
	       "shown,\n"
	       "and added to the list nodes in site.cfg; --yes does not ask. Without --role they\n"
	       "have the role of the nodes that are called alike: vm01 that of vm1.\n"
	       "\n"
	       "Where a cluster manager has taken over, it is asked for what it has seen.",
	.run = run,
	.options = OPTION_AS | OPTION_ROLE | OPTION_YES,
};
