/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "image/image.h"
#include "model/manifest.h"
#include "programs/doctor.h"
#include "programs/places.h"
#include "remote/keys.h"

/* ---- git ---- */

static int git(const struct doctor *doctor, struct str *out, const char *word, const char *option)
{
	const struct run run = { .argv = RUN_ARGV("git", "-C", doctor->options->site_dir, word,
						  option),
				 .reads_only = 1 };
	return run_ok(&run, out, NULL);
}

static void check_git(struct doctor *doctor)
{
	AUTO_STR struct str out = STR_INIT;
	if (git(doctor, &out, "rev-parse", "--show-toplevel") != 0) {
		doctor_add(doctor, DOCTOR_WARN, "git", "the site is in no repository",
			   "git init, and commit it: applies are logged by revision");
		return;
	}
	AUTO_FREE char *top = xstrndup(str_text(&out), strcspn(str_text(&out), "\n"));
	AUTO_FREE char *state = doctor->state_dir ? realpath(doctor->state_dir, NULL) : NULL;
	AUTO_FREE char *below = xasprintf("%s/", top);
	if (state && text_starts(state, below)) {
		doctor_add(doctor, DOCTOR_FAIL, "git",
			   "the state directory is inside the repository",
			   "move it out: it holds the site key and root's ssh key");
		return;
	}
	str_clear(&out);
	if (git(doctor, &out, "status", "--porcelain") != 0)
		return;
	size_t changed = 0;
	for (const char *at = str_text(&out); *at; at++)
		changed += *at == '\n';
	AUTO_FREE char *found =
		xasprintf("%zu uncommitted change%s", changed, changed == 1 ? "" : "s");
	doctor_add(doctor, changed ? DOCTOR_WARN : DOCTOR_OK, "git",
		   changed ? found : "all is committed",
		   changed ? "commit before apply, so that the log names what was applied" : NULL);
}

/* ---- keys ---- */

static void check_mode(struct doctor *doctor, const char *check, const char *path, mode_t mode)
{
	struct stat st;
	if (stat(path, &st) != 0) {
		AUTO_FREE char *found = xasprintf("%s is missing", path);
		doctor_add(doctor, DOCTOR_WARN, check, found,
			   "the first moyai pxe serve makes it; or moyai key restore FILE");
	} else if (st.st_mode & 0777 & ~mode) {
		AUTO_FREE char *found =
			xasprintf("%s has mode %04o", path, (unsigned)st.st_mode & 07777);
		AUTO_FREE char *advice = xasprintf("chmod %04o %s", (unsigned)mode, path);
		doctor_add(doctor, DOCTOR_FAIL, check, found, advice);
	} else if (st.st_uid != geteuid() && geteuid() != 0) {
		AUTO_FREE char *found = xasprintf("%s belongs to another user", path);
		doctor_add(doctor, DOCTOR_FAIL, check, found,
			   "use your own state directory (--state)");
	} else {
		doctor_add(doctor, DOCTOR_OK, check, path, NULL);
	}
}

static void check_keys(struct doctor *doctor)
{
	AUTO_STR struct str when = STR_INIT;
	AUTO_FREE char *site_key = xasprintf("%s/site.key", doctor->state_dir);
	AUTO_FREE char *identity = xasprintf("%s/id_ed25519", doctor->state_dir);
	check_mode(doctor, "state directory", doctor->state_dir, 0700);
	check_mode(doctor, "site key", site_key, 0600);
	check_mode(doctor, "ssh key", identity, 0600);
	if (!file_exists(site_key))
		return;
	bool backed_up = keys_backed_up(doctor->state_dir, &when);
	doctor_add(doctor, backed_up ? DOCTOR_OK : DOCTOR_WARN, "key backup",
		   backed_up ? str_text(&when) : "these keys were never backed up here",
		   backed_up ? NULL : "moyai key backup FILE, and keep FILE in a safe place");
}

/* ---- images ---- */

static void check_images(struct doctor *doctor)
{
	struct image_set set = { 0 };
	struct image_plan plan = { 0 };
	struct err err = ERR_INIT;
	AUTO_LIST struct text_list all = TEXT_LIST_INIT;
	AUTO_STR struct str stale = STR_INIT;
	AUTO_FREE char *package = places_for_nodes("moyai-node.deb");
	AUTO_FREE char *share = realpath(doctor->options->share_dir, NULL);
	image_set_read(doctor->options->images_dir, doctor->site, &set);
	if (set.missing) {
		doctor_add(doctor, DOCTOR_FAIL, "images", set.missing, "moyai image build");
		image_set_free(&set);
		return;
	}
	image_set_free(&set);
	const struct image_dirs dirs = { share ? share : doctor->options->share_dir,
					 doctor->options->images_dir, package };
	/* Where images are only kept, and not built, nobody can say whether they are old. */
	if (image_plan_make(&dirs, doctor->site, &all, &plan, &err) != 0) {
		AUTO_FREE char *found =
			xasprintf("all are there; whether they are stale: %s", err.text);
		doctor_add(doctor, DOCTOR_OK, "images", found, NULL);
		return;
	}
	for (size_t i = 0; i < plan.role_count; i++)
		if (plan.roles[i].stale)
			str_addf(&stale, "%s%s",
				 stale.length ? ", " : "stale: ", plan.roles[i].role->name);
	doctor_add(doctor, stale.length ? DOCTOR_WARN : DOCTOR_OK, "images",
		   stale.length ? str_text(&stale) : "all are up to date",
		   stale.length ? "moyai image build; moyai image list says why" : NULL);
	image_plan_free(&plan);
}

void doctor_site(struct doctor *doctor)
{
	check_git(doctor);
	if (doctor->state_dir)
		check_keys(doctor);
	if (doctor->site)
		check_images(doctor);
}
