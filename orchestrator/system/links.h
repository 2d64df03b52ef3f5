/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_LINKS_H
#define SYSTEM_LINKS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Network interfaces, their addresses (but link-local ones) and the default routes
 * of the main table, from three rtnetlink dumps over one socket.
 */
struct node;

struct link {
	int index;
	char *name;
	char *kind;  /* "vlan", "bridge", …; NULL for hardware */
	char *state; /* operational state as in RFC 2863: "up", "down", "lowerlayerdown" … */
	char mac[18];
	char own_mac[18]; /* the hardware's, also while it has that of its bond */
	int parent;	  /* index of the interface below; 0: none */
	int master;	  /* index of the bridge or bond it is a port of; 0: none */
	uint64_t mtu;
	uint64_t vlan;		    /* tag; 0: not a vlan */
	bool filters;		    /* of a bridge: by VLAN, so that own tags of ports count */
	bool up;		    /* administratively */
	struct text_list addresses; /* "10.77.20.13/24", "fd00::13/64", sorted */
	char *bond_mode; /* "802.3ad", "active-backup", another number; NULL: not a bond */
	uint64_t bond_miimon_ms;
	bool bond_fast; /* LACP rate */
	bool bond_up;	/* of a port of a bond: its link is there, as miimon has it */
	char *gateway;	/* of the default route with the best metric; NULL: none */
	uint64_t gateway_metric;
	char *gateway6; /* the same of IPv6 */
	uint64_t gateway6_metric;
};
struct links {
	struct link *items;
	size_t count;
};

/* The snapshot of this phase, owned by the node. NULL on an error. */
const struct links *links_get(struct node *node, struct err *err);
void links_free(struct links *links);

const struct link *links_find(const struct links *links, const char *name); /* or NULL */
const struct link *links_find_index(const struct links *links, int index);  /* or NULL */

/*
 * Adds the vlans or bridges whose subnets have the addresses of portals, "10.0.20.5:3260
 * 10.0.21.5:3260"; none for one that is reached some other way.
 */
void links_toward(const struct links *links, const char *portals, struct text_list *names);

/* For people: the interfaces of the machine itself, "boot0 (52:54:…), eth1 (52:54:…)". */
void links_describe_ports(const struct links *links, struct str *out);

/* What it is in words: "a vlan interface", "a hardware interface". Static text. */
const char *link_kind_text(const struct link *link);

/*
 * Changes, each acknowledged by the kernel and a crash point before and after.
 * What is already so is fine.
 */
int link_delete(const char *name, struct err *err);
int link_create_vlan(const char *name, const struct link *parent, uint64_t id, struct err *err);
/* Without spanning tree and forwarding delay; `filters`: by VLAN. */
int link_create_bridge(const char *name, const uint8_t mac[6], bool filters, struct err *err);
/* mode: as bond_mode. fast is for 802.3ad alone. */
int link_create_bond(const char *name, const char *mode, uint64_t miimon_ms, bool fast,
		     struct err *err);
/* The bond has no ports and is down. */
int link_change_bond(int index, const char *mode, uint64_t miimon_ms, bool fast, struct err *err);
int link_set_mtu(int index, uint64_t mtu, struct err *err);
int link_set_filtering(int bridge, struct err *err);
/* Make `port` (an index) a port of the bridge with the index `master`. */
int link_set_master(int port, int master, struct err *err);
int link_set_up(int index, struct err *err);
int link_set_down(int index, struct err *err);
#endif
