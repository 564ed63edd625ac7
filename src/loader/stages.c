/* SPDX-License-Identifier: Apache-2.0
 *
 * The stages of an image, timed where somebody asks. Reading is timed by a clock that goes on while a disk is waited
 * for, all else by the thread's own, which other work on the machine does not move. */
#include "loader/loader.h"

#include "base/clock.h"

static int64_t now(weft_stage stage)
{
    return stage == WEFT_STAGE_READ ? weft_clock_ns() : weft_clock_work_ns();
}

void weft_stage_begin(weft_loader_hand *hand, weft_stage stage)
{
    if (hand->stages)
        hand->stages->at = now(stage);
}

void weft_stage_end(weft_loader_hand *hand, weft_stage stage)
{
    if (hand->stages)
        hand->stages->spent[stage] += now(stage) - hand->stages->at;
}
