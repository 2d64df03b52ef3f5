/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "model/manifest.h"

enum {
	GIT_TIMEOUT_MS = 300000,
	KEY_MAX_BYTES = 4096,
	REVISION_SIZE = 65,
	PACK_TRIES = 20,
	PACK_PAUSE_MS = 50,
	LOCK_LIFE_S = 600,
};

/* What comes, while it is looked at. */
#define STORE_INCOMING "refs/moyai/incoming"

/* Names of revisions, too, are on the disk before they count: one that a power cut left empty is an
   error to git for ever. By itself it waits for objects alone. */
#define GIT_DURABLE "git", "-c", "core.fsync=all"

static int run_long(const char *const *argv, struct str *out, struct err *err)
{
	return run_ok(&(struct run){ .argv = argv, .timeout_ms = GIT_TIMEOUT_MS }, out, err);
}

/*
 * tar of files in use: an exit code of 1 says that one of them, or a folder, changed meanwhile. A
 * file is whole all the same, but a folder may have hidden one that got another name: once more.
 */
static int pack_live(const struct run *tar, unsigned tries, struct err *err)
{
	struct run_result result;
	for (;;) {
		if (run_capture(tar, &result, err) != 0)
			return -1;
		if (result.exit_code != 1 || --tries == 0)
			break;
		run_result_free(&result);
		nanosleep(&(struct timespec){ 0, PACK_PAUSE_MS * 1000000L }, NULL);
	}
	int rc = result.exit_code <= 1
			 ? 0
			 : err_set(err, "tar: %.*s", (int)strcspn(str_text(&result.err), "\n"),
				   str_text(&result.err));
	run_result_free(&result);
	return rc;
}

/* What was written is on the disk. */
static int sync_tree(const char *path, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || syncfs(fd) != 0)
		return err_set_errno(err, errno, "%s", path);
	return 0;
}

static int clear_folder(const char *path, struct err *err)
{
	if (run_args(err, "rm", "-rf", "--", path, NULL) != 0)
		return -1;
	return file_make_dirs(path, 0700, err);
}

/* The new folder takes the old one's place, and the old one is removed. */
static int replace(const char *fresh, const char *place, struct err *err)
{
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, place, RENAME_EXCHANGE) == 0)
		return run_args(err, "rm", "-rf", "--", fresh, NULL);
	if (errno != ENOENT || rename(fresh, place) != 0)
		return err_set_errno(err, errno, "%s", place);
	return 0;
}

/* The commit a revision stands for; "" when there is none. */
static int revision_of(const char *repository, const char *name, char revision[REVISION_SIZE],
		       struct err *err)
{
	AUTO_FREE char *commit = xasprintf("%s^{commit}", name);
	struct run_result result;
	const struct run run = { .argv = RUN_ARGV("git", "-c", "safe.directory=*", "-C", repository,
						  "rev-parse", "--verify", "--quiet", commit),
				 .reads_only = 1 };
	if (run_capture(&run, &result, err) != 0)
		return -1;
	revision[0] = '\0';
	if (result.exit_code == 0)
		snprintf(revision, REVISION_SIZE, "%.*s", (int)strcspn(str_text(&result.out), "\n"),
			 str_text(&result.out));
	run_result_free(&result);
	return 0;
}

static int set_ref(const char *repository, const char *name, const char *commit, struct err *err)
{
	return run_args(err, "git", "--git-dir", repository, "update-ref", "--no-deref", name,
			commit, NULL);
}

/* A bundle can only have refs, and those of the operator's repository are his: one beside it, which reads
   the objects there. applied: "" when there is none. */
