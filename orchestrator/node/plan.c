/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan, and status, which is a plan with the facts of the node. */
#include <stdio.h>

#include "node/conversation.h"
#include "node/facts.h"
#include "node/guard.h"
#include "system/node.h"

static int send_facts(struct conversation *conversation, struct node *node, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	json_t *facts = facts_collect(node, err);
	if (facts == NULL)
		return err_context(err, "facts");
	message_facts(&line, facts);
	json_decref(facts);
	return conversation_send(conversation, &line, err);
}

static int send_plan(struct conversation *conversation, struct node *node,
		     const struct slice *slice, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct plan plan;
	int rc = 0;
	if (plan_make(node, slice, &plan, err) != 0)
		return -1;
	for (size_t i = 0; i < plan.count; i++)
		message_step(&line, &plan.items[i]);
	for (size_t i = 0; i < plan.warning_count; i++)
		message_warning(&line, plan.warnings[i].kind->name, plan.warnings[i].id,
				plan.warnings[i].text);
	message_done(&line, plan.kept);
	rc = conversation_send(conversation, &line, err);
	plan_free(&plan);
	return rc;
}

/* The operator sees stderr: this is why what was applied is to be applied again. */
static void tell_taken_back(const struct conversation *conversation)
{
	AUTO_STR struct str text = STR_INIT;
	guard_last(conversation->run_dir, &text);
	fputs(str_text(&text), stderr);
}

static int observe(struct conversation *conversation, bool with_facts, struct err *err)
{
	struct request request;
	struct node node;
	int rc = 0;
	if (conversation_expect(conversation, REQUEST_SLICE, &request, err) != 0)
		return -1;
	tell_taken_back(conversation);
	node_init(&node, request.slice.site, request.slice.node);
	/* Facts first: they are worth having even if a source cannot be read. */
	if (with_facts)
		rc = send_facts(conversation, &node, err);
	if (rc == 0)
		rc = send_plan(conversation, &node, &request.slice, err);
	node_free(&node);
	request_free(&request);
	return rc;
}

int verb_plan(struct conversation *conversation, struct err *err)
{
	return observe(conversation, false, err);
}

int verb_status(struct conversation *conversation, struct err *err)
{
	return observe(conversation, true, err);
}

int verb_facts(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct node node;
	node_init(&node, "", "");
	int rc = send_facts(conversation, &node, err);
	node_free(&node);
	message_done(&line, 0);
	return rc == 0 ? conversation_send(conversation, &line, err) : -1;
}
