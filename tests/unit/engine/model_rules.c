/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules. While anything happens:
 *   - a zone that runs well is not stopped unless its files say so, or a person: not for a bad file, a directory that
 *     is lost, a board.conf that is, another zone, a daemon that starts, or a change that is to be held back
 *   - none is started that nothing asks for, nor one that ended by itself and is to stay so, nor again and again
 *   - it is started with all its devices served, and none of its earlier life's workers left when its RAM is filled
 *   - two of ours never share a CPU
 * And in the end, when nothing fails any more and there was time:
 *   - what runs is what the files want, with the settings that they have, each device served with its own
 *   - what does not run has a reason: its policy, or another zone that has its place
 *   - what is told is so, and nothing is left over: no process, object or copy of settings
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check/conflict.h"
#include "engine/model.h"

#define ROUNDS_MAX 60
#define LONG       310 /* seconds: longer than any back-off */
#define TRIES_MAX  4   /* at one time, whatever there was under way before */

static struct model *watched; /* of the operations below, which get no pointer of ours */

void wrong(struct model *o, const char *format, ...) {
        struct report *r = o->report;
        size_t used = strlen(r->text);
        va_list ap;

        if (!r->first)
                r->first = format;
        va_start(ap, format);
        vsnprintf(r->text + used, SAY_SIZE - used, format, ap);
        va_end(ap);
}

static bool runs(const struct zone_live *z) {
        return z && z->listed && !z->in_error;
}

static struct model_zone *by_name(struct model *o, const char *name) {
        for (unsigned i = 0; i < MODEL_ZONES; i++)
                if (strcmp(model_names[i], name) == 0)
                        return &o->zones[i];
        return NULL;
}

/* ---- what may be done ------------------------------------------------------------------------------- */

static bool is_changed(const struct model *o, unsigned i, const struct zone_live *l) {
        return o->zones[i].wanted == WANTED && o->board && model_cookie(o, i) != l->spec_cookie;
}

static bool permits_stop(const struct model *o, unsigned i, const struct zone_live *l) {
        const struct model_zone *z = &o->zones[i];

        if (z->asked)
                return true;
        if (z->wanted == NOT_WANTED || z->wanted == MASKED)
                return !z->is_frozen;
        /* Where its files cannot be seen it is what they said, on the board that there is. */
        return l && is_changed(o, i, l) && z->spec->on_change != CHANGE_HOLD;
}

static bool leaves_it(enum restart_policy policy, const struct zone_live *l) {
        return policy == RESTART_NO || (policy == RESTART_ON_FAILURE && !(l->listed && l->in_error));
}

/* It ended by itself, with settings that leave it so, and these have not changed since. */
static bool has_to_rest(const struct model *o, unsigned i, const struct zone_live *l) {
        const struct model_zone *z = &o->zones[i];

        return l && !runs(l) && l->object == ZONE_OBJECT_STARTED && !z->asked && !z->is_frozen && z->wanted == WANTED &&
               o->board && model_cookie(o, i) == l->spec_cookie && leaves_it(z->spec->restart, l);
}

void model_note(struct model *o, bool afresh) {
        struct sim *s = o->m->sim;

        pthread_mutex_lock(&s->lock);
        for (unsigned i = 0; i < MODEL_ZONES; i++) {
                struct model_zone *z = &o->zones[i];
                const struct zone_live *l = sim_zone(s, model_names[i]);

                if (afresh)
                        z->asked = z->may_stop = z->may_start = false;
                z->may_stop |= permits_stop(o, i, l);
                z->may_start |= z->wanted == WANTED || z->wanted == BADLY_SAID;
                z->must_rest = (afresh || z->must_rest) && has_to_rest(o, i, l);
                z->tries = 0;
        }
        pthread_mutex_unlock(&s->lock);
}

/* ---- an eye on what is done ------------------------------------------------------------------------- */

const struct zone_live *model_holder(const struct sim *s, uint64_t cpus, const char *but) {
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++) {
                const struct zone_live *z = &s->zones[i].live;

                if (s->zones[i].used && z->listed && (z->cpus & cpus) && strcmp(z->name, but) != 0)
                        return z;
        }
        return NULL;
}

static int watched_create(struct hypervisor *h, const struct zone_making *m, int *ret_fd, struct err *e) {
        struct model_zone *z = by_name(watched, m->spec->name);

        if (!z->may_start)
                wrong(watched, "%s is started, and nothing asks for it\n", m->spec->name);
        if (z->must_rest)
                wrong(watched, "%s is started again, and Restart= leaves it ended\n", m->spec->name);
        if (++z->tries > TRIES_MAX)
                wrong(watched, "%s is tried again and again\n", m->spec->name);
        return sim_hypervisor_ops.zone_create(h, m, ret_fd, e);
}

