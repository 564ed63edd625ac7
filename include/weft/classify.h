/* SPDX-License-Identifier: Apache-2.0
 *
 * Classifying photographs: a network with its weights, the recipe that makes photographs its input, and the names of
 * its classes, as one object; and the evaluation of one on a labelled data set. */
#ifndef WEFT_CLASSIFY_H
#define WEFT_CLASSIFY_H

#include <weft/data.h>
#include <weft/weights.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A class: what files call it and what people do. */
typedef struct weft_label {
    const char *id;   /* "n02123045", a WordNet id; "" if it has none */
    const char *name; /* "tabby" */
} weft_label;
/* ImageNet's 1000 (ILSVRC 2012), in the order of every framework's networks; NULL if index is out of range. */
WEFT_API const weft_label *weft_imagenet_label(int index);

typedef struct weft_classifier weft_classifier;

/* What makes probabilities of a network's outputs. */
typedef enum weft_readout {
    WEFT_READOUT_DEFAULT, /* as the weights say under weft.activation; else sigmoid of one output, softmax of more */
    WEFT_READOUT_SOFTMAX, /* one class of many */
    WEFT_READOUT_SIGMOID, /* each class by itself: several labels at once; of one output yes or no */
    WEFT_READOUT_COUNT
} weft_readout;
/* "default", "softmax", "sigmoid" */
WEFT_API const char *weft_readout_name(weft_readout activation);

typedef struct weft_classifier_opt {
    const char *arch;          /* NULL: as the weights say under weft.arch */
    weft_dialect dialect;      /* DEFAULT: as the weights say, else the network's default */
    int64_t batch;             /* images that run together; 0: 1 */
    const weft_recipe *recipe; /* NULL: as the weights say under weft.recipe, else the publisher's */
    const char *recipe_words;  /* changes to it, as weft_recipe_change reads them: "px=288 crop=0.95"; NULL: none */
    const weft_label *labels;  /* [label_count], copied. NULL: of `classes`, else lines of the weights' weft.labels, */
    int label_count;           /* else ImageNet's for 1000 classes, else none */
    const char *classes;       /* file of the classes' names, one a line, "n02123045 tabby" or "tabby"; NULL: none */
    weft_readout activation;
    bool as_stored;            /* ignore EXIF orientation (default: photographs are turned upright) */
    bool random;               /* no weights but numbers from `seed`: for tests and timing, its answers mean nothing */
    uint64_t seed;
} weft_classifier_opt;

/* How many classes weights say that they have, under weft.classes; `otherwise` if they do not. BAD_DATA what is no
 * number of classes. */
WEFT_API weft_status weft_weights_classes(const weft_weights *weights, int otherwise, int *out);
/* Whether a network takes a recipe's images: BAD_DATA for other channels than its own and for more than eight times its
 * pixels of a side, with which a few words in a file would ask for all memory. */
WEFT_API weft_status weft_recipe_fits(const weft_recipe *recipe, const weft_arch *arch);

/* A classifier with the tensors of weights (NULL with opt->random only), mapped to weft's names first if they are
 * another framework's. ctx must outlive it; weights need not. NOT_FOUND an unknown network, INVALID a network that is
 * not the one the weights are of, BAD_DATA weights, recipe or labels that do not fit it. */
WEFT_API weft_status weft_classifier_create(weft_ctx *ctx, const weft_weights *weights, const weft_classifier_opt *opt,
                                            weft_classifier **out);
/* The same of a weight file that weft_weights_import takes; what it says of its network, images and classes holds where
 * opt says nothing. */
WEFT_API weft_status weft_classifier_open(weft_ctx *ctx, const char *path, const weft_classifier_opt *opt,
                                          weft_classifier **out);
WEFT_API void weft_classifier_destroy(weft_classifier *classifier);

WEFT_API const weft_arch *weft_classifier_arch(const weft_classifier *classifier);
WEFT_API const weft_recipe *weft_classifier_recipe(const weft_classifier *classifier);
/* Classes that are answered: the network's outputs, but two of a sigmoid of one output with two labels, the class of 0
 * and that of 1. */
WEFT_API int weft_classifier_classes(const weft_classifier *classifier);
/* Never DEFAULT. */
WEFT_API weft_readout weft_classifier_readout(const weft_classifier *classifier);
/* NULL if index is out of range; lent. */
WEFT_API const weft_label *weft_classifier_label(const weft_classifier *classifier, int index);

/* One class that an image may show; id and name are lent by the classifier, "" if the class has none. */
typedef struct weft_answer {
    int index;          /* 0..classes - 1 */
    double probability; /* of the activation; of LeNet-5's distances d, the softmax over -d */
    const char *id, *name;
} weft_answer;

