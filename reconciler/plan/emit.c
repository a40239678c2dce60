/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The third round: what each zone comes to, as actions and notes. */
#include <stdio.h>
#include <string.h>

#include "plan/changes.h"
#include "plan/diff.h"

/* Runs on as it was, with its new settings known: they count when it is started next. */
static bool held_back(const struct candidate *c) {
        return c->changed && c->spec->on_change == CHANGE_HOLD;
}

/* Its file may be in a directory that cannot be seen, and never could by this daemon; or nobody came to read it. */
static bool may_have_a_file(const struct diff *d, const struct candidate *c) {
        if (d->want->end || !(d->want->lost || d->want->stale))
                return false;
        return !c->wanted || (c->wanted->file_state == FILE_MISSING && !c->wanted->applied);
}

static bool leaves(const struct diff *d, const struct candidate *c) {
        if (c->state == ZONE_HALF_MADE || c->state == ZONE_STOPPED)
                return true;
        if (!candidate_object_there(c) || may_have_a_file(d, c))
                return false;
        if (!c->wanted || c->wanted->file_state == FILE_MISSING || c->wanted->file_state == FILE_MASKED)
                return true;
        return c->changed && !held_back(c);
}

/* Does what @o holds at this moment stand in the way of @z? */
static bool holds_claim(const struct candidate *o, const struct zone_spec *z, char *text, size_t size) {
        const struct zone_live *l = o->live;
        uint64_t both = l->cpus & z->cpus;

        if (l->id == z->id) {
                snprintf(text, size, "id %u belongs to zone %s", (unsigned) l->id, l->name);
                return true;
        }
        if (strcmp(l->name, z->name) == 0) {
                snprintf(text, size, "a zone with id %u has its name", (unsigned) l->id);
                return true;
        }
        if (both) {
                snprintf(text, size, "CPU %d belongs to zone %s", __builtin_ctzll(both), l->name);
                return true;
        }
        return o->wanted && o->wanted->applied && zone_conflict(z, o->wanted->applied, text, size);
}

enum obstacle { OBSTACLE_NONE, OBSTACLE_LEAVES, OBSTACLE_STAYS };

/* The worst thing among all that exist now which holds something that @c needs. */
static enum obstacle find_obstacle(const struct diff *d, const struct candidate *c, char *text, size_t size) {
        enum obstacle worst = OBSTACLE_NONE;

        for (size_t i = 0; i < d->num_occupants && worst != OBSTACLE_STAYS; i++) {
                const struct candidate *o = d->occupants[i];
                char claim[256];

                if (o == c || !holds_claim(o, c->spec, claim, sizeof(claim)))
                        continue;
                worst = leaves(d, o) ? OBSTACLE_LEAVES : OBSTACLE_STAYS;
                snprintf(text, size, "%s%s", claim, o->state == ZONE_FOREIGN ? " (not started by the reconciler)" : "");
        }
        return worst;
}

/* Others may have been promised what @z had. */
static bool is_promised(const struct diff *d, const struct candidate *c, const struct zone_spec *z) {
        char ignored[256];

        for (size_t i = 0; i < d->num_candidates; i++) {
                const struct candidate *o = &d->candidates[i];

                if (o != c && o->accepted && zone_conflict(z, o->spec, ignored, sizeof(ignored)))
                        return true;
        }
        return false;
}

/* Its restart failed after it was taken down: until its new settings can be had it is to run as it was. */
static bool emit_start_as_it_was(struct diff *d, const struct candidate *c, const char *obstacle) {
        struct candidate before = *c;
        char text[320];

        before.spec = candidate_last_good(d, c);
        if (!before.spec || before.spec == c->spec || is_promised(d, c, before.spec) ||
            find_obstacle(d, &before, text, sizeof(text)) != OBSTACLE_NONE)
                return false;
        diff_add_action(d, ACTION_ZONE_START, &before, "as it was: %s", obstacle);
        return true;
}

static void emit_start(struct diff *d, const struct candidate *c) {
        enum obstacle obstacle;
        char text[320];

        obstacle = find_obstacle(d, c, text, sizeof(text));
        if (obstacle == OBSTACLE_NONE && c->kept)
                diff_add_action(d, ACTION_ZONE_START, c, "as it was: its file's settings cannot be had");
        else if (obstacle == OBSTACLE_NONE)
                diff_add_action(d, ACTION_ZONE_START, c, "%s asks for it", c->wanted->path);
        else if (obstacle == OBSTACLE_LEAVES || !emit_start_as_it_was(d, c, text))
                diff_add_note(d, NOTE_WAITING, c->spec->name, "%s", text);
}

