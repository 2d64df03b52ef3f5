/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/appliance/spec.h"

#include <string.h>

#define AT(member) offsetof(struct appliance, member)

static const struct field FIELDS[] = { { "name", FIELD_NAME, AT(name), FIELD_DERIVED | FIELD_FIXED,
					 1, 63, NULL, NULL,
					 "the role; the files are under " APPLIANCE_ROOT "/NAME" },
				       FETCHED_FIELDS(struct appliance, kept),
				       FIELD_END };

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct appliance *appliance = want->body;
	struct fetched *kept = &appliance->kept;
	const struct manifest *manifest =
		from->images ? image_set_find(from->images, appliance->name, NULL) : NULL;
	text_list_free(&kept->files);
	if (manifest != NULL) {
		fetched_add(kept, &manifest->kernel);
		fetched_add(kept, &manifest->initrd);
		for (unsigned i = 0; i < manifest->layer_count && !manifest_is_alone(manifest); i++)
			fetched_add(kept, &manifest->layers[i]);
		const struct image_file *self = image_set_self(from->images, appliance->name);
		if (self != NULL && !manifest_is_alone(manifest))
			fetched_add(kept, self);
		text_list_sort(&kept->files);
	}
	return fetched_derive(from, appliance_missing(from->site, from->images, appliance->name),
			      kept, err);
}

static int judge(struct step *step, struct err *err)
{
	const struct appliance *want = step->want ? step->want->body : NULL;
	(void)err;
	if (want != NULL)
		fetched_judge(step, want->kept.missing);
	return 0;
}

const struct kind_spec appliance_spec = {
	.name = "appliance",
	.section = "appliances",
	.doc = "what a host starts guests of clusters with: kernel, initramfs, and what they take",
	.example = "",
	.size = sizeof(struct appliance),
	.fields = FIELDS,
	.expanded = true,
	.in_status = true,
	.derive = derive,
	.judge = judge,
};
