/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/resolver/spec.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "engine/refer.h"
#include "model/ip.h"
#include "model/ipv4.h"

#define AT(member) offsetof(struct resolver, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 40, NULL, NULL,
	  "name of the service, like its network's" },
	{ "network", FIELD_NAME, AT(network), FIELD_REQUIRED | FIELD_VOLATILE, 1, 15, NULL, NULL,
	  "tagged network of the site that it serves" },
	{ "range", FIELD_TEXT, AT(range), FIELD_VOLATILE, 0, 64, NULL, NULL,
	  "addresses for machines the site does not know: \"10.77.30.100-10.77.30.199\"" },
	{ "upstream", FIELD_LIST, AT(upstream), FIELD_VOLATILE, 0, 8, NULL, NULL,
	  "addresses of DNS servers for names outside the site" },
	{ "lines", FIELD_LIST, AT(lines), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "dnsmasq's configuration" },
	{ "state", FIELD_CHOICE, AT(state), FIELD_DERIVED, 0, 0, "running stale stopped", NULL,
	  "whether dnsmasq runs with this configuration: always wanted" },
	FIELD_END
};

/* "FIRST-LAST", both in the network. */
static bool parse_range(const char *text, const struct ipv4_network *network, uint32_t *first,
			uint32_t *last)
{
	const char *dash = strchr(text, '-');
	AUTO_FREE char *begin = dash ? xstrndup(text, (size_t)(dash - text)) : NULL;
	return dash && ipv4_parse(begin, first) && ipv4_parse(dash + 1, last) && *first <= *last &&
	       ipv4_contains(network, *first) && ipv4_contains(network, *last);
}

static void check_range(const struct site *site, const struct spec *want,
			const struct network *network, struct mistakes *mistakes)
{
	const struct resolver *resolver = want->body;
	struct ipv4_network cidr;
	uint32_t first;
	uint32_t last;
	if (resolver->range == NULL || network->cidr == NULL ||
	    !ipv4_parse_network(network->cidr, &cidr))
		return;
	if (!parse_range(resolver->range, &cidr, &first, &last)) {
		mistake_add(mistakes, place_of(want->place, "range"),
			    "resolver %s: range: \"%s\" is no range of addresses in %s; write the "
			    "first and the last, like \"10.77.30.100-10.77.30.199\"",
			    resolver->name, resolver->range, network->cidr);
		return;
	}
	for (size_t i = 0; i < site->node_count; i++) {
		const char *text = site_node_address(&site->nodes[i], network->name);
		uint32_t address;
		if (text && ipv4_parse(text, &address) && address >= first && address <= last)
			mistake_add(
				mistakes, place_of(want->place, "range"),
				"resolver %s: range: %s in it is the address of node %s; choose "
				"one without",
				resolver->name, text, site->nodes[i].name);
	}
}

static bool same_network(const struct spec *a, const struct spec *b)
{
	return text_equal(refer_text(a, "network"), refer_text(b, "network"));
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct resolver *resolver = want->body;
	if (node == NULL || resolver->name == NULL || resolver->network == NULL)
		return;
	const struct network *network = site_find_network(site, resolver->network);
	AUTO_FREE char *what = xasprintf("resolver %s", resolver->name);
	refer_check_network(site, node, resolver->network, place_of(want->place, "network"), what,
			    mistakes);
	if (network == NULL)
		return;
	if (text_equal(network->name, site->boot_network))
		mistake_add(mistakes, place_of(want->place, "network"),
			    "resolver %s: network %s is the boot network, whose addresses the boot "
			    "server gives out; choose another",
			    resolver->name, network->name);
	check_range(site, want, network, mistakes);
	for (size_t i = 0; i < resolver->upstream.count; i++) {
		struct ip ip;
		if (!ip_parse(resolver->upstream.items[i], &ip))
			mistake_add(mistakes, place_of_item(want->place, "upstream", i),
				    "resolver %s: upstream: \"%s\" is not an IP address; write it "
				    "like \"10.0.20.5\" or \"fd00::5\"",
				    resolver->name, resolver->upstream.items[i]);
	}
	const struct spec *earlier = refer_earlier(node, want, same_network);
	if (earlier != NULL)
		mistake_add(mistakes, place_of(want->place, "network"),
			    "resolver %s: network %s is already resolver %s's", resolver->name,
			    resolver->network, earlier->id);
}

