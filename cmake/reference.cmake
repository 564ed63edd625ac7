# SPDX-License-Identifier: Apache-2.0
#
# The reference of the public headers as HTML, where Doxygen is installed: the target `reference`, which `all` does not
# need. What was built is installed.
find_program(DOXYGEN doxygen)
find_program(AWK NAMES gawk mawk awk)
mark_as_advanced(DOXYGEN AWK)
if(NOT DOXYGEN OR NOT AWK)
    return()
endif()
set(reference ${PROJECT_BINARY_DIR}/reference)
configure_file(${PROJECT_SOURCE_DIR}/docs/reference/Doxyfile.in ${reference}/Doxyfile @ONLY)
add_custom_target(reference VERBATIM COMMENT "reference of the public headers: ${reference}/html/index.html"
    COMMAND ${DOXYGEN} ${reference}/Doxyfile)
if(WEFT_INSTALL)
    install(DIRECTORY ${reference}/html DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
endif()
