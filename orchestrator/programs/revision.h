/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_REVISION_H
#define PROGRAMS_REVISION_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * The site directory as git knows it: the top of a repository, a folder in
 * one, or a bare repository (where only revisions can be read). The work tree
 * and its index are never written.
 */

/* The last revision that a person applied to the whole site, successfully. */
#define REVISION_APPLIED "refs/moyai/applied"

struct revision {
	char *commit;  /* 40 digits; NULL: the site is not in git, or not committed yet */
	bool modified; /* what is in the directory is not what is in the commit */
};
void revision_free(struct revision *revision);

/*
 * What the directory holds: HEAD, or the commit that `name` names. A directory
 * outside git is no error; a repository that git refuses to read is one.
 */
int revision_find(const char *site_dir, const char *name, struct revision *revision,
		  struct err *err);
/* Whether git knows the name, and has the site there. */
bool revision_exists(const char *site_dir, const char *name);

/* Whether the part is the commit itself or one that came before it; a part that git does not know here
   is none. */
bool revision_has(const char *site_dir, const char *commit, const char *part);

/* "1f0c22aa9d3e", with "+" when modified; "none". */
void revision_text(const struct revision *revision, struct str *out);

/* The site of a revision in a private temporary directory. *dir is for
   revision_discard(), which removes it. */
int revision_extract(const char *site_dir, const char *name, char **dir, struct err *err);
void revision_discard(char *dir);

/* Let REVISION_APPLIED be this commit. */
int revision_set_applied(const char *site_dir, const char *commit, struct err *err);
#endif