static int borrow(const char *site_dir, const char *repository, const char *commit,
		  const char *applied, struct err *err)
{
	AUTO_STR struct str objects = STR_INIT;
	AUTO_FREE char *alternates = xasprintf("%s/objects/info/alternates", repository);
	if (run_long(RUN_ARGV("git", "-c", "safe.directory=*", "-C", site_dir, "rev-parse",
			      "--path-format=absolute", "--git-path", "objects"),
		     &objects, err) != 0 ||
	    run_long(RUN_ARGV("git", "init", "--quiet", "--bare", repository), NULL, err) != 0 ||
	    file_write(alternates, str_text(&objects), objects.length, 0600, err) != 0 ||
	    set_ref(repository, "HEAD", commit, err) != 0)
		return -1;
	return applied[0] ? set_ref(repository, STORE_APPLIED, applied, err) : 0;
}

int store_pack(const char *site_dir, const char *commit, const char *state_dir, const char *file,
	       struct err *err)
{
	char applied[REVISION_SIZE];
	AUTO_FREE char *here = file[0] == '/' ? xstrdup("") : getcwd(NULL, 0);
	/* git runs in the site. */
	AUTO_FREE char *work =
		xasprintf("%s%s%s.work", here ? here : "", file[0] == '/' ? "" : "/", file);
	AUTO_FREE char *bundle = xasprintf("%s/site.bundle", work);
	AUTO_FREE char *borrowed = xasprintf("%s/site.git", work);
	if (revision_of(site_dir, STORE_APPLIED, applied, err) != 0 || clear_folder(work, err) != 0)
		return -1;
	/* What is written on the way has the site key in it, too. */
	mode_t before = umask(077);
	int rc = commit ? borrow(site_dir, borrowed, commit, applied, err) : 0;
	if (rc == 0)
		rc = run_long(RUN_ARGV("git", "-c", "safe.directory=*", "-C",
				       commit ? borrowed : site_dir, "bundle", "create", "--quiet",
				       bundle, "HEAD", applied[0] ? STORE_APPLIED : NULL),
			      NULL, err);
	/* Not what is made again, was told by others, or is about to get another name. */
	const struct run tar = {
		.argv = RUN_ARGV("tar", "-cf", file, "--anchored", "--exclude=./boot/dnsmasq.conf",
				 "--exclude=./boot/dnsmasq.leases", "--exclude=./boot/dnsmasq.pid",
				 "--exclude=./console", "--exclude=./takeover",
				 "--exclude=./takeover.json", "--exclude=./.*", "--exclude=*.new",
				 "--transform=s,^\\.,state,", "-C", state_dir, ".",
				 "--transform=s,^state/site.bundle,site.bundle,", "-C", work,
				 "./site.bundle"),
		.timeout_ms = GIT_TIMEOUT_MS
	};
	if (rc == 0)
		rc = pack_live(&tar, PACK_TRIES, err);
	umask(before);
	run_args(NULL, "rm", "-rf", "--", work, NULL);
	return rc;
}

/* ---- taking over ---- */

/* No change of a ref takes so long. */
static bool is_stale(const struct stat *lock)
{
	struct timespec up;
	clock_gettime(CLOCK_BOOTTIME, &up);
	time_t age_s = time(NULL) - lock->st_mtime;
	return age_s < 0 || age_s > LOCK_LIFE_S || age_s > up.tv_sec;
}

/* git that lost its power leaves its locks, and never changes those refs again. */
static int remove_stale_locks(const char *repository, struct err *err)
{
	static const char *const names[] = { "HEAD", "packed-refs", STORE_MAIN, STORE_APPLIED,
					     STORE_INCOMING };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s.lock", repository, names[i]);
		struct stat status;
		if (stat(path, &status) == 0 && is_stale(&status) && file_remove(path, err) != 0)
			return -1;
	}
	return 0;
}

/*
 * What is there must be a part of what comes: somebody who works on an older clone, or on another
 * branch, would take away what others have brought.
 */
