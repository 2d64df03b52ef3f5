/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/host.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/utf8.h"
#include "remote/pipe.h"
#include "remote/refuse.h"

enum {
	NODE_PROGRAM_MAX = 64 * 1024 * 1024, /* with its debug information it is below 10 MiB */
	OUTPUT_MAX = 64 * 1024 * 1024,	     /* of a command under `run`, per stream */
	CONFIRM_PAUSE_S = 1,		     /* between two tries */
	ANSWER_MAX = 64 * 1024 * 1024,	     /* of moyai-node in any other phase */
};

void host_fail(struct host *host, const char *why)
{
	AUTO_STR struct str visible = STR_INIT;
	if (host->failed)
		return;
	/* It goes into JSON, and what a node said may have been cut in a character. */
	utf8_add_visible(&visible, why, strlen(why));
	host->failed = str_take(&visible);
}

void host_disconnect(struct host *host)
{
	link_close(host->link);
	host->link = NULL;
}

static void steps_free(struct host *host)
{
	for (size_t i = 0; i < host->step_count; i++) {
		struct message message = { .type = MESSAGE_STEP, .step = host->steps[i] };
		message_free(&message);
	}
	free(host->steps);
	host->steps = NULL;
	host->step_count = 0;
	text_list_free(&host->warnings);
}

void host_free(struct host *host)
{
	if (host == NULL)
		return;
	host_disconnect(host);
	steps_free(host);
	free(host->failed);
	json_decref(host->facts);
	str_free(&host->out);
	str_free(&host->errors);
	str_free(&host->messages);
}

/* ---- connection ---- */

static int host_connect(struct host *host, const struct remote_options *options, const bool *stop,
			struct err *err)
{
	if (host->link)
		return 0;
	if (options->transport)
		host->link = pipe_link_open(options->transport, host->name, err);
	else
		host->link =
			ssh_link_open(&options->ssh, host->name,
				      site_node_boot_address(options->site, host->node), stop, err);
	return host->link ? 0 : -1;
}

/* ---- one stream ---- */

/* stderr often says more than the stream: the last line of it. */
static int ended_early(const struct stream *stream, struct err *err)
{
	const char *text = str_text(&stream->errors);
	size_t length = strlen(text);
	while (length > 0 && text[length - 1] == '\n')
		length--;
	size_t start = length;
	while (start > 0 && text[start - 1] != '\n')
		start--;
	if (length == 0)
		return err_set(err, "the stream ended early");
	AUTO_STR struct str last = STR_INIT;
	utf8_add_visible(&last, text + start, length - start);
	return err_set(err, "the stream ended early: %s", str_text(&last));
}

int host_message(struct stream *stream, unsigned timeout_ms, struct message *message,
		 struct err *err)
{
	char *line;
	size_t length;
	int got = stream_read_line(stream, timeout_ms, &line, &length, err);
	if (got < 0)
		return -1;
	if (got == 0)
		return ended_early(stream, err);
	struct message read;
	if (message_decode(line, length, &read, err) != 0)
		return -1;
	if (read.type == MESSAGE_ERROR) {
		err_set(err, "%s", read.error);
		message_free(&read);
		return -1;
	}
	*message = read;
	return 0;
}

void host_end(struct host *host, struct stream *stream)
{
	if (stream == NULL)
		return;
	str_add_bytes(&host->messages, str_text(&stream->errors), stream->errors.length);
	stream_close(stream);
}

static struct stream *start(struct host *host, const struct remote_options *options,
			    const char *verb, const bool *stop, struct err *err)
{
	const char *words[] = { PROTOCOL_NODE_PROGRAM, options->build, verb, NULL };
	return link_exec(host->link, words, stop, err);
}

/* Addresses are pinned, and two machines may have changed places since. */
static int check_name(const struct host *host, const struct remote_options *options,
		      const struct message *hello, struct err *err)
{
	if (strcmp(hello->node, host->name) == 0)
		return 0;
	AUTO_STR struct str said = STR_INIT;
	utf8_add_visible(&said, hello->node, strlen(hello->node));
	return err_set(err, "the machine at %s calls itself %s, not %s; boot it again",
		       site_node_boot_address(options->site, host->node), str_text(&said),
		       host->name);
}

