/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "config/check.h"
#include "config/findings.h"

/* "2-3,5" of a bitmap. */
static const char *cpus_text(uint64_t cpus, char *buffer, size_t size) {
        size_t n = 0;

        buffer[0] = '\0';
        for (unsigned i = 0; i < CPUS_MAX && n < size; i++) {
                unsigned last = i;

                if (!(cpus >> i & 1))
                        continue;
                while (last + 1 < CPUS_MAX && (cpus >> (last + 1) & 1))
                        last++;
                n += (size_t) snprintf(buffer + n, size - n, last > i ? "%s%u-%u" : "%s%u", n > 0 ? "," : "", i, last);
                i = last;
        }
        return buffer;
}

static void check_cpus(struct findings *f, const struct board_spec *b, const struct root_facts *root) {
        const struct zone_spec *z = f->zone;
        char text[64], all[64];
        uint64_t missing = z->cpus & ~b->cpus;

        if (missing != 0)
                finding(f, z->cpus_line, "CPUs=: the board has no CPU %s, only %s",
                        cpus_text(missing, text, sizeof(text)), cpus_text(b->cpus, all, sizeof(all)));
        if (root && root->known && (z->cpus & root->cpus) != 0)
                finding(f, z->cpus_line, "CPUs=: root Linux itself runs on CPU %s",
                        cpus_text(z->cpus & root->cpus, text, sizeof(text)));
}

/* True if the board's regions, together, cover the range: neighbours may be listed apart. */
static bool board_covers(const struct board_spec *b, uint64_t base, uint64_t size) {
        for (size_t i = 0; i < b->num_memory; i++) {
                const struct range *m = &b->memory[i];
                uint64_t covered;

                if (!range_contains(m->base, m->size, base, 1))
                        continue;
                covered = m->size - (base - m->base);
                if (covered >= size)
                        return true;
                /* The rest begins where this region ends; regions do not overlap, so it is shorter each time.
                 */
                return board_covers(b, base + covered, size - covered);
        }
        return false;
}

static void check_memory(struct findings *f, const struct board_spec *b, const struct root_facts *root) {
        for (size_t i = 0; i < f->zone->num_memory; i++) {
                const struct memory_spec *m = &f->zone->memory[i];

                if (!board_covers(b, m->physical, m->size))
                        finding(f, m->line, "[Memory %s]: 0x%" PRIx64 "+0x%" PRIx64 " is not all RAM of the board (%s)",
                                m->name, m->physical, m->size, b->path);
                for (size_t j = 0; root && root->known && j < root->num_system_ram; j++)
                        if (range_overlaps(m->physical, m->size, root->system_ram[j].base, root->system_ram[j].size)) {
                                finding(f, m->line,
                                        "[Memory %s]: root Linux itself uses 0x%" PRIx64 "+0x%" PRIx64
                                        "; reserve the zone's RAM in root's device tree (no-map)",
                                        m->name, root->system_ram[j].base, root->system_ram[j].size);
                                break;
                        }
        }
}

static bool is_gic(const struct gic_spec *g, uint64_t base, uint64_t size) {
        return range_overlaps(g->distributor, g->distributor_size, base, size) ||
               range_overlaps(g->redistributor, g->redistributor_size, base, size);
}

static void check_gic(struct findings *f, const struct board_spec *b) {
        const struct zone_spec *z = f->zone;
        const struct gic_spec *g = z->gic.version != 0 ? &z->gic : &b->gic;

        if (g->version == 0) {
                finding(f, 0, "no [GIC], neither here nor in %s", b->path);
                return;
        }
        if (b->gic.version != 0 && g->version != b->gic.version)
                finding(f, 0, "[GIC]: version %" PRIu32 ", but the board's is %" PRIu32, g->version, b->gic.version);
        for (size_t i = 0; i < z->num_memory; i++)
                if (is_gic(g, z->memory[i].guest, z->memory[i].size))
                        finding(f, z->memory[i].line, "[Memory %s] overlaps the GIC in the guest", z->memory[i].name);
        for (size_t i = 0; i < z->num_devices; i++)
                if (is_gic(g, z->devices[i].address, DEVICE_WINDOW_SIZE))
                        finding(f, z->devices[i].line, "device %s overlaps the GIC in the guest", z->devices[i].name);
}

int zone_check_board(const struct zone_spec *z, const struct board_spec *b, const struct root_facts *root,
                     struct diagnostics *d) {
        struct findings f = { .zone = z, .d = d };
        uint32_t max_id = MAX(b->max_zone_id, (uint32_t) ZONE_ID_ALWAYS_SAFE);

        if (z->id > max_id)
                finding(&f, z->id_line,
                        "Id=: %" PRIu32 " is larger than %" PRIu32
                        "; if your hypervisor takes more zones, say so with MaxZoneId= in %s",
                        z->id, max_id, b->path);
        check_cpus(&f, b, root);
        check_memory(&f, b, root);
        check_gic(&f, b);
        return f.r;
}
