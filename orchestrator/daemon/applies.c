/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/applies.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"

static char *log_path(const char *state_dir)
{
	return xasprintf("%s/log/applies.jsonl", state_dir);
}

int applies_read(const char *state_dir, struct str *out, struct err *err)
{
	AUTO_FREE char *path = log_path(state_dir);
	AUTO_STR struct str text = STR_INIT;
	char chunk[65536];
	ssize_t got;
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set_errno(err, errno, "%s", path);
	off_t size = lseek(fd, 0, SEEK_END);
	off_t start = size > APPLIES_TOLD_MAX_BYTES ? size - APPLIES_TOLD_MAX_BYTES : 0;
	lseek(fd, start, SEEK_SET);
	while ((got = read(fd, chunk, sizeof(chunk))) > 0)
		str_add_bytes(&text, chunk, (size_t)got);
	if (got < 0)
		return err_set_errno(err, errno, "%s", path);
	const char *first = start > 0 ? strchr(str_text(&text), '\n') : NULL;
	str_add(out, first ? first + 1 : str_text(&text));
	return 0;
}

/* The next line, terminated; NULL: there is none any more. */
static char *next_line(char **at)
{
	char *line;
	do
		line = strsep(at, "\n");
	while (line != NULL && (line[0] != '{' || !text_ends(line, "}")));
	return line;
}

/* In one write: somebody else may append, too. */
static int append(const char *state_dir, const struct str *lines, struct err *err)
{
	AUTO_FREE char *folder = xasprintf("%s/log", state_dir);
	AUTO_FREE char *path = log_path(state_dir);
	if (file_make_dirs(folder, 0700, err) != 0)
		return -1;
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	if (file_write_all(fd, lines->data, lines->length, err) != 0)
		return err_context(err, "%s", path);
	return fsync(fd) == 0 ? 0 : err_set_errno(err, errno, "%s", path);
}

int applies_add(const char *state_dir, const char *lines, size_t length, struct err *err)
{
	AUTO_STR struct str there = STR_INIT;
	AUTO_STR struct str fresh = STR_INIT;
	AUTO_FREE char *come = xstrndup(lines, length);
	struct map known = MAP_INIT;
	char *line;
	if (applies_read(state_dir, &there, err) != 0)
		return -1;
	/* A crash may have left half a line: what follows begins on a new one. */
	if (there.length > 0 && there.data[there.length - 1] != '\n')
		str_add(&fresh, "\n");
	size_t nothing = fresh.length;
	for (char *at = there.data; (line = next_line(&at)) != NULL;)
		map_put(&known, line, line);
	for (char *at = come; (line = next_line(&at)) != NULL;)
		if (map_put(&known, line, line) == NULL)
			str_addf(&fresh, "%s\n", line);
	map_free(&known);
	return fresh.length > nothing ? append(state_dir, &fresh, err) : 0;
}
