/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_CLUSTER_EDIT_H
#define PROGRAMS_CLUSTER_EDIT_H
#include "programs/cluster.h"
/*
 * Commands that change one value in clusters/NAME.cfg: it is edited where it stands, what follows is
 * recorded, the difference is shown and committed, and then the site is applied like everything else. What
 * cannot be leaves the file as it was.
 */
struct cluster_edit {
	const char *verb; /* "start": what the command is called */
	const char *cluster;
	const char *group; /* whose value it is; NULL: the cluster's own */
	const char *field; /* of CLUSTER_FIELDS or CLUSTER_GROUP_FIELDS: a number or a choice */
	const char *value;
	const char *message; /* of the commit */
	/* Whether another value is possible now; NULL: it is. Before anything is written. */
	int (*check)(const struct options *options, const struct cluster *cluster,
		     const struct cluster_edit *edit, struct err *err);
	/* The command that takes it back to what it was; the caller frees. */
	char *(*back)(const struct cluster_edit *edit, const char *was);
};
/* The exit code of the command. */
int cluster_edit_run(const struct options *options, const struct cluster_edit *edit);

#define CLUSTER_EDIT_DOC(what)                                                                     \
	"\n"                                                                                       \
	"What is declared is edited: " what                                                        \
	" in clusters/NAME.cfg. The difference is shown and,\n"                                    \
	"in a git repository, committed with what was decided (moyai cluster allocate). Then\n"    \
	"the whole site is applied, as moyai apply does: with its plan, and its question."
#endif
