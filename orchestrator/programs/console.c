/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "power/password.h"
#include "power/power.h"
#include "programs/command.h"

static int console(const char *state_dir, const struct site *site, const char *name,
		   struct err *err)
{
	const struct site_node *node = site_find_node(site, name);
	AUTO_STR struct str password = STR_INIT;
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	if (node == NULL)
		return err_set(err, "there is no node \"%s\"", name);
	const struct power_driver *driver = power_driver(node);
	if (driver == NULL)
		return err_set(err,
			       "no bmc is in the site for %s; moyai explain bmc says how to "
			       "write it",
			       name);
	if (driver->console == NULL)
		return err_set(err,
			       "Redfish itself has no console; most of these boards have IPMI "
			       "beside it (type = \"ipmi\"), or an ssh of their own: ssh %s@%s",
			       node->bmc.user, node->bmc.address);
	if (!isatty(STDIN_FILENO))
		return err_set(err, "console needs a terminal");
	if (password_read(state_dir, name, &password, err) != 0)
		return err_context(err, "%s", name);
	explicit_bzero(password.data, password.length);
	AUTO_FREE char *path = password_file(state_dir, name);
	const struct bmc bmc = { .node = node, .password_file = path };
	driver->console(&bmc, &words);
	fprintf(stderr, "console of %s; Enter ~ . ends it, Enter ~ ? lists more\n", name);
	return command_become(&words, err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct site site;
	if (argc != 1) {
		err_set(&err, "console takes one argument, the NODE");
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	AUTO_FREE char *state = command_state_dir(options, &site);
	int result = EXIT_ERROR;
	if (state != NULL)
		result = console(state, &site, argv[0], &err) == 0 ? EXIT_OK : command_fail(&err);
	site_free(&site);
	return result;
}

const struct command command_console = {
	.name = "console",
	.usage = "NODE",
	.summary = "the node's serial console through its BMC, on this terminal",
	.doc = "Serial over LAN, by ipmitool. It ends with ~. at the beginning of a line.",
	.run = run,
};
