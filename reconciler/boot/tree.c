/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "boot/tree.h"

#include <endian.h>
#include <errno.h>
#include <libfdt.h>
#include <string.h>
#include <unistd.h>

void tree_clear(struct tree *t) {
        free(t->blob);
        *t = (struct tree){};
}

/* A file may become shorter while it is read: 0 stands for what is not there. */
static int read_whole(int fd, void *to, size_t size) {
        for (size_t done = 0; done < size;) {
                ssize_t n = pread(fd, (char *) to + done, size - done, (off_t) done);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n == 0)
                        return 0;
                done += n > 0 ? (size_t) n : 0;
        }
        return 0;
}

/*
 * libfdt reads a property's name to its end wherever it meets the property: no tree of people has such names
 * (specification, 2.2.4.1: 31 characters), and one that was made to has them by the thousand.
 */
#define VERSION_MIN    16 /* before it nodes were called by their whole paths, and may have none */
#define NAME_MAX_BYTES 255

static bool names_are_short(const void *blob) {
        const char *at = (const char *) blob + fdt_off_dt_strings(blob);

        for (size_t left = fdt_size_dt_strings(blob); left > 0;) {
                const char *end = memchr(at, '\0', MIN(left, (size_t) NAME_MAX_BYTES + 1));

                if (!end)
                        return left <= NAME_MAX_BYTES;
                left -= (size_t) (end - at) + 1;
                at = end + 1;
        }
        return true;
}

static const char *what_is_wrong(const void *blob, uint64_t size) {
        struct {
                uint32_t magic, size;
        } h = {};

        memcpy(&h, blob, MIN(size, (uint64_t) sizeof(h)));
        if (be32toh(h.magic) != FDT_MAGIC)
                return "is not a flattened device tree (.dtb)";
        if (be32toh(h.size) > size)
                return "is cut off: it is shorter than its header says";
        if (size < sizeof(struct fdt_header) || fdt_version(blob) < VERSION_MIN)
                return "is of a version before 16, or cut off";
        if (fdt_check_header(blob) != 0 || !names_are_short(blob) || fdt_check_full(blob, (size_t) size) != 0)
                return "is a damaged device tree: its structure contradicts itself";
        return NULL;
}

int tree_load(int fd, uint64_t size, const char *path, struct tree *ret, const char **why) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ void *blob = NULL;
        int r;

        if (size > TREE_MAX) {
                *why = "is larger than 2M";
                return -EBADMSG;
        }
        blob = calloc(1, MAX(size, (uint64_t) sizeof(struct fdt_header)));
        if (!blob)
                return -ENOMEM;
        r = read_whole(fd, blob, (size_t) size);
        if (r < 0)
                return r;
        *why = what_is_wrong(blob, size);
        if (*why)
                return -EBADMSG;
        *ret = (struct tree){ TAKE_PTR(blob), (size_t) size, slash ? slash + 1 : path };
        return 0;
}

const char *tree_path(const struct tree *t, int node, char *buffer) {
        int r = fdt_get_path(t->blob, node, buffer, TREE_PATH_MAX - 4);

        if (r == -FDT_ERR_NOSPACE)
                strcpy(buffer + TREE_PATH_MAX - 5, "…");
        else if (r < 0)
                strcpy(buffer, "?");
        return buffer;
}
