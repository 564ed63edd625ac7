/* SPDX-License-Identifier: Apache-2.0
 *
 * Keras' .h5 files up to Keras 2, which Keras 3 still writes: the attribute layer_names lists the layers in order (at
 * the root of a weight file, in the group model_weights of a whole model), the attribute weight_names of a layer's
 * group lists the paths of its data sets. */
#include "helper.h"

#include <string.h>

/* What follows the first component of path that is the layer's name; the whole path if none is. */
static const char *behind_layer(const char *path, const char *layer)
{
    const size_t size = strlen(layer);
    for (const char *at = path; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (size > 0 && strncmp(at, layer, size) == 0 && at[size] == '/')
            return at + size + 1;
    }
    return path;
}

/* "<layer>/<weight>" without TensorFlow's ":0", without what stands before the layer's name (the model's), and with the
 * layer's name said once. */
static char *tensor_name(const char *layer, const char *path)
{
    const size_t size = strlen(layer);
    const char *weight = behind_layer(path, layer);
    while (size > 0 && strncmp(weight, layer, size) == 0 && weight[size] == '/')
        weight += size + 1;
    size_t length = strlen(weight);
    if (length > 2 && strcmp(weight + length - 2, ":0") == 0)
        length -= 2;
    return text("%s%s%.*s", layer, size > 0 ? "/" : "", (int)length, weight);
}

/* The weights of one layer's group; layer "" for the model's own. */
static void read_layer(model *m, hid_t group, const char *path, const char *layer)
{
    string_list weights;
    if (!read_strings(group, path, "weight_names", &weights))
        refuse(BAD, "%s: has no attribute weight_names", path);
    for (uint64_t i = 0; i < weights.count; i++) {
        const hid_t dataset = open_below(group, path, weights.items[i], H5I_DATASET);
        if (dataset < 0)
            refuse(BAD, "%s: weight_names lists %s, which is not there", path, weights.items[i]);
        add_tensor(m, dataset, text("%s/%s", path, weights.items[i]), tensor_name(layer, weights.items[i]));
    }
}

bool read_legacy(hid_t root, model *m)
{
    hid_t group = root;
    const char *where = "";
    string_list layers;
    if (!read_strings(root, "/", "layer_names", &layers)) {
        where = "/model_weights";
        group = open_below(root, "", "model_weights", H5I_GROUP);
        if (group < 0)
            return false;
        if (!read_strings(group, where, "layer_names", &layers))
            refuse(BAD, "%s: has no attribute layer_names", where);
    }
    m->format = "keras-h5";
    m->version = read_string(group, where, "keras_version", MAX_NAME);
    m->config = read_string(root, "/", "model_config", MAX_CONFIG);
    for (uint64_t i = 0; i < layers.count; i++) {
        const char *path = text("%s/%s", where, layers.items[i]);
        const hid_t layer = open_below(group, where, layers.items[i], H5I_GROUP);
        if (layer < 0)
            refuse(BAD, "%s: layer_names lists it, but it is not there", path);
        read_layer(m, layer, path, layers.items[i]);
        H5Gclose(layer);
    }
    const hid_t own = open_below(group, where, "top_level_model_weights", H5I_GROUP);
    if (own >= 0)
        read_layer(m, own, text("%s/top_level_model_weights", where), "");
    return true;
}
