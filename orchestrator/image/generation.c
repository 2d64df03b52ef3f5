/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "image/generation.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "model/manifest.h"

/* The file under its last name in the new folder; its path in the manifest says so. */
static int keep_file(const char *images_dir, const char *work, const char *folder, json_t *file,
		     struct err *err)
{
	const char *path = json_string_value(json_object_get(file, "path"));
	if (path == NULL || !image_path_plain(path))
		return err_set(err, "a file without a path");
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	AUTO_FREE char *from = xasprintf("%s/%s", images_dir, path);
	AUTO_FREE char *to = xasprintf("%s/%s", work, name);
	AUTO_FREE char *kept = xasprintf("%s/%s", folder, name);
	if (link(from, to) != 0)
		return err_set_errno(err, errno, "%s", to);
	json_object_set_new(file, "path", json_string(kept));
	return 0;
}

static int keep_files(const char *images_dir, const char *work, const char *folder,
		      json_t *manifest, struct err *err)
{
	json_t *files = json_object_get(manifest, "files");
	size_t i;
	json_t *layer;
	if (keep_file(images_dir, work, folder, json_object_get(files, "kernel"), err) != 0 ||
	    keep_file(images_dir, work, folder, json_object_get(files, "initrd"), err) != 0)
		return -1;
	json_array_foreach(json_object_get(files, "layers"), i, layer)
	{
		if (keep_file(images_dir, work, folder, layer, err) != 0)
			return -1;
	}
	AUTO_FREE char *path = xasprintf("%s/manifest.json", work);
	AUTO_FREE char *text = json_dumps(manifest, JSON_INDENT(2));
	return file_write(path, text, strlen(text), 0644, err);
}

/* Made beside and renamed: a generation is whole or not there. */
static int make(const char *images_dir, const char *role, const char *version, json_t *manifest,
		struct err *err)
{
	AUTO_FREE char *folder = image_folder(role, version);
	AUTO_FREE char *place = xasprintf("%s/%s", images_dir, folder);
	AUTO_FREE char *parent = xasprintf("%s/" IMAGE_GENERATIONS "/%s", images_dir, role);
	AUTO_FREE char *work = xasprintf("%s/.work/generation-%s", images_dir, role);
	/* An image that came back counts as new again. */
	AUTO_FREE char *kept = xasprintf("%s/manifest.json", place);
	if (file_exists(place))
		return utimensat(AT_FDCWD, kept, NULL, 0) == 0
			       ? 0
			       : err_set_errno(err, errno, "%s", kept);
	if (run_args(err, "rm", "-rf", "--", work, NULL) != 0 ||
	    file_make_dirs(work, 0755, err) != 0 || file_make_dirs(parent, 0755, err) != 0 ||
	    keep_files(images_dir, work, folder, manifest, err) != 0)
		return -1;
	return rename(work, place) == 0 ? 0 : err_set_errno(err, errno, "%s", place);
}

int generation_keep(const char *images_dir, const char *role, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s/manifest.json", images_dir, role);
	json_error_t why;
	json_t *manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
	if (manifest == NULL)
		return err_set(err, "%s: %s", path, why.text);
	const char *version = json_string_value(json_object_get(manifest, "version"));
	int rc = version && image_path_plain(version) && strchr(version, '/') == NULL
			 ? make(images_dir, role, version, manifest, err)
			 : err_set(err, "%s: has no version", path);
	json_decref(manifest);
	return rc == 0 ? 0 : err_context(err, "generation of %s", role);
}

struct generation {
	char *version;
	struct timespec kept;
};

static int newest_first(const void *a, const void *b)
{
	const struct generation *left = a;
	const struct generation *right = b;
	if (left->kept.tv_sec != right->kept.tv_sec)
		return left->kept.tv_sec > right->kept.tv_sec ? -1 : 1;
	if (left->kept.tv_nsec != right->kept.tv_nsec)
		return left->kept.tv_nsec > right->kept.tv_nsec ? -1 : 1;
	return strcmp(left->version, right->version);
}

int generation_list(const char *images_dir, const char *role, struct text_list *versions,
		    struct err *err)
{
	AUTO_FREE char *parent = xasprintf("%s/" IMAGE_GENERATIONS "/%s", images_dir, role);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(parent, &names, err) != 0)
		return -1;
	struct generation *found = xcalloc(names.count + 1, sizeof(*found));
	size_t count = 0;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s/manifest.json", parent, names.items[i]);
		struct stat status;
		if (stat(path, &status) == 0)
			found[count++] = (struct generation){ names.items[i], status.st_mtim };
	}
	qsort(found, count, sizeof(*found), newest_first);
	for (size_t i = 0; i < count; i++)
		text_list_add(versions, found[i].version);
	free(found);
	return 0;
}

int generation_prune(const char *images_dir, const char *role, const struct text_list *in_use,
		     struct text_list *removed, struct err *err)
{
	AUTO_LIST struct text_list versions = TEXT_LIST_INIT;
	if (generation_list(images_dir, role, &versions, err) != 0)
		return -1;
	for (size_t i = GENERATIONS_KEPT; i < versions.count; i++) {
		const char *version = versions.items[i];
		AUTO_FREE char *folder = image_folder(role, version);
		AUTO_FREE char *place = xasprintf("%s/%s", images_dir, folder);
		AUTO_FREE char *gone = xasprintf("%s/.work/generation-%s", images_dir, role);
		if (text_list_has(in_use, version))
			continue;
		AUTO_FREE char *work = xasprintf("%s/.work", images_dir);
		if (file_make_dirs(work, 0755, err) != 0)
			return -1;
		/* Out of the way in one step: what is served is whole. */
		if (run_args(err, "rm", "-rf", "--", gone, NULL) != 0)
			return -1;
		if (rename(place, gone) != 0)
			return err_set_errno(err, errno, "%s", place);
		if (run_args(err, "rm", "-rf", "--", gone, NULL) != 0)
			return -1;
		text_list_take(removed, xasprintf("%s %s", role, version));
	}
	return 0;
}
