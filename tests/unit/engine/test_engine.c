// sources: tests/unit/engine/sim.c reconciler/engine/engine.c reconciler/engine/zone.c reconciler/engine/tell.c reconciler/engine/remember.c reconciler/engine/execute.c reconciler/engine/task.c reconciler/engine/task_start.c reconciler/engine/task_stop.c reconciler/engine/worker.c reconciler/engine/job.c reconciler/engine/backoff.c reconciler/engine/applied.c reconciler/engine/launcher.c reconciler/engine/desired_load.c reconciler/hypervisor/hypervisor.c reconciler/plan/*.c reconciler/live/*.c reconciler/config/*.c reconciler/base/fd.c reconciler/base/err.c
// libs: libsystemd jansson
/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#include "base/fd.h"
#include "engine/backoff.h"
#include "engine/engine.h"
#include "engine/sim.h"

#define PUMP_MAX 10000 /* ms; a loaded machine is slow, a right answer comes soon */

/* One machine: directories, a simulated hypervisor, an engine that may be replaced. */
struct machine {
        char dir[64], zones[96], board[96], specs[96];
        struct sim sim;
        sd_event *event;
        struct engine *engine;
        uint64_t skipped; /* µs by which the clock was moved */
        char records[8192];
};

static uint64_t fake_now(void *userdata) {
        struct machine *m = userdata;
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * SECOND + t.tv_nsec / 1000 + m->skipped;
}

static void on_record(void *userdata, const struct record *r) {
        struct machine *m = userdata;
        size_t used = strlen(m->records);

        snprintf(m->records + used, sizeof(m->records) - used, "%s %s: %s\n", r->action, r->result, r->text);
}

static void write_file(const char *dir, const char *name, const char *text) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(file_write_atomic(path, text, strlen(text)), 0);
}

static void write_images(struct machine *m) {
        static const char dtb[64] = { (char) 0xd0, 0x0d, (char) 0xfe, (char) 0xed, 0, 0, 0, 64 };
        char path[160];

        write_file(m->dir, "Image", "kernel");
        snprintf(path, sizeof(path), "%s/zone.dtb", m->dir);
        assert_int_equal(file_write_atomic(path, dtb, sizeof(dtb)), 0);
        snprintf(path, sizeof(path), "%s/disk", m->dir);
        assert_int_equal(file_write_atomic(path, (char[512]){}, 512), 0);
}

static void engine_begin(struct machine *m) {
        struct engine_config config = {
                .event = m->event,
                .hypervisor = &m->sim.hypervisor,
                .launcher = &m->sim.launcher,
                .paths = { m->zones, m->board, m->specs },
                .version = "test",
                .userdata = m,
                .record = on_record,
                .now = fake_now,
                .attach_timeout = SECOND / 4,
        };

        assert_int_equal(engine_new(&config, &m->engine), 0);
        assert_int_equal(engine_reload(m->engine), 0);
}

