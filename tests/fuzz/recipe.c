/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipes as text: what is parsed is a recipe, whose own text is parsed to the same. */
#include <string.h>
#include <weft/recipe.h>

#include "fuzz/fuzz.h"
#include "image/image.h"

enum { TEXT = 4096 };

static void check(weft_status status, const weft_recipe *recipe)
{
    char text[WEFT_RECIPE_TEXT], again[WEFT_RECIPE_TEXT];
    weft_recipe parsed;
    if (status != WEFT_OK) {
        fuzz_check(status == WEFT_BAD_DATA, "the status is BAD_DATA");
        return;
    }
    fuzz_check(weft_recipe_check(recipe) == WEFT_OK, "it is a recipe");
    weft_recipe_text(recipe, text, sizeof text);
    fuzz_check(weft_recipe_parse(text, &parsed) == WEFT_OK, "its text is one");
    fuzz_check(strcmp(weft_recipe_text(&parsed, again, sizeof again), text) == 0, "and stays as it is");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[TEXT];
    weft_recipe recipe = weft_arch_recipe(weft_arch_find("resnet50", WEFT_DIALECT_DEFAULT), 0);
    const size_t length = size < TEXT ? size : TEXT - 1;
    memcpy(text, data, length);
    text[length] = '\0';
    check(weft_recipe_change(text, &recipe), &recipe);
    check(weft_recipe_parse(text, &recipe), &recipe);
    return 0;
}
