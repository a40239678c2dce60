/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Random histories: files of three directories appear, change, are masked, turn
 * bad and vanish, with their drop-ins, the directories and board.conf; guests power off
 * or go astray, workers die or hang, steps fail, somebody else takes a CPU, the daemon
 * is replaced. Whatever happens, model_rules.c says what must not be done, and
 * what has to be so once nothing fails any more.
 *
 * HISTORIES= how many, SEED= the first one's, LANES= how many side by side (they
 * mostly wait); a failing history is shrunk to the events that it takes. TELL=1: what the
 * daemon said in one that fails. `make model` has thousands.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/model.h"

#define EVENTS    30
#define HISTORIES 12
#define LANES     6
#define PAUSE_MAX 12
#define AGAIN     10

const char *const model_names[MODEL_ZONES] = { "ann", "bob", "cat" };

/* ---- one history ------------------------------------------------------------------------------------ */

void model_begin(struct model *o, struct report *report) {
        *o = (struct model){ .report = report };
        machine_setup((void **) &o->m);
        model_watch(o);
        model_write_board(o, 0);
        model_derive(o);
        (void) engine_reload(o->m->engine);
        model_note(o, true);
}

void model_end(struct model *o) {
        for (unsigned i = 0; i < MODEL_ZONES; i++)
                zone_spec_free(o->zones[i].spec);
        board_spec_free(o->board);
        machine_teardown((void **) &o->m);
}

/* By hand everything can be had, one after the other: one may have to give way first. */
static void ask_for_all(struct model *o) {
        for (unsigned i = 0; i < 2 * MODEL_ZONES && !o->report->first; i++) {
                o->zones[i % MODEL_ZONES].asked |=
                        engine_restart(o->m->engine, model_names[i % MODEL_ZONES], NULL) == 0;
                model_note(o, false);
                model_settle(o);
                model_note(o, true);
        }
}

static void live_through(const struct event *events, size_t count, struct report *report) {
        struct model o;

        prctl(PR_SET_CHILD_SUBREAPER, 1);
        model_begin(&o, report);
        for (size_t i = 0; i < count && !report->first; i++) {
                event_kinds[events[i].what].happen(&o, events[i].zone, events[i].value);
                for (unsigned j = 0; j < events[i].pause; j++)
                        sd_event_run(o.m->event, 1000);
        }
        model_mend(&o);
        if (!report->first)
                model_check(&o, false);
        ask_for_all(&o);
        if (!report->first)
                model_check(&o, true);
        if (report->first && getenv("TELL"))
                fputs(o.m->records, stderr);
        model_end(&o);
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
        for (size_t i = 0; i < num_event_kinds; i++)
                sum += event_kinds[i].weight;
        for (unsigned i = 0; i < EVENTS; i++) {
                unsigned left = (unsigned) rand() % sum;
                uint8_t what = 0;

                for (; left >= event_kinds[what].weight; what++)
                        left -= event_kinds[what].weight;
                events[i] = (struct event){
                        .what = what,
                        .zone = (uint8_t) (rand() % MODEL_ZONES),
                        .pause = (uint8_t) (rand() % PAUSE_MAX),
                        .value = (uint32_t) rand(),
                };
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

static void *shared(size_t size) {
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        assert_ptr_not_equal(p, MAP_FAILED);
        return p;
}

/* Every so-manieth of the histories, in a process. */
struct lane {
        pid_t pid;
        unsigned bad; /* the first one's seed that failed; 0: none did */
        struct report report;
};

static void open_lane(struct lane *l, unsigned first, unsigned end, unsigned step) {
        struct event events[EVENTS];
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid > 0) {
                l->pid = pid;
                return;
        }
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        for (unsigned seed = first; seed < end && !l->bad; seed += step) {
                make_history(seed, events);
                if (!history_is_good(events, EVENTS, &l->report))
                        l->bad = seed;
        }
        _exit(0);
}

/* The first that fails, of those that were tried when one had; NULL: none does. */
static const struct lane *find_bad(unsigned first, unsigned n, unsigned num_lanes) {
        struct lane *lanes = shared(num_lanes * sizeof(*lanes)), *bad = NULL;

        for (unsigned i = 0; i < num_lanes; i++)
                open_lane(&lanes[i], first + i, first + n, num_lanes);
        for (unsigned i = 0; i < num_lanes; i++) {
                int how;

                assert_int_equal(waitpid(lanes[i].pid, &how, 0), lanes[i].pid);
                assert_int_equal(how, 0);
                if (lanes[i].bad && (!bad || lanes[i].bad < bad->bad))
                        bad = &lanes[i];
        }
        return bad;
}

/* It may take a few, where threads have to meet. */
static bool fails_again(const struct event *events, size_t count, struct report *report) {
        for (unsigned i = 0; i < AGAIN; i++)
                if (!history_is_good(events, count, report))
                        return true;
        return false;
}

static void test_engine_comes_right_after_any_history(void **state _unused_) {
        unsigned first = number_from_environment("SEED", 1), n = number_from_environment("HISTORIES", HISTORIES);
        unsigned lanes = MIN(number_from_environment("LANES", LANES), n);
        const struct lane *bad = find_bad(first, n, lanes);
        struct report *report = shared(sizeof(*report));
        struct event events[EVENTS];
        size_t count = EVENTS;

        if (!bad)
                return;
        print_error("SEED=%u: %s", bad->bad, bad->report.text);
        prctl(PR_SET_CHILD_SUBREAPER, 1);
        make_history(bad->bad, events);
        if (!fails_again(events, count, report))
                fail_msg("once, and not again");
        count = shrink(events, count, report);
        for (size_t i = 0; i < count; i++)
                print_error("  %s %s %u (%u)\n", event_kinds[events[i].what].word, model_names[events[i].zone],
                            events[i].value, events[i].pause);
        fail_msg("these %zu events: %s", count, report->text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_engine_comes_right_after_any_history),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
