/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/site_edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "daemon/store.h"

static void split(const char *text, struct text_list *lines)
{
	while (text && *text) {
		size_t length = strcspn(text, "\n");
		text_list_take(lines, xstrndup(text, length));
		text += length + (text[length] == '\n');
	}
}

static size_t find_from(const struct text_list *lines, size_t from, const char *line)
{
	while (from < lines->count && strcmp(lines->items[from], line) != 0)
		from++;
	return from;
}

/* Each line of what was is looked for in the rest of what comes. For records, a line a thing in
   an order that stays, this is the shortest difference. */
void site_edit_diff(const char *file, const char *before, const char *after, struct str *out)
{
	AUTO_LIST struct text_list old = TEXT_LIST_INIT;
	AUTO_LIST struct text_list new = TEXT_LIST_INIT;
	AUTO_STR struct str lines = STR_INIT;
	size_t next = 0;
	split(before, &old);
	split(after, &new);
	for (size_t i = 0; i < old.count; i++) {
		size_t found = find_from(&new, next, old.items[i]);
		if (found == new.count) {
			str_addf(&lines, "-%s\n", old.items[i]);
			continue;
		}
		for (; next < found; next++)
			str_addf(&lines, "+%s\n", new.items[next]);
		next = found + 1;
	}
	for (; next < new.count; next++)
		str_addf(&lines, "+%s\n", new.items[next]);
	if (lines.length > 0)
		str_addf(out, "%s\n%s", file, str_text(&lines));
}

static int git(const struct options *options, const char *const *words,
	       const struct text_list *files, struct str *out, struct err *err)
{
	enum { WORDS_MAX = 8 };
	const char **argv = xcalloc(WORDS_MAX + files->count + 1, sizeof(*argv));
	size_t count = 0;
	argv[count++] = "git";
	argv[count++] = "-C";
	argv[count++] = options->site_dir;
	for (size_t i = 0; words[i] && count < WORDS_MAX; i++)
		argv[count++] = words[i];
	for (size_t i = 0; i < files->count; i++)
		argv[count++] = files->items[i];
	int rc = run_ok(&(struct run){ .argv = argv }, out, err);
	free(argv);
	return rc;
}

int site_edit_allowed(const struct options *options, struct err *err)
{
	AUTO_FREE char *note = xasprintf("%s/" STORE_NOTE, options->site_dir);
	AUTO_FREE char *dir = realpath(options->site_dir, NULL);
	if (dir == NULL || !file_exists(note))
		return 0;
	return err_set(
		err,
		"moyaid makes %s of %s.git, and replaces what is changed in it; change the site "
		"on an operator's machine, or in a clone of %s.git, and git push",
		dir, dir, dir);
}

int site_edit_begin(const struct options *options, struct err *err)
{
	if (site_edit_allowed(options, err) != 0)
		return -1;
	int fd = open(options->site_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = -1;
	if (fd >= 0)
		do
			rc = flock(fd, LOCK_EX);
		while (rc != 0 && errno == EINTR);
	if (rc == 0)
		return fd;
	if (fd < 0 && errno == ENOENT)
		return err_set(err,
			       "%s: there is no such directory; choose the site directory with -C",
			       options->site_dir);
	err_set_errno(err, errno, "%s", options->site_dir);
	if (fd >= 0)
		close(fd);
	return -1;
}

static int is_in_git(const struct options *options, bool *is, struct err *err)
{
	struct run_result result;
	const struct run ask = { .argv = RUN_ARGV("git", "-C", options->site_dir, "rev-parse",
						  "--git-dir"),
				 .reads_only = 1 };
	if (run_capture(&ask, &result, err) != 0)
		return -1;
	*is = result.exit_code == 0;
	run_result_free(&result);
	return 0;
}

static int is_uncommitted(const struct options *options, const struct text_list *files, bool *is,
			  struct err *err)
{
	AUTO_STR struct str changed = STR_INIT;
	if (git(options, RUN_ARGV("status", "--porcelain", "--"), files, &changed, err) != 0)
		return -1;
	*is = changed.length > 0;
	return 0;
}

int site_edit_uncommitted(const struct options *options, const char *file, bool *is,
			  struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	text_list_add(&files, file);
	*is = false;
	if (is_in_git(options, is, err) != 0)
		return -1;
	return *is ? is_uncommitted(options, &files, is, err) : 0;
}

int site_edit_commit(const struct options *options, const struct text_list *files,
		     const char *message, struct err *err)
{
	bool goes_on = false;
	if (is_in_git(options, &goes_on, err) != 0)
		return -1;
	/* git add takes a file that is nowhere for a mistake. */
	if (goes_on && is_uncommitted(options, files, &goes_on, err) != 0)
		return -1;
	if (!goes_on)
		return 0;
	if (git(options, RUN_ARGV("add", "-A", "--"), files, NULL, err) != 0 ||
	    is_uncommitted(options, files, &goes_on, err) != 0)
		return -1;
	/* What was lost here, and is made again as it was committed. */
	if (!goes_on)
		return 0;
	return git(options, RUN_ARGV("commit", "--quiet", "-m", message, "--"), files, NULL, err);
}
