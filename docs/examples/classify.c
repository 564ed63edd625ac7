/* SPDX-License-Identifier: Apache-2.0
 *
 * Says what photographs show, by a weight file that knows its network (weft convert) or a network and its weights:
 *   cc classify.c $(pkg-config --cflags --libs weft) -o classify
 *   ./classify lite0.safetensors coffee.jpg
 *   ./classify resnet50 resnet50-0676ba61.pth coffee.jpg */
#include <stdio.h>
#include <weft/weft.h>

enum { TOP = 5 };

int main(int argc, char **argv)
{
    const weft_arch *const arch = argc > 1 ? weft_arch_find(argv[1], WEFT_DIALECT_DEFAULT) : NULL;
    const int first = arch ? 3 : 2; /* photograph */
    weft_ctx *ctx = NULL;
    weft_classifier *classifier = NULL;
    const weft_classifier_opt opt = { .arch = arch ? arch->name : NULL };
    if (argc <= first) {
        fprintf(stderr, "usage: classify [NETWORK] WEIGHTS PHOTOGRAPH...\n");
        return 2;
    }

    weft_status status = weft_ctx_create(NULL, &ctx);
    if (status == WEFT_OK)
        status = weft_classifier_open(ctx, argv[first - 1], &opt, &classifier);
    for (int i = first; status == WEFT_OK && i < argc; i++) {
        weft_answer answers[TOP];
        const char *const path = argv[i];
        const int classes = weft_classifier_classes(classifier), top = classes < TOP ? classes : TOP;
        status = weft_classify_files(classifier, &path, 1, top, answers, NULL);
        for (int k = 0; status == WEFT_OK && k < top; k++)
            printf("%s: %5.1f %% %s\n", path, 100 * answers[k].probability, answers[k].name);
    }
    if (status != WEFT_OK)
        fprintf(stderr, "%s: %s\n", weft_status_text(status), weft_error());

    weft_classifier_destroy(classifier);
    weft_ctx_destroy(ctx);
    return status == WEFT_OK ? 0 : 1;
}
