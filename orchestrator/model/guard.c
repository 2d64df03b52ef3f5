/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/guard.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/size.h"
#include "base/utf8.h"

enum { INCLUDE_DEPTH = 10, GROUP_LIMIT = 4096 };

const char *guard_file(struct site *site, const char *name)
{
	for (size_t i = site->files.count; i > 0; i--)
		if (strcmp(site->files.items[i - 1], name) == 0)
			return site->files.items[i - 1];
	text_list_add(&site->files, name);
	return site->files.items[site->files.count - 1];
}

static bool too_big(struct guard *guard, struct place place, size_t bytes)
{
	if (bytes <= GUARD_FILE_BYTES)
		return false;
	AUTO_STR struct str size = STR_INIT;
	size_print_short(bytes, &size);
	mistake_add(guard->mistakes, place, "is %s; at most 32M", str_text(&size));
	return true;
}

bool guard_read(struct guard *guard, const char *name, struct place from, struct str *text)
{
	AUTO_FREE char *path =
		name[0] == '/' ? xstrdup(name) : xasprintf("%s/%s", guard->dir, name);
	struct place itself = { .file = guard_file(guard->site, name) };
	struct stat about;
	struct err err = ERR_INIT;
	if (stat(path, &about) != 0) {
		mistake_add(guard->mistakes, from.file ? from : itself, "%s%scannot be read: %s",
			    from.file ? name : "", from.file ? " " : "", strerror(errno));
		return false;
	}
	if (!S_ISREG(about.st_mode)) {
		mistake_add(guard->mistakes, from.file ? from : itself, "%s%sis not a file",
			    from.file ? name : "", from.file ? " " : "");
		return false;
	}
	if (too_big(guard, itself, (size_t)about.st_size))
		return false;
	if (file_read(path, GUARD_FILE_BYTES, text, &err) != 0) {
		mistake_add(guard->mistakes, from.file ? from : itself, "%s", err.text);
		return false;
	}
	return true;
}

