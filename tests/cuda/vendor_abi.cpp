// SPDX-License-Identifier: Apache-2.0
//
// Are NVIDIA's functions and enumerators what weft says they are? Compiled against the toolkit's headers where there is
// one; that it compiles is the test. A function agrees if results and parameters are pairwise both pointers, or both
// integers or enumerations of one size, or the same type.
#include <cublasLt.h>
#include <cuda_runtime_api.h>
#include <cudnn.h>

#include <cstddef>

#include "abi.h"
#include "cuda/vendor/blas_api.h"
#include "cuda/dnn/api.h"
#include "cuda/vendor/vendor.h"

namespace {

#define FUNCTION(library, result, symbol, parameters)                                                                  \
    static_assert(agree<decltype(&::symbol), decltype(weft_vendor::symbol)>::value, #symbol);
WEFT_VENDOR_FUNCTIONS(FUNCTION)

#define CUDNN_VALUE(name, value) static_assert(static_cast<int>(CUDNN_##name) == (value), #name);
WEFT_CUDNN_API(CUDNN_VALUE)
#define CUBLASLT_VALUE(name, value) static_assert(static_cast<int>(name) == (value), #name);
WEFT_CUBLASLT_API(CUBLASLT_VALUE)

#define EQUAL(ours, theirs) static_assert(static_cast<int>(ours) == static_cast<int>(theirs), #theirs);
EQUAL(WEFT_CUDA_SUCCESS, cudaSuccess)
EQUAL(WEFT_CUDA_OUT_OF_MEMORY, cudaErrorMemoryAllocation)
EQUAL(WEFT_CUDA_STUB_LIBRARY, cudaErrorStubLibrary)
EQUAL(WEFT_CUDA_INSUFFICIENT_DRIVER, cudaErrorInsufficientDriver)
EQUAL(WEFT_CUDA_NO_DEVICE, cudaErrorNoDevice)
EQUAL(WEFT_CUDA_NOT_READY, cudaErrorNotReady)
EQUAL(WEFT_CUDA_HOST_TO_DEVICE, cudaMemcpyHostToDevice)
EQUAL(WEFT_CUDA_DEVICE_TO_HOST, cudaMemcpyDeviceToHost)
EQUAL(WEFT_CUDA_DEVICE_TO_DEVICE, cudaMemcpyDeviceToDevice)
EQUAL(WEFT_CUDA_STREAM_NON_BLOCKING, cudaStreamNonBlocking)
EQUAL(WEFT_CUDA_EVENT_DISABLE_TIMING, cudaEventDisableTiming)
EQUAL(WEFT_CUDA_HOST_DEFAULT, cudaHostAllocDefault)
EQUAL(WEFT_CUDA_CAPTURE_THREAD_LOCAL, cudaStreamCaptureModeThreadLocal)
EQUAL(WEFT_CUDA_ATTR_CLOCK_KHZ, cudaDevAttrClockRate)
EQUAL(WEFT_CUDA_ATTR_SM_COUNT, cudaDevAttrMultiProcessorCount)
EQUAL(WEFT_CUDA_ATTR_MEMORY_CLOCK_KHZ, cudaDevAttrMemoryClockRate)
EQUAL(WEFT_CUDA_ATTR_MEMORY_BUS_BITS, cudaDevAttrGlobalMemoryBusWidth)
EQUAL(WEFT_CUDA_ATTR_L2_BYTES, cudaDevAttrL2CacheSize)
EQUAL(WEFT_CUDA_ATTR_MAJOR, cudaDevAttrComputeCapabilityMajor)
EQUAL(WEFT_CUDA_ATTR_MINOR, cudaDevAttrComputeCapabilityMinor)

static_assert(sizeof(weft_cuda_properties) >= sizeof(cudaDeviceProp), "cudaDeviceProp");
static_assert(offsetof(cudaDeviceProp, name) == 0 && sizeof(cudaDeviceProp::name) == sizeof(weft_cuda_properties::name),
              "cudaDeviceProp::name");
static_assert(offsetof(cudaDeviceProp, totalGlobalMem) == offsetof(weft_cuda_properties, memory) &&
                  sizeof(cudaDeviceProp::totalGlobalMem) == sizeof(weft_cuda_properties::memory),
              "cudaDeviceProp::totalGlobalMem");
static_assert(sizeof(weft_cublaslt_algo) == sizeof(cublasLtMatmulAlgo_t), "cublasLtMatmulAlgo_t");
static_assert(sizeof(weft_cublaslt_choice) == sizeof(cublasLtMatmulHeuristicResult_t), "heuristic result");
static_assert(offsetof(weft_cublaslt_choice, workspace) == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize) &&
                  offsetof(weft_cublaslt_choice, state) == offsetof(cublasLtMatmulHeuristicResult_t, state),
              "heuristic result");
static_assert(sizeof(weft_cudnn_fraction) == sizeof(cudnnFraction_t), "cudnnFraction_t");

} // namespace
