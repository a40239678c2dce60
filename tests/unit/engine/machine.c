/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

#include <ftw.h>
#include <libfdt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/backoff.h"

#define PUMP_MAX 10000 /* ms; a loaded machine is slow, a right answer comes soon */

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

void write_file(const char *dir, const char *name, const char *text) {
        char path[256];

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        assert_int_equal(file_write_atomic(path, text, strlen(text)), 0);
}

static void write_images(struct machine *m) {
        char path[160], dtb[256];

        write_file(m->dir, "Image", "kernel");
        snprintf(path, sizeof(path), "%s/zone.dtb", m->dir);
        assert_int_equal(fdt_create_empty_tree(dtb, sizeof(dtb)), 0);
        assert_int_equal(file_write_atomic(path, dtb, sizeof(dtb)), 0);
        snprintf(path, sizeof(path), "%s/disk", m->dir);
        assert_int_equal(file_write_atomic(path, (char[512]){}, 512), 0);
}

void engine_make(struct machine *m) {
        struct engine_config config = {
                .event = m->event,
                .hypervisor = &m->sim->hypervisor,
                .launcher = &m->sim->launcher,
                .paths = { { { m->zones, m->lower[0], m->lower[1] } }, m->board, m->specs },
                .version = "test",
                .userdata = m,
                .record = on_record,
                .now = fake_now,
                .attach_timeout = SECOND / 4,
        };

        assert_int_equal(engine_new(&config, &m->engine), 0);
}

void engine_begin(struct machine *m) {
        engine_make(m);
        assert_int_equal(engine_reload(m->engine), 0);
}

int machine_setup(void **state) {
        struct machine *m = calloc(1, sizeof(*m));

        strcpy(m->dir, "/tmp/engine-XXXXXX");
        assert_non_null(mkdtemp(m->dir));
        snprintf(m->zones, sizeof(m->zones), "%s/zones.d", m->dir);
        for (size_t i = 0; i < ELEMENTSOF(m->lower); i++)
                snprintf(m->lower[i], sizeof(m->lower[i]), "%s/lower%zu.d", m->dir, i);
        snprintf(m->board, sizeof(m->board), "%s/board.conf", m->dir);
        snprintf(m->specs, sizeof(m->specs), "%s/specs", m->dir);
        mkdir(m->zones, 0755);
        write_images(m);
        write_file(m->dir, "board.conf",
                   "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n[GIC]\nVersion=3\n"
                   "DistributorAddress=0x8000000\nDistributorSize=0x10000\n"
                   "RedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n");
        m->sim = sim_new();
        assert_int_equal(sd_event_new(&m->event), 0);
        engine_begin(m);
        *state = m;
        return 0;
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

int machine_teardown(void **state) {
        struct machine *m = *state;

        engine_free(m->engine);
        sim_free(m->sim);
        sd_event_unref(m->event);
        nftw(m->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
        free(m);
        return 0;
}

/* ---- driving it ------------------------------------------------------------------------------------- */

void write_zone(struct machine *m, const char *name, unsigned id, const char *cpus, const char *more) {
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
}

void want_zone(struct machine *m, const char *name, unsigned id, const char *cpus, const char *more) {
        write_zone(m, name, id, cpus, more);
        assert_int_equal(engine_reload(m->engine), 0);
}

void unwant_zone(struct machine *m, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s.conf", m->zones, name);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(engine_reload(m->engine), 0);
}

void want_disk(struct machine *m, const char *name, unsigned id, const char *kernel, const char *image,
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

void write_disk(struct machine *m, const char *name) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s", m->dir, name);
        assert_int_equal(file_write_atomic(path, (char[512]){}, 512), 0);
}

const char *status(struct machine *m, const char *name, const char *key) {
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

void pump(struct machine *m, uint64_t ms) {
        uint64_t end = fake_now(m) + ms * 1000;

        do
                sd_event_run(m->event, 2000);
        while (fake_now(m) < end);
}

void pump_until_state(struct machine *m, const char *zone, const char *state) {
        uint64_t end = fake_now(m) + PUMP_MAX * 1000;

        while (strcmp(status(m, zone, "state"), state) != 0) {
                if (fake_now(m) >= end)
                        fail_msg("zone %s is \"%s\", not \"%s\"; %s; log: %s\n%s", zone, status(m, zone, "state"),
                                 state, status(m, zone, "message"), m->sim->log, m->records);
                sd_event_run(m->event, 2000);
        }
}

void pump_until_idle(struct machine *m) {
        uint64_t end = fake_now(m) + PUMP_MAX * 1000;

        do
                sd_event_run(m->event, 2000);
        while (engine_busy(m->engine) && fake_now(m) < end);
        pump(m, 10);
}

void pass_time(struct machine *m, uint64_t seconds) {
        m->skipped += seconds * SECOND;
        engine_reconcile(m->engine);
}

unsigned count_children(void) {
        char path[64];
        unsigned n = 0;
        FILE *f;
        int pid;

        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
        f = fopen(path, "re");
        assert_non_null(f);
        while (fscanf(f, "%d", &pid) == 1)
                n++;
        fclose(f);
        return n;
}

bool any_worker_runs(struct machine *m, const char *zone) {
        return sim_device(m->sim, zone, "root") && sim_device(m->sim, zone, "root")->worker_pid;
}

bool applied_exists(struct machine *m, const char *zone) {
        char path[160];

        snprintf(path, sizeof(path), "%s/%s.conf", m->specs, zone);
        return access(path, F_OK) == 0;
}

uint64_t served(struct machine *m, const char *zone) {
        return sim_device(m->sim, zone, "root")->cookie;
}

void pump_until_served_otherwise(struct machine *m, const char *zone, uint64_t than) {
        for (unsigned i = 0; i < 500 && (served(m, zone) == than || !any_worker_runs(m, zone)); i++)
                pump(m, 2);
        pump_until_idle(m);
        assert_true(any_worker_runs(m, zone));
        assert_true(served(m, zone) != than);
}
