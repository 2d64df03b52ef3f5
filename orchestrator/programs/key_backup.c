/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/command.h"
#include "remote/keys.h"

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	if (argc != 1) {
		err_set(&err, "key backup takes one argument, the FILE");
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	int code = EXIT_ERROR;
	if (state != NULL)
		code = keys_backup(state, site.name, argv[0], &err) == 0 ? EXIT_OK
									 : command_fail(&err);
	site_free(&site);
	return code;
}

const struct command command_key_backup = {
	.name = "key backup",
	.usage = "FILE",
	.summary = "copy the keys of the site into a new file",
	.run = run,
};
