/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_RA_H
#define DAEMON_RA_H
#include "base/err.h"
/*
 * iPXE asks for an IPv6 router besides DHCP, and goes on only when one has
 * answered or it has given up: 0.25 + 0.5 + … + 8 s = 15.75 s of every boot
 * (ipxe src/net/ndp.c, include/ipxe/retry.h). So we answer that we are no
 * router (lifetime 0, no prefix, RFC 4861 section 4.2), which changes nothing
 * for any other listener.
 */

/* A non-blocking descriptor to poll, or -1 when this machine has no IPv6. */
int ra_open(const char *interface, struct err *err);
/* Answer all that wait. */
void ra_answer(int fd);
#endif
