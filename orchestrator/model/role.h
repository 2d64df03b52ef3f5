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
	struct text_list phases;   /* of a composed one: its packages in the order in which they are
				    installed, some in each line: the appliance's, a roll's, … */
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
	bool shipped;  /* a folder of its name is, whatever the site adds to it */
	bool composed; /* of an appliance, and what rolls and packages add: model/compose.c */
	bool broken;   /* it, or one it extends, could not be read as it was meant */
};
struct role_list {
	struct role *items;
	size_t count;
};
/* Machines of it are booted by their host, and boot others: they have the boot server's address. */
bool role_is_frontend(const struct role *role);
/* Empty, of that name. */
void role_init(struct role *role, const char *name);
/* Lists are appended, single values replaced. */
void role_lay_over(struct role *role, const struct role *layer);
struct role *role_list_find(const struct role_list *list, const char *name);
/* It is the list's then. */
void role_list_take(struct role_list *list, struct role *role);
void role_free(struct role *role);
void role_list_free(struct role_list *list);
#endif
