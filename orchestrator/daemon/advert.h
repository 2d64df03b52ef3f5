/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_ADVERT_H
#define DAEMON_ADVERT_H
#include "base/err.h"
/*
 * iPXE asks for an IPv6 router besides DHCP, and where none answers it waits
 * 16 s before it goes on with what DHCP gave. So a machine that asks is told
 * at once that we are none: a router advertisement with lifetime 0 and without
 * a prefix (RFC 4861, sections 4.2 and 6.2.3), which gives nobody an address
 * or a route, and does not speak for a real router of that network.
 */

/* A non-blocking socket that hears solicitations on the interface, or -1. */
int advert_open(const char *interface, struct err *err);
/* Answer those that came. */
void advert_answer(int fd, const char *interface);
#endif
