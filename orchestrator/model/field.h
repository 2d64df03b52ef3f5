/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_FIELD_H
#define MODEL_FIELD_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
/*
 * One table of fields per struct. It parses the struct from the configuration,
 * prints it, sends it, compares it and documents it. Nothing else knows the
 * fields of a kind by name but the kind itself.
 *
 * In memory: every text type is a `char *` owned by the struct, NULL while not
 * given; BYTES, SECONDS and NUMBER are `uint64_t`, FIELD_UNSET while not given;
 * BOOL is an `int`, -1 while not given; LIST is a `struct text_list`.
 */
#define FIELD_UNSET UINT64_MAX

enum field_type {
	FIELD_TEXT,    /* any UTF-8 text, 4096 bytes at most */
	FIELD_NAME,    /* a DNS label: a-z 0-9 -, 63 at most (min/max: length) */
	FIELD_PATH,    /* absolute, without "..", "//" or control characters */
	FIELD_CHOICE,  /* one of `choices` */
	FIELD_ADDRESS, /* IPv4 address, kept in canonical form */
	FIELD_CIDR,    /* IPv4 network or address with prefix length: "10.0.0.0/24" */
	FIELD_IP,      /* IPv4 or IPv6 address, kept in canonical form */
	FIELD_SUBNET,  /* of either family, address or network with prefix length */
	FIELD_MAC,     /* kept as "52:54:00:00:00:01" */
	FIELD_BYTES,   /* "512M" or a number of bytes */
	FIELD_SECONDS, /* "90s" */
	FIELD_NUMBER,
	FIELD_BOOL,
	FIELD_LIST, /* list of text */
};

enum field_flags {
	FIELD_REQUIRED = 1 << 0, /* must be given in the configuration */
	FIELD_FIXED = 1 << 1,	 /* a change is refused */
	FIELD_REPLACEABLE =
		1 << 2, /* a change removes and creates: loses data if the kind holds any */
	FIELD_GROW_ONLY = 1 << 3, /* BYTES only: smaller is refused */
	FIELD_VOLATILE =
		1 << 4, /* observed for judge() and people; never compared, never in a digest */
	FIELD_SECRET = 1 << 5,	/* never printed; compared and digested as an HMAC */
	FIELD_DERIVED = 1 << 6, /* filled by the slice or the node; refused in the configuration */
	FIELD_WHOLE =
		1 << 7, /* not given is a value, too: an empty list differs from one with items */
};

struct field {
	const char *name; /* as written in the configuration */
	enum field_type type;
	size_t offset; /* into the struct */
	unsigned flags;
	uint64_t min, max;    /* inclusive, in the type's unit; both 0: no limit */
	const char *choices;  /* CHOICE: "ramfs tmpfs" */
	const char *fallback; /* value as text when not given, or NULL */
	const char *doc;      /* one line, for `explain` and the manual */
};
#define FIELD_END                                                                                  \
	{                                                                                          \
		0                                                                                  \
	} /* ends a table: name is NULL */

/* Where a value was written. file is borrowed from the site's list of files. */
struct place {
	const char *file; /* NULL: derived, not written anywhere */
	unsigned line;
	const struct value_place *values; /* of a group: see place_of(); borrowed from the site */
};
struct value_place {
	const char *key; /* borrowed from the table of fields; NULL ends the list */
	unsigned item;	 /* of a list, from 1; 0: the value itself */
	const char *file;
	unsigned line;
};
/* Where the value of a group is written, or an item of it (from 0); where it is not written, or
   nobody kept that, the group's (the list's). */
struct place place_of(struct place group, const char *key);
struct place place_of_item(struct place group, const char *key, size_t item);
/* Whether a place of its own is known. The group that a whole file is has none: all it has are known. */
bool place_written(struct place group, const char *key);
bool place_same(struct place a, struct place b);

/* Set everything to "not given". The struct may hold garbage before. */
void fields_init(const struct field *fields, void *object);
/* Fill what is not given from `fallback`. */
void fields_fallback(const struct field *fields, void *object);
void fields_free(const struct field *fields, void *object); /* to "not given" */
void fields_copy(const struct field *fields, void *to, const void *from);

bool field_given(const struct field *field, const void *object);
const struct field *field_find(const struct field *fields, const char *name);

/* Set one field from text (append one item to a LIST), checked by type, limits and choices. The error says
   what is wrong and what would be right, without file, line or field name. */
int field_set_text(const struct field *field, void *object, const char *text, struct err *err);

/* The value as it would be written in the configuration, without quotes;
   secrets as "(secret)". "" while not given. */
void field_print(const struct field *field, const void *object, struct str *out);

bool field_equal(const struct field *field, const void *a, const void *b);

/* JSON object of all given fields. Sizes are numbers of bytes, seconds numbers. */
json_t *fields_to_json(const struct field *fields, const void *object);
/* The inverse; unknown names and wrong types are errors. object must be init'ed. */
int fields_from_json(const struct field *fields, void *object, const json_t *json, struct err *err);
#endif
