/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/template.h"

#include <string.h>

#include "base/file.h"

enum { TEMPLATE_MAX_BYTES = 256 * 1024 };

static int add_value(const char *what, const struct template_value *value, struct str *out,
		     struct err *err)
{
	for (const char *at = value->value; *at && !value->lines; at++)
		if ((unsigned char)*at < ' ' || *at == 127)
			return err_set(err, "%s: the value of %s holds a control character", what,
				       value->name);
	str_add(out, value->value);
	return 0;
}

int template_fill(const char *what, const char *template, const struct template_value *values,
		  size_t count, struct str *out, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	const char *at = template;
	for (;;) {
		const char *mark = strchr(at, '@');
		const char *end = mark ? strchr(mark + 1, '@') : NULL;
		if (mark == NULL)
			break;
		if (end == NULL)
			return err_set(err, "%s: an @ without its partner", what);
		str_add_bytes(&text, at, (size_t)(mark - at));
		size_t length = (size_t)(end - mark - 1);
		size_t i = 0;
		while (i < count && (strlen(values[i].name) != length ||
				     strncmp(values[i].name, mark + 1, length) != 0))
			i++;
		if (i == count)
			return err_set(err, "%s: there is no value for @%.*s@", what, (int)length,
				       mark + 1);
		if (add_value(what, &values[i], &text, err) != 0)
			return -1;
		at = end + 1;
	}
	str_add(&text, at);
	str_add(out, str_text(&text));
	return 0;
}

int template_file(const char *share_dir, const char *name, const struct template_value *values,
		  size_t count, struct str *out, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/pxe/%s", share_dir, name);
	AUTO_STR struct str template = STR_INIT;
	if (file_read(path, TEMPLATE_MAX_BYTES, &template, err) != 0)
		return -1;
	return template_fill(name, str_text(&template), values, count, out, err);
}
