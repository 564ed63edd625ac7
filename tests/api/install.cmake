# SPDX-License-Identifier: Apache-2.0
#
# Installs into a fresh prefix, moves it, and builds the example against it as a user would: by pkg-config (shared, then
# static) and by find_package (shared and static). Each program must run and print ResNet-50's parameter count. The
# program on top of weft.h is built as it stands there.
file(REMOVE_RECURSE ${WORK})
file(MAKE_DIRECTORY ${WORK})

function(run)
    execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${WORK} RESULT_VARIABLE result OUTPUT_VARIABLE out
        ERROR_VARIABLE err)
    if(NOT result EQUAL 0)
        list(JOIN ARGN " " command)
        message(FATAL_ERROR "${command}: ${result}\n${out}${err}")
    endif()
    set(out "${out}" PARENT_SCOPE)
endfunction()

function(expect_count program)
    run(${ARGN} ${program})
    if(NOT out MATCHES "^resnet50: 25557032 parameters, 53120 moving statistics, 4089184256 multiply-adds")
        message(FATAL_ERROR "${program} printed: ${out}")
    endif()
    message(STATUS "${program}: ${out}")
endfunction()

run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/prefix)
foreach(file bin/weft ${LIBDIR}/libweft.so ${LIBDIR}/libweft.a ${LIBDIR}/pkgconfig/weft.pc include/weft/weft.h
        share/doc/weft/README.md share/doc/weft/LICENSE share/doc/weft/CHANGELOG.md share/doc/weft/platforms.md
        share/doc/weft/examples/classify.c share/man/man1/weft.1 share/man/man5/weft-weights.5)
    if(NOT EXISTS ${WORK}/prefix/${file})
        message(FATAL_ERROR "${file} was not installed")
    endif()
endforeach()

# The tree is found wherever it is moved: the program finds its library, pkg-config and CMake find the files.
file(RENAME ${WORK}/prefix ${WORK}/moved)
run(${WORK}/moved/bin/weft --version)

# pkg-config
set(ENV{PKG_CONFIG_PATH} ${WORK}/moved/${LIBDIR}/pkgconfig)
run(${PKG_CONFIG} --cflags --libs weft)
separate_arguments(flags UNIX_COMMAND "${out}")
run(${CC} -std=c11 -Wall -Wextra -Werror ${SOURCE}/docs/examples/summary.c -o by_pkg_config ${flags})
expect_count(${WORK}/by_pkg_config ${CMAKE_COMMAND} -E env LD_LIBRARY_PATH=${WORK}/moved/${LIBDIR})
run(${PKG_CONFIG} --static --cflags --libs weft)
separate_arguments(flags UNIX_COMMAND "${out}")
list(TRANSFORM flags REPLACE "^-lweft$" "${WORK}/moved/${LIBDIR}/libweft.a")
run(${CC} -std=c11 -Wall -Wextra -Werror ${SOURCE}/docs/examples/summary.c -o by_pkg_config_static ${flags})
expect_count(${WORK}/by_pkg_config_static)

# The program in weft.h's first comment: its lines are five characters further in.
file(READ ${WORK}/moved/include/weft/weft.h text)
string(REGEX MATCH "#include <stdio.h>.*\n \\*     } \\*/" text "${text}")
string(REGEX REPLACE "\n \\*(     )?" "\n" text "${text}")
string(REPLACE "} */" "}" text "${text}")
file(WRITE ${WORK}/whole.c "${text}\n")
run(${CC} -std=c11 -Wall -Wextra -Werror whole.c -o whole ${flags})
run(${WORK}/whole)
if(NOT out STREQUAL "1 5\n")
    message(FATAL_ERROR "the program in weft.h printed: ${out}")
endif()

# find_package
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE}/docs/examples -B ${WORK}/consumer -DCMAKE_C_COMPILER=${CC}
    -DCMAKE_PREFIX_PATH=${WORK}/moved -DCMAKE_BUILD_TYPE=Release)
run(${CMAKE_COMMAND} --build ${WORK}/consumer)
expect_count(${WORK}/consumer/summary)
expect_count(${WORK}/consumer/summary_static)
