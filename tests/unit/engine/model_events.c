/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may happen in the model's world. A value's parts choose among what an event can be. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/model.h"

#define FOREIGN_ID 9

/* ---- files ------------------------------------------------------------------------------------------ */

/* The next part of a value, below @below. */
static unsigned part(uint32_t *value, unsigned below) {
        unsigned p = *value % below;

        *value /= below;
        return p;
}

static const char *policy(unsigned which) {
        static const char *const words[] = { "no", "on-failure", "always" };

        return words[which];
}

static void zone_text(const struct model *o, unsigned i, uint32_t value, char *text, size_t size) {
        unsigned ram = 0x50000000 + i * 0x8000000, cpu = part(&value, 3) + 1, restart = part(&value, 3);
        unsigned interrupt = part(&value, 2), hold = part(&value, 2), quota = part(&value, 2);
        unsigned shared_id = part(&value, 8) == 0, enabled = part(&value, 8) != 0, ivc = part(&value, 6);
        int n = snprintf(text, size,
                         "[Zone]\nId=%u\nCPUs=%u\nKernel=%s/Image\nKernelAddress=%#x\nEntryPoint=%#x\nRestart=%s\n"
                         "OnChange=%s\nInterrupts=%u\n[Memory ram]\nPhysicalAddress=%#x\nSize=128M\n"
                         "[Block root]\nImage=%s/disk\nReadOnly=yes\nAddress=0xa003c00\nInterrupt=78\nCPUQuota=%u%%\n"
                         "Enabled=%s\n",
                         shared_id ? MODEL_ZONES : i + 1, cpu, o->m->dir, ram, ram, policy(restart),
                         hold ? "hold" : "restart", 100 + i * 10 + interrupt, ram, o->m->dir, 10 + quota,
                         enabled ? "yes" : "no");

        /* Two zones that say they are the same peer cannot both be. */
        if (ivc < 2)
                snprintf(text + n, size - (size_t) n,
                         "[IVC talk]\nId=0\nPeer=%u\nMaxPeers=%u\nControlTableAddress=0xd0000000\n"
                         "SharedMemoryAddress=0xd0001000\nReadWriteSize=4K\nOutputSize=64K\nInterrupt=66\n",
                         ivc ? i : 0, MODEL_ZONES);
}

/* As the watch does: the file that changed, or all of them. */
static void reload(struct model *o, unsigned i, bool all) {
        char file[32];
        int r;

        snprintf(file, sizeof(file), "%s.conf", model_names[i]);
        r = all ? engine_reload(o->m->engine) : engine_reload_files(o->m->engine, &(const char *){ file }, 1);
        if (r < 0)
                wrong(o, "the files cannot be read\n");
}

/* Mostly the first directory: what is below matters when there is nothing in it. */
static unsigned some_level(uint32_t *value) {
        unsigned p = part(value, 8);

        return p < 5 ? 0 : p < 7 ? 1 : 2;
}

static void write_and_reload(struct model *o, unsigned i, unsigned level, bool is_drop_in, const struct model_file *f,
                             bool all) {
        model_write(o, i, level, is_drop_in, f);
        model_derive(o);
        model_note(o, false);
        reload(o, i, all);
}

static void on_write(struct model *o, unsigned i, uint32_t value) {
        struct model_file f = { .entry = ENTRY_TEXT };
        unsigned level = some_level(&value);
        bool all = part(&value, 2);

        zone_text(o, i, value, f.text, sizeof(f.text));
        write_and_reload(o, i, level, false, &f, all);
}

static void on_spoil(struct model *o, unsigned i, uint32_t value) {
        unsigned level = some_level(&value);
        struct model_file f = o->zones[i].files[level];

        if (f.entry != ENTRY_TEXT)
                return;
        snprintf(f.text, sizeof(f.text), "%s", part(&value, 3) == 0 ? "" : "[Zone]\nBogus=1\n");
        write_and_reload(o, i, level, false, &f, part(&value, 2));
}

static void on_mask(struct model *o, unsigned i, uint32_t value) {
        unsigned level = some_level(&value);

        write_and_reload(o, i, level, false, &(struct model_file){ .entry = ENTRY_MASK }, part(&value, 2));
}

static void on_delete(struct model *o, unsigned i, uint32_t value) {
        unsigned level = some_level(&value);

        write_and_reload(o, i, level, false, &(struct model_file){}, part(&value, 2));
}

