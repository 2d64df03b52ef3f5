/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_PROBE_H
#define DAEMON_PROBE_H
#include "base/err.h"
/*
 * Does the node with the pinned host key still live? Asked of the network, in a
 * thread of its own, when a machine with the node's MAC wants to boot.
 */
enum probe_result {
	PROBE_SILENT,	 /* nothing listens for ssh there */
	PROBE_SAME_KEY,	 /* the node lives: it proved to have the pinned key */
	PROBE_OTHER_KEY, /* something lives there, with another key */
	PROBE_UNCLEAR,	 /* something listens, and did not prove its key in time */
};
enum {
	PROBE_PORT = 22,
	/* Nothing at all answers there, */
	PROBE_CONNECT_TIMEOUT_MS = 3000,
	/* or a system that refuses: perhaps a stranger, in front of the node. */
	PROBE_HEARD_TIMEOUT_MS = 10000,
	/* A node in software emulation needs seconds for its side of the handshake. */
	PROBE_HANDSHAKE_TIMEOUT_S = 10,
};
struct probe;

/*
 * Begin. When it has an answer, the thread writes `context` (a pointer, as its
 * bytes) to notify_fd. address: the node's; key: "ssh-ed25519 BASE64";
 * interface and server: our own side.
 */
int probe_start(const char *address, const char *key, const char *interface, const char *server,
		int notify_fd, void *context, struct probe **probe, struct err *err);

/* Valid after the notification. */
enum probe_result probe_result(const struct probe *probe);
/* That was asked; borrowed from the probe. */
const char *probe_address(const struct probe *probe);

/* Cut it short if it still runs, wait for its end, free. NULL is fine. */
void probe_free(struct probe *probe);
#endif
