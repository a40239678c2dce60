/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories: files appear, change, turn bad and vanish, guests power off
 * or go astray, workers die, steps fail, somebody else takes a CPU, the daemon
 * is replaced. Whatever happened, once nothing fails any more what runs has to
 * be what the files want, and what is told has to be so.
 *
 * HISTORIES= how many, SEED= the first one's; a failing history is shrunk to
 * the events that it takes. TELL=1: what the daemon said in one that fails.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/machine.h"

#define ZONES      3
#define EVENTS     30
#define HISTORIES  10
#define FOREIGN_ID 9
#define ROUNDS_MAX 60
#define LONG       310 /* seconds: longer than any back-off */
#define SAY_SIZE   4096

static const char *const names[ZONES] = { "ann", "bob", "cat" };
static const char *const policies[] = { "no", "on-failure", "always" };

enum wanted { NOT_WANTED, WANTED_BADLY_SAID, WANTED };

struct settings {
        unsigned cpu, policy, interrupt, quota;
        bool hold;
};

struct model_zone {
        enum wanted file;
        struct settings wanted; /* of the last good file */
        bool ended;             /* by itself, at some time */
        bool may_rest;          /* it ended in a way after which it need not run */
        bool may_be_old;        /* a change was held back */
};

struct model {
        struct machine *m;
        struct model_zone zones[ZONES];
        struct hypervisor_ops ops; /* the simulated one's, and an eye on it */
        struct report *report;
};

/* What went wrong, in memory that processes share. */
struct report {
        const char *first; /* the first one's format, the same in each process: which rule it broke; NULL: none */
        char text[SAY_SIZE];
};

struct event {
        uint8_t what, zone, value, pause;
};

static struct model *watched; /* of the operations below, which get no pointer of ours */

static void wrong(struct model *o, const char *format, ...) _printf_(2, 3);
static void wrong(struct model *o, const char *format, ...) {
        struct report *r = o->report;
        size_t used = strlen(r->text);
        va_list ap;

        if (!r->first)
                r->first = format;
        va_start(ap, format);
        vsnprintf(r->text + used, SAY_SIZE - used, format, ap);
        va_end(ap);
}

/* ---- an eye on what is asked of the hypervisor ------------------------------------------------------- */

static const struct zone_live *holder_of(const struct sim *s, uint64_t cpus, const char *but) {
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++) {
                const struct zone_live *z = &s->zones[i].live;

                if (s->zones[i].used && z->listed && (z->cpus & cpus) && strcmp(z->name, but) != 0)
                        return z;
        }
        return NULL;
}

/* As hvisor: a CPU of another zone refuses. One of our own holding it is no accident. */
static int watched_start(struct hypervisor *h, int zone_fd, const struct zone_spec *z, struct err *e) {
        struct sim *s = (struct sim *) h;
        const struct zone_live *holder, *own;
        bool busy;

        pthread_mutex_lock(&s->lock);
        holder = holder_of(s, z->cpus, z->name);
        own = sim_zone(s, z->name);
        busy = holder;
        if (holder && holder->object != ZONE_OBJECT_NONE)
                wrong(watched, "%s is started on a CPU of %s\n", z->name, holder->name);
        for (size_t i = 0; own && i < own->num_devices; i++)
                if (!own->devices[i].generation)
                        wrong(watched, "%s is started before %s was ever served\n", z->name, own->devices[i].name);
        pthread_mutex_unlock(&s->lock);
        return busy ? err_set(e, -EBUSY, "a CPU is another zone's") : sim_hypervisor_ops.zone_start(h, zone_fd, z, e);
}

/* ---- processes -------------------------------------------------------------------------------------- */

static bool serves(const struct sim *s, pid_t pid) {
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                for (size_t j = 0; s->zones[i].used && j < s->zones[i].live.num_devices; j++)
                        if (s->zones[i].live.devices[j].worker_pid == pid)
                                return true;
        return false;
}

/* Of this process's; @but: workers that serve devices of these are left alone. */
static void end_children(const struct sim *but) {
        char path[64];
        FILE *f;
        int pid;

        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
        f = fopen(path, "re");
        assert_non_null(f);
        while (fscanf(f, "%d", &pid) == 1)
                if (!but || !serves(but, pid)) {
                        kill(pid, SIGKILL);
                        waitpid(pid, NULL, 0);
                }
        fclose(f);
}

/* ---- events ----------------------------------------------------------------------------------------- */

