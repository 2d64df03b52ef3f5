/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/size.h"
#include "engine/export.h"
#include <string.h>

#include "programs/cluster.h"
#include "programs/show.h"
#include "programs/timeline.h"

/* What is recorded of a guest; all is NULL when nothing is. */
static struct allocated_guest recorded_of(const struct cluster *cluster, size_t index)
{
	const struct allocated_guest *found =
		allocation_find(&cluster->recorded, cluster->guests[index].name);
	return found ? *found : (struct allocated_guest){ 0 };
}

/* ---- text ---- */

static void add_bytes(uint64_t bytes, struct str *out)
{
	if (bytes == FIELD_UNSET)
		str_add(out, "-");
	else
		size_print(bytes, out);
}

static void add_network(const struct cluster *cluster, struct str *out)
{
	const struct allocation *record = &cluster->recorded;
	uint64_t vlan = cluster_vlan(cluster, record);
	const char *cidr = cluster_cidr(cluster, record);
	if (cidr == NULL || vlan == FIELD_UNSET)
		str_add(out, "not recorded yet; moyai cluster allocate does that");
	else
		str_addf(out, "%s, VLAN %u", cidr, (unsigned)vlan);
}

static void add_outside(const struct site *site, const struct cluster *cluster, struct str *out)
{
	const struct cluster_external *external = &cluster->external;
	if (external->address != NULL)
		str_addf(out, "%s on network %s", external->address, external->network);
	else if (cluster->forward_count == 0)
		str_add(out, "nothing leads in");
	for (size_t i = 0; i < cluster->forward_count; i++) {
		const struct cluster_forward *forward = &cluster->forwards[i];
		str_addf(out, "%s%s port %u of the gateway on network %s leads to %u",
			 i ? "; " : "", forward->protocol, (unsigned)forward->port,
			 cluster_forward_network(forward, site->boot_network),
			 (unsigned)cluster_forward_to(forward));
	}
}

static void add_rolls(const struct cluster *cluster, struct str *out)
{
	for (size_t i = 0; i < cluster->rolls.count; i++) {
		const char *comma = i ? ", " : "";
		const char *open = " (";
		str_addf(out, "%s%s", comma, cluster->rolls.items[i]);
		for (size_t j = 0; j < cluster->parameter_count; j++) {
			const struct cluster_parameter *parameter = &cluster->parameters[j];
			if (!text_equal(parameter->roll, cluster->rolls.items[i]))
				continue;
			str_addf(out, "%s%s %s", open, parameter->name, parameter->value);
			open = ", ";
		}
		if (*open == ',')
			str_add(out, ")");
	}
	if (cluster->rolls.count == 0)
		str_add(out, "none");
}

/* What rolls and packages make of appliances; one that is as it is stands in the table. */
static void add_images(const struct cluster *cluster, struct str *out)
{
	AUTO_LIST struct text_list images = TEXT_LIST_INIT;
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_group *group = cluster->guests[i].group;
		if (!text_equal(group->role, group->appliance) &&
		    !text_list_has(&images, group->role))
			text_list_add(&images, group->role);
	}
	for (size_t i = 0; i < images.count; i++)
		str_addf(out, "%s%s", i ? ", " : "\n  images   ", images.items[i]);
}

static char *snapshot_name(const char *recorded)
{
	return xstrndup(recorded, strcspn(recorded, "@"));
}

static void add_snapshots(const struct cluster *cluster, struct str *out)
{
	const struct allocation *record = &cluster->recorded;
	for (size_t i = 0; i < record->snapshots.count; i++) {
		AUTO_FREE char *name = snapshot_name(record->snapshots.items[i]);
		bool back = false;
		for (size_t j = 0; j < record->guest_count; j++)
			back |= allocated_is_set_back(&record->guests[j], name);
		str_addf(out, "%s%s%s", i ? ", " : "\n  snapshot ", name,
			 back ? " (its disks were set back to it)" : "");
	}
}

