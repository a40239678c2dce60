/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd is told: sd_notify(3). Nothing happens where nobody asked for it. */
#pragma once

#include <systemd/sd-event.h>

#include "plan/status.h"

/** notify_watchdog() - WATCHDOG=1 from the event loop itself: a loop that stands still tells nothing */
int notify_watchdog(sd_event *event);

/** notify_status() - STATUS=, only if it differs from what was told last */
void notify_status(const struct status_counts *n);

void notify_ready(void); /* also ends what notify_reloading() began */
void notify_reloading(void);
void notify_stopping(void);
