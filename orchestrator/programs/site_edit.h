/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_SITE_EDIT_H
#define PROGRAMS_SITE_EDIT_H
#include "programs/command.h"
/* Commands that change what is declared or recorded: they show the difference, write the file
   of the site, and commit it where the site is in git. */

/* Add the lines that go with "-" in front and those that come with "+", under the name of the
   file; nothing when nothing differs. before NULL: there is no file yet. */
void site_edit_diff(const char *file, const char *before, const char *after, struct str *out);

/* Commit these files (relative to the site), and nothing else that is there. Without git that is
   nothing to do. */
int site_edit_commit(const struct options *options, const struct text_list *files,
		     const char *message, struct err *err);
#endif
