/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"
#include "engine/plan.h"
#include "kinds/firewall/spec.h"
#include "system/firewall.h"
#include "system/nft.h"

static int firewall_list(struct node *node, struct text_list *owned, struct err *err)
{
	struct firewall_seen seen;
	(void)node;
	if (firewall_get(&seen, err) != 0)
		return -1;
	if (seen.name != NULL)
		text_list_add(owned, seen.name);
	firewall_seen_free(&seen);
	return 0;
}

static int firewall_observe(struct node *node, const char *id, const struct spec *want,
			    struct spec *have, bool *found, struct err *err)
{
	struct firewall *body = have->body;
	struct firewall_seen seen;
	(void)node;
	(void)want;
	if (firewall_get(&seen, err) != 0)
		return -1;
	*found = text_equal(seen.name, id);
	if (*found) {
		body->name = xstrdup(seen.name);
		text_list_copy(&body->rules, &seen.rules);
	}
	firewall_seen_free(&seen);
	return 0;
}

static int firewall_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct firewall *want = step->want->body;
	(void)node;
	json_t *json = firewall_replace(want->name, &want->rules, err);
	return json ? nft_run(json, err) : -1;
}

static int firewall_remove(struct node *node, const char *id, struct err *err)
{
	struct firewall_seen seen;
	(void)node;
	if (firewall_get(&seen, err) != 0)
		return -1;
	/* Another one may have taken its place. */
	int rc = text_equal(seen.name, id) ? nft_run(firewall_take_away(), err) : 0;
	firewall_seen_free(&seen);
	return rc;
}

const struct kind_node firewall_node = {
	.name = "firewall",
	.list = firewall_list,
	.observe = firewall_observe,
	.apply = firewall_apply,
	.remove = firewall_remove,
};