static int check_newer(const char *repository, const char *bundle, struct err *err)
{
	char have[REVISION_SIZE];
	char come[REVISION_SIZE];
	AUTO_FREE char *fetched = xasprintf("+HEAD:%s", STORE_INCOMING);
	if (run_long(RUN_ARGV(GIT_DURABLE, "--git-dir", repository, "fetch", "--quiet", bundle,
			      fetched),
		     NULL, err) != 0 ||
	    revision_of(repository, STORE_MAIN, have, err) != 0 ||
	    revision_of(repository, STORE_INCOMING, come, err) != 0)
		return -1;
	int rc = run_long(
		RUN_ARGV("git", "--git-dir", repository, "merge-base", "--is-ancestor", have, come),
		NULL, NULL);
	run_args(NULL, "git", "--git-dir", repository, "update-ref", "-d", STORE_INCOMING, NULL);
	if (rc == 0)
		return 0;
	return err_set(
		err,
		"the site here is at %.12s, which is no part of your %.12s; take it up first: "
		"git pull root@MANAGER:%s main. If it is to be forgotten, there: git -C %s "
		"update-ref %s %s",
		have, come, repository, repository, STORE_MAIN, come);
}

static int take_site(const char *dir, const char *bundle, bool applied, struct err *err)
{
	char before[REVISION_SIZE];
	AUTO_FREE char *place = xasprintf("%s/site.git", dir);
	AUTO_FREE char *fresh = xasprintf("%s/.site.git", dir);
	AUTO_STR struct str heads = STR_INIT;
	bool there = file_exists(place);
	const char *repository = there ? place : fresh;
	if (run_long(RUN_ARGV("git", "bundle", "list-heads", bundle), &heads, err) != 0)
		return -1;
	if (!there &&
	    (clear_folder(fresh, err) != 0 ||
	     run_long(RUN_ARGV("git", "init", "--quiet", "--bare", "--initial-branch=main", fresh),
		      NULL, err) != 0))
		return -1;
	if (there &&
	    (remove_stale_locks(repository, err) != 0 || check_newer(repository, bundle, err) != 0))
		return -1;
	if (revision_of(repository, STORE_APPLIED, before, err) != 0)
		return -1;
	bool brings = strstr(str_text(&heads), " " STORE_APPLIED) != NULL;
	if (run_long(RUN_ARGV(GIT_DURABLE, "--git-dir", repository, "fetch", "--quiet", bundle,
			      "+HEAD:" STORE_MAIN,
			      brings && (applied || before[0] == '\0') ? "+" STORE_APPLIED
									 ":" STORE_APPLIED
								       : NULL),
		     NULL, err) != 0 ||
	    sync_tree(repository, err) != 0)
		return -1;
	return there ? 0 : replace(fresh, place, err);
}

/* Whose state it is: 1: of the same site; 0: of another one, or none is there; -1. */
static int same_site(const char *state, const char *fresh, bool *there, struct err *err)
{
	AUTO_FREE char *key = xasprintf("%s/site.key", state);
	AUTO_FREE char *new_key = xasprintf("%s/site.key", fresh);
	AUTO_STR struct str have = STR_INIT;
	AUTO_STR struct str want = STR_INIT;
	if (file_read(new_key, KEY_MAX_BYTES, &want, err) != 0)
		return err_context(err, "the archive");
	*there = file_exists(key);
	if (!*there)
		return 0;
	if (file_read(key, KEY_MAX_BYTES, &have, err) != 0)
		return -1;
	return have.length == want.length && memcmp(have.data, want.data, have.length) == 0;
}

