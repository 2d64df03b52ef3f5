/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pxe serve notices a change of any file of the site, wherever it was started. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it. */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/site_watch.h"

static char *share; /* the source tree: its roles are used */

static void put(const char *dir, const char *name, const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	assert_int_equal(file_write(path, text, strlen(text), 0644, NULL), 0);
}

static void included_files(void **state)
{
	char dir[] = "/tmp/moyai-watch-XXXXXX";
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	struct site site = { 0 };
	(void)state;
	assert_non_null(mkdtemp(dir));
	put(dir, "site.cfg", "@include \"head.cfg\"\n");
	put(dir, "head.cfg", "name = \"Demo\";\n");
	/* It has mistakes; where they are is watched all the same. */
	assert_int_equal(site_reread(dir, share, &site, &files), -1);
	assert_true(text_list_has(&files, "head.cfg"));
	uint64_t before = site_stamp(dir, &files);
	assert_true(site_stamp(dir, &files) == before);
	put(dir, "head.cfg", "name = \"demo\";\n");
	assert_false(site_stamp(dir, &files) == before);
	AUTO_FREE char *main_file = xasprintf("%s/site.cfg", dir);
	AUTO_FREE char *head_file = xasprintf("%s/head.cfg", dir);
	unlink(main_file);
	unlink(head_file);
	rmdir(dir);
}

/* Files that were not there when the site was read, wherever one may come to be. */
static void new_files(void **state)
{
	static const char *const FILES[] = { "images.cfg", "clusters/a.cfg", "allocations/a.cfg",
					     "roles/own/role.cfg", "roles/rolls/own/roll.cfg" };
	static const char *const FOLDERS[] = { "roles/rolls/own", "roles/rolls", "roles/own",
					       "roles",		  "allocations", "clusters" };
	char dir[] = "/tmp/moyai-watch-XXXXXX";
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	(void)state;
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < COUNT_OF(FOLDERS); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, FOLDERS[i]);
		assert_int_equal(file_make_dirs(path, 0755, NULL), 0);
	}
	for (size_t i = 0; i < COUNT_OF(FILES); i++) {
		uint64_t before = site_stamp(dir, &files);
		assert_true(site_stamp(dir, &files) == before);
		put(dir, FILES[i], "");
		assert_false(site_stamp(dir, &files) == before);
	}
	for (size_t i = 0; i < COUNT_OF(FILES); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, FILES[i]);
		unlink(path);
	}
	for (size_t i = 0; i < COUNT_OF(FOLDERS); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, FOLDERS[i]);
		rmdir(path);
	}
	rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(included_files),
					    cmocka_unit_test(new_files) };
	share = argc > 1 ? argv[1] : ".";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