static void on_drop_in(struct model *o, unsigned i, uint32_t value) {
        unsigned level = part(&value, MACHINE_DIRS), what = part(&value, 8), number = part(&value, 3);
        struct model_file f = { .entry = what == 0 ? ENTRY_NONE : what == 1 ? ENTRY_MASK : ENTRY_TEXT };

        if (what <= 3)
                snprintf(f.text, sizeof(f.text), "[Zone]\nCPUs=%u\n", number + 1);
        else if (what == 4)
                snprintf(f.text, sizeof(f.text), "[Block root]\nCPUQuota=%u%%\n", 20 + number);
        else if (what == 5)
                snprintf(f.text, sizeof(f.text), "[Block root]\nEnabled=%s\n", number ? "no" : "yes");
        else if (what == 6)
                snprintf(f.text, sizeof(f.text), "[Zone]\nRestart=%s\nOnChange=restart\n", policy(number));
        else
                snprintf(f.text, sizeof(f.text), "Bogus=1\n");
        write_and_reload(o, i, level, true, &f, part(&value, 2));
}

static void on_same_text(struct model *o, unsigned i, uint32_t value) {
        unsigned level = some_level(&value);
        struct model_file f = o->zones[i].files[level];

        if (f.entry == ENTRY_TEXT)
                write_and_reload(o, i, level, false, &f, part(&value, 2));
}

static void on_board(struct model *o, unsigned i, uint32_t value) {
        model_write_board(o, part(&value, 8));
        model_note(o, false);
        reload(o, i, part(&value, 2));
}

static void on_lose(struct model *o, unsigned i, uint32_t value) {
        model_lose(o, some_level(&value), part(&value, 2));
        model_derive(o);
        model_note(o, false);
        reload(o, i, part(&value, 2));
}

static void on_find_again(struct model *o, unsigned i, uint32_t value _unused_) {
        for (unsigned level = 0; level < MACHINE_DIRS; level++)
                model_find_again(o, level);
        model_derive(o);
        model_note(o, false);
        reload(o, i, true);
}

/* ---- zones and workers ------------------------------------------------------------------------------ */

static void on_power_off(struct model *o, unsigned i, uint32_t value _unused_) {
        struct zone_live *z = sim_zone(o->m->sim, model_names[i]);

        if (z && z->listed)
                z->listed = false;
}

static void on_astray(struct model *o, unsigned i, uint32_t value _unused_) {
        struct zone_live *z = sim_zone(o->m->sim, model_names[i]);

        if (z && z->listed)
                z->in_error = true;
}

static void on_kill_worker(struct model *o, unsigned i, uint32_t value _unused_) {
        struct device_live *d = sim_device(o->m->sim, model_names[i], "root");

        if (d && d->worker_pid > 0)
                kill(d->worker_pid, SIGKILL);
}

static void on_hang_worker(struct model *o, unsigned i, uint32_t value) {
        struct device_live *d = sim_device(o->m->sim, model_names[i], "root");

        if (d && d->attached && d->worker_pid > 0) {
                d->attached = false;
                d->hung = true;
                d->silent = value % 2;
                sim_stir(o->m->sim, model_names[i]);
        }
}

static void on_foreign(struct model *o, unsigned i _unused_, uint32_t value) {
        struct sim *s = o->m->sim;
        uint64_t cpu = BIT(value % 3 + 1);

        pthread_mutex_lock(&s->lock);
        if (!model_holder(s, cpu, "") && !model_holder(s, UINT64_MAX, model_names[0]))
                sim_add_foreign(s, "alien", FOREIGN_ID, cpu);
        pthread_mutex_unlock(&s->lock);
}

static void on_foreign_ends(struct model *o, unsigned i _unused_, uint32_t value _unused_) {
        struct sim *s = o->m->sim;

        for (size_t j = 0; j < ELEMENTSOF(s->zones); j++)
                if (s->zones[j].used && s->zones[j].live.id == FOREIGN_ID)
                        s->zones[j].used = false;
}

/* ---- failures --------------------------------------------------------------------------------------- */

static void on_fault(struct model *o, unsigned i _unused_, uint32_t value) {
        static const int errors[] = { -EIO, -ENOMEM, -EBUSY, HYPERVISOR_CPUS_LOST };
        enum sim_step step = part(&value, _SIM_STEP_MAX);

        o->m->sim->fail[step] = errors[part(&value, step == SIM_START ? 4 : 3)];
}

