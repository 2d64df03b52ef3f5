/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "node/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stamp.h"

enum { WHO_MAX = 200, HOLDER_MAX = 512 };

/* "ann@desk since 2026-11-21T02:46:01Z (process 4711 there)" */
static int write_holder(int lock, const char *path, const char *who, struct err *err)
{
	char since[STAMP_SIZE];
	if (who == NULL)
		who = "somebody";
	size_t length = strcspn(who, "\n");
	AUTO_FREE char *text = xasprintf("%.*s since %s (process %ld there)\n",
					 length < WHO_MAX ? (int)length : WHO_MAX, who,
					 stamp_utc(time(NULL), since), (long)getpid());
	if (ftruncate(lock, 0) != 0 || lseek(lock, 0, SEEK_SET) < 0)
		return err_set_errno(err, errno, "%s", path);
	if (file_write_all(lock, text, strlen(text), err) != 0)
		return err_context(err, "%s", path);
	return 0;
}

static int held(int lock, struct err *err)
{
	char holder[HOLDER_MAX];
	ssize_t got = pread(lock, holder, sizeof(holder) - 1, 0);
	holder[got > 0 ? got : 0] = '\0';
	holder[strcspn(holder, "\n")] = '\0';
	return err_set(err,
		       "another apply is at work on this node: %s; apply again when it has ended",
		       holder[0] ? holder : "it has just begun");
}

int lock_take(const char *run_dir, const char *who, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/lock", run_dir);
	if (file_make_dirs(run_dir, 0700, err) != 0)
		return -1;
	int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return err_set_errno(err, errno, "%s", path);
	int rc = 0;
	if (flock(lock, LOCK_EX | LOCK_NB) != 0)
		rc = errno == EWOULDBLOCK ? held(lock, err) : err_set_errno(err, errno, "%s", path);
	else
		rc = write_holder(lock, path, who, err);
	if (rc == 0)
		return lock;
	close(lock);
	return -1;
}

void lock_name_holder(int lock, const char *who)
{
	write_holder(lock, "lock", who, NULL);
}

void lock_release(int lock)
{
	if (lock < 0)
		return;
	/* Failing here would only leave an old name in a lock that is free. */
	if (ftruncate(lock, 0) != 0)
		errno = 0;
	close(lock);
}
