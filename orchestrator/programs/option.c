/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/size.h"

/* A variable of a shell that is not set: "/site.cfg" would be meant then. */
static int check_dir(const char *option, const char *argument, struct err *err)
{
	return *argument ? 0 : err_set(err, "%s \"\": write a directory", option);
}

static int set_site(struct options *options, const char *argument, struct err *err)
{
	if (check_dir("-C", argument, err) != 0)
		return -1;
	options->site_dir = argument;
	return 0;
}

static int set_state(struct options *options, const char *argument, struct err *err)
{
	if (check_dir("--state", argument, err) != 0)
		return -1;
	options->state_dir = argument;
	return 0;
}

static int set_limit(struct options *options, const char *argument, struct err *err)
{
	if (options->limit != NULL)
		return err_set(err, "--limit is there twice; write --limit '%s,%s'", options->limit,
			       argument);
	options->limit = argument;
	return 0;
}

static int set_parallel(struct options *options, const char *argument, struct err *err)
{
	char *end;
	unsigned long number = strtoul(argument, &end, 10);
	if (*end != '\0' || number < 1 || number > 4096)
		return err_set(err, "--parallel %s: write a number from 1 to 4096", argument);
	options->parallel = (unsigned)number;
	return 0;
}

/* A duration of a second at least and a week at most. */
static int set_duration(unsigned *to, const char *name, const char *argument, struct err *err)
{
	uint64_t seconds;
	if (duration_parse(argument, &seconds, err) != 0)
		return err_context(err, "%s", name);
	if (seconds < 1 || seconds > 7 * 24 * 3600)
		return err_set(err, "%s %s: write a duration from 1s to 7d", name, argument);
	*to = (unsigned)seconds;
	return 0;
}

static int set_timeout(struct options *options, const char *argument, struct err *err)
{
	return set_duration(&options->timeout_s, "--timeout", argument, err);
}

static int set_for(struct options *options, const char *argument, struct err *err)
{
	return set_duration(&options->for_s, "--for", argument, err);
}

static int set_stay(struct options *options, const char *argument, struct err *err)
{
	return set_duration(&options->stay_s, "--stay", argument, err);
}

static int set_revision(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->revision = argument;
	return 0;
}

static int set_out(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->out = argument;
	return 0;
}

static int set_reason(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->reason = argument;
	return 0;
}

static int set_as(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->as = argument;
	return 0;
}

static int set_role(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->role = argument;
	return 0;
}

static int set_since(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->since = argument;
	return 0;
}

static int set_until(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->until = argument;
	return 0;
}

static int set_grep(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	options->grep = argument;
	return 0;
}

static int set_lines(struct options *options, const char *argument, struct err *err)
{
	if (*argument == '\0' || strspn(argument, "0123456789") != strlen(argument) ||
	    strlen(argument) > 9)
		return err_set(err, "-n %s: write a number of lines", argument);
	options->lines = argument;
	return 0;
}

static int set_loss(struct options *options, const char *argument, struct err *err)
{
	(void)err;
	text_list_add(&options->allow_data_loss, argument);
	return 0;
}

#define SETS(name, member)                                                                         \
	static int name(struct options *options, const char *argument, struct err *err)            \
	{                                                                                          \
		(void)argument;                                                                    \
		(void)err;                                                                         \
		options->member = true;                                                            \
		return 0;                                                                          \
	}
SETS(set_json, json)
SETS(set_yes, yes)
SETS(set_shell, shell)
SETS(set_no_wait, no_wait)
SETS(set_unattended, unattended)
SETS(set_watch, watch)
SETS(set_follow, follow)
SETS(set_changed, changed)
SETS(set_timeline, timeline)
SETS(set_help, help)

