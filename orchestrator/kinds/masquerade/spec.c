/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/masquerade/spec.h"

#include "engine/plan.h"
#include "engine/refer.h"
#include "model/ipv4.h"

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
	return text_equal(name, "boot0") || refer_find(node, "vlan", name) ||
	       refer_find(node, "bridge", name) || (network && refer_has_vlan(node, network));
}

static void add_link(const struct spec *spec, void *context)
{
	str_addf(context, ", %s", spec->id);
}

/* The interfaces the node has by its configuration. */
static void links_text(const struct site *site, const struct site_node *node, struct str *out)
{
	str_add(out, "boot0");
	for (size_t i = 0; i < site->network_count; i++)
		if (refer_has_vlan(node, &site->networks[i]))
			str_addf(out, ", %s", site->networks[i].name);
	refer_each(node, "vlan", add_link, out);
	refer_each(node, "bridge", add_link, out);
}

static bool same_rule(const struct spec *a, const struct spec *b)
{
	const struct masquerade *one = a->body;
	const struct masquerade *other = b->body;
	return text_equal(one->from, other->from) && text_equal(one->out, other->out);
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct masquerade *rule = want->body;
	struct ipv4_network range;
	if (node == NULL || rule->name == NULL || rule->out == NULL || rule->from == NULL)
		return;
	if (!is_link(site, node, rule->out)) {
		AUTO_STR struct str there = STR_INIT;
		links_text(site, node, &there);
		mistake_add(mistakes, place_of(want->place, "out"),
			    "masquerade %s: out: this node has no interface %s; it has %s",
			    rule->name, rule->out, str_text(&there));
	}
	if (ipv4_parse_network(rule->from, &range) && range.address != ipv4_first(&range)) {
		AUTO_FREE char *first = ipv4_text(ipv4_first(&range));
		mistake_add(mistakes, place_of(want->place, "from"),
			    "masquerade %s: from: \"%s\" is an address in a network; write "
			    "\"%s/%u\"",
			    rule->name, rule->from, first, range.prefix);
	}
	const struct spec *earlier = refer_earlier(node, want, same_rule);
	if (earlier != NULL)
		mistake_add(mistakes, want->place,
			    "masquerade %s: from %s out %s is already masquerade %s", rule->name,
			    rule->from, rule->out, earlier->id);
}

const struct kind_spec masquerade_spec = {
	.name = "masquerade",
	.section = "masquerades",
	.doc = "source address translation for a network behind this node",
	.example = "{ name = \"guests\"; from = \"10.77.30.0/24\"; out = \"boot0\"; }",
	.package = "nftables",
	.size = sizeof(struct masquerade),
	.fields = FIELDS,
	.in_status = true,
	.check = check,
};
