/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "power/password.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

/* IPMI v2.0, 22.30 Set User Password: 20 bytes. HTTP has no limit. */
enum { IPMI_MAX = 20, PASSWORD_MAX = 256 };

char *password_file(const char *state_dir, const char *node)
{
	return xasprintf("%s/bmc/%s", state_dir, node);
}

static int check(const struct site_node *node, const char *password, struct err *err)
{
	size_t max = text_equal(node->bmc.type, "ipmi") ? IPMI_MAX : PASSWORD_MAX;
	if (password[0] == '\0')
		return err_set(err, "the password is empty");
	if (strlen(password) > max)
		return err_set(err, "the password has %zu bytes; the BMC of %s takes %zu at most",
			       strlen(password), node->name, max);
	for (const char *at = password; *at; at++)
		if (iscntrl((unsigned char)*at))
			return err_set(err, "the password has a control character in it");
	return 0;
}

int password_write(const char *state_dir, const struct site_node *node, const char *password,
		   struct err *err)
{
	AUTO_FREE char *dir = xasprintf("%s/bmc", state_dir);
	AUTO_FREE char *path = password_file(state_dir, node->name);
	char line[PASSWORD_MAX + 2];
	if (check(node, password, err) != 0 || file_make_dirs(dir, 0700, err) != 0)
		return -1;
	size_t length = strlen(password);
	memcpy(line, password, length);
	line[length] = '\n';
	int rc = file_write(path, line, length + 1, 0600, err);
	explicit_bzero(line, sizeof(line));
	return rc;
}

int password_read(const char *state_dir, const char *node, struct str *password, struct err *err)
{
	AUTO_FREE char *path = password_file(state_dir, node);
	struct stat about;
	char line[PASSWORD_MAX + 2];
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(err,
			       "the password of its BMC is not known here; set it with moyai bmc "
			       "password %s",
			       node);
	if (fd < 0 || fstat(fd, &about) != 0)
		return err_set_errno(err, errno, "%s", path);
	if (!S_ISREG(about.st_mode) || (about.st_mode & 07777) != 0600)
		return err_set(err,
			       "%s: has mode %04o, so that others may have read the password; "
			       "make it 0600 if nobody did",
			       path, (unsigned)(about.st_mode & 07777));
	ssize_t got = read(fd, line, sizeof(line) - 1);
	if (got < 0)
		return err_set_errno(err, errno, "%s", path);
	line[got] = '\0';
	line[strcspn(line, "\n")] = '\0';
	str_add(password, line);
	explicit_bzero(line, sizeof(line));
	return 0;
}
