/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/ipv4.h"

#include <arpa/inet.h>
#include <string.h>

bool ipv4_parse(const char *text, uint32_t *address)
{
	struct in_addr parsed;
	/* inet_pton() takes dotted decimal alone: no octal, no "10.1". */
	if (inet_pton(AF_INET, text, &parsed) != 1)
		return false;
	*address = ntohl(parsed.s_addr);
	return true;
}

bool ipv4_parse_network(const char *text, struct ipv4_network *network)
{
	const char *slash = strchr(text, '/');
	struct ipv4_network parsed = { 0, 0 };
	if (slash == NULL || slash - text > 15)
		return false;
	AUTO_FREE char *address = xstrndup(text, (size_t)(slash - text));
	size_t digits = strspn(slash + 1, "0123456789");
	if (!ipv4_parse(address, &parsed.address) || digits < 1 || digits > 2 ||
	    slash[1 + digits] != '\0')
		return false;
	for (size_t i = 0; i < digits; i++)
		parsed.prefix = parsed.prefix * 10 + (unsigned)(slash[1 + i] - '0');
	if (parsed.prefix > 32 || (digits == 2 && slash[1] == '0'))
		return false;
	*network = parsed;
	return true;
}

char *ipv4_text(uint32_t address)
{
	return xasprintf("%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
			 address & 255);
}

static uint32_t host_bits(const struct ipv4_network *network)
{
	return network->prefix == 0 ? UINT32_MAX : (uint32_t)((1ULL << (32 - network->prefix)) - 1);
}

uint32_t ipv4_first(const struct ipv4_network *network)
{
	return network->address & ~host_bits(network);
}

uint32_t ipv4_last(const struct ipv4_network *network)
{
	return network->address | host_bits(network);
}

bool ipv4_contains(const struct ipv4_network *network, uint32_t address)
{
	return address >= ipv4_first(network) && address <= ipv4_last(network);
}

bool ipv4_overlap(const struct ipv4_network *a, const struct ipv4_network *b)
{
	return ipv4_first(a) <= ipv4_last(b) && ipv4_first(b) <= ipv4_last(a);
}
