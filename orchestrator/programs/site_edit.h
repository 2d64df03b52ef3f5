/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_SITE_EDIT_H
#define PROGRAMS_SITE_EDIT_H
#include "programs/command.h"
/* Commands that change what is declared or recorded: they show the difference, write the file
   of the site, and commit it where the site is in git. */

/* Not in the files that moyaid makes of the site's last revision, and replaces: nothing of it would stay. */
int site_edit_allowed(const struct options *options, struct err *err);

/* One at a time, where it is allowed: taken before the site is read, for what is decided follows from what the others have
   recorded. Waits; closing what it returns ends it. -1. */
int site_edit_begin(const struct options *options, struct err *err);

/* Add the lines that go with "-" in front and those that come with "+", under the name of the
   file; nothing when nothing differs. before NULL: there is no file yet. */
void site_edit_diff(const char *file, const char *before, const char *after, struct str *out);

/* Whether git has the file (relative to the site; or a folder) otherwise than it is: an earlier try may
   have come no further than to write it. Without git it has not. */
int site_edit_uncommitted(const struct options *options, const char *file, bool *is,
			  struct err *err);

/* Commit these files (relative to the site), and nothing else that is there. Without git that is
   nothing to do. */
int site_edit_commit(const struct options *options, const struct text_list *files,
		     const char *message, struct err *err);
#endif