static int setup(void **state) {
        struct machine *m = calloc(1, sizeof(*m));

        strcpy(m->dir, "/tmp/engine-XXXXXX");
        assert_non_null(mkdtemp(m->dir));
        snprintf(m->zones, sizeof(m->zones), "%s/zones.d", m->dir);
        snprintf(m->board, sizeof(m->board), "%s/board.conf", m->dir);
        snprintf(m->specs, sizeof(m->specs), "%s/specs", m->dir);
        mkdir(m->zones, 0755);
        write_images(m);
        write_file(m->dir, "board.conf",
                   "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n[GIC]\nVersion=3\n"
                   "DistributorAddress=0x8000000\nDistributorSize=0x10000\n"
                   "RedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n");
        sim_init(&m->sim);
        assert_int_equal(sd_event_new(&m->event), 0);
        engine_begin(m);
        *state = m;
        return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

static int teardown(void **state) {
        struct machine *m = *state;

        engine_free(m->engine);
        sim_clear(&m->sim);
        sd_event_unref(m->event);
        nftw(m->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(m);
        return 0;
}

/* ---- driving it ------------------------------------------------------------------------------------- */

static void want_zone(struct machine *m, const char *name, unsigned id, const char *cpus, const char *more) {
        unsigned ram = 0x50000000 + (id - 1) * 0x8000000;
        char text[1024], file[64];

        snprintf(text, sizeof(text),
                 "[Zone]\nId=%u\nCPUs=%s\nKernel=%s/Image\nKernelAddress=%#x\nEntryPoint=%#x\n"
                 "DeviceTree=%s/zone.dtb\nDeviceTreeAddress=%#x\n%s\n[Memory "
                 "ram]\nPhysicalAddress=%#x\nSize=128M\n"
                 "[Block root]\nImage=%s/disk\nReadOnly=yes\nAddress=0xa003c00\nInterrupt=78\n"
                 "[Console main]\nAddress=0xa003800\nInterrupt=76\n",
                 id, cpus, m->dir, ram + 0x400000, ram + 0x400000, m->dir, ram, more, ram, m->dir);
        snprintf(file, sizeof(file), "%s.conf", name);
        write_file(m->zones, file, text);
        assert_int_equal(engine_reload(m->engine), 0);
}

static void unwant_zone(struct machine *m, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s.conf", m->zones, name);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(engine_reload(m->engine), 0);
}

/* A zone with one writable disk; want_zone()'s has a read-only one. */
static void want_disk(struct machine *m, const char *name, unsigned id, const char *kernel, const char *image,
                      const char *more) {
        unsigned ram = 0x50000000 + (id - 1) * 0x8000000;
        char text[1024], file[64];

        snprintf(text, sizeof(text),
                 "[Zone]\nId=%u\nCPUs=%u\nKernelAddress=%#x\nEntryPoint=%#x\nKernel=%s/%s\n%s\n"
                 "[Memory ram]\nPhysicalAddress=%#x\nSize=128M\n"
                 "[Block root]\nImage=%s/%s\nAddress=0xa003c00\nInterrupt=78\n",
                 id, id + 1, ram + 0x400000, ram + 0x400000, m->dir, kernel, more, ram, m->dir, image);
        snprintf(file, sizeof(file), "%s.conf", name);
        write_file(m->zones, file, text);
        assert_int_equal(engine_reload(m->engine), 0);
}

static void write_disk(struct machine *m, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", m->dir, name);
        assert_int_equal(file_write_atomic(path, (char[512]){}, 512), 0);
}

/* A member of one zone's status as text, in a static buffer; "" if there is none. */
static const char *status(struct machine *m, const char *name, const char *key) {
        static char text[ERR_TEXT_SIZE];
        json_t *all = engine_status(m->engine), *zone, *found = NULL;
        size_t i;

        text[0] = '\0';
        json_array_foreach(json_object_get(all, "zones"), i,
                           zone) if (strcmp(json_string_value(json_object_get(zone, "name")), name) == 0) found =
                json_object_get(zone, key);
        if (json_is_string(found))
                snprintf(text, sizeof(text), "%s", json_string_value(found));
        else if (json_is_integer(found))
                snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(found));
        json_decref(all);
        return text;
}

static void pump(struct machine *m, uint64_t ms) {
        uint64_t end = fake_now(m) + ms * 1000;

        do
                sd_event_run(m->event, 2000);
        while (fake_now(m) < end);
}

static void pump_until_state(struct machine *m, const char *zone, const char *state) {
        uint64_t end = fake_now(m) + PUMP_MAX * 1000;

        while (strcmp(status(m, zone, "state"), state) != 0) {
                if (fake_now(m) >= end)
                        fail_msg("zone %s is \"%s\", not \"%s\"; %s; log: %s\n%s", zone, status(m, zone, "state"),
                                 state, status(m, zone, "message"), m->sim.log, m->records);
                sd_event_run(m->event, 2000);
        }
}

static void pump_until_idle(struct machine *m) {
        uint64_t end = fake_now(m) + PUMP_MAX * 1000;

        do
                sd_event_run(m->event, 2000);
        while (engine_busy(m->engine) && fake_now(m) < end);
        pump(m, 10);
}

static void pass_time(struct machine *m, uint64_t seconds) {
        m->skipped += seconds * SECOND;
        engine_reconcile(m->engine);
}

static bool any_worker_runs(struct machine *m, const char *zone) {
        return sim_device(&m->sim, zone, "root") && sim_device(&m->sim, zone, "root")->worker_pid;
}

static bool applied_exists(struct machine *m, const char *zone) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s.conf", m->specs, zone);
        return access(path, F_OK) == 0;
}