static void add_head(const struct site *site, const struct cluster *cluster, struct str *out)
{
	struct cluster_sum sum = cluster_command_sum(cluster);
	AUTO_STR struct str safe = STR_INIT;
	str_addf(out, "%s: %s\n", cluster->name, cluster->state);
	str_add(out, "  network  ");
	add_network(cluster, out);
	str_add(out, "\n  outside  ");
	add_outside(site, cluster, out);
	str_add(out, "\n  rolls    ");
	add_rolls(cluster, &safe);
	show_safe(out, str_text(&safe));
	add_images(cluster, out);
	add_snapshots(cluster, out);
	str_addf(out, "\n  keys     %zu\n", cluster->authorized_keys.count);
	str_addf(out, "  disks    attached by %s, %s\n",
		 text_equal(cluster->attach, "host") ? "the host" : "QEMU",
		 text_equal(cluster->scrub, "discard") ? "discarded when removed"
						       : "overwritten when removed");
	str_addf(out, "  in all   %zu guest%s, %llu vCPUs, ", cluster->guest_count,
		 cluster->guest_count == 1 ? "" : "s", (unsigned long long)sum.vcpus);
	size_print_short(sum.memory_bytes, out);
	str_add(out, " memory, ");
	size_print_short(sum.disk_bytes, out);
	str_add(out, " disks\n\n");
}

static void cell(struct show_table *table, const char *text)
{
	show_cell(table, text ? text : "-");
}

static void cell_bytes(struct show_table *table, uint64_t bytes)
{
	AUTO_STR struct str text = STR_INIT;
	add_bytes(bytes, &text);
	show_cell(table, str_text(&text));
}

static void add_guests(const struct cluster *cluster, struct str *out)
{
	static const char *const HEAD[] = { "GUEST",   "APPLIANCE", "BOOT",    "VCPUS",
					    "MEMORY",  "DISK",	    "SCRATCH", "CUT FROM",
					    "ADDRESS", "MAC",	    "HOST" };
	struct show_table table = { .columns = COUNT_OF(HEAD) };
	for (size_t i = 0; i < COUNT_OF(HEAD); i++)
		show_cell(&table, HEAD[i]);
	for (size_t i = 0; i < cluster->guest_count; i++) {
		const struct cluster_guest *guest = &cluster->guests[i];
		const struct cluster_group *group = guest->group;
		const struct allocated_guest recorded = recorded_of(cluster, i);
		AUTO_FREE char *vcpus = xasprintf("%u", (unsigned)group->vcpus);
		cell(&table, guest->name);
		cell(&table, group->appliance);
		cell(&table, group->boot);
		cell(&table, vcpus);
		cell_bytes(&table, group->memory);
		cell_bytes(&table, group->disk);
		cell_bytes(&table, group->scratch);
		cell(&table, recorded.disk ? recorded.disk : recorded.scratch);
		cell(&table, recorded.address);
		cell(&table, recorded.mac);
		cell(&table, recorded.host);
	}
	show_table_print(&table, out);
	show_table_free(&table);
}

/* ---- JSON ---- */

static json_t *disk_json(const struct site *site, const char *id, uint64_t bytes, const char *place)
{
	struct allocated_disk disk;
	if (bytes == FIELD_UNSET)
		return json_null();
	json_t *json = json_pack("{s:s, s:I}", "name", id, "size", (json_int_t)bytes);
	if (place == NULL || !allocated_disk_parse(place, &disk))
		return json;
	AUTO_FREE char *iqn = export_target_iqn(site, disk.node, id);
	json_object_set_new(json, "from", json_string(place));
	json_object_set_new(json, "iqn", json_string(iqn));
	allocated_disk_free(&disk);
	return json;
}

static json_t *guest_json(const struct site *site, const struct cluster *cluster, size_t index)
{
	const struct cluster_guest *guest = &cluster->guests[index];
	const struct cluster_group *group = guest->group;
	const struct allocated_guest recorded = recorded_of(cluster, index);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s?, s:I, s:I, s:o, s:o, s:s?, s:s?, s:s?, s:s?}",
		"name", guest->name, "id", guest->id, "group", group->name, "appliance",
		group->appliance, "image", group->role, "boot", group->boot, "vcpus",
		(json_int_t)group->vcpus, "memory", (json_int_t)group->memory, "disk",
		disk_json(site, guest->id, group->disk, recorded.disk), "scratch",
		disk_json(site, guest->scratch_id, group->scratch, recorded.scratch), "address",
		recorded.address, "mac", recorded.mac, "outside_mac", recorded.outside_mac, "host",
		recorded.host);
}

static json_t *snapshots_json(const struct text_list *names)
{
	json_t *json = json_array();
	for (size_t i = 0; i < names->count; i++)
		json_array_append_new(json, json_string(names->items[i]));
	return json;
}

