/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_JOURNAL_HTTP_H
#define DAEMON_JOURNAL_HTTP_H
#include <stdbool.h>
#include <stdint.h>

#include "daemon/journal_export.h"
#include "model/certificate.h"
/*
 * The HTTPS side of journal_server.h: who a client is by its certificate, and the entries it sends.
 * In the caller's loop, as http.h is.
 */
struct journal_http;

struct journal_http_options {
	const char *address;
	uint16_t port;
	const struct certificate *certificate;
	/* Whether the site has such a node. */
	bool (*known)(void *context, const char *node);
	int (*entry)(void *context, const char *node, const struct journal_entry *, struct err *);
	void *context;
};
int journal_http_start(const struct journal_http_options *options, struct journal_http **http,
		       struct err *err);
void journal_http_stop(struct journal_http *http);
int journal_http_fd(const struct journal_http *http);
int journal_http_timeout_ms(const struct journal_http *http);
void journal_http_work(struct journal_http *http);
#endif
