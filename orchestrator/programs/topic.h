/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_TOPIC_H
#define PROGRAMS_TOPIC_H
#include "model/field.h"
/* The words in which field tables are told, by `moyai explain` and the manual. */

/* Groups of the configuration that are no resources. */
struct topic {
	const char *name;
	const char *doc;
	const char *example;
	const struct field *fields;
};
extern const struct topic TOPICS[]; /* ends with an empty row */

const char *topic_type(const struct field *field);
/* "required, cannot change"; "" when there are none. */
void topic_rules(const struct field *field, struct str *out);
/* "1–63 characters"; "" when there are none. */
void topic_limits(const struct field *field, struct str *out);
#endif
