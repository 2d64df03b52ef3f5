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

/* The first word of a line of known_hosts, "ADDRESS,NODE", one by one. */
static bool next_host(const char **at, const char *end, const char **host, size_t *length)
{
	if (*at >= end)
		return false;
	*host = *at;
	while (*at < end && **at != ',')
		(*at)++;
	*length = (size_t)(*at - *host);
	*at += *at < end;
	return true;
}

static bool is_host(const char *host, size_t length, const char *wanted)
{
	return strlen(wanted) == length && memcmp(host, wanted, length) == 0;
}

/* Of an IPv4 address, as the boot network's are: no name of a node is one. */
static bool is_address(const char *host, size_t length)
{
	return length > 0 && strspn(host, "0123456789.") >= length && memchr(host, '.', length);
}

struct pin_line {
	const char *text;
	size_t length;
	size_t hosts; /* length of the first word */
};

static bool next_line(const char **at, struct pin_line *line)
{
	if (**at == '\0')
		return false;
	line->text = *at;
	line->length = strcspn(*at, "\n");
	*at += line->length + ((*at)[line->length] == '\n');
	const char *space = memchr(line->text, ' ', line->length);
	line->hosts = space ? (size_t)(space - line->text) : line->length;
	return true;
}

/* Whether the line is the node's: it names it, or, of those without a name, it has its address.
   where gets the address that is written there. */
static bool line_is_of(const struct pin_line *line, const char *node, const char *address,
		       bool named, struct str *where)
{
	const char *at = line->text;
	const char *end = at + line->hosts;
	const char *host;
	size_t length;
	bool found = false;
	str_clear(where);
	if (!named)
		return line->hosts < line->length && is_host(line->text, line->hosts, address);
	while (next_host(&at, end, &host, &length)) {
		found = found || is_host(host, length, node);
		if (is_address(host, length) && where->length == 0)
			str_add_bytes(where, host, length);
	}
	return found && line->hosts < line->length;
}

static int read_pins(const char *state_dir, struct str *text, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/known_hosts", state_dir);
	return file_exists(path) ? file_read(path, KNOWN_HOSTS_MAX_BYTES, text, err) : 0;
}

/* Without a comment, which a person may have added. */
static void add_key(const struct pin_line *line, struct str *key)
{
	const char *from = line->text + line->hosts + 1;
	const char *end = line->text + line->length;
	const char *type_end = memchr(from, ' ', (size_t)(end - from));
	const char *comment =
		type_end ? memchr(type_end + 1, ' ', (size_t)(end - type_end - 1)) : NULL;
	str_add_bytes(key, from, (size_t)((comment ? comment : end) - from));
}

int pins_find(const char *state_dir, const char *node, const char *address, struct str *key,
	      struct str *where, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str written = STR_INIT;
	struct pin_line line;
	if (read_pins(state_dir, &text, err) != 0)
		return -1;
	for (int named = 1; named >= 0; named--) {
		const char *at = str_text(&text);
		while (next_line(&at, &line)) {
			if (!line_is_of(&line, node, address, named, &written))
				continue;
			add_key(&line, key);
			str_add(where, written.length ? str_text(&written) : address);
			return 0;
		}
	}
	return 0;
}

/* What is pinned for others. Of a line with this address only the names stay: who was there keeps
   its key, and is found by its name. */
static void add_others(const char *text, const char *node, const char *address, struct str *out)
{
	AUTO_STR struct str ignored = STR_INIT;
	struct pin_line line;
	while (next_line(&text, &line)) {
		AUTO_STR struct str hosts = STR_INIT;
		const char *at = line.text;
		const char *host;
		size_t length;
		if (line_is_of(&line, node, address, true, &ignored))
			continue;
		while (next_host(&at, line.text + line.hosts, &host, &length)) {
			if (is_host(host, length, address))
				continue;
			str_add(&hosts, hosts.length ? "," : "");
			str_add_bytes(&hosts, host, length);
		}
		if (hosts.length == 0)
			continue;
		str_add(out, str_text(&hosts));
		str_add_bytes(out, line.text + line.hosts, line.length - line.hosts);
		str_add(out, "\n");
	}
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
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str where = STR_INIT;
	AUTO_STR struct str hosts = STR_INIT;
	AUTO_STR struct str print = STR_INIT;
	AUTO_STR struct str line = STR_INIT;
	char stamp[32];
	struct tm parts;
	time_t now = (time_t)now_s;

	if (read_pins(state_dir, &text, err) != 0 ||
	    pins_find(state_dir, node, address, &before, &where, err) != 0 ||
	    pin_fingerprint(key, &print, err) != 0)
		return -1;
	bool same = strcmp(str_text(&before), key) == 0 && strcmp(str_text(&where), address) == 0;
	if (!same) {
		gmtime_r(&now, &parts);
		strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
		str_addf(&line, "%s %s %s %s %s\n", stamp, node, address, str_text(&print), why);
		if (log_pin(state_dir, str_text(&line), err) != 0)
			return -1;
		add_others(str_text(&text), node, address, &hosts);
		str_addf(&hosts, "%s,%s %s\n", address, node, key);
		AUTO_FREE char *path = xasprintf("%s/known_hosts", state_dir);
		if (file_write(path, str_text(&hosts), hosts.length, 0600, err) != 0)
			return -1;
	}
	if (changed)
		*changed = !same;
	return 0;
}
