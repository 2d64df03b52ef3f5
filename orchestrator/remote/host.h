/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef REMOTE_HOST_H
#define REMOTE_HOST_H
#include <stdbool.h>

#include "model/secret.h"
#include "model/site.h"
#include "remote/protocol.h"
#include "remote/ssh.h"
#include "remote/stream.h"
/*
 * One node as it is talked to: the connection, what it said in the phases so
 * far, and why it failed if it did.
 */
struct remote_options {
	const struct site *site;
	const struct site_key *key;
	const struct image_set *images; /* for the cluster manager's repository */
	const char *images_url;		/* see struct derive */
	struct ssh_options ssh;
	const char *transport;			 /* command in place of ssh, for tests; NULL: ssh */
	const char *node_program;		 /* our moyai-node, for nodes with another build */
	const char *who;			 /* for the nodes' locks; NULL: not said */
	char build[HASH_HEX_SIZE];		 /* its sha256 */
	unsigned parallel;			 /* hosts that are busy at a time */
	unsigned answer_timeout_ms;		 /* plan, status, facts: between two lines */
	unsigned step_timeout_ms;		 /* one step of apply */
	unsigned run_timeout_ms;		 /* run: without any output */
	const struct text_list *allow_data_loss; /* "store1", "store1/volume/old" */
	struct copy *copy;			 /* for host_copy() */
	const struct text_list *left_alone;	 /* nodes in maintenance; NULL: nobody looked */
	bool unattended;			 /* a step that loses data is refused */
	const bool *stop;			 /* set on Ctrl-C; read atomically */
	/* Whether a node that cannot be reached is switched off for sure; NULL: nobody knows. May be
	   called by several threads at a time. */
	bool (*is_off)(const void *context, const struct site_node *node);
	const void *context;
};

struct host {
	const struct site_node *node; /* borrowed from the site */
	const char *name;	      /* the node's */
	bool outside_limit;	      /* only looked at, for what others need of it */
	struct link *link;	      /* NULL while not connected */
	char *failed;		      /* why; NULL: well so far */
	bool unreachable;	      /* it failed before moyai-node answered */
	bool off;		      /* … and is switched off: nothing runs there */
	/* plan, status */
	struct remote_step *steps;
	size_t step_count;
	size_t kept;
	struct text_list warnings; /* "volume base: …" */
	json_t *facts;		   /* status, facts; NULL: none */
	/* run */
	struct str out, errors;
	int exit_code;
	struct str messages; /* stderr of moyai-node itself */
};

/*
 * Connect if need be and start a phase: reads `hello`, sends our build if the
 * node has another, and then `request`. A machine whose `hello` is not the
 * wanted one has not got a byte. NULL after an error.
 */
struct stream *host_begin(struct host *host, const struct remote_options *options, const char *verb,
			  const struct str *request, const bool *stop, struct err *err);
/* The next event; the end of the stream and `error` are errors. */
int host_message(struct stream *stream, unsigned timeout_ms, struct message *message,
		 struct err *err);
/* The next event, which must be `done`. */
int host_done(struct stream *stream, unsigned timeout_ms, struct err *err);
/* Ends the stream and keeps what the node wrote to stderr. */
void host_end(struct host *host, struct stream *stream);

/* The host's wanted state as the line that starts plan, status and apply. */
int host_slice_line(const struct host *host, const struct remote_options *options, struct str *line,
		    struct err *err);

/* Whole phases. On an error host->failed says why. */
void host_plan(struct host *host, const struct remote_options *options);
void host_status(struct host *host, const struct remote_options *options);
void host_facts(struct host *host, const struct remote_options *options);
/* Of one that could not be reached: host->off, if its BMC says so. A board takes its time, so only
   where it makes a difference. */
void host_ask_power(struct host *host, const struct remote_options *options);
/* request: the line of request_run(). */
void host_run(struct host *host, const struct remote_options *options, const struct str *request);
/* request: the line of request_ask(); what it is answered replaces host->out. The host stays as it is
   on an error, and is asked again over the same connection. */
int host_ask(struct host *host, const struct remote_options *options, const struct str *request,
	     struct err *err);

/* Confirm the node's network changes over a new connection, tried again for
   `seconds`; the one there is stays. */
int host_confirm(struct host *host, const struct remote_options *options, const char *token,
		 unsigned seconds, struct err *err);

void host_fail(struct host *host, const char *why); /* the first reason stays */
void host_disconnect(struct host *host);
void host_free(struct host *host);
#endif
