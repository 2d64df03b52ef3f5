/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/interface.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/ip.h"
#include "model/ipv4.h"

/* An address that a network of the site has, too, would send its packets two ways. */
static void check_overlap(const struct site *site, const struct spec *want, size_t index,
			  const char *text, struct mistakes *mistakes)
{
	struct ip_subnet own;
	struct ip_subnet other;
	for (size_t i = 0; i < site->network_count; i++) {
		const struct network *network = &site->networks[i];
		const char *cidr = ip_is_v6(text) ? network->cidr6 : network->cidr;
		if (cidr == NULL || !ip_parse_subnet(text, &own) ||
		    !ip_parse_subnet(cidr, &other) || !ip_subnets_overlap(&own, &other))
			continue;
		mistake_add(mistakes, place_of_item(want->place, "addresses", index),
			    "%s %s: addresses: \"%s\" overlaps %s of network %s; give the node an "
			    "address on that, or choose another",
			    want->kind->name, want->id, text, cidr, network->name);
	}
}

/* As for the addresses of a network; a /31 and a /32 have no ends (RFC 3021). */
static void check_ends(const struct spec *want, size_t index, const char *text,
		       const struct ipv4_network *own, struct mistakes *mistakes)
{
	struct place place = place_of_item(want->place, "addresses", index);
	if (own->prefix > 30)
		return;
	if (own->address == ipv4_first(own))
		mistake_add(mistakes, place,
			    "%s %s: addresses: %s is the network's own address; choose one after "
			    "it",
			    want->kind->name, want->id, text);
	else if (own->address == ipv4_last(own))
		mistake_add(mistakes, place,
			    "%s %s: addresses: %s is the broadcast address; choose one before it",
			    want->kind->name, want->id, text);
}

/* The kernel refuses multicast addresses, and gives each link the others itself: those are not
   looked at on a node. */
static void check_special6(const struct spec *want, size_t index, const char *text,
			   const struct ip_subnet *own, struct mistakes *mistakes)
{
	static const char *const SPECIAL[] = { "fe80::/10", "ff00::/8" };
	struct ip_subnet special;
	for (size_t i = 0; i < COUNT_OF(SPECIAL); i++)
		if (ip_parse_subnet(SPECIAL[i], &special) && ip_in(&special, &own->address))
			mistake_add(mistakes, place_of_item(want->place, "addresses", index),
				    "%s %s: addresses: %s is in %s, which is for no address of "
				    "ours; choose one of fd00::/8, or your own",
				    want->kind->name, want->id, text, SPECIAL[i]);
}

/* RFC 8200, 5: below it the kernel has no IPv6 on the link. */
static void check_mtu6(const struct spec *want, const struct interface *interface, uint64_t mtu,
		       struct mistakes *mistakes)
{
	enum { IPV6_MTU_MIN = 1280 };
	bool v6 = false;
	for (size_t i = 0; i < interface->addresses.count; i++)
		v6 = v6 || ip_is_v6(interface->addresses.items[i]);
	if (v6 && mtu != FIELD_UNSET && mtu < IPV6_MTU_MIN)
		mistake_add(mistakes, place_of(want->place, "mtu"),
			    "%s %s: mtu %" PRIu64 " is too small for its IPv6 addresses, which "
			    "need %d; make it larger, or take them out",
			    want->kind->name, want->id, mtu, IPV6_MTU_MIN);
}

static void check_address(const struct site *site, const struct spec *want,
			  const struct interface *interface, size_t index,
			  struct mistakes *mistakes)
{
	const char *text = interface->addresses.items[index];
	struct place place = place_of_item(want->place, "addresses", index);
	struct ip_subnet own;
	struct ipv4_network own4;
	if (strchr(text, '/') == NULL)
		mistake_add(mistakes, place,
			    "%s %s: addresses: \"%s\" has no prefix length; write it like "
			    "\"10.0.20.5/24\"",
			    want->kind->name, want->id, text);
	else if (!ip_parse_subnet(text, &own))
		mistake_add(mistakes, place,
			    "%s %s: addresses: \"%.80s\" is not an IP address with prefix "
			    "length; write it like \"10.0.20.5/24\" or \"fd00:20::5/64\"",
			    want->kind->name, want->id, text);
	else {
		if (ipv4_parse_network(text, &own4))
			check_ends(want, index, text, &own4, mistakes);
		check_special6(want, index, text, &own, mistakes);
		check_overlap(site, want, index, text, mistakes);
	}
	for (size_t i = 0; i < index; i++)
		if (text_equal(text, interface->addresses.items[i]))
			mistake_add(mistakes, place, "%s %s: addresses: \"%s\" is there twice",
				    want->kind->name, want->id, text);
}

