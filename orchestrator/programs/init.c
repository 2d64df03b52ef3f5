/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "model/field.h"
#include "programs/command.h"
#include "programs/show.h"

enum { TEMPLATE_MAX = 1024 * 1024 };

static const struct {
	const char *from; /* below share/skeleton; a .gitignore there would be one of ours */
	const char *to;
} FILES[] = {
	{ "site.cfg", "site.cfg" },
	{ "gitignore", ".gitignore" },
	{ "README.md", "README.md" },
};

/* A site is named for its directory where that is a name; else it has to be filled in. */
static char *name_of(const char *dir)
{
	static const struct field NAME = { "name", FIELD_NAME, 0, 0, 1, 40, NULL, NULL, "" };
	AUTO_FREE char *path = realpath(dir, NULL);
	char *name = NULL;
	if (path && field_set_text(&NAME, &name, strrchr(path, '/') + 1, NULL) == 0)
		return name;
	return xstrdup("FILL IN: a-z 0-9 -");
}

static void fill(const char *text, const char *name, struct str *out)
{
	static const char MARK[] = "@NAME@";
	for (const char *at; (at = strstr(text, MARK)) != NULL; text = at + strlen(MARK)) {
		str_add_bytes(out, text, (size_t)(at - text));
		str_add(out, name);
	}
	str_add(out, text);
}

/* 0: written; 1: there is one already, and it stays; -1. */
static int put(const char *path, const struct str *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0)
		return errno == EEXIST ? 1 : err_set_errno(err, errno, "%s", path);
	int rc = file_write_all(fd, text->data, text->length, err);
	if (close(fd) != 0 && rc == 0)
		rc = err_set_errno(err, errno, "close");
	return rc == 0 ? 0 : err_context(err, "%s", path);
}

static int write_file(const struct options *options, const char *dir, const char *name,
		      const char *from, const char *to, struct err *err)
{
	AUTO_FREE char *source = xasprintf("%s/skeleton/%s", options->share_dir, from);
	AUTO_FREE char *path = xasprintf("%s/%s", dir, to);
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str filled = STR_INIT;
	if (file_read(source, TEMPLATE_MAX, &text, err) != 0)
		return -1;
	fill(str_text(&text), name, &filled);
	int rc = put(path, &filled, err);
	if (rc == 1)
		fprintf(stderr, "%s is there already, and stays as it is\n", path);
	return rc < 0 ? -1 : 0;
}

static void print(const struct options *options, const char *dir)
{
	AUTO_STR struct str line = STR_INIT;
	if (options->json)
		show_json_line(&line, json_pack("{s:s, s:s}", "event", "init", "dir", dir));
	else
		str_addf(&line,
			 "%s: fill in what is marked in site.cfg; moyai -C %s validate names it\n",
			 dir, dir);
	fputs(str_text(&line), stdout);
}

static int run(const struct options *options, int argc, char **argv)
{
	struct err err = ERR_INIT;
	const char *dir = argc > 0 ? argv[0] : options->site_dir;
	AUTO_FREE char *config = xasprintf("%s/site.cfg", dir);
	if (argc > 1) {
		err_set(&err, "init takes one directory, \"%s\" is a second one", argv[1]);
		return command_fail(&err);
	}
	if (file_exists(config)) {
		err_set(&err, "%s: is there already; nothing was written", config);
		return command_fail(&err);
	}
	if (file_make_dirs(dir, 0777, &err) != 0)
		return command_fail(&err);
	AUTO_FREE char *name = name_of(dir);
	for (size_t i = 0; i < COUNT_OF(FILES); i++)
		if (write_file(options, dir, name, FILES[i].from, FILES[i].to, &err) != 0)
			return command_fail(&err);
	print(options, dir);
	return EXIT_OK;
}

const struct command command_init = {
	.name = "init",
	.usage = "[DIR]",
	.summary = "a commented site to start from",
	.doc = "Makes the folder DIR, or fills the site directory -C: a commented site.cfg, a\n"
	       "README and a .gitignore. Nothing that is there is overwritten.",
	.run = run,
};
