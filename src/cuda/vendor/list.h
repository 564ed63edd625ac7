/* SPDX-License-Identifier: Apache-2.0
 *
 * Every NVIDIA library that the backend opens and every function that it calls, once. The lists make the struct of
 * function pointers (vendor.h), its loading (vendor.c) and the test that compares each signature with NVIDIA's own
 * headers (tests/cuda). Enumerations travel as int, handles as pointers to NVIDIA's opaque structs, so that host code
 * builds, and runs on doubles, where no toolkit is installed. Add a function: one row. */
#ifndef WEFT_CUDA_VENDOR_LIST_H
#define WEFT_CUDA_VENDOR_LIST_H

/* X(id, what it is, soname, the Debian package of NVIDIA's repository that brings it) */
#define WEFT_VENDOR_LIBRARIES(X)                                                                                       \
    X(CUDART, "CUDA runtime", "libcudart.so.13", "cuda-cudart-13-0")                                                   \
    X(CUBLASLT, "cuBLASLt", "libcublasLt.so.13", "libcublas-13-0")                                                     \
    X(CUDNN, "cuDNN", "libcudnn.so.9", "libcudnn9-cuda-13")

/* X(library, result, symbol, parameters) */
#define WEFT_VENDOR_CUDART(X)                                                                                          \
    X(CUDART, int, cudaRuntimeGetVersion, (int *version))                                                              \
    X(CUDART, int, cudaDriverGetVersion, (int *version))                                                               \
    X(CUDART, const char *, cudaGetErrorName, (int error))                                                             \
    X(CUDART, const char *, cudaGetErrorString, (int error))                                                           \
    X(CUDART, int, cudaGetLastError, (void))                                                                           \
    X(CUDART, int, cudaGetDeviceCount, (int *count))                                                                   \
    X(CUDART, int, cudaSetDevice, (int device))                                                                        \
    X(CUDART, int, cudaGetDevice, (int *device))                                                                       \
    X(CUDART, int, cudaGetDeviceProperties, (weft_cuda_properties * properties, int device))                           \
    X(CUDART, int, cudaDeviceGetAttribute, (int *value, int attribute, int device))                                    \
    X(CUDART, int, cudaDeviceSynchronize, (void))                                                                      \
    X(CUDART, int, cudaMemGetInfo, (size_t *available, size_t *total))                                                 \
    X(CUDART, int, cudaMalloc, (void **ptr, size_t bytes))                                                             \
    X(CUDART, int, cudaFree, (void *ptr))                                                                              \
    X(CUDART, int, cudaHostAlloc, (void **ptr, size_t bytes, unsigned flags))                                          \
    X(CUDART, int, cudaFreeHost, (void *ptr))                                                                          \
    X(CUDART, int, cudaMemcpy, (void *to, const void *from, size_t bytes, int kind))                                   \
    X(CUDART, int, cudaMemcpyAsync, (void *to, const void *from, size_t bytes, int kind, weft_cuda_stream stream))     \
    X(CUDART, int, cudaMemcpy2DAsync,                                                                                  \
      (void *to, size_t to_pitch, const void *from, size_t from_pitch, size_t width, size_t height, int kind,          \
       weft_cuda_stream stream))                                                                                       \
    X(CUDART, int, cudaMemsetAsync, (void *ptr, int value, size_t bytes, weft_cuda_stream stream))                     \
    X(CUDART, int, cudaStreamCreateWithFlags, (weft_cuda_stream * stream, unsigned flags))                             \
    X(CUDART, int, cudaStreamDestroy, (weft_cuda_stream stream))                                                       \
    X(CUDART, int, cudaStreamSynchronize, (weft_cuda_stream stream))                                                   \
    X(CUDART, int, cudaStreamQuery, (weft_cuda_stream stream))                                                         \
    X(CUDART, int, cudaStreamWaitEvent, (weft_cuda_stream stream, weft_cuda_event event, unsigned flags))              \
    X(CUDART, int, cudaStreamBeginCapture, (weft_cuda_stream stream, int mode))                                        \
    X(CUDART, int, cudaStreamEndCapture, (weft_cuda_stream stream, weft_cuda_graph * graph))                           \
    X(CUDART, int, cudaGraphInstantiate,                                                                               \
      (weft_cuda_graph_exec * exec, weft_cuda_graph graph, unsigned long long flags))                                  \
    X(CUDART, int, cudaGraphGetNodes, (weft_cuda_graph graph, weft_cuda_graph_node * nodes, size_t *count))            \
    X(CUDART, int, cudaGraphLaunch, (weft_cuda_graph_exec exec, weft_cuda_stream stream))                              \
    X(CUDART, int, cudaGraphExecDestroy, (weft_cuda_graph_exec exec))                                                  \
    X(CUDART, int, cudaGraphDestroy, (weft_cuda_graph graph))                                                          \
    X(CUDART, int, cudaEventCreateWithFlags, (weft_cuda_event * event, unsigned flags))                                \
    X(CUDART, int, cudaEventDestroy, (weft_cuda_event event))                                                          \
    X(CUDART, int, cudaEventRecord, (weft_cuda_event event, weft_cuda_stream stream))                                  \
    X(CUDART, int, cudaEventSynchronize, (weft_cuda_event event))                                                      \
    X(CUDART, int, cudaEventQuery, (weft_cuda_event event))                                                            \
    X(CUDART, int, cudaEventElapsedTime, (float *ms, weft_cuda_event start, weft_cuda_event end))

