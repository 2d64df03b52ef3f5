/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/run.h"
#include "image/image.h"

/* Packages whose version decides the bytes that come out; NULL ends the list. */
static const char *const LAYER_TOOLS[] = {
	"mmdebstrap", "squashfs-tools", "zstd", "libzstd1", "cpio", "apt", "dpkg", NULL
};
/* What strips a role's own programs. */
static const char *const NODE_TOOLS[] = { "binutils", NULL };

static int add_tools(struct inputs *inputs, const char *const *tools, struct err *err)
{
	struct run_result result;
	struct run run = { .argv = RUN_ARGV("dpkg-query", "-W", "-f",
					    "${db:Status-Abbrev}\t${Package}\t${Version}\n"),
			   .reads_only = 1 };
	if (run_capture(&run, &result, err) != 0)
		return -1;
	AUTO_FREE char *text = xasprintf("\n%s", str_text(&result.out));
	run_result_free(&result);
	for (; *tools; tools++) {
		AUTO_FREE char *line = xasprintf("\nii \t%s\t", *tools);
		const char *at = strstr(text, line);
		if (at == NULL)
			return err_set(err, "the package %s is needed to build images: make deps",
				       *tools);
		at += strlen(line);
		AUTO_FREE char *version = xstrndup(at, strcspn(at, "\n"));
		AUTO_FREE char *name = xasprintf("tool %s", *tools);
		if (inputs_text(inputs, name, version, err) != 0)
			return -1;
	}
	return 0;
}

/* Two mirrors of one index are one input, and two states of it are two. */
static int add_index(struct inputs *inputs, const struct apt_index *index, size_t which,
		     struct err *err)
{
	const struct apt_source *source = &index->sources[which];
	AUTO_FREE char *name = xasprintf("index %s %s", source->release, source->component);
	char hex[HASH_HEX_SIZE];
	bool other = false;
	if (hash_file_hex(source->in_release, hex, err) != 0)
		return -1;
	for (size_t i = 0; i < which; i++) {
		const struct apt_source *earlier = &index->sources[i];
		char its[HASH_HEX_SIZE];
		if (!text_equal(earlier->release, source->release) ||
		    !text_equal(earlier->component, source->component))
			continue;
		if (hash_file_hex(earlier->in_release, its, err) != 0)
			return -1;
		if (text_equal(hex, its))
			return 0;
		other = true;
	}
	AUTO_FREE char *longer = xasprintf("%s %.12s", name, hex);
	return inputs_text(inputs, other ? longer : name, hex, err);
}

/* What every layer with packages depends on. Which mirror of an index gave the packages is nothing to them. */
static int add_common(const struct image_plan *plan, struct inputs *inputs, struct err *err)
{
	for (size_t i = 0; i < plan->index.count; i++)
		if (add_index(inputs, &plan->index, i, err) != 0)
			return -1;
	if (inputs_text(inputs, "mirror", plan->site->mirror, err) != 0 ||
	    inputs_text(inputs, "suite", plan->recipe.suite, err) != 0 ||
	    inputs_list(inputs, "trim", &plan->recipe.trim, err) != 0)
		return -1;
	return add_tools(inputs, LAYER_TOOLS, err);
}

static int add_script(const struct image_plan *plan, struct inputs *inputs, const char *name,
		      struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/images/%s", plan->dirs.share, name);
	AUTO_FREE char *what = xasprintf("script %s", name);
	return inputs_file(inputs, what, path, err);
}

static int add_scripts(const struct image_plan *plan, struct inputs *inputs,
		       const char *const *names, struct err *err)
{
	for (; *names; names++)
		if (add_script(plan, inputs, *names, err) != 0)
			return -1;
	return 0;
}

