/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(const char *path, size_t limit_bytes, struct str *out, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	struct str text = STR_INIT;
	char chunk[65536];
	for (;;) {
		ssize_t got = read(fd, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			int why = errno;
			str_free(&text);
			return err_set_errno(err, why, "%s", path);
		}
		if (got == 0)
			break;
		str_add_bytes(&text, chunk, (size_t)got);
		if (text.length > limit_bytes) {
			str_free(&text);
			return err_set(err, "%s: larger than %zu bytes", path, limit_bytes);
		}
	}
	if (text.length > 0)
		str_add_bytes(out, text.data, text.length);
	str_free(&text);
	return 0;
}

int file_write_all(int fd, const void *bytes, size_t length, struct err *err)
{
	const char *at = bytes;
	while (length > 0) {
		ssize_t put = write(fd, at, length);
		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_set_errno(err, errno, "write");
		at += put;
		length -= (size_t)put;
	}
	return 0;
}

/* A rename lasts through a loss of power when the folder is on the disk, too. */
static int sync_folder(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_FREE char *folder = slash == NULL	 ? xstrdup(".")
				 : slash == path ? xstrdup("/")
						 : xstrndup(path, (size_t)(slash - path));
	AUTO_CLOSE int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", folder);
	/* EINVAL: a file system that has nothing to write, like configfs. */
	if (fsync(fd) != 0 && errno != EINVAL)
		return err_set_errno(err, errno, "%s", folder);
	return 0;
}

/* 1: the temporary name is this file's, which is empty now and ours until it is closed;
   0: it got its final name meanwhile; -1: errno. */
static int take_over(int fd, const char *temporary)
{
	struct stat ours;
	struct stat named;
	int rc;
	do
		rc = flock(fd, LOCK_EX);
	while (rc != 0 && errno == EINTR);
	if (rc != 0 || fstat(fd, &ours) != 0)
		return -1;
	if (stat(temporary, &named) != 0 || named.st_dev != ours.st_dev ||
	    named.st_ino != ours.st_ino)
		return 0;
	/* A file_create() that was killed leaves a file with both names. */
	if (ours.st_nlink > 1)
		return unlink(temporary);
	return ftruncate(fd, 0) == 0 ? 1 : -1;
}

/* There is one temporary name per file: what a killed writer left is taken over by the
   next one, and two writers at once come one after the other. */
static int open_new(const char *temporary, struct err *err)
{
	for (;;) {
		int fd = open(temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		int taken = fd < 0 ? -1 : take_over(fd, temporary);
		if (taken > 0)
			return fd;
		int why = errno;
		if (fd >= 0)
			close(fd);
		if (taken < 0)
			return err_set_errno(err, why, "%s", temporary);
	}
}

/* rename() takes the place of what is there, link() does not. */
static int give_name(const char *temporary, const char *path, bool replace)
{
	if (replace)
		return rename(temporary, path);
	if (link(temporary, path) != 0 && errno != EEXIST)
		return -1;
	return unlink(temporary);
}

static int write_whole(const char *path, const void *bytes, size_t length, mode_t mode,
		       bool replace, struct err *err)
{
	AUTO_FREE char *temporary = xasprintf("%s.new", path);
	AUTO_CLOSE int fd = open_new(temporary, err);
	if (fd < 0)
		return -1;
	if (fchmod(fd, mode) != 0) {
		err_set_errno(err, errno, "%s", temporary);
		goto fail;
	}
	if (file_write_all(fd, bytes, length, err) != 0) {
		err_context(err, "%s", temporary);
		goto fail;
	}
	if (fsync(fd) != 0 || give_name(temporary, path, replace) != 0) {
		err_set_errno(err, errno, "%s", path);
		goto fail;
	}
	return sync_folder(path, err);
fail:
	unlink(temporary);
	return -1;
}

int file_write(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
	return write_whole(path, bytes, length, mode, true, err);
}

int file_create(const char *path, const void *bytes, size_t length, mode_t mode, struct err *err)
{
	return file_exists(path) ? 0 : write_whole(path, bytes, length, mode, false, err);
}

int file_make_dirs(const char *path, mode_t mode, struct err *err)
{
	AUTO_FREE char *copy = xstrdup(path);
	for (char *at = copy + 1;; at++) {
		if (*at != '/' && *at != '\0')
			continue;
		char kept = *at;
		*at = '\0';
		if (mkdir(copy, mode) != 0 && errno != EEXIST)
			return err_set_errno(err, errno, "%s", copy);
		*at = kept;
		if (kept == '\0')
			return 0;
	}
}

bool file_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool file_is_dir(const char *path)
{
	struct stat about;
	return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

int file_list_dir(const char *path, struct text_list *names, struct err *err)
{
	DIR *dir = opendir(path);
	if (dir == NULL)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", path);
	const struct dirent *entry;
	errno = 0;
	while ((entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			text_list_add(names, entry->d_name);
		errno = 0;
	}
	int why = errno;
	closedir(dir);
	if (why != 0)
		return err_set_errno(err, why, "%s", path);
	text_list_sort(names);
	return 0;
}

int file_remove(const char *path, struct err *err)
{
	if (unlink(path) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", path);
	return 0;
}
