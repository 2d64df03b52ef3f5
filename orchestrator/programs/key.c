/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/command.h"
#include "remote/keys.h"

/* Both take the FILE, and the site for its name and its state directory. */
static int with_file(const struct options *options, int argc, char **argv, const char *name,
		     int (*work)(const char *state_dir, const char *site, const char *path,
				 struct err *err))
{
	struct err err = ERR_INIT;
	struct site site;
	if (argc != 1) {
		err_set(&err, "%s takes one argument, the FILE", name);
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	int code = EXIT_ERROR;
	if (state != NULL)
		code = work(state, site.name, argv[0], &err) == 0 ? EXIT_OK : command_fail(&err);
	site_free(&site);
	return code;
}

static int backup(const struct options *options, int argc, char **argv)
{
	return with_file(options, argc, argv, "key backup", keys_backup);
}

static int restore(const struct options *options, int argc, char **argv)
{
	return with_file(options, argc, argv, "key restore", keys_restore);
}

const struct command command_key_backup = {
	.name = "key backup",
	.usage = "FILE",
	.summary = "copy the keys of the site into a new file",
	.run = backup,
};

const struct command command_key_restore = {
	.name = "key restore",
	.usage = "FILE",
	.summary = "put the keys of a backup into the state directory",
	.run = restore,
};