static int base_inputs(const struct image_plan *plan, struct image_base *base, struct err *err)
{
	static const char *const scripts[] = {
		"build-base",	"lib.sh",	 "hook-setup", "hook-essential",
		"boot-package", "base/dpkg.cfg", NULL
	};
	static const char *const initrd_scripts[] = { "build-initrd", "lib.sh", NULL };
	const struct recipe *recipe = &plan->recipe;
	struct inputs *in = &base->base;
	AUTO_FREE char *files = xasprintf("%s/images/base/files", plan->dirs.share);
	if (add_common(plan, in, err) != 0 ||
	    inputs_list(in, "packages", &recipe->packages, err) != 0 ||
	    inputs_list(in, "enable", &recipe->enable, err) != 0 ||
	    inputs_list(in, "mask", &recipe->mask, err) != 0 ||
	    inputs_list(in, "firmware", &base->firmware, err) != 0 ||
	    inputs_text(in, "kernel", base->kernel->package, err) != 0 ||
	    inputs_list(in, "exclude_modules", &base->kernel->exclude_modules, err) != 0 ||
	    inputs_tree(in, "file", files, err) != 0 || add_scripts(plan, in, scripts, err) != 0 ||
	    inputs_digest(in, base->base_digest, err) != 0)
		return -1;
	AUTO_FREE char *init = xasprintf("%s/images/initrd", plan->dirs.share);
	if (inputs_text(&base->initrd, "base", base->base_digest, err) != 0 ||
	    inputs_list(&base->initrd, "direct", &base->kernel->direct, err) != 0 ||
	    inputs_list(&base->initrd, "by_alias", &base->kernel->by_alias, err) != 0 ||
	    inputs_list(&base->initrd, "disk", &base->kernel->disk, err) != 0 ||
	    inputs_list(&base->initrd, "disk_by_alias", &base->kernel->disk_by_alias, err) != 0 ||
	    inputs_tree(&base->initrd, "file", init, err) != 0)
		return -1;
	return add_scripts(plan, &base->initrd, initrd_scripts, err);
}

/* Folders laid over each other, the first one below. */
static int role_folders(struct image_role *image, struct err *err)
{
	const struct text_list *folders = &image->role->folders;
	for (size_t i = 0; i < folders->count; i++) {
		AUTO_FREE char *files = xasprintf("%s/files", folders->items[i]);
		AUTO_FREE char *name = xasprintf("file %zu", i + 1);
		if (inputs_tree(&image->layer, name, files, err) != 0)
			return -1;
	}
	return 0;
}

/* The programs a role has besides moyai-node, and what they read. */
static int add_programs(const struct image_plan *plan, const struct role *role,
			struct inputs *inputs, struct err *err)
{
	static const char *const folders[] = IMAGE_SHARED;
	for (size_t i = 0; i < role->programs.count; i++) {
		AUTO_FREE char *path = image_program(plan, role->programs.items[i]);
		AUTO_FREE char *name = xasprintf("program %s", role->programs.items[i]);
		if (!file_exists(path))
			return err_set(err, "%s is missing: run make first", path);
		if (inputs_file(inputs, name, path, err) != 0)
			return -1;
	}
	for (size_t i = 0; i < COUNT_OF(folders) && role->programs.count > 0; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", plan->dirs.share, folders[i]);
		AUTO_FREE char *name = xasprintf("shared %s", folders[i]);
		if (inputs_tree(inputs, name, path, err) != 0)
			return -1;
	}
	return 0;
}

char *image_program(const struct image_plan *plan, const char *name)
{
	const char *node = plan->dirs.moyai_node;
	const char *slash = strrchr(node, '/');
	int length = slash ? (int)(slash + 1 - node) : 0;
	char *beside = xasprintf("%.*s%s", length, node, name);
	AUTO_FREE char *installed = xasprintf("%.*s../../bin/%s", length, node, name);
	if (file_exists(beside) || !file_exists(installed))
		return beside;
	free(beside);
	return xstrdup(installed);
}

