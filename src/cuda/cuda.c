/* SPDX-License-Identifier: Apache-2.0
 *
 * The CUDA backend: a card, or a target that is planned for without one. */
#include "cuda/cuda.h"

#include <stdio.h>
#include <string.h>

const weft_kernel *const *const weft_cuda_kernels[WEFT_OP_COUNT] = {
#define WEFT_OP(id, name, family, kind, devices) weft_cuda_##name,
#include "op/list.def"
#undef WEFT_OP
};

/* ---- precision ---- */

/* Each precision's type in memory, and where a target keeps its peak. */
static const struct {
    const char *name;
    weft_dtype dtype;
    size_t peak;
} precisions[WEFT_PRECISION_COUNT] = {
    [WEFT_PRECISION_FP32] = { "fp32", WEFT_F32, offsetof(weft_target, fp32) },
    [WEFT_PRECISION_TF32] = { "tf32", WEFT_F32, offsetof(weft_target, tf32) },
    [WEFT_PRECISION_FP16] = { "fp16", WEFT_F16, offsetof(weft_target, fp16) },
    [WEFT_PRECISION_BF16] = { "bf16", WEFT_BF16, offsetof(weft_target, bf16) },
};

static double peak_of(const weft_target *target, weft_precision precision)
{
    double peak;
    memcpy(&peak, (const char *)target + precisions[precision].peak, sizeof peak);
    return peak;
}

/* Steps of training move bytes more than they multiply; bf16 has half of them, and the range of fp32. */
static weft_precision usual_precision(const weft_device *device, const weft_target *target)
{
    const weft_precision wanted = device->training ? WEFT_PRECISION_BF16 : WEFT_PRECISION_TF32;
    return device->math == WEFT_MATH_FAST && peak_of(target, wanted) > 0 ? wanted : WEFT_PRECISION_FP32;
}

static weft_status choose_precision(weft_device *device, weft_cuda *cuda)
{
    const weft_target *target = &cuda->target;
    if (device->precision == WEFT_PRECISION_DEFAULT)
        device->precision = usual_precision(device, target);
    const double peak = peak_of(target, device->precision);
    if (peak <= 0)
        return weft_fail(WEFT_INVALID, "%s (compute capability %d.%d) does not compute in %s", target->device,
                         target->sm / 10, target->sm % 10, precisions[device->precision].name);
    device->dtype = precisions[device->precision].dtype;
    cuda->roofs = (weft_roofs){ .tensor_core = peak * 1e12, .core = target->fp32 * 1e12,
                                .bandwidth = target->bandwidth * 1e9, .launch = target->launch_us * 1e-6 };
    snprintf(cuda->roofs.name, sizeof cuda->roofs.name, "%s", target->device);
    return WEFT_OK;
}

/* ---- opening ---- */

/* What the runtime says of the card, over what is known of its kind. */
static weft_status read_card(const weft_vendor *v, int index, weft_target *out)
{
    static const struct {
        int attribute;
        size_t field;
    } rows[] = {
        { WEFT_CUDA_ATTR_SM_COUNT, offsetof(weft_target, sm_count) },
        { WEFT_CUDA_ATTR_CLOCK_KHZ, offsetof(weft_target, sm_khz) },
        { WEFT_CUDA_ATTR_MEMORY_CLOCK_KHZ, offsetof(weft_target, memory_khz) },
        { WEFT_CUDA_ATTR_L2_BYTES, offsetof(weft_target, l2) },
    };
    int major = 0, minor = 0;
    WEFT_TRY_CUDA(v, "device", cudaDeviceGetAttribute, (&major, WEFT_CUDA_ATTR_MAJOR, index));
    WEFT_TRY_CUDA(v, "device", cudaDeviceGetAttribute, (&minor, WEFT_CUDA_ATTR_MINOR, index));
    char kind[16];
    snprintf(kind, sizeof kind, "sm_%d", major * 10 + minor);
    if (weft_target_find(kind, out) != WEFT_OK)
        *out = *weft_target_get(0); /* a card that came later: peaks of the first, for reports only */
    out->sm = major * 10 + minor;
    for (int i = 0; i < WEFT_COUNT(rows); i++) {
        void *field = (char *)out + rows[i].field;
        WEFT_TRY_CUDA(v, "device", cudaDeviceGetAttribute, (field, rows[i].attribute, index));
    }
    int bits = 0;
    WEFT_TRY_CUDA(v, "device", cudaDeviceGetAttribute, (&bits, WEFT_CUDA_ATTR_MEMORY_BUS_BITS, index));
    if (bits > 0 && out->memory_khz > 0) /* two transfers a clock */
        out->bandwidth = 2e3 * out->memory_khz * bits / 8 / 1e9;
    weft_cuda_properties properties = { .name = "" };
    WEFT_TRY_CUDA(v, "device", cudaGetDeviceProperties, (&properties, index));
    snprintf(out->device, sizeof out->device, "%.63s", properties.name);
    return WEFT_OK;
}

