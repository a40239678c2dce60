/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Properties are files of big-endian cells (Devicetree Specification 0.4,
 * section 2.3), nodes directories.
 */
#include "check/root_tree.h"

#include <dirent.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "base/macros.h"

#define DEPTH_MAX    16
#define PROPERTY_MAX 4096
#define GIC_SPI      32 /* the first shared interrupt's number */
#define GIC_PPI      16

/* A property's bytes. */
struct cells {
        uint32_t data[PROPERTY_MAX / sizeof(uint32_t)];
        size_t size; /* bytes */
        bool there;
};

/* A node on the way from the root, and how addresses of its children are to be read. */
struct node {
        const struct node *parent; /* NULL: the root itself */
        const char *path;
        int fd;
        uint32_t address_cells, size_cells; /* of its children's reg */
        struct cells ranges;
};

struct walk {
        struct root_tree *tree;
        struct err *e;
        unsigned depth;
};

static const struct {
        const char *compatible;
        enum controller_kind kind;
} controllers[] = {
        { "arm,gic-v3", CONTROLLER_GICV3 },         { "arm,gic-400", CONTROLLER_GICV2 },
        { "arm,cortex-a15-gic", CONTROLLER_GICV2 }, { "arm,cortex-a7-gic", CONTROLLER_GICV2 },
        { "sifive,plic-1.0.0", CONTROLLER_PLIC },   { "riscv,plic0", CONTROLLER_PLIC },
        { "riscv,aplic", CONTROLLER_APLIC },
};

const char *controller_kind_to_string(enum controller_kind kind) {
        static const char *const kinds[_CONTROLLER_KIND_MAX] = {
                [CONTROLLER_NONE] = "none", [CONTROLLER_GICV2] = "GICv2", [CONTROLLER_GICV3] = "GICv3",
                [CONTROLLER_PLIC] = "PLIC", [CONTROLLER_APLIC] = "APLIC",
        };

        return kind < _CONTROLLER_KIND_MAX ? kinds[kind] : NULL;
}

/* ---- properties ------------------------------------------------------------------------------------- */

