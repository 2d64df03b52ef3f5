/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_NFT_H
#define SYSTEM_NFT_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * Our nftables table `ip moyai`: one chain, one rule per masquerade with the
 * comment "moyai:NAME". Spoken in JSON both ways, so that no value of the
 * configuration is ever parsed as nft's language.
 */
struct node;

struct nft_rule {
	char *name;
	char *from; /* "10.77.30.0/24"; NULL: the rule is not what we write */
	char *out;  /* NULL likewise */
	uint64_t handle;
};
struct nft_rules {
	struct nft_rule *items;
	size_t count;
	bool whole;	/* table and chain are there as we make them */
	size_t foreign; /* rules in our table without our comment */
};

/* What `nft --json list table` printed: pure. */
int nft_rules_parse(const json_t *json, struct nft_rules *rules, struct err *err);
void nft_rules_free(struct nft_rules *rules);

/* The input of `nft --json -f -` that makes the table, the chain and the rule,
   in place of the rules of that name in `have`: pure. The caller decrefs. */
json_t *nft_replace(const struct nft_rules *have, const char *name, const char *from,
		    const char *out, struct err *err);
/* The same that takes the rules of that name away, and the table with the last one. */
json_t *nft_take_away(const struct nft_rules *have, const char *name);

/* The rules of this phase. Costs no process while the table is not there. */
int nft_rules_get(struct node *node, struct nft_rules *rules, struct err *err);
/* The table `moyai` of a family ("ip", and its number NFPROTO_IPV4) as nft prints it;
   of one that is not there, an empty list. The caller decrefs. NULL: an error. */
json_t *nft_table_read(const char *family, int number, struct err *err);
/* One transaction. json is consumed. */
int nft_run(json_t *json, struct err *err);
#endif
