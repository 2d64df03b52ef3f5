/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/read.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/guard.h"
#include "model/near.h"
#include "model/text_check.h"

/* Names of one section are compared with each other. */
enum { SECTION_LIMIT = 4096 };

struct place read_place(struct reader *reader, const config_setting_t *setting)
{
	struct place place = { .file = reader->file, .line = config_setting_source_line(setting) };
	const char *raw = config_setting_source_file(setting);
	if (raw == NULL)
		return place;
	if (raw != reader->seen) {
		size_t length = strlen(reader->dir);
		bool inside = strncmp(raw, reader->dir, length) == 0 && raw[length] == '/';
		reader->included = guard_file(reader->site, inside ? raw + length + 1 : raw);
		reader->seen = raw;
	}
	place.file = reader->included;
	return place;
}

static void add_value_place(struct value_place **values, size_t *count, const char *key,
			    unsigned item, struct place place)
{
	if ((*count & (*count - 1)) == 0)
		*values = xrealloc(*values, *count ? *count * 2 : 1, sizeof(**values));
	(*values)[(*count)++] = (struct value_place){ key, item, place.file, place.line };
}

struct place read_places(struct reader *reader, const config_setting_t *group,
			 const struct field *fields)
{
	struct place place = read_place(reader, group);
	struct site *site = reader->site;
	struct value_place *values = NULL;
	size_t count = 0;
	for (const struct field *field = fields; field->name; field++) {
		const config_setting_t *member = config_setting_get_member(group, field->name);
		if (member == NULL)
			continue;
		struct place at = read_place(reader, member);
		/* What is where its group or its list is needs no entry. */
		if (!place_same(at, place))
			add_value_place(&values, &count, field->name, 0, at);
		for (int i = 0; field->type == FIELD_LIST && i < config_setting_length(member);
		     i++) {
			struct place of_item =
				read_place(reader, config_setting_get_elem(member, (unsigned)i));
			if (!place_same(of_item, at))
				add_value_place(&values, &count, field->name, (unsigned)i + 1,
						of_item);
		}
	}
	if (count == 0)
		return place;
	add_value_place(&values, &count, NULL, 0, place);
	if ((site->value_place_count & (site->value_place_count - 1)) == 0)
		site->value_places =
			xrealloc(site->value_places,
				 site->value_place_count ? site->value_place_count * 2 : 1,
				 sizeof(*site->value_places));
	site->value_places[site->value_place_count++] = values;
	place.values = values;
	return place;
}

static void add_parse_error(struct reader *reader, const config_t *config)
{
	const char *text = config_error_text(config);
	const char *raw = config_error_file(config);
	struct place place = { .file = reader->file, .line = (unsigned)config_error_line(config) };
	size_t length = strlen(reader->dir);
	if (raw != NULL && strncmp(raw, reader->dir, length) == 0 && raw[length] == '/')
		place.file = guard_file(reader->site, raw + length + 1);
	if (text != NULL && strcmp(text, "duplicate setting name") == 0)
		mistake_add(reader->mistakes, place,
			    "this key is there already in the same group; keep one of the two");
	else if (text != NULL && strcmp(text, "mismatched element type in array") == 0)
		mistake_add(reader->mistakes, place,
			    "the values between [ and ] are of different types; write all of "
			    "them in quotes");
	else
		mistake_add(reader->mistakes, place,
			    "%s; look for a missing \";\", quote or bracket here or just before",
			    text ? text : "syntax error");
}

bool read_config(struct reader *reader, const char *name, const char *text, size_t length,
		 config_t *config)
{
	struct guard guard = { .dir = reader->dir,
			       .site = reader->site,
			       .mistakes = reader->mistakes };
	AUTO_STR struct str read = STR_INIT;
	reader->file = guard_file(reader->site, name);
	reader->seen = NULL;
	config_init(config);
	if (text == NULL) {
		if (!guard_read(&guard, name, (struct place){ 0 }, &read))
			return false;
		text = str_text(&read);
		length = read.length;
	}
	/* Terminated, and with a NUL byte inside still whole for the guard. */
	AUTO_STR struct str copy = STR_INIT;
	str_add_bytes(&copy, text, length);
	bool fine = guard_text(&guard, name, str_text(&copy), length, 0);
	text_list_free(&guard.open);
	if (!fine)
		return false;
	config_set_include_dir(config, reader->dir);
	if (config_read_string(config, str_text(&copy)) != CONFIG_TRUE) {
		add_parse_error(reader, config);
		return false;
	}
	return true;
}

