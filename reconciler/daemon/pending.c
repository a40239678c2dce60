/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/pending.h"

#include <string.h>

#include "base/macros.h"

#define ALL_WAIT_MAX UINT64_C(5000000) /* µs */

/* No file is looked at before its time: one that went may be on its way back. */
static void become_all(struct pending *p, uint64_t now, uint64_t due) {
        for (size_t i = 0; i < p->num_files; i++)
                due = MAX(due, p->files[i].due);
        *p = (struct pending){ .all = true, .all_due = due, .all_since = now };
}

static void add_all(struct pending *p, uint64_t now, uint64_t due) {
        if (p->all) {
                due = MAX(p->all_due, due);
                p->all_due = MIN(due, p->all_since + ALL_WAIT_MAX);
                return;
        }
        become_all(p, now, due);
}

static struct pending_file *find(struct pending *p, const char *name, unsigned part) {
        for (size_t i = 0; i < p->num_files; i++)
                if (p->files[i].part == part && strcmp(p->files[i].name, name) == 0)
                        return &p->files[i];
        return NULL;
}

static void add_file(struct pending *p, const char *name, unsigned part, uint64_t now, uint64_t due, bool sooner) {
        struct pending_file *f = find(p, name, part);

        if (f) {
                f->due = sooner ? due : MAX(f->due, due);
        } else if (p->num_files == PENDING_MAX) {
                add_all(p, now, due);
        } else {
                f = &p->files[p->num_files++];
                strcpy(f->name, name);
                f->part = part;
                f->due = due;
        }
}

void pending_add(struct pending *p, const char *file, unsigned part, uint64_t now, uint64_t due, bool sooner) {
        if (!file && sooner)
                become_all(p, now, due);
        else if (!file || p->all) /* a directory that is being filled, perhaps: each file puts it off */
                add_all(p, now, due);
        else
                add_file(p, file, part, now, due, sooner);
}

/* When the last part of a name is due. */
static uint64_t due_of(const struct pending *p, const char *name) {
        uint64_t due = 0;

        for (size_t i = 0; i < p->num_files; i++)
                if (strcmp(p->files[i].name, name) == 0)
                        due = MAX(due, p->files[i].due);
        return due;
}

uint64_t pending_next(const struct pending *p) {
        uint64_t next = p->all ? p->all_due : UINT64_MAX;

        for (size_t i = 0; i < p->num_files; i++)
                next = MIN(next, due_of(p, p->files[i].name));
        return next;
}

static void forget(struct pending *p, const char *name) {
        size_t kept = 0;

        for (size_t i = 0; i < p->num_files; i++)
                if (strcmp(p->files[i].name, name) != 0 && kept++ != i)
                        p->files[kept - 1] = p->files[i];
        p->num_files = kept;
}

size_t pending_take(struct pending *p, uint64_t now, char names[PENDING_MAX][NAME_MAX + 1], bool *ret_all) {
        size_t taken = 0;

        *ret_all = p->all && p->all_due <= now;
        if (*ret_all)
                *p = (struct pending){};
        for (size_t i = 0; i < p->num_files;) {
                if (due_of(p, p->files[i].name) > now) {
                        i++;
                        continue;
                }
                strcpy(names[taken], p->files[i].name);
                forget(p, names[taken++]); /* itself, and what comes after it */
        }
        return taken;
}
