/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "system/gpt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"

enum {
	HEADER_BYTES = 92,
	ENTRY_BYTES = 128,
	ENTRIES = 128,
	ENTRIES_BYTES = ENTRIES * ENTRY_BYTES,
	ENTRIES_MOST_BYTES = 1024 * 1024,
	NAME_AT = 56, /* in an entry, UTF-16LE */
	MBR_ENTRIES_AT = 446,
	MBR_ENTRY_BYTES = 16,
	MBR_TYPE_AT = 4,
	MBR_PROTECTIVE = 0xee,
};
/* int 18h, and should it come back: hlt, and again. */
const unsigned char GPT_PASS_ON[GPT_BOOT_CODE_BYTES] = { 0xcd, 0x18, 0xf4, 0xeb, 0xfd };

static const char SIGNATURE[] = "EFI PART";

struct half {
	bool valid;
	uint64_t other;	      /* sector of the other half's header */
	uint64_t first, last; /* sectors that partitions may have */
	unsigned char disk_guid[16];
	uint32_t entries_crc;
};

uint64_t gpt_head_bytes(uint64_t sector_bytes)
{
	return 2 * sector_bytes + ENTRIES_BYTES;
}

static uint64_t little(const unsigned char *at, size_t bytes)
{
	uint64_t value = 0;
	while (bytes-- > 0)
		value = value << 8 | at[bytes];
	return value;
}

/* CRC-32 of IEEE 802.3, bit by bit: a table has 16 KiB. */
static uint32_t crc32_of(const unsigned char *data, size_t length)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < length; i++) {
		crc ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

static bool read_at(int fd, uint64_t at, unsigned char *to, size_t length)
{
	return pread(fd, to, length, (off_t)at) == (ssize_t)length;
}

/* The entries' checksum is that of the header? */
static bool entries_match(int fd, uint64_t sector_bytes, const unsigned char *header, uint32_t crc)
{
	uint64_t length = little(header + 80, 4) * little(header + 84, 4);
	if (length == 0 || length > ENTRIES_MOST_BYTES)
		return false;
	unsigned char *entries = xcalloc(1, length);
	bool same = read_at(fd, little(header + 72, 8) * sector_bytes, entries, length) &&
		    crc32_of(entries, length) == crc;
	free(entries);
	return same;
}

static struct half read_half(int fd, uint64_t sector_bytes, uint64_t sector)
{
	unsigned char header[HEADER_BYTES];
	struct half half = { 0 };
	if (!read_at(fd, sector * sector_bytes, header, sizeof(header)) ||
	    memcmp(header, SIGNATURE, strlen(SIGNATURE)) != 0 ||
	    little(header + 12, 4) != HEADER_BYTES || little(header + 24, 8) != sector)
		return half;
	uint64_t crc = little(header + 16, 4);
	memset(header + 16, 0, 4);
	half.other = little(header + 32, 8);
	half.first = little(header + 40, 8);
	half.last = little(header + 48, 8);
	memcpy(half.disk_guid, header + 56, sizeof(half.disk_guid));
	half.entries_crc = (uint32_t)little(header + 88, 4);
	half.valid = crc32_of(header, sizeof(header)) == crc &&
		     entries_match(fd, sector_bytes, header, half.entries_crc);
	return half;
}

static bool agree(const struct half *a, const struct half *b)
{
	return a->first == b->first && a->last == b->last && a->entries_crc == b->entries_crc &&
	       memcmp(a->disk_guid, b->disk_guid, sizeof(a->disk_guid)) == 0;
}

static bool is_zero(const unsigned char *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (data[i] != 0)
			return false;
	return true;
}

static bool is_begun_mbr(const unsigned char *mbr, uint64_t sector_bytes)
{
	const unsigned char *first = mbr + MBR_ENTRIES_AT;
	if (memcmp(mbr, GPT_PASS_ON, sizeof(GPT_PASS_ON)) != 0 &&
	    !is_zero(mbr, sizeof(GPT_PASS_ON)))
		return false;
	if (!is_zero(mbr + sizeof(GPT_PASS_ON), MBR_ENTRIES_AT - sizeof(GPT_PASS_ON)))
		return false;
	if (is_zero(first, sector_bytes - MBR_ENTRIES_AT))
		return true;
	return first[MBR_TYPE_AT] == MBR_PROTECTIVE &&
	       is_zero(first + MBR_ENTRY_BYTES, 3 * MBR_ENTRY_BYTES) && mbr[510] == 0x55 &&
	       mbr[511] == 0xaa && is_zero(mbr + 512, sector_bytes - 512);
}
static bool is_begun_header(const unsigned char *header, uint64_t sector_bytes)
{
	return is_zero(header, sector_bytes) ||
	       (memcmp(header, SIGNATURE, strlen(SIGNATURE)) == 0 &&
		is_zero(header + HEADER_BYTES, sector_bytes - HEADER_BYTES));
}

static bool are_begun_entries(const unsigned char *entries, const char *our_prefix)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		const unsigned char *entry = entries + i * ENTRY_BYTES;
		const unsigned char *name = entry + NAME_AT;
		bool ours = true;
		for (size_t c = 0; our_prefix[c]; c++)
			ours = ours && name[2 * c] == (unsigned char)our_prefix[c] &&
			       name[2 * c + 1] == 0;
		if (!ours && !is_zero(entry, ENTRY_BYTES))
			return false;
	}
	return true;
}

/* A first table that was interrupted before one half was whole. */
static bool is_begun(int fd, uint64_t sector_bytes, uint64_t size, const char *our_prefix)
{
	uint64_t head_bytes = gpt_head_bytes(sector_bytes);
	unsigned char *data = xcalloc(2, head_bytes);
	unsigned char *tail = data + head_bytes;
	bool begun =
		size >= 2 * head_bytes && read_at(fd, 0, data, head_bytes) &&
		read_at(fd, size - head_bytes + sector_bytes, tail, head_bytes - sector_bytes) &&
		!(is_zero(data, head_bytes) && is_zero(tail, head_bytes)) &&
		is_begun_mbr(data, sector_bytes) &&
		is_begun_header(data + sector_bytes, sector_bytes) &&
		are_begun_entries(data + 2 * sector_bytes, our_prefix) &&
		are_begun_entries(tail, our_prefix) &&
		is_begun_header(tail + ENTRIES_BYTES, sector_bytes);
	free(data);
	return begun;
}

int gpt_read_state(const char *device, uint64_t sector_bytes, const char *our_prefix,
		   enum gpt_state *state, struct err *err)
{
	AUTO_CLOSE int fd = open(device, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	if (size < 0)
		return err_set_errno(err, errno, "%s", device);
	uint64_t last = (uint64_t)size / sector_bytes - 1;
	struct half primary = read_half(fd, sector_bytes, 1);
	/* Where the disk has grown, the second half is where the first one says. */
	struct half backup = read_half(fd, sector_bytes, primary.valid ? primary.other : last);
	if (primary.valid && backup.valid)
		*state = agree(&primary, &backup) ? GPT_WHOLE : GPT_TORN;
	else if (primary.valid || backup.valid)
		*state = GPT_TORN;
	else
		*state = is_begun(fd, sector_bytes, (uint64_t)size, our_prefix) ? GPT_BEGUN
										: GPT_NONE;
	return 0;
}
