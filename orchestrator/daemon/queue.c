/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/queue.h"

#include <stdlib.h>
#include <string.h>

static struct queue_node *node_of(struct queue *queue, const char *name)
{
	for (size_t i = 0; i < queue->count; i++)
		if (strcmp(queue->items[i].name, name) == 0)
			return &queue->items[i];
	queue->items = xrealloc(queue->items, queue->count + 1, sizeof(*queue->items));
	struct queue_node *node = &queue->items[queue->count++];
	*node = (struct queue_node){ .name = xstrdup(name),
				     .boot = xstrdup(""),
				     .question = xstrdup("") };
	return node;
}

static bool anybody_waits(const struct queue *queue)
{
	for (size_t i = 0; i < queue->count; i++)
		if (queue->items[i].state == QUEUE_WAITING)
			return true;
	return false;
}

static void let_wait(struct queue *queue, struct queue_node *node, int64_t now_ms)
{
	if (!anybody_waits(queue))
		queue->first_ms = now_ms;
	queue->last_ms = now_ms;
	node->state = QUEUE_WAITING;
}

static void set_text(char **text, const char *to)
{
	char *copy = xstrdup(to);
	free(*text);
	*text = copy;
}

enum queue_state queue_ask(struct queue *queue, const char *name, const char *boot,
			   const char *question, int64_t now_ms)
{
	struct queue_node *node = node_of(queue, name);
	bool booted = strcmp(node->boot, boot) != 0;
	bool same = !booted && strcmp(node->question, question) == 0;
	if (booted) {
		set_text(&node->boot, boot);
		node->failures = 0;
	} else if (!same && node->state == QUEUE_APPLIED &&
		   now_ms < node->done_ms + QUEUE_AGAIN_MS) {
		return QUEUE_WAITING; /* it asks on */
	}
	set_text(&node->question, question);
	switch (node->state) {
	case QUEUE_APPLIED:
		if (!same)
			let_wait(queue, node, now_ms);
		break;
	case QUEUE_RUNNING:
		node->booted = node->booted || booted;
		node->again = node->again || !same;
		break;
	case QUEUE_WAITING:
		break;
	case QUEUE_UNKNOWN:
		let_wait(queue, node, now_ms);
		break;
	case QUEUE_FAILED:
		if (booted || now_ms >= node->retry_ms)
			let_wait(queue, node, now_ms);
		break;
	}
	return node->state;
}

/* When the gathering ends. */
static int64_t due_ms(const struct queue *queue)
{
	int64_t gathered = queue->last_ms + QUEUE_GATHER_MS;
	int64_t patience = queue->first_ms + QUEUE_PATIENCE_MS;
	return gathered < patience ? gathered : patience;
}

bool queue_take(struct queue *queue, int64_t now_ms, struct text_list *names)
{
	if (queue->running || !anybody_waits(queue) || now_ms < due_ms(queue))
		return false;
	for (size_t i = 0; i < queue->count; i++) {
		struct queue_node *node = &queue->items[i];
		if (node->state != QUEUE_WAITING)
			continue;
		node->state = QUEUE_RUNNING;
		text_list_add(names, node->name);
	}
	queue->running = true;
	return true;
}

static void has_failed(struct queue_node *node, int64_t now_ms)
{
	int64_t pause_ms = QUEUE_RETRY_MIN_MS;
	for (unsigned i = 0; i < node->failures && pause_ms < QUEUE_RETRY_MAX_MS; i++)
		pause_ms *= 2;
	node->state = QUEUE_FAILED;
	node->failures++;
	node->retry_ms = now_ms + (pause_ms < QUEUE_RETRY_MAX_MS ? pause_ms : QUEUE_RETRY_MAX_MS);
}

void queue_done(struct queue *queue, const struct text_list *failed, int64_t now_ms)
{
	bool progress = false;
	for (size_t i = 0; i < queue->count; i++) {
		struct queue_node *node = &queue->items[i];
		if (node->state != QUEUE_RUNNING)
			continue;
		if (text_list_has(failed, node->name)) {
			has_failed(node, now_ms);
		} else {
			node->state = QUEUE_APPLIED;
			node->failures = 0;
			node->done_ms = now_ms;
			progress = true;
		}
		if (node->booted) {
			node->failures = 0;
			let_wait(queue, node, now_ms);
		} else if (node->again) {
			/* It asks on, and has its turn then. */
			node->state = QUEUE_FAILED;
			node->retry_ms = now_ms + QUEUE_AGAIN_MS;
		}
		node->booted = node->again = false;
	}
	for (size_t i = 0; progress && i < queue->count; i++)
		if (queue->items[i].failures > 0)
			queue->items[i].retry_ms = now_ms;
	queue->running = false;
}

void queue_outdated(struct queue *queue, int64_t now_ms)
{
	for (size_t i = 0; i < queue->count; i++) {
		struct queue_node *node = &queue->items[i];
		if (node->state == QUEUE_APPLIED && now_ms - node->done_ms < QUEUE_OVERLAP_MS)
			let_wait(queue, node, now_ms);
		else if (node->state == QUEUE_RUNNING)
			node->booted = true;
		else
			node->retry_ms = now_ms;
	}
}

int queue_wait_ms(const struct queue *queue, int64_t now_ms)
{
	if (queue->running || !anybody_waits(queue))
		return -1;
	int64_t left_ms = due_ms(queue) - now_ms;
	return left_ms > 0 ? (int)left_ms : 0;
}

const char *queue_state_text(enum queue_state state)
{
	static const char *const texts[] = {
		[QUEUE_UNKNOWN] = "unknown", [QUEUE_WAITING] = "waiting",
		[QUEUE_RUNNING] = "running", [QUEUE_FAILED] = "failed",
		[QUEUE_APPLIED] = "applied",
	};
	return texts[state];
}

void queue_free(struct queue *queue)
{
	for (size_t i = 0; i < queue->count; i++) {
		free(queue->items[i].name);
		free(queue->items[i].boot);
		free(queue->items[i].question);
	}
	free(queue->items);
	*queue = (struct queue){ 0 };
}
