/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/copy.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/size.h"
#include "model/nodeset.h"
#include "programs/command.h"
#include "programs/reach.h"
#include "programs/show.h"

enum { REDRAW_MS = 200 };

/* ---- progress: bytes, which are no events ---- */

struct meter {
	const struct copy *copy;
	uint64_t total;
	bool end; /* atomic */
};

static void *draw(void *argument)
{
	const struct meter *meter = argument;
	while (!__atomic_load_n(&meter->end, __ATOMIC_ACQUIRE)) {
		uint64_t sent = __atomic_load_n(&meter->copy->sent, __ATOMIC_RELAXED);
		AUTO_STR struct str line = STR_INIT;
		str_add(&line, "\r\033[K");
		size_print_short(sent, &line);
		str_add(&line, " of ");
		size_print_short(meter->total, &line);
		fputs(str_text(&line), stderr);
		fflush(stderr);
		poll(NULL, 0, REDRAW_MS);
	}
	fputs("\r\033[K", stderr);
	return NULL;
}

static int copy_all(const struct options *options, struct reach *reach, struct copy *copy,
		    struct err *err)
{
	struct meter meter = { .copy = copy, .total = copy_bytes(copy) * reach->fleet.chosen };
	pthread_t drawer;
	bool draws = !options->json && isatty(STDERR_FILENO) &&
		     pthread_create(&drawer, NULL, draw, &meter) == 0;
	reach->fleet.event = NULL;
	reach->remote.copy = copy;
	int rc = fleet_each(&reach->fleet, host_copy, err);
	__atomic_store_n(&meter.end, true, __ATOMIC_RELEASE);
	if (draws)
		pthread_join(drawer, NULL);
	return rc;
}

/* ---- the end ---- */

static void print_json(const struct fleet *fleet, const struct copy *copy, struct str *out)
{
	for (size_t i = 0; i < fleet->chosen; i++)
		show_json_line(out,
			       json_pack("{s:s, s:s, s:I, s:I, s:s?}", "event", "copy", "node",
					 fleet->hosts[i].name, "files", (json_int_t)copy->count,
					 "bytes", (json_int_t)copy_bytes(copy), "error",
					 fleet->hosts[i].failed));
}

/* "copied 2 files, 12M, to vm[1-3]" */
static void print_text(const struct fleet *fleet, const struct copy *copy, struct str *out)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	for (size_t i = 0; i < fleet->chosen; i++)
		if (fleet->hosts[i].failed == NULL)
			text_list_add(&names, fleet->hosts[i].name);
	if (names.count == 0)
		return;
	str_addf(out, "copied %zu file%s, ", copy->count, copy->count == 1 ? "" : "s");
	size_print_short(copy_bytes(copy), out);
	str_add(out, ", to ");
	nodeset_fold(&names, out);
	str_add(out, "\n");
}

static int print(const struct options *options, const struct fleet *fleet, const struct copy *copy)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str failed = STR_INIT;
	if (options->json) {
		print_json(fleet, copy, &out);
	} else {
		print_text(fleet, copy, &out);
		show_failed(fleet, &failed);
	}
	fputs(str_text(&failed), stderr);
	fputs(str_text(&out), stdout);
	return fleet_failed(fleet) > 0 ? EXIT_ERROR : EXIT_OK;
}

/* Several files go into a directory, which is said by "/" at the end. */
static int open_words(int argc, char **argv, struct copy *copy, char **to, struct err *err)
{
	if (argc < 3)
		return err_set(err, "write: copy NODES FILE… DEST");
	const char *last = argv[argc - 1];
	if (last[0] != '/')
		return err_set(err, "%s: write where the files go with the whole path", last);
	bool many = argc > 3 && !text_ends(last, "/");
	*to = xasprintf("%s%s", last, many ? "/" : "");
	return copy_open(copy, argv + 1, (size_t)argc - 2, *to, err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	struct copy copy = { 0 };
	AUTO_FREE char *to = NULL;
	int result = EXIT_ERROR;
	if (open_words(argc, argv, &copy, &to, &err) != 0)
		result = command_fail(&err);
	else if (reach_open(options, argv[0], NULL, &reach) == 0)
		result = copy_all(options, &reach, &copy, &err) == 0
				 ? print(options, &reach.fleet, &copy)
				 : command_fail(&err);
	reach_close(&reach);
	copy_close(&copy);
	return result;
}

const struct command command_copy = {
	.name = "copy",
	.usage = "NODES FILE… DEST",
	.summary = "files to many nodes, each as a whole or not at all",
	.run = run,
};
