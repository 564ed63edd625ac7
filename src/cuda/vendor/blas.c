/* SPDX-License-Identifier: Apache-2.0
 *
 * cuBLASLt's view of a row-major product: memory that holds y [n][k] row by row holds its transpose column by column,
 * so what is asked for is y' = op_T(weight) x' with k rows, n columns and c terms, and no matrix is moved. The bias
 * runs along the rows of y', the residual lies in y (beta is 1). Of a matrix that is stored turned it is the other way
 * round. The first algorithm of the heuristics is taken, found once per plan; pointers are 16-byte aligned and no more.
 */
#include "cuda/vendor/blas.h"

#include "cuda/vendor/blas_api.h"

#include <inttypes.h>

#define LT(name) WEFT_LT_##name

enum { ALIGNMENT = 16, DEFAULT_WORKSPACE = 32 << 20 };

struct weft_blas {
    const weft_vendor *vendor;
    const weft_allocator *allocator;
    weft_cublaslt handle;
};

enum { WEIGHT, X, Y, LAYOUTS };

struct weft_blas_plan {
    const weft_blas *blas;
    weft_blas_matmul matmul;
    weft_cublaslt_matmul desc;
    weft_cublaslt_layout layout[LAYOUTS];
    weft_cublaslt_choice choice;
};