/* Only of a role that has one of its own: to the others its script is nothing. */
static int initramfs_inputs(const struct image_plan *plan, const struct role *role,
			    struct inputs *in, struct err *err)
{
	static const char *const scripts[] = { "build-micro", "micro/init", NULL };
	if (role->initramfs.count == 0)
		return 0;
	return inputs_list(in, "initramfs", &role->initramfs, err) == 0
		       ? add_scripts(plan, in, scripts, err)
		       : -1;
}

static int role_inputs(const struct image_plan *plan, struct image_role *image, struct err *err)
{
	static const char *const scripts[] = { "build-role", "install-packages", "lib.sh", NULL };
	const struct image_base *base = &plan->bases[image->base];
	const struct role *role = image->role;
	struct inputs *in = &image->layer;
	char digest[2][HASH_HEX_SIZE];
	if (inputs_text(in, "base", base->base_digest, err) != 0 ||
	    inputs_list(in, "packages", &role->packages, err) != 0 ||
	    (role->composed && inputs_list(in, "phases", &role->phases, err) != 0) ||
	    inputs_list(in, "modules", &role->modules, err) != 0 ||
	    initramfs_inputs(plan, role, in, err) != 0 ||
	    inputs_list(in, "enable", &role->enable, err) != 0 ||
	    inputs_list(in, "mask", &role->mask, err) != 0 || role_folders(image, err) != 0 ||
	    add_scripts(plan, in, scripts, err) != 0 || inputs_digest(in, digest[0], err) != 0)
		return -1;
	in = &image->image;
	if (inputs_digest(&plan->bases[image->base].initrd, digest[1], err) != 0 ||
	    inputs_text(in, "layer", digest[0], err) != 0 ||
	    inputs_text(in, "initramfs", digest[1], err) != 0 ||
	    inputs_text(in, "role", role->name, err) != 0 ||
	    inputs_text(in, "console", image->console, err) != 0 ||
	    inputs_list(in, "kernel_arguments", &image->kernel_arguments, err) != 0 ||
	    inputs_file(in, "moyai-node", plan->dirs.moyai_node, err) != 0 ||
	    add_programs(plan, role, in, err) != 0 || add_tools(in, NODE_TOOLS, err) != 0 ||
	    add_script(plan, in, "build-node", err) != 0 || inputs_digest(in, digest[0], err) != 0)
		return -1;
	memcpy(image->version, digest[0], sizeof(image->version) - 1);
	return 0;
}

static void add_all(struct text_list *to, const struct text_list *from)
{
	for (size_t i = 0; i < from->count; i++)
		if (!text_list_has(to, from->items[i]))
			text_list_add(to, from->items[i]);
}

static char *base_name(const char *kernel, const struct text_list *firmware, struct err *err)
{
	if (firmware->count == 0)
		return xasprintf("base-%s", kernel);
	struct inputs inputs = { 0 };
	char hex[HASH_HEX_SIZE];
	int rc = inputs_list(&inputs, "firmware", firmware, err);
	if (rc == 0)
		rc = inputs_digest(&inputs, hex, err);
	inputs_free(&inputs);
	return rc == 0 ? xasprintf("base-%s-%.8s", kernel, hex) : NULL;
}

/* The base a role stands on: found, or added. */
static int role_base(struct image_plan *plan, const struct role *role, size_t *found,
		     struct err *err)
{
	const char *name = role->kernel ? role->kernel : plan->site->kernel;
	const struct recipe_kernel *kernel = recipe_kernel(&plan->recipe, name);
	if (kernel == NULL)
		return err_set(err, "images/base.cfg has no kernel \"%s\"", name);
	AUTO_LIST struct text_list firmware = TEXT_LIST_INIT;
	add_all(&firmware, &plan->site->firmware);
	add_all(&firmware, &role->firmware);
	text_list_sort(&firmware);
	char *folder = base_name(name, &firmware, err);
	if (folder == NULL)
		return -1;
	for (*found = 0; *found < plan->base_count; (*found)++) {
		if (text_equal(plan->bases[*found].name, folder)) {
			free(folder);
			return 0;
		}
	}
	plan->bases = xrealloc(plan->bases, plan->base_count + 1, sizeof(*plan->bases));
	struct image_base *base = &plan->bases[plan->base_count++];
	*base = (struct image_base){ .name = folder, .kernel = kernel };
	add_all(&base->firmware, &firmware);
	return base_inputs(plan, base, err);
}

