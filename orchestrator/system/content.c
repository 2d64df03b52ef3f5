/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/content.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/str.h"

enum { SAMPLE_BYTES = 64 * 1024, END_BYTES = 1024 * 1024 };

/* The first byte that is not zero, or cannot be read, in [from, to); -1: none. */
static int64_t first_nonzero(int fd, uint64_t from, uint64_t to)
{
	static unsigned char chunk[SAMPLE_BYTES];
	while (from < to) {
		size_t want = to - from < sizeof(chunk) ? (size_t)(to - from) : sizeof(chunk);
		ssize_t got = pread(fd, chunk, want, (off_t)from);
		for (ssize_t i = 0; i < got; i++)
			if (chunk[i] != 0)
				return (int64_t)from + i;
		if (got <= 0)
			return (int64_t)from;
		from += (uint64_t)got;
	}
	return -1;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

int content_find(const char *device, uint64_t head, uint64_t tail, int64_t *at, struct err *err)
{
	AUTO_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size < 0)
		return err_set_errno(err, errno, "%s", device);
	uint64_t end = (uint64_t)size > tail ? (uint64_t)size - tail : 0;
	uint64_t stride = (uint64_t)size / CONTENT_SAMPLES;
	if (stride < SAMPLE_BYTES)
		stride = SAMPLE_BYTES;
	/* Without it the kernel reads ahead, and many times as much. */
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	int64_t found = first_nonzero(fd, head, smaller(end, END_BYTES));
	if (found < 0 && end > END_BYTES)
		found = first_nonzero(fd, end - END_BYTES, end);
	for (uint64_t from = head; found < 0 && from < end; from += stride)
		found = first_nonzero(fd, from, smaller(end, from + SAMPLE_BYTES));
	*at = found;
	return 0;
}
