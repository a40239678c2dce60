/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ethernet (MAC) addresses: as text, and made up where nobody gave one. Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAC_SIZE 6

#define MAC_FORMAT  "%02x:%02x:%02x:%02x:%02x:%02x"
#define MAC_ARGS(m) (m)[0], (m)[1], (m)[2], (m)[3], (m)[4], (m)[5]

/** mac_parse() - "02:00:5e:10:00:01", either case; false, and @ret untouched, if it is no such text */
bool mac_parse(const char *text, size_t size, uint8_t ret[static MAC_SIZE]);

/* The first bit on the wire: a group of stations. Such an address belongs to no single one. */
static inline bool mac_is_multicast(const uint8_t mac[static MAC_SIZE]) {
        return mac[0] & 1;
}

bool mac_is_zero(const uint8_t mac[static MAC_SIZE]);

/**
 * mac_derive() - the same address for the same names on the same machine, at every call
 * @seed: the machine's own, so that boards with the same configuration differ
 *
 * Unicast, and of the locally administered ones (IEEE 802, 8.4), which no manufacturer gives away. 46
 * bits of hash: that two devices of one network have the same is less likely than a broken card.
 */
void mac_derive(const void *seed, size_t seed_size, const char *zone, const char *device, uint8_t ret[static MAC_SIZE]);
