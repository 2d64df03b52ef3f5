/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_STR_H
#define BASE_STR_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
/*
 * Growable text, and lists of text. Running out of memory ends the program
 * with a message: no caller could do better, and half-built text is worse.
 */
struct str {
	char *data; /* NULL while empty, else terminated */
	size_t length;
	size_t capacity;
};
#define STR_INIT                                                                                   \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

void str_add(struct str *s, const char *text);
void str_add_bytes(struct str *s, const void *bytes, size_t length);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_addv(struct str *s, const char *fmt, va_list args);
void str_clear(struct str *s);		   /* length 0, memory kept */
void str_free(struct str *s);		   /* back to STR_INIT */
const char *str_text(const struct str *s); /* "" while empty; owned by s */
char *str_take(struct str *s);		   /* the caller frees; s is STR_INIT after */

/* Memory that is always there: see above. Free with free(). */
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t count, size_t size); /* overflow is checked */
char *xstrdup(const char *text);		      /* NULL stays NULL */
char *xstrndup(const char *text, size_t length);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A list of text that owns its items. */
struct text_list {
	char **items;
	size_t count;
};
#define TEXT_LIST_INIT                                                                             \
	{                                                                                          \
		NULL, 0                                                                            \
	}
void text_list_add(struct text_list *list, const char *text); /* copies */
void text_list_take(struct text_list *list, char *text);      /* owns from now on */
void text_list_copy(struct text_list *to, const struct text_list *from);
bool text_list_has(const struct text_list *list, const char *text);
bool text_list_equal(const struct text_list *a, const struct text_list *b);
void text_list_remove(struct text_list *list,
		      const char *text); /* the first of it, if there is one */
void text_list_sort(struct text_list *list);
void text_list_free(struct text_list *list); /* back to INIT */

bool text_equal(const char *a, const char *b); /* two NULLs are equal */
bool text_starts(const char *text, const char *prefix);
bool text_ends(const char *text, const char *suffix);
/* Whether it is one of the words, which spaces separate; NULL has none. */
bool text_has_word(const char *words, const char *word);

/* __attribute__((cleanup)) helpers, for scoped variables. */
void cleanup_free(void *pointer_to_pointer);
void cleanup_close(const int *fd);
#define AUTO_FREE __attribute__((cleanup(cleanup_free)))
#define AUTO_STR __attribute__((cleanup(str_free)))
#define AUTO_LIST __attribute__((cleanup(text_list_free)))
#define AUTO_CLOSE __attribute__((cleanup(cleanup_close)))
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#endif
