/* SPDX-License-Identifier: Apache-2.0
 *
 * The helper's course: descriptors and limits, the file into memory, the seal, libhdf5, the stream. */
#include "helper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *read_image(size_t size)
{
    char *image = take(size, 1);
    size_t at = 0;
    while (at < size) {
        const ssize_t count = read(IMAGE_FD, image + at, size - at);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            refuse(BAD, "byte %zu: cannot be read: %s", at, strerror(errno));
        if (count == 0)
            refuse(BAD, "byte %zu: the file ended while it was read; it had %zu bytes", at, size);
        at += (size_t)count;
    }
    return image;
}

int main(void)
{
    struct stat facts;
    if (fstat(IMAGE_FD, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 0) {
        fputs("weft-h5: a part of libweft, which reads Keras' HDF5 files with it; not for use by hand\n", stderr);
        return 2;
    }
    const size_t size = (size_t)facts.st_size;
    confine(size);
    if (H5open() < 0 || H5Eset_auto2(H5E_DEFAULT, NULL, NULL) < 0 || H5PLset_loading_state(0) < 0)
        refuse(UNSUPPORTED, "libhdf5 cannot be initialised");
    void *image = read_image(size);
    seal();

    model m = { .stored = size };
    const hid_t root = open_image(image, size);
    if (!read_legacy(root, &m) && !read_keras3(root, &m))
        refuse(BAD, "is an HDF5 file without Keras weights: neither an attribute layer_names nor groups of variables "
                    "(layers/.../vars) are in it");
    const char *twice = duplicate_name(&m);
    if (twice)
        refuse(BAD, "two tensors are called %s", twice);
    send_model(&m);
    send_bytes("\nok", 3);
    _exit(0); /* not through libhdf5's clean-up, which walks what the file has made */
}
