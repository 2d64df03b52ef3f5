/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sites with clusters, generated: what is allocated is valid, the same every time, and stays as it
   is when other clusters come and go. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/run.h"
#include "engine/allocate.h"
#include "model/ipv4.h"
#include "model/nodeset.h"

enum { SITES = 60, CLUSTERS_MAX = 8 };
static const char SHARE[] = "."; /* tests run in the source tree */

static uint64_t seed;
static unsigned number(unsigned below)
{
	return (unsigned)next_number(&seed, below);
}

/* ---- a site directory ---- */

static void add_node(struct str *out, const char *name, const char *role, unsigned index,
		     const char *guests)
{
	str_addf(out,
		 "%s{ name = \"%s\"; role = \"%s\"; mac = \"52:54:00:00:00:%02x\";\n"
		 "  addresses = { boot = \"10.0.0.%u\"; storage = \"10.0.20.%u\"; };\n  %s }",
		 index ? ",\n" : "", name, role, index + 1, index + 10, index + 10, guests);
}

static void make_site(struct str *out, unsigned hosts, unsigned stores)
{
	unsigned index = 0;
	str_add(out, "name = \"lab\"; domain = \"lab.example\"; mirror = \"http://mirror/d\";\n"
		     "boot = { network = \"boot\"; server = \"10.0.0.1\"; };\n"
		     "vlan_pool = \"100-120\";\n"
		     "networks = ( { name = \"boot\"; cidr = \"10.0.0.0/24\"; },\n"
		     "  { name = \"storage\"; cidr = \"10.0.20.0/24\"; vlan = 20; },\n"
		     "  { name = \"lab\"; cidr = \"10.1.7.0/24\"; vlan = 30; } );\nnodes = (\n");
	for (unsigned i = 1; i <= 2; i++) {
		AUTO_FREE char *name = xasprintf("gw%u", i);
		add_node(out, name, "gateway", index++,
			 "guests = { vcpus = 32; memory = \"64G\"; }; firewalls = ( { name = "
			 "\"site\"; } );");
	}
	for (unsigned i = 1; i <= hosts; i++) {
		AUTO_FREE char *name = xasprintf("vm%u", i);
		AUTO_FREE char *guests = xasprintf("guests = { vcpus = %u; memory = \"%uG\"; };",
						   16 + number(48), 32 + number(96));
		add_node(out, name, "vm-server", index++, guests);
	}
	for (unsigned i = 1; i <= stores; i++) {
		AUTO_FREE char *name = xasprintf("store%u", i);
		AUTO_FREE char *guests = xasprintf(
			"partitions = ( { name = \"p\"; disk = \"/dev/vda\"; } );\n"
			"  pools = ( { name = \"main\"; partitions = [ \"p\" ]; } );\n"
			"  volumes = ( { name = \"thin\"; pool = \"main\"; size = \"1T\"; type = "
			"\"thin-pool\"; } );\n"
			"  guests = { storage = \"%uG\"; pool = \"main\"; networks = [ \"storage\" "
			"];%s };",
			400 + number(800), i == 1 ? " thin_pool = \"thin\";" : "");
		add_node(out, name, "storage", index++, guests);
	}
	str_add(out, "\n);\n");
}

