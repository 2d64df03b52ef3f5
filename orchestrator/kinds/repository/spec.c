/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/repository/spec.h"

#include <string.h>

#define AT(member) offsetof(struct repository, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the files are under /var/lib/moyai/NAME" },
	FETCHED_FIELDS(struct repository, kept),
	{ "system", FIELD_NAME, AT(system), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the disk of the manager that they are kept on" },
	FIELD_END
};

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct repository *repository = want->body;
	const struct image_set *images = from->images;
	const char *missing = images ? images->missing : "no images were read";
	if (from->node != NULL)
		for (size_t i = 0; i < from->node->wants.count; i++)
			if (strcmp(from->node->wants.items[i].kind->name, "system") == 0)
				repository->system = xstrdup(from->node->wants.items[i].id);
	text_list_free(&repository->kept.files);
	for (size_t i = 0; missing == NULL && i < images->count; i++)
		fetched_add(&repository->kept, &images->files[i]);
	return fetched_derive(from, xstrdup(missing), &repository->kept, err);
}

/* In the manager's memory they would be hidden by the mount of its disk. */
static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct repository *repository = spec->body;
	(void)err;
	if (repository->system != NULL)
		refs_add(out, NULL, "system", repository->system);
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct repository *want = step->want ? step->want->body : NULL;
	(void)err;
	if (want != NULL)
		fetched_judge(step, want->kept.missing);
	return 0;
}

const struct kind_spec repository_spec = {
	.name = "repository",
	.section = "repositories",
	.doc = "the appliance images of the site's roles, kept on the cluster manager",
	.example = "{ name = \"images\"; }",
	.size = sizeof(struct repository),
	.fields = FIELDS,
	.attended = true,
	.in_status = true,
	.derive = derive,
	.needs = needs,
	.judge = judge,
};