static void put_file(struct model *o, unsigned i, bool good) {
        const struct settings *s = &o->zones[i].wanted;
        unsigned ram = 0x50000000 + i * 0x8000000;
        char text[1024], file[16];

        snprintf(text, sizeof(text),
                 "[Zone]\nId=%u\nCPUs=%u\nKernel=%s/Image\nKernelAddress=%#x\nEntryPoint=%#x\nRestart=%s\nOnChange=%s\n"
                 "Interrupts=%u\n%s[Memory ram]\nPhysicalAddress=%#x\nSize=128M\n"
                 "[Block root]\nImage=%s/disk\nReadOnly=yes\nAddress=0xa003c00\nInterrupt=78\nCPUQuota=%u%%\n",
                 i + 1, s->cpu, o->m->dir, ram, ram, policies[s->policy], s->hold ? "hold" : "restart",
                 100 + i * 10 + s->interrupt, good ? "" : "Bogus=1\n", ram, o->m->dir, 10 + s->quota);
        snprintf(file, sizeof(file), "%s.conf", names[i]);
        write_file(o->m->zones, file, text);
        o->zones[i].file = good ? WANTED : WANTED_BADLY_SAID;
}

static void reload(struct model *o) {
        if (engine_reload(o->m->engine) < 0)
                wrong(o, "the files cannot be read\n");
}

static void on_write(struct model *o, unsigned i, unsigned value) {
        struct model_zone *z = &o->zones[i];
        struct settings s = { value % 3 + 1, value / 3 % 3, value / 9 % 2, value / 18 % 2, value / 36 % 2 };

        if (z->file != NOT_WANTED && s.hold) {
                z->may_be_old = true;
                z->may_rest = z->ended;
        }
        if (z->file == NOT_WANTED) /* written again before the end of what it was */
                z->may_rest = z->ended && sim_zone(o->m->sim, names[i]);
        else if (!s.hold && (s.cpu != z->wanted.cpu || s.interrupt != z->wanted.interrupt))
                z->may_rest = false;
        z->wanted = s;
        put_file(o, i, true);
        reload(o);
}

static void on_spoil(struct model *o, unsigned i, unsigned value _unused_) {
        if (o->zones[i].file == NOT_WANTED)
                return;
        put_file(o, i, false);
        reload(o);
}

static void on_delete(struct model *o, unsigned i, unsigned value _unused_) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s.conf", o->m->zones, names[i]);
        (void) unlink(path);
        o->zones[i] = (struct model_zone){ .ended = o->zones[i].ended };
        reload(o);
}

static void on_power_off(struct model *o, unsigned i, unsigned value _unused_) {
        struct zone_live *z = sim_zone(o->m->sim, names[i]);

        if (!z || !z->listed)
                return;
        z->listed = false;
        o->zones[i].ended = o->zones[i].may_rest = true;
}

static void on_astray(struct model *o, unsigned i, unsigned value _unused_) {
        struct zone_live *z = sim_zone(o->m->sim, names[i]);

        if (!z || !z->listed)
                return;
        z->in_error = true;
        o->zones[i].ended = o->zones[i].may_rest = true;
}

static void on_kill_worker(struct model *o, unsigned i, unsigned value _unused_) {
        struct device_live *d = sim_device(o->m->sim, names[i], "root");

        if (d && d->worker_pid > 0)
                kill(d->worker_pid, SIGKILL);
}

static void on_fault(struct model *o, unsigned i _unused_, unsigned value) {
        static const int errors[] = { -EIO, -ENOMEM, -EBUSY };

        o->m->sim->fail[value % _SIM_STEP_MAX] = errors[value / _SIM_STEP_MAX % ELEMENTSOF(errors)];
}

static void on_mend(struct model *o, unsigned i _unused_, unsigned value _unused_) {
        memset(o->m->sim->fail, 0, sizeof(o->m->sim->fail));
        o->m->sim->worker = SIM_WORKER_SERVES;
}

static void on_bad_worker(struct model *o, unsigned i _unused_, unsigned value) {
        o->m->sim->worker = value % 2 ? SIM_WORKER_EXITS : SIM_WORKER_NEVER_ATTACHES;
}

static void on_blind(struct model *o, unsigned i _unused_, unsigned value) {
        o->m->sim->observe_fails = (int) value % 3 + 1;
}

static void on_foreign(struct model *o, unsigned i _unused_, unsigned value) {
        struct sim *s = o->m->sim;
        uint64_t cpu = BIT(value % 3 + 1);

        pthread_mutex_lock(&s->lock);
        if (!holder_of(s, cpu, "") && !holder_of(s, UINT64_MAX, "ann"))
                sim_add_foreign(s, "alien", FOREIGN_ID, cpu);
        pthread_mutex_unlock(&s->lock);
}

