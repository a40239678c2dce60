/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk's image is looked at and opened in a job: it may lie on a file system
 * that does not answer, and that is no other zone's affair.
 *
 * A wrong path must not take a running disk away: a new image (or tap) is looked at
 * before the worker that serves the old one is ended, and that one goes on, or
 * comes back.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "engine/prepare.h"

/* Outlives the worker that it is for, if that wants it no more: a job cannot be called off. */
struct opening {
        struct worker *worker;
        struct job *job;
        enum action_kind kind;
        char device[NAME_SIZE];
        char *reason;
        struct zone_spec *wanted;
        struct zone_spec *earlier; /* what the device serves, or did until its worker ended; NULL: not known */
        bool changed;              /* wanted is something else */

        bool refused; /* the image or tap that is wanted cannot be had */
        char refusal[160];
        const struct device_spec *device_spec; /* of wanted or earlier: what was opened, or would have been */
        int fd;                                /* -1: it takes none, or could not be opened */
};

static void opening_free(void *userdata) {
        struct opening *o = userdata;

        fd_close(o->fd);
        zone_spec_free(o->wanted);
        zone_spec_free(o->earlier);
        free(o->reason);
        free(o);
}

void worker_abandon_opening(struct worker *w) {
        if (w->opening)
                job_abandon(w->opening->job, &w->zone->engine->abandoned, opening_free);
        w->opening = NULL;
}

/* ---- in the job ------------------------------------------------------------------------------------- */

int device_image_open(const struct device_spec *d, int *ret_fd, struct err *e) {
        const struct device_preparation *p = device_preparation(d->type);

        *ret_fd = -1;
        return p->open && d->enabled ? p->open(d, ret_fd, e) : 0;
}

static int work_open(void *userdata, struct err *err) {
        struct opening *o = userdata;
        struct diagnostics diagnostics = {};

        o->device_spec = zone_spec_find_device(o->wanted, o->device);
        if (o->changed && zone_check_device(o->wanted, o->device_spec, &diagnostics) < 0) {
                o->refused = true;
                diagnostics_first_error(&diagnostics, o->refusal, sizeof(o->refusal));
                if (o->earlier)
                        o->device_spec = zone_spec_find_device(o->earlier, o->device);
        }
        diagnostics_clear(&diagnostics);
        return device_image_open(o->device_spec, &o->fd, err);
}

/* ---- and after it ----------------------------------------------------------------------------------- */

/* Told once. */
static void refuse(struct worker *w, const struct opening *o) {
        char text[sizeof(w->refusal)];

        snprintf(text, sizeof(text), "%s; the device keeps what it has", o->refusal);
        if (strcmp(w->refusal, text) != 0)
                engine_record_why(w->zone->engine, LOG_ERR, MESSAGE_WORKER_FAILED, w->zone->name, w->name,
                                  action_kind_to_string(o->kind), "refused", o->refusal, "%s", text);
        memcpy(w->refusal, text, sizeof(text));
}

static void replace(struct worker *w, const struct opening *o) {
        engine_record_why(w->zone->engine, LOG_NOTICE, MESSAGE_WORKER_ENDED, w->zone->name, w->name,
                          action_kind_to_string(o->kind), "begun", o->reason, "worker %d is replaced: %s", (int) w->pid,
                          o->reason);
        worker_end(w);
}

static void done_open(void *userdata, int result, const struct err *err) {
        struct opening *o = userdata;
        struct worker *w = o->worker;

        w->opening = NULL;
        if (!w->zone->task && w->zone->fd >= 0 && !w->ending && !w->starting && !w->found) {
                if (o->refused)
                        refuse(w, o);
                if (!w->pid)
                        worker_start(w, o->device_spec, o->fd, result, err);
                else if (o->changed && !o->refused)
                        replace(w, o);
                /* A refusal is no news for the plan: the next pass, whenever it comes, looks again. */
                if (!w->pid || w->starting || w->ending)
                        engine_reconcile_soon(w->zone->engine);
        }
        opening_free(o);
}

/* What the device serves, or did until its worker ended, if that is known. */
static const struct zone_spec *earlier_spec(const struct engine *e, const struct action *a, uint64_t cookie) {
        const struct desired_zone *wanted = desired_find(&e->desired, a->zone);
        const struct device_spec *d =
                wanted && wanted->applied ? zone_spec_find_device(wanted->applied, a->device) : NULL;

        return d && device_spec_cookie(d) == cookie ? wanted->applied : NULL;
}

/* The file may name something else by now, and what it named before may never open. */
static bool opens(const struct opening *o, const struct action *a) {
        return device_spec_cookie(zone_spec_find_device(o->wanted, a->device)) ==
               device_spec_cookie(zone_spec_find_device(a->spec, a->device));
}

void worker_open_image(struct worker *w, const struct action *a, uint64_t cookie) {
        struct engine *e = w->zone->engine;
        const struct zone_spec *earlier = earlier_spec(e, a, cookie);
        struct opening *o = w->opening && opens(w->opening, a) ? NULL : calloc(1, sizeof(*o));

        if (!o) {
                e->incomplete |= !w->opening;
                return;
        }
        worker_abandon_opening(w);
        *o = (struct opening){ .worker = w, .kind = a->kind, .fd = -1 };
        memcpy(o->device, a->device, sizeof(o->device));
        o->changed = device_spec_cookie(zone_spec_find_device(a->spec, a->device)) != cookie;
        o->wanted = zone_spec_copy(a->spec);
        o->earlier = earlier ? zone_spec_copy(earlier) : NULL;
        o->reason = strdup(a->reason);
        if (o->wanted && (o->earlier || !earlier) && o->reason &&
            job_start(e->config.event, work_open, done_open, o, &o->job) >= 0)
                w->opening = o;
        else {
                opening_free(o);
                e->incomplete = true;
        }
}
