/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a zone keeps while its file is bad: the spec that was taken last, in
 * memory and as a file that the next daemon finds. A zone's start takes one, and
 * so does a change that needs no start: Restart=, a disk's image.
 */
#include <errno.h>
#include <string.h>

#include "engine/applied.h"
#include "engine/internal.h"

int remember_applied(struct engine *e, const char *zone, const struct zone_spec *z) {
        struct zone_spec *copy = zone_spec_copy(z);
        struct desired_zone *d = copy ? desired_add(&e->desired, zone) : NULL;

        if (!d) {
                zone_spec_free(copy);
                return -ENOMEM;
        }
        zone_spec_free(d->applied);
        d->applied = copy;
        return 0;
}

void forget_applied(struct engine *e, struct zone *z) {
        struct desired_zone *d = desired_find(&e->desired, z->name);

        z->unwritten = false;
        applied_remove(e->config.paths.specs_dir, z->name);
        plan_clear(&e->plan); /* it may borrow the spec */
        if (d)
                d->applied = zone_spec_free(d->applied);
}

void write_applied(struct engine *e, const struct zone_spec *z) {
        struct zone *zone = engine_zone(e, z->name);
        bool known = zone && zone->unwritten;
        struct err err = {};
        int r = applied_write(e->config.paths.specs_dir, z, &err);

        if (zone)
                zone->unwritten = r < 0;
        e->incomplete |= r < 0;
        if (r < 0 && !known)
                engine_record(e, LOG_WARNING, MESSAGE_ENGINE, z->name, NULL, "remember", "failed",
                              "%s; a daemon that starts anew will not know what the zone runs with while its file "
                              "is bad",
                              err_text(&err, r));
}

/* A worker that is yet to be replaced serves what the zone had before. */
static bool devices_have(const struct zone_live *l, const struct zone_spec *z) {
        for (size_t i = 0; i < z->num_devices; i++) {
                const struct device_live *d = zone_live_find_device(l, z->devices[i].name);

                if (!d || !device_live_serves(d, &z->devices[i]))
                        return false;
        }
        return true;
}

/* A note says that the file's settings are not taken, unless it tells of the guest's end. */
static bool refused(const struct plan *p, const char *zone) {
        const struct note *n = plan_find_note(p, zone);

        return n && n->kind != NOTE_ENDED;
}

static bool took_new_settings(const struct engine *e, const struct desired_zone *d) {
        const struct zone_live *l = live_find(&e->live, d->name);
        enum zone_state state = zone_live_state(l);

        if (d->file_state != FILE_GOOD || !e->desired.board || refused(&e->plan, d->name))
                return false;
        if (state != ZONE_RUNNING && state != ZONE_ERROR && state != ZONE_EXITED)
                return false;
        return engine_spec_cookie(e, d->spec) == l->spec_cookie && devices_have(l, d->spec) &&
               (!d->applied || !zone_spec_same_files(d->spec, d->applied) ||
                zone_spec_hash(d->spec) != zone_spec_hash(d->applied));
}

/* The plan that found it taken was made with what was there before: others may have waited for just that. */
void remember_what_was_taken(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                const struct zone *z = e->zones[i];
                const struct desired_zone *d = desired_find(&e->desired, z->name);

                if (d && d->applied && !z->task && z->unwritten)
                        write_applied(e, d->applied);
                if (!d || z->task || !took_new_settings(e, d))
                        continue;
                if (remember_applied(e, z->name, d->spec) < 0) {
                        e->incomplete = true;
                        continue;
                }
                write_applied(e, d->spec);
                engine_reconcile_soon(e);
        }
}

void forget_what_is_gone(struct engine *e) {
        for (size_t i = 0; i < e->desired.num_zones && !e->desired.stale; i++) {
                const struct desired_zone *d = &e->desired.zones[i];
                struct zone *z;

                if (!d->applied || (d->file_state != FILE_MISSING && d->file_state != FILE_MASKED) ||
                    live_find(&e->live, d->name))
                        continue;
                z = engine_zone(e, d->name);
                e->incomplete |= !z;
                if (z && !z->task)
                        forget_applied(e, z);
        }
}