static int add_role(struct image_plan *plan, const struct role *role, struct err *err)
{
	struct image_role image = { .role = role };
	if (role_base(plan, role, &image.base, err) != 0)
		return -1;
	const struct recipe_kernel *kernel = plan->bases[image.base].kernel;
	image.console = role->console ? role->console : kernel->console;
	add_all(&image.kernel_arguments, &plan->recipe.kernel_arguments);
	add_all(&image.kernel_arguments, &kernel->kernel_arguments);
	add_all(&image.kernel_arguments, &role->kernel_arguments);
	plan->roles = xrealloc(plan->roles, plan->role_count + 1, sizeof(*plan->roles));
	plan->roles[plan->role_count++] = image;
	return role_inputs(plan, &plan->roles[plan->role_count - 1], err);
}

static json_t *load(const char *images, const char *folder, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s/%s", images, folder, file);
	return json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
}

static bool there(const struct image_plan *plan, const char *folder, const char *file)
{
	AUTO_FREE char *path = xasprintf("%s/%s/%s", plan->dirs.images, folder, file);
	return file_exists(path);
}

static void judge_base(const struct image_plan *plan, struct image_base *base)
{
	json_t *was = load(plan->dirs.images, base->name, "inputs.json");
	if (was == NULL || !there(plan, base->name, "base.squashfs") ||
	    !there(plan, base->name, "vmlinuz")) {
		str_add(&base->why, "missing");
		base->base_stale = base->initrd_stale = true;
	} else {
		base->base_stale = !inputs_same(&base->base, "base", was, &base->why);
		base->initrd_stale = base->base_stale ||
				     !inputs_same(&base->initrd, "initramfs", was, &base->why);
		if (!base->initrd_stale && !there(plan, base->name, "initrd.img")) {
			str_add(&base->why, "initramfs: missing");
			base->initrd_stale = true;
		}
	}
	json_decref(was);
}

static long long file_size(const char *images, const char *path)
{
	AUTO_FREE char *full = xasprintf("%s/%s", images, path);
	struct stat st;
	return stat(full, &st) == 0 ? (long long)st.st_size : -1;
}

/* The manifest speaks of the files that lie there: their sizes fit. */
static bool files_fit(const struct image_plan *plan, json_t *manifest)
{
	json_t *files = json_object_get(manifest, "files");
	json_t *all = json_array();
	json_array_append(all, json_object_get(files, "kernel"));
	json_array_append(all, json_object_get(files, "initrd"));
	json_array_extend(all, json_object_get(files, "layers"));
	bool fit = json_array_size(all) > 2;
	size_t i;
	json_t *file;
	json_array_foreach(all, i, file)
	{
		const char *path = json_string_value(json_object_get(file, "path"));
		fit = fit && path &&
		      file_size(plan->dirs.images, path) ==
			      json_integer_value(json_object_get(file, "size"));
	}
	json_decref(all);
	return fit;
}

static void judge_role(const struct image_plan *plan, struct image_role *image)
{
	const struct image_base *base = &plan->bases[image->base];
	json_t *manifest = image_manifest_load(plan, image);
	json_t *was = json_object_get(manifest, "inputs");
	image->missing = manifest == NULL || !there(plan, image->role->name, "role.squashfs");
	if (image->missing) {
		str_add(&image->why, "missing");
		image->layer_stale = image->stale = true;
	} else if (base->base_stale) {
		str_addf(&image->why, "%s", str_text(&base->why));
		image->layer_stale = image->stale = true;
	} else {
		image->layer_stale = !inputs_same(&image->layer, "role", was, &image->why);
		if (!image->layer_stale && base->initrd_stale)
			str_addf(&image->why, "%s", str_text(&base->why));
		image->stale = image->layer_stale || base->initrd_stale ||
			       !inputs_same(&image->image, "image", was, &image->why);
		if (!image->stale && !files_fit(plan, manifest)) {
			str_add(&image->why, "files are not those of the manifest");
			image->layer_stale = image->stale = true;
		}
	}
	json_decref(manifest);
}

