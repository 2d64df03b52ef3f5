/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/point.h"
#include "base/size.h"

enum { DEFAULT_TIMEOUT_MS = 60000, DEFAULT_OUTPUT_MAX_BYTES = 64 * 1024 * 1024 };

static long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++) {
		if (pair[i] >= 0)
			close(pair[i]);
		pair[i] = -1;
	}
}

static bool same_variable(const char *a, const char *b)
{
	size_t length = strcspn(a, "=");
	return length == strcspn(b, "=") && strncmp(a, b, length) == 0;
}

/* Ours with what differs, before the fork: after it, only what is safe beside other threads. The
   texts are borrowed, the array is not. */
static char **make_environment(const struct run *run)
{
	/* The same messages in every locale: they are shown and tested. */
	static const char *const LOCALE[] = { "LC_ALL=C.UTF-8", NULL };
	const char *const *changes[] = { LOCALE, run->environment };
	size_t count = 0;
	size_t room = 2; /* the locale, and the end */
	for (char *const *at = environ; *at; at++)
		room++;
	for (const char *const *at = run->environment; at && *at; at++)
		room++;
	char **made = xcalloc(room, sizeof(*made));
	for (char *const *at = environ; *at; at++)
		made[count++] = *at;
	for (size_t i = 0; i < COUNT_OF(changes); i++) {
		for (const char *const *at = changes[i]; at && *at; at++) {
			size_t kept = 0;
			for (size_t j = 0; j < count; j++)
				if (!same_variable(made[j], *at))
					made[kept++] = made[j];
			count = kept;
			if (strchr(*at, '='))
				made[count++] = (char *)(size_t)*at;
		}
	}
	made[count] = NULL;
	return made;
}

/* Only async-signal-safe calls. */
static void child(const struct run *run, char **environment, const int *in, const int *out,
		  const int *error, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	dup2(run->input ? in[0] : null, 0);
	if (!run->keep_stdout) {
		dup2(out[1], 1);
		dup2(error[1], 2);
	}
	execvpe(run->argv[0], (char *const *)(const void *)run->argv, environment);
	int why = errno;
	ssize_t ignored = write(report, &why, sizeof(why));
	(void)ignored;
	_exit(127);
}

/*
 * A child that stops reading must not end us: the signal is for this thread alone, so it is kept
 * waiting here and taken back. What the program does with SIGPIPE is the same for all threads, and
 * not ours to change while others run.
 */
static ssize_t write_quietly(int fd, const void *bytes, size_t length)
{
	sigset_t pipe;
	sigset_t before;
	sigset_t waiting;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	sigpending(&waiting);
	ssize_t put = write(fd, bytes, length);
	int why = errno;
	if (put < 0 && why == EPIPE && !sigismember(&waiting, SIGPIPE))
		while (sigtimedwait(&pipe, NULL, &(struct timespec){ 0 }) < 0 && errno == EINTR)
			continue;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = why;
	return put;
}

enum pumped { PUMP_DONE, PUMP_LATE, PUMP_TOO_MUCH };

/* Move bytes between us and the child until both its outputs are closed. Closes
   *in when all is sent, and sets it to -1. */
static enum pumped pump(const struct run *run, int *in, int out, int error,
			struct run_result *result, long deadline_ms, size_t output_max_bytes)
{
	size_t sent = 0;
	bool in_open = run->input != NULL;
	bool open_out[2] = { !run->keep_stdout, !run->keep_stdout };
	struct str *sink[2] = { &result->out, &result->err };
	int source[2] = { out, error };
	while (in_open || open_out[0] || open_out[1]) {
		struct pollfd polls[3] = {
			{ .fd = in_open ? *in : -1, .events = POLLOUT },
			{ .fd = open_out[0] ? out : -1, .events = POLLIN },
			{ .fd = open_out[1] ? error : -1, .events = POLLIN },
		};
		long left = deadline_ms - now_ms();
		if (left <= 0)
			return PUMP_LATE;
		if (poll(polls, 3, (int)left) < 0)
			continue;
		if (polls[0].revents) {
			ssize_t put =
				write_quietly(*in, run->input + sent, run->input_length - sent);
			if (put > 0)
				sent += (size_t)put;
			if (sent == run->input_length ||
			    (put < 0 && errno != EINTR && errno != EAGAIN)) {
				close(*in);
				*in = -1;
				in_open = false;
			}
		}
		for (int i = 0; i < 2; i++) {
			char chunk[16384];
			if (!polls[i + 1].revents)
				continue;
			ssize_t got = read(source[i], chunk, sizeof(chunk));
			if (got > 0)
				str_add_bytes(sink[i], chunk, (size_t)got);
			else if (got == 0 || (errno != EINTR && errno != EAGAIN))
				open_out[i] = false;
			if (sink[i]->length > output_max_bytes)
				return PUMP_TOO_MUCH;
		}
	}
	return PUMP_DONE;
}

static void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0 && errno == EINTR)
		continue;
}

/* Why the child could not be started; 0: it was. */
static int start_error(int report)
{
	int why = 0;
	ssize_t got;
	do
		got = read(report, &why, sizeof(why));
	while (got < 0 && errno == EINTR);
	return got == (ssize_t)sizeof(why) ? why : 0;
}

