/* SPDX-License-Identifier: Apache-2.0
 *
 * Gradients of pools. Of averages each pixel gathers from the windows that hold it. Of maxima each window is searched
 * again, for the number of its first largest tap in each lane, and adds its dy there; lines of dx are begun (zeros, or
 * the residual) when the first window reaches them, and stay in cache until the last has. A caller's lines get the same
 * sums in the same order however it cuts the image: windows that reach beyond them are searched by both neighbours.
 * Also sums of products, and the gradient of maxima, over whole images. */
#include "cpu/simd/rows_set.h"

enum { LANES = WEFT_LANES, WIDE = 4, DEEP = 8 };

/* ---- maxima ---- */

/* One window: its taps, of which those in [r0, r1) x [s0, s1) are pixels of the image, and those in [w0, w1) lines of
 * the caller. x and dx point at tap (0, 0), which may lie outside. */
typedef struct field {
    const float *x, *dy;
    float *dx;
    int r0, r1, s0, s1, w0, w1;
    int rows, columns;   /* taps inside image or padding, from tap (0, 0) on */
    int kw;              /* taps have numbers r * kw + s */
    int64_t x_row, x_ld, d_row, d_ld;
} field;

WEFT_INLINE void search_and_add(const field *f, int64_t c, int lanes, bool border)
{
    weft_v best = weft_v_set(0.0f);
    weft_vi number = weft_vi_set(-1);
    const int first = border ? 0 : f->r0 * f->kw + f->s0;
    for (int r = border ? 0 : f->r0; r < (border ? f->rows : f->r1); r++)
        for (int s = border ? 0 : f->s0; s < (border ? f->columns : f->s1); s++) {
            const int tap = r * f->kw + s;
            const bool inside = !border || (r >= f->r0 && r < f->r1 && s >= f->s0 && s < f->s1);
            const weft_v v = inside ? weft_v_load_n(f->x + r * f->x_row + s * f->x_ld + c, lanes) : weft_v_set(0.0f);
            const weft_vi larger = tap == first ? weft_vi_set(-1) : (weft_vi)(v > best);
            best = weft_v_select(larger, v, best);
            number = (larger & tap) | (~larger & number);
        }
    const weft_v dy = weft_v_load_n(f->dy + c, lanes);
    const int from = f->r0 > f->w0 ? f->r0 : f->w0, to = f->r1 < f->w1 ? f->r1 : f->w1;
    for (int r = from; r < to; r++)
        for (int s = f->s0; s < f->s1; s++) {
            float *dx = f->dx + r * f->d_row + s * f->d_ld + c;
            const weft_v here = (weft_v)((weft_vi)(number == r * f->kw + s) & (weft_vi)dy);
            weft_v_store_n(dx, weft_v_load_n(dx, lanes) + here, lanes);
        }
}

/* A window of kh x kw (constants) that lies whole in the image and in the caller's lines. */
WEFT_INLINE void search_whole(const field *f, int64_t c, int lanes, int kh, int kw)
{
    weft_v best = weft_v_load_n(f->x + c, lanes);
    weft_vi number = weft_vi_set(0);
#pragma GCC unroll 9
    for (int tap = 1; tap < kh * kw; tap++) {
        const weft_v v = weft_v_load_n(f->x + tap / kw * f->x_row + tap % kw * f->x_ld + c, lanes);
        const weft_vi larger = (weft_vi)(v > best);
        best = weft_v_max(v, best);
        number = (larger & tap) | (~larger & number);
    }
    const weft_v dy = weft_v_load_n(f->dy + c, lanes);
#pragma GCC unroll 9
    for (int tap = 0; tap < kh * kw; tap++) {
        float *dx = f->dx + tap / kw * f->d_row + tap % kw * f->d_ld + c;
        const weft_v here = (weft_v)((weft_vi)(number == tap) & (weft_vi)dy);
        weft_v_store_n(dx, weft_v_load_n(dx, lanes) + here, lanes);
    }
}

#define CHANNELS(call)                                                                             \
    do {                                                                                           \
        int64_t c = 0;                                                                             \
        for (int lanes = LANES; c + LANES <= channels; c += LANES)                                 \
            call;                                                                                  \
        const int lanes = (int)(channels - c);                                                     \
        if (lanes > 0)                                                                             \
            call;                                                                                  \
    } while (0)

