/* SPDX-License-Identifier: Apache-2.0
 *
 * Interpreter of cuDNN operation graphs: tensors are gathered from the strides and types that the host code set into
 * dense floats, operations run on those, and results are scattered back, rounded to their type. Convolutions are of
 * the three directions; sums in float. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "cuda/double/dnn.h"

/* A tensor as dense floats in the order N, H, W, C (matrices: batch, rows, columns). */
typedef struct dense {
    int64_t n, h, w, c;
    float *at;
} dense;

int64_t dnn_extent(const dnn_tensor *tensor)
{
    int64_t last = 0;
    for (int i = 0; i < tensor->rank; i++)
        last += (tensor->dim[i] - 1) * tensor->stride[i];
    return last + 1;
}

/* Sizes and strides in the order of dense. */
static void order(const dnn_tensor *t, int64_t size[4], int64_t stride[4])
{
    static const int image[4] = { 0, 2, 3, 1 }, matrix[4] = { 0, -1, 1, 2 };
    const int *from = t->rank == 4 ? image : matrix;
    for (int i = 0; i < 4; i++) {
        size[i] = from[i] < 0 ? 1 : t->dim[from[i]];
        stride[i] = from[i] < 0 ? 0 : t->stride[from[i]];
    }
}

static void walk(const dnn_tensor *t, char *memory, dense *d, bool write)
{
    const size_t element = weft_dtype_size(t->dtype);
    int64_t size[4], stride[4];
    float *at = d->at;
    order(t, size, stride);
    for (int64_t n = 0; n < size[0]; n++)
        for (int64_t h = 0; h < size[1]; h++)
            for (int64_t w = 0; w < size[2]; w++) {
                if (!write && stride[3] == 1) { /* where most time would go: weights are many */
                    const int64_t row = n * stride[0] + h * stride[1] + w * stride[2];
                    double_load_row(t->dtype, memory + (size_t)row * element, at, size[3]);
                    at += size[3];
                    continue;
                }
                for (int64_t c = 0; c < size[3]; c++, at++) {
                    char *place = memory + (size_t)(n * stride[0] + h * stride[1] + w * stride[2] + c * stride[3]) *
                                               element;
                    if (write)
                        double_store(t->dtype, place, *at);
                    else
                        *at = double_load(t->dtype, place);
                }
            }
}

/* Whether memory holds just what a dense has: floats without gaps. */
static bool is_dense(const dnn_tensor *t)
{
    int64_t size[4], stride[4], next = 1;
    order(t, size, stride);
    for (int i = 3; i >= 0; i--) {
        if (size[i] > 1 && stride[i] != next)
            return false;
        next *= size[i];
    }
    return t->dtype == WEFT_F32;
}

/* Rounds what stays inside the graph, as its type would. */
static void round_values(const dnn_tensor *t, dense *d)
{
    const int64_t count = d->n * d->h * d->w * d->c;
    for (int64_t i = 0; t->dtype != WEFT_F32 && i < count; i++) {
        uint32_t place;
        double_store(t->dtype, &place, d->at[i]);
        d->at[i] = double_load(t->dtype, &place);
    }
}

/* One pixel of a filter, and where it falls: calls with each pair of pixels that meet. */
typedef struct tap {
    const dnn_op *op;
    const dense *x, *filter, *y;
    int64_t groups, in, out; /* channels of a group */
} tap;

typedef void meet(const tap *t, int64_t x_pixel, int64_t y_pixel, int64_t r, int64_t s);

static void for_each_pair(const tap *t, meet *visit)
{
    const dnn_op *op = t->op;
    for (int64_t n = 0; n < t->y->n; n++)
        for (int64_t oh = 0; oh < t->y->h; oh++)
            for (int64_t ow = 0; ow < t->y->w; ow++)
                for (int64_t r = 0; r < t->filter->h; r++)
                    for (int64_t s = 0; s < t->filter->w; s++) {
                        const int64_t h = oh * op->stride[0] - op->before[0] + r * op->dilation[0];
                        const int64_t w = ow * op->stride[1] - op->before[1] + s * op->dilation[1];
                        if (h >= 0 && w >= 0 && h < t->x->h && w < t->x->w)
                            visit(t, (n * t->x->h + h) * t->x->w + w, (n * t->y->h + oh) * t->y->w + ow, r, s);
                    }
}

/* filter is [K, R, S, C/groups] in dense order: n is K. */
static float *filter_at(const tap *t, int64_t k, int64_t r, int64_t s)
{
    return t->filter->at + ((k * t->filter->h + r) * t->filter->w + s) * t->in;
}

/* Not sanitized, since two thirds of sanitized tests' time went here: that tensors are whole in the card's memory was
 * seen when they were bound. */
