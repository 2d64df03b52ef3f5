/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/print.h"

#include "model/kind.h"
#include "model/site.h"

/* Text in libconfig's quotes, so that it reads back as it was. */
static void add_quoted(const char *text, struct str *out)
{
	str_add(out, "\"");
	for (const char *at = text; *at; at++) {
		unsigned char c = (unsigned char)*at;
		if (c == '"' || c == '\\')
			str_addf(out, "\\%c", c);
		else if (c == '\n')
			str_add(out, "\\n");
		else if (c < 32 || c == 127)
			str_addf(out, "\\x%02x", c);
		else
			str_add_bytes(out, at, 1);
	}
	str_add(out, "\"");
}

static void add_list(const struct text_list *list, struct str *out)
{
	str_add(out, "[");
	for (size_t i = 0; i < list->count; i++) {
		str_add(out, i ? ", " : " ");
		add_quoted(list->items[i], out);
	}
	str_add(out, " ]");
}

void print_fields(const struct field *fields, const void *object, const char *indent,
		  const char *between, struct str *out)
{
	for (const struct field *field = fields; field->name; field++) {
		if (!field_given(field, object) || field->flags & FIELD_DERIVED)
			continue;
		str_addf(out, "%s%s = ", indent, field->name);
		if (field->type == FIELD_LIST) {
			add_list((const void *)((const char *)object + field->offset), out);
		} else {
			AUTO_STR struct str value = STR_INIT;
			bool bare = field->type == FIELD_NUMBER || field->type == FIELD_BOOL;
			field_print(field, object, &value);
			if (bare)
				str_add(out, str_text(&value));
			else
				add_quoted(str_text(&value), out);
		}
		str_addf(out, ";%s", between);
	}
}

static void add_section(const struct kind_spec *kind, const struct spec_list *wants,
			struct str *out)
{
	size_t count = 0;
	for (size_t i = 0; i < wants->count; i++) {
		const struct spec *want = &wants->items[i];
		if (want->kind != kind || want->cluster != NULL)
			continue;
		if (count++ == 0)
			str_addf(out, "\t\t%s = (\n", kind->section);
		else
			str_add(out, ",\n");
		str_add(out, "\t\t\t{ ");
		print_fields(kind->fields, want->body, "", " ", out);
		str_add(out, "}");
	}
	if (count > 0)
		str_add(out, "\n\t\t);\n");
}

static void add_node(const struct site_node *node, struct str *out)
{
	str_add(out, "\t{\n");
	print_fields(NODE_FIELDS, node, "\t\t", "\n", out);
	if (node->address_count > 0) {
		str_add(out, "\t\taddresses = { ");
		for (size_t i = 0; i < node->address_count; i++) {
			const struct node_address *address = &node->addresses[i];
			str_addf(out,
				 address->address6 ? "%s = [ \"%s\", \"%s\" ]; " : "%s = \"%s\"; ",
				 address->network->name, address->address, address->address6);
		}
		str_add(out, "};\n");
	}
	if (node->bmc.type != NULL) {
		str_add(out, "\t\tbmc = { ");
		print_fields(BMC_FIELDS, &node->bmc, "", " ", out);
		str_add(out, "};\n");
	}
	if (node->guests.place.file != NULL) {
		str_add(out, "\t\tguests = { ");
		print_fields(GUESTS_FIELDS, &node->guests, "", " ", out);
		str_add(out, "};\n");
	}
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		add_section(*kind, &node->wants, out);
	str_add(out, "\t}");
}

void role_print(const struct role *role, const char *extends, struct str *out)
{
	const struct role told = { .doc = role->doc ? role->doc : role->name,
				   .extends = (char *)extends,
				   .packages = role->packages };
	print_fields(ROLE_FIELDS, &told, "", "\n", out);
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		add_section(*kind, role->wants, out);
}

void site_print(const struct site *site, struct str *out)
{
	print_fields(SITE_FIELDS, site, "", "\n", out);
	str_add(out, "boot = { ");
	print_fields(SITE_BOOT_FIELDS, site, "", " ", out);
	str_add(out, "};\n\nnetworks = (\n");
	for (size_t i = 0; i < site->network_count; i++) {
		str_add(out, "\t{ ");
		print_fields(NETWORK_FIELDS, &site->networks[i], "", " ", out);
		str_add(out, i + 1 < site->network_count ? "},\n" : "}\n");
	}
	str_add(out, ");\n\nnodes = (\n");
	for (size_t i = 0; i < site->node_count; i++) {
		add_node(&site->nodes[i], out);
		str_add(out, i + 1 < site->node_count ? ",\n" : "\n");
	}
	str_add(out, ");\n");
}
