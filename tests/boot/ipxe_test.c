/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "daemon/ipxe.h"
#include "daemon/template.h"

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
static char dir[] = "/tmp/moyai-ipxe-XXXXXX";

static void manifest_file_write(const char *text)
{
	AUTO_FREE char *role = xasprintf("%s/storage", dir);
	AUTO_FREE char *path = xasprintf("%s/manifest.json", role);
	assert_int_equal(file_make_dirs(role, 0700, NULL), 0);
	assert_int_equal(file_write(path, text, strlen(text), 0600, NULL), 0);
}

#define FILE_JSON(path) "{\"path\": \"" path "\", \"sha256\": \"" HASH "\", \"size\": 7}"
#define MANIFEST(arguments, kernel, layers)                                                        \
	"{\"role\": \"storage\", \"version\": \"1f0c\", \"kernel_arguments\": [" arguments "], "   \
	"\"files\": {\"kernel\": " kernel                                                          \
	", \"initrd\": " FILE_JSON("base-cloud/initrd.img") ", "                                   \
							    "\"layers\": [" layers "]}}"
#define GOOD FILE_JSON("base-cloud/vmlinuz")
#define LAYER FILE_JSON("base-cloud/base.squashfs")

static int script(const char *console, struct str *out, struct err *err)
{
	struct manifest manifest;
	if (manifest_read(dir, "storage", &manifest, err) != 0)
		return -1;
	const struct ipxe_boot boot = { .url = "http://10.77.0.1:8077",
					.node = "store1",
					.mac = "52:54:00:4d:00:14",
					.token = "70fe",
					.console = console,
					.manifest = &manifest };
	int rc = ipxe_boot_script(".", &boot, out, err);
	manifest_free(&manifest);
	return rc;
}

static void test_script(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	manifest_file_write(MANIFEST("\"quiet\", \"a=\\\"b\\\"\"", GOOD, LAYER));
	if (script("ttyS1,9600", &out, &err) != 0)
		fail_msg("%s", err.text);
	assert_non_null(
		strstr(str_text(&out),
		       "\nkernel http://10.77.0.1:8077/image/base-cloud/vmlinuz initrd=initrd.img "
		       "console=ttyS1,9600 quiet a=\"b\" moyai.server=http://10.77.0.1:8077 "
		       "moyai.node=store1 moyai.mac=52:54:00:4d:00:14 moyai.token=70fe "
		       "moyai.layer=base-cloud/base.squashfs," HASH ",7 || goto again\n"));
}

/* The pauses of a script, one after the other. */
static void pauses(const char *text, unsigned out[3])
{
	size_t count = 0;
	for (const char *at = text; (at = strstr(at, "sleep ")) != NULL; at++) {
		assert_true(count < 3);
		out[count++] = (unsigned)strtoul(at + strlen("sleep "), NULL, 10);
	}
	assert_int_equal((int)count, 3);
}

static void test_pauses(void **state)
{
	unsigned before[3] = { 0 };
	size_t differ = 0;
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		AUTO_STR struct str out = STR_INIT;
		AUTO_FREE char *mac = xasprintf("52:54:00:4d:00:%02x", i);
		struct err err = ERR_INIT;
		unsigned now[3];
		assert_int_equal(
			ipxe_retry_script(".", "http://10.77.0.1", mac, "wait", 7, &out, &err), 0);
		pauses(str_text(&out), now);
		assert_true(now[0] >= 5 && now[0] <= 10);
		assert_true(now[1] >= 15 && now[1] <= 30);
		assert_true(now[2] >= 30 && now[2] <= 60);
		differ += now[2] != before[2];
		memcpy(before, now, sizeof(now));
	}
	/* Machines that lost power together do not come together. */
	assert_true(differ >= 80 && differ <= 100);
}

static void test_hostile_arguments(void **state)
{
	(void)state;
	static const char *const words[] = {
		"a\\nboot", "a b", "||", "&&", "${net0/mac}", "#x", ""
	};
	static const char *const shown[] = {
		"a\nboot", "a b", "||", "&&", "${net0/mac}", "#x", ""
	};
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		AUTO_FREE char *list = xasprintf("\"%s\"", words[i]);
		AUTO_STR struct str out = STR_INIT;
		AUTO_STR struct str text = STR_INIT;
		struct err err = ERR_INIT;
		str_addf(&text, MANIFEST("%s", GOOD, LAYER), list);
		manifest_file_write(str_text(&text));
		AUTO_FREE char *wanted = xasprintf(
			"the kernel argument \"%s\" cannot be written in an iPXE script", shown[i]);
		assert_int_equal(script(NULL, &out, &err), -1);
		assert_string_equal(err.text, wanted);
		assert_string_equal(str_text(&out), "");
	}
}

