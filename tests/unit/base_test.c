/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/map.h"
#include "base/run.h"
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

static char *temporary_dir(void)
{
	char *dir = xstrdup("/tmp/moyai-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
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

static void test_run(void **state)
{
	struct err err = ERR_INIT;
	struct run_result result = { 0 };
	struct run cat = { .argv = RUN_ARGV("cat"), .input = "a\0b", .input_length = 3 };
	struct run fails = { .argv = RUN_ARGV("sh", "-c", "echo one >&2; echo two >&2; exit 3") };
	struct run missing = { .argv = RUN_ARGV("/nonexistent/program") };
	(void)state;
	assert_int_equal(run_capture(&cat, &result, &err), 0);
	assert_int_equal(result.exit_code, 0);
	assert_count(result.out.length, 3);
	run_result_free(&result);
	assert_int_equal(run_capture(&fails, &result, &err), 0);
	assert_int_equal(result.exit_code, 3);
	assert_string_equal(str_text(&result.err), "one\ntwo\n");
	run_result_free(&result);
	assert_int_equal(run_ok(&fails, NULL, &err), -1);
	assert_non_null(strstr(err.text, "two"));
	assert_int_equal(run_capture(&missing, &result, &err), -1);
	assert_non_null(strstr(err.text, "No such file or directory"));
}

/* No shell between: the text arrives as one argument. */
static void test_run_argument(void **state)
{
	static const char TEXT[] = "a b\"c'$(id)`id`\n;|&*";
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	struct run run = { .argv = RUN_ARGV("printf", "%s", TEXT) };
	(void)state;
	assert_int_equal(run_ok(&run, &out, &err), 0);
	assert_string_equal(str_text(&out), TEXT);
}

/* For the child alone. */
static void test_run_environment(void **state)
{
	static const char *const environment[] = { "MOYAI_TEST_A=new", "MOYAI_TEST_B", NULL };
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	struct run run = { .argv = RUN_ARGV("sh", "-c", "echo $MOYAI_TEST_A ${MOYAI_TEST_B-gone}"),
			   .environment = environment };
	(void)state;
	setenv("MOYAI_TEST_A", "old", 1);
	setenv("MOYAI_TEST_B", "old", 1);
	assert_int_equal(run_ok(&run, &out, &err), 0);
	assert_string_equal(str_text(&out), "new gone\n");
	assert_string_equal(getenv("MOYAI_TEST_A"), "old");
	assert_string_equal(getenv("MOYAI_TEST_B"), "old");
}

/* Killed as soon as there is too much of it, on either output; as much as is allowed is well. */
static void test_run_output_limit(void **state)
{
	struct err err = ERR_INIT;
	struct run_result result = { 0 };
	struct run endless = { .argv = RUN_ARGV("yes"), .output_max_bytes = 1 << 20 };
	struct run errors = { .argv = RUN_ARGV("sh", "-c", "yes >&2"),
			      .output_max_bytes = 1 << 20 };
	struct run just = { .argv = RUN_ARGV("head", "-c", "1048576", "/dev/zero"),
			    .output_max_bytes = 1 << 20 };
	struct run over = { .argv = RUN_ARGV("head", "-c", "1048577", "/dev/zero"),
			    .output_max_bytes = 1 << 20 };
	struct run plain = { .argv = RUN_ARGV("yes") };
	(void)state;
	assert_int_equal(run_capture(&endless, &result, &err), -1);
	assert_string_equal(err.text, "yes: more than 1M of output; killed");
	assert_null(result.out.data);
	assert_int_equal(run_capture(&errors, &result, &err), -1);
	assert_string_equal(err.text, "sh: more than 1M of output; killed");
	assert_int_equal(run_capture(&just, &result, &err), 0);
	assert_count(result.out.length, 1048576);
	run_result_free(&result);
	assert_int_equal(run_capture(&over, &result, &err), -1);
	assert_string_equal(err.text, "head: more than 1M of output; killed");
	assert_int_equal(run_capture(&plain, &result, &err), -1);
	assert_string_equal(err.text, "yes: more than 64M of output; killed");
}

/* Several threads give input to children that do not read it, while the disposition of SIGPIPE
   is the one that ends the program, and stays so. */
static void *feed_deaf(void *failed)
{
	static char input[1 << 20];
	struct run deaf = { .argv = RUN_ARGV("true"),
			    .input = input,
			    .input_length = sizeof(input) };
	for (int i = 0; i < 50; i++) {
		struct run_result result = { 0 };
		if (run_capture(&deaf, &result, NULL) != 0 || result.exit_code != 0)
			__atomic_store_n((bool *)failed, true, __ATOMIC_RELAXED);
		run_result_free(&result);
	}
	return NULL;
}

static void test_run_threads(void **state)
{
	pthread_t threads[4];
	bool failed = false;
	struct sigaction was;
	struct sigaction now;
	sigset_t waiting;
	(void)state;
	struct sigaction deadly = { .sa_handler = SIG_DFL };
	sigaction(SIGPIPE, &deadly, &was);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, feed_deaf, &failed), 0);
	for (size_t i = 0; i < COUNT_OF(threads); i++)
		pthread_join(threads[i], NULL);
	assert_false(failed);
	sigpending(&waiting);
	assert_false(sigismember(&waiting, SIGPIPE));
	sigaction(SIGPIPE, &was, &now);
	assert_true(now.sa_handler == SIG_DFL);
}