__attribute__((no_sanitize("address", "undefined", "thread")))
static float dot(const float *x, const float *f, int64_t count)
{
    float sum[8] = { 0 };
    int64_t c = 0;
    for (; c + 8 <= count; c += 8)
        for (int i = 0; i < 8; i++)
            sum[i] += x[c + i] * f[c + i];
    for (; c < count; c++)
        sum[0] += x[c] * f[c];
    return ((sum[0] + sum[1]) + (sum[2] + sum[3])) + ((sum[4] + sum[5]) + (sum[6] + sum[7]));
}

static void meet_forward(const tap *t, int64_t x_pixel, int64_t y_pixel, int64_t r, int64_t s)
{
    for (int64_t k = 0; k < t->groups * t->out; k++) {
        const float *x = t->x->at + x_pixel * t->x->c + k / t->out * t->in;
        t->y->at[y_pixel * t->y->c + k] += dot(x, filter_at(t, k, r, s), t->in);
    }
}

static void meet_data(const tap *t, int64_t x_pixel, int64_t y_pixel, int64_t r, int64_t s)
{
    for (int64_t k = 0; k < t->groups * t->out; k++) {
        float *x = t->x->at + x_pixel * t->x->c + k / t->out * t->in;
        for (int64_t c = 0; c < t->in; c++)
            x[c] += t->y->at[y_pixel * t->y->c + k] * filter_at(t, k, r, s)[c];
    }
}

static void meet_filter(const tap *t, int64_t x_pixel, int64_t y_pixel, int64_t r, int64_t s)
{
    for (int64_t k = 0; k < t->groups * t->out; k++) {
        const float *x = t->x->at + x_pixel * t->x->c + k / t->out * t->in;
        for (int64_t c = 0; c < t->in; c++)
            filter_at(t, k, r, s)[c] += t->y->at[y_pixel * t->y->c + k] * x[c];
    }
}

/* x, filter and y of the convolution, whichever of them is computed. */
static void convolve(const dnn_op *op, dense *x, dense *filter, dense *y, meet *visit)
{
    const int64_t in = filter->c, groups = x->c / in;
    const tap t = { op, x, filter, y, groups, in, y->c / groups };
    for_each_pair(&t, visit);
}

static void pool(const dnn_op *op, const dense *x, dense *y)
{
    const bool largest = op->mode == WEFT_CUDNN_RESAMPLE_MAXPOOL;
    for (int64_t i = 0; i < y->n * y->h * y->w * y->c; i++) {
        const int64_t c = i % y->c, ow = i / y->c % y->w, oh = i / y->c / y->w % y->h, n = i / y->c / y->w / y->h;
        float best = -FLT_MAX, sum = 0;
        int64_t count = 0;
        for (int64_t p = 0; p < op->window[0] * op->window[1]; p++) {
            const int64_t h = oh * op->stride[0] - op->before[0] + p / op->window[1];
            const int64_t w = ow * op->stride[1] - op->before[1] + p % op->window[1];
            if (h < 0 || w < 0 || h >= x->h || w >= x->w)
                continue;
            const float v = x->at[((n * x->h + h) * x->w + w) * x->c + c];
            best = v > best || isnan(v) ? v : best;
            sum += v;
            count++;
        }
        const bool border = op->mode == WEFT_CUDNN_RESAMPLE_AVGPOOL_INCLUDE_PADDING;
        y->at[i] = largest ? best : sum / (float)(border ? op->window[0] * op->window[1] : count);
    }
}

static float pointwise(const dnn_op *op, float a, float b)
{
    switch (op->mode) {
    case WEFT_CUDNN_POINTWISE_ADD:
        return a + b;
    case WEFT_CUDNN_POINTWISE_MUL:
        return a * b;
    case WEFT_CUDNN_POINTWISE_RELU_FWD:
        return a < 0 ? op->slope * a : a;
    case WEFT_CUDNN_POINTWISE_MIN:
        return b < a ? b : a;
    case WEFT_CUDNN_POINTWISE_TANH_FWD:
        return tanhf(a);
    case WEFT_CUDNN_POINTWISE_SIGMOID_FWD:
        return 1 / (1 + expf(-a));
    case WEFT_CUDNN_POINTWISE_SWISH_FWD:
        return a / (1 + expf(-a));
    case WEFT_CUDNN_POINTWISE_GELU_FWD:
        return .5f * a * (1 + erff(a * .70710678f));
    default:
        double_complain("pointwise mode %d is not interpreted", op->mode);
        return NAN;
    }
}

/* Where b has the row of channels that meets y's at n, h, w: extents of 1 are repeated. */
static const float *broadcast(const dense *b, int64_t n, int64_t h, int64_t w)
{
    return b->at + (((b->n == 1 ? 0 : n) * b->h + (b->h == 1 ? 0 : h)) * b->w + (b->w == 1 ? 0 : w)) * b->c;
}

