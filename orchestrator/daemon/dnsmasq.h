/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_DNSMASQ_H
#define DAEMON_DNSMASQ_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "model/site.h"
/*
 * DHCP and TFTP by dnsmasq, as our child. A small guardian process of ours
 * stands between us: it ends dnsmasq when we end, however that happens.
 * (PR_SET_PDEATHSIG alone does not do: the kernel drops it when dnsmasq gives
 * up root.)
 */

/* What the configuration is made of; all borrowed. */
struct dnsmasq_config {
	const struct site *site;
	const char *share_dir;
	const char *boot_dir;  /* STATE/boot: configuration, leases, pid */
	const char *server;    /* our address on the boot network */
	const char *interface; /* the one that has it */
	const char *only;      /* the one node that gets an answer; NULL: all */
	const char *tftp_dir;  /* iPXE's binaries */
	const char *user;      /* it gives up root for this one */
};
int dnsmasq_config_print(const struct dnsmasq_config *config, struct str *out, struct err *err);
/* Where the configuration has the leases written; the caller frees it. */
char *dnsmasq_leases(const char *boot_dir);

/* One line of its log. */
enum dnsmasq_event_type {
	DNSMASQ_NOTHING,
	DNSMASQ_PXE,	 /* a boot ROM (not iPXE loaded by one) wants an address */
	DNSMASQ_UNKNOWN, /* a machine without a reservation was ignored */
	DNSMASQ_STARTED,
	DNSMASQ_TROUBLE, /* any message that is not of a kind we know: shown */
};
struct dnsmasq_event {
	enum dnsmasq_event_type type;
	char mac[18];
	char text[256];
};
/* The lines of one DHCP exchange carry a number: one tells the vendor class, a
   later one the MAC. */
enum { DNSMASQ_EXCHANGES = 64 };
struct dnsmasq_log {
	struct {
		uint64_t number;
		bool used, pxe, told;
	} exchanges[DNSMASQ_EXCHANGES];
	unsigned next;
};
void dnsmasq_log_line(struct dnsmasq_log *log, const char *line, struct dnsmasq_event *event);

/* The process. */
struct dnsmasq {
	pid_t guardian; /* 0: not running */
	int log_fd;	/* non-blocking; -1 */
	struct str line;
	struct dnsmasq_log log;
	char last[256]; /* the last message: why it ended */
	bool started;	/* it said so */
};
int dnsmasq_start(struct dnsmasq *dnsmasq, const char *config_path, struct err *err);
/* Hand each complete line to the callback. 1: it has ended. */
int dnsmasq_read(struct dnsmasq *dnsmasq,
		 void (*event)(void *context, const struct dnsmasq_event *event), void *context);
void dnsmasq_stop(struct dnsmasq *dnsmasq);
#endif