#define WEFT_VENDOR_CUBLASLT(X)                                                                                        \
    X(CUBLASLT, size_t, cublasLtGetVersion, (void))                                                                    \
    X(CUBLASLT, const char *, cublasLtGetStatusName, (int status))                                                     \
    X(CUBLASLT, int, cublasLtCreate, (weft_cublaslt * handle))                                                         \
    X(CUBLASLT, int, cublasLtDestroy, (weft_cublaslt handle))                                                          \
    X(CUBLASLT, int, cublasLtMatmulDescCreate, (weft_cublaslt_matmul * desc, int compute, int scale_type))             \
    X(CUBLASLT, int, cublasLtMatmulDescDestroy, (weft_cublaslt_matmul desc))                                           \
    X(CUBLASLT, int, cublasLtMatmulDescSetAttribute,                                                                   \
      (weft_cublaslt_matmul desc, int attribute, const void *value, size_t size))                                      \
    X(CUBLASLT, int, cublasLtMatrixLayoutCreate,                                                                       \
      (weft_cublaslt_layout * layout, int type, uint64_t rows, uint64_t cols, int64_t ld))                             \
    X(CUBLASLT, int, cublasLtMatrixLayoutDestroy, (weft_cublaslt_layout layout))                                       \
    X(CUBLASLT, int, cublasLtMatrixLayoutSetAttribute,                                                                 \
      (weft_cublaslt_layout layout, int attribute, const void *value, size_t size))                                    \
    X(CUBLASLT, int, cublasLtMatmulPreferenceCreate, (weft_cublaslt_preference * preference))                          \
    X(CUBLASLT, int, cublasLtMatmulPreferenceDestroy, (weft_cublaslt_preference preference))                           \
    X(CUBLASLT, int, cublasLtMatmulPreferenceSetAttribute,                                                             \
      (weft_cublaslt_preference preference, int attribute, const void *value, size_t size))                            \
    X(CUBLASLT, int, cublasLtMatmulAlgoGetHeuristic,                                                                   \
      (weft_cublaslt handle, weft_cublaslt_matmul desc, weft_cublaslt_layout a, weft_cublaslt_layout b,                \
       weft_cublaslt_layout c, weft_cublaslt_layout d, weft_cublaslt_preference preference, int wanted,                \
       weft_cublaslt_choice *choices, int *found))                                                                     \
    X(CUBLASLT, int, cublasLtMatmul,                                                                                   \
      (weft_cublaslt handle, weft_cublaslt_matmul desc, const void *alpha, const void *a,                              \
       weft_cublaslt_layout a_layout, const void *b, weft_cublaslt_layout b_layout, const void *beta, const void *c,   \
       weft_cublaslt_layout c_layout, void *d, weft_cublaslt_layout d_layout, const weft_cublaslt_algo *algo,          \
       void *workspace, size_t workspace_bytes, weft_cuda_stream stream))

#define WEFT_VENDOR_CUDNN(X)                                                                                           \
    X(CUDNN, size_t, cudnnGetVersion, (void))                                                                          \
    X(CUDNN, size_t, cudnnGetCudartVersion, (void))                                                                    \
    X(CUDNN, const char *, cudnnGetErrorString, (int status))                                                          \
    X(CUDNN, void, cudnnGetLastErrorString, (char *message, size_t size))                                              \
    X(CUDNN, int, cudnnCreate, (weft_cudnn * handle))                                                                  \
    X(CUDNN, int, cudnnDestroy, (weft_cudnn handle))                                                                   \
    X(CUDNN, int, cudnnSetStream, (weft_cudnn handle, weft_cuda_stream stream))                                        \
    X(CUDNN, int, cudnnBackendCreateDescriptor, (int type, weft_cudnn_descriptor * descriptor))                        \
    X(CUDNN, int, cudnnBackendDestroyDescriptor, (weft_cudnn_descriptor descriptor))                                   \
    X(CUDNN, int, cudnnBackendSetAttribute,                                                                            \
      (weft_cudnn_descriptor descriptor, int attribute, int type, int64_t count, const void *values))                  \
    X(CUDNN, int, cudnnBackendGetAttribute,                                                                            \
      (weft_cudnn_descriptor descriptor, int attribute, int type, int64_t wanted, int64_t *count, void *values))       \
    X(CUDNN, int, cudnnBackendFinalize, (weft_cudnn_descriptor descriptor))                                            \
    X(CUDNN, int, cudnnBackendExecute,                                                                                 \
      (weft_cudnn handle, weft_cudnn_descriptor plan, weft_cudnn_descriptor variant_pack))

#define WEFT_VENDOR_FUNCTIONS(X)                                                                                       \
    WEFT_VENDOR_CUDART(X)                                                                                              \
    WEFT_VENDOR_CUBLASLT(X)                                                                                            \
    WEFT_VENDOR_CUDNN(X)

/* Libraries of which nothing is called here: looked for, so that a report can say what is missing. Without the
 * required ones cuDNN plans less than the backend asks for, and says so only by an empty list of engines.
 * X(what it is, soname, package, what is lost without it) */
#define WEFT_VENDOR_PARTS(X)                                                                                           \
    X("NVRTC", "libnvrtc.so.13", "cuda-nvrtc-13-0", "fused kernels cannot be compiled")                                \
    X("cuDNN graph", "libcudnn_graph.so.9", "libcudnn9-cuda-13", "nothing can be planned")                             \
    X("cuDNN heuristics", "libcudnn_heuristic.so.9", "libcudnn9-cuda-13", "no engine is proposed")                     \
    X("cuDNN precompiled engines", "libcudnn_engines_precompiled.so.9", "libcudnn9-cuda-13",                           \
      "most convolutions lose their fastest kernels")                                                                  \
    X("cuDNN runtime-compiled engines", "libcudnn_engines_runtime_compiled.so.9", "libcudnn9-cuda-13",                 \
      "fused kernels cannot be compiled")

#endif
