/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef SYSTEM_CONTENT_H
#define SYSTEM_CONTENT_H
#include <stdint.h>

#include "base/err.h"
/*
 * Whether a disk without any known signature is empty. Read are its first and last MiB and
 * CONTENT_SAMPLES pieces of 64 KiB, evenly spread and always the same: 34 MiB at most, whatever
 * the size of the disk. A disk of 32 MiB or less is read whole.
 *
 * Found for certain: anything that covers 1/CONTENT_SAMPLES of the disk in one piece. What is
 * scattered over a share f of the disk is missed with a probability of (1 - f)^CONTENT_SAMPLES:
 * 0.6 % for a hundredth of the disk. Missed may be a few MiB in the middle of a big disk that
 * is otherwise zero.
 */
enum { CONTENT_SAMPLES = 512 };

/* The first byte that is not zero of those read, and what cannot be read is not known to be
   empty: -1 when there is none. `head` and `tail`: bytes at the two ends that are not looked at. */
int content_find(const char *device, uint64_t head, uint64_t tail, int64_t *at, struct err *err);
#endif
