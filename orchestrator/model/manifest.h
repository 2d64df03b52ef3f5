/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_MANIFEST_H
#define MODEL_MANIFEST_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/hash.h"
#include "base/str.h"
/*
 * What is needed of IMAGES/ROLE/manifest.json to serve an image. A manifest is
 * read again for every boot, so a new image needs no restart. Only manifests and
 * the files they name are ever served.
 */
enum { MANIFEST_LAYERS_MAX = 8 };

struct image_file {
	char *path; /* below the images directory */
	char sha256[HASH_HEX_SIZE];
	uint64_t size_bytes;
};
struct manifest {
	char *role;
	char *version;
	char *console; /* NULL: none */
	struct text_list kernel_arguments;
	struct image_file kernel, initrd;
	struct image_file layers[MANIFEST_LAYERS_MAX]; /* lowest first */
	unsigned layer_count;
};

/*
 * Generations: beside ROLE/, the newest image, older ones are kept as they were under
 * generations/ROLE/VERSION/, each with a manifest of its own. The folder of the version that
 * is meant, below the images directory; version NULL: the newest. The caller frees.
 */
#define IMAGE_GENERATIONS "generations"
char *image_folder(const char *role, const char *version);

/* role: or any other folder below the images directory. */
int manifest_read(const char *images_dir, const char *role, struct manifest *manifest,
		  struct err *err);
void manifest_free(struct manifest *manifest);

/* Its initramfs is the role's own, and all of it: it takes no layers. */
bool manifest_is_alone(const struct manifest *manifest);

/* The file with this path in the manifest, or NULL. layer: its index, or -1. */
const struct image_file *manifest_file(const struct manifest *manifest, const char *path,
				       int *layer);

/* True when some manifest names the path; size_bytes: what it should have, by one that fits the file
   where there is one. */
bool manifest_any(const char *images_dir, const char *path, uint64_t *size_bytes);

/*
 * Every file of the images of a site's roles, and of the generations its nodes use, manifests included: what a cluster
 * manager keeps. Sorted by path, each once. Images of clusters' appliances are in it when they are
 * there: whoever needs one that is not says so by itself.
 */
struct image_set {
	struct image_file *files;
	size_t count;
	struct manifest *manifests; /* of each role the newest, and those that nodes use */
	size_t manifest_count;
	char *missing; /* why an image could not be read; NULL: the set is whole */
};
struct site;
void image_set_read(const char *images_dir, const struct site *site, struct image_set *set);
/* version NULL: the newest. NULL when there is none. */
const struct manifest *image_set_find(const struct image_set *set, const char *role,
				      const char *version);
/* The manifest itself, of the newest image, as a file; NULL when there is none. */
const struct image_file *image_set_self(const struct image_set *set, const char *role);
void image_set_free(struct image_set *set);

/* Where a host keeps what it starts guests with, in a folder per role. */
#define APPLIANCE_ROOT "/var/lib/moyai/appliances"
/* Why there is no image of an appliance; set NULL: none was read. NULL: there is one. The caller
   frees. */
char *appliance_missing(const struct site *site, const struct image_set *set, const char *role);

/* A relative path without empty, "." or ".." parts, of plain characters. */
bool image_path_plain(const char *path);
#endif
