/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_GPT_H
#define SYSTEM_GPT_H
#include <stdint.h>

#include "base/err.h"
/*
 * How whole a GPT is. It stands on a disk twice, at the start and at the end, and is written
 * without a journal: protective MBR, then header and entries of the one half, then of the
 * other. libparted reads one that was interrupted, but does not say so by itself in every case.
 * (UEFI specification 2.10, 5.3.)
 */
enum gpt_state {
	GPT_NONE,  /* neither half is valid */
	GPT_BEGUN, /* so too, but all that is at both ends is the beginning of a table, whose
		      partitions are ours as far as it has any */
	GPT_TORN,  /* one half is valid, or both are and do not agree */
	GPT_WHOLE,
};

/* Only reads. our_prefix: of the names of partitions that are ours, ASCII. */
int gpt_read_state(const char *device, uint64_t sector_bytes, const char *our_prefix,
		   enum gpt_state *state, struct err *err);
/* What a table takes at the start of a disk: MBR, header and 128 entries. At its end it takes
   one sector less. */
uint64_t gpt_head_bytes(uint64_t sector_bytes);
/*
 * The MBR's code (its first 440 bytes) on a disk that nothing is started from: int 18h, with which
 * a BIOS goes on to its next boot device ("BIOS Boot Specification" 1.01, 6.7). Without code it
 * would run zeros: what counts for a BIOS is the signature at the sector's end, which a protective
 * MBR has, too. A disk that holds this alone is GPT_BEGUN.
 */
enum { GPT_BOOT_CODE_BYTES = 440 };
extern const unsigned char GPT_PASS_ON[GPT_BOOT_CODE_BYTES];
#endif
