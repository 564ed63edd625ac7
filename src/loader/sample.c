/* SPDX-License-Identifier: Apache-2.0
 *
 * One image: read, fitted to the network's size, augmented, normalised. What is evaluated is made by the recipe alone,
 * to the bit as weft eval makes it. */
#include "loader/loader.h"

#include <string.h>

#include "base/clock.h"
#include "base/error.h"

/* What libjpeg-turbo alone takes for the same file. */
static void time_pass(const weft_loader *l, const weft_image_file *source, int by, int64_t decode, weft_stages *stages)
{
    const int64_t start = weft_clock_work_ns();
    if (weft_jpeg_pass(l->allocator, source, by) != WEFT_OK)
        return;
    stages->pass += weft_clock_work_ns() - start;
    stages->decode += decode;
    stages->jpegs++;
}

static weft_status decode_photo(weft_loader *l, weft_loader_hand *hand, weft_set_photo *photo, weft_wish *wish,
                                weft_image *out)
{
    weft_stages *const stages = hand->stages;
    const int64_t before = stages ? stages->spent[WEFT_STAGE_DECODE] : 0;
    const weft_image_file source = { .path = photo->path, .data = photo->data, .size = photo->size };
    weft_stage_begin(hand, WEFT_STAGE_DECODE);
    WEFT_TRY(weft_trainset_decode(l->set, photo, &(weft_image_opt){ .upright = l->opt.upright }, wish, out));
    weft_stage_end(hand, WEFT_STAGE_DECODE);
    if (stages && wish && wish->by)
        time_pass(l, &source, wish->by, stages->spent[WEFT_STAGE_DECODE] - before, stages);
    weft_stage_begin(hand, WEFT_STAGE_RESIZE);
    return WEFT_OK;
}

/* A photograph, as much of it as is wished (NULL: all), to be freed. */
static weft_status read_photo(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, weft_wish *wish,
                              weft_image *out)
{
    weft_set_photo photo;
    weft_stage_begin(hand, WEFT_STAGE_READ);
    WEFT_TRY(weft_trainset_fetch(l->set, item, &photo));
    weft_stage_end(hand, WEFT_STAGE_READ);
    const weft_status status = decode_photo(l, hand, &photo, wish, out);
    weft_free(l->allocator, photo.data);
    return status;
}

/* An image in memory as 8-bit RGB, to be freed. */
static weft_status copy_rgb(const weft_loader *l, const weft_set_item *item, weft_image *out)
{
    const weft_set_source *const s = &l->set->sources[item->source];
    weft_image image;
    WEFT_TRY(weft_image_alloc(l->allocator, s->name, s->width, s->height, &image));
    const size_t count = (size_t)s->width * (size_t)s->height, channels = (size_t)s->channels;
    const uint8_t *const from = s->pixels + (size_t)item->at * count * channels;
    for (size_t i = 0; i < count; i++) {
        for (size_t c = 0; c < 3; c++)
            image.pixels[3 * i + c] = from[i * channels + (channels == 3 ? c : 0)];
    }
    *out = image;
    return WEFT_OK;
}

/* Whether an image in memory has the network's size as it is. */
static bool fits(const weft_loader *l, const weft_set_source *s)
{
    return s->pixels && s->width == l->recipe.px && s->height == l->recipe.px;
}

/* Bytes to the network's values. */
static void to_values(const weft_loader *l, const weft_picture *p, float *out)
{
    const int channels = l->recipe.channels;
    const size_t count = (size_t)p->width * (size_t)p->height;
    if (channels == 1) {
        for (size_t i = 0; i < count; i++)
            out[i] = l->level[0][p->channels == 1 ? p->pixels[i] : weft_luma(p->pixels + 3 * i)];
        return;
    }
    const size_t stride = (size_t)p->channels;
    const int first = stride == 3 && l->bgr ? 2 : 0, middle = stride == 3, last = stride == 3 ? 2 - first : 0;
    const uint8_t *from = p->pixels;
    for (size_t i = 0; i < count; i++, from += stride, out += 3) {
        out[0] = l->level[0][from[first]];
        out[1] = l->level[1][from[middle]];
        out[2] = l->level[2][from[last]];
    }
}

/* Bytes to bytes, in the network's order of channels. */
static void to_bytes(const weft_loader *l, const weft_picture *p, uint8_t *out)
{
    const size_t count = (size_t)p->width * (size_t)p->height, stride = (size_t)p->channels;
    const int first = stride == 3 && l->bgr ? 2 : 0, middle = stride == 3, last = stride == 3 ? 2 - first : 0;
    const uint8_t *from = p->pixels;
    if (l->recipe.channels == 1 || (stride == 3 && !l->bgr)) {
        for (size_t i = 0; l->recipe.channels == 1 && stride == 3 && i < count; i++)
            out[i] = weft_luma(from + 3 * i);
        if (stride == (size_t)l->recipe.channels)
            memcpy(out, from, count * stride);
        return;
    }
    for (size_t i = 0; i < count; i++, from += stride, out += 3) {
        out[0] = from[first];
        out[1] = from[middle];
        out[2] = from[last];
    }
}

