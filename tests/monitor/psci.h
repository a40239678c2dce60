/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PSCI and SMCCC calls by SMC, as hvisor answers them to its zones (Arm DEN0022, DEN0028). */
#ifndef MONITOR_PSCI_H
#define MONITOR_PSCI_H

struct guest_frame;

#define PSCI_VERSION 0x84000000
#define PSCI_CPU_SUSPEND_32 0x84000001
#define PSCI_CPU_SUSPEND_64 0xc4000001
#define PSCI_CPU_OFF 0x84000002
#define PSCI_CPU_OFF_64 0xc4000002
#define PSCI_CPU_ON_32 0x84000003
#define PSCI_CPU_ON_64 0xc4000003
#define PSCI_AFFINITY_INFO_32 0x84000004
#define PSCI_AFFINITY_INFO_64 0xc4000004
#define PSCI_MIGRATE_INFO_TYPE 0x84000006
#define PSCI_SYSTEM_OFF 0x84000008
#define PSCI_SYSTEM_RESET 0x84000009
#define PSCI_FEATURES 0x8400000a
#define SMCCC_VERSION 0x80000000
#define SMCCC_ARCH_FEATURES 0x80000001

#define PSCI_SUCCESS 0
#define PSCI_NOT_SUPPORTED ((uint64_t) -1)
#define PSCI_INVALID_PARAMETERS ((uint64_t) -2)
#define PSCI_ALREADY_ON ((uint64_t) -4)

/* Handles a trapped SMC: the answer goes to x0, the program counter behind it. May not return (CPU off). */
void psci_handle_smc(struct guest_frame *f);

#endif
