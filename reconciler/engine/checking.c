/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A zone's images are looked at in a job: they may lie on a file system that does
 * not answer. Who finds that out corrects the file, or deletes it: then the action
 * is given up (nothing was done yet), and the job is left to itself.
 */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "engine/task.h"

/* Outlives the task that it is for, if that is given up: a job cannot be called off. */
struct checking {
        struct task *task;
        struct job *job;
        struct zone_spec *spec;
        struct board_spec board; /* what a device tree tells of it, and no more */
        bool has_board;
        struct boot boot;
        struct diagnostics diagnostics;
        int images[ZONE_DEVICES_MAX]; /* -1: none */
};

static void checking_free(void *userdata) {
        struct checking *c = userdata;

        for (size_t i = 0; i < ELEMENTSOF(c->images); i++)
                fd_close(c->images[i]);
        boot_close(&c->boot);
        diagnostics_clear(&c->diagnostics);
        zone_spec_free(c->spec);
        free(c);
}

void task_abandon_check(struct task *t) {
        if (t->checking)
                job_abandon(t->checking->job, &task_engine(t)->abandoned, checking_free);
        t->checking = NULL;
}

/* What was checked is what will be loaded and served: files stay open until they are copied, disks until their workers
 * have them. */
static int work_check(void *userdata, struct err *err) {
        struct checking *c = userdata;
        char first[400];
        int r = boot_prepare(c->spec, c->has_board ? &c->board : NULL, &c->diagnostics, &c->boot);
        int devices = zone_check_devices(c->spec, &c->diagnostics);

        r = r < 0 ? r : devices;
        if (r < 0) {
                diagnostics_summary(&c->diagnostics, first, sizeof(first));
                err_set(err, r, "%s", first[0] ? first : strerror(-r));
        }
        for (size_t i = 0; r == 0 && i < c->spec->num_devices; i++)
                r = device_image_open(&c->spec->devices[i], &c->images[i], err);
        return r;
}

/* What the guest would stumble over; what is wrong altogether is the task's error. */
static void tell_warnings(struct task *t, const struct diagnostics *d) {
        char text[400];

        for (size_t i = 0; i < d->count; i++)
                if (d->items[i].severity == SEVERITY_WARNING)
                        engine_record(task_engine(t), LOG_WARNING, MESSAGE_ZONE_WARNING, t->zone->name, NULL,
                                      action_kind_to_string(t->kind), "warning", "%s",
                                      diagnostic_text(&d->items[i], text, sizeof(text)));
}

/* A restart is checked before anything is stopped: a wrong path must not take a running zone down. */
static void go_on(struct task *t, int result, const struct err *err) {
        if (t->kind == ACTION_ZONE_RESTART)
                t->zone->restart_requested = false; /* this is it */
        if (task_job_failed(t, result, err)) {
                t->error = result;
                task_finish(t);
        } else {
                task_enter(t, t->kind == ACTION_ZONE_RESTART ? STEP_STOP : STEP_MAKE);
        }
}

static void done_check(void *userdata, int result, const struct err *err) {
        struct checking *c = userdata;
        struct task *t = c->task;

        t->checking = NULL;
        memcpy(t->images, c->images, sizeof(t->images));
        memset(c->images, -1, sizeof(c->images));
        t->board = c->board;
        t->has_board = c->has_board;
        boot_close(&t->boot);
        t->boot = c->boot;
        c->boot = BOOT_NONE;
        tell_warnings(t, &c->diagnostics);
        checking_free(c);
        go_on(t, result, err);
}

void task_enter_check(struct task *t) {
        struct checking *c = calloc(1, sizeof(*c));
        int r = -ENOMEM;

        if (c) {
                const struct board_spec *board = task_engine(t)->desired.board;

                *c = (struct checking){ .task = t, .spec = zone_spec_copy(t->spec), .boot = BOOT_NONE };
                if (board) {
                        c->board = (struct board_spec){
                                .architecture = board->architecture,
                                .affinities = board->affinities,
                                .gic = board->gic,
                                .plic = board->plic,
                                .aplic = board->aplic,
                        };
                        c->has_board = true;
                }
                memset(c->images, -1, sizeof(c->images));
                if (c->spec)
                        r = job_start(task_engine(t)->config.event, work_check, done_check, c, &c->job);
                if (r >= 0) {
                        t->checking = c;
                        return;
                }
                checking_free(c);
        }
        go_on(t, err_set(&t->err, r, "checking its images: %s", strerror(-r)), &t->err);
}
