// SPDX-License-Identifier: GPL-2.0-only
#include "register_file.h"

#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#define MAGIC_VALUE	0x74726976	/* "virt", 4.2.2 */
#define MMIO_VERSION	2	/* 1 is the legacy one */
#define VENDOR_ID	0x52535648	/* "HVSR" */

#define STATUS_OF_DRIVER \
	(VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_DRIVER_OK | \
	 VIRTIO_CONFIG_S_FEATURES_OK | VIRTIO_CONFIG_S_FAILED)

int register_file_offer(struct register_file *file, u32 device_id,
			const struct register_model *model, const char **what)
{
	bool is_news;
	int r;

	if (!file->device_id) {
		file->device_id = device_id;
		file->model = *model;
		file->is_withdrawn = false;
		return 0;
	}
	r = register_model_suits(file, model, what);
	if (r < 0)
		return r;
	file->is_withdrawn = false;
	is_news = register_file_configure(file, model->config);
	file->model = *model;
	return is_news;
}

bool register_file_configure(struct register_file *file, const u8 config[HVISOR_CONFIG_SIZE])
{
	if (!memcmp(file->model.config, config, HVISOR_CONFIG_SIZE))
		return false;
	memcpy(file->model.config, config, HVISOR_CONFIG_SIZE);
	file->config_generation++;
	return register_file_raise(file, VIRTIO_MMIO_INT_CONFIG);
}

static u32 select_word(u64 bits, u32 word)
{
	return word < 2 ? (u32)(bits >> 32 * word) : 0;
}

static u32 read_register(const struct register_file *file, u32 offset)
{
	u32 queue = file->queue_select;
	bool has_queue = queue < file->model.num_queues;

	switch (offset) {
	case VIRTIO_MMIO_MAGIC_VALUE:
		return MAGIC_VALUE;
	case VIRTIO_MMIO_VERSION:
		return MMIO_VERSION;
	case VIRTIO_MMIO_DEVICE_ID:
		return file->device_id;
	case VIRTIO_MMIO_VENDOR_ID:
		return VENDOR_ID;
	case VIRTIO_MMIO_DEVICE_FEATURES:
		return select_word(file->model.features, file->device_features_select);
	case VIRTIO_MMIO_QUEUE_NUM_MAX:
		return has_queue ? file->model.queue_size_max[queue] : 0;
	case VIRTIO_MMIO_QUEUE_READY:
		return has_queue && file->queues[queue].ready;
	case VIRTIO_MMIO_INTERRUPT_STATUS:
		return file->interrupt_status;
	case VIRTIO_MMIO_STATUS:
		return file->status;
	case VIRTIO_MMIO_SHM_LEN_LOW:
	case VIRTIO_MMIO_SHM_LEN_HIGH:
	case VIRTIO_MMIO_SHM_BASE_LOW:
	case VIRTIO_MMIO_SHM_BASE_HIGH:
		return ~0U;	/* no such region, 4.2.2 */
	case VIRTIO_MMIO_CONFIG_GENERATION:
		return file->config_generation;
	default:
		return 0;
	}
}

/* Accesses of 1, 2, 4 and 8 bytes at any alignment (4.2.2.2 asks for natural ones). */
static u64 read_config(const struct register_file *file, u64 offset, u64 size)
{
	u64 value = 0;
	u32 i;

	if (size > sizeof(value) || !is_power_of_two((u32)size))
		return 0;
	for (i = 0; i < size && offset + i < file->model.config_size; i++)
		value |= (u64)file->model.config[offset + i] << 8 * i;
	return value;
}

/* The control registers are 32 bits wide and are accessed so only (4.2.2.2). */
static bool is_register(u64 offset, u64 size)
{
	return offset < VIRTIO_MMIO_CONFIG && offset % 4 == 0 && size == 4;
}

u64 register_file_read(const struct register_file *file, u64 offset, u64 size)
{
	if (offset >= HVISOR_WINDOW_SIZE)
		return 0;
	if (offset >= VIRTIO_MMIO_CONFIG)
		return read_config(file, offset - VIRTIO_MMIO_CONFIG, size);
	return is_register(offset, size) ? read_register(file, (u32)offset) : 0;
}