static weft_status open_card(weft_device *device, weft_cuda *cuda)
{
    WEFT_TRY(weft_vendor_load(&cuda->vendor));
    const weft_vendor *v = &cuda->vendor;
    WEFT_TRY(weft_vendor_need_device(v, device->index));
    WEFT_TRY(weft_cuda_enter(device));
    WEFT_TRY(read_card(v, device->index, &cuda->target));
    WEFT_TRY_CUDA(v, "stream", cudaStreamCreateWithFlags, (&cuda->stream, WEFT_CUDA_STREAM_NON_BLOCKING));
    WEFT_TRY(weft_dnn_create(v, &cuda->shared, &(weft_dnn_opt){ .device = device->index }, &cuda->dnn));
    return weft_blas_create(v, device->allocator, &cuda->blas);
}

static void close_state(weft_cuda *cuda, const weft_allocator *allocator)
{
    weft_cuda_plans_release(cuda, allocator);
    weft_cuda_host_release(cuda);
    weft_cuda_turns_release(cuda);
    weft_blas_destroy(cuda->blas);
    weft_dnn_destroy(cuda->dnn);
    if (cuda->stream)
        (void)cuda->vendor.cudaStreamDestroy(cuda->stream);
    if (cuda->vendor.cudaMalloc)
        weft_vendor_close(&cuda->vendor);
    pthread_mutex_destroy(&cuda->lock);
    weft_free(allocator, cuda);
}

/* A card that is not there: described, and for the building of its plans described to cuDNN, too. */
static weft_status open_target(const weft_device *device, weft_cuda *cuda)
{
    char json[WEFT_TARGET_JSON];
    WEFT_TRY(weft_target_find(device->target, &cuda->target));
    if (!device->builds)
        return WEFT_OK;
    WEFT_TRY(weft_vendor_load(&cuda->vendor));
    WEFT_TRY(weft_vendor_need_planner(&cuda->vendor));
    const weft_dnn_opt opt = { .properties = weft_target_json(&cuda->target, json, sizeof json) };
    return weft_dnn_create(&cuda->vendor, &cuda->shared, &opt, &cuda->dnn);
}

static weft_status fill_state(weft_device *device, weft_cuda *cuda)
{
    WEFT_TRY(device->target ? open_target(device, cuda) : open_card(device, cuda));
    WEFT_TRY(choose_precision(device, cuda));
    return weft_cuda_choose_forms(device);
}

static weft_status cuda_open(weft_device *device)
{
    weft_cuda *cuda = weft_calloc(device->allocator, 1, sizeof *cuda);
    if (!cuda)
        return WEFT_NO_MEMORY;
    device->dry = device->target != NULL;
    device->state = cuda;
    weft_cuda_share(cuda, device->allocator);
    const weft_status status = fill_state(device, cuda);
    if (status != WEFT_OK) {
        close_state(cuda, device->allocator);
        device->state = NULL;
        return status;
    }
    device->kernels = weft_cuda_kernels;
    return WEFT_OK;
}

static void cuda_close(weft_device *device)
{
    (void)weft_cuda_enter(device);
    close_state(device->state, device->allocator);
}

/* ---- reports ---- */

