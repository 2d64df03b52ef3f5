/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest that is moving from one host to another: what both have meanwhile, and where it may move to. */
#include "campus.h"

#include <stdlib.h>
#include <string.h>

#include "engine/allocate_move.h"
#include "engine/plan.h"

static struct allocated_guest *recorded(const char *name)
{
	return allocation_find(&site_find_cluster(&site, "genome")->recorded, name);
}

static void set(char **text, const char *to)
{
	free(*text);
	*text = xstrdup(to);
}

/* Its fields as it is to be there. */
static char *arriving_on(const char *node, const char *id)
{
	const struct derive from = { .site = &site, .node = site_find_node(&site, node) };
	struct slice slice;
	struct err err = ERR_INIT;
	struct str text = STR_INIT;
	if (slice_arriving(&from, id, &slice, &err) != 0)
		return xstrdup(err.text);
	assert_count(slice.wants.count, 1);
	const struct spec *guest = &slice.wants.items[0];
	str_addf(&text, "%s %s epoch ", guest->kind->name, guest->id);
	field_print(field_find(guest->kind->fields, "epoch"), guest->body, &text);
	str_add(&text, " disks ");
	field_print(field_find(guest->kind->fields, "disks"), guest->body, &text);
	slice_free(&slice);
	return str_take(&text);
}

static void test_both(void **state)
{
	(void)state;
	set(&recorded("compute2")->to, "vm1");
	recorded("compute2")->epoch = 4;
	expand_well();
	assert_ids("vm1", "session store1/genome-compute1\n"
			  "session store1/genome-compute1-scratch\n"
			  "guest genome-compute1\n"
			  "vlan vlan100\n"
			  "bridge br-vlan100\n"
			  "session store1/genome-compute2\n"
			  "session store1/genome-compute2-scratch\n"
			  "session store1/genome-compute4\n"
			  "session store1/genome-compute4-scratch\n"
			  "guest genome-compute4\n");
	AUTO_FREE char *target = fields_of("store1", "target", "genome-compute2");
	assert_non_null(strstr(target, "initiator=vm2 also=vm1 "));
	assert_non_null(strstr(target, "initiator_iqn=iqn.2026-11.moyai.campus:vm1 "
				       "iqn.2026-11.moyai.campus:vm2 "));
	AUTO_FREE char *here = fields_of("vm2", "session", "store1/genome-compute2");
	AUTO_FREE char *there = fields_of("vm1", "session", "store1/genome-compute2");
	assert_non_null(strstr(here, "initiator_iqn=iqn.2026-11.moyai.campus:vm2 "));
	assert_non_null(strstr(there, "initiator_iqn=iqn.2026-11.moyai.campus:vm1 "));
	AUTO_FREE char *guest = fields_of("vm2", "guest", "genome-compute2");
	assert_non_null(strstr(guest, "epoch=4 "));
	AUTO_FREE char *arriving = arriving_on("vm1", "genome-compute2");
	assert_string_equal(arriving, "guest genome-compute2 epoch 5 disks "
				      "/dev/moyai/store1/genome-compute2, "
				      "/dev/moyai/store1/genome-compute2-scratch");
	AUTO_FREE char *not_there = arriving_on("vm3", "genome-compute2");
	assert_string_equal(not_there, "genome-compute2 is not moving to vm3");
}

/* QEMU is told who it is by the host that it is on. */
static void test_direct(void **state)
{
	(void)state;
	set(&site_find_cluster(&site, "genome")->attach, "direct");
	set(&recorded("compute2")->to, "vm1");
	expand_well();
	AUTO_FREE char *arriving = arriving_on("vm1", "genome-compute2");
	assert_non_null(strstr(arriving, " store1.genome-compute2 iqn.2026-11.moyai.campus:vm1"));
	AUTO_FREE char *guest = fields_of("vm2", "guest", "genome-compute2");
	assert_non_null(strstr(guest, " store1.genome-compute2 iqn.2026-11.moyai.campus:vm2"));
}

/* The disks of a host itself need no session there, and a target for the other one alone. */
static void test_own_disks(void **state)
{
	(void)state;
	struct allocated_guest *guest = recorded("compute2");
	set(&guest->to, "store1");
	struct site_node *store = site_find_node(&site, "store1");
	store->role = site_find_node(&site, "vm1")->role;
	set(&store->role_name, "vm-server");
	store->guests.vcpus = 16;
	store->guests.memory = 32ULL << 30;
	AUTO_FREE char *mistakes = expanded();
	/* The role it got for this test lacks a package for its own volumes, and that is all. */
	assert_non_null(strstr(mistakes, "has no package thin-provisioning-tools"));
	assert_ptr_equal(strchr(mistakes, '\n'), mistakes + strlen(mistakes) - 1);
	AUTO_FREE char *arriving = arriving_on("store1", "genome-compute2");
	assert_string_equal(arriving, "guest genome-compute2 epoch 1 disks "
				      "/dev/moyai-main/genome-compute2, "
				      "/dev/moyai-main/genome-compute2-scratch");
	AUTO_FREE char *target = fields_of("store1", "target", "genome-compute2");
	assert_non_null(strstr(target, "initiator=vm2 network="));
}

