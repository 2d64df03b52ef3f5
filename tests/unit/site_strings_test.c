/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "model/site.h"

/*
 * Strings that a shell, iPXE, dnsmasq, a kernel command line or a URL might take for more than
 * text, in every text field of the site's own tables (those of the kinds are in strings_test.c).
 * Each is refused with a message that names file, line and field, or kept byte for byte; which
 * are kept is written down in KEPT.
 */
static const char *const NASTY[] = {
	"$(reboot)", "`reboot`", "a b",	     "a\nb",	    "a\"b",    "a'b",	 ";reboot",
	"a\\b",	     "a\tb",	 "--help",   "%s%n",	    "a#b",     "a}b{",	 "${boot}",
	"ä € 𝄞",     "a|b&c>d",	 "\x01\x7f", "*?[!a]",	    "/a\nb",   "../etc", "",
	"a,b",	     "a=b",	 "a/../b",   "http://a b/", "ttyS0;x",
};

/*
 * GROUP.FIELD, and the strings that it keeps. A user is one argument of ipmitool or a line of
 * curl's configuration, a system is compared with the BMC's answer, a console is a kernel
 * argument, and kernel arguments are words of a line in an iPXE script, where only what is
 * refused here is more than text. doc is for people. Parameters of rolls are words in files of the roll's own.
 */
static const struct {
	const char *field;
	const char *strings; /* between blanks, by their place in NASTY; "*": all */
} KEPT[] = {
	{ "node.console", " 21 " },
	{ "bmc.user", " 0 1 5 6 10 11 12 13 15 17 19 21 22 23 25 " },
	{ "bmc.system", " 9 " },
	{ "role.doc", "*" },
	{ "role.kernel_arguments", " 0 1 6 9 10 11 12 15 17 19 21 22 23 25 " },
	{ "role.console", " 21 " },
	{ "parameter.doc", " 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 21 22 23 24 25 " },
	{ "parameter.default", " 9 19 20 21 22 23 " },
	{ "value.p", " 9 19 20 21 22 23 " },
};

#define KEY "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEHhPtb2jZ2AQQA5zSLFTMIqY7rH6oGv1XjFQcE8b8Zp a"

/* What a cluster says to a parameter of a roll. */
static const struct field VALUE_FIELDS[] = {
	{ "p", FIELD_TEXT, offsetof(struct cluster_parameter, value), 0, 0, 0, NULL, NULL, "" },
	FIELD_END
};

struct group {
	const char *name;
	const struct field *fields;
	const char *settings[8][2]; /* what is there otherwise */
};
static const struct group GROUPS[] = {
	{ "site",
	  SITE_FIELDS,
	  { { "name", "\"n\"" }, { "domain", "\"n.example\"" }, { "mirror", "\"http://m/\"" } } },
	{ "boot", SITE_BOOT_FIELDS, { { "network", "\"boot\"" }, { "server", "\"10.0.0.1\"" } } },
	{ "network", NETWORK_FIELDS, { { "name", "\"boot\"" }, { "cidr", "\"10.0.0.0/24\"" } } },
	{ "node",
	  NODE_FIELDS,
	  { { "name", "\"a\"" },
	    { "role", "\"mine\"" },
	    { "mac", "\"52:54:00:00:00:01\"" },
	    { "addresses", "{ boot = \"10.0.0.2\"; }" } } },
	{ "bmc",
	  BMC_FIELDS,
	  { { "type", "\"redfish\"" }, { "address", "\"10.0.0.9\"" }, { "user", "\"u\"" } } },
	{ "role", ROLE_FIELDS, { { "extends", "\"storage\"" } } },
	{ "guests", GUESTS_FIELDS, { { "pool", "\"main\"" }, { "networks", "[ \"boot\" ]" } } },
	{ "cluster",
	  CLUSTER_FIELDS,
	  { { "name", "\"c\"" },
	    { "authorized_keys", "[ \"" KEY "\" ]" },
	    { "vlan", "100" },
	    { "cidr", "\"10.1.0.0/16\"" },
	    { "rolls", "[ \"own\" ]" } } },
	{ "frontend",
	  CLUSTER_FRONTEND_FIELDS,
	  { { "vcpus", "1" }, { "memory", "\"1G\"" }, { "disk", "\"1G\"" } } },
	{ "group",
	  CLUSTER_GROUP_FIELDS,
	  { { "name", "\"n\"" },
	    { "count", "1" },
	    { "vcpus", "1" },
	    { "memory", "\"1G\"" },
	    { "disk", "\"1G\"" } } },
	{ "external",
	  CLUSTER_EXTERNAL_FIELDS,
	  { { "network", "\"lan\"" }, { "address", "\"10.0.1.50\"" } } },
	{ "parameter",
	  ROLL_PARAMETER_FIELDS,
	  { { "name", "\"p\"" }, { "doc", "\"d\"" }, { "default", "\"x\"" } } },
	{ "part", ROLL_PART_FIELDS, { { NULL, NULL } } },
	{ "value", VALUE_FIELDS, { { "p", "\"x\"" } } },
};
enum {
	SITE,
	BOOT,
	NETWORK,
	NODE,
	BMC,
	ROLE,
	GUESTS,
	CLUSTER,
	FRONTEND,
	GROUP,
	EXTERNAL,
	PARAMETER,
	PART,
	VALUE
};

