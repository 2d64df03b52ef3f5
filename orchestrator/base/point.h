/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef BASE_POINT_H
#define BASE_POINT_H
/*
 * Crash points. Everything that changes the outside world (a command, a write
 * to configfs, a commit of a partition table) passes a point before and after.
 * Tests learn the number of points from a run and then kill the program at
 * each of them in turn:
 *   MOYAI_POINTS_FILE=F   append one line "N name" per point passed
 *   MOYAI_CRASH_AT=N      raise SIGKILL on reaching point N (from 1)
 * Without these two variables a point costs one comparison. sshd hands neither
 * to a node unless a test put them there.
 */
void point_pass(const char *name);
/* None of these any more in this process: a child counts for itself. */
void point_stop(void);
#endif
