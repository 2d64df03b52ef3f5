/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What comes over the wire, in both directions: the first byte chooses the
 * side and how the stream is cut into pieces. What was understood must be
 * understood again when it is said once more.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "remote/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int condition)
{
	if (!condition)
		abort();
}

/* Every text of a message is there: nothing that was accepted is half. */
static void use_message(const struct message *message)
{
	AUTO_STR struct str again = STR_INIT;
	struct message second;
	switch (message->type) {
	case MESSAGE_HELLO:
		message_hello(&again, message->build, message->node, message->build_wanted);
		break;
	case MESSAGE_STEP:
		require(message->step.kind && message->step.id && message->step.digest);
		for (size_t i = 0; i < message->step.change_count; i++)
			require(message->step.changes[i].field != NULL);
		for (size_t i = 0; i < message->step.needs.count; i++)
			require(message->step.needs.items[i].id != NULL);
		return;
	case MESSAGE_FACTS:
		message_facts(&again, message->facts);
		break;
	case MESSAGE_ARMED:
		message_armed(&again);
		break;
	case MESSAGE_START:
		message_start(&again, message->kind, message->id);
		break;
	case MESSAGE_STILL:
		message_still(&again, message->kind, message->id);
		break;
	case MESSAGE_OK:
		message_ok(&again, message->kind, message->id);
		break;
	case MESSAGE_WARNING:
		message_warning(&again, message->kind, message->id, message->error);
		break;
	case MESSAGE_FAILED:
		message_failed(&again, message->kind, message->id, message->error);
		break;
	case MESSAGE_KEY:
		message_key(&again, message->key);
		break;
	case MESSAGE_READY:
		message_ready(&again);
		break;
	case MESSAGE_PERCENT:
		message_percent(&again, message->percent);
		break;
	case MESSAGE_OUTPUT:
		message_output(&again, message->is_stderr, message->output.data,
			       message->output.length);
		break;
	case MESSAGE_EXIT:
		message_exit(&again, message->exit_code);
		break;
	case MESSAGE_DONE:
		message_done(&again, message->kept);
		break;
	case MESSAGE_ERROR:
		message_error(&again, message->error);
		break;
	}
	require(message_decode(again.data, again.length - 1, &second, NULL) == 0);
	require(second.type == message->type);
	require(second.output.length == message->output.length);
	require(text_equal(second.id, message->id) && text_equal(second.error, message->error));
	message_free(&second);
}

static void use_request(const struct request *request)
{
	AUTO_STR struct str again = STR_INIT;
	struct request second;
	switch (request->type) {
	case REQUEST_SLICE:
		require(request_slice(&again, &request->slice, NULL) == 0);
		break;
	case REQUEST_GO:
		request_go(&again, request->kind, request->id, request->digest);
		break;
	case REQUEST_END:
		request_end(&again);
		break;
	case REQUEST_FILE:
		require(request->file.path && request->file.name);
		require(request_file(&again, &request->file, NULL) == 0);
		break;
	case REQUEST_ARM:
		request_arm(&again, request->token, request->seconds);
		break;
	case REQUEST_CONFIRM:
		request_confirm(&again, request->token);
		break;
	case REQUEST_ASK:
		request_ask(&again, request->kind, request->id);
		break;
	case REQUEST_ACCEPT:
		request_accept(&again, &request->peer);
		break;
	case REQUEST_MIGRATE:
		request_migrate(&again, &request->peer);
		break;
	case REQUEST_RUN:
		require(request_run(&again, request->argv.items, request->argv.count, NULL) == 0);
		break;
	}
	require(request_decode(again.data, again.length - 1, &second, NULL) == 0);
	require(second.type == request->type);
	require(second.argv.count == request->argv.count);
	require(second.slice.wants.count == request->slice.wants.count);
	require(text_equal(second.slice.who, request->slice.who));
	require(text_equal(second.id, request->id));
	require(text_equal(second.token, request->token));
	require(second.seconds == request->seconds);
	request_free(&second);
}

static int one_line(int to_node, const char *line, size_t length)
{
	struct err err = ERR_INIT;
	int rc;
	if (to_node) {
		struct request request;
		rc = request_decode(line, length, &request, &err);
		if (rc == 0) {
			use_request(&request);
			request_free(&request);
		}
	} else {
		struct message message;
		rc = message_decode(line, length, &message, &err);
		if (rc == 0) {
			use_message(&message);
			message_free(&message);
		}
	}
	/* A refusal always says why. */
	require(rc == 0 || err.text[0] != '\0');
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct line_reader reader = LINE_READER_INIT;
	if (size == 0)
		return 0;
	int to_node = data[0] & 1;
	size_t piece = (size_t)(data[0] >> 1) + 1;
	for (size_t at = 1; at < size; at += piece) {
		char *line;
		size_t length;
		int rc;
		line_feed(&reader, data + at, piece < size - at ? piece : size - at);
		while ((rc = line_next(&reader, &line, &length, NULL)) == 1) {
			require(line[length] == '\0');
			one_line(to_node, line, length);
		}
		require(rc == 0);
	}
	line_reader_free(&reader);
	return 0;
}
