/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/dnsmasq.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* An end that dnsmasq does not come to in this time is made. */
enum { STOP_TIMEOUT_S = 3, LINE_MAX_BYTES = 64 * 1024 };

static void say(const char *text)
{
	ssize_t ignored = write(2, text, strlen(text));
	(void)ignored;
}

static void run_dnsmasq(const char *option)
{
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	const char *const argv[] = { "dnsmasq", option, NULL };
	execvp(argv[0], (char *const *)(const void *)argv);
	say(errno == ENOENT ? "dnsmasq: not installed (Debian: dnsmasq-base)\n"
			    : "dnsmasq: cannot be started\n");
	_exit(127);
}

/* Between fork() and here threads may have held any lock: only plain system calls. */
static void guard(pid_t parent, int log, const char *option)
{
	sigset_t wanted;
	struct timespec patience = { STOP_TIMEOUT_S, 0 };
	setpgid(0, 0);
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGCHLD);
	sigprocmask(SIG_SETMASK, &wanted, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		_exit(1);
	int null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(log, 1);
	dup2(log, 2);
	/* A connection of the boot server kept open here would never end for its client. */
	close_range(3, ~0U, 0);

	pid_t child = fork();
	if (child < 0)
		_exit(1);
	if (child == 0)
		run_dnsmasq(option);
	int status = 0;
	bool stopping = false;
	for (;;) {
		int got = sigtimedwait(&wanted, NULL, stopping ? &patience : NULL);
		if (got == SIGTERM) {
			kill(child, SIGTERM);
			stopping = true;
		} else if (got < 0 && errno == EAGAIN) {
			kill(child, SIGKILL);
		}
		if (waitpid(child, &status, WNOHANG) == child)
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	}
}

int dnsmasq_start(struct dnsmasq *dnsmasq, const char *config_path, struct err *err)
{
	int log[2];
	/* "-k" alone is not enough: without a file name it reads /etc/dnsmasq.conf. */
	AUTO_FREE char *option = xasprintf("--conf-file=%s", config_path);
	if (pipe2(log, O_CLOEXEC) != 0)
		return err_set_errno(err, errno, "dnsmasq: pipe");
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0)
		guard(parent, log[1], option);
	close(log[1]);
	if (pid < 0) {
		int why = errno;
		close(log[0]);
		return err_set_errno(err, why, "dnsmasq: fork");
	}
	fcntl(log[0], F_SETFL, O_NONBLOCK);
	*dnsmasq = (struct dnsmasq){ .guardian = pid, .log_fd = log[0] };
	return 0;
}

static void hand_on(struct dnsmasq *dnsmasq, const char *line,
		    void (*event)(void *, const struct dnsmasq_event *), void *context)
{
	struct dnsmasq_event happened;
	dnsmasq_log_line(&dnsmasq->log, line, &happened);
	if (happened.type == DNSMASQ_TROUBLE)
		memcpy(dnsmasq->last, happened.text, sizeof(dnsmasq->last));
	if (happened.type == DNSMASQ_STARTED)
		dnsmasq->started = true;
	else if (happened.type != DNSMASQ_NOTHING)
		event(context, &happened);
}

int dnsmasq_read(struct dnsmasq *dnsmasq,
		 void (*event)(void *context, const struct dnsmasq_event *event), void *context)
{
	char chunk[4096];
	ssize_t got;
	while ((got = read(dnsmasq->log_fd, chunk, sizeof(chunk))) > 0) {
		str_add_bytes(&dnsmasq->line, chunk, (size_t)got);
		char *start = dnsmasq->line.data;
		char *end;
		while ((end = strchr(start, '\n')) != NULL) {
			*end = '\0';
			hand_on(dnsmasq, start, event, context);
			start = end + 1;
		}
		AUTO_FREE char *rest = xstrdup(start);
		str_clear(&dnsmasq->line);
		if (strlen(rest) < LINE_MAX_BYTES)
			str_add(&dnsmasq->line, rest);
	}
	return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : 1;
}

void dnsmasq_stop(struct dnsmasq *dnsmasq)
{
	if (dnsmasq->guardian > 0) {
		kill(dnsmasq->guardian, SIGTERM);
		/* The guardian ends by itself within STOP_TIMEOUT_S. */
		while (waitpid(dnsmasq->guardian, NULL, 0) < 0 && errno == EINTR)
			;
		close(dnsmasq->log_fd);
	}
	str_free(&dnsmasq->line);
	dnsmasq->guardian = 0;
	dnsmasq->log_fd = -1;
}
