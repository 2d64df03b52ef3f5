/* SPDX-License-Identifier: GPL-3.0-or-later */
/* base/run.c: programs that are run, with what they say, and their end. */
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "base/run.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_run_argument),
		cmocka_unit_test(test_run_environment),
		cmocka_unit_test(test_run_output_limit),
		cmocka_unit_test(test_run_threads),
		cmocka_unit_test(test_run_signals_of_child),
		cmocka_unit_test(test_run_interrupted),
		cmocka_unit_test(test_run_timeout),
		cmocka_unit_test(test_run_timeout_group),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
