/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "remote/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CHUNK_BYTES = 128 * 1024 };

static int open_file(struct copy_file *file, const char *path, struct err *err)
{
	struct stat about;
	const char *slash = strrchr(path, '/');
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set_errno(err, errno, "%s", path);
	if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
		close(fd);
		return err_set(err, "%s is not a regular file; pack what is more than one", path);
	}
	*file = (struct copy_file){ .path = path,
				    .name = slash ? slash + 1 : path,
				    .fd = fd,
				    .mode = about.st_mode & 07777,
				    .bytes = (uint64_t)about.st_size };
	return 0;
}

int copy_open(struct copy *copy, char *const *paths, size_t count, const char *to, struct err *err)
{
	*copy = (struct copy){ .to = to };
	copy->files = xcalloc(count + 1, sizeof(*copy->files));
	for (; copy->count < count; copy->count++) {
		struct copy_file *file = &copy->files[copy->count];
		if (open_file(file, paths[copy->count], err) != 0)
			return -1;
		for (size_t i = 0; i < copy->count; i++)
			if (strcmp(copy->files[i].name, file->name) == 0) {
				copy->count++;
				return err_set(err, "%s and %s would be the same file there",
					       copy->files[i].path, file->path);
			}
	}
	return 0;
}

void copy_close(struct copy *copy)
{
	for (size_t i = 0; i < copy->count; i++)
		close(copy->files[i].fd);
	free(copy->files);
	*copy = (struct copy){ 0 };
}

uint64_t copy_bytes(const struct copy *copy)
{
	uint64_t bytes = 0;
	for (size_t i = 0; i < copy->count; i++)
		bytes += copy->files[i].bytes;
	return bytes;
}

static int send_bytes(struct stream *stream, const struct remote_options *options,
		      const struct copy_file *file, struct err *err)
{
	char *chunk = xcalloc(1, CHUNK_BYTES);
	int rc = 0;
	for (uint64_t at = 0; rc == 0 && at < file->bytes;) {
		uint64_t left = file->bytes - at;
		ssize_t got =
			pread(file->fd, chunk, left < CHUNK_BYTES ? left : CHUNK_BYTES, (off_t)at);
		if (got < 0)
			rc = err_set_errno(err, errno, "%s", file->path);
		else if (got == 0)
			rc = err_set(err, "%s became shorter while it was copied", file->path);
		else
			rc = stream_write(stream, chunk, (size_t)got, options->answer_timeout_ms,
					  err);
		at += got > 0 ? (uint64_t)got : 0;
		if (rc == 0)
			__atomic_fetch_add(&options->copy->sent, (uint64_t)got, __ATOMIC_RELAXED);
	}
	free(chunk);
	return rc;
}

/* 0: it is there; 1: it is not, and the stream goes on (failure says why); -1. */
static int send_file(struct stream *stream, const struct remote_options *options,
		     const struct copy_file *file, struct str *failure, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	struct request_file request = { .path = (char *)(size_t)options->copy->to,
					.name = (char *)(size_t)file->name,
					.mode = file->mode,
					.bytes = file->bytes };
	struct message message;
	if (request_file(&line, &request, err) != 0 ||
	    stream_write(stream, line.data, line.length, options->answer_timeout_ms, err) != 0 ||
	    send_bytes(stream, options, file, err) != 0 ||
	    host_message(stream, options->answer_timeout_ms, &message, err) != 0)
		return -1;
	int rc = 0;
	if (message.type == MESSAGE_FAILED) {
		str_addf(failure, "%s%s: %s", failure->length ? "; " : "", file->path,
			 message.error);
		rc = 1;
	} else if (message.type != MESSAGE_OK) {
		rc = err_set(err, "the node said \"%s\" out of turn",
			     message_type_text(message.type));
	}
	message_free(&message);
	return rc;
}

static int finish(struct stream *stream, const struct remote_options *options, struct err *err)
{
	AUTO_STR struct str line = STR_INIT;
	request_end(&line);
	if (stream_write(stream, line.data, line.length, options->answer_timeout_ms, err) != 0)
		return -1;
	return host_done(stream, options->answer_timeout_ms, err);
}

void host_copy(struct host *host, const struct remote_options *options)
{
	struct err err = ERR_INIT;
	AUTO_STR struct str failure = STR_INIT;
	struct stream *stream = host_begin(host, options, "copy", NULL, options->stop, &err);
	int rc = stream ? 0 : -1;
	for (size_t i = 0; rc >= 0 && i < options->copy->count; i++)
		rc = send_file(stream, options, &options->copy->files[i], &failure, &err);
	if (rc >= 0)
		rc = finish(stream, options, &err);
	host_end(host, stream);
	if (rc < 0)
		host_fail(host, err.text);
	else if (failure.length > 0)
		host_fail(host, str_text(&failure));
	host_disconnect(host);
}
