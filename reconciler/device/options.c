/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device/options.h"

#define NAME_MAX_LENGTH 31

/* What every type has; the type's own options follow in one list. */
enum common_option {
        OPTION_ZONE,
        OPTION_DEVICE,
        OPTION_COOKIE,
        OPTION_DEVICE_FD,
        _OPTION_REQUIRED_MAX,
        OPTION_VHOST_USER = _OPTION_REQUIRED_MAX,
        OPTION_UID,
        OPTION_LOG_FD,
        OPTION_HELP,
        OPTION_VERSION,
        _OPTION_COMMON_MAX,
};

/* The type's options by their names, then those of descriptors by what stands for them. */
#define FIRST_OWN     _OPTION_COMMON_MAX
#define FIRST_BY_NAME (FIRST_OWN + DEVICE_OPTIONS_MAX)
#define OPTIONS_MAX   (FIRST_BY_NAME + DEVICE_OPTIONS_MAX)

static const struct option common_options[_OPTION_COMMON_MAX] = {
        [OPTION_ZONE] = { WORKER_OPTION_ZONE, required_argument, NULL, OPTION_ZONE },
        [OPTION_DEVICE] = { WORKER_OPTION_DEVICE, required_argument, NULL, OPTION_DEVICE },
        [OPTION_COOKIE] = { WORKER_OPTION_COOKIE, required_argument, NULL, OPTION_COOKIE },
        [OPTION_DEVICE_FD] = { WORKER_OPTION_DEVICE_FD, required_argument, NULL, OPTION_DEVICE_FD },
        [OPTION_VHOST_USER] = { WORKER_OPTION_VHOST_USER, required_argument, NULL, OPTION_VHOST_USER },
        [OPTION_UID] = { WORKER_OPTION_UID, required_argument, NULL, OPTION_UID },
        [OPTION_LOG_FD] = { WORKER_OPTION_LOG_FD, required_argument, NULL, OPTION_LOG_FD },
        [OPTION_HELP] = { "help", no_argument, NULL, OPTION_HELP },
        [OPTION_VERSION] = { "version", no_argument, NULL, OPTION_VERSION },
};

/* ---- values ------------------------------------------------------------------------------------------- */

static int parse_name(const char *option, const char *text, const char **ret, struct err *e) {
        size_t length = strlen(text);

        if (length == 0 || length > NAME_MAX_LENGTH)
                return err_set(e, -EINVAL, "--%s: a name has 1 to %d characters", option, NAME_MAX_LENGTH);
        for (const char *p = text; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("._-", *p))
                        return err_set(e, -EINVAL, "--%s: a name consists of A-Z a-z 0-9 . _ -", option);
        *ret = text;
        return 0;
}

static int parse_cookie(const char *text, uint64_t *ret, struct err *e) {
        size_t length = strlen(text);

        if (length == 0 || length > 16 || strspn(text, "0123456789abcdefABCDEF") != length)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_COOKIE ": '%s' is not up to 16 hex digits", text);
        *ret = strtoull(text, NULL, 16);
        return 0;
}

/* Not root, and not (uid_t) -1, which would mean "as it is" to setresuid(2). */
static int parse_uid(const char *text, uid_t *ret, struct err *e) {
        unsigned long long uid = 0;

        if (strspn(text, "0123456789") == strlen(text) && strlen(text) <= 10)
                uid = strtoull(text, NULL, 10);
        if (uid == 0 || uid >= UINT32_MAX)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_UID ": '%s' is not the number of a user, root excepted",
                               text);
        *ret = (uid_t) uid;
        return 0;
}

static int parse_fd(const char *option, const char *text, int *ret, struct err *e) {
        unsigned long fd;

        if (*text == '\0' || strspn(text, "0123456789") != strlen(text))
                return err_set(e, -EINVAL, "--%s: '%s' is not the number of a descriptor", option, text);
        errno = 0;
        fd = strtoul(text, NULL, 10);
        if (errno != 0 || fd > INT_MAX || fcntl((int) fd, F_GETFD) < 0)
                return err_set(e, -EINVAL, "--%s: no descriptor %s is open", option, text);
        if (fd <= STDERR_FILENO)
                return err_set(e, -EINVAL, "--%s: descriptor %s is stdin, stdout or stderr", option, text);
        *ret = (int) fd;
        return 0;
}

