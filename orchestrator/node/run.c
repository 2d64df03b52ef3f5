/* SPDX-License-Identifier: GPL-3.0-or-later */
/* run: one command, its output in pieces as it comes, its exit code. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "node/conversation.h"

enum { GRACE_MS = 2000, NOT_STARTED = 127 };

struct command {
	pid_t pid;
	int pidfd;
	int pipes[2];	       /* its stdout and stderr; -1 after the end */
	struct str pending[2]; /* the beginning of a character that was cut by a read */
};

static void execute(const struct text_list *argv, const int *out, const int *error)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	setpgid(0, 0);
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	dup2(null, 0);
	dup2(out[1], 1);
	dup2(error[1], 2);
	char **list = xcalloc(argv->count + 1, sizeof(*list));
	memcpy(list, argv->items, argv->count * sizeof(*list));
	execvp(list[0], list);
	AUTO_FREE char *why = xasprintf("moyai: %s: %s\n", list[0], strerror(errno));
	file_write_all(2, why, strlen(why), NULL);
	_exit(NOT_STARTED);
}

static int command_start(const struct text_list *argv, struct command *command, struct err *err)
{
	int out[2];
	int error[2];
	*command = (struct command){ .pid = -1, .pidfd = -1, .pipes = { -1, -1 } };
	if (pipe2(out, O_CLOEXEC) != 0)
		return err_set_errno(err, errno, "pipe");
	if (pipe2(error, O_CLOEXEC) != 0) {
		err_set_errno(err, errno, "pipe");
		goto fail;
	}
	command->pid = fork();
	if (command->pid == 0)
		execute(argv, out, error);
	close(error[1]);
	if (command->pid < 0) {
		err_set_errno(err, errno, "fork");
		close(error[0]);
		goto fail;
	}
	setpgid(command->pid, command->pid);
	close(out[1]);
	command->pipes[0] = out[0];
	command->pipes[1] = error[0];
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(error[0], F_SETFL, O_NONBLOCK);
	command->pidfd = pidfd_open(command->pid, 0);
	return 0;
fail:
	close(out[0]);
	close(out[1]);
	return -1;
}

/* Send what is whole; keep the beginning of a cut character for the next piece. */
static int send_piece(struct conversation *conversation, struct command *command, int which,
		      bool last, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct str *pending = &command->pending[which];
	size_t valid = utf8_valid_length(pending->data, pending->length);
	size_t whole = pending->length;
	if (!last && utf8_is_cut(pending->data + valid, pending->length - valid))
		whole = valid;
	if (whole == 0)
		return 0;
	message_output(&line, which == 1, pending->data, whole);
	memmove(pending->data, pending->data + whole, pending->length - whole);
	pending->length -= whole;
	return conversation_send(conversation, &line, err);
}

/* 1: there was something, 0: nothing now, -1: nobody listens. */
static int read_piece(struct conversation *conversation, struct command *command, int which,
		      struct err *err)
{
	char chunk[PROTOCOL_OUTPUT_MAX - 8];
	if (command->pipes[which] < 0)
		return 0;
	ssize_t got = read(command->pipes[which], chunk, sizeof(chunk));
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (got > 0) {
		str_add_bytes(&command->pending[which], chunk, (size_t)got);
		return send_piece(conversation, command, which, false, err) == 0 ? 1 : -1;
	}
	close(command->pipes[which]);
	command->pipes[which] = -1;
	return 0;
}

/* Output as it comes, until the command has ended or nobody listens. */
static int follow(struct conversation *conversation, struct command *command, struct err *err)
{
	for (;;) {
		struct pollfd polls[4] = {
			{ .fd = command->pipes[0], .events = POLLIN },
			{ .fd = command->pipes[1], .events = POLLIN },
			{ .fd = command->pidfd, .events = POLLIN },
			{ .fd = conversation->out, .events = 0 },
		};
		if (poll(polls, COUNT_OF(polls), -1) < 0 && errno != EINTR)
			return err_set_errno(err, errno, "poll");
		if (polls[3].revents)
			return err_set(err, "nobody listens any more");
		for (int i = 0; i < 2; i++) {
			if (polls[i].revents && read_piece(conversation, command, i, err) < 0)
				return -1;
		}
		if (polls[2].revents)
			break;
	}
	/* It has ended; what it wrote is in the pipes. A child of it may hold them
	   open for ever and is not waited for. */
	for (int i = 0; i < 2; i++) {
		int more;
		do
			more = read_piece(conversation, command, i, err);
		while (more > 0);
		if (more < 0 || send_piece(conversation, command, i, true, err) != 0)
			return -1;
	}
	return 0;
}

/* End the command and what it started, first asking, then not. */
static void command_kill(struct command *command)
{
	struct pollfd ended = { .fd = command->pidfd, .events = POLLIN };
	kill(-command->pid, SIGTERM);
	poll(&ended, 1, GRACE_MS);
	kill(-command->pid, SIGKILL);
}

static int command_end(struct command *command)
{
	int status = 0;
	while (waitpid(command->pid, &status, 0) < 0 && errno == EINTR)
		;
	for (int i = 0; i < 2; i++) {
		if (command->pipes[i] >= 0)
			close(command->pipes[i]);
		str_free(&command->pending[i]);
	}
	if (command->pidfd >= 0)
		close(command->pidfd);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int verb_run(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct request request;
	struct command command;
	if (conversation_expect(conversation, REQUEST_RUN, &request, err) != 0)
		return -1;
	int rc = command_start(&request.argv, &command, err);
	request_free(&request);
	if (rc != 0)
		return -1;
	rc = follow(conversation, &command, err);
	if (rc != 0)
		command_kill(&command);
	int code = command_end(&command);
	if (rc != 0)
		return -1;
	message_exit(&line, code);
	message_done(&line, 0);
	return conversation_send(conversation, &line, err);
}
