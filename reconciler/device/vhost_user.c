/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <endian.h>
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "device/device_type.h"
#include "device/vhost_user.h"
#include "virtio/vhost_user_front.h"

#define SOURCE_SOCKET 0
#define SOURCE_ERROR  1

struct vhost_user {
        struct virtio_device base;
        struct vhost_user_front *front;
        char name[80];
};

static struct vhost_user *vhost_user_of(struct virtio_device *d) {
        return (struct vhost_user *) d;
}

/* ---- what the server calls ---------------------------------------------------------------------------- */

/* Whatever fails here the back-end has done, or the connection: never the guest. Return: @r, but not -EPROTO. */
static int give_up(struct vhost_user *v, int r, const struct err *e) {
        log_error("%s: %s", v->name, err_text(e, r));
        v->base.failure = "its back-end does not serve it any more";
        return r == -EPROTO ? -EREMOTEIO : r;
}

static int vhost_user_queue_started(struct virtio_device *d, unsigned queue) {
        struct err e = { 0 };
        int r = vhost_user_front_start(vhost_user_of(d)->front, d, queue, &e);

        return r < 0 ? give_up(vhost_user_of(d), r, &e) : 0;
}

/* One that does not let go finds no memory any more once this worker is gone, whose end its socket tells. */
static void vhost_user_queue_stopping(struct virtio_device *d, unsigned queue) {
        struct err e = { 0 };
        int r = vhost_user_front_stop(vhost_user_of(d)->front, queue, &e);

        if (r < 0)
                (void) give_up(vhost_user_of(d), r, &e);
}

static int vhost_user_source_ready(struct virtio_device *d, unsigned source, uint32_t events) {
        if (source == SOURCE_ERROR) {
                for (unsigned q = 0; q < d->num_queues; q++)
                        if (virtqueue_running(&d->queues[q]))
                                (void) virtqueue_refuse(&d->queues[q],
                                                        "its back-end cannot make sense of it or its partners");
                return -EPROTO;
        }
        d->failure = events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR) ? "its back-end has closed the connection"
                                                                 : "its back-end says what nobody asked it for";
        return -ECONNRESET;
}

static void vhost_user_free(struct virtio_device *d) {
        vhost_user_front_free(vhost_user_of(d)->front);
        free(d);
}

static const struct virtio_device_ops vhost_user_ops = {
        .queue_started = vhost_user_queue_started,
        .queue_stopping = vhost_user_queue_stopping,
        .source_ready = vhost_user_source_ready,
        .free = vhost_user_free,
};

/* ---- making it ---------------------------------------------------------------------------------------- */

/* 5.11.4: the tag, and how many queues there are for requests. */
static void make_fs_config(struct virtio_device *d, const struct vhost_user_settings *s) {
        uint32_t queues = htole32(s->queues);

        memcpy(d->config, s->tag, strnlen(s->tag, VIRTIO_FS_TAG_MAX));
        memcpy(d->config + VIRTIO_FS_TAG_MAX, &queues, sizeof(queues));
}

/* The back-end may have more queues than the device shall have (5.2.4). */
static void limit_block_config(struct virtio_device *d, const struct vhost_user_settings *s) {
        uint16_t queues = htole16((uint16_t) s->queues);

        memcpy(d->config + offsetof(struct virtio_blk_config, num_queues), &queues, sizeof(queues));
}

static int get_config(struct vhost_user *v, const struct vhost_user_settings *s, struct err *e) {
        const struct virtio_type_info *t = &virtio_types[s->type];
        int r = 0;

        if (t->config == VIRTIO_CONFIG_OURS)
                make_fs_config(&v->base, s);
        else if (t->config_size > 0)
                r = vhost_user_front_config(v->front, v->base.config, t->config_size, e);
        if (r == -EOPNOTSUPP && t->config == VIRTIO_CONFIG_REQUIRED)
                return err_set(e, r, "the back-end tells no configuration space, without which there is no %s device",
                               t->name);
        if (r == -EOPNOTSUPP) {
                v->base.features &= ~t->told;
                r = 0;
        }
        if (r >= 0 && s->type == VIRTIO_TYPE_BLOCK)
                limit_block_config(&v->base, s);
        return r;
}

