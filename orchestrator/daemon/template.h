/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_TEMPLATE_H
#define DAEMON_TEMPLATE_H
#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Files under pxe/ with @NAME@ in them. A value is put in as it stands, so it
 * may not hold control characters: a newline would start a new line of the
 * script or configuration. Values that are meant to have several lines say so.
 */
struct template_value {
	const char *name;
	const char *value;
	int lines; /* the value is made of whole lines that were checked one by one */
};

/* Append the text of `template` with all names replaced. Names that have no
   value are errors. `what` names the template in errors. */
int template_fill(const char *what, const char *template, const struct template_value *values,
		  size_t count, struct str *out, struct err *err);

/* The same from SHARE/pxe/NAME. */
int template_file(const char *share_dir, const char *name, const struct template_value *values,
		  size_t count, struct str *out, struct err *err);
#endif
