/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * User-space interface of hivc.ko: inter-VM communication (IVC) of the hvisor
 * hypervisor, for root Linux and for the Linux of a zone.
 *
 * /dev/hivcN is this zone's end of the IVC whose number is N. What its peers
 * share is mapped with mmap(MAP_SHARED):
 *
 *   offset                                             size         written by
 *   HIVC_TABLE_OFFSET   control table                  4096         see below
 *   HIVC_SHARED_OFFSET  the section of all             rw_size      every peer
 *   … + rw_size + i * out_size  the section of peer i  out_size     peer i
 *
 * A mapping may span sections; one that could be written where another peer
 * writes alone is refused (EACCES), as is one to be executed. Nothing that a
 * peer has written may be believed, and it may change while it is read. What
 * zones wrote outlives them, and nobody clears it before the first one.
 *
 * The device may be opened any number of times, by root only unless its node is
 * given to others. Addresses and sizes are in bytes and multiples of 4096.
 */
#ifndef _UAPI_HIVC_H
#define _UAPI_HIVC_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define HIVC_ZONE_MAX		2	/* that one zone can have a part in */

#define HIVC_IOC_TYPE		'I'

#define HIVC_TABLE_OFFSET	0x0
#define HIVC_TABLE_SIZE		0x1000
#define HIVC_SHARED_OFFSET	0x1000

/*
 * The control table, every access to which goes to the hypervisor: aligned loads
 * and stores of 4 bytes at these places and nothing else. In a zone another one
 * is a fault that its manager sees, in root Linux the end of the board; there
 * it can be mapped with CAP_SYS_RAWIO only, and HIVC_NOTIFY is the way to go.
 */
struct hivc_table {
	__u32 id;
	__u32 max_peers;
	__u32 rw_size;
	__u32 out_size;
	__u32 peer;		/* who this zone is */
	__u32 notify;		/* write only: the peer to be interrupted; it has to have joined */
};

/* This end of the IVC. Return: 0. */
struct hivc_info {
	__u32 id;
	__u32 peer;		/* who this zone is: 0 … max_peers - 1 */
	__u32 max_peers;
	__u32 interrupt;	/* number at the interrupt controller */
	__u32 rw_size;
	__u32 out_size;
	__u32 reserved[2];
};
#define HIVC_INFO		_IOR(HIVC_IOC_TYPE, 1, struct hivc_info)

/*
 * Interrupts a peer, whose number is the argument itself, after all that was
 * written to the memory before. EBADF: not open for writing; EINVAL: there can
 * be no such peer; ENOTCONN, in root Linux: no zone that is this peer was
 * started since hvisor.ko was loaded. In a zone nobody can tell whether a peer
 * has joined: to notify one that has not is a fault, so let it show in the
 * memory first.
 */
#define HIVC_NOTIFY		_IO(HIVC_IOC_TYPE, 2)

/*
 * A peer's interrupts: read() waits for one (EAGAIN with O_NONBLOCK) and gives
 * how many came since this descriptor's last one, as a __u64 (EINVAL: no room
 * for it). They merge: one can stand for several notifications, but none that
 * came after a read() is lost. poll(): EPOLLIN if read() would not wait. While
 * what they told is not read, they are switched off: no peer can keep a CPU
 * busy with them.
 *
 * On a descriptor that was never read from poll() tells of each once, as in the
 * older driver; the first read() gives them all the same. With epoll, read once
 * after open().
 */

/* ------------------------------------------------------------------------ */
/* The older driver's call. The size in its number is a pointer's.           */

struct hivc_user_info {
	__s32 len;		/* how many there are: the numbers of /dev/hivcN */
	__s32 ids[HIVC_ZONE_MAX];
};
#define HIVC_USER_INFO		_IOR(HIVC_IOC_TYPE, 0, void *)

#endif