static void add(struct resolver *resolver, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
static void add(struct resolver *resolver, const char *format, ...)
{
	AUTO_STR struct str line = STR_INIT;
	va_list args;
	va_start(args, format);
	str_addv(&line, format, args);
	va_end(args);
	text_list_add(&resolver->lines, str_text(&line));
}

/* Names and reservations of the site's nodes on the network. */
static void add_hosts(const struct site *site, const struct network *network,
		      struct resolver *resolver)
{
	for (size_t i = 0; i < site->node_count; i++) {
		const struct site_node *node = &site->nodes[i];
		const char *address = site_node_address(node, network->name);
		const char *address6 = site_node_address6(node, network->name);
		if (address == NULL)
			continue;
		add(resolver, "host-record=%s.%s,%s,%s%s%s", node->name, site->domain, node->name,
		    address, address6 ? "," : "", address6 ? address6 : "");
		/* A tagged interface has the address of the one below it. */
		if (node->mac != NULL && node->uplink == NULL)
			add(resolver, "dhcp-host=%s,%s,%s", node->mac, address, node->name);
	}
}

static void add_dhcp(const struct derive *from, const struct network *network,
		     struct resolver *resolver)
{
	struct ipv4_network cidr;
	uint32_t first;
	uint32_t last;
	if (network->cidr == NULL || !ipv4_parse_network(network->cidr, &cidr))
		return;
	const struct site_node *router =
		network->gateway ? site_find_node(from->site, network->gateway) : NULL;
	const char *way = router ? site_node_address(router, network->name) : NULL;
	AUTO_FREE char *base = ipv4_text(ipv4_first(&cidr));
	AUTO_FREE char *mask = ipv4_text(~(ipv4_first(&cidr) ^ ipv4_last(&cidr)));
	if (resolver->range != NULL && parse_range(resolver->range, &cidr, &first, &last)) {
		AUTO_FREE char *begin = ipv4_text(first);
		AUTO_FREE char *end = ipv4_text(last);
		add(resolver, "dhcp-range=%s,%s,%s,12h", begin, end, mask);
	} else {
		add(resolver, "dhcp-range=%s,static,%s,12h", base, mask);
	}
	add(resolver, "dhcp-authoritative");
	add(resolver, "dhcp-leasefile=/run/moyai/resolver/%s.leases", resolver->name);
	/* Without a value it is not sent: a network that leads nowhere has no router. */
	if (way != NULL)
		add(resolver, "dhcp-option=option:router,%s", way);
	else
		add(resolver, "dhcp-option=option:router");
	add(resolver, "dhcp-option=option:dns-server,%s",
	    site_node_address(from->node, network->name));
	add(resolver, "dhcp-option=option:mtu,%" PRIu64, network->mtu);
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct resolver *resolver = want->body;
	const struct network *network = site_find_network(from->site, resolver->network);
	if (network == NULL)
		return err_set(err, "resolver %s: there is no network %s", want->id,
			       resolver->network);
	AUTO_FREE char *link = refer_link(from->site, from->node, network->name);
	resolver->state = xstrdup("running");
	add(resolver, "interface=%s", link ? link : "boot0");
	add(resolver, "except-interface=lo");
	add(resolver, "bind-dynamic");
	add(resolver, "no-resolv");
	add(resolver, "no-hosts");
	add(resolver, "pid-file=");
	add(resolver, "domain-needed");
	add(resolver, "bogus-priv");
	add(resolver, "domain=%s", from->site->domain);
	add(resolver, "local=/%s/", from->site->domain);
	for (size_t i = 0; i < resolver->upstream.count; i++)
		add(resolver, "server=%s", resolver->upstream.items[i]);
	add_hosts(from->site, network, resolver);
	add_dhcp(from, network, resolver);
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	static const char KEY[] = "interface=";
	const struct resolver *resolver = spec->body;
	(void)err;
	/* The first line, as derive() makes it. */
	if (resolver->lines.count > 0 && text_starts(resolver->lines.items[0], KEY))
		refer_need_link(out, resolver->lines.items[0] + strlen(KEY));
	return 0;
}

const struct kind_spec resolver_spec = {
	.name = "resolver",
	.section = "resolvers",
	.doc = "DNS and DHCP of a network, by dnsmasq",
	.example = "{ name = \"guests\"; network = \"guests\"; upstream = [ \"9.9.9.9\" ]; }",
	.package = "dnsmasq-base",
	.size = sizeof(struct resolver),
	.fields = FIELDS,
	.in_status = true,
	.check = check,
	.derive = derive,
	.needs = needs,
};
