/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/size.h"
#include "programs/command.h"

/* clang-format off */
#define COMMANDS(COMMAND) \
	COMMAND(init) \
	COMMAND(validate) \
	COMMAND(plan) \
	COMMAND(apply) \
	COMMAND(drift) \
	COMMAND(log) \
	COMMAND(maintenance) \
	COMMAND(status) \
	COMMAND(facts) \
	COMMAND(run) \
	COMMAND(power) \
	COMMAND(console) \
	COMMAND(discover) \
	COMMAND(copy) \
	COMMAND(ssh) \
	COMMAND(explain) \
	COMMAND(image_build) \
	COMMAND(image_list) \
	COMMAND(pxe_serve) \
	COMMAND(bmc_password) \
	COMMAND(key_backup) \
	COMMAND(key_restore)
/* clang-format on */

#define DECLARE(name) extern const struct command command_##name;
COMMANDS(DECLARE)
#define POINTER(name) &command_##name,
static const struct command *const TABLE[] = { COMMANDS(POINTER) };

enum {
	OPT_STATE = 256,
	OPT_LIMIT,
	OPT_PARALLEL,
	OPT_TIMEOUT,
	OPT_JSON,
	OPT_YES,
	OPT_SHELL,
	OPT_LOSS,
	OPT_AS,
	OPT_ROLE,
	OPT_REV,
	OPT_OUT,
	OPT_REASON,
	OPT_NO_WAIT,
	OPT_UNATTENDED,
	OPT_WATCH,
	OPT_HELP
};

static const struct option LONG_OPTIONS[] = {
	{ "state", required_argument, NULL, OPT_STATE },
	{ "limit", required_argument, NULL, OPT_LIMIT },
	{ "parallel", required_argument, NULL, OPT_PARALLEL },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "yes", no_argument, NULL, OPT_YES },
	{ "shell", no_argument, NULL, OPT_SHELL },
	{ "allow-data-loss", required_argument, NULL, OPT_LOSS },
	{ "as", required_argument, NULL, OPT_AS },
	{ "role", required_argument, NULL, OPT_ROLE },
	{ "rev", required_argument, NULL, OPT_REV },
	{ "out", required_argument, NULL, OPT_OUT },
	{ "reason", required_argument, NULL, OPT_REASON },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "unattended", no_argument, NULL, OPT_UNATTENDED },
	{ "watch", no_argument, NULL, OPT_WATCH },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static void help(FILE *to)
{
	fputs("usage: moyai [-C DIR] [OPTION…] COMMAND …\n\n", to);
	for (size_t i = 0; i < COUNT_OF(TABLE); i++) {
		AUTO_FREE char *call = xasprintf("%s %s", TABLE[i]->name, TABLE[i]->usage);
		fprintf(to, "  %-30s %s\n", call, TABLE[i]->summary);
	}
	fputs("\n"
	      "  -C DIR                   the site directory (default: .)\n"
	      "  --limit NODES            only these nodes: vm[01-16,20], @role, a!b, a&b, a^b\n"
	      "  --parallel N             hosts at a time (default: 64)\n"
	      "  --timeout DURATION       a node that says nothing for so long has failed\n"
	      "  --json                   JSON lines on stdout\n"
	      "  --yes                    do not ask before applying\n"
	      "  --shell                  run: hand the command to sh -c\n"
	      "  --allow-data-loss=SCOPE  with consent in the site: NODE, NODE/KIND, "
	      "NODE/KIND/NAME\n"
	      "  --as NODES               discover: the names of new nodes, vm[01-16]\n"
	      "  --role ROLE              discover: their role\n"
	      "  --rev REVISION           the site as git has it there\n"
	      "  --out FILE               plan: write it, for apply FILE\n"
	      "  --no-wait                apply: do not wait for another apply\n"
	      "  --unattended             apply: do not ask, and lose no data whatever is allowed\n"
	      "  --watch                  status: again and again, until Ctrl-C\n"
	      "  --reason TEXT            maintenance: why\n"
	      "  --state DIR              keys and boot reports (default: by the site's name)\n",
	      to);
}

/* The source tree the program was built in, or the installed place. */
static char *share_default(void)
{
	char exe[4096];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (length > 0) {
		exe[length] = '\0';
		for (int up = 0; up < 2; up++) {
			char *slash = strrchr(exe, '/');
			if (slash)
				*slash = '\0';
		}
		AUTO_FREE char *roles = xasprintf("%s/roles", exe);
		if (file_exists(roles))
			return xstrdup(exe);
	}
	return xstrdup("/usr/share/moyai");
}

/* The images lie in the build folder that the program is in. */
static char *images_default(void)
{
	char exe[4096];
	ssize_t length = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (length > 0) {
		exe[length] = '\0';
		char *slash = strrchr(exe, '/');
		if (slash)
			*slash = '\0';
		AUTO_FREE char *objects = xasprintf("%s/libshared.a", exe);
		if (file_exists(objects))
			return xasprintf("%s/images", exe);
	}
	return xstrdup("/var/lib/moyai/images");
}

/* The command whose name is the first one or two words. */
static const struct command *find(int argc, char **argv, int *words)
{
	for (size_t i = 0; i < COUNT_OF(TABLE); i++) {
		const char *name = TABLE[i]->name;
		const char *space = strchr(name, ' ');
		*words = space ? 2 : 1;
		if (argc < *words)
			continue;
		size_t first = space ? (size_t)(space - name) : strlen(name);
		if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
			continue;
		if (space == NULL || strcmp(argv[1], space + 1) == 0)
			return TABLE[i];
	}
	return NULL;
}