static void offer(struct vhost_user *v, const struct virtio_type_info *t, unsigned num_queues) {
        struct virtio_device *d = &v->base;

        d->ops = &vhost_user_ops;
        d->features = vhost_user_front_features(v->front) & ~t->masked;
        d->num_queues = num_queues;
        for (unsigned q = 0; q < num_queues; q++)
                d->queue_size_max[q] = VHOST_USER_QUEUE_SIZE;
        d->config_size = t->config_size;
        d->driven_elsewhere = BIT(num_queues) - 1;
        d->recorded_elsewhere = vhost_user_front_keeps_record(v->front);
        d->shares_memory = true;
        d->num_sources = 2;
        d->sources[SOURCE_SOCKET].fd = vhost_user_front_socket(v->front);
        d->sources[SOURCE_SOCKET].events = EPOLLIN | EPOLLRDHUP;
        d->sources[SOURCE_ERROR].fd = vhost_user_front_error_fd(v->front);
        d->sources[SOURCE_ERROR].events = EPOLLIN | EPOLLET;
}

static void free_early(struct virtio_device **d) {
        if (*d)
                vhost_user_free(*d);
}

int vhost_user_new(const struct vhost_user_settings *s, struct virtio_device **ret, struct err *e) {
        const struct virtio_type_info *t = &virtio_types[s->type];
        unsigned num_queues = virtio_type_queues(t, s->queues);
        struct vhost_user *v = calloc(1, sizeof(*v));
        _cleanup_(free_early) struct virtio_device *d = &v->base;
        int r;

        if (!v)
                return err_set(e, -ENOMEM, "out of memory");
        (void) snprintf(v->name, sizeof(v->name), "%s", s->name);
        r = vhost_user_front_new(s->socket, num_queues, &v->front, e);
        if (r < 0)
                return r;
        offer(v, t, num_queues);
        r = get_config(v, s, e);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(d);
        return 0;
}

/* ---- as a worker -------------------------------------------------------------------------------------- */

enum {
        ARGUMENT_SOCKET,
        ARGUMENT_TYPE,
        ARGUMENT_QUEUES,
        ARGUMENT_TAG,
};

static const struct device_option vhost_user_options[] = {
        [ARGUMENT_SOCKET] = { WORKER_OPTION_SOCKET_FD, DEVICE_OPTION_FD, .zones_only = true },
        [ARGUMENT_TYPE] = { WORKER_OPTION_VIRTIO_TYPE, DEVICE_OPTION_TEXT },
        [ARGUMENT_QUEUES] = { WORKER_OPTION_QUEUES, DEVICE_OPTION_NUMBER },
        [ARGUMENT_TAG] = { WORKER_OPTION_TAG, DEVICE_OPTION_TEXT },
        { 0 },
};

static const struct cage_rule vhost_user_rules[] = {
        { __NR_sendmsg, false, 0 },
        { __NR_recvmsg, false, 0 },
#ifdef __NR_poll
        { __NR_poll, false, 0 },
#endif
        { __NR_ppoll, false, 0 },
};

static int vhost_user_create(const struct device_arguments *a, struct virtio_device **ret, struct err *e) {
        const char *tag = a->texts[ARGUMENT_TAG];
        struct vhost_user_settings s = {
                .socket = a->values[ARGUMENT_SOCKET],
                .queues = (unsigned) a->values[ARGUMENT_QUEUES],
                .tag = tag,
        };
        int type = virtio_type_find(a->texts[ARGUMENT_TYPE]);
        char name[80];

        (void) snprintf(name, sizeof(name), WORKER_NAME_FORMAT, a->zone, a->device);
        s.name = name;
        if (type < 0)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_VIRTIO_TYPE ": '%s' is no type", a->texts[ARGUMENT_TYPE]);
        s.type = (enum virtio_type) type;
        if (s.queues < 1 || s.queues > virtio_types[type].queues_most)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_QUEUES ": %u is not 1 to %u", s.queues,
                               virtio_types[type].queues_most);
        if (strlen(tag) > VIRTIO_FS_TAG_MAX)
                return err_set(e, -EINVAL, "--" WORKER_OPTION_TAG ": longer than %d bytes", VIRTIO_FS_TAG_MAX);
        return vhost_user_new(&s, ret, e);
}

const struct device_type front_device_type = {
        .name = "front",
        .comm = "virtio-front",
        .options = vhost_user_options,
        .rules = vhost_user_rules,
        .num_rules = ELEMENTSOF(vhost_user_rules),
        .create = vhost_user_create,
};
