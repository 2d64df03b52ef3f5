/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_IPV4_H
#define MODEL_IPV4_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
/* IPv4 addresses as numbers in the machine's byte order. */
struct ipv4_network {
	uint32_t address; /* as written: may have host bits */
	unsigned prefix;  /* 0-32 */
};
bool ipv4_parse(const char *text, uint32_t *address);
bool ipv4_parse_network(const char *text, struct ipv4_network *network); /* "10.0.0.0/24" */
char *ipv4_text(uint32_t address);					 /* the caller frees */
uint32_t ipv4_first(const struct ipv4_network *network);		 /* the network's own */
uint32_t ipv4_last(const struct ipv4_network *network);			 /* broadcast */
bool ipv4_overlap(const struct ipv4_network *a, const struct ipv4_network *b);
bool ipv4_contains(const struct ipv4_network *network, uint32_t address);
#endif