/* The kernel takes no route to a router that it has no way to. */
static void check_gateway(const struct spec *want, const struct interface *interface,
			  const char *field, const char *gateway, struct mistakes *mistakes)
{
	struct ip router;
	if (gateway == NULL || !ip_parse(gateway, &router))
		return;
	for (size_t i = 0; i < interface->addresses.count; i++) {
		struct ip_subnet range;
		if (ip_parse_subnet(interface->addresses.items[i], &range) &&
		    ip_in(&range, &router))
			return;
	}
	mistake_add(mistakes, place_of(want->place, field),
		    "%s %s: %s: %s is in the network of none of its addresses; add an address "
		    "beside it",
		    want->kind->name, want->id, field, gateway);
}

static void check_dhcp(const struct spec *want, const struct interface *interface,
		       struct mistakes *mistakes)
{
	bool v4 = interface->gateway != NULL;
	for (size_t i = 0; i < interface->addresses.count; i++)
		v4 = v4 || !ip_is_v6(interface->addresses.items[i]);
	if (interface->dhcp == 1 && v4)
		mistake_add(mistakes, place_of(want->place, "dhcp"),
			    "%s %s: dhcp gives it an IPv4 address and a router; leave out "
			    "those, or dhcp",
			    want->kind->name, want->id);
}

void interface_check(const struct site *site, const struct spec *want,
		     const struct interface *interface, uint64_t mtu, struct mistakes *mistakes)
{
	check_mtu6(want, interface, mtu, mistakes);
	for (size_t i = 0; i < interface->addresses.count; i++)
		check_address(site, want, interface, i, mistakes);
	check_dhcp(want, interface, mistakes);
	check_gateway(want, interface, "gateway", interface->gateway, mistakes);
	check_gateway(want, interface, "gateway6", interface->gateway6, mistakes);
}

void interface_derive(struct interface *interface)
{
	interface->link = xstrdup("up");
	interface->undeclared = xstrdup("none");
	if (interface->dhcp == 1)
		interface->lease = xstrdup("held");
	for (size_t i = 0; i < interface->addresses.count; i++) {
		struct ip_subnet subnet;
		if (!ip_parse_subnet(interface->addresses.items[i], &subnet))
			continue;
		free(interface->addresses.items[i]);
		interface->addresses.items[i] = ip_subnet_text(&subnet);
	}
	text_list_sort(&interface->addresses);
}

/* What came by DHCP is nobody's declaration: the rest stays to be compared. */
static void see_lease(const struct interface_seen *seen, struct interface *have)
{
	have->dhcp = 1;
	have->lease = xstrdup("none");
	for (size_t i = 0; i < seen->addresses->count; i++) {
		if (ip_is_v6(seen->addresses->items[i])) {
			text_list_add(&have->addresses, seen->addresses->items[i]);
		} else {
			free(have->lease);
			have->lease = xstrdup("held");
		}
	}
}

/* A list that is not given is not compared: this is what sees an address too many there. */
static bool has_undeclared(const struct interface *want, const struct interface *have)
{
	return (want->addresses.count == 0 && have->addresses.count > 0) ||
	       (want->gateway == NULL && have->gateway != NULL) ||
	       (want->gateway6 == NULL && have->gateway6 != NULL) ||
	       (want->dhcp != 1 && have->dhcp == 1);
}

void interface_observe(const struct interface *want, const struct interface_seen *seen,
		       struct interface *have)
{
	if (seen->dhcp) {
		see_lease(seen, have);
	} else {
		text_list_copy(&have->addresses, seen->addresses);
		have->gateway = xstrdup(seen->gateway);
	}
	have->gateway6 = xstrdup(seen->gateway6);
	have->link = xstrdup(seen->up ? "up" : "down");
	if (want != NULL)
		have->undeclared = xstrdup(has_undeclared(want, have) ? "some" : "none");
}

void interface_judge(struct step *step, const char *foreign)
{
	if (foreign == NULL)
		return;
	free(step->refused);
	step->refused = xasprintf("interface %s is there already and is not Moyai's: %s", step->id,
				  foreign);
}
