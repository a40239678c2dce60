/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plan/status.h"

/* A zone "one" with a disk, wanted and seen as a row says. */
static struct desired *make_desired(enum file_state file) {
        struct desired *d = calloc(1, sizeof(*d));
        struct desired_zone *w = desired_add(d, "one");
        struct zone_spec *z = calloc(1, sizeof(*z));

        strcpy(z->name, "one");
        z->id = 1;
        z->cpus = 0xc;
        z->num_devices = 1;
        z->devices[0] = (struct device_spec){
                .name = "root", .type = DEVICE_BLOCK, .address = 0xa003c00, .interrupt = 78, .enabled = true
        };
        w->file_state = file;
        w->path = strdup("/etc/hvisor/zones.d/one.conf");
        if (file == FILE_BAD)
                w->message = strdup("one.conf:1:1: wrong");
        *(file == FILE_GOOD ? &w->spec : &w->applied) = z;
        return d;
}

static void make_live(struct live *l, enum zone_object object, bool listed) {
        struct zone_live *z = live_add(l);

        strcpy(z->name, "one");
        z->id = 1;
        z->cpus = 0xc;
        z->object = object;
        z->listed = listed;
        z->owner_cookie = zone_owner_cookie("one");
        z->num_devices = 1;
        z->devices[0] = (struct device_live){ .name = "root", .virtio_id = 2, .address = 0xa003c00, .interrupt = 78 };
        l->hypervisor = "hvisor";
        l->magic = 5;
}

static char *zone_text(const struct status_input *in) {
        json_t *j = status_to_json(in);
        char *text = json_dumps(json_array_get(json_object_get(j, "zones"), 0), JSON_COMPACT);

        json_decref(j);
        return text;
}

/* The same word counts, without JSON. */
static void expect_counted(const struct status_input *in, const char *word) {
        bool running = strcmp(word, "running") == 0;
        bool failed = strcmp(word, "failed") == 0 || strcmp(word, "refused") == 0 || strcmp(word, "error") == 0;
        struct status_counts n;

        status_count(in, &n);
        assert_int_equal(n.running, running);
        assert_int_equal(n.failed, failed);
        assert_int_equal(n.other, !running && !failed);
}

static void expect_word(const struct status_input *in, const char *state) {
        json_t *j = status_to_json(in);
        json_t *zone = json_array_get(json_object_get(j, "zones"), 0);

        assert_string_equal(json_string_value(json_object_get(zone, "state")), state);
        json_decref(j);
        expect_counted(in, state);
}

static void test_status_has_the_documented_shape(void **state _unused_) {
        struct desired *d = make_desired(FILE_GOOD);
        struct live l = {};
        struct status_input in = { .daemon_running = true, .daemon_pid = 7, .version = "1", .desired = d, .live = &l };
        _cleanup_free_ char *text = NULL;
        json_t *j;

        make_live(&l, ZONE_OBJECT_STARTED, true);
        l.zones[0].devices[0].attached = true;
        l.zones[0].devices[0].worker_pid = 9;
        l.zones[0].devices[0].generation = 2;
        l.zones[0].devices[0].kicks = 3;
        l.zones[0].devices[0].calls = 4;
        l.zones[0].devices[0].usage = (struct usage){ .known = true, .memory = 4096, .cpu_time = 5 };
        j = status_to_json(&in);
        text = json_dumps(j, JSON_COMPACT);
        assert_string_equal(
                text, "{\"daemon\":{\"running\":true,\"pid\":7,\"version\":\"1\"},\"hypervisor\":{\"name\":"
                      "\"hvisor\","
                      "\"magic\":5},\"message\":null,\"zones\":[{\"name\":\"one\",\"id\":1,\"state\":\"running\","
                      "\"cpus\":"
                      "\"2-3\",\"file\":\"/etc/hvisor/zones.d/one.conf\",\"file_state\":\"good\",\"message\":null,"
                      "\"restarts\":0,\"retry_in\":null,\"drop_ins\":[],\"hides\":[],\"devices\":[{\"name\":\"root\","
                      "\"type\":\"block\","
                      "\"address\":"
                      "\"0xa003c00\",\"interrupt\":78,\"state\":\"ready\",\"message\":null,\"worker_pid\":9,"
                      "\"generation\":2,\"kicks\":3,\"calls\":4,\"memory\":4096,\"cpu_time\":5}]}]}");
        json_decref(j);
        live_clear(&l);
        desired_clear(d);
        free(d);
}