/* One file under its name; there is none in the archive, that is fine. */
static int take_file(const char *fresh, const char *state, const char *name, struct err *err)
{
	AUTO_FREE char *from = xasprintf("%s/%s", fresh, name);
	AUTO_FREE char *to = xasprintf("%s/%s", state, name);
	if (rename(from, to) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", to);
	return 0;
}

/* there: this site's state; what is there stays. */
static int check_owner(const char *state, const char *fresh, bool *there, struct err *err)
{
	int same = same_site(state, fresh, there, err);
	if (same < 0 || same > 0 || !*there)
		return same < 0 ? -1 : 0;
	return err_set(err,
		       "%s/site.key is another site's: this manager holds a site that is not "
		       "yours. To give it up, remove %s there",
		       state, state);
}

/* Unpacked beside: what is in it is looked at before it takes anything's place. */
static int open_archive(const char *file, const char *work, struct err *err)
{
	AUTO_FREE char *bundle = xasprintf("%s/site.bundle", work);
	AUTO_FREE char *state = xasprintf("%s/state", work);
	if (clear_folder(work, err) != 0)
		return -1;
	if (run_long(RUN_ARGV("tar", "-xf", file, "--no-same-owner", "-C", work), NULL, err) != 0)
		return err_context(err, "the archive of the site is cut off, or is none");
	if (!file_exists(bundle) || !file_exists(state))
		return err_set(err,
			       "this is no archive of a site: site.bundle or state is missing");
	return sync_tree(work, err);
}

int store_unpack(const char *dir, const char *file, bool applied, struct err *err)
{
	AUTO_FREE char *work = xasprintf("%s/.import", dir);
	AUTO_FREE char *bundle = xasprintf("%s/site.bundle", work);
	AUTO_FREE char *fresh = xasprintf("%s/state", work);
	AUTO_FREE char *state = xasprintf("%s/state", dir);
	bool there = false;
	int rc = open_archive(file, work, err);
	if (rc == 0)
		rc = check_owner(state, fresh, &there, err);
	/* The state last: with it there, moyaid starts. */
	if (rc == 0)
		rc = take_site(dir, bundle, applied, err);
	if (rc == 0 && !there)
		rc = replace(fresh, state, err);
	if (rc == 0)
		rc = sync_tree(dir, err);
	run_args(NULL, "rm", "-rf", "--", work, NULL);
	return rc;
}

/* What operators set on their machines, after the take-over, too. */
static int take_settings(const char *fresh, const char *state, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	AUTO_FREE char *passwords = xasprintf("%s/bmc", fresh);
	AUTO_FREE char *bmc = xasprintf("%s/bmc", state);
	if (file_list_dir(passwords, &names, err) != 0 || file_make_dirs(bmc, 0700, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++)
		if (take_file(passwords, bmc, names.items[i], err) != 0)
			return -1;
	return take_file(fresh, state, "runtime.cfg", err);
}

int store_keep(const char *dir, const char *file, struct err *err)
{
	AUTO_FREE char *work = xasprintf("%s/.import", dir);
	AUTO_FREE char *state = xasprintf("%s/state", dir);
	int rc = clear_folder(work, err);
	if (rc == 0)
		rc = run_long(RUN_ARGV("tar", "-xf", file, "--no-same-owner", "-C", work), NULL,
			      err);
	if (rc == 0)
		rc = sync_tree(work, err);
	if (rc == 0)
		rc = take_settings(work, state, err);
	if (rc == 0)
		rc = sync_tree(state, err);
	run_args(NULL, "rm", "-rf", "--", work, NULL);
	return rc;
}

int store_restore_site(const char *file, const char *site_dir, struct err *err)
{
	AUTO_FREE char *config = xasprintf("%s/site.cfg", site_dir);
	AUTO_FREE char *work = xasprintf("%s.restore", site_dir);
	AUTO_FREE char *bundle = xasprintf("%s/site.bundle", work);
	AUTO_FREE char *clone = xasprintf("%s/site", work);
	if (file_exists(config))
		return 0;
	if (text_equal(site_dir, "."))
		return err_set(err, "there is no site here; say with -C where it is to be");
	/* Not over what else is there. */
	if (rmdir(site_dir) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", site_dir);
	int rc = open_archive(file, work, err);
	if (rc == 0)
		rc = run_long(RUN_ARGV("git", "clone", "--quiet", bundle, clone), NULL, err);
	if (rc == 0)
		rc = run_long(RUN_ARGV("git", "-C", clone, "fetch", "--quiet", "origin",
				       "+refs/moyai/*:refs/moyai/*"),
			      NULL, err);
	if (rc == 0)
		rc = run_long(RUN_ARGV("git", "-C", clone, "remote", "remove", "origin"), NULL,
			      err);
	if (rc == 0 && rename(clone, site_dir) != 0)
		rc = err_set_errno(err, errno, "%s", site_dir);
	run_args(NULL, "rm", "-rf", "--", work, NULL);
	return rc;
}

int store_restore_state(const char *file, const char *state_dir, struct err *err)
{
	AUTO_FREE char *work = xasprintf("%s/.restore", state_dir);
	AUTO_FREE char *state = xasprintf("%s/state", work);
	AUTO_FREE char *all = xasprintf("%s/.", state);
	bool there = false;
	int same =
		open_archive(file, work, err) == 0 ? same_site(state_dir, state, &there, err) : -1;
	int rc = same < 0 ? -1 : 0;
	if (rc == 0 && there && !same)
		rc = err_set(err, "%s/site.key is another site's key; choose another --state",
			     state_dir);
	/* The site key last: without it, the next try begins again. */
	if (rc == 0 && !there)
		rc = take_file(state, work, "site.key", err);
	if (rc == 0 && !there)
		rc = run_args(err, "cp", "-a", "--", all, state_dir, NULL);
	if (rc == 0 && !there)
		rc = sync_tree(state_dir, err);
	if (rc == 0 && !there)
		rc = take_file(work, state_dir, "site.key", err);
	run_args(NULL, "rm", "-rf", "--", work, NULL);
	return rc;
}

/* ---- revisions as files ---- */

static int checkout(const char *dir, const char *revision, const char *name, struct err *err)
{
	AUTO_FREE char *git = xasprintf("%s/site.git", dir);
	AUTO_FREE char *place = xasprintf("%s/%s", dir, name);
	AUTO_FREE char *fresh = xasprintf("%s/.%s.new", dir, name);
	AUTO_FREE char *tar = xasprintf("%s/.%s.tar", dir, name);
	AUTO_FREE char *output = xasprintf("--output=%s", tar);
	AUTO_FREE char *note = xasprintf("%s/" STORE_NOTE, fresh);
	int rc = clear_folder(fresh, err);
	if (rc == 0)
		rc = run_long(RUN_ARGV("git", "--git-dir", git, "archive", "--format=tar", output,
				       revision),
			      NULL, err);
	if (rc == 0)
		rc = run_long(RUN_ARGV("tar", "-xf", tar, "-C", fresh), NULL, err);
	if (rc == 0)
		rc = file_write(note, revision, strlen(revision), 0600, err);
	/* The note vouches for the files beside it. */
	if (rc == 0)
		rc = sync_tree(fresh, err);
	file_remove(tar, NULL);
	return rc == 0 ? replace(fresh, place, err) : -1;
}

uint64_t store_stamp(const char *dir, const char *ref)
{
	const char *const names[] = { "HEAD", "packed-refs", ref };
	uint64_t stamp = 0;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		AUTO_FREE char *path = xasprintf("%s/site.git/%s", dir, names[i]);
		struct stat status = { 0 };
		if (stat(path, &status) == 0)
			stamp = stamp * 31 + (uint64_t)status.st_ino +
				(uint64_t)status.st_mtim.tv_sec * 1000000000 +
				(uint64_t)status.st_mtim.tv_nsec;
	}
	return stamp;
}

int store_checkout(const char *dir, const char *name, bool *changed, struct err *err)
{
	AUTO_FREE char *git = xasprintf("%s/site.git", dir);
	AUTO_FREE char *note = xasprintf("%s/site/" STORE_NOTE, dir);
	AUTO_STR struct str have = STR_INIT;
	char revision[REVISION_SIZE];
	*changed = false;
	if (revision_of(git, name, revision, err) != 0)
		return -1;
	file_read(note, REVISION_SIZE, &have, NULL);
	if (revision[0] == '\0' || strcmp(str_text(&have), revision) == 0)
		return 0;
	if (checkout(dir, revision, "site", err) != 0)
		return err_context(err, "%s", name);
	*changed = true;
	return 0;
}

/* ---- what the operator's machine wants to know ---- */

/* Names in the folder that end so, as lines. */
static void add_files(const char *dir, const char *folder, const char *suffix, struct str *lines)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, folder);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(path, &names, NULL) != 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		if (text_ends(names.items[i], suffix))
			str_addf(lines, "%s/%s\n", folder, names.items[i]);
}

