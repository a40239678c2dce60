/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Golden plans: each folder of golden/ is a case. zones.d/ and applied/ are what
 * the daemon reads, with run.d/ and lib.d/ below zones.d/ where a case has them; live is what there is, plan is what
 * must come of it:
 *
 *   root cpus=0-1 ram=0x80000000+0x40000000
 *   zone NAME id=1 cpus=2-3 [listed] [error] [object=created|started|stopped] [spec=other]
 *   device NAME [pid=100] [generation=1] [hung] [withdrawn] [cookie=other]
 *
 * A zone's and a device's cookies are those of its spec in applied/, or else in
 * zones.d/. UPDATE_GOLDEN=1 writes the plans: read them before they are kept.
 */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/fd.h"
#include "cli/status_text.h"
#include "config/parse.h"
#include "config/file_name.h"
#include "engine/desired_load.h"
#include "plan/plan.h"

#define GOLDEN "tests/unit/plan/golden"

static uint64_t parse_cpus(const char *s) {
        uint64_t cpus = 0;

        while (*s && *s != ' ') {
                char *end;
                unsigned long first = strtoul(s, &end, 10), last = first;

                if (*end == '-')
                        last = strtoul(end + 1, &end, 10);
                for (unsigned long i = first; i <= last; i++)
                        cpus |= UINT64_C(1) << i;
                s = *end == ',' ? end + 1 : end;
        }
        return cpus;
}

static const struct zone_spec *made_from(const struct desired *d, const char *name) {
        const struct desired_zone *z = desired_find(d, name);

        if (!z)
                return NULL;
        return z->applied ?: z->spec;
}

static const char *value(const char *word, const char *key) {
        size_t length = strlen(key);

        return strncmp(word, key, length) == 0 && word[length] == '=' ? word + length + 1 : NULL;
}

static void zone_word(struct zone_live *z, const char *word) {
        const char *v;

        if ((v = value(word, "id")))
                z->id = atoi(v);
        else if ((v = value(word, "cpus")))
                z->cpus = parse_cpus(v);
        else if (strcmp(word, "listed") == 0)
                z->listed = true;
        else if (strcmp(word, "error") == 0)
                z->in_error = true;
        else if ((v = value(word, "object")))
                z->object = strcmp(v, "created") == 0   ? ZONE_OBJECT_CREATED
                            : strcmp(v, "started") == 0 ? ZONE_OBJECT_STARTED
                                                        : ZONE_OBJECT_STOPPED;
        else if ((v = value(word, "spec")))
                z->spec_cookie = 1;
        else
                fail_msg("zone: %s", word);
}

static void device_word(struct device_live *d, const char *word) {
        const char *v;

        if ((v = value(word, "pid"))) {
                d->worker_pid = atoi(v);
                d->attached = true;
        } else if ((v = value(word, "generation"))) {
                d->generation = strtoull(v, NULL, 10);
        } else if (strcmp(word, "withdrawn") == 0) {
                d->withdrawn = true;
        } else if (strcmp(word, "hung") == 0) {
                d->hung = true;
        } else if (value(word, "cookie")) {
                d->cookie = 1;
        } else {
                fail_msg("device: %s", word);
        }
}

static void root_word(struct root_facts *r, const char *word) {
        const char *v;
        unsigned long long base, size;

        r->known = true;
        if ((v = value(word, "cpus")))
                r->cpus = parse_cpus(v);
        else if ((v = value(word, "ram")) && sscanf(v, "%llx+%llx", &base, &size) == 2)
                r->system_ram[r->num_system_ram++] = (struct range){ base, size };
        else
                fail_msg("root: %s", word);
}

static void read_zone(struct live *l, const struct desired *d, const char *name) {
        struct zone_live *z = live_add(l);
        const struct zone_spec *s = made_from(d, name);

        snprintf(z->name, sizeof(z->name), "%s", name);
        z->owner_cookie = zone_owner_cookie(name);
        z->spec_cookie = s && d->board ? zone_spec_cookie(s, d->board) : 0;
}

static void read_device(struct live *l, const struct desired *d, const char *name) {
        struct zone_live *z = &l->zones[l->num_zones - 1];
        struct device_live *v = &z->devices[z->num_devices++];
        const struct zone_spec *s = made_from(d, z->name);

        snprintf(v->name, sizeof(v->name), "%s", name);
        for (size_t i = 0; s && i < s->num_devices; i++)
                if (strcmp(s->devices[i].name, name) == 0)
                        v->cookie = device_spec_cookie(&s->devices[i]);
}

