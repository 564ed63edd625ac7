# SPDX-License-Identifier: Apache-2.0
#
# What is installed, and where: program, libraries, public headers, pkg-config and CMake files, man pages. The
# program finds its library beside itself ($ORIGIN), so that an installed tree may be moved.
include(CMakePackageConfigHelpers)

file(RELATIVE_PATH to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(weft PROPERTIES INSTALL_RPATH "$ORIGIN") # of a bundle, whose libraries lie beside it
if(CMAKE_SYSTEM_NAME STREQUAL Linux)
    target_link_options(weft PRIVATE LINKER:--disable-new-dtags) # for what those load, too
endif()
if(WEFT_PROGRAM)
    set_target_properties(weft_program PROPERTIES INSTALL_RPATH "$ORIGIN/${to_lib}")
    install(TARGETS weft_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
if(TARGET weft_h5) # the library looks for it from where it lies itself
    file(RELATIVE_PATH up ${CMAKE_INSTALL_FULL_LIBEXECDIR}/weft ${CMAKE_INSTALL_FULL_LIBDIR})
    set_target_properties(weft_h5 PROPERTIES INSTALL_RPATH "$ORIGIN/${up}/weft/h5;$ORIGIN/${up}")
    target_link_options(weft_h5 PRIVATE LINKER:--disable-new-dtags) # for what libhdf5 loads, too
    install(TARGETS weft_h5 RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/weft)
endif()

# Two export sets: users of the shared library need not have the packages of images and zlib.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
set(libraries weft weft_static)
if(WEFT_LIBRARY STREQUAL SHARED)
    set(libraries weft)
elseif(WEFT_LIBRARY STREQUAL STATIC)
    set(libraries weft_static)
endif()
foreach(library ${libraries})
    install(TARGETS ${library} EXPORT ${library}Targets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
    install(EXPORT ${library}Targets NAMESPACE weft:: DESTINATION ${package_dir})
endforeach()
configure_package_config_file(cmake/weftConfig.cmake.in weftConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(weftConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weftConfig.cmake ${CMAKE_CURRENT_BINARY_DIR}/weftConfigVersion.cmake
    DESTINATION ${package_dir})

install(DIRECTORY include/weft DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")

# pkg-config's file finds the prefix from where it lies, as CMake's does, unless absolute folders were asked for.
set(WEFT_PC_PREFIX ${CMAKE_INSTALL_PREFIX})
if(NOT IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
    file(RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
    string(REGEX REPLACE "/$" "" up "${up}")
    set(WEFT_PC_PREFIX "\${pcfiledir}/${up}")
endif()
foreach(dir LIBDIR INCLUDEDIR)
    if(IS_ABSOLUTE "${CMAKE_INSTALL_${dir}}")
        set(WEFT_PC_${dir} "${CMAKE_INSTALL_${dir}}")
    else()
        set(WEFT_PC_${dir} "\${prefix}/${CMAKE_INSTALL_${dir}}")
    endif()
endforeach()
set(WEFT_PC_PRIVATE "-ljpeg -lpng") # what the static library needs, which comes first
if(WEFT_WEBP)
    string(APPEND WEFT_PC_PRIVATE " -lwebpdemux -lwebp")
endif()
if(WEFT_TIFF)
    string(APPEND WEFT_PC_PRIVATE " -ltiff")
endif()
string(APPEND WEFT_PC_PRIVATE " -lz -lm -ldl -pthread")
set(WEFT_PC_PUBLIC "")
if(WEFT_LIBRARY STREQUAL STATIC) # who asks without --static means it, too
    set(WEFT_PC_PUBLIC " ${WEFT_PC_PRIVATE}")
endif()
configure_file(packaging/pkg-config/weft.pc.in weft.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/weft.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

# What people read, and programs to begin with.
install(FILES README.md CHANGELOG.md LICENSE docs/networks.md docs/cuda.md docs/design.md docs/platforms.md
    DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright) # where Debian looks
install(DIRECTORY docs/examples DESTINATION ${CMAKE_INSTALL_DOCDIR})

foreach(section 1 3 5 7)
    file(GLOB pages CONFIGURE_DEPENDS docs/man/*.${section})
    install(FILES ${pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
endforeach()
