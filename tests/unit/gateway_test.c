/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Addresses of both families; what a gateway, its clients and a node with a bond are to have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/refer.h"
#include "engine/slice.h"
#include "kinds/sysctl/spec.h"
#include "model/ip.h"
#include "model/site.h"
#include "model/text_check.h"
#include "system/firewall.h"

static char *share; /* the source tree: its roles are used */

static const char SITE[] =
	"name = \"demo\"; domain = \"demo.example\"; mirror = \"http://mirror/debian\";\n"
	"vlan_pool = \"100-199\"; confirm_within = \"45s\";\n"
	"boot = { network = \"boot\"; server = \"10.77.0.1\"; };\n"
	"networks = ( { name = \"boot\"; cidr = \"10.77.0.0/24\"; },\n"
	"  { name = \"storage\"; cidr = \"10.77.20.0/24\"; vlan = 20; mtu = 9000; },\n"
	"  { name = \"guests\"; cidr = \"10.77.30.0/24\"; cidr6 = \"fd00:30::/64\"; vlan = 30;\n"
	"    gateway = \"gw\"; } );\n"
	"nodes = ( { name = \"gw\"; role = \"gateway\"; mac = \"52:54:00:4d:00:12\";\n"
	"    addresses = { boot = \"10.77.0.12\"; guests = [ \"10.77.30.12\", \"fd00:30:0::12\" ]; "
	"};\n"
	"    routes = ( { name = \"10.9.0.0/16\"; via = \"10.77.30.9\"; },\n"
	"      { name = \"fd00:9::/48\"; via = \"fd00:30::9\"; link = \"guests\"; metric = 7; } "
	");\n"
	"    firewalls = ( { name = \"site\"; allow = [ \"guests -> any\", \"any  -> boot icmp\",\n"
	"      \"boot -> guests tcp 443,80,81-90,82-85\", \"boot -> guests udp\" ];\n"
	"      forward = [ \"boot tcp 8080 -> 10.77.30.5 80\", \"boot udp 53 -> fd00:30::0005 53\" "
	"]; } );\n"
	"    resolvers = ( { name = \"guests\"; network = \"guests\"; upstream = [ \"9.9.9.9\" ];\n"
	"      range = \"10.77.30.100-10.77.30.199\"; } );\n"
	"    clocks = ( { name = \"site\"; servers = [ \"pool.ntp.org\" ]; serve = [ \"guests\" ]; "
	"} ); },\n"
	"  { name = \"vm1\"; role = \"gateway\"; mac = \"52:54:00:4d:00:13\"; uplink = \"bond0\";\n"
	"    addresses = { boot = \"10.77.0.13\"; storage = \"10.77.20.13\";\n"
	"      guests = [ \"10.77.30.13\", \"fd00:30::13\" ]; };\n"
	"    bonds = ( { name = \"bond0\"; mode = \"802.3ad\"; mtu = 9000;\n"
	"      links = [ \"eth2\", \"52:54:00:4D:00:99\" ]; } );\n"
	"    clocks = ( { name = \"site\"; } ); } );\n";

static void read_site_text(struct site *site)
{
	AUTO_STR struct str text = STR_INIT;
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(
		site_read_text(SITE, strlen(SITE), "/nonexistent", share, site, &mistakes, &err),
		0);
	mistakes_print(&mistakes, &text);
	assert_string_equal(str_text(&text), "");
	mistakes_free(&mistakes);
}

/* All wants of the kinds that are looked at here. */
static void print_slice(const struct site *site, const char *node, struct str *out)
{
	static const char *const KINDS[] = { "bond",	 "vlan",     "route",
					     "firewall", "resolver", "clock" };
	struct slice slice;
	struct err err = ERR_INIT;
	const struct site_key key = { { 1 } };
	const struct derive from = { .site = site,
				     .node = site_find_node(site, node),
				     .key = &key };
	if (slice_make(&from, &slice, &err) != 0)
		fail_msg("%s", err.text);
	for (size_t k = 0; k < COUNT_OF(KINDS); k++)
		for (size_t i = 0; i < slice.wants.count; i++) {
			const struct spec *spec = &slice.wants.items[i];
			if (strcmp(spec->kind->name, KINDS[k]) != 0)
				continue;
			str_addf(out, "%s %s:", KINDS[k], spec->id);
			for (const struct field *field = spec->kind->fields; field->name; field++) {
				if (!field_given(field, spec->body) ||
				    field == spec->kind->fields || field->flags & FIELD_VOLATILE)
					continue;
				str_addf(out, " %s=", field->name);
				field_print(field, spec->body, out);
			}
			str_add(out, "\n");
		}
	slice_free(&slice);
}