/* hello of the machine that is meant, whatever its build. */
static int read_hello(const struct host *host, const struct remote_options *options,
		      struct stream *stream, struct message *hello, struct err *err)
{
	struct message message;
	if (host_message(stream, options->answer_timeout_ms, &message, err) != 0)
		return -1;
	int rc = message.type == MESSAGE_HELLO
			 ? check_name(host, options, &message, err)
			 : err_set(err, "the node said \"%s\" before \"hello\"",
				   message_type_text(message.type));
	if (rc == 0)
		*hello = message;
	else
		message_free(&message);
	return rc;
}

/* hello of one that does the phase, or asks for our build to do it with. */
static int accept_hello(const struct host *host, const struct remote_options *options,
			struct stream *stream, bool *build_wanted, struct err *err)
{
	struct message hello;
	if (read_hello(host, options, stream, &hello, err) != 0)
		return -1;
	int rc = 0;
	*build_wanted = hello.build_wanted;
	if (!hello.build_wanted && strcmp(hello.build, options->build) != 0)
		rc = err_set(err, "the node runs build %.12s instead of %.12s", hello.build,
			     options->build);
	message_free(&hello);
	return rc;
}

int host_done(struct stream *stream, unsigned timeout_ms, struct err *err)
{
	struct message message;
	if (host_message(stream, timeout_ms, &message, err) != 0)
		return -1;
	int rc = message.type == MESSAGE_DONE
			 ? 0
			 : err_set(err, "the node said \"%s\" instead of \"done\"",
				   message_type_text(message.type));
	message_free(&message);
	return rc;
}

static int send_build(struct host *host, const struct remote_options *options, const bool *stop,
		      struct err *err)
{
	AUTO_STR struct str bytes = STR_INIT;
	if (file_read(options->node_program, NODE_PROGRAM_MAX, &bytes, err) != 0)
		return -1;
	struct stream *stream = start(host, options, "receive", stop, err);
	struct message hello = { 0 };
	if (stream == NULL)
		return -1;
	/* No secret is in it, and hello was good a moment ago: it need not wait. */
	int rc = stream_write(stream, bytes.data, bytes.length, options->answer_timeout_ms, err);
	if (rc == 0)
		rc = stream_end_input(stream, err);
	if (rc == 0)
		rc = read_hello(host, options, stream, &hello, err);
	if (rc == 0)
		rc = host_done(stream, options->answer_timeout_ms, err);
	message_free(&hello);
	host_end(host, stream);
	return rc;
}

static int send_request(struct stream *stream, const struct remote_options *options,
			const struct str *request, struct err *err)
{
	if (request == NULL)
		return 0;
	return stream_write(stream, request->data, request->length, options->answer_timeout_ms,
			    err);
}

static struct stream *begin_once(struct host *host, const struct remote_options *options,
				 const char *verb, const struct str *request, const bool *stop,
				 bool *build_wanted, struct err *err)
{
	struct stream *stream = start(host, options, verb, stop, err);
	if (stream == NULL)
		return NULL;
	/* The request waits for hello: a slice has secrets in it, a command is executed
	   at once, and neither is for another machine. */
	if (accept_hello(host, options, stream, build_wanted, err) == 0 &&
	    (*build_wanted || send_request(stream, options, request, err) == 0))
		return stream;
	host_end(host, stream);
	return NULL;
}

struct stream *host_begin(struct host *host, const struct remote_options *options, const char *verb,
			  const struct str *request, const bool *stop, struct err *err)
{
	bool build_wanted = false;
	bool was_connected = host->link != NULL;
	host->unreachable = true;
	if (host_connect(host, options, stop, err) != 0)
		return NULL;
	struct stream *stream = begin_once(host, options, verb, request, stop, &build_wanted, err);
	if (stream == NULL && was_connected) {
		/* A connection kept while the operator read the plan may be gone. */
		host_disconnect(host);
		if (host_connect(host, options, stop, err) != 0)
			return NULL;
		stream = begin_once(host, options, verb, request, stop, &build_wanted, err);
	}
	if (stream && build_wanted) {
		host_end(host, stream);
		stream = NULL;
		if (send_build(host, options, stop, err) != 0) {
			err_context(err, "sending our moyai-node");
			return NULL;
		}
		stream = begin_once(host, options, verb, request, stop, &build_wanted, err);
		if (stream && build_wanted) {
			host_end(host, stream);
			err_set(err, "the node does not take our moyai-node");
			return NULL;
		}
	}
	host->unreachable = stream == NULL;
	return stream;
}

