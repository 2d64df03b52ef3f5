/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef KINDS_FIREWALL_SPEC_H
#define KINDS_FIREWALL_SPEC_H
#include "engine/kind.h"
/*
 * What a gateway forwards between its networks: nothing but what is allowed,
 * and the answers to it. What is for the gateway itself is not its business.
 */
struct firewall {
	char *name;
	struct text_list allow;	  /* "guests -> storage tcp 22,80-90" */
	struct text_list forward; /* "boot tcp 8080 -> 10.77.30.5 80" */
	struct text_list rules;	  /* of system/firewall.h, sorted */
};
extern const struct kind_spec firewall_spec;
#endif