static void derived(void **state)
{
	struct site site;
	AUTO_STR struct str gw = STR_INIT;
	AUTO_STR struct str vm1 = STR_INIT;
	(void)state;
	read_site_text(&site);
	print_slice(&site, "gw", &gw);
	print_slice(&site, "vm1", &vm1);
	assert_string_equal(
		str_text(&gw),
		"vlan guests: parent=boot0 id=30 mtu=1500 addresses=10.77.30.12/24, fd00:30::12/64 "
		"link=up undeclared=none\n"
		"route 10.9.0.0/16: via=10.77.30.9 link=guests metric=512\n"
		"route fd00:9::/48: via=fd00:30::9 link=guests metric=7\n"
		"firewall site: rules=allow * boot0 icmp *, allow boot0 guests tcp 80-90,443, "
		"allow "
		"boot0 guests udp *, allow guests * * *, established, forward boot0 tcp 8080 "
		"10.77.30.5 80, forward boot0 udp 53 fd00:30::5 53\n"
		"resolver guests: lines=interface=guests, except-interface=lo, bind-dynamic, "
		"no-resolv, no-hosts, pid-file=, domain-needed, bogus-priv, domain=demo.example, "
		"local=/demo.example/, server=9.9.9.9, "
		"host-record=gw.demo.example,gw,10.77.30.12,fd00:30::12, "
		"dhcp-host=52:54:00:4d:00:12,10.77.30.12,gw, "
		"host-record=vm1.demo.example,vm1,10.77.30.13,fd00:30::13, "
		"dhcp-range=10.77.30.100,10.77.30.199,255.255.255.0,12h, dhcp-authoritative, "
		"dhcp-leasefile=/run/moyai/resolver/guests.leases, "
		"dhcp-option=option:router,10.77.30.12, dhcp-option=option:dns-server,10.77.30.12, "
		"dhcp-option=option:mtu,1500 state=running\n"
		"clock site: lines=server pool.ntp.org iburst, makestep 1 3, rtcsync, driftfile "
		"/var/lib/chrony/chrony.drift, cmdport 0, local stratum 10, allow 10.77.30.0/24, "
		"allow fd00:30::/64 state=running\n");
	assert_string_equal(
		str_text(&vm1),
		"bond bond0: links=52:54:00:4d:00:99, eth2 mode=802.3ad miimon=100 lacp_rate=slow "
		"mtu=9000 link=up\n"
		"vlan storage: parent=bond0 id=20 mtu=9000 addresses=10.77.20.13/24 link=up "
		"undeclared=none\n"
		"vlan guests: parent=bond0 id=30 mtu=1500 addresses=10.77.30.13/24, fd00:30::13/64 "
		"gateway=10.77.30.12 gateway6=fd00:30::12 link=up undeclared=none\n"
		"clock site: lines=server 10.77.30.12 iburst, makestep 1 3, rtcsync, driftfile "
		"/var/lib/chrony/chrony.drift, cmdport 0, port 0 state=running\n");
	site_free(&site);
}

static void printed_and_read_again(void **state)
{
	struct site site;
	struct site again;
	unsigned first;
	unsigned last;
	AUTO_STR struct str once = STR_INIT;
	AUTO_STR struct str twice = STR_INIT;
	struct mistakes mistakes = MISTAKES_INIT;
	(void)state;
	read_site_text(&site);
	assert_int_equal(site.confirm_within_s, 45);
	assert_true(site_vlan_pool(&site, &first, &last));
	assert_int_equal(first, 100);
	assert_int_equal(last, 199);
	site_print(&site, &once);
	assert_non_null(strstr(str_text(&once), "guests = [ \"10.77.30.12\", \"fd00:30::12\" ]; "));
	assert_int_equal(site_read_text(once.data, once.length, "/nonexistent", share, &again,
					&mistakes, NULL),
			 0);
	site_print(&again, &twice);
	assert_string_equal(str_text(&once), str_text(&twice));
	mistakes_free(&mistakes);
	site_free(&site);
	site_free(&again);
}

