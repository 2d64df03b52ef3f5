/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "image/image.h"

/* On two cores the second role fills the time the first waits for dpkg; more
   would only make each slower. */
enum { AT_A_TIME = 2, SCRIPT_TIMEOUT_MS = 30 * 60 * 1000 };

struct build {
	struct image_plan *plan;
	image_report *report;
	void *context;
	pthread_mutex_t lock; /* of all below, and of calls of report */
	size_t next;	      /* role */
	struct str failed;    /* names */
	size_t failures;
	struct err first;
};

static double now_s(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void tell(struct build *build, const char *name, enum image_event_type what, double since,
		 const char *text)
{
	struct image_event event = {
		.name = name, .what = what, .seconds = now_s() - since, .text = text
	};
	pthread_mutex_lock(&build->lock);
	if (build->report)
		build->report(&event, build->context);
	pthread_mutex_unlock(&build->lock);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path) != 0 && errno != ENOENT ? -1 : 0;
}

/* FTW_MOUNT: what a script mounted is in a namespace that is gone; should
   something be mounted here all the same, it is not ours to remove. */
static int remove_tree(const char *path, struct err *err)
{
	if (nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s: cannot be removed", path);
	return 0;
}

/* The new folder takes the old one's place in one step. */
static int exchange(const char *fresh, const char *place, struct err *err)
{
	if (renameat2(AT_FDCWD, fresh, AT_FDCWD, place, RENAME_EXCHANGE) == 0)
		return remove_tree(fresh, err);
	if (errno != ENOENT || rename(fresh, place) != 0)
		return err_set_errno(err, errno, "%s", place);
	return 0;
}

/* A script of images/; all it says is kept in .work/log-NAME. */
static int script(const struct image_plan *plan, const char *name, const char *const *argv,
		  struct err *err)
{
	struct run_result result;
	struct run run = { .argv = argv, .timeout_ms = SCRIPT_TIMEOUT_MS };
	if (run_capture(&run, &result, err) != 0)
		return -1;
	AUTO_FREE char *path = xasprintf("%s/.work/log-%s", plan->dirs.images, name);
	AUTO_STR struct str log = STR_INIT;
	str_addf(&log, "%s%s", str_text(&result.out), str_text(&result.err));
	int code = result.exit_code;
	AUTO_FREE char *last = NULL;
	const char *error = str_text(&result.err);
	size_t end = strlen(error);
	while (end > 0 && error[end - 1] == '\n')
		end--;
	size_t start = end;
	while (start > 0 && error[start - 1] != '\n')
		start--;
	last = xstrndup(error + start, end - start);
	run_result_free(&result);
	if (file_write(path, str_text(&log), log.length, 0644, err) != 0)
		return -1;
	if (code != 0)
		return err_set(err, "%s: exit code %d: %s (all of it: %s)", argv[0], code, last,
			       path);
	return 0;
}

static int write_inputs(const struct image_base *base, const char *folder, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/inputs.json", folder);
	json_t *inputs = json_object();
	inputs_to_json(&base->base, "base", inputs);
	inputs_to_json(&base->initrd, "initramfs", inputs);
	char *text = json_dumps(inputs, JSON_INDENT(2));
	int rc = file_write(path, text, strlen(text), 0644, err);
	free(text);
	json_decref(inputs);
	return rc;
}

static int base_make(const struct image_plan *plan, const struct image_base *base, struct err *err)
{
	const char *images = plan->dirs.images;
	AUTO_FREE char *spec = xasprintf("%s/.work/spec-%s", images, base->name);
	AUTO_FREE char *fresh = xasprintf("%s/.work/out-%s", images, base->name);
	AUTO_FREE char *place = xasprintf("%s/%s", images, base->name);
	AUTO_FREE char *build_base = xasprintf("%s/images/build-base", plan->dirs.share);
	AUTO_FREE char *build_initrd = xasprintf("%s/images/build-initrd", plan->dirs.share);
	const char *out = base->base_stale ? fresh : place;
	if (remove_tree(spec, err) != 0 || image_spec_base(plan, base, spec, err) != 0)
		return -1;
	if (base->base_stale &&
	    (remove_tree(fresh, err) != 0 ||
	     script(plan, base->name, RUN_ARGV(build_base, spec, fresh), err) != 0))
		return -1;
	if (script(plan, base->name, RUN_ARGV(build_initrd, spec, out), err) != 0 ||
	    write_inputs(base, out, err) != 0)
		return -1;
	if (base->base_stale && exchange(fresh, place, err) != 0)
		return -1;
	return remove_tree(spec, err);
}

static int role_make(const struct image_plan *plan, const struct image_role *image, struct err *err)
{
	const char *images = plan->dirs.images;
	const char *name = image->role->name;
	AUTO_FREE char *spec = xasprintf("%s/.work/spec-%s", images, name);
	AUTO_FREE char *fresh = xasprintf("%s/.work/out-%s", images, name);
	AUTO_FREE char *place = xasprintf("%s/%s", images, name);
	AUTO_FREE char *base =
		xasprintf("%s/%s/base.squashfs", images, plan->bases[image->base].name);
	AUTO_FREE char *build_role = xasprintf("%s/images/build-role", plan->dirs.share);
	AUTO_FREE char *build_node = xasprintf("%s/images/build-node", plan->dirs.share);
	const char *out = image->layer_stale ? fresh : place;
	if (remove_tree(spec, err) != 0 || image_spec_role(plan, image, spec, err) != 0)
		return -1;
	if (image->layer_stale &&
	    (remove_tree(fresh, err) != 0 ||
	     script(plan, name, RUN_ARGV(build_role, spec, base, fresh), err) != 0))
		return -1;
	if (script(plan, name, RUN_ARGV(build_node, spec, plan->dirs.moyai_node, out), err) != 0 ||
	    image_manifest_write(plan, image, out, err) != 0)
		return -1;
	if (image->layer_stale && exchange(fresh, place, err) != 0)
		return -1;
	return remove_tree(spec, err);
}

static void note_failure(struct build *build, const char *name, double since, struct err *why)
{
	tell(build, name, IMAGE_FAILED, since, why->text);
	pthread_mutex_lock(&build->lock);
	str_addf(&build->failed, "%s%s", build->failures ? ", " : "", name);
	err_context(why, "%s", name);
	if (build->failures++ == 0)
		build->first = *why;
	pthread_mutex_unlock(&build->lock);
}

static void size_text(const struct image_role *image, const char *images, struct str *text)
{
	AUTO_FREE char *path = xasprintf("%s/%s/role.squashfs", images, image->role->name);
	struct stat st;
	if (stat(path, &st) == 0)
		str_addf(text, "layer of %.1f MB", (double)st.st_size / 1e6);
}

static void *worker(void *argument)
{
	struct build *build = argument;
	struct image_plan *plan = build->plan;
	for (;;) {
		pthread_mutex_lock(&build->lock);
		while (build->next < plan->role_count && !plan->roles[build->next].stale)
			build->next++;
		size_t at = build->next++;
		pthread_mutex_unlock(&build->lock);
		if (at >= plan->role_count)
			return NULL;
		struct image_role *image = &plan->roles[at];
		struct err err = ERR_INIT;
		double since = now_s();
		tell(build, image->role->name, IMAGE_STARTED, since, str_text(&image->why));
		if (role_make(plan, image, &err) != 0) {
			note_failure(build, image->role->name, since, &err);
			continue;
		}
		AUTO_STR struct str size = STR_INIT;
		size_text(image, plan->dirs.images, &size);
		tell(build, image->role->name, IMAGE_DONE, since, str_text(&size));
	}
}

/* The index of packages that all layers of this build see. */
static int copy_index(const struct image_plan *plan, struct err *err)
{
	AUTO_FREE char *folder = xasprintf("%s/.work/index", plan->dirs.images);
	AUTO_FREE char *partial = xasprintf("%s/partial", folder);
	AUTO_FREE char *debs = xasprintf("%s/.work/debs/partial", plan->dirs.images);
	if (remove_tree(folder, err) != 0 || file_make_dirs(partial, 0755, err) != 0 ||
	    file_make_dirs(debs, 0755, err) != 0)
		return -1;
	for (size_t i = 0; i < plan->index.count; i++) {
		const struct apt_source *source = &plan->index.sources[i];
		if (run_args(err, "cp", "--", source->packages, source->in_release, folder, NULL) !=
		    0)
			return -1;
	}
	return 0;
}

/* One build at a time per images folder; the lock goes with the process. */
static int lock_folder(const char *images, struct err *err)
{
	AUTO_FREE char *work = xasprintf("%s/.work", images);
	AUTO_FREE char *path = xasprintf("%s/.work/lock", images);
	if (file_make_dirs(work, 0755, err) != 0)
		return -1;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		close(fd);
		return err_set(err, "%s: another moyai image build runs", images);
	}
	return fd;
}