json_t *image_manifest_load(const struct image_plan *plan, const struct image_role *role)
{
	return load(plan->dirs.images, role->role->name, "manifest.json");
}

/* Nobody boots it: clusters add rolls or packages to it, and that is another image. */
static bool is_added_to(const struct site *site, const struct role *role)
{
	bool added_to = false;
	for (size_t i = 0; i < site->roles.count; i++)
		added_to |= site->roles.items[i].composed &&
			    text_equal(site->roles.items[i].extends, role->name);
	for (size_t i = 0; i < site->node_count; i++)
		added_to &= !text_equal(site->nodes[i].role_name, role->name);
	for (size_t i = 0; i < site->cluster_count; i++)
		for (size_t j = 0; j < site->clusters[i].guest_count; j++)
			added_to &=
				!text_equal(site->clusters[i].guests[j].group->role, role->name);
	return added_to;
}

static int add_roles(struct image_plan *plan, const struct text_list *names, struct err *err)
{
	const struct role_list *roles = &plan->site->roles;
	for (size_t i = 0; i < names->count; i++)
		if (role_list_find(roles, names->items[i]) == NULL)
			return err_set(err, "the site has no role \"%s\"", names->items[i]);
	for (size_t i = 0; i < roles->count; i++) {
		const struct role *role = &roles->items[i];
		if (names->count > 0 ? !text_list_has(names, role->name)
				     : is_added_to(plan->site, role))
			continue;
		if (add_role(plan, role, err) != 0)
			return err_context(err, "role %s", role->name);
	}
	return 0;
}

int image_plan_make(const struct image_dirs *dirs, const struct site *site,
		    const struct text_list *names, struct image_plan *plan, struct err *err)
{
	*plan = (struct image_plan){ .dirs = *dirs, .site = site };
	AUTO_FREE char *recipe = xasprintf("%s/images/base.cfg", dirs->share);
	int rc = -1;
	if (!file_exists(dirs->moyai_node))
		err_set(err, "%s is missing: run make first", dirs->moyai_node);
	else if (recipe_read(recipe, &plan->recipe, err) == 0 &&
		 apt_index_read(plan->recipe.suite, &plan->index, err) == 0)
		rc = add_roles(plan, names, err);
	if (rc != 0) {
		image_plan_free(plan);
		return -1;
	}
	for (size_t i = 0; i < plan->base_count; i++)
		judge_base(plan, &plan->bases[i]);
	for (size_t i = 0; i < plan->role_count; i++)
		judge_role(plan, &plan->roles[i]);
	return 0;
}

void image_plan_free(struct image_plan *plan)
{
	if (plan == NULL)
		return;
	recipe_free(&plan->recipe);
	apt_index_free(&plan->index);
	for (size_t i = 0; i < plan->base_count; i++) {
		struct image_base *base = &plan->bases[i];
		free(base->name);
		text_list_free(&base->firmware);
		inputs_free(&base->base);
		inputs_free(&base->initrd);
		str_free(&base->why);
	}
	for (size_t i = 0; i < plan->role_count; i++) {
		struct image_role *role = &plan->roles[i];
		text_list_free(&role->kernel_arguments);
		inputs_free(&role->layer);
		inputs_free(&role->image);
		str_free(&role->why);
	}
	free(plan->bases);
	free(plan->roles);
	*plan = (struct image_plan){ 0 };
}
