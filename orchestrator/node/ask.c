/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask: what a resource says from inside, in pieces as the output of `run` is. */
#include "engine/kind.h"
#include "node/conversation.h"
#include "system/node.h"

enum { ANSWER_MAX = 16 * 1024 * 1024 }; /* it is somebody else's who answers */

static int find_answer(const struct request *request, struct str *answer, struct err *err)
{
	struct node node;
	const struct kind_node *kind = kind_node_find(request->kind);
	if (kind == NULL || kind->ask == NULL)
		return err_set(err, "a %s says nothing of itself", request->kind);
	node_init(&node, "", "");
	int rc = kind->ask(&node, request->id, answer, err);
	node_free(&node);
	if (rc == 0 && answer->length > ANSWER_MAX)
		return err_set(err, "%s says more than %d MiB", request->id,
			       ANSWER_MAX / (1024 * 1024));
	return rc;
}

int verb_ask(struct conversation *conversation, struct err *err)
{
	enum { PIECE = PROTOCOL_OUTPUT_MAX };
	AUTO_STR struct str answer = STR_INIT;
	AUTO_STR struct str line = STR_INIT;
	struct request request;
	if (conversation_expect(conversation, REQUEST_ASK, &request, err) != 0)
		return -1;
	int rc = find_answer(&request, &answer, err);
	request_free(&request);
	for (size_t at = 0; rc == 0 && at < answer.length; at += PIECE) {
		size_t left = answer.length - at;
		message_output(&line, false, answer.data + at, left < PIECE ? left : PIECE);
		rc = conversation_send(conversation, &line, err);
	}
	message_done(&line, 0);
	return rc == 0 ? conversation_send(conversation, &line, err) : -1;
}
