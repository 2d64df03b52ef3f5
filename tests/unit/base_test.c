/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/size.h"

static void test_str(void **state)
{
	struct str s = STR_INIT;
	(void)state;
	assert_string_equal(str_text(&s), "");
	for (int i = 0; i < 1000; i++)
		str_addf(&s, "%d,", i % 10);
	assert_count(s.length, 2000);
	str_clear(&s);
	assert_string_equal(str_text(&s), "");
	str_add_bytes(&s, "a\0b", 3);
	assert_count(s.length, 3);
	char *taken = str_take(&s);
	assert_memory_equal(taken, "a\0b", 4);
	assert_null(s.data);
	free(taken);
	str_free(NULL);
}

static void test_text_list(void **state)
{
	struct text_list list = TEXT_LIST_INIT;
	(void)state;
	for (int i = 99; i >= 0; i--)
		text_list_take(&list, xasprintf("%02d", i));
	text_list_sort(&list);
	assert_count(list.count, 100);
	assert_string_equal(list.items[0], "00");
	assert_string_equal(list.items[99], "99");
	assert_true(text_list_has(&list, "42"));
	assert_false(text_list_has(&list, "4"));
	text_list_free(&list);
	assert_count(list.count, 0);
}

static void test_err(void **state)
{
	struct err err = ERR_INIT;
	char many[4096];
	(void)state;
	assert_int_equal(err_set_errno(&err, ENOENT, "file %d", 7), -1);
	assert_string_equal(err.text, "file 7: No such file or directory");
	err_context(&err, "store1");
	assert_string_equal(err.text, "store1: file 7: No such file or directory");
	memset(many, 'x', sizeof(many) - 1);
	many[sizeof(many) - 1] = '\0';
	err_set(&err, "%s", many);
	assert_true(text_ends(err.text, "x…"));
	assert_true(strlen(err.text) < sizeof(err.text));
	assert_int_equal(err_set(NULL, "nobody cares"), -1);
}

static void test_map(void **state)
{
	struct map map = MAP_INIT;
	char keys[5000][8];
	(void)state;
	assert_null(map_get(&map, "a"));
	for (int i = 0; i < 5000; i++) {
		snprintf(keys[i], sizeof(keys[i]), "k%d", i);
		assert_null(map_put(&map, keys[i], keys[i]));
	}
	for (int i = 0; i < 5000; i++)
		assert_ptr_equal(map_get(&map, keys[i]), keys[i]);
	assert_ptr_equal(map_put(&map, "k7", &map), keys[7]);
	assert_ptr_equal(map_get(&map, "k7"), keys[7]);
	assert_null(map_get(&map, "k5000"));
	map_free(&map);
}

static void test_size(void **state)
{
	struct err err = ERR_INIT;
	uint64_t value = 7;
	(void)state;
	assert_int_equal(size_parse("512M", &value, &err), 0);
	assert_true(value == 512ULL << 20);
	assert_int_equal(size_parse("1024", &value, &err), 0);
	assert_true(value == 1024);
	static const char *const BAD[] = { "",
					   "M",
					   "1.5G",
					   "-1",
					   " 1G",
					   "1g",
					   "1MB",
					   "1 G",
					   "0x10",
					   "99999999P",
					   "18446744073709551616" };
	for (size_t i = 0; i < COUNT_OF(BAD); i++) {
		value = 7;
		assert_int_equal(size_parse(BAD[i], &value, &err), -1);
		assert_true(value == 7);
	}
	size_parse("1.5G", &value, &err);
	assert_string_equal(err.text, "\"1.5G\" is not a size; write a whole number and K, M, G, T "
				      "or P, like \"512M\"");
	size_parse("99999999999G", &value, &err);
	assert_string_equal(err.text, "\"99999999999G\" is too large; at most \"16383P\"");
	assert_int_equal(size_parse("16383P", &value, &err), 0);
	assert_int_equal(size_parse("16384P", &value, &err), -1);
	assert_string_equal(err.text, "\"16384P\" is too large; at most \"16383P\"");
	static const uint64_t SIZES[] = {
		0, 1, 1023, 1024, 1ULL << 30, 3ULL << 40, (1ULL << 30) + 1
	};
	for (size_t i = 0; i < COUNT_OF(SIZES); i++) {
		AUTO_STR struct str text = STR_INIT;
		size_print(SIZES[i], &text);
		assert_int_equal(size_parse(str_text(&text), &value, &err), 0);
		assert_true(value == SIZES[i]);
	}
}

