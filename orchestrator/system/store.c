/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/store.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/point.h"
#include "base/run.h"

enum { INDEX_MAX_BYTES = 1024 * 1024, FETCH_TIMEOUT_MS = 600000, PATH_SIZE = 600 };

struct entry {
	char path[PATH_SIZE];
	char sha256[HASH_HEX_SIZE];
	uint64_t bytes;
	uint64_t changed_ns; /* mtime; 0 in a wanted list */
};

static char *index_path(const char *folder)
{
	return xasprintf("%s/.moyai", folder);
}

/* "PATH SHA256 BYTES", in the index with " MTIME_NS" behind it. */
static int entry_parse(const char *line, struct entry *entry)
{
	*entry = (struct entry){ 0 };
	int fields = sscanf(line, "%599s %64s %" SCNu64 " %" SCNu64, entry->path, entry->sha256,
			    &entry->bytes, &entry->changed_ns);
	if (fields < 3 || strlen(entry->sha256) != HASH_HEX_SIZE - 1)
		return -1;
	/* It came over our own connection, and still it must not climb out. */
	if (entry->path[0] == '/' || entry->path[0] == '.' || strstr(entry->path, "/."))
		return -1;
	return 0;
}

static void entry_print(const struct entry *entry, bool with_time, struct str *out)
{
	str_addf(out, "%s %s %" PRIu64, entry->path, entry->sha256, entry->bytes);
	if (with_time)
		str_addf(out, " %" PRIu64, entry->changed_ns);
}

/* Size and time of change of the file as it lies there. */
static int look(const char *folder, struct entry *entry)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, entry->path);
	struct stat status;
	if (lstat(path, &status) != 0 || !S_ISREG(status.st_mode))
		return -1;
	entry->bytes = (uint64_t)status.st_size;
	entry->changed_ns =
		(uint64_t)status.st_mtim.tv_sec * 1000000000ULL + (uint64_t)status.st_mtim.tv_nsec;
	return 0;
}

/* Lines of the index; found: whether there is one. */
static int index_read(const char *folder, bool *found, struct text_list *lines, struct err *err)
{
	AUTO_FREE char *path = index_path(folder);
	AUTO_STR struct str text = STR_INIT;
	*found = file_exists(path);
	if (!*found)
		return 0;
	if (file_read(path, INDEX_MAX_BYTES, &text, err) != 0)
		return -1;
	for (char *at = text.data; at && *at;) {
		const char *line = strsep(&at, "\n");
		if (*line && *line != '#')
			text_list_add(lines, line);
	}
	return 0;
}

static int index_write(const char *folder, const struct text_list *lines, struct err *err)
{
	AUTO_FREE char *path = index_path(folder);
	AUTO_STR struct str text = STR_INIT;
	str_add(&text, "# moyai: path, sha256, bytes, time of change in ns\n");
	for (size_t i = 0; i < lines->count; i++)
		str_addf(&text, "%s\n", lines->items[i]);
	point_pass("write the index");
	int rc = file_write(path, str_text(&text), text.length, 0644, err);
	point_pass("write the index");
	return rc;
}

int store_list(const char *root, struct text_list *names, struct err *err)
{
	AUTO_LIST struct text_list all = TEXT_LIST_INIT;
	if (file_list_dir(root, &all, err) != 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		AUTO_FREE char *mark = xasprintf("%s/%s/.moyai", root, all.items[i]);
		if (file_exists(mark))
			text_list_add(names, all.items[i]);
	}
	return 0;
}

int store_read(const char *folder, bool *found, struct text_list *files, struct err *err)
{
	AUTO_LIST struct text_list lines = TEXT_LIST_INIT;
	if (index_read(folder, found, &lines, err) != 0)
		return -1;
	for (size_t i = 0; i < lines.count; i++) {
		AUTO_STR struct str text = STR_INIT;
		struct entry kept;
		if (entry_parse(lines.items[i], &kept) != 0)
			continue;
		struct entry now = kept;
		if (look(folder, &now) != 0 || now.bytes != kept.bytes ||
		    now.changed_ns != kept.changed_ns)
			continue;
		entry_print(&kept, false, &text);
		text_list_add(files, str_text(&text));
	}
	text_list_sort(files);
	return 0;
}

/* What a fetch that was cut off leaves. */
static char *part_path(const char *path)
{
	return xasprintf("%s.part", path);
}

static int make_parent(const char *path, struct err *err)
{
	AUTO_FREE char *parent = xstrdup(path);
	char *slash = strrchr(parent, '/');
	if (slash == NULL)
		return 0;
	*slash = '\0';
	return file_make_dirs(parent, 0755, err);
}

static int sync_file(const char *path, struct err *err)
{
	AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return err_set_errno(err, errno, "%s", path);
	return 0;
}