static void make_cluster(struct str *out, const char *name, unsigned hosts)
{
	static const char *const STATES[] = { "running", "running", "running",
					      "running", "stopped", "absent" };
	static const char *const BOOTS[] = { "install", "golden", "ram" };
	unsigned groups = 1 + number(3);
	str_addf(out,
		 "name = \"%s\"; state = \"%s\"; authorized_keys = [ \"ssh-ed25519 "
		 "AAAAC3NzaC1lZDI1NTE5AAAAIEHhPtb2jZ2AQQA5zSLFTMIqY7rH6oGv1XjFQcE8b8Zp a\" ];\n"
		 "frontend = { vcpus = %u; memory = \"%uG\"; disk = \"%uG\"; };\nnodes = (\n",
		 name, STATES[number(COUNT_OF(STATES))], 1 + number(4), 1 + number(6),
		 1 + number(40));
	for (unsigned i = 0; i < groups; i++) {
		const char *boot = BOOTS[number(COUNT_OF(BOOTS))];
		str_addf(out,
			 "%s{ name = \"g%ux\"; count = %u; vcpus = %u; memory = \"%uG\"; boot = "
			 "\"%s\"; placement = \"%s\";",
			 i ? ",\n" : "", i, 1 + number(5), 1 + number(6), 1 + number(10), boot,
			 number(2) ? "spread" : "pack");
		if (strcmp(boot, "ram") != 0)
			str_addf(out, " disk = \"%uM\";", 1 + number(20000));
		if (number(3) == 0)
			str_addf(out, " scratch = \"%uG\";", 1 + number(20));
		if (number(4) == 0)
			str_addf(out, " exclude = \"vm%u\";", 1 + number(hosts));
		else if (number(4) == 0 && hosts > 2)
			str_addf(out, " pin = \"vm[1-%u]\";", 2 + number(hosts - 2));
		str_add(out, " }");
	}
	str_add(out, "\n);\n");
	if (number(4) == 0)
		str_addf(out, "cidr = \"192.168.%u.0/24\";\n", number(3));
}

