/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of the network's kinds: texts that are written, answers that are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* cmocka wants the four above before it. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "kinds/service/spec.h"
#include "kinds/sysctl/spec.h"
#include "system/networkd.h"
#include "system/nft.h"
#include "system/units.h"

static void networkd_golden(void **state)
{
	AUTO_STR struct str out = STR_INIT;
	AUTO_LIST struct text_list addresses = TEXT_LIST_INIT;
	(void)state;
	text_list_add(&addresses, "10.77.20.13/24");
	text_list_add(&addresses, "10.77.21.13/24");
	networkd_text(&(struct networkd_link){ "storage", "vlan", 1450, &addresses, "10.77.20.1",
					       NULL, false },
		      &out);
	assert_string_equal(str_text(&out), "# moyai\n"
					    "# vlan\n"
					    "[Match]\n"
					    "Name=storage\n"
					    "\n"
					    "[Link]\n"
					    "MTUBytes=1450\n"
					    "\n"
					    "[Network]\n"
					    "LinkLocalAddressing=no\n"
					    "IPv6AcceptRA=no\n"
					    "KeepMaster=yes\n"
					    "ConfigureWithoutCarrier=yes\n"
					    "Address=10.77.20.13/24\n"
					    "Address=10.77.21.13/24\n"
					    "Gateway=10.77.20.1\n");
	str_clear(&out);
	text_list_add(&addresses, "fd00:20::13/64");
	networkd_text(&(struct networkd_link){ "storage", "vlan", 1450, &addresses, NULL,
					       "fd00:20::1", false },
		      &out);
	assert_non_null(strstr(str_text(&out), "LinkLocalAddressing=ipv6\n"));
	assert_non_null(strstr(str_text(&out), "Address=fd00:20::13/64\nGateway=fd00:20::1\n"));
	assert_true(networkd_text_is(str_text(&out), "vlan"));
	assert_false(networkd_text_is(str_text(&out), "bridge"));
	assert_false(networkd_text_is("[Match]\nName=storage\n", "vlan"));
	assert_false(networkd_text_is("", "vlan"));
}

/* As nft 1.0.6 prints it. */
static const char TABLE[] =
	"{\"nftables\": [{\"metainfo\": {\"version\": \"1.0.6\", \"release_name\": \"Lester "
	"Gooch #5\", \"json_schema_version\": 1}}, {\"table\": {\"family\": \"ip\", \"name\": "
	"\"moyai\", \"handle\": 1}}, {\"chain\": {\"family\": \"ip\", \"table\": \"moyai\", "
	"\"name\": \"postrouting\", \"handle\": 1, \"type\": \"nat\", \"hook\": \"postrouting\", "
	"\"prio\": 100, \"policy\": \"accept\"}}, {\"rule\": {\"family\": \"ip\", \"table\": "
	"\"moyai\", \"chain\": \"postrouting\", \"handle\": 2, \"comment\": \"moyai:guests\", "
	"\"expr\": [{\"match\": {\"op\": \"==\", \"left\": {\"payload\": {\"protocol\": \"ip\", "
	"\"field\": \"saddr\"}}, \"right\": {\"prefix\": {\"addr\": \"10.77.30.0\", \"len\": "
	"24}}}}, {\"match\": {\"op\": \"==\", \"left\": {\"meta\": {\"key\": \"oifname\"}}, "
	"\"right\": \"boot0\"}}, {\"masquerade\": null}]}}, {\"rule\": {\"family\": \"ip\", "
	"\"table\": \"moyai\", \"chain\": \"postrouting\", \"handle\": 3, \"comment\": "
	"\"moyai:one\", \"expr\": [{\"match\": {\"op\": \"==\", \"left\": {\"payload\": "
	"{\"protocol\": \"ip\", \"field\": \"saddr\"}}, \"right\": \"10.0.0.1\"}}, {\"match\": "
	"{\"op\": \"==\", \"left\": {\"meta\": {\"key\": \"oifname\"}}, \"right\": \"boot0\"}}, "
	"{\"counter\": {\"packets\": 0, \"bytes\": 0}}, {\"masquerade\": null}]}}, {\"rule\": "
	"{\"family\": \"ip\", \"table\": \"moyai\", \"chain\": \"postrouting\", \"handle\": 4, "
	"\"expr\": [{\"accept\": null}]}}]}";

static void parse_table(struct nft_rules *rules)
{
	struct err err = ERR_INIT;
	json_t *json = json_loads(TABLE, 0, NULL);
	assert_non_null(json);
	assert_int_equal(nft_rules_parse(json, rules, &err), 0);
	json_decref(json);
}

static void nft_parses(void **state)
{
	struct nft_rules rules;
	(void)state;
	parse_table(&rules);
	assert_true(rules.whole);
	assert_int_equal(rules.count, 2);
	assert_int_equal(rules.foreign, 1);
	assert_string_equal(rules.items[0].name, "guests");
	assert_string_equal(rules.items[0].from, "10.77.30.0/24");
	assert_string_equal(rules.items[0].out, "boot0");
	assert_int_equal(rules.items[0].handle, 2);
	/* Somebody added a counter: it is not the rule we write. */
	assert_string_equal(rules.items[1].name, "one");
	assert_null(rules.items[1].from);
	assert_null(rules.items[1].out);
	nft_rules_free(&rules);
}