/* In words, to be freed. Never NULL but for want of memory. */
static char *describe_change(struct diff *d, const struct candidate *c) {
        char *text = zone_change_reason(c->wanted->applied, candidate_last_good(d, c) != NULL, c->spec);

        d->out_of_memory |= !text;
        return text;
}

static char *describe_device_change(struct diff *d, const struct candidate *c, const struct device_spec *s,
                                    const struct device_live *l) {
        const struct zone_spec *had = c->wanted->applied;
        char *text = device_change_reason(had ? zone_spec_find_device(had, s->name) : NULL, l->cookie, s);

        d->out_of_memory |= !text;
        return text;
}

/* First its worker goes, then what the guest would find in the window. */
static struct action *emit_disabled(struct diff *d, const struct candidate *c, const struct device_live *l) {
        if (l->attached || l->worker_pid > 0)
                return diff_add_action(d, ACTION_WORKER_STOP, c, "Enabled=no");
        if (l->generation > 0 && !l->withdrawn)
                return diff_add_action(d, ACTION_WORKER_STOP, c, "Enabled=no: the guest is to find no device");
        return NULL;
}

/* @spec: NULL: not known what they should serve */
static void emit_workers(struct diff *d, const struct candidate *c, const struct zone_spec *spec) {
        for (size_t i = 0; spec && i < spec->num_devices; i++) {
                const struct device_spec *s = &spec->devices[i];
                const struct device_live *l = zone_live_find_device(c->live, s->name);
                _cleanup_free_ char *change = NULL;
                struct action *a = NULL;

                if (!l)
                        continue;
                if (!s->enabled)
                        a = emit_disabled(d, c, l);
                else if (l->hung)
                        a = diff_add_action(d, ACTION_WORKER_RESTART, c, "%s",
                                            l->silent ? "showed no sign of life for too long"
                                                      : "did not let go of the device's queues in time");
                else if (!l->attached)
                        a = diff_add_action(d, ACTION_WORKER_START, c, "the device has no worker");
                else if (l->cookie != device_spec_cookie(s) && (change = describe_device_change(d, c, s, l)))
                        a = diff_add_action(d, ACTION_WORKER_RESTART, c, "%s", change);
                if (!a)
                        continue;
                a->spec = spec;
                snprintf(a->device, sizeof(a->device), "%s", s->name);
                a->repair = s->enabled && (l->hung || !l->attached);
        }
}

static bool is_to_be_repaired(const struct candidate *c) {
        enum restart_policy policy = c->spec ? c->spec->restart : RESTART_NO;

        return c->state != ZONE_RUNNING &&
               (policy == RESTART_ALWAYS || (policy == RESTART_ON_FAILURE && c->state == ZONE_ERROR));
}

static const char *describe_end(const struct candidate *c) {
        return c->state == ZONE_ERROR ? "its guest accessed memory outside its regions" : "its guest powered off";
}

/* With the settings that it has, because something is in the way of those that it is to have. False: nobody knows them. */
static bool emit_repair_as_it_was(struct diff *d, const struct candidate *c, const char *change, const char *obstacle) {
        const struct zone_spec *last_good = candidate_last_good(d, c);
        struct action *a = last_good ? diff_add_action(d, ACTION_ZONE_RESTART, c, "%s; as it was: %s, but %s",
                                                       describe_end(c), change, obstacle)
                                     : NULL;

        if (a) {
                a->repair = true;
                a->spec = last_good;
        }
        return last_good;
}

/*
 * Two zones that exchange CPUs would wait for each other for ever if each kept
 * running until the other has made room: so such a zone makes room first. A
 * change may fail or wait for long: until then its workers are looked after.
 */
static void emit_change(struct diff *d, const struct candidate *c) {
        const struct zone_spec *until_then = c->state == ZONE_EXITED ? NULL : candidate_last_good(d, c);
        _cleanup_free_ char *change = describe_change(d, c);
        char text[320];

        if (!change)
                return;
        switch (find_obstacle(d, c, text, sizeof(text))) {
        case OBSTACLE_NONE:
                diff_add_action(d, ACTION_ZONE_RESTART, c, "%s", change);
                emit_workers(d, c, until_then);
                break;
        case OBSTACLE_LEAVES:
                diff_add_action(d, ACTION_ZONE_STOP, c, "%s, and %s: it makes room first", change, text);
                break;
        case OBSTACLE_STAYS:
                if (is_to_be_repaired(c) && emit_repair_as_it_was(d, c, change, text))
                        break;
                diff_add_note(d, NOTE_WAITING, c->spec->name, "%s, but %s; it runs on as it was", change, text);
                emit_workers(d, c, until_then);
                break;
        }
}

