/* SPDX-License-Identifier: Apache-2.0
 *
 * The vendor table on functions of our own: what is said when there is no driver, an old one, a stub, no card, and how
 * errors are worded. What the real libraries answer on this machine is asked by startup.c. */
#include "cuda/vendor/vendor.h"

#include <stdio.h>
#include <string.h>

#include "check/harness.h"

static struct {
    int error, devices, driver, last_error_calls;
} machine;

static int get_device_count(int *count)
{
    if (machine.error == WEFT_CUDA_SUCCESS)
        *count = machine.devices;
    return machine.error;
}

static int get_last_error(void)
{
    machine.last_error_calls++;
    return machine.error;
}

static int runtime_version(int *version)
{
    *version = 13000;
    return WEFT_CUDA_SUCCESS;
}

static int driver_version(int *version)
{
    *version = machine.driver;
    return WEFT_CUDA_SUCCESS;
}

static const char *error_name(int error)
{
    return error == WEFT_CUDA_OUT_OF_MEMORY ? "cudaErrorMemoryAllocation" : "cudaErrorOther";
}

static const char *error_text(int error)
{
    return error == WEFT_CUDA_OUT_OF_MEMORY ? "out of memory" : "something else";
}

static size_t cudnn_version(void)
{
    return 91900;
}

static size_t cublaslt_version(void)
{
    return 130100;
}

static const char *cudnn_error(int status)
{
    return status == 3000 ? "CUDNN_STATUS_NOT_SUPPORTED" : "CUDNN_STATUS_BAD_PARAM";
}

static void cudnn_last_error(char *message, size_t size)
{
    snprintf(message, size, "the filter does not fit\nfile.cpp:12");
}

static const char *cublaslt_status(int status)
{
    (void)status;
    return "CUBLAS_STATUS_NOT_INITIALIZED";
}

static int properties(weft_cuda_properties *out, int device)
{
    (void)device;
    snprintf(out->name, sizeof out->name, "a card");
    out->memory = 1 << 30;
    return machine.error;
}

static const weft_vendor stand_in = {
    .cudaGetDeviceProperties = properties,
    .cudaGetDeviceCount = get_device_count,
    .cudaGetLastError = get_last_error,
    .cudaRuntimeGetVersion = runtime_version,
    .cudaDriverGetVersion = driver_version,
    .cudaGetErrorName = error_name,
    .cudaGetErrorString = error_text,
    .cudnnGetVersion = cudnn_version,
    .cudnnGetErrorString = cudnn_error,
    .cudnnGetLastErrorString = cudnn_last_error,
    .cublasLtGetVersion = cublaslt_version,
    .cublasLtGetStatusName = cublaslt_status,
    .runtime = 13000,
};

static weft_vendor use(int error, int devices, int driver)
{
    weft_vendor vendor;
    machine.error = error;
    machine.devices = devices;
    machine.driver = driver;
    machine.last_error_calls = 0;
    weft_vendor_use(&stand_in);
    CHECK_OK(weft_vendor_load(&vendor));
    vendor.driver = driver;
    return vendor;
}

