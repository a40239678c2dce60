/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a pass of the loop has found out, told once: zones that ended, notes of the plan that are new. */
#include <stdio.h>
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
        case NOTE_BUSY:
        case NOTE_FOREIGN:
        case NOTE_ENDED:
        case _NOTE_KIND_MAX:
                break;
        }
        return LOG_NOTICE;
}

/* All notes of one zone, or those of the whole (""), are told as one: each by itself would be news next to the other. */
static void tell_notes_of(struct engine *e, const char *zone, char **last) {
        const struct note *worst = NULL;
        char text[ERR_TEXT_SIZE] = "";
        size_t used = 0;

        for (size_t i = 0; i < e->plan.num_notes; i++) {
                const struct note *n = &e->plan.notes[i];

                if (strcmp(n->zone, zone) != 0)
                        continue;
                if (!worst || note_level(n->kind) < note_level(worst->kind))
                        worst = n;
                if (used < sizeof(text))
                        used += snprintf(text + used, sizeof(text) - used, "%s%s: %s", used ? "; " : "",
                                         note_kind_to_string(n->kind), n->text);
        }
        if (is_news(last, worst ? text : NULL) && worst)
                engine_record(e, note_level(worst->kind), MESSAGE_ZONE_NOTE, zone[0] ? zone : NULL, NULL, "plan",
                              note_kind_to_string(worst->kind), "%s", text);
}

void tell_notes(struct engine *e) {
        for (size_t i = 0; i < e->plan.num_notes; i++)
                if (e->plan.notes[i].zone[0])
                        (void) engine_zone(e, e->plan.notes[i].zone);
        for (size_t i = 0; i < e->num_zones; i++)
                tell_notes_of(e, e->zones[i]->name, &e->zones[i]->last_note);
        tell_notes_of(e, "", &e->lost_note);
}
