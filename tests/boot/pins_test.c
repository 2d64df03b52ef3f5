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
#include "daemon/pins.h"
#include "remote/identity.h"

static char dir[] = "/tmp/moyai-pins-XXXXXX";
/* Public halves of keys made for this test; nobody has the private ones. */
#define KEY_A "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIMkV/u9ChMaDcVlEY4UpQ/cGz/0ditkm5Q831uPAUd/5"
#define KEY_B "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE5eVrTvjQtV/Hd+IZ/pcLDs1jpoaCE3wMyIjucwRUPh"

static char *content(const char *name)
{
	struct str text = STR_INIT;
	AUTO_FREE char *path = xasprintf("%s/%s", dir, name);
	if (file_read(path, 1 << 20, &text, NULL) != 0)
		str_add(&text, "(missing)");
	return str_take(&text);
}

static void pin(const char *node, const char *address, const char *key, const char *why,
		bool wanted)
{
	bool changed;
	struct err err = ERR_INIT;
	if (pins_set(dir, node, address, key, why, 1795230000, &changed, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(changed, wanted);
}

static void assert_pin(const char *node, const char *address, const char *key, const char *where)
{
	AUTO_STR struct str found = STR_INIT;
	AUTO_STR struct str at = STR_INIT;
	assert_int_equal(pins_find(dir, node, address, &found, &at, NULL), 0);
	assert_string_equal(str_text(&found), key);
	assert_string_equal(str_text(&at), where);
}

static void test_pins(void **state)
{
	(void)state;
	AUTO_STR struct str print_a = STR_INIT;
	AUTO_STR struct str print_b = STR_INIT;
	assert_int_equal(pin_fingerprint(KEY_A, &print_a, NULL), 0);
	assert_int_equal(pin_fingerprint(KEY_B, &print_b, NULL), 0);
	assert_true(text_starts(str_text(&print_a), "SHA256:"));
	assert_pin("store1", "10.77.0.14", "", "");
	pin("store1", "10.77.0.14", KEY_A, "no key was pinned", true);
	pin("vm1", "10.77.0.1", KEY_B, "no key was pinned", true);
	pin("store1", "10.77.0.14", KEY_A, "the boot was ordered", false);
	pin("store1", "10.77.0.14", KEY_B, "the pinned key no longer answers", true);
	AUTO_FREE char *hosts = content("known_hosts");
	assert_string_equal(hosts, "10.77.0.1,vm1 " KEY_B "\n10.77.0.14,store1 " KEY_B "\n");
	/* An address that begins like another one is another one. */
	assert_pin("vm1", "10.77.0.1", KEY_B, "10.77.0.1");
	AUTO_FREE char *log = content("pins.log");
	AUTO_FREE char *wanted = xasprintf(
		"2026-11-21T03:00:00Z store1 10.77.0.14 %s no key was pinned\n"
		"2026-11-21T03:00:00Z vm1 10.77.0.1 %s no key was pinned\n"
		"2026-11-21T03:00:00Z store1 10.77.0.14 %s the pinned key no longer answers\n",
		str_text(&print_a), str_text(&print_b), str_text(&print_b));
	assert_string_equal(log, wanted);
}

static void write_pins(const char *text)
{
	AUTO_FREE char *path = xasprintf("%s/known_hosts", dir);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

/* The configuration may give nodes other addresses while they live. */
static void test_pins_of_nodes_that_move(void **state)
{
	(void)state;
	write_pins("10.77.0.1,vm1 " KEY_B "\n10.77.0.14,store1 " KEY_A "\n");
	assert_pin("store1", "10.77.0.15", KEY_A, "10.77.0.14");
	/* Somebody else's pin at the address that is this node's now. */
	assert_pin("mem1", "10.77.0.14", "", "");
	assert_pin("vm1", "10.77.0.14", KEY_B, "10.77.0.1");
	pin("vm1", "10.77.0.14", KEY_A, "the boot was ordered", true);
	AUTO_FREE char *hosts = content("known_hosts");
	assert_string_equal(hosts, "store1 " KEY_A "\n10.77.0.14,vm1 " KEY_A "\n");
	assert_pin("store1", "10.77.0.15", KEY_A, "10.77.0.15");
	pin("store1", "10.77.0.15", KEY_A, "the boot was ordered", false);
	pin("store1", "10.77.0.16", KEY_B, "the boot was ordered", true);
	AUTO_FREE char *after = content("known_hosts");
	assert_string_equal(after, "10.77.0.14,vm1 " KEY_A "\n10.77.0.16,store1 " KEY_B "\n");
}

/* Lines that people wrote stay as they are; one without a name counts for the address. */
static void test_pins_by_hand(void **state)
{
	static const char HAND[] = "# mine\n[10.77.0.14]:2222 " KEY_B "\n\n"
				   "10.77.0.14 " KEY_A " a comment\nbroken\n";
	(void)state;
	write_pins(HAND);
	assert_pin("store1", "10.77.0.14", KEY_A, "10.77.0.14");
	assert_pin("broken", "10.77.0.20", "", "");
	pin("vm1", "10.77.0.20", KEY_B, "no key was pinned", true);
	pin("store1", "10.77.0.14", KEY_B, "the boot was ordered", true);
	AUTO_FREE char *hosts = content("known_hosts");
	assert_string_equal(hosts, "# mine\n[10.77.0.14]:2222 " KEY_B "\nbroken\n"
				   "10.77.0.20,vm1 " KEY_B "\n10.77.0.14,store1 " KEY_B "\n");
}

static void test_parse(void **state)
{
	(void)state;
	static const struct {
		const char *body, *wanted;
	} cases[] = {
		{ "", "the host key is missing" },
		{ "\n", "the host key must be of type ssh-ed25519" },
		{ "ssh-rsa AAAA", "the host key must be of type ssh-ed25519" },
		{ " " KEY_A, "the host key must be of type ssh-ed25519" },
		{ "ssh-ed25519 ", "the host key is not a valid ssh-ed25519 key" },
		{ "ssh-ed25519 AAAA", "the host key is not a valid ssh-ed25519 key" },
		{ "ssh-ed25519 %%%%", "the host key is not a valid ssh-ed25519 key" },
		{ KEY_A "\n" KEY_B "\n", "the host key must be one line of plain text" },
		{ KEY_A "\r\n", "the host key must be one line of plain text" },
		{ "ssh-ed25519\tAAAA", "the host key must be one line of plain text" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		AUTO_STR struct str key = STR_INIT;
		struct err err = ERR_INIT;
		assert_int_equal(pin_parse(cases[i].body, strlen(cases[i].body), &key, &err), -1);
		assert_string_equal(err.text, cases[i].wanted);
		assert_string_equal(str_text(&key), "");
	}
	AUTO_STR struct str key = STR_INIT;
	assert_int_equal(pin_parse(KEY_A " a comment\n", strlen(KEY_A " a comment\n"), &key, NULL),
			 0);
	assert_string_equal(str_text(&key), KEY_A);
}

static void test_identity(void **state)
{
	(void)state;
	AUTO_FREE char *path = NULL;
	AUTO_STR struct str first = STR_INIT;
	AUTO_STR struct str second = STR_INIT;
	struct stat status;
	struct err err = ERR_INIT;
	assert_int_equal(identity_load(dir, &path, &first, &err), 0);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(identity_load(dir, NULL, &second, &err), 0);
	assert_string_equal(str_text(&first), str_text(&second));
	assert_true(text_starts(str_text(&first), "ssh-ed25519 "));
	AUTO_FREE char *line = content("id_ed25519.pub");
	AUTO_FREE char *wanted = xasprintf("%s\n", str_text(&first));
	assert_string_equal(line, wanted);
	assert_int_equal(chmod(path, 0644), 0);
	AUTO_FREE char *message =
		xasprintf("%s: mode 0644 lets others read the key; run chmod 600", path);
	assert_int_equal(identity_load(dir, NULL, NULL, &err), -1);
	assert_string_equal(err.text, message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pins),	     cmocka_unit_test(test_pins_of_nodes_that_move),
		cmocka_unit_test(test_pins_by_hand), cmocka_unit_test(test_parse),
		cmocka_unit_test(test_identity),
	};
	if (mkdtemp(dir) == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	static const char *const names[] = { "known_hosts", "pins.log", "id_ed25519",
					     "id_ed25519.pub" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
	return failed;
}
