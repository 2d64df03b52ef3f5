/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "image/image.h"

enum { PACKAGES_MAX_BYTES = 1024 * 1024 };

/* {"path": FOLDER/NAME, …} of the file that lies at WHERE/NAME now. */
static json_t *describe(const char *where, const char *folder, const char *name, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", where, name);
	char hex[HASH_HEX_SIZE];
	struct stat st;
	if (hash_file_hex(path, hex, err) != 0)
		return NULL;
	if (stat(path, &st) != 0) {
		err_set_errno(err, errno, "%s", path);
		return NULL;
	}
	AUTO_FREE char *served = xasprintf("%s/%s", folder, name);
	return json_pack("{s:s, s:s, s:I}", "path", served, "sha256", hex, "size",
			 (json_int_t)st.st_size);
}

static json_t *packages_read(const char *folder, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/packages", folder);
	AUTO_STR struct str text = STR_INIT;
	if (file_read(path, PACKAGES_MAX_BYTES, &text, err) != 0)
		return NULL;
	json_t *packages = json_object();
	char *at = text.data;
	while (at && *at) {
		char *line = strsep(&at, "\n");
		char *name = strsep(&line, " ");
		if (line)
			json_object_set_new(packages, name, json_string(line));
	}
	return packages;
}

static json_t *text_array(const struct text_list *list)
{
	json_t *array = json_array();
	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

static json_t *inputs_all(const struct image_base *base, const struct image_role *image)
{
	json_t *inputs = json_object();
	inputs_to_json(&base->base, "base", inputs);
	inputs_to_json(&base->initrd, "initramfs", inputs);
	inputs_to_json(&image->layer, "role", inputs);
	inputs_to_json(&image->image, "image", inputs);
	return inputs;
}

/* own: the role has an initramfs of its own, beside its layer. */
static json_t *files_all(const char *base_dir, const char *base, const char *folder,
			 const char *role, bool own, struct err *err)
{
	json_t *kernel = describe(base_dir, base, "vmlinuz", err);
	json_t *initrd =
		kernel ? describe(own ? folder : base_dir, own ? role : base, "initrd.img", err)
		       : NULL;
	json_t *below = initrd ? describe(base_dir, base, "base.squashfs", err) : NULL;
	json_t *middle = below ? describe(folder, role, "role.squashfs", err) : NULL;
	json_t *above = middle ? describe(folder, role, "node.squashfs", err) : NULL;
	if (above)
		return json_pack("{s:o, s:o, s:[o,o,o]}", "kernel", kernel, "initrd", initrd,
				 "layers", below, middle, above);
	json_decref(kernel);
	json_decref(initrd);
	json_decref(below);
	json_decref(middle);
	return NULL;
}

static int kernel_version(const char *base_dir, struct str *version, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/kernel", base_dir);
	if (file_read(path, 256, version, err) != 0)
		return -1;
	version->data[strcspn(version->data, "\n")] = '\0';
	return 0;
}

int image_manifest_write(const struct image_plan *plan, const struct image_role *image,
			 const char *folder, struct err *err)
{
	const struct image_base *base = &plan->bases[image->base];
	AUTO_FREE char *base_dir = xasprintf("%s/%s", plan->dirs.images, base->name);
	AUTO_FREE char *path = xasprintf("%s/manifest.json", folder);
	AUTO_STR struct str version = STR_INIT;
	if (kernel_version(base_dir, &version, err) != 0)
		return -1;
	json_t *packages = packages_read(folder, err);
	if (packages == NULL)
		return -1;
	bool own = image->role->initramfs.count > 0;
	json_t *files = files_all(base_dir, base->name, folder, image->role->name, own, err);
	if (files == NULL) {
		json_decref(packages);
		return -1;
	}
	json_t *manifest = json_pack(
		"{s:s, s:s, s:s, s:o, s:s*, s:o, s:o, s:o}", "role", image->role->name, "version",
		image->version, "kernel", str_text(&version), "kernel_arguments",
		text_array(&image->kernel_arguments), "console", image->console, "files", files,
		"packages", packages, "inputs", inputs_all(base, image));
	char *text = json_dumps(manifest, JSON_INDENT(2));
	int rc = file_write(path, text, strlen(text), 0644, err);
	free(text);
	json_decref(manifest);
	return rc;
}
