/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "engine/slice.h"

/*
 * Strings that a shell, a file format or JSON might take for more than text, in
 * every text field of every kind: each is refused with a message, or it arrives
 * in the slice byte for byte.
 */
static const char *const NASTY[] = {
	"$(reboot)",  "`reboot`", "a b",       "a\nb",	   "a\"b",   "a'b",
	"; rm -rf /", "a\\b",	  "a\tb",      "--help",   "%s%n",   "a#b",
	"a}b{",	      "ä € 𝄞",	  "a|b&c>d<e", "\x01\x7f", "*?[!a]", "/dev/$(id) '\"",
	"/a\nb",      "//",	  "../../etc", "",
};

static bool is_text(const struct field *field)
{
	return field->type <= FIELD_MAC || field->type == FIELD_LIST;
}

/* Through printing, parsing and the wire, by the same code as a site's. */
static void send(const struct kind_spec *kind, const struct field *field, const void *body,
		 const char *text)
{
	struct err err = ERR_INIT;
	AUTO_FREE void *back = xcalloc(1, kind->size);
	json_t *json = fields_to_json(kind->fields, body);
	char *line = json_dumps(json, JSON_COMPACT);
	assert_non_null(line);
	assert_null(strchr(line, '\n')); /* one object per line */
	json_t *parsed = json_loads(line, 0, NULL);
	fields_init(kind->fields, back);
	assert_int_equal(fields_from_json(kind->fields, back, parsed, &err), 0);
	assert_true(field_equal(field, body, back));
	const json_t *value = json_object_get(parsed, field->name);
	if (field->type == FIELD_LIST)
		value = json_array_get(value, 0);
	assert_string_equal(json_string_value(value), text);
	fields_free(kind->fields, back);
	json_decref(json);
	json_decref(parsed);
	free(line);
}

static void test_every_field(void **state)
{
	size_t refused = 0;
	size_t arrived = 0;
	(void)state;
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++) {
		for (const struct field *field = (*kind)->fields; field->name; field++) {
			for (size_t i = 0; is_text(field) && i < COUNT_OF(NASTY); i++) {
				struct err err = ERR_INIT;
				AUTO_FREE void *body = xcalloc(1, (*kind)->size);
				fields_init((*kind)->fields, body);
				if (field_set_text(field, body, NASTY[i], &err) == 0) {
					send(*kind, field, body, NASTY[i]);
					arrived++;
				} else {
					assert_string_not_equal(err.text, "");
					/* Nothing of it is kept. */
					assert_false(field_given(field, body));
					refused++;
				}
				fields_free((*kind)->fields, body);
			}
		}
	}
	assert_true(refused > 500);
	assert_true(arrived > 200);
}

/* What stands between quotes in a configuration. */
static char *quoted(const char *text)
{
	struct str out = STR_INIT;
	str_add(&out, "\"");
	for (const char *at = text; *at; at++)
		str_addf(&out, "\\x%02x", (unsigned char)*at);
	str_add(&out, "\"");
	return str_take(&out);
}

/* A whole site with one string in the place of a path, from site.cfg to the slice. */
static void through_site(const char *text, const char *expected_mistake)
{
	AUTO_FREE char *value = quoted(text);
	AUTO_FREE char *config =
		xasprintf("name=\"n\";domain=\"n.example\";mirror=\"http://m/\";"
			  "boot={network=\"boot\";server=\"10.0.0.1\";};"
			  "networks=({name=\"boot\";cidr=\"10.0.0.0/24\";});\n"
			  "nodes=({name=\"a\";role=\"storage\";mac=\"52:54:00:00:00:01\";"
			  "addresses={boot=\"10.0.0.2\";};partitions=({name=\"p\";disk=%s;});});",
			  value);
	struct site site;
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str said = STR_INIT;
	site_read_text(config, strlen(config), "/nonexistent", "tests/golden/share", &site,
		       &mistakes, &err);
	mistakes_print(&mistakes, &said);
	assert_string_equal(str_text(&said), expected_mistake);
	if (mistakes.count == 0) {
		struct slice slice;
		const struct derive from = { .site = &site, .node = &site.nodes[0] };
		assert_int_equal(slice_make(&from, &slice, &err), 0);
		json_t *json = slice_to_json(&slice);
		const json_t *fields = json_object_get(
			json_array_get(json_object_get(json, "wants"), 0), "fields");
		assert_string_equal(json_string_value(json_object_get(fields, "disk")), text);
		json_decref(json);
		slice_free(&slice);
	}
	mistakes_free(&mistakes);
	site_free(&site);
}

static void test_site_to_slice(void **state)
{
	(void)state;
	through_site("/dev/$(id) `id` \"q\" 'q' ; | & * ä", "");
	through_site("/dev/a\nb",
		     "site.cfg:2: partition \"p\": disk: \"/dev/a\\nb\" is not an absolute path; "
		     "begin with \"/\", without \"..\", \"//\" or control characters\n");
	through_site("/tmp/x", "site.cfg:2: partition \"p\": disk \"/tmp/x\" is not under /dev; "
			       "write a name like \"/dev/disk/by-id/…\" or "
			       "\"serial:XYZ\"\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field),
		cmocka_unit_test(test_site_to_slice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