/* "N,N…" */
static int parse_fds(const char *option, const char *text, struct device_fds *ret, struct err *e) {
        const char *end;

        do {
                char one[16];
                int r;

                end = strchrnul(text, ',');
                if ((size_t) (end - text) >= sizeof(one) || ret->count == DEVICE_FDS_MAX)
                        return err_set(e, -EINVAL, "--%s: '%s' is not a list of descriptors, or too long", option,
                                       text);
                (void) snprintf(one, sizeof(one), "%.*s", (int) (end - text), text);
                r = parse_fd(option, one, &ret->fds[ret->count], e);
                if (r < 0)
                        return r;
                ret->count++;
                text = end + 1;
        } while (*end);
        return 0;
}

static int parse_number(const char *option, const char *text, int *ret, struct err *e) {
        size_t length = strlen(text);

        if (length == 0 || length > 9 || strspn(text, "0123456789") != length)
                return err_set(e, -EINVAL, "--%s: '%s' is not a number", option, text);
        *ret = atoi(text);
        return 0;
}

static int parse_common(enum common_option option, const char *text, struct worker_options *o, struct err *e) {
        switch (option) {
        case OPTION_ZONE:
                return parse_name(WORKER_OPTION_ZONE, text, &o->arguments.zone, e);
        case OPTION_DEVICE:
                return parse_name(WORKER_OPTION_DEVICE, text, &o->arguments.device, e);
        case OPTION_COOKIE:
                return parse_cookie(text, &o->cookie, e);
        case OPTION_DEVICE_FD:
                return parse_fd(WORKER_OPTION_DEVICE_FD, text, &o->device_fd, e);
        case OPTION_VHOST_USER:
                o->vhost_user = text;
                return 0;
        case OPTION_UID:
                return parse_uid(text, &o->uid, e);
        case OPTION_LOG_FD:
                return parse_fd(WORKER_OPTION_LOG_FD, text, &o->log_fd, e);
        case OPTION_HELP:
                return WORKER_OPTIONS_HELP;
        case OPTION_VERSION:
                return WORKER_OPTIONS_VERSION;
        case _OPTION_COMMON_MAX:
                break;
        }
        return -EINVAL;
}