/* Whether the file is there with this digest. */
static bool has_content(const char *path, const struct entry *wanted)
{
	struct stat status;
	char hex[HASH_HEX_SIZE];
	return lstat(path, &status) == 0 && S_ISREG(status.st_mode) &&
	       (uint64_t)status.st_size == wanted->bytes && hash_file_hex(path, hex, NULL) == 0 &&
	       strcmp(hex, wanted->sha256) == 0;
}

/* Beside its place, checked and on the disk. What an earlier try has fetched is not fetched again. */
static int fetch(const char *folder, const char *url, const struct entry *entry, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, entry->path);
	AUTO_FREE char *part = part_path(path);
	AUTO_FREE char *from = xasprintf("%s%s", url, entry->path);
	char hex[HASH_HEX_SIZE];
	/* It may not be on the disk yet, though it can be read: the index will vouch for it. */
	if (has_content(path, entry))
		return sync_file(path, err) == 0 ? file_remove(part, err) : -1;
	if (has_content(part, entry))
		return sync_file(part, err);
	if (make_parent(path, err) != 0)
		return -1;
	const struct run get = {
		.argv = RUN_ARGV("busybox", "wget", "-q", "-O", part, from),
		.timeout_ms = FETCH_TIMEOUT_MS,
	};
	if (run_ok(&get, NULL, err) != 0 || hash_file_hex(part, hex, err) != 0) {
		unlink(part);
		return err_context(err, "%s", from);
	}
	if (strcmp(hex, entry->sha256) != 0) {
		unlink(part);
		return err_set(err, "%s: the sha256 of what arrived is %s, the image's is %s", from,
			       hex, entry->sha256);
	}
	return sync_file(part, err);
}

/* Under its name a file is whole or not there. */
static int put_in_place(const char *folder, struct entry *entry, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, entry->path);
	AUTO_FREE char *part = part_path(path);
	uint64_t wanted_bytes = entry->bytes;
	/* An earlier try has done it. */
	if (rename(part, path) != 0 && errno != ENOENT)
		return err_set_errno(err, errno, "%s", path);
	point_pass("rename");
	if (look(folder, entry) != 0 || entry->bytes != wanted_bytes)
		return err_set(err, "%s: changed while it was stored", path);
	return 0;
}

/* The index line of a file that is there as wanted, or NULL. */
static const char *kept_line(const struct text_list *lines, const struct text_list *there,
			     const char *wanted)
{
	if (!text_list_has(there, wanted))
		return NULL;
	for (size_t i = 0; i < lines->count; i++)
		if (text_starts(lines->items[i], wanted) && lines->items[i][strlen(wanted)] == ' ')
			return lines->items[i];
	return NULL;
}

static bool has_path(const struct text_list *lines, const char *path)
{
	size_t length = strlen(path);
	for (size_t i = 0; i < lines->count; i++)
		if (text_starts(lines->items[i], path) && lines->items[i][length] == ' ')
			return true;
	return false;
}

/* The file, what was fetched of it, and the folders that it leaves empty. */
static int remove_entry(const char *folder, const struct entry *entry, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/%s", folder, entry->path);
	AUTO_FREE char *part = part_path(path);
	size_t top = strlen(folder);
	point_pass(path);
	if (file_remove(part, err) != 0 || file_remove(path, err) != 0)
		return -1;
	for (char *slash = strrchr(path, '/'); slash > path + top; slash = strrchr(path, '/')) {
		*slash = '\0';
		/* Others' files in it keep it. */
		if (rmdir(path) != 0 && errno != ENOENT)
			break;
	}
	point_pass(part);
	return 0;
}

static int remove_unwanted(const char *folder, const struct text_list *lines,
			   const struct text_list *wanted, struct err *err)
{
	for (size_t i = 0; i < lines->count; i++) {
		struct entry entry;
		bool stays = false;
		if (entry_parse(lines->items[i], &entry) != 0)
			continue;
		for (size_t w = 0; w < wanted->count && !stays; w++) {
			struct entry want;
			stays = entry_parse(wanted->items[w], &want) == 0 &&
				strcmp(want.path, entry.path) == 0;
		}
		if (!stays && remove_entry(folder, &entry, err) != 0)
			return -1;
	}
	return 0;
}

/*
 * Before anything is fetched, the index has the path of all that will be there or
 * still is, so that what a crash leaves has a mark. A time of 0 is that of no
 * file: it does not count as there.
 */
