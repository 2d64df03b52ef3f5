/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "daemon/dnsmasq.h"

static struct node_address addresses[2];
static struct network network = {
	.name = (char[]){ "boot" },
	.cidr = (char[]){ "10.77.0.0/24" },
	.mtu = 1500,
};
static struct site_node nodes[2] = {
	{ .name = (char[]){ "gw" }, .mac = (char[]){ "52:54:00:4d:00:12" } },
	{ .name = (char[]){ "store1" }, .mac = (char[]){ "52:54:00:4d:00:14" } },
};
static struct site site = {
	.name = (char[]){ "demo" },
	.domain = (char[]){ "demo.example" },
	.boot_network = (char[]){ "boot" },
	.boot_server = (char[]){ "10.77.0.1" },
	.boot_port = 8077,
	.networks = &network,
	.network_count = 1,
	.nodes = nodes,
	.node_count = 2,
};

static int setup(void **state)
{
	(void)state;
	static char texts[2][16] = { "10.77.0.12", "10.77.0.14" };
	for (int i = 0; i < 2; i++) {
		addresses[i] = (struct node_address){ .network = &network, .address = texts[i] };
		nodes[i].addresses = &addresses[i];
		nodes[i].address_count = 1;
		map_put(&site.node_by_name, nodes[i].name, &nodes[i]);
	}
	map_put(&site.network_by_name, network.name, &network);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	map_free(&site.node_by_name);
	map_free(&site.network_by_name);
	return 0;
}

static int print(struct str *out, struct err *err)
{
	const struct dnsmasq_config config = {
		.site = &site,
		.share_dir = ".",
		.boot_dir = "/state/boot",
		.server = "10.77.0.1",
		.interface = "br0",
		.tftp_dir = "/usr/lib/ipxe",
		.user = "dnsmasq",
	};
	return dnsmasq_config_print(&config, out, err);
}

static void compare(const char *golden)
{
	AUTO_STR struct str wanted = STR_INIT;
	AUTO_STR struct str got = STR_INIT;
	struct err err = ERR_INIT;
	if (print(&got, &err) != 0 || file_read(golden, 1 << 20, &wanted, &err) != 0)
		fail_msg("%s", err.text);
	assert_string_equal(str_text(&got), str_text(&wanted));
}

static void test_config(void **state)
{
	(void)state;
	compare("tests/boot/dnsmasq.conf");
}

static void test_config_gateway(void **state)
{
	(void)state;
	char gateway[] = "gw";
	network.gateway = gateway;
	network.mtu = 9000;
	compare("tests/boot/dnsmasq-gateway.conf");
	network.gateway = NULL;
	network.mtu = 1500;
}

static void test_config_hostile(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	char *domain = site.domain;
	char hostile[] = "example\ndhcp-script=/bin/sh";
	site.domain = hostile;
	assert_int_equal(print(&out, &err), -1);
	assert_string_equal(err.text,
			    "dnsmasq.conf.in: the value of DOMAIN holds a control character");
	assert_string_equal(str_text(&out), "");
	site.domain = domain;
}

static void test_config_no_addresses(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	char *cidr = network.cidr;
	network.cidr = NULL;
	assert_int_equal(print(&out, &err), -1);
	assert_string_equal(err.text, "the boot network needs addresses: cidr = \"10.0.0.0/24\"");
	network.cidr = cidr;
}

/* Lines as dnsmasq 2.90 writes them. */
static void test_log(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum dnsmasq_event_type type;
		const char *mac, *text;
	} lines[] = {
		{ "dnsmasq[12]: started, version 2.90 DNS disabled", DNSMASQ_STARTED, "", "" },
		{ "dnsmasq[12]: compile time options: IPv6 GNU-getopt", DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-dhcp[12]: DHCP, static leases only on 10.77.0.0, lease time 1h",
		  DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-tftp[12]: TFTP root is /usr/lib/ipxe  ", DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-dhcp[12]: 29 available DHCP subnet: 10.77.0.0/255.255.255.0",
		  DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-dhcp[12]: 29 vendor class: PXEClient:Arch:00000", DNSMASQ_NOTHING, "",
		  "" },
		{ "dnsmasq-dhcp[12]: 29 DHCPDISCOVER(br0) 52:54:00:4d:00:14 ", DNSMASQ_PXE,
		  "52:54:00:4d:00:14", "" },
		{ "dnsmasq-dhcp[12]: 29 DHCPDISCOVER(br0) 52:54:00:4d:00:14 ", DNSMASQ_NOTHING, "",
		  "" },
		{ "dnsmasq-dhcp[12]: 29 DHCPOFFER(br0) 10.77.0.14 52:54:00:4d:00:14 ",
		  DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-dhcp[12]: 30 vendor class: udhcp 1.35.0", DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-dhcp[12]: 30 DHCPDISCOVER(br0) 10.77.0.14 52:54:00:4d:00:14 ",
		  DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-dhcp[12]: 31 DHCPDISCOVER(br0) 52:54:00:4D:00:99 ignored",
		  DNSMASQ_UNKNOWN, "52:54:00:4d:00:99", "" },
		{ "dnsmasq-dhcp[12]: 32 DHCPDISCOVER(br0) nonsense ignored", DNSMASQ_NOTHING, "",
		  "" },
		{ "dnsmasq-tftp[12]: sent /usr/lib/ipxe/undionly.kpxe to 10.77.0.14",
		  DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq-tftp[12]: error 8 User aborted the transfer received from 10.77.0.14",
		  DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq[12]: exiting on receipt of SIGTERM", DNSMASQ_NOTHING, "", "" },
		{ "dnsmasq: failed to bind DHCP server socket: Address already in use",
		  DNSMASQ_TROUBLE, "",
		  "failed to bind DHCP server socket: Address already in use" },
		{ "", DNSMASQ_TROUBLE, "", "" },
	};
	struct dnsmasq_log log = { 0 };
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		struct dnsmasq_event event;
		dnsmasq_log_line(&log, lines[i].line, &event);
		if (event.type != lines[i].type)
			fail_msg("%s: event %d", lines[i].line, (int)event.type);
		assert_string_equal(event.mac, lines[i].mac);
		assert_string_equal(event.text, lines[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_gateway),
		cmocka_unit_test(test_config_hostile),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_config_no_addresses),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
