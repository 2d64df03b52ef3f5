/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/ask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

int ask_possible(const struct options *options, const char *command)
{
	struct err err = ERR_INIT;
	if (options->yes || (isatty(STDIN_FILENO) && !options->json))
		return 0;
	err_set(&err, "%s asks before it changes anything, and %s; write --yes", command,
		options->json ? "--json cannot" : "there is no terminal");
	command_fail(&err);
	return -1;
}

bool ask_yes(const bool *stop, const char *fmt, ...)
{
	char answer[16] = "";
	va_list args;
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputs(" [y/N] ", stderr);
	fflush(stderr);
	struct pollfd wait = { .fd = STDIN_FILENO, .events = POLLIN };
	while (!__atomic_load_n(stop, __ATOMIC_ACQUIRE)) {
		if (poll(&wait, 1, 200) <= 0)
			continue;
		ssize_t got = read(STDIN_FILENO, answer, sizeof(answer) - 1);
		return got > 0 && (answer[0] == 'y' || answer[0] == 'Y');
	}
	fputs("\n", stderr);
	return false;
}

/* Byte by byte: what follows the line is not ours. */
static int read_line(struct str *line, struct err *err)
{
	char byte;
	for (;;) {
		ssize_t got = read(STDIN_FILENO, &byte, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, errno, "stdin");
		if (got == 0 || byte == '\n')
			return 0;
		if (byte == '\0' || line->length == LINE_MAX_BYTES)
			return err_set(err, "stdin: one line of text is wanted");
		str_add_bytes(line, &byte, 1);
	}
}

int ask_secret(const char *prompt, struct str *line, struct err *err)
{
	struct termios before;
	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return read_line(line, err);
	struct termios silent = before;
	silent.c_lflag &= ~(tcflag_t)ECHO;
	fputs(prompt, stderr);
	fflush(stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	int rc = read_line(line, err);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputs("\n", stderr);
	return rc;
}
