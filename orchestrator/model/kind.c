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

static void add(struct refs *refs, const char *node, const char *kind, const char *id, bool gone)
{
	const struct kind_spec *spec = kind_find(kind);
	if (spec == NULL)
		abort(); /* a mistake of the program: kinds are named in its text */
	refs->items = xrealloc(refs->items, refs->count + 1, sizeof(*refs->items));
	refs->items[refs->count++] = (struct ref){ xstrdup(node), spec->name, xstrdup(id), gone };
}

void refs_add(struct refs *refs, const char *node, const char *kind, const char *id)
{
	add(refs, node, kind, id, false);
}

void refs_add_gone(struct refs *refs, const char *node, const char *kind, const char *id)
{
	add(refs, node, kind, id, true);
}

void refs_copy(struct refs *refs, const struct ref *ref)
{
	add(refs, ref->node, ref->kind, ref->id, ref->gone);
}

void refs_drop(struct refs *refs, size_t index)
{
	free(refs->items[index].node);
	free(refs->items[index].id);
	for (size_t i = index + 1; i < refs->count; i++)
		refs->items[i - 1] = refs->items[i];
	refs->count--;
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
