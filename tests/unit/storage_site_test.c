/* SPDX-License-Identifier: GPL-3.0-or-later */
/* configs/storage: what its volumes and what stands on them become on the two nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "engine/export.h"
#include "engine/slice.h"
#include "model/site.h"

static struct site site;

static int read_site(void **state)
{
	struct mistakes mistakes = { 0 };
	struct err err = ERR_INIT;
	(void)state;
	int rc = site_read("configs/storage", ".", &site, &mistakes, &err);
	for (size_t i = 0; i < mistakes.count; i++)
		print_error("%s\n", mistakes.items[i].text);
	rc = rc == 0 && mistakes.count == 0 ? 0 : -1;
	mistakes_free(&mistakes);
	return rc;
}

static int free_site(void **state)
{
	(void)state;
	site_free(&site);
	return 0;
}

/* "kind id: field=value …" of all fields but the name, in the order of the table. */
static void add_want(const struct slice *slice, const char *kind, const char *id, struct str *out)
{
	const struct spec *want = spec_list_find(&slice->wants, kind, id);
	assert_non_null(want);
	str_addf(out, "%s %s:", kind, id);
	for (const struct field *field = want->kind->fields + 1; field->name; field++) {
		if (!field_given(field, want->body))
			continue;
		str_addf(out, " %s=", field->name);
		field_print(field, want->body, out);
	}
	str_add(out, "\n");
}

static void make(const char *node, struct slice *slice)
{
	struct err err = ERR_INIT;
	const struct derive from = { .site = &site, .node = site_find_node(&site, node) };
	if (slice_make(&from, slice, &err) != 0)
		fail_msg("%s", err.text);
}

static void volumes(void **state)
{
	static const char *const NAMES[] = { "archive", "scratch", "guests", "golden",
					     "vm1",	"vm2",	   "swap" };
	struct slice slice;
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	make("store1", &slice);
	for (size_t i = 0; i < COUNT_OF(NAMES); i++)
		add_want(&slice, "volume", NAMES[i], &text);
	assert_string_equal(
		str_text(&text),
		"volume archive: pool=main type=raid1 size=1T mirrors=1 on=hdd-1, hdd-2 "
		"scrub=none active=true whole=true takes=2097160M pool_wanted=2515552M "
		"pool_members=3\n"
		"volume scratch: pool=main type=striped size=100G stripes=2 stripe_size=64K "
		"on=hdd-1, hdd-2 scrub=none active=true takes=100G pool_wanted=2515552M "
		"pool_members=3\n"
		"volume guests: pool=main type=thin-pool size=300G on=ssd overcommit_percent=150 "
		"warn_percent=70 scrub=none active=true metadata=600M takes=307800M "
		"pool_wanted=2515552M "
		"pool_members=3\n"
		"volume golden: pool=main type=thin size=100G thin_pool=guests scrub=none "
		"active=true takes=0 "
		"pool_wanted=2515552M pool_members=3\n"
		"volume vm1: pool=main type=thin size=100G thin_pool=guests of=golden reset=0 "
		"scrub=none active=true takes=0 pool_wanted=2515552M pool_members=3\n"
		"volume vm2: pool=main type=thin size=200G thin_pool=guests of=golden reset=1 "
		"scrub=none active=true takes=0 pool_wanted=2515552M pool_members=3\n"
		"volume swap: pool=main type=linear size=8G on=ssd scrub=none active=true takes=8G "
		"pool_wanted=2515552M pool_members=3\n");
	slice_free(&slice);
}

