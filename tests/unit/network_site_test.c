/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the network's kinds say about a site, and what they make of it for a node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "engine/plan.h"
#include "engine/refer.h"
#include "engine/slice.h"
#include "kinds/repository/spec.h"
#include "model/manifest.h"
#include "model/site.h"

#define HEAD                                                                                       \
	"name = \"demo\"; domain = \"demo.example\"; mirror = \"http://mirror/debian\";\n"         \
	"boot = { network = \"boot\"; server = \"10.77.0.1\"; };\n"                                \
	"networks = ( { name = \"boot\"; cidr = \"10.77.0.0/24\"; },\n"                            \
	"  { name = \"storage\"; cidr = \"10.77.20.0/24\"; vlan = 20; mtu = 1450; },\n"            \
	"  { name = \"guests\"; cidr = \"10.77.30.0/24\"; vlan = 30; gateway = \"gw\"; } );\n"     \
	"nodes = ( { name = \"gw\"; role = \"gateway\"; mac = \"52:54:00:4d:00:12\";\n"            \
	"  addresses = { boot = \"10.77.0.12\"; guests = \"10.77.30.12\"; }; firewalls = ( { "     \
	"name = \"site\"; } ); },\n"                                                               \
	"{ name = \"vm1\"; role = \"vm-server\"; mac = \"52:54:00:4d:00:13\";\n"                   \
	"  addresses = { boot = \"10.77.0.13\"; storage = \"10.77.20.13\"; guests = "              \
	"\"10.77.30.13\"; };\n"
#define TAIL "} );\n"

static char *share; /* the source tree: its roles are used */
static const char *site_dir = "/nonexistent";

static void read_text(const char *body, struct site *site, struct str *mistakes_text)
{
	AUTO_FREE char *text = xasprintf(HEAD "%s" TAIL, body);
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(site_read_text(text, strlen(text), site_dir, share, site, &mistakes, &err),
			 0);
	mistakes_print(&mistakes, mistakes_text);
	mistakes_free(&mistakes);
}

static void expect_mistake(const char *body, const char *expected)
{
	struct site site;
	AUTO_STR struct str text = STR_INIT;
	read_text(body, &site, &text);
	assert_string_equal(str_text(&text), expected);
	site_free(&site);
}

#define AT "site.cfg:10: "

static void mistakes(void **state)
{
	(void)state;
	expect_mistake("bridges = ( { name = \"br0\"; network = \"guest\"; } );\n",
		       AT "bridge br0: there is no network guest; tagged networks: storage, "
			  "guests\n");
	expect_mistake("bridges = ( { name = \"br0\"; network = \"boot\"; } );\n",
		       AT "bridge br0: network boot is untagged, and a bridge stands on a "
			  "tagged one; tagged networks: storage, guests\n");
	expect_mistake("bridges = ( { name = \"guests\"; network = \"guests\"; } );\n",
		       AT "bridge guests: network guests makes an interface of the same name; "
			  "choose another, like \"br-guests\"\n");
	expect_mistake("bridges = ( { name = \"br0\"; addresses = [ \"10.77.20.9/24\", "
		       "\"10.9.0.1\" ]; } );\n",
		       AT
		       "bridge br0: addresses: \"10.77.20.9/24\" overlaps 10.77.20.0/24 of network "
		       "storage; give the node an address on that, or choose another\n" AT
		       "bridge br0: addresses: \"10.9.0.1\" has no prefix length; write it like "
		       "\"10.0.20.5/24\"\n");
	expect_mistake("bridges = ( { name = \"br0\"; network = \"guests\"; addresses = [ "
		       "\"10.9.0.1/24\" ]; } );\n",
		       AT
		       "bridge br0: addresses: it has the node's own on network guests; write them "
		       "there, or leave out the network\n");
	expect_mistake(
		"masquerades = ( { name = \"a\"; from = \"10.77.30.0/24\"; out = \"eth0\"; } "
		");\n",
		AT "masquerade \"a\": role \"vm-server\" has no package nftables, without which "
		   "nodes have no masquerades; add it to the role's packages, or choose another "
		   "role\n" AT "masquerade a: out: this node has no interface eth0; it has boot0, "
		   "storage, guests\n");
	expect_mistake(
		"masquerades = ( { name = \"a\"; from = \"10.77.30.0/24\"; out = \"guests\"; } "
		");\n",
		AT "masquerade \"a\": role \"vm-server\" has no package nftables, without which "
		   "nodes have no masquerades; add it to the role's packages, or choose another "
		   "role\n" AT "masquerade a: from 10.77.30.0/24 leaves through guests, which is "
		   "on that network itself (10.77.30.0/24); name the interface of another one\n");
	/* Out of a port of its own. */
	expect_mistake(
		"ports = ( { name = \"eth1\"; addresses = [ \"192.0.2.2/24\" ]; } );\n"
		"masquerades = ( { name = \"a\"; from = \"10.77.30.0/24\"; out = \"eth1\"; } );\n",
		"site.cfg:11: masquerade \"a\": role \"vm-server\" has no package nftables, "
		"without which nodes have no masquerades; add it to the role's packages, or "
		"choose another role\n");
	expect_mistake("vlans = ( { name = \"boot0\"; id = 40; } );\n",
		       AT "vlan boot0: that is the name of an interface every node has; choose "
			  "another\n" AT
			  "vlan boot0: its parent boot0 stands on boot0 itself; a parent is "
			  "another interface\n");
	expect_mistake("vlans = ( { name = \"lab\"; id = 20; } );\n",
		       AT "vlan lab: id 20 on boot0 is already that of network storage, which "
			  "this node has an address on\n");
	expect_mistake("vlans = ( { name = \"lab\"; id = 40; addresses = [ \"10.1.1.1\" ]; } );\n",
		       AT "vlan lab: addresses: \"10.1.1.1\" has no prefix length; write it like "
			  "\"10.0.20.5/24\"\n");
	expect_mistake("sysctls = ( { name = \"net/ipv4/../x\"; value = \"1\"; } );\n",
		       AT "sysctl \"net/ipv4/../x\": not a name of a kernel parameter; write it "
			  "with dots, like net.ipv4.ip_forward\n");
	expect_mistake("services = ( { name = \"libvirtd\"; } );\n",
		       AT "service \"libvirtd\": not a name of a unit; write it in full, like "
			  "libvirtd.service\n");
}

