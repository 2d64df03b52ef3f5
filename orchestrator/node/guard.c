/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "node/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"
#include "engine/rollback.h"
#include "node/lock.h"
#include "system/node.h"

enum { TOKEN_LENGTH = 32, LOOK_MS = 100, TRIES = 3 };
/* What the two processes say to each other, a byte each. */
enum { SAY_HOLD = 'h', SAY_HELD = 'k', SAY_LET_GO = 'g' };
/* How the guard ends. */
enum { END_CONFIRMED = 0, END_TAKEN_BACK = 1, END_KILLED = 2 };

#define TAKEN_BACK "the network changes were not confirmed in time and were taken back; plan again"

bool guard_token_valid(const char *token)
{
	return strlen(token) == TOKEN_LENGTH && strspn(token, "0123456789abcdef") == TOKEN_LENGTH;
}

#define WAITING "unconfirmed-" /* the apply that made the changes lives */
#define LEFT "left-"	       /* it has ended */

static char *token_path(const char *run_dir, const char *word, const char *token)
{
	return xasprintf("%s/%s%s", run_dir, word, token);
}

static char *last_path(const char *run_dir)
{
	return xasprintf("%s/taken-back", run_dir);
}

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- the guard's own process ---- */

/* For whoever plans next. What cannot be written is no reason to stop. */
static void note(const char *run_dir, unsigned seconds, const char *error)
{
	AUTO_FREE char *path = last_path(run_dir);
	AUTO_STR struct str text = STR_INIT;
	char when[32];
	struct tm utc;
	time_t now = time(NULL);
	gmtime_r(&now, &utc);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	str_addf(&text, "network changes that nobody confirmed within %u s were taken back at %s",
		 seconds, when);
	if (error)
		str_addf(&text, ", but not all of them: %s", error);
	str_add(&text, "\n");
	file_write(path, text.data, text.length, 0600, NULL);
}

static void take_back(struct node *node, const struct slice *before, const char *run_dir,
		      unsigned seconds)
{
	struct err err = ERR_INIT;
	int rc = -1;
	/* What just changes may refuse once. */
	for (int i = 0; rc != 0 && i < TRIES; i++)
		rc = rollback_apply(node, before, &err);
	note(run_dir, seconds, rc == 0 ? NULL : err.text);
}

/* Until the file is gone, or this process has removed it because the time is up. */
static int wait_for_confirmation(int talk, int lock, const char *who, const char *run_dir,
				 const char *token, unsigned seconds)
{
	AUTO_FREE char *waiting = token_path(run_dir, WAITING, token);
	AUTO_FREE char *left = token_path(run_dir, LEFT, token);
	const char *path = waiting;
	uint64_t deadline = 0;
	bool held = true; /* a step is about to begin */
	for (;;) {
		struct pollfd poll_talk = { .fd = talk, .events = POLLIN };
		char said = 0;
		bool heard = poll(&poll_talk, 1, LOOK_MS) > 0;
		if (!file_exists(path))
			return END_CONFIRMED;
		if (heard && read(talk, &said, 1) <= 0) {
			/* The apply has ended, whichever way. */
			if (rename(waiting, left) != 0)
				return END_CONFIRMED;
			path = left;
			lock_name_holder(lock, who);
			talk = -1;
			said = SAY_LET_GO;
		}
		if (said == SAY_HOLD) {
			held = true;
			if (write(talk, &(char){ SAY_HELD }, 1) != 1)
				continue; /* it has just ended: the next read says so */
		} else if (said == SAY_LET_GO && held) {
			held = false;
			deadline = now_ms() + (uint64_t)seconds * 1000;
		}
		if (!held && now_ms() >= deadline)
			return unlink(path) == 0 ? END_TAKEN_BACK : END_CONFIRMED;
	}
}

/* Nothing of the connection stays open: sshd waits for all who hold its pipes. */
static void leave_connection(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	setsid();
	point_stop();
}

/* ---- the apply's side ---- */

