/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_SESSION_SPEC_H
#define KINDS_SESSION_SPEC_H
#include "engine/kind.h"
/*
 * An iSCSI session to the target of the same name on another node. Its id is
 * FROM/NAME, so that two nodes may have targets of one name for this one, and the
 * disk is at /dev/moyai/FROM/NAME, whatever the kernel calls it.
 *
 * Over several networks it is a session over each of them, in the kernel's words, and the disk is
 * the dm-multipath map of theirs: it goes on as long as one network does. What has to be the same
 * on all of them is one field, and a network that is away for a while is a warning, no difference:
 * iscsid gets it back by itself.
 */
struct session {
	char *name;
	char *from;
	char *network;
	struct text_list more_networks;
	uint64_t timeout;
	struct text_list links; /* interfaces of the networks that are tagged; derived */
	char *target_iqn;	/* derived, as all below */
	char *portals;		/* sorted: "10.0.20.14:3260 10.0.21.14:3260" */
	char *initiator_iqn;
	char *chap_user;
	char *chap_secret;
	char *mutual_secret;  /* the target proves itself with it */
	uint64_t size;	      /* bytes of the disk */
	int logged_in;	      /* over one of the portals at least */
	int multipath;	      /* joined and watched; wanted with several portals */
	uint64_t way_timeout; /* seconds one of several portals is waited for, as below */
	char *wwid;	      /* what all of several ways call the disk: "36001405…" */
	char *away;	      /* seen: portals that cannot be reached now */
	char *device;	      /* seen: "/dev/sda" */
	char *used;	      /* seen: who has the disk open, when it would go away */
};
/*
 * way_timeout, seconds. That a way is dead is noticed by its pings, within 10 s; what was sent over
 * it is then held back this long, and goes over another one. More would be a longer stall, with a good
 * way beside it; at 0 a switch port that blinks would cost a change of ways each time.
 */
enum { SESSION_WAY_TIMEOUT_S = 5 };
extern const struct kind_spec session_spec;
#endif