/* Wait for the child until the deadline; -1 when it still runs. */
static int reap(pid_t pid, int *status, long deadline_ms)
{
	for (;;) {
		pid_t done = waitpid(pid, status, WNOHANG);
		if (done == pid)
			return 0;
		if (done < 0 && errno != EINTR)
			return -1;
		if (now_ms() >= deadline_ms)
			return -1;
		nanosleep(&(struct timespec){ 0, 1000000 }, NULL);
	}
}

static int run_child(const struct run *run, struct run_result *result, struct err *err)
{
	int in[2] = { -1, -1 };
	int out[2] = { -1, -1 };
	int error[2] = { -1, -1 };
	int report[2] = { -1, -1 };
	int rc = -1;
	unsigned timeout_ms = run->timeout_ms ? run->timeout_ms : DEFAULT_TIMEOUT_MS;
	size_t output_max_bytes =
		run->output_max_bytes ? run->output_max_bytes : DEFAULT_OUTPUT_MAX_BYTES;
	long deadline_ms = now_ms() + (long)timeout_ms;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(error, O_CLOEXEC) ||
	    pipe2(report, O_CLOEXEC)) {
		err_set_errno(err, errno, "%s: pipe", run->argv[0]);
		goto out;
	}
	char **environment = make_environment(run);
	pid_t pid = fork();
	if (pid == 0)
		child(run, environment, in, out, error, report[1]);
	free(environment);
	if (pid < 0) {
		err_set_errno(err, errno, "%s: fork", run->argv[0]);
		goto out;
	}
	setpgid(pid, pid);
	close(report[1]);
	close(out[1]);
	close(error[1]);
	close(in[0]);
	report[1] = out[1] = error[1] = in[0] = -1;
	if (run->input == NULL)
		close_pair(in);
	fcntl(in[1], F_SETFL, O_NONBLOCK);

	int status = 0;
	int why = start_error(report[0]);
	if (why != 0) {
		wait_for(pid, &status);
		err_set_errno(err, why, "%s: cannot be started", run->argv[0]);
		goto out;
	}
	enum pumped end =
		pump(run, &in[1], out[0], error[0], result, deadline_ms, output_max_bytes);
	if (end != PUMP_DONE || reap(pid, &status, deadline_ms) != 0) {
		AUTO_STR struct str most = STR_INIT;
		kill(-pid, SIGKILL);
		wait_for(pid, &status);
		size_print(output_max_bytes, &most);
		if (end == PUMP_TOO_MUCH)
			err_set(err, "%s: more than %s of output; killed", run->argv[0],
				str_text(&most));
		else
			err_set(err, "%s: no end after %u ms; killed", run->argv[0], timeout_ms);
		goto out;
	}
	result->exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	rc = 0;
out:
	close_pair(in);
	close_pair(out);
	close_pair(error);
	close_pair(report);
	return rc;
}

int run_capture(const struct run *run, struct run_result *result, struct err *err)
{
	*result = (struct run_result){ 0 };
	if (!run->reads_only)
		point_pass(run->argv[0]);
	int rc = run_child(run, result, err);
	if (!run->reads_only)
		point_pass(run->argv[0]);
	if (rc != 0)
		run_result_free(result);
	return rc;
}

/* The last line that says something. */
static void last_line(const struct str *text, struct str *line)
{
	size_t end = text->length;
	while (end > 0 && strchr(" \n\r\t", text->data[end - 1]))
		end--;
	size_t start = end;
	while (start > 0 && text->data[start - 1] != '\n')
		start--;
	while (start < end && (text->data[start] == ' ' || text->data[start] == '\t'))
		start++;
	if (end > start)
		str_add_bytes(line, text->data + start, end - start);
}

int run_ok(const struct run *run, struct str *out, struct err *err)
{
	struct run_result result;
	if (run_capture(run, &result, err) != 0)
		return -1;
	int rc = 0;
	if (result.exit_code != 0) {
		AUTO_STR struct str why = STR_INIT;
		last_line(&result.err, &why);
		if (why.length == 0)
			last_line(&result.out, &why);
		rc = why.length ? err_set(err, "%s: %s", run->argv[0], str_text(&why))
				: err_set(err, "%s: exit code %d", run->argv[0], result.exit_code);
	} else if (out != NULL) {
		str_add_bytes(out, str_text(&result.out), result.out.length);
	}
	run_result_free(&result);
	return rc;
}

int run_args(struct err *err, const char *argv0, ...)
{
	const char *argv[64] = { argv0 };
	size_t count = 1;
	va_list args;
	va_start(args, argv0);
	while (count < COUNT_OF(argv) - 1 && (argv[count] = va_arg(args, const char *)) != NULL)
		count++;
	va_end(args);
	argv[count] = NULL;
	return run_ok(&(struct run){ .argv = argv }, NULL, err);
}

void run_result_free(struct run_result *result)
{
	if (result == NULL)
		return;
	str_free(&result->out);
	str_free(&result->err);
}
