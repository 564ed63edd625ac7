/* SPDX-License-Identifier: Apache-2.0
 *
 * All of weft: #include <weft/weft.h>, link with -lweft. */
#ifndef WEFT_WEFT_H
#define WEFT_WEFT_H

#include <weft/arch.h>
#include <weft/check.h>
#include <weft/classify.h>
#include <weft/context.h>
#include <weft/data.h>
#include <weft/graph.h>
#include <weft/image.h>
#include <weft/model.h>
#include <weft/ops.h>
#include <weft/recipe.h>
#include <weft/status.h>
#include <weft/store.h>
#include <weft/tensor.h>
#include <weft/text.h>
#include <weft/version.h>
#include <weft/weights.h>

#endif
