/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What follows from clusters: the resources of configs/campus one by one, and what of them stays
   when a cluster is stopped or absent. */
#include "campus.h"

#include <string.h>
#include <unistd.h>

#include "base/run.h"

static void test_hosts(void **state)
{
	(void)state;
	expand_well();
	assert_ids("gw1", "session store1/genome-frontend\n"
			  "guest genome-frontend\n"
			  "vlan vlan100\n"
			  "bridge br-vlan100\n"
			  "bridge br-campus\n"
			  "appliance frontend-with-slurm-mpi-lab\n"
			  "appliance compute-with-slurm-mpi-lab\n");
	assert_ids("vm1", "session store1/genome-compute1\n"
			  "session store1/genome-compute1-scratch\n"
			  "guest genome-compute1\n"
			  "vlan vlan100\n"
			  "bridge br-vlan100\n"
			  "session store1/genome-compute4\n"
			  "session store1/genome-compute4-scratch\n"
			  "guest genome-compute4\n");
	assert_fields("vm1", "vlan", "vlan100",
		      "parent=boot0 id=100 mtu=1500 link=up undeclared=none "
		      "bridge=br-vlan100");
	assert_fields("vm1", "bridge", "br-vlan100",
		      "port=vlan100 mtu=1500 link=up undeclared=none "
		      "filtering=on");
	assert_fields(
		"vm1", "guest", "genome-compute4",
		"vcpus=8 memory=16G disks=/dev/moyai/store1/genome-compute4, "
		"/dev/moyai/store1/genome-compute4-scratch "
		"interfaces=br-vlan100 02:8f:4d:7d:d3:34 10.1.0.5 emulated=false boot=network "
		"settings=interface=02:8f:4d:7d:d3:34 10.1.0.5/16 10.1.0.1 epoch=0 "
		"state=running others=gw1, vm2, vm3");
	assert_fields(
		"gw1", "guest", "genome-frontend",
		"vcpus=4 memory=8G disks=/dev/moyai/store1/genome-frontend "
		"interfaces=br-vlan100 02:92:ce:dc:6c:58, br-campus 02:81:4d:88:30:94 192.0.2.50 "
		"emulated=false boot=appliance appliance=frontend-with-slurm-mpi-lab "
		"serves=compute-with-slurm-mpi-lab "
		"settings=hostname=frontend, interface=02:92:ce:dc:6c:58 10.1.0.1/16, "
		"interface=02:81:4d:88:30:94 "
		"192.0.2.50/24, cluster=genome, domain=campus.example, "
		"mirror=http://deb.debian.org/debian, "
		"roll=slurm, roll=mpi, roll=lab, "
		"role=compute-with-slurm-mpi-lab doc = \"compute, with slurm, mpi, lab\";, "
		"role=compute-with-slurm-mpi-lab extends = \"compute\";, "
		"role=compute-with-slurm-mpi-lab packages = [ \"nfs-common\", \"chrony\", "
		"\"nftables\", \"e2fsprogs\", \"openssh-client\", \"slurmd\", \"slurm-client\", "
		"\"munge\", \"openmpi-bin\", \"vim-tiny\" ]; "
		"told=key=ssh-ed25519 "
		"AAAAC3NzaC1lZDI1NTE5AAAAIEHhPtb2jZ2AQQA5zSLFTMIqY7rH6oGv1XjFQcE8b8Zp ann@genome, "
		"parameter=slurm partition genome, parameter=slurm controller , "
		"parameter=slurm farm , parameter=lab contact hpc@campus.example, "
		"node=compute1 02:0d:b1:a3:75:60 10.1.0.2 8 16384 install "
		"compute-with-slurm-mpi-lab, "
		"node=compute2 02:43:29:ed:01:c2 10.1.0.3 8 16384 install "
		"compute-with-slurm-mpi-lab, "
		"node=compute3 02:a2:ae:25:34:f5 10.1.0.4 8 16384 install "
		"compute-with-slurm-mpi-lab, "
		"node=compute4 02:8f:4d:7d:d3:34 10.1.0.5 8 16384 install "
		"compute-with-slurm-mpi-lab, "
		"node=compute5 02:31:d8:72:a3:cb 10.1.0.6 8 16384 install "
		"compute-with-slurm-mpi-lab, "
		"node=compute6 02:8b:72:a2:86:d9 10.1.0.7 8 16384 install "
		"compute-with-slurm-mpi-lab, "
		"node=big1 02:14:32:84:40:9b 10.1.0.8 32 163840 ram compute-with-slurm-mpi-lab, "
		"node=big2 02:88:20:1e:ce:1b 10.1.0.9 32 163840 ram compute-with-slurm-mpi-lab "
		"epoch=0 state=running others=vm1, vm2, vm3 firewall=campus "
		"missing=no images were read");
	/* Its nodes with boot = "ram" have no disk. */
	AUTO_FREE char *big = fields_of("vm3", "guest", "genome-big1");
	assert_non_null(strstr(big, "boot=network settings="
				    "interface=02:14:32:84:40:9b 10.1.0.8/16 10.1.0.1 "));
	assert_null(strstr(big, "disks="));
}