static bool is_device_worker(const struct zone_live *z, pid_t pid) {
        for (size_t i = 0; i < z->num_devices; i++)
                if (z->devices[i].worker_pid == pid)
                        return true;
        return false;
}

static int watched_load(struct hypervisor *h, int zone_fd, const struct boot_file *file, struct err *e) {
        struct sim *s = (struct sim *) h;
        const struct zone_live *z;

        pthread_mutex_lock(&s->lock);
        z = sim_zone_of(s, zone_fd);
        for (size_t i = 0; z && i < watched->num_workers; i++) {
                siginfo_t info = {};

                if (strcmp(model_names[watched->whose[i]], z->name) != 0 || is_device_worker(z, watched->workers[i]))
                        continue;
                /* Ours as long as nobody has waited for it: then it was not let go of. */
                if (waitid(P_PID, (id_t) watched->workers[i], &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                    info.si_pid == 0)
                        wrong(watched, "%s is loaded while a worker of before is there\n", z->name);
        }
        pthread_mutex_unlock(&s->lock);
        return sim_hypervisor_ops.zone_load(h, zone_fd, file, e);
}

/* As hvisor: a CPU of another zone refuses. One of our own holding it is no accident. */
static int watched_start(struct hypervisor *h, int zone_fd, const struct zone_spec *z, struct err *e) {
        struct sim *s = (struct sim *) h;
        const struct zone_live *holder, *own;
        bool busy;

        pthread_mutex_lock(&s->lock);
        holder = model_holder(s, z->cpus, z->name);
        own = sim_zone(s, z->name);
        busy = holder;
        if (holder && holder->object != ZONE_OBJECT_NONE)
                wrong(watched, "%s is started on a CPU of %s\n", z->name, holder->name);
        for (size_t i = 0; own && i < own->num_devices; i++)
                if (z->devices[i].enabled && !own->devices[i].generation)
                        wrong(watched, "%s is started before %s was ever served\n", z->name, own->devices[i].name);
        by_name(watched, z->name)->may_rest |= !busy && s->fail[SIM_START] == HYPERVISOR_CPUS_LOST;
        pthread_mutex_unlock(&s->lock);
        return busy ? err_set(e, -EBUSY, "a CPU is another zone's") : sim_hypervisor_ops.zone_start(h, zone_fd, z, e);
}

static int watched_stop(struct hypervisor *h, int zone_fd, struct err *e) {
        struct sim *s = (struct sim *) h;
        const struct zone_live *z;

        pthread_mutex_lock(&s->lock);
        z = sim_zone_of(s, zone_fd);
        if (runs(z) && !by_name(watched, z->name)->may_stop)
                wrong(watched, "%s is stopped, and nothing asks for it\n", z->name);
        pthread_mutex_unlock(&s->lock);
        if (watched->slow)
                usleep(30000);
        return sim_hypervisor_ops.zone_stop(h, zone_fd, e);
}

static int watched_launch(struct launcher *l, const struct launch_request *q, pid_t *ret_pid, int *ret_pidfd,
                          struct err *e) {
        struct model *o = watched;
        int r = o->launch(l, q, ret_pid, ret_pidfd, e);

        if (r == 0 && o->num_workers < ELEMENTSOF(o->workers)) {
                o->whose[o->num_workers] = (uint8_t) (by_name(o, q->zone) - o->zones);
                o->workers[o->num_workers++] = *ret_pid;
        }
        return r;
}

void model_watch(struct model *o) {
        watched = o;
        o->ops = sim_hypervisor_ops;
        o->ops.zone_create = watched_create;
        o->ops.zone_load = watched_load;
        o->ops.zone_start = watched_start;
        o->ops.zone_stop = watched_stop;
        o->m->sim->hypervisor.ops = &o->ops;
        o->launcher_ops = *o->m->sim->launcher.ops;
        o->launch = o->launcher_ops.launch;
        o->launcher_ops.launch = watched_launch;
        o->m->sim->launcher.ops = &o->launcher_ops;
}

/* ---- what has to be so ------------------------------------------------------------------------------ */

/* But for those that are given up until a person says otherwise. */
static size_t count_actions(struct model *o) {
        json_t *plan = engine_plan(o->m->engine), *action;
        size_t n = 0, i;

        json_array_foreach(json_object_get(plan, "actions"), i, action) n +=
                !by_name(o, json_string_value(json_object_get(action, "zone")))->may_rest;
        json_decref(plan);
        return n;
}

void model_settle(struct model *o) {
        unsigned still = 0;

        for (unsigned i = 0; i < ROUNDS_MAX && still < 2; i++) {
                pump_until_idle(o->m);
                for (unsigned j = 0; j < MODEL_ZONES; j++)
                        o->zones[j].tries = 0;
                pass_time(o->m, LONG);
                still = !engine_busy(o->m->engine) && count_actions(o) == 0 ? still + 1 : 0;
        }
        if (still < 2)
                wrong(o, "it does not come to rest: %zu actions are planned\n", count_actions(o));
}

/* By a zone that is there, whatever it is to become; or by another file, before it by name. */
static bool is_claimed(struct model *o, unsigned i) {
        const struct zone_spec *want = o->zones[i].spec;
        char ignored[256];

        for (unsigned j = 0; j < MODEL_ZONES; j++) {
                const struct zone_live *l = sim_zone(o->m->sim, model_names[j]);
                const struct zone_spec *other = o->zones[j].spec;

                if (j == i)
                        continue;
                if (l && ((l->cpus & want->cpus) || l->id == want->id))
                        return true;
                /* What the other's last good file said is not known here. */
                if (l && (!other || l->spec_cookie != model_cookie(o, j)))
                        return true;
                if (other && (l || j < i) && zone_conflict(want, other, ignored, sizeof(ignored)))
                        return true;
        }
        return model_holder(o->m->sim, want->cpus, model_names[i]);
}

static void check_devices(struct model *o, unsigned i, const struct zone_live *z, bool is_current) {
        const struct zone_spec *want = o->zones[i].spec;

        for (size_t j = 0; j < z->num_devices; j++) {
                const struct device_live *d = &z->devices[j];
                const struct device_spec *s = is_current ? zone_spec_find_device(want, d->name) : NULL;

                if (s && !device_live_serves(d, s))
                        wrong(o, "%s: %s is not served as its file says\n", model_names[i], d->name);
                if (s && !s->enabled)
                        continue;
                if (s && (!d->attached || kill(d->worker_pid, 0) < 0))
                        wrong(o, "%s runs, and nobody serves %s\n", model_names[i], d->name);
        }
}

static void check_wanted(struct model *o, unsigned i, const struct zone_live *z, bool strict) {
        const struct model_zone *want = &o->zones[i];
        bool is_current = z && model_cookie(o, i) == z->spec_cookie;
        bool held = want->spec->on_change == CHANGE_HOLD;
        bool rests = !z ? want->may_rest : !runs(z) && (leaves_it(want->spec->restart, z) && (is_current || held));

        if (!runs(z) && (strict || !rests) && !is_claimed(o, i))
                wrong(o, "%s does not run: %s\n", model_names[i], status(o->m, model_names[i], "message"));
        if (runs(z) && !is_current && (strict || !held) && !is_claimed(o, i))
                wrong(o, "%s runs with other settings than its file's\n", model_names[i]);
        if (runs(z))
                check_devices(o, i, z, is_current);
}

static void check_zone(struct model *o, unsigned i, bool strict) {
        const struct zone_live *z = sim_zone(o->m->sim, model_names[i]);
        const char *name = model_names[i], *state = status(o->m, name, "state");
        enum wanted wanted = o->zones[i].wanted;

        if (runs(z) != (strcmp(state, "running") == 0))
                wrong(o, "%s %s, and its status is \"%s\"\n", name, runs(z) ? "runs" : "does not run", state);
        if ((wanted == NOT_WANTED || wanted == MASKED) && z)
                wrong(o, "%s is not wanted and is still there\n", name);
        if (wanted == WANTED)
                check_wanted(o, i, z, strict);
        if (z && !applied_exists(o->m, name))
                wrong(o, "%s is there, and a copy of its settings is missing\n", name);
        if (!z && applied_exists(o->m, name) && (wanted == NOT_WANTED || wanted == MASKED))
                wrong(o, "%s is gone, and a copy of its settings is left\n", name);
}

static void check_processes(struct model *o) {
        unsigned workers = 0, children = count_children();

        for (size_t i = 0; i < ELEMENTSOF(o->m->sim->zones); i++) {
                const struct sim_zone *z = &o->m->sim->zones[i];

                for (size_t j = 0; z->used && j < z->live.num_devices; j++)
                        workers += z->live.devices[j].worker_pid > 0;
        }
        if (children != workers)
                wrong(o, "%u processes for %u devices\n", children, workers);
}

void model_check(struct model *o, bool strict) {
        model_settle(o);
        for (unsigned i = 0; i < MODEL_ZONES; i++)
                check_zone(o, i, strict);
        check_processes(o);
}
