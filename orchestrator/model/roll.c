/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/roll.h"

#include <stdlib.h>
#include <string.h>

#define ROLL(member) offsetof(struct roll, member)
#define PART(member) offsetof(struct roll_part, member)
#define PARAMETER(member) offsetof(struct roll_parameter, member)

const struct field ROLL_FIELDS[] = { { "doc", FIELD_TEXT, ROLL(doc), FIELD_REQUIRED, 1, 200, NULL,
				       NULL, "what the roll is for, in one line" },
				     FIELD_END };

const struct field ROLL_PART_FIELDS[] = { { "packages", FIELD_LIST, PART(packages), 0, 0, 1024,
					    NULL, NULL, "Debian packages that are installed" },
					  { "services", FIELD_LIST, PART(services), 0, 0, 256, NULL,
					    NULL, "systemd units that are enabled" },
					  FIELD_END };

const struct field ROLL_PARAMETER_FIELDS[] = {
	{ "name", FIELD_NAME, PARAMETER(name), FIELD_REQUIRED, 1, 63, NULL, NULL,
	  "what a cluster's parameters call it" },
	{ "doc", FIELD_TEXT, PARAMETER(doc), FIELD_REQUIRED, 1, 200, NULL, NULL,
	  "what it says, in one line" },
	{ "default", FIELD_TEXT, PARAMETER(fallback), 0, 0, 1024, NULL, NULL,
	  "its value when the cluster says none; not given: the cluster has to" },
	FIELD_END
};

struct roll *roll_list_find(const struct roll_list *list, const char *name)
{
	for (size_t i = 0; name && i < list->count; i++)
		if (strcmp(list->items[i].name, name) == 0)
			return &list->items[i];
	return NULL;
}

const struct roll_parameter *roll_find_parameter(const struct roll *roll, const char *name)
{
	for (size_t i = 0; i < roll->parameter_count; i++)
		if (text_equal(roll->parameters[i].name, name))
			return &roll->parameters[i];
	return NULL;
}

void roll_list_free(struct roll_list *list)
{
	if (list == NULL)
		return;
	for (size_t i = 0; i < list->count; i++) {
		struct roll *roll = &list->items[i];
		fields_free(ROLL_FIELDS, roll);
		fields_free(ROLL_PART_FIELDS, &roll->frontend);
		fields_free(ROLL_PART_FIELDS, &roll->compute);
		for (size_t j = 0; j < roll->parameter_count; j++)
			fields_free(ROLL_PARAMETER_FIELDS, &roll->parameters[j]);
		free(roll->parameters);
		free(roll->name);
		free(roll->folder);
	}
	free(list->items);
	*list = (struct roll_list){ NULL, 0 };
}