static void test_status_word_follows_what_there_is(void **state _unused_) {
        static const struct {
                enum zone_object object;
                bool listed, failed;
                enum zone_phase phase;
                int note; /* enum note_kind, -1: none */
                const char *word;
        } c[] = {
                { ZONE_OBJECT_STARTED, true, false, PHASE_IDLE, -1, "running" },
                { ZONE_OBJECT_STARTED, true, true, PHASE_IDLE, -1, "running" },
                { ZONE_OBJECT_STARTED, true, false, PHASE_STOPPING, -1, "stopping" },
                { ZONE_OBJECT_CREATED, false, false, PHASE_STARTING, -1, "starting" },
                { ZONE_OBJECT_STARTED, false, false, PHASE_IDLE, NOTE_ENDED, "exited" },
                { ZONE_OBJECT_NONE, false, true, PHASE_IDLE, -1, "failed" },
                { ZONE_OBJECT_NONE, false, false, PHASE_IDLE, NOTE_WAITING, "waiting" },
                { ZONE_OBJECT_NONE, false, false, PHASE_IDLE, NOTE_REFUSED, "refused" },
                { ZONE_OBJECT_NONE, false, false, PHASE_IDLE, -1, "stopped" },
                { ZONE_OBJECT_NONE, true, false, PHASE_IDLE, NOTE_FOREIGN, "foreign" },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                bool foreign = c[i].note == NOTE_FOREIGN;
                struct desired *d = make_desired(FILE_GOOD), none = {};
                struct live l = {};
                struct zone_history h = { .name = "one", .phase = c[i].phase, .failed = c[i].failed };
                struct note note = { .kind = c[i].note, .zone = "one", .words = (char *) "why" };
                struct plan p = { .notes = &note, .num_notes = c[i].note >= 0 };
                struct status_input in = {
                        .desired = foreign ? &none : d,
                        .live = &l,
                        .plan = &p,
                        .history = &h,
                        .num_history = 1,
                };

                make_live(&l, c[i].object, c[i].listed);
                expect_word(&in, c[i].word);
                live_clear(&l);
                desired_clear(d);
                free(d);
        }
}

static void test_status_tells_when_it_tries_again(void **state _unused_) {
        struct desired *d = make_desired(FILE_GOOD);
        struct zone_history h = { .name = "one", .failed = true, .restarts = 3, .retry_at = 5000001, .message = "no" };
        struct status_input in = { .desired = d, .history = &h, .num_history = 1, .now = 1000000 };
        _cleanup_free_ char *text = zone_text(&in);

        assert_non_null(strstr(text, "\"state\":\"failed\""));
        assert_non_null(strstr(text, "\"message\":\"no\",\"restarts\":3,\"retry_in\":5"));
        assert_non_null(strstr(text, "\"state\":\"down\""));
        desired_clear(d);
        free(d);
}

static void test_status_of_a_bad_file(void **state _unused_) {
        struct desired *d = make_desired(FILE_BAD);
        struct status_input in = { .desired = d };
        _cleanup_free_ char *text = zone_text(&in);
        json_t *j = status_to_json(&in);

        assert_non_null(strstr(text, "\"file_state\":\"bad\",\"message\":\"one.conf:1:1: wrong\""));
        assert_true(json_is_null(json_object_get(j, "hypervisor")));
        json_decref(j);
        desired_clear(d);
        free(d);
}

/* Zones and notes are gone through side by side: notes of zones that no file names, and several of one zone. */
static void test_status_counts_each_zone_by_its_own_note(void **state _unused_) {
        static const char *const names[] = { "a", "b", "c", "d" };
        struct note notes[] = {
                { .kind = NOTE_LOST, .zone = "" },     { .kind = NOTE_REFUSED, .zone = "a" },
                { .kind = NOTE_FOREIGN, .zone = "b" }, { .kind = NOTE_BAD_FILE, .zone = "b" },
                { .kind = NOTE_WAITING, .zone = "b" }, { .kind = NOTE_FOREIGN, .zone = "bb" },
                { .kind = NOTE_WAITING, .zone = "d" },
        };
        struct plan p = { .notes = notes, .num_notes = ELEMENTSOF(notes) };
        struct desired d = {};
        struct status_input in = { .desired = &d, .plan = &p };
        struct status_counts n;

        for (size_t i = 0; i < ELEMENTSOF(notes); i++)
                notes[i].words = (char *) "why";
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                desired_add(&d, names[i])->file_state = FILE_GOOD;
        status_count(&in, &n);
        assert_int_equal(n.running, 0);
        assert_int_equal(n.failed, 2); /* a, b */
        assert_int_equal(n.other, 2);  /* c, d */
        desired_clear(&d);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_status_has_the_documented_shape),
                cmocka_unit_test(test_status_word_follows_what_there_is),
                cmocka_unit_test(test_status_tells_when_it_tries_again),
                cmocka_unit_test(test_status_of_a_bad_file),
                cmocka_unit_test(test_status_counts_each_zone_by_its_own_note),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
