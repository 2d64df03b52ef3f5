/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/refer.h"
#include "engine/slice.h"
#include "model/nodeset.h"

/* Tests run in the source tree. */
static const char SHARE[] = "tests/golden/share";

static void read_good(const char *text, struct site *site)
{
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str all = STR_INIT;
	assert_int_equal(
		site_read_text(text, strlen(text), "/nonexistent", SHARE, site, &mistakes, &err),
		0);
	mistakes_print(&mistakes, &all);
	assert_string_equal(str_text(&all), "");
	mistakes_free(&mistakes);
}

static const char GOOD[] =
	"name = \"lab\"; domain = \"lab.example\"; mirror = \"http://mirror.example/debian\";\n"
	"authorized_keys = [ \"ssh-ed25519 "
	"AAAAC3NzaC1lZDI1NTE5AAAAIEHhPtb2jZ2AQQA5zSLFTMIqY7rH6oGv1XjFQcE8b8Zp a \\\"b\\\" $(c)\" "
	"];\n"
	"boot = { network = \"boot\"; server = \"10.0.0.1\"; };\n"
	"networks = ( { name = \"boot\"; cidr = \"10.0.0.0/24\"; },\n"
	"  { name = \"storage\"; cidr = \"10.0.20.0/24\"; vlan = 20; gateway = \"store1\"; },\n"
	"  { name = \"guests\"; vlan = 30; mtu = 1400; cidr = \"10.0.30.0/24\"; } );\n"
	"nodes = ( { name = \"store1\"; role = \"storage\"; mac = \"52-54-00-00-00-0A\";\n"
	"    addresses = { boot = \"10.0.0.11\"; storage = \"10.0.20.11\"; };\n"
	"    may_lose = [ \"volume/home\" ];\n"
	"    bmc = { type = \"redfish\"; address = \"10.0.9.11\"; port = 8443; user = \"admin\";\n"
	"      pin = \"sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"; system = \"1\";\n"
	"      network_boot = false; };\n"
	"    partitions = ( { name = \"main\"; disk = \"/dev/disk/by-id/a b\"; } );\n"
	"    pools = ( { name = \"main\"; partitions = [ \"main\" ]; } );\n"
	"    guests = { storage = \"1T\"; pool = \"main\"; networks = [ \"storage\" ]; };\n"
	"    volumes = ( { name = \"home\"; pool = \"main\"; size = 4194304; } );\n"
	"    targets = ( { name = \"home\"; volume = \"home\"; initiator = \"vm1\";\n"
	"      network = \"storage\"; } ); },\n"
	"  { name = \"vm1\"; role = \"vm-server\"; mac = \"52:54:00:00:00:0b\";\n"
	"    addresses = { boot = \"10.0.0.12\"; storage = \"10.0.20.12\"; guests = "
	"\"10.0.30.12\"; };\n"
	"    bridges = ( { name = \"br0\"; network = \"guests\"; } );\n"
	"    guests = { vcpus = 8; memory = \"16G\"; };\n"
	"    sessions = ( { name = \"home\"; from = \"store1\"; network = \"storage\";\n"
	"      timeout = \"2m\"; } ); } );\n";

static void test_print_parses_again(void **state)
{
	struct site first;
	struct site second;
	AUTO_STR struct str one = STR_INIT;
	AUTO_STR struct str two = STR_INIT;
	(void)state;
	read_good(GOOD, &first);
	site_print(&first, &one);
	read_good(str_text(&one), &second);
	site_print(&second, &two);
	assert_string_equal(str_text(&one), str_text(&two));
	assert_string_equal(second.authorized_keys.items[0] + 81, "a \"b\" $(c)");
	assert_string_equal(site_find_node(&second, "store1")->mac, "52:54:00:00:00:0a");
	assert_ptr_equal(site_find_mac(&second, "52:54:00:00:00:0a"), &second.nodes[0]);
	assert_string_equal(site_node_boot_address(&second, &second.nodes[1]), "10.0.0.12");
	const struct site_bmc *bmc = &second.nodes[0].bmc;
	assert_string_equal(bmc->type, "redfish");
	assert_string_equal(bmc->address, "10.0.9.11");
	assert_int_equal(bmc->port, 8443);
	assert_int_equal(bmc->network_boot, 0);
	assert_null(second.nodes[1].bmc.type);
	assert_string_equal(second.nodes[0].guests.networks.items[0], "storage");
	assert_true(second.nodes[1].guests.memory == 16ULL << 30);
	site_free(&first);
	site_free(&second);
}

