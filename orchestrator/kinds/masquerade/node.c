/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/node.h"
#include "engine/plan.h"
#include "kinds/masquerade/spec.h"
#include "system/nft.h"

static int masquerade_list(struct node *node, struct text_list *owned, struct err *err)
{
	struct nft_rules rules = { 0 };
	if (nft_rules_get(node, &rules, err) != 0)
		return -1;
	for (size_t i = 0; i < rules.count; i++)
		if (!text_list_has(owned, rules.items[i].name))
			text_list_add(owned, rules.items[i].name);
	nft_rules_free(&rules);
	return 0;
}

static int masquerade_observe(struct node *node, const char *id, const struct spec *want,
			      struct spec *have, bool *found, struct err *err)
{
	struct masquerade *body = have->body;
	struct nft_rules rules = { 0 };
	size_t seen = 0;
	(void)want;
	if (nft_rules_get(node, &rules, err) != 0)
		return -1;
	for (size_t i = 0; i < rules.count; i++) {
		const struct nft_rule *rule = &rules.items[i];
		if (!text_equal(rule->name, id) || seen++ > 0)
			continue;
		body->name = xstrdup(id);
		/* A rule in a chain that no packet passes translates nothing. */
		body->from = xstrdup(rules.whole ? rule->from : NULL);
		body->out = xstrdup(rules.whole ? rule->out : NULL);
	}
	if (seen > 1) { /* twice the same is not as wanted either */
		cleanup_free(&body->from);
		body->from = NULL;
	}
	*found = seen > 0;
	nft_rules_free(&rules);
	return 0;
}

static int masquerade_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct masquerade *want = step->want->body;
	struct nft_rules rules = { 0 };
	if (nft_rules_get(node, &rules, err) != 0)
		return -1;
	json_t *json = nft_replace(&rules, want->name, want->from, want->out, err);
	nft_rules_free(&rules);
	return json ? nft_run(json, err) : -1;
}

static int masquerade_remove(struct node *node, const char *id, struct err *err)
{
	struct nft_rules rules = { 0 };
	bool there = false;
	if (nft_rules_get(node, &rules, err) != 0)
		return -1;
	for (size_t i = 0; i < rules.count; i++)
		there = there || text_equal(rules.items[i].name, id);
	int rc = there ? nft_run(nft_take_away(&rules, id), err) : 0;
	nft_rules_free(&rules);
	return rc;
}

const struct kind_node masquerade_node = {
	.name = "masquerade",
	.list = masquerade_list,
	.observe = masquerade_observe,
	.apply = masquerade_apply,
	.remove = masquerade_remove,
};
