/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "programs/cluster.h"
#include "programs/cluster_hosts.h"
#include "programs/interrupt.h"
#include "programs/ssh.h"

/* No guest is called like that: a guest's name has no dot. */
#define GATEWAY "gateway.site"

/* Where the frontend answers; the caller frees. NULL: nothing leads in. */
static char *outside_of(const struct site *site, const struct cluster *cluster)
{
	struct ipv4_network link;
	if (cluster->external.address != NULL)
		return xstrdup(cluster->external.address);
	uint64_t tag = cluster_vlan(cluster, &cluster->recorded);
	if (cluster_has_link(cluster) && tag != FIELD_UNSET && site_link(site, tag, &link))
		return ipv4_text(ipv4_first(&link) + 2);
	return NULL;
}

static int add_gateway(const struct reach *reach, const char *host, struct str *out,
		       struct err *err)
{
	const struct site_node *node = site_find_node(&reach->site, host);
	const struct ssh_options *ssh = &reach->remote.ssh;
	AUTO_FREE char *identity = ssh_state_path(reach, "id_ed25519");
	AUTO_FREE char *pins = ssh_state_path(reach, "known_hosts");
	str_addf(out, "Host " GATEWAY "\n\tHostName %s\n\tPort %u\n\tUser %s\n",
		 site_node_boot_address(&reach->site, node), ssh->port, ssh->user);
	if (file_exists(identity)) {
		str_add(out, "\tIdentitiesOnly yes\n\tIdentityFile ");
		if (ssh_path(identity, out, err) != 0)
			return -1;
		str_add(out, "\n");
	}
	str_add(out, "\tUserKnownHostsFile ");
	if (ssh_path(pins, out, err) != 0)
		return -1;
	str_add(out, "\n\tGlobalKnownHostsFile /dev/null\n\tStrictHostKeyChecking yes\n"
		     "\tProxyCommand none\n");
	return 0;
}

static const char *address_of(const struct cluster *cluster, const struct cluster_guest *guest)
{
	const struct allocated_guest *made = allocation_find(&cluster->recorded, guest->name);
	return made ? made->address : NULL;
}

static void add_guest(const struct cluster *cluster, const struct cluster_guest *guest,
		      const char *outside, struct str *out)
{
	bool first = cluster_is_frontend(guest);
	const char *address = address_of(cluster, guest);
	if (address != NULL)
		str_addf(out, "Host %s\n\tHostName %s\n\tProxyJump %s\n", guest->name,
			 first ? outside : address, first ? GATEWAY : CLUSTER_FRONTEND);
}

/*
 * What the ssh client has to know. Of a guest no key is pinned: one that is all in its initramfs has
 * another one at each boot; so no password is ever offered there. A name that is none of the cluster's
 * leads nowhere: it must not be looked up in the operator's own network, with its key unchecked.
 */
static int print(const struct reach *reach, const struct cluster *cluster, const char *host,
		 const char *outside, struct str *out, struct err *err)
{
	str_addf(out, "# Made by moyai cluster ssh %s, anew each time.\n", cluster->name);
	if (add_gateway(reach, host, out, err) != 0)
		return -1;
	for (size_t i = 0; i < cluster->guest_count; i++)
		add_guest(cluster, &cluster->guests[i], outside, out);
	str_add(out, "Host *\n\tUser root\n\tUserKnownHostsFile /dev/null\n"
		     "\tStrictHostKeyChecking no\n\tPasswordAuthentication no\n"
		     "\tKbdInteractiveAuthentication no\n\tLogLevel ERROR\n\tProxyCommand false\n");
	return 0;
}

