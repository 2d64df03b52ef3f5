/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/service/spec.h"

#include <ctype.h>
#include <string.h>

#include "engine/plan.h"
#include "model/text_check.h"

#define AT(member) offsetof(struct service, member)

enum { NAME_MAX_BYTES = 200 };

static const struct field FIELDS[] = {
	{ "name", FIELD_TEXT, AT(name), FIELD_REQUIRED, 1, NAME_MAX_BYTES, NULL, NULL,
	  "name of the unit: libvirtd.service" },
	{ "state", FIELD_CHOICE, AT(state), 0, 0, 0, "running stopped", "running",
	  "whether it is to run" },
	{ "sub_state", FIELD_TEXT, AT(sub_state), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "systemd's own word for how it is" },
	FIELD_END
};

bool service_name_valid(const char *name)
{
	static const char *const TYPES[] = { ".service", ".socket", ".timer", ".target", ".path" };
	size_t length = strlen(name);
	bool typed = false;
	for (size_t i = 0; i < COUNT_OF(TYPES); i++)
		typed = typed || (text_ends(name, TYPES[i]) && length > strlen(TYPES[i]));
	if (!typed || length > NAME_MAX_BYTES || name[0] == '-' || name[0] == '.')
		return false;
	for (const char *at = name; *at; at++)
		if ((unsigned char)*at >= 128 ||
		    (!isalnum((unsigned char)*at) && strchr(":-_.@", *at) == NULL))
			return false;
	return true;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct service *service = want->body;
	(void)site;
	(void)node;
	if (service->name != NULL && !service_name_valid(service->name))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "service \"%s\": not a name of a unit; write it in full, like "
			    "libvirtd.service",
			    service->name);
	if (service->name != NULL && text_is_needed_unit(service->name) &&
	    text_equal(service->state, "stopped"))
		mistake_add(mistakes, place_of(want->place, "state"),
			    "service \"%s\": Moyai reaches and changes a node through it; it "
			    "cannot be stopped",
			    service->name);
}

const struct kind_spec service_spec = {
	.name = "service",
	.section = "services",
	.doc = "a systemd unit that runs; removing the declaration leaves it as it is",
	.example = "{ name = \"libvirtd.service\"; }",
	.size = sizeof(struct service),
	.fields = FIELDS,
	.check = check,
};
