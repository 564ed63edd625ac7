/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in a Keras model behind the network proper: how its map becomes a vector, and the vector an answer. */
#ifndef WEFT_WEIGHTS_KERAS_BEHIND_H
#define WEFT_WEIGHTS_KERAS_BEHIND_H

#include "weights/json.h"
#include "weights/weights.h"

typedef struct weft_keras_behind {
    const char *act, *act_of; /* what the last Dense, or a layer behind it, makes of outputs, and its name; or NULL */
    bool acted;               /* an activation has come behind the last convolution, norm or joint */
    bool averaged;            /* an average pool has */
    bool outputs;             /* a Dense has, or what makes a list of a map: what comes behind it makes answers */
    bool norms;               /* the network has batch norms */
    const char *differs;      /* the first layer there that weft's networks do not have, in words */
    const char *forever;      /* the first that they have nowhere */
} weft_keras_behind;

/* For each layer, in the order of the description; its configuration stands at config (0: it has none). What is kept
 * lies in json's arena. */
weft_status weft_keras_behind_layer(weft_keras_behind *b, weft_json *json, const char *class_name, size_t config);
/* Sets metadata weft.activation, where it is softmax or sigmoid, and file.differs, where weft's network does something
 * otherwise. */
weft_status weft_keras_behind_tell(const weft_keras_behind *b, const weft_json *json, weft_weights *weights);

#endif
