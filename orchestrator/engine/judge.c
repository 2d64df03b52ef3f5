/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/judge.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"

const struct kind_node *judge_kind_node(const char *kind, struct err *err)
{
	const struct kind_node *found = kind_node_find(kind);
	if (found == NULL)
		err_set(err, "this moyai-node has no code for the kind %s", kind);
	return found;
}

static void spec_destroy(struct spec *spec)
{
	if (spec == NULL)
		return;
	spec_free(spec);
	free(spec);
}

void step_free(struct step *step)
{
	if (step == NULL)
		return;
	free(step->id);
	if (step->seen != step->have)
		spec_destroy(step->seen);
	spec_destroy(step->have);
	free(step->refused);
	refs_free(&step->needs);
	memset(step, 0, sizeof(*step));
}

/* have stays NULL when nothing is there; seen is never NULL. */
static int observe(struct node *node, const struct kind_spec *kind, const char *id,
		   const struct spec *want, struct step *step, struct err *err)
{
	const struct kind_node *machine = judge_kind_node(kind->name, err);
	if (machine == NULL)
		return -1;
	struct spec *spec = xcalloc(1, sizeof(*spec));
	bool found = false;
	spec->kind = kind;
	spec->id = xstrdup(id);
	spec->body = xcalloc(1, kind->size);
	fields_init(kind->fields, spec->body);
	if (machine->observe(node, id, want, spec, &found, err) != 0) {
		spec_destroy(spec);
		return -1;
	}
	step->seen = spec;
	step->have = found ? spec : NULL;
	return 0;
}

/*
 * Digests travel and may be kept in logs, so a secret in one is an HMAC under
 * a key that stays on the node: the id of this boot. Within one boot it is the
 * same for plan and for apply, and neither has to write anything.
 */
static int secret_hash(const char *label, const char *secret, char hex[HASH_HEX_SIZE],
		       struct err *err)
{
	AUTO_STR struct str boot = STR_INIT;
	AUTO_STR struct str text = STR_INIT;
	uint8_t key[HASH_BYTES];
	uint8_t mac[HASH_BYTES];
	if (file_read("/proc/sys/kernel/random/boot_id", 128, &boot, err) != 0)
		return -1;
	if (hash_hkdf((const uint8_t[HASH_BYTES]){ 0 }, str_text(&boot), key, sizeof(key), err) !=
	    0)
		return -1;
	str_addf(&text, "%s=%s", label, secret);
	if (hash_hmac(key, text.data, text.length, mac, err) != 0)
		return -1;
	hash_hex(mac, sizeof(mac), hex);
	return 0;
}

/* Over the stable fields of what is there, as canonical JSON. */
static int digest_make(const struct spec *have, char hex[HASH_HEX_SIZE], struct err *err)
{
	const struct field *fields = have->kind->fields;
	json_t *json = fields_to_json(fields, have->body);
	int rc = -1;
	char *text = NULL;
	for (const struct field *field = fields; field->name; field++) {
		json_t *value = json_object_get(json, field->name);
		if (value == NULL)
			continue;
		if (field->flags & FIELD_VOLATILE) {
			json_object_del(json, field->name);
		} else if (field->flags & FIELD_SECRET) {
			char hash[HASH_HEX_SIZE];
			AUTO_FREE char *plain =
				json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
			if (secret_hash(field->name, plain ? plain : "", hash, err) != 0)
				goto out;
			json_object_set_new(json, field->name, json_string(hash));
		}
	}
	/* Two resources never share a digest by having the same values. */
	json_object_set_new(json, "", json_pack("[s, s]", have->kind->name, have->id));
	text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	if (text == NULL) {
		err_set(err, "cannot be written as JSON");
		goto out;
	}
	rc = hash_bytes_hex(text, strlen(text), hex, err);
out:
	free(text);
	json_decref(json);
	return rc;
}

/* All reasons are shown, not only the first. */
static void refuse(struct step *step, const char *why)
{
	char *joined = step->refused ? xasprintf("%s; %s", step->refused, why) : xstrdup(why);
	free(step->refused);
	step->refused = joined;
}

static void refuse_field(struct step *step, const struct field *field, const char *rule)
{
	AUTO_STR struct str have = STR_INIT;
	AUTO_STR struct str want = STR_INIT;
	field_print(field, step->have->body, &have);
	field_print(field, step->want->body, &want);
	AUTO_FREE char *why = xasprintf("%s %s: it is %s, wanted %s", field->name, rule,
					have.length ? str_text(&have) : "not set", str_text(&want));
	refuse(step, why);
}

/*
 * A field that has another value, not one that has none yet: that is what a
 * crash in the middle of a creation leaves behind, and completing it changes
 * nothing that was there. Where none is a value it is another one.
 */
static bool has_other_value(const struct step *step, const struct field *field)
{
	return step_field_changes(step, field) &&
	       ((field->flags & FIELD_WHOLE) || field_given(field, step->have->body));
}

static bool shrinks(const struct step *step, const struct field *field)
{
	if (!(field->flags & FIELD_GROW_ONLY))
		return false;
	uint64_t have;
	uint64_t want;
	memcpy(&have, (const char *)step->have->body + field->offset, sizeof(have));
	memcpy(&want, (const char *)step->want->body + field->offset, sizeof(want));
	return want < have;
}

