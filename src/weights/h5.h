/* SPDX-License-Identifier: Apache-2.0
 *
 * Keras' HDF5 weight files, read in the weft-h5 helper process: h5.c says which names come out. */
#ifndef WEFT_WEIGHTS_H5_H
#define WEFT_WEIGHTS_H5_H

#include <weft/weights.h>

/* Legacy .h5 (whole models and weights) and Keras 3 .weights.h5. */
weft_status weft_h5_read(weft_ctx *ctx, const char *path, weft_weights **out);
/* Keras 3 .keras: a zip file with config.json and model.weights.h5. */
weft_status weft_keras_zip_read(weft_ctx *ctx, const char *path, weft_weights **out);

#endif