static const char *type_text(const config_setting_t *setting)
{
	switch (config_setting_type(setting)) {
	case CONFIG_TYPE_GROUP:
		return "a group";
	case CONFIG_TYPE_LIST:
	case CONFIG_TYPE_ARRAY:
		return "a list";
	case CONFIG_TYPE_STRING:
		return "text";
	case CONFIG_TYPE_BOOL:
		return "true or false";
	case CONFIG_TYPE_FLOAT:
		return "a number with a fraction";
	default:
		return "a number";
	}
}

/* A value as it could be written, for messages. */
static char *sample(const struct field *field)
{
	static const char *const SAMPLES[] = {
		[FIELD_TEXT] = "\"…\"",
		[FIELD_NAME] = "\"name\"",
		[FIELD_PATH] = "\"/path\"",
		[FIELD_CHOICE] = "",
		[FIELD_ADDRESS] = "\"10.0.20.5\"",
		[FIELD_CIDR] = "\"10.0.20.0/24\"",
		[FIELD_IP] = "\"10.0.20.5\"",
		[FIELD_SUBNET] = "\"10.0.20.0/24\"",
		[FIELD_MAC] = "\"52:54:00:00:00:01\"",
		[FIELD_BYTES] = "\"512M\"",
		[FIELD_SECONDS] = "\"90s\"",
		[FIELD_BOOL] = "true",
		[FIELD_LIST] = "[ \"…\", \"…\" ]",
	};
	if (field->type == FIELD_CHOICE)
		return xasprintf("\"%.*s\"", (int)strcspn(field->choices, " "), field->choices);
	if (field->type == FIELD_NUMBER)
		return xasprintf("%llu", field->min ? (unsigned long long)field->min : 1ULL);
	return xstrdup(SAMPLES[field->type]);
}

static int wrong_type(const struct field *field, const config_setting_t *setting, struct err *err)
{
	AUTO_FREE char *like = sample(field);
	return err_set(err, "is %s; write it like %s = %s", type_text(setting), field->name, like);
}

static int set_list(const struct field *field, void *object, const config_setting_t *setting,
		    struct err *err)
{
	int count = config_setting_length(setting);
	if (!config_setting_is_array(setting) && !config_setting_is_list(setting))
		return wrong_type(field, setting, err);
	for (int i = 0; i < count; i++) {
		const config_setting_t *item = config_setting_get_elem(setting, (unsigned)i);
		if (config_setting_type(item) != CONFIG_TYPE_STRING)
			return err_set(err, "item %d is %s; write it in quotes", i + 1,
				       type_text(item));
		if (field_set_text(field, object, config_setting_get_string(item), err) != 0)
			return err_context(err, "item %d", i + 1);
	}
	if (field->min > (uint64_t)count)
		return err_set(err, "has %d items; at least %llu", count,
			       (unsigned long long)field->min);
	return 0;
}

static int set_scalar(const struct field *field, void *object, const config_setting_t *setting,
		      struct err *err)
{
	int type = config_setting_type(setting);
	bool integer = type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64;
	if (field->type == FIELD_BOOL) {
		if (type != CONFIG_TYPE_BOOL)
			return wrong_type(field, setting, err);
		return field_set_text(field, object,
				      config_setting_get_bool(setting) ? "true" : "false", err);
	}
	if (field->type == FIELD_NUMBER || (field->type == FIELD_BYTES && integer)) {
		if (!integer)
			return wrong_type(field, setting, err);
		long long value = config_setting_get_int64(setting);
		if (value < 0)
			return err_set(err, "%lld is negative; at least %llu", value,
				       (unsigned long long)field->min);
		AUTO_FREE char *text = xasprintf("%lld", value);
		return field_set_text(field, object, text, err);
	}
	if (type != CONFIG_TYPE_STRING)
		return wrong_type(field, setting, err);
	return field_set_text(field, object, config_setting_get_string(setting), err);
}

