/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "model/secret.h"
#include "remote/identity.h"

#define TITLE "moyai keys 1 "
#define SITE_KEY "site.key "
enum { KEY_FILE_MAX = 64 * 1024 };

#define TAKEOVER "takeover "
#define PIN "pin "

struct keys {
	uint8_t site_key[sizeof(((struct site_key *)NULL)->bytes)];
	struct str identity; /* as in id_ed25519 */
	struct keys_manager manager;
};

void keys_manager_free(struct keys_manager *manager)
{
	free(manager->record);
	free(manager->pin);
	*manager = (struct keys_manager){ 0 };
}

static void wipe(struct str *text)
{
	if (text->data != NULL)
		explicit_bzero(text->data, text->length);
	str_free(text);
}

/* Whole or not at all, and never over another file: that may be the only copy. */
static int create(const char *path, const struct str *text, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return err_set(err, "%s: is there already, and is not overwritten", path);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	int rc = file_write_all(fd, text->data, text->length, err);
	if (rc != 0)
		err_context(err, "%s", path);
	else if (fchmod(fd, 0600) != 0 || fsync(fd) != 0)
		rc = err_set_errno(err, errno, "%s", path);
	if (rc != 0)
		unlink(path);
	return rc;
}

/* Both keys, as a digest from which neither can be told. */
static int digest(const char *state_dir, char hex[HASH_HEX_SIZE], struct err *err)
{
	AUTO_FREE char *site_key = xasprintf("%s/site.key", state_dir);
	AUTO_FREE char *identity = xasprintf("%s/id_ed25519", state_dir);
	struct str bytes = STR_INIT;
	int rc = file_read(site_key, KEY_FILE_MAX, &bytes, err);
	if (rc == 0)
		rc = file_read(identity, KEY_FILE_MAX, &bytes, err);
	if (rc == 0)
		rc = hash_bytes_hex(bytes.data, bytes.length, hex, err);
	wipe(&bytes);
	return rc;
}

/* "DIGEST TIME PATH" */
int keys_note_backup(const char *state_dir, const char *path, struct err *err)
{
	char hex[HASH_HEX_SIZE];
	char when[32];
	struct tm tm;
	time_t now = time(NULL);
	AUTO_FREE char *note = xasprintf("%s/keys.backed_up", state_dir);
	AUTO_FREE char *whole = realpath(path, NULL);
	if (digest(state_dir, hex, err) != 0)
		return -1;
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
	AUTO_FREE char *text = xasprintf("%s %s %s\n", hex, when, whole ? whole : path);
	return file_write(note, text, strlen(text), 0600, err);
}

int keys_backup(const char *state_dir, const char *site, const char *path,
		const struct keys_manager *manager, struct err *err)
{
	AUTO_FREE char *identity = xasprintf("%s/id_ed25519", state_dir);
	struct str text = STR_INIT;
	struct site_key key;
	char hex[2 * sizeof(key.bytes) + 1];
	if (site_key_load(state_dir, &key, err) != 0)
		return -1;
	if (!file_exists(identity)) {
		explicit_bzero(&key, sizeof(key));
		return err_set(err, "%s: there is no ssh key to back up", identity);
	}
	hash_hex(key.bytes, sizeof(key.bytes), hex);
	str_addf(&text, TITLE "%s\n" SITE_KEY "%s\n", site, hex);
	explicit_bzero(&key, sizeof(key));
	explicit_bzero(hex, sizeof(hex));
	if (manager->record)
		str_addf(&text, TAKEOVER "%s\n", manager->record);
	if (manager->pin)
		str_addf(&text, PIN "%s\n", manager->pin);
	int rc = file_read(identity, KEY_FILE_MAX, &text, err);
	if (rc == 0)
		rc = create(path, &text, err);
	if (rc == 0)
		rc = keys_note_backup(state_dir, path, err);
	wipe(&text);
	return rc;
}

bool keys_backed_up(const char *state_dir, struct str *where)
{
	char hex[HASH_HEX_SIZE];
	AUTO_FREE char *note = xasprintf("%s/keys.backed_up", state_dir);
	AUTO_STR struct str text = STR_INIT;
	if (file_read(note, KEY_FILE_MAX, &text, NULL) != 0 || digest(state_dir, hex, NULL) != 0 ||
	    !text_starts(str_text(&text), hex))
		return false;
	char *rest = text.data + strlen(hex);
	if (*rest++ != ' ')
		return false;
	const char *when = strsep(&rest, " ");
	const char *path = strsep(&rest, "\n");
	if (path == NULL)
		return false;
	str_addf(where, "copied to %s at %s", path, when);
	return true;
}