static void write_driver_features(struct register_file *file, u32 value)
{
	u32 word = file->driver_features_select;

	if (file->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;		/* settled, 3.1.1 step 5 */
	if (word < 2)
		file->driver_features = (file->driver_features & ~(0xffffffffULL << 32 * word)) |
					(u64)value << 32 * word;
	else
		file->driver_features_beyond |= value;
}

/* 2.2.2: a device does not accept what it did not offer; 6.3: nor a driver without VERSION_1. */
static bool features_are_acceptable(const struct register_file *file)
{
	return !(file->driver_features & ~file->model.features) && !file->driver_features_beyond &&
	       (file->driver_features & BIT_ULL(VIRTIO_F_VERSION_1));
}

static void forget_model(struct register_file *file)
{
	file->device_id = 0;
	memset(&file->model, 0, sizeof(file->model));
}

u32 register_file_reset(struct register_file *file)
{
	u32 effects = REGISTER_CHANGED | REGISTER_QUIET;
	u32 i;

	for (i = 0; i < HVISOR_QUEUES_MAX; i++)
		if (file->queues[i].ready)
			effects |= REGISTER_RINGS_LOST;
	if (!file->status && !(effects & REGISTER_RINGS_LOST))
		effects &= ~REGISTER_CHANGED;

	file->device_features_select = 0;
	file->driver_features_select = 0;
	file->queue_select = 0;
	file->driver_features = 0;
	file->driver_features_beyond = 0;
	file->status = 0;
	file->interrupt_status = 0;
	memset(file->queues, 0, sizeof(file->queues));
	if (file->is_withdrawn)
		forget_model(file);
	return effects;
}

void register_file_withdraw(struct register_file *file)
{
	file->is_withdrawn = true;
	if (!file->status)
		forget_model(file);
}

static u32 write_status(struct register_file *file, u32 value)
{
	u32 status = file->status | (value & STATUS_OF_DRIVER);
	u32 added;

	if (!value)
		return register_file_reset(file) | REGISTER_MUST_WAIT;
	/* Bits are added only, never cleared but by a reset (2.1.1). */
	if (!(file->status & VIRTIO_CONFIG_S_FEATURES_OK) && !features_are_acceptable(file))
		status &= ~VIRTIO_CONFIG_S_FEATURES_OK;
	if (!(status & VIRTIO_CONFIG_S_FEATURES_OK))
		status &= ~VIRTIO_CONFIG_S_DRIVER_OK;

	added = status & ~file->status;
	file->status = status;
	return (added ? REGISTER_CHANGED : 0) |
	       (added & VIRTIO_CONFIG_S_DRIVER_OK ? REGISTER_DRIVER_UP : 0);
}

/* 2.7: alignment of the three parts and queue size of a split virtqueue. */
static bool queue_is_sound(const struct register_file *file, u32 index)
{
	const struct register_queue *queue = &file->queues[index];

	return (file->status & VIRTIO_CONFIG_S_FEATURES_OK) &&
	       is_power_of_two(queue->size) && queue->size <= file->model.queue_size_max[index] &&
	       queue->descriptors % 16 == 0 && queue->available % 2 == 0 && queue->used % 4 == 0;
}

static u32 write_queue_ready(struct register_file *file, u32 index, u32 value)
{
	struct register_queue *queue = &file->queues[index];

	if (value && !queue->ready && queue_is_sound(file, index)) {
		queue->ready = true;
		return REGISTER_CHANGED | REGISTER_RING_GAINED;
	}
	if (value)
		return 0;
	if (!queue->ready)
		return REGISTER_MUST_WAIT;
	queue->ready = false;
	return REGISTER_CHANGED | REGISTER_RINGS_LOST | REGISTER_MUST_WAIT;
}

static void set_low(u64 *field, u32 value)
{
	*field = (*field & ~0xffffffffULL) | value;
}

static void set_high(u64 *field, u32 value)
{
	*field = (*field & 0xffffffffULL) | (u64)value << 32;
}

/* Registers of the selected queue; a ready one is not to be changed (4.2.2.2). */
static u32 write_queue(struct register_file *file, u32 offset, u32 value)
{
	u32 index = file->queue_select;
	struct register_queue *queue;

	if (index >= file->model.num_queues)
		return 0;
	if (offset == VIRTIO_MMIO_QUEUE_READY)
		return write_queue_ready(file, index, value);
	queue = &file->queues[index];
	if (queue->ready)
		return 0;

	switch (offset) {
	case VIRTIO_MMIO_QUEUE_NUM:
		queue->size = value;
		break;
	case VIRTIO_MMIO_QUEUE_DESC_LOW:
		set_low(&queue->descriptors, value);
		break;
	case VIRTIO_MMIO_QUEUE_DESC_HIGH:
		set_high(&queue->descriptors, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_LOW:
		set_low(&queue->available, value);
		break;
	case VIRTIO_MMIO_QUEUE_AVAIL_HIGH:
		set_high(&queue->available, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_LOW:
		set_low(&queue->used, value);
		break;
	case VIRTIO_MMIO_QUEUE_USED_HIGH:
		set_high(&queue->used, value);
		break;
	}
	return 0;
}

/* A queue that is not ready, or notified before DRIVER_OK, is not looked at (3.1.1). */
static u32 write_notify(const struct register_file *file, u32 value, u32 *queue)
{
	if (value >= file->model.num_queues || !file->queues[value].ready ||
	    !(file->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return 0;
	*queue = value;
	return REGISTER_NOTIFIED;
}

u32 register_file_write(struct register_file *file, u64 offset, u64 size, u64 value64, u32 *queue)
{
	u32 value = (u32)value64;
	u32 effects;

	/*
	 * Configuration space is read-only: none of the features under which a
	 * driver may write there are offered by a worker of ours.
	 */
	if (!is_register(offset, size))
		return 0;

	switch (offset) {
	case VIRTIO_MMIO_DEVICE_FEATURES_SEL:
		file->device_features_select = value;
		return 0;
	case VIRTIO_MMIO_DRIVER_FEATURES_SEL:
		file->driver_features_select = value;
		return 0;
	case VIRTIO_MMIO_DRIVER_FEATURES:
		write_driver_features(file, value);
		return 0;
	case VIRTIO_MMIO_QUEUE_SEL:
		file->queue_select = value;
		return 0;
	case VIRTIO_MMIO_QUEUE_NOTIFY:
		return write_notify(file, value, queue);
	case VIRTIO_MMIO_INTERRUPT_ACK:
		file->interrupt_status &= ~value;
		return file->interrupt_status ? 0 : REGISTER_QUIET;
	case VIRTIO_MMIO_STATUS:
		return write_status(file, value);
	default:
		effects = write_queue(file, (u32)offset, value);
		if (effects & REGISTER_RING_GAINED)
			*queue = file->queue_select;
		return effects;
	}
}

bool register_file_raise(struct register_file *file, u32 bits)
{
	u32 pending = file->interrupt_status;

	if (!(file->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return false;
	file->interrupt_status |= bits;
	return file->interrupt_status != pending;
}

bool register_file_break(struct register_file *file)
{
	if (!(file->status & VIRTIO_CONFIG_S_DRIVER_OK))
		return false;
	file->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	return register_file_raise(file, VIRTIO_MMIO_INT_CONFIG);
}
