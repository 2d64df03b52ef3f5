/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Clusters and rolls as they are read. */
#include "test.h"

#include <string.h>

#include "base/run.h"
#include "model/print.h"
#include "model/site.h"

static void read_good(const char *dir, const char *share, struct site *site)
{
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str all = STR_INIT;
	assert_int_equal(site_read(dir, share, site, &mistakes, &err), 0);
	mistakes_print(&mistakes, &all);
	assert_string_equal(str_text(&all), "");
	mistakes_free(&mistakes);
}

static void test_guests_of_the_example(void **state)
{
	static const char *const NAMES[] = { "frontend", "compute1", "compute2",
					     "compute3", "compute4", "compute5",
					     "compute6", "big1",     "big2" };
	struct site site;
	(void)state;
	read_good("configs/campus", ".", &site);
	const struct cluster *genome = site_find_cluster(&site, "genome");
	assert_non_null(genome);
	assert_count(genome->guest_count, COUNT_OF(NAMES));
	for (size_t i = 0; i < COUNT_OF(NAMES); i++)
		assert_string_equal(genome->guests[i].name, NAMES[i]);
	assert_true(cluster_is_frontend(&genome->guests[0]));
	assert_false(cluster_is_frontend(&genome->guests[1]));
	assert_string_equal(genome->guests[1].id, "genome-compute1");
	assert_string_equal(genome->guests[1].scratch_id, "genome-compute1-scratch");
	assert_null(genome->guests[7].scratch_id);
	assert_ptr_equal(genome->guests[8].group, &genome->groups[1]);
	assert_string_equal(genome->groups[0].boot, "install");
	assert_string_equal(genome->groups[0].appliance, "compute");
	assert_string_equal(genome->groups[0].placement, "spread");
	assert_string_equal(genome->frontend.appliance, "frontend");
	assert_string_equal(genome->external.address, "192.0.2.50");
	assert_true(cluster_is_running(genome));
	assert_int_equal(cluster_vlan(genome, &genome->recorded), 100);
	const struct cluster *course = site_find_cluster(&site, "course");
	assert_false(cluster_is_running(course));
	assert_true(cluster_is_wanted(course));
	assert_int_equal(cluster_vlan(course, &course->recorded), 150);
	assert_string_equal(course->forwards[0].protocol, "tcp");
	assert_int_equal(course->forwards[0].port, 2201);
	assert_int_equal(course->forwards[0].to, 22);
	assert_null(course->external.address);
	assert_string_equal(course->frontend.packages.items[1], "gfortran");
	site_free(&site);
}

static void test_rolls_of_the_example(void **state)
{
	struct site site;
	(void)state;
	read_good("configs/campus", ".", &site);
	const struct roll *slurm = roll_list_find(&site.rolls, "slurm");
	const struct roll *lab = roll_list_find(&site.rolls, "lab");
	assert_non_null(slurm);
	assert_string_equal(slurm->frontend.packages.items[0], "slurmctld");
	assert_string_equal(slurm->compute.services.items[1], "slurmd.service");
	assert_string_equal(roll_find_parameter(slurm, "partition")->fallback, "main");
	assert_null(roll_find_parameter(slurm, "weight"));
	assert_string_equal(lab->folder, "configs/campus/roles/rolls/lab");
	const struct cluster *genome = site_find_cluster(&site, "genome");
	assert_count(genome->parameter_count, 1);
	assert_string_equal(genome->parameters[0].value, "genome");
	site_free(&site);
}

/* The record reads back to what was written. */
static void test_record_of_the_example(void **state)
{
	struct site site;
	AUTO_STR struct str file = STR_INIT;
	AUTO_STR struct str printed = STR_INIT;
	(void)state;
	read_good("configs/campus", ".", &site);
	allocation_print(&site_find_cluster(&site, "genome")->recorded, &printed);
	assert_int_equal(file_read("configs/campus/allocations/genome.cfg", 1 << 20, &file, NULL),
			 0);
	assert_string_equal(str_text(&printed), str_text(&file));
	site_free(&site);
}

