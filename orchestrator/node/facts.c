/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "node/facts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "system/links.h"
#include "system/usage.h"
/*
 * All of it from files and one netlink dump, without a single process: facts
 * are asked for with every status, of machines that may be slow.
 */
enum { SMALL_FILE_BYTES = 1 << 20, SECTOR_BYTES = 512 };

/* The whole of a small file without blanks at its ends; "" when it cannot be read. */
static void read_line(const char *path, struct str *out)
{
	str_clear(out);
	if (file_read(path, SMALL_FILE_BYTES, out, NULL) != 0)
		return;
	while (out->length > 0 && strchr(" \n", out->data[out->length - 1]))
		out->data[--out->length] = '\0';
}

static void set_text(json_t *object, const char *name, const char *text)
{
	if (text != NULL && text[0] != '\0')
		json_object_set_new(object, name, json_string(text));
}

static void set_number(json_t *object, const char *name, uint64_t number)
{
	json_object_set_new(object, name, json_integer((json_int_t)number));
}

/* "MemTotal:  1014256 kB" of /proc/meminfo, in bytes. */
static uint64_t memory_bytes(const char *text, const char *label)
{
	const char *at = strstr(text, label);
	return at ? strtoull(at + strlen(label), NULL, 10) * 1024 : 0;
}

static void add_machine(json_t *facts)
{
	AUTO_STR struct str text = STR_INIT;
	struct utsname names;
	if (uname(&names) == 0) {
		set_text(facts, "hostname", names.nodename);
		set_text(facts, "kernel", names.release);
	}
	/* A digest tells two boots apart as well; the id itself is the key of the secrets in
	   digests, and stays on the node (engine/judge.c). */
	char boot[HASH_HEX_SIZE];
	read_line("/proc/sys/kernel/random/boot_id", &text);
	if (hash_bytes_hex(str_text(&text), text.length, boot, NULL) == 0)
		set_text(facts, "boot", boot);
	read_line("/proc/uptime", &text);
	set_number(facts, "uptime_s", strtoull(str_text(&text), NULL, 10));
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	set_number(facts, "cpus", cpus > 0 ? (uint64_t)cpus : 1);
	uint64_t busy_ms, idle_ms;
	if (usage_of_machine(&busy_ms, &idle_ms) == 0) {
		set_number(facts, "cpu_busy_ms", busy_ms);
		set_number(facts, "cpu_idle_ms", idle_ms);
	}
	read_line("/proc/meminfo", &text);
	set_number(facts, "memory_bytes", memory_bytes(str_text(&text), "MemTotal:"));
	set_number(facts, "memory_available_bytes", memory_bytes(str_text(&text), "MemAvailable:"));
}

/* A machine that was not booted from an image of ours has no such file. */
static void add_image(json_t *facts)
{
	AUTO_STR struct str text = STR_INIT;
	read_line("/etc/moyai/image.json", &text);
	json_t *image = json_loads(str_text(&text), 0, NULL);
	set_text(facts, "role", json_string_value(json_object_get(image, "role")));
	set_text(facts, "image_version", json_string_value(json_object_get(image, "version")));
	json_decref(image);
}

static int add_interfaces(json_t *facts, struct node *node, struct err *err)
{
	const struct links *links = links_get(node, err);
	if (links == NULL)
		return -1;
	json_t *list = json_array();
	for (size_t i = 0; i < links->count; i++) {
		const struct link *link = &links->items[i];
		if (text_equal(link->name, "lo"))
			continue;
		json_t *item = json_object();
		json_t *addresses = json_array();
		set_text(item, "name", link->name);
		set_text(item, "mac", link->mac);
		set_text(item, "state", link->state);
		set_text(item, "kind", link->kind);
		set_number(item, "mtu", link->mtu);
		for (size_t j = 0; j < link->addresses.count; j++)
			json_array_append_new(addresses, json_string(link->addresses.items[j]));
		json_object_set_new(item, "addresses", addresses);
		json_array_append_new(list, item);
	}
	json_object_set_new(facts, "interfaces", list);
	return 0;
}

/* What udev found out about a disk: `S:` lines are links in /dev, `E:` its properties. */
struct udev_disk {
	bool known; /* udev has looked at it */
	char *by_id;
	char *model;
	char *serial;
	char *table; /* partition table */
	char *content;
};

static bool take(const char *line, const char *prefix, char **value)
{
	if (!text_starts(line, prefix))
		return false;
	free(*value);
	*value = xstrdup(line + strlen(prefix));
	return true;
}