static int bases_make(struct build *build)
{
	struct image_plan *plan = build->plan;
	for (size_t i = 0; i < plan->base_count; i++) {
		struct image_base *base = &plan->bases[i];
		struct err err = ERR_INIT;
		double since = now_s();
		if (!base->initrd_stale)
			continue;
		tell(build, base->name, IMAGE_STARTED, since, str_text(&base->why));
		if (base_make(plan, base, &err) != 0) {
			note_failure(build, base->name, since, &err);
			return -1;
		}
		tell(build, base->name, IMAGE_DONE, since, "");
	}
	return 0;
}

static bool anything_stale(const struct image_plan *plan)
{
	for (size_t i = 0; i < plan->role_count; i++)
		if (plan->roles[i].stale)
			return true;
	return false;
}

int image_build(struct image_plan *plan, image_report *report, void *context, struct err *err)
{
	if (!anything_stale(plan))
		return 0;
	AUTO_CLOSE int lock = lock_folder(plan->dirs.images, err);
	if (lock < 0 || copy_index(plan, err) != 0)
		return -1;
	struct build build = { .plan = plan,
			       .report = report,
			       .context = context,
			       .lock = PTHREAD_MUTEX_INITIALIZER };
	if (bases_make(&build) == 0) {
		pthread_t threads[AT_A_TIME];
		size_t started = 0;
		while (started < AT_A_TIME &&
		       pthread_create(&threads[started], NULL, worker, &build) == 0)
			started++;
		if (started == 0)
			worker(&build);
		for (size_t i = 0; i < started; i++)
			pthread_join(threads[i], NULL);
	}
	int rc = 0;
	if (build.failures == 1)
		rc = err_set(err, "%s", build.first.text);
	else if (build.failures > 1)
		rc = err_set(err, "%zu images failed: %s; the first: %s", build.failures,
			     str_text(&build.failed), build.first.text);
	str_free(&build.failed);
	return rc;
}
