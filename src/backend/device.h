/* SPDX-License-Identifier: Apache-2.0
 *
 * What a backend supplies apart from kernels: devices, their memory, and how a run is begun and ended. */
#ifndef WEFT_BACKEND_DEVICE_H
#define WEFT_BACKEND_DEVICE_H

#include "backend/cost.h"
#include "base/alloc.h"
#include "base/cpu.h"
#include "base/pool.h"
#include "graph/op.h"

typedef struct weft_backend weft_backend;
typedef struct weft_kernel weft_kernel;

/* An opened device. */
typedef struct weft_device {
    const weft_backend *backend;
    int index;
    const weft_allocator *allocator; /* of host memory */
    /* [op]: the op's kernels, best first, the last refuses nothing, then NULL */
    const weft_kernel *const *const *kernels;
    weft_math math;
    weft_precision precision; /* never DEFAULT once opened */
    bool training;            /* what DEFAULT is for */
    weft_dtype dtype;         /* of activations between nodes */
    const char *target;       /* while opening: the GPU to plan for without a device; NULL: none */
    bool builds;              /* for a target: build what the card would build once, and keep it on disk */
    weft_tuning tuning;       /* of what is built */
    bool dry;                 /* plans and records; steps are not run */
    unsigned forms;           /* the backend's, unless it adds or takes away some when it opens */
    unsigned fixed;           /* of them, those that tuning leaves as they are */
    struct weft_choices *choices; /* kernels that tuning found for this kind of machine (choices.h); NULL: not wanted */
    bool choices_ignored;     /* there was a file of them, damaged or another's */
    weft_pool *pool; /* host threads */
    int threads;
    weft_isa isa;
    weft_cpu cpu;
    void *state; /* the backend's own */
} weft_device;

/* Forms that a program may take or not. The first are optional passes of src/pass, for backends on which launches and
 * memory traffic cost more than arithmetic; the others are choices of kernels. */
enum {
    WEFT_FORM_COMPOSE = 1, /* a linear 1x1 convolution before another becomes one with the product of the weights */
    WEFT_FORM_JOIN = 2,    /* a projected shortcut and the last 1x1 of its unit become one over both inputs */
    WEFT_FORM_POOL = 4,    /* a maximum over windows that do not overlap rides along with the convolution before */
    WEFT_FORM_PRODUCT = 8, /* matrix products go to the library of convolutions before that of products */
    WEFT_FORM_EXPAND = 16, /* depthwise convolutions are products, in a unit together with the expansion before them */
    WEFT_FORM_IMAGE = 32,  /* convolutions of images have a kernel of their own */
    WEFT_FORM_SUMS = 64,   /* the sums of a norm's statistics are part of the convolution before */
    WEFT_FORM_EXCITE = 128, /* an excitation's small layers are computed by the last blocks of its sums */
    WEFT_FORM_STEPS = 256, /* parts of sums are joined by the last blocks, in two steps where they are many */
    WEFT_FORM_LOGITS = 512, /* but products of 16-bit numbers that stay floats go to the library of products first */
    WEFT_FORMS = 10        /* how many there are */
};

/* What became of recording a run. */
typedef struct weft_recording {
    const char *failed; /* why this model's runs are not recorded, told once; NULL: nothing to tell */
    bool again;         /* what failed has run nothing: the steps are to be run anew, without recording */
} weft_recording;

/* Inputs on their way to a device apart, ahead of the run that reads them: the backend's own. */
typedef struct weft_lane weft_lane;

/* Where a piece of a lane's block goes: bytes from `at` on. */
typedef struct weft_piece {
    void *to;
    size_t at, bytes;
} weft_piece;

/* Devices of several ranks that add up what each of them has, in their own memory: the backend's own. */
typedef struct weft_team weft_team;
enum { WEFT_TEAM_ID = 128 }; /* bytes by which the devices of a team find each other */
typedef struct weft_team_opt {
    const char *id; /* [WEFT_TEAM_ID], rank 0's */
    int rank, size;
    /* Asked again and again while the host waits for the device and none of its sums has got on for so many seconds:
     * LOST ends the wait, and all that the team has under way. */
    weft_status (*watch)(void *user, double waited);
    void *user;
} weft_team_opt;
/* So many elements side by side, which become their sum or mean over the team. */
typedef struct weft_team_piece {
    void *data;
    int64_t count;
    weft_dtype dtype;
    bool mean;
} weft_team_piece;
/* A sum over several batches, and what it is with one more of which it is not known yet whether it counts. */
typedef struct weft_team_sum {
    float *sum, *ahead;
    void *x; /* what is added */
    weft_dtype dtype;
    int64_t count;
} weft_team_sum;