static void cuda_info(weft_device_info *out)
{
    weft_vendor_report report;
    weft_vendor_piece driver;
    size_t used = 0;
    snprintf(out->description, sizeof out->description, "NVIDIA GPU");
    if (!weft_vendor_driver(&driver)) {
        snprintf(out->missing, sizeof out->missing, "%s", driver.missing);
        return;
    }
    weft_vendor_probe(&report);
    bool complete = report.devices > 0;
    for (int i = 0; i < report.count; i++) {
        const weft_vendor_piece *piece = &report.piece[i];
        complete = complete && (piece->found || piece->optional);
        if (!piece->found && !piece->optional && used < sizeof out->missing)
            used += (size_t)snprintf(out->missing + used, sizeof out->missing - used, "%s%s", used ? "; " : "",
                                     piece->missing);
    }
    out->available = complete;
    if (!complete && !used)
        snprintf(out->missing, sizeof out->missing, "no CUDA device");
    if (report.devices > 0)
        snprintf(out->description, sizeof out->description, "%s%s", report.card[0] ? report.card : "NVIDIA GPU",
                 report.devices > 1 ? ", the first of several" : "");
    out->memory = report.memory;
}

static int cuda_pieces(weft_device_piece *out, int room)
{
    weft_vendor_report report;
    weft_vendor_probe(&report);
    for (int i = 0; i < report.count && i < room; i++) {
        const weft_vendor_piece *piece = &report.piece[i];
        out[i] = (weft_device_piece){ .found = piece->found };
        snprintf(out[i].what, sizeof out[i].what, "%s", piece->what);
        snprintf(out[i].library, sizeof out[i].library, "%s", piece->library ? piece->library : "");
        snprintf(out[i].version, sizeof out[i].version, "%s", piece->version);
        snprintf(out[i].path, sizeof out[i].path, "%s", piece->path);
        snprintf(out[i].missing, sizeof out[i].missing, "%s", piece->missing);
    }
    return report.count;
}

static const weft_roofs *cuda_roofs(const weft_device *device)
{
    return &weft_cuda_of(device)->roofs;
}

const weft_backend weft_backend_cuda = {
    .name = "cuda",
    .brief = "cuDNN, cuBLASLt and own kernels",
    .open = cuda_open,
    .close = cuda_close,
    .info = cuda_info,
    .pieces = cuda_pieces,
    .alloc = weft_cuda_alloc,
    .free = weft_cuda_free,
    .write = weft_cuda_write,
    .read = weft_cuda_read,
    .send = weft_cuda_send,
    .fetch = weft_cuda_fetch,
    .lane_open = weft_cuda_lane_open,
    .lane_close = weft_cuda_lane_close,
    .lane_block = weft_cuda_lane_block,
    .lane_send = weft_cuda_lane_send,
    .host_alloc = weft_cuda_host_alloc,
    .host_free = weft_cuda_host_free,
    .available = weft_cuda_available,
    .wait = weft_cuda_wait,
    .mark = weft_cuda_mark,
    .taken = weft_cuda_taken,
    .unmark = weft_cuda_unmark,
    .team_name = weft_cuda_team_name,
    .team_id = weft_cuda_team_id,
    .team_open = weft_cuda_team_open,
    .team_sum = weft_cuda_team_sum,
    .team_join = weft_cuda_team_join,
    .team_add = weft_cuda_team_add,
    .team_keep = weft_cuda_team_keep,
    .team_abort = weft_cuda_team_abort,
    .team_close = weft_cuda_team_close,
    .begin = weft_cuda_begin,
    .end = weft_cuda_end,
    .forget = weft_cuda_forget,
    .pack_begin = weft_cuda_pack_begin,
    .pack_end = weft_cuda_pack_end,
    .pack_pieces = WEFT_PACK_SEGMENTS,
    .roofs = cuda_roofs,
    .build = weft_cuda_build,
    .input_channels = 4,
    /* With POOL VGG-16 takes 1.2 times as long. */
    .forms = WEFT_FORM_COMPOSE | WEFT_FORM_JOIN | WEFT_FORM_PRODUCT | WEFT_FORM_EXPAND | WEFT_FORM_IMAGE |
             WEFT_FORM_SUMS | WEFT_FORM_EXCITE | WEFT_FORM_STEPS | WEFT_FORM_LOGITS,
    .kept_forms = weft_cuda_kept_forms,
    .keep_forms = weft_cuda_keep_forms,
};
