/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Frames of every kind that may leak from one network into another:
 *   frames send LINK COUNT LABEL      COUNT of each kind, from LINK; "" is a label, too
 *   frames tagged LINK COUNT TAG      the same with a tag of one's own, and with two
 *   frames count MS LINK…             for so long, or until SIGTERM: `LINK KIND N` per link and kind seen, `LINK
 *                                     tags T…` with all outer tags, and `ready` when it listens
 * A frame is known by a word in it, wherever it stands.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define WORD "moyai-frame:"
enum { FRAME_MAX = 256, LINKS_MAX = 8, KINDS = 7, TAGS_MAX = 8 };

/* Kind, where it goes, and what it is. The host 02:…:77 is nowhere: a bridge floods it. */
static const struct kind {
	const char *name;
	unsigned char to[6];
	uint16_t type;
} KIND[KINDS] = {
	{ "broadcast", { 255, 255, 255, 255, 255, 255 }, ETHERTYPE_IP },
	{ "arp", { 255, 255, 255, 255, 255, 255 }, ETHERTYPE_ARP },
	{ "ipv4", { 2, 0, 0, 0, 0, 0x77 }, ETHERTYPE_IP },
	{ "ipv6", { 0x33, 0x33, 0, 0, 0, 1 }, ETHERTYPE_IPV6 },
	{ "multicast", { 1, 0, 0x5e, 0, 0, 0xfb }, ETHERTYPE_IP },
	{ "unknown", { 2, 0, 0, 0, 0, 0x78 }, 0x88b5 },	  /* IEEE 802: local experiments */
	{ "stp", { 1, 0x80, 0xc2, 0, 0, 0x0e }, 0x88cc }, /* LLDP's address: no bridge passes it */
};

static int fail(const char *what)
{
	fprintf(stderr, "frames: %s: %s\n", what, strerror(errno));
	return 1;
}

static int open_link(const char *link, struct sockaddr_ll *at)
{
	*at = (struct sockaddr_ll){ .sll_family = AF_PACKET,
				    .sll_protocol = htons(ETH_P_ALL),
				    .sll_ifindex = (int)if_nametoindex(link) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (at->sll_ifindex == 0 || fd < 0 || bind(fd, (struct sockaddr *)at, sizeof(*at)) != 0)
		return -1;
	return fd;
}

static size_t put16(unsigned char *frame, size_t at, unsigned value)
{
	frame[at] = (unsigned char)(value >> 8);
	frame[at + 1] = (unsigned char)value;
	return at + 2;
}

/* RFC 1071 */
static unsigned checksum(const unsigned char *bytes, size_t length)
{
	uint32_t sum = 0;
	for (size_t i = 0; i + 1 < length; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16)) & 0xffff;
}

/* A bridge looks at headers, and drops what is none. Returns the header's length. */
static size_t put_header(unsigned char *at, const struct kind *kind, size_t text)
{
	static const unsigned char GROUP4[] = { 224, 0, 0, 251 };
	static const unsigned char GROUP6[] = { 0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 };
	static const unsigned char ARP[] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	if (kind->type == ETHERTYPE_ARP) {
		memcpy(at, ARP, sizeof(ARP));
		return 28;
	}
	if (kind->type == ETHERTYPE_IPV6) {
		at[0] = 0x60;
		put16(at, 4, (unsigned)text);
		at[6] = 59; /* nothing follows */
		at[7] = 1;
		at[8] = 0xfe;
		at[9] = 0x80;
		at[23] = 0x76;
		memcpy(at + 24, GROUP6, sizeof(GROUP6));
		return 40;
	}
	if (kind->type != ETHERTYPE_IP)
		return 0;
	at[0] = 0x45;
	put16(at, 2, (unsigned)(20 + text));
	at[8] = 1;
	at[9] = 253; /* RFC 3692: experiments */
	at[12] = 10;
	at[15] = 0x76;
	memset(at + 16, kind->to[0] == 255 ? 255 : 0, 4);
	if (kind->to[0] == 1)
		memcpy(at + 16, GROUP4, sizeof(GROUP4));
	else if (kind->to[0] != 255)
		memcpy(at + 16, (unsigned char[]){ 10, 0, 0, 0x77 }, 4);
	put16(at, 10, checksum(at, 20));
	return 20;
}

/* tags: TPID and id of each, outermost first. */
static size_t make(unsigned char frame[FRAME_MAX], const struct kind *kind, const char *label,
		   const unsigned (*tags)[2], size_t tag_count)
{
	static const unsigned char FROM[6] = { 2, 0, 0, 0, 0, 0x76 };
	char text[64];
	size_t at = 12;
	size_t length =
		(size_t)snprintf(text, sizeof(text), WORD "%s%s;%24s", label, kind->name, "");
	memset(frame, 0, FRAME_MAX);
	memcpy(frame, kind->to, 6);
	memcpy(frame + 6, FROM, 6);
	for (size_t i = 0; i < tag_count; i++) {
		at = put16(frame, at, tags[i][0]);
		at = put16(frame, at, tags[i][1]);
	}
	at = put16(frame, at, kind->type);
	at += put_header(frame + at, kind, length);
	memcpy(frame + at, text, length);
	return at + length;
}

static int send_all(const char *link, int count, const char *label, const unsigned (*tags)[2],
		    size_t tag_count)
{
	struct sockaddr_ll at;
	int fd = open_link(link, &at);
	unsigned char frame[FRAME_MAX];
	if (fd < 0)
		return fail(link);
	for (int i = 0; i < count; i++) {
		for (size_t k = 0; k < KINDS; k++) {
			size_t length = make(frame, &KIND[k], label, tags, tag_count);
			if (send(fd, frame, length, 0) != (ssize_t)length)
				return fail(link);
		}
		/* Whoever counts is to keep up. */
		nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
	}
	close(fd);
	return 0;
}

