/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/size.h"
#include "model/nodeset.h"
#include "programs/cluster.h"
#include "programs/show.h"

static void add_list(const struct text_list *list, struct str *out)
{
	for (size_t i = 0; i < list->count; i++)
		str_addf(out, "%s%s", i ? "," : "", list->items[i]);
}

static void cell_number(struct show_table *table, uint64_t number)
{
	AUTO_FREE char *text = number == FIELD_UNSET
				       ? xstrdup("-")
				       : xasprintf("%llu", (unsigned long long)number);
	show_cell(table, text);
}

static void cell_bytes(struct show_table *table, uint64_t bytes)
{
	AUTO_STR struct str text = STR_INIT;
	size_print_short(bytes, &text);
	show_cell(table, str_text(&text));
}

static void cell_or_none(struct show_table *table, const struct str *text)
{
	show_cell(table, text->length ? str_text(text) : "-");
}

/* Hosts by the record: the frontend's, and those of the others. */
static void add_row(const struct cluster *cluster, struct show_table *table)
{
	struct cluster_sum sum = cluster_command_sum(cluster);
	AUTO_LIST struct text_list hosts = TEXT_LIST_INIT;
	AUTO_STR struct str gateway = STR_INIT;
	AUTO_STR struct str folded = STR_INIT;
	AUTO_STR struct str rolls = STR_INIT;
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_guest *guest = &cluster->guests[i];
		const struct allocated_guest *recorded =
			allocation_find(&cluster->recorded, guest->name);
		if (recorded == NULL || recorded->host == NULL)
			continue;
		if (cluster_is_frontend(guest))
			str_add(&gateway, recorded->host);
		else
			text_list_add(&hosts, recorded->host);
	}
	nodeset_fold(&hosts, &folded);
	add_list(&cluster->rolls, &rolls);
	show_cell(table, cluster->name);
	show_cell(table, cluster->state);
	cell_number(table, cluster->guest_count - 1);
	cell_number(table, sum.vcpus);
	cell_bytes(table, sum.memory_bytes);
	cell_bytes(table, sum.disk_bytes);
	cell_number(table, cluster_vlan(cluster, &cluster->recorded));
	cell_or_none(table, &gateway);
	cell_or_none(table, &folded);
	cell_or_none(table, &rolls);
}

static json_t *to_json(const struct cluster *cluster, bool recorded)
{
	struct cluster_sum sum = cluster_command_sum(cluster);
	uint64_t vlan = cluster_vlan(cluster, &cluster->recorded);
	json_t *rolls = json_array();
	for (size_t i = 0; i < cluster->rolls.count; i++)
		json_array_append_new(rolls, json_string(cluster->rolls.items[i]));
	json_t *json =
		json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o, s:b}", "event", "cluster",
			  "name", cluster->name, "state", cluster->state, "nodes",
			  (json_int_t)(cluster->guest_count - 1), "vcpus", (json_int_t)sum.vcpus,
			  "memory", (json_int_t)sum.memory_bytes, "disks",
			  (json_int_t)sum.disk_bytes, "rolls", rolls, "recorded", (int)recorded);
	if (vlan != FIELD_UNSET)
		json_object_set_new(json, "vlan", json_integer((json_int_t)vlan));
	return json;
}

static void print(const struct options *options, const struct site *site,
		  const struct allocations *allocations)
{
	static const char *const HEAD[] = { "NAME",  "STATE", "NODES",	  "VCPUS", "MEMORY",
					    "DISKS", "VLAN",  "FRONTEND", "HOSTS", "ROLLS" };
	AUTO_LIST struct text_list open = TEXT_LIST_INIT;
	AUTO_STR struct str out = STR_INIT;
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	for (size_t i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		AUTO_STR struct str before = STR_INIT;
		AUTO_STR struct str after = STR_INIT;
		cluster_command_records(cluster, &allocations->items[i], &before, &after);
		bool recorded = text_equal(str_text(&before), str_text(&after));
		if (!recorded)
			text_list_add(&open, cluster->name);
		if (options->json)
			show_json_line(&out, to_json(cluster, recorded));
		add_row(cluster, &table);
	}
	if (!options->json)
		show_table_print(&table, &out);
	show_table_free(&table);
	fputs(str_text(&out), stdout);
	fflush(stdout);
	if (open.count > 0 && !options->json) {
		AUTO_STR struct str names = STR_INIT;
		add_list(&open, &names);
		fprintf(stderr, "not all is recorded of %s; moyai cluster allocate does that\n",
			str_text(&names));
	}
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct allocations allocations;
	struct err err = ERR_INIT;
	if (argc > 0) {
		err_set(&err, "cluster list takes no argument \"%s\"; see moyai cluster show",
			argv[0]);
		return command_fail(&err);
	}
	if (cluster_command_look(options, &site, &allocations) != 0)
		return EXIT_ERROR;
	print(options, &site, &allocations);
	allocations_free(&allocations);
	site_free(&site);
	return EXIT_OK;
}

const struct command command_cluster_list = {
	.name = "cluster list",
	.usage = "",
	.summary = "the virtual clusters: size, VLAN and where they are placed",
	.doc = "A line per cluster, as it is declared and recorded. The hosts are those that its\n"
	       "guests are placed on first; nothing is contacted.",
	.run = run,
	.options = OPTION_REVISION,
};