static void test_demo_parses_again(void **state)
{
	struct site first;
	struct site second;
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str one = STR_INIT;
	AUTO_STR struct str two = STR_INIT;
	(void)state;
	assert_int_equal(site_read("configs/demo", ".", &first, &mistakes, &err), 0);
	assert_count(mistakes.count, 0);
	assert_count(first.node_count, 5);
	site_print(&first, &one);
	assert_int_equal(site_read_text(str_text(&one), one.length, "configs/demo", ".", &second,
					&mistakes, &err),
			 0);
	assert_count(mistakes.count, 0);
	site_print(&second, &two);
	assert_string_equal(str_text(&one), str_text(&two));
	site_free(&first);
	site_free(&second);
}

static json_t *slice_of(const struct site *site, const char *name, const struct site_key *key)
{
	struct slice slice;
	struct slice again;
	struct err err = ERR_INIT;
	struct derive from = { .site = site, .node = site_find_node(site, name), .key = key };
	int failed = slice_make(&from, &slice, &err);
	assert_string_equal(err.text, "");
	assert_int_equal(failed, 0);
	json_t *json = slice_to_json(&slice);
	assert_non_null(json);
	assert_int_equal(slice_from_json(json, &again, &err), 0);
	json_t *back = slice_to_json(&again);
	assert_true(json_equal(json, back));
	json_decref(back);
	slice_free(&slice);
	slice_free(&again);
	return json;
}

/* The fields of a resource of a slice. */
#define STORE(name, byte)                                                                          \
	"{ name = \"" name "\"; role = \"storage\"; mac = \"52:54:00:00:00:0" byte "\";\n"         \
	"  addresses = { boot = \"10.0.0.1" byte "\"; };\n"                                        \
	"  memories = ( { name = \"home\"; size = \"1M\"; } );\n"                                  \
	"  targets = ( { name = \"home\"; memory = \"home\"; initiator = \"vm1\";\n"               \
	"    network = \"boot\"; } ); },\n"
#define TWO_STORES(first, second)                                                                  \
	"name = \"lab\"; domain = \"lab.example\"; mirror = \"http://mirror.example/debian\";\n"   \
	"boot = { network = \"boot\"; server = \"10.0.0.1\"; };\n"                                 \
	"networks = ( { name = \"boot\"; cidr = \"10.0.0.0/24\"; } );\n"                           \
	"nodes = ( " STORE("store1", "1") STORE(                                                   \
		"store2",                                                                          \
		"2") "{ name = \"vm1\";\n"                                                         \
		     "  role = \"vm-server\"; mac = \"52:54:00:00:00:03\"; addresses = { boot = "  \
		     "\"10.0.0.13\"; };\n"                                                         \
		     "  sessions = (\n"                                                            \
		     "    { name = \"home\"; from = \"" first "\"; network = \"boot\"; },\n"       \
		     "    { name = \"home\"; from = \"" second                                     \
		     "\"; network = \"boot\"; } ); } );\n"

static json_t *want(json_t *slice, const char *kind, const char *name)
{
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(slice, "wants"), i, item)
	{
		json_t *fields = json_object_get(item, "fields");
		if (text_equal(json_string_value(json_object_get(item, "kind")), kind) &&
		    text_equal(json_string_value(json_object_get(fields, "name")), name))
			return fields;
	}
	return NULL;
}

static const char *text_of(json_t *fields, const char *name)
{
	return json_string_value(json_object_get(fields, name));
}

static void test_slice(void **state)
{
	struct site site;
	struct site_key key = { { 7 } };
	(void)state;
	read_good(GOOD, &site);
	json_t *store = slice_of(&site, "store1", &key);
	json_t *vm = slice_of(&site, "vm1", &key);
	assert_non_null(want(vm, "service", "libvirtd.service")); /* its role's */
	json_t *vlan = want(vm, "vlan", "storage");
	assert_string_equal(text_of(vlan, "parent"), "boot0");
	assert_int_equal(json_integer_value(json_object_get(vlan, "id")), 20);
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(vlan, "addresses"), 0)),
		"10.0.20.12/24");
	assert_string_equal(text_of(vlan, "gateway"), "10.0.20.11");
	assert_null(text_of(want(store, "vlan", "storage"), "gateway")); /* it is the router */
	assert_null(want(store, "vlan", "guests"));
	/* Below a bridge: the address is the bridge's. */
	assert_non_null(want(vm, "vlan", "guests"));
	assert_null(json_object_get(want(vm, "vlan", "guests"), "addresses"));
	json_t *bridge = want(vm, "bridge", "br0");
	assert_string_equal(text_of(bridge, "port"), "guests");
	assert_int_equal(json_integer_value(json_object_get(bridge, "mtu")), 1400);
	/* Both ends agree. */
	const char *secret = text_of(want(store, "target", "home"), "chap_secret");
	assert_non_null(secret);
	assert_count(strlen(secret), 24);
	assert_string_equal(secret, text_of(want(vm, "session", "home"), "chap_secret"));
	assert_string_equal(text_of(want(store, "target", "home"), "iqn"),
			    text_of(want(vm, "session", "home"), "target_iqn"));
	assert_string_equal(
		json_string_value(json_array_get(json_object_get(store, "may_lose"), 0)),
		"volume/home");
	assert_string_equal(text_of(want(store, "partition", "main"), "disk"),
			    "/dev/disk/by-id/a b");
	json_decref(store);
	json_decref(vm);
	site_free(&site);
}

