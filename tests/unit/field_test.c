/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "test.h"

#include "model/field.h"

struct sample {
	char *text, *name, *path, *choice, *address, *cidr, *mac;
	uint64_t bytes, seconds, number;
	int truth;
	struct text_list list;
};
#define AT(member) offsetof(struct sample, member)
static const struct field FIELDS[] = {
	{ "text", FIELD_TEXT, AT(text), 0, 1, 10, NULL, NULL, NULL },
	{ "name", FIELD_NAME, AT(name), 0, 1, 15, NULL, NULL, NULL },
	{ "path", FIELD_PATH, AT(path), 0, 0, 0, NULL, NULL, NULL },
	{ "choice", FIELD_CHOICE, AT(choice), 0, 0, 0, "ramfs tmpfs", "ramfs", NULL },
	{ "address", FIELD_ADDRESS, AT(address), 0, 0, 0, NULL, NULL, NULL },
	{ "cidr", FIELD_CIDR, AT(cidr), 0, 0, 0, NULL, NULL, NULL },
	{ "mac", FIELD_MAC, AT(mac), 0, 0, 0, NULL, NULL, NULL },
	{ "bytes", FIELD_BYTES, AT(bytes), 0, 1024, 1 << 20, NULL, NULL, NULL },
	{ "seconds", FIELD_SECONDS, AT(seconds), 0, 0, 0, NULL, "90s", NULL },
	{ "number", FIELD_NUMBER, AT(number), 0, 1, 4094, NULL, NULL, NULL },
	{ "truth", FIELD_BOOL, AT(truth), 0, 0, 0, NULL, NULL, NULL },
	{ "list", FIELD_LIST, AT(list), 0, 0, 2, NULL, NULL, NULL },
	FIELD_END
};

static void test_fields_set(void **state)
{
	static const struct {
		const char *field, *text, *printed; /* printed NULL: refused, with the error… */
		const char *error;
	} CASES[] = {
		{ "text", "a \"b\"$", "a \"b\"$", NULL },
		{ "text", "", NULL, "is empty; write something or leave it out" },
		{ "text", "12345678901", NULL, "has 11 characters; at most 10" },
		{ "text", "\xff", NULL, "is not UTF-8; save the file as UTF-8" },
		{ "name", "a-1", "a-1", NULL },
		{ "name", "A", NULL,
		  "\"A\" is not a name; write a-z, 0-9 and \"-\", beginning and ending with a "
		  "letter "
		  "or digit" },
		{ "name", "a234567890123456", NULL,
		  "\"a234567890123456\" has 16 characters; at most 15" },
		{ "path", "/dev/a b", "/dev/a b", NULL },
		{ "path", "/a/..", NULL,
		  "\"/a/..\" is not an absolute path; begin with \"/\", without \"..\", \"//\" or "
		  "control characters" },
		{ "choice", "tmpfs", "tmpfs", NULL },
		{ "choice", "tmp", NULL,
		  "\"tmp\" is not one of the choices; write one of \"ramfs\", \"tmpfs\"" },
		{ "address", "10.0.0.1", "10.0.0.1", NULL },
		{ "address", "10.0.0.01", NULL,
		  "\"10.0.0.01\" is not an IPv4 address; write it like \"10.0.20.5\"" },
		{ "cidr", "10.0.0.5/8", "10.0.0.5/8", NULL },
		{ "cidr", "10.0.0.0/33", NULL,
		  "\"10.0.0.0/33\" is not an IPv4 network with prefix length; write it like "
		  "\"10.0.20.0/24\"" },
		{ "mac", "AA-bb-CC-00-11-22", "aa:bb:cc:00:11:22", NULL },
		{ "bytes", "2K", "2K", NULL },
		{ "bytes", "1K", "1K", NULL },
		{ "bytes", "1023", NULL, "1023 is too small; at least 1K" },
		{ "bytes", "2M", NULL, "2M is too large; at most 1M" },
		{ "seconds", "120s", "2m", NULL },
		{ "number", "4094", "4094", NULL },
		{ "number", "-1", NULL, "\"-1\" is not a whole number" },
		{ "number", "18446744073709551615", NULL, "is too large" },
		{ "truth", "true", "true", NULL },
		{ "truth", "yes", NULL, "\"yes\" is neither true nor false" },
		{ "list", "x,y", "x,y", NULL },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		struct sample sample;
		struct err err = ERR_INIT;
		AUTO_STR struct str printed = STR_INIT;
		const struct field *field = field_find(FIELDS, CASES[i].field);
		fields_init(FIELDS, &sample);
		int failed = field_set_text(field, &sample, CASES[i].text, &err);
		field_print(field, &sample, &printed);
		assert_int_equal(failed, CASES[i].printed ? 0 : -1);
		assert_string_equal(str_text(&printed), CASES[i].printed ? CASES[i].printed : "");
		assert_string_equal(err.text, CASES[i].error ? CASES[i].error : "");
		fields_free(FIELDS, &sample);
	}
}

