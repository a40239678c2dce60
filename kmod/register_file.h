/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The register file of one virtio-mmio device, version 2 (virtio 1.2, 4.2.2):
 * what a guest's driver reads and writes in the device's window. The device
 * model comes from a worker (register_file_offer()), everything else from the
 * driver, which is hostile: each access is checked here and nowhere else.
 *
 * Freestanding; the caller serializes. Unset is all zeroes: the window then
 * reads as a placeholder without a device behind it (DeviceID 0).
 */
#ifndef HVISOR_REGISTER_FILE_H
#define HVISOR_REGISTER_FILE_H

#include "pure.h"
#include <hvisor.h>

/* What a device is to its driver: the worker's word. */
struct register_model {
	u64 features;
	u32 num_queues;
	u32 config_size;
	u16 queue_size_max[HVISOR_QUEUES_MAX];
	u8 config[HVISOR_CONFIG_SIZE];
};

struct register_queue {
	u64 descriptors, available, used;
	u32 size;
	bool ready;
};

struct register_file {
	u32 device_id;			/* 0 before the first offer, and when withdrawn */
	bool is_withdrawn;
	struct register_model model;
	u32 config_generation;

	u32 device_features_select;
	u32 driver_features_select;
	u32 queue_select;
	u64 driver_features;
	u32 driver_features_beyond;	/* bits asked for that no device has */
	u32 status;
	u32 interrupt_status;
	struct register_queue queues[HVISOR_QUEUES_MAX];
};

/* What a write brought about; the caller acts upon it. */
enum register_effect {
	REGISTER_NOTIFIED	= 1 << 0,	/* a queue that may be served was notified */
	REGISTER_CHANGED	= 1 << 1,	/* status, features or queues are not what they were */
	REGISTER_RINGS_LOST	= 1 << 2,	/* a ready queue is no longer ready */
	REGISTER_MUST_WAIT	= 1 << 3,	/* answer once every lost ring was let go of */
	REGISTER_DRIVER_UP	= 1 << 4,	/* DRIVER_OK was set */
	REGISTER_QUIET		= 1 << 5,	/* no interrupt is pending any more */
	REGISTER_RING_GAINED	= 1 << 6,	/* a queue is ready that was not */
};

/**
 * register_model_check() - is this a device that can be offered at all?
 *
 * Return: 0, or -EINVAL and in *@what the field that is out of its range.
 */
int register_model_check(const struct register_model *model, const char **what);

/**
 * register_model_suits() - may this model follow the one that the driver has seen?
 *
 * What the driver has read and relies on must stay true.
 *
 * Return: as register_model_check().
 */
int register_model_suits(const struct register_file *file, const struct register_model *model,
			 const char **what);

/* Is there nothing beyond the model's config_size in it? */
bool register_config_fits(const struct register_model *model, const u8 config[HVISOR_CONFIG_SIZE]);

/**
 * register_file_offer() - the first or the next worker's device model
 * @device_id: virtio device id (virtio 1.2, section 5), not 0
 * @model: checked by register_model_check()
 * @what: the field at fault, on error
 *
 * A later model must suit what the driver has already seen and accepted. A
 * configuration that differs counts up ConfigGeneration and makes a
 * configuration change interrupt pending if the driver is up.
 *
 * Return: 1 if an interrupt is to be injected, 0 if not, -EINVAL (no effect).
 */
int register_file_offer(struct register_file *file, u32 device_id,
			const struct register_model *model, const char **what);

/**
 * register_file_configure() - the configuration space from now on
 * @config: checked by register_config_fits()
 *
 * As register_file_offer() does it for the next worker's.
 *
 * Return: true if an interrupt is to be injected.
 */
bool register_file_configure(struct register_file *file, const u8 config[HVISOR_CONFIG_SIZE]);

/**
 * register_file_withdraw() - the window has no device behind it any more
 *
 * At once if no driver has begun with it, else from its next reset on: a driver
 * that is up cannot be told, its requests wait. The next offer ends it; one that
 * comes before the reset has to suit the driver, as ever.
 */
void register_file_withdraw(struct register_file *file);

/**
 * register_file_read() - the guest reads @size bytes at @offset of the window
 *
 * Return: the value; 0 where nothing is to be read.
 */
u64 register_file_read(const struct register_file *file, u64 offset, u64 size);

/**
 * register_file_write() - the guest writes @size bytes at @offset of the window
 * @queue: set with REGISTER_NOTIFIED and REGISTER_RING_GAINED: which one, < num_queues
 *
 * Return: a set of enum register_effect.
 */
u32 register_file_write(struct register_file *file, u64 offset, u64 size, u64 value, u32 *queue);

/**
 * register_file_reset() - forgets all that the driver set up (virtio 1.2, 2.1)
 *
 * Return: a set of enum register_effect.
 */
u32 register_file_reset(struct register_file *file);

/**
 * register_file_raise() - makes an interrupt pending
 * @bits: VIRTIO_MMIO_INT_VRING or VIRTIO_MMIO_INT_CONFIG
 *
 * No effect before DRIVER_OK (virtio 1.2, 3.1.1).
 *
 * Return: true if it was not pending before, so is to be injected.
 */
bool register_file_raise(struct register_file *file, u32 bits);

/**
 * register_file_break() - sets DEVICE_NEEDS_RESET (virtio 1.2, 2.1.2)
 *
 * No effect before DRIVER_OK: there was a reset meanwhile.
 *
 * Return: true if an interrupt is to be injected.
 */
bool register_file_break(struct register_file *file);

#endif