static void put(const char *dir, const char *folder, const char *name, const char *text)
{
	AUTO_FREE char *parent = xasprintf("%s/%s", dir, folder);
	AUTO_FREE char *path = xasprintf("%s/%s", parent, name);
	assert_int_equal(file_make_dirs(parent, 0700, NULL), 0);
	/* Not file_write(): thousands of files need not be on a disk before it goes on. */
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void take(const char *dir, const char *folder, const char *cluster)
{
	AUTO_FREE char *path = xasprintf("%s/%s/%s.cfg", dir, folder, cluster);
	assert_int_equal(file_remove(path, NULL), 0);
}

static void put_cluster(const char *dir, const char *name, unsigned hosts)
{
	AUTO_FREE char *file = xasprintf("%s.cfg", name);
	AUTO_STR struct str text = STR_INIT;
	make_cluster(&text, name, hosts);
	put(dir, "clusters", file, str_text(&text));
}

/* ---- what comes of it ---- */

struct outcome {
	struct site site;
	struct allocations made;
	size_t mistakes;
};

static void read_and_allocate(const char *dir, struct outcome *it)
{
	struct mistakes mistakes = MISTAKES_INIT;
	struct err err = ERR_INIT;
	AUTO_STR struct str text = STR_INIT;
	assert_int_equal(site_read(dir, SHARE, &it->site, &mistakes, &err), 0);
	mistakes_print(&mistakes, &text);
	assert_string_equal(str_text(&text), "");
	assert_int_equal(allocate(&it->site, &it->made, &mistakes, &err), 0);
	it->mistakes = mistakes.count;
	mistakes_free(&mistakes);
}

static void outcome_free(struct outcome *it)
{
	allocations_free(&it->made);
	site_free(&it->site);
}

static char *record_of(const struct outcome *it, const char *cluster)
{
	struct str text = STR_INIT;
	const struct cluster *found = site_find_cluster(&it->site, cluster);
	assert_non_null(found);
	const struct allocation *made = &it->made.items[found - it->site.clusters];
	if (made->cluster != NULL)
		allocation_print(made, &text);
	return text.data ? str_take(&text) : xstrdup("");
}

static void record_all(const char *dir, const struct outcome *it)
{
	for (size_t i = 0; i < it->site.cluster_count; i++) {
		const char *name = it->site.clusters[i].name;
		AUTO_FREE char *text = record_of(it, name);
		AUTO_FREE char *file = xasprintf("%s.cfg", name);
		if (text[0])
			put(dir, "allocations", file, text);
	}
}

/* Every cluster of the first but one has in the second what it had. */
static void check_same(const struct outcome *one, const struct outcome *two, const char *but)
{
	for (size_t i = 0; i < one->site.cluster_count; i++) {
		const char *name = one->site.clusters[i].name;
		if (text_equal(name, but))
			continue;
		AUTO_FREE char *before = record_of(one, name);
		AUTO_FREE char *after = record_of(two, name);
		assert_string_equal(before, after);
	}
}

struct used {
	uint64_t vcpus, memory, storage;
};

static struct used *used_of(const struct outcome *it, struct used *used, const char *node)
{
	const struct site_node *found = site_find_node(&it->site, node);
	assert_non_null(found);
	return &used[found - it->site.nodes];
}

static void check_host(const struct outcome *it, struct used *used,
		       const struct cluster_guest *guest, const char *host)
{
	const struct cluster_group *group = guest->group;
	AUTO_LIST struct text_list pinned = TEXT_LIST_INIT;
	AUTO_LIST struct text_list excluded = TEXT_LIST_INIT;
	const struct site_node *node = site_find_node(&it->site, host);
	assert_non_null(node);
	assert_string_equal(node->role_name, cluster_is_frontend(guest) ? "gateway" : "vm-server");
	if (group->pin) {
		assert_int_equal(nodeset_parse(group->pin, &it->site, &pinned, NULL), 0);
		assert_true(text_list_has(&pinned, host));
	}
	if (group->exclude) {
		assert_int_equal(nodeset_parse(group->exclude, &it->site, &excluded, NULL), 0);
		assert_false(text_list_has(&excluded, host));
	}
	used_of(it, used, host)->vcpus += group->vcpus;
	used_of(it, used, host)->memory += group->memory;
}

static void check_disk(const struct outcome *it, struct used *used, uint64_t bytes,
		       const char *place, bool golden)
{
	struct allocated_disk disk;
	assert_int_equal(place != NULL, bytes != FIELD_UNSET);
	if (place == NULL)
		return;
	assert_true(allocated_disk_parse(place, &disk));
	assert_string_equal(disk.pool, "main");
	assert_true(!golden || disk.thin_pool != NULL);
	used_of(it, used, disk.node)->storage += bytes;
	allocated_disk_free(&disk);
}

static void check_once(struct map *all, const char *text)
{
	static char there;
	assert_non_null(text);
	assert_null(map_put(all, text, &there));
}

static void check_valid(const struct outcome *it)
{
	struct used *used = xcalloc(it->site.node_count, sizeof(*used));
	bool tags[4095] = { false };
	struct map macs = MAP_INIT;
	tags[20] = tags[30] = true;
	for (size_t i = 0; i < it->site.cluster_count; i++) {
		const struct cluster *cluster = &it->site.clusters[i];
		const struct allocation *made = &it->made.items[i];
		struct map addresses = MAP_INIT;
		struct ipv4_network range;
		if (!cluster_is_wanted(cluster))
			continue;
		uint64_t tag = cluster_vlan(cluster, made);
		assert_true(tag >= 100 && tag <= 120 && !tags[tag]);
		tags[tag] = true;
		assert_true(ipv4_parse_network(cluster_cidr(cluster, made), &range));
		assert_count(made->guest_count, cluster->guest_count);
		for (size_t j = 0; j < cluster->guest_count; j++) {
			const struct cluster_guest *guest = &cluster->guests[j];
			const struct allocated_guest *got = &made->guests[j];
			uint32_t address;
			assert_string_equal(guest->name, got->name);
			check_once(&addresses, got->address);
			assert_true(ipv4_parse(got->address, &address));
			assert_true(address > ipv4_first(&range) && address < ipv4_last(&range));
			check_once(&macs, got->mac);
			if (cluster_is_frontend(guest))
				check_once(&macs, got->outside_mac);
			if (cluster_is_running(cluster))
				check_host(it, used, guest, got->host);
			check_disk(it, used, guest->group->disk, got->disk,
				   text_equal(guest->group->boot, "golden"));
			check_disk(it, used, guest->group->scratch, got->scratch, false);
		}
		map_free(&addresses);
	}
	for (size_t i = 0; i < it->site.node_count; i++) {
		const struct site_guests *guests = &it->site.nodes[i].guests;
		assert_true(used[i].vcpus == 0 || used[i].vcpus <= guests->vcpus);
		assert_true(used[i].memory == 0 || used[i].memory <= guests->memory);
		assert_true(used[i].storage == 0 || used[i].storage <= guests->storage);
	}
	map_free(&macs);
	free(used);
}

/* All that can come and go of a site whose clusters are recorded. */
static void check_stable(const char *dir, const struct outcome *recorded, unsigned hosts)
{
	struct outcome other;
	put_cluster(dir, "between", hosts);
	read_and_allocate(dir, &other);
	check_same(recorded, &other, NULL);
	outcome_free(&other);
	take(dir, "clusters", "between");
	for (size_t i = 0; i < recorded->site.cluster_count; i++) {
		const char *name = recorded->site.clusters[i].name;
		AUTO_FREE char *file = xasprintf("%s.cfg", name);
		AUTO_FREE char *path = xasprintf("%s/clusters/%s", dir, file);
		AUTO_FREE char *record = record_of(recorded, name);
		AUTO_STR struct str declared = STR_INIT;
		assert_int_equal(file_read(path, 1 << 20, &declared, NULL), 0);
		/* Without its record it is made anew, and moves nobody. */
		take(dir, "allocations", name);
		read_and_allocate(dir, &other);
		check_same(recorded, &other, name);
		if (other.mistakes == 0)
			check_valid(&other);
		outcome_free(&other);
		/* It goes. */
		take(dir, "clusters", name);
		read_and_allocate(dir, &other);
		assert_count(other.mistakes, 0);
		check_same(&other, recorded, NULL);
		outcome_free(&other);
		/* It comes back. */
		put(dir, "clusters", file, str_text(&declared));
		if (record[0])
			put(dir, "allocations", file, record);
	}
}

static void test_generated_sites(void **state)
{
	size_t whole = 0;
	(void)state;
	seed = 20261121;
	for (int round = 0; round < SITES; round++) {
		AUTO_FREE char *dir = temporary_dir();
		AUTO_STR struct str text = STR_INIT;
		struct outcome first;
		struct outcome again;
		unsigned hosts = 2 + number(8);
		unsigned clusters = 1 + number(CLUSTERS_MAX);
		make_site(&text, hosts, 1 + number(3));
		put(dir, ".", "site.cfg", str_text(&text));
		for (unsigned i = 0; i < clusters; i++) {
			AUTO_FREE char *name = xasprintf("%c%u", 'a' + (int)number(4), i);
			put_cluster(dir, name, hosts);
		}
		read_and_allocate(dir, &first);
		read_and_allocate(dir, &again);
		assert_count(first.mistakes, again.mistakes);
		check_same(&first, &again, NULL);
		outcome_free(&again);
		if (first.mistakes == 0) {
			whole++;
			check_valid(&first);
			record_all(dir, &first);
			read_and_allocate(dir, &again);
			assert_count(again.mistakes, 0);
			check_same(&first, &again, NULL);
			check_stable(dir, &again, hosts);
			outcome_free(&again);
		}
		outcome_free(&first);
		assert_int_equal(run_args(NULL, "rm", "-rf", dir, NULL), 0);
	}
	assert_true(whole > SITES / 2 && whole < SITES);
}

/* ---- one site, change by change ---- */

#define KEYS                                                                                       \
	"authorized_keys = [ \"ssh-ed25519 "                                                       \
	"AAAAC3NzaC1lZDI1NTE5AAAAIEHhPtb2jZ2AQQA5zSLFTMIqY7rH6oGv1XjFQcE8b8Zp a\" ];\n"
#define FRONTEND "frontend = { vcpus = 1; memory = \"1G\"; disk = \"1G\"; };\n"
#define NODES(count)                                                                               \
	"nodes = ( { name = \"c\"; count = " #count                                                \
	"; vcpus = 2; memory = \"2G\"; disk = \"1G\"; } );\n"

static char *small_site(void)
{
	char *dir = temporary_dir();
	AUTO_STR struct str text = STR_INIT;
	seed = 1;
	make_site(&text, 3, 1);
	put(dir, ".", "site.cfg", str_text(&text));
	return dir;
}

static void remove_site(char *dir)
{
	assert_int_equal(run_args(NULL, "rm", "-rf", dir, NULL), 0);
	free(dir);
}

static const struct allocated_guest *guest_of(const struct outcome *it, const char *guest)
{
	const struct allocated_guest *found = allocation_find(&it->made.items[0], guest);
	assert_non_null(found);
	return found;
}

static bool is_given_up(const struct outcome *it, const char *guest)
{
	const struct text_list *given_up = &it->made.items[0].given_up;
	AUTO_FREE char *begin = xasprintf("%s@", guest);
	for (size_t i = 0; i < given_up->count; i++)
		if (text_starts(given_up->items[i], begin))
			return true;
	return false;
}

/* More nodes, then fewer: who stays keeps all, and a number that became free is taken again. The disk of
   one that was taken out may be lost, until it comes back. */
static void test_nodes_that_come_and_go(void **state)
{
	char *dir = small_site();
	struct outcome two;
	struct outcome four;
	struct outcome named;
	struct outcome back;
	(void)state;
	put(dir, "clusters", "a.cfg", "name = \"a\";\n" KEYS FRONTEND NODES(2));
	read_and_allocate(dir, &two);
	record_all(dir, &two);
	put(dir, "clusters", "a.cfg", "name = \"a\";\n" KEYS FRONTEND NODES(4));
	read_and_allocate(dir, &four);
	record_all(dir, &four);
	for (int i = 1; i <= 2; i++) {
		AUTO_FREE char *name = xasprintf("c%d", i);
		assert_string_equal(guest_of(&two, name)->address, guest_of(&four, name)->address);
		assert_string_equal(guest_of(&two, name)->mac, guest_of(&four, name)->mac);
		assert_string_equal(guest_of(&two, name)->host, guest_of(&four, name)->host);
	}
	/* The site has 10.1.7.0/24, so Rocks' own network is not for its clusters. */
	assert_string_equal(four.made.items[0].cidr, "10.2.0.0/16");
	assert_string_equal(guest_of(&four, "frontend")->address, "10.2.0.1");
	assert_string_equal(guest_of(&four, "c4")->address, "10.2.0.5");
	put(dir, "clusters", "a.cfg",
	    "name = \"a\";\n" KEYS FRONTEND
	    "nodes = ( { name = \"c\"; names = \"c[1,3-5]\"; vcpus = 2; memory = \"2G\"; disk = "
	    "\"1G\"; } );\n");
	read_and_allocate(dir, &named);
	assert_string_equal(guest_of(&named, "c3")->address, "10.2.0.4");
	assert_string_equal(guest_of(&named, "c5")->address, "10.2.0.3");
	assert_null(allocation_find(&named.made.items[0], "c2"));
	assert_true(is_given_up(&named, "c2") && named.made.items[0].given_up.count == 1);
	record_all(dir, &named);
	put(dir, "clusters", "a.cfg", "name = \"a\";\n" KEYS FRONTEND NODES(4));
	read_and_allocate(dir, &back);
	assert_string_equal(guest_of(&back, "c2")->disk, guest_of(&four, "c2")->disk);
	assert_true(is_given_up(&back, "c5") && back.made.items[0].given_up.count == 1);
	outcome_free(&back);
	outcome_free(&two);
	outcome_free(&four);
	outcome_free(&named);
	remove_site(dir);
}

/* Every tag has a link of its own, and no private network is chosen over them. */
static void test_links(void **state)
{
	char *dir = small_site();
	AUTO_STR struct str text = STR_INIT;
	struct outcome it;
	struct ipv4_network pool;
	struct ipv4_network before = { 0 };
	(void)state;
	seed = 1;
	make_site(&text, 3, 1);
	str_add(&text, "link_pool = \"10.2.64.0/18\";\n");
	put(dir, ".", "site.cfg", str_text(&text));
	put(dir, "clusters", "a.cfg", "name = \"a\";\n" KEYS FRONTEND NODES(1));
	read_and_allocate(dir, &it);
	assert_count(it.mistakes, 0);
	assert_string_equal(it.made.items[0].cidr, "10.3.0.0/16");
	assert_true(site_link_pool(&it.site, &pool));
	for (uint64_t tag = 1; tag <= 4094; tag++) {
		struct ipv4_network link;
		assert_true(site_link(&it.site, tag, &link));
		assert_true(ipv4_contains(&pool, ipv4_first(&link)) &&
			    ipv4_contains(&pool, ipv4_last(&link)));
		assert_true(tag == 1 || ipv4_first(&link) == ipv4_last(&before) + 1);
		before = link;
	}
	outcome_free(&it);
	remove_site(dir);
}

/* What the cluster's own file chooses is not in the record, and what was recorded gives way. */
static void test_what_is_chosen_is_not_recorded(void **state)
{
	char *dir = small_site();
	struct outcome it;
	(void)state;
	put(dir, "clusters", "a.cfg", "name = \"a\";\n" KEYS FRONTEND NODES(1));
	read_and_allocate(dir, &it);
	assert_int_equal(it.made.items[0].vlan, 100);
	it.made.items[0].rotation = 3;
	record_all(dir, &it);
	outcome_free(&it);
	put(dir, "clusters", "a.cfg",
	    "name = \"a\"; vlan = 117; cidr = \"192.168.9.0/24\";\n" KEYS FRONTEND NODES(1));
	read_and_allocate(dir, &it);
	AUTO_FREE char *record = record_of(&it, "a");
	assert_null(strstr(record, "vlan"));
	assert_null(strstr(record, "cidr"));
	assert_non_null(strstr(record, "rotation = 3;"));
	assert_int_equal(cluster_vlan(&it.site.clusters[0], &it.made.items[0]), 117);
	assert_string_equal(guest_of(&it, "frontend")->address, "192.168.9.1");
	outcome_free(&it);
	remove_site(dir);
}

/* Stopped, it keeps all it has and takes nothing of its hosts; absent, its tag is still its own. */
static void test_states(void **state)
{
	char *dir = small_site();
	struct outcome running;
	struct outcome stopped;
	struct outcome absent;
	(void)state;
	put(dir, "clusters", "a.cfg", "name = \"a\";\n" KEYS FRONTEND NODES(2));
	read_and_allocate(dir, &running);
	record_all(dir, &running);
	put(dir, "clusters", "a.cfg",
	    "name = \"a\"; state = \"stopped\";\n" KEYS FRONTEND NODES(2));
	read_and_allocate(dir, &stopped);
	check_same(&running, &stopped, NULL);
	put(dir, "clusters", "a.cfg", "name = \"a\"; state = \"absent\";\n" KEYS FRONTEND NODES(2));
	put(dir, "clusters", "b.cfg", "name = \"b\";\n" KEYS FRONTEND NODES(2));
	read_and_allocate(dir, &absent);
	check_same(&running, &absent, NULL);
	assert_int_equal(absent.made.items[1].vlan, 101);
	outcome_free(&running);
	outcome_free(&stopped);
	outcome_free(&absent);
	remove_site(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_generated_sites),
		cmocka_unit_test(test_nodes_that_come_and_go),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_what_is_chosen_is_not_recorded),
		cmocka_unit_test(test_states),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
