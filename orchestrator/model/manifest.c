/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/manifest.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "model/site.h"

enum { MANIFEST_MAX_BYTES = 16 * 1024 * 1024 };

static void image_file_free(struct image_file *file)
{
	free(file->path);
	file->path = NULL;
}

void manifest_free(struct manifest *manifest)
{
	if (manifest == NULL)
		return;
	free(manifest->role);
	free(manifest->version);
	free(manifest->console);
	text_list_free(&manifest->kernel_arguments);
	image_file_free(&manifest->kernel);
	image_file_free(&manifest->initrd);
	for (unsigned i = 0; i < manifest->layer_count; i++)
		image_file_free(&manifest->layers[i]);
	*manifest = (struct manifest){ 0 };
}

bool image_path_plain(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._+-/";
	size_t length = strlen(path);
	if (length == 0 || length > 512 || strspn(path, plain) != length)
		return false;
	for (const char *part = path;;) {
		size_t size = strcspn(part, "/");
		/* A leading dot covers ".", ".." and hidden files. */
		if (size == 0 || part[0] == '.')
			return false;
		if (part[size] == '\0')
			return true;
		part += size + 1;
	}
}

static int read_file(json_t *json, const char *what, struct image_file *file, struct err *err)
{
	const char *path;
	const char *sha256;
	json_int_t size;
	if (json_unpack(json, "{s:s, s:s, s:I}", "path", &path, "sha256", &sha256, "size", &size) !=
	    0)
		return err_set(err, "%s: path, sha256 or size is missing", what);
	if (!image_path_plain(path))
		return err_set(err, "%s: \"%s\" is not a plain path below the images", what, path);
	if (strlen(sha256) != HASH_HEX_SIZE - 1 ||
	    strspn(sha256, "0123456789abcdef") != HASH_HEX_SIZE - 1)
		return err_set(err, "%s: sha256 is not 64 hexadecimal digits", what);
	if (size <= 0)
		return err_set(err, "%s: size must be above 0", what);
	file->path = xstrdup(path);
	memcpy(file->sha256, sha256, HASH_HEX_SIZE);
	file->size_bytes = (uint64_t)size;
	return 0;
}

static int read_layers(json_t *layers, struct manifest *manifest, struct err *err)
{
	size_t i;
	json_t *layer;
	if (json_array_size(layers) == 0 || json_array_size(layers) > MANIFEST_LAYERS_MAX)
		return err_set(err, "layers: a list of 1 to %d files is needed",
			       MANIFEST_LAYERS_MAX);
	json_array_foreach(layers, i, layer)
	{
		if (read_file(layer, "layers", &manifest->layers[i], err) != 0)
			return -1;
		manifest->layer_count++;
	}
	return 0;
}

static int read_json(json_t *json, struct manifest *manifest, struct err *err)
{
	const char *role;
	const char *version;
	json_t *console = NULL;
	json_t *arguments;
	json_t *kernel;
	json_t *initrd;
	json_t *layers;
	json_error_t why;
	if (json_unpack_ex(json, &why, 0, "{s:s, s:s, s?o, s:o, s:{s:o, s:o, s:o}}", "role", &role,
			   "version", &version, "console", &console, "kernel_arguments", &arguments,
			   "files", "kernel", &kernel, "initrd", &initrd, "layers", &layers) != 0)
		return err_set(err, "%s", why.text);
	size_t i;
	json_t *argument;
	json_array_foreach(arguments, i, argument)
	{
		if (!json_is_string(argument))
			return err_set(err, "kernel_arguments: must be texts");
		text_list_add(&manifest->kernel_arguments, json_string_value(argument));
	}
	manifest->role = xstrdup(role);
	manifest->version = xstrdup(version);
	manifest->console = xstrdup(json_string_value(console));
	if (read_file(kernel, "kernel", &manifest->kernel, err) != 0 ||
	    read_file(initrd, "initrd", &manifest->initrd, err) != 0)
		return -1;
	return read_layers(layers, manifest, err);
}

bool manifest_is_alone(const struct manifest *manifest)
{
	size_t length = strlen(manifest->role);
	return strncmp(manifest->initrd.path, manifest->role, length) == 0 &&
	       manifest->initrd.path[length] == '/';
}

