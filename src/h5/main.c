/* SPDX-License-Identifier: Apache-2.0
 *
 * The helper's course: descriptors and limits, the file as memory, the seal, libhdf5, the stream. */
#include "helper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Mapped, not read: a file of mostly holes or of no use then costs what libhdf5 looks at. If it is cut meanwhile, this
 * process dies, which is what it is for. */
static void *map_image(size_t size)
{
    if (size == 0)
        refuse(BAD, "is empty; an HDF5 file was expected");
    void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, IMAGE_FD, 0);
    if (image == MAP_FAILED)
        refuse(errno == ENOMEM ? MEMORY : BAD, "%zu bytes cannot be mapped: %s", size, strerror(errno));
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
    void *image = map_image(size);
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
