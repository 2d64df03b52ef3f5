/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "image/image.h"
/*
 * What the scripts under images/ get to know: a folder with a file per value.
 * No value ever becomes part of a command line or of a script.
 */
static int put(const char *spec, const char *name, const char *text, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", spec, name);
	return file_write(path, text, strlen(text), 0644, err);
}

static int put_line(const char *spec, const char *name, const char *text, struct err *err)
{
	AUTO_FREE char *line = xasprintf("%s\n", text);
	return put(spec, name, line, err);
}

static int put_list(const char *spec, const char *name, const struct text_list *list,
		    struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < list->count; i++)
		str_addf(&text, "%s\n", list->items[i]);
	return put(spec, name, str_text(&text), err);
}

static int put_link(const char *spec, const char *name, const char *to, struct err *err)
{
	char real[PATH_MAX];
	AUTO_FREE char *path = xasprintf("%s/%s", spec, name);
	if (realpath(to, real) == NULL)
		return err_set_errno(err, errno, "%s", to);
	if (file_remove(path, err) != 0)
		return -1;
	if (symlink(real, path) != 0)
		return err_set_errno(err, errno, "%s", path);
	return 0;
}

static int put_sources(const struct image_plan *plan, const char *spec, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < plan->index.count; i++) {
		const struct apt_source *source = &plan->index.sources[i];
		str_addf(&text,
			 "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
			 "%s %s %s\n",
			 source->uri, source->release, source->component);
	}
	return put(spec, "sources.list", str_text(&text), err);
}

static int put_common(const struct image_plan *plan, const char *spec, struct err *err)
{
	AUTO_FREE char *epoch = xasprintf("%lld", (long long)plan->index.epoch);
	AUTO_FREE char *lists = xasprintf("%s/.work/index", plan->dirs.images);
	AUTO_FREE char *debs = xasprintf("%s/.work/debs", plan->dirs.images);
	if (file_make_dirs(spec, 0755, err) != 0 || put_sources(plan, spec, err) != 0 ||
	    put_line(spec, "epoch", epoch, err) != 0 ||
	    put_line(spec, "mirror", plan->site->mirror, err) != 0 ||
	    put_line(spec, "suite", plan->recipe.suite, err) != 0 ||
	    put_list(spec, "trim", &plan->recipe.trim, err) != 0 ||
	    put_link(spec, "lists", lists, err) != 0)
		return -1;
	return put_link(spec, "debs", debs, err);
}

int image_spec_base(const struct image_plan *plan, const struct image_base *base, const char *spec,
		    struct err *err)
{
	AUTO_FREE char *files = xasprintf("%s/images/base/files", plan->dirs.share);
	if (put_common(plan, spec, err) != 0 ||
	    put_list(spec, "packages", &plan->recipe.packages, err) != 0 ||
	    put_list(spec, "firmware", &base->firmware, err) != 0 ||
	    put_list(spec, "enable", &plan->recipe.enable, err) != 0 ||
	    put_list(spec, "mask", &plan->recipe.mask, err) != 0 ||
	    put_line(spec, "kernel", base->kernel->package, err) != 0 ||
	    put_list(spec, "exclude_modules", &base->kernel->exclude_modules, err) != 0 ||
	    put_list(spec, "direct", &base->kernel->direct, err) != 0 ||
	    put_list(spec, "by_alias", &base->kernel->by_alias, err) != 0 ||
	    put_list(spec, "disk", &base->kernel->disk, err) != 0 ||
	    put_list(spec, "disk_by_alias", &base->kernel->disk_by_alias, err) != 0)
		return -1;
	return put_link(spec, "files", files, err);
}

/* programs/NAME and shared/NAME: links to what build-node copies. */
static int put_programs(const struct image_plan *plan, const struct role *role, const char *spec,
			struct err *err)
{
	static const char *const folders[] = IMAGE_SHARED;
	if (role->programs.count == 0)
		return 0;
	AUTO_FREE char *programs = xasprintf("%s/programs", spec);
	AUTO_FREE char *shared = xasprintf("%s/shared", spec);
	if (file_make_dirs(programs, 0755, err) != 0 || file_make_dirs(shared, 0755, err) != 0)
		return -1;
	for (size_t i = 0; i < role->programs.count; i++) {
		AUTO_FREE char *path = image_program(plan, role->programs.items[i]);
		if (put_link(programs, role->programs.items[i], path, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT_OF(folders); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", plan->dirs.share, folders[i]);
		if (put_link(shared, folders[i], path, err) != 0)
			return -1;
	}
	return 0;
}

int image_spec_role(const struct image_plan *plan, const struct image_role *image, const char *spec,
		    struct err *err)
{
	const struct role *role = image->role;
	AUTO_FREE char *json =
		xasprintf("{ \"role\": \"%s\", \"version\": \"%s\" }", role->name, image->version);
	if (put_common(plan, spec, err) != 0 ||
	    put_list(spec, "packages", &role->packages, err) != 0 ||
	    put_list(spec, "phases", &role->phases, err) != 0 ||
	    put_list(spec, "enable", &role->enable, err) != 0 ||
	    put_list(spec, "mask", &role->mask, err) != 0 ||
	    put_list(spec, "modules", &role->modules, err) != 0 ||
	    put_list(spec, "initramfs", &role->initramfs, err) != 0 ||
	    put_line(spec, "image.json", json, err) != 0)
		return -1;
	if (put_programs(plan, role, spec, err) != 0)
		return -1;
	for (size_t i = 0; i < role->folders.count; i++) {
		AUTO_FREE char *files = xasprintf("%s/files", role->folders.items[i]);
		/* two digits: the shell sorts them */
		AUTO_FREE char *name = xasprintf("files.%02zu", i + 1);
		if (file_exists(files) && put_link(spec, name, files, err) != 0)
			return -1;
	}
	return 0;
}
