/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/sink.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ROOM_FIRST 256 /* bytes */

/* For so many bytes more, and a NUL. */
static bool make_room(struct sink *s, size_t size) {
        size_t room = MAX(s->room, (size_t) ROOM_FIRST);
        char *text;

        while (room - s->size <= size)
                room *= 2;
        if (room == s->room)
                return true;
        text = realloc(s->text, room);
        if (!text)
                return false;
        s->text = text;
        s->room = room;
        return true;
}

static void keep(struct sink *s, const char *text, size_t size) {
        s->failed |= !make_room(s, size);
        if (s->failed)
                return;
        memcpy(s->text + s->size, text, size + 1);
        s->size += size;
}

void sink_put(struct sink *s, const char *text) {
        size_t size = strlen(text);

        s->hash = hash_bytes(s->hash, text, size);
        if (s->keeps)
                keep(s, text, size);
}

void sink_print(struct sink *s, const char *format, ...) {
        char text[128];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        sink_put(s, text);
}

char *sink_take(struct sink *s) {
        char *text;

        sink_put(s, ""); /* also what is empty is a text */
        text = s->failed ? NULL : TAKE_PTR(s->text);
        sink_clear(s);
        return text;
}

void sink_clear(struct sink *s) {
        free(s->text);
        *s = (struct sink){ .hash = s->hash, .keeps = s->keeps };
}