static void add_unknown(struct reader *reader, const config_setting_t *member,
			const struct field *fields, const char *what, const struct read_more *more)
{
	const char *name = config_setting_name(member);
	AUTO_LIST struct text_list known = TEXT_LIST_INIT;
	AUTO_STR struct str hint = STR_INIT;
	for (const struct field *field = fields; field->name; field++)
		if (!(field->flags & FIELD_DERIVED))
			text_list_add(&known, field->name);
	for (const char *at = more ? more->names : ""; *at; at += strspn(at, " ")) {
		size_t length = strcspn(at, " ");
		text_list_take(&known, xstrndup(at, length));
		at += length;
	}
	for (size_t i = 0; more && more->sections && KIND_SPECS[i]; i++)
		if (!KIND_SPECS[i]->expanded)
			text_list_add(&known, KIND_SPECS[i]->section);
	near_add(name, &known, &hint);
	if (hint.length == 0) {
		str_add(&hint, "; known keys:");
		for (size_t i = 0; i < known.count; i++)
			str_addf(&hint, "%s %s", i ? "," : "", known.items[i]);
	}
	mistake_add(reader->mistakes, read_place(reader, member), "%s%sunknown key \"%s\"%s", what,
		    *what ? ": " : "", name, str_text(&hint));
}

static void add_missing(struct reader *reader, const config_setting_t *group,
			const struct field *fields, const void *object, const char *what)
{
	for (const struct field *field = fields; field->name; field++) {
		if (!(field->flags & FIELD_REQUIRED) || field_given(field, object) ||
		    config_setting_get_member(group, field->name) != NULL)
			continue;
		AUTO_FREE char *like = sample(field);
		mistake_add(reader->mistakes, read_place(reader, group),
			    "%s%s%s is missing; write %s = %s, %s", what, *what ? ": " : "",
			    field->name, field->name, like, field->doc);
	}
}

/* What was written wrong stays "not given": its fallback would lead to mistakes
   that nobody made. */
static void add_fallbacks(const config_setting_t *group, const struct field *fields, void *object)
{
	for (const struct field *field = fields; field->name; field++)
		if (field->fallback != NULL && !field_given(field, object) &&
		    config_setting_get_member(group, field->name) == NULL &&
		    field_set_text(field, object, field->fallback, NULL) != 0)
			abort(); /* a mistake of the program */
}

static void read_member(struct reader *reader, const config_setting_t *member,
			const struct field *fields, void *object, const char *what,
			const struct read_more *more)
{
	struct err err = ERR_INIT;
	const char *name = config_setting_name(member);
	const struct field *field = field_find(fields, name);
	int failed;
	if (field == NULL) {
		if (more == NULL || !more->key(reader, member, more->context))
			add_unknown(reader, member, fields, what, more);
		return;
	}
	if (field->flags & FIELD_DERIVED)
		failed = err_set(&err, "is found out by Moyai itself; leave it out");
	else if (field->type == FIELD_LIST)
		failed = set_list(field, object, member, &err);
	else
		failed = set_scalar(field, object, member, &err);
	if (failed != 0)
		mistake_add(reader->mistakes, read_place(reader, member), "%s%s%s: %s", what,
			    *what ? ": " : "", name, err.text);
}

size_t read_group(struct reader *reader, const config_setting_t *group, const struct field *fields,
		  void *object, const char *what, const struct read_more *more)
{
	size_t before = reader->mistakes->count;
	int count = config_setting_length(group);
	for (int i = 0; i < count; i++)
		read_member(reader, config_setting_get_elem(group, (unsigned)i), fields, object,
			    what, more);
	add_missing(reader, group, fields, object, what);
	add_fallbacks(group, fields, object);
	return reader->mistakes->count - before;
}

const struct read_rule READ_CONSOLE = { "console", text_is_console,
					"device and speed, like \"ttyS0,115200\"" };
const struct read_rule READ_ROOT = { "root", text_is_serial,
				     "the serial number of a disk, like \"S3Z1NB0K\"" };
