/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/volume/spec.h"

#include <string.h>

#include "base/size.h"
#include "engine/plan.h"
#include "engine/refer.h"

#define AT(member) offsetof(struct volume, member)
static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the logical volume's name" },
	{ "pool", FIELD_NAME, AT(pool), FIELD_REQUIRED | FIELD_FIXED, 0, 0, NULL, NULL,
	  "the pool it is cut from" },
	{ "size", FIELD_BYTES, AT(size), FIELD_REQUIRED | FIELD_GROW_ONLY, 1, 1ULL << 60, NULL,
	  NULL, "rounded up to 4M, the pool's extent" },
	{ "active", FIELD_BOOL, AT(active), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "whether there is a device for it" },
	{ "pool_free", FIELD_BYTES, AT(pool_free), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "what is free in the pool" },
	{ "foreign", FIELD_TEXT, AT(foreign), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "why the logical volume of this name is not touched" },
	FIELD_END
};

/* In the kernel's name of the device, VG-LV, the dashes of both are doubled. */
static size_t mapper_length(const char *name)
{
	size_t length = strlen(name);
	for (const char *at = name; *at; at++)
		length += *at == '-';
	return length;
}

static void check_device_name(const struct spec *want, struct mistakes *mistakes)
{
	enum { DM_NAME_MAX = 127 }; /* DM_NAME_LEN of linux/dm-ioctl.h, with its NUL */
	const struct volume *volume = want->body;
	size_t length =
		mapper_length("moyai-") + mapper_length(volume->pool) + 1 + mapper_length(want->id);
	if (length > DM_NAME_MAX)
		mistake_add(mistakes, want->place,
			    "volume \"%s\": its name and its pool's make a device name of %zu "
			    "characters, each \"-\" counted twice; at most %d",
			    want->id, length, DM_NAME_MAX);
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct volume *volume = want->body;
	(void)site;
	if (volume->pool != NULL && refer_find(node, "pool", volume->pool) == NULL) {
		AUTO_STR struct str known = STR_INIT;
		refer_choices(node, "pool", &known);
		mistake_add(mistakes, want->place, "volume \"%s\": there is no pool \"%s\"%s",
			    want->id, volume->pool, str_text(&known));
	}
	if (volume->pool != NULL)
		check_device_name(want, mistakes);
	/* lvm(8): names that start so are reserved. */
	if (text_starts(want->id, "snapshot") || text_starts(want->id, "pvmove"))
		mistake_add(mistakes, want->place,
			    "volume \"%s\": LVM keeps names that start with \"snapshot\" or "
			    "\"pvmove\" for itself; choose another",
			    want->id);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct volume *volume = want->body;
	(void)from;
	(void)err;
	volume->size = size_round_up(volume->size, VOLUME_EXTENT);
	volume->active = 1;
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct volume *volume = spec->body;
	(void)err;
	if (volume->pool != NULL)
		refs_add(out, NULL, "pool", volume->pool);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct volume *want = step->want ? step->want->body : NULL;
	const struct volume *seen = step->seen ? step->seen->body : NULL;
	(void)err;
	if (want != NULL && seen != NULL && seen->foreign != NULL) {
		step->refused = xstrdup(seen->foreign);
		return 0;
	}
	if (want == NULL || seen == NULL || seen->pool_free == FIELD_UNSET)
		return 0;
	uint64_t held = seen->size == FIELD_UNSET ? 0 : seen->size;
	if (want->size <= held || want->size - held <= seen->pool_free)
		return 0;
	AUTO_STR struct str missing = STR_INIT;
	AUTO_STR struct str there = STR_INIT;
	size_print(want->size - held, &missing);
	size_print(seen->pool_free, &there);
	step->refused =
		xasprintf("pool %s has %s free; volume %s needs %s%s", want->pool, str_text(&there),
			  step->id, str_text(&missing), held ? " more" : "");
	return 0;
}

const struct kind_spec volume_spec = {
	.name = "volume",
	.section = "volumes",
	.doc = "a logical volume, to be exported or used on the node",
	.example = "{ name = \"home\"; pool = \"main\"; size = \"20G\"; }",
	.size = sizeof(struct volume),
	.fields = FIELDS,
	.in_status = true,
	.unit = VOLUME_EXTENT,
	.holds_data = true,
	.check = check,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
