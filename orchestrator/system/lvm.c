/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/lvm.h"

#include <stdlib.h>
#include <string.h>

#include "base/run.h"
#include "system/sysfs.h"

/*
 * The image's own configuration refuses every device, so that no hook of the
 * distribution scans what we export; we name ours one by one. Archives and
 * backups of metadata would only be files in a root that is lost at reboot.
 */
static const char CONFIG[] = "devices/global_filter=[\"a|.*|\"] devices/scan_lvs=0 "
			     "backup/backup=0 backup/archive=0";

struct arguments {
	const char **items;
	size_t count;
};

static void add(struct arguments *args, const char *text)
{
	args->items = xrealloc(args->items, args->count + 2, sizeof(*args->items));
	args->items[args->count++] = text;
	args->items[args->count] = NULL;
}

/* lvm VERB --config … --devices D --devices D … ARG… */
static int run_lvm(const char *const *rest, bool reads_only, struct str *out, struct err *err)
{
	struct arguments args = { 0 };
	struct sysfs_partitions parts;
	AUTO_LIST struct text_list devices = TEXT_LIST_INIT;
	sysfs_partitions(LVM_LABEL, &parts);
	for (size_t i = 0; i < parts.count; i++)
		text_list_take(&devices, xasprintf("/dev/%s", parts.items[i].name));
	sysfs_partitions_free(&parts);
	add(&args, "lvm");
	add(&args, *rest++);
	add(&args, "--config");
	add(&args, CONFIG);
	for (size_t i = 0; i < devices.count; i++) {
		add(&args, "--devices");
		add(&args, devices.items[i]);
	}
	while (*rest)
		add(&args, *rest++);
	/* Without a device there is nothing to see, and without --devices lvm
	   would look everywhere. */
	int rc = 0;
	if (devices.count > 0)
		rc = run_ok(&(struct run){ .argv = args.items, .reads_only = reads_only }, out,
			    err);
	else if (!reads_only)
		rc = err_set(err, "lvm: this node has no partition labelled " LVM_LABEL "NAME");
	free(args.items);
	return rc;
}

/* Each volume group has a report of its own, and the orphans one more. */
static void collect(json_t *all, const json_t *report)
{
	static const char *const SECTIONS[] = { "vg", "pv", "lv", "seg" };
	for (size_t i = 0; i < COUNT_OF(SECTIONS); i++)
		json_array_extend(json_object_get(all, SECTIONS[i]),
				  json_object_get(report, SECTIONS[i]));
}

int lvm_read(struct node *node, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	static const char *const ARGS[] = {
		"fullreport",
		"--reportformat",
		"json",
		"--units",
		"b",
		"--nosuffix",
		"--configreport",
		"vg",
		"-o",
		"vg_name,vg_tags,vg_size,vg_free,vg_extent_size",
		"--configreport",
		"pv",
		"-o",
		"pv_name,vg_name,pv_tags,pv_size,dev_size,pe_start",
		"--configreport",
		"lv",
		"-o",
		"lv_name,vg_name,lv_tags,lv_size,lv_active,lv_device_open,lv_layout,pool_lv,origin,"
		"lv_metadata_size,data_percent,metadata_percent,sync_percent,lv_health_status",
		"--configreport",
		"seg",
		"-o",
		"lv_name,vg_name,stripes,stripe_size",
		NULL,
	};
	if (node->lvm != NULL)
		return 0;
	if (run_lvm(ARGS, true, &text, err) != 0)
		return -1;
	json_t *all = json_pack("{s:[], s:[], s:[], s:[]}", "vg", "pv", "lv", "seg");
	json_error_t why;
	json_t *json = text.length ? json_loads(str_text(&text), 0, &why) : json_object();
	if (json == NULL) {
		json_decref(all);
		return err_set(err, "lvm fullreport: %s", why.text);
	}
	size_t i;
	json_t *report;
	json_array_foreach(json_object_get(json, "report"), i, report) collect(all, report);
	json_decref(json);
	node->lvm = all;
	return 0;
}