static void read_live(const char *path, const struct desired *d, struct live *ret) {
        FILE *f = fopen(path, "re");
        char line[512];

        assert_non_null(f);
        while (fgets(line, sizeof(line), f)) {
                char *kind = strtok(line, " \n"), *name, *word;

                if (!kind)
                        continue;
                if (strcmp(kind, "zone") == 0) {
                        name = strtok(NULL, " \n");
                        read_zone(ret, d, name);
                } else if (strcmp(kind, "device") == 0) {
                        name = strtok(NULL, " \n");
                        read_device(ret, d, name);
                }
                while ((word = strtok(NULL, " \n"))) {
                        struct zone_live *z = ret->num_zones ? &ret->zones[ret->num_zones - 1] : NULL;

                        if (strcmp(kind, "root") == 0)
                                root_word(&ret->root, word);
                        else if (strcmp(kind, "zone") == 0)
                                zone_word(z, word);
                        else
                                device_word(&z->devices[z->num_devices - 1], word);
                }
        }
        fclose(f);
}

static void run_case(const char *name) {
        char zones[256], run[256], lib[256], applied[256], board[256], live_path[256], plan_path[256];
        _cleanup_free_ char *text = NULL, *expected = NULL;
        struct desired desired = {};
        struct live live = {};
        struct plan plan = {};
        size_t size;
        json_t *j;
        FILE *f;

        snprintf(zones, sizeof(zones), GOLDEN "/%s/zones.d", name);
        snprintf(run, sizeof(run), GOLDEN "/%s/run.d", name);
        snprintf(lib, sizeof(lib), GOLDEN "/%s/lib.d", name);
        snprintf(applied, sizeof(applied), GOLDEN "/%s/applied", name);
        snprintf(board, sizeof(board), GOLDEN "/%s/board.conf", name);
        if (access(board, F_OK) < 0)
                snprintf(board, sizeof(board), GOLDEN "/board.conf");
        snprintf(live_path, sizeof(live_path), GOLDEN "/%s/live", name);
        snprintf(plan_path, sizeof(plan_path), GOLDEN "/%s/plan", name);
        assert_int_equal(desired_load(&desired, &(struct desired_paths){ { { zones, run, lib } }, board, applied }), 0);
        read_live(live_path, &desired, &live);
        assert_int_equal(plan_make(&desired, &live, &plan), 0);

        f = open_memstream(&text, &size);
        j = plan_to_json(&plan);
        plan_text_print(j, f);
        json_decref(j);
        fclose(f);
        if (getenv("UPDATE_GOLDEN"))
                assert_int_equal(file_write_atomic(plan_path, text, size), 0);
        assert_int_equal(file_read(-100 /* AT_FDCWD */, plan_path, 65536, &expected, NULL), 0);
        if (strcmp(text, expected) != 0)
                fail_msg("%s: the plan is\n%sbut should be\n%s", name, text, expected);
        plan_clear(&plan);
        live_clear(&live);
        desired_clear(&desired);
}

static void test_plan_is_golden(void **state _unused_) {
        struct dirent **cases;
        int n = scandir(GOLDEN, &cases, NULL, alphasort), run = 0;

        assert_true(n > 0);
        for (int i = 0; i < n; i++) {
                if (cases[i]->d_type == DT_DIR && cases[i]->d_name[0] != '.') {
                        run_case(cases[i]->d_name);
                        run++;
                }
                free(cases[i]);
        }
        free(cases);
        assert_true(run >= 20);
}

static void test_plan_to_json_holds_actions_and_notes(void **state _unused_) {
        struct action action = { .kind = ACTION_WORKER_START, .zone = "a", .device = "root", .reason = (char *) "why" };
        struct note note = { .kind = NOTE_WAITING, .zone = "b", .words = (char *) "CPU 2" };
        struct plan plan = { .actions = &action, .num_actions = 1, .notes = &note, .num_notes = 1 };
        json_t *j = plan_to_json(&plan);
        _cleanup_free_ char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);

        assert_string_equal(text,
                            "{\"actions\":[{\"action\":\"worker-start\",\"device\":\"root\",\"reason\":\"why\","
                            "\"zone\":\"a\"}],\"notes\":[{\"note\":\"waiting\",\"text\":\"CPU 2\",\"zone\":\"b\"}]}");
        json_decref(j);
}

static void test_zone_file_name_takes_zones_only(void **state _unused_) {
        static const struct {
                const char *file, *name;
        } c[] = {
                { "linux2.conf", "linux2" },
                { "a.b.conf", "a.b" },
                { ".linux2.conf", NULL },
                { "linux2.conf~", NULL },
                { "#linux2.conf#", NULL },
                { ".conf", NULL },
                { "linux2", NULL },
                { "..data", NULL },
                { "a b.conf", NULL },
                { "0123456789012345678901234567890.conf", "0123456789012345678901234567890" },
                { "01234567890123456789012345678901.conf", NULL },
                { ".#linux2.conf", NULL },
                { "4913", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(c); i++) {
                char name[NAME_SIZE];

                assert_int_equal(zone_file_name(c[i].file, name), c[i].name != NULL);
                if (c[i].name)
                        assert_string_equal(name, c[i].name);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_plan_is_golden),
                cmocka_unit_test(test_plan_to_json_holds_actions_and_notes),
                cmocka_unit_test(test_zone_file_name_takes_zones_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
