/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "model/kind.h"
#include "model/near.h"
#include "programs/command.h"

/* Groups that are no resources. */
struct topic {
	const char *name;
	const char *doc;
	const char *example;
	const struct field *fields;
};

static const struct topic TOPICS[] = {
	{ "site", "the whole: top level of site.cfg; also boot, networks and nodes",
	  "name = \"demo\"; domain = \"demo.example\"; mirror = \"http://mirror.example/debian\";",
	  SITE_FIELDS },
	{ "boot", "group at the top level of site.cfg: how nodes boot",
	  "boot = { network = \"boot\"; server = \"10.77.0.1\"; };", SITE_BOOT_FIELDS },
	{ "network", "in the list networks of site.cfg",
	  "networks = ( { name = \"storage\"; cidr = \"10.77.20.0/24\"; vlan = 20; } );",
	  NETWORK_FIELDS },
	{ "node", "in the list nodes of site.cfg; also addresses and lists of resources",
	  "nodes = ( { name = \"vm1\"; role = \"vm-server\"; mac = \"52:54:00:4d:00:13\"; "
	  "addresses = { boot = \"10.77.0.13\"; }; } );",
	  NODE_FIELDS },
	{ "bmc", "group in a node: the board that switches it on and off",
	  "bmc = { type = \"ipmi\"; address = \"10.77.0.113\"; user = \"moyai\"; };", BMC_FIELDS },
	{ "role", "roles/NAME/role.cfg; also lists of resources that every node of the role has",
	  "doc = \"Keeps volumes\"; packages = [ \"lvm2\" ];", ROLE_FIELDS },
};

static const char *type_name(enum field_type type)
{
	static const char *const NAMES[] = {
		[FIELD_TEXT] = "text",	      [FIELD_NAME] = "name",
		[FIELD_PATH] = "path",	      [FIELD_CHOICE] = "choice",
		[FIELD_ADDRESS] = "address",  [FIELD_CIDR] = "cidr",
		[FIELD_IP] = "address",	      [FIELD_SUBNET] = "cidr",
		[FIELD_MAC] = "mac",	      [FIELD_BYTES] = "size",
		[FIELD_SECONDS] = "duration", [FIELD_NUMBER] = "number",
		[FIELD_BOOL] = "true/false",  [FIELD_LIST] = "list",
	};
	return NAMES[type];
}

static void add_word(struct str *out, const char *word)
{
	str_addf(out, "%s%s", out->length ? ", " : "", word);
}

static void flags_text(const struct field *field, struct str *out)
{
	static const struct {
		unsigned flag;
		const char *word;
	} WORDS[] = {
		{ FIELD_REQUIRED, "required" },
		{ FIELD_FIXED, "cannot change" },
		{ FIELD_REPLACEABLE, "a change makes it anew" },
		{ FIELD_GROW_ONLY, "only grows" },
		{ FIELD_VOLATILE, "not compared" },
		{ FIELD_SECRET, "secret" },
		{ FIELD_DERIVED, "not written" },
	};
	for (size_t i = 0; i < COUNT_OF(WORDS); i++)
		if (field->flags & WORDS[i].flag)
			add_word(out, WORDS[i].word);
}

static void add_limit(const struct field *field, uint64_t value, struct str *out)
{
	if (field->type == FIELD_BYTES)
		size_print(value, out);
	else if (field->type == FIELD_SECONDS)
		duration_print(value, out);
	else
		str_addf(out, "%llu", (unsigned long long)value);
}

static void limits_text(const struct field *field, struct str *out)
{
	if (field->type == FIELD_CHOICE) {
		str_add(out, field->choices);
		return;
	}
	if (field->min == 0 && field->max == 0)
		return;
	add_limit(field, field->min, out);
	str_add(out, "–");
	add_limit(field, field->max, out);
	if (field->type <= FIELD_MAC)
		str_add(out, " characters");
	else if (field->type == FIELD_LIST)
		str_add(out, " items");
}

enum { COLUMNS = 6 };

/* Columns of a line of UTF-8 without combining characters. */
static int columns_of(const char *text)
{
	int columns = 0;
	for (; *text; text++)
		columns += ((unsigned char)*text & 0xC0) != 0x80;
	return columns;
}

static void fill_row(const struct field *field, struct str row[COLUMNS])
{
	str_add(&row[0], field->name);
	str_add(&row[1], type_name(field->type));
	flags_text(field, &row[2]);
	limits_text(field, &row[3]);
	str_add(&row[4], field->fallback ? field->fallback : "");
	str_add(&row[5], field->doc ? field->doc : "");
}

