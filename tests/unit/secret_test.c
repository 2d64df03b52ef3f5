/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "model/secret.h"

static void test_site_key(void **state)
{
	AUTO_FREE char *dir = xstrdup("/tmp/moyai-unit-XXXXXX");
	assert_non_null(mkdtemp(dir));
	AUTO_FREE char *path = xasprintf("%s/site.key", dir);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	struct site_key first = { { 0 } };
	struct site_key second = { { 0 } };
	struct err err = ERR_INIT;
	struct stat about;
	(void)state;
	AUTO_FREE char *none = xasprintf("there is no site key in %s; copy it there from the "
					 "machine that made it, or run moyai pxe serve to begin a "
					 "new site",
					 dir);
	assert_int_equal(site_key_load(dir, &first, &err), -1);
	assert_string_equal(err.text, none);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(site_key_make(dir, &err), 0);
	assert_int_equal(site_key_load(dir, &first, &err), 0);
	assert_int_equal(site_key_make(dir, &err), 0); /* the same one stays */
	assert_int_equal(stat(path, &about), 0);
	assert_int_equal(about.st_mode & 07777, 0600);
	assert_int_equal(site_key_load(dir, &second, &err), 0);
	assert_memory_equal(&first, &second, sizeof(first));
	file_list_dir(dir, &names, NULL);
	assert_count(names.count, 1); /* nothing temporary is left */
	chmod(path, 0640);
	AUTO_FREE char *expected = xasprintf("%s: has mode 0640, so that others may have read the "
					     "key; make it 0600 if nobody did",
					     path);
	assert_int_equal(site_key_load(dir, &second, &err), -1);
	assert_string_equal(err.text, expected);
	chmod(path, 0600);
	assert_int_equal(truncate(path, 31), 0);
	AUTO_FREE char *cut =
		xasprintf("%s: has 31 bytes; a site key has 32; restore the backup", path);
	assert_int_equal(site_key_load(dir, &second, &err), -1);
	assert_string_equal(err.text, cut);
	unlink(path);
	rmdir(dir);
}

static void test_secret(void **state)
{
	struct site_key key = { { 1, 2, 3 } };
	struct site_key other = { { 1, 2, 4 } };
	struct err err = ERR_INIT;
	struct str texts[6] = { STR_INIT };
	(void)state;
	assert_int_equal(secret_derive(&key, "chap", "a", 0, &texts[0], &err), 0);
	assert_int_equal(secret_derive(&key, "chap", "b", 0, &texts[1], &err), 0);
	assert_int_equal(secret_derive(&key, "token", "a", 0, &texts[2], &err), 0);
	assert_int_equal(secret_derive(&key, "chap", "a", 1, &texts[3], &err), 0);
	assert_int_equal(secret_derive(&other, "chap", "a", 0, &texts[4], &err), 0);
	assert_int_equal(secret_derive(&key, "chap", "a", 0, &texts[5], &err), 0);
	/* The same for ever: a change of the derivation would cut every session. */
	assert_string_equal(str_text(&texts[0]), "AA1jSxE1JeLORG0ORyFVR590");
	assert_string_equal(str_text(&texts[0]), str_text(&texts[5]));
	for (size_t i = 1; i < 5; i++)
		assert_string_not_equal(str_text(&texts[0]), str_text(&texts[i]));
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		str_free(&texts[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_site_key),
		cmocka_unit_test(test_secret),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
