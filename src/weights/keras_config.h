/* SPDX-License-Identifier: Apache-2.0
 *
 * What the JSON description of a Keras model (config.json of a .keras, model_config of an .h5) says about its layers.
 * path says in sentences whose text it is. */
#ifndef WEFT_WEIGHTS_KERAS_CONFIG_H
#define WEFT_WEIGHTS_KERAS_CONFIG_H

#include "weights/weights.h"

/* Longer descriptions are not read. */
enum { WEFT_KERAS_TEXT = 16 << 20 };

/* Sets metadata keras.class and keras.name; recipe.px of the images that the model takes, recipe.scale of their pixels,
 * recipe.plain without what has a number for each channel, and weft.activation, where it says so (keras_facts.c);
 * recipe.mean, .std and .layer of a Normalization, recipe.fit, .resample and .antialias of a Resizing, recipe.cannot of
 * the first layer that no recipe can be, file.differs of what stands behind the network and weft's does not have
 * (keras_behind.c). */
weft_status weft_keras_describe(const char *path, const void *text, size_t size, weft_weights *weights);
/* Sets metadata keras.version from metadata.json. */
weft_status weft_keras_version(const char *path, const void *text, size_t size, weft_weights *weights);
/* Orders the tensors as the description lists their layers; if the set's names are paths (metadata keras.names), names
 * them after the layers. Tensors of no listed layer keep their names and come last. */
weft_status weft_keras_arrange(const char *path, const void *text, size_t size, weft_weights *weights);

#endif