static void test_slice_json_refuses(void **state)
{
	static const struct {
		const char *json, *error;
	} CASES[] = {
		{ "{}", "slice: is not { site, node, wants, may_lose, consent }" },
		{ "{\"site\":\"s\",\"node\":\"n\",\"wants\":[{\"kind\":\"x\",\"fields\":{}}],"
		  "\"may_lose\":[],\"consent\":[]}",
		  "slice: wants 0: there is no kind \"x\"" },
		{ "{\"site\":\"s\",\"node\":\"n\",\"wants\":[{\"kind\":\"volume\",\"fields\":{}}],"
		  "\"may_lose\":[],\"consent\":[]}",
		  "slice: wants 0: volume without a name" },
		{ "{\"site\":\"s\",\"node\":\"n\",\"wants\":[],\"may_lose\":[1],\"consent\":[]}",
		  "slice: may_lose: item 0 is not text" },
		{ "{\"site\":\"s\",\"node\":\"n\",\"wants\":[],\"may_lose\":[],\"consent\":[],"
		  "\"more\":1}",
		  "slice: is not { site, node, wants, may_lose, consent }" },
		{ "{\"site\":\"s\",\"node\":\"n\",\"wants\":[],\"may_lose\":[],\"consent\":[],"
		  "\"who\":1}",
		  "slice: is not { site, node, wants, may_lose, consent }" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		struct slice slice;
		struct err err = ERR_INIT;
		json_t *json = json_loads(CASES[i].json, 0, NULL);
		assert_int_equal(slice_from_json(json, &slice, &err), -1);
		assert_string_equal(err.text, CASES[i].error);
		json_decref(json);
	}
}

static void expect_set(const struct site *site, const char *text, const char *expected)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_STR struct str joined = STR_INIT;
	struct err err = ERR_INIT;
	if (nodeset_parse(text, site, &names, &err) != 0)
		str_add(&joined, err.text);
	for (size_t i = 0; i < names.count; i++)
		str_addf(&joined, "%s%s", i ? " " : "", names.items[i]);
	assert_string_equal(str_text(&joined), expected);
}

static void many_nodes(struct site *site)
{
	AUTO_STR struct str text = STR_INIT;
	str_add(&text, "name=\"n\";domain=\"n.example\";mirror=\"http://m/\";"
		       "boot={network=\"boot\";server=\"10.0.0.1\";};"
		       "networks=({name=\"boot\";cidr=\"10.0.0.0/24\";});nodes=(");
	for (int i = 1; i <= 12; i++)
		str_addf(&text,
			 "%s{name=\"vm%02d\";role=\"%s\";mac=\"52:54:00:00:00:%02x\";"
			 "addresses={boot=\"10.0.0.%d\";};}",
			 i > 1 ? "," : "", i, i > 10 ? "storage" : "vm-server", i, i + 10);
	str_add(&text, ");");
	read_good(str_text(&text), site);
}

