/* SPDX-License-Identifier: Apache-2.0
 *
 * Keras' HDF5 weight files. libhdf5 crashes on damaged files, so it runs only in weft-h5 (src/h5/), a process without
 * files, network or new system calls, which sends the tensors back as a safetensors stream; the stream is parsed like
 * any file that nobody trusts, and a helper that dies is one more damaged file.
 *
 * The names that come out; weft_weights_map builds on them.
 *
 *   format            what it is                          tensor names, in this order
 *   keras-h5          .h5 of model.save or save_weights   "<layer>/<weight>": layers as in layer_names, weights as in
 *                     (Keras 1, 2, 3; tf-keras)           weight_names: "conv1_conv/kernel", "bn/moving_mean"
 *   keras-weights-h5  .weights.h5 of Keras 3              "<layer>/<k>", k counts the layer's variables from 0
 *   keras             .keras of Keras 3                   the same, layers in the order of config.json
 *
 * keras-h5. A weight name loses its ":0" and what stands before its layer's name, which is said once, and put before a
 * name that lacks it: "conv1/kernel:0", "sequential/conv1/kernel", "conv1/conv1/kernel:0" and "kernel" of the layer
 * "conv1" all give "conv1/kernel";
 * Keras 1 files give "block1_conv1/block1_conv1_W_1". A model inside the model is a layer: its weights are
 * "<model>/<layer>/<weight>". The model's own weights (group top_level_model_weights) come last under their names.
 *
 * keras-weights-h5 and keras. Keras calls its groups by class and number ("layers/conv2d_3/vars/0"); newer releases
 * also note the layer's name beside the variables. Groups called "layers", "_layer_checkpoint_dependencies" and "vars"
 * vanish from the path; each other component becomes the layer's name where noted, and stays as it is elsewhere.
 * Metadata "keras.names" tells which: "attributes" ("conv3_block1_1_conv/0") or "paths" ("conv2d_3/0"). Components keep
 * their nesting: "<model>/<layer>/<k>", "<layer>/query/<k>". Order: paths component by component, by name and then by
 * number, "conv2d", "conv2d_1", ..., "conv2d_10", which within one class is the order of the layers in the model. In a
 * .keras, config.json gives the layers' names where none are noted ("keras.names" then is "attributes" as well), and
 * their order always. The model's own variables are "<model>/<k>", or "vars/<k>".
 *
 * Left out: variables of the optimizer and of metrics, and the seeds of random layers (groups "seed_generator"), which
 * are not weights.
 *
 * Metadata: "format" as above; "keras.class" ("Functional"), "keras.name" (the model's), "keras.version" where found.
 * Where the helper program is looked for: h5_process.h. */
#include "weights/h5.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "weights/h5_process.h"
#include "weights/keras_config.h"

enum { TAIL = 64 << 20 }; /* bytes behind the end that may be */

static const char config_key[] = "model_config";

/* The description that the file carries, as long text, becomes two words of metadata. One that is no good is no reason
 * to refuse the weights. */
static weft_status describe(const char *path, weft_weights *weights)
{
    const char *config = weft_weights_meta_find(weights, config_key);
    if (!config)
        return WEFT_OK;
    const weft_status status = weft_keras_describe(path, config, strlen(config), weights);
    return status == WEFT_NO_MEMORY ? status : weft_weights_set_meta(weights, config_key, NULL);
}

/* The beginning of the superblock (HDF5 file format, II.A): how wide addresses are, and where the file ends. The helper
 * reads all of a file, which one that lies about these is not worth. */
static weft_status check_superblock(const char *path, int file, uint64_t size)
{
    static const uint8_t magic[] = { 0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n' };
    static const struct {
        int width, end; /* places of the number of bytes of an address, and of the address of the end */
    } versions[] = { { 13, 40 }, { 13, 44 }, { 9, 28 }, { 9, 28 } };
    uint8_t head[52];
    size_t got = 0;
    WEFT_TRY(weft_read_bytes(file, path, head, sizeof head, &got));
    if (lseek(file, 0, SEEK_SET) != 0)
        return weft_fail(WEFT_IO, "%s: cannot be read again from its beginning", path);
    if (got < sizeof head || memcmp(head, magic, sizeof magic) != 0 || head[8] >= WEFT_COUNT(versions))
        return WEFT_OK; /* for libhdf5 to tell */
    const int width = head[versions[head[8]].width];
    if (width != 2 && width != 4 && width != 8)
        return weft_fail(WEFT_BAD_DATA, "%s: is not a whole HDF5 file (addresses of %d bytes)", path, width);
    const uint64_t end = width == 8 ? weft_le64(head + versions[head[8]].end) : 0;
    if (width == 8 && size > end && size - end > TAIL)
        return weft_fail(WEFT_BAD_DATA, "%s: is not an HDF5 file alone (it has %llu bytes and says that it ends at "
                         "%llu)", path, (unsigned long long)size, (unsigned long long)end);
    if (end > size)
        return weft_fail(WEFT_BAD_DATA, "%s: is not a whole HDF5 file (it has %llu bytes and says that it ends at "
                         "%llu)", path, (unsigned long long)size, (unsigned long long)end);
    return WEFT_OK;
}

static weft_status run_helper(weft_ctx *ctx, const char *path, int file, uint64_t size, weft_weights **out)
{
    char helper[WEFT_H5_PATH];
    WEFT_TRY(weft_h5_find(path, helper));
    const weft_h5_job job = { .path = path, .helper = helper, .file = file, .size = size,
                              .limit_ms = WEFT_H5_LIMIT_MS };
    return weft_h5_run(ctx, &job, out);
}

weft_status weft_h5_read(weft_ctx *ctx, const char *path, weft_weights **out)
{
    weft_weights *weights = NULL;
    uint64_t size = 0;
    int file = -1;
    WEFT_TRY(weft_open_regular(path, "an HDF5 file", &file, &size));
    weft_status status = check_superblock(path, file, size);
    if (status == WEFT_OK)
        status = run_helper(ctx, path, file, size, &weights);
    close(file);
    WEFT_TRY(status);
    status = describe(path, weights);
    if (status == WEFT_OK)
        *out = weights;
    else
        weft_weights_destroy(weights);
    return status;
}