/* ---- phases ---- */

/* The scopes of the command line that concern this node. */
static void add_consent(const struct host *host, const struct remote_options *options,
			struct slice *slice)
{
	size_t length = strlen(host->name);
	for (size_t i = 0; options->allow_data_loss && i < options->allow_data_loss->count; i++) {
		const char *scope = options->allow_data_loss->items[i];
		if (strncmp(scope, host->name, length) == 0 &&
		    (scope[length] == '\0' || scope[length] == '/'))
			text_list_add(&slice->consent, scope);
	}
}

/* A name of the system's, in whatever bytes. */
static void add_who(const struct remote_options *options, struct slice *slice)
{
	AUTO_STR struct str visible = STR_INIT;
	if (options->who == NULL)
		return;
	utf8_add_visible(&visible, options->who, strlen(options->who));
	slice->who = str_take(&visible);
}

int host_slice_line(const struct host *host, const struct remote_options *options, struct str *line,
		    struct err *err)
{
	struct slice slice = { 0 };
	const struct derive from = { .site = options->site,
				     .node = host->node,
				     .key = options->key,
				     .images = options->images,
				     .images_url = options->images_url };
	if (slice_make(&from, &slice, err) != 0)
		return -1;
	add_consent(host, options, &slice);
	add_who(options, &slice);
	int rc = request_slice(line, &slice, err);
	slice_free(&slice);
	return rc;
}

static void add_step(struct host *host, struct remote_step *step)
{
	host->steps = xrealloc(host->steps, host->step_count + 1, sizeof(*host->steps));
	host->steps[host->step_count++] = *step;
	*step = (struct remote_step){ 0 };
}

/* It is kept until all hosts have ended, to be folded: there is a limit. */
static int add_output(struct host *host, const struct message *message, struct err *err)
{
	struct str *to = message->is_stderr ? &host->errors : &host->out;
	if (to->length + message->output.length > OUTPUT_MAX)
		return err_set(err, "the command wrote more than %d MiB",
			       OUTPUT_MAX / (1024 * 1024));
	str_add_bytes(to, str_text(&message->output), message->output.length);
	return 0;
}

/* Takes what it keeps out of the message. 1 at the end. */
static int take(struct host *host, struct message *message, unsigned allowed, struct err *err)
{
	bool again = (message->type == MESSAGE_FACTS && host->facts) ||
		     (message->type == MESSAGE_EXIT && host->exit_code >= 0);
	if (again || !(allowed & 1u << message->type))
		return err_set(err, "the node said \"%s\" out of turn",
			       message_type_text(message->type));
	switch (message->type) {
	case MESSAGE_STEP:
		add_step(host, &message->step);
		return 0;
	case MESSAGE_WARNING:
		text_list_take(&host->warnings,
			       xasprintf("%s %s: %s", message->kind, message->id, message->error));
		return 0;
	case MESSAGE_FACTS:
		host->facts = message->facts;
		message->facts = NULL;
		return 0;
	case MESSAGE_OUTPUT:
		return add_output(host, message, err);
	case MESSAGE_EXIT:
		host->exit_code = message->exit_code;
		return 0;
	default: /* done: nothing else is allowed */
		host->kept = message->kept;
		return 1;
	}
}

static int phase(struct host *host, const struct remote_options *options, const char *verb,
		 const struct str *request, unsigned timeout_ms, unsigned allowed, struct err *err)
{
	struct stream *stream = host_begin(host, options, verb, request, options->stop, err);
	if (stream == NULL)
		return -1;
	if (request == NULL && stream_end_input(stream, err) != 0) {
		host_end(host, stream);
		return -1;
	}
	int rc = 0;
	while (rc == 0) {
		struct message message;
		rc = host_message(stream, timeout_ms, &message, err);
		if (rc != 0)
			break;
		if (message.type == MESSAGE_STEP &&
		    !refuse_step(host->name, options, &message.step)) {
			message_free(&message);
			continue;
		}
		rc = take(host, &message, allowed | 1u << MESSAGE_DONE, err);
		/* The output of a command has a limit of its own. */
		if (rc == 0 && !(allowed & 1u << MESSAGE_OUTPUT) && stream->received > ANSWER_MAX)
			rc = err_set(err, "the node said more than %d MiB",
				     ANSWER_MAX / (1024 * 1024));
		message_free(&message);
	}
	host_end(host, stream);
	return rc < 0 ? -1 : 0;
}

