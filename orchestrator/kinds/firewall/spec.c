/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/firewall/spec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/apart.h"
#include "engine/plan.h"
#include "engine/refer.h"
#include "model/check.h"
#include "model/ip.h"

#define AT(member) offsetof(struct firewall, member)

enum { RULE_MAX = 100, PORT_MAX = 65535, RANGES_MAX = 32 };

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 63, NULL, NULL, "name of the policy" },
	{ "allow", FIELD_LIST, AT(allow), FIELD_VOLATILE, 0, 256, NULL, NULL,
	  "what may begin a conversation: \"FROM -> TO [tcp|udp|icmp [PORTS]]\", networks or any" },
	{ "forward", FIELD_LIST, AT(forward), FIELD_VOLATILE, 0, 256, NULL, NULL,
	  "ports handed on: \"FROM tcp|udp PORT -> ADDRESS PORT\"" },
	{ "rules", FIELD_LIST, AT(rules), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "the same in terms of the gateway's interfaces" },
	FIELD_END
};

struct words {
	char *items[8];
	size_t count; /* more than there is room for: 9 */
};

static void split(const char *text, struct words *words)
{
	*words = (struct words){ .count = 0 };
	while (*text && words->count <= COUNT_OF(words->items)) {
		size_t blank = strspn(text, " \t");
		size_t length = strcspn(text + blank, " \t");
		if (length > 0 && words->count < COUNT_OF(words->items))
			words->items[words->count] = xstrndup(text + blank, length);
		words->count += length > 0;
		text += blank + length;
	}
}

static void words_free(struct words *words)
{
	for (size_t i = 0; i < COUNT_OF(words->items); i++)
		free(words->items[i]);
}

/* The interface of a network of this node; "*" for any. The caller frees; NULL: it has none. */
static char *interface_of(const struct site *site, const struct site_node *node, const char *name,
			  struct err *err)
{
	const struct network *network = site_find_network(site, name);
	AUTO_STR struct str known = STR_INIT;
	if (strcmp(name, "any") == 0)
		return xstrdup("*");
	refer_networks(site, &known);
	if (network == NULL) {
		err_set(err, "there is no network \"%s\"%s, or any", name, str_text(&known));
		return NULL;
	}
	if (site_node_address(node, name) == NULL && !node->addresses_broken) {
		err_set(err, "%s has no address on network \"%s\"; add it to its addresses",
			node->name, name);
		return NULL;
	}
	char *link = refer_link(site, node, name);
	return link ? link : xstrdup("boot0");
}

/* 1 to 65535, and nothing else in the text. */
static bool parse_port(const char *text, size_t length, unsigned *port)
{
	unsigned value = 0;
	if (length == 0 || length > 5)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
		value = value * 10 + (unsigned)(text[i] - '0');
	}
	*port = value;
	return value >= 1 && value <= PORT_MAX;
}

struct range {
	unsigned first, last;
};

static int by_first(const void *a, const void *b)
{
	const struct range *left = a;
	const struct range *right = b;
	return left->first < right->first ? -1 : left->first > right->first;
}

/* "443,80,81-90" as "80-90,443": nftables sorts them, and refuses those that overlap. */
static int add_ports(const char *text, struct str *out, struct err *err)
{
	struct range ranges[RANGES_MAX];
	size_t count = 0;
	for (const char *at = text;; at++) {
		size_t length = strcspn(at, ",");
		size_t dash = strcspn(at, ",-");
		struct range *range = &ranges[count];
		if (count == RANGES_MAX)
			return err_set(err, "has more than %d port ranges", RANGES_MAX);
		bool valid = parse_port(at, dash, &range->first);
		range->last = range->first;
		if (valid && dash < length)
			valid = parse_port(at + dash + 1, length - dash - 1, &range->last);
		if (!valid || range->last < range->first)
			return err_set(err, "\"%s\" is no list of ports; write it like 22,80-90",
				       text);
		count++;
		at += length;
		if (*at == '\0')
			break;
	}
	qsort(ranges, count, sizeof(*ranges), by_first);
	for (size_t i = 0; i < count; i++) {
		struct range range = ranges[i];
		while (i + 1 < count && ranges[i + 1].first <= range.last + 1) {
			i++;
			range.last = ranges[i].last > range.last ? ranges[i].last : range.last;
		}
		str_addf(out, "%s%u", out->data[out->length - 1] == ' ' ? "" : ",", range.first);
		if (range.last > range.first)
			str_addf(out, "-%u", range.last);
	}
	return 0;
}

