/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_SECRET_H
#define MODEL_SECRET_H
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Secrets are derived, not stored: HKDF(site key, purpose, name, rotation).
 * The operator's machine and the manager agree without a copied list.
 */
struct site_key {
	uint8_t bytes[32];
};
/* Make STATE/site.key unless there is one: only where a site begins, for another key gives
   every target another secret. */
int site_key_make(const char *state_dir, struct err *err);
/* Read STATE/site.key (mode 0600 or refused). */
int site_key_load(const char *state_dir, struct site_key *key, struct err *err);
/* 24 characters of a-z A-Z 0-9: CHAP wants 12 to 16 *bytes* for some
   initiators and open-iscsi takes up to 255; 24 characters are 142 bits. */
int secret_derive(const struct site_key *key, const char *purpose, const char *name,
		  unsigned rotation, struct str *out, struct err *err);
/* The bytes themselves, for what makes a key of them; rotation 0. */
int secret_bytes(const struct site_key *key, const char *purpose, const char *name, uint8_t *out,
		 size_t length, struct err *err);
#endif