int manifest_read(const char *images_dir, const char *role, struct manifest *manifest,
		  struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s/manifest.json", images_dir, role);
	AUTO_STR struct str text = STR_INIT;
	struct manifest read = { 0 };
	json_error_t why;
	if (file_read(path, MANIFEST_MAX_BYTES, &text, err) != 0)
		return -1;
	json_t *json = json_loadb(str_text(&text), text.length, 0, &why);
	if (json == NULL)
		return err_set(err, "%s:%d: %s", path, why.line, why.text);
	int rc = read_json(json, &read, err);
	json_decref(json);
	if (rc != 0) {
		manifest_free(&read);
		return err_context(err, "%s", path);
	}
	*manifest = read;
	return 0;
}

const struct image_file *manifest_file(const struct manifest *manifest, const char *path,
				       int *layer)
{
	*layer = -1;
	if (strcmp(manifest->kernel.path, path) == 0)
		return &manifest->kernel;
	if (strcmp(manifest->initrd.path, path) == 0)
		return &manifest->initrd;
	for (unsigned i = 0; i < manifest->layer_count; i++) {
		if (strcmp(manifest->layers[i].path, path) == 0) {
			*layer = (int)i;
			return &manifest->layers[i];
		}
	}
	return NULL;
}

char *image_folder(const char *role, const char *version)
{
	return version ? xasprintf(IMAGE_GENERATIONS "/%s/%s", role, version) : xstrdup(role);
}

/* Every folder that may have a manifest. */
static void list_folders(const char *images_dir, struct text_list *folders)
{
	AUTO_LIST struct text_list roles = TEXT_LIST_INIT;
	AUTO_FREE char *generations = xasprintf("%s/" IMAGE_GENERATIONS, images_dir);
	file_list_dir(images_dir, folders, NULL);
	file_list_dir(generations, &roles, NULL);
	for (size_t i = 0; i < roles.count; i++) {
		AUTO_LIST struct text_list versions = TEXT_LIST_INIT;
		AUTO_FREE char *of_role = xasprintf("%s/%s", generations, roles.items[i]);
		file_list_dir(of_role, &versions, NULL);
		for (size_t j = 0; j < versions.count; j++)
			text_list_take(folders, image_folder(roles.items[i], versions.items[j]));
	}
}

/* FOLDER/manifest.json itself. */
static bool is_manifest(const char *images_dir, const struct text_list *folders, const char *path,
			uint64_t *size_bytes)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *folder = slash ? xstrndup(path, (size_t)(slash - path)) : NULL;
	AUTO_FREE char *full = xasprintf("%s/%s", images_dir, path);
	struct stat status;
	if (slash == NULL || strcmp(slash, "/manifest.json") != 0 ||
	    !text_list_has(folders, folder) || lstat(full, &status) != 0 ||
	    !S_ISREG(status.st_mode))
		return false;
	*size_bytes = (uint64_t)status.st_size;
	return true;
}

bool manifest_any(const char *images_dir, const char *path, uint64_t *size_bytes)
{
	AUTO_LIST struct text_list folders = TEXT_LIST_INIT;
	AUTO_FREE char *full = xasprintf("%s/%s", images_dir, path);
	struct stat status;
	bool found = false;
	bool fits = false;
	if (!image_path_plain(path))
		return false;
	list_folders(images_dir, &folders);
	if (is_manifest(images_dir, &folders, path, size_bytes))
		return true;
	/* Roles share a base: of one that was built before it, the manifest names another size. */
	for (size_t i = 0; i < folders.count && !fits; i++) {
		struct manifest manifest;
		int layer;
		if (manifest_read(images_dir, folders.items[i], &manifest, NULL) != 0)
			continue;
		const struct image_file *file = manifest_file(&manifest, path, &layer);
		if (file) {
			*size_bytes = file->size_bytes;
			found = true;
			fits = lstat(full, &status) == 0 &&
			       (uint64_t)status.st_size == file->size_bytes;
		}
		manifest_free(&manifest);
	}
	return found;
}

/* ---- all files of a site ---- */

static void set_add(struct image_set *set, const struct image_file *file)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->files[i].path, file->path) == 0)
			return;
	set->files = xrealloc(set->files, set->count + 1, sizeof(*set->files));
	set->files[set->count] = *file;
	set->files[set->count++].path = xstrdup(file->path);
}