static void write_image(const char *dir, const char *role, const char *initrd)
{
	static const char SHA[] =
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	AUTO_FREE char *folder = xasprintf("%s/%s", dir, role);
	AUTO_FREE char *path = xasprintf("%s/manifest.json", folder);
	AUTO_FREE char *text = xasprintf(
		"{\"role\": \"%s\", \"version\": \"1f0c\", \"console\": \"ttyS0\", "
		"\"kernel_arguments\": [\"quiet\"], \"files\": {\"kernel\": {\"path\": "
		"\"base-cloud/vmlinuz\", \"sha256\": \"%s\", \"size\": 7}, \"initrd\": "
		"{\"path\": \"%s\", \"sha256\": \"%s\", \"size\": 5}, \"layers\": [{\"path\": "
		"\"%s/role.squashfs\", \"sha256\": \"%s\", \"size\": 3}]}}",
		role, SHA, initrd, SHA, role, SHA);
	assert_int_equal(file_make_dirs(folder, 0700, NULL), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* Guests that start from an appliance: with the kernel that their host has of it. */
static void test_appliances(void **state)
{
	static const char *const ROLES[] = { "frontend-with-slurm-mpi-lab",
					     "compute-with-slurm-mpi-lab", "gateway", "vm-server",
					     "storage" };
	AUTO_FREE char *dir = temporary_dir();
	(void)state;
	for (size_t i = 0; i < COUNT_OF(ROLES); i++)
		write_image(dir, ROLES[i],
			    i == 1 ? "compute-with-slurm-mpi-lab/initrd.img"
				   : "base-cloud/initrd.img");
	image_set_read(dir, &site, &images);
	assert_null(images.missing);
	/* Of it these nodes have one that is all in its initramfs. */
	struct cluster_group *group = &site_find_cluster(&site, "genome")->groups[1];
	assert_string_equal(group->name, "big");
	group->alone = true;
	expand_well();
	AUTO_FREE char *big = fields_of("vm3", "guest", "genome-big1");
	assert_non_null(strstr(big, "settings=hostname=big1, interface=02:14:32:84:40:9b "
				    "10.1.0.8/16 10.1.0.1, key="));
	assert_non_null(strstr(
		big,
		"appliance=compute-with-slurm-mpi-lab "
		"kernel=/var/lib/moyai/appliances/compute-with-slurm-mpi-lab/"
		"base-cloud/vmlinuz initrd=/var/lib/moyai/appliances/compute-with-slurm-mpi-lab/"
		"compute-with-slurm-mpi-lab/initrd.img arguments=console=ttyS0 quiet settings="));
	assert_null(strstr(big, "missing="));
	AUTO_FREE char *kept = fields_of("vm3", "appliance", "compute-with-slurm-mpi-lab");
	assert_string_equal(kept,
			    "content=2 files, 12, 6baade147e2f "
			    "url=http://10.79.0.1:8067/image/ files=base-cloud/vmlinuz "
			    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 7, "
			    "compute-with-slurm-mpi-lab/initrd.img "
			    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef 5");
	/* The frontend's own is not: it has the layers as disks, and to hand on those of its nodes. */
	AUTO_FREE char *with = fields_of("gw1", "guest", "genome-frontend");
#define KEPT "/var/lib/moyai/appliances/"
#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	assert_non_null(strstr(
		with, "files=moyai-layer-1 " KEPT
		      "frontend-with-slurm-mpi-lab/frontend-with-slurm-mpi-lab/role.squashfs, "
		      "moyai-file-1 " KEPT
		      "compute-with-slurm-mpi-lab/compute-with-slurm-mpi-lab/manifest.json, "
		      "moyai-file-2 " KEPT "compute-with-slurm-mpi-lab/base-cloud/vmlinuz, "
		      "moyai-file-3 " KEPT
		      "compute-with-slurm-mpi-lab/compute-with-slurm-mpi-lab/initrd.img, "
		      "moyai-file-4 " KEPT
		      "compute-with-slurm-mpi-lab/compute-with-slurm-mpi-lab/role.squashfs "));
	assert_non_null(strstr(with, "arguments=console=ttyS0 quiet moyai.guest settings="));
	assert_non_null(strstr(with, ", file=moyai-file-2 7 " SHA " base-cloud/vmlinuz, "
				     "file=moyai-file-3 5 " SHA
				     " compute-with-slurm-mpi-lab/initrd.img, "));
	image_set_free(&images);

	/* One that is not there is missed by its guests, and by their frontend, alone. */
	AUTO_FREE char *manifest = xasprintf("%s/compute-with-slurm-mpi-lab/manifest.json", dir);
	assert_int_equal(unlink(manifest), 0);
	image_set_read(dir, &site, &images);
	assert_null(images.missing);
	AUTO_FREE char *none = fields_of("vm3", "guest", "genome-big1");
#define MISSING                                                                                    \
	"missing=there is no image of role compute-with-slurm-mpi-lab; run moyai image build"
	assert_non_null(strstr(none, MISSING));
	assert_fields("vm3", "appliance", "compute-with-slurm-mpi-lab",
		      "content=not known " MISSING);
	AUTO_FREE char *frontend = fields_of("gw1", "guest", "genome-frontend");
	assert_non_null(strstr(frontend, MISSING));
	AUTO_FREE char *other = fields_of("gw1", "appliance", "frontend-with-slurm-mpi-lab");
	assert_null(strstr(other, "missing="));
	image_set_free(&images);
	const char *const remove[] = { "rm", "-r", dir, NULL };
	assert_int_equal(run_ok(&(struct run){ .argv = remove }, NULL, NULL), 0);
}

static void test_disks(void **state)
{
	(void)state;
	expand_well();
	assert_fields(
		"store1", "volume", "genome-compute1-scratch",
		"pool=main type=thin size=50G thin_pool=guests scrub=discard active=true takes=0 "
		"pool_wanted=3078G pool_members=1");
	assert_fields("store1", "target", "genome-compute1",
		      "volume=genome-compute1 initiator=vm1 network=storage links=storage "
		      "iqn=iqn.2026-11.moyai.campus:store1.genome-compute1 "
		      "initiator_iqn=iqn.2026-11.moyai.campus:vm1 portals=10.79.20.16:3260 "
		      "device=/dev/moyai-main/genome-compute1 size=20G "
		      "chap_user=store1.genome-compute1 serial=e0185fbef68737085a45aa2da7f930fb "
		      "discards=true closed=true enabled=true");
	assert_fields("vm1", "session", "store1/genome-compute1",
		      "from=store1 network=storage timeout=2m links=storage "
		      "target_iqn=iqn.2026-11.moyai.campus:store1.genome-compute1 "
		      "portals=10.79.20.16:3260 initiator_iqn=iqn.2026-11.moyai.campus:vm1 "
		      "chap_user=store1.genome-compute1 size=20G logged_in=true multipath=false");
}

/* QEMU logs in to the targets by itself: the host has no session. */
static void test_direct(void **state)
{
	struct cluster *genome = site_find_cluster(&site, "genome");
	(void)state;
	free(genome->attach);
	genome->attach = xstrdup("direct");
	expand_well();
	assert_ids("vm2", "guest genome-compute2\n"
			  "vlan vlan100\n"
			  "bridge br-vlan100\n"
			  "guest genome-compute5\n");
	assert_fields("store1", "target", "genome-compute2",
		      "volume=genome-compute2 initiator=vm2 network=storage guest=genome-compute2 "
		      "links=storage iqn=iqn.2026-11.moyai.campus:store1.genome-compute2 "
		      "initiator_iqn=iqn.2026-11.moyai.campus:vm2 portals=10.79.20.16:3260 "
		      "device=/dev/moyai-main/genome-compute2 size=20G "
		      "chap_user=store1.genome-compute2 one_way=true "
		      "serial=de2d7c81edf26d0e4733a23568a31432 discards=true closed=true "
		      "enabled=true");
	AUTO_FREE char *guest = fields_of("vm2", "guest", "genome-compute2");
	assert_non_null(strstr(
		guest, "disks=iscsi 10.79.20.16:3260 "
		       "iqn.2026-11.moyai.campus:store1.genome-compute2 "
		       "store1.genome-compute2 iqn.2026-11.moyai.campus:vm2, iscsi "
		       "10.79.20.16:3260 iqn.2026-11.moyai.campus:store1.genome-compute2-scratch "
		       "store1.genome-compute2-scratch iqn.2026-11.moyai.campus:vm2 "));
}

/* A copy of each disk beside it; and a disk that was set back is a copy of that. */
static void test_snapshots(void **state)
{
	(void)state;
	struct cluster *course = site_find_cluster(&site, "course");
	struct allocated_guest *seat = allocation_find(&course->recorded, "seat1");
	text_list_add(&course->recorded.snapshots, "clean@1796000000");
	text_list_add(&course->recorded.snapshots, "week2@1796000001");
	text_list_add(&course->recorded.forgotten, "old");
	seat->disk_reset = xstrdup("clean@1796057134");
	state_of("course", "stopped");
	expand_well();
#define TAKES "active=true takes=0 pool_wanted=3078G pool_members=1"
#define AWAY(guest)                                                                                \
	"keeper=store1 guest=course-" guest " hosts=gw1, vm1, vm2, vm3 scrub=discard " TAKES
	assert_fields("store1", "volume", "course-seat1-at-clean",
		      "pool=main type=thin size=10G thin_pool=guests snapshot_of=course-seat1 "
		      "snapshot_at=1796000000 begins_as=golden-compute " AWAY("seat1"));
	assert_fields("store1", "volume", "course-seat1-at-week2",
		      "pool=main type=thin size=10G thin_pool=guests snapshot_of=course-seat1 "
		      "snapshot_at=1796000001 begins_as=golden-compute " AWAY("seat1"));
	assert_fields("store1", "volume", "course-seat1",
		      "pool=main type=thin size=10G thin_pool=guests of=course-seat1-at-clean "
		      "reset=1796057134 " AWAY("seat1"));
	assert_fields("store1", "volume", "course-seat2",
		      "pool=main type=thin size=10G thin_pool=guests of=golden-compute reset=0 "
		      "scrub=discard " TAKES);
	const struct text_list *given_up = &site_find_node(&site, "store1")->given_up;
	assert_true(text_list_has(given_up, "volume/course-seat1"));
	assert_false(text_list_has(given_up, "volume/course-seat2"));
	assert_true(text_list_has(given_up, "volume/course-seat2-at-old"));
	assert_false(text_list_has(given_up, "volume/course-seat2-at-clean"));
}

/* Of a running one nobody is kept away, and nothing is given up but what is forgotten. */
static void test_snapshots_running(void **state)
{
	(void)state;
	struct cluster *course = site_find_cluster(&site, "course");
	struct allocated_guest *seat = allocation_find(&course->recorded, "seat1");
	text_list_add(&course->recorded.snapshots, "clean@1796000000");
	seat->disk_reset = xstrdup("clean@1796057134");
	state_of("course", "running");
	expand_well();
	assert_fields("store1", "volume", "course-seat1",
		      "pool=main type=thin size=10G thin_pool=guests of=course-seat1-at-clean "
		      "reset=1796057134 scrub=discard " TAKES);
	assert_count(site_find_node(&site, "store1")->given_up.count, 0);
}

/* A cluster that is removed is removed with them. */
static void test_snapshots_absent(void **state)
{
	(void)state;
	struct cluster *course = site_find_cluster(&site, "course");
	text_list_add(&course->recorded.snapshots, "clean@1796000000");
	text_list_add(&course->recorded.forgotten, "old");
	state_of("course", "absent");
	expand_well();
	AUTO_FREE char *ids = ids_on("store1");
	assert_null(strstr(ids, "course"));
	const struct text_list *given_up = &site_find_node(&site, "store1")->given_up;
	assert_true(text_list_has(given_up, "volume/course-seat3"));
	assert_true(text_list_has(given_up, "volume/course-seat3-at-clean"));
	assert_true(text_list_has(given_up, "volume/course-seat3-at-old"));
}

static void test_stopped(void **state)
{
	(void)state;
	state_of("genome", "stopped");
	expand_well();
	assert_ids("gw1", "");
	assert_ids("vm1", "");
	AUTO_FREE char *ids = ids_on("store1");
	assert_non_null(strstr(ids, "volume genome-frontend\nvolume genome-compute1\n"
				    "volume genome-compute1-scratch\n"));
	assert_null(strstr(ids, "target"));
	/* Thin clones of the golden volume. */
	assert_fields("store1", "volume", "course-seat3",
		      "pool=main type=thin size=10G thin_pool=guests of=golden-compute reset=0 "
		      "scrub=discard active=true takes=0 pool_wanted=3078G pool_members=1");
	assert_count(site_find_node(&site, "store1")->given_up.count, 0);
}

static void test_absent(void **state)
{
	(void)state;
	state_of("genome", "absent");
	state_of("course", "stopped");
	expand_well();
	AUTO_FREE char *ids = ids_on("store1");
	assert_null(strstr(ids, "genome"));
	/* Its record is consent to lose what it names, and the command line's can name it whole. */
	const struct text_list *given_up = &site_find_node(&site, "store1")->given_up;
	AUTO_LIST struct text_list scopes = TEXT_LIST_INIT;
	expand_scopes(site_find_cluster(&site, "genome"), &scopes);
	assert_count(given_up->count, 13);
	assert_count(scopes.count, 13);
	assert_string_equal(given_up->items[0], "volume/genome-frontend");
	assert_string_equal(given_up->items[2], "volume/genome-compute1-scratch");
	assert_string_equal(scopes.items[12], "store1/volume/genome-compute6-scratch");
	const struct derive from = { .site = &site, .node = site_find_node(&site, "store1") };
	struct slice slice;
	assert_int_equal(slice_make(&from, &slice, NULL), 0);
	assert_true(text_list_has(&slice.given_up, "volume/genome-compute6"));
	slice_free(&slice);
}

/* A bridge is called by the network, and no two of them the same. */
static void test_bridge_names(void **state)
{
	static const struct {
		const char *network, *bridge;
	} CASES[] = {
		{ "campus-twelv", "br-campus-twelv" },
		{ "campus-outside1", "br-campus--3fab" },
		{ "campus-outside2", "br-campus--2caf" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		struct network *network = site_find_network(&site, "campus");
		struct cluster *genome = site_find_cluster(&site, "genome");
		map_free(&site.network_by_name);
		site.network_by_name = (struct map)MAP_INIT;
		free(network->name);
		free(genome->external.network);
		network->name = xstrdup(CASES[i].network);
		genome->external.network = xstrdup(CASES[i].network);
		for (size_t n = 0; n < site.network_count; n++)
			map_put(&site.network_by_name, site.networks[n].name, &site.networks[n]);
		expand_well();
		assert_non_null(spec_list_find(&site_find_node(&site, "gw1")->wants, "bridge",
					       CASES[i].bridge));
		close_site(state);
		open_site(state);
	}
}

/* A frontend without an address of its own: a link to its gateway, and what leads through it. */
static void test_forwards(void **state)
{
	(void)state;
	state_of("course", "running");
	expand_well();
	assert_ids("gw1", "session store1/course-frontend\n"
			  "guest course-frontend\n"
			  "vlan vlan150\n"
			  "bridge br-vlan150\n"
			  "bridge br-link150\n"
			  "appliance frontend-with-358c490e\n"
			  "session store1/genome-frontend\n"
			  "guest genome-frontend\n"
			  "vlan vlan100\n"
			  "bridge br-vlan100\n"
			  "bridge br-campus\n"
			  "appliance frontend-with-slurm-mpi-lab\n"
			  "appliance compute-with-slurm-mpi-lab\n"
			  "masquerade link150-campus\n");
	assert_fields("gw1", "bridge", "br-link150",
		      "mtu=1500 addresses=100.64.2.89/30 link=up undeclared=none");
	AUTO_FREE char *frontend = fields_of("gw1", "guest", "course-frontend");
	assert_non_null(strstr(frontend, "interfaces=br-vlan150 02:a0:48:3c:3d:9d, br-link150 "
					 "02:2e:3a:fd:65:6c 100.64.2.90 emulated="));
	assert_non_null(strstr(frontend, "interface=02:2e:3a:fd:65:6c 100.64.2.90/30 100.64.2.89, "
					 "cluster=course, "));
	assert_non_null(strstr(frontend, "firewall=campus"));
	/* The other cluster's frontend has put a bridge on the network. */
	assert_fields("gw1", "masquerade", "link150-campus", "from=100.64.2.88/30 out=br-campus");
	assert_fields("gw1", "firewall", "campus",
		      "rules=established, exit br-link150 br-campus, "
		      "forward br-campus tcp 2201 100.64.2.90 22 192.0.2.12, guard br-link150");
	/* It does not start before the firewall guards it. */
	const struct kind_spec *kind = kind_find("guest");
	const struct spec *guest =
		spec_list_find(&site_find_node(&site, "gw1")->wants, "guest", "course-frontend");
	struct refs needs = { 0 };
	bool firewall = false;
	assert_int_equal(kind->needs(guest, &needs, NULL), 0);
	for (size_t i = 0; i < needs.count; i++)
		firewall = firewall || (strcmp(needs.items[i].kind, "firewall") == 0 &&
					strcmp(needs.items[i].id, "campus") == 0);
	refs_free(&needs);
	assert_true(firewall);
}

/* Two ports from one network, one from the boot network: one way out, and not by that one. Stopped,
   nothing of it is there. */
static void test_forwards_of_two(void **state)
{
	struct cluster *course = site_find_cluster(&site, "course");
	(void)state;
	state_of("genome", "stopped");
	state_of("course", "running");
	course->forwards = xrealloc(course->forwards, 3, sizeof(*course->forwards));
	course->forward_count = 3;
	for (size_t i = 1; i < 3; i++) {
		course->forwards[i] = course->forwards[0];
		course->forwards[i].protocol = xstrdup("udp");
		course->forwards[i].network = xstrdup(i == 1 ? "campus" : NULL);
		course->forwards[i].port = 53;
		course->forwards[i].to = FIELD_UNSET;
	}
	expand_well();
	assert_fields("gw1", "firewall", "campus",
		      "rules=established, exit br-link150 campus, "
		      "forward boot0 udp 53 100.64.2.90 53 10.79.0.12, "
		      "forward campus tcp 2201 100.64.2.90 22 192.0.2.12, "
		      "forward campus udp 53 100.64.2.90 53 192.0.2.12, guard br-link150");
	close_site(state);
	open_site(state);
	state_of("genome", "stopped");
	expand_well();
	assert_ids("gw1", "");
	assert_fields("gw1", "firewall", "campus", "rules=established");
}

/* With the frontend its ports move: nothing of them stays where it was. */
static void test_forwards_move(void **state)
{
	struct cluster *course = site_find_cluster(&site, "course");
	struct site_node *vm1 = site_find_node(&site, "vm1");
	struct site_node *gw1 = site_find_node(&site, "gw1");
	(void)state;
	/* A second gateway, out of what is not needed here. */
	vm1->role = gw1->role;
	free(vm1->role_name);
	vm1->role_name = xstrdup(gw1->role_name);
	for (size_t i = 0; i < gw1->wants.count; i++)
		spec_list_copy(&vm1->wants, &gw1->wants.items[i]);
	state_of("genome", "absent");
	state_of("course", "running");
	free(course->recorded.guests[0].host);
	course->recorded.guests[0].host = xstrdup("vm1");
	free(course->forwards[0].network);
	course->forwards[0].network = NULL;
	expand_well();
	assert_ids("gw1", "");
	assert_fields("gw1", "firewall", "campus", "rules=established");
	assert_fields("vm1", "firewall", "campus",
		      "rules=established, forward boot0 tcp 2201 100.64.2.90 22 10.79.0.13, "
		      "guard br-link150");
	assert_fields("vm1", "bridge", "br-link150",
		      "mtu=1500 addresses=100.64.2.89/30 link=up undeclared=none");
}

/* A role's firewall is for its other nodes too. */
static void test_firewall_of_role(void **state)
{
	struct site_node *gw1 = site_find_node(&site, "gw1");
	struct spec_list *role = gw1->role->wants;
	(void)state;
	for (size_t i = 0; i < gw1->wants.count; i++)
		if (strcmp(gw1->wants.items[i].kind->name, "firewall") == 0) {
			spec_list_copy(role, &gw1->wants.items[i]);
			spec_list_drop(&gw1->wants, i);
		}
	state_of("genome", "stopped");
	state_of("course", "running");
	expand_well();
	assert_fields("gw1", "firewall", "campus",
		      "rules=established, exit br-link150 campus, "
		      "forward campus tcp 2201 100.64.2.90 22 192.0.2.12, guard br-link150");
	const struct spec *shared = spec_list_find(role, "firewall", "campus");
	assert_false(field_given(field_find(shared->kind->fields, "rules"), shared->body));
}

/* What is decided and not recorded could be decided otherwise tomorrow. */
static void test_open(void **state)
{
	(void)state;
	struct cluster *genome = site_find_cluster(&site, "genome");
	expand_well();
	assert_false(genome->open);
	assert_false(site_find_cluster(&site, "course")->open);
	close_site(state);
	open_site(state);
	genome = site_find_cluster(&site, "genome");
	free(genome->recorded.guests[3].host);
	genome->recorded.guests[3].host = NULL;
	expand_well();
	assert_true(genome->open);
}

/* What is printed of the site is what was read, and parses again. */
static void test_print(void **state)
{
	AUTO_STR struct str before = STR_INIT;
	AUTO_STR struct str after = STR_INIT;
	(void)state;
	site_print(&site, &before);
	expand_well();
	site_print(&site, &after);
	assert_string_equal(str_text(&before), str_text(&after));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hosts, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_appliances, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_disks, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_direct, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_snapshots, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_snapshots_running, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_snapshots_absent, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_stopped, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_absent, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_bridge_names, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_forwards, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_forwards_of_two, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_forwards_move, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_firewall_of_role, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_open, open_site, close_site),
		cmocka_unit_test_setup_teardown(test_print, open_site, close_site),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
