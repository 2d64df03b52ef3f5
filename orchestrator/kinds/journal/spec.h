/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_JOURNAL_SPEC_H
#define KINDS_JOURNAL_SPEC_H
#include "engine/kind.h"
/*
 * A node's journal, sent to the cluster manager as it is written: by systemd-journal-upload, with a
 * certificate of the node's own; and the last lines of its kernel, which no daemon can send any more,
 * by netconsole.
 */
struct journal {
	char *name;
	char *send;	   /* "everything", "nothing" */
	char *server;	   /* "https://10.77.0.11:19532" */
	char *certificate; /* digest of the two below */
	struct text_list
		certificates; /* lines of PEM: the node's, and what the server's is verified by */
	char *key;	      /* PEM */
	char *kernel;	      /* where netconsole sends to (system/netconsole.h); "nowhere" */
	char *trouble;	      /* observed: why the last attempt came to nothing; NULL: it goes on */
	char *state;	      /* "running", "stale", "stopped" */
};
extern const struct kind_spec journal_spec;

/* The digest of PEM lines, as `certificate` has it. */
int journal_digest(const struct text_list *lines, char **digest, struct err *err);
#endif
