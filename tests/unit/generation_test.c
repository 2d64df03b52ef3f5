/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Generations of images: kept by hard links, listed by age, pruned but for those in use. */
#include "image/generation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "model/images.h"
#include "model/manifest.h"
#include "test.h"

static char dir[] = "/tmp/moyai-generations-XXXXXX";

static void put(const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

/* A build of the role: what differs is its version and its layer. */
static void build(const char *version)
{
	static const char format[] =
		"{\"role\": \"storage\", \"version\": \"%s\", \"kernel_arguments\": [], \"files\": "
		"{"
		"\"kernel\": {\"path\": \"base/vmlinuz\", \"sha256\": \"%s\", \"size\": 6},"
		"\"initrd\": {\"path\": \"base/initrd.img\", \"sha256\": \"%s\", \"size\": 6},"
		"\"layers\": [{\"path\": \"storage/role.squashfs\", \"sha256\": \"%s\", \"size\": "
		"%zu}]}}";
	char hash[HASH_HEX_SIZE];
	char layer[HASH_HEX_SIZE];
	assert_int_equal(hash_bytes_hex("kernel", 6, hash, NULL), 0);
	assert_int_equal(hash_bytes_hex(version, strlen(version), layer, NULL), 0);
	AUTO_FREE char *text = xasprintf(format, version, hash, hash, layer, strlen(version));
	put("storage/role.squashfs", version);
	put("storage/manifest.json", text);
	assert_int_equal(generation_keep(dir, "storage", NULL), 0);
}

static void expect(const struct text_list *list, const char *wanted)
{
	AUTO_STR struct str text = STR_INIT;
	for (size_t i = 0; i < list->count; i++)
		str_addf(&text, "%s%s", i ? "," : "", list->items[i]);
	assert_string_equal(str_text(&text), wanted);
}

static void kept_and_pruned(void **state)
{
	AUTO_LIST struct text_list versions = TEXT_LIST_INIT;
	AUTO_LIST struct text_list removed = TEXT_LIST_INIT;
	struct manifest manifest;
	struct stat one;
	struct stat two;
	uint64_t size;
	(void)state;
	AUTO_FREE char *base = xasprintf("%s/base/vmlinuz", dir);
	AUTO_FREE char *kept = xasprintf("%s/generations/storage/v1/vmlinuz", dir);
	const char *const builds[] = { "v1", "v2", "v3", "v4", "v5" };
	for (size_t i = 0; i < COUNT_OF(builds); i++)
		build(builds[i]);
	/* One that comes back counts as new. */
	build("v2");
	assert_int_equal(generation_list(dir, "storage", &versions, NULL), 0);
	expect(&versions, "v2,v5,v4,v3,v1");

	/* What they share is there once; a generation is served by its own paths. */
	assert_int_equal(stat(base, &one), 0);
	assert_int_equal(stat(kept, &two), 0);
	assert_true(one.st_ino == two.st_ino);
	assert_int_equal(manifest_read(dir, "generations/storage/v1", &manifest, NULL), 0);
	assert_string_equal(manifest.layers[0].path, "generations/storage/v1/role.squashfs");
	assert_string_equal(manifest.version, "v1");
	manifest_free(&manifest);
	assert_true(manifest_any(dir, "generations/storage/v1/role.squashfs", &size));
	assert_true(manifest_any(dir, "generations/storage/v1/manifest.json", &size));
	assert_false(manifest_any(dir, "generations/manifest.json", &size));

	/* The site's files: of the role the newest, and what a node uses. */
	struct role role = { .name = (char[]){ "storage" } };
	struct site_node node = { .name = (char[]){ "s1" },
				  .role_name = role.name,
				  .role = &role,
				  .image = (char[]){ "v1" } };
	const struct site site = { .nodes = &node, .node_count = 1 };
	struct image_set set;
	image_set_read(dir, &site, &set);
	assert_null(set.missing);
	assert_count(set.count, 4 + 4);
	assert_string_equal(image_set_find(&set, "storage", NULL)->version, "v2");
	assert_string_equal(image_set_find(&set, "storage", "v1")->layers[0].path,
			    "generations/storage/v1/role.squashfs");
	assert_null(image_set_find(&set, "storage", "v3"));
	image_set_free(&set);

	/* Three are kept, and v1 is in use. */
	AUTO_LIST struct text_list in_use = TEXT_LIST_INIT;
	text_list_add(&in_use, "v1");
	assert_int_equal(generation_prune(dir, "storage", &in_use, &removed, NULL), 0);
	expect(&removed, "storage v3");
	text_list_free(&versions);
	assert_int_equal(generation_list(dir, "storage", &versions, NULL), 0);
	expect(&versions, "v2,v5,v4,v1");
	node.image = (char[]){ "v9" };
	image_set_read(dir, &site, &set);
	AUTO_FREE char *why =
		xasprintf("images.cfg names an image that is not there "
			  "(%s/generations/storage/v9/manifest.json: No such file or "
			  "directory); moyai bootstrap brings it from where it was built, "
			  "moyai image use chooses another",
			  dir);
	assert_string_equal(set.missing, why);
	image_set_free(&set);
}

static void printed(void **state)
{
	struct site_node nodes[] = { { .name = (char[]){ "a" }, .image = (char[]){ "v1" } },
				     { .name = (char[]){ "b" } },
				     { .name = (char[]){ "c" }, .image = (char[]){ "v2" } },
				     { .name = (char[]){ "d" }, .image = (char[]){ "v1" } } };
	const struct site site = { .nodes = nodes, .node_count = COUNT_OF(nodes) };
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	images_print(&site, &text);
	assert_string_equal(
		str_text(&text),
		"# Written by moyai image use: nodes that boot another image than the newest.\n"
		"images = (\n"
		"\t{ version = \"v1\"; nodes = [ \"a\", \"d\" ]; },\n"
		"\t{ version = \"v2\"; nodes = [ \"c\" ]; }\n"
		");\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(kept_and_pruned),
					    cmocka_unit_test(printed) };
	if (mkdtemp(dir) == NULL)
		return 1;
	AUTO_FREE char *base = xasprintf("%s/base", dir);
	AUTO_FREE char *role = xasprintf("%s/storage", dir);
	file_make_dirs(base, 0755, NULL);
	file_make_dirs(role, 0755, NULL);
	put("base/vmlinuz", "kernel");
	put("base/initrd.img", "kernel");
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	run_args(NULL, "rm", "-rf", "--", dir, NULL);
	return rc;
}
