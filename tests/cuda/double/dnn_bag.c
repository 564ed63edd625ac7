/* SPDX-License-Identifier: Apache-2.0 */
#include "cuda/double/dnn_bag.h"

#include <stdio.h>

size_t dnn_size_of(int type)
{
    switch (type) {
    case API(TYPE_BOOLEAN):
    case API(TYPE_CHAR):
        return 1;
    case API(TYPE_HANDLE):
    case API(TYPE_INT64):
    case API(TYPE_DOUBLE):
    case API(TYPE_VOID_PTR):
    case API(TYPE_BACKEND_DESCRIPTOR):
        return 8;
    case API(TYPE_FRACTION):
        return sizeof(weft_cudnn_fraction);
    default:
        return 4;
    }
}

const dnn_attribute *dnn_find(const dnn_bag *b, int name)
{
    for (const dnn_attribute *a = b->attributes; a; a = a->next)
        if (a->name == name)
            return a;
    return NULL;
}

int64_t dnn_whole(const dnn_bag *b, int name, int i, int64_t fallback)
{
    const dnn_attribute *a = dnn_find(b, name);
    if (!a || i >= a->count)
        return fallback;
    switch (a->type) {
    case API(TYPE_INT64):
        return ((const int64_t *)a->values)[i];
    case API(TYPE_BOOLEAN):
        return ((const char *)a->values)[i];
    case API(TYPE_FRACTION):
        return ((const weft_cudnn_fraction *)a->values)[i].numerator;
    default:
        return ((const int *)a->values)[i];
    }
}

float dnn_real(const dnn_bag *b, int name, float fallback)
{
    const dnn_attribute *a = dnn_find(b, name);
    return !a ? fallback : a->type == API(TYPE_FLOAT) ? *(const float *)a->values : (float)*(const double *)a->values;
}

dnn_bag *dnn_inner(const dnn_bag *b, int name, int i)
{
    const dnn_attribute *a = dnn_find(b, name);
    return a && i < a->count ? ((dnn_bag *const *)a->values)[i] : NULL;
}

static _Thread_local char last_error[128];

int dnn_refuse(int status, const char *what)
{
    snprintf(last_error, sizeof last_error, "%s", what);
    return status;
}

const char *dnn_last_error(void)
{
    return last_error;
}
