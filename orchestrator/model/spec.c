/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "model/kind.h"

void spec_free(struct spec *spec)
{
	if (spec == NULL)
		return;
	if (spec->body != NULL && spec->kind != NULL)
		fields_free(spec->kind->fields, spec->body);
	free(spec->body);
	free(spec->id);
	*spec = (struct spec){ 0 };
}

void spec_list_free(struct spec_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++)
		spec_free(&list->items[i]);
	free(list->items);
	*list = (struct spec_list){ NULL, 0 };
}

struct spec *spec_list_add(struct spec_list *list, const struct kind_spec *kind, const char *id)
{
	/* Grow at powers of two, as struct text_list does. */
	if ((list->count & (list->count - 1)) == 0)
		list->items = xrealloc(list->items, list->count ? list->count * 2 : 1,
				       sizeof(*list->items));
	struct spec *spec = &list->items[list->count++];
	*spec = (struct spec){ .kind = kind, .id = xstrdup(id) };
	spec->body = xcalloc(1, kind->size);
	fields_init(kind->fields, spec->body);
	return spec;
}

static const char *text_of(const struct spec *spec, const struct field *field)
{
	return *(char *const *)(const void *)((const char *)spec->body + field->offset);
}

char *spec_make_id(const struct spec *spec)
{
	const struct kind_spec *kind = spec->kind;
	const char *name = text_of(spec, &kind->fields[0]);
	if (name == NULL || kind->id_before == NULL)
		return xstrdup(name);
	const char *before = text_of(spec, field_find(kind->fields, kind->id_before));
	return before ? xasprintf("%s/%s", before, name) : NULL;
}

void spec_list_drop(struct spec_list *list, size_t index)
{
	spec_free(&list->items[index]);
	list->count--;
	memmove(&list->items[index], &list->items[index + 1],
		(list->count - index) * sizeof(*list->items));
}

struct spec *spec_list_copy(struct spec_list *list, const struct spec *from)
{
	struct spec *spec = spec_list_add(list, from->kind, from->id);
	fields_copy(from->kind->fields, spec->body, from->body);
	spec->place = from->place;
	spec->broken = from->broken;
	return spec;
}

struct spec *spec_list_find(const struct spec_list *list, const char *kind_name, const char *id)
{
	for (size_t i = 0; i < list->count; i++) {
		struct spec *spec = &list->items[i];
		if (spec->id != NULL && strcmp(spec->id, id) == 0 &&
		    strcmp(spec->kind->name, kind_name) == 0)
			return spec;
	}
	return NULL;
}
