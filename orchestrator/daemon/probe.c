/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "daemon/probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libssh/libssh.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

enum {
	REFUSALS_MAX = 5,
	HANDSHAKES_MAX = 3,
	WAKE_WAIT_MS = 300,
	SETTLE_MS = 5,
	SYN_WAIT_MS = 1500,
	/* Between two questions, so that a living node under load is not flooded. */
	PAUSE_MS = 50,
};

struct probe {
	pthread_t thread;
	char *address, *key, *interface, *server;
	int notify_fd;
	void *context;
	enum probe_result result;
	atomic_bool cancelled;
	bool heard; /* a timestamp reply came: a whole system lives there */
};

static int64_t now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static uint16_t checksum(const void *bytes, size_t length)
{
	uint32_t sum = 0;
	const uint8_t *at = bytes;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)(at[i] << 8 | at[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

struct icmp_times {
	struct iphdr ip;
	struct icmphdr icmp;
	uint32_t times[3];
} __attribute__((packed));

static bool is_reply(const struct icmp_times *packet, ssize_t length, const struct probe *probe)
{
	return length >= (ssize_t)(sizeof(packet->ip) + sizeof(packet->icmp)) &&
	       packet->ip.ihl == 5 && packet->ip.saddr == inet_addr(probe->address) &&
	       packet->icmp.type == ICMP_TIMESTAMPREPLY;
}

/* Until shortly after a reply, which a stranger with a whole system gives also,
   or its time is over. Not longer: what the stranger says later turns the switch
   again. */
static void hear(struct probe *probe, int fd)
{
	int64_t end_ms = now_ms() + WAKE_WAIT_MS;
	int64_t left_ms;
	bool heard = false;
	while ((left_ms = end_ms - now_ms()) > 0) {
		struct pollfd event = { .fd = fd, .events = POLLIN };
		struct icmp_times packet;
		if (poll(&event, 1, (int)left_ms) <= 0)
			continue;
		ssize_t got = recv(fd, &packet, sizeof(packet), MSG_DONTWAIT);
		if (is_reply(&packet, got, probe) && !heard) {
			probe->heard = heard = true;
			end_ms = now_ms() + SETTLE_MS;
		}
	}
}

/*
 * Two machines with one MAC: the switch sends what is for both to the one that
 * spoke last, and that is the stranger. So first make the node speak: an ICMP
 * timestamp request, for its IP address but to the broadcast MAC, reaches
 * both; Linux answers it and iPXE does not (RFC 792; linux net/ipv4/icmp.c).
 * Without the right to raw sockets there is only the plain question.
 */
static void wake(struct probe *probe, int fd, int replies)
{
	struct icmp_times packet = { 0 };
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex(probe->interface),
		.sll_halen = ETH_ALEN,
	};
	if (fd < 0 || replies < 0)
		return;
	memset(to.sll_addr, 0xff, ETH_ALEN);
	packet.ip.version = 4;
	packet.ip.ihl = 5;
	packet.ip.tot_len = htons(sizeof(packet));
	packet.ip.ttl = 1;
	packet.ip.protocol = IPPROTO_ICMP;
	packet.ip.saddr = inet_addr(probe->server);
	packet.ip.daddr = inet_addr(probe->address);
	packet.ip.check = checksum(&packet.ip, sizeof(packet.ip));
	packet.icmp.type = ICMP_TIMESTAMP;
	packet.icmp.checksum = checksum((const char *)&packet + sizeof(packet.ip),
					sizeof(packet) - sizeof(packet.ip));
	if (sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) > 0)
		hear(probe, replies);
}

/* A connected descriptor, or -1 with errno. */
static int connect_once(const struct probe *probe)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(PROBE_PORT) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -1;
	int why = 0;
	socklen_t size = sizeof(why);
	int64_t end_ms = now_ms() + SYN_WAIT_MS;
	inet_pton(AF_INET, probe->address, &to.sin_addr);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0 && errno != EINPROGRESS)
		why = errno;
	while (why == 0) {
		struct pollfd event = { .fd = fd, .events = POLLOUT };
		if (poll(&event, 1, 100) > 0) {
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &why, &size);
			if (why == 0)
				return fd;
		} else if (now_ms() >= end_ms || probe->cancelled) {
			why = ETIMEDOUT;
		}
	}
	close(fd);
	errno = why;
	return -1;
}

/*
 * A refusal may be the stranger's and not the node's: ask again. How long
 * depends on whether a whole system was heard at the address. iPXE alone is not,
 * and does not wait for nothing; but a living node must be found even if the
 * stranger speaks all the time, or the machine is so loaded that each question
 * comes too late.
 */
