/* SPDX-License-Identifier: Apache-2.0
 *
 * Opening NVIDIA's libraries and filling the table of functions. The order matters: cuDNN calls abort() in its
 * first graph query when it cannot open cuBLASLt, so cuBLASLt is opened first and its absence is an error of ours.
 * Libraries stay mapped once opened (RTLD_NODELETE): CUDA's register handlers that must not vanish. */
#include "cuda/vendor/find.h"
#include "cuda/vendor/nccl.h"
#include "cuda/vendor/vendor.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/beside.h"

enum { CUDNN_NEEDED = 91000, CUDA_MAJOR = 13, LIBRARIES = WEFT_VENDOR_LIBRARY_COUNT };

static const struct {
    const char *what, *soname, *package;
} libraries[] = {
#define ROW(id, what, soname, package) { what, soname, package },
    WEFT_VENDOR_LIBRARIES(ROW)
#undef ROW
};

static const struct {
    int library;
    const char *symbol;
    size_t at;
} functions[] = {
#define ROW(library, result, symbol, parameters) { WEFT_VENDOR_##library, #symbol, offsetof(weft_vendor, symbol) },
    WEFT_VENDOR_FUNCTIONS(ROW)
#undef ROW
};

static const struct {
    const char *what, *soname, *package, *loss;
} parts[] = {
#define ROW(what, soname, package, loss) { what, soname, package, loss },
    WEFT_VENDOR_PARTS(ROW)
#undef ROW
};

static const weft_vendor *double_of; /* set by tests only, before any thread asks */

void weft_vendor_use(const weft_vendor *stand_in)
{
    double_of = stand_in;
}

/* ---- one library ---- */

/* "9.19.0" for 91900. */
static void version_text(int version, char *buf, size_t size)
{
    snprintf(buf, size, "%d.%d.%d", version / 10000, version / 100 % 100, version % 100);
}

/* CUDA counts differently: "13.0" for 13000. */
static void cuda_version_text(int version, char *buf, size_t size)
{
    snprintf(buf, size, "%d.%d", version / 1000, version % 1000 / 10);
}

static bool read_version(weft_vendor *vendor, int library, char *version, size_t size)
{
    switch (library) {
    case WEFT_VENDOR_CUDART:
        if (vendor->cudaRuntimeGetVersion(&vendor->runtime) != WEFT_CUDA_SUCCESS)
            return false;
        if (vendor->cudaDriverGetVersion(&vendor->driver) != WEFT_CUDA_SUCCESS)
            vendor->driver = 0;
        (void)vendor->cudaGetLastError();
        cuda_version_text(vendor->runtime, version, size);
        return vendor->runtime / 1000 == CUDA_MAJOR;
    case WEFT_VENDOR_CUBLASLT:
        vendor->cublaslt = (int)vendor->cublasLtGetVersion();
        version_text(vendor->cublaslt, version, size);
        return vendor->cublaslt / 10000 == CUDA_MAJOR;
    default:
        vendor->cudnn = (int)vendor->cudnnGetVersion();
        version_text(vendor->cudnn, version, size);
        return vendor->cudnn >= CUDNN_NEEDED && vendor->cudnn < CUDNN_NEEDED / 10000 * 10000 + 10000;
    }
}

static const char *const versions_needed[LIBRARIES] = { "CUDA 13", "13", "9.10 or a later 9" };

/* One library that is looked for. */
typedef struct opening {
    weft_vendor *vendor;
    int library;
    weft_vendor_piece *piece;
} opening;

/* Fills in the functions of an opened library, whose version must be right. */
static bool read_library(const opening *o, void *handle)
{
    weft_vendor_piece *piece = o->piece;
    const char *const package = libraries[o->library].package;
    for (int i = 0; i < WEFT_COUNT(functions); i++) {
        if (functions[i].library != o->library)
            continue;
        void *const symbol = dlsym(handle, functions[i].symbol);
        if (!symbol) {
            snprintf(piece->missing, sizeof piece->missing, "it has no function %s: too old; install %s",
                     functions[i].symbol, package);
            return false;
        }
        memcpy((char *)o->vendor + functions[i].at, &symbol, sizeof symbol);
    }
    if (read_version(o->vendor, o->library, piece->version, sizeof piece->version))
        return true;
    snprintf(piece->missing, sizeof piece->missing, "version %s was found, %s is needed; install %s", piece->version,
             versions_needed[o->library], package);
    return false;
}

