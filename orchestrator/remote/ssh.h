/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_SSH_H
#define REMOTE_SSH_H
#include "remote/stream.h"
/*
 * One ssh connection to a node, by libssh: as root, with STATE/id_ed25519,
 * against the host keys pinned in STATE/known_hosts and no others. Nothing is
 * read from ~/.ssh or /etc/ssh, but where STATE/id_ed25519 is missing: then the
 * agent and the user's default keys are tried.
 */
struct ssh_options {
	const char *state_dir;
	const char *user;	     /* "root" but in tests */
	unsigned port;		     /* 22 but in tests */
	unsigned connect_timeout_ms; /* until the port answers */
	unsigned login_timeout_ms;   /* key exchange and log-in: a node that boots is slow */
};

/* Once, before threads are started. */
int ssh_setup(struct err *err);

/* NULL after an error that says what to do about it; it does not name the node. *stop (NULL:
   never) breaks off the wait for a node that does not answer. */
struct link *ssh_link_open(const struct ssh_options *options, const char *node, const char *address,
			   const bool *stop, struct err *err);
#endif
