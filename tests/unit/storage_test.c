/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The pure parts of the storage kinds: what is refused because data would suffer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it. */
#include <arpa/inet.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "engine/device.h"
#include "engine/plan.h"
#include "kinds/session/spec.h"
#include "kinds/target/spec.h"
#include "kinds/volume/spec.h"
#include "system/disk_name.h"
#include "system/iscsi.h"
#include "system/lvm.h"
#include "system/mark.h"
#include "system/multipath.h"
#include "system/node.h"
#include "system/sysfs.h"
#include "system/unit_file.h"

extern const struct kind_spec target_spec;
extern const struct kind_node session_node;

static void two_partitions_with_one_label(void **state)
{
	struct sysfs_partition items[] = {
		{ (char *)"vda1", (char *)"vda", (char *)"moyai.main" },
		{ (char *)"vda2", (char *)"vda", (char *)"moyai.more" },
		{ (char *)"vdb1", (char *)"vdb", (char *)"moyai.main" },
	};
	const struct sysfs_partitions all = { items, 3 };
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(sysfs_partition_check(&all, "moyai.more", &err), 0);
	assert_int_equal(sysfs_partition_check(&all, "moyai.none", &err), 0);
	assert_int_equal(sysfs_partition_check(&all, "moyai.main", &err), -1);
	assert_string_equal(err.text, "/dev/vda1 and /dev/vdb1 both have the label moyai.main; "
				      "take the disk that does not belong here out");
}

/* The id of a session has two parts, and a node is asked over the wire. */
static void an_id_that_is_no_session(void **state)
{
	static const char *const IDS[] = { "home", "", "/home", "store1/", "/" };
	struct session body;
	struct spec seen = { .kind = &session_spec, .body = &body };
	struct node node;
	(void)state;
	node_init(&node, "demo", "vm1");
	for (size_t i = 0; i < COUNT_OF(IDS); i++) {
		struct err err = ERR_INIT;
		bool found = true;
		AUTO_FREE char *text = xasprintf("session %s: the id is not FROM/NAME", IDS[i]);
		fields_init(session_spec.fields, &body);
		assert_int_equal(session_node.observe(&node, IDS[i], NULL, &seen, &found, &err),
				 -1);
		assert_string_equal(err.text, text);
		assert_false(found);
		fields_free(session_spec.fields, &body);
	}
	node_free(&node);
}

