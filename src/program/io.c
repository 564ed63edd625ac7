/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes into a program and comes out: host arrays without gaps on one side, on the other values as the device keeps
 * them (padded, in its type, in memory of its own). */
#include <string.h>

#include "program/program.h"
#include "tensor/cast.h"

/* Copies between a host array without gaps and a value on a device that computes in host memory, in pieces of one row
 * where the value has gaps. */
static weft_status transfer(const weft_model *model, int32_t value, char *host, bool to_device)
{
    const weft_device *device = model->ctx->device;
    const weft_shape *shape = &model->graph->values[value].shape;
    const weft_view view = weft_model_view(model, value);
    const weft_dtype dtype = model->graph->values[value].dtype;
    const int64_t channels = weft_shape_channels(shape);
    const bool whole = view.ld == channels;
    const int64_t rows = whole ? 1 : weft_shape_rows(shape);
    const size_t piece = (size_t)(whole ? weft_shape_count(shape) : channels) * weft_dtype_size(dtype);
    for (int64_t r = 0; r < rows; r++) {
        char *at = (char *)view.data + (size_t)(r * view.ld) * weft_dtype_size(dtype);
        char *here = host + (size_t)r * piece;
        WEFT_TRY(to_device ? device->backend->write(device, at, here, piece)
                           : device->backend->read(device, here, at, piece));
    }
    return WEFT_OK;
}

/* Rows of an input, cast into the staging buffer by the pool's threads. */
typedef struct staging {
    const char *from; /* floats, or integers of 32 bits */
    char *to;
    weft_dtype dtype;
    int64_t rows, channels, ld;
} staging;

enum { STAGE_ROWS = 4096 };

static void stage_rows(void *arg, int64_t item, int thread)
{
    (void)thread;
    const staging *s = arg;
    const int64_t first = item * STAGE_ROWS, last = first + STAGE_ROWS < s->rows ? first + STAGE_ROWS : s->rows;
    weft_cast_rows(s->dtype, s->from + (size_t)(first * s->channels) * sizeof(float), s->channels,
                   s->to + (size_t)(first * s->ld) * weft_dtype_size(s->dtype), s->ld, last - first);
}

/* The lane's block that the next run is fed from. */
static weft_status need_block(weft_model *model)
{
    void *block;
    if (!model->lane || model->block)
        return WEFT_OK;
    int64_t done;
    WEFT_TRY(model->ctx->device->backend->lane_block(model->ctx->device, model->lane, &block, &done));
    model->over = done > model->over ? done : model->over;
    model->block = block;
    return WEFT_OK;
}

/* Where an input is gathered that is sent before the next run. */
static weft_status begin_input(weft_model *model, int index, char **to)
{
    WEFT_TRY(need_block(model));
    *to = model->lane ? model->block + model->lane_at[index] : model->staged[index];
    model->fresh[index] = true;
    return WEFT_OK;
}

static weft_status stage_input(weft_model *model, int index, const void *from)
{
    const int32_t input = model->graph->inputs[index];
    const weft_value *value = &model->graph->values[input];
    char *to;
    WEFT_TRY(begin_input(model, index, &to));
    staging s = { from, to, value->dtype, weft_shape_rows(&value->shape), weft_shape_channels(&value->shape),
                  model->layout.place[input].ld };
    weft_pool_run(model->ctx->device->pool, (s.rows + STAGE_ROWS - 1) / STAGE_ROWS, stage_rows, &s);
    return WEFT_OK;
}

/* Rows of bytes, each to where a row of the input begins. */
typedef struct copying {
    const char *from;
    char *to;
    size_t row, pitch;
} copying;

static void copy_row(void *arg, int64_t item, int thread)
{
    (void)thread;
    const copying *c = arg;
    memcpy(c->to + (size_t)item * c->pitch, c->from + (size_t)item * c->row, c->row);
}

weft_status weft_model_set_rows(weft_model *model, int index, const void *from, size_t row)
{
    const weft_device *device = model->ctx->device;
    const int32_t input = model->graph->inputs[index];
    const weft_value *value = &model->graph->values[input];
    const int64_t rows = weft_shape_rows(&value->shape);
    const weft_view view = weft_model_view(model, input);
    copying c = { from, view.data, row, (size_t)view.ld * weft_dtype_size(value->dtype) };
    if (model->staged) {
        WEFT_TRY(begin_input(model, index, &c.to));
        weft_pool_run(device->pool, rows, copy_row, &c);
        return WEFT_OK;
    }
    for (int64_t r = 0; r < rows; r++)
        WEFT_TRY(device->backend->write(device, c.to + (size_t)r * c.pitch, c.from + (size_t)r * row, row));
    return WEFT_OK;
}

