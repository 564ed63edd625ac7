/* SPDX-License-Identifier: Apache-2.0
 *
 * The tables: every command, option and exit code of weft, once. Parsing, --help, man pages and completions are all
 * made from them; a row added here is known everywhere. An option whose default or kind differs between commands has
 * one row for each. */
#include <stddef.h>

#include "cli/option.h"

#define AT(field) offsetof(cli_args, field)

/* clang-format off */
const cli_command cli_top = {
    .name = NULL,
    .bit = CLI_AT_TOP,
    .operand = CLI_OPERAND_COMMAND,
    .synopsis = "COMMAND [ARGUMENT...]",
    .brief = "convolutional networks, from LeNet-5 to EfficientNet, on this machine",
    .description =
        "weft describes convolutional networks, plans them for a device, runs them and says how fast and how large "
        "they are. Results go to standard output, progress and errors to standard error.",
    .examples = "weft bench table|print the table of the fifteen networks, measured on this machine\n"
                "weft summary resnet50|the layers of a network, with shapes, parameters and multiply-adds\n"
                "weft help bench|what bench can do",
};

const cli_command cli_commands[] = {
    { .name = "bench",
      .bit = CLI_AT_BENCH,
      .operand = CLI_OPERAND_MODEL,
      .min_words = 1,
      .max_words = -1,
      .synopsis = "MODEL...",
      .brief = "time networks, whole or layer by layer",
      .description =
          "Runs each MODEL for every batch size and thread count asked for, each in a process of its own, and "
          "prints the median time of a run with its quartiles, images per second, GFLOP/s, and the shares of the "
          "roofs of this machine (fused multiply-add peak and memory bandwidth) that weft measures at the start "
          "and, after jobs of more than ten seconds, once more.\n"
          "\n"
          "FLOPs are twice the multiply-adds of convolutions and dense layers by the direct algorithm, so that a "
          "faster algorithm may pass 100 %. Bytes are the least traffic: each step's inputs and parameters read "
          "once, its outputs written once.\n"
          "\n"
          "With --compare the medians are set against those of an earlier run, saved with -o json by this command "
          "or by weft bench table.",
      .examples = "weft bench resnet50 --batch 1,8,32 --threads 1,2|all six combinations\n"
                  "weft bench resnet50 --layers|time, kernel and share of the roof of every step\n"
                  "weft bench resnet50 -o json > old.json|save a result\n"
                  "weft bench resnet50 --compare old.json --fail-over 5%|exit 1 if more than 5 % slower\n"
                  "weft bench table|the table of all networks: see weft-bench-table(1)",
      .run = cli_bench },
    { .name = "bench table",
      .bit = CLI_AT_TABLE,
      .operand = CLI_OPERAND_MODEL,
      .max_words = -1,
      .synopsis = "[MODEL...]",
      .brief = "print the table of networks: size, accuracy, cost, time and memory",
      .description =
          "Runs the fifteen networks of the book's table, or those named, each in a process of its own, and prints "
          "for each what was published beside what was measured here: input size, MiB, top-1 and top-5 accuracy, "
          "parameters, multiply-adds (MACs), milliseconds of a batch on the CPU and on the GPU, GFLOP/s, the shares "
          "of this machine's own measured roofs, and peak memory as planned and as measured. The best value of "
          "every column is marked (bold in Markdown, * in text, listed as best in JSON).\n"
          "\n"
          "A published time is flagged when it implies more arithmetic than the stated hardware can do. A network "
          "that fails (out of memory, a crash) becomes a row with the reason; the others go on, and the exit code "
          "is that of the first failure.\n"
          "\n"
          "Accuracies are the publishers', never measured here. With --images the inputs are photographs, else "
          "seeded noise; neither the time nor the memory depends on which. In csv, lines of the header and the "
          "notes begin with #.",
      .examples = "weft bench table|the fifteen, sorted by size\n"
                  "weft bench table --sort cpu -o md > table.md|sorted by measured time, as Markdown\n"
                  "weft bench table --svg table.svg|also draw accuracy against time\n"
                  "weft bench table --images photos/ mobilenetv2 efficientnet-b0|two networks on real photographs",
      .run = cli_bench_table },
    { .name = "summary",
      .bit = CLI_AT_SUMMARY,
      .operand = CLI_OPERAND_MODEL,
      .min_words = 1,
      .max_words = 1,
      .synopsis = "MODEL",
      .brief = "show a network's layers, shapes, parameters, MACs and memory",
      .description =
          "Prints every layer of MODEL with the shape of its output, its parameters and its multiply-adds of one "
          "image, then the totals and the memory that a run will use, known to the byte without running anything.\n"
          "\n"
          "In JSON, params counts moving statistics where the dialect does (keras); trainable and statistics are "
          "always apart. peak_bytes is the arena: activations and workspace at their peak.",
      .examples = "weft summary efficientnet-b0|layers and totals\n"
                  "weft summary resnet50 --dialect torch --json|counts for a program\n"
                  "weft summary lenet5 --dot | dot -Tsvg > lenet5.svg|draw the graph",
      .run = cli_summary },
    { .name = "models",
      .bit = CLI_AT_MODELS,
      .operand = CLI_OPERAND_MODEL,
      .max_words = -1,
      .synopsis = "[MODEL...]",
      .brief = "list the networks that weft knows",
      .description = "Lists every network (or those named) in each of its dialects: aliases, input size, parameters, "
                     "multiply-adds, and the accuracy that was published, with its source and paper.",
      .examples = "weft models|the list\nweft models --json resnet50|all about one, for a program",
      .run = cli_models },
    { .name = "classify",
      .bit = CLI_AT_CLASSIFY,
      .operand = CLI_OPERAND_MODEL,
      .min_words = 1,
      .max_words = -1,
      .synopsis = "MODEL|FILE IMAGE...",
      .brief = "say what photographs show",
      .description =
          "Classifies JPEG and PNG photographs by a network of that name with the weights of --weights, or by a weight "
          "file that says itself which network it is of (see weft-convert(1)). Weights may be of weft, torchvision, "
          "timm or Keras, in safetensors, .pth, .h5, .weights.h5, .keras or .npz; weft never downloads any.\n"
          "\n"
          "Photographs are turned upright by their EXIF orientation, then resized, cropped and preprocessed as the "
          "network's publisher does. With '-' for an image, the names of images are read from standard input, one a "
          "line. An image that cannot be read is named on standard error; the others go on, and the exit code is 65.\n"
          "\n"
          "In JSON, images has an object for each: file, and top (class, id, name, probability) or error.",
      .examples = "weft classify mobilenetv2 --weights mobilenet_v2.h5 photo.jpg|the five likeliest classes\n"
                  "weft classify lite0.safetensors *.jpg --top 1|by a converted file, which knows its network\n"
                  "find photos -name '*.jpg' | weft classify lite0.safetensors - --json|many, for a program",
      .run = cli_classify },
    { .name = "eval",
      .bit = CLI_AT_EVAL,
      .operand = CLI_OPERAND_MODEL,
      .min_words = 1,
      .max_words = 1,
      .synopsis = "MODEL|FILE",
      .brief = "measure accuracy on a labelled data set",
      .description =
          "Classifies every image of --data and counts how often the label is the likeliest class (top-1) or among the "
          "five likeliest (top-5). The layout is a folder for each class, or ImageNet's validation images in one "
          "folder with a label file.\n"
          "\n"
          "Class folders are matched to the network's classes by exactly one rule, the first that fits all of them: "
          "WordNet ids (n01440764), class names, as many folders as classes in order of name. Anything less clear is "
          "refused. A label file has the class of image i on line i, or lines FILE CLASS; a class is a WordNet id, a "
          "name or an index from 0. The ids of ImageNet's development kit, which count from 1 in another order, are "
          "refused.\n"
          "\n"
          "Images are used as stored, without EXIF orientation, as in published figures. The counts do not depend on "
          "threads, and on the batch only where two classes are as likely to the last digits of single precision.",
      .examples = "weft eval resnet50 --weights resnet50.pth --data imagenet/val|folders of WordNet ids\n"
                  "weft eval lite0.safetensors --data val --labels val.txt --csv classes.csv|per class\n"
                  "weft eval lite0.safetensors --data val --limit 1000 --bad-images skip:10|a sample",
      .run = cli_eval },
    { .name = "convert",
      .bit = CLI_AT_CONVERT,
      .operand = CLI_OPERAND_FILE,
      .max_words = 2,
      .synopsis = "IN OUT",
      .brief = "make another framework's weight file one of weft's",
      .description =
          "Reads the weight file IN (safetensors, PyTorch .pth, Keras .h5, .weights.h5 or .keras, NumPy .npz), gives "
          "every tensor weft's name and layout, and writes OUT, .safetensors or .npz by its name. The network is what "
          "--model says, else what the file says, else what its name begins with, else what its tensors fit; it is "
          "printed. Nothing in a file is executed.\n"
          "\n"
          "Every parameter of the network must be in the file and every tensor of the file in the network; if not, "
          "those that are missing or unknown are listed with the network that fits better, nothing is written, and "
          "the exit code is 65. With --no-strict they are only listed. A name that ends in the first digits of the "
          "file's SHA-256, such as resnet50-0676ba61.pth, is held against it.\n"
          "\n"
          "With --names MODEL no file is read: the names, shapes and layouts of MODEL's tensors there and here are "
          "listed. See weft-weights(5).",
      .examples = "weft convert resnet50-0676ba61.pth resnet50.safetensors|from torchvision\n"
                  "weft convert my.keras my.safetensors --model mobilenetv2 --classes names.txt|of ten classes, say\n"
                  "weft convert --names vgg16 --from keras --json|for a script",
      .run = cli_convert },
    { .name = "diff",
      .bit = CLI_AT_DIFF,
      .operand = CLI_OPERAND_MODEL,
      .min_words = 2,
      .max_words = 3,
      .synopsis = "MODEL A [B]",
      .brief = "find where two weight files of a network part",
      .description =
          "Compares the weight files A and B of network MODEL, of any format and framework, parameter by parameter, "
          "and what the network computes with each of them on one input, block by block. Printed are relative L2 "
          "differences (over the larger norm), the first block and the first layer that differ by more than "
          "--tolerance. Without B, A is compared with the seeded weights of weft-weights(5).\n"
          "\n"
          "B may also hold what another framework computed: an .npz or .safetensors file whose tensors are called like "
          "the blocks of weft summary (stem, stage2.1) and lie as [N, H, W, C], with the tensor input if it was not "
          "the seeded image of weft-weights(5). Blocks that it does not have are passed over.\n"
          "\n"
          "The exit code is 0 if nothing differs by more than --tolerance, 1 if something does.",
      .examples = "weft diff resnet50 mine.safetensors theirs.pth|the same weights?\n"
                  "weft diff mobilenetv2 mobilenet_v2.h5 activations.npz|where does the port go wrong?",
      .run = cli_diff },
    { .name = "devices",
      .bit = CLI_AT_DEVICES,
      .brief = "list the devices, and what an absent one needs",
      .description = "Lists every device that this build knows. For one that cannot be used it says what is missing. "
                     "--roof measures what the CPU can do at best.",
      .examples = "weft devices --roof|also measure FMA peak and memory bandwidth",
      .run = cli_devices },
    { .name = "explain",
      .bit = CLI_AT_EXPLAIN,
      .operand = CLI_OPERAND_MODEL,
      .min_words = 1,
      .max_words = 1,
      .synopsis = "MODEL",
      .brief = "say which kernel runs each step, and why not another",
      .description = "Plans MODEL without running it and prints for each step of the plan the kernel chosen and every "
                     "kernel that is tried before it, with the reason why it refused.",
      .examples = "weft explain resnet50|every step\nweft explain resnet50 --isa avx2 --batch 32|for another CPU",
      .run = cli_explain },
    { .name = "cost",
      .bit = CLI_AT_COST,
      .operand = CLI_OPERAND_MODEL,
      .min_words = 1,
      .max_words = -1,
      .synopsis = "MODEL...",
      .brief = "what a run would cost on a GPU, whether it is there or not",
      .description =
          "Plans each MODEL for the GPU named by --target, which need not be there (neither driver nor NVIDIA's "
          "libraries are asked), and adds up what its steps would launch: kernels, bytes read and written, FLOPs and "
          "their share on tensor cores, memory. Nothing runs.\n"
          "\n"
          "Least is the traffic that fusion leaves at best: every convolution, dense layer and pool reads its inputs "
          "and weights once and writes its output once; norms, activations, additions, excitation and concatenation "
          "are free. The roofline time is the sum over launches of the longest of FLOPs over peak, bytes over "
          "bandwidth and the time of a launch in a recorded run: no card is faster.\n"
          "\n"
          "A target is t4, a100, 3090, l4, h100, b200 or 5090, a compute capability such as sm_90, or a file.",
      .examples = "weft cost resnet50 --precision fp16|on an A100, 32 images a run\n"
                  "weft cost efficientnet-b0 --target h100 --precision bf16 --batch 1 --steps|every launch\n"
                  "weft cost resnet50 vgg16 mobilenetv2 --json|several networks, for a program to read",
      .run = cli_cost },
    { .name = "selftest",
      .bit = CLI_AT_SELFTEST,
      .synopsis = "",
      .brief = "test a device against the CPU, and measure it",
      .description =
          "Runs every operation on a ladder of shapes and a ladder of networks with seeded weights on the device, in "
          "every precision that it has, and holds the results against the CPU: within what the precision and the "
          "length of the sums allow, and with the same bits in three runs. Then measures memory bandwidth, the cost "
          "of a launch, and the networks, whole and kernel by kernel, beside the roofline of their plans.\n"
          "\n"
          "A summary goes to standard output, everything to one report file, which is written after each part, so "
          "that a crash leaves what came before. If you ran this on a GPU, please send the report: open an issue and "
          "attach the file. It names the devices and versions of this machine, and nothing else of it.\n"
          "\n"
          "The exit code is 1 if something differs, 69 if there is no such device, with what is missing. With "
          "--device cpu the CPU's vector kernels are held against its plain loops.",
      .examples = "weft selftest|the GPU, in every precision\n"
                  "weft selftest --quick --precision fp16 -o report.json|small shapes, one precision\n"
                  "weft selftest --device cpu --quick|try the command where there is no GPU",
      .run = cli_selftest },
    { .name = "completion",
      .bit = CLI_AT_COMPLETION,
      .operand = CLI_OPERAND_SHELL,
      .min_words = 1,
      .max_words = 1,
      .synopsis = "bash|zsh|fish",
      .brief = "print a completion script for a shell",
      .description = "Prints a script that completes commands, options, their values and the names of networks.",
      .examples = "source <(weft completion bash)|in this shell\n"
                  "weft completion zsh > ~/.zfunc/_weft|for zsh, in a folder of its fpath\n"
                  "weft completion fish > ~/.config/fish/completions/weft.fish|for fish",
      .run = cli_completion },
    { .name = "help",
      .bit = CLI_AT_HELP,
      .operand = CLI_OPERAND_COMMAND,
      .max_words = 2,
      .synopsis = "[COMMAND]",
      .brief = "explain a command",
      .description = "Prints the help of a command, or of weft. With --man it prints the manual page as roff.",
      .examples = "weft help bench table|as weft bench table --help\n"
                  "weft help --man bench | man -l -|read the manual page before it is installed",
      .run = cli_help },
    { .name = "version",
      .bit = CLI_AT_VERSION,
      .brief = "print the version",
      .description = "Prints the version of the library that the program is linked to.",
      .run = cli_version },
    /* What bench starts for each network; reads a request on standard input (worker.c). */
    { .name = "bench-worker", .bit = CLI_AT_WORKER, .run = cli_worker, .hidden = true, .brief = "", .description = "" },
};
const int cli_command_count = (int)(sizeof cli_commands / sizeof *cli_commands);