/* Only the node knows what its links lead to. */
static void a_disk_with_two_names(void **state)
{
	char dir[] = "/tmp/moyai-disk-XXXXXX";
	struct text_list others = TEXT_LIST_INIT;
	(void)state;
	assert_non_null(mkdtemp(dir));
	AUTO_FREE char *link = xasprintf("%s/by-id", dir);
	AUTO_FREE char *gone = xasprintf("%s/gone", dir);
	assert_int_equal(symlink("/dev/null", link), 0);
	text_list_add(&others, "/dev/zero");
	text_list_add(&others, gone);
	assert_null(disk_name_twin("/dev/null", &others));
	text_list_add(&others, link);
	assert_null(disk_name_twin(gone, &others));
	AUTO_FREE char *said = disk_name_twin("/dev/null", &others);
	AUTO_FREE char *wanted = xasprintf("/dev/null and %s are one disk, /dev/null; write it the "
					   "same way in all its partitions",
					   link);
	assert_string_equal(said, wanted);
	text_list_free(&others);
	assert_int_equal(unlink(link), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void another_volume_under_a_target(void **state)
{
	struct target wanted = { .device = (char *)"/dev/moyai-main/b" };
	struct target there = { .device = (char *)"/dev/moyai-main/a" };
	struct spec want = { .kind = &target_spec, .body = &wanted };
	struct spec have = { .kind = &target_spec, .body = &there };
	struct err err = ERR_INIT;
	(void)state;
	struct step step = { .kind = &target_spec,
			     .action = STEP_CHANGE,
			     .id = (char *)"home",
			     .want = &want,
			     .have = &have,
			     .seen = &have };
	assert_int_equal(target_spec.judge(&step, &err), 0);
	assert_string_equal(step.refused,
			    "target home exports /dev/moyai-main/a, and its initiator may be "
			    "using it; to export /dev/moyai-main/b give that another name, or "
			    "remove the target and its session first");
	free(step.refused);
	step.refused = NULL;
	/* A crash left it without a device: completing it is no change. */
	there.device = NULL;
	assert_int_equal(target_spec.judge(&step, &err), 0);
	assert_null(step.refused);
}

/* A target that is passed on: whoever may log in by now has to let go of it first. */
static void another_initiator_of_a_target(void **state)
{
	static const char OURS[] = "iqn.2026-11.moyai.t:";
	struct target wanted = { .iqn = (char *)"iqn.2026-11.moyai.t:store1.home",
				 .initiator_iqn = (char *)"iqn.2026-11.moyai.t:vm2" };
	struct spec want = { .kind = &target_spec, .body = &wanted };
	static const struct {
		const char *there; /* nodes, or whole names */
		const char *needs;
	} CASES[] = {
		{ "vm1", "vm1 session/store1/home gone\n" },
		{ "vm1 vm2 vm3", "vm1 session/store1/home gone\nvm3 session/store1/home gone\n" },
		{ "vm2", "" },
		{ "", "" },
		{ "iqn.1993-08.org.debian:01:abc iqn.2026-11.moyai.other:vm1", "" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		AUTO_STR struct str iqns = STR_INIT;
		AUTO_STR struct str needs = STR_INIT;
		for (const char *at = CASES[i].there; *at; at += strspn(at, " ")) {
			size_t length = strcspn(at, " ");
			str_addf(&iqns, "%s%s%.*s", iqns.length ? " " : "",
				 text_starts(at, "iqn.") ? "" : OURS, (int)length, at);
			at += length;
		}
		struct target there = { .initiator_iqn = iqns.data };
		struct spec have = { .kind = &target_spec, .body = &there };
		struct step step = { .kind = &target_spec,
				     .action = STEP_CHANGE,
				     .id = (char *)"home",
				     .want = &want,
				     .have = &have };
		assert_int_equal(target_spec.judge(&step, NULL), 0);
		for (size_t n = 0; n < step.needs.count; n++)
			str_addf(&needs, "%s %s/%s%s\n", step.needs.items[n].node,
				 step.needs.items[n].kind, step.needs.items[n].id,
				 step.needs.items[n].gone ? " gone" : "");
		assert_string_equal(str_text(&needs), CASES[i].needs);
		refs_free(&step.needs);
	}
}

static void sizes_of_thin_pools(void **state)
{
	(void)state;
	assert_int_equal(device_thin_metadata(64ULL << 20), 4 << 20);
	assert_int_equal(device_thin_metadata(100ULL << 30), 200 << 20);
	assert_int_equal(device_thin_metadata(100ULL << 40), 15ULL << 30);
}

/* What a volume needs of its pool, against what is free and what all of them need. */
static void room_in_a_pool(void **state)
{
	struct volume wanted = { .pool = (char *)"main", .pool_wanted = 48 << 20 };
	struct volume there = { .type = (char *)"raid1",
				.pool_size = 64 << 20,
				.pool_free = 8 << 20,
				.metadata = FIELD_UNSET };
	struct spec want = { .kind = &volume_spec, .body = &wanted };
	struct spec seen = { .kind = &volume_spec, .body = &there };
	struct step step = { .kind = &volume_spec,
			     .action = STEP_CHANGE,
			     .id = (char *)"home",
			     .want = &want,
			     .seen = &seen };
	(void)state;
	wanted.mirrors = 1;
	wanted.takes = 24 << 20;
	there.size = 8 << 20;
	/* It holds 2 × 12M: nothing more is needed. */
	assert_int_equal(volume_spec.judge(&step, NULL), 0);
	assert_null(step.refused);
	wanted.takes = 32 << 20;
	assert_int_equal(volume_spec.judge(&step, NULL), 0);
	assert_null(step.refused);
	wanted.takes = 40 << 20;
	assert_int_equal(volume_spec.judge(&step, NULL), 0);
	assert_string_equal(step.refused, "pool main has 8M free; volume home needs 16M more");
	free(step.refused);
	step.refused = NULL;
	/* There is room for this one, but not for all that are to come. */
	wanted.takes = 32 << 20;
	wanted.pool_wanted = 68 << 20;
	assert_int_equal(volume_spec.judge(&step, NULL), 0);
	assert_string_equal(step.refused,
			    "pool main has room for 64M of volumes; 68M are declared");
	free(step.refused);
	step.refused = NULL;
	/* What others have of it keeps it from being removed. */
	there.dependent = (char *)"the logical volume moyai-main/x needs it, and is not ours";
	step.action = STEP_REMOVE;
	step.want = NULL;
	assert_int_equal(volume_spec.judge(&step, NULL), 0);
	assert_string_equal(step.refused, there.dependent);
	free(step.refused);
}

static void warnings_of_volumes(void **state)
{
	struct volume wanted = { .warn_percent = 80 };
	struct volume there = { .used_percent = 79,
				.metadata_percent = 10,
				.synced_percent = FIELD_UNSET };
	const struct spec want = { .kind = &volume_spec, .body = &wanted };
	const struct spec have = { .kind = &volume_spec, .body = &there };
	(void)state;
	assert_null(volume_spec.warn(&want, &have));
	there.metadata_percent = 80;
	AUTO_FREE char *full = volume_spec.warn(&want, &have);
	assert_string_equal(full, "79% of it are used, and 80% of its metadata; make it bigger "
				  "before writes fail in the volumes that it holds");
	wanted.warn_percent = FIELD_UNSET;
	there.synced_percent = 43;
	AUTO_FREE char *syncing = volume_spec.warn(&want, &have);
	assert_string_equal(syncing, "its copies are in sync to 43%");
}

static void a_mirror_that_lost_a_copy(void **state)
{
	struct volume wanted = { .whole = 1, .takes = FIELD_UNSET };
	struct volume there = { .whole = 0, .health = (char *)"refresh needed" };
	struct spec want = { .kind = &volume_spec, .body = &wanted };
	struct spec have = { .kind = &volume_spec, .body = &there };
	struct step step = { .kind = &volume_spec,
			     .action = STEP_CHANGE,
			     .id = (char *)"home",
			     .want = &want,
			     .seen = &have };
	(void)state;
	assert_int_equal(volume_spec.judge(&step, NULL), 0);
	assert_null(step.refused);
	there.health = (char *)"partial";
	assert_int_equal(volume_spec.judge(&step, NULL), 0);
	assert_string_equal(
		step.refused,
		"volume home has lost a copy (partial); it goes on with the others; bring "
		"the disk back, or give the pool another and run lvconvert --repair by "
		"hand");
	free(step.refused);
}

static void words_of_lvm(void **state)
{
	json_t *row =
		json_pack("{s:s, s:s, s:s, s:s}", "lv_tags", "moyai,moyai.of=golden,moyai.reset=3",
			  "data_percent", "37.01", "sync_percent", "100.00", "copy", "");
	(void)state;
	AUTO_FREE char *of = lvm_tag_value(row, "lv_tags", "moyai.of=");
	AUTO_FREE char *reset = lvm_tag_value(row, "lv_tags", "moyai.reset=");
	assert_string_equal(of, "golden");
	assert_string_equal(reset, "3");
	assert_null(lvm_tag_value(row, "lv_tags", "moyai.o="));
	assert_true(lvm_tagged(row, "lv_tags"));
	assert_false(lvm_has_tag(row, "lv_tags", "moyai.of"));
	assert_int_equal(lvm_percent(row, "data_percent"), 38);
	assert_int_equal(lvm_percent(row, "sync_percent"), 100);
	assert_true(lvm_percent(row, "copy") == UINT64_MAX);
	json_decref(row);
}

static void names_of_units(void **state)
{
	AUTO_FREE char *plain = unit_file_name("/srv/home", ".mount");
	AUTO_FREE char *escaped = unit_file_name("/dev/moyai-main/.swap_1", ".swap");
	(void)state;
	assert_string_equal(plain, "srv-home.mount");
	/* As systemd-escape --path says. */
	assert_string_equal(escaped, "dev-moyai\\x2dmain-.swap_1.swap");
	AUTO_FREE char *where = unit_file_value("# moyai mount a\n[Mount]\nWhere=/srv\n", "Where");
	assert_string_equal(where, "/srv");
	assert_null(unit_file_value("Where=/srv\n", "What"));
}

static void marks_of_filesystems(void **state)
{
	struct node node = { .site = "demo", .name = "store1" };
	char first[MARK_SIZE];
	char second[MARK_SIZE];
	(void)state;
	assert_int_equal(mark_uuid(&node, "volume", "home", first, NULL), 0);
	assert_int_equal(mark_uuid(&node, "volume", "vm1", second, NULL), 0);
	assert_int_equal(strlen(first), MARK_SIZE - 1);
	assert_true(text_starts(first, "6d6f7961-69"));
	assert_int_equal(first[14], '8');
	assert_int_equal(first[19], '8');
	assert_string_not_equal(first, second);
}

/* Nobody else's disk is let in, and how long is waited is never less than was asked for. */
static void file_of_a_map(void **state)
{
	const struct multipath map = { .wwid = (char *)"360014050123", .timeout_s = 61 };
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	multipath_text("store1/home", &map, &text);
	assert_string_equal(str_text(&text), "# moyai session store1/home 61\n"
					     "blacklist_exceptions {\n"
					     "\twwid \"^360014050123$\"\n"
					     "}\n"
					     "multipaths {\n"
					     "\tmultipath {\n"
					     "\t\twwid 360014050123\n"
					     "\t\talias moyai.store1.home\n"
					     "\t\tpath_grouping_policy multibus\n"
					     "\t\tno_path_retry 13\n"
					     "\t}\n"
					     "}\n");
}

/* A node with many sessions over a network that is dead: the portal is asked once. */
static void a_portal_is_asked_once(void **state)
{
	struct node node;
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);
	(void)state;
	inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	AUTO_FREE char *portal = xasprintf("127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
	node_init(&node, "t", "n1");
	assert_false(iscsi_portal_answers(&node, portal));
	assert_int_equal(listen(fd, 1), 0);
	assert_false(iscsi_portal_answers(&node, portal));
	/* Once something was changed, it is worth a look again. */
	node_forget(&node);
	assert_true(iscsi_portal_answers(&node, portal));
	close(fd);
	assert_true(iscsi_portal_answers(&node, portal));
	node_free(&node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_partitions_with_one_label),
		cmocka_unit_test(an_id_that_is_no_session),
		cmocka_unit_test(a_disk_with_two_names),
		cmocka_unit_test(another_volume_under_a_target),
		cmocka_unit_test(another_initiator_of_a_target),
		cmocka_unit_test(sizes_of_thin_pools),
		cmocka_unit_test(room_in_a_pool),
		cmocka_unit_test(warnings_of_volumes),
		cmocka_unit_test(a_mirror_that_lost_a_copy),
		cmocka_unit_test(words_of_lvm),
		cmocka_unit_test(names_of_units),
		cmocka_unit_test(marks_of_filesystems),
		cmocka_unit_test(file_of_a_map),
		cmocka_unit_test(a_portal_is_asked_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