/* "FROM -> TO [PROTOCOL [PORTS]]" in terms of interfaces. */
static int make_allow(const struct site *site, const struct site_node *node, struct words *words,
		      struct str *out, struct err *err)
{
	const char *protocol = words->count > 3 ? words->items[3] : NULL;
	if (words->count < 3 || words->count > 5 || strcmp(words->items[1], "->") != 0)
		return err_set(err, "write it like \"guests -> storage tcp 22,80-90\"");
	AUTO_FREE char *from = interface_of(site, node, words->items[0], err);
	AUTO_FREE char *to = from ? interface_of(site, node, words->items[2], err) : NULL;
	if (to == NULL)
		return -1;
	bool ports = protocol && (!strcmp(protocol, "tcp") || !strcmp(protocol, "udp"));
	if (protocol && !ports && strcmp(protocol, "icmp") != 0)
		return err_set(err, "\"%s\" is no protocol here; write tcp, udp or icmp", protocol);
	if (words->count == 5 && !ports)
		return err_set(err, "%s has no ports; leave \"%s\" out", protocol, words->items[4]);
	str_addf(out, "allow %s %s %s ", from, to, protocol ? protocol : "*");
	if (words->count == 5)
		return add_ports(words->items[4], out, err);
	str_add(out, "*");
	return 0;
}

/* "FROM PROTOCOL PORT -> ADDRESS PORT" */
static int make_forward(const struct site *site, const struct site_node *node, struct words *words,
			struct str *out, struct err *err)
{
	struct ip ip;
	unsigned port;
	unsigned to;
	if (words->count != 6 || strcmp(words->items[3], "->") != 0)
		return err_set(err, "write it like \"boot tcp 8080 -> 10.77.30.5 80\"");
	AUTO_FREE char *from = interface_of(site, node, words->items[0], err);
	if (from == NULL)
		return -1;
	if (strcmp(words->items[1], "tcp") != 0 && strcmp(words->items[1], "udp") != 0)
		return err_set(err, "\"%s\" has no ports; write tcp or udp", words->items[1]);
	if (!ip_parse(words->items[4], &ip))
		return err_set(err, "\"%s\" is not an IP address", words->items[4]);
	for (size_t i = 2; i < 6; i += 3)
		if (!parse_port(words->items[i], strlen(words->items[i]), i == 2 ? &port : &to))
			return err_set(err, "\"%s\" is no port; write 1 to %d", words->items[i],
				       PORT_MAX);
	AUTO_FREE char *address = ip_text(&ip);
	str_addf(out, "forward %s %s %u %s %u", from, words->items[1], port, address, to);
	return 0;
}

typedef int make_fn(const struct site *, const struct site_node *, struct words *, struct str *,
		    struct err *);

static int make_rule(const struct site *site, const struct site_node *node, const char *text,
		     make_fn *make, struct str *out, struct err *err)
{
	struct words words;
	split(text, &words);
	int rc = make(site, node, &words, out, err);
	words_free(&words);
	if (rc == 0 && out->length > RULE_MAX)
		rc = err_set(err, "is too long for one rule; write two");
	return rc;
}

static void check_rules(const struct site *site, const struct site_node *node,
			const struct spec *want, const char *field, const struct text_list *texts,
			make_fn *make, struct mistakes *mistakes)
{
	AUTO_LIST struct text_list seen = TEXT_LIST_INIT;
	for (size_t i = 0; i < texts->count; i++) {
		AUTO_STR struct str rule = STR_INIT;
		struct err err = ERR_INIT;
		const char *text = texts->items[i];
		if (make_rule(site, node, text, make, &rule, &err) != 0)
			mistake_add(mistakes, place_of_item(want->place, field, i),
				    "firewall %s: %s: \"%s\": %s", want->id, field, text, err.text);
		else if (text_list_has(&seen, str_text(&rule)))
			mistake_add(mistakes, place_of_item(want->place, field, i),
				    "firewall %s: %s: \"%s\" is there twice", want->id, field,
				    text);
		else
			text_list_add(&seen, str_text(&rule));
	}
}

struct count {
	const char *first;
	size_t seen;
};

static void count_one(const struct spec *spec, void *context)
{
	struct count *count = context;
	if (count->seen++ == 0)
		count->first = spec->id;
}

/* What a forward that has no mistakes hands on. */
static bool hands_on(const struct words *forward, const char *network, const char *protocol,
		     uint64_t port)
{
	return (strcmp(forward->items[0], "any") == 0 || text_equal(forward->items[0], network)) &&
	       strcmp(forward->items[1], protocol) == 0 &&
	       strtoull(forward->items[2], NULL, 10) == port;
}

/* Of two that a packet could take, nftables would take one silently. */
static void check_beside(const struct site *site, const struct site_node *node,
			 const struct spec *want, size_t index, const struct cluster *cluster,
			 struct mistakes *mistakes)
{
	const struct firewall *firewall = want->body;
	struct place own = place_of_item(want->place, "forward", index);
	struct words words;
	split(firewall->forward.items[index], &words);
	for (size_t i = 0; i < cluster->forward_count; i++) {
		const struct cluster_forward *forward = &cluster->forwards[i];
		const char *network = cluster_forward_network(forward, site->boot_network);
		struct place place = place_of(forward->place, "port");
		if (forward->protocol == NULL ||
		    !hands_on(&words, network, forward->protocol, forward->port))
			continue;
		AUTO_FREE char *where = check_place_text(own, place);
		mistake_add(mistakes, place,
			    "cluster \"%s\": %s port %u on network \"%s\" is handed on by firewall "
			    "%s of \"%s\" already (%s), and its frontend may be there; choose "
			    "another",
			    cluster->name, forward->protocol, (unsigned)forward->port, network,
			    want->id, node->name, where);
	}
	words_free(&words);
}