static char dir[] = "/tmp/moyai-strings-XXXXXX";

static void add_settings(struct str *out, const struct group *group, const struct group *of,
			 const struct field *field, const char *value)
{
	for (size_t i = 0; group->settings[i][0]; i++)
		if (group != of || strcmp(group->settings[i][0], field->name) != 0)
			str_addf(out, "%s = %s;\n", group->settings[i][0], group->settings[i][1]);
	if (group == of)
		str_addf(out, "%s = %s;\n", field->name, value);
}

static void write_text(const char *name, const struct str *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	assert_int_equal(file_write(path, text->data, text->length, 0644, NULL), 0);
}

/* What stands in the configuration. */
static char *value_text(const struct field *field, const char *text)
{
	struct str out = STR_INIT;
	str_add(&out, field->type == FIELD_LIST ? "[ \"" : "\"");
	for (const char *at = text; *at; at++)
		str_addf(&out, "\\x%02x", (unsigned char)*at);
	str_add(&out, field->type == FIELD_LIST ? "\" ]" : "\"");
	return str_take(&out);
}

static void write_cluster(const struct group *of, const struct field *field, const char *value)
{
	AUTO_STR struct str cluster = STR_INIT;
	AUTO_STR struct str roll = STR_INIT;
	add_settings(&cluster, &GROUPS[CLUSTER], of, field, value);
	str_add(&cluster, "frontend = {\n");
	add_settings(&cluster, &GROUPS[FRONTEND], of, field, value);
	str_add(&cluster, "};\nnodes = ( {\n");
	add_settings(&cluster, &GROUPS[GROUP], of, field, value);
	str_add(&cluster, "} );\nexternal = {\n");
	add_settings(&cluster, &GROUPS[EXTERNAL], of, field, value);
	str_add(&cluster, "};\nparameters = { own = {\n");
	add_settings(&cluster, &GROUPS[VALUE], of, field, value);
	str_add(&cluster, "}; };\n");
	str_add(&roll, "doc = \"d\"; parameters = ( {\n");
	add_settings(&roll, &GROUPS[PARAMETER], of, field, value);
	str_add(&roll, "} );\nfrontend = {\n");
	add_settings(&roll, &GROUPS[PART], of, field, value);
	str_add(&roll, "};\n");
	write_text("clusters/c.cfg", &cluster);
	write_text("roles/rolls/own/roll.cfg", &roll);
}

static void write_site(const struct group *of, const struct field *field, const char *text)
{
	AUTO_FREE char *value = value_text(field, text);
	AUTO_STR struct str site = STR_INIT;
	AUTO_STR struct str role = STR_INIT;
	add_settings(&site, &GROUPS[SITE], of, field, value);
	str_add(&site, "boot = {\n");
	add_settings(&site, &GROUPS[BOOT], of, field, value);
	str_add(&site, "};\nnetworks = ( {\n");
	add_settings(&site, &GROUPS[NETWORK], of, field, value);
	str_add(&site, "}, { name = \"lan\"; cidr = \"10.0.1.0/24\"; vlan = 30; } );\n"
		       "nodes = ( {\n");
	add_settings(&site, &GROUPS[NODE], of, field, value);
	str_add(&site, "bmc = {\n");
	add_settings(&site, &GROUPS[BMC], of, field, value);
	str_add(&site, "};\n}");
	if (of == &GROUPS[GUESTS]) {
		str_add(&site,
			", { name = \"b\"; role = \"storage\"; mac = \"52:54:00:00:00:02\"; "
			"addresses = { boot = \"10.0.0.3\"; };\nguests = { storage = \"1G\";\n");
		add_settings(&site, &GROUPS[GUESTS], of, field, value);
		str_add(&site,
			"};\npartitions = ( { name = \"m\"; disk = \"/dev/vda\"; } ); pools = ( { "
			"name = \"main\"; partitions = [ \"m\" ]; } ); }");
	}
	str_add(&site, " );\n");
	write_cluster(of, field, value);
	add_settings(&role, &GROUPS[ROLE], of, field, value);
	write_text("site.cfg", &site);
	write_text("roles/mine/role.cfg", &role);
}