/* One file that may be the library. It stays only if it is the right one: a wrong one of the same soname would be in
 * the way of the others. */
static bool try_library(const char *path, void *user)
{
    const opening *o = user;
    weft_vendor_piece *piece = o->piece;
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *reason = dlerror();
        if (!piece->missing[0]) /* else what is wrong with one that is there says more */
            snprintf(piece->missing, sizeof piece->missing, "%.150s; install %s", reason ? reason : "not found",
                     libraries[o->library].package);
        return false;
    }
    piece->missing[0] = '\0';
    if (read_library(o, handle)) {
        o->vendor->library[o->library] = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
        piece->found = true;
        weft_vendor_path_of(handle, piece->path, sizeof piece->path);
    }
    dlclose(handle);
    return piece->found;
}

/* Looks for, opens and reads one library. False with the reason in piece->missing. */
static bool open_library(weft_vendor *vendor, int library, weft_vendor_piece *piece)
{
    *piece = (weft_vendor_piece){ .what = libraries[library].what, .library = libraries[library].soname };
    return weft_vendor_find(piece->library, try_library, &(opening){ vendor, library, piece });
}

static weft_status need_piece(const weft_vendor_piece *piece)
{
    return piece->found ? WEFT_OK
                        : weft_fail(WEFT_NO_DEVICE, "%s (%s): %s", piece->what, piece->library, piece->missing);
}

void weft_vendor_close(weft_vendor *vendor)
{
    for (int i = LIBRARIES - 1; i >= 0; i--)
        if (vendor->library[i])
            dlclose(vendor->library[i]);
    *vendor = (weft_vendor){ .runtime = 0 };
}

weft_status weft_vendor_load(weft_vendor *out)
{
    if (double_of) {
        *out = *double_of;
        return WEFT_OK;
    }
    weft_vendor vendor = { .runtime = 0 };
    for (int i = 0; i < LIBRARIES; i++) {
        weft_vendor_piece piece;
        if (!open_library(&vendor, i, &piece)) {
            weft_vendor_close(&vendor);
            *out = vendor;
            return need_piece(&piece);
        }
    }
    *out = vendor;
    return WEFT_OK;
}

/* ---- what is only looked for ---- */

/* A part that is there and waits for the driver only (of cuDNN 9.28 the runtime-compiled engines): what is missing then
 * is the driver, a piece of its own. */
static bool lacks_driver(const char *reason)
{
    return strncmp(reason, "libcuda.so.1:", strlen("libcuda.so.1:")) == 0;
}

/* One file that may be a part. Once open it stays: cuDNN, which asks for it by its soname alone, then has it too. */
static bool try_part(const char *path, void *user)
{
    weft_vendor_piece *piece = user;
    void *const handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    const char *reason = handle ? "" : dlerror();
    reason = reason ? reason : "not found";
    piece->found = handle || lacks_driver(reason);
    if (handle) {
        weft_vendor_path_of(handle, piece->path, sizeof piece->path);
        dlclose(handle);
    } else if (piece->found) {
        snprintf(piece->path, sizeof piece->path, "%s", path);
    } else if (!piece->missing[0]) {
        snprintf(piece->missing, sizeof piece->missing, "%.120s", reason);
    }
    return piece->found;
}

static bool open_part(int part, weft_vendor_piece *piece)
{
    char reason[sizeof piece->missing];
    *piece = (weft_vendor_piece){ .what = parts[part].what, .library = parts[part].soname };
    weft_vendor_find(piece->library, try_part, piece);
    snprintf(reason, sizeof reason, "%s", piece->missing);
    piece->missing[0] = '\0';
    if (!piece->found)
        snprintf(piece->missing, sizeof piece->missing, "%.120s; without it %s; install %s", reason, parts[part].loss,
                 parts[part].package);
    return piece->found;
}

