/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a pass of the loop has found out, told once: zones that ended, notes of the plan that are new. */
#include <string.h>

#include "engine/internal.h"

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

/* True if @text differs from what was told last, which it replaces. */
static bool is_news(char **last, const char *text) {
        char *copy;

        if (*last && text && strcmp(*last, text) == 0)
                return false;
        if (!*last && !text)
                return false;
        copy = text ? strdup(text) : NULL;
        free(*last);
        *last = copy;
        return true;
}

static int note_level(enum note_kind kind) {
        switch (kind) {
        case NOTE_REFUSED:
        case NOTE_BAD_FILE:
        case NOTE_LOST:
                return LOG_ERR;
        case NOTE_WAITING:
                return LOG_WARNING;
        case NOTE_FOREIGN:
        case NOTE_ENDED:
        case _NOTE_KIND_MAX:
                break;
        }
        return LOG_NOTICE;
}

void tell_notes(struct engine *e) {
        for (size_t i = 0; i < e->plan.num_notes; i++) {
                const struct note *n = &e->plan.notes[i];
                struct zone *z = n->zone[0] ? engine_zone(e, n->zone) : NULL;

                if (n->zone[0] && !z)
                        continue;
                if (is_news(z ? &z->last_note : &e->lost_note, n->text))
                        engine_record(e, note_level(n->kind), MESSAGE_ZONE_NOTE, z ? n->zone : NULL, NULL, "plan",
                                      note_kind_to_string(n->kind), "%s: %s", note_kind_to_string(n->kind), n->text);
        }
        for (size_t i = 0; i < e->num_zones; i++)
                if (!plan_find_note(&e->plan, e->zones[i]->name))
                        (void) is_news(&e->zones[i]->last_note, NULL);
        if (!e->desired.lost)
                (void) is_news(&e->lost_note, NULL);
}