struct seen {
	const char *link;
	int fd;
	char words[64][32];
	unsigned counts[64];
	size_t count;
	unsigned tags[TAGS_MAX];
	size_t tag_count;
};

static void note_tag(struct seen *seen, unsigned tag)
{
	for (size_t i = 0; i < seen->tag_count; i++)
		if (seen->tags[i] == tag)
			return;
	if (seen->tag_count < TAGS_MAX)
		seen->tags[seen->tag_count++] = tag;
}

static void note(struct seen *seen, const char *word, size_t length)
{
	size_t i = 0;
	while (i < seen->count &&
	       (strncmp(seen->words[i], word, length) != 0 || seen->words[i][length] != '\0'))
		i++;
	if (i == 64 || length > 31)
		return;
	if (i == seen->count) {
		memcpy(seen->words[i], word, length);
		seen->count++;
	}
	seen->counts[i]++;
}

/* The kernel takes the outer tag off and hands it beside the frame. */
static void receive(struct seen *seen)
{
	unsigned char frame[2048 + 1];
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	} control;
	struct sockaddr_ll from = { 0 };
	struct iovec part = { frame, sizeof(frame) - 1 };
	struct msghdr message = { .msg_name = &from,
				  .msg_namelen = sizeof(from),
				  .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t got = recvmsg(seen->fd, &message, MSG_DONTWAIT);
	/* What goes out here came in elsewhere, or from the sender. */
	if (got <= 0 || from.sll_pkttype == PACKET_OUTGOING)
		return;
	const unsigned char *word = memmem(frame, (size_t)got, WORD, strlen(WORD));
	if (word == NULL)
		return;
	frame[got] = '\0';
	word += strlen(WORD);
	note(seen, (const char *)word, strcspn((const char *)word, ";"));
	for (struct cmsghdr *head = CMSG_FIRSTHDR(&message); head;
	     head = CMSG_NXTHDR(&message, head)) {
		struct tpacket_auxdata aux;
		if (head->cmsg_level != SOL_PACKET || head->cmsg_type != PACKET_AUXDATA)
			continue;
		memcpy(&aux, CMSG_DATA(head), sizeof(aux));
		note_tag(seen, aux.tp_status & TP_STATUS_VLAN_VALID ? aux.tp_vlan_tci & 0xfffu : 0);
	}
}

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static long now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int count(long ms, char **links, size_t link_count)
{
	static struct seen seen[LINKS_MAX];
	struct pollfd polls[LINKS_MAX];
	for (size_t i = 0; i < link_count; i++) {
		struct sockaddr_ll at;
		seen[i] = (struct seen){ .link = links[i], .fd = open_link(links[i], &at) };
		struct packet_mreq all = { .mr_ifindex = at.sll_ifindex,
					   .mr_type = PACKET_MR_PROMISC };
		if (seen[i].fd < 0 ||
		    setsockopt(seen[i].fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) ||
		    setsockopt(seen[i].fd, SOL_PACKET, PACKET_AUXDATA, &(int){ 1 }, sizeof(int)) ||
		    setsockopt(seen[i].fd, SOL_SOCKET, SO_RCVBUFFORCE, &(int){ 8 << 20 },
			       sizeof(int)))
			return fail(links[i]);
		polls[i] = (struct pollfd){ .fd = seen[i].fd, .events = POLLIN };
	}
	sigaction(SIGTERM, &(struct sigaction){ .sa_handler = end }, NULL);
	puts("ready");
	fflush(stdout);
	long until = now_ms() + ms;
	for (long left = ms; left > 0 && !ended; left = until - now_ms())
		if (poll(polls, (nfds_t)link_count, (int)left) > 0)
			for (size_t i = 0; i < link_count; i++)
				if (polls[i].revents)
					receive(&seen[i]);
	for (size_t i = 0; i < link_count; i++) {
		unsigned all = 0;
		for (size_t j = 0; j < seen[i].count; j++) {
			printf("%s %s %u\n", seen[i].link, seen[i].words[j], seen[i].counts[j]);
			all += seen[i].counts[j];
		}
		printf("%s all %u\n%s tags", seen[i].link, all, seen[i].link);
		for (size_t j = 0; j < seen[i].tag_count; j++)
			printf(" %u", seen[i].tags[j]);
		puts("");
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[1], "send") == 0)
		return send_all(argv[2], atoi(argv[3]), argv[4], NULL, 0);
	if (argc == 5 && strcmp(argv[1], "tagged") == 0) {
		unsigned tag = (unsigned)atoi(argv[4]);
		const unsigned own[][2] = { { 0x8100, tag } };
		const unsigned twice[][2] = { { 0x8100, tag }, { 0x8100, tag } };
		const unsigned provider[][2] = { { 0x88a8, tag } };
		const unsigned priority[][2] = { { 0x8100, 0 }, { 0x8100, tag } };
		return send_all(argv[2], atoi(argv[3]), "own-", own, 1) ||
		       send_all(argv[2], atoi(argv[3]), "twice-", twice, 2) ||
		       send_all(argv[2], atoi(argv[3]), "provider-", provider, 1) ||
		       send_all(argv[2], atoi(argv[3]), "priority-", priority, 2);
	}
	if (argc >= 4 && argc - 3 <= LINKS_MAX && strcmp(argv[1], "count") == 0)
		return count(atol(argv[2]), argv + 3, (size_t)(argc - 3));
	fprintf(stderr,
		"usage: frames send LINK COUNT LABEL | tagged LINK COUNT TAG | count MS LINK…\n");
	return 2;
}
