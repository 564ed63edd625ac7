/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of what descriptions beside weights say. */
#ifndef WEFT_WEIGHTS_HUB_H
#define WEFT_WEIGHTS_HUB_H

#include "weights/json.h"
#include "weights/weights.h"

/* A description that is read, and the set whose metadata it becomes. */
typedef struct weft_hub {
    weft_json json;
    weft_weights *weights;
} weft_hub;

/* Sets metadata; text NULL: nothing. */
weft_status weft_hub_set(const weft_hub *h, const char *key, const char *text);
/* timm's pretrained_cfg at a noted place, or at the top (0), as older files have it. */
weft_status weft_hub_timm(weft_hub *h, size_t at);
/* transformers' preprocessor_config.json. */
weft_status weft_hub_preprocessor(weft_hub *h);
/* Compares what the object at that place says of a network with how weft builds it: of transformers' model_type, or of
 * timm's (NULL). The first difference becomes metadata hub.differs. */
weft_status weft_hub_check_network(weft_json *json, size_t object, const char *model, weft_weights *weights);

#endif