/* The first network of the node that is meant by the word of a rule; NULL: none. */
typedef bool network_fn(const struct site *site, const char *network);
static const char *first_meant(const struct site *site, const struct site_node *node,
			       const char *word, network_fn *fits)
{
	for (size_t i = 0; i < site->network_count; i++) {
		const char *name = site->networks[i].name;
		if ((strcmp(word, "any") == 0 || text_equal(word, name)) &&
		    site_node_address(node, name) && fits(site, name))
			return name;
	}
	return NULL;
}

static bool has_frontends(const struct site *site, const char *network)
{
	struct place place;
	return apart_cluster(site, network, &place) != NULL;
}

/* What no guest may reach is not to be opened to them by a word that means others. */
static void check_apart(const struct site *site, const struct site_node *node,
			const struct spec *want, struct mistakes *mistakes)
{
	const struct firewall *firewall = want->body;
	for (size_t i = 0; i < firewall->allow.count; i++) {
		const char *text = firewall->allow.items[i];
		AUTO_STR struct str rule = STR_INIT;
		struct words words;
		struct place place;
		if (make_rule(site, node, text, make_allow, &rule, NULL) != 0)
			continue; /* check_rules() has told */
		split(text, &words);
		const char *from = first_meant(site, node, words.items[0], has_frontends);
		const char *to = first_meant(site, node, words.items[2], apart_has_disks);
		if (from && to)
			mistake_add(
				mistakes, place_of_item(want->place, "allow", i),
				"firewall %s allow: \"%s\" lets the frontend of cluster "
				"\"%s\", from network \"%s\", reach network \"%s\", where disks "
				"of guests are offered and which no guest may reach; name other "
				"networks",
				want->id, text, apart_cluster(site, from, &place)->name, from, to);
		words_free(&words);
	}
}

/* Frontends are on gateways, today on this one or tomorrow. */
static void check_ports(const struct site *site, const struct site_node *node,
			const struct spec *want, struct mistakes *mistakes)
{
	const struct firewall *firewall = want->body;
	for (size_t i = 0; i < firewall->forward.count && site_node_is(site, node, "gateway");
	     i++) {
		AUTO_STR struct str rule = STR_INIT;
		if (make_rule(site, node, firewall->forward.items[i], make_forward, &rule, NULL) !=
		    0)
			continue; /* check_rules() has told */
		for (size_t j = 0; j < site->cluster_count; j++)
			check_beside(site, node, want, i, &site->clusters[j], mistakes);
	}
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct firewall *firewall = want->body;
	struct count count = { 0 };
	if (node == NULL || firewall->name == NULL)
		return;
	refer_each(node, "firewall", count_one, &count);
	if (count.seen > 1 && !text_equal(count.first, want->id))
		mistake_add(mistakes, want->place,
			    "firewall %s: %s has firewall %s already; a node has one", want->id,
			    node->name, count.first);
	check_rules(site, node, want, "allow", &firewall->allow, make_allow, mistakes);
	check_rules(site, node, want, "forward", &firewall->forward, make_forward, mistakes);
	check_ports(site, node, want, mistakes);
	check_apart(site, node, want, mistakes);
}

static int derive_rules(const struct derive *from, struct firewall *firewall,
			const struct text_list *texts, make_fn *make, struct err *err)
{
	for (size_t i = 0; i < texts->count; i++) {
		AUTO_STR struct str rule = STR_INIT;
		if (make_rule(from->site, from->node, texts->items[i], make, &rule, err) != 0)
			return err_context(err, "firewall %s", firewall->name);
		text_list_add(&firewall->rules, str_text(&rule));
	}
	return 0;
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct firewall *firewall = want->body;
	/* Besides what is there already: clusters' (engine/expand.h). */
	text_list_add(&firewall->rules, "established");
	if (derive_rules(from, firewall, &firewall->allow, make_allow, err) != 0 ||
	    derive_rules(from, firewall, &firewall->forward, make_forward, err) != 0)
		return -1;
	text_list_sort(&firewall->rules);
	return 0;
}

const struct kind_spec firewall_spec = {
	.name = "firewall",
	.section = "firewalls",
	.doc = "what a gateway forwards between its networks: nothing but what is allowed",
	.example =
		"{ name = \"site\"; allow = [ \"guests -> boot\", \"boot -> guests tcp 22\" ]; }",
	.package = "nftables",
	.size = sizeof(struct firewall),
	.fields = FIELDS,
	.risks_connection = true,
	.in_status = true,
	.check = check,
	.derive = derive,
};