static void test_duration(void **state)
{
	struct err err = ERR_INIT;
	uint64_t value;
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	assert_int_equal(duration_parse("2h", &value, &err), 0);
	assert_true(value == 7200);
	assert_int_equal(duration_parse("90", &value, &err), -1);
	assert_string_equal(err.text,
			    "\"90\" is not a duration; write a whole number and s, m, h or "
			    "d, like \"90s\"");
	duration_print(7200, &text);
	duration_print(90, &text);
	duration_print(0, &text);
	assert_string_equal(str_text(&text), "2h90s0s");
}

static void test_size_short(void **state)
{
	AUTO_STR struct str text = STR_INIT;
	(void)state;
	size_print_short(1536ULL << 20, &text);
	str_add(&text, " ");
	size_print_short(100ULL << 20, &text);
	assert_string_equal(str_text(&text), "1.5G 100M");
}

static void test_file(void **state)
{
	AUTO_FREE char *dir = temporary_dir();
	AUTO_FREE char *path = xasprintf("%s/a", dir);
	AUTO_FREE char *deep = xasprintf("%s/x/y", dir);
	AUTO_FREE char *between = xasprintf("%s/x", dir);
	AUTO_STR struct str text = STR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct err err = ERR_INIT;
	struct stat about;
	(void)state;
	assert_int_equal(file_write(path, "hello", 5, 0600, &err), 0);
	assert_int_equal(file_write(path, "hello!", 6, 0640, &err), 0);
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0640);
	assert_int_equal(file_read(path, 6, &text, &err), 0);
	assert_string_equal(str_text(&text), "hello!");
	assert_int_equal(file_read(path, 5, &text, &err), -1);
	assert_true(text_ends(err.text, "/a: larger than 5 bytes"));
	assert_string_equal(str_text(&text), "hello!");
	/* Also where the path names no folder, which is synced after the rename. */
	AUTO_FREE char *was = getcwd(NULL, 0);
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(file_write("a", "hello!", 6, 0640, &err), 0);
	assert_int_equal(chdir(was), 0);
	assert_int_equal(file_make_dirs(deep, 0700, &err), 0);
	assert_int_equal(file_make_dirs(deep, 0700, &err), 0);
	assert_int_equal(file_list_dir(dir, &names, &err), 0);
	/* The temporary files are gone. */
	assert_count(names.count, 2);
	assert_string_equal(names.items[0], "a");
	assert_int_equal(file_remove(path, &err), 0);
	assert_int_equal(file_remove(path, &err), 0);
	rmdir(deep);
	rmdir(between);
	assert_int_equal(rmdir(dir), 0);
}

/* One of two contents, again and again, until somebody kills it. */
static void write_for_ever(const char *path)
{
	static char text[2][40000];
	memset(text[0], 'a', sizeof(text[0]));
	memset(text[1], 'b', sizeof(text[1]));
	for (size_t i = 0;; i = !i)
		if (file_write(path, text[i], i ? sizeof(text[1]) : 20000, 0600, NULL) != 0)
			_exit(1);
}

static void assert_whole(const char *path)
{
	AUTO_STR struct str text = STR_INIT;
	struct err err = ERR_INIT;
	if (file_read(path, 1 << 20, &text, &err) != 0)
		fail_msg("%s", err.text);
	char first = text.data[0];
	assert_true(first == 'a' || first == 'b');
	assert_count(text.length, first == 'a' ? 20000 : 40000);
	for (size_t i = 0; i < text.length; i++)
		assert_int_equal(text.data[i], first);
}

