// wrap-table: tests/unit/fault/calls.def
/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every system call, hypercall and allocation of the daemon fails, one after
 * the other: the whole daemon runs here, on a simulated hvisor.ko (module.h)
 * with real files, terminals and taps, through the main stories of its life.
 * Call 1 fails, then 2, then 3, until there is none of that number. Each time
 * it has to come to what is wanted by itself, with nothing left over, and with
 * a status that is so.
 *
 * FAULTS=all: every number, with each errno, once and for a while; else some.
 * FAULTS=STORY[:NUMBER]: every number of one story, from that one on; ERRNO=0: with the first errno of each call;
 * LASTS=0: once, LASTS=1: for a while. TELL=1: what the daemon said.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sanitizer/lsan_interface.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/own_network.h"
#include "fault/clock.h"
#include "fault/fakes.h"
#include "fault/fault.h"
#include "fault/module.h"

/* The daemon's own main(), with a look at its engine. */
#include "engine/engine.h"
static struct engine *engine;
static int seen_engine_new(const struct engine_config *config, struct engine **ret) {
        int r = engine_new(config, ret);

        engine = r < 0 ? NULL : *ret;
        return r;
}
int daemon_main(int argc, char *argv[]);
#define engine_new seen_engine_new
#define main       daemon_main
#include "daemon/main.c"
#undef main
#undef engine_new

#define PLACE     "/run/w"
#define LOG_FILE  PLACE "/log"
#define DROP_INS  PLACE "/zones.d/one.conf.d"
#define SKIPS_MAX 400 /* jumps of the clock */
#define REAL_MAX  60  /* s; nothing of it takes one, on a machine that has nothing else to do */
#define STEPS_MAX 20000
#define HEAL_AT   6 /* jumps of the clock for which a fault lasts */
#define WRONG     3 /* exit status: something is not as it has to be */

struct story {
        const char *name;
        const char *goal_text;
        void (*before)(void); /* without faults; makes base what it has to be */
        void (*change)(void);
        bool (*goal)(void);
        void (*back)(void);
        bool (*base)(void);
        bool begins; /* told of a daemon that begins anew with each number, and of its end */
};

/* What a daemon's process is for. */
enum stage {
        STAGE_STORY,   /* one story, with one number after the other */
        STAGE_PREPARE, /* that there is something for another daemon to find */
        STAGE_BEGIN,   /* it fails from its beginning on */
};

/* In memory that processes share. */
struct world {
        struct module module;
        struct fault_state faults;
        size_t story;
        unsigned number, first, step, variant;
        enum fault_mode mode;
        unsigned numbers_tried;
        enum stage stage;
        bool came_up;
        bool done; /* there is no such number any more */
        char text[8192];
};

static struct world *world;
static sd_event *loop;

_Noreturn _printf_(1, 2) static void wrong(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        vsnprintf(world->text, sizeof(world->text), format, ap);
        va_end(ap);
        _exit(WRONG);
}

/* ---- files ------------------------------------------------------------------------------------------ */

static unsigned cpu = 2, disk = 1;

static void write_text(const char *path, const char *text) {
        int r = file_write_atomic(path, text, strlen(text));

        if (r < 0)
                wrong("%s: %s", path, strerror(-r));
}

static void write_zone(void) {
        char text[2048];

        snprintf(text, sizeof(text),
                 "[Zone]\nId=1\nCPUs=%u\nKernel=" PLACE "/Image\nKernelAddress=0x50400000\nEntryPoint=0x50400000\n"
                 "DeviceTree=auto\nDeviceTreeAddress=0x50000000\nRestart=always\n"
                 "[Memory ram]\nPhysicalAddress=0x50000000\nSize=128M\n"
                 "[Block root]\nImage=" PLACE "/disk%u\nAddress=0xa003c00\nInterrupt=78\n"
                 "[Console main]\nAddress=0xa003800\nInterrupt=76\n"
                 "[Net lan]\nTap=auto\nAddress=0xa003600\nInterrupt=75\n",
                 cpu, disk);
        write_text(PLACE "/zones.d/one.conf", text);
}