static void nft_refuses(void **state)
{
	struct err err = ERR_INIT;
	struct nft_rules rules = { 0 };
	json_t *json = json_loads("{\"tables\": []}", 0, NULL);
	(void)state;
	assert_int_equal(nft_rules_parse(json, &rules, &err), -1);
	assert_string_equal(err.text, "nft: its JSON has no list \"nftables\"");
	json_decref(json);
	assert_null(nft_replace(&rules, "a", "10.0.0.0", "boot0", &err));
	assert_string_equal(err.text, "\"10.0.0.0\" has no prefix length");
}

static char *dump(json_t *json)
{
	assert_non_null(json);
	char *text = json_dumps(json, JSON_COMPACT);
	json_decref(json);
	return text;
}

static void nft_writes(void **state)
{
	struct err err = ERR_INIT;
	struct nft_rules rules;
	(void)state;
	parse_table(&rules);
	AUTO_FREE char *text =
		dump(nft_replace(&rules, "guests", "10.1.0.0/16", "x\" accept", &err));
	assert_string_equal(
		text,
		"{\"nftables\":[{\"add\":{\"table\":{\"family\":\"ip\",\"name\":\"moyai\"}}},"
		"{\"add\":{\"chain\":{\"family\":\"ip\",\"table\":\"moyai\",\"name\":"
		"\"postrouting\","
		"\"type\":\"nat\",\"hook\":\"postrouting\",\"prio\":100,\"policy\":\"accept\"}}},"
		"{\"delete\":{\"rule\":{\"family\":\"ip\",\"table\":\"moyai\",\"chain\":"
		"\"postrouting\",\"handle\":2}}},{\"add\":{\"rule\":{\"family\":\"ip\",\"table\":"
		"\"moyai\",\"chain\":\"postrouting\",\"comment\":\"moyai:guests\",\"expr\":[{"
		"\"match\":{\"op\":\"==\",\"left\":{\"payload\":{\"protocol\":\"ip\",\"field\":"
		"\"saddr\"}},\"right\":{\"prefix\":{\"addr\":\"10.1.0.0\",\"len\":16}}}},{"
		"\"match\":{"
		"\"op\":\"==\",\"left\":{\"meta\":{\"key\":\"oifname\"}},\"right\":\"x\\\" "
		"accept\"}},"
		"{\"masquerade\":null}]}}}]}");
	AUTO_FREE char *one = dump(nft_take_away(&rules, "one"));
	assert_string_equal(one,
			    "{\"nftables\":[{\"delete\":{\"rule\":{\"family\":\"ip\",\"table\":"
			    "\"moyai\",\"chain\":\"postrouting\",\"handle\":3}}}]}");
	/* With the last rule goes the table. */
	rules.foreign = 0;
	free(rules.items[1].name);
	rules.items[1].name = xstrdup("guests");
	AUTO_FREE char *last = dump(nft_take_away(&rules, "guests"));
	assert_string_equal(last, "{\"nftables\":[{\"delete\":{\"table\":{\"family\":\"ip\","
				  "\"name\":\"moyai\"}}}]}");
	nft_rules_free(&rules);
}

static void units_read(void **state)
{
	struct err err = ERR_INIT;
	json_t *units = units_parse("[{\"unit\":\"dbus.service\",\"load\":\"loaded\",\"active\":"
				    "\"active\",\"sub\":\"running\",\"description\":\"D-Bus\"}]",
				    &err);
	(void)state;
	assert_non_null(units);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(units, "dbus.service"), 1)),
		"running");
	json_decref(units);
	assert_null(units_parse("{}", &err));
	assert_string_equal(err.text, "systemctl: its list of units cannot be read");
	assert_null(units_parse("", &err));
}

static void sysctl_names(void **state)
{
	static const char *const BAD[] = {
		"",	   "net",     ".net.a",	   "net..a",	   "net.a.", "net/../../etc/passwd",
		"net.a b", "net.a\n", "net.$(id)", "net.\xc3\xa9", "net.'a'"
	};
	(void)state;
	assert_true(sysctl_name_valid("net.ipv4.ip_forward"));
	assert_true(sysctl_name_valid("net.ipv4.conf.br-guests.rp_filter"));
	for (size_t i = 0; i < COUNT_OF(BAD); i++)
		assert_false(sysctl_name_valid(BAD[i]));
	assert_true(sysctl_value_valid("4096\t131072 6291456"));
	assert_false(sysctl_value_valid(" \t"));
	assert_false(sysctl_value_valid("1\nkernel.panic = 1"));
	assert_true(sysctl_value_equal("4096\t131072\t6291456\n", " 4096 131072   6291456"));
	assert_false(sysctl_value_equal("4096 13107", "4096 131072"));
	assert_false(sysctl_value_equal("1", "1 1"));
}

static void service_names(void **state)
{
	static const char *const BAD[] = { "",
					   "libvirtd",
					   ".service",
					   "-H.service",
					   "../a.service",
					   "a b.service",
					   "a\n.service",
					   "$(id).service",
					   "a.service.new",
					   "a/b.service" };
	(void)state;
	assert_true(service_name_valid("libvirtd.service"));
	assert_true(service_name_valid("getty@tty1.service"));
	assert_true(service_name_valid("virtlogd.socket"));
	for (size_t i = 0; i < COUNT_OF(BAD); i++)
		assert_false(service_name_valid(BAD[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(networkd_golden), cmocka_unit_test(nft_parses),
		cmocka_unit_test(nft_refuses),	   cmocka_unit_test(nft_writes),
		cmocka_unit_test(units_read),	   cmocka_unit_test(sysctl_names),
		cmocka_unit_test(service_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
