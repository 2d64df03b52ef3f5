/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/system/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/fetched.h"

#define AT(member) offsetof(struct system, member)
#define DERIVED FIELD_DERIVED | FIELD_VOLATILE

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED | FIELD_FIXED, 1, 63, NULL, NULL,
	  "always \"main\": a node starts from one disk" },
	{ "disk", FIELD_PATH, AT(disk), FIELD_REQUIRED | FIELD_FIXED, 0, 0, NULL, NULL,
	  "the whole disk, best by a name under /dev/disk/by-id" },
	{ "slot_size", FIELD_BYTES, AT(slot_size), FIELD_VOLATILE, 256ULL << 20, 64ULL << 30, NULL,
	  "512M", "of each of the two slots for images; counts when the disk is laid out" },
	{ "layout", FIELD_TEXT, AT(layout), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "partitions, file systems and boot loader" },
	{ "image", FIELD_TEXT, AT(image), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "version of the image that the next start takes" },
	{ "identity", FIELD_TEXT, AT(identity), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "name, address and keys on the disk" },
	{ "network", FIELD_TEXT, AT(network), DERIVED, 0, 0, NULL, NULL,
	  "the address it gives itself" },
	{ "url", FIELD_TEXT, AT(url), DERIVED, 0, 0, NULL, NULL,
	  "the boot server the image is fetched from" },
	{ "missing", FIELD_TEXT, AT(missing), DERIVED, 0, 0, NULL, NULL,
	  "why the image is not known" },
	{ "disk_holds", FIELD_TEXT, AT(disk_holds), DERIVED, 0, 0, NULL, NULL,
	  "why the disk is not touched" },
	{ "files", FIELD_LIST, AT(files), DERIVED, 0, 0, NULL, NULL,
	  "name, path, sha256 and size of each file of the image" },
	{ "arguments", FIELD_LIST, AT(arguments), DERIVED, 0, 0, NULL, NULL, "of the kernel" },
	FIELD_END
};

static bool has_repository(const struct spec_list *wants)
{
	for (size_t i = 0; wants != NULL && i < wants->count; i++)
		if (strcmp(wants->items[i].kind->name, "repository") == 0)
			return true;
	return false;
}

static bool declares(const struct site_node *node, const struct spec *want)
{
	for (size_t i = 0; i < node->wants.count; i++)
		if (&node->wants.items[i] == want)
			return true;
	return false;
}

/* One node is the cluster manager, and is known by what is written into it: site_manager(). */
static void check_manager(const struct site *site, const struct site_node *node,
			  const struct spec *want, struct mistakes *mistakes)
{
	const struct site_node *manager = site_manager(site);
	if (!declares(node, want))
		mistake_add(mistakes, want->place,
			    "system \"%s\": is in a role, and one node is the cluster manager; "
			    "write it into that node",
			    want->id);
	else if (manager != node)
		mistake_add(mistakes, want->place,
			    "system \"%s\": node \"%s\" has one already, and one node is the "
			    "cluster manager; take one out",
			    want->id, manager->name);
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct system *system = want->body;
	check_manager(site, node, want, mistakes);
	if (!text_equal(want->id, SYSTEM_NAME))
		mistake_add(mistakes, want->place,
			    "system \"%s\": a node starts from one disk; call it \"" SYSTEM_NAME
			    "\"",
			    want->id);
	if (system->disk != NULL && !text_starts(system->disk, "/dev/"))
		mistake_add(mistakes, want->place,
			    "system \"%s\": disk \"%s\" is not under /dev; write a name like "
			    "\"/dev/disk/by-id/…\"",
			    want->id, system->disk);
	if (!has_repository(&node->wants) &&
	    (node->role == NULL || !has_repository(node->role->wants)))
		mistake_add(mistakes, want->place,
			    "system \"%s\": node \"%s\" holds no images, so it cannot boot the "
			    "others; give it the role cluster-manager",
			    want->id, node->name);
}

static void add_file(struct system *system, const char *name, const struct image_file *file)
{
	text_list_take(&system->files, xasprintf("%s %s %s %" PRIu64, name, file->path,
						 file->sha256, file->size_bytes));
}

static void derive_image(const struct site_node *node, const struct manifest *manifest,
			 struct system *system)
{
	const char *console = node->console ? node->console : manifest->console;
	system->image = xstrdup(manifest->version);
	add_file(system, "vmlinuz", &manifest->kernel);
	add_file(system, "initrd.img", &manifest->initrd);
	for (unsigned i = 0; i < manifest->layer_count; i++) {
		AUTO_FREE char *name = xasprintf("%u.squashfs", i + 1);
		add_file(system, name, &manifest->layers[i]);
	}
	if (console != NULL)
		text_list_take(&system->arguments, xasprintf("console=%s", console));
	text_list_copy(&system->arguments, &manifest->kernel_arguments);
}

static void derive_network(const struct site *site, const struct site_node *node,
			   struct system *system)
{
	const struct network *network = site_find_network(site, site->boot_network);
	const char *address = site_node_boot_address(site, node);
	const char *prefix = network && network->cidr ? strchr(network->cidr, '/') : NULL;
	const struct site_node *router = network ? site_find_node(site, network->gateway) : NULL;
	const char *gateway =
		router && router != node ? site_node_address(router, network->name) : NULL;
	system->network =
		xasprintf("address=%s%s\ngateway=%s\nport=%" PRIu64 "\n", address ? address : "",
			  prefix ? prefix : "", gateway ? gateway : "", site->boot_port);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct system *system = want->body;
	const struct image_set *images = from->images;
	const struct manifest *manifest =
		images ? image_set_find(images, from->node->role_name, from->node->image) : NULL;
	(void)err;
	system->layout = xstrdup(SYSTEM_COMPLETE);
	system->identity = xstrdup(SYSTEM_IDENTITY);
	derive_network(from->site, from->node, system);
	system->url = fetched_url(from);
	if (manifest != NULL) {
		derive_image(from->node, manifest, system);
		return 0;
	}
	/* Refused by judge(). The version differs from every other, so that there is a step. */
	system->image = xstrdup("not known");
	system->missing =
		xstrdup(images && images->missing ? images->missing : "no images were read");
	return 0;
}

static int judge(struct step *step, struct err *err)
{
	const struct system *want = step->want ? step->want->body : NULL;
	const struct system *seen = step->seen ? step->seen->body : NULL;
	const char *why = NULL;
	(void)err;
	if (want != NULL && want->missing != NULL)
		why = want->missing;
	if (want != NULL && seen != NULL && seen->disk_holds != NULL)
		why = seen->disk_holds;
	if (why != NULL) {
		free(step->refused);
		step->refused = xstrdup(why);
	}
	return 0;
}

const struct kind_spec system_spec = {
	.name = "system",
	.section = "systems",
	.doc = "the disk that the cluster manager starts from and keeps its state on",
	.example = "{ name = \"main\"; disk = \"/dev/disk/by-id/virtio-system\"; }",
	.size = sizeof(struct system),
	.fields = FIELDS,
	.holds_data = true,
	.attended = true,
	.in_status = true,
	.check = check,
	.derive = derive,
	.judge = judge,
};
