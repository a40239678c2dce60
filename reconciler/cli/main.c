/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hvisor: look at zones, check their files, attach to their consoles. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/dirs.h"
#include "base/log.h"
#include "base/macros.h"
#include "cli/client.h"
#include "cli/verb.h"
#include "config/suggest.h"

static void print_help(FILE *f) {
        fputs("hvisor - zones of the hvisor hypervisor, kept as their files say\n"
              "\n"
              "  hvisor VERB [OPTION]... [ARGUMENT]...\n"
              "\n",
              f);
        for (size_t i = 0; i < num_verbs; i++)
                fprintf(f, "  %s %-*s %s\n", verbs[i].name, MAX(30 - (int) strlen(verbs[i].name), 0), verbs[i].usage,
                        verbs[i].help);
        fputs("\n"
              "  hvisor VERB --help tells more about one, --version which hvisor this is.\n"
              "\n"
              "A zone is a file, " ZONES_DIR "/NAME.conf: put it there and the zone boots,\n"
              "delete it and the zone is shut down. " RUN_ZONES_DIR " and " LIB_ZONES_DIR "\n"
              "count, too: a file hides those of its name there, a symlink to /dev/null masks them.\n"
              "\n"
              "Exit status: 0 done; 1 error; hvisor plan: 2 there is something to do.\n",
              f);
}

static void print_verb_help(const struct verb *v) {
        printf("hvisor %s%s%s%s - %s\n\n%s", v->name, v->options[0].name ? " [OPTION]..." : "", v->usage[0] ? " " : "",
               v->usage, v->help, v->details);
        if (v->options[0].name)
                puts("\nOptions:");
        for (const struct verb_option *o = v->options; o->name; o++) {
                char letter = verb_option_letter(v, o);

                printf("  %c%c%c ", letter ? '-' : ' ', letter ? letter : ' ', letter ? ',' : ' ');
                printf("--%s%s%s  %s\n", o->name, o->value ? "=" : "", o->value ? o->value : "", o->help);
        }
}

/* How many of the words name @v; 0: it is another. */
static size_t verb_match(const struct verb *v, char **words, size_t count) {
        const char *second = strchr(v->name, ' ');

        if (!second)
                return strcmp(v->name, words[0]) == 0;
        if (strncmp(v->name, words[0], (size_t) (second - v->name)) != 0 || words[0][second - v->name] != '\0')
                return 0;
        return count > 1 && strcmp(second + 1, words[1]) == 0 ? 2 : 0;
}

static bool is_of_group(const struct verb *v, const char *name) {
        return strncmp(v->name, name, strlen(name)) == 0 && v->name[strlen(name)] == ' ';
}

/* "zone --help": of each that begins so. False: none does. */
static bool print_group_help(const char *name) {
        bool found = false;

        for (size_t i = 0; i < num_verbs; i++) {
                if (!is_of_group(&verbs[i], name))
                        continue;
                if (found)
                        putchar('\n');
                print_verb_help(&verbs[i]);
                found = true;
        }
        return found;
}

/* "zone" alone, or with a word that it does not have. */
static bool say_group(const char *name) {
        char text[128] = "";
        size_t n = 0;

        for (size_t i = 0; i < num_verbs; i++)
                if (is_of_group(&verbs[i], name))
                        n += (size_t) snprintf(text + n, sizeof(text) - n, "%shvisor %s", n > 0 ? ", " : "",
                                               verbs[i].name);
        if (n > 0)
                log_error("one of these is wanted: %s", text);
        return n > 0;
}

static const struct verb *verb_find(char **words, size_t count, size_t *ret_words) {
        struct suggestion s = {};

        for (size_t i = 0; i < num_verbs; i++) {
                *ret_words = verb_match(&verbs[i], words, count);
                if (*ret_words > 0)
                        return &verbs[i];
                suggestion_offer(&s, words[0], strlen(words[0]), verbs[i].name);
        }
        if (say_group(words[0]))
                return NULL;
        if (s.word)
                log_error("unknown verb \"%s\"; did you mean \"%s\"?", words[0], s.word);
        else
                log_error("unknown verb \"%s\"; see hvisor --help", words[0]);
        return NULL;
}

static bool asks_for_help(char **words, size_t count) {
        for (size_t i = 0; i < count && strcmp(words[i], "--") != 0; i++)
                if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
                        return true;
        return false;
}

static int verb_main(const struct verb *v, char **words, size_t count) {
        struct arguments a = {};

        if (asks_for_help(words, count)) {
                print_verb_help(v);
                return EXIT_SUCCESS;
        }
        if (!arguments_parse(v, &a, words, count))
                return EXIT_FAILURE;
        if (v->needs == NEEDS_DAEMON && !client_daemon_runs()) {
                log_error(CLIENT_NOT_RUNNING);
                return EXIT_FAILURE;
        }
        return v->run(&a);
}

/* "help status", as "status --help" */
static int help_of(char **words, size_t count) {
        const struct verb *v;
        size_t used;

        if (count == 1 && print_group_help(words[0]))
                return EXIT_SUCCESS;
        v = verb_find(words, count, &used);
        if (v)
                print_verb_help(v);
        return v ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(int argc, char **argv) {
        const struct verb *v;
        size_t words;

        if (argc < 2) {
                print_help(stderr);
                return EXIT_FAILURE;
        }
        if (strcmp(argv[1], "help") == 0 && argc > 2)
                return help_of(argv + 2, (size_t) argc - 2);
        if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
                print_help(stdout);
                return EXIT_SUCCESS;
        }
        if (strcmp(argv[1], "--version") == 0) {
                puts("hvisor " VERSION);
                return EXIT_SUCCESS;
        }
        if (argc == 3 && asks_for_help(argv + 2, 1) && print_group_help(argv[1]))
                return EXIT_SUCCESS;
        v = verb_find(argv + 1, (size_t) argc - 1, &words);
        if (!v)
                return EXIT_FAILURE;
        return verb_main(v, argv + 1 + words, (size_t) argc - 1 - words);
}

int main(int argc, char **argv) {
        int status;

        (void) log_open("hvisor");
        status = run(argc, argv);
        errno = 0; /* what failed before has gone with its reason */
        if (fflush(stdout) == 0 && !ferror(stdout))
                return status;
        log_error("writing the output: %s", errno ? strerror(errno) : "it could not be written");
        return EXIT_FAILURE;
}
