/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/notify.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* sd-event sends it between two iterations, from its own timer: exactly what is wanted. */
int notify_watchdog(sd_event *event) {
        return sd_event_set_watchdog(event, 1);
}

void notify_status(const struct status_counts *n) {
        static char told[128];
        char text[sizeof(told)];
        int length;

        length = snprintf(text, sizeof(text), "STATUS=%u zone%s running", n->running, n->running == 1 ? "" : "s");
        if (n->failed)
                length += snprintf(text + length, sizeof(text) - length, ", %u failed", n->failed);
        if (n->other)
                snprintf(text + length, sizeof(text) - length, ", %u other", n->other);
        if (strcmp(text, told) == 0)
                return;
        strcpy(told, text);
        sd_notify(0, text);
}

void notify_ready(void) {
        sd_notify(0, "READY=1");
}

void notify_reloading(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu", t.tv_sec * 1000000ULL + t.tv_nsec / 1000);
}

void notify_stopping(void) {
        sd_notify(0, "STOPPING=1");
}
