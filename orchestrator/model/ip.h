/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_IP_H
#define MODEL_IP_H
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
/* Addresses of either family. What is IPv4 alone is in model/ipv4.h. */
struct ip {
	uint8_t bytes[16]; /* network order */
	unsigned bits;	   /* 32: IPv4, 128: IPv6 */
};
struct ip_subnet {
	struct ip address; /* as written: may have host bits */
	unsigned prefix;
};
bool ip_parse(const char *text, struct ip *ip);
bool ip_parse_subnet(const char *text, struct ip_subnet *subnet); /* with prefix length */
/* RFC 5952 for IPv6; the caller frees. */
char *ip_text(const struct ip *ip);
char *ip_subnet_text(const struct ip_subnet *subnet);
bool ip_is_v6(const char *text); /* of a text that was parsed before */
bool ip_in(const struct ip_subnet *subnet, const struct ip *ip);
bool ip_subnets_overlap(const struct ip_subnet *a, const struct ip_subnet *b);
bool ip_has_host_bits(const struct ip_subnet *subnet);
#endif
