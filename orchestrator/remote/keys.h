/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_KEYS_H
#define REMOTE_KEYS_H
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * STATE/site.key and STATE/id_ed25519 as one file, mode 0600: whoever has it is
 * root on every node. Three parts: "moyai keys 1 SITE", "site.key HEX", and the
 * private key as it is.
 */

/* An existing file is not overwritten. */
int keys_backup(const char *state_dir, const char *site, const char *path, struct err *err);
/* A copy of both is in the file at path: STATE/keys.backed_up says so from now on. */
int keys_note_backup(const char *state_dir, const char *path, struct err *err);
/* Whether the keys that are there now were copied, of which STATE/keys.backed_up tells; where then gets "copied to PATH at TIME". */
bool keys_backed_up(const char *state_dir, struct str *where);
/* Nothing is written when the state directory has another key. */
int keys_restore(const char *state_dir, const char *site, const char *path, struct err *err);
#endif