static void remove_zone(void) {
        (void) unlink(PLACE "/zones.d/one.conf");
}

static void make_place(void) {
        static const char *const folders[] = { PLACE, PLACE "/zones.d", PLACE "/low.d" };
        static const char *const disks[] = { PLACE "/disk1", PLACE "/disk2" };

        if (mount("place", "/run", "tmpfs", 0, NULL) < 0)
                wrong("/run: %s", strerror(errno));
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                (void) mkdir(folders[i], 0755);
        for (size_t i = 0; i < ELEMENTSOF(disks); i++)
                (void) file_write_atomic(disks[i], (char[512]){}, 512);
        write_text(PLACE "/Image", "kernel");
        write_text(PLACE "/board.conf", "[Board]\nCPUs=0-3\nMemory=0x50000000+0x70000000\n[GIC]\nVersion=3\n"
                                        "DistributorAddress=0x8000000\nDistributorSize=0x10000\n"
                                        "RedistributorAddress=0x80a0000\nRedistributorSize=0xf60000\n");
}

/* ---- what there is ---------------------------------------------------------------------------------- */

static struct module_zone *zone(void) {
        return module_zone(&world->module, "one");
}

static bool is_planned(void) {
        json_t *plan = engine_plan(engine);
        bool yes = !plan || json_array_size(json_object_get(plan, "actions")) > 0 ||
                   json_array_size(json_object_get(plan, "notes")) > 0;

        json_decref(plan);
        return yes;
}

static bool is_served(const struct module_zone *z) {
        for (size_t i = 0; i < z->info.num_devices; i++)
                if (!(z->devices[i].flags & HVISOR_DEVICE_ATTACHED))
                        return false;
        return z->info.num_devices == 3;
}

static bool is_gone(void) {
        return !zone() && !engine_busy(engine) && !is_planned();
}

static bool runs(void) {
        const struct module_zone *z = zone();

        return z && z->listed && is_served(z) && z->info.cpus == BIT(cpu) && !engine_busy(engine) && !is_planned();
}

static uint64_t attachments_before;

static bool runs_anew(void) {
        return runs() && world->module.generations > attachments_before;
}

static const char *engine_says(const char *key) {
        static char text[512];
        json_t *all = engine_status(engine), *z = json_array_get(json_object_get(all, "zones"), 0);
        const char *said = json_string_value(json_object_get(z, key));

        snprintf(text, sizeof(text), "%s", said ?: "");
        json_decref(all);
        return text;
}

/* What the daemon says has to be so whenever it rests, fault or no fault. */
static void check_status(void) {
        const struct module_zone *z = zone();
        bool said = strcmp(engine_says("state"), "running") == 0, so = z && z->listed;

        if (said != so)
                wrong("its status is \"%s\", and the zone %s", engine_says("state"), so ? "runs" : "does not run");
}

/* ---- the loop --------------------------------------------------------------------------------------- */

static int step(uint64_t wait) {
        int r;

        fault_muted--;
        r = sd_event_run(loop, wait);
        fault_muted++;
        return r;
}

/* The daemon and its world have nothing to do until a timer elapses. */
static void become_idle(void) {
        for (unsigned steps = 0;; steps++) {
                bool awaits = module_awaits(&world->module);
                int r;

                if (sd_event_get_state(loop) == SD_EVENT_FINISHED)
                        wrong("the daemon ends");
                r = step(awaits ? 1000 : 0);
                if (r < 0)
                        wrong("the loop: %s", strerror(-r));
                if (steps == STEPS_MAX)
                        world->faults.armed = false; /* it does not rest while this lasts */
                if (steps == 2 * STEPS_MAX)
                        wrong("it never rests");
                if (r == 0 && !awaits && !module_bury(&world->module))
                        return;
        }
}

