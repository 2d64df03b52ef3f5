/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"

#include "system/links.h"
#include "system/virt.h"

void node_init(struct node *node, const char *site, const char *name)
{
	*node = (struct node){ .site = site, .name = name };
}

void node_forget(struct node *node)
{
	json_decref(node->lvm);
	json_decref(node->nft);
	json_decref(node->units);
	json_decref(node->portals);
	links_free(node->links);
	domains_free(node->domains);
	node->lvm = NULL;
	node->nft = NULL;
	node->units = NULL;
	node->portals = NULL;
	node->links = NULL;
	node->domains = NULL;
}

void node_still(const struct node *node)
{
	if (node->still != NULL)
		node->still(node->context);
}

void node_free(struct node *node)
{
	if (node != NULL)
		node_forget(node);
}
