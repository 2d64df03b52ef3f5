/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <unistd.h>

#include "programs/cluster.h"
#include "programs/cluster_hosts.h"
#include "programs/interrupt.h"
#include "programs/ssh.h"

static int become_console(const struct reach *reach, const struct cluster *cluster,
			  const struct cluster_guest *guest, const char *host, struct err *err)
{
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	if (ssh_words(reach, host, &words, err) != 0)
		return -1;
	/* A terminal there; without it virsh refuses. */
	text_list_add(&words, "-t");
	text_list_take(&words, xasprintf("virsh -q -c qemu:///system console %s", guest->id));
	fprintf(stderr, "console of %s in cluster %s, on %s; Ctrl-] ends it\n", guest->name,
		cluster->name, host);
	interrupt_end();
	return command_become(&words, err);
}

static int console(const struct options *options, struct reach *reach,
		   const struct cluster *cluster, const char *name)
{
	struct err err = ERR_INIT;
	const struct cluster_guest *guest = cluster_guest_named(cluster, name, &err);
	if (guest == NULL)
		return command_fail(&err);
	if (!isatty(STDIN_FILENO)) {
		err_set(&err, "cluster console needs a terminal");
		return command_fail(&err);
	}
	AUTO_FREE char *host = cluster_hosts_find(options, reach, guest);
	if (host == NULL)
		return EXIT_ERROR;
	if (become_console(reach, cluster, guest, host, &err) != 0)
		return command_fail(&err);
	return EXIT_OK;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	int result = EXIT_ERROR;
	if (argc != 2) {
		err_set(&err, "write: cluster console CLUSTER GUEST");
		return command_fail(&err);
	}
	if (reach_site(options, NULL, NULL, &reach) == 0) {
		const struct cluster *cluster = cluster_named(&reach.site, argv[0], &err);
		result = cluster ? console(options, &reach, cluster, argv[1]) : command_fail(&err);
	}
	reach_close(&reach);
	return result;
}

const struct command command_cluster_console = {
	.name = "cluster console",
	.usage = "CLUSTER GUEST",
	.summary = "the serial console of a guest, on this terminal",
	.doc = "GUEST is its name in the cluster: frontend, or a node's. The gateways and VM "
	       "servers\n"
	       "are asked which of them has it; from there it comes by virsh over ssh. Ctrl-] ends "
	       "it.",
	.run = run,
	.options = OPTIONS_REACH,
};
