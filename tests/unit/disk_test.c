/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What is known of a disk without its kernel: the halves of its GPT, and bytes of unknown kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it. */
#include <cmocka.h>
#include <fcntl.h>
#include <parted/parted.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "system/content.h"
#include "system/gpt.h"

enum { SECTOR = 512, DISK_BYTES = 256 * 1024 * 1024 };
#define LAST_SECTOR ((uint64_t)DISK_BYTES / SECTOR - 1)
#define TAIL_BYTES (33 * SECTOR)

static char path[] = "/tmp/moyai-disk-XXXXXX";
static int fd;

static int setup(void **state)
{
	(void)state;
	strcpy(strrchr(path, '-'), "-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 || ftruncate(fd, DISK_BYTES) != 0;
}

static int teardown(void **state)
{
	(void)state;
	close(fd);
	return unlink(path);
}

/* A GPT with one partition more than there is, as Moyai has it made. */
static void add_partition(const char *label)
{
	PedDevice *device = ped_device_get(path);
	assert_non_null(device);
	assert_true(ped_device_open(device));
	PedDisk *disk = ped_disk_probe(device)
				? ped_disk_new(device)
				: ped_disk_new_fresh(device, ped_disk_type_get("gpt"));
	assert_non_null(disk);
	int last = ped_disk_get_last_partition_num(disk); /* -1: none */
	PedSector start = 2048 * (last > 0 ? 1 + last : 1);
	PedPartition *part =
		ped_partition_new(disk, PED_PARTITION_NORMAL, NULL, start, start + 2047);
	assert_non_null(part);
	assert_true(ped_partition_set_name(part, label));
	PedConstraint *exact = ped_constraint_exact(&part->geom);
	assert_true(ped_disk_add_partition(disk, part, exact));
	ped_constraint_destroy(exact);
	assert_true(ped_disk_commit_to_dev(disk));
	ped_disk_destroy(disk);
	ped_device_close(device);
	ped_device_destroy(device);
}

static enum gpt_state state_of(void)
{
	enum gpt_state state;
	struct err err = ERR_INIT;
	assert_int_equal(gpt_read_state(path, SECTOR, "moyai.", &state, &err), 0);
	return state;
}

static void put(uint64_t at, const void *data, size_t length)
{
	assert_int_equal(pwrite(fd, data, length, (off_t)at), length);
}

static void get(uint64_t at, void *data, size_t length)
{
	assert_int_equal(pread(fd, data, length, (off_t)at), length);
}

static void halves_of_a_table(void **state)
{
	unsigned char byte;
	/* A byte of each part of it: header and entries, of the first half and of the second. */
	const uint64_t damaged[] = { SECTOR + 40, 2 * SECTOR + 60, LAST_SECTOR * SECTOR + 40,
				     (LAST_SECTOR - 32) * SECTOR + 60 };
	(void)state;
	assert_int_equal(state_of(), GPT_NONE);
	add_partition("moyai.main");
	assert_int_equal(state_of(), GPT_WHOLE);
	for (size_t i = 0; i < COUNT_OF(damaged); i++) {
		get(damaged[i], &byte, 1);
		byte ^= 1;
		put(damaged[i], &byte, 1);
		assert_int_equal(state_of(), GPT_TORN);
		byte ^= 1;
		put(damaged[i], &byte, 1);
		assert_int_equal(state_of(), GPT_WHOLE);
	}
	/* Where the disk has grown, the second half is not at the end. */
	assert_int_equal(ftruncate(fd, 2L * DISK_BYTES), 0);
	assert_int_equal(state_of(), GPT_WHOLE);
}

/* Every place at which a change of the table can end: each sector is the new one or the old. */
static void halves_of_different_age(void **state)
{
	static char before[TAIL_BYTES];
	static char after[TAIL_BYTES];
	const uint64_t ends[] = { SECTOR, DISK_BYTES - TAIL_BYTES };
	(void)state;
	add_partition("moyai.main");
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		get(ends[i], before, sizeof(before));
		add_partition(i ? "moyai.third" : "moyai.second");
		get(ends[i], after, sizeof(after));
		put(ends[i], before, sizeof(before));
		assert_int_equal(state_of(), GPT_TORN);
		put(ends[i], after, sizeof(after));
		assert_int_equal(state_of(), GPT_WHOLE);
	}
}

