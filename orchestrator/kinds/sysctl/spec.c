/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "kinds/sysctl/spec.h"

#include <ctype.h>
#include <string.h>

#include "engine/plan.h"
#include "engine/refer.h"
#include "model/text_check.h"

#define AT(member) offsetof(struct sysctl, member)

enum { NAME_MAX_BYTES = 128 };

static const struct field FIELDS[] = {
	{ "name", FIELD_TEXT, AT(name), FIELD_REQUIRED, 1, NAME_MAX_BYTES, NULL, NULL,
	  "name of the parameter: net.ipv4.ip_forward" },
	{ "value", FIELD_TEXT, AT(value), FIELD_REQUIRED, 1, 256, NULL, NULL,
	  "its value as text: \"1\"" },
	{ "firewall", FIELD_NAME, AT(firewall), FIELD_DERIVED | FIELD_VOLATILE, 0, 0, NULL, NULL,
	  "the firewall that has to stand before it forwards" },
	FIELD_END
};

bool sysctl_name_valid(const char *name)
{
	size_t word = 0;
	bool dotted = false;
	if (strlen(name) > NAME_MAX_BYTES)
		return false;
	for (const char *at = name; *at; at++) {
		if (*at == '.') {
			if (word == 0)
				return false;
			word = 0;
			dotted = true;
		} else if ((isalnum((unsigned char)*at) && (unsigned char)*at < 128) ||
			   *at == '_' || *at == '-') {
			word++;
		} else {
			return false;
		}
	}
	return dotted && word > 0;
}

bool sysctl_value_valid(const char *value)
{
	size_t seen = 0;
	for (const char *at = value; *at; at++) {
		if ((unsigned char)*at == 127 || ((unsigned char)*at < 32 && *at != '\t'))
			return false;
		if (*at != ' ' && *at != '\t')
			seen++;
	}
	return seen > 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n';
}

/* The next word, or NULL at the end. */
static const char *next_word(const char **at, size_t *length)
{
	while (is_blank(**at))
		(*at)++;
	const char *start = *at;
	while (**at && !is_blank(**at))
		(*at)++;
	*length = (size_t)(*at - start);
	return *length ? start : NULL;
}

bool sysctl_value_equal(const char *a, const char *b)
{
	for (;;) {
		size_t length_a;
		size_t length_b;
		const char *word_a = next_word(&a, &length_a);
		const char *word_b = next_word(&b, &length_b);
		if (word_a == NULL || word_b == NULL)
			return word_a == word_b;
		if (length_a != length_b || memcmp(word_a, word_b, length_a) != 0)
			return false;
	}
}

static void check(const struct site *site, const struct site_node *node, const struct spec *want,
		  struct mistakes *mistakes)
{
	const struct sysctl *sysctl = want->body;
	(void)site;
	(void)node;
	if (sysctl->name != NULL && !sysctl_name_valid(sysctl->name))
		mistake_add(mistakes, place_of(want->place, "name"),
			    "sysctl \"%s\": not a name of a kernel parameter; write it with dots, "
			    "like net.ipv4.ip_forward",
			    sysctl->name);
	if (sysctl->value != NULL && !sysctl_value_valid(sysctl->value))
		mistake_add(mistakes, place_of(want->place, "value"),
			    "sysctl %s: value: empty or with a line break or control character; "
			    "a value is one line",
			    sysctl->name ? sysctl->name : "");
}

static void take_name(const struct spec *firewall, void *context)
{
	char **name = context;
	if (*name == NULL)
		*name = xstrdup(firewall->id);
}

/* What is not to forward waits for nothing. */
static int derive(const struct derive *from, struct spec *want, struct err *err)
{
	struct sysctl *sysctl = want->body;
	(void)err;
	if (text_is_forwarding(sysctl->name) && !sysctl_value_equal(sysctl->value, "0"))
		refer_each(from->node, "firewall", take_name, &sysctl->firewall);
	return 0;
}

static int needs(const struct spec *spec, struct refs *out, struct err *err)
{
	const struct sysctl *sysctl = spec->body;
	(void)err;
	if (sysctl->firewall != NULL)
		refs_add(out, NULL, "firewall", sysctl->firewall);
	return 0;
}

const struct kind_spec sysctl_spec = {
	.name = "sysctl",
	.section = "sysctls",
	.doc = "a kernel parameter; removing the declaration leaves the value as it is, and ends "
	       "forwarding",
	.example = "{ name = \"net.ipv4.ip_forward\"; value = \"1\"; }",
	.size = sizeof(struct sysctl),
	.fields = FIELDS,
	.check = check,
	.derive = derive,
	.needs = needs,
};
