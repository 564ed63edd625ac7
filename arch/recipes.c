/* SPDX-License-Identifier: Apache-2.0
 *
 * How publishers evaluate: one rule per dialect, and the networks that depart from it.
 *   keras  Keras Applications' documentation feeds load_img(target_size=(px, px)): squashed, nearest pixel.
 *   torch  torchvision's and timm's reference evaluation: shorter side to 256 pixels for 224 (bilinear, antialiased),
 *          then the centre. Departures are the `transforms` of torchvision's weights (V1 but for the 64x4d) and timm's
 *          default_cfg, whose side is floor(px / crop_pct).
 *   paper  Krizhevsky et al. 2012, section 2: shorter side to 256 pixels, then the centre; later papers alike.
 * Networks of one channel (digits, clothes) come with images of their own size: squashed, bilinear. */
#include "registry.h"

#include <string.h>
#include <weft/recipe.h>

enum { SIDE = 256, SIDE_PX = 224 };

/* crop_pct of timm in the comment; the side is for the row's own px. */
static const struct departure {
    const char *name;
    weft_dialect dialect;
    int side;
    weft_resample resample;
} departures[] = {
    { "alexnet", WEFT_PAPER, 256, WEFT_BILINEAR }, /* 227: the paper's images are of 256 */
    { "alexnet-ungrouped", WEFT_PAPER, 256, WEFT_BILINEAR },
    { "inception-v3", WEFT_TORCH, 342, WEFT_BILINEAR },
    { "inception-v4", WEFT_TORCH, 341, WEFT_BICUBIC }, /* .875 */
    { "resnext101-64x4d", WEFT_TORCH, 232, WEFT_BILINEAR },
    { "se-resnet18", WEFT_TORCH, 256, WEFT_BICUBIC }, /* timm's legacy_seresnet18; the larger ones are bilinear */
    { "cspresnet50", WEFT_TORCH, 288, WEFT_BILINEAR }, /* .887 */
    { "cspresnext50", WEFT_TORCH, 288, WEFT_BILINEAR },
    { "cspdarknet53", WEFT_TORCH, 288, WEFT_BILINEAR },
    { "efficientnet-b0", WEFT_TORCH, 256, WEFT_BICUBIC },
    { "efficientnet-b1", WEFT_TORCH, 256, WEFT_BICUBIC },
    { "efficientnet-b2", WEFT_TORCH, 288, WEFT_BICUBIC },
    { "efficientnet-b3", WEFT_TORCH, 320, WEFT_BICUBIC },
    { "efficientnet-b4", WEFT_TORCH, 384, WEFT_BICUBIC },
    { "efficientnet-b5", WEFT_TORCH, 456, WEFT_BICUBIC },
    { "efficientnet-b6", WEFT_TORCH, 528, WEFT_BICUBIC },
    { "efficientnet-b7", WEFT_TORCH, 600, WEFT_BICUBIC },
    { "efficientnet-lite0", WEFT_TORCH, 256, WEFT_BICUBIC }, /* .875; Google's checkpoints, as timm has them */
    { "efficientnet-lite1", WEFT_TORCH, 272, WEFT_BICUBIC }, /* .882 */
    { "efficientnet-lite2", WEFT_TORCH, 292, WEFT_BICUBIC }, /* .890 */
    { "efficientnet-lite3", WEFT_TORCH, 331, WEFT_BILINEAR }, /* .904 */
    { "efficientnet-lite4", WEFT_TORCH, 413, WEFT_BILINEAR }, /* .920 */
};

static void apply_rule(const weft_arch *arch, weft_recipe *r)
{
    if (arch->channels == 1) {
        r->resample = WEFT_BILINEAR;
        return;
    }
    if (arch->dialect == WEFT_KERAS)
        return;

    r->fit = WEFT_FIT_SHORT;
    r->side = arch->px * SIDE / SIDE_PX;
    r->resample = WEFT_BILINEAR;
    for (int i = 0; i < COUNT(departures); i++) {
        if (departures[i].dialect == arch->dialect && strcmp(departures[i].name, arch->name) == 0) {
            r->side = departures[i].side;
            r->resample = departures[i].resample;
        }
    }
}

weft_recipe weft_arch_recipe(const weft_arch *arch, int px)
{
    weft_recipe r = { 0 };
    if (!arch)
        return r;
    r.px = px > 0 ? px : arch->px;
    r.channels = arch->channels;
    r.preprocess = arch->preprocess;
    apply_rule(arch, &r);
    r.side = (int)((int64_t)r.side * r.px / arch->px);
    return r;
}
