/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <unistd.h>

static int failed(struct err *err, const char *what, int code)
{
	return err_set(err, "%s: %s", what, gnutls_strerror(code));
}

void hash_hex(const uint8_t *bytes, size_t length, char *hex)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < length; i++) {
		hex[2 * i] = digits[bytes[i] >> 4];
		hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	hex[2 * length] = '\0';
}

int hash_bytes_hex(const void *bytes, size_t length, char hex[HASH_HEX_SIZE], struct err *err)
{
	uint8_t digest[HASH_BYTES];
	int rc = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, length, digest);
	if (rc != 0)
		return failed(err, "sha256", rc);
	hash_hex(digest, sizeof(digest), hex);
	return 0;
}

int hash_file_hex(const char *path, char hex[HASH_HEX_SIZE], struct err *err)
{
	uint8_t digest[HASH_BYTES];
	uint8_t chunk[65536];
	gnutls_hash_hd_t hash;
	ssize_t got;

	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	int rc = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
	if (rc != 0)
		return failed(err, "sha256", rc);
	while ((got = read(fd, chunk, sizeof(chunk))) != 0) {
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			err_set_errno(err, errno, "%s", path);
			break;
		}
		rc = gnutls_hash(hash, chunk, (size_t)got);
		if (rc != 0) {
			failed(err, "sha256", rc);
			break;
		}
	}
	gnutls_hash_deinit(hash, digest);
	if (got != 0)
		return -1;
	hash_hex(digest, sizeof(digest), hex);
	return 0;
}

int hash_hmac(const uint8_t key[HASH_BYTES], const void *bytes, size_t length,
	      uint8_t out[HASH_BYTES], struct err *err)
{
	int rc = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, HASH_BYTES, bytes, length, out);
	return rc == 0 ? 0 : failed(err, "hmac", rc);
}

int hash_hkdf(const uint8_t key[HASH_BYTES], const char *info, uint8_t *out, size_t out_length,
	      struct err *err)
{
	uint8_t prk[HASH_BYTES];
	uint8_t copy[HASH_BYTES];
	memcpy(copy, key, sizeof(copy));
	gnutls_datum_t secret = { copy, sizeof(copy) };
	gnutls_datum_t salt = { NULL, 0 };
	gnutls_datum_t extracted = { prk, sizeof(prk) };
	AUTO_FREE char *label = xstrdup(info);
	gnutls_datum_t context = { (unsigned char *)label, (unsigned)strlen(label) };
	int rc = gnutls_hkdf_extract(GNUTLS_MAC_SHA256, &secret, &salt, prk);
	if (rc == 0)
		rc = gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &extracted, &context, out, out_length);
	gnutls_memset(prk, 0, sizeof(prk));
	gnutls_memset(copy, 0, sizeof(copy));
	return rc == 0 ? 0 : failed(err, "hkdf", rc);
}

int hash_random(void *bytes, size_t length, struct err *err)
{
	int rc = gnutls_rnd(GNUTLS_RND_KEY, bytes, length);
	return rc == 0 ? 0 : failed(err, "random", rc);
}
