/* SPDX-License-Identifier: Apache-2.0
 *
 * cuBLASLt's stand-in: D = epilogue(alpha op(A) op(B) + beta C + bias) on column-major matrices, in float, for one
 * product or a strided batch. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cuda/double/double.h"

enum { /* of cublasLt.h and library_types.h */
    SUCCESS = 0,
    INVALID_VALUE = 7,
    NOT_SUPPORTED = 15,
    DESC_TRANSA = 3,
    DESC_TRANSB = 4,
    DESC_EPILOGUE = 7,
    DESC_BIAS_POINTER = 8,
    DESC_BIAS_DATA_TYPE = 26,
    LAYOUT_BATCH_COUNT = 5,
    LAYOUT_BATCH_STRIDE = 6,
    PREFERENCE_MAX_WORKSPACE = 1,
    EPILOGUE_RELU = 2,
    EPILOGUE_BIAS = 4,
    EPILOGUE_GELU = 32,
    REAL_32F = 0,
    REAL_16F = 2,
    REAL_16BF = 14,
    WORKSPACE = 8192
};

struct cublasLtContext {
    int unused;
};

typedef struct matmul {
    int trans_a, trans_b, epilogue, bias_type;
    const void *bias;
} matmul;

typedef struct layout {
    int type, batch;
    int64_t rows, cols, ld, stride;
} layout;

static weft_dtype dtype_of(int type)
{
    return type == REAL_16F ? WEFT_F16 : type == REAL_16BF ? WEFT_BF16 : WEFT_F32;
}

size_t double_cublasLtGetVersion(void)
{
    return 130100;
}

const char *double_cublasLtGetStatusName(int status)
{
    return status == 0 ? "CUBLAS_STATUS_SUCCESS"
           : status == NOT_SUPPORTED ? "CUBLAS_STATUS_NOT_SUPPORTED" : "CUBLAS_STATUS_OF_THE_DOUBLE";
}

int double_cublasLtCreate(weft_cublaslt *handle)
{
    DOUBLE_CALLED();
    *handle = calloc(1, sizeof **handle);
    double_opened(1);
    return SUCCESS;
}

int double_cublasLtDestroy(weft_cublaslt handle)
{
    const int fault = double_called(__func__); /* gone all the same */
    free(handle);
    double_opened(-1);
    return fault;
}

/* ---- descriptors ---- */

int double_cublasLtMatmulDescCreate(weft_cublaslt_matmul *desc, int compute, int scale_type)
{
    DOUBLE_CALLED();
    (void)compute;
    if (scale_type != REAL_32F)
        return NOT_SUPPORTED;
    matmul *m = calloc(1, sizeof *m);
    m->epilogue = 1;
    m->bias_type = -1;
    *desc = m;
    double_opened(1);
    return SUCCESS;
}

int double_cublasLtMatmulDescDestroy(weft_cublaslt_matmul desc)
{
    const int fault = double_called(__func__); /* gone all the same */
    free(desc);
    double_opened(-1);
    return fault;
}

int double_cublasLtMatmulDescSetAttribute(weft_cublaslt_matmul desc, int attribute, const void *value, size_t size)
{
    DOUBLE_CALLED();
    matmul *m = desc;
    const struct {
        int attribute;
        void *field;
        size_t size;
    } rows[] = { { DESC_TRANSA, &m->trans_a, 4 },
                 { DESC_TRANSB, &m->trans_b, 4 },
                 { DESC_EPILOGUE, &m->epilogue, 4 },
                 { DESC_BIAS_DATA_TYPE, &m->bias_type, 4 },
                 { DESC_BIAS_POINTER, &m->bias, sizeof m->bias } };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].attribute == attribute && rows[i].size == size) {
            memcpy(rows[i].field, value, size);
            return SUCCESS;
        }
    return SUCCESS; /* one that changes no result here */
}

int double_cublasLtMatrixLayoutCreate(weft_cublaslt_layout *made, int type, uint64_t rows, uint64_t cols, int64_t ld)
{
    DOUBLE_CALLED();
    if (ld < (int64_t)rows || rows == 0 || cols == 0)
        return INVALID_VALUE;
    layout *l = malloc(sizeof *l);
    *l = (layout){ type, 1, (int64_t)rows, (int64_t)cols, ld, 0 };
    *made = l;
    double_opened(1);
    return SUCCESS;
}

