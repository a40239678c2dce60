/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plan/status.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "config/intervals.h"

/* One zone, seen from every side; any of them may be missing. */
struct view {
        const struct status_input *in;
        const char *name;
        const struct desired_zone *wanted;
        const struct zone_live *live;
        const struct zone_history *history;
        const struct note *note;
        const struct zone_spec *spec; /* the best that is known of its settings */
        enum zone_state state;
};

static json_t *string_or_null(const char *s) {
        json_t *j;

        if (!s || !s[0])
                return json_null();
        j = json_string(s);
        return j ?: json_string("(not UTF-8)");
}

/* ---- devices ---------------------------------------------------------------------------------------- */

static const struct device_history *find_device_history(const struct zone_history *h, const char *name) {
        for (size_t i = 0; h && i < h->num_devices; i++)
                if (strcmp(h->devices[i].name, name) == 0)
                        return &h->devices[i];
        return NULL;
}

static const struct device_spec *find_device_spec(const struct zone_spec *z, const char *name) {
        for (size_t i = 0; z && i < z->num_devices; i++)
                if (strcmp(z->devices[i].name, name) == 0)
                        return &z->devices[i];
        return NULL;
}

static const char *device_state(const struct device_live *l, const struct device_spec *s,
                                const struct device_history *h) {
        if (l && l->hung)
                return "hung";
        if (l && l->broken)
                return "broken";
        if (l && l->attached)
                return "ready";
        if (s && !s->enabled)
                return "disabled";
        if (h && h->failed)
                return "failed";
        return h && h->starting ? "starting" : "down";
}

static json_t *device_to_json(const struct view *v, const char *name) {
        const struct device_live *l = v->live ? zone_live_find_device(v->live, name) : NULL;
        const struct device_spec *s = find_device_spec(v->spec, name);
        const struct device_history *h = find_device_history(v->history, name);
        bool used = l && l->usage.known;
        char address[24];

        snprintf(address, sizeof(address), "0x%" PRIx64, l ? l->address : s->address);
        return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o}", "name", name, "type",
                         l ? virtio_id_to_string(l->virtio_id) : virtio_id_to_string(device_virtio_id(s)), "address",
                         address, "interrupt", (int) (l ? l->interrupt : s->interrupt), "state", device_state(l, s, h),
                         "message", string_or_null(h ? h->message : NULL), "worker_pid",
                         l && l->worker_pid > 0 ? json_integer(l->worker_pid) : json_null(), "generation",
                         (json_int_t) (l ? l->generation : 0), "kicks", (json_int_t) (l ? l->kicks : 0), "calls",
                         (json_int_t) (l ? l->calls : 0), "memory",
                         used ? json_integer((json_int_t) l->usage.memory) : json_null(), "cpu_time",
                         used ? json_integer((json_int_t) l->usage.cpu_time) : json_null());
}

static json_t *devices_to_json(const struct view *v) {
        json_t *list = json_array();

        if (v->live && v->live->num_devices > 0)
                for (size_t i = 0; i < v->live->num_devices; i++)
                        json_array_append_new(list, device_to_json(v, v->live->devices[i].name));
        else if (v->spec && v->state != ZONE_FOREIGN)
                for (size_t i = 0; i < v->spec->num_devices; i++)
                        json_array_append_new(list, device_to_json(v, v->spec->devices[i].name));
        return list;
}

/* ---- zones ------------------------------------------------------------------------------------------ */

static const char *zone_word(const struct view *v) {
        const struct zone_history *h = v->history;

        if (v->state == ZONE_FOREIGN)
                return "foreign";
        if (h && h->phase != PHASE_IDLE)
                return h->phase == PHASE_STARTING ? "starting" : "stopping";
        if (v->state == ZONE_RUNNING)
                return "running";
        if (v->state == ZONE_ERROR)
                return "error";
        if (v->state == ZONE_EXITED)
                return "exited";
        if (h && h->failed)
                return "failed";
        if (v->note && v->note->kind == NOTE_WAITING)
                return "waiting";
        if (v->note && (v->note->kind == NOTE_REFUSED || v->note->kind == NOTE_BAD_FILE))
                return "refused";
        if (v->wanted && v->wanted->file_state == FILE_MASKED)
                return "masked";
        return "stopped";
}

