/* SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef DAEMON_ROUTES_H
#define DAEMON_ROUTES_H
#include "daemon/http.h"
/* What is answered to whom: the table of "Network boot" in docs/architecture.md. */

/* Answer a request whose body is complete, or let it wait. */
enum MHD_Result route(struct request *request, const char *method, const char *path);

/* GET /ipxe: who may boot (gate.c). */
enum MHD_Result route_ipxe(struct request *request);
#endif
