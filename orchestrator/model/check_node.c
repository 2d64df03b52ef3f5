/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <string.h>

#include "model/read.h"
/* What is said of one node, or of the nodes of one role, and cannot be. */

enum {
	/* COMMAND_LINE_SIZE of the kernel on x86 (arch/x86/include/asm/setup.h), with its NUL. */
	KERNEL_ARGUMENTS_MAX = 2048,
	HASH_HEX = 64,
	MAC_LENGTH = 17,
};

/* The id that a resource of the kind could have. */
static bool may_be_id(const struct kind_spec *kind, const char *id)
{
	const struct field *before =
		kind->id_before ? field_find(kind->fields, kind->id_before) : NULL;
	const char *slash = before ? strchr(id, '/') : NULL;
	AUTO_FREE char *first = slash ? xstrndup(id, (size_t)(slash - id)) : NULL;
	const char *texts[] = { slash ? slash + 1 : id, first };
	const struct field *fields[] = { &kind->fields[0], before };
	if (before != NULL && slash == NULL)
		return false;
	for (size_t i = 0; i < COUNT_OF(texts) && fields[i] != NULL; i++) {
		struct field alone = *fields[i];
		AUTO_FREE char *value = NULL;
		alone.offset = 0;
		if (field_set_text(&alone, &value, texts[i], NULL) != 0)
			return false;
	}
	return true;
}

/* Consent is mostly for what the configuration has no more, and so is found on the node alone:
   what names neither is a warning of the plan. Here is what no node can have. */
void check_consents(const struct site *site, struct mistakes *mistakes)
{
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		for (size_t j = 0; j < node->may_lose.count; j++) {
			const char *scope = node->may_lose.items[j];
			const char *slash = strchr(scope, '/');
			AUTO_FREE char *name =
				slash ? xstrndup(scope, (size_t)(slash - scope)) : NULL;
			const struct kind_spec *kind = name ? kind_find(name) : NULL;
			struct place place = place_of_item(node->place, "may_lose", j);
			/* What is no KIND/NAME at all was said when it was read. */
			if (kind == NULL || slash[1] == '\0')
				continue;
			if (!kind->holds_data)
				mistake_add(mistakes, place,
					    "node \"%s\": may_lose: \"%.80s\": a %s holds no data "
					    "that could be lost; take it out",
					    node->name, scope, kind->name);
			else if (!may_be_id(kind, slash + 1))
				mistake_add(mistakes, place,
					    "node \"%s\": may_lose: \"%.80s\": no %s can have this "
					    "name; write KIND/%s",
					    node->name, scope, kind->name,
					    kind->id_before ? "FROM/NAME" : "NAME");
		}
	}
}

/* What `moyai pxe serve` adds, as daemon/ipxe.c writes it, as far as it is known without the
   images: their own arguments and the digits of their sizes come to it. */
static size_t least_arguments(const struct site *site, const struct site_node *node)
{
	const struct role *role = node->role;
	const char *console = node->console ? node->console : role->console;
	const char *kernel = role->kernel ? role->kernel : site->kernel;
	AUTO_STR struct str words = STR_INIT;
	str_add(&words, "initrd=initrd.img");
	if (console != NULL)
		str_addf(&words, " console=%s", console);
	for (size_t i = 0; i < role->kernel_arguments.count; i++)
		str_addf(&words, " %s", role->kernel_arguments.items[i]);
	str_addf(&words, " moyai.server=http://%s:%llu moyai.node=%s moyai.mac= moyai.token=",
		 site->boot_server, (unsigned long long)site->boot_port, node->name);
	str_addf(&words, " moyai.layer=base-%s/base.squashfs,,1", kernel);
	str_addf(&words, " moyai.layer=%s/role.squashfs,,1 moyai.layer=%s/node.squashfs,,1",
		 role->name, role->name);
	return words.length + MAC_LENGTH + 4 * HASH_HEX;
}

/* Once for a role: its nodes differ by their names. */
void check_kernel_arguments(const struct site *site, struct mistakes *mistakes)
{
	for (size_t i = 0; i < site->roles.count; i++) {
		const struct role *role = &site->roles.items[i];
		const struct site_node *worst = NULL;
		size_t most = 0;
		for (size_t j = 0; j < site->node_count; j++) {
			const struct site_node *node = &site->nodes[j];
			if (node->role != role || site->boot_server == NULL || site->kernel == NULL)
				continue;
			size_t length = least_arguments(site, node);
			if (length > most) {
				most = length;
				worst = node;
			}
		}
		if (most >= KERNEL_ARGUMENTS_MAX)
			mistake_add(mistakes, place_of(role->place, "kernel_arguments"),
				    "role \"%s\": kernel_arguments: with Moyai's own, node \"%s\" "
				    "boots with at least %zu characters, and the kernel takes %d; "
				    "take out %zu or more",
				    role->name, worst->name, most, KERNEL_ARGUMENTS_MAX - 1,
				    most - (KERNEL_ARGUMENTS_MAX - 1));
	}
}