/* The child gets the disposition and the mask that programs expect. */
static void test_run_signals_of_child(void **state)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	struct run run = { .argv = RUN_ARGV("grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status") };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction was;
	sigset_t pipe;
	sigset_t before;
	(void)state;
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &pipe, &before);
	sigaction(SIGPIPE, &ignore, &was);
	int rc = run_ok(&run, &out, &err);
	sigaction(SIGPIPE, &was, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(rc, 0);
	assert_non_null(strstr(str_text(&out), "SigBlk:\t0000000000000000\n"));
	unsigned long ignored;
	assert_int_equal(sscanf(strstr(str_text(&out), "SigIgn:"), "SigIgn: %lx", &ignored), 1);
	assert_int_equal(ignored >> (SIGPIPE - 1) & 1, 0);
}

static void on_alarm(int number)
{
	(void)number;
}

/* Signals that come all the time, without SA_RESTART, change nothing. */
static void test_run_interrupted(void **state)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct sigaction was;
	struct itimerval often = { { 0, 500 }, { 0, 500 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	struct run fails = { .argv = RUN_ARGV("sh", "-c", "cat; sleep 0.2; exit 3"),
			     .input = "text",
			     .input_length = 4 };
	struct run missing = { .argv = RUN_ARGV("/nonexistent/program") };
	struct run late = { .argv = RUN_ARGV("sleep", "30"), .timeout_ms = 100 };
	struct run_result result = { 0 };
	struct err err = ERR_INIT;
	(void)state;
	sigaction(SIGALRM, &action, &was);
	setitimer(ITIMER_REAL, &often, NULL);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(run_capture(&fails, &result, &err), 0);
		assert_int_equal(result.exit_code, 3);
		assert_string_equal(str_text(&result.out), "text");
		run_result_free(&result);
		assert_int_equal(run_capture(&missing, &result, &err), -1);
		assert_string_equal(err.text, "/nonexistent/program: cannot be started: No such "
					      "file or directory");
		assert_int_equal(run_capture(&late, &result, &err), -1);
		assert_string_equal(err.text, "sleep: no end after 100 ms; killed");
		/* None of them is left for somebody else to wait for. */
		assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	}
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &was, NULL);
}

static void test_run_timeout(void **state)
{
	struct err err = ERR_INIT;
	struct run_result result = { 0 };
	/* The grandchild has the pipe open: it has to go as well. */
	struct run run = { .argv = RUN_ARGV("sh", "-c", "sleep 30 & sleep 30"), .timeout_ms = 200 };
	struct timespec before;
	struct timespec after;
	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(run_capture(&run, &result, &err), -1);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 10);
	assert_non_null(strstr(err.text, "sh"));
	run_result_free(&result);
}

static size_t open_descriptors(void)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	assert_int_equal(file_list_dir("/proc/self/fd", &names, NULL), 0);
	return names.count;
}

/* A command that is late goes with all that it started, whether or not it has
   taken its input, and leaves no descriptor open here. */
static void test_run_timeout_group(void **state)
{
	static char input[1 << 20];
	AUTO_FREE char *dir = temporary_dir();
	AUTO_FREE char *pids = xasprintf("%s/pids", dir);
	AUTO_STR struct str text = STR_INIT;
	struct err err = ERR_INIT;
	struct run_result result = { 0 };
	struct run run = {
		.argv = RUN_ARGV("sh", "-c", "sleep 60 & echo $$ $! >\"$1\"; wait", "sh", pids),
		.input = input,
		.input_length = sizeof(input),
		.timeout_ms = 1000,
	};
	long shell;
	long grandchild;
	(void)state;
	size_t before = open_descriptors();
	assert_int_equal(run_capture(&run, &result, &err), -1);
	assert_string_equal(err.text, "sh: no end after 1000 ms; killed");
	assert_count(open_descriptors(), before);
	assert_int_equal(file_read(pids, 100, &text, &err), 0);
	assert_int_equal(sscanf(str_text(&text), "%ld %ld", &shell, &grandchild), 2);
	assert_int_equal(kill((pid_t)shell, 0), -1);
	/* Killed; its new parent may need a moment to notice. */
	AUTO_FREE char *stat_path = xasprintf("/proc/%ld/stat", grandchild);
	for (int i = 0; i < 1000 && kill((pid_t)grandchild, 0) == 0; i++) {
		str_clear(&text);
		if (file_read(stat_path, 4096, &text, NULL) == 0 && strstr(text.data, ") Z "))
			break;
		assert_true(i < 999);
		nanosleep(&(struct timespec){ 0, 10000000 }, NULL);
	}
	assert_int_equal(file_remove(pids, NULL), 0);
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
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_argument),
		cmocka_unit_test(test_run_environment),
		cmocka_unit_test(test_run_output_limit),
		cmocka_unit_test(test_run_threads),
		cmocka_unit_test(test_run_signals_of_child),
		cmocka_unit_test(test_run_interrupted),
		cmocka_unit_test(test_run_timeout),
		cmocka_unit_test(test_run_timeout_group),
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
