/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The known ways to take the hypervisor down with a zone's configuration: each
 * makes it panic, or costs a CPU until the board restarts. A row's name says the
 * way; test_panics.c spells it as a file, panic_ways.c as the module sees it.
 */
#pragma once

#include <stdbool.h>

#define PANIC_WAYS(WAY)                                                                                                \
        WAY(NO_CPU)                                                                                                    \
        WAY(CPU_OF_ROOT)                                                                                               \
        WAY(CPU_WITHOUT_A_SLOT_IN_THE_BRIDGE)                                                                          \
        WAY(ID_OF_ROOT)                                                                                                \
        WAY(SIZE_NOT_OF_PAGES)                                                                                         \
        WAY(PHYSICAL_NOT_OF_PAGES)                                                                                     \
        WAY(GUEST_NOT_OF_PAGES)                                                                                        \
        WAY(SIZE_0)                                                                                                    \
        WAY(OVERLAP_IN_GUEST)                                                                                          \
        WAY(OVERLAP_ON_THE_BOARD)                                                                                      \
        WAY(OVERLAP_OF_RAM_AND_IO)                                                                                     \
        WAY(RAM_THAT_WRAPS)                                                                                            \
        WAY(RAM_BEYOND_THE_TABLES)                                                                                     \
        WAY(REGION_TYPE_UNKNOWN)                                                                                       \
        WAY(REGIONS_65)                                                                                                \
        WAY(REGIONS_NONE)                                                                                              \
        WAY(GIC_VERSION_OF_ANOTHER_BOARD)                                                                              \
        WAY(GIC_WITHOUT_A_PLACE)                                                                                       \
        WAY(GIC_IN_RAM)                                                                                                \
        WAY(ENTRY_OUTSIDE)                                                                                             \
        WAY(ENTRY_UNALIGNED)                                                                                           \
        WAY(KERNEL_OUTSIDE)                                                                                            \
        WAY(DEVICE_TREE_OUTSIDE)                                                                                       \
        WAY(WINDOW_IN_RAM)                                                                                             \
        WAY(WINDOW_IN_THE_GIC)                                                                                         \
        WAY(WINDOW_TWICE)                                                                                              \
        WAY(INTERRUPT_OF_A_CPU)                                                                                        \
        WAY(INTERRUPT_THAT_IS_NONE)                                                                                    \
        WAY(INTERRUPT_TWICE)                                                                                           \
        WAY(INTERRUPT_THAT_WAKES_ROOT)                                                                                 \
        WAY(IVC_IN_RAM)                                                                                                \
        WAY(IVC_MEMORY_NOT_OF_PAGES)                                                                                   \
        WAY(IVC_SECTION_NOT_OF_PAGES)                                                                                  \
        WAY(IVC_SECTION_EMPTY)                                                                                         \
        WAY(IVC_SECTION_TOO_LARGE)                                                                                     \
        WAY(IVC_SECTION_THAT_WRAPS)                                                                                    \
        WAY(IVC_BEYOND_THE_TABLES)                                                                                     \
        WAY(IVC_ON_THE_OTHER)                                                                                          \
        WAY(IVC_3)                                                                                                     \
        WAY(IVC_TABLE_IN_ITS_MEMORY)                                                                                   \
        WAY(IVC_TABLE_IN_THE_GIC)                                                                                      \
        WAY(IVC_PEER_WITHOUT_A_SECTION)                                                                                \
        WAY(IVC_INTERRUPT_OF_A_CPU)                                                                                    \
        WAY(IVC_INTERRUPT_OF_A_DEVICE)                                                                                 \
        WAY(IVC_ID_TWICE)

enum panic_way {
#define WAY(name) PANIC_##name,
        PANIC_WAYS(WAY)
#undef WAY
                _PANIC_WAY_MAX,
};

/** module_refuses() - true if hvisor.ko's checks refuse a zone that is good but for this; with -1: but for nothing */
bool module_refuses(int way);