/* One that cannot be read, or is longer than any that means something here, is not there. */
static void read_property(int node, const char *name, struct cells *ret) {
        _cleanup_close_ int fd = openat(node, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
        ssize_t n = fd < 0 ? -1 : read(fd, ret->data, sizeof(ret->data));

        ret->there = n >= 0 && (size_t) n < sizeof(ret->data);
        ret->size = ret->there ? (size_t) n : 0;
}

static uint32_t cell(const struct cells *c, size_t i) {
        return be32toh(c->data[i]);
}

static size_t num_cells(const struct cells *c) {
        return c->size / sizeof(uint32_t);
}

static uint32_t read_number(int node, const char *name, uint32_t otherwise) {
        struct cells c;

        read_property(node, name, &c);
        return c.size >= sizeof(uint32_t) ? cell(&c, 0) : otherwise;
}

/* Of one or two cells; what is larger fits no register here: false. */
static bool take_number(const struct cells *c, size_t *at, uint32_t count, uint64_t *ret) {
        uint64_t value = 0;

        if (count > 4 || num_cells(c) - *at < count)
                return false;
        for (uint32_t i = 0; i < count; i++) {
                if (value >> 32)
                        return false;
                value = value << 32 | cell(c, (*at)++);
        }
        *ret = value;
        return true;
}

/* True if the list of strings has this one. */
static bool has_string(const struct cells *c, const char *wanted) {
        const char *text = (const char *) c->data;

        for (size_t at = 0; at < c->size; at += strnlen(text + at, c->size - at) + 1)
                if (strnlen(text + at, c->size - at) == strlen(wanted) &&
                    memcmp(text + at, wanted, strlen(wanted)) == 0)
                        return true;
        return false;
}

static bool is_disabled(int node) {
        struct cells status;

        read_property(node, "status", &status);
        return status.there && !has_string(&status, "okay") && !has_string(&status, "ok");
}

/* ---- addresses -------------------------------------------------------------------------------------- */

/* From what the children of @n call an address to what its parent's do (2.3.8); false: it leads nowhere. */
static bool translate_once(const struct node *n, uint64_t *address) {
        size_t at = 0;

        if (n->ranges.there && n->ranges.size == 0)
                return true;
        while (at < num_cells(&n->ranges)) {
                uint64_t child, parent, size;

                if (!take_number(&n->ranges, &at, n->address_cells, &child) ||
                    !take_number(&n->ranges, &at, n->parent->address_cells, &parent) ||
                    !take_number(&n->ranges, &at, n->size_cells, &size))
                        return false;
                if (range_contains(child, size, *address, 1)) {
                        *address = parent + (*address - child);
                        return true;
                }
        }
        return false;
}

/* The registers of a child of @bus; those that cannot be reached end the list. */
static size_t read_registers(const struct node *bus, int node, struct range *ret, size_t max) {
        struct cells reg;
        size_t at = 0, n = 0;

        read_property(node, "reg", &reg);
        while (n < max && at < num_cells(&reg)) {
                struct range r;

                if (!take_number(&reg, &at, bus->address_cells, &r.base) ||
                    !take_number(&reg, &at, bus->size_cells, &r.size))
                        break;
                for (const struct node *b = bus; b->parent; b = b->parent)
                        if (!translate_once(b, &r.base))
                                return n;
                if (range_valid(r.base, r.size))
                        ret[n++] = r;
        }
        return n;
}

/* ---- nodes ------------------------------------------------------------------------------------------ */

static void copy_path(char ret[NODE_PATH_SIZE], const char *path) {
        (void) snprintf(ret, NODE_PATH_SIZE, "%s", path);
}

static void note_controller(struct root_tree *t, const struct node *bus, const struct node *n,
                            const struct cells *compatible) {
        for (size_t i = 0; i < ELEMENTSOF(controllers); i++) {
                if (!has_string(compatible, controllers[i].compatible))
                        continue;
                t->controller.kind = controllers[i].kind;
                copy_path(t->controller.path, n->path);
                t->controller.num_registers =
                        read_registers(bus, n->fd, t->controller.registers, ELEMENTSOF(t->controller.registers));
                return;
        }
}

/* <type number flags> of a GIC, <number> of a PLIC, <number flags> of an APLIC. */
static uint32_t interrupt_number(const struct cells *c, size_t at) {
        size_t n = num_cells(c) - at;

        if (n >= 3)
                return cell(c, at + 1) + (cell(c, at) == 0 ? GIC_SPI : GIC_PPI);
        return n > 0 ? cell(c, at) : 0;
}

/* The node of the module for IVC has the same compatible. */
static bool is_ivc(const struct node *n) {
        static const char name[] = "hvisor_ivc_device";
        const char *base = strrchr(n->path, '/') + 1;

        return strncmp(base, name, strlen(name)) == 0 && (base[strlen(name)] == '\0' || base[strlen(name)] == '@');
}

static void note_hvisor(struct root_tree *t, const struct node *n) {
        struct cells interrupts;

        copy_path(t->hvisor, n->path);
        read_property(n->fd, "interrupts", &interrupts);
        if (interrupts.size > 0) {
                t->wakeup_interrupt = interrupt_number(&interrupts, 0);
                return;
        }
        read_property(n->fd, "interrupts-extended", &interrupts);
        if (interrupts.size > sizeof(uint32_t)) /* the controller's handle comes first */
                t->wakeup_interrupt = interrupt_number(&interrupts, 1);
}

static bool is_reserved_memory(const struct node *bus) {
        return bus->parent && !bus->parent->parent && strcmp(bus->path, "/reserved-memory") == 0;
}

static int note_reserved(struct walk *w, const struct node *bus, const struct node *n) {
        struct root_tree *t = w->tree;
        struct range ranges[8];
        struct cells no_map;
        size_t count;

        read_property(n->fd, "no-map", &no_map);
        if (!no_map.there)
                return 0;
        count = read_registers(bus, n->fd, ranges, ELEMENTSOF(ranges));
        for (size_t i = 0; i < count; i++) {
                if (t->num_reserved == ROOT_RESERVED_MAX)
                        return err_set(w->e, -E2BIG, "root Linux's device tree reserves more than %d pieces of RAM",
                                       ROOT_RESERVED_MAX);
                copy_path(t->reserved[t->num_reserved].path, n->path);
                t->reserved[t->num_reserved++].range = ranges[i];
        }
        return 0;
}

static int note_node(struct walk *w, const struct node *bus, const struct node *n) {
        struct cells compatible;

        if (is_disabled(n->fd))
                return 0;
        read_property(n->fd, "compatible", &compatible);
        if (w->tree->controller.kind == CONTROLLER_NONE)
                note_controller(w->tree, bus, n, &compatible);
        if (w->tree->hvisor[0] == '\0' && has_string(&compatible, "hvisor") && !is_ivc(n))
                note_hvisor(w->tree, n);
        return is_reserved_memory(bus) ? note_reserved(w, bus, n) : 0;
}

static int walk_children(struct walk *w, const struct node *n);

static int walk_child(struct walk *w, const struct node *bus, const char *name) {
        _cleanup_close_ int fd = openat(bus->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        _cleanup_free_ struct node *n = NULL;
        _cleanup_free_ char *path = NULL;
        int r;

        if (fd < 0)
                return errno == ENOTDIR || errno == ELOOP ? 0 : -errno;
        if (asprintf(&path, "%s/%s", bus->parent ? bus->path : "", name) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        n = malloc(sizeof(*n));
        if (!n)
                return -ENOMEM;
        n->parent = bus;
        n->path = path;
        n->fd = fd;
        n->address_cells = read_number(fd, "#address-cells", 2);
        n->size_cells = read_number(fd, "#size-cells", 1);
        read_property(fd, "ranges", &n->ranges);
        r = note_node(w, bus, n);
        return r < 0 ? r : walk_children(w, n);
}

static void closedirp(DIR **d) {
        if (*d)
                closedir(*d);
}

static int walk_children(struct walk *w, const struct node *n) {
        int copy = fcntl(n->fd, F_DUPFD_CLOEXEC, 0);
        _cleanup_(closedirp) DIR *d = copy < 0 ? NULL : fdopendir(copy);
        const struct dirent *entry;
        int r = 0;

        if (!d) {
                r = -errno;
                (void) fd_close(copy);
                return r;
        }
        if (++w->depth > DEPTH_MAX)
                return err_set(w->e, -E2BIG, "root Linux's device tree is deeper than %d nodes", DEPTH_MAX);
        while (r == 0 && (entry = readdir(d)))
                if (entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN))
                        r = walk_child(w, n, entry->d_name);
        w->depth--;
        return r;
}

int root_tree_read(const char *path, struct root_tree *ret, struct err *e) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_free_ struct node *root = calloc(1, sizeof(*root));
        struct root_tree tree = { .known = true };
        struct walk w = { .tree = &tree, .e = e };
        int r;

        if (!root)
                return -ENOMEM;
        if (fd < 0 && errno == ENOENT) {
                *ret = (struct root_tree){};
                return 0;
        }
        if (fd < 0)
                return err_set(e, -errno, "%s cannot be read: %s", path, strerror(errno));
        root->path = "/";
        root->fd = fd;
        root->address_cells = read_number(fd, "#address-cells", 2);
        root->size_cells = read_number(fd, "#size-cells", 1);
        r = walk_children(&w, root);
        if (r < 0)
                return err_add(e, r, "%s", path);
        *ret = tree;
        return 0;
}