/* Which part of an image is wanted, and of what size: drawn, or as the recipe fits it. */
typedef struct choice {
    const weft_loader *loader;
    int64_t epoch, key;
    int width, height; /* of the image, once it was asked */
} choice;

static void choose(void *user, int width, int height, double box[4], int size[2])
{
    choice *const c = user;
    const weft_loader *const l = c->loader;
    c->width = width;
    c->height = height;
    size[0] = size[1] = l->recipe.px;
    if (l->frame) {
        weft_draw draw = weft_draw_begin(l->opt.seed, l->frame->purpose, c->epoch, c->key);
        l->frame->row->frame(l->frame, &draw, width, height, box);
        return;
    }
    box[0] = box[1] = 0;
    box[2] = width;
    box[3] = height;
    weft_recipe_needs(&l->recipe, width, height, size);
}

static weft_status crop(weft_loader *l, const weft_image *in, const double box[4], weft_image *out)
{
    return weft_image_resize_part(l->allocator, in, box, l->recipe.px, l->recipe.px, NULL, l->recipe.resample, out);
}

/* The image as 8-bit RGB, as much of it as is wanted; box is where that lies. */
static weft_status read_part(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, choice *c,
                             double box[4], weft_image *out)
{
    weft_wish wish = { .choose = choose, .user = c, .exact = l->opt.exact || l->opt.in_order };
    int size[2];
    if (weft_trainset_is_photo(l->set, item)) {
        WEFT_TRY(read_photo(l, hand, item, &wish, out));
    } else {
        WEFT_TRY(copy_rgb(l, item, out));
        choose(c, out->width, out->height, wish.box, size);
    }
    memcpy(box, wish.box, sizeof wish.box);
    return WEFT_OK;
}

/* ---- with a cache ---- */

/* A photograph whose crops are to be drawn is kept whole, but no larger than serves: to a shorter side of twice the
 * network's. */
static void choose_whole(void *user, int width, int height, double box[4], int size[2])
{
    const int px = *(const int *)user, shorter = width < height ? width : height;
    const double by = shorter > 2 * px ? 2. * px / shorter : 1;
    box[0] = box[1] = 0;
    box[2] = width;
    box[3] = height;
    size[0] = (int)(width * by + .5);
    size[1] = (int)(height * by + .5);
}

/* A photograph whose crops are to be drawn, as the cache keeps it. */
static weft_status make_whole(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, weft_image *out)
{
    int px = l->recipe.px, size[2];
    weft_wish wish = { .choose = choose_whole, .user = &px, .exact = l->opt.exact };
    weft_image in;
    double box[4];
    WEFT_TRY(read_photo(l, hand, item, &wish, &in));
    choose_whole(&px, in.width, in.height, box, size);
    if (size[0] == in.width && size[1] == in.height) {
        *out = in;
        return WEFT_OK;
    }
    const weft_status status = weft_image_resize_part(l->allocator, &in, NULL, size[0], size[1], NULL, WEFT_BICUBIC,
                                                      out);
    weft_free(l->allocator, in.pixels);
    return status;
}

/* The same as the recipe fits it. */
static weft_status make_fitted(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, weft_image *out)
{
    choice c = { .loader = l };
    weft_image in;
    double box[4];
    WEFT_TRY(read_part(l, hand, item, &c, box, &in));
    const weft_status status = weft_image_fit(l->allocator, &in, box, c.width, c.height, &l->recipe, out);
    weft_free(l->allocator, in.pixels);
    return status;
}

/* Lends what is kept of a photograph, or makes it and keeps it; *owned: the caller frees it. */
static weft_status get_kept(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, int64_t image,
                            weft_image *out, bool *owned)
{
    if (weft_cache_get(l->cache, image, out, owned))
        return WEFT_OK;
    WEFT_TRY((l->frame ? make_whole : make_fitted)(l, hand, item, out));
    *owned = !weft_cache_put(l->cache, image, out);
    return WEFT_OK;
}

/* A crop of it: cut, then resized, as of one that was never whole. */
static weft_status crop_kept(weft_loader *l, const weft_image *in, int64_t epoch, int64_t key, weft_image *out)
{
    choice c = { .loader = l, .epoch = epoch, .key = key };
    weft_wish wish;
    weft_image part;
    int size[2];
    choose(&c, in->width, in->height, wish.box, size);
    const weft_window w = weft_wish_window(&wish, in->width, in->height);
    WEFT_TRY(weft_image_resize_part(l->allocator, in, NULL, in->width, in->height, &w, WEFT_NEAREST, &part));
    const weft_status status = crop(l, &part, wish.box, out);
    weft_free(l->allocator, part.pixels);
    return status;
}

