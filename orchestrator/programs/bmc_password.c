/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "model/nodeset.h"
#include "power/password.h"
#include "programs/ask.h"
#include "programs/reach.h"

/* Checked for all of them before the first is written. */
static int set(const struct options *options, const char *state_dir, const struct site *site,
	       const struct text_list *names, struct err *err)
{
	AUTO_STR struct str password = STR_INIT;
	AUTO_STR struct str folded = STR_INIT;
	nodeset_fold(names, &folded);
	for (size_t i = 0; i < names->count; i++)
		if (site_find_node(site, names->items[i])->bmc.type == NULL)
			return err_set(err,
				       "no bmc is in the site for %s; moyai explain bmc says "
				       "how to write it",
				       names->items[i]);
	AUTO_FREE char *prompt = xasprintf("Password of the BMC of %s: ", str_text(&folded));
	int rc = ask_secret(prompt, &password, err);
	for (size_t i = 0; rc == 0 && i < names->count; i++)
		rc = password_write(state_dir, site_find_node(site, names->items[i]),
				    str_text(&password), err);
	if (password.data)
		explicit_bzero(password.data, password.length);
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	for (size_t i = 0; i < names->count; i++)
		text_list_take(&files, xasprintf("bmc/%s", names->items[i]));
	return rc == 0 ? reach_tell_manager(options, state_dir, &files, err) : -1;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (argc != 1) {
		err_set(&err, "bmc password takes one argument, the NODES; the password comes from "
			      "stdin");
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	int result = EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	if (state != NULL) {
		int rc = reach_choose(options, argv[0], &site, &names, &err);
		if (rc == 0)
			rc = set(options, state, &site, &names, &err);
		result = rc == 0 ? EXIT_OK : command_fail(&err);
	}
	site_free(&site);
	return result;
}

const struct command command_bmc_password = {
	.name = "bmc password",
	.usage = "NODES",
	.summary = "keep the password of these nodes' BMCs, one line from stdin",
	.doc = "It is kept in the state directory, for its owner only, and never in the site.",
	.run = run,
};
