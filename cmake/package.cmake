# SPDX-License-Identifier: Apache-2.0
#
# What cpack makes of an install: a .deb, which asks for the libraries that the program and the library are linked with,
# and a .tar.gz that may be unpacked anywhere.
#   cmake --preset release -DCMAKE_INSTALL_PREFIX=/usr -DWEFT_REFERENCE=ON && cmake --build --preset release
#   cpack --config build/release/CPackConfig.cmake -B build/packages
set(CPACK_GENERATOR "DEB;TGZ")
set(CPACK_PACKAGE_NAME weft)
set(CPACK_PACKAGE_VENDOR "the weft authors")
set(CPACK_PACKAGE_CONTACT "the weft authors <maintainers@weft.invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY ${PROJECT_DESCRIPTION})
set(CPACK_PACKAGE_DESCRIPTION
    "Convolutional networks as their papers, Keras, torchvision or timm have them, planned once and run as a flat list \
of steps. The program weft classifies, evaluates, converts and benchmarks; the library libweft is C11.")
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_RESOURCE_FILE_README ${PROJECT_SOURCE_DIR}/README.md)
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_FILE_NAME weft-${PROJECT_VERSION}-linux-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_VERBATIM_VARIABLES ON)
# Not the plug-in of MPI: it is good for the MPI alone that it was built with, and a package would ask for that.
set(CPACK_INSTALL_CMAKE_PROJECTS "${PROJECT_BINARY_DIR};weft;Unspecified;/")

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR})
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS OFF)
set(CPACK_DEBIAN_PACKAGE_HOMEPAGE "")
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${PROJECT_BINARY_DIR}/debian/triggers")
file(WRITE ${PROJECT_BINARY_DIR}/debian/triggers "activate-noawait ldconfig\n")
include(CPack)
