// SPDX-License-Identifier: Apache-2.0
//
// Are NCCL's functions and enumerators what weft says they are? As vendor_abi.cpp; NVIDIA's header includes all of the
// runtime's, whose functions are overloaded there.
#include <nccl.h>

#include <cstddef>

#include "abi.h"
#include "cuda/vendor/nccl.h"

namespace {

template <> constexpr bool same<ncclUniqueId, weft_nccl_id> = sizeof(ncclUniqueId) == sizeof(weft_nccl_id);
#define FUNCTION(library, result, symbol, parameters)                                                             \
    static_assert(agree<decltype(&::symbol), decltype(weft_nccl::symbol)>::value, #symbol);
WEFT_NCCL_FUNCTIONS(FUNCTION)
#define EQUAL(ours, theirs) static_assert(static_cast<int>(ours) == static_cast<int>(theirs), #theirs);
EQUAL(WEFT_NCCL_SUCCESS, ncclSuccess)
EQUAL(WEFT_NCCL_INVALID_ARGUMENT, ncclInvalidArgument)
EQUAL(WEFT_NCCL_REMOTE_ERROR, ncclRemoteError)
EQUAL(WEFT_NCCL_IN_PROGRESS, ncclInProgress)
EQUAL(WEFT_NCCL_SUM, ncclSum)
EQUAL(WEFT_NCCL_AVG, ncclAvg)
EQUAL(WEFT_NCCL_F16, ncclFloat16)
EQUAL(WEFT_NCCL_F32, ncclFloat32)
EQUAL(WEFT_NCCL_BF16, ncclBfloat16)
static_assert(offsetof(weft_nccl_config, magic) == offsetof(ncclConfig_t, magic), "magic");
static_assert(offsetof(weft_nccl_config, version) == offsetof(ncclConfig_t, version), "version");
static_assert(offsetof(weft_nccl_config, blocking) == offsetof(ncclConfig_t, blocking), "blocking");

} // namespace