int double_cublasLtMatrixLayoutDestroy(weft_cublaslt_layout made)
{
    const int fault = double_called(__func__); /* gone all the same */
    free(made);
    double_opened(-1);
    return fault;
}

int double_cublasLtMatrixLayoutSetAttribute(weft_cublaslt_layout made, int attribute, const void *value, size_t size)
{
    DOUBLE_CALLED();
    layout *l = made;
    if (attribute == LAYOUT_BATCH_COUNT && size == sizeof l->batch)
        memcpy(&l->batch, value, size);
    else if (attribute == LAYOUT_BATCH_STRIDE && size == sizeof l->stride)
        memcpy(&l->stride, value, size);
    else
        return INVALID_VALUE;
    return SUCCESS;
}

int double_cublasLtMatmulPreferenceCreate(weft_cublaslt_preference *preference)
{
    DOUBLE_CALLED();
    *preference = calloc(1, sizeof(uint64_t));
    double_opened(1);
    return SUCCESS;
}

int double_cublasLtMatmulPreferenceDestroy(weft_cublaslt_preference preference)
{
    const int fault = double_called(__func__); /* gone all the same */
    free(preference);
    double_opened(-1);
    return fault;
}

int double_cublasLtMatmulPreferenceSetAttribute(weft_cublaslt_preference preference, int attribute,
                                                const void *value, size_t size)
{
    DOUBLE_CALLED();
    if (attribute == PREFERENCE_MAX_WORKSPACE && size == sizeof(uint64_t))
        memcpy(preference, value, size);
    return SUCCESS;
}

/* ---- products ---- */

static bool agree(const matmul *m, const layout *a, const layout *b, const layout *d)
{
    const int64_t rows = m->trans_a ? a->cols : a->rows, inner = m->trans_a ? a->rows : a->cols;
    const int64_t cols = m->trans_b ? b->rows : b->cols, inner_b = m->trans_b ? b->cols : b->rows;
    return rows == d->rows && cols == d->cols && inner == inner_b && a->batch == d->batch && b->batch == d->batch &&
           a->type == b->type;
}

int double_cublasLtMatmulAlgoGetHeuristic(weft_cublaslt handle, weft_cublaslt_matmul desc, weft_cublaslt_layout a,
                                          weft_cublaslt_layout b, weft_cublaslt_layout c, weft_cublaslt_layout d,
                                          weft_cublaslt_preference preference, int wanted,
                                          weft_cublaslt_choice *choices, int *found)
{
    DOUBLE_CALLED();
    (void)handle, (void)c;
    *found = 0;
    if (!agree(desc, a, b, d))
        return INVALID_VALUE;
    const matmul *m = desc;
    if (wanted < 1 || ((m->epilogue & EPILOGUE_BIAS) && !m->bias)) /* whose alignment the choice depends on */
        return SUCCESS;
    uint64_t limit;
    memcpy(&limit, preference, sizeof limit);
    choices[0] = (weft_cublaslt_choice){ .workspace = limit >= WORKSPACE ? WORKSPACE : 0, .waves = 1 };
    if (double_get_card()->nonsense)
        choices[0].workspace = limit + 1;
    choices[0].algo.data[0] = choices[0].workspace;
    *found = 1;
    return SUCCESS;
}

typedef struct product {
    matmul m;
    layout a, b, c, d;
    const char *at, *bt, *ct;
    char *dt;
    float alpha, beta;
    void *workspace;
    size_t workspace_bytes;
} product;

/* One of the batch: elements `along` the sum and `across` it are so far apart. */
typedef struct operand {
    weft_dtype dtype;
    const char *at;
    int64_t along, across;
} operand;

static operand operand_of(const layout *l, const char *at, int64_t batch, bool rows_are_summed)
{
    const weft_dtype dtype = dtype_of(l->type);
    return (operand){ dtype, at + (size_t)(batch * l->stride) * weft_dtype_size(dtype), rows_are_summed ? 1 : l->ld,
                      rows_are_summed ? l->ld : 1 };
}

static float load(const operand *o, int64_t k, int64_t i)
{
    return double_load(o->dtype, o->at + (size_t)(k * o->along + i * o->across) * weft_dtype_size(o->dtype));
}

