# SPDX-License-Identifier: Apache-2.0
#
# A port of this checkout, as an overlay: vcpkg install weft[core,tools] --overlay-ports=packaging/vcpkg. Each feature
# is one option of CMakeLists.txt; what is not asked for is off, whatever the machine has.
get_filename_component(SOURCE_PATH "${CURRENT_PORT_DIR}/../../.." ABSOLUTE)

vcpkg_check_features(OUT_FEATURE_OPTIONS FEATURE_OPTIONS
    FEATURES
        cuda WEFT_CUDA
        hdf5 WEFT_HDF5
        openblas WEFT_OPENBLAS
        tiff WEFT_TIFF
        tools WEFT_PROGRAM
        webp WEFT_WEBP
)
set(library STATIC)
if(VCPKG_LIBRARY_LINKAGE STREQUAL "dynamic")
    set(library SHARED)
endif()

# <Random123/philox.h>, of which some versions of the port make a folder random123.
set(random123 "${CURRENT_INSTALLED_DIR}/include")
if(NOT EXISTS "${random123}/Random123/philox.h")
    file(COPY "${random123}/random123/" DESTINATION "${CURRENT_BUILDTREES_DIR}/include/Random123")
    set(random123 "${CURRENT_BUILDTREES_DIR}/include")
endif()

vcpkg_find_acquire_program(PKGCONFIG)
vcpkg_cmake_configure(
    SOURCE_PATH "${SOURCE_PATH}"
    OPTIONS
        ${FEATURE_OPTIONS}
        "-DCMAKE_INSTALL_BINDIR=tools/weft"
        "-DCMAKE_INSTALL_LIBEXECDIR=tools"
        "-DPKG_CONFIG_EXECUTABLE=${PKGCONFIG}"
        "-DWEFT_BUILD_TESTS=OFF"
        "-DWEFT_LIBRARY=${library}"
        "-DWEFT_MPI=OFF"
        "-DWEFT_REFERENCE=OFF"
        "-DWEFT_RANDOM123_INCLUDE=${random123}"
)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH lib/cmake/weft)
vcpkg_fixup_pkgconfig()

file(REMOVE_RECURSE
    "${CURRENT_PACKAGES_DIR}/debug/include"
    "${CURRENT_PACKAGES_DIR}/debug/share"
    "${CURRENT_PACKAGES_DIR}/debug/tools")
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
