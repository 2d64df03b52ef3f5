/* SPDX-License-Identifier: GPL-3.0-or-later */
/* A guest is stopped whether or not its QEMU answers; a libvirt of our own stands for that
   (hanging_libvirt.c), and a timeout of seconds for the minute that a guest is given. */
#include "test.h"

#include <dlfcn.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "system/virt.h"

static struct {
	bool *obeys;
	int *asked, *destroyed;
} hanging;

/* Beside this program; loaded first, it is what its name stands for from now on. */
static int load(void **state)
{
	char path[PATH_MAX];
	(void)state;
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
	assert_true(length > 0);
	path[length] = '\0';
	*strrchr(path, '/') = '\0';
	AUTO_FREE char *file = xasprintf("%s/hanging/libvirt.so.0", path);
	void *library = dlopen(file, RTLD_NOW);
	if (library == NULL)
		fail_msg("%s", dlerror());
	hanging.obeys = dlsym(library, "hanging_obeys");
	hanging.asked = dlsym(library, "hanging_asked");
	hanging.destroyed = dlsym(library, "hanging_destroyed");
	assert_true(hanging.obeys && hanging.asked && hanging.destroyed);
	return 0;
}

static void count(void *context)
{
	++*(int *)context;
}

/* How often the node said that it goes on. */
static int stop(unsigned timeout_ms)
{
	int still = 0;
	struct err err = ERR_INIT;
	const struct node node = { .still = count, .context = &still };
	alarm(30); /* it would wait for ever */
	if (virt_stop(&node, "a-c1", timeout_ms, &err) != 0)
		fail_msg("%s", err.text);
	alarm(0);
	return still;
}

static void test_that_obeys(void **state)
{
	(void)state;
	*hanging.obeys = true;
	stop(10000);
	assert_int_equal(*hanging.asked, 1);
	assert_int_equal(*hanging.destroyed, 0);
}

static void test_that_hangs(void **state)
{
	(void)state;
	*hanging.asked = 0;
	*hanging.obeys = false;
	assert_int_equal(stop(1000), 5); /* each 200 ms */
	assert_int_equal(*hanging.asked, 1);
	assert_int_equal(*hanging.destroyed, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_that_obeys),
		cmocka_unit_test(test_that_hangs),
	};
	return cmocka_run_group_tests(tests, load, NULL);
}