static void test_nodeset(void **state)
{
	struct site site;
	(void)state;
	many_nodes(&site);
	expect_set(&site, "vm02", "vm02");
	expect_set(&site, "vm[03-01]",
		   "node set \"vm[03-01]\": \"vm[03-01]\": is not a range of "
		   "numbers; write it like vm[01-16,20]");
	expect_set(&site, "vm[01-03,12],vm02", "vm01 vm02 vm03 vm12");
	expect_set(&site, "vm[01-09/4]", "vm01 vm05 vm09");
	expect_set(&site, "@storage", "vm11 vm12");
	expect_set(&site, "@all!vm[02-12]", "vm01");
	expect_set(&site, "vm[01-03]&vm[03-04]", "vm03");
	expect_set(&site, "vm[01-03]^vm[03-04]", "vm01 vm02 vm04");
	expect_set(&site, "vm01,vm02!vm02,vm02", "vm01 vm02"); /* from left to right */
	expect_set(&site, "vm01&vm02", "node set \"vm01&vm02\": stands for no node");
	expect_set(&site, "@all!@all", "node set \"@all!@all\": stands for no node");
	expect_set(&site, "vm13",
		   "node set \"vm13\": there is no node \"vm13\"; did you mean "
		   "\"vm03\"?");
	expect_set(&site, "@stroage",
		   "node set \"@stroage\": no node has the role \"stroage\"; did "
		   "you mean \"storage\"?");
	expect_set(&site, "@x",
		   "node set \"@x\": no node has the role \"x\"; there are @all, "
		   "@vm-server, @storage");
	expect_set(&site, "vm01,",
		   "node set \"vm01,\": a name is missing; write it like "
		   "vm[01-16],@storage");
	expect_set(&site, "vm[01",
		   "node set \"vm[01\": \"vm[01\": a bracket has no partner; write "
		   "it like vm[01-16,20]");
	expect_set(&site, "vm[0-999999999]",
		   "node set \"vm[0-999999999]\": \"vm[0-999999999]\": "
		   "stands for more than 100000 names");
	site_free(&site);
}

static void test_nodeset_fold(void **state)
{
	static const struct {
		const char *names, *folded;
	} CASES[] = {
		{ "", "" },
		{ "gw", "gw" },
		{ "vm01 vm02 vm03", "vm[01-03]" },
		{ "vm03 vm01 vm02 vm20", "vm[01-03,20]" },
		{ "vm08 vm09 vm10 vm11", "vm[08-11]" },
		{ "vm9 vm10", "vm[9-10]" },
		{ "vm1 vm01", "vm1,vm01" },
		{ "gw store1 vm1 vm2", "gw,store1,vm[1-2]" },
		{ "a1-b a2-b a3", "a3,a[1-2]-b" },
		{ "vm1 vm1 vm1", "vm1" },
		{ "1 2", "[1-2]" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		AUTO_LIST struct text_list names = TEXT_LIST_INIT;
		AUTO_STR struct str folded = STR_INIT;
		for (const char *at = CASES[i].names; *at; at += strspn(at, " ")) {
			size_t length = strcspn(at, " ");
			text_list_take(&names, xstrndup(at, length));
			at += length;
		}
		nodeset_fold(&names, &folded);
		assert_string_equal(str_text(&folded), CASES[i].folded);
	}
}

/* Two storage nodes have a target of one name for one initiator: these are two sessions. */
static void test_targets_of_one_name(void **state)
{
	struct site site;
	struct mistakes mistakes;
	struct err err = ERR_INIT;
	AUTO_STR struct str text = STR_INIT;
	const struct site_key key = { { 1 } };
	(void)state;
	read_good(TWO_STORES("store1", "store2"), &site);
	struct slice slice;
	const struct derive from = { .site = &site,
				     .node = site_find_node(&site, "vm1"),
				     .key = &key };
	assert_int_equal(slice_make(&from, &slice, &err), 0);
	const struct spec *one = spec_list_find(&slice.wants, "session", "store1/home");
	const struct spec *two = spec_list_find(&slice.wants, "session", "store2/home");
	assert_non_null(one);
	assert_non_null(two);
	assert_string_equal(refer_text(one, "target_iqn"), "iqn.2026-11.moyai.lab:store1.home");
	assert_string_equal(refer_text(two, "target_iqn"), "iqn.2026-11.moyai.lab:store2.home");
	/* And so they arrive on the node. */
	struct slice sent;
	json_t *json = slice_to_json(&slice);
	assert_int_equal(slice_from_json(json, &sent, &err), 0);
	assert_non_null(spec_list_find(&sent.wants, "session", "store2/home"));
	json_decref(json);
	slice_free(&sent);
	slice_free(&slice);
	site_free(&site);
	mistakes = (struct mistakes)MISTAKES_INIT;
	const char *twice = TWO_STORES("store1", "store1");
	assert_int_equal(
		site_read_text(twice, strlen(twice), "/nonexistent", SHARE, &site, &mistakes, &err),
		0);
	mistakes_print(&mistakes, &text);
	assert_string_equal(str_text(&text), "site.cfg:18: session \"home\" is there already (line "
					     "17); rename one\n");
	mistakes_free(&mistakes);
	site_free(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_print_parses_again),
		cmocka_unit_test(test_demo_parses_again),
		cmocka_unit_test(test_slice),
		cmocka_unit_test(test_slice_json_refuses),
		cmocka_unit_test(test_nodeset),
		cmocka_unit_test(test_nodeset_fold),
		cmocka_unit_test(test_targets_of_one_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