static const void *body_of(const struct site *site, const struct group *group)
{
	switch (group - GROUPS) {
	case NETWORK:
		return &site->networks[0];
	case NODE:
		return &site->nodes[0];
	case BMC:
		return &site->nodes[0].bmc;
	case ROLE:
		return role_list_find(&site->roles, "mine");
	case GUESTS:
		return &site->nodes[1].guests;
	case CLUSTER:
		return &site->clusters[0];
	case FRONTEND:
		return &site->clusters[0].frontend;
	case GROUP:
		return &site->clusters[0].groups[0];
	case EXTERNAL:
		return &site->clusters[0].external;
	case PARAMETER:
		return &roll_list_find(&site->rolls, "own")->parameters[0];
	case PART:
		return &roll_list_find(&site->rolls, "own")->frontend;
	case VALUE:
		return &site->clusters[0].parameters[0];
	default:
		return site;
	}
}

static bool has_text(const struct field *field, const void *body, const char *text)
{
	const void *at = (const char *)body + field->offset;
	if (field->type == FIELD_LIST)
		return text_list_has(at, text);
	return text_equal(*(char *const *)at, text);
}

static bool is_kept(const char *name, size_t nasty)
{
	AUTO_FREE char *wanted = xasprintf(" %zu ", nasty);
	for (size_t i = 0; i < COUNT_OF(KEPT); i++)
		if (strcmp(KEPT[i].field, name) == 0)
			return strcmp(KEPT[i].strings, "*") == 0 || strstr(KEPT[i].strings, wanted);
	return false;
}

/* True when it was kept. */
static bool try_one(const struct group *group, const struct field *field, const char *text)
{
	struct site site;
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str said = STR_INIT;
	write_site(group, field, text);
	assert_int_equal(site_read(dir, "tests/golden/share", &site, &mistakes, &err), 0);
	mistakes_print(&mistakes, &said);
	bool kept = mistakes.count == 0;
	if (kept && !has_text(field, body_of(&site, group), text))
		fail_msg("%s.%s: \"%s\" is not what is kept", group->name, field->name, text);
	if (!kept && (strstr(str_text(&said), ".cfg:") == NULL ||
		      strstr(str_text(&said), field->name) == NULL))
		fail_msg("%s.%s: \"%s\": %s", group->name, field->name, text, str_text(&said));
	mistakes_free(&mistakes);
	site_free(&site);
	return kept;
}

static void test_every_field(void **state)
{
	AUTO_STR struct str wrong = STR_INIT;
	size_t tried = 0;
	(void)state;
	for (const struct group *group = GROUPS; group < GROUPS + COUNT_OF(GROUPS); group++) {
		for (const struct field *field = group->fields; field->name; field++) {
			AUTO_FREE char *name = xasprintf("%s.%s", group->name, field->name);
			if (field->type > FIELD_MAC && field->type != FIELD_LIST)
				continue;
			for (size_t i = 0; i < COUNT_OF(NASTY); i++, tried++)
				if (try_one(group, field, NASTY[i]) != is_kept(name, i))
					str_addf(&wrong, "%s %zu \"%s\"\n", name, i, NASTY[i]);
		}
	}
	if (wrong.length > 0)
		fail_msg("kept and should not be, or the other way round:\n%s", str_text(&wrong));
	assert_true(tried >= 30 * COUNT_OF(NASTY));
}

static int make_dir(void **state)
{
	AUTO_FREE char *roles = NULL;
	(void)state;
	assert_non_null(mkdtemp(dir));
	roles = xasprintf("%s/roles/mine", dir);
	AUTO_FREE char *rolls = xasprintf("%s/roles/rolls/own", dir);
	AUTO_FREE char *clusters = xasprintf("%s/clusters", dir);
	return file_make_dirs(roles, 0755, NULL) == 0 && file_make_dirs(rolls, 0755, NULL) == 0
		       ? file_make_dirs(clusters, 0755, NULL)
		       : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return run_args(NULL, "rm", "-rf", dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_field),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
