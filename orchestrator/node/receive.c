/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "node/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"
#include "node/conversation.h"

enum { BUILD_BYTES_MAX = 64 * 1024 * 1024 };

int receive_execute(const char *run_dir, const char *build, char **argv, struct err *err)
{
	AUTO_FREE char *path = xasprintf("%s/moyai-node-%s", run_dir, build);
	AUTO_STR struct str program = STR_INIT;
	char hex[HASH_HEX_SIZE];
	if (!file_exists(path))
		return 0;
	if (file_read(path, BUILD_BYTES_MAX, &program, err) != 0 ||
	    hash_bytes_hex(str_text(&program), program.length, hex, err) != 0)
		return -1;
	if (!text_equal(hex, build))
		return 0;
	/* From memory: Debian's initramfs mounts /run noexec, and what was hashed
	   is then exactly what runs. */
	AUTO_CLOSE int fd = memfd_create("moyai-node", MFD_CLOEXEC);
	if (fd < 0)
		return err_set_errno(err, errno, "memfd_create");
	if (file_write_all(fd, program.data, program.length, err) != 0)
		return err_context(err, "%s", path);
	fexecve(fd, argv, environ);
	return err_set_errno(err, errno, "%s", path);
}

static int copy_all(int in, int out, const char *path, struct err *err)
{
	char chunk[65536];
	size_t total = 0;
	for (;;) {
		ssize_t got = read(in, chunk, sizeof(chunk));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_errno(err, errno, "read");
		if (got == 0)
			return 0;
		total += (size_t)got;
		if (total > BUILD_BYTES_MAX)
			return err_set(err, "a build of more than %d bytes", BUILD_BYTES_MAX);
		if (file_write_all(out, chunk, (size_t)got, err) != 0)
			return err_context(err, "%s", path);
	}
}

static int check(const char *source, const char *build, struct err *err)
{
	char hex[HASH_HEX_SIZE];
	if (hash_file_hex(source, hex, err) != 0)
		return -1;
	if (!text_equal(hex, build))
		return err_set(err, "received a file with sha256 %s, not %s: cut off or damaged",
			       hex, build);
	return 0;
}

/* Give the nameless file its name: at once, and only as a whole. */
static int give_name(const char *source, const char *path, const char *build, struct err *err)
{
	for (;;) {
		char hex[HASH_HEX_SIZE];
		point_pass("receive link");
		if (linkat(AT_FDCWD, source, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != EEXIST)
			return err_set_errno(err, errno, "%s", path);
		/* Somebody else was quicker; or it is damaged, else nobody had asked for it. */
		if (hash_file_hex(path, hex, NULL) == 0 && text_equal(hex, build))
			return 0;
		if (file_remove(path, err) != 0)
			return -1;
	}
}

int verb_receive(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	const char *dir = conversation->run_dir;
	AUTO_FREE char *path = xasprintf("%s/moyai-node-%s", dir, conversation->build);
	if (file_make_dirs(dir, 0700, err) != 0)
		return -1;
	/* Without a name until it is whole: a cut transfer leaves nothing behind. */
	AUTO_CLOSE int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0700);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", dir);
	if (copy_all(conversation->in, fd, dir, err) != 0)
		return -1;
	AUTO_FREE char *source = xasprintf("/proc/self/fd/%d", fd);
	if (check(source, conversation->build, err) != 0 ||
	    give_name(source, path, conversation->build, err) != 0)
		return -1;
	message_done(&line, 0);
	return conversation_send(conversation, &line, err);
}