/* Takes PREFIX, and what follows it up to the end of the line. */
static char *take_line(const char **at, const char *prefix)
{
	const char *end = strchr(*at, '\n');
	if (!text_starts(*at, prefix) || end == NULL)
		return NULL;
	const char *start = *at + strlen(prefix);
	*at = end + 1;
	return xstrndup(start, (size_t)(end - start));
}

static int digit(char c)
{
	static const char DIGITS[] = "0123456789abcdef";
	const char *found = c ? strchr(DIGITS, c) : NULL;
	return found ? (int)(found - DIGITS) : -1;
}

static int parse_hex(const char *hex, uint8_t *bytes, size_t count)
{
	if (hex == NULL || strlen(hex) != 2 * count)
		return -1;
	for (size_t i = 0; i < count; i++) {
		int high = digit(hex[2 * i]);
		int low = digit(hex[2 * i + 1]);
		if (high < 0 || low < 0)
			return -1;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

static int parse(const char *text, const char *site, const char *path, struct keys *keys,
		 struct err *err)
{
	ssh_key key = NULL;
	AUTO_FREE char *name = take_line(&text, TITLE);
	if (name != NULL && strcmp(name, site) != 0)
		return err_set(err, "%s: has the keys of the site \"%s\", and this is \"%s\"", path,
			       name, site);
	char *hex = name ? take_line(&text, SITE_KEY) : NULL;
	int rc = parse_hex(hex, keys->site_key, sizeof(keys->site_key));
	if (hex != NULL)
		explicit_bzero(hex, strlen(hex));
	free(hex);
	keys->manager.record = take_line(&text, TAKEOVER);
	keys->manager.pin = take_line(&text, PIN);
	if (rc != 0 || ssh_pki_import_privkey_base64(text, NULL, NULL, NULL, &key) != SSH_OK)
		return err_set(err, "%s: is not a whole file of moyai key backup", path);
	ssh_key_free(key);
	str_add(&keys->identity, text);
	return 0;
}

/* Whether STATE/NAME is missing, or has these bytes already: then *missing is false. */
static int may_write(const char *state_dir, const char *name, const void *bytes, size_t length,
		     bool *missing, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", state_dir, name);
	struct str there = STR_INIT;
	*missing = !file_exists(path);
	if (*missing)
		return 0;
	int rc = file_read(path, KEY_FILE_MAX, &there, err);
	if (rc == 0 && (there.length != length || memcmp(there.data, bytes, length) != 0))
		rc = err_set(err, "%s: is another key, and is not overwritten", path);
	wipe(&there);
	return rc;
}

static int put(const char *state_dir, const char *name, const void *bytes, size_t length,
	       struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", state_dir, name);
	return file_write(path, bytes, length, 0600, err);
}

static int restore(const char *state_dir, const struct keys *keys, struct err *err)
{
	const struct str *identity = &keys->identity;
	bool site_missing;
	bool identity_missing;
	if (may_write(state_dir, "site.key", keys->site_key, sizeof(keys->site_key), &site_missing,
		      err) != 0 ||
	    may_write(state_dir, "id_ed25519", identity->data, identity->length, &identity_missing,
		      err) != 0)
		return -1;
	if (site_missing &&
	    put(state_dir, "site.key", keys->site_key, sizeof(keys->site_key), err) != 0)
		return -1;
	if (identity_missing &&
	    put(state_dir, "id_ed25519", identity->data, identity->length, err) != 0)
		return -1;
	return identity_load(state_dir, NULL, NULL, err); /* writes the public part */
}

int keys_restore(const char *state_dir, const char *site, const char *path,
		 struct keys_manager *manager, struct err *err)
{
	struct str text = STR_INIT;
	struct keys keys = { .identity = STR_INIT };
	if (file_read(path, KEY_FILE_MAX, &text, err) != 0)
		return -1;
	int rc = parse(str_text(&text), site, path, &keys, err);
	if (rc == 0)
		rc = restore(state_dir, &keys, err);
	if (rc == 0)
		*manager = keys.manager;
	else
		keys_manager_free(&keys.manager);
	wipe(&text);
	wipe(&keys.identity);
	explicit_bzero(&keys, sizeof(keys));
	return rc;
}