/* The first table of a disk, cut off after each sector it has at the start. */
static void begun_table(void **state)
{
	static char table[34 * SECTOR];
	static const char ZERO[34 * SECTOR];
	static const unsigned char FOREIGN[] = { 'p', 0, 'h', 0, 'o', 0, 't', 0, 'o', 0, 's', 0 };
	(void)state;
	add_partition("moyai.main");
	get(0, table, sizeof(table));
	put(DISK_BYTES - TAIL_BYTES, ZERO, TAIL_BYTES);
	for (size_t sectors = 1; sectors < 3; sectors++) {
		put(0, ZERO, sizeof(ZERO));
		put(0, table, sectors * SECTOR);
		assert_int_equal(state_of(), GPT_BEGUN);
	}
	put(0, table, sizeof(table));
	assert_int_equal(state_of(), GPT_TORN);
	/* What others began is not ours. */
	put(SECTOR, ZERO, SECTOR);
	assert_int_equal(state_of(), GPT_BEGUN);
	put(2 * SECTOR + 56, FOREIGN, sizeof(FOREIGN));
	assert_int_equal(state_of(), GPT_NONE);
	put(2 * SECTOR, ZERO, SECTOR);
	assert_int_equal(state_of(), GPT_BEGUN);
	put(100, "boot code", 9);
	assert_int_equal(state_of(), GPT_NONE);
	/* Our own code that passes on, with the protective MBR and before it. */
	put(0, GPT_PASS_ON, sizeof(GPT_PASS_ON));
	assert_int_equal(state_of(), GPT_BEGUN);
	put(0, ZERO, SECTOR);
	put(0, GPT_PASS_ON, sizeof(GPT_PASS_ON));
	assert_int_equal(state_of(), GPT_BEGUN);
	put(100, "boot code", 9);
	assert_int_equal(state_of(), GPT_NONE);
}

static int64_t found_at(uint64_t head, uint64_t tail)
{
	int64_t at = 0;
	struct err err = ERR_INIT;
	assert_int_equal(content_find(path, head, tail, &at, &err), 0);
	return at;
}

static void unknown_content(void **state)
{
	static char piece[DISK_BYTES / CONTENT_SAMPLES];
	static const char ZERO[sizeof(piece)];
	const uint64_t single[] = { 0, 4711, 1024 * 1024 - 1, DISK_BYTES - 1024 * 1024,
				    DISK_BYTES - 1 };
	(void)state;
	assert_true(found_at(0, 0) == -1);
	for (size_t i = 0; i < COUNT_OF(single); i++) {
		put(single[i], "x", 1);
		assert_true(found_at(0, 0) == (int64_t)single[i]);
		put(single[i], "", 1);
	}
	put(4711, "x", 1);
	put(DISK_BYTES - 4711, "x", 1);
	assert_true(found_at(8192, 8192) == -1);
	put(4711, "", 1);
	put(DISK_BYTES - 4711, "", 1);
	/* Anywhere, in one piece of the size that is promised. */
	memset(piece, 'x', sizeof(piece));
	for (uint64_t at = 12345; at < DISK_BYTES - sizeof(piece); at += 7654321) {
		put(at, piece, sizeof(piece));
		int64_t found = found_at(0, 0);
		assert_true(found >= (int64_t)at && found < (int64_t)(at + sizeof(piece)));
		put(at, ZERO, sizeof(piece));
	}
	assert_true(found_at(0, 0) == -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(halves_of_a_table, setup, teardown),
		cmocka_unit_test_setup_teardown(halves_of_different_age, setup, teardown),
		cmocka_unit_test_setup_teardown(begun_table, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_content, setup, teardown),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("disk", tests, NULL, NULL);
}