/* The manifest of every role in this folder, or of every version. */
static void add_manifests(const char *dir, const char *folder, struct str *lines)
{
	AUTO_FREE char *path = xasprintf("%s/%s", dir, folder);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	file_list_dir(path, &names, NULL);
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *inside = xasprintf("%s/%s", folder, names.items[i]);
		add_files(dir, inside, "manifest.json", lines);
	}
}

/* temporary/main: the commit, and a line about it for people; no file where there is no site. */
static int write_main(const char *dir, const char *temporary, struct err *err)
{
	AUTO_FREE char *git = xasprintf("%s/site.git", dir);
	AUTO_FREE char *path = xasprintf("%s/main", temporary);
	AUTO_STR struct str text = STR_INIT;
	char revision[REVISION_SIZE] = "";
	if (file_exists(git) && revision_of(git, STORE_MAIN, revision, err) != 0)
		return -1;
	/* A damaged repository is no reason to tell nothing at all. */
	if (revision[0] == '\0' || run_long(RUN_ARGV("git", "--git-dir", git, "log", "-1",
						     "--format=%H%n%an, %cI: %s", revision),
					    &text, NULL) != 0)
		return 0;
	return file_write(path, str_text(&text), text.length, 0600, err);
}

static int tell(const char *dir, const char *temporary, struct str *list, struct err *err)
{
	AUTO_FREE char *main = xasprintf("%s/main", temporary);
	if (write_main(dir, temporary, err) != 0)
		return -1;
	const char *name = file_exists(main) ? "main" : NULL;
	const struct run tar = { .argv = RUN_ARGV("tar", "-cf", "-", "-C", dir,
						  "--ignore-failed-read", "--files-from=-",
						  name ? "-C" : NULL, temporary, name),
				 .input = str_text(list),
				 .input_length = list->length,
				 .keep_stdout = 1,
				 .timeout_ms = GIT_TIMEOUT_MS };
	return pack_live(&tar, 1, err);
}