static void print_want(const struct slice *slice, const char *kind, const char *id, struct str *out)
{
	const struct spec *spec = spec_list_find(&slice->wants, kind, id);
	assert_non_null(spec);
	str_addf(out, "%s %s:", kind, id);
	for (const struct field *field = spec->kind->fields; field->name; field++) {
		if (!field_given(field, spec->body) || field == spec->kind->fields)
			continue;
		str_addf(out, " %s=", field->name);
		field_print(field, spec->body, out);
	}
	str_add(out, "\n");
}

static void derived(void **state)
{
	struct site site;
	struct slice slice;
	struct err err = ERR_INIT;
	AUTO_STR struct str text = STR_INIT;
	const struct site_key key = { { 1 } };
	(void)state;
	read_text("bridges = ( { name = \"br-guests\"; network = \"guests\"; }, { name = "
		  "\"br-lab\"; },\n"
		  " { name = \"br-own\"; addresses = [ \"fd09::0:1/64\", \"10.9.0.1/24\" ]; } );\n",
		  &site, &text);
	assert_string_equal(str_text(&text), "");
	const struct derive from = { .site = &site,
				     .node = site_find_node(&site, "vm1"),
				     .key = &key };
	assert_int_equal(slice_make(&from, &slice, &err), 0);
	/* Where the address is: what is offered or reached there waits for it. */
	AUTO_FREE char *bridged = refer_link(&site, from.node, "guests");
	AUTO_FREE char *tagged = refer_link(&site, from.node, "storage");
	assert_string_equal(bridged, "br-guests");
	assert_string_equal(tagged, "storage");
	assert_null(refer_link(&site, from.node, "boot"));
	print_want(&slice, "vlan", "storage", &text);
	print_want(&slice, "vlan", "guests", &text);
	print_want(&slice, "bridge", "br-guests", &text);
	print_want(&slice, "bridge", "br-lab", &text);
	print_want(&slice, "bridge", "br-own", &text);
	assert_string_equal(
		str_text(&text),
		"vlan storage: parent=boot0 id=20 mtu=1450 addresses=10.77.20.13/24 link=up "
		"undeclared=none\n"
		"vlan guests: parent=boot0 id=30 mtu=1500 link=up "
		"undeclared=none bridge=br-guests\n"
		"bridge br-guests: network=guests port=guests mtu=1500 "
		"addresses=10.77.30.13/24 gateway=10.77.30.12 link=up undeclared=none "
		"filtering=on\n"
		"bridge br-lab: mtu=1500 link=up undeclared=none\n"
		"bridge br-own: mtu=1500 addresses=10.9.0.1/24, fd09::1/64 link=up "
		"undeclared=none\n");
	slice_free(&slice);
	site_free(&site);
}

