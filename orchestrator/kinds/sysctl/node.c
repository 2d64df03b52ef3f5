/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"
#include "engine/plan.h"
#include "kinds/sysctl/spec.h"
#include "model/text_check.h"
#include "system/firewall.h"
#include "system/node.h"

#define FOLDER "/etc/sysctl.d"
#define PREFIX "60-moyai-"
#define SUFFIX ".conf"
enum { FILE_LIMIT_BYTES = 65536 };

static char *file_of(const char *name)
{
	return xasprintf(FOLDER "/" PREFIX "%s" SUFFIX, name);
}

/* Names were checked with the configuration; what came over the wire is checked again. */
static char *proc_path(const char *name, struct err *err)
{
	if (!sysctl_name_valid(name)) {
		err_set(err, "\"%s\" is not a name of a kernel parameter", name);
		return NULL;
	}
	char *path = xasprintf("/proc/sys/%s", name);
	for (char *at = path + strlen("/proc/sys/"); *at; at++)
		if (*at == '.')
			*at = '/';
	return path;
}

static int sysctl_list(struct node *node, struct text_list *owned, struct err *err)
{
	AUTO_LIST struct text_list files = TEXT_LIST_INIT;
	(void)node;
	if (file_list_dir(FOLDER, &files, err) != 0)
		return -1;
	for (size_t i = 0; i < files.count; i++) {
		const char *file = files.items[i];
		if (!text_starts(file, PREFIX) || !text_ends(file, SUFFIX) ||
		    strlen(file) <= strlen(PREFIX) + strlen(SUFFIX))
			continue;
		AUTO_FREE char *name = xstrndup(file + strlen(PREFIX),
						strlen(file) - strlen(PREFIX) - strlen(SUFFIX));
		AUTO_FREE char *path = file_of(name);
		AUTO_STR struct str text = STR_INIT;
		if (file_read(path, FILE_LIMIT_BYTES, &text, err) != 0)
			return -1;
		if (text_starts(str_text(&text), "# moyai\n") && sysctl_name_valid(name))
			text_list_add(owned, name);
	}
	return 0;
}

/* Some parameters can only be written; they read as EACCES or EIO. */
static int read_value(const char *path, struct str *value, bool *there, struct err *err)
{
	*there = file_exists(path);
	return *there ? file_read(path, FILE_LIMIT_BYTES, value, err) : 0;
}

static void file_text(const struct sysctl *want, struct str *text)
{
	str_addf(text, "# moyai\n%s = %s\n", want->name, want->value);
}

/* The one that stands: what forwards goes, or is turned off, before it. */
static int see_firewall(struct sysctl *body, struct err *err)
{
	struct firewall_seen seen;
	if (firewall_get(&seen, err) != 0)
		return -1;
	body->firewall = xstrdup(seen.name);
	firewall_seen_free(&seen);
	return 0;
}

static int sysctl_observe(struct node *node, const char *id, const struct spec *want,
			  struct spec *have, bool *found, struct err *err)
{
	struct sysctl *body = have->body;
	const struct sysctl *wanted = want ? want->body : NULL;
	AUTO_STR struct str value = STR_INIT;
	AUTO_FREE char *path = proc_path(id, err);
	AUTO_FREE char *file = file_of(id);
	bool there;
	(void)node;
	if (path == NULL || read_value(path, &value, &there, err) != 0)
		return -1;
	*found = want ? there && file_exists(file) : file_exists(file);
	body->name = xstrdup(id);
	if (text_is_forwarding(id) && (wanted == NULL || wanted->firewall == NULL) &&
	    see_firewall(body, err) != 0)
		return -1;
	if (wanted != NULL && sysctl_value_equal(str_text(&value), wanted->value)) {
		AUTO_STR struct str text = STR_INIT;
		AUTO_STR struct str kept = STR_INIT;
		file_text(wanted, &text);
		if (*found && file_read(file, FILE_LIMIT_BYTES, &kept, err) != 0)
			return -1;
		/* A file that says something else would undo it at the next boot. */
		if (text_equal(str_text(&kept), str_text(&text)))
			body->value = xstrdup(wanted->value);
	} else if (there) {
		while (value.length > 0 && strchr(" \t\n", value.data[value.length - 1]))
			value.data[--value.length] = '\0';
		body->value = xstrdup(str_text(&value));
	}
	return 0;
}

static int write_value(const char *path, const char *value, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	point_pass(path);
	/* One write: the kernel takes each as a whole value. */
	ssize_t put = write(fd, value, strlen(value));
	int why = errno;
	point_pass(path);
	if (put < 0)
		return err_set_errno(err, why, "%s: \"%s\" is not taken", path, value);
	return 0;
}

static int sysctl_apply(struct node *node, const struct step *step, struct err *err)
{
	const struct sysctl *want = step->want->body;
	AUTO_FREE char *path = proc_path(want->name, err);
	AUTO_FREE char *file = file_of(want->name);
	AUTO_STR struct str text = STR_INIT;
	(void)node;
	if (path == NULL)
		return -1;
	if (!sysctl_value_valid(want->value))
		return err_set(err, "a value is one line");
	if (!file_exists(path))
		return err_set(err, "this kernel has no parameter %s", want->name);
	file_text(want, &text);
	/* The value first: one that the kernel refuses must not be tried at every boot. */
	if (write_value(path, want->value, err) != 0)
		return -1;
	point_pass(file);
	if (file_make_dirs(FOLDER, 0755, err) != 0 ||
	    file_write(file, text.data, text.length, 0644, err) != 0)
		return -1;
	point_pass(file);
	return 0;
}

/* An interface as all others are, and all of them as the kernel comes up. */
static int stop_forwarding(const char *name, struct err *err)
{
	AUTO_FREE char *path = proc_path(name, err);
	AUTO_FREE char *all =
		xasprintf("/proc/sys/net/%.4s/conf/all/forwarding", name + strlen("net."));
	AUTO_STR struct str value = STR_INIT;
	bool of_all = !text_starts(name + strlen("net.ipv4."), "conf.") ||
		      text_starts(name + strlen("net.ipv4."), "conf.all.");
	if (path == NULL)
		return -1;
	if (!file_exists(path))
		return 0; /* its interface is gone */
	if (of_all)
		str_add(&value, "0");
	else if (file_read(all, FILE_LIMIT_BYTES, &value, err) != 0)
		return -1;
	return write_value(path, str_text(&value), err);
}

static int sysctl_remove(struct node *node, const char *id, struct err *err)
{
	AUTO_FREE char *file = file_of(id);
	(void)node;
	if (text_is_forwarding(id) && stop_forwarding(id, err) != 0)
		return -1;
	point_pass(file);
	int rc = file_remove(file, err);
	point_pass(file);
	return rc;
}

const struct kind_node sysctl_node = {
	.name = "sysctl",
	.list = sysctl_list,
	.observe = sysctl_observe,
	.apply = sysctl_apply,
	.remove = sysctl_remove,
};