static void add_json(const struct site *site, const struct cluster *cluster, struct str *out)
{
	const struct allocation *record = &cluster->recorded;
	uint64_t vlan = cluster_vlan(cluster, record);
	json_t *guests = json_array();
	for (size_t i = 0; i < cluster->guest_count; i++)
		json_array_append_new(guests, guest_json(site, cluster, i));
	json_t *json = json_object();
	json_object_set_new(json, "event", json_string("cluster"));
	json_object_update_new(json, fields_to_json(CLUSTER_FIELDS, cluster));
	json_object_set_new(json, "vlan",
			    vlan == FIELD_UNSET ? json_null() : json_integer((json_int_t)vlan));
	json_object_set_new(json, "cidr",
			    cluster_cidr(cluster, record)
				    ? json_string(cluster_cidr(cluster, record))
				    : json_null());
	json_object_set_new(json, "guests", guests);
	if (record->snapshots.count > 0)
		json_object_set_new(json, "snapshots", snapshots_json(&record->snapshots));
	show_json_line(out, json);
}

/* ---- its last start ---- */

static int write_picture(const char *path, const struct timeline *timeline, struct err *err)
{
	AUTO_STR struct str picture = STR_INIT;
	timeline_svg(timeline, &picture);
	return file_write(path, picture.data, picture.length, 0644, err);
}

static int show_timeline(const struct options *options, const struct cluster *cluster,
			 const char *state_dir, struct str *out, struct err *err)
{
	struct timeline timeline;
	int rc = timeline_load(state_dir, cluster->name, &timeline, err);
	if (rc == 1)
		return err_set(
			err,
			"cluster \"%s\": nothing is known of a start of it from this machine; "
			"moyai cluster start %s",
			cluster->name, cluster->name);
	if (rc == 0 && options->out != NULL)
		rc = write_picture(options->out, &timeline, err);
	if (rc == 0 && options->json)
		timeline_json(&timeline, out);
	else if (rc == 0)
		timeline_table(&timeline, out);
	timeline_free(&timeline);
	return rc;
}

static int show_timelines(const struct options *options, const struct site *site,
			  const size_t *chosen, size_t count, struct str *out)
{
	struct err err = ERR_INIT;
	AUTO_FREE char *state_dir = command_state_dir(options, site);
	if (state_dir == NULL)
		return EXIT_ERROR;
	if (options->out != NULL && count > 1) {
		err_set(&err, "--out takes the picture of one cluster; %zu are named", count);
		return command_fail(&err);
	}
	for (size_t i = 0; i < count; i++) {
		str_add(out, i && !options->json ? "\n" : "");
		if (show_timeline(options, &site->clusters[chosen[i]], state_dir, out, &err) != 0)
			return command_fail(&err);
	}
	return EXIT_OK;
}

static int run(const struct options *options, int argc, char **argv)
{
	struct site site;
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	size_t count = 0;
	if (argc == 0) {
		err_set(&err, "cluster show: write the name of a cluster; moyai cluster list shows "
			      "them");
		return command_fail(&err);
	}
	if (options->out != NULL && !options->timeline) {
		err_set(&err, "--out writes the picture of --timeline");
		return command_fail(&err);
	}
	if (command_site(options, &site) != 0)
		return EXIT_ERROR;
	size_t *chosen = cluster_command_choose(&site, argc, argv, &count, &err);
	int result = chosen ? EXIT_OK : command_fail(&err);
	if (chosen && options->timeline)
		result = show_timelines(options, &site, chosen, count, &out);
	for (size_t i = 0; chosen && !options->timeline && i < count; i++) {
		const struct cluster *cluster = &site.clusters[chosen[i]];
		if (options->json) {
			add_json(&site, cluster, &out);
			continue;
		}
		str_add(&out, i ? "\n" : "");
		add_head(&site, cluster, &out);
		add_guests(cluster, &out);
	}
	fputs(str_text(&out), stdout);
	site_free(&site);
	free(chosen);
	return result;
}

const struct command command_cluster_show = {
	.name = "cluster show",
	.usage = "CLUSTER…",
	.summary = "one virtual cluster: network, rolls, and its guests one by one",
	.doc = "As it is declared and recorded: the host is the one that a guest is placed on\n"
	       "first. Nothing is contacted.\n"
	       "\n"
	       "With --timeline, what took how long when it was last started from this machine: "
	       "the\n"
	       "steps of the apply, and the stages of its guests; --out FILE makes a picture of it "
	       "(SVG).",
	.run = run,
	.options = OPTION_REVISION | OPTION_TIMELINE | OPTION_OUT,
};
