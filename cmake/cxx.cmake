# SPDX-License-Identifier: Apache-2.0
#
# The C++ compiler, if there is one: only the CUDA kernels' emulator needs it (tests/cuda/emu). weft_cxx_flags is what
# it compiles with; packs of channels read through other types and #pragma unroll are CUDA's ways.
include(CheckLanguage)
check_language(CXX)
if(NOT CMAKE_CXX_COMPILER)
    return()
endif()
enable_language(CXX)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
add_library(weft_cxx_flags INTERFACE)
target_include_directories(weft_cxx_flags INTERFACE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
target_compile_options(weft_cxx_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wundef -Wcast-qual
    -Wdouble-promotion -Wno-unknown-pragmas -fno-strict-aliasing -fno-exceptions -fno-rtti -ffp-contract=off
    $<$<BOOL:${WEFT_WERROR}>:-Werror> $<$<CONFIG:RelWithDebInfo>:-g1>) # lines: variables of templates cost a quarter
if(WEFT_SANITIZE)
    target_compile_options(weft_cxx_flags INTERFACE -fsanitize=${WEFT_SANITIZE} -fno-omit-frame-pointer
        -fno-sanitize-recover=all -Wno-maybe-uninitialized -O1)
    target_link_options(weft_cxx_flags INTERFACE -fsanitize=${WEFT_SANITIZE})
endif()
