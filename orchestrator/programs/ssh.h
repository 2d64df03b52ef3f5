/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_SSH_H
#define PROGRAMS_SSH_H
#include "programs/reach.h"
/* The stock ssh client, with the key, the pins and the address that moyai itself uses for a node. */

/* "-o", "OPTION=…" … for the client, and where it goes; nothing of ~/.ssh. */
int ssh_words(const struct reach *reach, const char *node, struct text_list *words,
	      struct err *err);

/* A path as the value of an option of ssh's: quoted, and "%" is no token. */
int ssh_path(const char *path, struct str *out, struct err *err);
/* What is in the state directory, in full. The caller frees. */
char *ssh_state_path(const struct reach *reach, const char *name);
#endif