static void window_dx(const field *f, const weft_window *w, bool zero_border)
{
    const int64_t channels = w->channels;
    const bool whole = f->r0 == 0 && f->s0 == 0 && f->r1 == w->kh && f->s1 == w->kw && f->w0 <= 0 && f->w1 >= w->kh;
    if (whole && w->kh == 2 && w->kw == 2)
        CHANNELS(search_whole(f, c, lanes, 2, 2));
    else if (whole && w->kh == 3 && w->kw == 3)
        CHANNELS(search_whole(f, c, lanes, 3, 3));
    else if (zero_border && !whole)
        CHANNELS(search_and_add(f, c, lanes, true));
    else
        CHANNELS(search_and_add(f, c, lanes, false));
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Window (oh, ow). */
static field field_at(const weft_pooling_dx *p, int oh, int ow)
{
    const weft_window *w = &p->window;
    const int ih = oh * w->stride_h - w->top, iw = ow * w->stride_w - w->left;
    return (field){
        .x = p->x + ih * p->x_row + iw * p->x_ld, .dy = p->dy + oh * w->y_row + ow * w->y_ld,
        .dx = p->dx + ih * w->x_row + iw * w->x_ld,
        .r0 = ih < 0 ? -ih : 0, .r1 = least(w->kh, w->ih - ih), .s0 = iw < 0 ? -iw : 0, .s1 = least(w->kw, w->iw - iw),
        .w0 = p->first - ih, .w1 = p->last - ih,
        .rows = least(w->kh, w->ih + p->bottom - ih), .columns = least(w->kw, w->iw + p->right - iw), .kw = w->kw,
        .x_row = p->x_row, .x_ld = p->x_ld, .d_row = w->x_row, .d_ld = w->x_ld,
    };
}

static void begin_line(const weft_pooling_dx *p, int ih)
{
    const weft_window *w = &p->window;
    for (int iw = 0; iw < w->iw; iw++) {
        float *dx = p->dx + ih * w->x_row + iw * w->x_ld;
        const float *residual = p->residual ? p->residual + ih * p->r_row + iw * p->r_ld : NULL;
        for (int64_t c = 0; c < w->channels; c += LANES) {
            const int lanes = w->channels - c < LANES ? (int)(w->channels - c) : LANES;
            weft_v_store_n(dx + c, residual ? weft_v_load_n(residual + c, lanes) : weft_v_set(0.0f), lanes);
        }
    }
}

void weft_rows_max_pool_dx(const weft_pooling_dx *p)
{
    const weft_window *w = &p->window;
    int ready = p->first;
    for (int oh = 0; oh < w->oh; oh++) {
        const int ih = oh * w->stride_h - w->top;
        if (ih + w->kh <= p->first || ih >= p->last)
            continue;
        for (; ready < least(p->last, ih + w->kh); ready++)
            begin_line(p, ready);
        for (int ow = 0; ow < w->ow; ow++) {
            const field f = field_at(p, oh, ow);
            window_dx(&f, w, p->zero_border);
        }
    }
    for (; ready < p->last; ready++) /* below all windows */
        begin_line(p, ready);
}

/* ---- averages ---- */

/* Outputs [*first, *end) along an axis whose windows hold pixel i. */
static void holders(int i, int before, int kernel, int stride, int outputs, int *first, int *end)
{
    const int at = i + before;
    *first = at < kernel ? 0 : (at - kernel) / stride + 1;
    *end = least(at / stride + 1, outputs);
}

/* Pixels along an axis that window `o` averages over. */
static int counted(int o, int before, int kernel, int stride, int size, int after, bool border)
{
    const int start = o * stride - before, last = size + (border ? after : 0);
    return least(start + kernel, last) - (start < 0 && !border ? 0 : start);
}

/* The windows that hold one pixel, and where the pixel is. */
typedef struct sources {
    const weft_pooling_dx *p;
    int oh0, oh1, ow0, ow1;
    float *dx;
    const float *residual;
} sources;

/* `count` (a constant, 1..WIDE) vectors from channel c on, the last of them `lanes` wide. */
WEFT_INLINE void gather(const sources *f, int64_t c, int count, int lanes)
{
    const weft_pooling_dx *p = f->p;
    const weft_window *w = &p->window;
    weft_v sum[WIDE] = { { 0 }, { 0 }, { 0 }, { 0 } };
    for (int oh = f->oh0; oh < f->oh1; oh++) {
        const int rows = counted(oh, w->top, w->kh, w->stride_h, w->ih, p->bottom, p->count_border);
        for (int ow = f->ow0; ow < f->ow1; ow++) {
            const int columns = counted(ow, w->left, w->kw, w->stride_w, w->iw, p->right, p->count_border);
            const weft_v share = weft_v_set(1.0f / (float)(rows * columns));
            const float *dy = p->dy + oh * w->y_row + ow * w->y_ld + c;
#pragma GCC unroll 4
            for (int v = 0; v < count; v++)
                sum[v] = weft_v_fma(weft_v_load_n(dy + v * LANES, v + 1 < count ? LANES : lanes), share, sum[v]);
        }
    }
#pragma GCC unroll 4
    for (int v = 0; v < count; v++) {
        const int n = v + 1 < count ? LANES : lanes;
        if (f->residual)
            sum[v] += weft_v_load_n(f->residual + c + v * LANES, n);
        weft_v_store_n(f->dx + c + v * LANES, sum[v], n);
    }
}

static void gather_pixel(const sources *f, int64_t channels)
{
    int64_t c = 0;
    for (; c + WIDE * LANES <= channels; c += WIDE * LANES)
        gather(f, c, WIDE, LANES);
    for (; c < channels; c += LANES)
        gather(f, c, 1, channels - c < LANES ? (int)(channels - c) : LANES);
}

void weft_rows_avg_pool_dx(const weft_pooling_dx *p)
{
    const weft_window *w = &p->window;
    sources f = { .p = p };
    for (int ih = p->first; ih < p->last; ih++) {
        holders(ih, w->top, w->kh, w->stride_h, w->oh, &f.oh0, &f.oh1);
        for (int iw = 0; iw < w->iw; iw++) {
            holders(iw, w->left, w->kw, w->stride_w, w->ow, &f.ow0, &f.ow1);
            f.dx = p->dx + ih * w->x_row + iw * w->x_ld;
            f.residual = p->residual ? p->residual + ih * p->r_row + iw * p->r_ld : NULL;
            gather_pixel(&f, w->channels);
        }
    }
}

/* ---- over whole images ---- */

/* To sum (NULL: not wanted) and dot are added those of one vector of channels over `deep` rows. */
WEFT_INLINE void add_dots(const float *x, int64_t x_ld, const float *z, int64_t z_ld, int deep, int lanes, float *sum,
                          float *dot)
{
    weft_v total = weft_v_set(0.0f), product = weft_v_set(0.0f);
#pragma GCC unroll 8
    for (int r = 0; r < deep; r++) {
        __builtin_prefetch(x + (r + deep) * x_ld);
        __builtin_prefetch(z + (r + deep) * z_ld);
        const weft_v v = weft_v_load_n(x + r * x_ld, lanes);
        product = weft_v_fma(v, weft_v_load_n(z + r * z_ld, lanes), product);
        total += v;
    }
    weft_v_store_n(dot, weft_v_load_n(dot, lanes) + product, lanes);
    if (sum)
        weft_v_store_n(sum, weft_v_load_n(sum, lanes) + total, lanes);
}

WEFT_INLINE void dots_of(const float *x, int64_t x_ld, const float *z, int64_t z_ld, int64_t channels, int deep,
                         float *sum, float *dot)
{
    int64_t c = 0;
    for (; c + LANES <= channels; c += LANES)
        add_dots(x + c, x_ld, z + c, z_ld, deep, LANES, sum ? sum + c : NULL, dot + c);
    if (c < channels)
        add_dots(x + c, x_ld, z + c, z_ld, deep, (int)(channels - c), sum ? sum + c : NULL, dot + c);
}

void weft_rows_dot_rows(const float *x, int64_t x_ld, const float *z, int64_t z_ld, int64_t rows, int64_t channels,
                        float scale, float *sum, float *dot)
{
    for (int64_t c = 0; c < channels; c++)
        dot[c] = 0.0f;
    for (int64_t c = 0; sum && c < channels; c++)
        sum[c] = 0.0f;
    int64_t r = 0;
    for (; r + DEEP <= rows; r += DEEP)
        dots_of(x + r * x_ld, x_ld, z + r * z_ld, z_ld, channels, DEEP, sum, dot);
    for (; r < rows; r++)
        dots_of(x + r * x_ld, x_ld, z + r * z_ld, z_ld, channels, 1, sum, dot);
    for (int64_t c = 0; sum && c < channels; c++)
        sum[c] *= scale;
}

void weft_rows_max_rows_dx(const float *x, int64_t x_ld, const float *dy, int64_t rows, int64_t channels, float *dx,
                           int64_t dx_ld)
{
    for (int64_t c = 0; c < channels; c += LANES) {
        const int lanes = channels - c < LANES ? (int)(channels - c) : LANES;
        weft_v best = weft_v_load_n(x + c, lanes);
        weft_vi number = weft_vi_set(0);
        for (int64_t r = 1; r < rows; r++) {
            const weft_v v = weft_v_load_n(x + r * x_ld + c, lanes);
            const weft_vi larger = (weft_vi)(v > best);
            best = weft_v_select(larger, v, best);
            number = (larger & (int32_t)r) | (~larger & number);
        }
        const weft_v d = weft_v_load_n(dy + c, lanes);
        for (int64_t r = 0; r < rows; r++)
            weft_v_store_n(dx + r * dx_ld + c, (weft_v)((weft_vi)(number == (int32_t)r) & (weft_vi)d), lanes);
    }
}