static int claim(const char *folder, const struct text_list *lines, const struct text_list *there,
		 const struct text_list *files, struct err *err)
{
	AUTO_LIST struct text_list index = TEXT_LIST_INIT;
	text_list_copy(&index, lines);
	for (size_t i = 0; i < files->count; i++) {
		struct entry entry;
		if (entry_parse(files->items[i], &entry) != 0)
			return err_set(err, "\"%s\" is not a file of an image", files->items[i]);
		if (kept_line(lines, there, files->items[i]))
			continue;
		if (!has_path(lines, entry.path) && look(folder, &entry) == 0)
			return err_set(
				err, "%s/%s is there already and is not Moyai's; remove it by hand",
				folder, entry.path);
		AUTO_FREE char *line = xasprintf("%s 0", files->items[i]);
		if (!text_list_has(&index, line))
			text_list_add(&index, line);
	}
	return index_write(folder, &index, err);
}

/* Every file that is not there as wanted. */
static int fetch_missing(const char *folder, const char *url, const struct text_list *lines,
			 const struct text_list *there, const struct text_list *files,
			 struct err *err)
{
	for (size_t i = 0; i < files->count; i++) {
		struct entry entry;
		if (kept_line(lines, there, files->items[i]))
			continue;
		if (entry_parse(files->items[i], &entry) != 0 ||
		    fetch(folder, url, &entry, err) != 0)
			return -1;
	}
	return 0;
}

/* They take their places; the index: what is wanted, and then what is still there of others. */
static int take_places(const char *folder, const struct text_list *lines,
		       const struct text_list *there, const struct text_list *files,
		       struct err *err)
{
	AUTO_LIST struct text_list index = TEXT_LIST_INIT;
	for (size_t i = 0; i < files->count; i++) {
		const char *kept = kept_line(lines, there, files->items[i]);
		AUTO_STR struct str text = STR_INIT;
		struct entry entry;
		if (kept) {
			text_list_add(&index, kept);
			continue;
		}
		if (entry_parse(files->items[i], &entry) != 0 ||
		    put_in_place(folder, &entry, err) != 0)
			return -1;
		entry_print(&entry, true, &text);
		text_list_add(&index, str_text(&text));
	}
	for (size_t i = 0; i < lines->count; i++) {
		struct entry entry;
		if (entry_parse(lines->items[i], &entry) == 0 && !has_path(&index, entry.path))
			text_list_add(&index, lines->items[i]);
	}
	return index_write(folder, &index, err);
}

static int forget_unwanted(const char *folder, const struct text_list *files, struct err *err)
{
	AUTO_LIST struct text_list lines = TEXT_LIST_INIT;
	AUTO_LIST struct text_list index = TEXT_LIST_INIT;
	bool found;
	if (index_read(folder, &found, &lines, err) != 0 ||
	    remove_unwanted(folder, &lines, files, err) != 0)
		return -1;
	for (size_t i = 0; i < lines.count; i++) {
		struct entry entry;
		if (entry_parse(lines.items[i], &entry) != 0 || !has_path(files, entry.path))
			continue;
		AUTO_FREE char *path = xasprintf("%s/%s", folder, entry.path);
		AUTO_FREE char *part = part_path(path);
		/* Of another version, which was given up. */
		if (file_remove(part, err) != 0)
			return -1;
		text_list_add(&index, lines.items[i]);
	}
	return index.count == lines.count ? 0 : index_write(folder, &index, err);
}

/*
 * First all of it is fetched, then it takes its places, one right after the other, and what is not
 * wanted any more goes last: nodes boot from these files meanwhile, and an image whose half is new
 * would boot none of them until somebody comes.
 */
int store_make(const char *folder, const char *url, const struct text_list *files, struct err *err)
{
	AUTO_LIST struct text_list lines = TEXT_LIST_INIT;
	AUTO_LIST struct text_list there = TEXT_LIST_INIT;
	bool found;
	if (file_make_dirs(folder, 0755, err) != 0 ||
	    index_read(folder, &found, &lines, err) != 0 ||
	    store_read(folder, &found, &there, err) != 0 ||
	    claim(folder, &lines, &there, files, err) != 0 ||
	    fetch_missing(folder, url, &lines, &there, files, err) != 0 ||
	    take_places(folder, &lines, &there, files, err) != 0)
		return -1;
	return forget_unwanted(folder, files, err);
}

int store_remove(const char *folder, struct err *err)
{
	AUTO_LIST struct text_list lines = TEXT_LIST_INIT;
	AUTO_LIST struct text_list none = TEXT_LIST_INIT;
	AUTO_FREE char *index = index_path(folder);
	bool found;
	if (index_read(folder, &found, &lines, err) != 0 ||
	    remove_unwanted(folder, &lines, &none, err) != 0)
		return -1;
	/* The mark goes last: a removal that was cut off is found again. */
	point_pass(index);
	if (file_remove(index, err) != 0)
		return -1;
	/* Not empty: others' files are in it. */
	if (rmdir(folder) != 0 && errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
		return err_set_errno(err, errno, "%s", folder);
	point_pass(index);
	return 0;
}
