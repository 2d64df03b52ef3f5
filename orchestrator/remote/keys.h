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

/* What goes with the keys where a cluster manager has taken over, so that another machine does not take
   itself for the first one; a line each, "takeover JSON" and "pin LINE", before the private key. */
struct keys_manager {
	char *record; /* takeover.json, on one line; NULL: nobody has taken over */
	char *pin;    /* the manager's line of known_hosts; NULL: none */
};
void keys_manager_free(struct keys_manager *manager);

/* An existing file is not overwritten. */
int keys_backup(const char *state_dir, const char *site, const char *path,
		const struct keys_manager *manager, struct err *err);
/* A copy of both is in the file at path: STATE/keys.backed_up says so from now on. */
int keys_note_backup(const char *state_dir, const char *path, struct err *err);
/* Whether the keys that are there now were copied, of which STATE/keys.backed_up tells; where then gets "copied to PATH at TIME". */
bool keys_backed_up(const char *state_dir, struct str *where);
/* Nothing is written when the state directory has another key. manager: what was beside the keys, for the
   caller to keep and free. */
int keys_restore(const char *state_dir, const char *site, const char *path,
		 struct keys_manager *manager, struct err *err);
#endif
