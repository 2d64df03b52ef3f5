/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/revision.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/run.h"

enum { SHORT_DIGITS = 12 };

/* -C says where the site is, and not what a hook that called us has in its environment. */
#define NO_HOOK "GIT_DIR", "GIT_WORK_TREE", "GIT_PREFIX"

/* Words after `git -C SITE_DIR`. index: NULL, or a file in place of the repository's own. */
static int git(const char *site_dir, const char *index, const char *const *words, struct str *out,
	       struct err *err)
{
	const char *argv[16] = { "git", "--no-optional-locks", "-C", site_dir };
	AUTO_FREE char *set_index =
		index ? xasprintf("GIT_INDEX_FILE=%s", index) : xstrdup("GIT_INDEX_FILE");
	const char *const environment[] = { NO_HOOK, set_index, NULL };
	struct run run = { .argv = argv, .environment = environment, .reads_only = 1 };
	for (size_t i = 0; words[i] && i + 5 < COUNT_OF(argv); i++)
		argv[i + 4] = words[i];
	return run_ok(&run, out, err);
}

void revision_free(struct revision *revision)
{
	free(revision->commit);
	*revision = (struct revision){ 0 };
}

/* The first line of what git says. */
static int git_line(const char *site_dir, const char *const *words, char **line, struct err *err)
{
	AUTO_STR struct str out = STR_INIT;
	if (git(site_dir, NULL, words, &out, err) != 0)
		return -1;
	*line = xstrndup(str_text(&out), strcspn(str_text(&out), "\n"));
	return 0;
}

/* The folder of the site below the top of the repository, "" or "sites/demo/". */
static int git_prefix(const char *site_dir, char **prefix, struct err *err)
{
	return git_line(site_dir, RUN_ARGV("rev-parse", "--show-prefix"), prefix, err);
}

static int find_commit(const char *site_dir, const char *name, char **commit, struct err *err)
{
	AUTO_FREE char *object = xasprintf("%s^{commit}", name);
	struct err why = ERR_INIT;
	if (git_line(site_dir,
		     RUN_ARGV("rev-parse", "--verify", "--quiet", "--end-of-options", object),
		     commit, &why) == 0)
		return 0;
	return err_set(err, "%s: git knows no revision \"%s\"", site_dir, name);
}

/* A folder that is ignored, or not committed yet, may lie in the repository of something else. */
static bool has_site(const char *site_dir, const char *commit, const char *prefix)
{
	AUTO_FREE char *object = xasprintf("%s:%ssite.cfg", commit, prefix);
	return git(site_dir, NULL, RUN_ARGV("cat-file", "-e", object), NULL, NULL) == 0;
}

bool revision_exists(const char *site_dir, const char *name)
{
	AUTO_FREE char *prefix = NULL;
	AUTO_FREE char *commit = NULL;
	return git_prefix(site_dir, &prefix, NULL) == 0 &&
	       find_commit(site_dir, name, &commit, NULL) == 0 &&
	       has_site(site_dir, commit, prefix);
}

/* What git ignores, and we read, is not in the commit either. */
static int is_modified(const char *site_dir, bool *modified, struct err *err)
{
	AUTO_STR struct str out = STR_INIT;
	if (git(site_dir, NULL, RUN_ARGV("status", "--porcelain", "--", "."), &out, err) != 0 ||
	    git(site_dir, NULL,
		RUN_ARGV("ls-files", "--others", "--ignored", "--exclude-standard", "--", "*.cfg",
			 "roles"),
		&out, err) != 0)
		return -1;
	*modified = out.length > 0;
	return 0;
}

