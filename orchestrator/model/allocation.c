/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/allocation.h"

#include <stdlib.h>
#include <string.h>

#include "model/print.h"
#include "model/text_check.h"

#define ALLOCATION(member) offsetof(struct allocation, member)
#define GUEST(member) offsetof(struct allocated_guest, member)

const struct field ALLOCATION_FIELDS[] = {
	{ "cluster", FIELD_NAME, ALLOCATION(cluster), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the cluster whose record it is" },
	{ "rotation", FIELD_NUMBER, ALLOCATION(rotation), 0, 0, UINT32_MAX, NULL, "0",
	  "of the cluster's secrets: another number gives others" },
	{ "vlan", FIELD_NUMBER, ALLOCATION(vlan), 0, 1, 4094, NULL, NULL,
	  "tag of the private network" },
	{ "cidr", FIELD_CIDR, ALLOCATION(cidr), 0, 0, 0, NULL, NULL,
	  "addresses of the private network" },
	{ "snapshots", FIELD_LIST, ALLOCATION(snapshots), 0, 0, ALLOCATION_SNAPSHOTS_MAX, NULL,
	  NULL, "SNAPSHOT@SECONDS: of all its disks together, and when: moyai cluster snapshot" },
	{ "forgotten", FIELD_LIST, ALLOCATION(forgotten), 0, 0, 1024, NULL, NULL,
	  "snapshots that may be lost: moyai cluster forget" },
	{ "given_up", FIELD_LIST, ALLOCATION(given_up), 0, 0, 0, NULL, NULL,
	  "DISK@NODE/POOL: disks of nodes that were taken out, which may be lost" },
	FIELD_END
};

const struct field ALLOCATED_GUEST_FIELDS[] = {
	{ "name", FIELD_NAME, GUEST(name), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "the guest, as it is called in the cluster" },
	{ "address", FIELD_ADDRESS, GUEST(address), 0, 0, 0, NULL, NULL,
	  "address in the private network" },
	{ "mac", FIELD_MAC, GUEST(mac), 0, 0, 0, NULL, NULL, "MAC address there" },
	{ "outside_mac", FIELD_MAC, GUEST(outside_mac), 0, 0, 0, NULL, NULL,
	  "of the frontend: MAC address of its outer interface" },
	{ "host", FIELD_NAME, GUEST(host), 0, 0, 0, NULL, NULL, "the node it is placed on first" },
	{ "to", FIELD_NAME, GUEST(to), 0, 0, 0, NULL, NULL,
	  "the node it is moving to, by now: moyai cluster migrate" },
	{ "disk", FIELD_TEXT, GUEST(disk), 0, 1, 256, NULL, NULL,
	  "NODE/POOL or NODE/POOL/THIN-POOL that its disk is cut from" },
	{ "scratch", FIELD_TEXT, GUEST(scratch), 0, 1, 256, NULL, NULL,
	  "likewise of its scratch disk" },
	{ "disk_reset", FIELD_TEXT, GUEST(disk_reset), 0, 1, 128, NULL, NULL,
	  "SNAPSHOT@SECONDS: what its disk was set back to, and when: moyai cluster reset" },
	{ "scratch_reset", FIELD_TEXT, GUEST(scratch_reset), 0, 1, 128, NULL, NULL,
	  "likewise of its scratch disk" },
	{ "epoch", FIELD_NUMBER, GUEST(epoch), 0, 1, UINT32_MAX, NULL, NULL,
	  "how often it was moved while it ran" },
	FIELD_END
};

void allocation_init(struct allocation *allocation)
{
	*allocation = (struct allocation){ 0 };
	fields_init(ALLOCATION_FIELDS, allocation);
}

void allocation_free(struct allocation *allocation)
{
	if (allocation == NULL)
		return;
	fields_free(ALLOCATION_FIELDS, allocation);
	for (size_t i = 0; i < allocation->guest_count; i++)
		fields_free(ALLOCATED_GUEST_FIELDS, &allocation->guests[i]);
	free(allocation->guests);
	allocation_init(allocation);
}

void allocation_copy(struct allocation *to, const struct allocation *from)
{
	allocation_init(to);
	fields_copy(ALLOCATION_FIELDS, to, from);
	to->place = from->place;
	for (size_t i = 0; i < from->guest_count; i++) {
		struct allocated_guest *guest = allocation_add(to, NULL);
		fields_copy(ALLOCATED_GUEST_FIELDS, guest, &from->guests[i]);
		guest->place = from->guests[i].place;
	}
}

struct allocated_guest *allocation_find(const struct allocation *allocation, const char *guest)
{
	for (size_t i = 0; i < allocation->guest_count; i++)
		if (text_equal(allocation->guests[i].name, guest))
			return &allocation->guests[i];
	return NULL;
}

struct allocated_guest *allocation_add(struct allocation *allocation, const char *name)
{
	size_t count = allocation->guest_count;
	if ((count & (count - 1)) == 0)
		allocation->guests = xrealloc(allocation->guests, count ? count * 2 : 1,
					      sizeof(*allocation->guests));
	struct allocated_guest *guest = &allocation->guests[allocation->guest_count++];
	*guest = (struct allocated_guest){ 0 };
	fields_init(ALLOCATED_GUEST_FIELDS, guest);
	guest->name = xstrdup(name);
	return guest;
}

bool allocated_disk_parse(const char *text, struct allocated_disk *disk)
{
	static const struct field NAME = { .name = "name", .type = FIELD_NAME };
	char **parts[] = { &disk->node, &disk->pool, &disk->thin_pool };
	*disk = (struct allocated_disk){ 0 };
	for (size_t i = 0; i < COUNT_OF(parts); i++) {
		size_t length = strcspn(text, "/");
		AUTO_FREE char *part = xstrndup(text, length);
		if (field_set_text(&NAME, parts[i], part, NULL) != 0)
			break;
		text += length;
		if (*text == '\0' && i > 0)
			return true;
		if (*text++ != '/')
			break;
	}
	allocated_disk_free(disk);
	return false;
}

bool allocated_given_up_parse(const char *text, char **name, struct allocated_disk *disk)
{
	const char *at = text ? strchr(text, '@') : NULL;
	*name = NULL;
	if (at == NULL || !allocated_disk_parse(at + 1, disk))
		return false;
	*name = xstrndup(text, (size_t)(at - text));
	if (text_is_name(*name))
		return true;
	free(*name);
	*name = NULL;
	allocated_disk_free(disk);
	return false;
}

bool allocated_reset_parse(const char *text, char **snapshot, uint64_t *seconds)
{
	const char *at = text ? strchr(text, '@') : NULL;
	char *end = NULL;
	*snapshot = NULL;
	if (at == NULL || at[1] < '0' || at[1] > '9')
		return false;
	*seconds = strtoull(at + 1, &end, 10);
	if (*end != '\0' || *seconds == 0 || *seconds > UINT32_MAX)
		return false;
	*snapshot = xstrndup(text, (size_t)(at - text));
	if (text_is_name(*snapshot))
		return true;
	free(*snapshot);
	*snapshot = NULL;
	return false;
}

static bool is_to(const char *reset, const char *snapshot)
{
	AUTO_FREE char *name = NULL;
	uint64_t seconds;
	return allocated_reset_parse(reset, &name, &seconds) && strcmp(name, snapshot) == 0;
}

bool allocation_has_snapshot(const struct allocation *allocation, const char *snapshot)
{
	for (size_t i = 0; i < allocation->snapshots.count; i++)
		if (is_to(allocation->snapshots.items[i], snapshot))
			return true;
	return false;
}

bool allocated_is_set_back(const struct allocated_guest *guest, const char *snapshot)
{
	return is_to(guest->disk_reset, snapshot) || is_to(guest->scratch_reset, snapshot);
}

void allocated_disk_free(struct allocated_disk *disk)
{
	free(disk->node);
	free(disk->pool);
	free(disk->thin_pool);
	*disk = (struct allocated_disk){ 0 };
}

void allocation_print(const struct allocation *allocation, struct str *out)
{
	str_addf(out,
		 "# Written by moyai cluster allocate: what clusters/%s.cfg leaves open.\n"
		 "# Committed with the site. What is taken out is chosen anew.\n",
		 allocation->cluster);
	print_fields(ALLOCATION_FIELDS, allocation, "", "\n", out);
	str_add(out, "guests = (");
	for (size_t i = 0; i < allocation->guest_count; i++) {
		str_addf(out, "%s\n\t{ ", i ? "," : "");
		print_fields(ALLOCATED_GUEST_FIELDS, &allocation->guests[i], "", " ", out);
		str_add(out, "}");
	}
	str_add(out, "\n);\n");
}