/* ssh puts the path into a shell's words when it starts itself for the way there. */
static int check_path(const char *path, struct err *err)
{
	static const char PLAIN[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._+@,:=-";
	size_t plain = strspn(path, PLAIN);
	if (path[plain] == '\0')
		return 0;
	return err_set(err,
		       "%s: ssh cannot be told of a file below a folder with \"%c\" in its name; "
		       "choose another state directory",
		       path, path[plain]);
}

static int become_ssh(const struct reach *reach, const struct cluster *cluster, const char *host,
		      const struct text_list *command, struct err *err)
{
	AUTO_FREE char *outside = outside_of(&reach->site, cluster);
	AUTO_FREE char *folder = ssh_state_path(reach, "clusters");
	AUTO_FREE char *file = xasprintf("%s/%s.ssh", folder, cluster->name);
	AUTO_STR struct str text = STR_INIT;
	AUTO_LIST struct text_list words = TEXT_LIST_INIT;
	if (check_path(file, err) != 0 || print(reach, cluster, host, outside, &text, err) != 0 ||
	    file_make_dirs(folder, 0700, err) != 0 ||
	    file_write(file, str_text(&text), text.length, 0600, err) != 0)
		return -1;
	text_list_add(&words, "ssh");
	text_list_add(&words, "-F");
	text_list_add(&words, file);
	/* No word of the command is an option of the client's. */
	text_list_add(&words, "--");
	for (size_t i = 0; i < command->count; i++)
		text_list_add(&words, command->items[i]);
	interrupt_end();
	return command_become(&words, err);
}

/* The way leads over the gateway that the frontend runs on. */
static int go(const struct options *options, struct reach *reach, const struct cluster *cluster,
	      const struct text_list *command)
{
	struct err err = ERR_INIT;
	const struct cluster_guest *guest = cluster_guest_named(cluster, command->items[0], &err);
	if (guest == NULL)
		return command_fail(&err);
	if (address_of(cluster, guest) == NULL ||
	    address_of(cluster, &cluster->guests[0]) == NULL) {
		err_set(&err, "not all is recorded of %s; moyai cluster allocate does that",
			cluster->name);
		return command_fail(&err);
	}
	AUTO_FREE char *outside = outside_of(&reach->site, cluster);
	if (outside == NULL) {
		err_set(&err,
			"nothing leads into cluster \"%s\": it has neither external nor forwards; "
			"moyai cluster console %s %s is its console",
			cluster->name, cluster->name, command->items[0]);
		return command_fail(&err);
	}
	AUTO_FREE char *host = cluster_hosts_find(options, reach, &cluster->guests[0]);
	if (host == NULL)
		return EXIT_ERROR;
	if (become_ssh(reach, cluster, host, command, &err) != 0)
		return command_fail(&err);
	return EXIT_OK;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct reach reach = { 0 };
	AUTO_LIST struct text_list command = TEXT_LIST_INIT;
	int result = EXIT_ERROR;
	if (argc < 1) {
		err_set(&err, "write: cluster ssh CLUSTER [GUEST [CMD…]]");
		return command_fail(&err);
	}
	text_list_add(&command, argc > 1 ? argv[1] : CLUSTER_FRONTEND);
	for (int i = argc > 2 && strcmp(argv[2], "--") == 0 ? 3 : 2; i < argc; i++)
		text_list_add(&command, argv[i]);
	if (reach_site(options, NULL, NULL, &reach) == 0) {
		const struct cluster *cluster = cluster_named(&reach.site, argv[0], &err);
		result = cluster ? go(options, &reach, cluster, &command) : command_fail(&err);
	}
	reach_close(&reach);
	return result;
}

const struct command command_cluster_ssh = {
	.name = "cluster ssh",
	.usage = "CLUSTER [GUEST [CMD…]]",
	.summary = "a shell in a guest of a virtual cluster, by the ssh client",
	.doc = "GUEST is its name in the cluster; the frontend when none is given. The way leads "
	       "over\n"
	       "the gateway that has the frontend, with Moyai's key and pin, and to a node over "
	       "the\n"
	       "frontend. The guests are logged in to with your own keys or agent, as root: they "
	       "let\n"
	       "in who is in authorized_keys.\n"
	       "\n"
	       "What it tells the client stays in clusters/CLUSTER.ssh of the state directory, "
	       "for\n"
	       "scp and rsync.",
	.run = run,
	.options = OPTIONS_REACH,
};
