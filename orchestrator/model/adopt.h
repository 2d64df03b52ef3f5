/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_ADOPT_H
#define MODEL_ADOPT_H
#include "model/site.h"
/*
 * New nodes for a site: their entries as text, and that text put into site.cfg
 * without touching anything the operator wrote: comments and layout stay.
 */

/*
 * The one role of all nodes that are called like these but for the number at the end: vm1 is a vm-server, so
 * vm[02-16] are. Borrowed from the site; NULL (with err): no node is called so, or they have several roles.
 */
const char *adopt_role(const struct site *site, const struct text_list *names, struct err *err);

/*
 * Entries for names[i] with macs[i], all of one role, without a comma at the end. They have an
 * address on each network where the last node of the role has one, or on the boot network alone
 * when they are the first: the next free one after the role's highest, or else the lowest free.
 * Names and MACs that are there already are errors.
 */
int adopt_entries(const struct site *site, const char *role, const struct text_list *names,
		  const struct text_list *macs, struct str *entries, struct err *err);

/* The text of site.cfg with the entries at the end of its list `nodes`. The result is to be read
   and checked before it is used. */
int adopt_insert(const char *text, const char *entries, struct str *out, struct err *err);
#endif
