/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_HASH_H
#define BASE_HASH_H
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/* SHA-256, HMAC and HKDF (RFC 5869), all by GnuTLS. */
enum { HASH_BYTES = 32, HASH_HEX_SIZE = 65 };

/* hex gets 64 digits and a NUL. */
int hash_bytes_hex(const void *bytes, size_t length, char hex[HASH_HEX_SIZE], struct err *err);
int hash_file_hex(const char *path, char hex[HASH_HEX_SIZE], struct err *err);

int hash_hmac(const uint8_t key[HASH_BYTES], const void *bytes, size_t length,
	      uint8_t out[HASH_BYTES], struct err *err);

/* HKDF-SHA256 with an empty salt; info is the domain separation. */
int hash_hkdf(const uint8_t key[HASH_BYTES], const char *info, uint8_t *out, size_t out_length,
	      struct err *err);

int hash_random(void *bytes, size_t length, struct err *err);
void hash_hex(const uint8_t *bytes, size_t length, char *hex); /* 2 * length + 1 */
#endif