static void test_stopped(void **state)
{
	struct allocations allocations;
	struct mistakes mistakes = MISTAKES_INIT;
	(void)state;
	set(&recorded("compute2")->to, "vm1");
	state_of("genome", "stopped");
	assert_int_equal(allocate(&site, &allocations, &mistakes, NULL), 0);
	for (size_t i = 0; i < allocations.items[1].guest_count; i++)
		assert_null(allocations.items[1].guests[i].to);
	allocations_free(&allocations);
}

/* ---- where to ---- */

static char *chosen(const char *id, const char *avoid)
{
	struct allocations allocations;
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list not_to = TEXT_LIST_INIT;
	const struct cluster_guest *guest;
	if (avoid != NULL)
		text_list_add(&not_to, avoid);
	assert_int_equal(allocate(&site, &allocations, &mistakes, NULL), 0);
	const struct cluster *cluster = allocate_move_find(&site, id, &guest, &err);
	const char *host =
		cluster ? allocate_move_choose(&site, &allocations, cluster, guest, &not_to, &err)
			: NULL;
	char *text = xstrdup(host ? host : err.text);
	allocations_free(&allocations);
	return text;
}

static void assert_chosen(const char *id, const char *avoid, const char *expected)
{
	AUTO_FREE char *host = chosen(id, avoid);
	assert_string_equal(host, expected);
}

static char *checked(const char *id, const char *to)
{
	struct allocations allocations;
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	const struct cluster_guest *guest;
	assert_int_equal(allocate(&site, &allocations, &mistakes, NULL), 0);
	assert_non_null(allocate_move_find(&site, id, &guest, &err));
	int rc = allocate_move_check(&site, &allocations, guest, to, &err);
	allocations_free(&allocations);
	return xstrdup(rc == 0 ? "yes" : err.text);
}

static void assert_checked(const char *id, const char *to, const char *expected)
{
	AUTO_FREE char *said = checked(id, to);
	assert_string_equal(said, expected);
}

static void test_choose(void **state)
{
	(void)state;
	/* vm1 and vm3 have two of its group each, and vm1 is the emptier one. */
	assert_chosen("genome-compute2", NULL, "vm1");
	assert_chosen("genome-compute2", "vm1", "vm3");
	assert_chosen("genome-big1", NULL,
		      "no host has room for genome-big1: it needs 32 vCPUs and 160G, and left are "
		      "48 vCPUs and 88G on vm1, 48 vCPUs and 88G on vm2");
	assert_chosen(
		"nope-c1", NULL,
		"there is no guest \"nope-c1\"; it is called CLUSTER-NODE, like genome-compute1");
	/* Who moves takes room on both. */
	set(&recorded("compute1")->to, "vm2");
	set(&recorded("compute4")->to, "vm2");
	assert_chosen("genome-big1", NULL,
		      "no host has room for genome-big1: it needs 32 vCPUs and 160G, and left are "
		      "48 vCPUs and 88G on vm1, 32 vCPUs and 56G on vm2");
}

static void test_check(void **state)
{
	(void)state;
	assert_checked("genome-compute2", "vm1", "yes");
	assert_checked("genome-compute2", "store1",
		       "store1 is no vm-server, on which the nodes of a cluster run");
	struct cluster_group *group = &site_find_cluster(&site, "genome")->groups[0];
	set(&group->exclude, "vm1");
	assert_checked("genome-compute2", "vm1",
		       "vm1 is left out by exclude of group \"compute\" (clusters/genome.cfg:10)");
	assert_chosen("genome-compute2", NULL, "vm3");
	set(&group->exclude, NULL);
	site_find_node(&site, "vm1")->guests.closed = true;
	assert_checked("genome-compute2", "vm1",
		       "vm1 is in maintenance; moyai maintenance off vm1 ends that");
	assert_chosen("genome-compute2", NULL, "vm3");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)
	const struct CMUnitTest tests[] = {
		TEST(test_both),    TEST(test_direct), TEST(test_own_disks),
		TEST(test_stopped), TEST(test_choose), TEST(test_check),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
