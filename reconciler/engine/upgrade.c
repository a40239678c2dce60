/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * New programs are in place: workers that run another are replaced, one after
 * another, each by one that serves before the next is touched. A new one that does not
 * come up ends it: what still runs goes on with the program that it has. Nothing but which
 * workers there were is remembered; the passes of the loop carry it on.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/internal.h"

/* A worker that is to be replaced; one of a later generation of its device has been. */
struct upgrade_item {
        char zone[NAME_SIZE], device[NAME_SIZE];
        uint64_t generation;
        bool begun;
};

struct upgrade {
        struct upgrade_item *items;
        size_t num_items, done;
        struct upgrade_watcher watcher;
};

static void upgrade_end(struct engine *e, int result, const char *text) {
        struct upgrade *u = e->upgrade;

        e->upgrade = NULL;
        engine_record(e, result < 0 ? LOG_ERR : LOG_NOTICE, MESSAGE_ENGINE, NULL, NULL, "upgrade",
                      result < 0 ? "failed" : "done", "%s", text);
        u->watcher.ended(u->watcher.userdata, result, text);
        free(u->items);
        free(u);
}

void upgrade_free(struct engine *e) {
        if (e->upgrade)
                free(e->upgrade->items);
        free(e->upgrade);
        e->upgrade = NULL;
}

/* ---- one worker ------------------------------------------------------------------------------------- */

static void begin_item(struct engine *e, struct upgrade *u, struct upgrade_item *i, struct worker *w) {
        i->begun = true;
        u->watcher.progress(u->watcher.userdata, u->done, u->num_items, i->zone, i->device);
        engine_record_why(e, LOG_NOTICE, MESSAGE_WORKER_ENDED, i->zone, i->device, "worker-restart", "begun",
                          "hvisor upgrade", "worker %d is replaced by one of the program that is installed now",
                          (int) w->pid);
        worker_end(w);
}

enum item_state { ITEM_WAITS, ITEM_DONE, ITEM_FAILED };

static bool is_wanted(const struct engine *e, const struct upgrade_item *i) {
        for (size_t k = 0; k < e->plan.num_actions; k++)
                if (e->plan.actions[k].kind == ACTION_WORKER_START && strcmp(e->plan.actions[k].zone, i->zone) == 0 &&
                    strcmp(e->plan.actions[k].device, i->device) == 0)
                        return true;
        return false;
}

/* Its zone or device may have gone meanwhile, or be of somebody else's making: that is done, too. */
static enum item_state look_at_item(struct engine *e, struct upgrade *u, struct upgrade_item *i) {
        const struct zone_live *l = live_find(&e->live, i->zone);
        const struct device_live *d = l ? zone_live_find_device(l, i->device) : NULL;
        struct zone *z = d ? engine_zone(e, i->zone) : NULL;
        struct worker *w = z ? zone_worker(z, i->device) : NULL;

        if (!w)
                return ITEM_DONE;
        if (z->task || w->starting || w->ending || w->found || w->opening)
                return ITEM_WAITS;
        if (d->attached && d->generation != i->generation)
                return ITEM_DONE;
        if (w->pid && d->attached && !i->begun)
                begin_item(e, u, i, w);
        if (w->pid)
                return ITEM_WAITS;
        /* None, and none on its way: it could not be started, or ended at once; or it is not wanted any more. */
        if (w->message[0])
                return ITEM_FAILED;
        return is_wanted(e, i) ? ITEM_WAITS : ITEM_DONE;
}

static void tell_failure(struct engine *e, const struct upgrade *u, const struct upgrade_item *i) {
        const struct worker *w = zone_worker(engine_zone(e, i->zone), i->device);
        char text[512];

        snprintf(text, sizeof(text),
                 "zone %s, device %s: %s; %zu of %zu workers were replaced, the others go on as they are", i->zone,
                 i->device, w->message, u->done, u->num_items);
        upgrade_end(e, -EIO, text);
}

void upgrade_step(struct engine *e) {
        struct upgrade *u = e->upgrade;
        char text[80];

        while (u && u->done < u->num_items) {
                struct upgrade_item *i = &u->items[u->done];
                enum item_state state = look_at_item(e, u, i);

                if (state == ITEM_WAITS)
                        return;
                if (state == ITEM_FAILED) {
                        tell_failure(e, u, i);
                        return;
                }
                u->done++;
        }
        if (!u)
                return;
        snprintf(text, sizeof(text), "%zu worker%s replaced", u->num_items, u->num_items == 1 ? "" : "s");
        upgrade_end(e, 0, text);
}

/* ---- all of them ------------------------------------------------------------------------------------ */

static bool is_outdated(const struct engine *e, const struct device_live *d, bool all) {
        return d->attached && d->worker_pid > 0 && (all || !launcher_is_current(e->config.launcher, d->worker_pid));
}

/* @ret: NULL where there is none. Return: how many, -ENOMEM. */
static int find_outdated(const struct engine *e, bool all, struct upgrade_item **ret) {
        struct upgrade_item *items = NULL;
        int n = 0;

        for (size_t i = 0; i < e->live.num_zones; i++) {
                const struct zone_live *l = &e->live.zones[i];

                for (size_t j = 0; zone_live_state(l) != ZONE_FOREIGN && j < l->num_devices; j++) {
                        const struct device_live *d = &l->devices[j];
                        struct upgrade_item *more;

                        if (!is_outdated(e, d, all))
                                continue;
                        more = reallocarray(items, (size_t) n + 1, sizeof(*items));
                        if (!more) {
                                free(items);
                                return -ENOMEM;
                        }
                        items = more;
                        items[n] = (struct upgrade_item){ .generation = d->generation };
                        memcpy(items[n].zone, l->name, sizeof(items[n].zone));
                        memcpy(items[n].device, d->name, sizeof(items[n].device));
                        n++;
                }
        }
        *ret = items;
        return n;
}

int engine_upgrade(struct engine *e, bool all, const struct upgrade_watcher *watcher, struct err *err) {
        struct upgrade_item *items = NULL;
        struct upgrade *u;
        int n;

        if (e->upgrade)
                return err_set(err, -EBUSY, "an upgrade is under way");
        n = engine_check_loaded(e, err);
        if (n < 0)
                return n;
        n = engine_observe(e);
        if (n == 0)
                n = find_outdated(e, all, &items);
        if (n < 0)
                return err_set(err, n, "the workers cannot be looked at: %s", strerror(-n));
        u = calloc(1, sizeof(*u));
        if (!u) {
                free(items);
                return -ENOMEM;
        }
        *u = (struct upgrade){ .items = items, .num_items = (size_t) n, .watcher = *watcher };
        e->upgrade = u;
        engine_record(e, LOG_NOTICE, MESSAGE_ENGINE, NULL, NULL, "upgrade", "begun", "%d worker%s to be replaced", n,
                      n == 1 ? "" : "s");
        engine_reconcile_soon(e);
        return 0;
}