static int parse_own(struct worker_options *o, size_t i, const char *text, struct err *e) {
        const struct device_option *option = &o->type->options[i];

        switch (option->kind) {
        case DEVICE_OPTION_FD:
        case DEVICE_OPTION_MAY_FD:
                return parse_fd(option->name, text, &o->arguments.values[i], e);
        case DEVICE_OPTION_FDS:
        case DEVICE_OPTION_MAY_FDS:
                return parse_fds(option->name, text, &o->arguments.lists[i], e);
        case DEVICE_OPTION_NUMBER:
                return parse_number(option->name, text, &o->arguments.values[i], e);
        case DEVICE_OPTION_TEXT:
                o->arguments.texts[i] = text;
                return 0;
        case DEVICE_OPTION_FLAG:
                o->arguments.values[i] = 1;
                return 0;
        case DEVICE_OPTION_END:
                break;
        }
        return -EINVAL;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

static void list_options(const struct device_type *type, struct option ret[static OPTIONS_MAX + 1]) {
        size_t n = _OPTION_COMMON_MAX;

        memcpy(ret, common_options, sizeof(common_options));
        for (int i = 0; type->options[i].kind != DEVICE_OPTION_END; i++) {
                const struct device_option *o = &type->options[i];

                ret[n++] = (struct option){ .name = o->name,
                                            .has_arg = o->kind == DEVICE_OPTION_FLAG ? no_argument : required_argument,
                                            .val = FIRST_OWN + i };
                if (o->by_name)
                        ret[n++] = (struct option){ .name = o->by_name,
                                                    .has_arg = required_argument,
                                                    .val = FIRST_BY_NAME + i };
        }
        ret[n] = (struct option){ 0 };
}

/* Either a device of the daemon's, with all that belongs to it, or a socket and nothing of that. */
static int check_transport(const struct worker_options *o, const bool *seen, struct err *e) {
        for (int i = 0; i < _OPTION_REQUIRED_MAX; i++)
                if (!seen[i] && !o->vhost_user)
                        return err_set(e, -EINVAL, "--%s is missing (or --" WORKER_OPTION_VHOST_USER "=SOCKET)",
                                       common_options[i].name);
        if (!o->vhost_user)
                return 0;
        if (seen[OPTION_DEVICE_FD] || seen[OPTION_COOKIE])
                return err_set(e, -EINVAL, "--" WORKER_OPTION_VHOST_USER " does not go with --%s",
                               common_options[seen[OPTION_DEVICE_FD] ? OPTION_DEVICE_FD : OPTION_COOKIE].name);
        return 0;
}

static int check_own(const struct worker_options *o, size_t i, bool seen, struct err *e) {
        const struct device_option *option = &o->type->options[i];
        bool by_name = o->names[i];

        if (by_name && !o->vhost_user)
                return err_set(e, -EINVAL, "--%s goes only with --" WORKER_OPTION_VHOST_USER, option->by_name);
        if (by_name && seen)
                return err_set(e, -EINVAL, "--%s does not go with --%s", option->by_name, option->name);
        if (o->vhost_user && option->zones_only && !device_option_may_be_left_out(option->kind))
                return err_set(e, -EINVAL, "--" WORKER_OPTION_VHOST_USER ": a device of type %s is for zones only",
                               o->type->name);
        if (seen && o->vhost_user && option->zones_only)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_VHOST_USER " does not go with --%s", option->name);
        if (!seen && !by_name && !device_option_may_be_left_out(option->kind))
                return err_set(e, -EINVAL, "--%s is missing",
                               o->vhost_user && option->by_name ? option->by_name : option->name);
        return 0;
}

static int check_complete(const struct worker_options *o, const bool *seen, struct err *e) {
        int fds[WORKER_FDS_MAX];
        size_t n;
        int r = check_transport(o, seen, e);

        for (size_t i = 0; r >= 0 && o->type->options[i].kind != DEVICE_OPTION_END; i++)
                r = check_own(o, i, seen[FIRST_OWN + i], e);
        if (r < 0)
                return r;
        n = worker_options_fds(o, fds);
        for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < i; j++)
                        if (fds[i] == fds[j])
                                return err_set(e, -EINVAL, "descriptor %d is given twice", fds[i]);
        return 0;
}

/* Without a daemon, which says everything, some things go without saying. */
static int assume(struct worker_options *o, bool *seen, struct err *e) {
        int r = 0;

        for (size_t i = 0; r >= 0 && o->type->options[i].kind != DEVICE_OPTION_END; i++) {
                const char *assumed = o->type->options[i].assumed;

                if (!assumed || seen[FIRST_OWN + i])
                        continue;
                seen[FIRST_OWN + i] = true;
                r = parse_own(o, i, assumed, e);
        }
        return r;
}

