/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy: files from the operator's machine, each as a whole or not at all. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/point.h"
#include "node/conversation.h"

/* Where the file goes: into the directory that the path names, or to the path. *target is to
   be freed in any case. */
static int target_of(const struct request_file *file, char **target, struct err *err)
{
	struct stat about;
	bool directory = stat(file->path, &about) == 0 && S_ISDIR(about.st_mode);
	if (!directory && text_ends(file->path, "/"))
		return err_set(err, "there is no directory %s", file->path);
	const char *between = text_ends(file->path, "/") ? "" : "/";
	*target = directory ? xasprintf("%s%s%s", file->path, between, file->name)
			    : xstrdup(file->path);
	if (stat(*target, &about) == 0 && S_ISDIR(about.st_mode))
		return err_set(err, "%s is a directory", *target);
	return 0;
}

/*
 * All bytes that were announced, also when they cannot be written any more:
 * what follows them is the next request. fd -1: there is nowhere to write.
 * 1: taken, but not all written (err says why); -1: the stream has ended.
 */
static int take_bytes(struct conversation *conversation, uint64_t left, int fd, struct err *err)
{
	char chunk[65536];
	int rc = 0;
	while (left > 0) {
		size_t part = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		ssize_t got = conversation_read(conversation, chunk, part);
		if (got < 0)
			return err_set_errno(err, errno, "read");
		if (got == 0)
			return err_set(err, "the stream ended in the middle of a file");
		left -= (uint64_t)got;
		if (fd >= 0 && rc == 0 && file_write_all(fd, chunk, (size_t)got, err) != 0)
			rc = 1;
	}
	return rc;
}

static int publish(int fd, const char *temporary, const char *target, mode_t mode, struct err *err)
{
	if (fchmod(fd, mode) != 0 || fsync(fd) != 0)
		return err_set_errno(err, errno, "%s", temporary);
	point_pass("copy rename");
	if (rename(temporary, target) != 0)
		return err_set_errno(err, errno, "%s", target);
	return 0;
}

/* As take_bytes(): 1 when only this file failed. */
static int receive_file(struct conversation *conversation, const struct request_file *file,
			struct err *err)
{
	AUTO_FREE char *target = NULL;
	AUTO_FREE char *temporary = NULL;
	int fd = -1;
	struct err why = ERR_INIT;
	int rc = target_of(file, &target, &why) == 0 ? 0 : 1;
	if (rc == 0) {
		temporary = xasprintf("%s.moyai-XXXXXX", target);
		fd = mkstemp(temporary);
		if (fd < 0) {
			err_set_errno(&why, errno, "%s", target);
			rc = 1;
		}
	}
	point_pass("copy write");
	struct err taken_why = ERR_INIT;
	int taken = take_bytes(conversation, file->bytes, fd, &taken_why);
	if (taken != 0 && (rc == 0 || taken < 0)) {
		rc = taken;
		why = taken_why;
	}
	if (rc == 0 && publish(fd, temporary, target, file->mode, &why) != 0)
		rc = 1;
	if (fd >= 0) {
		if (rc != 0)
			unlink(temporary);
		close(fd);
	}
	if (rc != 0)
		err_set(err, "%s", why.text);
	return rc;
}

int verb_copy(struct conversation *conversation, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	for (;;) {
		struct request request;
		struct err why = ERR_INIT;
		int rc = conversation_next(conversation, &request, err);
		if (rc < 0)
			return -1;
		if (rc == 0)
			return err_set(err, "the stream ended before \"end\"");
		enum request_type type = request.type;
		rc = 0;
		if (type == REQUEST_FILE) {
			rc = receive_file(conversation, &request.file, &why);
			if (rc == 0)
				message_ok(&line, "file", request.file.name);
			else
				message_failed(&line, "file", request.file.name, why.text);
		}
		request_free(&request);
		if (type == REQUEST_END)
			break;
		if (type != REQUEST_FILE)
			return err_set(err, "\"file\" or \"end\" was expected");
		if (rc < 0)
			return err_set(err, "%s", why.text);
		if (conversation_send(conversation, &line, err) != 0)
			return -1;
	}
	message_done(&line, 0);
	return conversation_send(conversation, &line, err);
}