/* A family of devices. */
struct weft_backend {
    const char *name, *brief;
    /* Fills device->kernels and ->state (the rest is set). NO_DEVICE with what is missing. */
    weft_status (*open)(weft_device *device);
    void (*close)(weft_device *device);
    /* Describes the device, present or not. */
    void (*info)(weft_device_info *out);
    /* As weft_device_pieces. NULL: it needs nothing. */
    int (*pieces)(weft_device_piece *out, int room);
    weft_status (*alloc)(const weft_device *device, size_t bytes, void **out);
    /* The same, but not zeros, nor there before it is used: by clear, which makes it zeros, or by touch, which leaves
     * what it holds, so that the first run is not slower than the next. All NULL: alloc. */
    weft_status (*reserve)(const weft_device *device, size_t bytes, void **out);
    void (*clear)(const weft_device *device, void *memory, size_t bytes);
    void (*touch)(const weft_device *device, void *memory, size_t bytes);
    void (*free)(const weft_device *device, void *ptr);
    weft_status (*write)(const weft_device *device, void *to, const void *from, size_t bytes);
    weft_status (*read)(const weft_device *device, void *to, const void *from, size_t bytes);
    bool dry; /* plans and records; steps are not run */
    unsigned forms; /* WEFT_FORM_* that pay on these devices */
    /* The forms that tuning found the fastest for a program, by its number (program/forms.c): kept for this kind of
     * device, so false with none. Both NULL: there is nothing to tune. */
    bool (*kept_forms)(const weft_device *device, uint64_t program, unsigned *forms);
    weft_status (*keep_forms)(const weft_device *device, uint64_t program, unsigned forms);
    /* Tuning chooses among kernels, node by node, and keeps that by backend/choices.h. */
    bool has_choices;
    /* The device is apart from host memory. Inputs are cast and padded into host memory that the device can read
     * (host_alloc) and written to the device at the start of every run, so that in the arena they die with their
     * last reader; outputs are cast back. NULL: inputs and outputs lie in the arena. */
    weft_status (*host_alloc)(const weft_device *device, size_t bytes, void **out);
    void (*host_free)(const weft_device *device, void *ptr);
    /* From host_alloc's memory, and to it; only queued. */
    weft_status (*send)(const weft_device *device, void *to, const void *from, size_t bytes);
    weft_status (*fetch)(const weft_device *device, void *to, const void *from, size_t bytes);
    /* Lanes, for runs that are queued one behind the other; all NULL or none. block lends host memory of `bytes`, zeros
     * at first and then what was there two sends before, when what it held has left it. send queues the way of pieces
     * of that block, by rising `at`, to where the next run reads them; the copy from the host goes on beside earlier
     * runs. *done: so many sends have been made whose runs, and all that was queued behind them before the next send,
     * are known to be over. close waits for what is under way. */
    weft_status (*lane_open)(const weft_device *device, size_t bytes, weft_lane **out);
    void (*lane_close)(const weft_device *device, weft_lane *lane);
    weft_status (*lane_block)(const weft_device *device, weft_lane *lane, void **host, int64_t *done);
    weft_status (*lane_send)(const weft_device *device, weft_lane *lane, const weft_piece *pieces, int count);
    /* Marks of time among what is queued; all NULL or none. mark makes *mark if it is NULL, and queues it; taken: the
     * seconds between two whose time has come; unmark takes NULL. */
    weft_status (*mark)(const weft_device *device, void **mark);
    weft_status (*taken)(const weft_device *device, void *from, void *to, double *seconds);
    void (*unmark)(const weft_device *device, void *mark);
    /* Teams, one for each device; all NULL or none. team_name is what passes the sums ("NCCL 2.28.3"), NO_DEVICE with
     * what is missing. open is called by all ranks at once. sum queues sums beside what the device computes, behind all
     * that was queued so far; join lets what is queued next wait for them. add queues ahead = sum + go[0] * x, keep
     * sum = ahead unless go[0] is 0; go [2] lies on the device, and go[1] is 2, of keep 2 or more. All four may be
     * recorded. abort ends what is under way; close, which takes NULL, waits for that, or for the others, but not for
     * ever. */
    weft_status (*team_name)(const weft_device *device, char *name, size_t size);
    weft_status (*team_id)(const weft_device *device, char *id);
    weft_status (*team_open)(const weft_device *device, const weft_team_opt *opt, weft_team **out);
    weft_status (*team_sum)(const weft_device *device, weft_team *team, const weft_team_piece *pieces, int count);
    weft_status (*team_join)(const weft_device *device, weft_team *team);
    weft_status (*team_add)(const weft_device *device, const weft_team_sum *sums, int count, const float *go);
    weft_status (*team_keep)(const weft_device *device, const weft_team_sum *sums, int count, const float *go);
    void (*team_abort)(const weft_device *device, weft_team *team);
    void (*team_close)(const weft_device *device, weft_team *team);
    /* Builds, side by side on the device's threads, what prepare noted when it was asked to collect. NULL: prepare is
     * called once, and builds. */
    weft_status (*build)(const weft_device *device);
    int input_channels; /* pixels of inputs are padded to a multiple of so many channels; 0: 1 */
    /* Around the steps of a run; both NULL or none. begin sets *replayed when it has run all steps from a recording,
     * kept in *record; end, given the status of the steps, may record them for the next time. Both only queue. forget
     * frees the recording. */
    weft_status (*begin)(const weft_device *device, void **record, bool *replayed);
    weft_status (*end)(const weft_device *device, void **record, weft_status status, weft_recording *out);
    void (*forget)(const weft_device *device, void *record);
    /* Around packs (weft_kernel.pack) that follow each other, none of which uses scratch memory: what they queue may be
     * kept back until pack_end, which is given their status, so that many become one launch: of up to pack_pieces
     * pieces (weft_plan.pack_pieces). All NULL and 0, or none. */
    void (*pack_begin)(const weft_device *device);
    weft_status (*pack_end)(const weft_device *device, weft_status status);
    int pack_pieces;
    size_t (*available)(const weft_device *device);        /* bytes of memory that are free; NULL: not known */
    weft_status (*wait)(const weft_device *device);        /* until all that was queued is done; NULL: it is */
    const weft_roofs *(*roofs)(const weft_device *device); /* NULL: not known */
};

/* The device computes in memory of its own. */
WEFT_INLINE bool weft_device_is_apart(const weft_device *device)
{
    return device->backend->host_alloc != NULL;
}

extern const weft_backend weft_backend_cpu, weft_backend_null;

#endif