static void read_udev(const char *number, struct udev_disk *disk)
{
	AUTO_FREE char *path = xasprintf("/run/udev/data/b%s", number);
	AUTO_STR struct str text = STR_INIT;
	char *rest;
	read_line(path, &text);
	disk->known = text.length > 0;
	for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		/* udev sorts nothing: the first by-id name in the alphabet, always. */
		if (text_starts(line, "S:disk/by-id/") &&
		    (disk->by_id == NULL || strcmp(line + 2, disk->by_id) < 0))
			take(line, "S:", &disk->by_id);
		else if (!take(line, "E:ID_MODEL=", &disk->model) &&
			 !take(line, "E:ID_SERIAL_SHORT=", &disk->serial) &&
			 !(disk->serial == NULL && take(line, "E:ID_SERIAL=", &disk->serial)) &&
			 !take(line, "E:ID_PART_TABLE_TYPE=", &disk->table))
			take(line, "E:ID_FS_TYPE=", &disk->content);
	}
}

static void udev_disk_free(struct udev_disk *disk)
{
	free(disk->by_id);
	free(disk->model);
	free(disk->serial);
	free(disk->table);
	free(disk->content);
}

/* Partitions are folders named for their disk: vda1, nvme0n1p1. */
static size_t count_partitions(const char *folder, const char *name)
{
	AUTO_LIST struct text_list entries = TEXT_LIST_INIT;
	size_t count = 0;
	if (file_list_dir(folder, &entries, NULL) != 0)
		return 0;
	for (size_t i = 0; i < entries.count; i++)
		count += text_starts(entries.items[i], name);
	return count;
}

static void add_disk(json_t *list, const char *name)
{
	AUTO_FREE char *folder = xasprintf("/sys/block/%s", name);
	AUTO_FREE char *device = xasprintf("%s/device", folder);
	AUTO_FREE char *size_path = xasprintf("%s/size", folder);
	AUTO_FREE char *number_path = xasprintf("%s/dev", folder);
	AUTO_STR struct str text = STR_INIT;
	read_line(size_path, &text);
	uint64_t size_bytes = strtoull(str_text(&text), NULL, 10) * SECTOR_BYTES;
	/* Loop, ram and dm devices have no hardware below; an empty drive has no size. */
	if (!file_exists(device) || size_bytes == 0)
		return;
	struct udev_disk disk = { 0 };
	read_line(number_path, &text);
	read_udev(str_text(&text), &disk);
	json_t *item = json_object();
	AUTO_FREE char *path = xasprintf("/dev/%s", name);
	AUTO_FREE char *by_id = disk.by_id ? xasprintf("/dev/%s", disk.by_id) : NULL;
	AUTO_STR struct str holds = STR_INIT;
	size_t partitions = count_partitions(folder, name);
	if (disk.table != NULL)
		str_addf(&holds, "%s, %zu partition%s", disk.table, partitions,
			 partitions == 1 ? "" : "s");
	else
		str_add(&holds, disk.content ? disk.content : disk.known ? "nothing" : "unknown");
	set_text(item, "path", path);
	set_text(item, "by_id", by_id);
	set_number(item, "size_bytes", size_bytes);
	set_text(item, "model", disk.model);
	set_text(item, "serial", disk.serial);
	set_text(item, "holds", str_text(&holds));
	json_array_append_new(list, item);
	udev_disk_free(&disk);
}

static int add_disks(json_t *facts, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir("/sys/block", &names, err) != 0)
		return -1;
	json_t *list = json_array();
	for (size_t i = 0; i < names.count; i++)
		add_disk(list, names.items[i]);
	json_object_set_new(facts, "disks", list);
	return 0;
}

/* Without one there is no such fact. */
static int add_guests(json_t *facts, struct err *err)
{
	struct usage_guests guests;
	int rc = usage_guests_read(&guests, err);
	json_t *list = json_array();
	for (size_t i = 0; i < guests.count; i++) {
		json_t *item = json_object();
		set_text(item, "name", guests.items[i].name);
		set_number(item, "here_ms", guests.items[i].here_ms);
		set_number(item, "cpu_ms", guests.items[i].cpu_ms);
		set_number(item, "waited_ms", guests.items[i].waited_ms);
		json_array_append_new(list, item);
	}
	if (guests.count > 0)
		json_object_set(facts, "guests", list);
	json_decref(list);
	usage_guests_free(&guests);
	return rc;
}

json_t *facts_collect(struct node *node, struct err *err)
{
	json_t *facts = json_object();
	add_machine(facts);
	add_image(facts);
	if (add_interfaces(facts, node, err) != 0 || add_disks(facts, err) != 0 ||
	    add_guests(facts, err) != 0) {
		json_decref(facts);
		return NULL;
	}
	return facts;
}