/* create, change, replace, remove, or nothing at all. */
static bool action_find(struct step *step)
{
	if (step->want == NULL || step->have == NULL) {
		step->action = step->want ? STEP_CREATE : STEP_REMOVE;
		return true;
	}
	bool differs = false;
	step->action = STEP_CHANGE;
	for (const struct field *field = step->kind->fields; field->name; field++) {
		if (!step_field_changes(step, field))
			continue;
		differs = true;
		if ((field->flags & FIELD_REPLACEABLE) && has_other_value(step, field))
			step->action = STEP_REPLACE;
	}
	return differs;
}

static void judge_fields(struct step *step)
{
	if (step->want == NULL || step->have == NULL)
		return;
	for (const struct field *field = step->kind->fields; field->name; field++) {
		if (!has_other_value(step, field))
			continue;
		if (field->flags & FIELD_FIXED)
			refuse_field(step, field, "cannot be changed");
		/* What is made anew may be made smaller. */
		else if (step->action != STEP_REPLACE && shrinks(step, field))
			refuse_field(step, field, "can only grow");
	}
}

/* A scope on the command line: NODE, NODE/KIND or NODE/KIND/ID. */
static bool consent_covers(const struct text_list *consent, const char *node, const char *kind,
			   const char *id)
{
	AUTO_FREE char *all_of_kind = xasprintf("%s/%s", node, kind);
	AUTO_FREE char *this_one = xasprintf("%s/%s/%s", node, kind, id);
	return text_list_has(consent, node) || text_list_has(consent, all_of_kind) ||
	       text_list_has(consent, this_one);
}

static void judge_consent(const struct slice *slice, struct step *step)
{
	const char *kind = step->kind->name;
	AUTO_FREE char *name = xasprintf("%s/%s", kind, step->id);
	bool configured =
		text_list_has(&slice->may_lose, name) || text_list_has(&slice->given_up, name);
	bool commanded = consent_covers(&slice->consent, slice->node, kind, step->id);
	if (configured && commanded)
		return;
	AUTO_STR struct str why = STR_INIT;
	str_addf(&why, "would lose the data of %s; to allow it ", name);
	if (!configured)
		str_addf(&why, "write may_lose = [ \"%s\" ] in node %s", name, slice->node);
	if (!configured && !commanded)
		str_add(&why, " and ");
	if (!commanded)
		str_addf(&why, "run with --allow-data-loss=%s/%s", slice->node, name);
	refuse(step, str_text(&why));
}

/*
 * The rules. The kind speaks first and may refine or refuse; what the engine
 * guarantees is enforced after it, so that no kind can take it back.
 */
static void judge_step(const struct slice *slice, struct step *step, bool owned)
{
	struct err why = ERR_INIT;
	if (step->kind->judge && step->kind->judge(step, &why) != 0)
		refuse(step, why.text);
	judge_fields(step);
	bool takes_away = step->action == STEP_REPLACE || step->action == STEP_REMOVE;
	if (takes_away && !owned)
		refuse(step, "it is there without the mark of this site, so it is not removed");
	if (utf8_valid_length(step->id, strlen(step->id)) != strlen(step->id))
		refuse(step, "its name is not UTF-8, so it cannot be spoken of");
	if (takes_away && step->kind->holds_data)
		step->loses_data = true;
	if (step->loses_data)
		judge_consent(slice, step);
}

static int needs_add(struct step *step, const struct spec *spec, struct err *err)
{
	struct refs found = { 0 };
	int rc = 0;
	if (spec == NULL || step->kind->needs == NULL)
		return 0;
	rc = step->kind->needs(spec, &found, err);
	for (size_t i = 0; rc == 0 && i < found.count; i++) {
		const struct ref *ref = &found.items[i];
		bool known = false;
		for (size_t j = 0; j < step->needs.count; j++) {
			const struct ref *other = &step->needs.items[j];
			known = known ||
				(ref->gone == other->gone && text_equal(ref->node, other->node) &&
				 text_equal(ref->kind, other->kind) &&
				 text_equal(ref->id, other->id));
		}
		if (!known)
			refs_copy(&step->needs, ref);
	}
	refs_free(&found);
	return rc;
}

/* An empty spec: list() has the id, observe() finds nothing whole under it. */
static struct spec *spec_of_remains(const struct kind_spec *kind, const char *id)
{
	struct spec *spec = xcalloc(1, sizeof(*spec));
	spec->kind = kind;
	spec->id = xstrdup(id);
	spec->body = xcalloc(1, kind->size);
	fields_init(kind->fields, spec->body);
	return spec;
}

int judge_resource(struct node *node, const struct slice *slice, const struct kind_spec *kind,
		   const char *id, struct spec *want, bool owned, struct judged *out,
		   struct err *err)
{
	struct step step = { .kind = kind, .want = want, .id = xstrdup(id) };
	*out = (struct judged){ 0 };
	if (observe(node, kind, id, want, &step, err) != 0)
		goto fail;
	if (want == NULL && step.have == NULL) {
		if (!owned)
			goto nothing;
		/* Half of a resource, left by a crash, is ours and is removed too. */
		step.have = spec_of_remains(kind, id);
	}
	if (want != NULL && step.have != NULL && kind->warn != NULL)
		out->warning = kind->warn(want, step.have);
	if (!action_find(&step))
		goto nothing;
	memcpy(step.digest, "absent", sizeof("absent"));
	if (step.have && digest_make(step.have, step.digest, err) != 0)
		goto fail;
	if (needs_add(&step, want, err) != 0 || needs_add(&step, step.have, err) != 0)
		goto fail;
	judge_step(slice, &step, owned);
	out->differs = true;
	out->step = step;
	return 0;
nothing:
	step_free(&step);
	return 0;
fail:
	free(out->warning);
	out->warning = NULL;
	step_free(&step);
	return -1;
}
