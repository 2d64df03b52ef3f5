/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_IDENTITY_H
#define REMOTE_IDENTITY_H
#include "base/err.h"
#include "base/str.h"
/*
 * The ssh key Moyai logs in with: STATE/id_ed25519 (mode 0600, refused when
 * others may read it) and STATE/id_ed25519.pub. Made by the first of
 * `moyai pxe serve`, which is what begins a site; two that come at once end up with the same key.
 */

/* Both may be NULL. private_path: the caller frees. public_line:
   "ssh-ed25519 BASE64 moyai", without a newline, appended. */
int identity_load(const char *state_dir, char **private_path, struct str *public_line,
		  struct err *err);
#endif