const cli_option cli_options[] = {
    { "batch", 'b', "N,...", CLI_INTS, CLI_AT_BENCH, AT(batch), "32", 1, 65536, NULL,
      "images in a run; a list runs each" },
    { "batch", 'b', "N", CLI_INTS, CLI_AT_TABLE | CLI_AT_COST, AT(batch), "32", 1, 65536, NULL, "images in a run" },
    { "batch", 'b', "N", CLI_INTS, CLI_AT_SUMMARY | CLI_AT_EXPLAIN, AT(batch), "1", 1, 65536, NULL,
      "images to plan for" },
    { "threads", 't', "N,...", CLI_INTS, CLI_AT_BENCH, AT(threads), "0", 0, 4096, NULL,
      "threads; 0: one for each CPU of this process; a list runs each" },
    { "threads", 't', "N", CLI_INTS, (CLI_AT_PLAN & ~CLI_AT_BENCH) | CLI_AT_DIFF | CLI_AT_SELFTEST,
      AT(threads), "0", 0, 4096, NULL,
      "threads; 0: one for each CPU of this process" },
    { "threads", 't', "N", CLI_INTS, CLI_AT_DEVICES, AT(threads), "0", 0, 4096, NULL,
      "threads that --roof measures with; 0: one for each CPU of this process" },
    { "reps", 'r', "N", CLI_INT, CLI_AT_RUN, AT(reps), "3", 1, 1000000, NULL, "repetitions at least" },
    { "min-time", 0, "SECONDS", CLI_REAL, CLI_AT_RUN, AT(min_time), "5", 0, 86400, NULL,
      "repeat until a network has run this long" },
    { "warmup", 0, "N", CLI_INT, CLI_AT_RUN, AT(warmup), "1", 0, 1000, NULL, "runs before the clock starts" },
    { "device", 'd', "NAME", CLI_TEXT, CLI_AT_TABLE, AT(device), "auto", 0, 0, "cpu|cuda|null|auto",
      "cpu, cuda, cuda:1, null (plans, runs nothing) or auto: cpu, and cuda where there is one" },
    { "device", 'd', "NAME", CLI_TEXT, CLI_AT_PLAN & ~CLI_AT_TABLE, AT(device), "cpu", 0, 0, "cpu|cuda|null|auto",
      "cpu, cuda, cuda:1, null (plans, runs nothing) or auto: cuda where there is one, else cpu" },
    { "device", 'd', "NAME", CLI_TEXT, CLI_AT_SELFTEST, AT(device), "cuda", 0, 0, "cpu|cuda|auto",
      "cuda, cuda:1, cpu or auto: cuda where there is one, else cpu" },
    { "device", 'd', "NAME", CLI_TEXT, CLI_AT_DEVICES, AT(device), NULL, 0, 0, "cpu|cuda|null|auto",
      "also open this device: exit 69, and what is missing, if it cannot be used" },
    { "target", 'T', "GPU", CLI_TEXT, CLI_AT_COST, AT(target), "a100", 0, 0, "t4|a100|3090|l4|h100|b200|5090",
      "the GPU to plan for: t4, a100, 3090, l4, h100, b200, 5090, a compute capability (sm_90) or a file" },
    { "target", 'T', "GPU", CLI_TEXT, CLI_AT_EXPLAIN, AT(target), NULL, 0, 0, "t4|a100|3090|l4|h100|b200|5090",
      "with --device cuda: plan for this GPU, which need not be there" },
    { "precision", 'p', "NAME", CLI_CHOICE, CLI_AT_SELFTEST, AT(precision), "default", 0, 0,
      "default|fp32|tf32|fp16|bf16", "fp32, tf32, fp16 or bf16; default: each that the device has" },
    { "precision", 'p', "NAME", CLI_CHOICE, CLI_AT_TARGET | CLI_AT_RUN, AT(precision), "default", 0, 0,
      "default|fp32|tf32|fp16|bf16",
      "what a GPU keeps and multiplies: fp32, tf32, fp16 or bf16; default: tf32 where the card has it, else fp32" },
    { "quick", 0, NULL, CLI_FLAG, CLI_AT_SELFTEST, AT(quick), NULL, 0, 0, NULL,
      "small shapes and small images only: seconds instead of minutes" },
    { "steps", 0, NULL, CLI_FLAG, CLI_AT_COST, AT(steps), NULL, 0, 0, NULL, "print every launch" },
    { "math", 0, "MODE", CLI_CHOICE, CLI_AT_DIFF, AT(math), "strict", 0, 0, "fast|strict",
      "fast allows Winograd (relative error of a layer within 1e-5), strict does not" },
    { "isa", 0, "NAME", CLI_TEXT, CLI_AT_PLAN | CLI_AT_DEVICES | CLI_AT_ANSWER, AT(isa), NULL, 0, 0,
      "ref|portable|avx2|avx512",
      "instruction set to use at most: ref, portable, avx2 or avx512; default: WEFT_ISA, or the best the CPU has" },
    { "math", 0, "MODE", CLI_CHOICE, CLI_AT_PLAN | CLI_AT_ANSWER, AT(math), "fast", 0, 0, "fast|strict",
      "fast allows Winograd (relative error of a layer within 1e-5), strict does not" },
    { "dialect", 'D', "NAME", CLI_CHOICE, CLI_AT_PLAN | CLI_AT_ANSWER | CLI_AT_COST | CLI_AT_DIFF, AT(dialect),
      "default", 0, 0, "default|paper|keras|torch",
      "whose variant of the network" },
    { "seed", 0, "N", CLI_INT, CLI_AT_RUN, AT(seed), "1", 0, 9007199254740991.0, NULL,
      "seed of weights and of noise inputs" },
    { "images", 0, "DIR", CLI_TEXT, CLI_AT_RUN, AT(images), NULL, 0, 0, NULL,
      "run on the JPEG and PNG photographs of this folder, in order of name, repeated to fill the batch; others are "
      "named and skipped" },
    { "layers", 'l', NULL, CLI_FLAG, CLI_AT_BENCH, AT(layers), NULL, 0, 0, NULL,
      "time every step, and sum the times of every kernel" },
    { "no-units", 0, NULL, CLI_FLAG, CLI_AT_BENCH | CLI_AT_EXPLAIN, AT(no_units), NULL, 0, 0, NULL,
      "run the layers of inverted residual units (expand, depthwise, project) one by one instead of joined" },
    { "model", 'm', "MODEL", CLI_TEXT, CLI_AT_CONVERT, AT(model), NULL, 0, 0, NULL,
      "the network that the file is of" },
    { "dialect", 'D', "NAME", CLI_CHOICE, CLI_AT_CONVERT, AT(dialect), "default", 0, 0, "default|paper|keras|torch",
      "whose variant of the network; default: the one that the tensors are of" },
    { "from", 0, "ORIGIN", CLI_CHOICE, CLI_AT_CONVERT, AT(from), "auto", 0, 0, "auto|weft|torchvision|timm|keras",
      "whose names the tensors have" },
    { "classes", 0, "FILE", CLI_TEXT, CLI_AT_CONVERT, AT(classes), NULL, 0, 0, NULL,
      "keep the names of the classes with the weights: one a line" },
    { "no-strict", 0, NULL, CLI_FLAG, CLI_AT_CONVERT, AT(no_strict), NULL, 0, 0, NULL,
      "take what fits; list missing and unknown tensors" },
    { "no-verify", 0, NULL, CLI_FLAG, CLI_AT_CONVERT, AT(no_verify), NULL, 0, 0, NULL,
      "do not hold the file's SHA-256 against its name" },
    { "names", 0, "MODEL", CLI_TEXT, CLI_AT_CONVERT, AT(names), NULL, 0, 0, NULL,
      "read no file, list the names of MODEL's tensors there and here" },
    { "json", 0, NULL, CLI_FLAG, CLI_AT_CONVERT, AT(json), NULL, 0, 0, NULL, "print JSON" },
    { "weights", 'w', "FILE", CLI_TEXT, CLI_AT_ANSWER, AT(weights), NULL, 0, 0, NULL,
      "weights of MODEL: safetensors, .pth, .h5, .weights.h5, .keras or .npz of weft, torchvision, timm or Keras" },
    { "top", 'k', "K", CLI_INT, CLI_AT_CLASSIFY, AT(top), "5", 1, 1000000, NULL, "classes to print" },
    { "batch", 'b', "N", CLI_INTS, CLI_AT_ANSWER, AT(batch), "0", 0, 65536, NULL,
      "images that run together; 0: as many as there are, at most 8 (eval: 32)" },
    { "threads", 't', "N", CLI_INTS, CLI_AT_ANSWER, AT(threads), "0", 0, 4096, NULL,
      "threads that decode and compute; 0: one for each CPU of this process" },
    { "device", 'd', "NAME", CLI_TEXT, CLI_AT_ANSWER, AT(device), "cpu", 0, 0, "cpu|cuda|auto",
      "cpu, cuda, cuda:1 or auto: cuda where there is one, else cpu" },
    { "seed", 0, "N", CLI_INT, CLI_AT_ANSWER, AT(seed), NULL, 1, 9007199254740991.0, NULL,
      "instead of --weights: random ones from this seed, for tests and timing; the answers mean nothing" },
    { "data", 0, "DIR", CLI_TEXT, CLI_AT_EVAL, AT(data), NULL, 0, 0, NULL, "the folder of the data set" },
    { "layout", 0, "NAME", CLI_CHOICE, CLI_AT_EVAL, AT(layout), "auto", 0, 0, "auto|folder|imagenet-val",
      "folder (one for each class), imagenet-val (all in one, with --labels), or auto: the latter with --labels" },
    { "labels", 0, "FILE", CLI_TEXT, CLI_AT_EVAL, AT(labels), NULL, 0, 0, NULL, "label file of the data set" },
    { "limit", 0, "N", CLI_INT, CLI_AT_EVAL, AT(limit), "0", 0, 9007199254740991.0, NULL,
      "images at most, spread evenly over the set; 0: all" },
    { "bad-images", 0, "WHAT", CLI_TEXT, CLI_AT_EVAL, AT(bad_images), "fail", 0, 0, "fail|skip:10",
      "fail at the first image that cannot be read, or skip:N, which leaves out up to N of them" },
    { "csv", 0, "FILE", CLI_TEXT, CLI_AT_EVAL, AT(csv), NULL, 0, 0, NULL, "also write the counts of each class" },
    { "confusion", 0, "FILE", CLI_TEXT, CLI_AT_EVAL, AT(confusion), NULL, 0, 0, NULL,
      "also write how often each class was taken for which (CSV; pairs that occurred)" },
    { "compare", 0, "OLD.json", CLI_TEXT, CLI_AT_BENCH, AT(compare), NULL, 0, 0, NULL,
      "compare with a result saved earlier with -o json" },
    { "fail-over", 0, "PERCENT", CLI_PERCENT, CLI_AT_BENCH, AT(fail_over), NULL, 0, 1000, NULL,
      "with --compare: exit 1 if a median is slower by more than this" },
    { "sort", 's', "COLUMN", CLI_TEXT, CLI_AT_TABLE, AT(sort), "size", 0, 0,
      "model|px|size|size_published|top1|top5|params|macs|cpu|cpu_published|gpu|gpu_published|gflops|fma_share|gbs|"
      "bandwidth_share|memory|memory_predicted",
      "column to sort by: model, px, size, size_published, top1, top5, params, macs, cpu, cpu_published, gpu, "
      "gpu_published, gflops, fma_share, gbs, bandwidth_share, memory or memory_predicted" },
    { "reverse", 0, NULL, CLI_FLAG, CLI_AT_TABLE, AT(reverse), NULL, 0, 0, NULL, "largest first" },
    { "svg", 0, "FILE", CLI_TEXT, CLI_AT_TABLE, AT(svg), NULL, 0, 0, NULL,
      "also draw top-1 accuracy against measured time, the size as area" },
    { "dot", 0, NULL, CLI_FLAG, CLI_AT_SUMMARY, AT(dot), NULL, 0, 0, NULL, "print the graph for Graphviz instead" },
    { "roof", 0, NULL, CLI_FLAG, CLI_AT_DEVICES, AT(roof), NULL, 0, 0, NULL,
      "measure the CPU's FMA peak and memory bandwidth" },
    { "man", 0, NULL, CLI_FLAG, CLI_AT_HELP, AT(man), NULL, 0, 0, NULL, "print the manual page (roff)" },
    { "output", 'o', "FORMAT", CLI_CHOICE,
      CLI_AT_PLAN | CLI_AT_COST | CLI_AT_MODELS | CLI_AT_DEVICES, AT(output), "text", 0, 0, "text|md|csv|json",
      "text, md, csv or json" },
    { "output", 'o', "FILE", CLI_TEXT, CLI_AT_SELFTEST, AT(report), NULL, 0, 0, NULL,
      "the report; default: weft-selftest-DATE.json" },
    { "json", 0, NULL, CLI_FLAG, CLI_AT_SELFTEST, AT(json), NULL, 0, 0, NULL,
      "print the report instead of the summary, too" },
    { "json", 0, NULL, CLI_FLAG,
      CLI_AT_PLAN | CLI_AT_COST | CLI_AT_MODELS | CLI_AT_DEVICES | CLI_AT_VERSION, AT(json), NULL, 0, 0, NULL,
      "the same as -o json" },
    { "json", 0, NULL, CLI_FLAG, CLI_AT_ANSWER | CLI_AT_DIFF, AT(json), NULL, 0, 0, NULL, "print JSON" },
    { "progress", 0, "WHEN", CLI_CHOICE, CLI_AT_EVAL, AT(progress), "auto", 0, 0, "auto|always|never",
      "progress on standard error: auto (if it is a terminal), always or never" },
    { "progress", 0, "WHEN", CLI_CHOICE, CLI_AT_RUN, AT(progress), "auto", 0, 0, "auto|always|never",
      "progress on standard error: auto (if it is a terminal), always (a line for each network) or never" },
    { "tolerance", 0, "X", CLI_REAL, CLI_AT_DIFF, AT(tolerance), "1e-4", 0, 2, NULL,
      "relative L2 difference that still counts as equal" },
    { "px", 0, "N", CLI_INT, CLI_AT_DIFF, AT(px), "0", 0, 4096, NULL,
      "pixels along each side of the input; 0: the network's own" },
    { "seed", 0, "N", CLI_INT, CLI_AT_DIFF, AT(seed), "1", 0, 9007199254740991.0, NULL,
      "seed of the input, and of the weights that stand for B" },
    { "help", 'h', NULL, CLI_FLAG, CLI_AT_ALL, AT(help), NULL, 0, 0, NULL, "print this help" },
    { "version", 'V', NULL, CLI_FLAG, CLI_AT_TOP, AT(version), NULL, 0, 0, NULL, "print the version" },
};
const int cli_option_count = (int)(sizeof cli_options / sizeof *cli_options);

const struct cli_code cli_exit_codes[] = {
    { CLI_OK, "success" },
    { CLI_BELOW, "a result is worse than asked for (bench --fail-over), or differs (diff, selftest)" },
    { CLI_USAGE, "wrong usage: unknown command or option, bad or missing value" },
    { CLI_DATA, "a file is damaged or not what it should be" },
    { CLI_NOT_FOUND, "no such network, dialect, file or folder" },
    { CLI_UNAVAILABLE, "the device or something it needs is not available" },
    { CLI_INTERNAL, "internal error, or a process of bench crashed" },
    { CLI_MEMORY, "out of memory" },
    { CLI_CREATE, "cannot create an output file" },
    { CLI_IO, "input or output error" },
    { CLI_NUMERIC, "numeric fault" },
};
const int cli_exit_code_count = (int)(sizeof cli_exit_codes / sizeof *cli_exit_codes);
/* clang-format on */