static unsigned line_of(const char *text, size_t offset)
{
	unsigned line = 1;
	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static bool check_bytes(struct guard *guard, const char *file, const char *text, size_t length)
{
	const char *nul = memchr(text, '\0', length);
	size_t valid = utf8_valid_length(text, length);
	if (text_starts(text, "\xef\xbb\xbf")) {
		struct place place = { .file = file, .line = 1 };
		mistake_add(guard->mistakes, place,
			    "begins with a byte order mark; save the file as UTF-8 without one");
		return false;
	}
	if (nul != NULL && (size_t)(nul - text) <= valid) {
		struct place place = { .file = file, .line = line_of(text, (size_t)(nul - text)) };
		mistake_add(guard->mistakes, place, "has a NUL byte; a configuration is text");
		return false;
	}
	if (valid != length) {
		struct place place = { .file = file, .line = line_of(text, valid) };
		mistake_add(guard->mistakes, place,
			    "the byte 0x%02x is not UTF-8; save the file as UTF-8",
			    (unsigned char)text[valid]);
		return false;
	}
	return true;
}

/* Where the scan of one text stands. */
struct scan {
	struct guard *guard;
	const char *file;
	const char *at;
	unsigned line;
	unsigned depth;
	unsigned keys[GUARD_DEPTH + 2];
};

static bool scan_fails(struct scan *scan, unsigned line, const char *why)
{
	struct place place = { .file = scan->file, .line = line };
	mistake_add(scan->guard->mistakes, place, "%s", why);
	return false;
}

static bool scan_string(struct scan *scan)
{
	unsigned begin = scan->line;
	for (scan->at++; *scan->at != '"'; scan->at++) {
		if (*scan->at == '\\' && strncmp(scan->at, "\\x00", 4) == 0)
			return scan_fails(scan, scan->line,
					  "\\x00 in a string; a configuration is text");
		if (*scan->at == '\\' && scan->at[1] != '\0')
			scan->at++;
		if (*scan->at == '\n')
			scan->line++;
		if (*scan->at == '\0')
			return scan_fails(scan, begin,
					  "the string that begins here has no end; close it with "
					  "\"");
	}
	scan->at++;
	return true;
}

static bool scan_comment(struct scan *scan)
{
	unsigned begin = scan->line;
	for (scan->at += 2; !text_starts(scan->at, "*/"); scan->at++) {
		if (*scan->at == '\n')
			scan->line++;
		if (*scan->at == '\0')
			return scan_fails(scan, begin,
					  "the comment that begins here has no end; close it with "
					  "*/");
	}
	scan->at += 2;
	return true;
}

static bool include_allowed(struct scan *scan, const char *name, struct place place)
{
	struct guard *guard = scan->guard;
	bool plain = name[0] != '\0' && name[0] != '/' && strchr(name, '\\') == NULL &&
		     strcmp(name, "..") != 0 && !text_starts(name, "../") &&
		     strstr(name, "/../") == NULL && !text_ends(name, "/..");
	for (const char *at = name; *at; at++)
		plain = plain && (unsigned char)*at >= 32;
	if (!plain) {
		mistake_add(guard->mistakes, place,
			    "@include \"%s\": write a path inside the site directory, like "
			    "\"networks.cfg\"",
			    name);
		return false;
	}
	if (text_list_has(&guard->open, name)) {
		AUTO_STR struct str chain = STR_INIT;
		for (size_t i = 0; i < guard->open.count; i++)
			str_addf(&chain, "%s → ", guard->open.items[i]);
		mistake_add(guard->mistakes, place,
			    "@include goes in a circle: %s%s; take this line out", str_text(&chain),
			    name);
		return false;
	}
	if (guard->open.count > INCLUDE_DEPTH) {
		mistake_add(guard->mistakes, place,
			    "@include \"%s\": nested deeper than %d files; include it from an "
			    "outer one",
			    name, INCLUDE_DEPTH);
		return false;
	}
	if (++guard->includes > GUARD_INCLUDES) {
		mistake_add(guard->mistakes, place,
			    "@include \"%s\": more than %d files are included; join some", name,
			    GUARD_INCLUDES);
		return false;
	}
	return true;
}

/* Whether the line that begins here is an @include, as libconfig recognises it. */
static const char *include_name(const char *at, size_t *length)
{
	at += strspn(at, " \t");
	if (!text_starts(at, "@include"))
		return NULL;
	at += strlen("@include");
	size_t blanks = strspn(at, " \t");
	if (blanks == 0 || at[blanks] != '"')
		return NULL;
	at += blanks + 1;
	*length = strcspn(at, "\"\n");
	return at[*length] == '"' ? at : NULL;
}

static bool scan_include(struct scan *scan, const char *begin, size_t length)
{
	AUTO_FREE char *name = xstrndup(begin, length);
	AUTO_STR struct str text = STR_INIT;
	struct place place = { .file = scan->file, .line = scan->line };
	if (!include_allowed(scan, name, place) || !guard_read(scan->guard, name, place, &text))
		return false;
	scan->at = begin + length + 1;
	return guard_text(scan->guard, name, str_text(&text), text.length, scan->depth);
}

static bool scan_bracket(struct scan *scan, char c)
{
	if (c == '=' || c == ':') {
		if (++scan->keys[scan->depth] > GROUP_LIMIT)
			return scan_fails(scan, scan->line,
					  "more than 4096 keys in one group; divide it");
	} else if (c == '(' || c == '[' || c == '{') {
		if (++scan->depth > GUARD_DEPTH)
			return scan_fails(scan, scan->line,
					  "brackets are nested deeper than 32; nothing in a site "
					  "needs more than 6");
		scan->keys[scan->depth] = 0;
	} else if (c == ')' || c == ']' || c == '}') {
		if (scan->depth > 0)
			scan->depth--;
	}
	return true;
}

/* libconfig cuts a number that has no L to 32 bits, and one that has to 64, and says nothing:
   a size of 5368709120 would be 1G. */
static bool scan_word(struct scan *scan, size_t length)
{
	AUTO_FREE char *word = xstrndup(scan->at, length);
	size_t sign = word[0] == '-' || word[0] == '+';
	bool hex = word[sign] == '0' && (word[sign + 1] == 'x' || word[sign + 1] == 'X');
	char *end;
	scan->at += length;
	if (word[sign] < '0' || word[sign] > '9')
		return true;
	errno = 0;
	long long value = strtoll(word, &end, hex ? 16 : 10);
	bool is_long = *end == 'L';
	end += is_long + (is_long && end[1] == 'L');
	if (*end != '\0')
		return true; /* a fraction, or what libconfig will complain of */
	AUTO_STR struct str why = STR_INIT;
	if (errno == ERANGE)
		str_addf(&why, "the number %.80s has more than 64 bits", word);
	else if (!is_long && (value > INT32_MAX || value < INT32_MIN))
		str_addf(&why, "the number %s has more than 32 bits; write %sL", word, word);
	return why.length == 0 || scan_fails(scan, scan->line, str_text(&why));
}

static bool scan_step(struct scan *scan)
{
	/* Of names and of numbers. */
	static const char WORD[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_*.+-";
	size_t word = strspn(scan->at, WORD);
	if (word > 0)
		return scan_word(scan, word);
	char c = *scan->at;
	if (c == '"')
		return scan_string(scan);
	if (c == '#' || text_starts(scan->at, "//")) {
		scan->at += strcspn(scan->at, "\n");
		return true;
	}
	if (text_starts(scan->at, "/*"))
		return scan_comment(scan);
	scan->at++;
	scan->line += c == '\n';
	return scan_bracket(scan, c);
}

static bool scan_all(struct scan *scan)
{
	const char *start = scan->at;
	while (*scan->at) {
		size_t length;
		bool line_begins = scan->at == start || scan->at[-1] == '\n';
		const char *name = line_begins ? include_name(scan->at, &length) : NULL;
		if (name != NULL ? !scan_include(scan, name, length) : !scan_step(scan))
			return false;
	}
	return true;
}

bool guard_text(struct guard *guard, const char *name, const char *text, size_t length,
		unsigned depth)
{
	struct scan scan = { .guard = guard,
			     .file = guard_file(guard->site, name),
			     .at = text,
			     .line = 1,
			     .depth = depth };
	struct place place = { .file = scan.file };
	guard->bytes += length;
	if (too_big(guard, place, guard->bytes) || !check_bytes(guard, scan.file, text, length))
		return false;
	text_list_add(&guard->open, name);
	bool fine = scan_all(&scan);
	free(guard->open.items[--guard->open.count]);
	return fine;
}
