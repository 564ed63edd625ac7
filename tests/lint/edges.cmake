# SPDX-License-Identifier: Apache-2.0
#
# Who may use whom, by name. A folder of src includes its own headers, <weft/...> and the headers of the folders that
# its row names, and calls the functions of no others; what a folder needs of one above it comes as data (lists of
# kernels, tables of ops and backends). The folders that are users of the library (cli, bench, arch and the helper h5)
# see its public headers and their own, and call public functions only.
#
#   cmake -DROOT=<tree> -P edges.cmake                                        includes, from the text
#   cmake -DROOT=<tree> -DREADELF=.. -DOBJECTS=<file that lists objects> -P edges.cmake   calls, from what is built
#
# Violations that are there today are lines of known.txt.
cmake_minimum_required(VERSION 3.25)
# row(<room> <room>...): a room and those that it may use, all of them in rows above, so that the table has no circle.
macro(row room)
    set(uses_${room} "${ARGN}")
    foreach(other ${ARGN})
        if(NOT DEFINED uses_${other})
            message(FATAL_ERROR "edges.cmake: ${room} may not use ${other}, which stands on it or is none")
        endif()
    endforeach()
endmacro()
set(users arch bench cli h5)
foreach(user ${users})
    row(${user})
endforeach()
# What a user of the library may see of its inside: arch fills tables whose types belong to their reader.
set(shown_arch weights/names/table.h)
row(base)
row(ranks base)
row(mpi base ranks)
row(tensor base)
row(graph base tensor)
row(op base tensor graph)
row(backend base tensor graph op)
row(pass base tensor graph op backend)
row(cpu base tensor graph op backend)
row(program base tensor graph op backend pass)
row(check base tensor graph op backend program)
row(image base tensor)
row(data base image)
row(augment base image)
row(loader base tensor image data augment)
row(weights base tensor backend program)
row(train base ranks tensor graph op backend program weights)
row(weights/names base tensor graph backend image weights arch)
row(task base tensor backend graph program image weights weights/names data arch)
# Inside of cuda: the ops stand on parts, the parts on cuDNN, the vendors' libraries and the kernels.
row(cuda/kernel)
row(cuda/vendor base tensor)
row(cuda/dnn base tensor cuda/vendor)
row(cuda base tensor graph op backend cuda/vendor cuda/dnn cuda/kernel)
row(cuda/part ${uses_cuda} cuda)
row(cuda/op ${uses_cuda/part} cuda/part)

# The room that a path below src (or the tree) is in: its folder, with the second one where rooms have rooms.
function(room_of path out)
    string(REGEX MATCH "^[^/]+/[^/]+/" two ${path})
    string(REGEX REPLACE "/$" "" two "${two}")
    string(REGEX MATCH "^[^/]+" room ${path})
    if(two AND DEFINED uses_${two})
        set(room ${two})
    endif()
    set(${out} ${room} PARENT_SCOPE)
endfunction()

include(${CMAKE_CURRENT_LIST_DIR}/known.cmake)
if(DEFINED OBJECTS)
    include(${CMAKE_CURRENT_LIST_DIR}/calls.cmake)
else()
    include(${CMAKE_CURRENT_LIST_DIR}/includes.cmake)
endif()
