/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_SITE_WATCH_H
#define DAEMON_SITE_WATCH_H
#include <stdint.h>

#include "model/site.h"
/* Has the site directory changed since it was read? */

/* A number that changes with any file of the site: those it was read from (as in
   site.files, relative to the site), and those that stand where it would be read from. */
uint64_t site_stamp(const char *site_dir, const struct text_list *files);

/* Read the site again. -1 after having logged all that is wrong with it. files: replaced by
   those that were read, also when there are mistakes in them: there they will be put right. */
int site_reread(const char *site_dir, const char *share_dir, struct site *site,
		struct text_list *files);
#endif
