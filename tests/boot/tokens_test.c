/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "daemon/tokens.h"

static char dir[] = "/tmp/moyai-tokens-XXXXXX";

static void issue(struct tokens *tokens, const char *node, int64_t now_s, char text[TOKEN_HEX_SIZE])
{
	struct err err = ERR_INIT;
	if (tokens_issue(tokens, node, "0123456789abcdef", "no key was pinned", now_s, text,
			 &err) != 0)
		fail_msg("%s", err.text);
}

static void test_life(void **state)
{
	(void)state;
	struct tokens tokens;
	char text[TOKEN_HEX_SIZE];
	const struct token *found;
	assert_int_equal(tokens_load(dir, &tokens, NULL), 0);
	issue(&tokens, "store1", 1000, text);
	assert_int_equal(tokens_check(&tokens, text, NULL, 1000, &found), TOKEN_GOOD);
	assert_string_equal(found->node, "store1");
	assert_string_equal(found->why, "no key was pinned");
	assert_int_equal(tokens_check(&tokens, text, NULL, 1000 + TOKEN_LIFE_S - 1, NULL),
			 TOKEN_GOOD);
	assert_int_equal(tokens_check(&tokens, text, NULL, 1000 + TOKEN_LIFE_S, NULL),
			 TOKEN_EXPIRED);
	tokens_free(&tokens);
}

/* Used for one key, a token is good for that key again, also after a restart, and for no other. */
static void test_use(void **state)
{
	(void)state;
	struct tokens tokens;
	struct err err = ERR_INIT;
	char text[TOKEN_HEX_SIZE];
	char later[TOKEN_HEX_SIZE];
	assert_int_equal(tokens_load(dir, &tokens, NULL), 0);
	issue(&tokens, "store1", 1000, text);
	assert_int_equal(tokens_check(&tokens, text, "key 1", 1000, NULL), TOKEN_GOOD);
	assert_int_equal(tokens_use(&tokens, text, "key 1", NULL), 0);
	tokens_free(&tokens);
	assert_int_equal(tokens_load(dir, &tokens, NULL), 0);
	assert_int_equal(tokens_check(&tokens, text, NULL, 1000, NULL), TOKEN_USED);
	assert_int_equal(tokens_check(&tokens, text, "key 2", 1000, NULL), TOKEN_USED);
	assert_int_equal(tokens_use(&tokens, text, "key 2", &err), -1);
	assert_string_equal(err.text, "the token was used before");
	assert_int_equal(tokens_check(&tokens, text, "key 1", 1000, NULL), TOKEN_GOOD);
	assert_int_equal(tokens_use(&tokens, text, "key 1", NULL), 0);
	/* The server was away for longer than a token lives, and the answer had been lost. */
	assert_int_equal(tokens_check(&tokens, text, "key 1", 1000 + TOKEN_LIFE_S, NULL),
			 TOKEN_GOOD);
	assert_int_equal(tokens_check(&tokens, text, NULL, 1000 + TOKEN_LIFE_S, NULL), TOKEN_USED);
	issue(&tokens, "store1", 1001, later);
	assert_int_equal(tokens_check(&tokens, text, "key 1", 1002, NULL), TOKEN_REPLACED);
	tokens_free(&tokens);
}

static void test_restart(void **state)
{
	(void)state;
	struct tokens tokens;
	struct tokens again;
	char first[TOKEN_HEX_SIZE];
	char second[TOKEN_HEX_SIZE];
	char other[TOKEN_HEX_SIZE];
	assert_int_equal(tokens_load(dir, &tokens, NULL), 0);
	issue(&tokens, "vm1", 2000, first);
	issue(&tokens, "vm1", 2001, second);
	issue(&tokens, "gw", 2001, other);
	assert_string_not_equal(first, second);
	tokens_free(&tokens);
	assert_int_equal(tokens_load(dir, &again, NULL), 0);
	assert_int_equal(tokens_check(&again, first, NULL, 2002, NULL), TOKEN_REPLACED);
	assert_int_equal(tokens_check(&again, second, NULL, 2002, NULL), TOKEN_GOOD);
	assert_int_equal(tokens_check(&again, other, NULL, 2002, NULL), TOKEN_GOOD);
	tokens_free(&again);
}

static void test_file_tells_no_token(void **state)
{
	(void)state;
	struct tokens tokens;
	struct stat status;
	char text[TOKEN_HEX_SIZE];
	AUTO_STR struct str file = STR_INIT;
	assert_int_equal(tokens_load(dir, &tokens, NULL), 0);
	issue(&tokens, "mem1", 3000, text);
	assert_int_equal(file_read(tokens.path, 1 << 20, &file, NULL), 0);
	assert_null(strstr(str_text(&file), text));
	assert_int_equal(stat(tokens.path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	tokens_free(&tokens);
}

static void test_unknown(void **state)
{
	(void)state;
	static const char *const texts[] = {
		"",
		"x",
		"0000000000000000000000000000000000000000000000000000000000000000",
	};
	struct tokens tokens;
	const struct token *found;
	assert_int_equal(tokens_load(dir, &tokens, NULL), 0);
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(tokens_check(&tokens, texts[i], NULL, 1, &found), TOKEN_UNKNOWN);
		assert_null(found);
	}
	assert_int_equal(tokens_check(&tokens, NULL, NULL, 1, NULL), TOKEN_UNKNOWN);
	tokens_free(&tokens);
}

static void test_forgets(void **state)
{
	(void)state;
	struct tokens tokens;
	char text[TOKEN_HEX_SIZE];
	char later[TOKEN_HEX_SIZE];
	assert_int_equal(tokens_load(dir, &tokens, NULL), 0);
	issue(&tokens, "a", 10000, text);
	issue(&tokens, "b", 10000 + TOKEN_LIFE_S + TOKEN_MEMORY_S + 1, later);
	assert_int_equal(tokens_check(&tokens, text, NULL, 10000, NULL), TOKEN_UNKNOWN);
	assert_int_equal(tokens.count, 1);
	tokens_free(&tokens);
}

static void test_broken_file(void **state)
{
	(void)state;
	struct tokens tokens;
	struct err err = ERR_INIT;
	AUTO_FREE char *path = xasprintf("%s/tokens.json", dir);
	AUTO_FREE char *wanted = xasprintf("%s: not a list of tokens; remove it, and machines that "
					   "boot now must boot again",
					   path);
	assert_int_equal(file_write(path, "[{]", 3, 0600, NULL), 0);
	assert_int_equal(tokens_load(dir, &tokens, &err), -1);
	assert_string_equal(err.text, wanted);
	assert_int_equal(file_remove(path, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_use),
		cmocka_unit_test(test_restart),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_file_tells_no_token),
		cmocka_unit_test(test_forgets),
		cmocka_unit_test(test_broken_file),
	};
	if (mkdtemp(dir) == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(dir);
	return failed;
}