static void addresses(void **state)
{
	static const char *const GOOD[][2] = {
		{ "10.0.0.1/8", "10.0.0.1/8" },
		{ "FD00:0:0::1/64", "fd00::1/64" },
		{ "::/0", "::/0" },
		{ "2001:db8:0:0:1:0:0:1/128", "2001:db8::1:0:0:1/128" },
	};
	static const char *const BAD[] = { "",		 "/",	      "10.0.0.1",     "10.0.0.1/33",
					   "fd00::/129", "fd00::/-1", "fd00::/064",   "fd00:::/64",
					   "fd00::/6 4", "10.0.1/24", "fd00::%lo/64", "fd00::/" };
	struct ip_subnet subnet;
	struct ip_subnet other;
	struct ip ip;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(GOOD); i++) {
		assert_true(ip_parse_subnet(GOOD[i][0], &subnet));
		AUTO_FREE char *text = ip_subnet_text(&subnet);
		assert_string_equal(text, GOOD[i][1]);
	}
	for (size_t i = 0; i < COUNT_OF(BAD); i++)
		if (ip_parse_subnet(BAD[i], &subnet))
			fail_msg("\"%s\" was taken", BAD[i]);
	assert_true(ip_parse_subnet("fd00:20::/63", &subnet));
	assert_true(ip_parse("fd00:20:0:1::7", &ip) && ip_in(&subnet, &ip));
	assert_true(ip_parse("fd00:20:0:2::7", &ip) && !ip_in(&subnet, &ip));
	assert_true(ip_parse("0.0.0.0", &ip) && !ip_in(&subnet, &ip));
	assert_true(ip_parse_subnet("fd00::/8", &other) && ip_subnets_overlap(&subnet, &other));
	assert_true(ip_parse_subnet("fd00:20:0:2::/64", &other) &&
		    !ip_subnets_overlap(&subnet, &other));
	assert_false(ip_has_host_bits(&subnet));
	assert_true(ip_parse_subnet("10.0.0.1/31", &other) && ip_has_host_bits(&other));
}

/* What nft would print of what it is told: the same objects without their verbs. */
static json_t *as_listed(const json_t *told)
{
	json_t *list = json_array();
	size_t i;
	const json_t *item;
	json_array_foreach(json_object_get(told, "nftables"), i, item)
	{
		json_t *object = json_object_get(item, "add");
		if (object != NULL && !(i == 0 && json_object_get(object, "table")))
			json_array_append(list, object);
	}
	return json_pack("{s:o}", "nftables", list);
}

static void firewall_read_back(void **state)
{
	static const char *const RULES[] = { "allow * boot0 icmp *",
					     "allow boot0 guests tcp 80-90,443",
					     "allow guests * * *",
					     "established",
					     "exit br-link100 lab",
					     "guard br-link100",
					     "forward lab tcp 2201 100.64.1.146 22 192.0.2.12",
					     "forward boot0 tcp 8080 10.77.30.5 80" };
	AUTO_LIST struct text_list rules = TEXT_LIST_INIT;
	struct firewall_seen seen;
	struct err err = ERR_INIT;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(RULES); i++)
		text_list_add(&rules, RULES[i]);
	json_t *told = firewall_replace("site", &rules, &err);
	assert_non_null(told);
	json_t *listed = as_listed(told);
	assert_int_equal(firewall_parse(listed, &seen, &err), 0);
	assert_true(seen.there);
	assert_string_equal(seen.name, "site");
	assert_int_equal(seen.rules.count, COUNT_OF(RULES));
	text_list_sort(&rules);
	for (size_t i = 0; i < COUNT_OF(RULES); i++)
		assert_string_equal(seen.rules.items[i], rules.items[i]);
	firewall_seen_free(&seen);
	/* Half of the port forward is taken away. */
	json_t *items = json_object_get(listed, "nftables");
	json_array_remove(items, json_array_size(items) - 1);
	assert_int_equal(firewall_parse(listed, &seen, &err), 0);
	assert_string_equal(seen.rules.items[3], "changed forward boot0 tcp 8080 10.77.30.5 80");
	firewall_seen_free(&seen);
	json_decref(listed);
	json_decref(told);
	json_t *none = json_pack("{s:[]}", "nftables");
	assert_int_equal(firewall_parse(none, &seen, &err), 0);
	assert_false(seen.there);
	assert_int_equal(seen.rules.count, 0);
	firewall_seen_free(&seen);
	json_decref(none);
	text_list_add(&rules, "allow all");
	assert_null(firewall_replace("site", &rules, &err));
	assert_string_equal(err.text, "\"allow all\" is no rule");
}

