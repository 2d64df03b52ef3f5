/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/identity.h"

#include <errno.h>
#include <libssh/libssh.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static int make(const char *path, struct err *err)
{
	ssh_key key = NULL;
	char *text = NULL;
	int rc = ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key);
	if (rc == SSH_OK)
		rc = ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &text);
	ssh_key_free(key);
	if (rc != SSH_OK || text == NULL)
		return err_set(err, "%s: no key could be made", path);
	rc = file_create(path, text, strlen(text), 0600, err);
	explicit_bzero(text, strlen(text));
	ssh_string_free_char(text);
	return rc;
}

static int public_of(const char *path, struct str *line, struct err *err)
{
	ssh_key key = NULL;
	char *base64 = NULL;
	int rc = ssh_pki_import_privkey_file(path, NULL, NULL, NULL, &key);
	if (rc == SSH_OK)
		rc = ssh_pki_export_pubkey_base64(key, &base64);
	if (rc == SSH_OK)
		str_addf(line, "%s %s moyai", ssh_key_type_to_char(ssh_key_type(key)), base64);
	ssh_key_free(key);
	ssh_string_free_char(base64);
	return rc == SSH_OK ? 0 : err_set(err, "%s: not a private key that can be read", path);
}

int identity_load(const char *state_dir, char **private_path, struct str *public_line,
		  struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/id_ed25519", state_dir);
	AUTO_FREE char *public_path = xasprintf("%s.pub", path);
	AUTO_STR struct str line = STR_INIT;
	struct stat status;
	if (!file_exists(path) && make(path, err) != 0)
		return -1;
	if (stat(path, &status) != 0)
		return err_set_errno(err, errno, "%s", path);
	if ((status.st_mode & 077) != 0)
		return err_set(err, "%s: mode %04o lets others read the key; run chmod 600", path,
			       status.st_mode & 07777u);
	if (public_of(path, &line, err) != 0)
		return -1;
	/* The file is for people and ssh-copy-id; we always ask the private key. */
	if (!file_exists(public_path)) {
		AUTO_FREE char *text = xasprintf("%s\n", str_text(&line));
		if (file_write(public_path, text, strlen(text), 0644, err) != 0)
			return -1;
	}
	if (public_line)
		str_add(public_line, str_text(&line));
	if (private_path) {
		*private_path = path;
		path = NULL;
	}
	return 0;
}