/* While something is in its way, a restart by hand brings back what the zone has. */
static void emit_held(struct diff *d, const struct candidate *c) {
        _cleanup_free_ char *change = describe_change(d, c);
        char text[320];

        if (change && find_obstacle(d, c, text, sizeof(text)) != OBSTACLE_NONE)
                diff_add_note(d, NOTE_WAITING, c->spec->name, "%s; OnChange=hold, and %s", change, text);
        else if (change)
                diff_add_note(d, NOTE_HELD, c->spec->name,
                              "%s; OnChange=hold: it takes effect when the zone is started next (hvisor restart %s)",
                              change, c->spec->name);
        if (c->state != ZONE_EXITED)
                emit_workers(d, c, candidate_last_good(d, c));
}

/* Another zone's file may have given an image up, and its worker not yet. */
static bool image_in_use(const struct diff *d, const struct candidate *c, char *text, size_t size) {
        for (size_t i = 0; i < d->num_occupants; i++) {
                const struct candidate *o = d->occupants[i];

                if (o != c && o->wanted && o->wanted->applied && zone_conflict(c->spec, o->wanted->applied, text, size))
                        return true;
        }
        return false;
}

static void emit_devices(struct diff *d, const struct candidate *c) {
        char text[256];

        if (c->devices_changed && image_in_use(d, c, text, sizeof(text))) {
                diff_add_note(d, NOTE_WAITING, c->spec->name,
                              "its devices' settings changed, but %s; it runs on as it was", text);
                emit_workers(d, c, candidate_last_good(d, c));
        } else {
                emit_workers(d, c, c->spec);
        }
}

/* A change that was held back takes effect with the restart, if there is nothing in its way. */
static void emit_repair(struct diff *d, const struct candidate *c) {
        _cleanup_free_ char *change = c->changed ? describe_change(d, c) : NULL;
        const char *what = describe_end(c);
        struct action *a = NULL;
        char text[320];

        if (!c->changed)
                a = diff_add_action(d, ACTION_ZONE_RESTART, c, "%s", what);
        else if (change && find_obstacle(d, c, text, sizeof(text)) == OBSTACLE_NONE)
                a = diff_add_action(d, ACTION_ZONE_RESTART, c, "%s; %s", what, change);
        else if (change && !emit_repair_as_it_was(d, c, change, text))
                diff_add_note(d, NOTE_WAITING, c->spec->name, "%s; %s, but %s", what, change, text);
        if (a)
                a->repair = true;
}

static void emit_ended(struct diff *d, const struct candidate *c) {
        if (is_to_be_repaired(c)) {
                emit_repair(d, c);
                return;
        }
        if (c->spec)
                diff_add_note(d, NOTE_ENDED, c->live->name, "%s; Restart=%s leaves it so", describe_end(c),
                              restart_policy_to_string(c->spec->restart));
        else
                diff_add_note(d, NOTE_ENDED, c->live->name, "%s", describe_end(c));
        if (c->changed)
                emit_held(d, c);
        else if (c->state == ZONE_ERROR)
                emit_devices(d, c);
}

static void emit_stop(struct diff *d, const struct candidate *c) {
        if (!d->want->end && c->wanted && c->wanted->file_state == FILE_MASKED)
                diff_add_action(d, ACTION_ZONE_STOP, c, "masked by %s", c->wanted->path);
        else
                diff_add_action(d, ACTION_ZONE_STOP, c, "%s", d->want->end ?: "its file was removed");
}

void diff_emit(struct diff *d, const struct candidate *c) {
        switch (c->state) {
        case ZONE_FOREIGN:
                diff_add_note(d, NOTE_FOREIGN, c->live->name,
                              "runs, but was not started by the reconciler: left alone");
                return;
        case ZONE_HALF_MADE:
                diff_add_action(d, ACTION_ZONE_CLEAN_UP, c, "left over from a start that was cut off");
                return;
        case ZONE_STOPPED:
                diff_add_action(d, ACTION_ZONE_CLEAN_UP, c, "left over from a stop that was cut off");
                return;
        case ZONE_ABSENT:
                if (c->spec && c->accepted)
                        emit_start(d, c);
                return;
        case ZONE_RUNNING:
        case ZONE_ERROR:
        case ZONE_EXITED:
                break;
        case _ZONE_STATE_MAX:
                return;
        }

        if (may_have_a_file(d, c))
                diff_add_note(d, NOTE_LOST, c->live->name, "it is not known whether there is a file of it; it goes on");
        else if (leaves(d, c) && !c->changed)
                emit_stop(d, c);
        else if (c->changed && !held_back(c))
                emit_change(d, c);
        else if (c->state != ZONE_RUNNING)
                emit_ended(d, c);
        else if (c->changed)
                emit_held(d, c);
        else
                emit_devices(d, c);
}