static void on_foreign_ends(struct model *o, unsigned i _unused_, unsigned value _unused_) {
        struct sim *s = o->m->sim;

        for (size_t j = 0; j < ELEMENTSOF(s->zones); j++)
                if (s->zones[j].used && s->zones[j].live.id == FOREIGN_ID)
                        s->zones[j].used = false;
}

static void on_restart(struct model *o, unsigned i, unsigned value _unused_) {
        (void) engine_restart(o->m->engine, names[i], NULL);
}

static void on_new_daemon(struct model *o, unsigned i _unused_, unsigned value _unused_) {
        o->m->engine = engine_free(o->m->engine);
        end_children(o->m->sim); /* a real worker that does not attach does not stay */
        engine_begin(o->m);
}

static void on_time(struct model *o, unsigned i _unused_, unsigned value) {
        pass_time(o->m, value % 20);
}

static const struct {
        const char *word;
        void (*happen)(struct model *o, unsigned zone, unsigned value);
        unsigned weight;
} kinds[] = {
        { "write", on_write, 8 },         { "spoil", on_spoil, 2 },           { "delete", on_delete, 2 },
        { "power-off", on_power_off, 3 }, { "go-astray", on_astray, 2 },      { "kill-worker", on_kill_worker, 3 },
        { "step-fails", on_fault, 3 },    { "mended", on_mend, 3 },           { "bad-workers", on_bad_worker, 1 },
        { "blind", on_blind, 1 },         { "foreign", on_foreign, 1 },       { "foreign-ends", on_foreign_ends, 1 },
        { "restart", on_restart, 2 },     { "new-daemon", on_new_daemon, 2 }, { "time", on_time, 4 },
};

/* ---- what has to be so ------------------------------------------------------------------------------ */

static size_t count_actions(struct model *o) {
        json_t *plan = engine_plan(o->m->engine);
        size_t n = json_array_size(json_object_get(plan, "actions"));

        json_decref(plan);
        return n;
}

/* Nothing fails any more, and there is time for everything. */
static void settle(struct model *o) {
        unsigned still = 0;

        for (unsigned i = 0; i < ROUNDS_MAX && still < 2; i++) {
                pump_until_idle(o->m);
                pass_time(o->m, LONG);
                still = !engine_busy(o->m->engine) && count_actions(o) == 0 ? still + 1 : 0;
        }
        if (still < 2)
                wrong(o, "it does not come to rest: %zu actions are planned\n", count_actions(o));
}

static bool runs(const struct zone_live *z) {
        return z && z->listed && !z->in_error;
}

/* By a zone that runs, or by another file: the first by name, or who had it, keeps its place though it rests. */
static bool is_claimed(struct model *o, unsigned i) {
        uint64_t cpu = BIT(o->zones[i].wanted.cpu);

        for (unsigned j = 0; j < ZONES; j++) {
                const struct zone_live *z = sim_zone(o->m->sim, names[j]);

                if (j != i && o->zones[j].file != NOT_WANTED &&
                    (BIT(o->zones[j].wanted.cpu) == cpu || (z && z->cpus == cpu)))
                        return true;
        }
        return holder_of(o->m->sim, cpu, names[i]);
}

