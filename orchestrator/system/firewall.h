/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_FIREWALL_H
#define SYSTEM_FIREWALL_H
#include <jansson.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Our nftables table `inet moyai`: what is forwarded at all. Everything else
 * is dropped, IPv4 and IPv6 alike. Rules are texts of words, one blank between
 * two; each is also the comment of the nftables rules it stands for, so that
 * what the kernel has can be compared with what the text says:
 *   established                     answers to what was allowed
 *   allow IIF OIF PROTOCOL PORTS        "*": any; PORTS "22,80-90", sorted
 *   forward IIF PROTOCOL PORT ADDRESS PORT [AT]
 *                                   AT: what is for this address of ours; else whatever comes in
 *   guard IIF                       whoever is there begins nothing, whatever "allow" says: not with
 *                                   this node itself either…
 *   exit IIF OIF                    …but with what is behind OIF
 */
struct node;

enum { FIREWALL_RULE_MAX = 100 }; /* bytes: nftables keeps 128 of a comment */

struct firewall_seen {
	bool there;
	char *name;		/* NULL: the table is not one of ours */
	struct text_list rules; /* sorted; "changed …": what is not as we make it */
};
int firewall_get(struct firewall_seen *seen, struct err *err);
/* The same of what `nft --json list table` printed: pure. */
int firewall_parse(const json_t *json, struct firewall_seen *seen, struct err *err);
void firewall_seen_free(struct firewall_seen *seen);

/* The input of `nft --json -f -` that puts the table in place of the one there is:
   one transaction. Pure; the caller decrefs. NULL: a rule is none. */
json_t *firewall_replace(const char *name, const struct text_list *rules, struct err *err);
json_t *firewall_take_away(void);
#endif
