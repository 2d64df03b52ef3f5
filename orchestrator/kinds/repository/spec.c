/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/repository/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/size.h"
#include "engine/plan.h"
#include "model/manifest.h"

#define AT(member) offsetof(struct repository, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "the files are under /var/lib/moyai/NAME" },
	{ "boots", FIELD_NAME, AT(boots), FIELD_VOLATILE, 1, 63, NULL, NULL,
	  "only kernel and initrd of this role's image; all files of all images when not written" },
	{ "content", FIELD_TEXT, AT(content), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "number, size and digest of the files" },
	{ "url", FIELD_TEXT, AT(url), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the boot server they are fetched from" },
	{ "missing", FIELD_TEXT, AT(missing), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "why the images are not known" },
	{ "system", FIELD_NAME, AT(system), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the disk of the manager that they are kept on" },
	{ "files", FIELD_LIST, AT(files), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "path, sha256 and size of each file" },
	FIELD_END
};

int repository_content(const struct text_list *files, struct str *out, struct err *err)
{
	AUTO_STR struct str lines = STR_INIT;
	char hex[HASH_HEX_SIZE];
	uint64_t bytes = 0;
	for (size_t i = 0; i < files->count; i++) {
		const char *size = strrchr(files->items[i], ' ');
		str_addf(&lines, "%s\n", files->items[i]);
		bytes += size ? strtoull(size + 1, NULL, 10) : 0;
	}
	if (hash_bytes_hex(str_text(&lines), lines.length, hex, err) != 0)
		return -1;
	str_addf(out, "%zu file%s, ", files->count, files->count == 1 ? "" : "s");
	size_print_short(bytes, out);
	str_addf(out, ", %.12s", hex);
	return 0;
}

static void add_file(struct repository *repository, const struct image_file *file)
{
	text_list_take(&repository->files,
		       xasprintf("%s %s %" PRIu64, file->path, file->sha256, file->size_bytes));
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct repository *repository = want->body;
	AUTO_STR struct str content = STR_INIT;
	text_list_free(&repository->files);
	if (from->node != NULL)
		for (size_t i = 0; i < from->node->wants.count; i++)
			if (strcmp(from->node->wants.items[i].kind->name, "system") == 0)
				repository->system = xstrdup(from->node->wants.items[i].id);
	const struct manifest *manifest =
		repository->boots && from->images
			? image_set_find(from->images, repository->boots, NULL)
			: NULL;
	if (repository->boots ? manifest == NULL : from->images == NULL || from->images->missing) {
		/* Refused by judge(), and the node's other resources go on. The content differs
		   from every other, so that there is a step. */
		free(repository->content);
		free(repository->missing);
		repository->content = xstrdup("not known");
		repository->missing =
			xstrdup(from->images && from->images->missing ? from->images->missing
								      : "no images were read");
		return 0;
	}
	if (manifest != NULL) {
		add_file(repository, &manifest->kernel);
		add_file(repository, &manifest->initrd);
		text_list_sort(&repository->files);
	}
	for (size_t i = 0; manifest == NULL && i < from->images->count; i++)
		add_file(repository, &from->images->files[i]);
	if (repository_content(&repository->files, &content, err) != 0)
		return -1;
	free(repository->content);
	free(repository->url);
	repository->content = str_take(&content);
	repository->url = from->images_url
				  ? xstrdup(from->images_url)
				  : xasprintf("http://%s:%" PRIu64 "/image/",
					      from->site->boot_server, from->site->boot_port);
	return 0;
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
	if (want != NULL && want->missing != NULL) {
		free(step->refused);
		step->refused = xstrdup(want->missing);
	}
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