START_TEST(missing_devices_are_explained)
{
    static const struct {
        int error, devices, driver;
        const char *part;
    } rows[] = {
        { WEFT_CUDA_INSUFFICIENT_DRIVER, 0, 0, "there is no NVIDIA driver (libcuda.so.1)" },
        { WEFT_CUDA_INSUFFICIENT_DRIVER, 0, 12080, "supports CUDA 12.8, 13.0 is needed" },
        { WEFT_CUDA_STUB_LIBRARY, 0, 13000, "the toolkit's stub, not a driver" },
        { WEFT_CUDA_NO_DEVICE, 0, 13000, "the NVIDIA driver finds no GPU" },
        { WEFT_CUDA_SUCCESS, 0, 13000, "the NVIDIA driver finds no GPU" },
        { 999, 0, 13000, "something else (cudaErrorOther, 999)" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const weft_vendor vendor = use(rows[i].error, rows[i].devices, rows[i].driver);
        CHECK_FAILS(WEFT_NO_DEVICE, weft_vendor_need_device(&vendor, 0), rows[i].part);
        ck_assert_int_eq(machine.last_error_calls, rows[i].error != WEFT_CUDA_SUCCESS); /* the sticky slot is empty */
    }
}
END_TEST

START_TEST(a_device_beyond_the_last_is_refused)
{
    const weft_vendor vendor = use(WEFT_CUDA_SUCCESS, 2, 13000);
    CHECK_OK(weft_vendor_need_device(&vendor, 0));
    CHECK_OK(weft_vendor_need_device(&vendor, 1));
    CHECK_FAILS(WEFT_NO_DEVICE, weft_vendor_need_device(&vendor, 2), "no CUDA device 2: the driver sees 2");
    CHECK_FAILS(WEFT_NO_DEVICE, weft_vendor_need_device(&vendor, -1), "no CUDA device -1");
}
END_TEST

START_TEST(errors_become_sentences)
{
    const weft_vendor vendor = use(WEFT_CUDA_SUCCESS, 1, 13000);
    CHECK_FAILS(WEFT_NO_MEMORY, weft_vendor_cuda_failed(&vendor, WEFT_CUDA_OUT_OF_MEMORY, "cudaMalloc", "arena"),
                "arena: cudaMalloc: out of memory (cudaErrorMemoryAllocation, 2)");
    ck_assert_int_eq(machine.last_error_calls, 1);
    CHECK_FAILS(WEFT_INTERNAL, weft_vendor_cuda_failed(&vendor, 700, "cudaStreamSynchronize", "run"),
                "run: cudaStreamSynchronize: something else (cudaErrorOther, 700)");
    CHECK_FAILS(WEFT_UNSUPPORTED, weft_vendor_cudnn_failed(&vendor, 3000, "plan", "stem/conv2d"),
                "stem/conv2d: plan: CUDNN_STATUS_NOT_SUPPORTED: the filter does not fit");
    ck_assert_ptr_null(strstr(weft_error(), "file.cpp")); /* where in cuDNN's sources */
    CHECK_FAILS(WEFT_INTERNAL, weft_vendor_cudnn_failed(&vendor, 2000, "plan", "stem/conv2d"),
                "CUDNN_STATUS_BAD_PARAM");
    CHECK_FAILS(WEFT_INTERNAL, weft_vendor_cublaslt_failed(&vendor, 1, "cublasLtMatmul", "fc"),
                "fc: cublasLtMatmul: CUBLAS_STATUS_NOT_INITIALIZED (1)");
}
END_TEST

START_TEST(a_report_lists_every_piece)
{
    weft_vendor_report report;
    use(WEFT_CUDA_NO_DEVICE, 0, 13000);
    weft_vendor_probe(&report);
    ck_assert_int_eq(report.devices, 0);
    ck_assert_int_gt(report.count, 3);
    ck_assert_int_le(report.count, WEFT_VENDOR_MAX_PIECE);
    ck_assert_str_eq(report.piece[0].what, "CUDA runtime");
    ck_assert_str_eq(report.piece[0].version, "13.0");
    ck_assert_str_eq(report.piece[1].version, "13.1.0");
    ck_assert_str_eq(report.piece[2].version, "9.19.0");
    const weft_vendor_piece *card = &report.piece[report.count - 1];
    ck_assert_str_eq(card->what, "GPU");
    ck_assert(!card->found);
    ck_assert_str_eq(card->missing, "the NVIDIA driver finds no GPU");

    use(WEFT_CUDA_SUCCESS, 3, 13000);
    weft_vendor_probe(&report);
    ck_assert_int_eq(report.devices, 3);
    ck_assert(report.piece[report.count - 1].found);
    ck_assert_str_eq(report.card, "a card");
    ck_assert_uint_eq(report.memory, 1 << 30);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vendor");
    CHECK_CASE(suite, "vendor", missing_devices_are_explained, a_device_beyond_the_last_is_refused,
               errors_become_sentences, a_report_lists_every_piece);
    return check_main(suite, "cuda-vendor");
}
