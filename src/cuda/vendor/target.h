/* SPDX-License-Identifier: Apache-2.0
 *
 * What weft knows of a GPU without having it: the properties that cuDNN plans for, and the peaks that `weft cost`
 * divides by. Seven cards are built in; a file may describe another. */
#ifndef WEFT_CUDA_VENDOR_TARGET_H
#define WEFT_CUDA_VENDOR_TARGET_H

#include <weft/context.h>

#include "base/alloc.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Multiply-adds count 2. Peaks are of dense matrices, with float accumulation, at the boost clock. */
typedef struct weft_target {
    char name[16];   /* "a100" */
    char device[64]; /* "NVIDIA A100-SXM4-80GB" */
    int sm;          /* compute capability: 80 is 8.0, 120 is 12.0 */
    int sm_count;
    int shared_block, shared_optin, shared_reserved; /* bytes of shared memory: default, largest, kept by the system */
    int registers_sm, blocks_sm, threads_sm;
    int64_t memory; /* bytes */
    int sm_khz, memory_khz;
    int l2; /* bytes */
    double bandwidth;               /* of the memory, GB/s */
    double fp32, tf32, fp16, bf16;  /* TFLOP/s: cores; tensor cores. 0: the card has no such unit */
    double launch_us;               /* between two small kernels of a CUDA graph */
} weft_target;

/* The built-in cards, from 0 on; NULL where there is none. */
const weft_target *weft_target_get(int index);
/* A built-in name, "sm_90" or "90" (the first card of that capability), or the path of a file of `key value` lines as
 * weft_target_text writes it, with `base NAME` to start from a card that is known. NOT_FOUND names the nearest. */
weft_status weft_target_find(const char *text, weft_target *out);
/* The same lines that a file has. */
const char *weft_target_text(const weft_target *target, char *buf, size_t size);

enum { WEFT_TARGET_JSON = 1024 };
/* The properties as cuDNN 9 wants them (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION), for weft_dnn_opt.properties.
 * buf holds WEFT_TARGET_JSON bytes. */
const char *weft_target_json(const weft_target *target, char *buf, size_t size);

#ifdef __cplusplus
}
#endif
#endif