/* ---- the tests -------------------------------------------------------------------------------------- */

static void test_engine_starts_in_order_and_stops_in_reverse(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim.log, "create device device launch launch load load start");
        assert_true(applied_exists(m, "one"));
        m->sim.log[0] = '\0';
        unwant_zone(m, "one");
        pump_until_state(m, "one", "");
        assert_string_equal(m->sim.log, "stop destroy");
        assert_null(sim_zone(&m->sim, "one"));
        assert_false(applied_exists(m, "one"));
}

static void test_engine_does_nothing_for_the_same_text(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->sim.log[0] = '\0';
        want_zone(m, "one", 1, "2", "");
        want_zone(m, "one", 1, "2", "# a comment\n");
        pump(m, 50);
        assert_string_equal(m->sim.log, "");
}

static void test_engine_undoes_a_start_that_fails(void **state) {
        struct machine *m = *state;
        static const struct {
                enum sim_step step;
                int error;
                const char *log;
        } c[] = {
                { SIM_ZONE_CREATE, -EBUSY, "create" },
                { SIM_DEVICE_CREATE, -EEXIST, "create device destroy" },
                { SIM_LAUNCH, -EMFILE, "create device device launch destroy" },
                { SIM_LOAD, -EFAULT, "create device device launch launch load destroy" },
                { SIM_START, -EINVAL, "create device device launch launch load load start destroy" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                m->sim.fail[c[i].step] = c[i].error;
                want_zone(m, "one", 1, "2", "");
                pump_until_state(m, "one", "failed");
                assert_string_equal(m->sim.log, c[i].log);
                assert_null(sim_zone(&m->sim, "one"));
                assert_non_null(strstr(status(m, "one", "message"), "simulated failure"));
                assert_string_equal(status(m, "one", "retry_in"), "1");
                assert_false(applied_exists(m, "one"));
                m->sim.fail[c[i].step] = 0;
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
                m->sim.log[0] = '\0';
        }
}

static void test_engine_undoes_a_start_whose_worker_does_not_serve(void **state) {
        static const struct {
                enum sim_worker how;
                const char *message;
        } c[] = {
                { SIM_WORKER_EXITS, "exited with status 1 before it served" },
                { SIM_WORKER_NEVER_ATTACHES, "did not attach to its device in time" },
        };
        struct machine *m = *state;

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                m->sim.worker = c[i].how;
                want_zone(m, "one", 1, "2", "");
                pump_until_state(m, "one", "failed");
                assert_string_equal(m->sim.log, "create device device launch launch destroy");
                assert_non_null(strstr(status(m, "one", "message"), c[i].message));
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
                m->sim.log[0] = '\0';
        }
}

static void test_engine_backs_off_and_is_cleared_by_a_change(void **state) {
        struct machine *m = *state;

        m->sim.fail[SIM_START] = -EIO;
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "failed");
        assert_string_equal(status(m, "one", "retry_in"), "1");
        pass_time(m, 1);
        pump_until_idle(m);
        assert_string_equal(status(m, "one", "retry_in"), "2");
        assert_string_equal(status(m, "one", "restarts"), "1");
        m->sim.log[0] = '\0';
        want_zone(m, "one", 1, "2", "# no change\n");
        pump(m, 20);
        assert_string_equal(m->sim.log, "");
        m->sim.fail[SIM_START] = 0;
        want_zone(m, "one", 1, "3", "");
        pump_until_state(m, "one", "running");
        assert_string_equal(status(m, "one", "message"), "");
}

static void test_engine_restart_by_hand_clears_failure(void **state) {
        struct machine *m = *state;

        m->sim.fail[SIM_START] = -EIO;
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "failed");
        m->sim.fail[SIM_START] = 0;
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_state(m, "one", "running");
        m->sim.log[0] = '\0';
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_idle(m);
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim.log, "stop destroy create device device launch launch load load start");
        assert_int_equal(engine_restart(m->engine, "other", NULL), -ENOENT);
}

