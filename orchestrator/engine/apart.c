/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/apart.h"

#include "engine/refer.h"
#include "model/check.h"

const struct cluster *apart_cluster(const struct site *site, const char *network,
				    struct place *place)
{
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		if (!cluster_is_wanted(cluster))
			continue;
		*place = place_of(cluster->external.place, "network");
		if (text_equal(cluster->external.network, network))
			return cluster;
		/* To the boot network, which is what none means, nothing leads out. */
		for (size_t j = 0; j < cluster->forward_count; j++) {
			*place = place_of(cluster->forwards[j].place, "network");
			if (text_equal(cluster->forwards[j].network, network) &&
			    !text_equal(network, site->boot_network))
				return cluster;
		}
	}
	return NULL;
}

bool apart_has_disks(const struct site *site, const char *network)
{
	for (size_t i = 0; i < site->node_count; i++)
		if (text_list_has(&site->nodes[i].guests.networks, network))
			return true;
	return false;
}

static void note_one(const struct spec *spec, void *context)
{
	(void)spec;
	*(bool *)context = true;
}

static bool forwards_everything(const struct site *site, const struct site_node *node)
{
	const struct spec *sysctl = refer_find(node, "sysctl", "net.ipv4.ip_forward");
	bool walled = false;
	refer_each(node, "firewall", note_one, &walled);
	return !walled && (site_node_is(site, node, "gateway") ||
			   (sysctl && text_equal(refer_text(sysctl, "value"), "1")));
}

static const char *network_of_disks(const struct site *site, const struct site_node *node)
{
	for (size_t i = 0; i < site->network_count; i++) {
		const char *name = site->networks[i].name;
		if (site_node_address(node, name) && apart_has_disks(site, name))
			return name;
	}
	return NULL;
}

static void check_node(const struct site *site, const struct site_node *node,
		       struct mistakes *mistakes)
{
	const char *disks = network_of_disks(site, node);
	if (disks == NULL || !forwards_everything(site, node))
		return;
	for (size_t i = 0; i < site->network_count; i++) {
		const char *network = site->networks[i].name;
		struct place place;
		const struct cluster *cluster = apart_cluster(site, network, &place);
		if (cluster == NULL || site_node_address(node, network) == NULL)
			continue;
		mistake_add(mistakes, place,
			    "cluster \"%s\": its frontend is on network \"%s\", and \"%s\" "
			    "forwards everything from there to network \"%s\", where disks of "
			    "guests are offered and which no guest may reach; write firewalls = ( "
			    "{ name = \"site\"; } ) into \"%s\", with what else may pass in its "
			    "allow",
			    cluster->name, network, node->name, disks, node->name);
	}
}

void apart_check(const struct site *site, struct mistakes *mistakes)
{
	for (size_t i = 0; i < site->node_count; i++)
		check_node(site, &site->nodes[i], mistakes);
}
