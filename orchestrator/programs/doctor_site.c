/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "daemon/store.h"
#include "image/image.h"
#include "model/manifest.h"
#include "model/nodeset.h"
#include "power/password.h"
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

/* The first digits of what a ref of site.git stands for; NULL: it cannot be read. */
static char *revision(const char *repository, const char *ref)
{
	AUTO_FREE char *commit = xasprintf("%s^{commit}", ref);
	AUTO_STR struct str out = STR_INIT;
	const struct run run = { .argv = RUN_ARGV("git", "-C", repository, "rev-parse", "--verify",
						  "--quiet", "--short=12", commit),
				 .reads_only = 1 };
	if (run_ok(&run, &out, NULL) != 0)
		return NULL;
	return xstrndup(str_text(&out), strcspn(str_text(&out), "\n"));
}

/* The manager's: what nodes boot by, and what is applied unattended. */
static void check_store(struct doctor *doctor)
{
	AUTO_FREE char *dir = doctor_git(doctor);
	AUTO_FREE char *main = revision(dir, STORE_MAIN);
	AUTO_FREE char *applied = revision(dir, STORE_APPLIED);
	if (main == NULL) {
		AUTO_FREE char *found = xasprintf("%s: " STORE_MAIN " cannot be read", dir);
		doctor_add(doctor, DOCTOR_FAIL, "git", found,
			   "moyai bootstrap, on an operator's machine, brings the site again");
		return;
	}
	AUTO_FREE char *found =
		xasprintf("main is %s, applied was %s", main, applied ? applied : "nothing");
	doctor_add(doctor, applied ? DOCTOR_OK : DOCTOR_WARN, "git", found,
		   applied ? NULL
			   : "moyai apply, of the whole site: until then nodes that boot get "
			     "nothing");
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
		/* The manager has taken it over, or it is no manager. */
		doctor_add(
			doctor, doctor->here ? DOCTOR_FAIL : DOCTOR_WARN, check, found,
			doctor->here
				? "moyai key restore FILE"
				: "the first moyai pxe serve makes it; or moyai key restore FILE");
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
	/* Which backups were made is known where they were made. */
	if (!file_exists(site_key) || doctor->here)
		return;
	bool backed_up = keys_backed_up(doctor->state_dir, &when);
	doctor_add(doctor, backed_up ? DOCTOR_OK : DOCTOR_WARN, "key backup",
		   backed_up ? str_text(&when) : "these keys were never backed up here",
		   backed_up ? NULL : "moyai key backup FILE, and keep FILE in a safe place");
}

/* ---- passwords of BMCs ---- */

static void check_passwords(struct doctor *doctor)
{
	AUTO_LIST struct text_list missing = TEXT_LIST_INIT;
	AUTO_STR struct str folded = STR_INIT;
	size_t there = 0;
	for (size_t i = 0; i < doctor->site->node_count; i++) {
		const struct site_node *node = &doctor->site->nodes[i];
		struct stat st;
		if (node->bmc.type == NULL)
			continue;
		AUTO_FREE char *path = password_file(doctor->state_dir, node->name);
		if (stat(path, &st) != 0)
			text_list_add(&missing, node->name);
		else if ((st.st_mode & 07777) != 0600)
			check_mode(doctor, "bmc password", path, 0600);
		else
			there++;
	}
	nodeset_fold(&missing, &folded);
	if (missing.count > 0) {
		AUTO_FREE char *found = xasprintf("not known here: %s", str_text(&folded));
		AUTO_FREE char *advice = xasprintf("moyai bmc password %s", str_text(&folded));
		doctor_add(doctor, DOCTOR_WARN, "bmc passwords", found, advice);
	} else if (there > 0) {
		AUTO_FREE char *found = xasprintf("%zu %s there", there, there == 1 ? "is" : "are");
		doctor_add(doctor, DOCTOR_OK, "bmc passwords", found, NULL);
	}
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
	if (set.missing)
		doctor_add(doctor, DOCTOR_FAIL, "images", set.missing,
			   doctor->here
				   ? "moyai bootstrap, on the machine that builds them, brings it"
				   : "moyai image build");
	else if (doctor->here)
		doctor_add(doctor, DOCTOR_OK, "images", "all are there", NULL);
	bool done = set.missing || doctor->here;
	image_set_free(&set);
	if (done)
		return;
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
	if (doctor->here)
		check_store(doctor);
	else
		check_git(doctor);
	if (doctor->state_dir)
		check_keys(doctor);
	if (doctor->site && doctor->state_dir)
		check_passwords(doctor);
	if (doctor->site)
		check_images(doctor);
}
