/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A zone comes, once its images are checked (checking.c): make, attach, load. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/fd.h"
#include "engine/task.h"

static int make_zone(struct task *t) {
        struct engine *e = task_engine(t);
        struct zone_making making = {
                .spec = t->spec,
                .board = t->has_board ? &t->board : NULL,
                .boot = &t->boot,
                .owner_cookie = zone_owner_cookie(t->zone->name),
        };
        int fd, r;

        if (!making.board)
                return err_set(&t->err, -ENODATA, "%s", e->desired.board_message ?: "no board.conf");
        making.spec_cookie = zone_spec_cookie(t->spec, making.board);
        r = hypervisor_zone_create(e->config.hypervisor, &making, &fd, &t->err);
        if (r < 0)
                return r;
        zone_unwatch(t->zone); /* an earlier object that went while this task checked */
        r = zone_watch(t->zone, t->spec->id, fd);
        return r < 0 ? err_set(&t->err, r, "watching the zone object: %s", strerror(-r)) : 0;
}

static int make_device(struct task *t, const struct device_spec *d, int *ret_fd) {
        return hypervisor_device_create(task_engine(t)->config.hypervisor, t->zone->fd, d, ret_fd, &t->err);
}

static int launch(struct task *t, const struct device_spec *d, int device_fd, int image_fd) {
        struct worker *w = zone_worker(t->zone, d->name);

        if (!w)
                return err_set(&t->err, -E2BIG, "too many devices");
        backoff_reset(&w->backoff);
        return worker_launch(w, d, device_fd, image_fd, &t->err);
}

/* Those of the zone's earlier life. One that would not even be killed is no longer ours to wait for. */
static void forget_workers(struct zone *z) {
        for (size_t i = 0; i < z->num_workers; i++) {
                worker_abandon_opening(&z->workers[i]);
                worker_forget(&z->workers[i]);
        }
        z->num_workers = 0;
}

void task_enter_make(struct task *t) {
        int fds[ZONE_DEVICES_MAX], r = make_zone(t);
        size_t made = 0;

        forget_workers(t->zone);
        t->id = t->spec->id;
        for (; r == 0 && made < t->spec->num_devices; made++) {
                r = make_device(t, &t->spec->devices[made], &fds[made]);
                if (r < 0)
                        break;
        }
        for (size_t i = 0; r == 0 && i < made; i++)
                r = !t->spec->devices[i].enabled ? 0 : launch(t, &t->spec->devices[i], fds[i], t->images[i]);
        task_close_images(t);
        while (made > 0)
                fd_close(fds[--made]);
        if (r < 0)
                task_undo(t, r);
        else
                task_enter(t, STEP_ATTACH);
}

static bool all_serve(const struct task *t) {
        for (size_t i = 0; i < t->spec->num_devices; i++) {
                const struct worker *w = zone_worker(t->zone, t->spec->devices[i].name);

                if (t->spec->devices[i].enabled && (!w || !w->pid || w->starting))
                        return false;
        }
        return true;
}

void task_enter_attach(struct task *t) {
        struct engine *e = task_engine(t);
        const struct zone_live *l;

        if (engine_observe(e) < 0)
                return;
        l = live_find(&e->live, t->zone->name);
        if (l)
                workers_look(t->zone, l);
        if (all_serve(t))
                task_enter(t, STEP_LOAD);
}

static int work_load(void *userdata, struct err *err) {
        const struct task *t = userdata;
        struct hypervisor *h = task_engine(t)->config.hypervisor;

        for (size_t i = 0; i < _BOOT_PART_MAX; i++) {
                int r = hypervisor_zone_load(h, t->zone->fd, &t->boot.parts[i], boot_part_path(t->spec, i), err);

                if (r < 0)
                        return r;
        }
        return hypervisor_zone_start(h, t->zone->fd, t->spec, err);
}

static void done_load(void *userdata, int result, const struct err *err) {
        struct task *t = userdata;

        if (task_job_failed(t, result, err)) {
                task_undo(t, result);
                return;
        }
        plan_clear(&task_engine(t)->plan); /* it may borrow what is replaced */
        (void) remember_applied(task_engine(t), t->zone->name, t->spec);
        task_finish(t);
}

/* Written before the start: a daemon that dies right after it finds what the zone runs with. */
void task_enter_load(struct task *t) {
        write_applied(task_engine(t), t->spec);
        task_run_job(t, work_load, done_load);
}
