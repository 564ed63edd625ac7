# SPDX-License-Identifier: Apache-2.0
#
# Toolchain file: weft for Linux on AArch64, built on another machine by Debian's cross compiler and run by qemu-user.
#   cmake/aarch64-root.sh build/aarch64-root
#   cmake -S . -B build/aarch64 -G Ninja --toolchain cmake/aarch64.cmake
# The libraries are in WEFT_AARCH64_ROOT, which aarch64-root.sh fills; where there is no such folder, those of a system
# with Debian's foreign architecture arm64 are taken.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(WEFT_AARCH64_ROOT ${CMAKE_CURRENT_LIST_DIR}/../build/aarch64-root CACHE PATH
    "Debian's packages for arm64, unpacked")
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES WEFT_AARCH64_ROOT)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
find_program(WEFT_AARCH64_CXX aarch64-linux-gnu-g++) # for CUDA's emulator only: none, rather than this machine's
set(CMAKE_CXX_COMPILER ${WEFT_AARCH64_CXX})
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)
set(root "")
if(EXISTS ${WEFT_AARCH64_ROOT}/usr/lib/aarch64-linux-gnu)
    get_filename_component(root ${WEFT_AARCH64_ROOT} REALPATH)
    set(CMAKE_SYSROOT ${root})
    list(APPEND CMAKE_CROSSCOMPILING_EMULATOR -L ${root})
endif()
# Programs are those of the machine that builds; headers and libraries those of AArch64.
set(ENV{PKG_CONFIG_LIBDIR} ${root}/usr/lib/aarch64-linux-gnu/pkgconfig:${root}/usr/share/pkgconfig)
set(ENV{PKG_CONFIG_SYSROOT_DIR} "${root}")
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
if(root)
    set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
    set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
endif()
unset(root)