const struct read_rule READ_FIRMWARE = {
	"firmware", text_is_package, "the name of a Debian package, like \"firmware-linux-free\""
};

static void check_text(struct reader *reader, const config_setting_t *setting,
		       const struct read_rule *rule, const char *what)
{
	const char *text = config_setting_get_string(setting);
	if (text == NULL || rule->is_valid(text))
		return;
	reader->in_values++;
	mistake_add(reader->mistakes, read_place(reader, setting),
		    "%s%s%s: \"%.80s\" is not valid; write %s", what, *what ? ": " : "", rule->key,
		    text, rule->right);
}

void read_check(struct reader *reader, const config_setting_t *group, const struct read_rule *rule,
		const char *what)
{
	const config_setting_t *member = config_setting_get_member(group, rule->key);
	if (member == NULL)
		return;
	check_text(reader, member, rule, what);
	for (int i = 0; i < config_setting_length(member); i++)
		check_text(reader, config_setting_get_elem(member, (unsigned)i), rule, what);
}

bool read_is_list(struct reader *reader, const config_setting_t *setting, const char *what)
{
	bool is = config_setting_is_list(setting) ||
		  (config_setting_is_array(setting) && config_setting_length(setting) == 0);
	if (!is)
		mistake_add(reader->mistakes, read_place(reader, setting),
			    "%s: is %s; write it like ( { … }, { … } )", what,
			    config_setting_is_array(setting) ? "a list in [ ]"
							     : type_text(setting));
	return is;
}

bool read_is_group(struct reader *reader, const config_setting_t *setting, const char *what)
{
	bool is = config_setting_is_group(setting);
	if (!is)
		mistake_add(reader->mistakes, read_place(reader, setting),
			    "%s: is %s; write it like { … }", what, type_text(setting));
	return is;
}

char *read_what(const config_setting_t *group, const char *kind, unsigned index)
{
	const char *name;
	if (config_setting_is_group(group) &&
	    config_setting_lookup_string(group, "name", &name) == CONFIG_TRUE)
		return xasprintf("%s \"%.64s\"", kind, name);
	return xasprintf("%s %u", kind, index + 1);
}

const struct kind_spec *read_section(const char *key)
{
	for (const struct kind_spec *const *kind = KIND_SPECS; *kind; kind++)
		if (!(*kind)->expanded && strcmp((*kind)->section, key) == 0)
			return *kind;
	return NULL;
}

static void read_resource(struct reader *reader, const config_setting_t *group,
			  const struct kind_spec *kind, unsigned index, struct spec_list *wants)
{
	AUTO_FREE char *what = read_what(group, kind->name, index);
	if (!read_is_group(reader, group, what))
		return;
	struct spec *spec = spec_list_add(wants, kind, NULL);
	spec->place = read_places(reader, group, kind->fields);
	spec->broken = read_group(reader, group, kind->fields, spec->body, what, NULL) > 0;
	AUTO_FREE char *id = spec_make_id(spec);
	if (id == NULL) {
		spec_free(spec); /* nothing can refer to it, and its mistake was added */
		wants->count--;
		return;
	}
	const struct spec *twin = spec_list_find(wants, kind->name, id);
	spec->id = xstrdup(id);
	if (twin == NULL)
		return;
	const char *name = kind->fields[0].name;
	mistake_add(reader->mistakes, place_of(spec->place, name),
		    "%s is there already (line %u); rename one", what,
		    place_of(twin->place, name).line);
	spec->broken = true;
}

void read_resources(struct reader *reader, const config_setting_t *section,
		    const struct kind_spec *kind, struct spec_list *wants)
{
	if (!read_is_list(reader, section, kind->section))
		return;
	int count = config_setting_length(section);
	if (count > SECTION_LIMIT) {
		mistake_add(reader->mistakes, read_place(reader, section),
			    "%s: has %d items; at most %d", kind->section, count, SECTION_LIMIT);
		return;
	}
	for (int i = 0; i < count; i++)
		read_resource(reader, config_setting_get_elem(section, (unsigned)i), kind,
			      (unsigned)i, wants);
}
