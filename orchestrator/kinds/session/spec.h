/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_SESSION_SPEC_H
#define KINDS_SESSION_SPEC_H
#include "engine/kind.h"
/*
 * An iSCSI session to the target of the same name on another node. Its id is
 * FROM/NAME, so that two nodes may have targets of one name for this one, and the
 * disk is at /dev/moyai/FROM/NAME, whatever the kernel calls it.
 */
struct session {
	char *name;
	char *from;
	char *network;
	uint64_t timeout;
	char *link;	  /* interface of the network when it is tagged; derived */
	char *target_iqn; /* derived, as all below */
	char *portal;	  /* "10.0.20.14:3260" */
	char *initiator_iqn;
	char *chap_user;
	char *chap_secret;
	char *mutual_secret; /* the target proves itself with it */
	uint64_t size;	     /* bytes of the disk */
	int logged_in;
	char *device; /* seen: "/dev/sda" */
	char *used;   /* seen: who has the disk open, when a new login would be needed */
};
extern const struct kind_spec session_spec;
#endif
