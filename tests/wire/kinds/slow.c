/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A kind that comes true some time after it was applied. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "system/node.h"
#include "tests/wire/kinds/store.h"

struct slow {
	char *name;
	char *value;
	uint64_t delay_ms;
};

static const struct field FIELDS[] = {
	{ .name = "name",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct slow, name),
	  .flags = FIELD_REQUIRED,
	  .doc = "id" },
	{ .name = "value",
	  .type = FIELD_TEXT,
	  .offset = offsetof(struct slow, value),
	  .doc = "seen only after the delay" },
	{ .name = "delay",
	  .type = FIELD_NUMBER,
	  .offset = offsetof(struct slow, delay_ms),
	  .flags = FIELD_VOLATILE,
	  .doc = "milliseconds" },
	FIELD_END,
};

const struct kind_spec slow_spec = {
	.name = "slow",
	.section = "slows",
	.doc = "takes its time",
	.size = sizeof(struct slow),
	.fields = FIELDS,
};

static uint64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int list(struct node *node, struct text_list *owned, struct err *err)
{
	return store_list("slow", node->site, owned, err);
}

static int observe(struct node *node, const char *id, const struct spec *want, struct spec *have,
		   bool *found, struct err *err)
{
	AUTO_FREE char *path = store_path("slow", id, "ready");
	AUTO_STR struct str ready = STR_INIT;
	struct slow *slow = have->body;
	(void)node;
	(void)want;
	if (store_observe(&slow_spec, id, have, found, err) != 0)
		return -1;
	if (!*found || (file_exists(path) && file_read(path, 64, &ready, err) == 0 &&
			strtoull(str_text(&ready), NULL, 10) <= now_ms()))
		return 0;
	free(slow->value);
	slow->value = NULL;
	return 0;
}

static int apply(struct node *node, const struct step *step, struct err *err)
{
	const struct slow *want = step->want->body;
	AUTO_STR struct str ready = STR_INIT;
	str_addf(&ready, "%" PRIu64, want->delay_ms ? now_ms() + want->delay_ms : 0);
	if (store_begin(node->site, step, err) != 0 || store_fields(step, err) != 0)
		return -1;
	return store_put("slow", step->id, "ready", &ready, err);
}

static int remove_slow(struct node *node, const char *id, struct err *err)
{
	node_still(node);
	node_still(node); /* too early to be told */
	return store_remove("slow", id, err);
}

const struct kind_node slow_node = {
	.name = "slow",
	.list = list,
	.observe = observe,
	.apply = apply,
	.remove = remove_slow,
	.settle_ms = 300,
};
