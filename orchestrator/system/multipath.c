/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/multipath.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/point.h"
#include "base/run.h"
#include "system/sysfs.h"
#include "system/units.h"

#define FOLDER "/etc/multipath/conf.d"
#define PREFIX "moyai."
#define SUFFIX ".conf"
#define UNIT "multipathd.service"
/* polling_interval of images/base/files/etc/multipath.conf: what no_path_retry counts in. */
enum { POLL_S = 5 };
enum { TEXT_MAX_BYTES = 65536, RUN_TIMEOUT_MS = 60000 };

void multipath_free(struct multipath *map)
{
	if (map == NULL)
		return;
	free(map->wwid);
	*map = (struct multipath){ 0 };
}

/* "store1/home" → "moyai.store1.home": both parts are DNS labels. */
static char *map_name(const char *id)
{
	char *name = xasprintf(PREFIX "%s", id);
	char *slash = strchr(name, '/');
	if (slash != NULL)
		*slash = '.';
	return name;
}

static char *file_path(const char *id)
{
	AUTO_FREE char *name = map_name(id);
	return xasprintf(FOLDER "/%s" SUFFIX, name);
}

/*
 * All ways lead to the same target and are as good as each other, so all of them are used (multibus):
 * the room of both networks, and a way that dies is noticed now, not when it is needed. That
 * no way is left for a while is waited out in the map, which every way shares; a single way gives up after a
 * few seconds.
 */
void multipath_text(const char *id, const struct multipath *map, struct str *out)
{
	AUTO_FREE char *name = map_name(id);
	str_addf(out, "# moyai session %s %" PRIu64 "\n", id, map->timeout_s);
	str_addf(out, "blacklist_exceptions {\n\twwid \"^%s$\"\n}\n", map->wwid);
	str_addf(out, "multipaths {\n\tmultipath {\n\t\twwid %s\n\t\talias %s\n", map->wwid, name);
	str_add(out, "\t\tpath_grouping_policy multibus\n");
	str_addf(out, "\t\tno_path_retry %" PRIu64 "\n\t}\n}\n",
		 (map->timeout_s + POLL_S - 1) / POLL_S);
}

int multipath_list(struct text_list *ids, struct err *err)
{
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(FOLDER, &names, err) != 0)
		return -1;
	for (size_t i = 0; i < names.count; i++) {
		if (!text_starts(names.items[i], PREFIX) || !text_ends(names.items[i], SUFFIX))
			continue;
		AUTO_FREE char *id = xstrndup(names.items[i] + strlen(PREFIX),
					      strlen(names.items[i]) - strlen(PREFIX SUFFIX));
		char *dot = strchr(id, '.');
		if (dot == NULL)
			continue;
		*dot = '/';
		text_list_add(ids, id);
	}
	return 0;
}

/* What stands between two words of the text, a copy; NULL: they are not there. */
static char *between(const char *text, const char *before, const char *after)
{
	const char *start = strstr(text, before);
	const char *end = start ? strstr(start + strlen(before), after) : NULL;
	return end ? xstrndup(start + strlen(before), (size_t)(end - start) - strlen(before))
		   : NULL;
}

int multipath_read(const char *id, struct multipath *map, bool *found, bool *intact,
		   struct err *err)
{
	AUTO_FREE char *path = file_path(id);
	AUTO_FREE char *mark = xasprintf("# moyai session %s ", id);
	AUTO_STR struct str text = STR_INIT;
	AUTO_STR struct str ours = STR_INIT;
	*found = file_exists(path);
	*intact = false;
	if (!*found)
		return 0;
	if (file_read(path, TEXT_MAX_BYTES, &text, err) != 0)
		return -1;
	AUTO_FREE char *timeout = between(str_text(&text), mark, "\n");
	map->wwid = between(str_text(&text), "wwid \"^", "$\"");
	map->timeout_s = timeout ? strtoull(timeout, NULL, 10) : UINT64_MAX;
	if (map->wwid == NULL)
		return 0;
	multipath_text(id, map, &ours);
	*intact = text_equal(str_text(&text), str_text(&ours));
	return 0;
}

/* Also when it runs already: what it knows is from before. */
static int tell_daemon(struct err *err)
{
	if (unit_start(UNIT, err) != 0)
		return -1;
	return run_ok(&(struct run){ .argv = RUN_ARGV("multipathd", "reconfigure"),
				     .timeout_ms = RUN_TIMEOUT_MS },
		      NULL, err);
}

int multipath_write(const char *id, const struct multipath *map, struct err *err)
{
	AUTO_FREE char *path = file_path(id);
	AUTO_STR struct str text = STR_INIT;
	multipath_text(id, map, &text);
	point_pass("multipath file");
	if (file_make_dirs(FOLDER, 0755, err) != 0 ||
	    file_write(path, text.data, text.length, 0644, err) != 0)
		return -1;
	point_pass("multipath file");
	return tell_daemon(err);
}

int multipath_forget(const char *id, struct err *err)
{
	AUTO_FREE char *path = file_path(id);
	point_pass("multipath file");
	if (file_remove(path, err) != 0)
		return -1;
	point_pass("multipath file");
	return tell_daemon(err);
}

char *multipath_disk(const char *id)
{
	AUTO_LIST struct text_list disks = TEXT_LIST_INIT;
	AUTO_FREE char *name = map_name(id);
	if (file_list_dir("/sys/block", &disks, NULL) != 0)
		return NULL;
	for (size_t i = 0; i < disks.count; i++) {
		if (!text_starts(disks.items[i], "dm-"))
			continue;
		AUTO_FREE char *other = sysfs_read("/sys/block/%s/dm/name", disks.items[i]);
		AUTO_FREE char *uuid = sysfs_read("/sys/block/%s/dm/uuid", disks.items[i]);
		if (text_equal(other, name) && uuid != NULL && text_starts(uuid, "mpath-"))
			return xstrdup(disks.items[i]);
	}
	return NULL;
}

bool multipath_joins(const char *disk, const char *path)
{
	AUTO_FREE char *link = xasprintf("/sys/block/%s/slaves/%s", disk, path);
	return file_exists(link);
}

int multipath_watched(struct node *node, bool *watched, struct err *err)
{
	struct unit unit;
	if (unit_get(node, UNIT, &unit, err) != 0)
		return -1;
	*watched = text_equal(unit.active, "active");
	return 0;
}

int multipath_resize(const char *id, struct err *err)
{
	AUTO_FREE char *name = map_name(id);
	return run_ok(&(struct run){ .argv = RUN_ARGV("multipathd", "resize", "map", name),
				     .timeout_ms = RUN_TIMEOUT_MS },
		      NULL, err);
}

int multipath_flush(const char *id, struct err *err)
{
	AUTO_FREE char *disk = multipath_disk(id);
	AUTO_FREE char *name = map_name(id);
	if (disk == NULL)
		return 0;
	/* With no way left a map keeps what is written to it, and the flush would wait for that. */
	if (run_args(err, "dmsetup", "message", name, "0", "fail_if_no_path", NULL) != 0)
		return -1;
	return run_ok(&(struct run){ .argv = RUN_ARGV("multipath", "-R", "5", "-f", name),
				     .timeout_ms = RUN_TIMEOUT_MS },
		      NULL, err);
}
