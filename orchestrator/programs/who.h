/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef PROGRAMS_WHO_H
#define PROGRAMS_WHO_H
/* The person at the keyboard, for locks and logs: "ann@desk", also under sudo.
   The caller frees. */
char *who_am_i(void);
#endif
