/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H
#include <microhttpd.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
#include "daemon/probe.h"
/*
 * HTTP by libmicrohttpd: connections, bodies, files. What is answered is
 * decided in routes.h.
 */
enum {
	HTTP_BODY_MAX_BYTES = 64 * 1024,
	HTTP_IDLE_TIMEOUT_S = 20,
	HTTP_CONNECTIONS_MAX = 2048,
	HTTP_CONNECTIONS_PER_ADDRESS = 512,
};
struct server;
struct http;

struct request {
	struct server *server;
	struct MHD_Connection *connection;
	char from[64]; /* the client's address */
	struct str body;
	size_t came;	/* bytes of the body, kept or not */
	bool too_large; /* the body was, and is not kept */
	/* A probe this request waits for; `asked` once it was begun. */
	struct probe *probe;
	bool asked, waiting;
	struct request *next; /* of all that wait */
};

int http_start(struct server *server, const char *address, uint16_t port, struct http **http,
	       struct err *err);
void http_stop(struct http *http);
/* For the loop: a descriptor to poll for reading, how long at most, and the work. */
int http_fd(const struct http *http);
int http_timeout_ms(const struct http *http);
void http_work(struct http *http);

/* The request's probe has ended: go on with it. */
void http_resume(struct http *http, struct request *request);

/* Answers. The text is copied. */
enum MHD_Result http_text(struct request *request, unsigned status, const char *text);
/* A file as it stands; `served` is told how far it has gone out. It owns
   nothing; `done` (may be NULL) is called once at the end with the context. */
struct http_file {
	const char *path;
	uint64_t size_bytes;
	void (*served)(void *context, uint64_t done_bytes);
	void (*done)(void *context);
	void *context;
};
enum MHD_Result http_send_file(struct request *request, const struct http_file *file,
			       struct err *err);
/* Begin to wait for a probe of the node: the request is handled again when it
   has ended, with request->asked set. */
enum MHD_Result http_wait(struct request *request, struct probe *probe);
const char *http_argument(const struct request *request, const char *name);
#endif
