/* SPDX-License-Identifier: Apache-2.0
 *
 * Data sets: images with their classes, from a tree of class folders, a folder with a label file or a pack. A data set
 * has class names of its own and knows no network: training learns its classes, evaluation (weft/classify.h) finds out
 * which of a network's classes they are. */
#ifndef WEFT_DATA_H
#define WEFT_DATA_H

#include <weft/image.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Images with their classes: index of paths and of classes, 0..count - 1. */
typedef struct weft_dataset weft_dataset;

typedef enum weft_dataset_layout {
    WEFT_DATASET_AUTO,        /* imagenet-val if a label file is given, else folder */
    WEFT_DATASET_FOLDER,      /* a folder for each class, photographs in it at any depth */
    WEFT_DATASET_IMAGENET_VAL, /* ILSVRC2012_val_00000001.JPEG ... in one folder, and a label file */
    WEFT_DATASET_UNLABELLED    /* photographs at any depth, all of one class without a name */
} weft_dataset_layout;

/* Where class 10 stands when classes are called 0, 1, 2 ... 10. */
typedef enum weft_class_order {
    WEFT_CLASS_ORDER_AUTO,  /* by the names' bytes (0, 1, 10, 2); networks without such names refuse to guess */
    WEFT_CLASS_ORDER_NAME,  /* by the names' bytes, as torchvision's ImageFolder has them */
    WEFT_CLASS_ORDER_NUMBER /* 0, 1, 2, 10 */
} weft_class_order;

/* Which class a number of a label file is. */
typedef enum weft_class_numbers {
    WEFT_CLASS_NUMBERS_AUTO,   /* from 0 if there is a 0; else networks without such names refuse to guess */
    WEFT_CLASS_NUMBERS_FROM_0, /* 0 is the first class */
    WEFT_CLASS_NUMBERS_FROM_1
} weft_class_numbers;

/* Which part of a pack (weft/pack.h) is meant. */
typedef enum weft_dataset_part {
    WEFT_DATASET_PART_AUTO, /* that for validation, else that for testing, else the only one that there is */
    WEFT_DATASET_PART_TRAIN,
    WEFT_DATASET_PART_VAL,
    WEFT_DATASET_PART_TEST,
    WEFT_DATASET_PART_COUNT
} weft_dataset_part;

typedef struct weft_dataset_opt {
    weft_dataset_layout layout;
    const char *labels; /* label file: line i has the class of image i, or a line is "FILE CLASS" */
    int64_t limit;      /* > 0: that many images at most, spread evenly over the set */
    weft_class_order order;
    weft_class_numbers numbers;
    weft_dataset_part part;
} weft_dataset_opt;

/* Lists a data set, of a folder or a pack. Classes are the folders, or the different classes of the label file, in
 * order. A folder that is met again through a link is not entered again. NOT_FOUND a folder or label file that is not
 * there; INVALID a part of a folder, or one that a pack does not have; BAD_DATA a pack that is damaged, a tree of
 * which the classes are not clear (folders called train and val, an image in two classes, a class of which every file
 * was left out) or a line of the label file that is wrong. */
WEFT_API weft_status weft_dataset_open(weft_ctx *ctx, const char *folder, const weft_dataset_opt *opt,
                                       weft_dataset **out);
WEFT_API void weft_dataset_destroy(weft_dataset *dataset);

WEFT_API int64_t weft_dataset_count(const weft_dataset *dataset);
/* "train", "val" or "test" of a pack; NULL of folders. */
WEFT_API const char *weft_dataset_part_name(const weft_dataset *dataset);
/* Path and class of an image; INVALID if index is out of range. The path is lent; of an image in a pack it is the path
 * of the file that was packed, below the set's folder. */
WEFT_API weft_status weft_dataset_get(const weft_dataset *dataset, int64_t index, const char **path, int *label);

WEFT_API int weft_dataset_classes(const weft_dataset *dataset);
/* What the folder or the label file calls a class; NULL if index is out of range; lent. */
WEFT_API const char *weft_dataset_class(const weft_dataset *dataset, int index);
/* Images of a class, before `limit`. */
WEFT_API int64_t weft_dataset_class_count(const weft_dataset *dataset, int index);

/* Files that are not in the set, by kind. */
typedef struct weft_left_out {
    const char *kind;  /* ".gif", "no suffix", "hidden", "outside of the class folders", ... */
    const char *first; /* path of one */
    int64_t count;
} weft_left_out;
/* The index-th kind; NULL after the last; lent. */
WEFT_API const weft_left_out *weft_dataset_left_out(const weft_dataset *dataset, int index);

#ifdef __cplusplus
}
#endif
#endif
