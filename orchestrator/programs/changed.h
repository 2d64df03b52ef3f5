/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_CHANGED_H
#define PROGRAMS_CHANGED_H
#include "model/secret.h"
#include "programs/command.h"
/*
 * --changed: of the names only those of nodes for which the site says something
 * else than refs/moyai/applied does; *unchanged: how many were taken out. Nodes are
 * not asked: what somebody changed on one by hand is not seen, nor an image that was
 * built anew, nor what a node missed while it was in maintenance.
 * -1 after having printed why.
 */
int changed_keep(const struct options *options, const struct site *site, const struct site_key *key,
		 struct text_list *names, size_t *unchanged);
#endif