static void what_stands_on_them(void **state)
{
	struct slice slice;
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	make("store1", &slice);
	add_want(&slice, "filesystem", "archive", &text);
	add_want(&slice, "mount", "archive", &text);
	add_want(&slice, "swap", "swap", &text);
	assert_string_equal(str_text(&text),
			    "filesystem archive: on=volume type=xfs label=archive below=archive "
			    "device=/dev/moyai-main/archive size=1T fills=true\n"
			    "mount archive: filesystem=archive where=/srv/archive options=noatime "
			    "what=/dev/moyai-main/archive type=xfs active=true\n"
			    "swap swap: on=volume priority=10 below=swap "
			    "device=/dev/moyai-main/swap active=true size=8G fills=true\n");
	slice_free(&slice);
}

static void exported(void **state)
{
	struct slice slice;
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	make("store1", &slice);
	add_want(&slice, "target", "vm1", &text);
	slice_free(&slice);
	make("vm1", &slice);
	add_want(&slice, "session", "store1/vm1", &text);
	add_want(&slice, "session", "store1/scratch", &text);
	add_want(&slice, "filesystem", "scratch", &text);
	add_want(&slice, "mount", "scratch", &text);
	assert_string_equal(
		str_text(&text),
		"target vm1: volume=vm1 initiator=vm1 network=storage more_networks=storage-b "
		"links=storage, storage-b iqn=iqn.2026-11.moyai.vault:store1.vm1 "
		"initiator_iqn=iqn.2026-11.moyai.vault:vm1 portals=10.78.20.14:3260 "
		"10.78.21.14:3260 device=/dev/moyai-main/vm1 size=100G chap_user=store1.vm1 "
		"serial=0795b3ee5c5ad7a97365369172e63820 discards=true closed=true enabled=true\n"
		"session store1/vm1: from=store1 network=storage more_networks=storage-b "
		"timeout=2m links=storage, storage-b "
		"target_iqn=iqn.2026-11.moyai.vault:store1.vm1 portals=10.78.20.14:3260 "
		"10.78.21.14:3260 initiator_iqn=iqn.2026-11.moyai.vault:vm1 chap_user=store1.vm1 "
		"size=100G logged_in=true multipath=true way_timeout=5s "
		"wwid=360014050795b3ee5c5ad7a9736536917\n"
		"session store1/scratch: from=store1 network=storage timeout=5m links=storage "
		"target_iqn=iqn.2026-11.moyai.vault:store1.scratch portals=10.78.20.14:3260 "
		"initiator_iqn=iqn.2026-11.moyai.vault:vm1 chap_user=store1.scratch size=100G "
		"logged_in=true multipath=false\n"
		"filesystem scratch: on=session from=store1 type=ext4 below=store1/scratch "
		"device=/dev/moyai/store1/scratch size=100G fills=true\n"
		"mount scratch: filesystem=scratch where=/srv/scratch options=defaults "
		"what=/dev/moyai/store1/scratch type=ext4 active=true\n");
	slice_free(&slice);
}

/* Both ends derive the same two secrets, and the two have nothing in common. */
static void secrets(void **state)
{
	const struct site_key key = { .bytes = { 1, 2, 3 } };
	const struct site_node *owner = site_find_node(&site, "store1");
	const struct spec *target = spec_list_find(&owner->wants, "target", "vm1");
	const struct derive here = { .site = &site, .node = owner, .key = &key };
	const struct derive there = { .site = &site,
				      .node = site_find_node(&site, "vm1"),
				      .key = &key };
	struct export one;
	struct export other;
	(void)state;
	assert_int_equal(export_make(&here, owner, target, &one, NULL), 0);
	assert_int_equal(export_make(&there, owner, target, &other, NULL), 0);
	assert_string_equal(one.chap_secret, other.chap_secret);
	assert_string_equal(one.mutual_secret, other.mutual_secret);
	assert_string_not_equal(one.chap_secret, one.mutual_secret);
	assert_int_equal(strlen(one.mutual_secret), 24);
	export_free(&one);
	export_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(volumes),
		cmocka_unit_test(what_stands_on_them),
		cmocka_unit_test(exported),
		cmocka_unit_test(secrets),
	};
	return cmocka_run_group_tests(tests, read_site, free_site);
}