static void test_long_arguments(void **state)
{
	(void)state;
	char word[2000];
	struct err err = ERR_INIT;
	AUTO_STR struct str out = STR_INIT;
	AUTO_STR struct str text = STR_INIT;
	memset(word, 'x', sizeof(word));
	word[sizeof(word) - 1] = '\0';
	str_addf(&text, MANIFEST("\"%s\"", GOOD, LAYER), word);
	manifest_file_write(str_text(&text));
	assert_int_equal(script(NULL, &out, &err), -1);
	assert_string_equal(err.text,
			    "the kernel arguments have 2219 characters; 2047 are allowed");
}

static void test_manifests(void **state)
{
	(void)state;
	static const struct {
		const char *text, *wanted;
	} cases[] = {
		{ "[", ":1: ']' expected near end of file" },
		{ "{}", ": Object item not found: role" },
		{ MANIFEST("", GOOD, ""), ": layers: a list of 1 to 8 files is needed" },
		{ MANIFEST("7", GOOD, LAYER), ": kernel_arguments: must be texts" },
		{ MANIFEST("", "{\"path\": \"a\"}", LAYER),
		  ": kernel: path, sha256 or size is missing" },
		{ MANIFEST("", FILE_JSON("../site.key"), LAYER),
		  ": kernel: \"../site.key\" is not a plain path below the images" },
		{ MANIFEST("", FILE_JSON("/etc/passwd"), LAYER),
		  ": kernel: \"/etc/passwd\" is not a plain path below the images" },
		{ MANIFEST("", FILE_JSON("a//b"), LAYER),
		  ": kernel: \"a//b\" is not a plain path below the images" },
		{ MANIFEST("", FILE_JSON("a b"), LAYER),
		  ": kernel: \"a b\" is not a plain path below the images" },
		{ MANIFEST("", FILE_JSON(".hidden"), LAYER),
		  ": kernel: \".hidden\" is not a plain path below the images" },
		{ MANIFEST("", "{\"path\": \"a\", \"sha256\": \"00\", \"size\": 7}", LAYER),
		  ": kernel: sha256 is not 64 hexadecimal digits" },
		{ MANIFEST("", "{\"path\": \"a\", \"sha256\": \"" HASH "\", \"size\": 0}", LAYER),
		  ": kernel: size must be above 0" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct manifest manifest;
		struct err err = ERR_INIT;
		manifest_file_write(cases[i].text);
		AUTO_FREE char *wanted =
			xasprintf("%s/storage/manifest.json%s", dir, cases[i].wanted);
		assert_int_equal(manifest_read(dir, "storage", &manifest, &err), -1);
		assert_string_equal(err.text, wanted);
	}
}

static void test_macs(void **state)
{
	(void)state;
	char mac[18];
	assert_int_equal(ipxe_mac("52-54-00-4D-00-14", mac), 0);
	assert_string_equal(mac, "52:54:00:4d:00:14");
	static const char *const bad[] = { "", "52:54:00:4d:00", "52:54:00:4d:00:1g",
					   "52.54.00.4d.00.14", "52:54:00:4d:00:14 " };
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(ipxe_mac(bad[i], mac), -1);
	assert_int_equal(ipxe_mac(NULL, mac), -1);
}

static void test_templates(void **state)
{
	(void)state;
	const struct template_value values[] = { { "A", "x@y", 0 }, { "B", "bad\n", 0 } };
	static const struct {
		const char *template, *wanted;
	} bad[] = {
		{ "@C@", "t: there is no value for @C@" },
		{ "@A", "t: an @ without its partner" },
		{ "@B@", "t: the value of B holds a control character" },
	};
	AUTO_STR struct str out = STR_INIT;
	assert_int_equal(template_fill("t", "1 @A@ 2", values, 2, &out, NULL), 0);
	assert_string_equal(str_text(&out), "1 x@y 2");
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(template_fill("t", bad[i].template, values, 2, &out, &err), -1);
		assert_string_equal(err.text, bad[i].wanted);
	}
	assert_string_equal(str_text(&out), "1 x@y 2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_script),
		cmocka_unit_test(test_pauses),
		cmocka_unit_test(test_hostile_arguments),
		cmocka_unit_test(test_long_arguments),
		cmocka_unit_test(test_manifests),
		cmocka_unit_test(test_macs),
		cmocka_unit_test(test_templates),
	};
	if (mkdtemp(dir) == NULL)
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	AUTO_FREE char *role = xasprintf("%s/storage", dir);
	AUTO_FREE char *path = xasprintf("%s/manifest.json", role);
	unlink(path);
	rmdir(role);
	rmdir(dir);
	return failed;
}
