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
enum { FILE_MAX_BYTES = 64 << 20, BEGUN_BYTES = 8 << 20, SHARE_OF_DISK = 4 };

void journal_writer_init(struct journal_writer *writer, const char *dir)
{
	*writer = (struct journal_writer){ .dir = xstrdup(dir),
					   .file_max_bytes = FILE_MAX_BYTES,
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

static int start(struct journal_writer *writer, struct err *err)
{
	int pipe_fds[2];
	if (!file_exists(PROGRAM))
		return err_set(err, PROGRAM " is not installed (Debian: systemd-journal-remote)");
	if (file_make_dirs(writer->dir, 0700, err) != 0)
		return -1;
	if (pipe2(pipe_fds, O_CLOEXEC) != 0)
		return err_set_errno(err, errno, "pipe");
	free(writer->path);
	writer->path = choose(writer);
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

static uint64_t limit(const struct journal_writer *writer)
{
	struct statvfs disk;
	if (writer->all_max_bytes)
		return writer->all_max_bytes;
	if (statvfs(writer->dir, &disk) != 0)
		return UINT64_MAX;
	return (uint64_t)disk.f_blocks * disk.f_frsize / SHARE_OF_DISK;
}

/* The oldest first, and never the one that is written to, which has room for all that it may have. */
static int prune(const struct journal_writer *writer, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	uint64_t all_bytes =
		writer->file_max_bytes > BEGUN_BYTES ? writer->file_max_bytes : BEGUN_BYTES;
	uint64_t max_bytes = limit(writer);
	if (file_list_dir(writer->dir, &names, err) != 0)
		return -1;
	for (size_t i = names.count; i-- > 0;) {
		struct stat status;
		AUTO_FREE char *path = xasprintf("%s/%s", writer->dir, names.items[i]);
		if (strstr(names.items[i], ".journal") == NULL || text_equal(path, writer->path) ||
		    stat(path, &status) != 0)
			continue;
		all_bytes += (uint64_t)status.st_blocks * 512;
		if (all_bytes > max_bytes && file_remove(path, err) != 0)
			return -1;
	}
	return 0;
}

int journal_writer_turn(struct journal_writer *writer, struct err *err)
{
	struct stat status;
	if (writer->child == 0 || stat(writer->path, &status) != 0 ||
	    (uint64_t)status.st_size < writer->file_max_bytes)
		return 0;
	stop(writer);
	if (start(writer, err) != 0)
		return -1;
	return prune(writer, err);
}

void journal_writer_close(struct journal_writer *writer)
{
	stop(writer);
	free(writer->dir);
	free(writer->path);
	*writer = (struct journal_writer){ .fd = -1 };
}
