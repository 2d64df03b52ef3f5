/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/apart.h"

#include <string.h>

#include "engine/refer.h"
#include "model/check.h"
#include "model/text_check.h"

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

/* Any value but 0 does. */
static void note_forwarding(const struct spec *sysctl, void *context)
{
	const char *value = refer_text(sysctl, "value");
	const struct spec **found = context;
	if (*found == NULL && text_is_forwarding(sysctl->id) &&
	    value[strspn(value, " \t0")] != '\0')
		*found = sysctl;
}

void apart_check(const struct site *site, struct mistakes *mistakes)
{
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		const struct spec *sysctl = NULL;
		bool walled = false;
		refer_each(node, "sysctl", note_forwarding, &sysctl);
		refer_each(node, "firewall", note_one, &walled);
		if (sysctl != NULL && !walled)
			mistake_add(
				mistakes, node->place,
				"node \"%s\": it forwards (sysctl %s), and without a firewall "
				"it would forward everything between its networks; write "
				"firewalls = ( { name = \"site\"; } ) into it, with what may pass "
				"in its allow",
				node->name, sysctl->id);
	}
}
