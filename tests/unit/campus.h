/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef TESTS_UNIT_CAMPUS_H
#define TESTS_UNIT_CAMPUS_H
#include "test.h"

#include "engine/expand.h"
#include "engine/slice.h"
#include "model/manifest.h"
/* configs/campus for tests of one program: its site, and what follows from its clusters. */

static struct site site;

static inline int open_site(void **state)
{
	struct mistakes mistakes = MISTAKES_INIT;
	(void)state;
	assert_int_equal(site_read("configs/campus", ".", &site, &mistakes, NULL), 0);
	assert_count(mistakes.count, 0);
	return 0;
}

static inline int close_site(void **state)
{
	(void)state;
	site_free(&site);
	return 0;
}

static inline void state_of(const char *cluster, const char *state)
{
	char **at = &site_find_cluster(&site, cluster)->state;
	free(*at);
	*at = xstrdup(state);
}

/* All mistakes, as they are printed. */
static inline char *expanded(void)
{
	struct allocations allocations;
	struct mistakes mistakes = MISTAKES_INIT;
	struct str text = STR_INIT;
	assert_int_equal(allocate(&site, &allocations, &mistakes, NULL), 0);
	assert_count(mistakes.count, 0);
	expand(&site, &allocations, &mistakes);
	mistakes_print(&mistakes, &text);
	mistakes_free(&mistakes);
	allocations_free(&allocations);
	return text.data ? str_take(&text) : xstrdup("");
}

static inline void expand_well(void)
{
	AUTO_FREE char *mistakes = expanded();
	assert_string_equal(mistakes, "");
}

/* "kind id kind id …" of what follows from clusters. */
static inline char *ids_on(const char *node)
{
	const struct spec_list *wants = &site_find_node(&site, node)->wants;
	struct str text = STR_INIT;
	for (size_t i = 0; i < wants->count; i++)
		if (wants->items[i].cluster != NULL)
			str_addf(&text, "%s %s\n", wants->items[i].kind->name, wants->items[i].id);
	return text.data ? str_take(&text) : xstrdup("");
}

static inline void assert_ids(const char *node, const char *expected)
{
	AUTO_FREE char *ids = ids_on(node);
	assert_string_equal(ids, expected);
}

static struct image_set images; /* empty but in a test of its own */

/* Its fields in the slice of the node, "field=value …" without the name. */
static inline char *fields_of(const char *node, const char *kind, const char *id)
{
	const struct derive from = { .site = &site,
				     .node = site_find_node(&site, node),
				     .images = images.manifest_count ? &images : NULL };
	struct slice slice;
	struct str text = STR_INIT;
	assert_int_equal(slice_make(&from, &slice, NULL), 0);
	const struct spec *want = spec_list_find(&slice.wants, kind, id);
	assert_non_null(want);
	for (const struct field *field = want->kind->fields + 1; field->name; field++) {
		if (!field_given(field, want->body))
			continue;
		str_addf(&text, "%s%s=", text.length ? " " : "", field->name);
		field_print(field, want->body, &text);
	}
	slice_free(&slice);
	return str_take(&text);
}

static inline void assert_fields(const char *node, const char *kind, const char *id,
				 const char *expected)
{
	AUTO_FREE char *fields = fields_of(node, kind, id);
	assert_string_equal(fields, expected);
}
#endif