/* Why an image has no answer: it could not be read, or (NUMERIC) what the network makes of it is no number; WEFT_OK if
 * it has one. */
typedef struct weft_fault {
    weft_status status;
    char reason[244]; /* names the file */
} weft_fault;

/* The `top` likeliest classes of each file, likeliest first (of equal ones the lower index), to answers[count * top].
 * Files are decoded by the context's threads and run in batches. The number of threads changes no bit; the batch only
 * the rounding, where the plan for it has other kernels. A file that cannot be read gets its fault and zeros for
 * answers, and the others go on; with faults NULL it fails the call. One thread at a time may use a classifier. */
WEFT_API weft_status weft_classify_files(weft_classifier *classifier, const char *const *paths, int64_t count, int top,
                                         weft_answer *answers, weft_fault *faults);
/* The same of decoded images, used as they are. */
WEFT_API weft_status weft_classify_images(weft_classifier *classifier, const weft_image *images, int64_t count,
                                          int top, weft_answer *answers);
/* All probabilities of inputs that are ready, [count, px, px, channels], to out[count * classes]. */
WEFT_API weft_status weft_classify_inputs(weft_classifier *classifier, const float *inputs, int64_t count, float *out);

/* ---- evaluation ---- */

/* Which of the classifier's classes each class of a data set is, to map[weft_dataset_classes(dataset)], and by what, to
 * *rule (a static text). Class folders are matched by exactly one rule, the first of these that fits all of them:
 * "WordNet id"; "class name"; "sorted order", if there are as many folders as classes. The classes of a "label file"
 * are each a WordNet id, a name or an index. BAD_DATA with the reason where it is not clear which class is meant. */
WEFT_API weft_status weft_classifier_match(const weft_classifier *classifier, const weft_dataset *dataset, int *map,
                                           const char **rule);

/* What was answered for one image of a data set. */
typedef struct weft_prediction {
    int64_t index;              /* of the image in the set */
    const char *path;
    int label;                  /* its class, in the classifier's numbers */
    const weft_answer *answers; /* [top], likeliest first; nothing in them if it has a fault */
    int top;
    const weft_fault *fault;
} weft_prediction;

typedef struct weft_evaluate_opt {
    int64_t bad_limit; /* images that may have no answer; one more is BAD_DATA or NUMERIC (0: none may) */
    /* Called after each batch, with the images done so far; false stops the evaluation with its result so far. */
    bool (*progress)(void *user, int64_t done, int64_t count);
    /* Called for each image, in the set's order. */
    void (*predicted)(void *user, const weft_prediction *prediction);
    /* Called for each image without an answer. */
    void (*bad)(void *user, const weft_fault *fault);
    void *user;
} weft_evaluate_opt;

typedef struct weft_class_score {
    int64_t images, top1, top5;
    int64_t answered;              /* images of any class of which this one was the likeliest */
    double precision, recall, f1;  /* top1 / answered, top1 / images, their harmonic mean; 0 where nothing is divided */
} weft_class_score;

/* Images whose likeliest class had a probability of ((i, i + 1] / WEFT_CALIBRATION_BINS). */
enum { WEFT_CALIBRATION_BINS = 15 };
typedef struct weft_calibration_bin {
    int64_t images, right;
    double probability; /* their sum */
} weft_calibration_bin;

typedef struct weft_evaluation {
    int64_t images, bad;     /* scored; without an answer, which count as neither right nor wrong */
    int64_t top1, top5;      /* of them right: the label is the first, is among the five first */
    double macro_f1;         /* mean of f1 over the classes that were there or were answered */
    /* Expected calibration error (Guo et al. 2017, arXiv:1706.04599, equation 3): the mean over images of how far the
     * mean probability in the image's bin is from the share that was right. */
    double calibration_error;
    weft_calibration_bin calibration[WEFT_CALIBRATION_BINS];
    double seconds;
    const char *rule;        /* how classes were matched, see weft_classifier_match */
    int classes;
    weft_class_score *score; /* [classes], by true class */
    int64_t *confusion;      /* [classes][classes]: true class, answered class */
} weft_evaluation;

/* Classifies every image of a data set, whose classes weft_classifier_match finds. The counts do not depend on threads,
 * and on the batch only where two classes are as likely to the last digits of single precision. */
WEFT_API weft_status weft_evaluate(weft_classifier *classifier, const weft_dataset *dataset,
                                   const weft_evaluate_opt *opt, weft_evaluation *out);
WEFT_API void weft_evaluation_release(weft_ctx *ctx, weft_evaluation *evaluation);

#ifdef __cplusplus
}
#endif
#endif