/* "image" is the beginning of two commands: those are named. */
static void no_command(const char *word)
{
	AUTO_STR struct str longer = STR_INIT;
	size_t length = strlen(word);
	for (size_t i = 0; i < COUNT_OF(TABLE); i++)
		if (text_starts(TABLE[i]->name, word) && TABLE[i]->name[length] == ' ')
			str_addf(&longer, "%s%s", longer.length ? " or " : "", TABLE[i]->name);
	if (longer.length > 0)
		fprintf(stderr, "moyai: write: %s\n", str_text(&longer));
	else
		fprintf(stderr, "moyai: there is no command \"%s\"; see moyai --help\n", word);
}

/* On a full disk what was to be said is lost, and that is no success. */
static int check_stdout(int result)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return result;
	fprintf(stderr, "moyai: stdout: %s\n", strerror(errno));
	return EXIT_ERROR;
}

static int option_timeout(struct options *options)
{
	uint64_t seconds;
	struct err err = ERR_INIT;
	if (duration_parse(optarg, &seconds, &err) != 0) {
		fprintf(stderr, "moyai: --timeout: %s\n", err.text);
		return -1;
	}
	if (seconds < 1 || seconds > 7 * 24 * 3600) {
		fprintf(stderr, "moyai: --timeout %s: write a duration from 1s to 7d\n", optarg);
		return -1;
	}
	options->timeout_s = (unsigned)seconds;
	return 0;
}

static int option(struct options *options, int code)
{
	char *end;
	unsigned long number;
	switch (code) {
	case 'C':
		options->site_dir = optarg;
		return 0;
	case OPT_STATE:
		options->state_dir = optarg;
		return 0;
	case OPT_LIMIT:
		options->limit = optarg;
		return 0;
	case OPT_PARALLEL:
		number = strtoul(optarg, &end, 10);
		options->parallel = (unsigned)number;
		if (*end == '\0' && number >= 1 && number <= 4096)
			return 0;
		fprintf(stderr, "moyai: --parallel %s: write a number from 1 to 4096\n", optarg);
		return -1;
	case OPT_TIMEOUT:
		return option_timeout(options);
	case OPT_JSON:
		options->json = true;
		return 0;
	case OPT_YES:
		options->yes = true;
		return 0;
	case OPT_SHELL:
		options->shell = true;
		return 0;
	case OPT_LOSS:
		text_list_add(&options->allow_data_loss, optarg);
		return 0;
	case OPT_AS:
		options->as = optarg;
		return 0;
	case OPT_ROLE:
		options->role = optarg;
		return 0;
	case OPT_REV:
		options->revision = optarg;
		return 0;
	case OPT_OUT:
		options->out = optarg;
		return 0;
	case OPT_REASON:
		options->reason = optarg;
		return 0;
	case OPT_NO_WAIT:
		options->no_wait = true;
		return 0;
	case OPT_UNATTENDED:
		options->unattended = true;
		return 0;
	case OPT_WATCH:
		options->watch = true;
		return 0;
	case OPT_HELP:
		help(stdout);
		exit(check_stdout(EXIT_OK));
	default:
		fputs("moyai: see moyai --help\n", stderr);
		return -1;
	}
}

/* The first option that the command does not take, or NULL. */
static const char *refused_option(const struct options *options, const struct command *command)
{
	const struct {
		bool given;
		unsigned option;
		const char *name;
	} special[] = {
		{ options->revision != NULL, OPTION_REVISION, "--rev" },
		{ options->out != NULL, OPTION_OUT, "--out" },
		{ options->reason != NULL, OPTION_REASON, "--reason" },
		{ options->no_wait, OPTION_NO_WAIT, "--no-wait" },
		{ options->unattended, OPTION_UNATTENDED, "--unattended" },
		{ options->watch, OPTION_WATCH, "--watch" },
		{ options->as != NULL, OPTION_AS, "--as" },
		{ options->role != NULL, OPTION_ROLE, "--role" },
	};
	for (size_t i = 0; i < COUNT_OF(special); i++)
		if (special[i].given && !(command->options & special[i].option))
			return special[i].name;
	return NULL;
}

int main(int argc, char **argv)
{
	AUTO_FREE char *share = share_default();
	AUTO_FREE char *images = images_default();
	struct options options = {
		.site_dir = ".",
		.share_dir = getenv("MOYAI_SHARE") ? getenv("MOYAI_SHARE") : share,
		.images_dir = getenv("MOYAI_IMAGES") ? getenv("MOYAI_IMAGES") : images,
		.state_dir = getenv("MOYAI_STATE"),
		.parallel = 64,
	};
	/* Options may stand before and after the command, but what follows the
	   command of `run` is not ours: "--" ends it. */
	int code;
	while ((code = getopt_long(argc, argv, "C:", LONG_OPTIONS, NULL)) != -1)
		if (option(&options, code) != 0)
			return EXIT_ERROR;

	int words;
	const struct command *command = find(argc - optind, argv + optind, &words);
	if (command == NULL) {
		if (optind < argc)
			no_command(argv[optind]);
		else
			help(stderr);
		return EXIT_ERROR;
	}
	const char *refused = refused_option(&options, command);
	if (refused) {
		fprintf(stderr, "moyai: %s takes no %s\n", command->name, refused);
		return EXIT_ERROR;
	}
	int result = command->run(&options, argc - optind - words, argv + optind + words);
	text_list_free(&options.allow_data_loss);
	return check_stdout(result);
}