const struct option_spec OPTION_TABLE[] = {
	{ 0, "C", "DIR", set_site, "the site directory (default: .)" },
	{ OPTION_LIMIT, "limit", "NODES", set_limit,
	  "only these nodes: vm[01-16,20], @role, a!b, a&b, a^b" },
	{ OPTION_CHANGED, "changed", NULL, set_changed,
	  "only nodes for which the site says something else than was applied" },
	{ OPTION_PARALLEL, "parallel", "N", set_parallel, "hosts at a time (default: 64)" },
	{ OPTION_TIMEOUT, "timeout", "DURATION", set_timeout,
	  "a node that says nothing for so long has failed" },
	{ OPTION_FOR, "for", "DURATION", set_for, "how long to look (default: 5m)" },
	{ OPTION_STAY, "stay", "DURATION", set_stay,
	  "a guest stays on a host for so long at least (default: 1h)" },
	{ OPTION_YES, "yes", NULL, set_yes, "do not ask before applying" },
	{ OPTION_SHELL, "shell", NULL, set_shell, "hand the command to sh -c" },
	{ OPTION_LOSS, "allow-data-loss", "SCOPE", set_loss,
	  "with consent in the site: NODE, NODE/KIND, NODE/KIND/NAME or cluster/NAME" },
	{ OPTION_REVISION, "rev", "REVISION", set_revision, "the site as git has it there" },
	{ OPTION_OUT, "out", "FILE", set_out,
	  "write the plan, for apply FILE; the picture of a timeline" },
	{ OPTION_TIMELINE, "timeline", NULL, set_timeline, "what took how long at its last start" },
	{ OPTION_NO_WAIT, "no-wait", NULL, set_no_wait,
	  "do not wait: for another apply, for guests to be ready" },
	{ OPTION_UNATTENDED, "unattended", NULL, set_unattended,
	  "do not ask, and lose no data whatever is allowed" },
	{ OPTION_WATCH, "watch", NULL, set_watch, "again and again, until Ctrl-C" },
	{ OPTION_REASON, "reason", "TEXT", set_reason, "why" },
	{ OPTION_AS, "as", "NODES", set_as, "the names of new nodes, vm[01-16]" },
	{ OPTION_ROLE, "role", "ROLE", set_role, "their role, when no node is called alike" },
	{ OPTION_SINCE, "since", "TIME", set_since,
	  "not older than 2026-11-21T10:00:00Z, or than 2h ago" },
	{ OPTION_UNTIL, "until", "TIME", set_until, "not newer; written as for --since" },
	{ OPTION_GREP, "grep", "REGEX", set_grep, "only messages that match" },
	{ OPTION_LINES, "n", "LINES", set_lines, "the last so many lines" },
	{ OPTION_FOLLOW, "follow", NULL, set_follow, "and what comes, until Ctrl-C" },
	{ 0, "json", NULL, set_json, "JSON lines on stdout" },
	{ 0, "state", "DIR", set_state, "keys and boot reports (default: by the site's name)" },
	{ 0, "help", NULL, set_help, "what the command does and takes" },
	{ 0, NULL, NULL, NULL, NULL },
};

bool option_fits(const struct option_spec *option, const struct command *command)
{
	return option->option == 0 || (command->options & option->option);
}

const char *option_dashes(const struct option_spec *option)
{
	return option->name[1] ? "--" : "-";
}

const char *option_name(unsigned bits)
{
	static char name[32];
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++) {
		if ((option->option & bits) == 0)
			continue;
		snprintf(name, sizeof(name), "%s%s", option_dashes(option), option->name);
		return name;
	}
	return "";
}

void option_print(const struct option_spec *option, struct str *out)
{
	str_addf(out, "%s%s%s%s", option_dashes(option), option->name, option->argument ? " " : "",
		 option->argument ? option->argument : "");
}

enum {
	ROWS = COUNT_OF(OPTION_TABLE) - 1,
	FIRST_LONG = 256, /* getopt's values of long options: behind all characters */
};

/* What getopt_long() reads: a row in `longs`, or a letter in `letters`. */
static void make_getopt(struct option longs[ROWS + 1], char letters[2 * ROWS + 1])
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct option_spec *option = &OPTION_TABLE[i];
		if (option->name[1] == '\0') {
			*letters++ = option->name[0];
			if (option->argument)
				*letters++ = ':';
		} else {
			*longs++ = (struct option){
				.name = option->name,
				.has_arg = option->argument ? required_argument : no_argument,
				.val = FIRST_LONG + (int)i,
			};
		}
	}
	*letters = '\0';
	*longs = (struct option){ 0 };
}

static const struct option_spec *by_code(int code)
{
	if (code >= FIRST_LONG)
		return &OPTION_TABLE[code - FIRST_LONG];
	for (const struct option_spec *option = OPTION_TABLE; option->name; option++)
		if (option->name[0] == code && option->name[1] == '\0')
			return option;
	return NULL;
}

int option_read(int argc, char **argv, struct options *options, unsigned *given)
{
	struct option longs[ROWS + 1];
	char letters[2 * ROWS + 1];
	struct err err = ERR_INIT;
	int code;
	*given = 0;
	make_getopt(longs, letters);
	/* Options may stand before and after the command, but what follows the
	   command of `run` is not ours: "--" ends it. */
	while ((code = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_spec *option = by_code(code);
		if (option == NULL) {
			fputs("moyai: see moyai --help\n", stderr);
			return -1;
		}
		*given |= option->option;
		if (option->set(options, optarg, &err) != 0) {
			command_fail(&err);
			return -1;
		}
	}
	return 0;
}
