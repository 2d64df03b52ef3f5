/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_NETWORKD_H
#define SYSTEM_NETWORKD_H
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Interfaces of ours are made over rtnetlink, and given to systemd-networkd to
 * run: one file 20-moyai-NAME.network each, which is also the mark. networkd
 * could make them as well (.netdev), but it makes a VLAN only while it
 * reconfigures the parent, and so takes the address away from boot0, over
 * which we are connected, for as long as DHCP takes (measured with 252:
 * 65-190 ms with every KeepConfiguration=). And it never reads a .netdev again.
 */
struct link; /* system/links.h */
struct networkd_link {
	const char *name;
	const char *kind; /* "vlan", "bridge" … */
	uint64_t mtu;
	const struct text_list *addresses;
	const char *gateway;  /* NULL: none */
	const char *gateway6; /* NULL: none */
	bool dhcp;	      /* IPv4 */
};

/* The text of the file: pure. */
void networkd_text(const struct networkd_link *link, struct str *out);
/* Whether a text is ours, and of the kind. */
bool networkd_text_is(const char *text, const char *kind);

/* Names of the interfaces of a kind that have a file of ours. */
int networkd_list(const char *kind, struct text_list *names, struct err *err);
/* Whether the name has a file of ours of this kind. */
int networkd_owns(const char *kind, const char *name, bool *owned, struct err *err);

/* An error when the interface is not of this kind, or there without such a file. */
int networkd_check_ours(const char *kind, const struct link *link, struct err *err);

/* Whether that file asks for DHCP. */
int networkd_asks_dhcp(const char *name, bool *asks, struct err *err);

/* Write the file if it differs, and have networkd know it. An interface that is
   there already is configured anew, even if its file was as wanted. */
int networkd_configure(const struct networkd_link *link, bool is_there, struct err *err);
/* Wait until networkd is through with the interface. Without this an address that
   is about to be taken away for a moment would count as being there. */
int networkd_wait(const char *name, struct err *err);
/* Remove the file; the interface is gone before (a crash between leaves the
   mark, not an interface that nobody owns). */
int networkd_forget(const char *name, struct err *err);
#endif
