/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "model/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "model/print.h"
#include "model/read.h"

#define MAINTENANCE(member) offsetof(struct maintenance, member)

const struct field MAINTENANCE_FIELDS[] = {
	{ "node", FIELD_NAME, MAINTENANCE(node), FIELD_REQUIRED, 1, 63, NULL, NULL,
	  "the node that apply leaves alone" },
	{ "since", FIELD_TEXT, MAINTENANCE(since), FIELD_REQUIRED, 1, 64, NULL, NULL,
	  "when it was taken out" },
	{ "by", FIELD_TEXT, MAINTENANCE(by), FIELD_REQUIRED, 1, 256, NULL, NULL, "who did it" },
	{ "reason", FIELD_TEXT, MAINTENANCE(reason), 0, 1, 1024, NULL, NULL, "why" },
	FIELD_END
};

static const char FILE_NAME[] = "runtime.cfg";

static struct maintenance *add(struct runtime *runtime)
{
	runtime->maintenance = xrealloc(runtime->maintenance, runtime->maintenance_count + 1,
					sizeof(*runtime->maintenance));
	struct maintenance *added = &runtime->maintenance[runtime->maintenance_count++];
	fields_init(MAINTENANCE_FIELDS, added);
	return added;
}

static void read_maintenance(struct reader *reader, const config_setting_t *list,
			     struct runtime *runtime)
{
	int count = config_setting_length(list);
	for (int i = 0; i < count; i++) {
		const config_setting_t *group = config_setting_get_elem(list, (unsigned)i);
		AUTO_FREE char *what = xasprintf("maintenance %d", i + 1);
		if (read_is_group(reader, group, what))
			read_group(reader, group, MAINTENANCE_FIELDS, add(runtime), what, NULL);
	}
}

static void read_runtime(struct reader *reader, struct runtime *runtime)
{
	config_t config;
	if (read_config(reader, FILE_NAME, NULL, 0, &config)) {
		const config_setting_t *root = config_root_setting(&config);
		for (int i = 0; i < config_setting_length(root); i++) {
			const config_setting_t *member = config_setting_get_elem(root, (unsigned)i);
			const char *name = config_setting_name(member);
			if (strcmp(name, "maintenance") != 0)
				mistake_add(reader->mistakes, read_place(reader, member),
					    "unknown key \"%s\"; known keys: maintenance", name);
			else if (read_is_list(reader, member, name))
				read_maintenance(reader, member, runtime);
		}
	}
	config_destroy(&config);
}

int runtime_read(const char *state_dir, struct runtime *runtime, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", state_dir, FILE_NAME);
	struct site files = { 0 }; /* only owns the names in places */
	struct mistakes mistakes = MISTAKES_INIT;
	struct reader reader = { .dir = state_dir, .site = &files, .mistakes = &mistakes };
	struct runtime read = { 0 };
	int rc = 0;
	if (file_exists(path))
		read_runtime(&reader, &read);
	if (mistakes.count > 0) {
		AUTO_STR struct str text = STR_INIT;
		mistakes_print(&mistakes, &text);
		rc = err_set(err, "%s/%.*s", state_dir, (int)strcspn(str_text(&text), "\n"),
			     str_text(&text));
		runtime_free(&read);
	} else {
		*runtime = read;
	}
	mistakes_free(&mistakes);
	site_free(&files);
	return rc;
}

int runtime_lock(const char *state_dir, bool wait, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/runtime.lock", state_dir);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0 && flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB) == 0)
		return fd;
	err_set_errno(err, errno, "%s", path);
	if (fd >= 0)
		close(fd);
	return -1;
}

int runtime_write(const char *state_dir, const struct runtime *runtime, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", state_dir, FILE_NAME);
	AUTO_STR struct str out = STR_INIT;
	str_add(&out, "# What is true only for now; written by \"moyai maintenance\".\n"
		      "maintenance = (");
	for (size_t i = 0; i < runtime->maintenance_count; i++) {
		str_add(&out, i ? ",\n\t{ " : "\n\t{ ");
		print_fields(MAINTENANCE_FIELDS, &runtime->maintenance[i], "", " ", &out);
		str_add(&out, "}");
	}
	str_add(&out, "\n);\n");
	return file_write(path, out.data, out.length, 0600, err);
}

void runtime_free(struct runtime *runtime)
{
	for (size_t i = 0; i < runtime->maintenance_count; i++)
		fields_free(MAINTENANCE_FIELDS, &runtime->maintenance[i]);
	free(runtime->maintenance);
	*runtime = (struct runtime){ 0 };
}

const struct maintenance *runtime_maintenance(const struct runtime *runtime, const char *node)
{
	for (size_t i = 0; i < runtime->maintenance_count; i++)
		if (strcmp(runtime->maintenance[i].node, node) == 0)
			return &runtime->maintenance[i];
	return NULL;
}

void runtime_maintenance_on(struct runtime *runtime, const char *node, const char *since,
			    const char *by, const char *reason)
{
	runtime_maintenance_off(runtime, node);
	*add(runtime) = (struct maintenance){
		.node = xstrdup(node),
		.since = xstrdup(since),
		.by = xstrdup(by),
		.reason = xstrdup(reason),
	};
}

void runtime_maintenance_off(struct runtime *runtime, const char *node)
{
	for (size_t i = 0; i < runtime->maintenance_count; i++) {
		struct maintenance *item = &runtime->maintenance[i];
		if (strcmp(item->node, node) != 0)
			continue;
		fields_free(MAINTENANCE_FIELDS, item);
		memmove(item, item + 1, (--runtime->maintenance_count - i) * sizeof(*item));
		return;
	}
}

void runtime_close(const struct runtime *runtime, struct site *site)
{
	for (size_t i = 0; i < runtime->maintenance_count; i++) {
		struct site_node *node = site_find_node(site, runtime->maintenance[i].node);
		if (node != NULL)
			node->guests.closed = true;
	}
}