#define TRY_LT(plan, function, arguments)                                                                              \
    do {                                                                                                               \
        const int try_lt_ = (plan)->blas->vendor->function arguments;                                                  \
        if (try_lt_ != 0)                                                                                              \
            return weft_vendor_cublaslt_failed((plan)->blas->vendor, try_lt_, #function, (plan)->matmul.name);         \
    } while (0)

weft_status weft_blas_create(const weft_vendor *vendor, const weft_allocator *allocator, weft_blas **out)
{
    weft_blas *blas = weft_calloc(allocator, 1, sizeof *blas);
    if (!blas)
        return WEFT_NO_MEMORY;
    blas->vendor = vendor;
    blas->allocator = allocator;
    const int failed = vendor->cublasLtCreate(&blas->handle);
    if (failed) {
        weft_free(allocator, blas);
        (void)weft_vendor_cublaslt_failed(vendor, failed, "cublasLtCreate", "cuBLASLt");
        return weft_fail(WEFT_NO_DEVICE, "%s", weft_error());
    }
    *out = blas;
    return WEFT_OK;
}

void weft_blas_destroy(weft_blas *blas)
{
    if (!blas)
        return;
    blas->vendor->cublasLtDestroy(blas->handle);
    weft_free(blas->allocator, blas);
}

/* ---- planning ---- */

/* Defaults filled in; INVALID for what is no product. */
static weft_status resolve(const weft_blas_matmul *given, weft_blas_matmul *m)
{
    *m = *given;
    if (!m->name)
        m->name = "matrix product";
    if (m->batch == 0)
        m->batch = 1;
    if (m->batch < 1 || m->n < 1 || m->c < 1 || m->k < 1 || m->batch > INT32_MAX || m->n > INT32_MAX ||
        m->c > INT32_MAX || m->k > INT32_MAX)
        return weft_fail(WEFT_INVALID, "%s: %" PRId64 " products of %" PRId64 "x%" PRId64 " by %" PRId64 " outputs",
                         m->name, m->batch, m->n, m->c, m->k);
    if (m->dtype != WEFT_F32 && m->dtype != WEFT_F16 && m->dtype != WEFT_BF16)
        return weft_fail(WEFT_INVALID, "%s: matrices of %s; f32, f16 or bf16 is expected", m->name,
                         weft_dtype_name(m->dtype));
    const int64_t x_row = m->x_turned ? m->n : m->c, weight_row = m->weight_turned ? m->k : m->c;
    m->x_ld = m->x_ld ? m->x_ld : x_row;
    m->y_ld = m->y_ld ? m->y_ld : m->k;
    m->weight_ld = m->weight_ld ? m->weight_ld : weight_row;
    if (m->x_ld < x_row || m->y_ld < m->k || m->weight_ld < weight_row)
        return weft_fail(WEFT_INVALID,
                         "%s: rows of %" PRId64 ", %" PRId64 " and %" PRId64 " overlap at pitches %" PRId64 ", %" PRId64
                         " and %" PRId64,
                         m->name, x_row, weight_row, m->k, m->x_ld, m->weight_ld, m->y_ld);
    m->x_stride = m->x_stride ? m->x_stride : (m->x_turned ? m->c : m->n) * m->x_ld;
    m->y_stride = m->y_stride ? m->y_stride : m->n * m->y_ld;
    const int64_t weight = (m->weight_turned ? m->c : m->k) * m->weight_ld;
    m->weight_stride = m->shared_weight ? 0 : m->weight_stride ? m->weight_stride : weight;
    m->workspace_limit = m->workspace_limit ? m->workspace_limit : DEFAULT_WORKSPACE;
    return WEFT_OK;
}

static weft_status set_bias(const weft_blas_plan *plan, const void *bias)
{
    TRY_LT(plan, cublasLtMatmulDescSetAttribute,
           (plan->desc, LT(CUBLASLT_MATMUL_DESC_BIAS_POINTER), &bias, sizeof bias));
    return WEFT_OK;
}

static int type_of(weft_dtype dtype)
{
    return dtype == WEFT_F16 ? LT(CUDA_R_16F) : dtype == WEFT_BF16 ? LT(CUDA_R_16BF) : LT(CUDA_R_32F);
}

static weft_status make_desc(weft_blas_plan *plan, int bias_type)
{
    const weft_blas_matmul *m = &plan->matmul;
    const int transpose = LT(CUBLAS_OP_T);
    const struct {
        int attribute;
        bool set;
    } operand[] = { { LT(CUBLASLT_MATMUL_DESC_TRANSA), !m->weight_turned },
                    { LT(CUBLASLT_MATMUL_DESC_TRANSB), m->x_turned } };
    const int compute = m->dtype == WEFT_F32 && !m->strict ? LT(CUBLAS_COMPUTE_32F_FAST_TF32) : LT(CUBLAS_COMPUTE_32F);
    const int act = m->act == WEFT_BLAS_RELU   ? LT(CUBLASLT_EPILOGUE_RELU)
                    : m->act == WEFT_BLAS_GELU ? LT(CUBLASLT_EPILOGUE_GELU)
                                               : 0;
    int epilogue = act | (m->bias ? LT(CUBLASLT_EPILOGUE_BIAS) : 0);
    if (epilogue == 0)
        epilogue = LT(CUBLASLT_EPILOGUE_DEFAULT);
    TRY_LT(plan, cublasLtMatmulDescCreate, (&plan->desc, compute, LT(CUDA_R_32F)));
    for (int i = 0; i < WEFT_COUNT(operand); i++)
        if (operand[i].set)
            TRY_LT(plan, cublasLtMatmulDescSetAttribute,
                   (plan->desc, operand[i].attribute, &transpose, sizeof transpose));
    TRY_LT(plan, cublasLtMatmulDescSetAttribute,
           (plan->desc, LT(CUBLASLT_MATMUL_DESC_EPILOGUE), &epilogue, sizeof epilogue));
    if (!m->bias)
        return WEFT_OK;
    TRY_LT(plan, cublasLtMatmulDescSetAttribute,
           (plan->desc, LT(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE), &bias_type, sizeof bias_type));
    return set_bias(plan, plan); /* the heuristics look at how an address is aligned; the bias is not known yet */
}

/* Columns are the rows of the matrix as weft stores it. */
static weft_status make_layout(weft_blas_plan *plan, int index, int type, int64_t rows, int64_t columns, int64_t ld,
                               int64_t stride)
{
    const int batch = (int)plan->matmul.batch;
    TRY_LT(plan, cublasLtMatrixLayoutCreate, (&plan->layout[index], type, (uint64_t)rows, (uint64_t)columns, ld));
    TRY_LT(plan, cublasLtMatrixLayoutSetAttribute,
           (plan->layout[index], LT(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT), &batch, sizeof batch));
    TRY_LT(plan, cublasLtMatrixLayoutSetAttribute,
           (plan->layout[index], LT(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET), &stride, sizeof stride));
    return WEFT_OK;
}

static weft_status choose(weft_blas_plan *plan, weft_cublaslt_preference preference)
{
    const weft_vendor *vendor = plan->blas->vendor;
    const size_t limit = plan->matmul.workspace_limit;
    TRY_LT(plan, cublasLtMatmulPreferenceSetAttribute,
           (preference, LT(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES), &limit, sizeof limit));
    for (int i = 0; i < 4; i++) {
        const uint32_t bytes = ALIGNMENT;
        TRY_LT(plan, cublasLtMatmulPreferenceSetAttribute,
               (preference, LT(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES) + i, &bytes, sizeof bytes));
    }
    int found = 0;
    const weft_cublaslt_layout *l = plan->layout;
    const int failed = vendor->cublasLtMatmulAlgoGetHeuristic(plan->blas->handle, plan->desc, l[WEIGHT], l[X], l[Y],
                                                              l[Y], preference, 1, &plan->choice, &found);
    const bool sound = found == 1 && plan->choice.state == 0 && plan->choice.workspace <= limit;
    if (failed == LT(CUBLAS_STATUS_NOT_SUPPORTED) || (!failed && !sound))
        return weft_fail(WEFT_UNSUPPORTED,
                         "%s: cuBLASLt has no algorithm for %" PRId64 " products of %" PRId64 "x%" PRId64 " by %" PRId64
                         " outputs in %s with %zu MiB of workspace",
                         plan->matmul.name, plan->matmul.batch, plan->matmul.n, plan->matmul.c, plan->matmul.k,
                         weft_dtype_name(plan->matmul.dtype), limit >> 20);
    return failed ? weft_vendor_cublaslt_failed(vendor, failed, "cublasLtMatmulAlgoGetHeuristic", plan->matmul.name)
                  : WEFT_OK;
}

static weft_status build(weft_blas_plan *plan)
{
    const weft_blas_matmul *m = &plan->matmul;
    const int type = type_of(m->dtype), y_type = type_of(m->float_y ? WEFT_F32 : m->dtype);
    weft_cublaslt_preference preference = NULL;
    WEFT_TRY(make_desc(plan, y_type));
    const bool wt = m->weight_turned, xt = m->x_turned;
    WEFT_TRY(make_layout(plan, WEIGHT, type, wt ? m->k : m->c, wt ? m->c : m->k, m->weight_ld, m->weight_stride));
    WEFT_TRY(make_layout(plan, X, type, xt ? m->n : m->c, xt ? m->c : m->n, m->x_ld, m->x_stride));
    WEFT_TRY(make_layout(plan, Y, y_type, m->k, m->n, m->y_ld, m->y_stride));
    TRY_LT(plan, cublasLtMatmulPreferenceCreate, (&preference));
    const weft_status status = choose(plan, preference);
    plan->blas->vendor->cublasLtMatmulPreferenceDestroy(preference);
    return status;
}

weft_status weft_blas_plan_create(weft_blas *blas, const weft_blas_matmul *matmul, weft_blas_plan **out)
{
    weft_blas_matmul whole;
    WEFT_TRY(resolve(matmul, &whole));
    weft_blas_plan *plan = weft_calloc(blas->allocator, 1, sizeof *plan);
    if (!plan)
        return WEFT_NO_MEMORY;
    plan->blas = blas;
    plan->matmul = whole;
    const weft_status status = build(plan);
    if (status != WEFT_OK) { /* whatever it is: there are other ways to a product */
        weft_blas_plan_destroy(plan);
        return status == WEFT_NO_MEMORY ? status : WEFT_UNSUPPORTED;
    }
    *out = plan;
    return WEFT_OK;
}

void weft_blas_plan_destroy(weft_blas_plan *plan)
{
    if (!plan)
        return;
    const weft_vendor *vendor = plan->blas->vendor;
    for (int i = 0; i < LAYOUTS; i++)
        if (plan->layout[i])
            vendor->cublasLtMatrixLayoutDestroy(plan->layout[i]);
    if (plan->desc)
        vendor->cublasLtMatmulDescDestroy(plan->desc);
    weft_free(plan->blas->allocator, plan);
}

size_t weft_blas_plan_workspace(const weft_blas_plan *plan)
{
    return plan->choice.workspace;
}

/* ---- running ---- */

weft_status weft_blas_plan_run(const weft_blas_plan *plan, weft_cuda_stream stream, const void *x, const void *weight,
                               const void *bias, void *y, void *workspace)
{
    const weft_blas_matmul *m = &plan->matmul;
    const float one = 1.0F, beta = m->add ? 1.0F : 0.0F;
    const weft_cublaslt_layout *l = plan->layout;
    if (!x || !weight || !y || (m->bias && !bias) || (plan->choice.workspace > 0 && !workspace))
        return weft_fail(WEFT_INVALID, "%s: a matrix, the bias or the workspace is missing", m->name);
    if (m->bias)
        WEFT_TRY(set_bias(plan, bias));
    const int failed = plan->blas->vendor->cublasLtMatmul(plan->blas->handle, plan->desc, &one, weight, l[WEIGHT], x,
                                                          l[X], &beta, y, l[Y], y, l[Y], &plan->choice.algo, workspace,
                                                          plan->choice.workspace, stream);
    if (!failed)
        return WEFT_OK;
    (void)weft_vendor_cublaslt_failed(plan->blas->vendor, failed, "cublasLtMatmul", m->name);
    return WEFT_UNSUPPORTED;
}
