/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MODEL_JOURNAL_H
#define MODEL_JOURNAL_H
/* Where nodes send what they have to say, on the cluster manager: docs/manager.md, "Journals". */
enum {
	JOURNAL_PORT = 19532,	    /* TCP, systemd-journal-remote's */
	JOURNAL_KERNEL_PORT = 6666, /* UDP, netconsole's own */
};
#endif
