/* SPDX-License-Identifier: Apache-2.0
 *
 * The enumerators of cuDNN's graph API that weft passes, restated so that the wrapper builds without NVIDIA's headers;
 * a test compares each with them (tests/cuda). WEFT_CUDNN_HEUR_MODE_A is cuDNN's CUDNN_HEUR_MODE_A. */
#ifndef WEFT_CUDA_DNN_API_H
#define WEFT_CUDA_DNN_API_H

#include <stdint.h>

/* X(name without CUDNN_, value) */
#define WEFT_CUDNN_API(X)                                                                                              \
    /* data types and kinds of attributes */                                                                           \
    X(DATA_FLOAT, 0)                                                                                                   \
    X(DATA_HALF, 2)                                                                                                    \
    X(DATA_BFLOAT16, 9)                                                                                                \
    X(TYPE_HANDLE, 0)                                                                                                  \
    X(TYPE_DATA_TYPE, 1)                                                                                               \
    X(TYPE_BOOLEAN, 2)                                                                                                 \
    X(TYPE_INT64, 3)                                                                                                   \
    X(TYPE_FLOAT, 4)                                                                                                   \
    X(TYPE_DOUBLE, 5)                                                                                                  \
    X(TYPE_VOID_PTR, 6)                                                                                                \
    X(TYPE_CONVOLUTION_MODE, 7)                                                                                        \
    X(TYPE_HEUR_MODE, 8)                                                                                               \
    X(TYPE_NAN_PROPOGATION, 10)                                                                                        \
    X(TYPE_NUMERICAL_NOTE, 11)                                                                                         \
    X(TYPE_POINTWISE_MODE, 14)                                                                                         \
    X(TYPE_BACKEND_DESCRIPTOR, 15)                                                                                     \
    X(TYPE_GENSTATS_MODE, 16)                                                                                          \
    X(TYPE_BEHAVIOR_NOTE, 19)                                                                                          \
    X(TYPE_RESAMPLE_MODE, 21)                                                                                          \
    X(TYPE_PADDING_MODE, 22)                                                                                           \
    X(TYPE_CHAR, 24)                                                                                                   \
    X(TYPE_FRACTION, 26)                                                                                               \
    /* descriptors */                                                                                                  \
    X(BACKEND_POINTWISE_DESCRIPTOR, 0)                                                                                 \
    X(BACKEND_CONVOLUTION_DESCRIPTOR, 1)                                                                               \
    X(BACKEND_ENGINE_DESCRIPTOR, 2)                                                                                    \
    X(BACKEND_ENGINECFG_DESCRIPTOR, 3)                                                                                 \
    X(BACKEND_ENGINEHEUR_DESCRIPTOR, 4)                                                                                \
    X(BACKEND_EXECUTION_PLAN_DESCRIPTOR, 5)                                                                            \
    X(BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, 10)                                                            \
    X(BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, 11)                                                    \
    X(BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, 12)                                                      \
    X(BACKEND_OPERATION_POINTWISE_DESCRIPTOR, 13)                                                                      \
    X(BACKEND_OPERATION_GEN_STATS_DESCRIPTOR, 14)                                                                      \
    X(BACKEND_OPERATIONGRAPH_DESCRIPTOR, 15)                                                                           \
    X(BACKEND_VARIANT_PACK_DESCRIPTOR, 16)                                                                             \
    X(BACKEND_TENSOR_DESCRIPTOR, 17)                                                                                   \
    X(BACKEND_MATMUL_DESCRIPTOR, 18)                                                                                   \
    X(BACKEND_OPERATION_MATMUL_DESCRIPTOR, 19)                                                                         \
    X(BACKEND_RESAMPLE_DESCRIPTOR, 24)                                                                                 \
    X(BACKEND_OPERATION_RESAMPLE_FWD_DESCRIPTOR, 25)                                                                   \
    X(BACKEND_DEVICEPROP_DESCRIPTOR, 38)                                                                               \
    /* tensors */                                                                                                      \
    X(ATTR_TENSOR_BYTE_ALIGNMENT, 900)                                                                                 \
    X(ATTR_TENSOR_DATA_TYPE, 901)                                                                                      \
    X(ATTR_TENSOR_DIMENSIONS, 902)                                                                                     \
    X(ATTR_TENSOR_STRIDES, 903)                                                                                        \
    X(ATTR_TENSOR_UNIQUE_ID, 906)                                                                                      \
    X(ATTR_TENSOR_IS_VIRTUAL, 907)                                                                                     \
    X(ATTR_TENSOR_IS_BY_VALUE, 908)                                                                                    \
    /* convolution */                                                                                                  \
    X(CROSS_CORRELATION, 1)                                                                                            \
    X(ATTR_CONVOLUTION_COMP_TYPE, 100)                                                                                 \
    X(ATTR_CONVOLUTION_CONV_MODE, 101)                                                                                 \
    X(ATTR_CONVOLUTION_DILATIONS, 102)                                                                                 \
    X(ATTR_CONVOLUTION_FILTER_STRIDES, 103)                                                                            \
    X(ATTR_CONVOLUTION_POST_PADDINGS, 104)                                                                             \
    X(ATTR_CONVOLUTION_PRE_PADDINGS, 105)                                                                              \
    X(ATTR_CONVOLUTION_SPATIAL_DIMS, 106)                                                                              \
    X(ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, 700)                                                                   \
    X(ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, 701)                                                                    \
    X(ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, 702)                                                               \
    X(ATTR_OPERATION_CONVOLUTION_FORWARD_W, 703)                                                                       \
    X(ATTR_OPERATION_CONVOLUTION_FORWARD_X, 704)                                                                       \
    X(ATTR_OPERATION_CONVOLUTION_FORWARD_Y, 705)                                                                       \
    X(ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA, 706)                                                                  \
    X(ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, 707)                                                                   \
    X(ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC, 708)                                                              \
    X(ATTR_OPERATION_CONVOLUTION_BWD_DATA_W, 709)                                                                      \
    X(ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, 710)                                                                     \
    X(ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY, 711)                                                                     \
    X(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA, 712)                                                                \
    X(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, 713)                                                                 \
    X(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC, 714)                                                            \
    X(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW, 715)                                                                   \
    X(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, 716)                                                                    \
    X(ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY, 717)                                                                   \
    /* matrix product */                                                                                               \
    X(ATTR_MATMUL_COMP_TYPE, 1500)                                                                                     \
    X(ATTR_OPERATION_MATMUL_ADESC, 1520)                                                                               \
    X(ATTR_OPERATION_MATMUL_BDESC, 1521)                                                                               \
    X(ATTR_OPERATION_MATMUL_CDESC, 1522)                                                                               \
    X(ATTR_OPERATION_MATMUL_DESC, 1523)                                                                                \
    /* pooling */                                                                                                      \
    X(RESAMPLE_AVGPOOL_INCLUDE_PADDING, 2)                                                                             \
    X(RESAMPLE_AVGPOOL_EXCLUDE_PADDING, 4)                                                                             \
    X(RESAMPLE_MAXPOOL, 3)                                                                                             \
    X(ZERO_PAD, 0)                                                                                                     \
    X(NEG_INF_PAD, 1)                                                                                                  \
    X(PROPAGATE_NAN, 1)                                                                                                \
    X(ATTR_RESAMPLE_MODE, 1700)                                                                                        \
    X(ATTR_RESAMPLE_COMP_TYPE, 1701)                                                                                   \
    X(ATTR_RESAMPLE_SPATIAL_DIMS, 1702)                                                                                \
    X(ATTR_RESAMPLE_POST_PADDINGS, 1703)                                                                               \
    X(ATTR_RESAMPLE_PRE_PADDINGS, 1704)                                                                                \
    X(ATTR_RESAMPLE_STRIDES, 1705)                                                                                     \
    X(ATTR_RESAMPLE_WINDOW_DIMS, 1706)                                                                                 \
    X(ATTR_RESAMPLE_NAN_PROPAGATION, 1707)                                                                             \
    X(ATTR_RESAMPLE_PADDING_MODE, 1708)                                                                                \
    X(ATTR_OPERATION_RESAMPLE_FWD_XDESC, 1710)                                                                         \
    X(ATTR_OPERATION_RESAMPLE_FWD_YDESC, 1711)                                                                         \
    X(ATTR_OPERATION_RESAMPLE_FWD_DESC, 1716)                                                                          \
    /* pointwise */                                                                                                    \
    X(POINTWISE_ADD, 0)                                                                                                \
    X(POINTWISE_MUL, 1)                                                                                                \
    X(POINTWISE_MIN, 2)                                                                                                \
    X(POINTWISE_RELU_FWD, 100)                                                                                         \
    X(POINTWISE_TANH_FWD, 101)                                                                                         \
    X(POINTWISE_SIGMOID_FWD, 102)                                                                                      \
    X(POINTWISE_GELU_FWD, 104)                                                                                         \
    X(POINTWISE_SWISH_FWD, 106)                                                                                        \
    X(ATTR_POINTWISE_MODE, 0)                                                                                          \
    X(ATTR_POINTWISE_MATH_PREC, 1)                                                                                     \
    X(ATTR_POINTWISE_RELU_LOWER_CLIP_SLOPE, 5)                                                                         \
    X(ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, 750)                                                                     \
    X(ATTR_OPERATION_POINTWISE_XDESC, 751)                                                                             \
    X(ATTR_OPERATION_POINTWISE_BDESC, 752)                                                                             \
    X(ATTR_OPERATION_POINTWISE_YDESC, 753)                                                                             \
    /* graphs, heuristics, plans */                                                                                    \
    X(HEUR_MODE_A, 3)                                                                                                  \
    X(HEUR_MODE_FALLBACK, 2)                                                                                           \
    X(GENSTATS_SUM_SQSUM, 0)                                                                                           \
    X(ATTR_OPERATION_GENSTATS_MODE, 770)                                                                               \
    X(ATTR_OPERATION_GENSTATS_MATH_PREC, 771)                                                                          \
    X(ATTR_OPERATION_GENSTATS_XDESC, 772)                                                                              \
    X(ATTR_OPERATION_GENSTATS_SUMDESC, 773)                                                                            \
    X(ATTR_OPERATION_GENSTATS_SQSUMDESC, 774)                                                                          \
    X(ATTR_OPERATIONGRAPH_OPS, 801)                                                                                    \
    X(ATTR_ENGINEHEUR_MODE, 200)                                                                                       \
    X(ATTR_ENGINEHEUR_OPERATION_GRAPH, 201)                                                                            \
    X(ATTR_ENGINEHEUR_RESULTS, 202)                                                                                    \
    X(ATTR_ENGINEHEUR_DEVICEPROP, 204)                                                                                 \
    X(ATTR_ENGINECFG_ENGINE, 300)                                                                                      \
    X(ATTR_ENGINECFG_WORKSPACE_SIZE, 303)                                                                              \
    X(ATTR_ENGINE_GLOBAL_INDEX, 1301)                                                                                  \
    X(ATTR_ENGINE_NUMERICAL_NOTE, 1303)                                                                                \
    X(ATTR_ENGINE_BEHAVIOR_NOTE, 1305)                                                                                 \
    X(BEHAVIOR_NOTE_RUNTIME_COMPILATION, 0)                                                                            \
    X(NUMERICAL_NOTE_TENSOR_CORE, 0)                                                                                   \
    X(NUMERICAL_NOTE_DOWN_CONVERT_INPUTS, 1)                                                                           \
    X(NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION, 2)                                                                   \
    X(NUMERICAL_NOTE_FFT, 3)                                                                                           \
    X(NUMERICAL_NOTE_NONDETERMINISTIC, 4)                                                                              \
    X(NUMERICAL_NOTE_WINOGRAD, 5)                                                                                      \
    X(ATTR_EXECUTION_PLAN_ENGINE_CONFIG, 401)                                                                          \
    X(ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, 402)                                                                         \
    X(ATTR_EXECUTION_PLAN_JSON_REPRESENTATION, 405)                                                                    \
    X(ATTR_EXECUTION_PLAN_DEVICEPROP, 407)                                                                             \
    X(ATTR_VARIANT_PACK_UNIQUE_IDS, 1000)                                                                              \
    X(ATTR_VARIANT_PACK_DATA_POINTERS, 1001)                                                                           \
    X(ATTR_VARIANT_PACK_WORKSPACE, 1003)                                                                               \
    X(ATTR_DEVICEPROP_DEVICE_ID, 2700)                                                                                 \
    X(ATTR_DEVICEPROP_HANDLE, 2701)                                                                                    \
    X(ATTR_DEVICEPROP_JSON_REPRESENTATION, 2702)

enum {
#define WEFT_CUDNN_ENUM(name, value) WEFT_CUDNN_##name = value,
    WEFT_CUDNN_API(WEFT_CUDNN_ENUM)
#undef WEFT_CUDNN_ENUM
};

/* cudnnFraction_t: windows and strides of pooling. */
typedef struct weft_cudnn_fraction {
    int64_t numerator, denominator;
} weft_cudnn_fraction;

#endif
