# SPDX-License-Identifier: Apache-2.0
#
# NVIDIA's libraries as the backend meets them: the table of their functions, the cuDNN wrapper, the targets; and, where
# the toolkit is installed, the real ones without a GPU (tests skip themselves where they are not).
set(cuda ${PROJECT_SOURCE_DIR}/src/cuda)
add_library(weft_cuda_vendors STATIC ${cuda}/dnn/cache.c ${cuda}/dnn/check.c ${cuda}/dnn/dnn.c
    ${cuda}/dnn/graph.c ${cuda}/dnn/lower.c ${cuda}/dnn/plan.c ${cuda}/vendor/blas.c ${cuda}/vendor/find.c
    ${cuda}/vendor/nccl.c
    ${cuda}/vendor/target.c ${cuda}/vendor/vendor.c)
target_link_libraries(weft_cuda_vendors PRIVATE weft_flags PUBLIC weft_check ${CMAKE_DL_LIBS})
weft_cuda_count_lines(weft_cuda_vendors)
foreach(subject cache find vendor target dnn)
    weft_test(cuda-${subject} SOURCES ${subject}.c LIBRARIES weft_cuda_vendors)
endforeach()
weft_test(cuda-loading SOURCES loading.c LIBRARIES weft_cuda_vendors LABELS slow) # opens gigabytes where they are

# Signatures and enumerators against NVIDIA's headers: that it compiles is the test.
find_path(WEFT_CUDNN_INCLUDE cudnn.h HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES include)
if(WEFT_CUDNN_INCLUDE AND CMAKE_CXX_COMPILER)
    find_path(WEFT_NCCL_INCLUDE nccl.h HINTS ENV CUDA_PATH PATHS /usr/local/cuda PATH_SUFFIXES include)
    add_library(cuda-abi OBJECT vendor_abi.cpp $<$<BOOL:${WEFT_NCCL_INCLUDE}>:nccl_abi.cpp>)
    target_include_directories(cuda-abi PRIVATE ${PROJECT_SOURCE_DIR}/include ${PROJECT_SOURCE_DIR}/src)
    target_include_directories(cuda-abi SYSTEM PRIVATE ${WEFT_CUDNN_INCLUDE}
        $<$<BOOL:${WEFT_NCCL_INCLUDE}>:${WEFT_NCCL_INCLUDE}>)
    set_target_properties(cuda-abi PROPERTIES CXX_STANDARD 17)
endif()

# The layers of every network, and what is known of their plans. The file of those of steps of training is whole: of
# one precision here, which the seed draws that moves on with CI's runs.
if(DEFINED ENV{WEFT_PLANS_SEED})
    set(seed $ENV{WEFT_PLANS_SEED})
else()
    set(seed 1)
endif()
if(CMAKE_CXX_COMPILER AND NOT WEFT_SANITIZE AND NOT CMAKE_CROSSCOMPILING)
    add_executable(cuda-plans plans.c plans_table.c plans_whole.c layers.c layers_step.c
        ${PROJECT_SOURCE_DIR}/src/cli/selftest_list.c ${WEFT_CUDA_HOST_SOURCES})
    target_link_libraries(cuda-plans PRIVATE weft_flags weft_check weft_kernels_emu weft_emu Threads::Threads m
        ${CMAKE_DL_LIBS})
    set_target_properties(cuda-plans PROPERTIES LINKER_LANGUAGE CXX)
    set(whole cuda-plans --whole --train --golden ${CMAKE_CURRENT_SOURCE_DIR}/plans_train.golden)
    add_test(NAME cuda-plans-whole COMMAND ${whole} --seed ${seed})
    weft_test_properties(cuda-plans-whole LABELS slow TIMEOUT 300)
    add_test(NAME cuda-plans-whole-all CONFIGURATIONS long COMMAND ${whole})
    weft_test_properties(cuda-plans-whole-all LABELS long TIMEOUT 600)
    weft_test_keeps_memory(cuda-plans-whole cuda-plans-whole-all)
endif()

# The stand-in driver, by the driver's name, for the library path of these tests alone.
if(NOT TARGET weft_nodevice OR NOT TARGET cuda-plans)
    message(STATUS "No CUDA toolkit, or a sanitized build: cuDNN is not asked for its plans")
    return()
endif()
set(nodevice ${CMAKE_CURRENT_BINARY_DIR}/nodevice)
file(MAKE_DIRECTORY ${nodevice})
file(CREATE_LINK ${PROJECT_BINARY_DIR}/libweft_nodevice.so ${nodevice}/libcuda.so.1 SYMBOLIC)
function(weft_nodevice_test name)
    add_dependencies(${name} weft_nodevice)
    weft_test_properties(${name} LABELS slow TIMEOUT 900)
    set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77
        ENVIRONMENT "CK_FORK=yes;CK_DEFAULT_TIMEOUT=0;LD_LIBRARY_PATH=${nodevice}")
endfunction()

weft_test(cuda-dnn-real SOURCES dnn_real.c LIBRARIES weft_cuda_vendors LABELS slow)
weft_nodevice_test(cuda-dnn-real)

# A compiler that compiles nothing, for those who ask for many plans: by its folder on the library path.
add_library(weft_hollow SHARED hollow/nvrtc.c)
target_link_libraries(weft_hollow PRIVATE weft_flags)
target_link_options(weft_hollow PRIVATE LINKER:--defsym=__nvrtcCPEx=nvrtcCompileProgram)
set_target_properties(weft_hollow PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/hollow
    LIBRARY_OUTPUT_NAME nvrtc VERSION 13 SOVERSION 13 C_VISIBILITY_PRESET default)

# Every layer of every network and of weft selftest: a sample here, all by `make cuda-plans`.
add_dependencies(cuda-plans weft_nodevice weft_hollow)
foreach(target t4 a100 l4 h100 rtx5090)
    add_test(NAME cuda-plans-${target} COMMAND cuda-plans --sample 3,60 --targets ${target} --seed ${seed}
        --golden ${CMAKE_CURRENT_SOURCE_DIR}/plans.golden)
    weft_test_properties(cuda-plans-${target} LABELS slow TIMEOUT 900)
endforeach()
add_test(NAME cuda-plans-train COMMAND cuda-plans --sample 2,40 --train --seed ${seed}
    --golden ${CMAKE_CURRENT_SOURCE_DIR}/plans_train.golden)
weft_test_properties(cuda-plans-train LABELS slow TIMEOUT 900)
foreach(target t4 a100 l4 h100 rtx5090 train)
    set_tests_properties(cuda-plans-${target} PROPERTIES SKIP_RETURN_CODE 77
        ENVIRONMENT "LD_LIBRARY_PATH=${nodevice}")
endforeach()

# The machine without CUDA, in all its forms.
if(TARGET weft_cuda)
    add_test(NAME cuda-startup COMMAND sh ${CMAKE_CURRENT_SOURCE_DIR}/startup.sh $<TARGET_FILE:weft_program>
        $<TARGET_FILE:weft_cuda> ${nodevice} ${WEFT_CUDA_STUB})
    weft_test_properties(cuda-startup LABELS slow TIMEOUT 300)
endif()
