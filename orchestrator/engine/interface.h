/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef ENGINE_INTERFACE_H
#define ENGINE_INTERFACE_H
#include "engine/kind.h"
#include "engine/plan.h"
/*
 * What the kinds of interfaces that have addresses of the node share: the addresses, whether they
 * are checked, written, seen or compared. It is a part of their structs.
 */
struct interface {
	struct text_list addresses; /* "10.77.20.13/24", sorted */
	char *gateway;		    /* NULL: no default route through it */
	char *gateway6;
	int dhcp;	  /* its IPv4 address and default route come by DHCP */
	char *lease;	  /* "held" or "none" */
	char *link;	  /* "up" or "down", administratively */
	char *undeclared; /* "some": has an address or default route where none is wanted */
};

/* Their rows in the kind's table. given: flags of what the configuration may have, FIELD_DERIVED when
   it may not. */
/* clang-format off */
#define INTERFACE_FIELDS(type, member, given) \
	{ "addresses", FIELD_LIST, offsetof(type, member.addresses), given, 0, 0, NULL, NULL, \
	  "addresses with prefix length: [ \"10.0.20.5/24\", \"fd00:20::5/64\" ]" }, \
	{ "gateway", FIELD_ADDRESS, offsetof(type, member.gateway), given, 0, 0, NULL, NULL, \
	  "default router reached through this interface" }, \
	{ "gateway6", FIELD_IP, offsetof(type, member.gateway6), given, 0, 0, NULL, NULL, \
	  "the same of IPv6" }, \
	{ "dhcp", FIELD_BOOL, offsetof(type, member.dhcp), given, 0, 0, NULL, NULL, \
	  "IPv4 address and default route by DHCP" }, \
	{ "lease", FIELD_CHOICE, offsetof(type, member.lease), FIELD_DERIVED, 0, 0, "held none", NULL, \
	  "whether it has an address by DHCP: wanted with dhcp" }, \
	{ "link", FIELD_CHOICE, offsetof(type, member.link), FIELD_DERIVED, 0, 0, "up down", NULL, \
	  "whether it is taken up: always wanted" }, \
	{ "undeclared", FIELD_CHOICE, offsetof(type, member.undeclared), FIELD_DERIVED, 0, 0, "none some", NULL, \
	  "whether it has addresses or a default route where none is declared" }
/* clang-format on */

/* Mistakes of what the configuration says of it. mtu: FIELD_UNSET when it is not given. */
void interface_check(const struct site *site, const struct spec *want,
		     const struct interface *interface, uint64_t mtu, struct mistakes *mistakes);
/* Addresses in the kernel's words and sorted, and what is always wanted. */
void interface_derive(struct interface *interface);

/* What is there, as the kernel and networkd tell it. Borrowed. */
struct interface_seen {
	const struct text_list *addresses;
	const char *gateway;  /* of its default route; NULL: none */
	const char *gateway6; /* the same of IPv6 */
	bool up;
	bool dhcp; /* it asks for an address */
};
/* want: NULL when nothing is. */
void interface_observe(const struct interface *want, const struct interface_seen *seen,
		       struct interface *have);

/* Refuse the step when the interface of its name is `foreign`: what it is in words; NULL: ours. */
void interface_judge(struct step *step, const char *foreign);
#endif
