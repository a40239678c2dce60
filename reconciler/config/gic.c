/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config/gic.h"

#include <string.h>

void gic_windows(const struct gic_spec *g, struct gic_window ret[GIC_WINDOWS]) {
        const struct gic_window windows[GIC_WINDOWS] = {
                { "DistributorAddress", "DistributorSize", "the GIC's distributor", g->distributor, g->distributor_size,
                  0, true, true },
                { "RedistributorAddress", "RedistributorSize", "the GIC's redistributor area", g->redistributor,
                  g->redistributor_size, 3, true, true },
                { "ITSAddress", "ITSSize", "the GIC's ITS", g->its, g->its_size, 3, false, true },
                { "CPUInterfaceAddress", "CPUInterfaceSize", "the GIC's CPU interface", g->cpu_interface,
                  g->cpu_interface_size, 2, true, true },
                { "HypervisorAddress", "HypervisorSize", "the GIC's control interface", g->hypervisor,
                  g->hypervisor_size, 2, true, false },
                { "VirtualCPUAddress", "VirtualCPUSize", "the GIC's virtual CPU interface", g->virtual_cpu,
                  g->virtual_cpu_size, 2, true, false },
        };

        memcpy(ret, windows, sizeof(windows));
}

bool gic_overlaps(const struct gic_spec *g, uint64_t base, uint64_t size) {
        struct gic_window windows[GIC_WINDOWS];

        gic_windows(g, windows);
        for (size_t i = 0; i < GIC_WINDOWS; i++)
                if (windows[i].in_guest && gic_window_of(&windows[i], g->version) &&
                    range_overlaps(windows[i].address, windows[i].size, base, size))
                        return true;
        return false;
}