const char *lvm_text(const json_t *row, const char *field)
{
	const char *text = json_string_value(json_object_get(row, field));
	return text ? text : "";
}

uint64_t lvm_number(const json_t *row, const char *field)
{
	return strtoull(lvm_text(row, field), NULL, 10);
}

uint64_t lvm_percent(const json_t *row, const char *field)
{
	char *end;
	const char *text = lvm_text(row, field);
	uint64_t whole = strtoull(text, &end, 10);
	if (end == text)
		return UINT64_MAX;
	return *end == '.' && strspn(end + 1, "0") != strlen(end + 1) ? whole + 1 : whole;
}

/* The tag that is `tag`, or begins so when that ends in "="; with its length. */
static const char *find_tag(const json_t *row, const char *field, const char *tag, size_t *length)
{
	const char *at = lvm_text(row, field);
	while (*at) {
		*length = strcspn(at, ",");
		bool same =
			*length == strlen(tag) || (text_ends(tag, "=") && *length > strlen(tag));
		if (same && strncmp(at, tag, strlen(tag)) == 0)
			return at;
		at += *length + (at[*length] == ',');
	}
	return NULL;
}

bool lvm_has_tag(const json_t *row, const char *field, const char *tag)
{
	size_t length;
	return find_tag(row, field, tag, &length) != NULL;
}

bool lvm_tagged(const json_t *row, const char *field)
{
	return lvm_has_tag(row, field, LVM_TAG);
}

char *lvm_tag_value(const json_t *row, const char *field, const char *tag)
{
	size_t length;
	const char *found = find_tag(row, field, tag, &length);
	return found ? xstrndup(found + strlen(tag), length - strlen(tag)) : NULL;
}

static const json_t *find(const json_t *rows, const char *field, const char *value,
			  const char *field2, const char *value2)
{
	size_t i;
	const json_t *row;
	json_array_foreach(rows, i, row)
	{
		if (strcmp(lvm_text(row, field), value) == 0 &&
		    (field2 == NULL || strcmp(lvm_text(row, field2), value2) == 0))
			return row;
	}
	return NULL;
}

const json_t *lvm_group(const struct node *node, const char *pool)
{
	AUTO_FREE char *group = xasprintf(LVM_GROUP "%s", pool);
	return find(json_object_get(node->lvm, "vg"), "vg_name", group, NULL, NULL);
}

const json_t *lvm_volume(const struct node *node, const char *name, const char *pool)
{
	AUTO_FREE char *group = xasprintf(LVM_GROUP "%s", pool);
	return find(json_object_get(node->lvm, "lv"), "lv_name", name, "vg_name", group);
}

const json_t *lvm_segment(const struct node *node, const json_t *volume)
{
	return find(json_object_get(node->lvm, "seg"), "lv_name", lvm_text(volume, "lv_name"),
		    "vg_name", lvm_text(volume, "vg_name"));
}

const json_t *lvm_physical(const struct node *node, const char *device)
{
	return find(json_object_get(node->lvm, "pv"), "pv_name", device, NULL, NULL);
}

const char *lvm_pool_name(const json_t *row)
{
	const char *group = lvm_text(row, "vg_name");
	return text_starts(group, LVM_GROUP) ? group + strlen(LVM_GROUP) : NULL;
}

int lvm_change(struct err *err, const char *const *args)
{
	/* udev may still be busy with a partition that was just made. */
	if (sysfs_settle(err) != 0)
		return -1;
	return run_lvm(args, false, NULL, err);
}

int lvm_change_list(const struct text_list *args, struct err *err)
{
	const char **items = xcalloc(args->count + 1, sizeof(*items));
	for (size_t i = 0; i < args->count; i++)
		items[i] = args->items[i];
	int rc = lvm_change(err, items);
	free(items);
	return rc;
}
