/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/filesystem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"
#include "base/run.h"
#include "system/content.h"
#include "system/signature.h"
#include "system/sysfs.h"

/* Where an xfs is mounted to be grown, which it can be no other way. */
#define GROW_FOLDER "/run/moyai/grow"

enum {
	/* What is smaller may be left over: block groups have a least size. */
	EXTENT_BYTES = 4 * 1024 * 1024,
	HEAD_BYTES = 4096,
	/* A check of terabytes. */
	CHECK_TIMEOUT_MS = 540000,
	/* e2fsck(8): errors were corrected. */
	E2FSCK_CORRECTED = 1,
};

void filesystem_free(struct filesystem *filesystem)
{
	if (filesystem == NULL)
		return;
	free(filesystem->type);
	free(filesystem->label);
	free(filesystem->uuid);
	free(filesystem->content);
	*filesystem = (struct filesystem){ 0 };
}

/* The number behind a word, past blanks; 0 when the word is not there. */
static uint64_t number_after(const char *text, const char *word)
{
	const char *at = strstr(text, word);
	return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

/* What a tool says of itself: "Block count: 1234", "bsize=4096   blocks=1234". */
static int read_size(const char *device, const char *type, uint64_t *bytes, struct err *err)
{
	AUTO_STR struct str text = STR_INIT;
	bool xfs = strcmp(type, "xfs") == 0;
	const struct run run = {
		.argv = xfs ? RUN_ARGV("xfs_info", device) : RUN_ARGV("dumpe2fs", "-h", device),
		.reads_only = 1,
	};
	if (run_ok(&run, &text, err) != 0)
		return -1;
	const char *at = str_text(&text);
	if (xfs) {
		/* Not the log's, which comes later. */
		at = strstr(at, "\ndata ");
		at = at ? at : "";
	}
	*bytes = xfs ? number_after(at, "bsize=") * number_after(at, "blocks=")
		     : number_after(at, "\nBlock count:") * number_after(at, "\nBlock size:");
	return *bytes ? 0 : err_set(err, "%s: the size of its filesystem cannot be read", device);
}

/* The header of a swap area, include/linux/swap.h: its last page, at 1028. */
static uint64_t swap_size(int fd)
{
	uint32_t last_page;
	if (pread(fd, &last_page, sizeof(last_page), 1028) != (ssize_t)sizeof(last_page))
		return 0;
	return ((uint64_t)last_page + 1) * 4096;
}

static int64_t first_nonzero(int fd)
{
	unsigned char head[HEAD_BYTES];
	ssize_t got = pread(fd, head, sizeof(head), 0);
	for (int i = 0; i < got; i++)
		if (head[i] != 0)
			return i;
	return got == HEAD_BYTES ? -1 : 0;
}

/* What has no signature. */
static int look_at_bytes(const char *device, int fd, bool made_elsewhere,
			 struct filesystem *filesystem, struct err *err)
{
	int64_t at = first_nonzero(fd);
	if (at < 0 && made_elsewhere && content_find(device, 0, 0, &at, err) != 0)
		return -1;
	if (at < 0)
		return 0;
	filesystem->type = xstrdup("data");
	filesystem->content =
		xasprintf("data of an unknown kind (byte %lld is not zero)", (long long)at);
	filesystem->wipe = "blkdiscard --zeroout";
	return 0;
}

static int read_fills(const char *device, int fd, struct filesystem *filesystem, struct err *err)
{
	off_t end = lseek(fd, 0, SEEK_END);
	uint64_t size = 0;
	filesystem->fills = true;
	if (strcmp(filesystem->type, "swap") == 0)
		size = swap_size(fd);
	else if (strcmp(filesystem->type, "ext4") != 0 && strcmp(filesystem->type, "xfs") != 0)
		return 0;
	else if (read_size(device, filesystem->type, &size, err) != 0)
		return -1;
	/* A crash left it where it was mounted to be grown. */
	AUTO_FREE char *where = filesystem_mounted(device);
	filesystem->fills =
		end >= 0 && (uint64_t)end < size + EXTENT_BYTES && !text_equal(where, GROW_FOLDER);
	filesystem->size = filesystem->fills ? (uint64_t)end : size;
	return 0;
}

int filesystem_read(const char *device, bool made_elsewhere, struct filesystem *out,
		    struct err *err)
{
	struct filesystem made = { 0 };
	struct signatures found = { 0 };
	AUTO_STR struct str content = STR_INIT;
	AUTO_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", device);
	if (signatures_read(device, &found, err) != 0)
		return -1;
	int rc = 0;
	if (found.count > 0) {
		/* Of a partition table there are two, of the same kind. */
		const struct signature *first = &found.items[0];
		signature_describe(first, &content);
		made.type = xstrdup(first->type);
		made.label = xstrdup(first->label);
		made.uuid = xstrdup(first->uuid);
		made.content = str_take(&content);
		made.wipe = "wipefs --all";
		rc = read_fills(device, fd, &made, err);
	} else {
		rc = look_at_bytes(device, fd, made_elsewhere, &made, err);
	}
	signatures_free(&found);
	if (rc == 0)
		*out = made;
	else
		filesystem_free(&made);
	return rc;
}

int filesystem_make(const char *device, const char *type, const char *label, const char *uuid,
		    struct err *err)
{
	AUTO_FREE char *xfs_uuid = xasprintf("uuid=%s", uuid);
	const char *argv[10] = { NULL };
	size_t n = 0;
	if (strcmp(type, "xfs") == 0) {
		argv[n++] = "mkfs.xfs";
		argv[n++] = "-q";
		argv[n++] = "-m";
		argv[n++] = xfs_uuid;
	} else if (strcmp(type, "swap") == 0) {
		argv[n++] = "mkswap";
		argv[n++] = "-U";
		argv[n++] = uuid;
	} else {
		argv[n++] = "mkfs.ext4";
		argv[n++] = "-q";
		argv[n++] = "-U";
		argv[n++] = uuid;
	}
	if (label != NULL) {
		argv[n++] = "-L";
		argv[n++] = label;
	}
	argv[n++] = device;
	if (run_ok(&(struct run){ .argv = argv, .timeout_ms = CHECK_TIMEOUT_MS }, NULL, err) != 0)
		return -1;
	/* udev reads the mark. */
	return sysfs_look_again(device, err);
}

int filesystem_set_label(const char *device, const char *type, const char *label, struct err *err)
{
	if (strcmp(type, "xfs") == 0)
		return run_args(err, "xfs_admin", "-L", label, device, NULL);
	return run_args(err, "e2label", device, label, NULL);
}

static int check_ext4(const char *device, struct err *err)
{
	struct run_result result;
	const struct run run = {
		.argv = RUN_ARGV("e2fsck", "-f", "-p", device),
		.timeout_ms = CHECK_TIMEOUT_MS,
	};
	if (run_capture(&run, &result, err) != 0)
		return -1;
	int rc = 0;
	if (result.exit_code != 0 && result.exit_code != E2FSCK_CORRECTED)
		rc = err_set(err,
			     "e2fsck does not repair it by itself (exit code %d); run it by hand",
			     result.exit_code);
	run_result_free(&result);
	return rc;
}

static int grow_xfs(const char *device, const char *where, struct err *err)
{
	bool ours = where == NULL || strcmp(where, GROW_FOLDER) == 0;
	if (where == NULL &&
	    (file_make_dirs(GROW_FOLDER, 0700, err) != 0 ||
	     /* A clone has its golden volume's UUID. */
	     run_args(err, "mount", "-t", "xfs", "-o", "nouuid", device, GROW_FOLDER, NULL) != 0))
		return -1;
	int rc = run_args(err, "xfs_growfs", "-d", ours ? GROW_FOLDER : where, NULL);
	if (ours && run_args(rc == 0 ? err : NULL, "umount", GROW_FOLDER, NULL) != 0)
		rc = -1;
	return rc;
}

int filesystem_grow(const char *device, const char *type, struct err *err)
{
	AUTO_FREE char *where = filesystem_mounted(device);
	if (strcmp(type, "xfs") == 0)
		return grow_xfs(device, where, err);
	/* resize2fs wants a whole check of what is not mounted. */
	if (where == NULL && check_ext4(device, err) != 0)
		return -1;
	return run_ok(&(struct run){ .argv = RUN_ARGV("resize2fs", device),
				     .timeout_ms = CHECK_TIMEOUT_MS },
		      NULL, err);
}

int filesystem_wipe(const char *device, struct err *err)
{
	/* Without --force: what is mounted stays. */
	if (run_args(err, "wipefs", "--all", "--quiet", "--", device, NULL) != 0)
		return -1;
	return sysfs_look_again(device, err);
}

/* proc(5): "36 35 253:4 / /srv/home rw,noatime …", blanks in names as \040. */
char *filesystem_mounted(const char *device)
{
	AUTO_STR struct str text = STR_INIT;
	struct stat st;
	char *rest;
	if (stat(device, &st) != 0 || file_read("/proc/self/mountinfo", 1 << 22, &text, NULL) != 0)
		return NULL;
	AUTO_FREE char *number = xasprintf("%u:%u", major(st.st_rdev), minor(st.st_rdev));
	for (char *line = text.data ? strtok_r(text.data, "\n", &rest) : NULL; line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char found[32];
		char root[2];
		char where[4096];
		if (sscanf(line, "%*s %*s %31s %1s %4095s", found, root, where) == 3 &&
		    strcmp(found, number) == 0)
			return xstrdup(where);
	}
	return NULL;
}
