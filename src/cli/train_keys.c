/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of recipe files. This table is all there is to say about them: it parses them, prints them, and makes the
 * section of the manual page. */
#include "cli/train_settings.h"

#define AT train_settings
#define YES_NO(field, name, fallback, help) OPT_ENUM(AT, field, 0, name, "YES|NO", fallback, "no|yes", help)

/* clang-format off */
const cli_option train_keys[] = {
    OPT_TEXT(AT, network, 0, "network", "NAME", NULL, NULL, "the network, where the command line names none"),
    OPT_ENUM(AT, dialect, 0, "dialect", "NAME", "default", "default|paper|keras|torch", "whose variant of it"),
    OPT_TEXT(AT, data, 0, "data", "DIR", NULL, NULL,
             "the data: a folder, a pack, or the name of a set that is found by itself, such as fashion-mnist"),
    OPT_TEXT(AT, weights, 0, "weights", "FILE", NULL, NULL, "weights to begin with"),
    OPT_INT(AT, px, 0, "px", "N", "0", 0, 8192,
            "pixels of a side of the input; 0: the images' own if they are small, square and the network can be built "
            "so, else the network's"),
    OPT_TEXT(AT, input, 0, "input", "WORDS", NULL, NULL,
             "changes to how images become inputs, 'fit=short side=256 resample=bilinear preprocess=torch'"),
    OPT_ENUM(AT, normalise, 0, "normalise", "HOW", "recipe", "recipe|data",
             "means and deviations of the channels: as the network's publisher has them, or measured on the data"),
    OPT_ENUM(AT, precision, 0, "precision", "NAME", "default", "default|fp32|tf32|fp16|bf16",
             "what a GPU keeps and multiplies; parameters, statistics and sums are fp32. default: bf16 where the card "
             "has it (compute capability 8.0 and later), else fp32"),
    OPT_TEXT(AT, loss_scale, 0, "loss-scale", "SCALE", NULL, NULL,
             "what the gradient of the loss is multiplied with, so that none is lost in fp16; updates divide by it. "
             "auto: from 65536, halved after a step with an infinite gradient, which is left out, and doubled after "
             "2000 without; a number: always that one; none. Default: auto in fp16, else none"),
    YES_NO(upright, "upright", "yes", "turn photographs as their EXIF orientation says"),
    OPT_REAL(AT, epochs, 0, "epochs", "N", "30", 0, 100000, "passes through the data; fractions count"),
    OPT_TEXT(AT, batch, 0, "batch", "N", "64", NULL, "images in a step, or auto: as many as memory has room for"),
    OPT_COUNT(AT, seed, 0, "seed", "N", "1", 0, OPT_MAX_COUNT, "of everything that is drawn"),
    OPT_ENUM(AT, optimizer, 0, "optimizer", "NAME", "sgd", "sgd|rmsprop|adam|adamw|lamb", "what makes steps of "
             "gradients"),
    OPT_REAL(AT, lr, 0, "lr", "RATE", "0.05", 0, 1e30, "learning rate: the highest of the schedule"),
    OPT_REAL(AT, momentum, 0, "momentum", "M", "0.9", 0, .999999, "of sgd and rmsprop"),
    YES_NO(nesterov, "nesterov", "yes", "Nesterov's momentum, of sgd"),
    OPT_REAL(AT, rho, 0, "rho", "R", "0.9", 0, .999999, "of the mean square, of rmsprop"),
    YES_NO(mean_square_from_zero, "mean-square-from-zero", "no",
           "rmsprop's mean square begins at zero, as Keras has it, instead of one, as TensorFlow 1 had it"),
    OPT_REAL(AT, beta1, 0, "beta1", "B", "0.9", 0, .999999, "of adam, adamw and lamb"),
    OPT_REAL(AT, beta2, 0, "beta2", "B", "0.999", 0, .9999999, "of adam, adamw and lamb"),
    OPT_REAL(AT, epsilon, 0, "epsilon", "E", "0", 0, 10, "of rmsprop, adam, adamw, lamb; 0: 1e-3, 1e-8, 1e-8, 1e-6"),
    OPT_REAL(AT, decay, 0, "decay", "D", "0.0005", 0, 10, "weight decay, not of biases and norms"),
    YES_NO(decay_all, "decay-all", "no", "weight decay of biases and norms, too"),
    OPT_ENUM(AT, loss, 0, "loss", "NAME", "cross-entropy", "cross-entropy|bce|rbf",
             "cross-entropy of one class of many, binary cross-entropy of each, or LeNet-5's criterion of distances"),
    OPT_REAL(AT, smoothing, 0, "smoothing", "S", "0.1", 0, .999, "of labels"),
    OPT_REAL(AT, rbf_j, 0, "rbf-j", "J", "0.1", 0, 1e6, "of the loss rbf (LeCun 1998, equation 9)"),
    OPT_ENUM(AT, class_weights, 0, "class-weights", "HOW", "none", "none|balanced|root",
             "factors of the loss of rare and frequent classes: none, by their number, or by its root"),
    OPT_ENUM(AT, sampling, 0, "sampling", "HOW", "all", "all|oversample|balanced",
             "images of an epoch: each once; of every class as many as of the largest; as many as there are, of every "
             "class the same number"),
    OPT_ENUM(AT, aux, 0, "aux", "WHEN", "auto", "auto|no|yes",
             "train the auxiliary heads of GoogLeNet and Inception-v3; auto: where the network has them and no weights "
             "are given"),
    OPT_REAL(AT, aux_weight, 0, "aux-weight", "W", "0.3", 0, 100, "of the losses of auxiliary heads"),
    OPT_REAL(AT, clip_norm, 0, "clip-norm", "N", "0", 0, 1e9, "largest norm of all gradients together; 0: none"),
    OPT_REAL(AT, clip_value, 0, "clip-value", "V", "0", 0, 1e9, "largest element of a gradient; 0: none"),
    OPT_INT(AT, accumulate, 0, "accumulate", "N", "1", 1, 65536, "batches whose gradients make one update"),
    OPT_REAL(AT, ema, 0, "ema", "D", "0", 0, .9999999,
             "decay of a moving average of the weights, which is then what is evaluated and written; 0: none"),
    YES_NO(ema_warm_up, "ema-warm-up", "yes", "the decay is at most (1 + t) / (10 + t) at update t"),
    YES_NO(sync_bn, "sync-bn", "no",
           "of several ranks: batch norms are by the statistics of the whole batch, not by those of each rank's part"),
    OPT_REAL(AT, norm_momentum, 0, "norm-momentum", "M", "0", 0, .9999999,
             "share of the moving statistics of batch norms that a step keeps, 0.9 for a small set; 0: as the network "
             "has it"),
    OPT_INT(AT, norm_batches, 0, "norm-batches", "N", "0", 0, 1000000,
            "batches on which the statistics of batch norms are measured anew before the last validation; 0: the "
            "moving ones"),
    OPT_TEXT(AT, freeze, 0, "freeze", "PATTERNS", NULL, NULL,
             "parameters that stay, by patterns of their paths ('stem/* stage1*'), or body: all but the classifier. "
             "Their batch norms use and keep their statistics"),
    OPT_TEXT(AT, groups, 0, "groups", "TEXT", NULL, NULL,
             "what is different for some parameters: 'head/* lr=10; *bn* decay=0'"),
    OPT_REAL(AT, layer_decay, 0, "layer-decay", "F", "0", 0, 1,
             "the learning rate falls by this factor from each part of the network to the one before it; 0: none"),
    OPT_ENUM(AT, schedule, 0, "schedule", "NAME", "cosine",
             "constant|step|exponential|cosine|polynomial|one-cycle|plateau", "how the learning rate changes"),
    OPT_REAL(AT, warm_up, 0, "warm-up", "EPOCHS", "0", 0, 10000,
             "in which the rate grows in a straight line; at most a quarter of the run"),
    OPT_REAL(AT, warm_up_from, 0, "warm-up-from", "SHARE", "0", 0, 1, "of the rate, where it begins"),
    OPT_REAL(AT, factor, 0, "factor", "F", "0.1", 0, 1, "of step, exponential and plateau"),
    OPT_REAL(AT, every, 0, "every", "EPOCHS", "0", 0, 100000, "of step and exponential: epochs between two falls"),
    OPT_TEXT(AT, milestones, 0, "milestones", "E,E,...", NULL, NULL, "of step: the epochs at which the rate falls"),
    YES_NO(staircase, "staircase", "no", "exponential falls in whole steps"),
    OPT_REAL(AT, final_lr, 0, "final-lr", "RATE", "0", 0, 1e6, "of cosine and polynomial: the last rate"),
    OPT_REAL(AT, power, 0, "power", "P", "1", 0, 100, "of polynomial"),
    OPT_REAL(AT, rise, 0, "rise", "SHARE", "0.3", 0, 1, "of one-cycle: of the steps that go up"),
    OPT_REAL(AT, start_divisor, 0, "start-divisor", "D", "25", 1, 1e9, "of one-cycle: it begins at lr / this"),
    OPT_REAL(AT, final_divisor, 0, "final-divisor", "D", "1e4", 1, 1e12, "of one-cycle: it ends at the start / this"),
    YES_NO(linear, "linear", "no", "one-cycle in straight lines"),
    OPT_INT(AT, plateau_patience, 0, "plateau-patience", "EPOCHS", "10", 1, 100000,
            "of plateau: epochs without a lower loss before the rate falls"),
    OPT_TEXT(AT, augment, 0, "augment", "STEPS", "none", NULL,
             "what is done to images of training: 'crop-pad 4, flip, erase .25', or none"),
    OPT_REAL(AT, val_split, 0, "val-split", "SHARE", "0", 0, .99,
             "of the training part that becomes the validation part; 0: .1 of a set that has neither validation nor "
             "test part, else none"),
    OPT_REAL(AT, fraction, 0, "fraction", "SHARE", "1", 0, 1, "of each class of the training part that is used"),
    OPT_ENUM(AT, decode, 0, "decode", "HOW", "fast", "fast|exact",
             "JPEG files of training: fast reduces them by 2, 4 or 8 while they are decoded, where a crop has no use "
             "for more; exact decodes them as evaluation does. Crops that have give the same bits either way"),
    OPT_ENUM(AT, cache, 0, "cache", "WHERE", "none", "none|ram|disk",
             "keeps decoded photographs from epoch to epoch; disk: in the folder weft-cache"),
    OPT_INT(AT, workers, 0, "workers", "N", "0", -1, 256,
            "threads that make batches; 0: one for images in memory, one for each CPU for photographs; -1: none"),
    OPT_TEXT(AT, bad_images, 0, "bad-images", "WHAT", "fail", NULL,
             "fail at the first image that cannot be read, or skip:N, which leaves out up to N of them"),
    OPT_INT(AT, patience, 0, "patience", "EPOCHS", "0", 0, 100000,
            "ends when the validation accuracy has not got better for so long; 0: never"),
    OPT_TEXT(AT, time, 0, "time", "TIME", NULL, NULL,
             "how long the whole may take, 30min: the epochs become as many as fit, so that the schedule comes to its "
             "end"),
    OPT_TEXT(AT, memory, 0, "memory", "BYTES", NULL, NULL,
             "how much training may need, 4GiB: batch auto fills it; of a batch that is given, what the backward pass "
             "reads is computed once more rather than kept, until it fits: the same bits, for more time"),
    YES_NO(recompute, "recompute", "no", "batch auto counts on that, too, and so takes larger batches"),
    OPT_TEXT(AT, checkpoint, 0, "checkpoint", "TIME", "10min", NULL,
             "between checkpoints, beside that at the end of each epoch: 10min, or 100steps"),
    OPT_REAL(AT, rank_timeout, 0, "rank-timeout", "SECONDS", "60", .01, 1e6,
             "of several ranks: how long one waits for the others before it ends, and names them"),
    OPT_INT(AT, keep, 0, "keep", "N", "3", 1, 100000, "checkpoints that stay, beside the best"),
    OPT_END,
};
/* clang-format on */
