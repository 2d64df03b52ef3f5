/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/site_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/stamp.h"
#include "programs/show.h"
#include "programs/who.h"

enum { HOLDER_MAX = 4096, POLL_MS = 200 };

/* What the holder wrote; NULL while it has only just begun. */
static json_t *read_holder(int fd)
{
	char text[HOLDER_MAX];
	ssize_t got = pread(fd, text, sizeof(text), 0);
	return got > 0 ? json_loadb(text, (size_t)got, 0, NULL) : NULL;
}

/* "ann@desk has been applying since 2026-…Z (process 4711: apply --limit vm1)" */
static void add_holder(int fd, struct str *out)
{
	json_t *holder = read_holder(fd);
	const char *who, *since, *what;
	json_int_t pid;
	if (holder && json_unpack(holder, "{s:s, s:I, s:s, s:s}", "who", &who, "pid", &pid, "since",
				  &since, "what", &what) == 0) {
		AUTO_FREE char *text = xasprintf("%s has been applying since %s (process %lld: %s)",
						 who, since, (long long)pid, what);
		show_safe(out, text);
	} else {
		str_add(out, "another apply has just begun");
	}
	json_decref(holder);
}

static int write_holder(int fd, const char *what, struct err *err)
{
	char since[STAMP_SIZE];
	AUTO_STR struct str line = STR_INIT;
	AUTO_FREE char *who = who_am_i();
	show_json_line(&line,
		       json_pack("{s:s, s:I, s:s, s:s}", "who", who, "pid", (json_int_t)getpid(),
				 "since", stamp_utc(time(NULL), since), "what", what));
	if (ftruncate(fd, 0) != 0)
		return err_set_errno(err, errno, "ftruncate");
	return file_write_all(fd, line.data, line.length, err);
}

/* 0: it is ours; 1: it is held; -1. */
static int try_lock(int fd, struct err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return errno == EWOULDBLOCK ? 1 : err_set_errno(err, errno, "flock");
}

static int take(int fd, bool wait, const bool *stop, bool *waited, struct err *err)
{
	AUTO_STR struct str told = STR_INIT;
	for (;;) {
		AUTO_STR struct str holder = STR_INIT;
		int rc = try_lock(fd, err);
		if (rc <= 0)
			return rc;
		add_holder(fd, &holder);
		if (!wait)
			return err_set(err, "%s; without --no-wait it is waited for",
				       str_text(&holder));
		if (__atomic_load_n(stop, __ATOMIC_ACQUIRE))
			return err_set(err, "interrupted while waiting: %s", str_text(&holder));
		/* One after the other may come before us. */
		if (!text_equal(str_text(&holder), str_text(&told))) {
			fprintf(stderr, "waiting: %s\n", str_text(&holder));
			str_clear(&told);
			str_add(&told, str_text(&holder));
		}
		*waited = true;
		nanosleep(&(struct timespec){ 0, POLL_MS * 1000000L }, NULL);
	}
}

static char *lock_path(const char *state_dir)
{
	return xasprintf("%s/apply.lock", state_dir);
}

int site_lock_take(const char *state_dir, const char *what, bool wait, const bool *stop,
		   struct site_lock *lock, struct err *err)
{
	AUTO_FREE char *path = lock_path(state_dir);
	lock->waited = false;
	lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock->fd < 0)
		return err_set_errno(err, errno, "%s", path);
	if (take(lock->fd, wait, stop, &lock->waited, err) == 0) {
		if (write_holder(lock->fd, what, err) == 0)
			return 0;
		err_context(err, "%s", path);
	}
	close(lock->fd);
	lock->fd = -1;
	return -1;
}

void site_lock_release(struct site_lock *lock)
{
	if (lock->fd < 0)
		return;
	/* Failing here would only leave an old name in a lock that is free. */
	if (ftruncate(lock->fd, 0) != 0)
		errno = 0;
	close(lock->fd);
	lock->fd = -1;
}

long site_lock_holder(const char *state_dir)
{
	AUTO_FREE char *path = lock_path(state_dir);
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	/* Shared, so that two that look do not take each other for an apply. */
	if (fd < 0 || flock(fd, LOCK_SH | LOCK_NB) == 0)
		return 0;
	json_t *holder = read_holder(fd);
	long pid = (long)json_integer_value(json_object_get(holder, "pid"));
	json_decref(holder);
	return pid;
}