static weft_status fit_kept(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, int64_t epoch,
                            int64_t key, int64_t image, uint8_t *pixels)
{
    weft_image kept, sized;
    bool owned;
    weft_status status = WEFT_OK;
    WEFT_TRY(get_kept(l, hand, item, image, &kept, &owned));
    if (l->frame)
        status = crop_kept(l, &kept, epoch, key, &sized);
    if (status == WEFT_OK)
        memcpy(pixels, l->frame ? sized.pixels : kept.pixels, (size_t)l->recipe.px * (size_t)l->recipe.px * 3);
    if (status == WEFT_OK && l->frame)
        weft_free(l->allocator, sized.pixels);
    if (owned)
        weft_free(l->allocator, kept.pixels);
    return status;
}

/* ---- without ---- */

/* The image at the network's size, into the canvas. */
static weft_status fit(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, int64_t epoch, int64_t key,
                       int64_t image, weft_canvas *canvas)
{
    const weft_set_source *const s = &l->set->sources[item->source];
    const int px = l->recipe.px;
    const bool direct = fits(l, s) && !l->frame;
    const int channels = direct ? s->channels : 3;
    const size_t bytes = (size_t)px * (size_t)px * (size_t)channels;
    *canvas = (weft_canvas){ { hand->pixels[0], px, px, channels }, { hand->pixels[1], px, px, channels } };
    if (direct) {
        memcpy(canvas->now.pixels, s->pixels + (size_t)item->at * bytes, bytes);
        return WEFT_OK;
    }
    if (l->cache)
        return fit_kept(l, hand, item, epoch, key, image, canvas->now.pixels);
    choice c = { .loader = l, .epoch = epoch, .key = key };
    weft_image in, sized;
    double box[4];
    WEFT_TRY(read_part(l, hand, item, &c, box, &in));
    const weft_status status =
        l->frame ? crop(l, &in, box, &sized)
                 : weft_image_fit(l->allocator, &in, box, c.width, c.height, &l->recipe, &sized);
    weft_free(l->allocator, in.pixels);
    WEFT_TRY(status);
    memcpy(canvas->now.pixels, sized.pixels, bytes);
    weft_free(l->allocator, sized.pixels);
    return WEFT_OK;
}

static weft_status evaluate(weft_loader *l, weft_loader_hand *hand, const weft_set_item *item, int64_t image,
                            float *out)
{
    const weft_set_source *const s = &l->set->sources[item->source];
    if (fits(l, s) && l->recipe.fit == WEFT_FIT_SQUASH) {
        const size_t bytes = (size_t)s->width * (size_t)s->height * (size_t)s->channels;
        const weft_picture whole = { s->pixels + (size_t)item->at * bytes, s->width, s->height, s->channels };
        to_values(l, &whole, out);
        return WEFT_OK;
    }
    if (l->cache) {
        const weft_picture fitted = { hand->pixels[0], l->recipe.px, l->recipe.px, 3 };
        WEFT_TRY(fit_kept(l, hand, item, 0, 0, image, hand->pixels[0]));
        to_values(l, &fitted, out);
        return WEFT_OK;
    }
    weft_image in;
    WEFT_TRY(weft_trainset_is_photo(l->set, item) ? read_photo(l, hand, item, NULL, &in) : copy_rgb(l, item, &in));
    const weft_status status = weft_image_prepare(l->allocator, &in, &l->recipe, out);
    weft_free(l->allocator, in.pixels);
    return status;
}

weft_status weft_sample_make(weft_loader *l, weft_loader_hand *hand, int64_t epoch, int64_t key, int64_t image,
                             void *out)
{
    const weft_set_item *const item = weft_trainset_item(l->set, l->opt.part, image);
    const int px = l->recipe.px;
    weft_canvas canvas;
    if (l->opt.in_order)
        return evaluate(l, hand, item, image, out);
    weft_stage_begin(hand, WEFT_STAGE_RESIZE);
    WEFT_TRY(fit(l, hand, item, epoch, key, image, &canvas));
    weft_stage_end(hand, WEFT_STAGE_RESIZE);
    weft_stage_begin(hand, WEFT_STAGE_AUGMENT);
    weft_augment_pixels(&l->augment, l->opt.seed, epoch, key, &canvas);
    weft_stage_end(hand, WEFT_STAGE_AUGMENT);
    weft_stage_begin(hand, WEFT_STAGE_CONVERT);
    if (l->has_bytes) {
        to_bytes(l, &canvas.now, out);
        weft_stage_end(hand, WEFT_STAGE_CONVERT);
        return WEFT_OK;
    }
    to_values(l, &canvas.now, out);
    weft_stage_end(hand, WEFT_STAGE_CONVERT);
    weft_stage_begin(hand, WEFT_STAGE_AUGMENT);
    weft_augment_values(&l->augment, l->opt.seed, epoch, key, out, px, px, l->recipe.channels);
    weft_stage_end(hand, WEFT_STAGE_AUGMENT);
    return WEFT_OK;
}
