/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_NETCONSOLE_H
#define SYSTEM_NETCONSOLE_H
#include <stdbool.h>

#include "base/err.h"
/*
 * netconsole: the kernel itself sends the lines of its console as UDP datagrams, also the last ones,
 * when nothing else runs any more. One target, /sys/kernel/config/netconsole/moyai, on boot0, in the
 * extended format, with number and time of each line
 * (Documentation/networking/netconsole.rst).
 */

/* Where they go to, "udp 10.77.0.11:6666 52:54:00:00:00:11 from 10.77.0.21"; a copy, NULL: nowhere. */
char *netconsole_read(void);
/* The text again. */
int netconsole_start(const char *target, struct err *err);
int netconsole_stop(struct err *err);
#endif