/* Whoever reads at any time, and after the writer was killed at any time. */
static void test_file_write_whole(void **state)
{
	AUTO_FREE char *dir = temporary_dir();
	AUTO_FREE char *path = xasprintf("%s/a", dir);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	(void)state;
	assert_int_equal(file_write(path, "", 0, 0600, NULL), 0);
	for (int round = 0; round < 10; round++) {
		struct stat info = { 0 };
		pid_t writer = fork();
		assert_true(writer >= 0);
		if (writer == 0)
			write_for_ever(path);
		while (stat(path, &info) != 0 || info.st_size == 0)
			nanosleep(&(struct timespec){ 0, 100000 }, NULL);
		for (int i = 0; i < 20; i++)
			assert_whole(path);
		kill(writer, SIGKILL);
		assert_int_equal(waitpid(writer, NULL, 0), writer);
		assert_whole(path);
	}
	/* Ten kills left one file at the most, and the next writer makes it its own. */
	assert_int_equal(file_list_dir(dir, &names, NULL), 0);
	assert_true(names.count <= 2);
	assert_int_equal(file_write(path, "end", 3, 0600, NULL), 0);
	text_list_free(&names);
	assert_int_equal(file_list_dir(dir, &names, NULL), 0);
	assert_count(names.count, 1);
	assert_int_equal(file_remove(path, NULL), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void expect_text(const char *path, const char *wanted)
{
	AUTO_STR struct str text = STR_INIT;
	assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
	assert_string_equal(str_text(&text), wanted);
}

/* What writers leave that were killed at their worst moments. */
static void test_file_left_behind(void **state)
{
	AUTO_FREE char *dir = temporary_dir();
	AUTO_FREE char *path = xasprintf("%s/a", dir);
	AUTO_FREE char *left = xasprintf("%s/a.new", dir);
	struct stat info;
	(void)state;
	/* Longer than what is written now, and open to others. */
	int fd = open(left, O_WRONLY | O_CREAT, 0666);
	assert_int_equal(write(fd, "half a file", 11), 11);
	close(fd);
	assert_int_equal(file_write(path, "whole", 5, 0600, NULL), 0);
	expect_text(path, "whole");
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_false(file_exists(left));
	/* Between link() and unlink(): the file has both names, and must not be written to. */
	assert_int_equal(link(path, left), 0);
	fd = open(path, O_RDONLY);
	assert_int_equal(file_write(path, "new", 3, 0600, NULL), 0);
	expect_text(path, "new");
	assert_int_equal(fstat(fd, &info), 0);
	assert_int_equal(info.st_size, 5);
	close(fd);
	assert_false(file_exists(left));
	/* What is there stays. */
	assert_int_equal(file_create(path, "other", 5, 0600, NULL), 0);
	expect_text(path, "new");
	assert_int_equal(file_remove(path, NULL), 0);
	assert_int_equal(file_create(path, "other", 5, 0600, NULL), 0);
	expect_text(path, "other");
	assert_int_equal(file_remove(path, NULL), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* Many at once: each time one of them as a whole, and none of them fails. */
static void test_file_many_writers(void **state)
{
	AUTO_FREE char *dir = temporary_dir();
	AUTO_FREE char *path = xasprintf("%s/a", dir);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	(void)state;
	for (int i = 0; i < 8; i++) {
		pid_t writer = fork();
		assert_true(writer >= 0);
		if (writer > 0)
			continue;
		AUTO_FREE char *text = xcalloc(1, 20001);
		memset(text, 'a' + i, (size_t)(i + 1) * 2000);
		for (int n = 0; n < 100; n++)
			if (file_write(path, text, strlen(text), 0600, NULL) != 0)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < 8; i++) {
		int status = 0;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
		AUTO_STR struct str text = STR_INIT;
		assert_int_equal(file_read(path, 1 << 20, &text, NULL), 0);
		assert_true(text.length > 0);
		assert_count(text.length, (size_t)(text.data[0] - 'a' + 1) * 2000);
		for (size_t n = 0; n < text.length; n++)
			assert_int_equal(text.data[n], text.data[0]);
	}
	assert_int_equal(file_list_dir(dir, &names, NULL), 0);
	assert_count(names.count, 1);
	assert_int_equal(file_remove(path, NULL), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* What cannot be written leaves the old file, and nothing beside it. */
static void test_file_write_fails(void **state)
{
	AUTO_FREE char *dir = temporary_dir();
	AUTO_FREE char *path = xasprintf("%s/a", dir);
	AUTO_FREE char *wanted = xasprintf("%s: Is a directory", dir);
	AUTO_STR struct str text = STR_INIT;
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct err err = ERR_INIT;
	struct rlimit before;
	char large[5000] = { 0 };
	(void)state;
	assert_int_equal(file_write(path, "old", 3, 0600, NULL), 0);
	/* Stands for a full disk, and needs none. */
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){ 4096, before.rlim_max }), 0);
	int rc = file_write(path, large, sizeof(large), 0600, &err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rc, -1);
	assert_true(text_ends(err.text, ": write: File too large"));
	assert_int_equal(file_write(dir, "x", 1, 0600, &err), -1);
	assert_string_equal(err.text, wanted);
	assert_int_equal(file_read(path, 10, &text, NULL), 0);
	assert_string_equal(str_text(&text), "old");
	assert_int_equal(file_list_dir(dir, &names, NULL), 0);
	assert_count(names.count, 1);
	assert_int_equal(file_remove(path, NULL), 0);
	assert_int_equal(rmdir(dir), 0);
}

static void test_sha256(void **state)
{
	char hex[HASH_HEX_SIZE];
	struct err err = ERR_INIT;
	(void)state;
	/* FIPS 180-2, appendix B.1 */
	assert_int_equal(hash_bytes_hex("abc", 3, hex, &err), 0);
	assert_string_equal(hex,
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231, test case 2 has a short key; ours is always 32 bytes: a NUL-padded
   key gives the same HMAC (RFC 2104, section 2). */
static void test_hmac(void **state)
{
	uint8_t key[HASH_BYTES] = "Jefe";
	uint8_t out[HASH_BYTES];
	char hex[HASH_HEX_SIZE];
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(hash_hmac(key, "what do ya want for nothing?", 28, out, &err), 0);
	hash_hex(out, sizeof(out), hex);
	assert_string_equal(hex,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 5869, test case 3: empty salt and info, key of 22 bytes 0x0b. Ours is 32
   bytes: the extract step is an HMAC of the key, so 22 bytes are not the same.
   The expected values are of Python's hmac module by the RFC's formula, in a
   function that also gives the RFC's own value for test case 3. */
static void test_hkdf(void **state)
{
	uint8_t key[HASH_BYTES];
	uint8_t out[42];
	char hex[85];
	struct err err = ERR_INIT;
	(void)state;
	memset(key, 0x0b, sizeof(key));
	assert_int_equal(hash_hkdf(key, "", out, sizeof(out), &err), 0);
	hash_hex(out, sizeof(out), hex);
	assert_string_equal(hex, "27488977d7c845fa17e618b4e225651a0a417521175396f455da2c465679eea8e"
				 "1cd54743a052a236fea");
	assert_int_equal(hash_hkdf(key, "moyai test", out, sizeof(out), &err), 0);
	hash_hex(out, sizeof(out), hex);
	assert_string_equal(hex, "0b30ca2f3a360f9760082a543b5a1310a9b263acc055aec7c3420ceabe3a3e8c1"
				 "a23ab45d4872f28938f");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_str),
		cmocka_unit_test(test_text_list),
		cmocka_unit_test(test_err),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_size),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_size_short),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_file_write_whole),
		cmocka_unit_test(test_file_write_fails),
		cmocka_unit_test(test_file_left_behind),
		cmocka_unit_test(test_file_many_writers),
		cmocka_unit_test(test_sha256),
		cmocka_unit_test(test_hmac),
		cmocka_unit_test(test_hkdf),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
