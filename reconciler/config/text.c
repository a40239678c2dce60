/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "config/text.h"
#include "base/utf8.h"

static bool is_blank(char c) {
        return c == ' ' || c == '\t';
}

struct slice slice_trim(struct slice s) {
        while (s.size > 0 && is_blank(s.text[0])) {
                s.text++;
                s.size--;
        }
        while (s.size > 0 && is_blank(s.text[s.size - 1]))
                s.size--;
        return s;
}

bool slice_is(struct slice s, const char *word) {
        return strlen(word) == s.size && strncasecmp(s.text, word, s.size) == 0;
}

void source_continue(struct source *s, const char *path, const char *text, size_t size) {
        static const char byte_order_mark[] = "\xef\xbb\xbf";

        s->path = path;
        s->next = text;
        s->end = text + size;
        s->line = 0;
        if (size >= 3 && memcmp(text, byte_order_mark, 3) == 0)
                s->next += 3;
}

void source_open(struct source *s, const char *path, const char *text, size_t size, struct diagnostics *d) {
        *s = (struct source){ .diagnostics = d };
        source_continue(s, path, text, size);
}

static void source_report(struct source *s, const struct place *p, const char *message) {
        unsigned column = p->part.text ? (unsigned) (p->part.text - p->source.text) + 1 : 0;

        if (diagnostics_add(s->diagnostics, SEVERITY_ERROR, p->path ?: s->path, p->line, column,
                            (unsigned) p->part.size, p->source.text, p->source.size, "%s", message) < 0)
                s->failed = -ENOMEM;
}

void source_error(struct source *s, const struct place *p, const char *format, ...) {
        const struct place whole_file = {}, from_here_on = { .line = s->line };
        _cleanup_free_ char *message = NULL;
        va_list ap;
        int n;

        if (++s->errors > TEXT_ERRORS_MAX) {
                if (s->errors == TEXT_ERRORS_MAX + 1)
                        source_report(s, &from_here_on, "more errors than are shown");
                return;
        }
        va_start(ap, format);
        n = vasprintf(&message, format, ap);
        va_end(ap);
        if (n < 0) {
                message = NULL;
                s->failed = -ENOMEM;
        }
        source_report(s, p ? p : &whole_file, message ? message : "out of memory");
}

/* True if the line is text; else its first bad byte was reported. */
static bool line_is_text(struct source *s, const struct place *p) {
        const char *t = p->source.text;
        size_t size = p->source.size, n;
        struct place bad;
        uint32_t c;

        if (size > TEXT_LINE_MAX) {
                bad = (struct place){ .line = p->line };
                source_error(s, &bad, "line of %zu bytes; at most %d are read", size, TEXT_LINE_MAX);
                return false;
        }
        for (size_t i = 0; i < size; i += n) {
                n = utf8_sequence(t + i, size - i, &c);
                bad = place_of(p, (struct slice){ t + i, 1 });
                if (n == 0) {
                        source_error(s, &bad, "byte 0x%02x is not UTF-8", (unsigned char) t[i]);
                        return false;
                }
                if ((c < 0x20 && c != '\t') || (c >= 0x7f && c < 0xa0)) {
                        source_error(s, &bad, "control character 0x%02x%s", c, c == 0 ? " (NUL)" : "");
                        return false;
                }
        }
        return true;
}

/* False: reported; the section stays nameless, so that its keys are not taken for the one before. */
static bool split_section(struct source *s, const struct place *p, struct line *ret) {
        struct slice inside = { p->part.text + 1, p->part.size - 1 };
        const char *close = memchr(inside.text, ']', inside.size);
        struct place bad;
        size_t n = 0;

        if (!close) {
                source_error(s, p, "section without its closing \"]\"");
                return false;
        }
        bad = place_of(p, slice_trim((struct slice){ close + 1, (size_t) (inside.text + inside.size - close) - 1 }));
        if (bad.part.size > 0) {
                source_error(s, &bad, "text after a section's \"]\"; comments have lines of their own");
                return false;
        }
        inside = slice_trim((struct slice){ inside.text, (size_t) (close - inside.text) });
        while (n < inside.size && !is_blank(inside.text[n]))
                n++;
        if (n == 0) {
                source_error(s, p, "section without a name");
                return false;
        }
        ret->name = (struct slice){ inside.text, n };
        ret->value = slice_trim((struct slice){ inside.text + n, inside.size - n });
        return true;
}

static bool read_section(struct source *s, struct place *p, struct line *ret) {
        *ret = (struct line){ .kind = LINE_SECTION, .place = *p };
        (void) split_section(s, p, ret);
        return true;
}

/* A comment behind a value would become a part of it. */
static bool find_trailing_comment(struct slice value, struct slice *ret) {
        for (size_t i = 1; i < value.size; i++)
                if ((value.text[i] == '#' || value.text[i] == ';') && is_blank(value.text[i - 1])) {
                        *ret = (struct slice){ value.text + i, value.size - i };
                        return true;
                }
        return false;
}

static bool read_assignment(struct source *s, struct place *p, struct line *ret) {
        struct slice all = p->part, comment;
        const char *equals = memchr(all.text, '=', all.size);

        if (!equals) {
                source_error(s, p, "neither [Section], Key=value nor comment");
                return false;
        }
        ret->kind = LINE_ASSIGNMENT;
        ret->name = slice_trim((struct slice){ all.text, (size_t) (equals - all.text) });
        ret->value = slice_trim((struct slice){ equals + 1, (size_t) (all.text + all.size - equals) - 1 });
        if (ret->name.size == 0) {
                source_error(s, p, "value without a key");
                return false;
        }
        ret->place = place_of(p, ret->name);
        if (find_trailing_comment(ret->value, &comment)) {
                const struct place bad = place_of(p, comment);

                source_error(s, &bad, "a comment must have a line of its own");
                ret->value = slice_trim((struct slice){ ret->value.text, ret->value.size - comment.size });
        }
        return true;
}

static bool read_line(struct source *s, struct place *p, struct line *ret) {
        struct slice text = slice_trim(p->source);

        if (text.size == 0 || text.text[0] == '#' || text.text[0] == ';')
                return false;
        if (text.text[text.size - 1] == '\\') {
                const struct place bad = place_of(p, (struct slice){ text.text + text.size - 1, 1 });

                source_error(s, &bad, "lines cannot be continued with a backslash; write it all on one line");
                text = slice_trim((struct slice){ text.text, text.size - 1 });
                if (text.size == 0)
                        return false;
        }
        p->part = text;
        return text.text[0] == '[' ? read_section(s, p, ret) : read_assignment(s, p, ret);
}

void source_next(struct source *s, struct line *ret) {
        while (s->next < s->end) {
                const char *begin = s->next;
                const char *newline = memchr(begin, '\n', (size_t) (s->end - begin));
                size_t size = (size_t) ((newline ? newline : s->end) - begin);
                struct place p = { .path = s->path, .line = ++s->line };

                s->next = newline ? newline + 1 : s->end;
                if (size > 0 && begin[size - 1] == '\r')
                        size--;
                p.source = (struct slice){ begin, size };
                if (line_is_text(s, &p) && read_line(s, &p, ret))
                        return;
        }
        *ret = (struct line){ .kind = LINE_END };
}
