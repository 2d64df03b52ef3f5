/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "programs/ports.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"

enum { ANSWER_MS = 1000, TABLE_MAX_BYTES = 16 * 1024 * 1024, TCP_LISTEN_STATE = 0x0A };

/* The inode of a socket with this local port in a table as proc(5) describes it, or 0. */
static unsigned long find_inode(const char *path, bool tcp, unsigned port)
{
	AUTO_STR struct str text = STR_INIT;
	if (file_read(path, TABLE_MAX_BYTES, &text, NULL) != 0)
		return 0;
	for (char *rest = text.data; rest;) {
		const char *line = strsep(&rest, "\n");
		unsigned local, state;
		unsigned long inode;
		if (sscanf(line, " %*d: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*s %*s %*s %*s %*s %lu",
			   &local, &state, &inode) == 3 &&
		    local == port && (!tcp || state == TCP_LISTEN_STATE))
			return inode;
	}
	return 0;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	AUTO_FREE char *dir = xasprintf("/proc/%s/fd", pid);
	AUTO_FREE char *wanted = xasprintf("socket:[%lu]", inode);
	AUTO_LIST struct text_list names = TEXT_LIST_INIT;
	if (file_list_dir(dir, &names, NULL) != 0)
		return false;
	for (size_t i = 0; i < names.count; i++) {
		AUTO_FREE char *path = xasprintf("%s/%s", dir, names.items[i]);
		char target[64];
		ssize_t length = readlink(path, target, sizeof(target) - 1);
		if (length <= 0)
			continue;
		target[length] = '\0';
		if (strcmp(target, wanted) == 0)
			return true;
	}
	return false;
}

static void find_owner(unsigned long inode, struct str *who)
{
	AUTO_LIST struct text_list pids = TEXT_LIST_INIT;
	if (file_list_dir("/proc", &pids, NULL) != 0)
		return;
	for (size_t i = 0; i < pids.count; i++) {
		const char *pid = pids.items[i];
		if (!isdigit((unsigned char)pid[0]) || !has_socket(pid, inode))
			continue;
		AUTO_FREE char *path = xasprintf("/proc/%s/comm", pid);
		AUTO_STR struct str name = STR_INIT;
		file_read(path, 256, &name, NULL);
		str_addf(who, "%.*s (pid %s)", (int)strcspn(str_text(&name), "\n"), str_text(&name),
			 pid);
		return;
	}
}

bool ports_taken(enum ports_type type, unsigned port, struct str *who)
{
	bool tcp = type == PORTS_TCP;
	unsigned long inode = find_inode(tcp ? "/proc/net/tcp" : "/proc/net/udp", tcp, port);
	if (inode == 0)
		inode = find_inode(tcp ? "/proc/net/tcp6" : "/proc/net/udp6", tcp, port);
	if (inode == 0)
		return false;
	find_owner(inode, who);
	return true;
}

bool ports_answers(const char *address, unsigned port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	if (address == NULL || inet_pton(AF_INET, address, &to.sin_addr) != 1)
		return false;
	AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
		return true;
	struct pollfd wait = { .fd = fd, .events = POLLOUT };
	int error = errno;
	socklen_t length = sizeof(error);
	if (error != EINPROGRESS || poll(&wait, 1, ANSWER_MS) != 1)
		return false;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}