static int connect_node(struct probe *probe)
{
	/* Open all the time: a reply may come after its turn, from a machine under load. */
	AUTO_CLOSE int packets = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	AUTO_CLOSE int replies = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	int64_t begin_ms = now_ms();
	for (int refusals = 0;;) {
		wake(probe, packets, replies);
		int fd = connect_once(probe);
		if (fd >= 0)
			return fd;
		refusals += errno == ECONNREFUSED;
		int64_t spent_ms = now_ms() - begin_ms;
		bool enough = probe->heard ? spent_ms >= PROBE_HEARD_TIMEOUT_MS
					   : refusals >= REFUSALS_MAX ||
						     spent_ms >= PROBE_CONNECT_TIMEOUT_MS;
		if (enough || probe->cancelled)
			return -1;
		nanosleep(&(struct timespec){ 0, PAUSE_MS * 1000000L }, NULL);
	}
}

static enum probe_result compare_key(ssh_session session, const char *pinned)
{
	ssh_key key = NULL;
	char *base64 = NULL;
	enum probe_result result = PROBE_UNCLEAR;
	if (ssh_get_server_publickey(session, &key) == SSH_OK &&
	    ssh_pki_export_pubkey_base64(key, &base64) == SSH_OK) {
		AUTO_FREE char *line = xasprintf("ssh-ed25519 %s", base64);
		result = strcmp(line, pinned) == 0 ? PROBE_SAME_KEY : PROBE_OTHER_KEY;
	}
	ssh_key_free(key);
	ssh_string_free_char(base64);
	return result;
}

static enum probe_result handshake(const struct probe *probe, int fd)
{
	enum probe_result result = PROBE_UNCLEAR;
	ssh_session session = ssh_new();
	long timeout_s = PROBE_HANDSHAKE_TIMEOUT_S;
	int no = 0;
	if (session == NULL) {
		close(fd);
		return result;
	}
	/* The key exchange proves that the other side has the private key. */
	if (ssh_options_set(session, SSH_OPTIONS_HOST, probe->address) == SSH_OK &&
	    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no) == SSH_OK &&
	    ssh_options_set(session, SSH_OPTIONS_HOSTKEYS, "ssh-ed25519") == SSH_OK &&
	    ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &timeout_s) == SSH_OK &&
	    ssh_options_set(session, SSH_OPTIONS_FD, &fd) == SSH_OK &&
	    ssh_connect(session) == SSH_OK)
		result = compare_key(session, probe->key);
	ssh_disconnect(session);
	ssh_free(session);
	return result;
}

/* A handshake can end early because the stranger got a packet of it, and reset
   the connection. Once something has listened there, silence is no answer. */
static enum probe_result ask(struct probe *probe)
{
	int64_t end_ms = now_ms() + PROBE_HANDSHAKE_TIMEOUT_S * 1000L;
	enum probe_result result = PROBE_SILENT;
	for (int i = 0; i < HANDSHAKES_MAX; i++) {
		int fd = connect_node(probe);
		if (fd < 0)
			break;
		result = handshake(probe, fd);
		if (result != PROBE_UNCLEAR || probe->cancelled || now_ms() >= end_ms)
			break;
	}
	return result;
}

static void *thread_main(void *argument)
{
	struct probe *probe = argument;
	probe->result = ask(probe);
	/* Smaller than PIPE_BUF: whole or not at all. */
	ssize_t ignored = write(probe->notify_fd, &probe->context, sizeof(probe->context));
	(void)ignored;
	return NULL;
}

int probe_start(const char *address, const char *key, const char *interface, const char *server,
		int notify_fd, void *context, struct probe **probe, struct err *err)
{
	struct probe *made = xcalloc(1, sizeof(*made));
	made->address = xstrdup(address);
	made->key = xstrdup(key);
	made->interface = xstrdup(interface);
	made->server = xstrdup(server);
	made->notify_fd = notify_fd;
	made->context = context;
	int rc = pthread_create(&made->thread, NULL, thread_main, made);
	if (rc != 0) {
		free(made->address);
		free(made->key);
		free(made->interface);
		free(made->server);
		free(made);
		return err_set_errno(err, rc, "a thread");
	}
	*probe = made;
	return 0;
}

enum probe_result probe_result(const struct probe *probe)
{
	return probe->result;
}

const char *probe_address(const struct probe *probe)
{
	return probe->address;
}

void probe_free(struct probe *probe)
{
	if (probe == NULL)
		return;
	probe->cancelled = true;
	pthread_join(probe->thread, NULL);
	free(probe->address);
	free(probe->key);
	free(probe->interface);
	free(probe->server);
	free(probe);
}
