/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_VACATE_H
#define PROGRAMS_VACATE_H
#include "programs/moves.h"
/*
 * Nodes that are to have no guests: these move off, and when the nodes have said that they have none, they are in
 * maintenance, so that none comes. ends: the command that takes them back. The exit code of a command.
 */
int vacate(const struct options *options, const struct site *site, const struct text_list *nodes,
	   const struct moves *moves, const char *reason, const char *ends);
#endif
