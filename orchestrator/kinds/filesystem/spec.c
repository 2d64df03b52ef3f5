/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/filesystem/spec.h"

#include <string.h>

#include "engine/device.h"
#include "engine/plan.h"
#include "engine/refer.h"

#define AT(member) offsetof(struct filesystem_spec, member)
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the name of the volume, partition or session it is on" },
	{ "on", FIELD_CHOICE, AT(on), FIELD_FIXED, 0, 0, "volume partition session", "volume",
	  "which of them it is on" },
	{ "from", FIELD_NAME, AT(from), FIELD_FIXED, 0, 0, NULL, NULL,
	  "session: the node that it is to" },
	{ "type", FIELD_CHOICE, AT(type), FIELD_FIXED, 0, 0, "ext4 xfs", "ext4",
	  "xfs needs 300M at least" },
	{ "label", FIELD_TEXT, AT(label), FIELD_FIXED, 1, 16, NULL, NULL,
	  "16 characters at most, 12 of xfs: letters, digits, \"_\", \".\", \"-\"" },
	{ "below", FIELD_TEXT, AT(below), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what it is on" },
	{ "device", FIELD_TEXT, AT(device), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the block device it is on" },
	{ "size", FIELD_BYTES, AT(size), FIELD_DERIVED | FIELD_GROW_ONLY, 0, 0, NULL, NULL,
	  "what its device is to have" },
	{ "fills", FIELD_BOOL, AT(fills), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether it is as big as its device" },
	{ "content", FIELD_TEXT, AT(content), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what is on the device instead" },
	{ "wipe", FIELD_TEXT, AT(wipe), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the command that takes that away" },
	DEVICE_SILENT_FIELD(struct filesystem_spec, silent),
	{ "mounted", FIELD_TEXT, AT(mounted), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "where it is mounted" },
	FIELD_END
};

enum { XFS_LABEL = 12 };
#define XFS_LEAST (300 * 1024 * 1024ULL)

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct filesystem_spec *filesystem = want->body;
	const char *label = filesystem->label;
	bool xfs = text_equal(filesystem->type, "xfs");
	(void)site;
	device_check(node, want, mistakes);
	if (xfs)
		refer_check_package(node, want, "xfsprogs", "xfs", mistakes);
	if (label != NULL &&
	    (strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") !=
		     strlen(label) ||
	     (xfs && strlen(label) > XFS_LABEL)))
		mistake_add(mistakes, place_of(want->place, "label"),
			    "filesystem \"%s\": label \"%s\" is not one of %s; write %d letters, "
			    "digits, \"_\", \".\" or \"-\" at most",
			    want->id, label, filesystem->type, xfs ? XFS_LABEL : 16);
	if (xfs && !text_equal(filesystem->on, "session") &&
	    device_size(node, filesystem->on, want->id) < XFS_LEAST)
		mistake_add(mistakes, place_of(want->place, "type"),
			    "filesystem \"%s\": xfs needs 300M at least; make the %s bigger, or "
			    "write type = \"ext4\"",
			    want->id, filesystem->on);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct filesystem_spec *filesystem = want->body;
	(void)err;
	filesystem->below = device_below(want);
	filesystem->device = device_path(from->node, filesystem->on, filesystem->below);
	filesystem->size = device_size_on(from, filesystem->on, filesystem->below);
	filesystem->fills = 1;
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct filesystem_spec *filesystem = spec->body;
	(void)err;
	if (filesystem->on != NULL && filesystem->below != NULL)
		refs_add(out, NULL, filesystem->on, filesystem->below);
	return 0;
}

static char *warn(const struct spec *want, const struct spec *have)
{
	(void)want;
	return device_warn(((const struct filesystem_spec *)have->body)->silent);
}

static int judge(struct step *step, struct err *err)
{
	const struct filesystem_spec *want = step->want ? step->want->body : NULL;
	const struct filesystem_spec *seen = step->seen ? step->seen->body : NULL;
	(void)err;
	if (want != NULL && seen != NULL && seen->content != NULL)
		step->refused =
			xasprintf("%s %s holds %s; Moyai does not format it again; wipe it by "
				  "hand (%s %s) or name another",
				  want->on, want->below, seen->content, seen->wipe, want->device);
	return 0;
}

const struct kind_spec filesystem_spec = {
	.name = "filesystem",
	.section = "filesystems",
	.doc = "a filesystem on a volume, a partition or a session's disk; grows with it",
	.example = "{ name = \"home\"; type = \"xfs\"; label = \"home\"; }",
	.size = sizeof(struct filesystem_spec),
	.fields = FIELDS,
	.in_status = true,
	.holds_data = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
	.warn = warn,
};
