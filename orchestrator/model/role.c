/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/role.h"

#include <stdlib.h>
#include <string.h>

#include "model/kind.h"
#include "model/site.h"

#define ROLE(member) offsetof(struct role, member)

const struct field ROLE_FIELDS[] = {
	{ "doc", FIELD_TEXT, ROLE(doc), 0, 0, 0, NULL, NULL, "what the role is for, in one line" },
	{ "extends", FIELD_NAME, ROLE(extends), 0, 0, 0, NULL, NULL,
	  "the role that it builds on; none: the base image alone" },
	{ "packages", FIELD_LIST, ROLE(packages), 0, 0, 1024, NULL, NULL,
	  "Debian packages of the image" },
	{ "firmware", FIELD_LIST, ROLE(firmware), 0, 0, 256, NULL, NULL,
	  "firmware packages besides the site's" },
	{ "kernel_arguments", FIELD_LIST, ROLE(kernel_arguments), 0, 0, 256, NULL, NULL,
	  "arguments on the kernel's command line" },
	{ "modules", FIELD_LIST, ROLE(modules), 0, 0, 256, NULL, NULL,
	  "kernel modules loaded at boot" },
	{ "enable", FIELD_LIST, ROLE(enable), 0, 0, 256, NULL, NULL,
	  "systemd units enabled in the image" },
	{ "mask", FIELD_LIST, ROLE(mask), 0, 0, 256, NULL, NULL,
	  "systemd units masked in the image" },
	{ "programs", FIELD_LIST, ROLE(programs), 0, 0, 8, NULL, NULL,
	  "programs of Moyai besides moyai-node: \"moyai\", \"moyaid\"" },
	{ "initramfs", FIELD_LIST, ROLE(initramfs), 0, 0, 64, NULL, NULL,
	  "of guests: programs of the image, in full, which busybox and an initramfs are enough "
	  "for" },
	{ "kernel", FIELD_CHOICE, ROLE(kernel), 0, 0, 0, "generic cloud", NULL,
	  "kernel flavour in place of the site's" },
	{ "console", FIELD_TEXT, ROLE(console), 0, 1, 64, NULL, NULL,
	  "serial console, \"ttyS0,115200\"" },
	FIELD_END
};

void role_init(struct role *role, const char *name)
{
	*role = (struct role){ .name = xstrdup(name) };
	fields_init(ROLE_FIELDS, role);
	role->wants = xcalloc(1, sizeof(*role->wants));
}

void role_lay_over(struct role *role, const struct role *layer)
{
	for (const struct field *field = ROLE_FIELDS; field->name; field++) {
		if (!field_given(field, layer))
			continue;
		void *to = (char *)role + field->offset;
		const void *from = (const char *)layer + field->offset;
		if (field->type == FIELD_LIST) {
			const struct text_list *items = from;
			for (size_t i = 0; i < items->count; i++)
				if (!text_list_has(to, items->items[i]))
					text_list_add(to, items->items[i]);
		} else {
			free(*(char **)to);
			*(char **)to = xstrdup(*(char *const *)from);
		}
	}
	for (size_t i = 0; layer->wants && i < layer->wants->count; i++) {
		const struct spec *want = &layer->wants->items[i];
		struct spec *old = spec_list_find(role->wants, want->kind->name, want->id);
		if (old == NULL) {
			spec_list_copy(role->wants, want);
			continue;
		}
		fields_free(old->kind->fields, old->body);
		fields_copy(old->kind->fields, old->body, want->body);
		old->place = want->place;
		old->broken = want->broken;
	}
}

bool role_is_frontend(const struct role *role)
{
	return role != NULL && text_list_has(&role->enable, "moyai-frontend.service");
}

struct role *role_list_find(const struct role_list *list, const char *name)
{
	for (size_t i = 0; name && i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

void role_list_take(struct role_list *list, struct role *role)
{
	list->items = xrealloc(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = *role;
	*role = (struct role){ 0 };
}

void role_free(struct role *role)
{
	fields_free(ROLE_FIELDS, role);
	text_list_free(&role->folders);
	text_list_free(&role->phases);
	spec_list_free(role->wants);
	free(role->wants);
	free(role->name);
	*role = (struct role){ 0 };
}

void role_list_free(struct role_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++)
		role_free(&list->items[i]);
	free(list->items);
	*list = (struct role_list){ NULL, 0 };
}
