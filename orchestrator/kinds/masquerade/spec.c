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
	  "interface the packets leave through: boot0, a network, port, bond or bridge of the "
	  "node" },
	FIELD_END
};

/* The kinds whose names are those of interfaces. */
static const char *const LINKS[] = { "vlan", "bridge", "bond", "port" };

static bool is_link(const struct site *site, const struct site_node *node, const char *name)
{
	const struct network *network = site_find_network(site, name);
	bool found = text_equal(name, "boot0") || (network && refer_has_vlan(node, network));
	for (size_t i = 0; !found && i < COUNT_OF(LINKS); i++)
		found = refer_find(node, LINKS[i], name) != NULL;
	return found;
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
	for (size_t i = 0; i < COUNT_OF(LINKS); i++)
		refer_each(node, LINKS[i], add_link, out);
}

static bool same_rule(const struct spec *a, const struct spec *b)
{
	const struct masquerade *one = a->body;
	const struct masquerade *other = b->body;
	return text_equal(one->from, other->from) && text_equal(one->out, other->out);
}

/* What leaves towards its own network is not behind the node. */
static void check_way_out(const struct site *site, const struct masquerade *rule,
			  const struct ipv4_network *range, const struct spec *want,
			  struct mistakes *mistakes)
{
	const char *name = text_equal(rule->out, "boot0") ? site->boot_network : rule->out;
	const struct network *network = name ? site_find_network(site, name) : NULL;
	struct ipv4_network out;
	if (network != NULL && network->cidr && ipv4_parse_network(network->cidr, &out) &&
	    ipv4_first(&out) <= ipv4_first(range) && ipv4_last(range) <= ipv4_last(&out))
		mistake_add(mistakes, place_of(want->place, "out"),
			    "masquerade %s: from %s leaves through %s, which is on that network "
			    "itself (%s); name the interface of another one",
			    rule->name, rule->from, rule->out, network->cidr);
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
	bool parsed = ipv4_parse_network(rule->from, &range);
	if (parsed)
		check_way_out(site, rule, &range, want, mistakes);
	if (parsed && range.address != ipv4_first(&range)) {
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
