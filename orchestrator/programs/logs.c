/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/journal_query.h"
#include "model/nodeset.h"
#include "programs/command.h"
#include "programs/interrupt.h"
#include "programs/reach.h"
#include "programs/takeover.h"

enum { ANSWER_TIMEOUT_MS = 600000, FOLLOW_TIMEOUT_MS = 1000 * 1000 * 1000 };

static int set_time(const char *option, const char *text, char **time, struct err *err)
{
	if (text == NULL)
		return 0;
	*time = journal_time(text, err);
	return *time ? 0 : err_context(err, "%s", option);
}

static int make_query(const struct options *options, const struct text_list *nodes,
		      struct journal_query *query, struct err *err)
{
	text_list_copy(&query->nodes, nodes);
	query->grep = options->grep ? xstrdup(options->grep) : NULL;
	query->follow = options->follow;
	query->json = options->json;
	if (options->lines)
		query->lines = strtoull(options->lines, NULL, 10);
	if (options->follow && options->until)
		return err_set(err, "--follow has no end: leave out --until");
	if (set_time("--since", options->since, &query->since, err) != 0)
		return -1;
	return set_time("--until", options->until, &query->until, err);
}

/* On the manager itself: becomes journalctl. */
static int show_here(const struct journal_query *query, struct err *err)
{
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	AUTO_FREE char *dir = xasprintf("%s/log/journal", takeover_store());
	journal_query_words(query, dir, &words);
	char **argv = xcalloc(words.count + 1, sizeof(*argv));
	memcpy(argv, words.items, words.count * sizeof(*argv));
	interrupt_end();
	execvp(argv[0], argv);
	int why = errno;
	free(argv);
	return err_set_errno(err, why, "journalctl");
}

static void print_line(void *context, const char *text, size_t length)
{
	size_t *lines = context;
	fwrite(text, 1, length, stdout);
	fputs("\n", stdout);
	fflush(stdout);
	++*lines;
}

static int show_there(const struct reach *reach, const struct takeover *takeover,
		      const struct journal_query *query, struct err *err)
{
	AUTO_FREE char *input = journal_query_print(query);
	size_t lines = 0;
	const struct takeover_call call = {
		.words = (const char *const[]){ "/usr/lib/moyai/moyaid", "logs", NULL },
		.input = input,
		.input_length = strlen(input),
		.timeout_ms = query->follow ? FOLLOW_TIMEOUT_MS : ANSWER_TIMEOUT_MS,
		.stop = reach->stop,
		/* journalctl's, when nothing matches --grep */
		.empty_code = 1
	};
	int rc = takeover_lines(&reach->remote.ssh, reach->remote.transport, takeover, &call,
				print_line, &lines, err);
	if (rc != 0 && query->follow && reach_stopped(reach))
		return 0; /* that is how it ends */
	if (rc != 0)
		return err_context(err, "%s", takeover->node);
	if (lines == 0) {
		AUTO_STR struct str folded = STR_INIT;
		nodeset_fold(&query->nodes, &folded);
		fprintf(stderr, "%s has nothing such of %s\n", takeover->node, str_text(&folded));
	}
	return 0;
}

static int show(const struct options *options, struct reach *reach, struct err *err)
{
	struct takeover takeover;
	struct journal_query query = JOURNAL_QUERY_INIT;
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(&reach->names, &folded);
	if (takeover_read(reach->state_dir, &takeover, err) != 0)
		return -1;
	int rc = make_query(options, &reach->names, &query, err);
	if (rc == 0 && takeover.node != NULL)
		rc = show_there(reach, &takeover, &query, err);
	else if (rc == 0 && takeover_is_here(reach->state_dir))
		rc = show_here(&query, err);
	else if (rc == 0)
		rc = err_set(err,
			     "no cluster manager has taken over this site, and nobody else keeps "
			     "journals; what these nodes have in memory since they started: moyai "
			     "run %s -- journalctl",
			     str_text(&folded));
	journal_query_free(&query);
	takeover_free(&takeover);
	return rc;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach;
	int result = EXIT_ERROR;
	if (argc != 1) {
		err_set(&err, "write: logs NODES");
		return command_fail(&err);
	}
	if (reach_open(options, argv[0], NULL, &reach) == 0) {
		progress_close(&reach.progress);
		result = show(options, &reach, &err) == 0 ? EXIT_OK : command_fail(&err);
	}
	reach_close(&reach);
	return result;
}

const struct command command_logs = {
	.name = "logs",
	.usage = "NODES",
	.summary = "journals of nodes, to the last line of a kernel that crashed",
	.doc = "Nodes keep their journal in memory and send it to the cluster manager as it is\n"
	       "written, so it is there when a node is not. Of the kernel's lines those are "
	       "there,\n"
	       "too, that no daemon could send any more: the kernel sends them by itself. Several\n"
	       "nodes are shown together, in the order of time, with each line's node; times are\n"
	       "UTC.\n"
	       "\n"
	       "  moyai logs vm1 -n 100\n"
	       "  moyai logs @storage --since 2h --grep 'I/O error'\n"
	       "  moyai logs vm[1-4] --follow\n"
	       "\n"
	       "With --json the lines are the journal's own, as journalctl --output=json has them.",
	.run = run,
	.options = OPTION_SINCE | OPTION_UNTIL | OPTION_GREP | OPTION_LINES | OPTION_FOLLOW |
		   OPTION_LIMIT | OPTION_TIMEOUT,
};
