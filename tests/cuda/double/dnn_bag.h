/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors of cuDNN's stand-in: bags of attributes. */
#ifndef WEFT_TESTS_CUDA_DOUBLE_DNN_BAG_H
#define WEFT_TESTS_CUDA_DOUBLE_DNN_BAG_H

#include "cuda/double/dnn.h"

/* The constant of that name. */
#define API(name) WEFT_CUDNN_##name

enum { DNN_BAD_PARAM = 2000, DNN_NOT_SUPPORTED = 3000 };

typedef struct dnn_attribute {
    int name, type;
    int64_t count;
    void *values;
    struct dnn_attribute *next;
} dnn_attribute;

/* A program in use by graphs, heuristics, configurations, plans and queued work. */
typedef struct dnn_shared {
    dnn_program program;
    int users;
} dnn_shared;

typedef struct dnn_bag {
    int type, engine;
    bool finalised;
    dnn_attribute *attributes;
    dnn_shared *program;
} dnn_bag;

size_t dnn_size_of(int type);
const dnn_attribute *dnn_find(const dnn_bag *b, int name);

/* Element i as a whole number, whatever its type; absent: fallback. */
int64_t dnn_whole(const dnn_bag *b, int name, int i, int64_t fallback);
float dnn_real(const dnn_bag *b, int name, float fallback);
dnn_bag *dnn_inner(const dnn_bag *b, int name, int i);

/* Sets the thread's last error; gives status. */
int dnn_refuse(int status, const char *what);
const char *dnn_last_error(void);

/* Reads an operation graph into a program; a status of cuDNN's. */
int dnn_finalise_graph(dnn_bag *b);

#endif
