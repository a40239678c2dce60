/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plan as a list: its words, its JSON. What goes into it is diff.c's. */
#include "plan/plan.h"

#include <errno.h>
#include <string.h>

static const struct {
        const char *name; /* records, JSON */
        const char *verb; /* people */
} action_words[_ACTION_KIND_MAX] = {
        [ACTION_ZONE_START] = { "zone-start", "start" },
        [ACTION_ZONE_STOP] = { "zone-stop", "stop" },
        [ACTION_ZONE_RESTART] = { "zone-restart", "restart" },
        [ACTION_ZONE_CLEAN_UP] = { "zone-clean-up", "clean up" },
        [ACTION_WORKER_START] = { "worker-start", "start worker" },
        [ACTION_WORKER_RESTART] = { "worker-restart", "restart worker" },
        [ACTION_WORKER_STOP] = { "worker-stop", "stop worker" },
};

static const char *const note_names[_NOTE_KIND_MAX] = {
        [NOTE_REFUSED] = "refused",   [NOTE_WAITING] = "waiting", [NOTE_FOREIGN] = "foreign",
        [NOTE_BAD_FILE] = "bad-file", [NOTE_ENDED] = "ended",     [NOTE_HELD] = "held",
        [NOTE_BUSY] = "busy",         [NOTE_LOST] = "lost",       [NOTE_IGNORED] = "ignored",
};

const char *action_kind_to_string(enum action_kind kind) {
        return action_words[kind].name;
}

const char *action_kind_to_verb(enum action_kind kind) {
        return action_words[kind].verb;
}

const char *note_kind_to_string(enum note_kind kind) {
        return note_names[kind];
}

const char *note_text(const struct note *n, char *buffer, size_t size) {
        if (n->words)
                return n->words;
        if (size > 0)
                buffer[0] = '\0';
        (void) zone_conflict_tell(n->spec, n->holder, buffer, size);
        return buffer;
}

static int note_compare(const void *left, const void *right) {
        const struct note *a = left, *b = right;
        int c = strcmp(a->zone, b->zone);

        return c ? c : (a->order > b->order) - (a->order < b->order);
}

/* Nearly always they are sorted already: zones are gone through by name. */
void plan_sort_notes(struct plan *p) {
        bool sorted = true;

        for (size_t i = 0; i < p->num_notes; i++) {
                p->notes[i].order = i;
                sorted &= i == 0 || strcmp(p->notes[i - 1].zone, p->notes[i].zone) <= 0;
        }
        if (!sorted)
                qsort(p->notes, p->num_notes, sizeof(*p->notes), note_compare);
}

static const struct note *find_note(const struct plan *p, const char *zone, bool foreign) {
        size_t low = 0, high = p->num_notes;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (strcmp(p->notes[middle].zone, zone) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        for (; low < p->num_notes && strcmp(p->notes[low].zone, zone) == 0; low++)
                if ((p->notes[low].kind == NOTE_FOREIGN) == foreign)
                        return &p->notes[low];
        return NULL;
}

const struct note *plan_find_note(const struct plan *p, const char *zone) {
        return find_note(p, zone, false);
}

const struct note *plan_find_foreign_note(const struct plan *p, const char *zone) {
        return find_note(p, zone, true);
}

static void drop_actions(struct plan *p, const char *zone) {
        size_t kept = 0;

        for (size_t i = 0; i < p->num_actions; i++)
                if (strcmp(p->actions[i].zone, zone) == 0)
                        free(p->actions[i].reason);
                else
                        p->actions[kept++] = p->actions[i];
        p->num_actions = kept;
}

int plan_set_busy(struct plan *p, const char *zone, const char *text) {
        struct note *notes = reallocarray(p->notes, p->num_notes + 1, sizeof(*notes)), *n;

        if (!notes)
                return -ENOMEM;
        p->notes = notes;
        n = &notes[p->num_notes];
        *n = (struct note){ .kind = NOTE_BUSY, .words = strdup(text) };
        if (!n->words)
                return -ENOMEM;
        strncpy(n->zone, zone, sizeof(n->zone) - 1);
        p->num_notes++;
        plan_sort_notes(p);
        drop_actions(p, zone);
        return 0;
}

void plan_clear(struct plan *p) {
        for (size_t i = 0; i < p->num_actions; i++)
                free(p->actions[i].reason);
        for (size_t i = 0; i < p->num_notes; i++)
                free(p->notes[i].words);
        free(p->actions);
        free(p->notes);
        *p = (struct plan){};
}

static json_t *action_to_json(const struct action *a) {
        json_t *j = json_pack("{s:s, s:s, s:s}", "action", action_words[a->kind].name, "zone", a->zone, "reason",
                              a->reason);

        if (j && a->device[0])
                json_object_set_new(j, "device", json_string(a->device));
        return j;
}

json_t *plan_to_json(const struct plan *p) {
        json_t *actions = json_array(), *notes = json_array();

        for (size_t i = 0; i < p->num_actions; i++)
                json_array_append_new(actions, action_to_json(&p->actions[i]));
        for (size_t i = 0; i < p->num_notes; i++) {
                const struct note *n = &p->notes[i];
                char text[NOTE_TEXT_SIZE];

                json_array_append_new(notes, json_pack("{s:s, s:s, s:s}", "note", note_names[n->kind], "zone", n->zone,
                                                       "text", note_text(n, text, sizeof(text))));
        }
        return json_pack("{s:o, s:o}", "actions", actions, "notes", notes);
}