static size_t place_of_kind(const char *name)
{
	size_t i = 0;
	while (strcmp(KIND_SPECS[i]->name, name) != 0)
		i++;
	return i;
}

/* What the node's sysctl NAME, with that value, needs: "firewall/site " or nothing. */
static void print_needs(const char *node, const char *value, struct str *out)
{
	struct site site;
	struct slice slice;
	struct refs refs = { 0 };
	const struct site_key key = { { 1 } };
	read_site_text(&site);
	const struct derive from = { .site = &site,
				     .node = site_find_node(&site, node),
				     .key = &key };
	assert_int_equal(slice_make(&from, &slice, NULL), 0);
	struct spec *want = spec_list_find(&slice.wants, "sysctl", "net.ipv4.ip_forward");
	assert_non_null(want);
	if (value != NULL) {
		const struct field *fields = want->kind->fields;
		fields_free(fields, want->body);
		assert_int_equal(
			field_set_text(field_find(fields, "name"), want->body, want->id, NULL), 0);
		assert_int_equal(
			field_set_text(field_find(fields, "value"), want->body, value, NULL), 0);
		assert_int_equal(want->kind->derive(&from, want, NULL), 0);
	}
	assert_int_equal(want->kind->needs(want, &refs, NULL), 0);
	for (size_t i = 0; i < refs.count; i++)
		str_addf(out, "%s/%s%s", refs.items[i].kind, refs.items[i].id,
			 refs.items[i].node || refs.items[i].gone ? "?" : "");
	refs_free(&refs);
	slice_free(&slice);
	site_free(&site);
}

static void forwards_behind_its_firewall(void **state)
{
	static const char *const FORWARD[] = { "net.ipv4.ip_forward",
					       "net.ipv4.conf.all.forwarding",
					       "net.ipv6.conf.all.forwarding",
					       "net.ipv6.conf.eth1.forwarding" };
	static const char *const OTHERS[] = { "net.ipv4.ip_forward_use_pmtu",
					      "net.ipv4.conf.all.rp_filter", "kernel.forwarding",
					      "net.ipv4.conf.forwarding.rp_filter" };
	AUTO_STR struct str on = STR_INIT;
	AUTO_STR struct str off = STR_INIT;
	AUTO_STR struct str open = STR_INIT;
	(void)state;
	for (size_t i = 0; i < COUNT_OF(FORWARD); i++) {
		assert_true(text_is_forwarding(FORWARD[i]));
		assert_false(text_is_forwarding(OTHERS[i]));
	}
	/* A plan is in the order of the kinds, and its removals backwards. */
	assert_true(place_of_kind("firewall") < place_of_kind("sysctl"));
	print_needs("gw", NULL, &on);
	print_needs("gw", "0", &off);
	print_needs("vm1", NULL, &open);
	assert_string_equal(str_text(&on), "firewall/site");
	assert_string_equal(str_text(&off), "");
	assert_string_equal(str_text(&open), "");
}

/* The mtu that a vlan's parent is to have; FIELD_UNSET: what it has on the node counts. */
static uint64_t parent_mtu(const char *node, const char *vlan)
{
	struct site site;
	struct slice slice;
	const struct site_key key = { { 1 } };
	read_site_text(&site);
	const struct derive from = { .site = &site,
				     .node = site_find_node(&site, node),
				     .key = &key };
	assert_int_equal(slice_make(&from, &slice, NULL), 0);
	const struct spec *want = spec_list_find(&slice.wants, "vlan", vlan);
	assert_non_null(want);
	uint64_t mtu = refer_number(want, "parent_mtu");
	slice_free(&slice);
	site_free(&site);
	return mtu;
}

static void parents_tell_their_mtu(void **state)
{
	(void)state;
	assert_int_equal(parent_mtu("vm1", "storage"), 9000);
	assert_int_equal(parent_mtu("gw", "guests"), FIELD_UNSET);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived),
		cmocka_unit_test(printed_and_read_again),
		cmocka_unit_test(addresses),
		cmocka_unit_test(firewall_read_back),
		cmocka_unit_test(forwards_behind_its_firewall),
		cmocka_unit_test(parents_tell_their_mtu),
	};
	share = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
