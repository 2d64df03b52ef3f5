/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_SERVER_H
#define DAEMON_SERVER_H
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon/applier.h"
#include "daemon/boot.h"
#include "daemon/dnsmasq.h"
#include "daemon/queue.h"
#include "daemon/tokens.h"
#include "model/site.h"
/*
 * The boot server as a whole. Everything but the probes runs in one thread, in
 * the loop of server_run(): no locks.
 */
struct server_options {
	const char *site_dir, *share_dir, *images_dir, *state_dir; /* borrowed */
	const char *only; /* the one node that is booted; NULL: all. Borrowed */
	/* How nodes that ask are applied, borrowed; NULL: not at all, a person does it. */
	const struct applier_options *apply;
	/* Called in every turn of the loop, at least once a second; may be NULL. Of
	   server_clock_ms(). */
	void (*turn)(void *context, int64_t now_ms);
	/* Told at every visible change of a node's boot. */
	void (*progress)(void *context, const struct boot_node *node);
	/* Told of a machine that is in no configuration, the first time; may be NULL. */
	void (*stranger)(void *context, const char *mac, const char *asked);
	void *context;
};

struct http; /* http.h */

struct server {
	struct server_options options;
	struct site site;	     /* the last one without mistakes */
	struct text_list site_files; /* read last, with mistakes or without */
	uint64_t site_stamp;
	int64_t site_looked_ms;
	char interface[IF_NAMESIZE];
	char *url;     /* "http://10.77.0.1:8077" */
	char *address; /* ours, and boot.port, as they were at the start: they stay */
	uint64_t port;
	char *login_key; /* Moyai's own public key */
	struct boot boot;
	struct tokens tokens;
	struct dnsmasq dnsmasq;
	int64_t dnsmasq_again_ms; /* when to start it again after it died; 0: it runs */
	unsigned dnsmasq_deaths;
	int probe_pipe[2]; /* probes announce their ends here */
	int signals;	   /* signalfd */
	int ra;		   /* ra.h; -1: without */
	int lock;	   /* STATE/boot/serve.lock: tokens are in one process's memory */
	struct http *http;
	struct queue queue;
	struct applier applier;
};

/*
 * Start all of it. The site was read by the caller, and belongs to the server
 * from here on, also on failure. SIGINT and SIGTERM are blocked in the whole
 * process: call it before there are threads.
 */
int server_start(const struct server_options *options, struct site *site, struct server *server,
		 struct err *err);
/* Until SIGINT or SIGTERM (0) or something that cannot be put right (-1). */
int server_run(struct server *server, struct err *err);
void server_stop(struct server *server);

int64_t server_now_ms(void);
/* For what waits: it goes on, whatever the date is set to. */
int64_t server_clock_ms(void);
#endif
