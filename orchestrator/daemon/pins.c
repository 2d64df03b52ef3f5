/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/pins.h"

#include <errno.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum {
	/* An ed25519 key is 68 characters of base64; the rest is room for a comment. */
	KEY_BODY_MAX_BYTES = 512,
	KNOWN_HOSTS_MAX_BYTES = 64 * 1024 * 1024,
};
static const char KEY_TYPE[] = "ssh-ed25519 ";

static ssh_key import(const char *key)
{
	ssh_key result = NULL;
	if (!text_starts(key, KEY_TYPE) ||
	    ssh_pki_import_pubkey_base64(key + strlen(KEY_TYPE), SSH_KEYTYPE_ED25519, &result) !=
		    SSH_OK)
		return NULL;
	return result;
}

int pin_parse(const char *body, size_t length, struct str *key, struct err *err)
{
	AUTO_FREE char *line = xstrndup(body, length);
	if (length == 0)
		return err_set(err, "the host key is missing");
	if (length > KEY_BODY_MAX_BYTES)
		return err_set(err, "the host key has %zu bytes; %d are allowed", length,
			       KEY_BODY_MAX_BYTES);
	if (line[length - 1] == '\n')
		line[--length] = '\0';
	for (size_t i = 0; i < length; i++)
		if (line[i] < ' ' || line[i] == 127)
			return err_set(err, "the host key must be one line of plain text");
	if (!text_starts(line, KEY_TYPE))
		return err_set(err, "the host key must be of type ssh-ed25519");
	char *comment = strchr(line + strlen(KEY_TYPE), ' ');
	if (comment)
		*comment = '\0';
	ssh_key imported = import(line);
	if (imported == NULL)
		return err_set(err, "the host key is not a valid ssh-ed25519 key");
	/* What we pin is what libssh makes of it: one spelling per key. */
	char *base64 = NULL;
	int rc = ssh_pki_export_pubkey_base64(imported, &base64);
	ssh_key_free(imported);
	if (rc != SSH_OK)
		return err_set(err, "the host key cannot be printed");
	str_addf(key, "%s%s", KEY_TYPE, base64);
	ssh_string_free_char(base64);
	return 0;
}

int pin_fingerprint(const char *key, struct str *out, struct err *err)
{
	unsigned char *hash = NULL;
	size_t length = 0;
	ssh_key imported = import(key);
	if (imported == NULL)
		return err_set(err, "not a valid ssh-ed25519 key");
	int rc = ssh_get_publickey_hash(imported, SSH_PUBLICKEY_HASH_SHA256, &hash, &length);
	ssh_key_free(imported);
	char *text =
		rc == 0 ? ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, length) : NULL;
	ssh_clean_pubkey_hash(&hash);
	if (text == NULL)
		return err_set(err, "no fingerprint of the key");
	str_add(out, text);
	ssh_string_free_char(text);
	return 0;
}

/* Split known_hosts into the key of the address and all other lines. */
static int split(const char *state_dir, const char *address, struct str *key, struct str *others,
		 struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/known_hosts", state_dir);
	AUTO_STR struct str text = STR_INIT;
	if (!file_exists(path))
		return 0;
	if (file_read(path, KNOWN_HOSTS_MAX_BYTES, &text, err) != 0)
		return -1;
	size_t length = strlen(address);
	const char *line = str_text(&text);
	while (*line) {
		const char *end = strchr(line, '\n');
		size_t size = end ? (size_t)(end - line) : strlen(line);
		bool ours =
			size > length && strncmp(line, address, length) == 0 && line[length] == ' ';
		if (ours && key && key->length == 0) {
			str_add_bytes(key, line + length + 1, size - length - 1);
		} else if (!ours && others) {
			str_add_bytes(others, line, size);
			str_add(others, "\n");
		}
		line += size + (end ? 1 : 0);
	}
	return 0;
}

int pins_find(const char *state_dir, const char *address, struct str *key, struct err *err)
{
	return split(state_dir, address, key, NULL, err);
}

static int log_pin(const char *state_dir, const char *line, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/pins.log", state_dir);
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	if (file_write_all(fd, line, strlen(line), err) != 0)
		return err_context(err, "%s", path);
	if (fsync(fd) != 0)
		return err_set_errno(err, errno, "%s", path);
	return 0;
}

int pins_set(const char *state_dir, const char *node, const char *address, const char *key,
	     const char *why, int64_t now_s, bool *changed, struct err *err)
{
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str hosts = STR_INIT;
	AUTO_STR struct str print = STR_INIT;
	AUTO_STR struct str line = STR_INIT;
	char stamp[32];
	struct tm parts;
	time_t now = (time_t)now_s;

	if (split(state_dir, address, &before, &hosts, err) != 0 ||
	    pin_fingerprint(key, &print, err) != 0)
		return -1;
	bool same = strcmp(str_text(&before), key) == 0;
	if (!same) {
		gmtime_r(&now, &parts);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
		str_addf(&line, "%s %s %s %s %s\n", stamp, node, address, str_text(&print), why);
		if (log_pin(state_dir, str_text(&line), err) != 0)
			return -1;
		str_addf(&hosts, "%s %s\n", address, key);
		AUTO_FREE char *path = xasprintf("%s/known_hosts", state_dir);
		if (file_write(path, str_text(&hosts), hosts.length, 0600, err) != 0)
			return -1;
	}
	if (changed)
		*changed = !same;
	return 0;
}