int guard_arm(struct guard *guard, struct node *node, const struct slice *slice,
	      const char *run_dir, const char *token, unsigned seconds, int lock, struct err *err)
{
	AUTO_FREE char *path = token_path(run_dir, WAITING, token);
	struct slice before = { 0 };
	int talk[2];
	if (!guard_token_valid(token))
		return err_set(err, "a token has %d hexadecimal digits", TOKEN_LENGTH);
	if (guard->talk >= 0)
		return err_set(err, "there are changes that wait for their confirmation");
	node_forget(node);
	if (rollback_take(node, slice, &before, err) != 0)
		return -1;
	if (file_write(path, "", 0, 0600, err) != 0) {
		slice_free(&before);
		return -1;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) != 0) {
		err_set_errno(err, errno, "socketpair");
		slice_free(&before);
		unlink(path);
		return -1;
	}
	pid_t pid = fork();
	if (pid == 0) {
		close(talk[0]);
		leave_connection();
		int end = wait_for_confirmation(talk[1], lock, slice->who, run_dir, token, seconds);
		if (end == END_TAKEN_BACK)
			take_back(node, &before, run_dir, seconds);
		_exit(end);
	}
	int why = errno;
	slice_free(&before);
	close(talk[1]);
	if (pid < 0) {
		close(talk[0]);
		unlink(path);
		return err_set_errno(err, why, "fork");
	}
	*guard = (struct guard){ talk[0], pid };
	return 0;
}

/* Its end. */
static int collect(struct guard *guard)
{
	int status = 0;
	close(guard->talk);
	while (waitpid(guard->pid, &status, 0) < 0 && errno == EINTR)
		;
	*guard = (struct guard)GUARD_INIT;
	return WIFEXITED(status) ? WEXITSTATUS(status) : END_KILLED;
}

int guard_hold(struct guard *guard, struct err *err)
{
	char said = 0;
	if (guard->talk < 0)
		return 0;
	ssize_t got = send(guard->talk, &(char){ SAY_HOLD }, 1, MSG_NOSIGNAL);
	while (got == 1 && (got = read(guard->talk, &said, 1)) < 0 && errno == EINTR)
		got = 1;
	if (got == 1 && said == SAY_HELD)
		return 0;
	switch (collect(guard)) {
	case END_CONFIRMED:
		return 0;
	case END_TAKEN_BACK:
		return err_set(err, TAKEN_BACK);
	default:
		return err_set(err, "who would take the network changes back was killed");
	}
}

void guard_let_go(struct guard *guard)
{
	/* When it is gone, guard_hold() finds out how it ended. */
	if (guard->talk >= 0)
		(void)!send(guard->talk, &(char){ SAY_LET_GO }, 1, MSG_NOSIGNAL);
}

bool guard_leave(struct guard *guard)
{
	if (guard->talk < 0)
		return false;
	if (guard_hold(guard, NULL) != 0 || guard->talk < 0)
		return false;
	close(guard->talk);
	*guard = (struct guard)GUARD_INIT;
	return true;
}

int guard_confirm(const char *run_dir, const char *token, struct err *err)
{
	if (!guard_token_valid(token))
		return err_set(err, "a token has %d hexadecimal digits", TOKEN_LENGTH);
	AUTO_FREE char *path = token_path(run_dir, WAITING, token);
	AUTO_FREE char *left = token_path(run_dir, LEFT, token);
	if (unlink(path) == 0 || (errno == ENOENT && unlink(left) == 0))
		return 0;
	if (errno == ENOENT)
		return err_set(err, "no changes wait for this confirmation; they were taken back");
	return err_set_errno(err, errno, "%s", path);
}

bool guard_adopt(const char *run_dir)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	bool adopted = false;
	if (file_list_dir(run_dir, &names, NULL) != 0)
		return false;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", run_dir, names.items[i]);
		if (text_starts(names.items[i], LEFT) && unlink(path) == 0)
			adopted = true;
	}
	return adopted;
}

void guard_last(const char *run_dir, struct str *out)
{
	AUTO_FREE char *path = last_path(run_dir);
	if (file_exists(path))
		file_read(path, 4096, out, NULL);
}

int guard_forget(const char *run_dir, struct err *err)
{
	AUTO_FREE char *path = last_path(run_dir);
	return file_remove(path, err);
}