static void put(const char *dir, const char *folder, const char *name, const char *text)
{
	AUTO_FREE char *parent = xasprintf("%s/%s", dir, folder);
	AUTO_FREE char *path = xasprintf("%s/%s", parent, name);
	assert_int_equal(file_make_dirs(parent, 0700, NULL), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* A site's own roll in place of a shipped one, and VM servers by a role that extends theirs. */
static void test_what_is_the_sites_own(void **state)
{
	AUTO_FREE char *dir = temporary_dir();
	struct site site;
	(void)state;
	put(dir, ".", "site.cfg",
	    "name = \"lab\"; domain = \"lab.example\"; mirror = \"http://mirror/d\";\n"
	    "boot = { network = \"boot\"; server = \"10.0.0.1\"; }; vlan_pool = \"100-120\";\n"
	    "networks = ( { name = \"boot\"; cidr = \"10.0.0.0/24\"; } );\n"
	    "nodes = ( { name = \"vm1\"; role = \"vm-big\"; mac = \"52:54:00:00:00:01\";\n"
	    "  addresses = { boot = \"10.0.0.2\"; }; guests = { vcpus = 8; memory = \"8G\"; }; "
	    "} );\n");
	put(dir, "roles/vm-big", "role.cfg", "extends = \"vm-server\";\n");
	put(dir, "roles/rolls/mpi", "roll.cfg", "doc = \"Our own\";\n");
	put(dir, "clusters", "a.cfg",
	    "name = \"a\"; rolls = [ \"mpi\" ]; authorized_keys = [ \"ssh-ed25519 "
	    "AAAAC3NzaC1lZDI1NTE5AAAAIEHhPtb2jZ2AQQA5zSLFTMIqY7rH6oGv1XjFQcE8b8Zp a\" ];\n"
	    "frontend = { vcpus = 1; memory = \"1G\"; disk = \"1G\"; };\n"
	    "nodes = ( { name = \"c\"; count = 1; vcpus = 1; memory = \"1G\"; boot = \"ram\"; } "
	    ");\n");
	read_good(dir, "tests/golden/share", &site);
	assert_string_equal(roll_list_find(&site.rolls, "mpi")->doc, "Our own");
	assert_count(roll_list_find(&site.rolls, "mpi")->compute.packages.count, 0);
	assert_true(site_node_is(&site, &site.nodes[0], "vm-big"));
	assert_true(site_node_is(&site, &site.nodes[0], "vm-server"));
	assert_false(site_node_is(&site, &site.nodes[0], "gateway"));
	site_free(&site);
	assert_int_equal(run_args(NULL, "rm", "-rf", dir, NULL), 0);
}

static const struct role *role_of(const struct site *site, const char *guest)
{
	const struct cluster *cluster = site_find_cluster(site, "a");
	const struct role *role =
		role_list_find(&site->roles, cluster_find_guest(cluster, guest)->group->role);
	assert_non_null(role);
	return role;
}

/* What rolls and packages add to an appliance is a role. */
static void test_composed(void **state)
{
	AUTO_FREE char *dir = temporary_dir();
	AUTO_STR struct str printed = STR_INIT;
	struct site site;
	(void)state;
	put(dir, ".", "site.cfg",
	    "name = \"lab\"; domain = \"lab.example\"; mirror = \"http://mirror/d\";\n"
	    "boot = { network = \"boot\"; server = \"10.0.0.1\"; }; vlan_pool = \"100-120\";\n"
	    "networks = ( { name = \"boot\"; cidr = \"10.0.0.0/24\"; } );\n"
	    "nodes = ( { name = \"vm1\"; role = \"vm-server\"; mac = \"52:54:00:00:00:01\";\n"
	    "  addresses = { boot = \"10.0.0.2\"; }; guests = { vcpus = 8; memory = \"8G\"; }; "
	    "} );\n");
	put(dir, "roles/worker", "role.cfg",
	    "extends = \"compute\"; packages = [ \"git\" ];\n"
	    "sysctls = ( { name = \"vm.swappiness\"; value = \"1\"; } );\n");
	put(dir, "roles/rolls/front", "roll.cfg",
	    "doc = \"Of the frontend alone\"; frontend = { packages = [ \"nginx\" ]; "
	    "services = [ \"nginx.service\" ]; };\n");
	put(dir, "roles/rolls/a-roll-of-a-very-long-name-that-no-role-has-room-for", "roll.cfg",
	    "doc = \"Long\"; compute = { packages = [ \"git\", \"vim\" ]; };\n");
	put(dir, "roles/rolls/files-only", "roll.cfg", "doc = \"Files\";\n");
	put(dir, "roles/rolls/files-only/compute/files/etc", "motd", "hello\n");
	put(dir, "clusters", "a.cfg",
	    "name = \"a\"; authorized_keys = [ \"ssh-ed25519 "
	    "AAAAC3NzaC1lZDI1NTE5AAAAIEHhPtb2jZ2AQQA5zSLFTMIqY7rH6oGv1XjFQcE8b8Zp a\" ];\n"
	    "rolls = [ \"front\", \"files-only\", "
	    "\"a-roll-of-a-very-long-name-that-no-role-has-room-for\" ];\n"
	    "frontend = { vcpus = 1; memory = \"1G\"; disk = \"1G\"; };\n"
	    "nodes = (\n"
	    "  { name = \"c\"; count = 1; vcpus = 1; memory = \"1G\"; boot = \"ram\"; "
	    "appliance = \"worker\"; },\n"
	    "  { name = \"p\"; count = 1; vcpus = 1; memory = \"1G\"; boot = \"ram\"; "
	    "packages = [ \"gcc\", \"vim\" ]; },\n"
	    "  { name = \"q\"; count = 1; vcpus = 1; memory = \"1G\"; boot = \"ram\"; "
	    "packages = [ \"vim\", \"gcc\" ]; },\n"
	    "  { name = \"g\"; count = 1; vcpus = 1; memory = \"1G\"; disk = \"1G\"; "
	    "boot = \"golden\"; } );\n");
	read_good(dir, "tests/golden/share", &site);
	const struct role *frontend = role_of(&site, "frontend");
	assert_string_equal(frontend->name, "frontend-with-front");
	assert_string_equal(frontend->extends, "frontend");
	assert_string_equal(frontend->enable.items[0], "moyai-frontend.service");
	assert_string_equal(frontend->enable.items[1], "nginx.service");
	assert_true(role_is_frontend(frontend));
	const struct role *worker = role_of(&site, "c1");
	assert_int_equal(strncmp(worker->name, "worker-with-", 12), 0);
	assert_count(strlen(worker->name), 20); /* a digest: the names are too long */
	assert_count(worker->packages.count, 2);
	assert_string_equal(worker->packages.items[0], "git");
	assert_count(worker->folders.count, 4);
	assert_true(text_ends(worker->folders.items[0], "/roles/compute"));
	assert_true(text_ends(worker->folders.items[1], "/roles/worker"));
	assert_true(text_ends(worker->folders.items[2], "/roles/rolls/files-only/compute"));
	role_print(worker, "compute", &printed);
	assert_string_equal(str_text(&printed),
			    "doc = \"worker, with files-only, "
			    "a-roll-of-a-very-long-name-that-no-role-has-room-for\";\n"
			    "extends = \"compute\";\npackages = [ \"git\", \"vim\" ];\n\t\tsysctls "
			    "= (\n\t\t\t{ name = "
			    "\"vm.swappiness\"; value = \"1\"; }\n\t\t);\n");
	/* The same packages are the same image, in whatever order. */
	assert_ptr_equal(role_of(&site, "p1"), role_of(&site, "q1"));
	assert_ptr_not_equal(role_of(&site, "p1"), worker);
	assert_string_equal(cluster_find_guest(site_find_cluster(&site, "a"), "g1")->group->role,
			    "compute");
	site_free(&site);
	assert_int_equal(run_args(NULL, "rm", "-rf", dir, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_guests_of_the_example),
		cmocka_unit_test(test_rolls_of_the_example),
		cmocka_unit_test(test_record_of_the_example),
		cmocka_unit_test(test_what_is_the_sites_own),
		cmocka_unit_test(test_composed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