static void map(const dnn_op *op, const dense *a, const dense *b, dense *y)
{
    const int64_t a_step = a->c == 1 ? 0 : 1, b_step = !b || b->c == 1 ? 0 : 1;
    const float zero = 0;
    for (int64_t pixel = 0; pixel < y->n * y->h * y->w; pixel++) {
        const int64_t n = pixel / (y->h * y->w), h = pixel / y->w % y->h, w = pixel % y->w;
        const float *from_a = broadcast(a, n, h, w), *from_b = b ? broadcast(b, n, h, w) : &zero;
        for (int64_t c = 0; c < y->c; c++)
            y->at[pixel * y->c + c] = pointwise(op, from_a[c * a_step], from_b[c * b_step]);
    }
}

/* a [n, m, k], b [n or 1, k, j]: rows are w, columns c. */
static void multiply(const dense *a, const dense *b, dense *y)
{
    for (int64_t row = 0; row < y->n * y->w; row++)
        for (int64_t k = 0; k < a->c; k++) {
            const float v = a->at[row * a->c + k];
            const float *from = b->at + ((b->n == 1 ? 0 : row / y->w) * b->w + k) * b->c;
            for (int64_t j = 0; j < y->c; j++)
                y->at[row * y->c + j] += v * from[j];
        }
}

/* Sums over tiles of rows, then over tiles: as cuDNN's engines add them, in float. */
static void sum_rows(const dense *x, dense *sums, dense *squares)
{
    enum { TILE = 128 };
    const int64_t rows = x->n * x->h * x->w;
    for (int64_t c = 0; c < x->c; c++)
        for (int64_t first = 0; first < rows; first += TILE) {
            float sum = 0, square = 0;
            for (int64_t row = first; row < rows && row < first + TILE; row++) {
                const float v = x->at[row * x->c + c];
                sum += v;
                square += v * v;
            }
            sums->at[c] += sum;
            squares->at[c] += square;
        }
}

static void run_op(const dnn_op *op, dense *value)
{
    dense *a = &value[op->in[0]], *b = op->in[1] >= 0 ? &value[op->in[1]] : NULL, *y = &value[op->out];
    switch (op->descriptor) {
    case WEFT_CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
        convolve(op, a, b, y, meet_forward);
        return;
    case WEFT_CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR:
        convolve(op, y, b, a, meet_data);
        return;
    case WEFT_CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR:
        convolve(op, a, y, b, meet_filter);
        return;
    case WEFT_CUDNN_BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR:
        pool(op, a, y);
        return;
    case WEFT_CUDNN_BACKEND_OPERATION_MATMUL_DESCRIPTOR:
        multiply(a, b, y);
        return;
    case WEFT_CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR:
        sum_rows(a, y, &value[op->more]);
        return;
    default:
        map(op, a, b, y);
    }
}

void dnn_run(const dnn_program *program, void *const *data, const float *constant)
{
    dense value[DNN_MAX_TENSOR];
    bool computed[DNN_MAX_TENSOR] = { false }, lent[DNN_MAX_TENSOR] = { false };
    for (int i = 0; i < program->n_ops; i++) {
        computed[program->op[i].out] = true;
        if (program->op[i].more >= 0)
            computed[program->op[i].more] = true;
    }
    for (int i = 0; i < program->n_tensors; i++) {
        const dnn_tensor *t = &program->tensor[i];
        int64_t size[4], stride[4];
        order(t, size, stride);
        value[i] = (dense){ size[0], size[1], size[2], size[3], NULL };
        lent[i] = !computed[i] && !t->by_value && data[i] && is_dense(t); /* read where it is */
        value[i].at = lent[i] ? data[i] : calloc((size_t)(size[0] * size[1] * size[2] * size[3]), sizeof(float));
        if (t->by_value)
            value[i].at[0] = constant[i];
    }
    for (int i = 0; i < program->n_tensors; i++)
        if (!computed[i] && !lent[i] && data[i])
            walk(&program->tensor[i], data[i], &value[i], false);
    for (int i = 0; i < program->n_ops; i++) {
        run_op(&program->op[i], value);
        round_values(&program->tensor[program->op[i].out], &value[program->op[i].out]);
    }
    for (int i = 0; i < program->n_tensors; i++) {
        if (computed[i] && data[i])
            walk(&program->tensor[i], data[i], &value[i], true);
        if (!lent[i])
            free(value[i].at);
    }
}

void dnn_spoil(const dnn_program *program, void *const *data, bool none)
{
    for (int i = 0; i < program->n_ops; i++) {
        const dnn_tensor *t = &program->tensor[program->op[i].out];
        void *at = data[program->op[i].out];
        if (!t->is_virtual && at)
            double_store(t->dtype, at, none ? NAN : 2 * double_load(t->dtype, at) + 1);
    }
}
