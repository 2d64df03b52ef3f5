/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"

enum { SECRET_LENGTH = 24 };

int site_key_make(const char *state_dir, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/site.key", state_dir);
	uint8_t bytes[sizeof(((struct site_key *)NULL)->bytes)];
	if (file_exists(path))
		return 0;
	if (hash_random(bytes, sizeof(bytes), err) != 0)
		return -1;
	int rc = file_create(path, bytes, sizeof(bytes), 0600, err);
	explicit_bzero(bytes, sizeof(bytes));
	return rc;
}

static int read_key(int fd, const char *path, struct site_key *key, struct err *err)
{
	struct stat about;
	uint8_t bytes[sizeof(key->bytes)];
	if (fstat(fd, &about) != 0)
		return err_set_errno(err, errno, "%s", path);
	if (!S_ISREG(about.st_mode))
		return err_set(err, "%s: is not a file", path);
	if ((about.st_mode & 07777) != 0600)
		return err_set(err,
			       "%s: has mode %04o, so that others may have read the key; "
			       "make it 0600 if nobody did",
			       path, (unsigned)(about.st_mode & 07777));
	if (about.st_size != (off_t)sizeof(bytes))
		return err_set(err, "%s: has %lld bytes; a site key has %zu; restore the backup",
			       path, (long long)about.st_size, sizeof(bytes));
	ssize_t got = read(fd, bytes, sizeof(bytes));
	if (got != (ssize_t)sizeof(bytes))
		return err_set_errno(err, got < 0 ? errno : EIO, "%s", path);
	memcpy(key->bytes, bytes, sizeof(bytes));
	explicit_bzero(bytes, sizeof(bytes));
	return 0;
}

int site_key_load(const char *state_dir, struct site_key *key, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/site.key", state_dir);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(err,
			       "there is no site key in %s; copy it there from the machine that "
			       "made it, or run moyai pxe serve to begin a new site",
			       state_dir);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	return read_key(fd, path, key, err);
}

/* Lengths in front, so that no two triples give the same info. */
static char *info_text(const char *purpose, const char *name, unsigned rotation)
{
	return xasprintf("moyai secret 1 %zu:%s %zu:%s %u", strlen(purpose), purpose, strlen(name),
			 name, rotation);
}

int secret_derive(const struct site_key *key, const char *purpose, const char *name,
		  unsigned rotation, struct str *out, struct err *err)
{
	static const char ALPHABET[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	enum { LETTERS = sizeof(ALPHABET) - 1, FAIR = 256 / LETTERS * LETTERS };
	uint8_t stream[8 * SECRET_LENGTH];
	char secret[SECRET_LENGTH];
	size_t length = 0;
	AUTO_FREE char *info = info_text(purpose, name, rotation);
	if (hash_hkdf(key->bytes, info, stream, sizeof(stream), err) != 0)
		return -1;
	/* Bytes from FAIR on are left out, for a remainder would favour some letters. */
	for (size_t i = 0; i < sizeof(stream) && length < SECRET_LENGTH; i++)
		if (stream[i] < FAIR)
			secret[length++] = ALPHABET[stream[i] % LETTERS];
	explicit_bzero(stream, sizeof(stream));
	if (length < SECRET_LENGTH) /* 8/256 are left out: never in practice */
		return err_set(err, "secret for %s: too few bytes", name);
	str_add_bytes(out, secret, sizeof(secret));
	explicit_bzero(secret, sizeof(secret));
	return 0;
}

int secret_bytes(const struct site_key *key, const char *purpose, const char *name, uint8_t *out,
		 size_t length, struct err *err)
{
	AUTO_FREE char *info = info_text(purpose, name, 0);
	return hash_hkdf(key->bytes, info, out, length, err);
}
