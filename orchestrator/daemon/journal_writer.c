/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/journal_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"

#define PROGRAM "/lib/systemd/systemd-journal-remote"
enum {
	FILE_MAX_BYTES = 64 << 20,
	BEGUN_BYTES = 8 << 20,
	FREE_MIN_BYTES = 2 * BEGUN_BYTES,
	SHARE_OF_DISK = 4,
	SHARE_KEPT_FREE = 20
};

void journal_writer_init(struct journal_writer *writer, const char *dir)
{
	*writer = (struct journal_writer){ .dir = xstrdup(dir),
					   .file_max_bytes = FILE_MAX_BYTES,
					   .free_min_bytes = FREE_MIN_BYTES,
					   .fd = -1 };
}

/* The newest file, when it has room; what a crash left half written is put aside by the child. */
static char *choose(const struct journal_writer *writer)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct stat status;
	unsigned long long number = (unsigned long long)time(NULL);
	const char *last = NULL;
	if (file_list_dir(writer->dir, &names, NULL) == 0)
		for (size_t i = 0; i < names.count; i++)
			if (text_ends(names.items[i], ".journal") &&
			    strchr(names.items[i], '@') == NULL)
				last = names.items[i];
	AUTO_FREE char *path = last ? xasprintf("%s/%s", writer->dir, last) : NULL;
	if (path && stat(path, &status) == 0 && (uint64_t)status.st_size < writer->file_max_bytes)
		return xstrdup(path);
	/* Behind the last one, also when the clock was put back. */
	if (last && strtoull(last, NULL, 10) >= number)
		number = strtoull(last, NULL, 10) + 1;
	return xasprintf("%s/%012llu.journal", writer->dir, number);
}

static void become(int in, const char *path)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, STDIN_FILENO) >= 0)
		execl(PROGRAM, PROGRAM, "--output", path, "-", (char *)NULL);
	_exit(127);
}

static bool is_file(const struct journal_writer *writer, const char *name, char **path,
		    struct stat *status)
{
	*path = xasprintf("%s/%s", writer->dir, name);
	return strstr(name, ".journal") != NULL && stat(*path, status) == 0;
}

/* All but the one that is written to. */
static uint64_t old_bytes(const struct journal_writer *writer, const struct text_list *names)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < names->count; i++) {
		struct stat status;
		AUTO_FREE char *path = NULL;
		if (is_file(writer, names->items[i], &path, &status) &&
		    !text_equal(path, writer->path))
			bytes += (uint64_t)status.st_blocks * 512;
	}
	return bytes;
}

/* What the old ones may have: of the share, what is left beside the file that is written to, and of
   a disk that others fill, nothing of its last twentieth. */
static uint64_t old_limit(const struct journal_writer *writer, const struct statvfs *disk,
			  uint64_t bytes)
{
	uint64_t size = (uint64_t)disk->f_blocks * disk->f_frsize;
	uint64_t there = (uint64_t)disk->f_bavail * disk->f_frsize + bytes;
	uint64_t kept = size / SHARE_KEPT_FREE;
	uint64_t all = writer->all_max_bytes ? writer->all_max_bytes : size / SHARE_OF_DISK;
	uint64_t begun =
		writer->file_max_bytes > BEGUN_BYTES ? writer->file_max_bytes : BEGUN_BYTES;
	uint64_t left = all - (begun < all / 2 ? begun : all / 2);
	if (there <= kept)
		return 0;
	return left < there - kept ? left : there - kept;
}

/* The oldest go first, and never the one that is written to. systemd-journal-remote begins files of its
   own, too (on a disk that is small, after a crash), so it is not asked who did. */
static int prune(const struct journal_writer *writer, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct statvfs disk;
	if (file_list_dir(writer->dir, &names, err) != 0)
		return -1;
	if (statvfs(writer->dir, &disk) != 0)
		return err_set_errno(err, errno, "%s", writer->dir);
	uint64_t bytes = old_bytes(writer, &names);
	uint64_t max_bytes = old_limit(writer, &disk, bytes);
	for (size_t i = 0; i < names.count && bytes > max_bytes; i++) {
		struct stat status;
		AUTO_FREE char *path = NULL;
		if (!is_file(writer, names.items[i], &path, &status) ||
		    text_equal(path, writer->path))
			continue;
		if (file_remove(path, err) != 0)
			return -1;
		bytes -= (uint64_t)status.st_blocks * 512;
	}
	return 0;
}

/* A full disk is an error of the child's that it writes on its stderr, and goes on. */
static int check_room(const struct journal_writer *writer, struct err *err)
{
	struct statvfs disk;
	if (statvfs(writer->dir, &disk) != 0)
		return err_set_errno(err, errno, "%s", writer->dir);
	if ((uint64_t)disk.f_bavail * disk.f_frsize >= writer->free_min_bytes)
		return 0;
	return err_set(err, "%s: less than %llu MiB are free; nothing more is taken until they are",
		       writer->dir, (unsigned long long)(writer->free_min_bytes >> 20));
}

static int start(struct journal_writer *writer, struct err *err)
{
	int pipe_fds[2];
	if (!file_exists(PROGRAM))
		return err_set(err, PROGRAM " is not installed (Debian: systemd-journal-remote)");
	if (file_make_dirs(writer->dir, 0700, err) != 0)
		return -1;
	free(writer->path);
	writer->path = choose(writer);
	if (prune(writer, err) != 0 || check_room(writer, err) != 0)
		return -1;
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return err_set_errno(err, errno, "pipe");
	pid_t child = fork();
	if (child == 0)
		become(pipe_fds[0], writer->path);
	close(pipe_fds[0]);
	if (child < 0) {
		close(pipe_fds[1]);
		return err_set_errno(err, errno, "fork");
	}
	writer->child = child;
	writer->fd = pipe_fds[1];
	return 0;
}

static void stop(struct journal_writer *writer)
{
	int status = 0;
	if (writer->child == 0)
		return;
	close(writer->fd);
	while (waitpid(writer->child, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		log_line("systemd-journal-remote ended with status %d", status);
	writer->fd = -1;
	writer->child = 0;
}

int journal_writer_add(struct journal_writer *writer, const char *entries, size_t length,
		       struct err *err)
{
	struct err why = ERR_INIT;
	if (writer->child == 0 && start(writer, err) != 0)
		return -1;
	if (file_write_all(writer->fd, entries, length, &why) == 0)
		return 0;
	/* It died: once more, with what it did not read. */
	stop(writer);
	if (start(writer, err) != 0)
		return -1;
	return file_write_all(writer->fd, entries, length, err);
}

int journal_writer_turn(struct journal_writer *writer, struct err *err)
{
	struct stat status;
	if (writer->child == 0)
		return 0;
	if (prune(writer, err) != 0)
		return -1;
	if (check_room(writer, err) != 0) {
		stop(writer);
		return -1;
	}
	if (stat(writer->path, &status) != 0 || (uint64_t)status.st_size < writer->file_max_bytes)
		return 0;
	stop(writer);
	return start(writer, err);
}

void journal_writer_close(struct journal_writer *writer)
{
	stop(writer);
	free(writer->dir);
	free(writer->path);
	*writer = (struct journal_writer){ .fd = -1 };
}
