/* SPDX-License-Identifier: Apache-2.0
 *
 * Tensor cores: the 16x8 product of depth 16 of a whole warp. Nobody waits for it: a lane leaves its part in a queue,
 * and the last lane of the warp to do so computes it for all. Most of the emulator's time is here, so it is compiled
 * for speed even where the rest is watched by a sanitizer: what it reads and writes are the lanes' own variables. */
#include "block.h"

using namespace emu;

enum { ROWS = 16, DEPTH = 16, COLUMNS = 8, EACH = 4 /* of DEPTH, a lane */, QUEUE = 64, WARPS = MOST_THREADS / WARP };

typedef float columns __attribute__((vector_size(COLUMNS * sizeof(float))));

static emu_product queue[MOST_THREADS][QUEUE + 1]; /* round and round; one more for the caches' sake */
static unsigned arrived[WARPS][QUEUE];         /* lanes */

/* Halves of count words as floats; without a branch, so that vectors do it. */
static void widen(const unsigned *words, int count, unsigned shift, bool is_bf16, float *to)
{
    if (is_bf16) {
        for (int i = 0; i < count; i++)
            to[i] = __uint_as_float(words[i] >> shift << 16);
        return;
    }
    for (int i = 0; i < count; i++) {
        const int half = (int)(words[i] >> shift & 0xffff), size = half & 0x7fff;
        const unsigned finite = __float_as_uint(__uint_as_float((unsigned)size << 13) * 0x1p112f);
        const unsigned bits = size >= 0x7c00 ? 0x7f800000u | (unsigned)size << 13 : finite;
        to[i] = __uint_as_float(bits | (unsigned)(half & 0x8000) << 16);
    }
}

/* Words of a as weft_mma wants them: of four matrices of eight rows of eight halves, a lane brings one row and takes a
 * word of each. */
static void read_rows(const emu_product *const *lanes, unsigned (&a)[WARP][4])
{
    for (int lane = 0; lane < WARP; lane++)
        for (int m = 0; m < 4; m++)
            a[lane][m] = lanes[m * 8 + lane / 4]->a[lane % 4];
}

/* The operands as floats: of a, for each lane, two rows' columns 0, 2 and 1, 3 of its four; b by its rows. */
static void read_operands(const emu_product *const *lanes, float (&a)[2][WARP][4], columns (&b)[DEPTH])
{
    unsigned a_words[WARP][4], b_words[WARP][2];
    float halves[2][WARP][2];
    if (lanes[0]->rows)
        read_rows(lanes, a_words);
    for (int lane = 0; lane < WARP; lane++) {
        if (!lanes[lane]->rows)
            memcpy(a_words[lane], lanes[lane]->a, sizeof *a_words);
        memcpy(b_words[lane], lanes[lane]->b, sizeof *b_words);
    }
    for (int odd = 0; odd < 2; odd++) {
        widen(a_words[0], WARP * 4, odd * 16u, lanes[0]->is_bf16, a[odd][0]);
        widen(b_words[0], WARP * 2, odd * 16u, lanes[0]->is_bf16, halves[odd][0]);
    }
    for (int k = 0; k < DEPTH; k++)
        for (int column = 0; column < COLUMNS; column++)
            b[k][column] = halves[k % 2][column * EACH + k / EACH][k % EACH / 2];
}

/* The products of a sum in order, then the sum so far; a tensor core's order is its own. */
static void multiply(const emu_product *const *lanes)
{
    float a[2][WARP][4];
    columns b[DEPTH];
    read_operands(lanes, a, b);
    for (int row = 0; row < ROWS; row++) {
        const int first = row % 8 * EACH, low = row / 8;
        columns sum = {};
        for (int k = 0; k < DEPTH; k++)
            sum += a[k % 2][first + k / EACH][k % EACH / 2 * 2 + low] * b[k];
        for (int column = 0; column < COLUMNS; column++)
            lanes[first + column / 2]->d[low * 2 + column % 2] += sum[column];
    }
}

/* The running thread's warp has all of its parts of a product. */
static void multiply_parts(unsigned first, unsigned slot)
{
    const emu_product *lanes[WARP];
    for (unsigned lane = 0; lane < WARP; lane++) {
        lanes[lane] = &queue[first + lane][slot];
        if (lanes[lane]->where != lanes[0]->where && strcmp(lanes[lane]->where, lanes[0]->where) != 0)
            stop("the lanes of a warp are at different products", lanes[lane]->where);
    }
    multiply(lanes);
}

/* Behind it the lanes of the running thread's warp have left as many parts, and all are computed. */
static void empty_queue(const char *where)
{
    const bool last = meet(0xffffffffu, 0, where);
    const unsigned *const left = arrived[number_of(current) / WARP];
    for (unsigned slot = 0; last && slot < QUEUE; slot++)
        if (left[slot])
            stop("the lanes of a warp have not come to as many products", where);
}

void emu_multiply(const emu_product *mine)
{
    const unsigned me = number_of(current), slot = current->products++ % QUEUE;
    queue[me][slot] = *mine;
    if (++arrived[me / WARP][slot] == WARP) {
        arrived[me / WARP][slot] = 0;
        multiply_parts(me / WARP * WARP, slot);
    }
    if (slot == QUEUE - 1)
        empty_queue(mine->where);
}

void emu_products_end(const char *where)
{
    empty_queue(where);
    current->products = 0;
}

void emu::forget_products(void)
{
    memset(arrived, 0, sizeof arrived);
    for (unsigned i = 0; i < MOST_THREADS; i++)
        threads[i].products = 0;
}