static void test_engine_waits_for_a_busy_cpu(void **state) {
        struct machine *m = *state;

        m->sim.fail[SIM_START] = -EBUSY;
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "failed");
        assert_string_equal(status(m, "one", "retry_in"), "1");
        m->sim.fail[SIM_START] = 0;
        pass_time(m, 1);
        pump_until_state(m, "one", "running");
}

static void test_engine_never_retries_a_lost_cpu(void **state) {
        struct machine *m = *state;

        m->sim.fail[SIM_START] = HYPERVISOR_CPUS_LOST;
        want_zone(m, "one", 1, "2-3", "");
        pump_until_state(m, "one", "failed");
        assert_string_equal(status(m, "one", "message"), "CPU 2-3 is lost until the board restarts");
        assert_string_equal(status(m, "one", "retry_in"), "");
        assert_null(sim_zone(&m->sim, "one"));
        m->sim.log[0] = '\0';
        pass_time(m, 3600);
        pump(m, 20);
        assert_string_equal(m->sim.log, "");
}

static void test_engine_leaves_foreign_zones_alone(void **state) {
        struct machine *m = *state;

        sim_add_foreign(&m->sim, "other", 3, 4);
        want_zone(m, "one", 1, "2", "");
        pump(m, 20);
        assert_string_equal(m->sim.log, "");
        assert_string_equal(status(m, "one", "state"), "waiting");
        assert_string_equal(status(m, "other", "state"), "foreign");
        assert_int_equal(engine_restart(m->engine, "other", NULL), -EPERM);
}

