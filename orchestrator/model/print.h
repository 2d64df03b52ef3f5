/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_PRINT_H
#define MODEL_PRINT_H
#include "model/field.h"
/*
 * All that is given and may be written, as configuration that reads back as it
 * was: `name = value;`, with `indent` before and `between` behind each.
 */
void print_fields(const struct field *fields, const void *object, const char *indent,
		  const char *between, struct str *out);
#endif
