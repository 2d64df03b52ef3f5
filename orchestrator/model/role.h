/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_ROLE_H
#define MODEL_ROLE_H
#include <stdbool.h>

#include "model/field.h"
#include "model/mistake.h"
/*
 * A role is a folder: role.cfg, and files/ laid over the image as it stands.
 * A site's roles/NAME adds to the shipped role of the same name (lists are
 * appended, single values replaced, files laid over); with a new name it is a
 * new role, which may say `extends = "storage"`.
 */
struct spec_list;

struct role {
	char *name;
	char *doc;
	char *extends; /* NULL: the base image alone */
	struct text_list packages;
	struct text_list firmware; /* packages besides the site's */
	struct text_list kernel_arguments;
	struct text_list modules;  /* kernel modules loaded at boot */
	struct text_list enable;   /* systemd units enabled in the image */
	struct text_list mask;	   /* systemd units masked in the image */
	struct text_list programs; /* Moyai's own, besides moyai-node: "moyai", "moyaid" */
	struct text_list
		initramfs;	  /* programs of it that an initramfs of its own has; empty: none */
	char *kernel;		  /* NULL: the site's */
	char *console;		  /* "ttyS0,115200"; NULL: none */
	struct text_list folders; /* the folders it came from, base of `extends` first */
	struct spec_list *wants;  /* resources every node of the role has: sysctls, services */
	struct place place;
	bool broken; /* it, or one it extends, could not be read as it was meant */
};
struct role_list {
	struct role *items;
	size_t count;
};
/* Machines of it are booted by their host, and boot others: they have the boot server's address. */
bool role_is_frontend(const struct role *role);
struct role *role_list_find(const struct role_list *list, const char *name);
void role_free(struct role *role);
void role_list_free(struct role_list *list);
#endif
