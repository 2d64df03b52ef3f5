/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/apply.h"

#include <time.h>

#include "node/conversation.h"
#include "node/guard.h"
#include "node/lock.h"
#include "system/node.h"

/* What one apply works with. */
struct apply {
	struct conversation *conversation;
	struct node *node;
	const struct slice *slice;
	struct guard guard;
	int lock;
	const struct request *step; /* that is carried out */
	time_t told;		    /* when moyai heard last that it still is; 0: not yet */
};

enum { STILL_EVERY_S = 10 };

static void tell_still(void *context)
{
	struct apply *apply = context;
	AUTO_STR struct str line = STR_INIT;
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (apply->told != 0 && now.tv_sec < apply->told + STILL_EVERY_S)
		return;
	apply->told = now.tv_sec;
	message_still(&line, apply->step->kind, apply->step->id);
	/* With nobody to tell, it is carried out as well. */
	conversation_send(apply->conversation, &line, NULL);
}

/* One step. A failure is an event and not the end: its siblings go on. */
static int go(struct apply *apply, const struct request *request, struct err *err)
{
	struct conversation *conversation = apply->conversation;
	AUTO_STR struct str line = STR_INIT;
	struct err why = ERR_INIT;
	if (guard_hold(&apply->guard, err) != 0)
		return -1;
	message_start(&line, request->kind, request->id);
	/* Nobody to tell: nobody to ask for this step either. */
	if (conversation_is_gone(conversation) || conversation_send(conversation, &line, err) != 0)
		return err_set(err, "nobody listens any more");
	apply->step = request;
	apply->told = 0;
	if (apply_step(apply->node, apply->slice, request->kind, request->id, request->digest,
		       &why) == 0)
		message_ok(&line, request->kind, request->id);
	else
		message_failed(&line, request->kind, request->id, why.text);
	guard_let_go(&apply->guard);
	return conversation_send(conversation, &line, err);
}

static int arm(struct apply *apply, const struct request *request, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	/* The one before may have been confirmed since. */
	if (guard_hold(&apply->guard, err) != 0 ||
	    guard_arm(&apply->guard, apply->node, apply->slice, apply->conversation->run_dir,
		      request->token, request->seconds, apply->lock, err) != 0)
		return -1;
	message_armed(&line);
	return conversation_send(apply->conversation, &line, err);
}

/* Steps until `end`. */
static int go_on(struct apply *apply, struct err *err)
{
	for (;;) {
		struct request request;
		int rc = conversation_next(apply->conversation, &request, err);
		if (rc == 0)
			return err_set(err, "the stream ended before \"end\"");
		if (rc < 0)
			return -1;
		enum request_type type = request.type;
		if (type == REQUEST_GO)
			rc = go(apply, &request, err);
		else if (type == REQUEST_ARM)
			rc = arm(apply, &request, err);
		request_free(&request);
		if (type == REQUEST_END)
			return 0;
		if (type != REQUEST_GO && type != REQUEST_ARM)
			return err_set(err,
				       "only \"go\", \"arm\" and \"end\" can follow the slice");
		if (rc < 0)
			return -1;
	}
}

/* A guard that somebody's apply left behind has the lock; it ends when it is confirmed. */
static int take_lock(const char *run_dir, const char *who, struct err *err)
{
	enum { TRIES = 20, PAUSE_MS = 50 };
	int lock = lock_take(run_dir, who, err);
	if (lock >= 0 || !guard_adopt(run_dir))
		return lock;
	for (int i = 0; lock < 0 && i < TRIES; i++) {
		nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
		lock = lock_take(run_dir, who, err);
	}
	return lock;
}

int verb_apply(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct request request;
	struct node node;
	if (conversation_expect(conversation, REQUEST_SLICE, &request, err) != 0)
		return -1;
	int lock = take_lock(conversation->run_dir, request.slice.who, err);
	int rc = -1;
	if (lock >= 0) {
		struct apply apply = { .conversation = conversation,
				       .node = &node,
				       .slice = &request.slice,
				       .guard = GUARD_INIT,
				       .lock = lock };
		node_init(&node, request.slice.site, request.slice.node);
		node.still = tell_still;
		node.context = &apply;
		rc = guard_forget(conversation->run_dir, err);
		if (rc == 0)
			rc = go_on(&apply, err);
		node_free(&node);
		/* One that still waits has the lock from now on. */
		if (!guard_leave(&apply.guard))
			lock_release(lock);
	}
	request_free(&request);
	message_done(&line, 0);
	return rc == 0 ? conversation_send(conversation, &line, err) : -1;
}

/* Over a connection of its own: that it came is what it proves. */
int verb_confirm(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct request request;
	if (conversation_expect(conversation, REQUEST_CONFIRM, &request, err) != 0)
		return -1;
	int rc = guard_confirm(conversation->run_dir, request.token, err);
	request_free(&request);
	message_done(&line, 0);
	return rc == 0 ? conversation_send(conversation, &line, err) : -1;
}
