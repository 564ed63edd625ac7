# SPDX-License-Identifier: Apache-2.0
#
# cmake -DLINTS=<tests/lint> -DWORK=<scratch> -DCC=.. -DCXX=.. -DAR=.. -DREADELF=.. -P selftest.cmake: each lint passes
# a clean tree and catches each violation sown into it.
cmake_minimum_required(VERSION 3.25)
set(spdx "/* SPDX-License-Identifier: Apache-2.0 */\n")

function(lint name)
    set(tree ${WORK}/tree)
    if("${name}" STREQUAL "edges")
        set(command ${CMAKE_COMMAND} -DROOT=${tree} -P ${LINTS}/edges.cmake)
    elseif("${name}" STREQUAL "calls")
        file(GLOB_RECURSE sources ${tree}/src/*.c ${tree}/arch/*.c)
        set(objects "")
        foreach(source ${sources})
            execute_process(COMMAND ${CC} -c -I${tree}/include -I${tree}/src -o ${source}.o ${source}
                COMMAND_ERROR_IS_FATAL ANY)
            string(APPEND objects "${source}.o\n")
        endforeach()
        file(WRITE ${WORK}/objects.txt "${objects}")
        set(command ${CMAKE_COMMAND} -DROOT=${tree} -DREADELF=${READELF} -DOBJECTS=${WORK}/objects.txt
            -P ${LINTS}/edges.cmake)
    elseif("${name}" STREQUAL "lengths")
        set(command sh ${LINTS}/lengths.sh ${tree})
    elseif("${name}" STREQUAL "text")
        set(command sh ${LINTS}/text.sh ${tree})
    elseif("${name}" STREQUAL "headers")
        set(command sh ${LINTS}/headers.sh ${tree} ${CC} "${CXX}")
    else()
        file(WRITE ${WORK}/map "WEFT_0.1 {\nglobal:\n    weft_a;\n};\n")
        execute_process(COMMAND ${CC} -shared -fPIC -Wl,--version-script=${WORK}/map -o ${WORK}/lib.so
            ${tree}/src/base/a.c COMMAND_ERROR_IS_FATAL ANY)
        execute_process(COMMAND ${CC} -c -o ${WORK}/a.o ${tree}/src/base/a.c COMMAND_ERROR_IS_FATAL ANY)
        file(REMOVE ${WORK}/lib.a)
        execute_process(COMMAND ${AR} rcs ${WORK}/lib.a ${WORK}/a.o COMMAND_ERROR_IS_FATAL ANY)
        set(command sh ${LINTS}/symbols.sh ${WORK}/lib.so ${WORK}/lib.a 0 WEFT_0.1)
    endif()
    execute_process(COMMAND ${command} RESULT_VARIABLE result OUTPUT_VARIABLE out ERROR_VARIABLE err)
    set(result ${result} PARENT_SCOPE)
    set(report "${out}${err}" PARENT_SCOPE)
endfunction()

function(plant file text)
    file(WRITE ${WORK}/tree/${file} "${text}")
endfunction()

function(clean_tree)
    file(REMOVE_RECURSE ${WORK}/tree)
    plant(include/weft/a.h "${spdx}#ifndef WEFT_A_H\n#define WEFT_A_H\nint weft_a(void);\n#endif\n")
    plant(include/weft/weft.h "${spdx}#ifndef WEFT_WEFT_H\n#define WEFT_WEFT_H\n#include <weft/a.h>\n#endif\n")
    plant(src/base/a.h "${spdx}#ifndef WEFT_BASE_A_H\n#define WEFT_BASE_A_H\n#include <weft/a.h>\n#endif\n")
    plant(src/base/a.c "${spdx}int weft_a(void)\n{\n    return 1;\n}\n")
    plant(src/op/a.h "${spdx}#ifndef WEFT_OP_A_H\n#define WEFT_OP_A_H\n#include \"base/a.h\"\n#endif\n")
    plant(src/op/a.c "${spdx}#include \"op/a.h\"\nint weft_op(void)\n{\n    return weft_a();\n}\n")
    plant(src/cpu/a.c "${spdx}#include \"op/a.h\"\n")
    plant(arch/a.c "${spdx}#include <weft/a.h>\nint weft_net(void)\n{\n    return weft_a();\n}\n")
endfunction()

# caught(<lint> <file> <text> <what the report must say> [PASSES] [<file> <text>]): with these files in the clean tree
# the lint fails and says so; or, with PASSES, is content.
function(caught name file text expected)
    cmake_parse_arguments(PARSE_ARGV 4 arg "PASSES" "" "")
    clean_tree()
    plant(${file} "${text}")
    if(arg_UNPARSED_ARGUMENTS)
        list(GET arg_UNPARSED_ARGUMENTS 0 file)
        string(LENGTH "${file}" start)
        math(EXPR start "${start} + 1")
        string(SUBSTRING "${arg_UNPARSED_ARGUMENTS}" ${start} -1 text) # which may hold semicolons
        string(REPLACE "\\;" ";" text "${text}")
        plant(${file} "${text}")
    endif()
    lint(${name})
    if(arg_PASSES)
        if(NOT result EQUAL 0)
            message(SEND_ERROR "${name} is not content with ${file}:\n${text}\nit said: ${report}")
        endif()
        return()
    endif()
    string(REGEX REPLACE "[ \n]+" " " flat "${report}") # message() wraps its lines
    string(FIND "${flat}" "${expected}" at)
    if(result EQUAL 0 OR at EQUAL -1)
        message(SEND_ERROR "${name} misses \"${expected}\" (result ${result}) in ${file}:\n${text}\nit said: ${report}")
    endif()
endfunction()

foreach(name edges calls lengths text headers symbols)
    clean_tree()
    lint(${name})
    if(NOT result EQUAL 0)
        message(SEND_ERROR "${name} fails on a clean tree: ${report}")
    endif()
endforeach()

caught(edges src/op/b.c "${spdx}#include \"program/a.h\"\n" "op may not use program")
caught(edges src/cpu/b.c "${spdx}  #  include \"pass/a.h\"\n" "cpu may not use pass")
caught(edges src/cuda/b.cu "${spdx}#include \"cpu/a.h\"\n" "cuda may not use cpu")
caught(edges src/cuda/kernel/b.cu "${spdx}#include \"cuda/op/a.h\"\n" "cuda/kernel may not use cuda/op")
caught(edges src/base/b.c "${spdx}#include <op/a.h>\n" "base may not use op")
caught(edges src/cli/b.c "${spdx}#include \"base/a.h\"\n" "cli sees the public headers and its own only")
caught(edges arch/b.c "${spdx}#include \"op/a.h\"\n" "arch sees the public headers and its own only")
caught(edges arch/b.c "${spdx}#include \"../src/op/a.h\"\n" "no include goes up the tree")
caught(edges src/op/b.c "${spdx}#include \"a_.h\"\n" "is not beside it")
caught(edges src/new/b.c "${spdx}#include \"base/a.h\"\n" "the table of edges has no row for new")
caught(edges include/weft/b.h "${spdx}#include \"base/a.h\"\n" "public headers include <weft/...>")

# Calls, from objects: up, of what is not public, and in a circle; tables of another folder's functions count, too, and
# its data do not.
set(up "int weft_op(void);\nint weft_b(void)\n{\n    return weft_op();\n}\n")
caught(calls src/base/b.c "${spdx}${up}" "src/base/b.c calls weft_op: base may not use op")
caught(calls src/base/b.c "${spdx}int weft_op(void);\nint (*const weft_b[])(void) = { weft_op };\n"
    "src/base/b.c calls weft_op: base may not use op")
caught(calls arch/b.c "${spdx}${up}" "arch/b.c calls weft_op of op: arch may call what is public only")
caught(calls src/op/b.c "${spdx}int weft_op(void);\nint weft_b(void)\n{\n    return weft_op();\n}\n"
    "" PASSES)
caught(calls src/base/b.c "${spdx}int weft_c(void);\nint weft_b(void)\n{\n    return weft_c();\n}\n"
    "src/base: these call each other in a circle: b.c c.c"
    src/base/c.c "${spdx}int weft_b(void);\nint weft_c(void)\n{\n    return weft_b();\n}\n")
caught(calls src/base/b.c "${spdx}int weft_c(void);\nint (*const weft_b[])(void) = { weft_c };\n" "" PASSES
    src/base/c.c "${spdx}extern int (*const weft_b[])(void);\nint weft_c(void)\n{\n    return weft_b[0]();\n}\n")
caught(calls src/base/b.c "${spdx}extern const int weft_list[];\nint weft_b(void)\n{\n    return weft_list[0];\n}\n" ""
    PASSES src/op/b.c "${spdx}const int weft_list[] = { 1 };\n")

# What is known passes, and must go when it has gone.
set(known tests/lint/known.txt)
caught(calls src/base/b.c "${spdx}${up}" "" PASSES ${known} "call src/base/b.c weft_op\n")
caught(calls ${known} "call src/base/b.c weft_op\n" "\"call src/base/b.c weft_op\" no longer applies: delete the line")
caught(calls ${known} "circle src/base b.c c.c\n" "\"circle src/base b.c c.c\" no longer applies: delete the line")
caught(edges src/base/b.c "${spdx}#include \"op/a.h\"\n" "" PASSES ${known} "include src/base/b.c op/a.h\n")
caught(edges ${known} "include src/base/b.c op/a.h\n" "no longer applies: delete the line")

string(REPEAT "    weft_a();\n" 59 body)
set(function "int weft_b(void)\n{\n${body}}\n")
caught(lengths src/op/b.c "${spdx}${function}" "function src/op/b.c weft_b: 61 lines, 60 are allowed")
caught(lengths src/cpu/b.c "${spdx}${function}" "" PASSES)
caught(lengths tests/b.c "${spdx}START_TEST(pool)\n{\n${body}}\nEND_TEST\n" "tests/b.c pool: 61 lines, 60 are allowed")
caught(lengths src/cuda/kernel/b.cu "${spdx}__global__ void b(int x)\n{\n${body}${body}${body}}\n"
    "function src/cuda/kernel/b.cu b: 179 lines, 120 are allowed")
string(REPEAT "\n" 500 lines)
caught(lengths include/weft/b.h "${spdx}${lines}" "file include/weft/b.h: 501 lines, 500 are allowed")
foreach(source src/cuda/kernel/b.cuh tests/b.cpp tests/b.sh tests/b.py tests/b.awk cmake/b.cmake bench/CMakeLists.txt
        CMakeLists.txt Makefile src/op/b.def packaging/b.sh docs/b.py)
    caught(lengths ${source} "# SPDX-License-Identifier: Apache-2.0\n${lines}"
        "file ${source}: 501 lines, 500 are allowed")
endforeach()
caught(lengths tests/b.cpp "${spdx}${function}" "function tests/b.cpp weft_b: 61 lines, 60 are allowed")
caught(lengths tests/b.sh "weft_b()\n{\n${body}}\n" "" PASSES)
caught(lengths src/op/b.c "${spdx}${function}" "" PASSES ${known} "function src/op/b.c weft_b 61\n")
caught(lengths src/op/b.c "${spdx}${function}" "weft_b: 61 lines, 60 are allowed"
    ${known} "function src/op/b.c weft_b 60\n")
caught(lengths ${known} "function src/op/b.c weft_b 61\n" "is short enough now: delete the line")

string(REPEAT x 121 long)
caught(text src/base/b.c "int x;\n" "src/base/b.c:1: no SPDX line")
caught(text cmake/b.cmake "set(x)\n" "cmake/b.cmake:1: no SPDX line")
caught(text src/base/b.c "${spdx}/* ${long} */\n" "src/base/b.c:2: 127 columns")
caught(text src/base/b.c "${spdx}int x; \n" "src/base/b.c:2: blank at the end")
caught(text src/base/b.c "${spdx}\tint x;\n" "src/base/b.c:2: tab")
caught(text tests/b.cpp "${spdx}\tint x;\n" "tests/b.cpp:2: tab")
caught(text src/cuda/kernel/b.cuh "int x;\n" "src/cuda/kernel/b.cuh:1: no SPDX line")
caught(text tests/b.awk "{ print }\n" "tests/b.awk:1: no SPDX line")
string(CONCAT todo "TO" "DO")
caught(text src/base/b.c "${spdx}/* ${todo}: later */\n" "src/base/b.c:2: write ${todo}(#issue):")
caught(text src/op/b.c "${spdx}#if WEFT_CUDA\n#endif\n" "src/op/b.c:2: WEFT_CUDA belongs into")
caught(text src/op/b.h "${spdx}#ifdef WEFT_CUDA\n#endif\n" "src/op/b.h:2: WEFT_CUDA belongs into")

set(open "${spdx}#ifndef WEFT_BASE_A_H\n#define WEFT_BASE_A_H\n")
set(open_b "${spdx}#ifndef WEFT_BASE_B_H\n#define WEFT_BASE_B_H\n")
caught(headers src/base/a.h "${open}size_t weft_b(void);\n#endif\n" "\"base/a.h\" does not compile alone, twice, or")
caught(headers src/base/a.h "${open}static int weft_b = 1;\n" "\"base/a.h\" does not compile alone, twice, or")
caught(headers src/base/b.h "${open_b}typedef int weft_a;\n#endif\n"
    "\"base/b.h\" does not compile alone, twice, or before <weft/weft.h>")
caught(headers src/base/b.h "${open_b}#ifdef WEFT_A_H\nbad\n#endif\n#endif\n"
    "\"base/b.h\" does not compile alone, twice, or after <weft/weft.h>")
caught(headers ${known} "header src/base/a.h c\n" "\"header src/base/a.h c\" no longer applies: delete the line")
caught(headers src/base/a.h "${spdx}#ifndef A_H\n#define A_H\n#endif\n"
    "src/base/a.h: its guard should be WEFT_BASE_A_H")
if(CXX)
    caught(headers include/weft/a.h "${spdx}#ifndef WEFT_A_H\n#define WEFT_A_H\nint weft_a(int class);\n#endif\n"
        "<weft/a.h> does not compile alone, twice, or")
endif()

set(helper "int helper(void)\n{\n    return 1;\n}\n")
caught(symbols src/base/a.c "${helper}" "lib.so exports: helper")
caught(symbols src/base/a.c "__attribute__((visibility(\"hidden\"))) ${helper}int weft_a(void)\n{\n    return 1;\n}\n"
    "lib.a defines: helper")
caught(symbols src/base/a.c "int weft_b(void)\n{\n    return 1;\n}\n" "lib.so exports not as WEFT_0.1: weft_b")
foreach(call abort exit printf puts srand)
    caught(symbols src/base/a.c "#include <stdio.h>\n#include <stdlib.h>\nvoid *weft_a = (void *)${call};\n"
        "lib.so imports: ${call}")
endforeach()
caught(symbols src/base/a.c "#include <assert.h>\nvoid weft_a(int x)\n{\n    assert(x);\n}\n"
    "lib.so imports: __assert_fail")