static void on_mend(struct model *o, unsigned i _unused_, uint32_t value _unused_) {
        memset(o->m->sim->fail, 0, sizeof(o->m->sim->fail));
        o->m->sim->worker = SIM_WORKER_SERVES;
        o->slow = false;
}

static void on_bad_worker(struct model *o, unsigned i _unused_, uint32_t value) {
        o->m->sim->worker = value % 2 ? SIM_WORKER_EXITS : SIM_WORKER_NEVER_ATTACHES;
}

static void on_blind(struct model *o, unsigned i _unused_, uint32_t value) {
        o->m->sim->observe_fails = (int) (value % 3) + 1;
}

static void on_slow(struct model *o, unsigned i _unused_, uint32_t value _unused_) {
        o->slow = true;
}

void model_mend(struct model *o) {
        on_mend(o, 0, 0);
        o->m->sim->observe_fails = 0;
        model_write_board(o, 0);
        on_find_again(o, 0, 0);
}

/* ---- people, the daemon, time ----------------------------------------------------------------------- */

static void on_restart(struct model *o, unsigned i, uint32_t value _unused_) {
        if (engine_restart(o->m->engine, model_names[i], NULL) < 0)
                return;
        o->zones[i].asked = true;
        model_note(o, false);
}

static void on_progress(void *userdata _unused_, size_t done _unused_, size_t total _unused_, const char *zone _unused_,
                        const char *device _unused_) {
}

static void on_ended(void *userdata _unused_, int result _unused_, const char *text _unused_) {
}

static void on_upgrade(struct model *o, unsigned i _unused_, uint32_t value) {
        const struct upgrade_watcher watcher = { .progress = on_progress, .ended = on_ended };

        (void) engine_upgrade(o->m->engine, value % 2, &watcher, NULL);
}

static bool serves(const struct sim *s, pid_t pid) {
        for (size_t i = 0; i < ELEMENTSOF(s->zones); i++)
                for (size_t j = 0; s->zones[i].used && j < s->zones[i].live.num_devices; j++)
                        if (s->zones[i].live.devices[j].worker_pid == pid)
                                return true;
        return false;
}

void end_children(const struct sim *but) {
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

/*
 * One that starts while a directory is not there takes it for empty, unless it is there and cannot be opened; nor does it
 * wait for drop-ins that a lower one may have.
 */
static void on_new_daemon(struct model *o, unsigned i _unused_, uint32_t value _unused_) {
        for (unsigned level = 0; level < MACHINE_DIRS; level++)
                if (o->lost_plainly[level] || level > 0)
                        model_find_again(o, level);
        model_derive(o);
        model_note(o, false);
        o->m->engine = engine_free(o->m->engine);
        end_children(o->m->sim); /* a real worker that does not attach does not stay */
        engine_begin(o->m);
}

static void on_time(struct model *o, unsigned i _unused_, uint32_t value) {
        pass_time(o->m, value % 20);
}

static void on_rest(struct model *o, unsigned i _unused_, uint32_t value _unused_) {
        pump_until_idle(o->m);
        engine_reconcile(o->m->engine);
        pump_until_idle(o->m);
        if (!engine_busy(o->m->engine))
                model_note(o, true);
}

const struct event_kind event_kinds[] = {
        { "write", on_write, 10 },
        { "drop-in", on_drop_in, 5 },
        { "spoil", on_spoil, 2 },
        { "mask", on_mask, 2 },
        { "delete", on_delete, 3 },
        { "same-text", on_same_text, 1 },
        { "board", on_board, 2 },
        { "lose-directory", on_lose, 1 },
        { "find-directories", on_find_again, 1 },
        { "power-off", on_power_off, 3 },
        { "go-astray", on_astray, 2 },
        { "kill-worker", on_kill_worker, 3 },
        { "hang-worker", on_hang_worker, 1 },
        { "step-fails", on_fault, 3 },
        { "mended", on_mend, 3 },
        { "bad-workers", on_bad_worker, 1 },
        { "blind", on_blind, 1 },
        { "slow-to-stop", on_slow, 1 },
        { "foreign", on_foreign, 1 },
        { "foreign-ends", on_foreign_ends, 1 },
        { "restart", on_restart, 2 },
        { "upgrade", on_upgrade, 1 },
        { "new-daemon", on_new_daemon, 2 },
        { "time", on_time, 4 },
        { "rest", on_rest, 3 },
};
const size_t num_event_kinds = ELEMENTSOF(event_kinds);
