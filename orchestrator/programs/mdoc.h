/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_MDOC_H
#define PROGRAMS_MDOC_H
#include "base/str.h"
/* Manual pages in mdoc(7), as groff and mandoc read it. */

/* .Dd to .Nd; the date is that of SOURCE_DATE_EPOCH, or today. */
void mdoc_head(struct str *out, const char *name, int section, const char *doc);

/* A line of text, or of arguments behind a macro, with nothing in it that formatters take for
   theirs; a newline after it. */
void mdoc_text(struct str *out, const char *text);
void mdoc_macro(struct str *out, const char *macro, const char *argument);

/* Text as struct command's doc is written. */
void mdoc_doc(struct str *out, const char *doc);
#endif
