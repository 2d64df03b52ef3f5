/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/near.h"
#include "programs/help.h"
#include "programs/option.h"
#include "programs/places.h"

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
	COMMAND(why) \
	COMMAND(doctor) \
	COMMAND(facts) \
	COMMAND(run) \
	COMMAND(power) \
	COMMAND(console) \
	COMMAND(drain) \
	COMMAND(fence) \
	COMMAND(balance) \
	COMMAND(pack) \
	COMMAND(unpack) \
	COMMAND(discover) \
	COMMAND(copy) \
	COMMAND(ssh) \
	COMMAND(logs) \
	COMMAND(explain) \
	COMMAND(cluster_list) \
	COMMAND(cluster_show) \
	COMMAND(cluster_status) \
	COMMAND(cluster_wait) \
	COMMAND(cluster_console) \
	COMMAND(cluster_ssh) \
	COMMAND(cluster_allocate) \
	COMMAND(cluster_start) \
	COMMAND(cluster_stop) \
	COMMAND(cluster_resize) \
	COMMAND(cluster_migrate) \
	COMMAND(cluster_remove) \
	COMMAND(cluster_snapshot) \
	COMMAND(cluster_reset) \
	COMMAND(cluster_forget) \
	COMMAND(image_build) \
	COMMAND(image_list) \
	COMMAND(image_use) \
	COMMAND(pxe_serve) \
	COMMAND(bootstrap) \
	COMMAND(backup) \
	COMMAND(restore) \
	COMMAND(bmc_password) \
	COMMAND(key_backup) \
	COMMAND(key_restore) \
	COMMAND(complete) \
	COMMAND(manual)
/* clang-format on */

#define DECLARE(name) extern const struct command command_##name;
COMMANDS(DECLARE)
#define POINTER(name) &command_##name,
const struct command *const COMMAND_TABLE[] = { COMMANDS(POINTER) NULL };

/* The command whose name is the first one or two words. */
static const struct command *find(int argc, char **argv, int *words)
{
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		const char *name = (*at)->name;
		const char *space = strchr(name, ' ');
		*words = space ? 2 : 1;
		if (argc < *words)
			continue;
		size_t first = space ? (size_t)(space - name) : strlen(name);
		if (strlen(argv[0]) != first || strncmp(argv[0], name, first) != 0)
			continue;
		if (space == NULL || strcmp(argv[1], space + 1) == 0)
			return *at;
	}
	return NULL;
}

/* Nothing, a word that is none, or "image", which is the beginning of two commands. */
static int no_command(const struct options *options, const char *word)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str longer = STR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (word == NULL || (options->help && help_group(word, &text))) {
		if (word == NULL)
			help_all(&text);
		fputs(str_text(&text), options->help ? stdout : stderr);
		return options->help ? EXIT_OK : EXIT_ERROR;
	}
	size_t length = strlen(word);
	for (const struct command *const *at = COMMAND_TABLE; *at; at++) {
		const char *name = (*at)->name;
		if ((*at)->summary)
			text_list_add(&names, name);
		if (text_starts(name, word) && name[length] == ' ')
			str_addf(&longer, "%s%s", longer.length ? " or " : "", name);
	}
	if (longer.length > 0) {
		fprintf(stderr, "moyai: write: %s\n", str_text(&longer));
		return EXIT_ERROR;
	}
	near_add(word, &names, &longer);
	fprintf(stderr, "moyai: there is no command \"%s\"%s\n", word,
		longer.length ? str_text(&longer) : "; see moyai --help");
	return EXIT_ERROR;
}

/* On a full disk what was to be said is lost, and that is no success. */
static int check_stdout(int result)
{
	bool lost = ferror(stdout); /* errno is about something else by now */
	if (lost) {
		clearerr(stdout);
		fputc('\n', stdout);
	}
	if (fflush(stdout) == 0 && !lost)
		return result;
	fprintf(stderr, "moyai: stdout: %s\n",
		ferror(stdout) ? strerror(errno) : "not all of it could be written");
	return EXIT_ERROR;
}

static int run(const struct options *options, unsigned given, int argc, char **argv)
{
	int words;
	const struct command *command = find(argc, argv, &words);
	if (command == NULL)
		return no_command(options, argc > 0 ? argv[0] : NULL);
	if (options->help) {
		AUTO_STR struct str text = STR_INIT;
		help_command(command, &text);
		fputs(str_text(&text), stdout);
		return EXIT_OK;
	}
	if (given & ~command->options) {
		fprintf(stderr, "moyai: %s takes no %s\n", command->name,
			option_name(given & ~command->options));
		return EXIT_ERROR;
	}
	return command->run(options, argc - words, argv + words);
}

/* A variable that is set to nothing is not set. */
static const char *environment(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value && *value ? value : otherwise;
}

int main(int argc, char **argv)
{
	AUTO_FREE char *share = places_share();
	AUTO_FREE char *images = places_images();
	struct options options = {
		.site_dir = ".",
		.share_dir = environment("MOYAI_SHARE", share),
		.images_dir = environment("MOYAI_IMAGES", images),
		.state_dir = environment("MOYAI_STATE", NULL),
		.parallel = 64,
		.for_s = 300,
		.stay_s = 3600,
	};
	unsigned given;
	int result = EXIT_ERROR;
	if (option_read(argc, argv, &options, &given) == 0)
		result = run(&options, given, argc - optind, argv + optind);
	text_list_free(&options.allow_data_loss);
	return check_stdout(result);
}
