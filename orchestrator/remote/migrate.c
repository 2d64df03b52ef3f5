/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/migrate.h"

#include <stdlib.h>

enum { KEY_SECONDS = 24 * 3600 }; /* longer than any move: it is taken away at the end of one */

/* The guest as it is to be there: both are told that. */
static int slice_line(const struct migration *migration, const struct remote_options *options,
		      struct str *line, struct err *err)
{
	struct slice slice = { 0 };
	const struct derive from = { .site = options->site,
				     .node = migration->to->node,
				     .key = options->key,
				     .images = options->images,
				     .images_url = options->images_url };
	if (slice_arriving(&from, migration->guest, &slice, err) != 0)
		return -1;
	slice.who = xstrdup(options->who);
	int rc = request_slice(line, &slice, err);
	slice_free(&slice);
	return rc;
}

/* The next event, which must be this one. */
static int expect(struct stream *stream, const struct remote_options *options,
		  enum message_type type, struct message *message, struct err *err)
{
	if (host_message(stream, options->answer_timeout_ms, message, err) != 0)
		return -1;
	if (message->type == type)
		return 0;
	err_set(err, "the node said \"%s\" instead of \"%s\"", message_type_text(message->type),
		message_type_text(type));
	message_free(message);
	return -1;
}

static int say(struct stream *stream, const struct remote_options *options, const struct str *line,
	       struct err *err)
{
	return stream_write(stream, line->data, line->length, options->answer_timeout_ms, err);
}

static int let_in(const struct migration *migration, const struct remote_options *options,
		  struct stream *to, char *key, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct message ready;
	const struct request_peer peer = { .address = (char *)(size_t)migration->from_address,
					   .key = key,
					   .seconds = KEY_SECONDS };
	request_accept(&line, &peer);
	if (say(to, options, &line, err) != 0 ||
	    expect(to, options, MESSAGE_READY, &ready, err) != 0)
		return err_context(err, "%s", migration->to->name);
	message_free(&ready);
	return 0;
}

static bool is_stopped(const struct remote_options *options)
{
	return options->stop && __atomic_load_n(options->stop, __ATOMIC_RELAXED);
}

/* Closing the stream before its end has it stay. */
static int follow(const struct migration *migration, const struct remote_options *options,
		  struct stream *from, struct err *err)
{
	for (;;) {
		struct message message;
		if (is_stopped(options))
			return err_set(err, "interrupted");
		if (host_message(from, options->step_timeout_ms, &message, err) != 0)
			return -1;
		enum message_type type = message.type;
		if (type == MESSAGE_PERCENT)
			migration->progress(migration->context, message.percent);
		message_free(&message);
		if (type == MESSAGE_DONE)
			return 0;
		if (type != MESSAGE_PERCENT)
			return err_set(err, "the node said \"%s\" out of turn",
				       message_type_text(type));
	}
}

static int talk(const struct migration *migration, const struct remote_options *options,
		struct stream *from, struct stream *to, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct message key;
	const struct request_peer peer = { .address = (char *)(size_t)migration->to_address,
					   .key = (char *)(size_t)migration->host_key };
	if (expect(from, options, MESSAGE_KEY, &key, err) != 0)
		return -1;
	int rc = let_in(migration, options, to, key.key, err);
	message_free(&key);
	request_migrate(&line, &peer);
	if (rc == 0)
		rc = say(from, options, &line, err);
	return rc == 0 ? follow(migration, options, from, err) : -1;
}

/* It goes on there. Without this word it does not; the key is taken away in either case. */
static int finish(const struct remote_options *options, struct stream *to, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	request_end(&line);
	return say(to, options, &line, err) == 0 ? host_done(to, options->answer_timeout_ms, err)
						 : -1;
}

int migrate(const struct migration *migration, const struct remote_options *options,
	    struct err *err)
{
	AUTO_STR struct str slice = STR_INIT;
	struct host *from_host = migration->from;
	struct host *to_host = migration->to;
	if (slice_line(migration, options, &slice, err) != 0)
		return -1;
	struct stream *from = host_begin(from_host, options, "migrate", &slice, options->stop, err);
	if (from == NULL)
		return err_context(err, "%s", from_host->name);
	struct stream *to = host_begin(to_host, options, "accept", &slice, options->stop, err);
	int rc = to ? talk(migration, options, from, to, err)
		    : err_context(err, "%s", to_host->name);
	host_end(from_host, from);
	struct err late = ERR_INIT;
	/* It has the guest nevertheless, and an apply has it go on. */
	if (rc == 0 && finish(options, to, &late) != 0)
		host_fail(to_host, late.text);
	host_end(to_host, to);
	host_disconnect(from_host);
	host_disconnect(to_host);
	return rc;
}
