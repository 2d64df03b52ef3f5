/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_PRINT_H
#define MODEL_PRINT_H
#include "model/role.h"
/*
 * All that is given and may be written, as configuration that reads back as it
 * was: `name = value;`, with `indent` before and `between` behind each.
 */
void print_fields(const struct field *fields, const void *object, const char *indent,
		  const char *between, struct str *out);
/* What a machine needs of a role that has its image but not its folder: role.cfg with the packages, which
   resources are checked against, and the resources that its nodes have. `extends`: a role that is known there, NULL: none. */
void role_print(const struct role *role, const char *extends, struct str *out);
#endif
