/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a pass of the loop has found out, told once: zones that ended, notes of the plan that are new. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "engine/internal.h"

#define NEWS_MAX 20 /* that a pass tells one by one */

void tell_ends(struct engine *e) {
        for (size_t i = 0; i < e->num_zones; i++) {
                struct zone *z = e->zones[i];
                enum zone_state state = zone_live_state(live_find(&e->live, z->name)), before = z->last_state;

                if (z->task)
                        continue;
                z->last_state = state;
                if (state == before || before != ZONE_RUNNING)
                        continue;
                if (state == ZONE_EXITED)
                        engine_record(e, LOG_NOTICE, MESSAGE_ZONE_ENDED, z->name, NULL, "zone", "exited",
                                      "its guest powered off");
                else if (state == ZONE_ERROR)
                        engine_record(e, LOG_ERR, MESSAGE_ZONE_ENDED, z->name, NULL, "zone", "error",
                                      "its guest accessed memory outside its regions");
        }
}

/*
 * What the journal knows of a zone. Kept for those that the plan has a note of, in the plan's order, so that thousands are
 * compared in one go; a text that is made when somebody asks is known by what it is made from.
 */
struct told {
        char zone[NAME_SIZE]; /* "": of the whole */
        uint64_t digest;
};

static int note_level(enum note_kind kind) {
        switch (kind) {
        case NOTE_REFUSED:
        case NOTE_BAD_FILE:
        case NOTE_LOST:
                return LOG_ERR;
        case NOTE_WAITING:
        case NOTE_IGNORED:
                return LOG_WARNING;
        case NOTE_BUSY:
        case NOTE_FOREIGN:
        case NOTE_ENDED:
        case NOTE_HELD:
        case _NOTE_KIND_MAX:
                break;
        }
        return LOG_NOTICE;
}

/* All notes of one zone, or those of the whole (""), are told as one: each by itself would be news next to the other. */
static size_t count_notes_of_one(const struct plan *p, size_t first) {
        size_t n = 1;

        while (first + n < p->num_notes && strcmp(p->notes[first + n].zone, p->notes[first].zone) == 0)
                n++;
        return n;
}

static struct told told_of(const struct note *notes, size_t num) {
        struct told t = { .digest = HASH_INIT };

        memcpy(t.zone, notes->zone, sizeof(t.zone));
        for (size_t i = 0; i < num; i++) {
                const char *what = notes[i].words ?: notes[i].holder->name;

                t.digest = hash_bytes(t.digest, &notes[i].kind, sizeof(notes[i].kind));
                t.digest = hash_bytes(t.digest, what, strlen(what));
        }
        return t;
}

static const struct note *worst_of(const struct note *notes, size_t num) {
        const struct note *worst = notes;

        for (size_t i = 1; i < num; i++)
                if (note_level(notes[i].kind) < note_level(worst->kind))
                        worst = &notes[i];
        return worst;
}

static void record_notes(struct engine *e, const struct note *notes, size_t num) {
        const struct note *worst = worst_of(notes, num);
        char text[ERR_TEXT_SIZE] = "", one[NOTE_TEXT_SIZE];
        size_t used = 0;

        for (size_t i = 0; i < num && used < sizeof(text); i++)
                used += snprintf(text + used, sizeof(text) - used, "%s%s: %s", used ? "; " : "",
                                 note_kind_to_string(notes[i].kind), note_text(&notes[i], one, sizeof(one)));
        engine_record_why(e, note_level(worst->kind), MESSAGE_ZONE_NOTE, worst->zone[0] ? worst->zone : NULL, NULL,
                          "plan", note_kind_to_string(worst->kind), note_text(worst, one, sizeof(one)), "%s", text);
}

/* More than a person reads: the rest of a pass is told by numbers. */
static void record_rest(struct engine *e, const size_t rest[_NOTE_KIND_MAX]) {
        enum note_kind worst = _NOTE_KIND_MAX;
        char text[256] = "";
        size_t used = 0;

        for (enum note_kind k = 0; k < _NOTE_KIND_MAX; k++) {
                if (rest[k] == 0)
                        continue;
                if (worst == _NOTE_KIND_MAX || note_level(k) < note_level(worst))
                        worst = k;
                used += snprintf(text + used, sizeof(text) - used, "%s%zu %s", used ? ", " : "", rest[k],
                                 note_kind_to_string(k));
        }
        if (worst != _NOTE_KIND_MAX)
                engine_record(e, note_level(worst), MESSAGE_ZONE_NOTE, NULL, NULL, "plan", note_kind_to_string(worst),
                              "and of more zones: %s; hvisor status says why", text);
}

int tell_notes(struct engine *e) {
        const struct plan *p = &e->plan;
        size_t rest[_NOTE_KIND_MAX] = {}, num_news = 0, num_told = 0, old = 0, num;
        struct told *told = calloc(p->num_notes + 1, sizeof(*told));

        if (!told)
                return -ENOMEM;
        for (size_t i = 0; i < p->num_notes; i += num) {
                struct told *t = &told[num_told++];

                num = count_notes_of_one(p, i);
                *t = told_of(&p->notes[i], num);
                while (old < e->num_told && strcmp(e->told[old].zone, t->zone) < 0)
                        old++;
                if (old < e->num_told && strcmp(e->told[old].zone, t->zone) == 0 && e->told[old].digest == t->digest)
                        continue;
                if (num_news++ < NEWS_MAX)
                        record_notes(e, &p->notes[i], num);
                else
                        rest[worst_of(&p->notes[i], num)->kind]++;
        }
        record_rest(e, rest);
        free(e->told);
        e->told = told;
        e->num_told = num_told;
        return 0;
}
