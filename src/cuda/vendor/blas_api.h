/* SPDX-License-Identifier: Apache-2.0
 *
 * The enumerators of cuBLASLt that weft passes, restated as in dnn/api.h; a test compares each with NVIDIA's. */
#ifndef WEFT_CUDA_VENDOR_BLAS_API_H
#define WEFT_CUDA_VENDOR_BLAS_API_H

/* X(name, value): WEFT_LT_name is name. */
#define WEFT_CUBLASLT_API(X)                                                                                           \
    X(CUBLAS_OP_T, 1)                                                                                                  \
    X(CUBLAS_COMPUTE_32F, 68)                                                                                          \
    X(CUBLAS_COMPUTE_32F_FAST_TF32, 77)                                                                                \
    X(CUBLAS_STATUS_NOT_SUPPORTED, 15)                                                                                 \
    X(CUDA_R_32F, 0)                                                                                                   \
    X(CUDA_R_16F, 2)                                                                                                   \
    X(CUDA_R_16BF, 14)                                                                                                 \
    X(CUBLASLT_MATMUL_DESC_TRANSA, 3)                                                                                  \
    X(CUBLASLT_MATMUL_DESC_TRANSB, 4)                                                                                  \
    X(CUBLASLT_MATMUL_DESC_EPILOGUE, 7)                                                                                \
    X(CUBLASLT_MATMUL_DESC_BIAS_POINTER, 8)                                                                            \
    X(CUBLASLT_MATMUL_DESC_BIAS_DATA_TYPE, 26)                                                                         \
    X(CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, 5)                                                                           \
    X(CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, 6)                                                                  \
    X(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, 1)                                                                     \
    X(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, 5)                                                                   \
    X(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, 6)                                                                   \
    X(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, 7)                                                                   \
    X(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, 8)                                                                   \
    X(CUBLASLT_EPILOGUE_DEFAULT, 1)                                                                                    \
    X(CUBLASLT_EPILOGUE_RELU, 2)                                                                                       \
    X(CUBLASLT_EPILOGUE_BIAS, 4)                                                                                       \
    X(CUBLASLT_EPILOGUE_GELU, 32)

enum {
#define WEFT_CUBLASLT_ENUM(name, value) WEFT_LT_##name = value,
    WEFT_CUBLASLT_API(WEFT_CUBLASLT_ENUM)
#undef WEFT_CUBLASLT_ENUM
};

#endif
