/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What files cost: the real engine and the real watch, over a simulated hypervisor, with 1, 100, 1,000 and 10,000
 * files of which three can have their place. Usage: scale [--json] [FILES…]
 *
 *   first    all files are read for the first time, and planned
 *   pass     a pass of the loop while nothing changed (once a second while zones run)
 *   rescan   all files are looked at (an overflow, SIGHUP), and planned
 *   edit     a file that waits for its place is replaced, from the event to the end of the pass
 *   runs     the same of a zone that runs
 *   drop-in  the same of a drop-in of the first
 *   status   what hvisor status gets
 *
 * Medians; each size is a process of its own, so that its memory is its own, too.
 */
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "daemon/watch.h"
#include "engine/engine.h"
#include "engine/sim.h"

#define ROUNDS       50
#define RUNNING      3  /* as many as have room */
#define RUNNING_WAIT 60 /* s */

struct bench {
        char dir[64], zones[96], board[96], specs[96];
        unsigned files;
        struct sim *sim;
        sd_event *event;
        struct engine *engine;
        struct watch *watch;
        unsigned passes, records;
};

static void check(bool good, const char *what) {
        if (good)
                return;
        fprintf(stderr, "scale: %s\n", what);
        _exit(EXIT_FAILURE);
}

static double now_ms(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static double status_kib(const char *name) {
        char line[256];
        double kib = 0;
        FILE *f = fopen("/proc/self/status", "re");

        while (f && fgets(line, sizeof(line), f))
                if (strncmp(line, name, strlen(name)) == 0)
                        kib = atof(line + strlen(name) + 1);
        if (f)
                fclose(f);
        return kib;
}

/* ---- the machine ------------------------------------------------------------------------------------ */

static void write_file(const char *dir, const char *name, const char *text) {
        char path[256];
        FILE *f;

        snprintf(path, sizeof(path), "%s/%s", dir, name);
        f = fopen(path, "we");
        check(f && fputs(text, f) >= 0 && fclose(f) == 0, "a file cannot be written");
}

/* Zones of three sizes of RAM at three places, with ids and CPUs of their place: the first three have it. */
static void write_zone(const struct bench *b, unsigned number, const char *file, const char *more) {
        unsigned place = number % RUNNING, ram = 0x50000000 + place * 0x8000000;
        char text[1024];

        snprintf(text, sizeof(text),
                 "%s[Zone]\nId=%u\nCPUs=%u\nKernel=%s/Image\nKernelAddress=%#x\nEntryPoint=%#x\n\n"
                 "[Memory ram]\nPhysicalAddress=%#x\nSize=128M\n\n"
                 "[Block root]\nImage=%s/disk\nReadOnly=yes\nAddress=0xa003c00\nInterrupt=78\n\n"
                 "[Console main]\nAddress=0xa003800\nInterrupt=76\n",
                 more, place + 1, place + 1, b->dir, ram + 0x400000, ram + 0x400000, ram, b->dir);
        write_file(b->zones, file, text);
}

static void zone_file(unsigned number, char ret[32]) {
        snprintf(ret, 32, "zone%05u.conf", number);
}

static void on_record(void *userdata, const struct record *r _unused_) {
        ((struct bench *) userdata)->records++;
}

static void on_pass(void *userdata) {
        ((struct bench *) userdata)->passes++;
}

static int on_files(const struct watch_changes *c, void *userdata) {
        struct bench *b = userdata;

        return c->all ? engine_reload(b->engine) : engine_reload_files(b->engine, c->files, c->num_files);
}

static void begin(struct bench *b) {
        const struct engine_config config = {
                .event = b->event,
                .hypervisor = &b->sim->hypervisor,
                .launcher = &b->sim->launcher,
                .paths = { { { b->zones } }, b->board, b->specs },
                .version = "bench",
                .userdata = b,
                .record = on_record,
                .changed = on_pass,
        };

        check(engine_new(&config, &b->engine) == 0, "no engine");
        check(watch_new(b->event, &(struct watch_paths){ .dirs = { { b->zones } }, .file = b->board }, on_files, b,
                        &b->watch) == 0,
              "no watch");
}

static void prepare(struct bench *b) {
        char sector[512 + 1];

        memset(sector, ' ', 512);
        sector[512] = '\0';
        strcpy(b->dir, "/tmp/scale-XXXXXX");
        check(mkdtemp(b->dir), "no directory in /tmp");
        snprintf(b->zones, sizeof(b->zones), "%s/zones.d", b->dir);
        snprintf(b->board, sizeof(b->board), "%s/board.conf", b->dir);
        snprintf(b->specs, sizeof(b->specs), "%s/specs", b->dir);
        mkdir(b->zones, 0755);
        write_file(b->dir, "Image", "kernel");
        write_file(b->dir, "disk", sector);
        write_file(b->dir, "board.conf",
                   "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n[GIC]\nVersion=3\n"
                   "DistributorAddress=0x8000000\nDistributorSize=0x10000\n"
                   "RedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n");
        for (unsigned i = 0; i < b->files; i++) {
                char file[32];

                zone_file(i, file);
                write_zone(b, i, file, "");
        }
        b->sim = sim_new();
        check(sd_event_new(&b->event) == 0, "no event loop");
}

static int remove_one(const char *path, const struct stat *st _unused_, int flag _unused_, struct FTW *ftw _unused_) {
        return remove(path);
}

static void finish(struct bench *b) {
        watch_free(b->watch);
        engine_free(b->engine);
        sim_free(b->sim);
        sd_event_unref(b->event);
        nftw(b->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* ---- measuring -------------------------------------------------------------------------------------- */

static unsigned count_running(struct bench *b) {
        unsigned n = 0;

        for (size_t i = 0; i < ELEMENTSOF(b->sim->zones); i++)
                n += b->sim->zones[i].used && b->sim->zones[i].live.listed;
        return n;
}

static void wait_running(struct bench *b) {
        double end = now_ms() + RUNNING_WAIT * 1e3;

        while (count_running(b) < MIN(b->files, (unsigned) RUNNING) || engine_busy(b->engine)) {
                check(now_ms() < end, "the zones do not start");
                sd_event_run(b->event, 100000);
        }
}

/* A file is replaced by "new", by a rename, which acts at once; until the pass that takes it in is over. */
static double replace(struct bench *b, const char *file) {
        char from[160], to[160];
        unsigned passes;
        double start;

        snprintf(from, sizeof(from), "%s/new", b->zones);
        snprintf(to, sizeof(to), "%s/%s", b->zones, file);
        while (sd_event_run(b->event, 0) > 0)
                ;
        passes = b->passes;
        check(rename(from, to) == 0, "no rename");
        start = now_ms();
        while (b->passes == passes)
                sd_event_run(b->event, UINT64_MAX);
        return now_ms() - start;
}

static double edit(struct bench *b, unsigned number, unsigned round) {
        char file[32], comment[64];

        zone_file(number, file);
        snprintf(comment, sizeof(comment), "# round %u\n", round);
        write_zone(b, number, "new", comment);
        return replace(b, file);
}

static double edit_drop_in(struct bench *b, unsigned number, unsigned round) {
        char file[32], drop_in[64], path[160], text[64];

        zone_file(number, file);
        snprintf(path, sizeof(path), "%s/%s.d", b->zones, file);
        (void) mkdir(path, 0755);
        snprintf(drop_in, sizeof(drop_in), "%s.d/1.conf", file);
        snprintf(text, sizeof(text), "# round %u\n[Zone]\nRestart=no\n", round);
        write_file(b->zones, "new", text);
        return replace(b, drop_in);
}

static int by_value(const void *a, const void *b) {
        return (*(const double *) a > *(const double *) b) - (*(const double *) a < *(const double *) b);
}

static double median(double *values, size_t n) {
        qsort(values, n, sizeof(*values), by_value);
        return values[n / 2];
}

static double median_edit(struct bench *b, double (*fn)(struct bench *b, unsigned number, unsigned round),
                          unsigned number) {
        double t[ROUNDS];

        for (unsigned i = 0; i < ROUNDS; i++)
                t[i] = fn(b, number, i);
        return median(t, ROUNDS);
}

static double median_of(struct bench *b, void (*fn)(struct bench *b), unsigned rounds) {
        double t[ROUNDS];

        for (unsigned i = 0; i < rounds; i++) {
                double start = now_ms();

                fn(b);
                t[i] = now_ms() - start;
        }
        return median(t, rounds);
}

static void pass(struct bench *b) {
        engine_reconcile(b->engine);
}

static void rescan(struct bench *b) {
        check(engine_reload(b->engine) == 0, "out of memory");
}

static void status(struct bench *b) {
        json_t *j = engine_status(b->engine);
        char *text = json_dumps(j, JSON_COMPACT);

        check(text, "no status");
        free(text);
        json_decref(j);
}

static void measure(unsigned files, bool json) {
        struct bench b = { .files = files };
        double first, idle, all, one, running, drop_in, asked, start, resident;

        prepare(&b);
        begin(&b);
        start = now_ms();
        rescan(&b);
        first = now_ms() - start;
        wait_running(&b);
        idle = median_of(&b, pass, ROUNDS);
        all = median_of(&b, rescan, 10);
        one = median_edit(&b, edit, files - 1);
        running = median_edit(&b, edit, 0);
        drop_in = median_edit(&b, edit_drop_in, files - 1);
        resident = status_kib("VmRSS:");
        asked = median_of(&b, status, 5);
        printf(json ? "{\"files\": %u, \"first_ms\": %.3f, \"pass_ms\": %.4f, \"rescan_ms\": %.3f, \"edit_ms\": %.4f, "
                      "\"edit_running_ms\": %.4f, \"edit_drop_in_ms\": %.4f, \"status_ms\": %.3f, \"resident_kib\": "
                      "%.0f, \"records\": %u}\n"
                    : "%7u %12.3f %12.4f %12.3f %12.4f %14.4f %12.4f %12.3f %12.0f %8u\n",
               files, first, idle, all, one, running, drop_in, asked, resident, b.records);
        fflush(stdout);
        finish(&b);
}

static void measure_apart(unsigned files, bool json) {
        pid_t pid = fork();
        int how;

        if (pid == 0) {
                measure(files, json);
                _exit(EXIT_SUCCESS);
        }
        check(waitpid(pid, &how, 0) == pid && how == 0, "it ended early");
}

int main(int argc, char *argv[]) {
        static const unsigned usual[] = { 1, 100, 1000, 10000 };
        bool json = argc > 1 && strcmp(argv[1], "--json") == 0;

        if (!json)
                printf("%7s %12s %12s %12s %12s %14s %12s %12s %12s %8s\n", "files", "first ms", "pass ms", "rescan ms",
                       "edit ms", "runs ms", "drop-in ms", "status ms", "resident KiB", "records");
        fflush(stdout);
        for (int i = 1 + json; i < argc; i++)
                measure_apart((unsigned) atoi(argv[i]), json);
        for (size_t i = 0; argc == 1 + json && i < ELEMENTSOF(usual); i++)
                measure_apart(usual[i], json);
        return EXIT_SUCCESS;
}