static const char *zone_message(const struct view *v, char buffer[NOTE_TEXT_SIZE]) {
        if (v->history && v->history->message[0])
                return v->history->message;
        if (v->note)
                return note_text(v->note, buffer, NOTE_TEXT_SIZE);
        return v->wanted ? v->wanted->message : NULL;
}

static json_t *drop_ins(const struct view *v) {
        const struct zone_spec *z = v->wanted ? v->wanted->spec : NULL;
        json_t *list = json_array();

        for (size_t i = 0; z && i < z->num_drop_ins; i++)
                json_array_append_new(list, json_string(z->drop_ins[i]));
        return list;
}

/* The files below that do not count because this one is there. */
static json_t *hidden_files(const struct view *v) {
        const struct desired_zone *w = v->wanted;
        json_t *list = json_array();

        for (size_t i = 0; w && w->path && v->in->desired->dirs.paths[i]; i++) {
                if (i <= w->level || !(w->levels & BIT(i)))
                        continue;
                json_array_append_new(list, json_sprintf("%s%s", v->in->desired->dirs.paths[i], strrchr(w->path, '/')));
        }
        return list;
}

static json_t *ivcs_to_json(const struct zone_spec *z) {
        json_t *list = json_array();

        for (size_t i = 0; i < z->num_ivcs; i++)
                json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "name", z->ivcs[i].name, "id",
                                                      (json_int_t) z->ivcs[i].id, "peer", (json_int_t) z->ivcs[i].peer,
                                                      "max_peers", (json_int_t) z->ivcs[i].max_peers, "interrupt",
                                                      (json_int_t) z->ivcs[i].interrupt));
        return list;
}

static json_t *retry_in(const struct view *v) {
        const struct zone_history *h = v->history;

        if (!h || h->retry_at == 0)
                return json_null();
        return json_integer(h->retry_at <= v->in->now ? 0 : (h->retry_at - v->in->now + 999999) / 1000000);
}

static json_t *zone_to_json(const struct view *v) {
        static const char *const file_states[_FILE_STATE_MAX] = {
                [FILE_MISSING] = "missing", [FILE_GOOD] = "good", [FILE_BAD] = "bad",
                [FILE_MASKED] = "masked",   [FILE_LOST] = "lost",
        };
        bool foreign = v->state == ZONE_FOREIGN;
        char cpus[CPUS_TEXT_SIZE], message[NOTE_TEXT_SIZE];
        json_t *j;

        cpus_format(v->live ? v->live->cpus : v->spec ? v->spec->cpus : 0, cpus, sizeof(cpus));
        j = json_pack(
                "{s:o, s:o, s:s, s:s, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o}", "name", string_or_null(v->name), "id",
                v->live   ? json_integer(v->live->id)
                : v->spec ? json_integer(v->spec->id)
                          : json_null(),
                "state", zone_word(v), "cpus", cpus, "file",
                string_or_null(v->wanted && !foreign ? v->wanted->path : NULL), "file_state",
                foreign ? json_null() : json_string(file_states[v->wanted ? v->wanted->file_state : FILE_MISSING]),
                "message", string_or_null(zone_message(v, message)), "restarts",
                (int) (v->history ? v->history->restarts : 0), "retry_in", retry_in(v), "drop_ins", drop_ins(v),
                "hides", hidden_files(v), "devices", devices_to_json(v));
        if (v->spec && v->spec->num_ivcs > 0)
                json_object_set_new(j, "ivcs", ivcs_to_json(v->spec));
        return j;
}

static struct view look_at(const struct status_input *in, const char *name, const struct desired_zone *wanted,
                           const struct zone_live *live) {
        struct view v = { .in = in, .name = name, .live = live, .state = zone_live_state(live) };

        if (v.state == ZONE_FOREIGN)
                return v;
        v.wanted = wanted;
        for (size_t i = 0; i < in->num_history; i++)
                if (strcmp(in->history[i].name, name) == 0)
                        v.history = &in->history[i];
        if (v.wanted)
                v.spec = v.wanted->file_state == FILE_GOOD ? v.wanted->spec : v.wanted->applied;
        return v;
}