/* The numbers that are summed over for i, side by side. */
static void gather(const operand *o, int64_t i, int64_t count, float *line)
{
    if (o->along == 1)
        double_load_row(o->dtype, o->at + (size_t)(i * o->across) * weft_dtype_size(o->dtype), line, count);
    else
        for (int64_t k = 0; k < count; k++)
            line[k] = load(o, k, i);
}

static float finish(const product *p, int64_t row, float sum)
{
    const weft_dtype bias = dtype_of(p->m.bias_type < 0 ? p->d.type : p->m.bias_type);
    if (p->m.epilogue & EPILOGUE_BIAS)
        sum += double_load(bias, (const char *)p->m.bias + (size_t)row * weft_dtype_size(bias));
    if (p->m.epilogue & EPILOGUE_GELU)
        sum = .5f * sum * (1 + tanhf(.79788456f * (sum + .044715f * sum * sum * sum)));
    else if (p->m.epilogue & EPILOGUE_RELU)
        sum = sum < 0 ? 0 : sum;
    return sum;
}

static void run_product(void *closure)
{
    const product *p = closure;
    const int64_t inner = p->m.trans_a ? p->a.rows : p->a.cols;
    double_multiply(DOUBLE_PRODUCT);
    float *const a_line = malloc((size_t)(2 * inner) * sizeof(float)), *const b_line = a_line + inner;
    if (p->workspace_bytes > 0)
        memset(p->workspace, 0xff, p->workspace_bytes); /* when it runs: a capture touches nothing */
    for (int64_t batch = 0; batch < p->d.batch; batch++) {
        const operand a = operand_of(&p->a, p->at, batch, p->m.trans_a);
        const operand b = operand_of(&p->b, p->bt, batch, !p->m.trans_b);
        const operand c = operand_of(&p->c, p->ct, batch, true);
        const weft_dtype dtype = dtype_of(p->d.type);
        char *d = p->dt + (size_t)(batch * p->d.stride) * weft_dtype_size(dtype);
        for (int64_t i = 0; i < p->d.rows * p->d.cols; i++) {
            const int64_t row = i % p->d.rows, col = i / p->d.rows;
            float sum = 0;
            if (row == 0)
                gather(&b, col, inner, b_line);
            gather(&a, row, inner, a_line);
            for (int64_t k = 0; k < inner; k++)
                sum += a_line[k] * b_line[k];
            sum *= p->alpha;
            if (p->beta != 0)
                sum += p->beta * load(&c, row, col);
            double_store(dtype, d + (size_t)(col * p->d.ld + row) * weft_dtype_size(dtype), finish(p, row, sum));
        }
    }
    free(a_line);
}

static bool in_memory(const layout *l, const void *at)
{
    const int64_t last = (l->batch - 1) * l->stride + (l->cols - 1) * l->ld + l->rows;
    return double_on_device(at, (size_t)last * weft_dtype_size(dtype_of(l->type)));
}

int double_cublasLtMatmul(weft_cublaslt handle, weft_cublaslt_matmul desc, const void *alpha, const void *a,
                          weft_cublaslt_layout a_layout, const void *b, weft_cublaslt_layout b_layout,
                          const void *beta, const void *c, weft_cublaslt_layout c_layout, void *d,
                          weft_cublaslt_layout d_layout, const weft_cublaslt_algo *algo, void *workspace,
                          size_t workspace_bytes, weft_cuda_stream stream)
{
    DOUBLE_CALLED();
    (void)handle;
    if (!agree(desc, a_layout, b_layout, d_layout))
        return INVALID_VALUE;
    if (!in_memory(a_layout, a) || !in_memory(b_layout, b) || !in_memory(d_layout, d)) {
        double_complain("a product is bound to memory that the device does not have");
        return INVALID_VALUE;
    }
    if (algo && algo->data[0] > workspace_bytes) {
        double_complain("a product's workspace is smaller than its algorithm asks");
        return INVALID_VALUE;
    }
    product *p = malloc(sizeof *p);
    *p = (product){ *(const matmul *)desc, *(const layout *)a_layout, *(const layout *)b_layout,
                    *(const layout *)c_layout, *(const layout *)d_layout, a, b, c, d,
                    *(const float *)alpha, *(const float *)beta, workspace,
                    workspace && double_on_device(workspace, workspace_bytes) ? workspace_bytes : 0 };
    return double_queue(stream, DOUBLE_PRODUCT, run_product, p, free);
}
