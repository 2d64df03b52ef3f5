/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "model/kind.h"
#include "model/near.h"
#include "programs/command.h"
#include "programs/show.h"
#include "programs/topic.h"

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
	str_add(&row[1], topic_type(field));
	topic_rules(field, &row[2]);
	topic_limits(field, &row[3]);
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
	topic_rules(field, &rules);
	topic_limits(field, &limits);
	return json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s?}", "name", field->name, "type",
			 topic_type(field), "rules", str_text(&rules), "limits", str_text(&limits),
			 "default", field->fallback, "doc", field->doc);
}

static void print_json(const struct topic *topic, const char *section)
{
	json_t *fields = json_array();
	for (const struct field *field = topic->fields; field->name; field++)
		json_array_append_new(fields, field_json(field));
	json_t *json =
		json_pack("{s:s, s:s?, s:s, s:s, s:o}", "name", topic->name, "section", section,
			  "doc", topic->doc, "example", topic->example, "fields", fields);
	show_json(json);
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
	if (*topic->example == '\0')
		puts("\nfollows from clusters; nobody writes it");
	else if (section != NULL)
		printf("\nexample:\n  %s = ( %s );\n", section, topic->example);
	else
		printf("\nexample:\n  %s\n", topic->example);
}

static void print_item_json(const char *name, const char *section, const char *doc)
{
	json_t *json = json_pack("{s:s, s:s?, s:s}", "name", name, "section", section, "doc", doc);
	show_json(json);
}

static void print_list_json(void)
{
	for (const struct topic *topic = TOPICS; topic->name; topic++)
		print_item_json(topic->name, NULL, topic->doc);
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		print_item_json((*kind)->name, (*kind)->expanded ? NULL : (*kind)->section,
				(*kind)->doc);
}

static void print_list(void)
{
	puts("groups of the configuration:");
	for (const struct topic *topic = TOPICS; topic->name; topic++)
		printf("  %-12s %s\n", topic->name, topic->doc);
	puts("\nkinds of resources, in lists of a node or role:");
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		if (!(*kind)->expanded)
			printf("  %-12s %s = ( … ): %s\n", (*kind)->name, (*kind)->section,
			       (*kind)->doc);
	puts("\nkinds that follow from clusters:");
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		if ((*kind)->expanded)
			printf("  %-12s %s\n", (*kind)->name, (*kind)->doc);
	puts("\nmoyai explain NAME says the fields of one.");
}

static int unknown(const char *name)
{
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (const struct topic *topic = TOPICS; topic->name; topic++)
		text_list_add(&names, topic->name);
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		text_list_add(&names, (*kind)->name);
	near_add(name, &names, &hint);
	err_set(&err, "there is nothing to explain about \"%s\"%s", name,
		hint.length ? str_text(&hint) : "; moyai explain lists all there is");
	return command_fail(&err);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	if (argc == 0) {
		options->json ? print_list_json() : print_list();
		return EXIT_OK;
	}
	if (argc > 1) {
		err_set(&err, "explain takes one name, \"%s\" is a second one", argv[1]);
		return command_fail(&err);
	}
	for (const struct topic *topic = TOPICS; topic->name; topic++) {
		if (strcmp(topic->name, argv[0]) == 0) {
			print_topic(options, topic, NULL);
			return EXIT_OK;
		}
	}
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++) {
		if (strcmp((*kind)->name, argv[0]) != 0 && strcmp((*kind)->section, argv[0]) != 0)
			continue;
		const struct topic topic = { (*kind)->name, (*kind)->doc, (*kind)->example,
					     (*kind)->fields };
		print_topic(options, &topic, (*kind)->expanded ? NULL : (*kind)->section);
		return EXIT_OK;
	}
	return unknown(argv[0]);
}

const struct command command_explain = {
	.name = "explain",
	.usage = "[KIND]",
	.summary = "the fields of a kind of resource, or of site, network, node, role",
	.doc = "Without a word: all groups of the configuration and all kinds of resources. With\n"
	       "one: its fields, their types, limits and defaults, and an example.",
	.run = run,
};
