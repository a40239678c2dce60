// SPDX-License-Identifier: GPL-2.0-only
#include "register_file.h"

#include <linux/virtio_config.h>

#define QUEUE_SIZE_MAX	1024

/*
 * Features that this transport can carry (6): a device's own (0-23, 50-63),
 * INDIRECT_DESC, EVENT_IDX, VERSION_1, ACCESS_PLATFORM, IN_ORDER and
 * ORDER_PLATFORM. Not: packed rings, notification data, single-root I/O
 * virtualization, ring reset.
 */
#define FEATURES_POSSIBLE \
	(0x00ffffffULL | BIT_ULL(28) | BIT_ULL(29) | BIT_ULL(32) | BIT_ULL(33) | BIT_ULL(35) | \
	 BIT_ULL(36) | (~0ULL << 50))

bool register_config_fits(const struct register_model *model, const u8 config[HVISOR_CONFIG_SIZE])
{
	return is_zeroed(config + model->config_size, HVISOR_CONFIG_SIZE - model->config_size);
}

int register_model_check(const struct register_model *model, const char **what)
{
	u32 i;

	*what = "features";
	if (!(model->features & BIT_ULL(VIRTIO_F_VERSION_1)) ||
	    (model->features & ~FEATURES_POSSIBLE))
		return -EINVAL;
	*what = "num_queues";
	if (!model->num_queues || model->num_queues > HVISOR_QUEUES_MAX)
		return -EINVAL;
	*what = "queue_size_max";
	for (i = 0; i < HVISOR_QUEUES_MAX; i++) {
		u32 size = model->queue_size_max[i];

		if (i < model->num_queues ? !is_power_of_two(size) || size > QUEUE_SIZE_MAX : size)
			return -EINVAL;
	}
	*what = "config_size";
	if (model->config_size > HVISOR_CONFIG_SIZE)
		return -EINVAL;
	*what = "config";
	if (!register_config_fits(model, model->config))
		return -EINVAL;
	return 0;
}

int register_model_suits(const struct register_file *file, const struct register_model *model,
			 const char **what)
{
	u32 i;

	*what = "num_queues";
	if (model->num_queues != file->model.num_queues)
		return -EINVAL;
	*what = "config_size";
	if (model->config_size != file->model.config_size)
		return -EINVAL;
	*what = "queue_size_max";
	for (i = 0; i < model->num_queues; i++)
		if (model->queue_size_max[i] < file->model.queue_size_max[i])
			return -EINVAL;
	*what = "features";
	if ((file->status & VIRTIO_CONFIG_S_FEATURES_OK) &&
	    (file->driver_features & ~model->features))
		return -EINVAL;
	return 0;
}
