/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/masquerade/spec.h"

#include "engine/plan.h"

#define AT(member) offsetof(struct masquerade, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 63, NULL, NULL, "name of the rule" },
	{ "from", FIELD_CIDR, AT(from), FIELD_REQUIRED, 0, 0, NULL, NULL,
	  "source network: \"10.77.30.0/24\"" },
	{ "out", FIELD_NAME, AT(out), FIELD_REQUIRED, 1, 15, NULL, NULL,
	  "interface the packets leave through: boot0, a network or a bridge of the node" },
	FIELD_END
};

static bool is_link(const struct site *site, const struct site_node *node, const char *name)
{
	const struct network *network = site_find_network(site, name);
	return text_equal(name, "boot0") || spec_list_find(&node->wants, "vlan", name) ||
	       spec_list_find(&node->wants, "bridge", name) ||
	       (network && network->vlan != 0 && site_node_address(node, name));
}

/* The interfaces the node has by its configuration. */
static void links_text(const struct site_node *node, struct str *out)
{
	str_add(out, "boot0");
	for (size_t i = 0; i < node->address_count; i++)
		if (node->addresses[i].network && node->addresses[i].network->vlan != 0)
			str_addf(out, ", %s", node->addresses[i].network->name);
	for (size_t i = 0; i < node->wants.count; i++) {
		const struct spec *spec = &node->wants.items[i];
		if (text_equal(spec->kind->name, "vlan") || text_equal(spec->kind->name, "bridge"))
			str_addf(out, ", %s", spec->id);
	}
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct masquerade *rule = want->body;
	if (node == NULL || rule->name == NULL || rule->out == NULL)
		return;
	if (!is_link(site, node, rule->out)) {
		AUTO_STR struct str there = STR_INIT;
		links_text(node, &there);
		mistake_add(mistakes, want->place,
			    "masquerade %s: out: this node has no interface %s; it has %s",
			    rule->name, rule->out, str_text(&there));
	}
	for (size_t i = 0; i < node->wants.count; i++) {
		const struct spec *other = &node->wants.items[i];
		const struct masquerade *body = other->body;
		if (other == want)
			break; /* reported at the later of two */
		if (other->kind == want->kind && text_equal(body->from, rule->from) &&
		    text_equal(body->out, rule->out))
			mistake_add(mistakes, want->place,
				    "masquerade %s: from %s out %s is already masquerade %s",
				    rule->name, rule->from, rule->out, body->name);
	}
}

const struct kind_spec masquerade_spec = {
	.name = "masquerade",
	.section = "masquerades",
	.doc = "source address translation for a network behind this node",
	.example = "{ name = \"guests\"; from = \"10.77.30.0/24\"; out = \"boot0\"; }",
	.size = sizeof(struct masquerade),
	.fields = FIELDS,
	.in_status = true,
	.check = check,
};