static int parse_options(int argc, char **argv, struct worker_options *o, struct err *e) {
        struct option options[OPTIONS_MAX + 1];
        bool seen[OPTIONS_MAX] = { false };
        int c, given = 0, r = 0;

        list_options(o->type, options);
        for (size_t i = 0; o->type->options[i].kind != DEVICE_OPTION_END; i++)
                if (o->type->options[i].kind == DEVICE_OPTION_MAY_FD)
                        o->arguments.values[i] = -1;
        optind = 0; /* glibc: start afresh */
        opterr = 0;
        while ((c = getopt_long(argc, argv, "+", options, &given)) >= 0) {
                if (c >= OPTIONS_MAX) /* '?' */
                        return err_set(e, -EINVAL,
                                       "%s: unknown option, or its value is missing or not wanted; see --help",
                                       argv[optind - 1]);
                if (seen[c])
                        return err_set(e, -EINVAL, "--%s is given twice", options[given].name);
                seen[c] = true;
                if (c >= FIRST_BY_NAME)
                        o->names[c - FIRST_BY_NAME] = optarg;
                else
                        r = c < FIRST_OWN ? parse_common((enum common_option) c, optarg, o, e)
                                          : parse_own(o, (size_t) (c - FIRST_OWN), optarg, e);
                if (r != 0)
                        return r;
        }
        if (optind < argc)
                return err_set(e, -EINVAL, "unexpected argument '%s'; see --help", argv[optind]);
        if (o->vhost_user)
                r = assume(o, seen, e);
        return r < 0 ? r : check_complete(o, seen, e);
}

int worker_options_parse(int argc, char **argv, struct worker_options *ret, struct err *e) {
        struct worker_options o = {
                .uid = WORKER_UID_NOBODY,
                .device_fd = -1,
                .log_fd = -1,
                .arguments.zone = "vhost-user", /* where it is of none */
        };
        int r;

        if (argc < 2)
                return err_set(e, -EINVAL, "the type of device is missing; see --help");
        if (strcmp(argv[1], "--help") == 0)
                return WORKER_OPTIONS_HELP;
        if (strcmp(argv[1], "--version") == 0)
                return WORKER_OPTIONS_VERSION;
        o.type = device_type_find(argv[1]);
        if (!o.type)
                return err_set(e, -EINVAL, "'%s' is no type of device; see --help", argv[1]);
        o.arguments.device = o.type->name;
        r = parse_options(argc - 1, argv + 1, &o, e);
        o.arguments.followed = !o.vhost_user;
        if (r == 0)
                *ret = o;
        return r;
}

size_t worker_options_fds(const struct worker_options *o, int ret[static WORKER_FDS_MAX]) {
        size_t n = 0;

        if (o->device_fd >= 0)
                ret[n++] = o->device_fd;
        if (o->log_fd >= 0)
                ret[n++] = o->log_fd;
        for (size_t i = 0; o->type->options[i].kind != DEVICE_OPTION_END; i++) {
                enum device_option_kind kind = o->type->options[i].kind;

                if ((kind == DEVICE_OPTION_FD && !o->names[i]) ||
                    (kind == DEVICE_OPTION_MAY_FD && o->arguments.values[i] >= 0))
                        ret[n++] = o->arguments.values[i];
                for (unsigned j = 0; j < o->arguments.lists[i].count; j++)
                        ret[n++] = o->arguments.lists[i].fds[j];
        }
        return n;
}

/* Nobody has handed it over, and nobody names it: it comes with what was named. */
static bool comes_along(const struct worker_options *o, size_t i) {
        const struct device_option *option = &o->type->options[i];

        return o->vhost_user && option->kind == DEVICE_OPTION_MAY_FD && option->open && o->arguments.values[i] < 0;
}

static int open_one(struct worker_options *o, size_t i, struct err *e) {
        bool listed = o->type->options[i].kind == DEVICE_OPTION_FDS;
        int *to = listed ? &o->arguments.lists[i].fds[0] : &o->arguments.values[i];
        int r = o->type->options[i].open(&o->arguments, o->names[i], to, e);

        if (r >= 0) {
                o->arguments.lists[i].count = listed;
                o->names[i] = NULL;
        }
        return r;
}

int worker_options_open(struct worker_options *o, struct err *e) {
        int r = 0;

        for (size_t i = 0; r >= 0 && o->type->options[i].kind != DEVICE_OPTION_END; i++)
                if (o->names[i])
                        r = open_one(o, i, e);
        for (size_t i = 0; r >= 0 && o->type->options[i].kind != DEVICE_OPTION_END; i++)
                if (comes_along(o, i))
                        r = open_one(o, i, e);
        return r;
}
