/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms of a program on CUDA: what the environment wants of them, and what tuning found, on disk beside the plans. */
#include "cuda/cuda.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_tuned(const weft_device *device, bool with)
{
    weft_cuda_of(device)->untuned = !with;
}

/* Kernels of an older architecture would not wait. */
static void set_overlap(const weft_device *device, bool with)
{
    weft_cuda *cuda = weft_cuda_of(device);
    cuda->overlaps = with && !device->dry && cuda->target.sm >= WEFT_CUDA_OVERLAPS &&
                     weft_launch_compiled_for(device->index) >= WEFT_CUDA_OVERLAPS;
}

/* A form, or what the device alone has to know. */
static const struct {
    const char *name;
    unsigned form;
    void (*set)(const weft_device *device, bool with);
} rows[] = {
    { "pool", WEFT_FORM_POOL, NULL },           { "join", WEFT_FORM_JOIN, NULL },
    { "compose", WEFT_FORM_COMPOSE, NULL },     { "dnn-product", WEFT_FORM_PRODUCT, NULL },
    { "expand", WEFT_FORM_EXPAND, NULL },       { "image", WEFT_FORM_IMAGE, NULL },
    { "sums", WEFT_FORM_SUMS, NULL },           { "excite", WEFT_FORM_EXCITE, NULL },
    { "steps", WEFT_FORM_STEPS, NULL },         { "logits", WEFT_FORM_LOGITS, NULL },
    { "tuned", 0, set_tuned },                  { "overlap", 0, set_overlap },
};

/* "join,dnn-product" */
static weft_status read_variable(weft_device *device, const char *variable, bool with)
{
    for (const char *at = getenv(variable); at && *at;) {
        const size_t length = strcspn(at, ",");
        int i = 0;
        while (i < WEFT_COUNT(rows) && (strlen(rows[i].name) != length || strncmp(rows[i].name, at, length) != 0))
            i++;
        if (i == WEFT_COUNT(rows))
            return weft_fail(WEFT_INVALID,
                             "%s: '%.*s' is not one of pool, join, compose, dnn-product, expand, image, sums, excite, "
                             "steps, logits, tuned, overlap",
                             variable, (int)length, at);
        if (rows[i].set)
            rows[i].set(device, with);
        device->forms = with ? device->forms | rows[i].form : device->forms & ~rows[i].form;
        device->fixed |= rows[i].form;
        at += length + (at[length] == ',');
    }
    return WEFT_OK;
}

weft_status weft_cuda_choose_forms(weft_device *device)
{
    if (weft_cuda_of(device)->target.sm < WEFT_CUDA_TENSOR_CORES || weft_dtype_size(device->dtype) != 2)
        device->forms &= ~(unsigned)(WEFT_FORM_EXPAND | WEFT_FORM_IMAGE);
    set_overlap(device, true);
    WEFT_TRY(read_variable(device, "WEFT_CUDA_WITH", true));
    return read_variable(device, "WEFT_CUDA_NO", false);
}

/* What tuned forms are kept under. */
static const char *key_of(const weft_device *device, uint64_t program, char key[64])
{
    snprintf(key, 64, "%d forms of %016" PRIx64 " in precision %d", WEFT_FORMS, program, (int)device->precision);
    return key;
}

bool weft_cuda_kept_forms(const weft_device *device, uint64_t program, unsigned *forms)
{
    const weft_cuda *cuda = weft_cuda_of(device);
    char key[64];
    return cuda->dnn && !cuda->untuned && weft_dnn_recall(cuda->dnn, key_of(device, program, key), forms);
}

weft_status weft_cuda_keep_forms(const weft_device *device, uint64_t program, unsigned forms)
{
    char key[64];
    return weft_dnn_keep(weft_cuda_of(device)->dnn, key_of(device, program, key), forms);
}
