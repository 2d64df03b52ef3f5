/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/ip.h"

#include <arpa/inet.h>
#include <string.h>

bool ip_parse(const char *text, struct ip *ip)
{
	struct ip parsed = { { 0 }, 0 };
	if (inet_pton(AF_INET, text, parsed.bytes) == 1)
		parsed.bits = 32;
	else if (inet_pton(AF_INET6, text, parsed.bytes) == 1)
		parsed.bits = 128;
	else
		return false;
	*ip = parsed;
	return true;
}

bool ip_parse_subnet(const char *text, struct ip_subnet *subnet)
{
	const char *slash = strchr(text, '/');
	struct ip_subnet parsed = { .prefix = 0 };
	if (slash == NULL || slash - text >= INET6_ADDRSTRLEN)
		return false;
	AUTO_FREE char *address = xstrndup(text, (size_t)(slash - text));
	const char *digits = slash + 1;
	size_t count = strspn(digits, "0123456789");
	if (!ip_parse(address, &parsed.address) || count < 1 || count > 3 || digits[count] != '\0')
		return false;
	for (size_t i = 0; i < count; i++)
		parsed.prefix = parsed.prefix * 10 + (unsigned)(digits[i] - '0');
	if (parsed.prefix > parsed.address.bits || (count > 1 && digits[0] == '0'))
		return false;
	*subnet = parsed;
	return true;
}

char *ip_text(const struct ip *ip)
{
	char text[INET6_ADDRSTRLEN];
	return xstrdup(
		inet_ntop(ip->bits == 32 ? AF_INET : AF_INET6, ip->bytes, text, sizeof(text)));
}

char *ip_subnet_text(const struct ip_subnet *subnet)
{
	AUTO_FREE char *address = ip_text(&subnet->address);
	return xasprintf("%s/%u", address, subnet->prefix);
}

bool ip_is_v6(const char *text)
{
	return strchr(text, ':') != NULL;
}

/* The first `bits` bits are the same. */
static bool same_bits(const struct ip *a, const struct ip *b, unsigned bits)
{
	unsigned whole = bits / 8;
	unsigned mask = bits % 8 ? 0xFFu << (8 - bits % 8) & 0xFF : 0;
	return a->bits == b->bits && memcmp(a->bytes, b->bytes, whole) == 0 &&
	       (mask == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & mask) == 0);
}

bool ip_in(const struct ip_subnet *subnet, const struct ip *ip)
{
	return same_bits(&subnet->address, ip, subnet->prefix);
}

bool ip_subnets_overlap(const struct ip_subnet *a, const struct ip_subnet *b)
{
	return same_bits(&a->address, &b->address, a->prefix < b->prefix ? a->prefix : b->prefix);
}

bool ip_has_host_bits(const struct ip_subnet *subnet)
{
	for (unsigned bit = subnet->prefix; bit < subnet->address.bits; bit++)
		if (subnet->address.bytes[bit / 8] & (0x80u >> bit % 8))
			return true;
	return false;
}
