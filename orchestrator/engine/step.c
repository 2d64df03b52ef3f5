/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a step says about itself. Pure: linked also where nothing is observed. */
#include <string.h>

#include "base/utf8.h"
#include "engine/plan.h"

const char *step_action_text(enum step_action action)
{
	static const char *const TEXTS[] = {
		[STEP_CREATE] = "create",
		[STEP_CHANGE] = "change",
		[STEP_REPLACE] = "replace",
		[STEP_REMOVE] = "remove",
	};
	return (size_t)action < COUNT_OF(TEXTS) ? TEXTS[action] : "?";
}

bool step_field_changes(const struct step *step, const struct field *field)
{
	/* The first field is the id: under it the two were brought together. */
	if ((field->flags & FIELD_VOLATILE) || field == step->kind->fields)
		return false;
	if (step->want == NULL)
		return step->have != NULL && field_given(field, step->have->body);
	bool wanted = field_given(field, step->want->body);
	bool there = step->have != NULL && field_given(field, step->have->body);
	if (!wanted)
		return there && (field->flags & FIELD_WHOLE);
	if (!there)
		return true;
	return !field_equal(field, step->want->body, step->have->body);
}

/* Observed text comes from the machine and need not be UTF-8. */
static json_t *text_json(const char *text)
{
	AUTO_STR struct str visible = STR_INIT;
	utf8_add_visible(&visible, text, strlen(text));
	return json_stringn(str_text(&visible), visible.length);
}

static json_t *value_to_json(const struct field *field, const struct spec *spec)
{
	if (spec == NULL || !field_given(field, spec->body))
		return json_null();
	AUTO_STR struct str text = STR_INIT;
	field_print(field, spec->body, &text);
	return text_json(str_text(&text));
}

static json_t *changes_to_json(const struct step *step)
{
	json_t *changes = json_array();
	for (const struct field *field = step->kind->fields; field->name; field++) {
		if (!step_field_changes(step, field))
			continue;
		json_array_append_new(changes, json_pack("{s:s, s:o, s:o}", "field", field->name,
							 "have", value_to_json(field, step->have),
							 "want", value_to_json(field, step->want)));
	}
	return changes;
}

static json_t *refs_to_json(const struct refs *refs)
{
	json_t *list = json_array();
	for (size_t i = 0; i < refs->count; i++) {
		const struct ref *ref = &refs->items[i];
		json_t *json = json_pack("{s:s?, s:s, s:o}", "node", ref->node, "kind", ref->kind,
					 "id", text_json(ref->id));
		if (ref->gone)
			json_object_set_new(json, "gone", json_true());
		json_array_append_new(list, json);
	}
	return list;
}

json_t *step_to_json(const struct step *step)
{
	return json_pack("{s:s, s:s, s:s, s:o, s:s, s:o, s:b, s:o, s:o}", "event", "step", "do",
			 step_action_text(step->action), "kind", step->kind->name, "id",
			 text_json(step->id), "digest", step->digest, "changes",
			 changes_to_json(step), "loses_data", (int)step->loses_data, "needs",
			 refs_to_json(&step->needs), "refused",
			 step->refused ? text_json(step->refused) : json_null());
}
