/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "daemon/store.h"
#include "programs/command.h"

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	if (argc != 1) {
		err_set(&err, "restore: name the file that moyai backup wrote");
		return command_fail(&err);
	}
	/* The site first: its name says where its state belongs. */
	if (store_restore_site(argv[0], options->site_dir, &err) != 0)
		return command_fail(&err);
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	site_free(&site);
	if (state == NULL)
		return EXIT_ERROR;
	/* The manager it speaks of has to take over again. */
	AUTO_FREE char *record = xasprintf("%s/takeover.json", state);
	if (store_restore_state(argv[0], state, &err) != 0 || file_remove(record, &err) != 0)
		return command_fail(&err);
	fprintf(stderr, "site and state are here again; moyai bootstrap puts them on the manager's "
			"disk\n");
	return EXIT_OK;
}

const struct command command_restore = {
	.name = "restore",
	.usage = "FILE",
	.summary = "take back what moyai backup wrote; moyai bootstrap goes on from there",
	.doc = "The site directory is made where there is none, the state where there is no site "
	       "key.\n"
	       "Images are built again by moyai image build.",
	.run = run,
};