static struct view look_at_wanted(const struct status_input *in, const struct desired_zone *wanted) {
        return look_at(in, wanted->name, wanted, in->live ? live_find(in->live, wanted->name) : NULL);
}

static bool is_wanted(const struct status_input *in, const struct zone_live *l) {
        return zone_live_state(l) != ZONE_FOREIGN && in->desired && desired_find(in->desired, l->name);
}

static const struct note *find_note(const struct view *v) {
        if (!v->in->plan)
                return NULL;
        return v->state == ZONE_FOREIGN ? plan_find_foreign_note(v->in->plan, v->name)
                                        : plan_find_note(v->in->plan, v->name);
}

/* A spec whose file is gone and whose zone is down is history that nobody asks for. */
static bool is_nothing(const struct view *v) {
        return v->state == ZONE_ABSENT &&
               (!v->wanted || (v->wanted->file_state == FILE_MISSING && !v->wanted->message)) &&
               !(v->history && (v->history->phase != PHASE_IDLE || v->history->failed));
}

static json_t *zones_to_json(const struct status_input *in) {
        json_t *zones = json_array();

        for (size_t i = 0; in->desired && i < in->desired->num_zones; i++) {
                struct view v = look_at_wanted(in, &in->desired->zones[i]);

                v.note = find_note(&v);
                if (!is_nothing(&v))
                        json_array_append_new(zones, zone_to_json(&v));
        }
        for (size_t i = 0; in->live && i < in->live->num_zones; i++) {
                const struct zone_live *l = &in->live->zones[i];
                struct view v = look_at(in, l->name, NULL, l);

                v.note = find_note(&v);
                if (v.state != ZONE_ABSENT && !is_wanted(in, l))
                        json_array_append_new(zones, zone_to_json(&v));
        }
        return zones;
}

json_t *status_to_json(const struct status_input *in) {
        const struct desired *d = in->desired;
        const char *message = d ? d->board_message : NULL;
        json_t *hypervisor = json_null();
        char lost[512];

        if (d && d->lost) {
                snprintf(lost, sizeof(lost), "%s; none of its zones is stopped", d->lost);
                message = lost;
        }
        if (in->live && in->live->hypervisor)
                hypervisor = json_pack("{s:s, s:i}", "name", in->live->hypervisor, "magic", (int) in->live->magic);
        return json_pack("{s:{s:b, s:o, s:s}, s:o, s:o, s:o}", "daemon", "running", in->daemon_running, "pid",
                         in->daemon_running ? json_integer(in->daemon_pid) : json_null(), "version", in->version ?: "",
                         "hypervisor", hypervisor, "message", string_or_null(message), "zones", zones_to_json(in));
}

/* ---- counted ---------------------------------------------------------------------------------------- */

static void count(const struct view *v, struct status_counts *n) {
        const char *word = zone_word(v);

        if (strcmp(word, "running") == 0)
                n->running++;
        else if (strcmp(word, "failed") == 0 || strcmp(word, "error") == 0 || strcmp(word, "refused") == 0)
                n->failed++;
        else
                n->other++;
}

/* The next note of that zone, ours; zones and notes are both sorted by name. */
static const struct note *next_note(const struct plan *p, const char *zone, size_t *at) {
        int c = 1;

        while (p && *at < p->num_notes &&
               ((c = strcmp(p->notes[*at].zone, zone)) < 0 || (c == 0 && p->notes[*at].kind == NOTE_FOREIGN)))
                ++*at;
        return p && *at < p->num_notes && c == 0 ? &p->notes[*at] : NULL;
}

void status_count(const struct status_input *in, struct status_counts *ret) {
        size_t at = 0;

        *ret = (struct status_counts){};
        for (size_t i = 0; in->desired && i < in->desired->num_zones; i++) {
                struct view v = look_at_wanted(in, &in->desired->zones[i]);

                v.note = next_note(in->plan, v.name, &at);
                if (!is_nothing(&v))
                        count(&v, ret);
        }
        for (size_t i = 0; in->live && i < in->live->num_zones; i++) {
                struct view v = look_at(in, in->live->zones[i].name, NULL, &in->live->zones[i]);

                if (v.state != ZONE_ABSENT && !is_wanted(in, v.live))
                        count(&v, ret);
        }
}