static weft_status send_block(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    int count = 0;
    WEFT_TRY(need_block(model));
    for (int32_t i = 0; i < model->graph->n_inputs; i++)
        if (model->fresh[i])
            model->pieces[count++] = (weft_piece){ weft_model_view(model, model->graph->inputs[i]).data,
                                                   model->lane_at[i], weft_model_input_bytes(model, i) };
    if (count == 0)
        return WEFT_OK;
    WEFT_TRY(device->backend->lane_send(device, model->lane, model->pieces, count));
    model->sends++;
    model->block = NULL;
    for (int32_t i = 0; i < model->graph->n_inputs; i++)
        model->fresh[i] = !model->opt.resident;
    return WEFT_OK;
}

weft_status weft_model_upload(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    if (model->lane)
        return send_block(model);
    for (int32_t i = 0; model->staged && i < model->graph->n_inputs; i++) {
        if (model->fresh[i])
            WEFT_TRY(device->backend->send(device, weft_model_view(model, model->graph->inputs[i]).data,
                                            model->staged[i], weft_model_input_bytes(model, i)));
        model->fresh[i] = !model->opt.resident;
    }
    return WEFT_OK;
}

/* A value of a device that is apart, read whole (gaps too) and cast. */
static weft_status download(const weft_model *model, int32_t value, float *to)
{
    const weft_device *device = model->ctx->device;
    const weft_value *v = &model->graph->values[value];
    const weft_view view = weft_model_view(model, value);
    const int64_t channels = weft_shape_channels(&v->shape), rows = weft_shape_rows(&v->shape);
    const size_t size = weft_dtype_size(v->dtype);
    void *host;
    const size_t bytes = (size_t)((rows - 1) * view.ld + channels) * size;
    WEFT_TRY(device->backend->host_alloc(device, bytes, &host));
    const weft_status status = device->backend->read(device, host, view.data, bytes);
    for (int64_t r = 0; r < rows && status == WEFT_OK; r++)
        weft_cast_to_f32(v->dtype, (const char *)host + (size_t)(r * view.ld) * size, to + r * channels, channels);
    device->backend->host_free(device, host);
    return status;
}

weft_status weft_model_fetch(const weft_model *model, int index, float *to)
{
    const weft_device *device = model->ctx->device;
    const int32_t value = model->graph->outputs[index].value;
    const weft_value *v = &model->graph->values[value];
    const size_t bytes = (size_t)weft_shape_count(&v->shape) * sizeof *to;
    if (!model->lane)
        return weft_model_read_value(model, value, to);
    if (v->dtype != WEFT_F32 || weft_shape_rows(&v->shape) != 1)
        return weft_fail(WEFT_UNSUPPORTED, "output %d: only a row of floats is fetched later", index);
    return device->backend->fetch(device, to, weft_model_view(model, value).data, bytes);
}

weft_status weft_model_wait(weft_model *model)
{
    const weft_device *device = model->ctx->device;
    if (device->backend->wait && !device->dry)
        WEFT_TRY(device->backend->wait(device));
    model->over = model->sends;
    return WEFT_OK;
}

weft_status weft_model_read_value(const weft_model *model, int32_t value, void *to)
{
    return model->staged ? download(model, value, to) : transfer(model, value, to, false);
}

/* The index and the bytes of an array for a port of the network. */
static weft_status check_port(const weft_model *model, const char *what, int index, int count, int32_t value,
                              const void *data, size_t bytes)
{
    if (index < 0 || index >= count)
        return weft_fail(WEFT_INVALID, "%s: index %d, but there are %d", what, index, count);
    const weft_shape *shape = &model->graph->values[value].shape;
    const weft_dtype dtype = model->graph->values[value].dtype == WEFT_I32 ? WEFT_I32 : WEFT_F32;
    const size_t expected = (size_t)weft_shape_count(shape) * weft_dtype_size(dtype);
    char text[96];
    if (!data || bytes != expected)
        return weft_fail(WEFT_INVALID, "%s %d: %zu bytes given, %s of %s needs %zu", what, index, data ? bytes : 0,
                         weft_shape_text(shape, text, sizeof text), weft_dtype_name(dtype), expected);
    return WEFT_OK;
}

weft_status weft_model_set_input(weft_model *model, int index, const void *data, size_t bytes)
{
    WEFT_TRY(weft_model_need_memory(model, "weft_model_set_input"));
    const int32_t value = index >= 0 && index < model->graph->n_inputs ? model->graph->inputs[index] : 0;
    WEFT_TRY(check_port(model, "input", index, model->graph->n_inputs, value, data, bytes));
    if (model->staged)
        return stage_input(model, index, data);
    return transfer(model, value, weft_mutable(data), true); /* only read in this direction */
}

weft_status weft_model_get_output(weft_model *model, int index, void *data, size_t bytes)
{
    WEFT_TRY(weft_model_need_memory(model, "weft_model_get_output"));
    if (!model->ran)
        return weft_fail(WEFT_INVALID, "weft_model_get_output: the model has not run yet");
    const int32_t value = index >= 0 && index < model->graph->n_outputs ? model->graph->outputs[index].value : 0;
    WEFT_TRY(check_port(model, "output", index, model->graph->n_outputs, value, data, bytes));
    return weft_model_read_value(model, value, data);
}
