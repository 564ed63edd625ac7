/* SPDX-License-Identifier: Apache-2.0
 *
 * Recipes: how a publisher turns a photograph into a network's input when the accuracy is measured. The size that the
 * image is brought to, the part that is cut out, the filter and the preprocessing differ between Keras, torchvision
 * and timm, and between their networks; a network that is fed by another's recipe loses a point or more. */
#ifndef WEFT_RECIPE_H
#define WEFT_RECIPE_H

#include <weft/arch.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum weft_resample { WEFT_NEAREST, WEFT_BILINEAR, WEFT_BICUBIC } weft_resample;

/* How an image of any shape becomes px x px. */
typedef enum weft_fit {
    WEFT_FIT_SQUASH, /* all of it, whatever its shape: Keras' load_img(target_size=...) */
    WEFT_FIT_SHORT,  /* the shorter side to `side` pixels, then the centre: torchvision, timm */
    WEFT_FIT_CROP,   /* the centre square of `share` of the shorter side, then resized: TensorFlow's central crop */
    WEFT_FIT_COUNT
} weft_fit;

typedef struct weft_recipe {
    int px, channels;      /* what comes out, [px, px, channels]; 1 channel: luma, as Pillow's convert("L") */
    weft_fit fit;
    int side;              /* FIT_SHORT: pixels of the shorter side, at least px */
    double share;          /* FIT_CROP: in (0, 1] */
    weft_resample resample;
    bool no_antialias;     /* sample at half-pixel centres, as tf.image.resize does, instead of Pillow's filter */
    weft_preprocess preprocess;
    double mean[3], std[3]; /* std above 0, with preprocess UNIT: then (x - mean) / std of each channel; zeros: not */
} weft_recipe;

/* "squash", "short", "crop" */
WEFT_API const char *weft_fit_name(weft_fit fit);
/* "nearest", "bilinear", "bicubic" */
WEFT_API const char *weft_resample_name(weft_resample how);
/* "none", "tf", "caffe", "torch", "unit" */
WEFT_API const char *weft_preprocess_name(weft_preprocess preprocess);

/* The recipe of a network's publisher for images of px pixels (0: the network's own; others scale `side` with it).
 * All zeros if arch is NULL. */
WEFT_API weft_recipe weft_arch_recipe(const weft_arch *arch, int px);

enum { WEFT_RECIPE_TEXT = 320 }; /* bytes that hold the text of any recipe */

/* The text of a recipe, "px=224 channels=3 fit=short side=256 resample=bilinear preprocess=torch", as weight files
 * keep it under weft.recipe; cut to fit size. Parsed, it is the recipe again, to 15 decimals. Returns buf. */
WEFT_API const char *weft_recipe_text(const weft_recipe *recipe, char *buf, size_t size);
/* The recipe of a text, words in any order. BAD_DATA names the word that is wrong or missing. */
WEFT_API weft_status weft_recipe_parse(const char *text, weft_recipe *out);
/* Changes a recipe by such words, and by those that timm has for it: crop=0.875 is fit=short with a side of
 * px / crop, interpolation= is resample=, mean=0.5,0.5,0.5 and std= (one number: of all channels) take the place of
 * the preprocessing. px=288 alone scales the side with it. BAD_DATA as weft_recipe_parse. */
WEFT_API weft_status weft_recipe_change(const char *words, weft_recipe *recipe);

#ifdef __cplusplus
}
#endif
#endif
