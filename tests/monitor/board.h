/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hvisor's qemu-gicv3 board: QEMU's virt machine with four CPUs and 2 GiB, and what of it belongs to root Linux.
 * The control block and the shim lie below the hypervisor's image, above the 1 MiB where QEMU puts its own device tree.
 */
#ifndef MONITOR_BOARD_H
#define MONITOR_BOARD_H

#define BOARD_CPUS 4

#define BOARD_CONTROL 0x403ff000UL
#define BOARD_MONITOR 0x40400000UL

/* Memory that nobody else has: as much as hvisor has for page tables and what zones share. */
#define BOARD_IVC_POOL 0x48000000UL
#define BOARD_IVC_POOL_SIZE 0x4000000UL

#define BOARD_UART 0x9000000UL
#define BOARD_UART_SIZE 0x1000UL
#define BOARD_VIRTIO_SLOTS 0xa000000UL
#define BOARD_VIRTIO_SLOTS_SIZE 0x4000UL
#define BOARD_GICD 0x8000000UL
#define BOARD_GICD_SIZE 0x10000UL
#define BOARD_GITS 0x8080000UL
#define BOARD_GITS_SIZE 0x20000UL
#define BOARD_GICR 0x80a0000UL
#define BOARD_GICR_STRIDE 0x20000UL     /* one redistributor: RD frame, then SGI frame */

#define ROOT_CPUS 0x3UL
#define ROOT_RAM 0x50000000UL
#define ROOT_RAM_SIZE 0x70000000UL
#define ROOT_KERNEL 0xa0400000UL
#define ROOT_DTB 0xa0000000UL

/* What KNOB_ROOT_IVC gives root Linux: as hvisor's ROOT_ZONE_IVC_CONFIG, which is empty on every board that is published. */
#define ROOT_IVC { \
        .ivc_id = 0, .peer_id = 0, .control_table_ipa = 0xd0000000, .shared_mem_ipa = 0xd0001000, \
        .rw_sec_size = 0x1000, .out_sec_size = 0x1000, .interrupt_num = 65, .max_peers = 3, \
}

#define IRQ_WAKEUP 64                   /* SPI 0x20: tells root Linux of a request in the bridge */
#define IRQ_MAINTENANCE 25              /* PPI: list registers run empty */
#define IRQ_HYP_TIMER 26                /* PPI: the monitor's own short sleeps */
#define SGI_EVENT 7                     /* "look at your event queue"; the number hvisor uses */

#endif
