/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/signature.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/run.h"

static void add(struct signatures *list, const json_t *entry)
{
	const char *offset = json_string_value(json_object_get(entry, "offset"));
	const char *type = json_string_value(json_object_get(entry, "type"));
	const char *label = json_string_value(json_object_get(entry, "label"));
	const char *uuid = json_string_value(json_object_get(entry, "uuid"));
	list->items = xrealloc(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = (struct signature){
		.offset = offset ? strtoull(offset, NULL, 0) : 0,
		.type = xstrdup(type ? type : "unknown"),
		.label = label && *label ? xstrdup(label) : NULL,
		.uuid = uuid && *uuid ? xstrdup(uuid) : NULL,
	};
}

int signatures_read(const char *device, struct signatures *out, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	const struct run run = {
		.argv = RUN_ARGV("wipefs", "--no-act", "--json", "--output",
				 "OFFSET,TYPE,LABEL,UUID", "--", device),
		.reads_only = 1,
	};
	if (run_ok(&run, &text, err) != 0)
		return -1;
	/* Nothing found: nothing printed. */
	if (text.length == 0)
		return 0;
	json_error_t why;
	json_t *json = json_loads(str_text(&text), 0, &why);
	if (json == NULL)
		return err_set(err, "wipefs: %s", why.text);
	struct signatures list = { 0 };
	size_t i;
	json_t *entry;
	json_array_foreach(json_object_get(json, "signatures"), i, entry) add(&list, entry);
	json_decref(json);
	*out = list;
	return 0;
}

void signatures_free(struct signatures *signatures)
{
	if (signatures == NULL)
		return;
	for (size_t i = 0; i < signatures->count; i++) {
		free(signatures->items[i].type);
		free(signatures->items[i].label);
		free(signatures->items[i].uuid);
	}
	free(signatures->items);
	*signatures = (struct signatures){ 0 };
}

/* What is no filesystem has a name of its own. */
static const struct {
	const char *type;
	const char *text;
} NAMES[] = {
	{ "swap", "swap space" },
	{ "LVM2_member", "an LVM physical volume" },
	{ "LVM1_member", "an LVM physical volume" },
	{ "linux_raid_member", "a member of a Linux RAID array" },
	{ "isw_raid_member", "a member of an Intel RAID array" },
	{ "ddf_raid_member", "a member of a DDF RAID array" },
	{ "crypto_LUKS", "an encrypted volume (LUKS)" },
	{ "BitLocker", "an encrypted volume (BitLocker)" },
	{ "zfs_member", "a member of a ZFS pool" },
	{ "bcache", "a bcache device" },
	{ "drbd", "a DRBD device" },
	{ "ceph_bluestore", "a Ceph BlueStore device" },
	{ "VMFS_volume_member", "a member of a VMFS volume" },
	{ "dos", "an MBR partition table" },
	{ "gpt", "a GPT partition table" },
	{ "sun", "a Sun disk label" },
	{ "mac", "an Apple partition map" },
	{ "bsd", "a BSD disk label" },
	{ "atari", "an Atari partition table" },
};

void signature_describe(const struct signature *signature, struct str *out)
{
	const char *known = NULL;
	for (size_t i = 0; i < COUNT_OF(NAMES); i++)
		if (strcmp(signature->type, NAMES[i].type) == 0)
			known = NAMES[i].text;
	if (known != NULL)
		str_add(out, known);
	else
		str_addf(out, "%s %s filesystem",
			 strchr("aeiouxAEIOUX", signature->type[0]) ? "an" : "a", signature->type);
	if (signature->label != NULL)
		str_addf(out, " labelled \"%s\"", signature->label);
}
