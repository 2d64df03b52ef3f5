/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/kind.h"

#include <string.h>

/* In a file of its own: only moyai-node has the table. */
const struct kind_node *kind_node_find(const char *name)
{
	for (const struct kind_node *const *kind = KIND_NODES; *kind; kind++)
		if (strcmp((*kind)->name, name) == 0)
			return *kind;
	return NULL;
}