static int set_add_image(struct image_set *set, const char *images_dir, const char *folder,
			 struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/manifest.json", folder);
	AUTO_FREE char *full = xasprintf("%s/%s", images_dir, path);
	struct image_file self = { .path = path };
	struct manifest manifest;
	struct stat status;
	if (manifest_read(images_dir, folder, &manifest, err) != 0)
		return -1;
	set_add(set, &manifest.kernel);
	set_add(set, &manifest.initrd);
	for (unsigned i = 0; i < manifest.layer_count; i++)
		set_add(set, &manifest.layers[i]);
	set->manifests = xrealloc(set->manifests, set->manifest_count + 1, sizeof(manifest));
	set->manifests[set->manifest_count++] = manifest;
	if (hash_file_hex(full, self.sha256, err) != 0)
		return -1;
	if (stat(full, &status) != 0)
		return err_set_errno(err, errno, "%s", full);
	self.size_bytes = (uint64_t)status.st_size;
	set_add(set, &self);
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct image_file *)a)->path, ((const struct image_file *)b)->path);
}

/* Hosts start them with their kernel, or frontends serve them. A cluster that is stopped
   is to be started without more ado. */
static void add_appliances(const struct site *site, const char *images_dir, struct image_set *set)
{
	for (size_t i = 0; i < site->cluster_count; i++) {
		const struct cluster *cluster = &site->clusters[i];
		for (size_t j = 0; cluster_is_wanted(cluster) && j < cluster->guest_count; j++) {
			const struct cluster_guest *guest = &cluster->guests[j];
			const char *role = guest->group->role;
			if ((cluster_starts_appliance(guest) ||
			     cluster_starts_from_frontend(guest)) &&
			    image_set_find(set, role, NULL) == NULL)
				set_add_image(set, images_dir, role, NULL);
		}
	}
}

char *appliance_missing(const struct site *site, const struct image_set *set, const char *role)
{
	if (set == NULL)
		return xstrdup("no images were read");
	if (image_set_find(set, role, NULL) != NULL)
		return NULL;
	return role_list_find(&site->roles, role)
		       ? xasprintf("there is no image of role %s; run moyai image build", role)
		       : xasprintf("there is neither a role %s nor an image of it; write roles/%s, "
				   "or "
				   "appliance = \"micro\" in the cluster",
				   role, role);
}

/* The newest of each role first: image_set_find() relies on it. */
static void add_folders(const struct site *site, struct text_list *folders)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < site->node_count; i++) {
			const struct site_node *node = &site->nodes[i];
			if (node->role == NULL || (pass == 1 && node->image == NULL))
				continue;
			AUTO_FREE char *folder =
				image_folder(node->role_name, pass == 1 ? node->image : NULL);
			if (!text_list_has(folders, folder))
				text_list_add(folders, folder);
		}
	}
}

void image_set_read(const char *images_dir, const struct site *site, struct image_set *set)
{
	AUTO_LIST struct text_list folders = TEXT_LIST_INIT;
	*set = (struct image_set){ 0 };
	add_folders(site, &folders);
	for (size_t i = 0; i < folders.count && set->missing == NULL; i++) {
		struct err err = ERR_INIT;
		const char *folder = folders.items[i];
		bool newest = !text_starts(folder, IMAGE_GENERATIONS "/");
		if (set_add_image(set, images_dir, folder, &err) != 0)
			set->missing =
				newest ? xasprintf("there is no image of role %s (%s); run moyai "
						   "image build",
						   folder, err.text)
				       : xasprintf("images.cfg names an image that is not there "
						   "(%s); moyai bootstrap brings it from where it "
						   "was "
						   "built, moyai image use chooses another",
						   err.text);
	}
	add_appliances(site, images_dir, set);
	if (set->count > 1)
		qsort(set->files, set->count, sizeof(*set->files), compare_files);
}

const struct manifest *image_set_find(const struct image_set *set, const char *role,
				      const char *version)
{
	for (size_t i = 0; i < set->manifest_count; i++)
		if (text_equal(set->manifests[i].role, role) &&
		    (version == NULL || text_equal(set->manifests[i].version, version)))
			return &set->manifests[i];
	return NULL;
}

const struct image_file *image_set_self(const struct image_set *set, const char *role)
{
	AUTO_FREE char *path = xasprintf("%s/manifest.json", role);
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->files[i].path, path) == 0)
			return &set->files[i];
	return NULL;
}

void image_set_free(struct image_set *set)
{
	for (size_t i = 0; i < set->manifest_count; i++)
		manifest_free(&set->manifests[i]);
	free(set->manifests);
	for (size_t i = 0; i < set->count; i++)
		image_file_free(&set->files[i]);
	free(set->files);
	free(set->missing);
	*set = (struct image_set){ 0 };
}
