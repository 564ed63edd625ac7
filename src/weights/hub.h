/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of what descriptions beside weights say. */
#ifndef WEFT_WEIGHTS_HUB_H
#define WEFT_WEIGHTS_HUB_H

#include "weights/json.h"
#include "weights/weights.h"

/* Compares what the object at that place says of a network with how weft builds it: of transformers' model_type, or of
 * timm's (NULL). The first difference becomes metadata hub.differs. */
weft_status weft_hub_check_network(weft_json *json, size_t object, const char *model, weft_weights *weights);

#endif