char *weft_vendor_parts_text(char *buf, size_t size)
{
    size_t at = 0;
    buf[0] = '\0';
    for (int i = 0; i < WEFT_COUNT(parts) && at < size; i++) {
        weft_vendor_piece piece;
        const bool found = open_part(i, &piece);
        const int n =
            snprintf(buf + at, size - at, "%s%s %s", i ? ", " : "", parts[i].soname, found ? "found" : "missing");
        at += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

/* ---- the driver ---- */

static const char stand_in[] = "libweft_nodevice.so";

/* NULL: there is none, but perhaps the stand-in that planning has opened (below). */
static void *open_driver(const char *soname)
{
    char path[WEFT_BESIDE_PATH];
    void *const handle = dlopen(soname, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
    weft_vendor_path_of(handle, path, sizeof path);
    if (!strstr(path, stand_in))
        return handle;
    dlclose(handle);
    return NULL;
}

/* The driver's own answer, so that it is reported where even the runtime is missing. False: there is none at all. */
static bool probe_driver(weft_vendor_piece *piece)
{
    *piece = (weft_vendor_piece){ .what = "NVIDIA driver", .library = "libcuda.so.1" };
    void *const handle = open_driver(piece->library);
    if (!handle) {
        snprintf(piece->missing, sizeof piece->missing,
                 "libcuda.so.1 was not found; install NVIDIA's driver, 580 or newer");
        return false;
    }
    int (*get_version)(int *) = NULL;
    void *const symbol = dlsym(handle, "cuDriverGetVersion");
    memcpy(&get_version, &symbol, sizeof symbol);
    int version = 0;
    if (!get_version || get_version(&version) != 0 || version <= 0) {
        snprintf(piece->missing, sizeof piece->missing,
                 "libcuda.so.1 is the toolkit's stub, not a driver: take its folder off the library path, install "
                 "NVIDIA's driver, 580 or newer");
    } else {
        cuda_version_text(version, piece->version, sizeof piece->version);
        piece->found = version / 1000 >= CUDA_MAJOR;
        weft_vendor_path_of(handle, piece->path, sizeof piece->path);
        if (!piece->found)
            snprintf(piece->missing, sizeof piece->missing,
                     "it supports CUDA %s, %d.0 is needed; install NVIDIA's "
                     "driver, 580 or newer",
                     piece->version, CUDA_MAJOR);
    }
    dlclose(handle);
    return true;
}

static weft_status need_parts(const weft_vendor *vendor)
{
    for (int i = 0; vendor->library[WEFT_VENDOR_CUDNN] && i < WEFT_COUNT(parts); i++) {
        weft_vendor_piece piece;
        open_part(i, &piece);
        WEFT_TRY(need_piece(&piece));
    }
    return WEFT_OK;
}

/* cuDNN compiles nothing where no libcuda.so.1 is open or can be opened, and parts of it cannot be opened without. One
 * of that name stays open, and is it. */
weft_status weft_vendor_need_planner(const weft_vendor *vendor)
{
    weft_vendor_piece driver;
    char path[WEFT_BESIDE_PATH];
    if (double_of)
        return WEFT_OK;
    const bool stands_in = !probe_driver(&driver) && weft_beside(stand_in, path) &&
                           dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    WEFT_TRY(stands_in ? WEFT_OK : need_piece(&driver));
    return need_parts(vendor);
}

/* ---- devices ---- */

/* Why the runtime sees no device. */
static void no_device_text(const weft_vendor *vendor, int error, char *buf, size_t size)
{
    char driver[24], runtime[24];
    cuda_version_text(vendor->driver, driver, sizeof driver);
    cuda_version_text(vendor->runtime, runtime, sizeof runtime);
    if (error == WEFT_CUDA_SUCCESS || error == WEFT_CUDA_NO_DEVICE)
        snprintf(buf, size, "the NVIDIA driver finds no GPU");
    else if (error == WEFT_CUDA_STUB_LIBRARY)
        snprintf(buf, size, "libcuda.so.1 is the toolkit's stub, not a driver: take its folder off the library path");
    else if (error == WEFT_CUDA_INSUFFICIENT_DRIVER && vendor->driver == 0)
        snprintf(buf, size, "there is no NVIDIA driver (libcuda.so.1); install version 580 or newer");
    else if (error == WEFT_CUDA_INSUFFICIENT_DRIVER)
        snprintf(buf, size, "the NVIDIA driver supports CUDA %s, %s is needed; install version 580 or newer", driver,
                 runtime);
    else
        snprintf(buf, size, "%s (%s, %d)", vendor->cudaGetErrorString(error), vendor->cudaGetErrorName(error), error);
}

/* Number of devices; 0 with the error. */
static int count_devices(const weft_vendor *vendor, int *error)
{
    int count = 0; /* left alone on failure */
    *error = vendor->cudaGetDeviceCount(&count);
    if (*error == WEFT_CUDA_SUCCESS)
        return count;
    (void)vendor->cudaGetLastError();
    return 0;
}

weft_status weft_vendor_need_device(const weft_vendor *vendor, int index)
{
    int error;
    const int count = count_devices(vendor, &error);
    if (count == 0) {
        char why[256];
        no_device_text(vendor, error, why, sizeof why);
        return weft_fail(WEFT_NO_DEVICE, "%s", why);
    }
    if (index < 0 || index >= count)
        return weft_fail(WEFT_NO_DEVICE, "there is no CUDA device %d: the driver sees %d", index, count);
    return need_parts(vendor);
}

/* The last piece: the cards. */
static void probe_devices(const weft_vendor *vendor, weft_vendor_report *report)
{
    weft_vendor_piece *piece = &report->piece[report->count++];
    *piece = (weft_vendor_piece){ .what = "GPU", .library = "" };
    if (!vendor->cudaGetDeviceCount) {
        snprintf(piece->missing, sizeof piece->missing, "cannot be asked for without the CUDA runtime");
        return;
    }
    int error;
    report->devices = count_devices(vendor, &error);
    piece->found = report->devices > 0;
    weft_cuda_properties first = { .name = "" };
    if (piece->found && vendor->cudaGetDeviceProperties(&first, 0) == WEFT_CUDA_SUCCESS) {
        snprintf(report->card, sizeof report->card, "%.63s", first.name);
        report->memory = first.memory;
    }
    if (piece->found)
        snprintf(piece->version, sizeof piece->version, "%d found", report->devices);
    else
        no_device_text(vendor, error, piece->missing, sizeof piece->missing);
}

bool weft_vendor_driver(weft_vendor_piece *piece)
{
    *piece = (weft_vendor_piece){ .what = "NVIDIA driver", .library = "libcuda.so.1", .found = true };
    if (!double_of)
        (void)probe_driver(piece);
    return piece->found;
}

void weft_vendor_probe(weft_vendor_report *report)
{
    *report = (weft_vendor_report){ .count = 0 };
    weft_vendor vendor = { .runtime = 0 };
    if (double_of)
        vendor = *double_of;
    else
        (void)probe_driver(&report->piece[report->count++]);
    for (int i = 0; i < LIBRARIES; i++) {
        weft_vendor_piece *const piece = &report->piece[report->count++];
        if (!double_of) {
            if (!open_library(&vendor, i, piece) && i == WEFT_VENDOR_CUDART)
                vendor.cudaGetDeviceCount = NULL;
            continue;
        }
        *piece = (weft_vendor_piece){ .what = libraries[i].what, .library = libraries[i].soname };
        piece->found = read_version(&vendor, i, piece->version, sizeof piece->version);
    }
    for (int i = 0; !double_of && i < WEFT_COUNT(parts); i++)
        open_part(i, &report->piece[report->count++]);
    weft_nccl_probe(&report->piece[report->count++]);
    probe_devices(&vendor, report);
    if (!double_of)
        weft_vendor_close(&vendor);
}

/* ---- errors ---- */

weft_status weft_vendor_cuda_failed(const weft_vendor *vendor, int error, const char *call, const char *what)
{
    (void)vendor->cudaGetLastError();
    return weft_fail(error == WEFT_CUDA_OUT_OF_MEMORY ? WEFT_NO_MEMORY : WEFT_INTERNAL, "%s: %s: %s (%s, %d)", what,
                     call, vendor->cudaGetErrorString(error), vendor->cudaGetErrorName(error), error);
}

weft_status weft_vendor_cublaslt_failed(const weft_vendor *vendor, int status, const char *call, const char *what)
{
    return weft_fail(WEFT_INTERNAL, "%s: %s: %s (%d)", what, call, vendor->cublasLtGetStatusName(status), status);
}

weft_status weft_vendor_cudnn_failed(const weft_vendor *vendor, int status, const char *call, const char *what)
{
    /* cuDNN's text has a line for each level of the call; the first says what, the others where in its sources. */
    char text[512] = "";
    vendor->cudnnGetLastErrorString(text, sizeof text);
    text[sizeof text - 1] = '\0';
    text[strcspn(text, "\n")] = '\0';
    return weft_fail(status / 1000 == 3 ? WEFT_UNSUPPORTED : WEFT_INTERNAL, "%s: %s: %s%s%s", what, call,
                     vendor->cudnnGetErrorString(status), text[0] ? ": " : "", text);
}
