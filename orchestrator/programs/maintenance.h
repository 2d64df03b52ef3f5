/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_MAINTENANCE_H
#define PROGRAMS_MAINTENANCE_H
#include "programs/command.h"

/* Put the nodes in maintenance, or end it, where the cluster manager knows it, too. reason may be NULL. */
int maintenance_set(const struct options *options, const char *state_dir, const struct site *site,
		    bool on, const struct text_list *names, const char *reason, struct err *err);
#endif