static void check_zone(struct model *o, unsigned i, bool strict) {
        const struct model_zone *want = &o->zones[i];
        const struct zone_live *z = sim_zone(o->m->sim, names[i]);
        const char *state = status(o->m, names[i], "state");

        if (runs(z) != (strcmp(state, "running") == 0))
                wrong(o, "%s %s, and its status is \"%s\"\n", names[i], runs(z) ? "runs" : "does not run", state);
        if (want->file == NOT_WANTED && z)
                wrong(o, "%s has no file and is still there\n", names[i]);
        if (want->file != WANTED)
                return;
        if (!runs(z) && !is_claimed(o, i) && (strict || !want->may_rest))
                wrong(o, "%s does not run: %s, %s\n", names[i], state, status(o->m, names[i], "message"));
        if (runs(z) && z->cpus != BIT(want->wanted.cpu) && !is_claimed(o, i) && (strict || !want->may_be_old))
                wrong(o, "%s runs on another CPU than %u\n", names[i], want->wanted.cpu);
        for (size_t j = 0; runs(z) && j < z->num_devices; j++)
                if (!z->devices[j].attached || kill(z->devices[j].worker_pid, 0) < 0)
                        wrong(o, "%s runs, and nobody serves %s\n", names[i], z->devices[j].name);
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

static void check(struct model *o, bool strict) {
        settle(o);
        for (unsigned i = 0; i < ZONES; i++)
                check_zone(o, i, strict);
        check_processes(o);
}

/* ---- one history ------------------------------------------------------------------------------------ */

static void live_through(const struct event *events, size_t count, struct report *report) {
        struct model o = { .ops = sim_hypervisor_ops, .report = report };

        watched = &o;
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        machine_setup((void **) &o.m);
        o.ops.zone_start = watched_start;
        o.m->sim->hypervisor.ops = &o.ops;
        for (size_t i = 0; i < count && !report->first; i++) {
                kinds[events[i].what].happen(&o, events[i].zone, events[i].value);
                for (unsigned j = 0; j < events[i].pause; j++)
                        sd_event_run(o.m->event, 1000);
        }
        on_mend(&o, 0, 0);
        o.m->sim->observe_fails = 0;
        check(&o, false);
        /* by hand everything can be had, one after the other: one may have to give way first */
        for (unsigned i = 0; i < 2 * ZONES && !report->first; i++) {
                (void) engine_restart(o.m->engine, names[i % ZONES], NULL);
                settle(&o);
        }
        if (!report->first)
                check(&o, true);
        if (report->first && getenv("TELL"))
                fputs(o.m->records, stderr);
        machine_teardown((void **) &o.m);
}

/* In a process of its own, which may end as it likes. True: all was as it has to be. */
static bool history_is_good(const struct event *events, size_t count, struct report *report) {
        pid_t pid;
        int how;

        *report = (struct report){};
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
                alarm(120);
                live_through(events, count, report);
                _exit(0);
        }
        assert_int_equal(waitpid(pid, &how, 0), pid);
        end_children(NULL);
        if (how != 0 && !report->first) {
                report->first = "";
                snprintf(report->text, SAY_SIZE, "it ended with status %#x\n", (unsigned) how);
        }
        return !report->first;
}

static void make_history(unsigned seed, struct event *events) {
        unsigned sum = 0;

        srand(seed);
        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                sum += kinds[i].weight;
        for (unsigned i = 0; i < EVENTS; i++) {
                unsigned left = (unsigned) rand() % sum;
                uint8_t what = 0;

                for (; left >= kinds[what].weight; what++)
                        left -= kinds[what].weight;
                events[i] =
                        (struct event){ what, (uint8_t) (rand() % ZONES), (uint8_t) rand(), (uint8_t) (rand() % 12) };
        }
}

/* Leaves out what it does not take to break the same rule, one half, quarter … after the other. */
static size_t shrink(struct event *events, size_t count, struct report *report) {
        const char *rule = report->first;

        for (size_t size = count / 2; size > 0; size /= 2)
                for (size_t from = 0; from + size <= count;) {
                        struct event fewer[EVENTS];

                        memcpy(fewer, events, from * sizeof(*events));
                        memcpy(fewer + from, events + from + size, (count - from - size) * sizeof(*events));
                        if (history_is_good(fewer, count - size, report) || report->first != rule) {
                                from += size;
                        } else {
                                count -= size;
                                memcpy(events, fewer, count * sizeof(*events));
                        }
                }
        (void) history_is_good(events, count, report);
        return count;
}

static unsigned number_from_environment(const char *name, unsigned otherwise) {
        const char *text = getenv(name);

        return text ? (unsigned) strtoul(text, NULL, 10) : otherwise;
}

static void test_engine_comes_right_after_any_history(void **state _unused_) {
        struct report *report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        unsigned first = number_from_environment("SEED", 1), n = number_from_environment("HISTORIES", HISTORIES);
        struct event events[EVENTS];

        assert_ptr_not_equal(report, MAP_FAILED);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        for (unsigned seed = first; seed < first + n; seed++) {
                size_t count = EVENTS;

                make_history(seed, events);
                if (history_is_good(events, count, report))
                        continue;
                print_error("SEED=%u: %s", seed, report->text);
                count = shrink(events, count, report);
                for (size_t i = 0; i < count; i++)
                        print_error("  %s %s %u (%u)\n", kinds[events[i].what].word, names[events[i].zone],
                                    events[i].value, events[i].pause);
                fail_msg("these %zu events: %s", count, report->text);
        }
        munmap(report, sizeof(*report));
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_engine_comes_right_after_any_history),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