static void come_to(bool (*goal)(void), const char *text) {
        struct timespec begin, now;

        __real_clock_gettime(CLOCK_MONOTONIC, &begin);
        for (unsigned skips = 0;; skips++) {
                become_idle();
                check_status();
                if (world->faults.mode == FAULT_LASTS && skips == HEAL_AT)
                        world->faults.armed = false;
                if ((world->faults.mode == FAULT_ONCE || !world->faults.armed || !world->faults.name[0]) && goal())
                        return;
                __real_clock_gettime(CLOCK_MONOTONIC, &now);
                if (skips == SKIPS_MAX || now.tv_sec - begin.tv_sec > REAL_MAX)
                        wrong("it does not come to \"%s\" in %u tries; its status: %s, %s", text, skips,
                              engine_says("state"), engine_says("message"));
                if (!clock_skip()) {
                        if (world->faults.mode == FAULT_LASTS && world->faults.armed)
                                world->faults.armed = false;
                        else
                                wrong("it waits for nothing, and \"%s\" is not so; its status: %s, %s", text,
                                      engine_says("state"), engine_says("message"));
                }
        }
}

/* ---- what may be left over -------------------------------------------------------------------------- */

static unsigned count_entries(const char *path) {
        DIR *d = opendir(path);
        unsigned n = 0;

        while (d && readdir(d))
                n++;
        if (d)
                closedir(d);
        return n;
}

static unsigned count_children(void) {
        char path[64];
        unsigned n = 0;
        FILE *f;
        int pid;

        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int) getpid());
        f = fopen(path, "re");
        while (f && fscanf(f, "%d", &pid) == 1)
                n++;
        if (f)
                fclose(f);
        return n;
}

struct remains {
        unsigned fds, specs, consoles, files, links, children;
};

static struct remains remains_now(void) {
        return (struct remains){
                .fds = count_entries("/proc/self/fd"),
                .specs = count_entries("/run/hvisor/zones"),
                .consoles = count_entries("/run/hvisor/consoles"),
                .files = count_entries(PLACE),
                .links = count_entries("/sys/class/net"),
                .children = count_children(),
        };
}

static void check_remains(const struct remains *base) {
        struct remains now = remains_now();

        now.fds = MAX(now.fds, base->fds); /* an image that could not be watched is not: it was said */
        if (memcmp(&now, base, sizeof(now)) != 0)
                wrong("left over: %d descriptors, %d specs, %d consoles, %d files, %d links, %d processes",
                      (int) (now.fds - base->fds), (int) (now.specs - base->specs),
                      (int) (now.consoles - base->consoles), (int) (now.files - base->files),
                      (int) (now.links - base->links), (int) (now.children - base->children));
}

/* ---- stories ---------------------------------------------------------------------------------------- */

static void note_attachments(void) {
        attachments_before = world->module.generations;
}

static void change_cpu(void) {
        cpu = 5 - cpu;
        write_zone();
}

static void change_disk(void) {
        note_attachments();
        disk = 3 - disk;
        write_zone();
}

/* And sees it dead: the clock may jump a hundred times until it is. */
static void kill_worker(void) {
        pid_t pid = module_device(zone(), "main")->worker_pid;
        _cleanup_close_ int fd = (int) syscall(SYS_pidfd_open, pid, 0);
        struct pollfd dead = { .fd = fd, .events = POLLIN };

        note_attachments();
        kill(pid, SIGKILL);
        if (fd < 0 || poll(&dead, 1, REAL_MAX * 1000) != 1)
                wrong("worker %d does not die", (int) pid);
}

static void end_guest(void) {
        module_crash(zone());
}

static void put_drop_in(void) {
        cpu = 3;
        (void) mkdir(DROP_INS, 0755);
        write_text(DROP_INS "/50.conf", "[Zone]\nCPUs=3\n");
}

