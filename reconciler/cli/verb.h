/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command line: one row for each verb (verbs.c), one file for each verb's
 * function. main.c parses options and arguments, checks their number and what
 * the verb needs, and calls it; --help is made from the rows.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define VERB_OPTIONS_MAX 4
#define VERB_VALUES_MAX  64

struct verb_option {
        const char *name;  /* without the dashes; NULL ends the list */
        const char *value; /* its name in --help; NULL: a switch */
        const char *help;
};

enum verb_needs {
        NEEDS_NOTHING,
        NEEDS_DAEMON, /* refused at once, with how to start it, if it is down */
};

struct arguments {
        const char *options[VERB_OPTIONS_MAX]; /* by the option's index, the last; "" for a switch; NULL: not given */
        char **words;                          /* borrowed from argv */
        size_t num_words;
        const char *values[VERB_VALUES_MAX]; /* of all options, as they were given: some are given many times */
        size_t num_values;
};

struct verb {
        const char *name;  /* one word, or two as of "zone start" */
        const char *usage; /* of its words, e.g. "ZONE [DEVICE]" */
        size_t min_words, max_words;
        enum verb_needs needs;
        const char *help;    /* one line */
        const char *details; /* the rest of `hvisor VERB --help`, its exit status last */
        struct verb_option options[VERB_OPTIONS_MAX + 1];
        int (*run)(const struct arguments *a); /* returns the exit status; says by itself what went wrong */
};

/** verb_option_letter() - the letter that stands for it alone, as in -f; '\0': another option begins with it, too */
static inline char verb_option_letter(const struct verb *v, const struct verb_option *option) {
        for (const struct verb_option *o = v->options; o->name; o++)
                if (o != option && o->name[0] == option->name[0])
                        return '\0';
        return option->name[0];
}

extern const struct verb verbs[];
extern const size_t num_verbs;

/**
 * arguments_parse() - what stands behind the verb; options may stand anywhere before "--"
 * "-x" is the option whose name alone begins with x, "-name" the same as "--name".
 * @a: zeroed; borrows from @words, whose order changes
 *
 * Return: true; false: it was said what is wrong.
 */
bool arguments_parse(const struct verb *v, struct arguments *a, char **words, size_t count);

#define EXIT_CHANGES 2 /* of `hvisor plan` */

enum { STATUS_JSON, STATUS_WATCH };
int verb_status(const struct arguments *a);
enum { CHECK_BOARD, CHECK_JSON };
int verb_check(const struct arguments *a);
int verb_cat(const struct arguments *a);
enum { EDIT_FULL, EDIT_RUNTIME };
int verb_edit(const struct arguments *a);
enum { BOARD_LIST, BOARD_JSON };
int verb_board(const struct arguments *a);
enum { DTB_OUTPUT, DTB_ROOT, DTB_BOARD };
int verb_dtb(const struct arguments *a);
enum { KEYS_JSON, KEYS_BOARD };
int verb_keys(const struct arguments *a);
enum { IMPORT_OUTPUT };
int verb_import(const struct arguments *a);
enum { PLAN_JSON };
int verb_plan(const struct arguments *a);
enum { CONSOLE_TIMEOUT, CONSOLE_WATCH };
int verb_console(const struct arguments *a);
int verb_restart(const struct arguments *a);
enum { UPGRADE_ALL };
int verb_upgrade(const struct arguments *a);
enum { LOGS_FOLLOW, LOGS_NUMBER, LOGS_JSON };
int verb_logs(const struct arguments *a);
enum { STOP_ALL_TIMEOUT };
int verb_stop_all(const struct arguments *a);
int verb_zone_start(const struct arguments *a);
enum { SHUTDOWN_ID };
int verb_zone_shutdown(const struct arguments *a);
int verb_zone_list(const struct arguments *a);
enum { VIRTIO_DEVICE };
int verb_virtio_start(const struct arguments *a);
