/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/swap/spec.h"

#include "engine/device.h"
#include "engine/plan.h"

#define AT(member) offsetof(struct swap, member)
/* priority: swapon(8) gives areas without one negative numbers, in the order they come. */
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the name of the volume, partition or session it is on" },
	{ "on", FIELD_CHOICE, AT(on), FIELD_FIXED, 0, 0, "volume partition session", "volume",
	  "which of them it is on" },
	{ "from", FIELD_NAME, AT(from), FIELD_FIXED, 0, 0, NULL, NULL,
	  "session: the node that it is to" },
	{ "priority", FIELD_NUMBER, AT(priority), FIELD_REPLACEABLE, 0, 32767, NULL, "0",
	  "areas of a higher one are used first, those of the same in turn" },
	{ "below", FIELD_TEXT, AT(below), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what it is on" },
	{ "device", FIELD_TEXT, AT(device), FIELD_DERIVED | FIELD_REPLACEABLE, 0, 0, NULL, NULL,
	  "the block device it is on" },
	{ "active", FIELD_BOOL, AT(active), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether it is in use" },
	{ "size", FIELD_BYTES, AT(size), FIELD_DERIVED | FIELD_GROW_ONLY, 0, 0, NULL, NULL,
	  "what its device is to have" },
	{ "fills", FIELD_BOOL, AT(fills), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether it is as big as its device" },
	{ "content", FIELD_TEXT, AT(content), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what is on the device instead" },
	{ "wipe", FIELD_TEXT, AT(wipe), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the command that takes that away" },
	DEVICE_SILENT_FIELD(struct swap, silent),
	FIELD_END
};

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	(void)site;
	device_check(node, want, mistakes);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct swap *swap = want->body;
	(void)err;
	swap->below = device_below(want);
	swap->device = device_path(from->node, swap->on, swap->below);
	swap->active = 1;
	swap->size = device_size_on(from, swap->on, swap->below);
	swap->fills = 1;
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct swap *swap = spec->body;
	(void)err;
	if (swap->on != NULL && swap->below != NULL)
		refs_add(out, NULL, swap->on, swap->below);
	return 0;
}

static char *warn(const struct spec *want, const struct spec *have)
{
	(void)want;
	return device_warn(((const struct swap *)have->body)->silent);
}

static int judge(struct step *step, struct err *err)
{
	const struct swap *want = step->want ? step->want->body : NULL;
	const struct swap *seen = step->seen ? step->seen->body : NULL;
	(void)err;
	if (want != NULL && seen != NULL && seen->content != NULL)
		step->refused =
			xasprintf("%s %s holds %s; Moyai makes no swap area of it; wipe it by "
				  "hand (%s %s) or name another",
				  want->on, want->below, seen->content, seen->wipe, want->device);
	return 0;
}

const struct kind_spec swap_spec = {
	.name = "swap",
	.section = "swaps",
	.doc = "a swap area on a volume, a partition or a session's disk",
	.example = "{ name = \"swap\"; priority = 10; }",
	.size = sizeof(struct swap),
	.fields = FIELDS,
	.in_status = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
	.warn = warn,
};
