/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "model/read.h"
#include "model/text_check.h"

struct record_context {
	struct allocation *record;
	const char *what;
};

static void read_guest(struct reader *reader, const config_setting_t *group, unsigned index,
		       const struct record_context *of)
{
	AUTO_FREE char *own = read_what(group, "guest", index);
	AUTO_FREE char *what = xasprintf("%s: %s", of->what, own);
	if (!read_is_group(reader, group, what))
		return;
	struct allocated_guest *guest = allocation_add(of->record, NULL);
	guest->place = read_places(reader, group, ALLOCATED_GUEST_FIELDS);
	read_group(reader, group, ALLOCATED_GUEST_FIELDS, guest, what, NULL);
	const struct allocated_guest *twin =
		guest->name ? allocation_find(of->record, guest->name) : guest;
	if (twin != guest)
		mistake_add(reader->mistakes, place_of(guest->place, "name"),
			    "%s is there already (line %u); take one of the two out", what,
			    place_of(twin->place, "name").line);
}

static bool record_key(struct reader *reader, const config_setting_t *member, void *context)
{
	const struct record_context *of = context;
	if (strcmp(config_setting_name(member), "guests") != 0)
		return false;
	AUTO_FREE char *what = xasprintf("%s: guests", of->what);
	if (read_is_list(reader, member, what))
		for (int i = 0; i < config_setting_length(member); i++)
			read_guest(reader, config_setting_get_elem(member, (unsigned)i),
				   (unsigned)i, of);
	return true;
}

static bool is_snapshot(const char *text)
{
	AUTO_FREE char *name = NULL;
	uint64_t seconds;
	return allocated_reset_parse(text, &name, &seconds);
}
static const struct read_rule SNAPSHOTS = { "snapshots", is_snapshot,
					    "SNAPSHOT@SECONDS, like \"clean@1796057134\"" };
static bool is_given_up(const char *text)
{
	AUTO_FREE char *name = NULL;
	struct allocated_disk disk;
	if (!allocated_given_up_parse(text, &name, &disk))
		return false;
	allocated_disk_free(&disk);
	return true;
}
static const struct read_rule GIVEN_UP = {
	"given_up", is_given_up,
	"DISK@NODE/POOL or DISK@NODE/POOL/THIN-POOL, like \"compute6@store1/main\""
};
static const struct read_rule FORGOTTEN = { "forgotten", text_is_name, "a name, like \"clean\"" };

static void read_record(struct reader *reader, const config_setting_t *root,
			struct cluster *cluster)
{
	struct allocation *record = &cluster->recorded;
	AUTO_FREE char *what = xasprintf("allocation of \"%s\"", cluster->name);
	struct record_context context = { record, what };
	const struct read_more more = { record_key, "guests", false, &context };
	record->place = read_places(reader, root, ALLOCATION_FIELDS);
	record->place.file = reader->file;
	record->place.line = 1;
	read_group(reader, root, ALLOCATION_FIELDS, record, what, &more);
	read_check(reader, root, &SNAPSHOTS, what);
	read_check(reader, root, &FORGOTTEN, what);
	read_check(reader, root, &GIVEN_UP, what);
	if (record->cluster != NULL && strcmp(record->cluster, cluster->name) != 0)
		mistake_add(reader->mistakes, place_of(record->place, "cluster"),
			    "%s: is the record of cluster \"%s\"; remove the file, and moyai "
			    "cluster allocate makes its own",
			    what, record->cluster);
}

void read_allocations(struct reader *reader)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	read_stems(reader, ALLOCATION_FOLDER, &names);
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *file = xasprintf(ALLOCATION_FOLDER "/%s.cfg", names.items[i]);
		struct cluster *cluster = site_find_cluster(reader->site, names.items[i]);
		config_t config;
		bool parsed = read_config(reader, file, NULL, 0, &config);
		if (parsed && cluster != NULL)
			read_record(reader, config_root_setting(&config), cluster);
		else if (parsed)
			mistake_add(
				reader->mistakes, (struct place){ .file = reader->file, .line = 1 },
				"there is no cluster \"%s\"; remove this file too, or bring "
				"back " CLUSTER_FOLDER
				"/%s.cfg, with state = \"absent\" while something of it is left",
				names.items[i], names.items[i]);
		config_destroy(&config);
	}
}
