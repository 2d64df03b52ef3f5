/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_NOTIFY_H
#define DAEMON_NOTIFY_H
/*
 * sd_notify(3) without libsystemd: "READY=1", "WATCHDOG=1", "STOPPING=1" as one
 * datagram to NOTIFY_SOCKET. Without that variable, nothing.
 */
void notify(const char *state);
#endif
