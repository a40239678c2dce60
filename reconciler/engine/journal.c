/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "engine/journal.h"

#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include "base/log.h"

#define FIELDS_MAX 10

static bool to_journal;

void journal_open(void) {
        to_journal = log_is_journal(STDERR_FILENO);
}

/* One record being put together; fields that do not fit or are not given are left out. */
struct fields {
        struct iovec list[FIELDS_MAX];
        char *owned[FIELDS_MAX];
        int count;
};

static void add(struct fields *f, const char *name, const char *value) {
        char *s;

        if (!value || f->count == FIELDS_MAX || asprintf(&s, "%s=%s", name, value) < 0)
                return;
        f->owned[f->count] = s;
        f->list[f->count++] = (struct iovec){ .iov_base = s, .iov_len = strlen(s) };
}

static int send_fields(const struct record *r, const char *message) {
        struct fields f = {};
        char priority[12];
        int n;

        snprintf(priority, sizeof(priority), "%d", MIN(r->level, LOG_DEBUG));
        add(&f, "MESSAGE", message);
        add(&f, "PRIORITY", priority);
        add(&f, "MESSAGE_ID", r->message_id);
        add(&f, "SYSLOG_IDENTIFIER", log_program());
        add(&f, "ZONE", r->zone);
        add(&f, "DEVICE", r->device);
        add(&f, "ACTION", r->action);
        add(&f, "RESULT", r->result);
        add(&f, "REASON", r->reason);
        n = sd_journal_sendv(f.list, f.count);
        for (int i = 0; i < f.count; i++)
                free(f.owned[i]);
        return n;
}

void journal_record(const struct record *r) {
        char message[1024];

        if (r->level > log_level())
                return;
        if (r->zone && r->device)
                snprintf(message, sizeof(message), "zone %s, device %s: %s", r->zone, r->device, r->text);
        else if (r->zone)
                snprintf(message, sizeof(message), "zone %s: %s", r->zone, r->text);
        else
                snprintf(message, sizeof(message), "%s", r->text);
        if (!to_journal || send_fields(r, message) < 0)
                log_at(r->level, "%s", message);
}
