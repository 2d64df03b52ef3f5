/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_ROLL_H
#define MODEL_ROLL_H
#include <stdbool.h>

#include "model/field.h"
/*
 * A roll is a folder, roles/rolls/NAME: what a virtual cluster gets besides its appliances.
 * roll.cfg says packages and services of the frontend and of the compute nodes, and parameters;
 * frontend/files and compute/files are laid over the guests as they stand. A site's own
 * roles/rolls/NAME stands in place of a shipped one of the same name.
 */
struct roll_part {
	struct text_list packages;
	struct text_list services; /* systemd units that are enabled */
	struct place place;
};

struct roll_parameter {
	char *name;
	char *doc;
	char *fallback; /* NULL: the cluster has to say it */
	struct place place;
};

struct roll {
	char *name;
	char *doc;
	char *folder;
	struct roll_part frontend, compute;
	struct roll_parameter *parameters;
	size_t parameter_count;
	struct place place;
	bool broken;
};
struct roll_list {
	struct roll *items;
	size_t count;
};
extern const struct field ROLL_FIELDS[];
extern const struct field ROLL_PART_FIELDS[];
extern const struct field ROLL_PARAMETER_FIELDS[];

struct roll *roll_list_find(const struct roll_list *list, const char *name);
void roll_list_free(struct roll_list *list);
const struct roll_parameter *roll_find_parameter(const struct roll *roll, const char *name);
#endif
