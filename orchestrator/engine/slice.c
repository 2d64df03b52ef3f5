/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/slice.h"

#include <stdlib.h>
#include <string.h>

#include "engine/refer.h"

/* What the node declares stands in place of its role's of the same kind and name. */
static void add_declared(const struct derive *from, struct slice *slice)
{
	const struct site_node *node = from->node;
	const struct spec_list *role = node->role ? node->role->wants : NULL;
	for (size_t i = 0; role != NULL && i < role->count; i++) {
		const struct spec *want = &role->items[i];
		if (spec_list_find(&node->wants, want->kind->name, want->id) == NULL)
			spec_list_copy(&slice->wants, want);
	}
	for (size_t i = 0; i < node->wants.count; i++)
		spec_list_copy(&slice->wants, &node->wants.items[i]);
}

static int derive_all(const struct derive *from, struct slice *slice, struct err *err)
{
	for (size_t i = 0; i < slice->wants.count; i++) {
		struct spec *want = &slice->wants.items[i];
		if (want->kind->derive == NULL)
			continue;
		if (want->kind->derive(from, want, err) != 0)
			return err_context(err, "%s", from->node->name);
	}
	return 0;
}

int slice_make(const struct derive *from, struct slice *slice, struct err *err)
{
	struct slice made = { .site = xstrdup(from->site->name),
			      .node = xstrdup(from->node->name) };
	add_declared(from, &made);
	text_list_copy(&made.may_lose, &from->node->may_lose);
	text_list_copy(&made.given_up, &from->node->given_up);
	for (size_t i = 0; KIND_SPECS[i]; i++)
		if (KIND_SPECS[i]->imply)
			KIND_SPECS[i]->imply(from, &made.wants);
	if (derive_all(from, &made, err) != 0) {
		slice_free(&made);
		return -1;
	}
	*slice = made;
	return 0;
}

int slice_arriving(const struct derive *from, const char *guest, struct slice *slice,
		   struct err *err)
{
	const struct spec *arriving = spec_list_find(&from->node->arriving, "guest", guest);
	struct slice made = { .site = xstrdup(from->site->name),
			      .node = xstrdup(from->node->name) };
	if (arriving == NULL) {
		slice_free(&made);
		return err_set(err, "%s is not moving to %s", guest, from->node->name);
	}
	spec_list_copy(&made.wants, arriving);
	if (derive_all(from, &made, err) != 0) {
		slice_free(&made);
		return -1;
	}
	*slice = made;
	return 0;
}

void slice_free(struct slice *slice)
{
	if (slice == NULL)
		return;
	free(slice->site);
	free(slice->node);
	free(slice->who);
	spec_list_free(&slice->wants);
	text_list_free(&slice->may_lose);
	text_list_free(&slice->given_up);
	text_list_free(&slice->consent);
	*slice = (struct slice){ 0 };
}

static json_t *list_to_json(const struct text_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

json_t *slice_to_json(const struct slice *slice)
{
	json_t *wants = json_array();
	for (size_t i = 0; i < slice->wants.count; i++) {
		const struct spec *want = &slice->wants.items[i];
		json_array_append_new(wants,
				      json_pack("{s:s, s:o}", "kind", want->kind->name, "fields",
						fields_to_json(want->kind->fields, want->body)));
	}
	json_t *json =
		json_pack("{s:s, s:s, s:o, s:o, s:o}", "site", slice->site, "node", slice->node,
			  "wants", wants, "may_lose", list_to_json(&slice->may_lose), "consent",
			  list_to_json(&slice->consent));
	if (slice->given_up.count > 0)
		json_object_set_new(json, "given_up", list_to_json(&slice->given_up));
	if (slice->who)
		json_object_set_new(json, "who", json_string(slice->who));
	return json;
}

static int list_from_json(const json_t *json, struct text_list *list, struct err *err)
{
	size_t index;
	const json_t *item;
	json_array_foreach(json, index, item)
	{
		if (!json_is_string(item))
			return err_set(err, "item %zu is not text", index);
		text_list_add(list, json_string_value(item));
	}
	return 0;
}

static int want_from_json(const json_t *json, struct slice *slice, struct err *err)
{
	const char *name;
	json_t *fields;
	if (json_unpack((json_t *)json, "{s:s, s:o !}", "kind", &name, "fields", &fields) != 0)
		return err_set(err, "is not { kind, fields }");
	const struct kind_spec *kind = kind_find(name);
	if (kind == NULL)
		return err_set(err, "there is no kind \"%s\"", name);
	struct spec *want = spec_list_add(&slice->wants, kind, NULL);
	if (fields_from_json(kind->fields, want->body, fields, err) != 0)
		return err_context(err, "%s", name);
	AUTO_FREE char *id = spec_make_id(want);
	if (id == NULL)
		return err_set(err, "%s without a %s", name, kind->fields[0].name);
	if (spec_list_find(&slice->wants, name, id) != NULL)
		return err_set(err, "%s %s is there twice", name, id);
	want->id = xstrdup(id);
	return 0;
}

static int fill(const json_t *json, struct slice *slice, struct err *err)
{
	const char *site;
	const char *node;
	const char *who = NULL;
	json_t *wants;
	json_t *may_lose;
	json_t *given_up = NULL;
	json_t *consent;
	size_t index;
	const json_t *want;
	if (json_unpack((json_t *)json, "{s:s, s:s, s?s, s:o, s:o, s?o, s:o !}", "site", &site,
			"node", &node, "who", &who, "wants", &wants, "may_lose", &may_lose,
			"given_up", &given_up, "consent", &consent) != 0 ||
	    (given_up != NULL && !json_is_array(given_up)) || !json_is_array(wants) ||
	    !json_is_array(may_lose) || !json_is_array(consent))
		return err_set(err, "is not { site, node, wants, may_lose, consent }");
	slice->site = xstrdup(site);
	slice->node = xstrdup(node);
	slice->who = xstrdup(who);
	if (list_from_json(may_lose, &slice->may_lose, err) != 0)
		return err_context(err, "may_lose");
	if (list_from_json(given_up, &slice->given_up, err) != 0)
		return err_context(err, "given_up");
	if (list_from_json(consent, &slice->consent, err) != 0)
		return err_context(err, "consent");
	json_array_foreach(wants, index, want)
	{
		if (want_from_json(want, slice, err) != 0)
			return err_context(err, "wants %zu", index);
	}
	return 0;
}

int slice_from_json(const json_t *json, struct slice *slice, struct err *err)
{
	struct slice made = { 0 };
	if (fill(json, &made, err) != 0) {
		slice_free(&made);
		return err_context(err, "slice");
	}
	*slice = made;
	return 0;
}