static void test_engine_replaces_a_killed_worker(void **state) {
        struct machine *m = *state;
        pid_t pid;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        pid = sim_device(&m->sim, "one", "root")->worker_pid;
        m->sim.log[0] = '\0';
        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(&m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_string_equal(m->sim.log, "launch");
        assert_true(any_worker_runs(m, "one"));
        assert_int_not_equal(sim_device(&m->sim, "one", "root")->worker_pid, pid);
        assert_string_equal(status(m, "one", "state"), "running");
        assert_non_null(strstr(m->records, "was killed by signal 9 (KILL)"));
}

static void test_engine_slows_down_a_worker_that_crashes_at_once(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->sim.worker = SIM_WORKER_EXITS;
        m->sim.launches = 0;
        kill(sim_device(&m->sim, "one", "root")->worker_pid, SIGKILL);
        pump(m, 400);
        assert_in_range(m->sim.launches, 3, 6);
        assert_string_equal(status(m, "one", "state"), "running");
        m->sim.worker = SIM_WORKER_SERVES;
        pass_time(m, 300);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
}

static void test_engine_kills_a_hung_worker(void **state) {
        struct machine *m = *state;
        pid_t pid;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        pid = sim_device(&m->sim, "one", "root")->worker_pid;
        sim_device(&m->sim, "one", "root")->hung = true;
        engine_reconcile(m->engine);
        for (unsigned i = 0; i < 500 && sim_device(&m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_int_not_equal(sim_device(&m->sim, "one", "root")->worker_pid, pid);
        assert_true(any_worker_runs(m, "one"));
        assert_non_null(strstr(m->records, "did not let go of the device's queues in time"));
}

static void test_engine_adopts_what_runs(void **state) {
        struct machine *m = *state;
        pid_t pid;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        pid = sim_device(&m->sim, "one", "root")->worker_pid;
        m->engine = engine_free(m->engine);
        m->sim.log[0] = '\0';
        engine_begin(m);
        pump(m, 20);
        assert_string_equal(m->sim.log, "");
        assert_int_equal(sim_device(&m->sim, "one", "root")->worker_pid, pid);
        assert_non_null(strstr(m->records, "worker-adopt done"));

        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(&m->sim, "one", "root")->worker_pid == pid; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_string_equal(m->sim.log, "launch");
}

static void test_engine_keeps_the_last_good_spec_over_its_own_restart(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->engine = engine_free(m->engine);
        write_file(m->zones, "one.conf", "[Zone]\nId=none\n");
        m->sim.log[0] = '\0';
        engine_begin(m);
        assert_string_equal(status(m, "one", "file_state"), "bad");
        assert_string_equal(status(m, "one", "state"), "running");
        kill(sim_device(&m->sim, "one", "root")->worker_pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(&m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_string_equal(m->sim.log, "launch");
}

static uint64_t served(struct machine *m, const char *zone) {
        return sim_device(&m->sim, zone, "root")->cookie;
}

static void pump_until_served_otherwise(struct machine *m, const char *zone, uint64_t than) {
        for (unsigned i = 0; i < 500 && (served(m, zone) == than || !any_worker_runs(m, zone)); i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, zone));
        assert_true(served(m, zone) != than);
}

static void test_engine_keeps_a_changed_image_while_the_file_is_bad(void **state) {
        struct machine *m = *state;
        uint64_t before, after;

        write_disk(m, "disk2");
        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        before = served(m, "one");
        want_disk(m, "one", 1, "Image", "disk2", "");
        pump_until_served_otherwise(m, "one", before);
        after = served(m, "one");

        want_disk(m, "one", 1, "Image", "disk2", "Bogus=1\n");
        pump_until_idle(m);
        assert_true(served(m, "one") == after);
        m->engine = engine_free(m->engine);
        engine_begin(m);
        pump_until_idle(m);
        assert_true(served(m, "one") == after);
}

static void test_engine_keeps_a_changed_policy_while_the_file_is_bad(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        want_zone(m, "one", 1, "2", "Restart=always\n");
        want_zone(m, "one", 1, "2", "Restart=always\nBogus=1\n");
        m->engine = engine_free(m->engine);
        engine_begin(m);
        sim_power_off(&m->sim, "one");
        pass_time(m, 2);
        pass_time(m, 2);
        pump_until_state(m, "one", "running");
}

static void test_engine_cleans_up_after_a_daemon_that_died_midway(void **state) {
        struct machine *m = *state;
        struct zone_live *z;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->engine = engine_free(m->engine);
        z = sim_zone(&m->sim, "one");
        z->object = ZONE_OBJECT_CREATED;
        z->listed = false;
        m->sim.log[0] = '\0';
        engine_begin(m);
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim.log, "destroy create device device launch launch load load start");
}

static void test_engine_follows_the_restart_policy(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "Restart=on-failure\n");
        pump_until_state(m, "one", "running");
        sim_power_off(&m->sim, "one");
        pass_time(m, 2);
        pump(m, 20);
        assert_string_equal(status(m, "one", "state"), "exited");
        m->sim.log[0] = '\0';
        want_zone(m, "one", 1, "2", "Restart=always\n");
        assert_string_equal(status(m, "one", "retry_in"), "1");
        want_zone(m, "one", 1, "2", "Restart=no\n");
        assert_string_equal(status(m, "one", "retry_in"), "");
        want_zone(m, "one", 1, "2", "Restart=always\n");
        pass_time(m, 2);
        pump_until_state(m, "one", "running");
        assert_string_equal(m->sim.log, "stop destroy create device device launch launch load load start");
}

static void test_engine_checks_before_it_stops(void **state) {
        struct machine *m = *state;
        char path[160];

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        m->sim.log[0] = '\0';
        snprintf(path, sizeof(path), "%s/Image", m->dir);
        assert_int_equal(unlink(path), 0);
        want_zone(m, "one", 1, "3", "");
        pump_until_idle(m);
        assert_string_equal(m->sim.log, "");
        assert_string_equal(status(m, "one", "state"), "running");
        assert_non_null(strstr(status(m, "one", "message"), "Image"));
}

static void test_engine_replaces_a_killed_worker_while_a_change_fails(void **state) {
        struct machine *m = *state;

        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        want_disk(m, "one", 1, "Typo", "disk", "");
        pump_until_idle(m);
        kill(sim_device(&m->sim, "one", "root")->worker_pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(&m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
        assert_string_equal(status(m, "one", "state"), "running");
        assert_non_null(strstr(status(m, "one", "message"), "Typo"));
}

static void test_engine_keeps_a_disk_whose_new_image_is_not_there(void **state) {
        struct machine *m = *state;
        uint64_t before;
        pid_t pid;

        want_disk(m, "one", 1, "Image", "disk", "");
        pump_until_state(m, "one", "running");
        before = served(m, "one");
        pid = sim_device(&m->sim, "one", "root")->worker_pid;
        m->records[0] = '\0';
        want_disk(m, "one", 1, "Image", "nowhere", "");
        pump_until_idle(m);
        engine_reconcile(m->engine);
        assert_int_equal(sim_device(&m->sim, "one", "root")->worker_pid, pid);
        assert_non_null(strstr(m->records, "worker-restart refused: "));
        assert_null(strstr(strstr(m->records, "refused: ") + 1, "refused: "));

        kill(pid, SIGKILL);
        for (unsigned i = 0; i < 500 && sim_device(&m->sim, "one", "root")->generation == 1; i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, "one"));
        assert_true(served(m, "one") == before);

        write_disk(m, "nowhere");
        engine_reconcile(m->engine);
        pump_until_served_otherwise(m, "one", before);
}

static void test_engine_tells_two_notes_of_a_zone_once(void **state) {
        struct machine *m = *state;

        sim_add_foreign(&m->sim, "one", 5, 8);
        want_zone(m, "one", 1, "2", "");
        want_zone(m, "two", 2, "3", "");
        assert_non_null(strstr(m->records, "a zone with id 5 has its name"));
        assert_non_null(strstr(m->records, "was not started by the reconciler: left alone"));
        m->records[0] = '\0';
        for (unsigned i = 0; i < 3; i++)
                engine_reconcile(m->engine);
        assert_string_equal(m->records, "");
}

static void test_engine_tells_of_an_ended_zone_with_a_bad_file_once(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        sim_power_off(&m->sim, "one");
        want_zone(m, "one", 1, "2", "Bogus=1\n");
        m->records[0] = '\0';
        for (unsigned i = 0; i < 3; i++)
                engine_reconcile(m->engine);
        assert_string_equal(m->records, "");
}

static void test_engine_goes_on_after_it_could_not_observe(void **state) {
        struct machine *m = *state;

        for (int fails = 1; fails <= 3; fails++) {
                want_zone(m, "one", 1, "2", "");
                for (unsigned i = 0; i < 500 && !sim_device(&m->sim, "one", "main"); i++)
                        sd_event_run(m->event, 2000);
                m->sim.observe_fails = fails;
                pump(m, 20);
                pass_time(m, 1);
                pump_until_state(m, "one", "running");
                unwant_zone(m, "one");
                pump_until_state(m, "one", "");
        }
}

static void test_engine_adopts_workers_in_spite_of_a_failed_look(void **state) {
        struct machine *m = *state;
        pid_t pid;

        for (int fails = 1; fails <= 2; fails++) {
                want_zone(m, "one", 1, "2", "");
                pump_until_state(m, "one", "running");
                pid = sim_device(&m->sim, "one", "root")->worker_pid;
                m->engine = engine_free(m->engine);
                m->sim.observe_succeeds = fails - 1;
                m->sim.observe_fails = 1;
                engine_begin(m);
                m->records[0] = '\0';
                engine_reconcile(m->engine);
                assert_non_null(strstr(m->records, "worker-adopt done"));
                assert_int_equal(sim_device(&m->sim, "one", "root")->worker_pid, pid);
        }
}

static void test_engine_starts_what_it_cannot_write_down(void **state) {
        struct machine *m = *state;

        write_file(m->dir, "specs", "no directory");
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        assert_non_null(strstr(m->records, "remember failed"));
        assert_int_equal(engine_restart(m->engine, "one", NULL), 0);
        pump_until_idle(m);
        pump_until_state(m, "one", "running");
}

static void test_engine_tells_the_line_of_the_file(void **state) {
        struct machine *m = *state;

        want_disk(m, "one", 1, "Typo", "disk", "");
        pump_until_state(m, "one", "failed");
        assert_non_null(strstr(status(m, "one", "message"), "one.conf:6: Kernel="));
}

static void test_engine_says_why_it_cannot_restart(void **state) {
        struct machine *m = *state;
        struct err err = {};

        want_zone(m, "one", 1, "2", "Bogus=1\n");
        assert_int_equal(engine_restart(m->engine, "one", &err), -EBADMSG);
        assert_non_null(strstr(err_text(&err, 0), "Bogus"));
        want_zone(m, "one", 1, "2", "");
        pump_until_state(m, "one", "running");
        want_zone(m, "two", 2, "2", "");
        assert_int_equal(engine_restart(m->engine, "two", &err), -EBADMSG);
        assert_non_null(strstr(err_text(&err, 0), "CPU 2 belongs to zone one"));

        assert_int_equal(unlink(m->board), 0);
        assert_int_equal(engine_reload(m->engine), 0);
        assert_int_equal(engine_restart(m->engine, "one", &err), -EBADMSG);
        assert_non_null(strstr(err_text(&err, 0), "board.conf"));
}

static void test_engine_plans_nothing_for_what_is_under_way(void **state) {
        struct machine *m = *state;
        json_t *plan;

        m->sim.worker = SIM_WORKER_NEVER_ATTACHES;
        want_zone(m, "one", 1, "2", "");
        for (unsigned i = 0; i < 500 && !sim_device(&m->sim, "one", "main"); i++)
                sd_event_run(m->event, 2000);
        plan = engine_plan(m->engine);
        assert_int_equal(json_array_size(json_object_get(plan, "actions")), 0);
        assert_string_equal(
                json_string_value(json_object_get(json_array_get(json_object_get(plan, "notes"), 0), "text")),
                "waiting for its workers");
        json_decref(plan);
        pump_until_state(m, "one", "failed"); /* its workers are gone, too */
}

static void test_engine_leaves_another_zones_disk_alone(void **state) {
        struct machine *m = *state;
        uint64_t before;

        write_disk(m, "disk2");
        want_disk(m, "one", 1, "Image", "disk", "");
        want_disk(m, "two", 2, "Image", "disk2", "");
        pump_until_state(m, "one", "running");
        pump_until_state(m, "two", "running");
        before = served(m, "two");
        want_disk(m, "two", 2, "Image", "disk", "");
        pump_until_idle(m);
        assert_true(served(m, "two") == before);
        assert_true(any_worker_runs(m, "two"));
        assert_non_null(strstr(status(m, "two", "message"), "zone one uses the image"));
}

static void test_engine_starts_zones_side_by_side(void **state) {
        struct machine *m = *state;

        want_zone(m, "one", 1, "2", "");
        want_zone(m, "two", 2, "3", "");
        assert_string_equal(status(m, "one", "state"), "starting");
        assert_string_equal(status(m, "two", "state"), "starting");
        pump_until_state(m, "one", "running");
        pump_until_state(m, "two", "running");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(test_engine_starts_in_order_and_stops_in_reverse),
                T(test_engine_does_nothing_for_the_same_text),
                T(test_engine_undoes_a_start_that_fails),
                T(test_engine_undoes_a_start_whose_worker_does_not_serve),
                T(test_engine_backs_off_and_is_cleared_by_a_change),
                T(test_engine_restart_by_hand_clears_failure),
                T(test_engine_waits_for_a_busy_cpu),
                T(test_engine_never_retries_a_lost_cpu),
                T(test_engine_leaves_foreign_zones_alone),
                T(test_engine_replaces_a_killed_worker),
                T(test_engine_slows_down_a_worker_that_crashes_at_once),
                T(test_engine_kills_a_hung_worker),
                T(test_engine_adopts_what_runs),
                T(test_engine_keeps_the_last_good_spec_over_its_own_restart),
                T(test_engine_keeps_a_changed_image_while_the_file_is_bad),
                T(test_engine_keeps_a_changed_policy_while_the_file_is_bad),
                T(test_engine_cleans_up_after_a_daemon_that_died_midway),
                T(test_engine_follows_the_restart_policy),
                T(test_engine_checks_before_it_stops),
                T(test_engine_replaces_a_killed_worker_while_a_change_fails),
                T(test_engine_keeps_a_disk_whose_new_image_is_not_there),
                T(test_engine_tells_two_notes_of_a_zone_once),
                T(test_engine_tells_of_an_ended_zone_with_a_bad_file_once),
                T(test_engine_goes_on_after_it_could_not_observe),
                T(test_engine_adopts_workers_in_spite_of_a_failed_look),
                T(test_engine_starts_what_it_cannot_write_down),
                T(test_engine_tells_the_line_of_the_file),
                T(test_engine_says_why_it_cannot_restart),
                T(test_engine_plans_nothing_for_what_is_under_way),
                T(test_engine_leaves_another_zones_disk_alone),
                T(test_engine_starts_zones_side_by_side),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
