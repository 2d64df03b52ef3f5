/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct pipe_link {
	struct link link;
	struct text_list command;
	char *node;
};

struct pipe_stream {
	struct stream stream;
	pid_t pid;
	int in, out, error; /* our ends; -1 when closed */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void take(int *fd, struct str *sink)
{
	char chunk[65536];
	ssize_t got = read(*fd, chunk, sizeof(chunk));
	if (got > 0)
		str_add_bytes(sink, chunk, (size_t)got);
	else if (got == 0 || (errno != EINTR && errno != EAGAIN))
		close_fd(fd);
}

/* Wait for input, and for room for output when asked to. */
static int pump(struct pipe_stream *self, int timeout_ms, bool *writable)
{
	struct pollfd polls[3] = {
		{ .fd = self->out, .events = POLLIN },
		{ .fd = self->error, .events = POLLIN },
		{ .fd = writable ? self->in : -1, .events = POLLOUT },
	};
	if (poll(polls, 3, timeout_ms) < 0)
		return errno == EINTR ? 0 : -1;
	if (polls[0].revents)
		take(&self->out, &self->stream.in);
	if (polls[1].revents)
		take(&self->error, &self->stream.errors);
	if (writable)
		*writable = polls[2].revents != 0;
	return 0;
}

static int reap(struct pipe_stream *self)
{
	int status = 0;
	/* Its outputs are closed; it ends now, or it is made to. */
	for (int i = 0; i < 2000 && self->pid > 0; i++) {
		if (waitpid(self->pid, &status, WNOHANG) == self->pid) {
			self->pid = 0;
			return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		}
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
	return -1;
}

static int pipe_read(struct stream *stream, int timeout_ms, struct err *err)
{
	struct pipe_stream *self = (struct pipe_stream *)stream;
	if (self->out >= 0 || self->error >= 0) {
		if (pump(self, timeout_ms, NULL) != 0)
			return err_set_errno(err, errno, "poll");
	}
	if (self->out < 0 && self->error < 0) {
		stream->ended = true;
		stream->exit_code = reap(self);
	}
	return 0;
}

static int pipe_write(struct stream *stream, const void *bytes, size_t length, int timeout_ms,
		      struct err *err)
{
	struct pipe_stream *self = (struct pipe_stream *)stream;
	const char *from = bytes;
	long deadline_ms = stream_now_ms() + timeout_ms;
	while (length > 0) {
		bool writable = false;
		long left_ms = deadline_ms - stream_now_ms();
		if (left_ms <= 0)
			return err_set(err, "the node takes no input");
		if (self->in < 0)
			return err_set(err, "the stream ended early");
		if (pump(self, (int)left_ms, &writable) != 0)
			return err_set_errno(err, errno, "poll");
		if (!writable)
			continue;
		ssize_t put = write(self->in, from, length);
		if (put < 0 && errno != EINTR && errno != EAGAIN) {
			/* What it said before it went is the better message: the
			   reader finds it, or the early end. */
			close_fd(&self->in);
			return 0;
		}
		if (put > 0) {
			from += put;
			length -= (size_t)put;
			deadline_ms = stream_now_ms() + timeout_ms;
		}
	}
	return 0;
}

static int pipe_end_input(struct stream *stream, struct err *err)
{
	(void)err;
	close_fd(&((struct pipe_stream *)stream)->in);
	return 0;
}

static void pipe_close(struct stream *stream)
{
	struct pipe_stream *self = (struct pipe_stream *)stream;
	close_fd(&self->in);
	close_fd(&self->out);
	close_fd(&self->error);
	if (self->pid > 0) {
		/* As sshd does when the connection goes: a hang-up, no more. */
		kill(-self->pid, SIGHUP);
		if (reap(self) < 0 && self->pid > 0) {
			kill(-self->pid, SIGKILL);
			waitpid(self->pid, NULL, 0);
		}
	}
	str_free(&stream->in);
	line_reader_free(&stream->lines);
	str_free(&stream->errors);
	free(self);
}

static const struct stream_ops PIPE_STREAM = { pipe_read, pipe_write, pipe_end_input, pipe_close };

/* Only async-signal-safe calls: other threads may hold any lock. */
static void child(char **argv, int in, int out, int error)
{
	sigset_t none;
	setpgid(0, 0); /* Ctrl-C is for moyai, not for what stands for the node */
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(error, 2) < 0)
		_exit(126);
	execvp(argv[0], argv);
	_exit(127);
}

static struct stream *pipe_exec(struct link *link, const char *const *words, const bool *stop,
				struct err *err)
{
	(void)stop; /* nothing here waits */
	struct pipe_link *self = (struct pipe_link *)link;
	int pipes[6] = { -1, -1, -1, -1, -1, -1 };
	struct pipe_stream *stream = NULL;
	size_t count = self->command.count + 2;
	for (size_t i = 0; words[i]; i++)
		count++;
	char **argv = xcalloc(count, sizeof(*argv));
	size_t n = 0;
	for (size_t i = 0; i < self->command.count; i++)
		argv[n++] = self->command.items[i];
	argv[n++] = self->node;
	for (size_t i = 0; words[i]; i++)
		argv[n++] = (char *)(size_t)words[i];

	if (pipe2(pipes, O_CLOEXEC) || pipe2(pipes + 2, O_CLOEXEC) || pipe2(pipes + 4, O_CLOEXEC)) {
		err_set_errno(err, errno, "pipe");
		goto out;
	}
	pid_t pid = fork();
	if (pid < 0) {
		err_set_errno(err, errno, "fork");
		goto out;
	}
	if (pid == 0)
		child(argv, pipes[0], pipes[3], pipes[5]);
	setpgid(pid, pid);
	stream = xcalloc(1, sizeof(*stream));
	stream->stream.ops = &PIPE_STREAM;
	stream->stream.exit_code = -1;
	stream->pid = pid;
	stream->in = pipes[1];
	stream->out = pipes[2];
	stream->error = pipes[4];
	pipes[1] = pipes[2] = pipes[4] = -1;
	fcntl(stream->in, F_SETFL, O_NONBLOCK);
	fcntl(stream->out, F_SETFL, O_NONBLOCK);
	fcntl(stream->error, F_SETFL, O_NONBLOCK);
out:
	for (size_t i = 0; i < COUNT_OF(pipes); i++)
		close_fd(&pipes[i]);
	free(argv);
	return stream ? &stream->stream : NULL;
}

static void pipe_link_close(struct link *link)
{
	struct pipe_link *self = (struct pipe_link *)link;
	text_list_free(&self->command);
	free(self->node);
	free(self);
}

static const struct link_ops PIPE_LINK = { pipe_exec, pipe_link_close };

struct link *pipe_link_open(const char *command, const char *node, struct err *err)
{
	struct text_list words = TEXT_LIST_INIT;
	for (const char *at = command + strspn(command, " "); *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		text_list_take(&words, xstrndup(at, length));
		at += length;
	}
	if (words.count == 0) {
		err_set(err, "MOYAI_TRANSPORT is empty");
		return NULL;
	}
	struct pipe_link *self = xcalloc(1, sizeof(*self));
	self->link.ops = &PIPE_LINK;
	self->command = words;
	self->node = xstrdup(node);
	return &self->link;
}
