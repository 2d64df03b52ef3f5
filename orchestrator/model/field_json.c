/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "model/field.h"

static json_t *value_to_json(const struct field *field, const void *object)
{
	const void *at = (const char *)object + field->offset;
	if (field->type == FIELD_LIST) {
		const struct text_list *list = at;
		json_t *array = json_array();
		for (size_t i = 0; i < list->count; i++)
			json_array_append_new(array, json_string(list->items[i]));
		return array;
	}
	if (field->type == FIELD_BOOL)
		return json_boolean(*(const int *)at);
	if (field->type > FIELD_MAC)
		return json_integer((json_int_t) * (const uint64_t *)at);
	return json_string(*(char *const *)at);
}

json_t *fields_to_json(const struct field *fields, const void *object)
{
	json_t *json = json_object();
	for (const struct field *field = fields; field->name; field++)
		if (field_given(field, object))
			json_object_set_new(json, field->name, value_to_json(field, object));
	return json;
}

static int set_list(const struct field *field, void *object, const json_t *value, struct err *err)
{
	size_t index;
	const json_t *item;
	if (!json_is_array(value))
		return err_set(err, "is not a list");
	json_array_foreach(value, index, item)
	{
		if (!json_is_string(item))
			return err_set(err, "has an item that is not text");
		if (field_set_text(field, object, json_string_value(item), err) != 0)
			return -1;
	}
	return 0;
}

static int set_number(const struct field *field, void *object, const json_t *value, struct err *err)
{
	json_int_t number = json_integer_value(value);
	if (!json_is_integer(value) || number < 0)
		return err_set(err, "is not a whole number from 0");
	if ((field->min || field->max) &&
	    ((uint64_t)number < field->min || (uint64_t)number > field->max))
		return err_set(err, "%lld is not from %llu to %llu", (long long)number,
			       (unsigned long long)field->min, (unsigned long long)field->max);
	*(uint64_t *)(void *)((char *)object + field->offset) = (uint64_t)number;
	return 0;
}

static int set_value(const struct field *field, void *object, const json_t *value, struct err *err)
{
	if (field->type == FIELD_LIST)
		return set_list(field, object, value, err);
	if (field->type == FIELD_BOOL) {
		if (!json_is_boolean(value))
			return err_set(err, "is neither true nor false");
		*(int *)(void *)((char *)object + field->offset) = json_is_true(value);
		return 0;
	}
	if (field->type > FIELD_MAC)
		return set_number(field, object, value, err);
	if (!json_is_string(value))
		return err_set(err, "is not text");
	return field_set_text(field, object, json_string_value(value), err);
}

int fields_from_json(const struct field *fields, void *object, const json_t *json, struct err *err)
{
	const char *name;
	json_t *value;
	if (!json_is_object(json))
		return err_set(err, "fields are not an object");
	json_object_foreach((json_t *)json, name, value)
	{
		const struct field *field = field_find(fields, name);
		if (field == NULL)
			return err_set(err, "there is no field \"%s\"", name);
		if (set_value(field, object, value, err) != 0)
			return err_context(err, "%s", name);
	}
	return 0;
}
