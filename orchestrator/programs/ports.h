/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_PORTS_H
#define PROGRAMS_PORTS_H
#include <stdbool.h>

#include "base/str.h"
/* Who listens: on this machine, from /proc; elsewhere, by asking. */
enum ports_type { PORTS_TCP, PORTS_UDP };

/* Whether somebody has the port on any address of this machine. who gets "dnsmasq (pid 12)",
   or "" when that is not ours to see. */
bool ports_taken(enum ports_type type, unsigned port, struct str *who);

/* Whether a TCP connection to address:port is accepted within a second. */
bool ports_answers(const char *address, unsigned port);
#endif