static void take_drop_in(void) {
        cpu = 2;
        (void) unlink(DROP_INS "/50.conf");
        (void) rmdir(DROP_INS);
}

static void hang_up(void) {
        kill(getpid(), SIGHUP);
}

static void nothing(void) {
}

static const struct story stories[] = {
        { "start", "it runs", remove_zone, write_zone, runs, remove_zone, is_gone, false },
        { "stop", "it is gone", write_zone, remove_zone, is_gone, write_zone, runs, false },
        { "restart", "it runs on the other CPU", write_zone, change_cpu, runs, nothing, runs, false },
        { "worker", "its disk is the other one", write_zone, change_disk, runs_anew, nothing, runs, false },
        { "killed", "its console is served again", write_zone, kill_worker, runs_anew, nothing, runs, false },
        { "crash", "it runs again", write_zone, end_guest, runs, nothing, runs, false },
        { "drop-in", "it runs on the other CPU", write_zone, put_drop_in, runs, take_drop_in, runs, false },
        { "hangup", "it still runs", write_zone, hang_up, runs, nothing, runs, false },
        { "daemon", "it goes on", nothing, nothing, runs, nothing, runs, true },
};

static void probe(const struct story *s) {
        if (s->goal == is_gone)
                return;
        kill_worker();
        come_to(runs_anew, "its console is served again");
}

static void tell_story(const struct story *s) {
        struct remains base;

        fault_arm(FAULT_ONCE, 0, 0);
        s->before();
        come_to(s->base, "as it was before");
        for (unsigned i = 0; i < 2; i++) { /* the first time makes what stays: directories, a list's room */
                s->change();
                come_to(s->goal, s->goal_text);
                s->back();
                come_to(s->base, "as it was before");
        }
        base = remains_now();
        for (world->number = world->first;; world->number += world->step) {
                bool fired;

                fault_arm(world->mode, world->number, world->variant);
                s->change();
                come_to(s->goal, s->goal_text);
                fired = fault_disarm();
                if (fired)
                        probe(s);
                s->back();
                come_to(s->base, "as it was before");
                check_remains(&base);
                if (getenv("TELL"))
                        dprintf(STDERR_FILENO, "---- %u: %s\n", world->number, fault_text());
                else
                        (void) !truncate(LOG_FILE, 0);
                if (!fired)
                        break;
                world->numbers_tried++;
        }
        fault_arm(FAULT_ONCE, 0, 0);
        remove_zone();
        come_to(is_gone, "it is gone");
        world->done = true;
}

/* A daemon that has begun, whether something failed meanwhile or not, and is told to end. */
static void come_up_and_end(const struct story *s) {
        come_to(s->goal, s->goal_text);
        world->came_up = true;
        if (world->stage == STAGE_BEGIN && world->faults.name[0])
                probe(s);
        kill(getpid(), SIGTERM);
        while (sd_event_get_state(loop) != SD_EVENT_FINISHED)
                if (step(REAL_MAX * UINT64_C(1000000)) == 0)
                        wrong("it does not end when it is told to");
}

int fake_sd_event_loop(sd_event *e) {
        loop = e;
        fault_muted++;
        if (world->stage == STAGE_STORY)
                tell_story(&stories[world->story]);
        else
                come_up_and_end(&stories[world->story]);
        fault_muted--;
        return 0;
}

/* ---- the daemon's process --------------------------------------------------------------------------- */

_Noreturn static void be_daemon(void) {
        char *arguments[] = { (char *) "reconciler",
                              (char *) "--zones-dir=" PLACE "/zones.d",
                              (char *) "--zones-dir=" PLACE "/low.d",
                              (char *) "--board=" PLACE "/board.conf",
                              (char *) "--socket=" PLACE "/bus",
                              (char *) "--worker=/bin/true",
                              NULL };
        int log = open(LOG_FILE, O_WRONLY | O_CREAT | O_APPEND, 0600), r;

        if (dup2(log, STDERR_FILENO) < 0)
                wrong("%s: %s", LOG_FILE, strerror(errno));
        close(log);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        fault_arm(world->mode, world->stage == STAGE_BEGIN ? world->number : 0, world->variant);
        r = daemon_main(ELEMENTSOF(arguments) - 1, arguments);
        fault_muted++;
        if (__lsan_do_recoverable_leak_check())
                wrong("memory is left over");
        _exit(r);
}

