/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/dnsmasq.h"
#include "daemon/ipxe.h"

/* What it says at every start and end, or for things that are no trouble. */
static const char *const USUAL[] = {
	"compile time options", "DNS disabled",		 "DHCP, static leases only",
	"DHCP, sockets",	"exiting on receipt of", "TFTP root is",
	"cleared cache",	"IPv6 router",		 "warning: no upstream ",
	"no servers found",
};

static unsigned slot(struct dnsmasq_log *log, uint64_t number)
{
	for (unsigned i = 0; i < DNSMASQ_EXCHANGES; i++)
		if (log->exchanges[i].used && log->exchanges[i].number == number)
			return i;
	unsigned i = log->next++ % DNSMASQ_EXCHANGES;
	memset(&log->exchanges[i], 0, sizeof(log->exchanges[i]));
	log->exchanges[i].used = true;
	log->exchanges[i].number = number;
	return i;
}

/* "DHCPDISCOVER(br0) 52:54:00:4d:00:14 ignored" */
static void discover(struct dnsmasq_log *log, uint64_t number, const char *text,
		     struct dnsmasq_event *event)
{
	const char *at = strchr(text, ' ');
	char word[18] = "";
	char mac[18];
	/* An address may stand before the MAC: "DHCPDISCOVER(br0) 10.77.0.9 52:54:…". */
	while (at) {
		snprintf(word, sizeof(word), "%.17s", at + 1);
		if (ipxe_mac(word, mac) == 0)
			break;
		at = strchr(at + 1, ' ');
	}
	if (at == NULL)
		return;
	unsigned i = slot(log, number);
	if (strstr(at, " ignored") || strstr(at, " no address available")) {
		event->type = DNSMASQ_UNKNOWN;
	} else if (log->exchanges[i].pxe && !log->exchanges[i].told) {
		/* A repeated question is the same exchange. */
		log->exchanges[i].told = true;
		event->type = DNSMASQ_PXE;
	} else {
		return;
	}
	memcpy(event->mac, mac, sizeof(mac));
}

static void numbered(struct dnsmasq_log *log, uint64_t number, const char *text,
		     struct dnsmasq_event *event)
{
	if (text_starts(text, "DHCPDISCOVER("))
		discover(log, number, text, event);
	else if (text_starts(text, "vendor class: PXEClient"))
		log->exchanges[slot(log, number)].pxe = true;
}

void dnsmasq_log_line(struct dnsmasq_log *log, const char *line, struct dnsmasq_event *event)
{
	*event = (struct dnsmasq_event){ .type = DNSMASQ_NOTHING };
	const char *text = strstr(line, ": ");
	text = text ? text + 2 : line;
	while (*text == ' ')
		text++;
	char *rest;
	unsigned long long number = strtoull(text, &rest, 10);
	if (rest != text && *rest == ' ') {
		numbered(log, number, rest + 1, event);
		return;
	}
	/* iPXE asks for a file's size and aborts: no trouble. */
	if (strstr(line, "dnsmasq-tftp["))
		return;
	if (text_starts(text, "started, version")) {
		event->type = DNSMASQ_STARTED;
		return;
	}
	for (size_t i = 0; i < COUNT_OF(USUAL); i++)
		if (text_starts(text, USUAL[i]))
			return;
	event->type = DNSMASQ_TROUBLE;
	snprintf(event->text, sizeof(event->text), "%s", text);
}