static void print_row(struct str row[COLUMNS], const int widths[COLUMNS])
{
	for (int i = 0; i < COLUMNS; i++) {
		const char *text = str_text(&row[i]);
		int pad = i + 1 < COLUMNS ? widths[i] - columns_of(text) + 2 : 0;
		printf("%s%*s", text, pad, "");
		str_free(&row[i]);
	}
	putchar('\n');
}

static void print_fields(const struct field *fields)
{
	static const char *const HEADS[COLUMNS] = { "FIELD",  "TYPE",	 "RULES",
						    "LIMITS", "DEFAULT", "MEANING" };
	struct str row[COLUMNS] = { STR_INIT };
	int widths[COLUMNS];
	for (int i = 0; i < COLUMNS; i++)
		widths[i] = columns_of(HEADS[i]);
	for (const struct field *field = fields; field->name; field++) {
		fill_row(field, row);
		for (int i = 0; i < COLUMNS; i++) {
			int columns = columns_of(str_text(&row[i]));
			widths[i] = columns > widths[i] ? columns : widths[i];
			str_free(&row[i]);
		}
	}
	for (int i = 0; i < COLUMNS; i++)
		str_add(&row[i], HEADS[i]);
	print_row(row, widths);
	for (const struct field *field = fields; field->name; field++) {
		fill_row(field, row);
		print_row(row, widths);
	}
}

static json_t *field_json(const struct field *field)
{
	AUTO_STR struct str rules = STR_INIT;
	AUTO_STR struct str limits = STR_INIT;
	flags_text(field, &rules);
	limits_text(field, &limits);
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?}", "name", field->name, "type",
			 type_name(field->type), "rules", str_text(&rules), "limits",
			 str_text(&limits), "default", field->fallback, "doc", field->doc);
}

static void print_json(const struct topic *topic, const char *section)
{
	json_t *fields = json_array();
	for (const struct field *field = topic->fields; field->name; field++)
		json_array_append_new(fields, field_json(field));
	json_t *json =
		json_pack("{s:s, s:s?, s:s, s:s, s:o}", "name", topic->name, "section", section,
			  "doc", topic->doc, "example", topic->example, "fields", fields);
	json_dumpf(json, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(json);
}

static void print_topic(const struct options *options, const struct topic *topic,
			const char *section)
{
	if (options->json) {
		print_json(topic, section);
		return;
	}
	printf("%s: %s\n\n", topic->name, topic->doc);
	print_fields(topic->fields);
	if (section != NULL)
		printf("\nexample:\n  %s = ( %s );\n", section, topic->example);
	else
		printf("\nexample:\n  %s\n", topic->example);
}

static void print_list(void)
{
	puts("groups of the configuration:");
	for (size_t i = 0; i < COUNT_OF(TOPICS); i++)
		printf("  %-12s %s\n", TOPICS[i].name, TOPICS[i].doc);
	puts("\nkinds of resources, in lists of a node or role:");
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		printf("  %-12s %s = ( … ): %s\n", (*kind)->name, (*kind)->section, (*kind)->doc);
	puts("\nmoyai explain NAME says the fields of one.");
}

static int unknown(const char *name)
{
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (size_t i = 0; i < COUNT_OF(TOPICS); i++)
		text_list_add(&names, TOPICS[i].name);
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		text_list_add(&names, (*kind)->name);
	near_add(name, &names, &hint);
	err_set(&err, "there is nothing to explain about \"%s\"%s", name,
		hint.length ? str_text(&hint) : "; moyai explain lists all there is");
	return command_fail(&err);
}

static int run(const struct options *options, int argc, char **argv)
{
	if (argc == 0) {
		print_list();
		return EXIT_OK;
	}
	for (size_t i = 0; i < COUNT_OF(TOPICS); i++) {
		if (strcmp(TOPICS[i].name, argv[0]) == 0) {
			print_topic(options, &TOPICS[i], NULL);
			return EXIT_OK;
		}
	}
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++) {
		if (strcmp((*kind)->name, argv[0]) != 0 && strcmp((*kind)->section, argv[0]) != 0)
			continue;
		const struct topic topic = { (*kind)->name, (*kind)->doc, (*kind)->example,
					     (*kind)->fields };
		print_topic(options, &topic, (*kind)->section);
		return EXIT_OK;
	}
	return unknown(argv[0]);
}

const struct command command_explain = {
	.name = "explain",
	.usage = "[KIND]",
	.summary = "the fields of a kind of resource, or of site, network, node, role",
	.run = run,
};