static void print_log(void) {
        char line[512];
        FILE *f = fopen(LOG_FILE, "re");

        while (f && fgets(line, sizeof(line), f))
                print_message("    %s", line);
        if (f)
                fclose(f);
}

static bool has_log(void) {
        struct stat st;

        return stat(LOG_FILE, &st) == 0 && st.st_size > 0;
}

static void tell_failure(int how) {
        print_message("story \"%s\", call %u, errno %u, %s: %s: %s (status %#x)\n", stories[world->story].name,
                      world->number, world->variant, world->mode == FAULT_ONCE ? "once" : "for a while", fault_text(),
                      world->text, how);
}

/* Return: how it ended, waitpid(2). */
static int run_daemon(enum stage stage) {
        pid_t pid;
        int how;

        world->stage = stage;
        world->text[0] = '\0';
        world->came_up = false;
        pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
                be_daemon();
        assert_int_equal(waitpid(pid, &how, 0), pid);
        return how;
}

static void begin_world(void) {
        cpu = 2;
        disk = 1;
        make_place();
        module_init(&world->module);
        module_use(&world->module);
}

static void end_world(void) {
        for (size_t i = 0; i < MODULE_ZONES; i++) {
                struct module_zone *z = &world->module.zones[i];

                for (size_t j = 0; z->used && j < z->info.num_devices; j++)
                        if (z->devices[j].worker_pid > 0)
                                kill(z->devices[j].worker_pid, SIGKILL);
                close(z->event);
        }
        while (waitpid(-1, NULL, WNOHANG) > 0)
                ;
        (void) umount2("/run", MNT_DETACH);
}

/* ---- from number to number ---------------------------------------------------------------------------- */

/* Each failure costs a new daemon, and a new world. Return: how many there were. */
static unsigned go_through(void) {
        unsigned bad = 0;

        while (!world->done) {
                int how;

                world->number = 0;
                begin_world();
                how = run_daemon(STAGE_STORY);
                if (how != 0 || !world->done) {
                        bad++;
                        tell_failure(how);
                        world->done = world->number < world->first; /* not even its beginning */
                        world->first = world->number + world->step;
                }
                if (how != 0 || getenv("TELL"))
                        print_log();
                end_world();
        }
        return bad;
}

/* It may give up, with a word about it: the next one, as systemd would start it, finds everything. */
static bool begin_one(void) {
        int how = run_daemon(STAGE_BEGIN);

        if (getenv("TELL"))
                print_message("---- %u: %s\n", world->number, fault_text());
        world->done = !world->faults.name[0];
        if (how != 0 && WIFEXITED(how) && WEXITSTATUS(how) == EXIT_FAILURE && !world->came_up && has_log())
                how = run_daemon(STAGE_PREPARE);
        if (how != 0)
                tell_failure(how);
        if (how != 0 || getenv("TELL"))
                print_log();
        (void) !truncate(LOG_FILE, 0);
        return how == 0;
}

static unsigned begin_again_and_again(void) {
        unsigned bad = 0;

        begin_world();
        write_zone();
        if (run_daemon(STAGE_PREPARE) != 0) {
                tell_failure(0);
                print_log();
                bad++;
                world->done = true;
        }
        for (world->number = world->first; !world->done; world->number += world->step) {
                bad += !begin_one();
                world->numbers_tried++;
        }
        end_world();
        return bad;
}