int revision_find(const char *site_dir, const char *name, struct revision *revision,
		  struct err *err)
{
	struct err why = ERR_INIT;
	AUTO_FREE char *prefix = NULL;
	*revision = (struct revision){ 0 };
	if (git_prefix(site_dir, &prefix, &why) != 0) {
		/* Without git, or outside of it, a site can be used as well. */
		if (name == NULL && (strstr(why.text, "not a git repository") ||
				     /* … up to where another disk is mounted */
				     strstr(why.text, "Stopping at filesystem boundary") ||
				     strstr(why.text, "No such file or directory")))
			return 0;
		return err_set(err, "%s", why.text);
	}
	if (name)
		return find_commit(site_dir, name, &revision->commit, err);
	if (find_commit(site_dir, "HEAD", &revision->commit, NULL) != 0)
		return 0; /* nothing is committed yet */
	if (!has_site(site_dir, revision->commit, prefix)) {
		revision_free(revision);
		return 0;
	}
	if (is_modified(site_dir, &revision->modified, err) == 0)
		return 0;
	revision_free(revision);
	return -1;
}

bool revision_has(const char *site_dir, const char *commit, const char *part)
{
	return git(site_dir, NULL, RUN_ARGV("merge-base", "--is-ancestor", part, commit), NULL,
		   NULL) == 0;
}

void revision_text(const struct revision *revision, struct str *out)
{
	if (revision->commit == NULL)
		str_add(out, "none");
	else
		str_addf(out, "%.*s%s", SHORT_DIGITS, revision->commit,
			 revision->modified ? "+" : "");
}

/* An index and a work tree of its own, so that the operator's stay as they are. */
static int check_out(const char *site_dir, const char *tree, const char *temporary, const char *to,
		     struct err *err)
{
	AUTO_FREE char *index = xasprintf("%s/index", temporary);
	AUTO_FREE char *work_tree = xasprintf("--work-tree=%s", to);
	if (git(site_dir, index, RUN_ARGV("read-tree", tree), NULL, err) != 0)
		return -1;
	return git(site_dir, index, RUN_ARGV(work_tree, "checkout-index", "--all", "--force"), NULL,
		   err);
}

int revision_extract(const char *site_dir, const char *name, char **dir, struct err *err)
{
	AUTO_FREE char *prefix = NULL;
	AUTO_FREE char *commit = NULL;
	if (git_prefix(site_dir, &prefix, err) != 0)
		return err_context(err, "--rev %s", name);
	if (find_commit(site_dir, name, &commit, err) != 0)
		return -1;
	/* "COMMIT:" is the top. */
	AUTO_FREE char *tree =
		xasprintf("%s:%.*s", commit, (int)(strlen(prefix) - (*prefix != '\0')), prefix);
	if (git(site_dir, NULL, RUN_ARGV("cat-file", "-e", tree), NULL, NULL) != 0)
		return err_set(err, "%s: there is no folder %s in revision \"%s\"", site_dir,
			       prefix, name);
	const char *parent = getenv("TMPDIR");
	char *temporary = xasprintf("%s/moyai-site-XXXXXX", parent && *parent ? parent : "/tmp");
	if (mkdtemp(temporary) == NULL) {
		err_set_errno(err, errno, "%s", temporary);
		free(temporary);
		return -1;
	}
	char *to = xasprintf("%s/site", temporary);
	if (mkdir(to, 0700) != 0)
		err_set_errno(err, errno, "%s", to);
	else if (check_out(site_dir, tree, temporary, to, err) == 0) {
		free(temporary);
		*dir = to;
		return 0;
	}
	revision_discard(to);
	free(temporary);
	return err_context(err, "--rev %s", name);
}

void revision_discard(char *dir)
{
	if (dir == NULL)
		return;
	*strrchr(dir, '/') = '\0';
	/* What is left behind is in the temporary directory, and private. */
	run_args(NULL, "rm", "-rf", "--", dir, NULL);
	free(dir);
}

int revision_set_applied(const char *site_dir, const char *commit, struct err *err)
{
	return git(site_dir, NULL,
		   RUN_ARGV("update-ref", "-m", "moyai apply", REVISION_APPLIED, commit), NULL,
		   err);
}
