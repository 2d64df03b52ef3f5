/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/apply.h"

#include "node/conversation.h"
#include "node/lock.h"
#include "system/node.h"

/* One step. A failure is an event and not the end: its siblings go on. */
static int go(struct conversation *conversation, struct node *node, const struct slice *slice,
	      const struct request *request, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct err why = ERR_INIT;
	message_start(&line, request->kind, request->id);
	/* Nobody to tell: nobody to ask for this step either. */
	if (conversation_is_gone(conversation) || conversation_send(conversation, &line, err) != 0)
		return err_set(err, "nobody listens any more");
	if (apply_step(node, slice, request->kind, request->id, request->digest, &why) == 0)
		message_ok(&line, request->kind, request->id);
	else
		message_failed(&line, request->kind, request->id, why.text);
	return conversation_send(conversation, &line, err);
}

/* Steps until `end`. */
static int go_on(struct conversation *conversation, struct node *node, const struct slice *slice,
		 struct err *err)
{
	for (;;) {
		struct request request;
		int rc = conversation_next(conversation, &request, err);
		if (rc == 0)
			return err_set(err, "the stream ended before \"end\"");
		if (rc < 0)
			return -1;
		enum request_type type = request.type;
		if (type == REQUEST_GO)
			rc = go(conversation, node, slice, &request, err);
		request_free(&request);
		if (type == REQUEST_END)
			return 0;
		if (type != REQUEST_GO)
			return err_set(err, "only \"go\" and \"end\" can follow the slice");
		if (rc < 0)
			return -1;
	}
}

int verb_apply(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct request request;
	struct node node;
	if (conversation_expect(conversation, REQUEST_SLICE, &request, err) != 0)
		return -1;
	int lock = lock_take(conversation->run_dir, err);
	int rc = -1;
	if (lock >= 0) {
		node_init(&node, request.slice.site, request.slice.node);
		rc = go_on(conversation, &node, &request.slice, err);
		node_free(&node);
		lock_release(lock);
	}
	request_free(&request);
	message_done(&line, 0);
	return rc == 0 ? conversation_send(conversation, &line, err) : -1;
}
