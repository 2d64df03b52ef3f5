/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "programs/command.h"
#include "programs/interrupt.h"
#include "programs/ssh.h"

int ssh_path(const char *path, struct str *out, struct err *err)
{
	if (strpbrk(path, "\"\n"))
		return err_set(err, "%s: ssh has no word for a quote in a path", path);
	str_add(out, "\"");
	for (const char *at = path; *at; at++) {
		if (*at == '%')
			str_add(out, "%");
		str_add_bytes(out, at, 1);
	}
	str_add(out, "\"");
	return 0;
}

char *ssh_state_path(const struct reach *reach, const char *name)
{
	AUTO_FREE char *state = realpath(reach->state_dir, NULL);
	return xasprintf("%s/%s", state ? state : reach->state_dir, name);
}

static int add_path(struct text_list *words, const char *option, const char *path, struct err *err)
{
	AUTO_STR struct str value = STR_INIT;
	str_addf(&value, "%s=", option);
	if (ssh_path(path, &value, err) != 0)
		return -1;
	text_list_add(words, "-o");
	text_list_add(words, str_text(&value));
	return 0;
}

int ssh_words(const struct reach *reach, const char *name, struct text_list *words, struct err *err)
{
	const struct site_node *node = site_find_node(&reach->site, name);
	const struct ssh_options *ssh = &reach->remote.ssh;
	AUTO_FREE char *identity = ssh_state_path(reach, "id_ed25519");
	AUTO_FREE char *pins = ssh_state_path(reach, "known_hosts");
	static const char *const FIXED[] = { "ssh",
					     "-F",
					     "none",
					     "-o",
					     "StrictHostKeyChecking=yes",
					     "-o",
					     "GlobalKnownHostsFile=/dev/null" };
	for (size_t i = 0; i < COUNT_OF(FIXED); i++)
		text_list_add(words, FIXED[i]);
	if (add_path(words, "UserKnownHostsFile", pins, err) != 0)
		return -1;
	if (file_exists(identity)) {
		if (add_path(words, "IdentityFile", identity, err) != 0)
			return -1;
		text_list_add(words, "-o");
		text_list_add(words, "IdentitiesOnly=yes");
	}
	text_list_add(words, "-p");
	text_list_take(words, xasprintf("%u", ssh->port));
	text_list_take(words,
		       xasprintf("%s@%s", ssh->user, site_node_boot_address(&reach->site, node)));
	return 0;
}

static int start(const struct reach *reach, int argc, char **argv, struct err *err)
{
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	if (reach->names.count != 1)
		return err_set(err, "ssh goes to one node; for many there is moyai run");
	if (ssh_words(reach, reach->names.items[0], &words, err) != 0)
		return -1;
	int first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;
	for (int i = first; i < argc; i++)
		text_list_add(&words, argv[i]);
	/* Ctrl-C is for what runs there. */
	interrupt_end();
	return command_become(&words, err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	int result = EXIT_ERROR;
	if (argc < 1) {
		err_set(&err, "write: ssh NODE [CMD…]");
		return command_fail(&err);
	}
	if (reach_open(options, argv[0], NULL, &reach) == 0 && start(&reach, argc, argv, &err) != 0)
		result = command_fail(&err);
	reach_close(&reach);
	return result;
}

const struct command command_ssh = {
	.name = "ssh",
	.usage = "NODE [CMD…]",
	.summary = "a shell on a node, by the ssh client, with the site's key and pins",
	.doc = "Becomes the ssh client, with the key, the pins and the address that moyai itself\n"
	       "uses for the node, and nothing of ~/.ssh.",
	.run = run,
	.options = OPTIONS_REACH,
};
