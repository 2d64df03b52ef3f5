/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/kind.h"

#include <stdlib.h>
#include <string.h>

const struct kind_spec *kind_find(const char *name)
{
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		if (strcmp((*kind)->name, name) == 0)
			return *kind;
	return NULL;
}

void refs_add(struct refs *refs, const char *node, const char *kind, const char *id)
{
	const struct kind_spec *spec = kind_find(kind);
	if (spec == NULL)
		abort(); /* a mistake of the program: kinds are named in its text */
	refs->items = xrealloc(refs->items, refs->count + 1, sizeof(*refs->items));
	refs->items[refs->count++] = (struct ref){ xstrdup(node), spec->name, xstrdup(id) };
}

void refs_free(struct refs *refs)
{
	if (refs == NULL)
		return;
	for (size_t i = 0; i < refs->count; i++) {
		free(refs->items[i].node);
		free(refs->items[i].id);
	}
	free(refs->items);
	*refs = (struct refs){ NULL, 0 };
}