static int check_facts(const struct host *host, unsigned allowed, struct err *err)
{
	if (host->facts || !(allowed & 1u << MESSAGE_FACTS))
		return 0;
	return err_set(err, "the node did not say its facts");
}

static void slice_phase(struct host *host, const struct remote_options *options, const char *verb,
			unsigned allowed)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str line = STR_INIT;
	if (host_slice_line(host, options, &line, &err) == 0 &&
	    phase(host, options, verb, &line, options->answer_timeout_ms, allowed, &err) == 0 &&
	    check_facts(host, allowed, &err) == 0)
		return;
	host_fail(host, err.text);
	steps_free(host); /* a part of a plan is no plan */
	host_disconnect(host);
}

void host_ask_power(struct host *host, const struct remote_options *options)
{
	if (host->failed == NULL || !host->unreachable || options->is_off == NULL)
		return;
	host->off = options->is_off(options->context, host->node);
	if (!host->off)
		return;
	free(host->failed);
	host->failed = xstrdup("it is switched off, as its BMC says");
}

void host_plan(struct host *host, const struct remote_options *options)
{
	slice_phase(host, options, "plan", 1u << MESSAGE_STEP | 1u << MESSAGE_WARNING);
}

void host_status(struct host *host, const struct remote_options *options)
{
	slice_phase(host, options, "status",
		    1u << MESSAGE_STEP | 1u << MESSAGE_WARNING | 1u << MESSAGE_FACTS);
	host_disconnect(host);
}

void host_facts(struct host *host, const struct remote_options *options)
{
	struct err err = ERR_INIT;
	const unsigned allowed = 1u << MESSAGE_FACTS;
	if (phase(host, options, "facts", NULL, options->answer_timeout_ms, allowed, &err) != 0 ||
	    check_facts(host, allowed, &err) != 0)
		host_fail(host, err.text);
	host_disconnect(host);
}

void host_run(struct host *host, const struct remote_options *options, const struct str *request)
{
	struct err err = ERR_INIT;
	host->exit_code = -1;
	if (phase(host, options, "run", request, options->run_timeout_ms,
		  1u << MESSAGE_OUTPUT | 1u << MESSAGE_EXIT, &err) != 0)
		host_fail(host, err.text);
	else if (host->exit_code < 0)
		host_fail(host, "the node did not say how the command ended");
	host_disconnect(host);
}

int host_ask(struct host *host, const struct remote_options *options, const struct str *request,
	     struct err *err)
{
	str_clear(&host->out);
	str_clear(&host->errors);
	str_clear(&host->messages);
	int rc = phase(host, options, "ask", request, options->answer_timeout_ms,
		       1u << MESSAGE_OUTPUT, err);
	if (host->unreachable)
		host_disconnect(host);
	return rc;
}

static int confirm_once(struct host *host, const struct remote_options *options,
			const struct str *line, struct err *err)
{
	struct stream *stream = host_begin(host, options, "confirm", line, NULL, err);
	if (stream == NULL)
		return -1;
	int rc = host_done(stream, options->answer_timeout_ms, err);
	host_end(host, stream);
	return rc;
}

int host_confirm(struct host *host, const struct remote_options *options, const char *token,
		 unsigned seconds, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct link *changed_over = host->link;
	long deadline = stream_now_ms() + seconds * 1000L;
	int rc;
	request_confirm(&line, token);
	host->link = NULL;
	for (;;) {
		rc = confirm_once(host, options, &line, err);
		host_disconnect(host);
		/* A node that answers has decided. */
		if (rc == 0 || !host->unreachable || stream_now_ms() >= deadline)
			break;
		nanosleep(&(struct timespec){ .tv_sec = CONFIRM_PAUSE_S }, NULL);
	}
	host->link = changed_over;
	return rc;
}
