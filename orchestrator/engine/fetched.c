/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/fetched.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/size.h"

int fetched_content(const struct text_list *files, struct str *out, struct err *err)
{
	AUTO_STR struct str lines = STR_INIT;
	char hex[HASH_HEX_SIZE];
	uint64_t bytes = 0;
	for (size_t i = 0; i < files->count; i++) {
		const char *size = strrchr(files->items[i], ' ');
		str_addf(&lines, "%s\n", files->items[i]);
		bytes += size ? strtoull(size + 1, NULL, 10) : 0;
	}
	if (hash_bytes_hex(str_text(&lines), lines.length, hex, err) != 0)
		return -1;
	str_addf(out, "%zu file%s, ", files->count, files->count == 1 ? "" : "s");
	size_print_short(bytes, out);
	str_addf(out, ", %.12s", hex);
	return 0;
}

char *fetched_url(const struct derive *from)
{
	return from->images_url ? xstrdup(from->images_url)
				: xasprintf("http://%s:%" PRIu64 "/image/", from->site->boot_server,
					    from->site->boot_port);
}

void fetched_add(struct fetched *fetched, const struct image_file *file)
{
	text_list_take(&fetched->files,
		       xasprintf("%s %s %" PRIu64, file->path, file->sha256, file->size_bytes));
}

int fetched_derive(const struct derive *from, char *missing, struct fetched *fetched,
		   struct err *err)
{
	AUTO_STR struct str content = STR_INIT;
	free(fetched->missing);
	fetched->missing = missing;
	if (missing != NULL)
		/* Refused by judge(), and the node's other resources go on. The content differs
		   from every other, so that there is a step. */
		str_add(&content, "not known");
	else if (fetched_content(&fetched->files, &content, err) != 0)
		return -1;
	free(fetched->content);
	free(fetched->url);
	fetched->content = str_take(&content);
	fetched->url = missing ? NULL : fetched_url(from);
	return 0;
}

void fetched_judge(struct step *step, const char *missing)
{
	if (missing == NULL)
		return;
	free(step->refused);
	step->refused = xstrdup(missing);
}