static unsigned tell(size_t story, enum fault_mode mode, unsigned variant, unsigned first, unsigned every) {
        unsigned bad;

        world->story = story;
        world->mode = mode;
        world->variant = variant;
        world->step = every;
        world->first = first;
        world->done = false;
        world->numbers_tried = 0;
        bad = stories[story].begins ? begin_again_and_again() : go_through();
        print_message("%s: %u calls failed %s, errno %u: %u were not answered well\n", stories[story].name,
                      world->numbers_tried, mode == FAULT_ONCE ? "once" : "for a while", variant, bad);
        return bad;
}

/* Some of the numbers, others in each story, and all of one that is asked for. */
#define SOME_ONCE     61
#define SOME_FOR_LONG 151
#define VARIANTS_MAX  3

static unsigned tell_some(size_t story) {
        unsigned bad = tell(story, FAULT_ONCE, 0, 1 + (unsigned) story, SOME_ONCE);

        if (!stories[story].begins) /* each number is two daemons' life */
                bad += tell(story, FAULT_LASTS, 0, 1 + 2 * (unsigned) story, SOME_FOR_LONG);
        return bad;
}

/* All are where nothing is said. */
static bool is_asked_for(const char *variable, unsigned value) {
        const char *said = getenv(variable);

        return !said || (unsigned) atoi(said) == value;
}

static unsigned tell_all(size_t story, unsigned first) {
        unsigned bad = 0;

        for (unsigned variant = 0; variant < VARIANTS_MAX; variant++) {
                if (is_asked_for("ERRNO", variant))
                        for (enum fault_mode mode = FAULT_ONCE; mode <= FAULT_LASTS; mode++)
                                if (is_asked_for("LASTS", mode))
                                        bad += tell(story, mode, variant, first, 1);
        }
        return bad;
}

static void tell_stories(const char *which) {
        print_message("no story %s: all", which);
        for (size_t i = 0; i < ELEMENTSOF(stories); i++)
                print_message(" %s", stories[i].name);
        print_message("\n");
}

static void test_a_daemon_comes_to_what_is_wanted_whatever_fails(void **state _unused_) {
        const char *which = getenv("FAULTS");
        size_t length = which ? strcspn(which, ":") : 0;
        unsigned bad = 0, told = 0;

        if (!alone && which)
                print_message("FAULTS=%s: nothing can be told: user namespaces are forbidden\n", which);
        if (!alone && !which)
                skip();
        assert_true(alone);
        for (size_t i = 0; i < ELEMENTSOF(stories); i++) {
                const char *name = stories[i].name;

                if (!which)
                        bad += tell_some(i);
                else if (strcmp(which, "all") == 0)
                        bad += tell_all(i, 1);
                else if (strlen(name) == length && strncmp(which, name, length) == 0)
                        bad += tell_all(i, which[length] ? (unsigned) atoi(which + length + 1) : 1);
                else
                        continue;
                told++;
        }
        if (told == 0)
                tell_stories(which);
        assert_true(told > 0);
        assert_int_equal(bad, 0);
}

/* ---- a world of its own ------------------------------------------------------------------------------ */

static bool put(const char *path, const char *text) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

        return fd >= 0 && write_all(fd, text, strlen(text)) == 0;
}

/* Files in a file system of one's own have owners only where there is a map of them. */
static void be_root_alone(void) {
        char users[64], groups[64];

        snprintf(users, sizeof(users), "0 %u 1", (unsigned) getuid());
        snprintf(groups, sizeof(groups), "0 %u 1", (unsigned) getgid());
        be_alone();
        alone = alone && put("/proc/self/setgroups", "deny") && put("/proc/self/uid_map", users) &&
                put("/proc/self/gid_map", groups);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_daemon_comes_to_what_is_wanted_whatever_fails),
        };

        setvbuf(stdout, NULL, _IOLBF, 0);
        world = mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        assert_true(world != MAP_FAILED);
        fault_use(&world->faults);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        be_root_alone();
        return cmocka_run_group_tests(tests, NULL, NULL);
}