static void fill(struct sample *sample)
{
	static const char *const VALUES[] = {
		"t",  "name", "/p", "tmpfs", "1.2.3.4", "1.2.3.0/24", "52:54:00:00:00:01",
		"1M", "2h",   "7",  "false", "one"
	};
	fields_init(FIELDS, sample);
	for (size_t i = 0; i < COUNT_OF(VALUES); i++)
		assert_int_equal(field_set_text(&FIELDS[i], sample, VALUES[i], NULL), 0);
	assert_int_equal(field_set_text(&FIELDS[11], sample, "two", NULL), 0);
	assert_int_equal(field_set_text(&FIELDS[11], sample, "three", NULL), -1);
}

static void test_fields_copy_json(void **state)
{
	struct sample a;
	struct sample b;
	struct sample c;
	struct err err = ERR_INIT;
	(void)state;
	fill(&a);
	fields_copy(FIELDS, &b, &a);
	json_t *json = fields_to_json(FIELDS, &a);
	fields_init(FIELDS, &c);
	assert_int_equal(fields_from_json(FIELDS, &c, json, &err), 0);
	for (const struct field *field = FIELDS; field->name; field++) {
		assert_true(field_equal(field, &a, &b));
		assert_true(field_equal(field, &a, &c));
	}
	fields_free(FIELDS, &c);
	for (const struct field *field = FIELDS; field->name; field++) {
		assert_false(field_given(field, &c));
		assert_false(field_equal(field, &a, &c));
	}
	fields_fallback(FIELDS, &c);
	assert_true(c.seconds == 90);
	assert_string_equal(c.choice, "ramfs");
	json_object_set_new(json, "colour", json_string("red"));
	fields_free(FIELDS, &c);
	assert_int_equal(fields_from_json(FIELDS, &c, json, &err), -1);
	assert_string_equal(err.text, "there is no field \"colour\"");
	json_decref(json);
	fields_free(FIELDS, &a);
	fields_free(FIELDS, &b);
	fields_free(FIELDS, &c);
}

static void test_fields_json_refuses(void **state)
{
	static const struct {
		const char *json, *error;
	} CASES[] = {
		{ "{\"number\": 5000}", "number: 5000 is not from 1 to 4094" },
		{ "{\"number\": -1}", "number: is not a whole number from 0" },
		{ "{\"number\": \"7\"}", "number: is not a whole number from 0" },
		{ "{\"truth\": 1}", "truth: is neither true nor false" },
		{ "{\"list\": [1]}", "list: has an item that is not text" },
		{ "{\"list\": \"a\"}", "list: is not a list" },
		{ "{\"text\": null}", "text: is not text" },
		{ "[]", "fields are not an object" },
	};
	(void)state;
	for (size_t i = 0; i < COUNT_OF(CASES); i++) {
		struct sample sample;
		struct err err = ERR_INIT;
		json_t *json = json_loads(CASES[i].json, 0, NULL);
		fields_init(FIELDS, &sample);
		assert_int_equal(fields_from_json(FIELDS, &sample, json, &err), -1);
		assert_string_equal(err.text, CASES[i].error);
		fields_free(FIELDS, &sample);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_set),
		cmocka_unit_test(test_fields_copy_json),
		cmocka_unit_test(test_fields_json_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
