/* SPDX-License-Identifier: Apache-2.0
 *
 * Augmentations as text: whatever it says, each step that is read is a row of the table with numbers in its range. */
#include <string.h>
#include <weft/status.h>

#include "augment/augment.h"
#include "fuzz/fuzz.h"

enum { TEXT = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT];
    weft_augment augment;
    const size_t length = size < TEXT ? size : TEXT - 1;
    memcpy(text, data, length);
    text[length] = '\0';
    const weft_status status = weft_augment_read(text, &augment);
    fuzz_check(status == WEFT_OK || status == WEFT_INVALID, "the status is OK or INVALID");
    fuzz_check(status == WEFT_OK || *weft_error(), "there is a sentence");
    for (int i = 0; status == WEFT_OK && i < augment.count; i++) {
        const weft_augment_step *step = &augment.steps[i];
        fuzz_check(step->row >= weft_augment_rows && step->row < weft_augment_rows + weft_augment_row_count,
                   "a step is a row");
        for (int k = 0; k < WEFT_AUGMENT_ARGS && step->row->args[k].name; k++)
            fuzz_check(step->arg[k] >= step->row->args[k].low && step->arg[k] <= step->row->args[k].high,
                       "a number is in its range");
    }
    return 0;
}
