/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_PINS_H
#define DAEMON_PINS_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Pinned host keys: STATE/known_hosts in OpenSSH's format, one line
 * "ADDRESS,NODE ssh-ed25519 BASE64" per node, and STATE/pins.log, which says why
 * each of them was believed. A pin is the node's, whatever address it has in the
 * configuration by now; the address is where it was when it was pinned, and what
 * ssh looks for. A line without a name, written by hand, is that of the node at
 * the address.
 */

/* Check the body of a report: one line, an ed25519 public key, perhaps a
   comment. key gets "ssh-ed25519 BASE64". */
int pin_parse(const char *body, size_t length, struct str *key, struct err *err);

/* "SHA256:…", as ssh-keygen -l prints it. key is "ssh-ed25519 BASE64". */
int pin_fingerprint(const char *key, struct str *out, struct err *err);

/* The pinned key of the node that has this address now, or ""; and where it was when it was
   pinned, or this address where that is unknown. */
int pins_find(const char *state_dir, const char *node, const char *address, struct str *key,
	      struct str *where, struct err *err);

/*
 * Pin the key: replaces what was pinned for the node, or for the address without a
 * name, and adds a line "TIME NODE ADDRESS FINGERPRINT WHY" to pins.log first: a pin
 * without its reason must not exist. changed (may be NULL): false when the same key was
 * pinned there.
 */
int pins_set(const char *state_dir, const char *node, const char *address, const char *key,
	     const char *why, int64_t now_s, bool *changed, struct err *err);
#endif
