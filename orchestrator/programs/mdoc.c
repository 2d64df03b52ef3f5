/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/mdoc.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The character that begins at *at, which is moved behind it. Our own texts are UTF-8. */
static uint32_t next_character(const char **at)
{
	const unsigned char *byte = (const unsigned char *)*at;
	int more = *byte >= 0xF0 ? 3 : *byte >= 0xE0 ? 2 : *byte >= 0xC0 ? 1 : 0;
	uint32_t code = more ? *byte & (0x3FU >> more) : *byte;
	for (int i = 1; i <= more && byte[i]; i++)
		code = code << 6 | (byte[i] & 0x3FU);
	*at += 1 + more;
	return code;
}

static void add_escaped(struct str *out, const char *text, const char *end)
{
	while (text < end) {
		uint32_t code = next_character(&text);
		if (code == '\\')
			str_add(out, "\\e");
		else if (code == '-')
			str_add(out, "\\-");
		else if (code == '"')
			str_add(out, "\\(dq");
		else if (code == '\'')
			str_add(out, "\\(aq");
		else if (code == '`')
			str_add(out, "\\(ga");
		else if (code == '^')
			str_add(out, "\\(ha");
		else if (code == '~')
			str_add(out, "\\(ti");
		else if (code > 126)
			str_addf(out, "\\[u%04X]", code);
		else
			str_addf(out, "%c", (char)code);
	}
}

/* Up to end; a dot at the beginning would be a request. */
static void add_line(struct str *out, const char *text, const char *end)
{
	if (text < end && *text == '.')
		str_add(out, "\\&");
	add_escaped(out, text, end);
	str_add(out, "\n");
}

/* Formatters set the space between sentences by the ends of lines. */
static void add_sentences(struct str *out, const char *text, const char *end)
{
	for (const char *at = text; at + 1 < end; at++) {
		if (!strchr(".?!", at[0]) || at[1] != ' ')
			continue;
		add_line(out, text, at + 1);
		text = at + 2;
	}
	add_line(out, text, end);
}

void mdoc_text(struct str *out, const char *text)
{
	add_sentences(out, text, text + strlen(text));
}

void mdoc_macro(struct str *out, const char *macro, const char *argument)
{
	/* Behind a macro the names of macros, and lone punctuation, are called too. */
	str_addf(out, ".%s %s", macro, strlen(argument) <= 3 ? "\\&" : "");
	add_escaped(out, argument, argument + strlen(argument));
	str_add(out, "\n");
}

void mdoc_head(struct str *out, const char *name, int section, const char *doc)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	time_t when = epoch ? (time_t)strtoll(epoch, NULL, 10) : time(NULL);
	char month[16] = "";
	struct tm tm = { 0 };
	gmtime_r(&when, &tm);
	strftime(month, sizeof(month), "%B", &tm);
	str_addf(out,
		 ".\\\" Made by moyai manual from its tables; do not edit.\n"
		 ".Dd %s %d, %d\n.Dt ",
		 month, tm.tm_mday, tm.tm_year + 1900);
	for (const char *at = name; *at; at++)
		str_addf(out, "%c", *at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
	str_addf(out, " %d\n.Os Moyai\n.Sh NAME\n.Nm %s\n", section, name);
	mdoc_macro(out, "Nd", doc);
}

void mdoc_doc(struct str *out, const char *doc)
{
	bool literal = false;
	for (const char *line = doc; *line;) {
		const char *end = strchrnul(line, '\n');
		const char *next = *end ? end + 1 : end;
		bool indented = text_starts(line, "  ");
		if (indented && !literal)
			str_add(out, ".Bd -literal -offset indent\n");
		if (!indented && literal)
			str_add(out, ".Ed\n");
		/* Behind a display that ends the text no paragraph may stand. */
		if (line == end && !text_starts(next, "  "))
			str_add(out, ".Pp\n");
		else if (indented)
			add_line(out, line + 2, end);
		else if (line != end)
			add_sentences(out, line, end);
		literal = indented;
		line = next;
	}
	if (literal)
		str_add(out, ".Ed\n");
}
