/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/field.h"

#include <stdlib.h>
#include <string.h>

#include "base/size.h"

static void *at(const struct field *field, void *object)
{
	return (char *)object + field->offset;
}

static const void *at_const(const struct field *field, const void *object)
{
	return (const char *)object + field->offset;
}

static bool is_text(const struct field *field)
{
	return field->type <= FIELD_MAC;
}

static bool is_number(const struct field *field)
{
	return field->type == FIELD_BYTES || field->type == FIELD_SECONDS ||
	       field->type == FIELD_NUMBER;
}

static void clear(const struct field *field, void *object)
{
	if (is_text(field))
		*(char **)at(field, object) = NULL;
	else if (is_number(field))
		*(uint64_t *)at(field, object) = FIELD_UNSET;
	else if (field->type == FIELD_BOOL)
		*(int *)at(field, object) = -1;
	else
		*(struct text_list *)at(field, object) = (struct text_list)TEXT_LIST_INIT;
}

void fields_init(const struct field *fields, void *object)
{
	for (const struct field *field = fields; field->name; field++)
		clear(field, object);
}

void fields_fallback(const struct field *fields, void *object)
{
	for (const struct field *field = fields; field->name; field++) {
		if (field->fallback == NULL || field_given(field, object))
			continue;
		/* A fallback that its own limits refuse is a mistake of the program. */
		if (field_set_text(field, object, field->fallback, NULL) != 0)
			abort();
	}
}

void fields_free(const struct field *fields, void *object)
{
	for (const struct field *field = fields; field->name; field++) {
		if (is_text(field))
			free(*(char **)at(field, object));
		else if (field->type == FIELD_LIST)
			text_list_free(at(field, object));
		clear(field, object);
	}
}

void fields_copy(const struct field *fields, void *to, const void *from)
{
	for (const struct field *field = fields; field->name; field++) {
		if (is_text(field)) {
			*(char **)at(field, to) = xstrdup(*(char *const *)at_const(field, from));
		} else if (field->type == FIELD_LIST) {
			*(struct text_list *)at(field, to) = (struct text_list)TEXT_LIST_INIT;
			text_list_copy(at(field, to), at_const(field, from));
		} else if (field->type == FIELD_BOOL) {
			*(int *)at(field, to) = *(const int *)at_const(field, from);
		} else {
			*(uint64_t *)at(field, to) = *(const uint64_t *)at_const(field, from);
		}
	}
}

bool field_given(const struct field *field, const void *object)
{
	if (is_text(field))
		return *(char *const *)at_const(field, object) != NULL;
	if (is_number(field))
		return *(const uint64_t *)at_const(field, object) != FIELD_UNSET;
	if (field->type == FIELD_BOOL)
		return *(const int *)at_const(field, object) != -1;
	return ((const struct text_list *)at_const(field, object))->count > 0;
}

const struct field *field_find(const struct field *fields, const char *name)
{
	for (const struct field *field = fields; field->name; field++)
		if (strcmp(field->name, name) == 0)
			return field;
	return NULL;
}

void field_print(const struct field *field, const void *object, struct str *out)
{
	if (!field_given(field, object))
		return;
	if (field->flags & FIELD_SECRET) {
		str_add(out, "(secret)");
		return;
	}
	if (is_text(field)) {
		str_add(out, *(char *const *)at_const(field, object));
		return;
	}
	if (field->type == FIELD_LIST) {
		const struct text_list *list = at_const(field, object);
		for (size_t i = 0; i < list->count; i++)
			str_addf(out, "%s%s", i ? ", " : "", list->items[i]);
		return;
	}
	if (field->type == FIELD_BOOL) {
		str_add(out, *(const int *)at_const(field, object) ? "true" : "false");
		return;
	}
	uint64_t number = *(const uint64_t *)at_const(field, object);
	if (field->type == FIELD_BYTES)
		size_print(number, out);
	else if (field->type == FIELD_SECONDS)
		duration_print(number, out);
	else
		str_addf(out, "%llu", (unsigned long long)number);
}

bool field_equal(const struct field *field, const void *a, const void *b)
{
	if (is_text(field))
		return text_equal(*(char *const *)at_const(field, a),
				  *(char *const *)at_const(field, b));
	if (is_number(field))
		return *(const uint64_t *)at_const(field, a) ==
		       *(const uint64_t *)at_const(field, b);
	if (field->type == FIELD_BOOL)
		return *(const int *)at_const(field, a) == *(const int *)at_const(field, b);
	return text_list_equal(at_const(field, a), at_const(field, b));
}
