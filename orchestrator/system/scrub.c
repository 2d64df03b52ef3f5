/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/scrub.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/point.h"
#include "base/str.h"

#define DISCARD_BYTES (4ULL << 30) /* at a time */
#define OVERWRITE_BYTES (64ULL << 20)

/* From its beginning to its end. 0, or errno. */
static int each(const struct node *node, int fd, unsigned long request, uint64_t chunk,
		uint64_t size)
{
	for (uint64_t at = 0; at < size; at += chunk) {
		uint64_t range[2] = { at, size - at < chunk ? size - at : chunk };
		if (ioctl(fd, request, range) != 0)
			return errno;
		node_still(node);
	}
	return fsync(fd) == 0 ? 0 : errno;
}

int scrub_device(const struct node *node, const char *path, bool overwrite, struct err *err)
{
	uint64_t size;
	AUTO_CLOSE int fd = open(path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, BLKGETSIZE64, &size) != 0)
		return err_set_errno(err, errno, "%s", path);
	point_pass(path);
	int rc = overwrite ? EOPNOTSUPP : each(node, fd, BLKDISCARD, DISCARD_BYTES, size);
	if (rc == EOPNOTSUPP)
		rc = each(node, fd, BLKZEROOUT, OVERWRITE_BYTES, size);
	point_pass(path);
	return rc == 0 ? 0 : err_set_errno(err, rc, "%s: its content cannot be removed", path);
}
