/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/near.h"

#include <string.h>

enum { LONGEST = 40 };

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment (Damerau 1964): edits and swaps of neighbours. */
static size_t distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	size_t rows[3][LONGEST + 1];
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *now = rows[i % 3];
		const size_t *before = rows[(i + 2) % 3];
		now[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			size_t cost = a[i - 1] != b[j - 1];
			now[j] = least(least(before[j], now[j - 1]) + 1, before[j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], rows[(i + 1) % 3][j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

const char *near_find(const char *word, const struct text_list *candidates)
{
	const char *best = NULL;
	size_t length = strlen(word);
	size_t allowed = length < 5 ? 1 : 2;
	if (length > LONGEST)
		return NULL;
	for (size_t i = 0; i < candidates->count; i++) {
		const char *candidate = candidates->items[i];
		size_t size = strlen(candidate);
		if (size > LONGEST || size > length + allowed || length > size + allowed)
			continue;
		size_t far = distance(word, length, candidate, size);
		if (far > allowed)
			continue;
		best = candidate;
		if (far == 0)
			break;
		allowed = far - 1; /* only a nearer one replaces it */
	}
	return best;
}

void near_add(const char *word, const struct text_list *candidates, struct str *out)
{
	const char *found = near_find(word, candidates);
	if (found)
		str_addf(out, "; did you mean \"%s\"?", found);
}
