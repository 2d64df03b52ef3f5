/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_REPOSITORY_SPEC_H
#define KINDS_REPOSITORY_SPEC_H
#include "engine/kind.h"
/* The site's appliance images on the cluster manager, under /var/lib/moyai/NAME. */
struct repository {
	char *name;
	char *boots;		/* role whose kernel and initrd it has; NULL: all of all images */
	char *content;		/* what the files add up to: see repository_content() */
	char *url;		/* where they are fetched from, with a slash at the end */
	char *missing;		/* why there is nothing to fetch: the step is refused with it */
	char *system;		/* of the same node; NULL: it has no disk of its own */
	struct text_list files; /* "PATH SHA256 BYTES", sorted */
};
extern const struct kind_spec repository_spec;

/* "13 files, 162M, 3f2a9c0d1e2f": equal for equal lists, and short enough to show. */
int repository_content(const struct text_list *files, struct str *out, struct err *err);
#endif