int store_view(const char *dir, struct err *err)
{
	static const char *const single[] = { "state/known_hosts", "state/runtime.cfg" };
	AUTO_LIST struct text_list roles = TEXT_LIST_INIT;
	AUTO_FREE char *generations = xasprintf("%s/images/" IMAGE_GENERATIONS, dir);
	AUTO_STR struct str list = STR_INIT;
	for (size_t i = 0; i < COUNT_OF(single); i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, single[i]);
		if (file_exists(path))
			str_addf(&list, "%s\n", single[i]);
	}
	add_files(dir, "state/boot", ".json", &list);
	add_manifests(dir, "images", &list);
	if (file_list_dir(generations, &roles, err) != 0)
		return -1;
	for (size_t i = 0; i < roles.count; i++) {
		AUTO_FREE char *folder =
			xasprintf("images/" IMAGE_GENERATIONS "/%s", roles.items[i]);
		add_manifests(dir, folder, &list);
	}
	/* Not in dir: several look at once, and it may be full. */
	char temporary[] = "/tmp/moyaid-XXXXXX";
	if (mkdtemp(temporary) == NULL)
		return err_set_errno(err, errno, "%s", temporary);
	int rc = tell(dir, temporary, &list, err);
	run_args(NULL, "rm", "-rf", "--", temporary, NULL);
	return rc;
}
