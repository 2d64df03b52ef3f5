/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/interrupt.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static bool stop;
static const char *note;

static void on_signal(int number)
{
	if (__atomic_exchange_n(&stop, true, __ATOMIC_ACQ_REL))
		_exit(128 + number);
	if (note) {
		ssize_t ignored = write(STDERR_FILENO, note, strlen(note));
		(void)ignored;
	}
}

const bool *interrupt_watch(const char *message)
{
	struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	note = message;
	sigemptyset(&action.sa_mask);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
	return &stop;
}

void interrupt_end(void)
{
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
}
