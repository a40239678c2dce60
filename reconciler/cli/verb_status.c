/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/client.h"
#include "cli/json.h"
#include "cli/overview.h"
#include "cli/status_text.h"
#include "cli/table.h"
#include "cli/verb.h"
#include "config/suggest.h"

#define WATCH_TICK  2000000 /* µs: what a worker uses, and how long until the next try, change by themselves */
#define WATCH_PAUSE 100000  /* µs: not more often, however much happens */

static int say_no_zone(const json_t *status, const char *name, struct err *e) {
        const json_t *zones = json_object_get(status, "zones"), *zone;
        struct suggestion s = {};
        size_t i;

        json_array_foreach((json_t *) zones, i, zone) suggestion_offer(&s, name, strlen(name), json_text(zone, "name"));
        if (s.word)
                return err_set(e, -ENOENT, "no zone \"%s\"; did you mean \"%s\"?", name, s.word);
        return err_set(e, -ENOENT, "no zone \"%s\"; hvisor status shows them all", name);
}

static int print_json(const json_t *json, size_t flags, FILE *f) {
        return json_dumpf(json, f, flags) < 0 || fputc('\n', f) == EOF ? -EIO : 0;
}

/* What there is now, to @f; when it is watched, a JSON object is one line. */
static int print_status(const struct arguments *a, FILE *f, struct err *e) {
        _cleanup_(json_decrefp) json_t *status = NULL;
        bool colour = colour_wanted(stdout);
        const json_t *zone = NULL;
        int r = status_get(&status, e);

        if (r < 0)
                return r;
        if (a->num_words > 0) {
                zone = status_find_zone(status, a->words[0]);
                if (!zone)
                        return say_no_zone(status, a->words[0], e);
        }
        if (a->options[STATUS_JSON])
                return print_json(zone ?: status, a->options[STATUS_WATCH] ? JSON_COMPACT : JSON_INDENT(2), f);
        return zone ? status_print_zone(status, zone, f, colour) : status_print(status, f, colour);
}

/* ---- --watch ---------------------------------------------------------------------------------------- */

/* Lines end at the terminal's edge: one that went on below would push the others out. */
#define NO_WRAP "\033[?7l"
#define WRAP    "\033[?7h"

/* In place of what was there; what does not fit on the terminal is left out. */
static void draw(const char *text) {
        struct winsize size;
        unsigned lines = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1 ? size.ws_row - 1U : 24;

        fputs(NO_WRAP "\033[H", stdout);
        for (; *text && lines > 0; lines--) {
                size_t n = strcspn(text, "\n");

                printf("\033[K%.*s\n", (int) n, text);
                text += n + (text[n] == '\n');
        }
        fputs("\033[J" WRAP, stdout);
}

/* @e: set if it could not be seen; then that is the text. NULL: out of memory. */
static char *status_text(const struct arguments *a, struct err *e) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        int r;

        if (!f)
                return NULL;
        r = print_status(a, f, e);
        if (r < 0 && e->code == 0)
                (void) err_set(e, r, "%s", strerror(-r));
        if (r < 0)
                fprintf(f, "%s\n", e->text);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

static void show(const char *text, const char *before, bool terminal, bool json) {
        if (terminal)
                draw(text);
        else if (!before || strcmp(before, text) != 0)
                printf("%s%s", before && !json ? "\n" : "", text);
        fflush(stdout);
}

/* Ends by a signal, or when nobody reads any more. */
static int watch_status(const struct arguments *a) {
        _cleanup_(client_watch_end) struct client_watch watch = {};
        _cleanup_free_ char *before = NULL;
        bool json = a->options[STATUS_JSON], terminal = isatty(STDOUT_FILENO) && !json;

        while (!ferror(stdout)) {
                struct err e = {};
                char *text;

                client_watch_begin(&watch);
                text = status_text(a, &e);
                if (!text || (!before && e.code)) {
                        log_error("%s", text ? e.text : "out of memory");
                        free(text);
                        break;
                }
                if (json && e.code)
                        log_warning("%s", e.text);
                else
                        show(text, before, terminal, json);
                free(before);
                before = text;
                (void) usleep(WATCH_PAUSE);
                client_watch_wait(&watch, terminal ? WATCH_TICK : UINT64_MAX);
        }
        return EXIT_FAILURE;
}

int verb_status(const struct arguments *a) {
        struct err e = {};
        int r;

        if (a->options[STATUS_WATCH])
                return watch_status(a);
        r = print_status(a, stdout, &e);
        if (r < 0)
                log_error("%s", err_text(&e, r));
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
