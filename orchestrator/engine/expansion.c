/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/expansion.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/refer.h"

struct spec *expansion_add(const struct expansion *of, struct site_node *node, const char *kind,
			   const char *name, struct place place)
{
	const struct spec *declared = refer_find(node, kind, name);
	if (declared != NULL)
		mistake_add(of->mistakes, declared->place,
			    "%s \"%s\": cluster \"%s\" has one of this name on \"%s\"; rename this "
			    "one",
			    kind, name, of->cluster->name, node->name);
	struct spec *spec = spec_list_add(&node->wants, kind_find(kind), name);
	spec->cluster = of->cluster;
	spec->place = (struct place){ .file = place.file, .line = place.line };
	fields_fallback(spec->kind->fields, spec->body);
	return spec;
}

void expansion_set(struct spec *spec, const char *name, const char *text)
{
	const struct field *field = field_find(spec->kind->fields, name);
	if (field == NULL || field_set_text(field, spec->body, text, NULL) != 0)
		abort();
}

void expansion_set_number(struct spec *spec, const char *name, uint64_t number)
{
	char text[24];
	snprintf(text, sizeof(text), "%" PRIu64, number);
	expansion_set(spec, name, text);
}

bool expansion_has(const struct site_node *node, const char *kind, const char *id)
{
	for (size_t i = 0; i < node->wants.count; i++) {
		const struct spec *spec = &node->wants.items[i];
		if (spec->cluster != NULL && strcmp(spec->kind->name, kind) == 0 &&
		    strcmp(spec->id, id) == 0)
			return true;
	}
	return false;
}

struct site_node *expansion_node(const struct expansion *of, const char *name)
{
	struct site_node *node = site_find_node(of->site, name);
	if (node == NULL)
		abort(); /* check_allocation.c has looked at what is recorded */
	return node;
}