/* What a role declares counts as the node's own, unless the node has one of that name. */
static void derived_with_role(void **state)
{
	static const char ROLE[] =
		"bridges = ( { name = \"br0\"; network = \"storage\"; } );\n"
		"partitions = ( { name = \"main\"; disk = \"/dev/vda\"; size = \"1G\"; } );\n";
	char dir[] = "/tmp/moyai-role-XXXXXX";
	struct site site;
	struct slice slice;
	struct err err = ERR_INIT;
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	assert_non_null(mkdtemp(dir));
	AUTO_FREE char *roles = xasprintf("%s/roles", dir);
	AUTO_FREE char *role = xasprintf("%s/vm-server", roles);
	AUTO_FREE char *file = xasprintf("%s/role.cfg", role);
	assert_int_equal(file_make_dirs(role, 0755, NULL), 0);
	assert_int_equal(file_write(file, ROLE, strlen(ROLE), 0644, NULL), 0);
	site_dir = dir;
	read_text("partitions = ( { name = \"main\"; disk = \"/dev/vda\"; size = \"2G\"; } );\n",
		  &site, &text);
	site_dir = "/nonexistent";
	unlink(file);
	rmdir(role);
	rmdir(roles);
	rmdir(dir);
	assert_string_equal(str_text(&text), "");
	const struct derive from = { .site = &site, .node = site_find_node(&site, "vm1") };
	assert_int_equal(slice_make(&from, &slice, &err), 0);
	print_want(&slice, "vlan", "storage", &text);
	print_want(&slice, "partition", "main", &text);
	assert_string_equal(str_text(&text),
			    "vlan storage: parent=boot0 id=20 mtu=1450 link=up "
			    "undeclared=none bridge=br0\n"
			    "partition main: disk=/dev/vda size=2G table=whole disk_wanted=2G\n");
	slice_free(&slice);
	site_free(&site);
}

static void mistakes_with_role(void **state)
{
	static const char ROLE[] = "vlans = ( { name = \"lab\"; id = 40; },\n"
				   " { name = \"up\"; id = 7; parent = \"down\"; } );\n";
	char dir[] = "/tmp/moyai-role-XXXXXX";
	struct site site;
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	assert_non_null(mkdtemp(dir));
	AUTO_FREE char *roles = xasprintf("%s/roles", dir);
	AUTO_FREE char *role = xasprintf("%s/vm-server", roles);
	AUTO_FREE char *file = xasprintf("%s/role.cfg", role);
	assert_int_equal(file_make_dirs(role, 0755, NULL), 0);
	assert_int_equal(file_write(file, ROLE, strlen(ROLE), 0644, NULL), 0);
	site_dir = dir;
	read_text("vlans = ( { name = \"other\"; id = 40; },\n"
		  " { name = \"down\"; id = 8; parent = \"up\"; } );\n",
		  &site, &text);
	site_dir = "/nonexistent";
	unlink(file);
	rmdir(role);
	rmdir(roles);
	rmdir(dir);
	assert_non_null(strstr(str_text(&text),
			       ": vlan other: id 40 on boot0 is already that of vlan lab\n"));
	assert_non_null(strstr(str_text(&text), ": vlan down: its parent up stands on down itself; "
						"a parent is another interface\n"));
	site_free(&site);
}

/* An image that is missing is the matter of one step, not of the manager's whole plan. */
static void test_repository_without_images(void **state)
{
	struct image_set images = { .missing = xstrdup("role storage has no image") };
	struct spec_list list = { 0 };
	struct err err = ERR_INIT;
	(void)state;
	struct spec *want = spec_list_add(&list, &repository_spec, "images");
	const struct derive from = { .images = &images };
	assert_int_equal(repository_spec.derive(&from, want, &err), 0);
	struct step step = { .action = STEP_CREATE, .want = want };
	assert_int_equal(repository_spec.judge(&step, &err), 0);
	assert_string_equal(step.refused, "role storage has no image");
	free(step.refused);
	free(images.missing);
	spec_list_free(&list);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(mistakes), cmocka_unit_test(derived),
					    cmocka_unit_test(test_repository_without_images),
					    cmocka_unit_test(mistakes_with_role),
					    cmocka_unit_test(derived_with_role) };
	share = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
