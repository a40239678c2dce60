/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "config/spec.h"
#include "config/value_ops.h"

static int parse_path(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        char *copy;

        if (v.text[0] == '"' || v.text[0] == '\'')
                return value_fail(e, v, "paths are written without quotes");
        if (v.text[0] != '/')
                return value_fail(e, v, "\"%.*s\" is not an absolute path", SLICE_ARGS(v));
        if (v.size >= PATH_MAX)
                return value_fail(e, v, "path of %zu bytes; at most %d are possible", v.size, PATH_MAX - 1);
        if (v.text[v.size - 1] == '/')
                return value_fail(e, v, "\"%.*s\" is a directory, %s= wants a file", SLICE_ARGS(v), k->name);
        copy = strndup(v.text, v.size);
        if (!copy)
                return -ENOMEM;
        free(*(char **) field);
        *(char **) field = copy;
        return 0;
}

static int parse_path_or_auto(const struct key_schema *k, struct slice v, void *field, struct value_error *e) {
        char *copy;

        if (!slice_is(v, DEVICE_TREE_AUTO))
                return v.text[0] == '/' ? parse_path(k, v, field, e)
                                        : value_fail(e, v, "\"%.*s\" is neither an absolute path nor " DEVICE_TREE_AUTO,
                                                     SLICE_ARGS(v));
        copy = strdup(DEVICE_TREE_AUTO);
        if (!copy)
                return -ENOMEM;
        free(*(char **) field);
        *(char **) field = copy;
        return 0;
}

static void write_path(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_put(to, *(char *const *) field);
}

static bool is_no_path(const void *field) {
        return !*(char *const *) field;
}

static int parse_line(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        char *copy;

        if (v.size > COMMAND_LINE_MAX)
                return value_fail(e, v, "%zu characters; a kernel takes at most %d", v.size, COMMAND_LINE_MAX);
        for (size_t i = 0; i < v.size; i++)
                if (v.text[i] < ' ' || v.text[i] > '~')
                        return value_fail(e, (struct slice){ v.text + i, 1 },
                                          "a command line consists of printable ASCII characters");
        copy = strndup(v.text, v.size);
        if (!copy)
                return -ENOMEM;
        free(*(char **) field);
        *(char **) field = copy;
        return 0;
}

/* ---- in an array, with its NUL ---------------------------------------------------------------------- */

static void write_text(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        sink_put(to, field);
}

static bool is_no_text(const void *field) {
        return *(const char *) field == '\0';
}

static int parse_name(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        char name[NAME_SIZE] = {};

        if (v.size < sizeof(name))
                memcpy(name, v.text, v.size);
        if (!zone_name_valid(name))
                return value_fail(e, v, "\"%.*s\" is not a name: 1 to %d of A-Z a-z 0-9 . _ -, no dot first",
                                  SLICE_ARGS(v), NAME_SIZE - 1);
        memcpy(field, name, sizeof(name));
        return 0;
}

/* As dev_valid_name() of Linux has it; without %, which asks the kernel for a number, and without quotes. */
static int parse_interface(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        if (v.size >= INTERFACE_NAME_SIZE)
                return value_fail(e, v,
                                  "\"%.*s\" is too long for a network interface; at most %d characters are possible",
                                  SLICE_ARGS(v), INTERFACE_NAME_SIZE - 1);
        for (size_t i = 0; i < v.size; i++)
                if (strchr(" \t/:%\"'", v.text[i]))
                        return value_fail(e, (struct slice){ v.text + i, 1 },
                                          "\"%.*s\" is not the name of a network interface", SLICE_ARGS(v));
        if (slice_is(v, ".") || slice_is(v, ".."))
                return value_fail(e, v, "\"%.*s\" is not the name of a network interface", SLICE_ARGS(v));
        if (slice_is(v, TAP_AUTO))
                v = (struct slice){ TAP_AUTO, strlen(TAP_AUTO) };
        memset(field, 0, INTERFACE_NAME_SIZE);
        memcpy(field, v.text, v.size);
        return 0;
}

static int parse_serial(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        if (v.size >= SERIAL_SIZE)
                return value_fail(e, v, "\"%.*s\" is too long for a disk's serial number; it has at most %d characters",
                                  SLICE_ARGS(v), SERIAL_SIZE - 1);
        for (size_t i = 0; i < v.size; i++)
                if (v.text[i] <= ' ' || v.text[i] > '~')
                        return value_fail(
                                e, (struct slice){ v.text + i, 1 },
                                "a disk's serial number consists of printable ASCII characters without blanks");
        memset(field, 0, SERIAL_SIZE);
        memcpy(field, v.text, v.size);
        return 0;
}

static int parse_tag(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        if (v.size > VIRTIO_FS_TAG_MAX)
                return value_fail(e, v, "\"%.*s\" is longer than the %d bytes of a tag", SLICE_ARGS(v),
                                  VIRTIO_FS_TAG_MAX);
        for (size_t i = 0; i < v.size; i++)
                if (v.text[i] <= ' ' || v.text[i] > '~')
                        return value_fail(e, (struct slice){ v.text + i, 1 },
                                          "a tag consists of ASCII letters, digits and signs");
        memset(field, 0, VIRTIO_FS_TAG_MAX + 1);
        memcpy(field, v.text, v.size);
        return 0;
}

/* ---- a card's address ------------------------------------------------------------------------------- */

static int parse_mac(const struct key_schema *k _unused_, struct slice v, void *field, struct value_error *e) {
        uint8_t mac[MAC_SIZE];

        if (!mac_parse(v.text, v.size, mac))
                return value_fail(e, v, "\"%.*s\" is not an address as 02:00:5e:10:00:01", SLICE_ARGS(v));
        if (mac_is_multicast(mac))
                return value_fail(e, (struct slice){ v.text, 2 },
                                  "%.*s is a group's address; a card's begins with an even number, as in %02x:…",
                                  SLICE_ARGS(v), mac[0] & ~1 & 0xff);
        if (mac_is_zero(mac))
                return value_fail(e, v, "%.*s is nobody's address", SLICE_ARGS(v));
        memcpy(field, mac, sizeof(mac));
        return 0;
}

static void write_mac(const struct key_schema *k _unused_, const void *field, struct sink *to) {
        const uint8_t *mac = field;

        sink_print(to, MAC_FORMAT, MAC_ARGS(mac));
}

static bool is_no_mac(const void *field) {
        return mac_is_zero(field);
}

const struct value_ops value_line = { parse_line, write_path, is_no_path, 0 };
const struct value_ops value_path = { parse_path, write_path, is_no_path, 0 };
const struct value_ops value_name = { parse_name, write_text, is_no_text, 0 };
const struct value_ops value_path_or_auto = { parse_path_or_auto, write_path, is_no_path, 0 };
const struct value_ops value_interface = { parse_interface, write_text, is_no_text, 0 };
const struct value_ops value_serial = { parse_serial, write_text, is_no_text, 0 };
const struct value_ops value_tag = { parse_tag, write_text, is_no_text, 0 };
const struct value_ops value_mac = { parse_mac, write_mac, is_no_mac, 0 };
