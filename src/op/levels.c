/* SPDX-License-Identifier: Apache-2.0
 *
 * levels: images as bytes to a network's values, by a table for each channel: what a recipe's scale, mean and deviation
 * make of a byte. A quarter of what floats take on their way to a device.
 *
 *   y[n, h, w, c] = table[c][byte of x[n] number (h W + w) C + c]
 *
 * Semantics
 * 1. x is [N, words] of integers of 32 bits, whose memory the bytes are: of each image H W C of them, then up to three
 *    that nobody reads. So bytes travel as labels do.
 * 2. 1 to 3 channels: images. */
#include "op/levels.h"

#include <math.h>

#include "op/case.h"
#include "op/util.h"

static weft_status resolve(void *opt, const weft_shape *in, int n_in, weft_arena *arena)
{
    weft_levels_opt *o = opt;
    char text[96];
    (void)n_in;
    WEFT_TRY(weft_need_shape("x", &in[0], 2));
    WEFT_TRY(weft_need_range("c", o->c, 1, WEFT_LEVELS_CHANNELS));
    if (o->h < 1 || o->w < 1 || o->h > WEFT_MAX_DIM || o->w > WEFT_MAX_DIM ||
        in[0].dim[1] != weft_levels_words(o->h, o->w, o->c))
        return weft_fail(WEFT_INVALID, "x is %s, expected %lld x %lld x %lld bytes of each image in integers",
                         weft_shape_text(&in[0], text, sizeof text), (long long)o->h, (long long)o->w,
                         (long long)o->c);
    for (int64_t i = 0; !o->table || i < o->c * WEFT_LEVELS; i++)
        if (!o->table || !isfinite(o->table[i]))
            return weft_fail(WEFT_INVALID, "the table of levels is not of finite numbers");
    o->table = weft_arena_copy(arena, o->table, (size_t)o->c * WEFT_LEVELS * sizeof *o->table);
    return o->table ? WEFT_OK : WEFT_NO_MEMORY;
}

static weft_status infer(const void *opt, const weft_shape *in, int n_in, weft_sig *sig)
{
    const weft_levels_opt *o = opt;
    (void)n_in;
    *sig = (weft_sig){ .n_out = 1, .out = { weft_shape_nhwc(in[0].dim[0], o->h, o->w, o->c) } };
    return weft_need_output(&sig->out[0]);
}

static weft_cost cost(const weft_node *node)
{
    return (weft_cost){ .flops = weft_out_count(node) };
}

static void describe(const weft_node *node, char *buf, size_t size)
{
    const weft_levels_opt *o = node->opt;
    size_t used = 0;
    weft_text_add(buf, size, &used, "%lldx%lldx%lld", (long long)o->h, (long long)o->w, (long long)o->c);
}

/* A ramp for each channel, none of them another's: (byte - 97) / 64, 3 - byte / 128, byte / 32. */
#define LEVEL4(f, i) f((i)), f((i) + 1), f((i) + 2), f((i) + 3)
#define LEVEL16(f, i) LEVEL4(f, i), LEVEL4(f, (i) + 4), LEVEL4(f, (i) + 8), LEVEL4(f, (i) + 12)
#define LEVEL64(f, i) LEVEL16(f, i), LEVEL16(f, (i) + 16), LEVEL16(f, (i) + 32), LEVEL16(f, (i) + 48)
#define LEVEL256(f) LEVEL64(f, 0), LEVEL64(f, 64), LEVEL64(f, 128), LEVEL64(f, 192)
#define FIRST(i) ((i) - 97) / 64.f
#define SECOND(i) 3 - (i) / 128.f
#define THIRD(i) (i) / 32.f
static const float ramps[WEFT_LEVELS_CHANNELS * WEFT_LEVELS] = { LEVEL256(FIRST), LEVEL256(SECOND), LEVEL256(THIRD) };

/* clang-format off */
#define LEVELS(...) WEFT_OPT(weft_levels_opt, .table = ramps, __VA_ARGS__)
static const weft_op_case cases[] = {
    { WEFT_CASE("grey", WEFT_NC(3, 196)), LEVELS(.h = 28, .w = 28, .c = 1), .classes = 1 << 24 },
    { WEFT_CASE("grey_high_bytes", WEFT_NC(2, 7)), LEVELS(.h = 5, .w = 5, .c = 1), .classes = INT32_MAX / 2 },
    { WEFT_CASE("two_channels_and_a_rest", WEFT_NC(3, 8)), LEVELS(.h = 5, .w = 3, .c = 2), .classes = 1 << 24 },
    { WEFT_CASE("rgb", WEFT_NC(2, 48)), LEVELS(.h = 8, .w = 8, .c = 3), .classes = 1 << 24 },
    { WEFT_CASE("rgb_and_a_rest", WEFT_NC(5, 12)), LEVELS(.h = 5, .w = 3, .c = 3), .classes = INT32_MAX / 2 },
    { WEFT_CASE("rgb_over_blocks", WEFT_NC(2, 1801)), LEVELS(.h = 49, .w = 49, .c = 3), .classes = 1 << 24 },
    { .name = NULL },
};
/* clang-format on */

const weft_op weft_op_levels = {
    .name = "levels",
    .brief = "Images as bytes to a network's values",
    .paper = "",
    .n_in = 1,
    .opt_size = sizeof(weft_levels_opt),
    .types = WEFT_TYPES_INDEX_IN0 | WEFT_TYPES_PADS | WEFT_TYPES_IMAGE,
    .error_class = WEFT_ELEMENTWISE,
    .resolve = resolve,
    .infer = infer,
    .cost = cost,
    .describe = describe,
    .cases = cases,
};
