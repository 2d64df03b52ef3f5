/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/clock/spec.h"

#include <stdlib.h>
#include <string.h>

#include "engine/plan.h"
#include "engine/refer.h"
#include "model/ip.h"
#include "model/text_check.h"

#define AT(member) offsetof(struct clock_want, member)

static const struct field FIELDS[] = {
	{ "name", FIELD_NAME, AT(name), FIELD_REQUIRED, 1, 40, NULL, NULL, "name of the service" },
	{ "servers", FIELD_LIST, AT(servers), FIELD_VOLATILE, 0, 8, NULL, NULL,
	  "NTP servers; not given: the site's nodes that serve on a network of this one" },
	{ "serve", FIELD_LIST, AT(serve), FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "networks that it gives the time to" },
	{ "lines", FIELD_LIST, AT(lines), FIELD_DERIVED, 0, 0, NULL, NULL,
	  "chrony's configuration" },
	{ "state", FIELD_CHOICE, AT(state), FIELD_DERIVED, 0, 0, "running stale stopped", NULL,
	  "whether chrony runs with this configuration: always wanted" },
	FIELD_END
};

struct search {
	const struct site_node *node;	/* who asks */
	const struct site_node *server; /* whose clocks are looked at */
	struct text_list *found;	/* its addresses on networks of both */
};

static void look_at_clock(const struct spec *spec, void *context)
{
	const struct search *search = context;
	const struct text_list *serve = refer_list(spec, "serve");
	for (size_t i = 0; i < serve->count; i++) {
		const char *address = site_node_address(search->server, serve->items[i]);
		if (address && site_node_address(search->node, serve->items[i])) {
			text_list_add(search->found, address);
			return; /* one way to each server */
		}
	}
}

static void find_servers(const struct site *site, const struct site_node *node,
			 struct text_list *found)
{
	for (size_t i = 0; i < site->node_count; i++) {
		struct search search = { node, &site->nodes[i], found };
		if (search.server != node)
			refer_each(search.server, "clock", look_at_clock, &search);
	}
}

static bool any_two(const struct spec *a, const struct spec *b)
{
	(void)a;
	(void)b;
	return true;
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct clock_want *clock = want->body;
	AUTO_LIST struct text_list found = TEXT_LIST_INIT;
	if (node == NULL || clock->name == NULL)
		return;
	AUTO_FREE char *what = xasprintf("clock %s", clock->name);
	for (size_t i = 0; i < clock->serve.count; i++)
		refer_check_network(site, node, clock->serve.items[i],
				    place_of_item(want->place, "serve", i), what, mistakes);
	for (size_t i = 0; i < clock->servers.count; i++) {
		const char *text = clock->servers.items[i];
		struct ip ip;
		if (!ip_parse(text, &ip) && !text_is_domain(text))
			mistake_add(mistakes, place_of_item(want->place, "servers", i),
				    "clock %s: servers: \"%s\" is neither an address nor a host "
				    "name",
				    clock->name, text);
	}
	find_servers(site, node, &found);
	if (clock->servers.count == 0 && clock->serve.count == 0 && found.count == 0 &&
	    !node->addresses_broken)
		mistake_add(mistakes, want->place,
			    "clock %s: nobody gives %s the time; write servers, or a clock with "
			    "serve on a node that is in one of its networks",
			    clock->name, node->name);
	const struct spec *earlier = refer_earlier(node, want, any_two);
	if (earlier != NULL)
		mistake_add(mistakes, want->place,
			    "clock %s: %s has clock %s already; a node has one", clock->name,
			    node->name, earlier->id);
}

static void add(struct clock_want *clock, char *line)
{
	text_list_take(&clock->lines, line);
}

static void add_allow(struct clock_want *clock, const char *cidr)
{
	if (cidr != NULL)
		add(clock, xasprintf("allow %s", cidr));
}

static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct clock_want *clock = want->body;
	AUTO_LIST struct text_list servers = TEXT_LIST_INIT;
	(void)err;
	clock->state = xstrdup("running");
	text_list_copy(&servers, &clock->servers);
	if (servers.count == 0)
		find_servers(from->site, from->node, &servers);
	for (size_t i = 0; i < servers.count; i++)
		add(clock, xasprintf("server %s iburst", servers.items[i]));
	/* Once after a boot: a node without a battery may be years off. */
	add(clock, xstrdup("makestep 1 3"));
	add(clock, xstrdup("rtcsync"));
	add(clock, xstrdup("driftfile /var/lib/chrony/chrony.drift"));
	add(clock, xstrdup("cmdport 0"));
	if (clock->serve.count == 0) {
		add(clock, xstrdup("port 0"));
		return 0;
	}
	/* The site agrees on one time also when nobody outside tells it. */
	add(clock, xstrdup("local stratum 10"));
	for (size_t i = 0; i < clock->serve.count; i++) {
		const struct network *network =
			site_find_network(from->site, clock->serve.items[i]);
		add_allow(clock, network ? network->cidr : NULL);
		add_allow(clock, network ? network->cidr6 : NULL);
	}
	return 0;
}

const struct kind_spec clock_spec = {
	.name = "clock",
	.section = "clocks",
	.doc = "the time, by chrony: from outside, or from the nodes of the site that serve it",
	.example = "{ name = \"site\"; servers = [ \"pool.ntp.org\" ]; serve = [ \"storage\" ]; }",
	.package = "chrony",
	.size = sizeof(struct clock_want),
	.fields = FIELDS,
	.check = check,
	.derive = derive,
};
