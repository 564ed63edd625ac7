/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets to train on: images with their classes in up to three parts, from MNIST's and CIFAR's files or a tree of class
 * folders. A name such as "fashion-mnist" is looked for where such sets are installed. */
#ifndef WEFT_TRAINSET_H
#define WEFT_TRAINSET_H

#include <weft/data.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct weft_trainset weft_trainset;

typedef enum weft_part { WEFT_PART_TRAIN, WEFT_PART_VAL, WEFT_PART_TEST, WEFT_PART_COUNT } weft_part;

typedef struct weft_trainset_opt {
    double val_split;       /* of the training part, in [0, 1): this share of each class becomes the validation part,
                               chosen by seed. 0: as the set has it. INVALID if it has a validation part of its own */
    double fraction;        /* in (0, 1]: this share of each class of the training part is kept, by seed; 0: all */
    uint64_t seed;
    weft_class_order order; /* of class folders that are numbered; AUTO: by the names' bytes */
} weft_trainset_opt;

/* Opens a set: a folder, or a name that is looked for in the folders of the variable WEFT_DATA (a list with ':'), in
 * those of Debian's dataset packages, and below ~/.cache and ~/.keras: "mnist", "fashion-mnist", "kmnist", "cifar10",
 * "cifar100". A folder holds
 *   IDX files, also .gz: train-images-idx3-ubyte, train-labels-idx1-ubyte; t10k- or test- is the test part;
 *   CIFAR's binaries: data_batch_1.bin ..., test_batch.bin; or train.bin and test.bin of CIFAR-100 (fine labels);
 *   parts called train, val (valid, validation), test, each a folder for each class; or class folders alone, all of
 *   them the training part.
 * A file is a pack (weft/pack.h).
 * Images in memory are those of IDX and CIFAR files; photographs are read when they are asked for. Every label is
 * checked here. NOT_FOUND says what was looked for, where, and what to install; BAD_DATA names the file. opt may be
 * NULL. */
WEFT_API weft_status weft_trainset_open(weft_ctx *ctx, const char *path, const weft_trainset_opt *opt,
                                        weft_trainset **out);
WEFT_API void weft_trainset_destroy(weft_trainset *set);

/* What the set is: "/usr/share/datasets/fashion-mnist", and "IDX", "CIFAR", "folders", "pack". Lent. */
WEFT_API const char *weft_trainset_path(const weft_trainset *set);
WEFT_API const char *weft_trainset_kind(const weft_trainset *set);
/* "train", "val", "test" */
WEFT_API const char *weft_part_name(weft_part part);

WEFT_API int weft_trainset_classes(const weft_trainset *set);
/* NULL if index is out of range; lent. */
WEFT_API const char *weft_trainset_class(const weft_trainset *set, int index);
WEFT_API int64_t weft_trainset_count(const weft_trainset *set, weft_part part);
WEFT_API int64_t weft_trainset_class_count(const weft_trainset *set, weft_part part, int index);
/* The class of an image of a part; -1 if there is no such image. */
WEFT_API int weft_trainset_label(const weft_trainset *set, weft_part part, int64_t image);
/* What an image is called: its path, or "train-images-idx3-ubyte.gz, image 17". Returns buf. */
WEFT_API const char *weft_trainset_name(const weft_trainset *set, weft_part part, int64_t image, char *buf,
                                        size_t size);
/* Decodes one, as weft_image_read does: grey becomes RGB. Release with weft_image_free. */
WEFT_API weft_status weft_trainset_image(const weft_trainset *set, weft_part part, int64_t image, weft_image *out);

/* The size of all images, where they are all of one; 0, 0 and 3 channels of photographs. */
typedef struct weft_native_size {
    int width, height, channels;
} weft_native_size;
WEFT_API weft_native_size weft_trainset_native(const weft_trainset *set);

/* Weights of the classes, n / (classes * n of the class) for the training part: their mean over its images is 1. power
 * in [0, 1] raises them: 1 as written, .5 the gentler root, 0 all the same. out[classes]. */
WEFT_API weft_status weft_trainset_weights(const weft_trainset *set, double power, float *out);

/* A SHA-256, as text, of what is trained and evaluated: classes, labels, and of images in memory the pixels, of
 * photographs the names. */
enum { WEFT_TRAINSET_DIGEST = 65 };
WEFT_API void weft_trainset_digest(const weft_trainset *set, char text[WEFT_TRAINSET_DIGEST]);

/* The files that the set is read from, in order: those of the images and labels. NULL after the last; lent. */
WEFT_API int64_t weft_trainset_file_count(const weft_trainset *set);
WEFT_API const char *weft_trainset_file(const weft_trainset *set, int64_t index);

/* Files of the folder that are in no part, by kind, as weft_dataset_left_out; NULL after the last. */
WEFT_API const weft_left_out *weft_trainset_left_out(const weft_trainset *set, int index);

#ifdef __cplusplus
}
#endif
#endif
