# SPDX-License-Identifier: Apache-2.0
#
# The two commands, `make table` and `make check`: both install what is missing (Debian, with apt), build and run. All
# recipes are CMake presets (CMakePresets.json); this file only calls them in order.
#
#   make table ARGS="--sort cpu -o md"    arguments for `weft bench table`
#   make check PRESETS=check              without the sanitizers' run
#   make install PREFIX=$HOME/.local
#   make fuzz RUNS=100000000 TARGETS=pth    or so many seconds for each: make fuzz TIME=60
PREFIX ?= /usr/local
PRESETS ?= check asan
ARGS ?=
RUNS ?= 1000000
TIME ?=
TARGETS ?= safetensors npz pth keras_config jpeg png webp tiff bmp pnm recipe hub_config hub_preprocessor shards \
    labels classes names manifest augment trainset pack
export CTEST_PARALLEL_LEVEL ?= $(shell nproc 2>/dev/null || echo 2)

.DEFAULT_GOAL := help
.PHONY: help table check release install bundle uninstall tsan soak kills cuda-matrix cuda-plans cuda-race \
    cuda-coverage aarch64 fuzz clean needs needs-tests

help:
	@echo 'make table      install what is missing, build, print the model table   (ARGS="--help" lists its options)'
	@echo 'make check      install what is missing, build, run the whole test suite, then its fast part sanitized'
	@echo 'make release    build build/release/bin/weft and libweft'
	@echo 'make install    install the release build to PREFIX ($(PREFIX)); make uninstall takes it away again'
	@echo 'make bundle     a folder that runs anywhere, with the CUDA plug-in, as build/weft-VERSION-linux-MACHINE.tar.gz'
	@echo 'make cuda-matrix  compile the CUDA kernels for every architecture, within their budgets'
	@echo 'make cuda-plans   plan every layer of every network with cuDNN, without a GPU (ARGS=--quick)'
	@echo 'make cuda-race    the CUDA kernels on the emulator under ThreadSanitizer, and a race that must be found'
	@echo 'make cuda-coverage  the lines of the CUDA host code that its tests run without a GPU: 90 % at least'
	@echo 'make aarch64    build for AArch64 and run the NEON kernels by qemu-user: the op walker and more, an hour or two'
	@echo 'make tsan       the fast tests under ThreadSanitizer'
	@echo 'make soak       loaders of photographs for MINUTES (40): resident memory and descriptors may not grow'
	@echo 'make kills      a training killed KILLS (200) times at random and resumed: the bits of the unbroken run'
	@echo 'make fuzz       RUNS ($(RUNS)) inputs to each parser of files by libFuzzer, with sanitizers; TIME=60: seconds'
	@echo 'make clean      remove build/'

table: release
	build/release/bin/weft bench table $(ARGS)

check: needs-tests
	set -e; for preset in $(PRESETS); do cmake --workflow --preset $$preset; done

release: needs
	cmake --workflow --preset release

tsan: needs-tests
	cmake --workflow --preset tsan

MINUTES ?= 40
soak: needs-tests
	cmake --preset check
	cmake --build --preset check --target data_soak
	CK_FORK=no build/check/tests/data/data_soak $$(( $(MINUTES) * 60 ))

KILLS ?= 200
kills: needs-tests
	cmake --preset check
	cmake --build --preset check --target weft_program cli_probe cli_make_set
	KILLS=$(KILLS) sh tests/cli/train.sh kills $(CURDIR)/build/check/bin/weft $(CURDIR)/build/check/tests/cli/cli_probe \
		$(CURDIR)/build/check/tests/cli/cli_make_set build/check/kills

# Targets that write files are several times as fast where these are in memory.
fuzz: export TMPDIR ?= $(firstword $(wildcard /dev/shm) /tmp)
fuzz: needs-tests
	@cmake/needs.sh clang libclang-rt-dev
	cmake --preset fuzz
	cmake --build --preset fuzz
	set -e; for target in $(TARGETS); do \
	    mkdir -p build/fuzz/corpus/$$target; \
	    build/fuzz/tests/fuzz/fuzz_$$target $(if $(TIME),-max_total_time=$(TIME),-runs=$(RUNS)) \
	        -max_len=4096 -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0 \
	        -artifact_prefix=build/fuzz/$$target- \
	        build/fuzz/corpus/$$target tests/fuzz/corpus/$$target; \
	done

install: release
	cmake --install build/release --prefix $(PREFIX)

# One folder that runs wherever it is unpacked, as build/weft-VERSION-linux-MACHINE.tar.gz.
bundle: needs
	cmake --preset bundle
	cmake --build --preset bundle
	sh packaging/bundle.sh build/bundle build

uninstall:
	xargs -r -d '\n' -I{} rm -f -- "{}" < build/release/install_manifest.txt

# Every CUDA kernel for every architecture, with warnings and spills as errors (the suite takes two of them).
NVCC ?= $(firstword $(shell command -v nvcc) /usr/local/cuda/bin/nvcc)
cuda-matrix:
	sh tests/cuda/nvcc_matrix.sh $(NVCC) . build/cuda-matrix 80 75 86 89 90 100 120

# Every layer of every network planned by the real cuDNN, without a GPU, for five cards in four precisions: an hour or
# two of one core, in steps (build/cuda-plans keeps what is known). CARDS="a100 h100" and ARGS="--precisions fp16"
# choose, ARGS=--quick leaves out what must be compiled, HOLLOW=1 compiles nothing and asks all the same (minutes). One
# process for each card. ARGS=--train and GOLDEN=tests/cuda/plans_train.golden: the layers of a step of training of
# every network, for the cards that the file has.
CUDA_PLANS := build/check/tests/cuda
cuda-plans:
	cmake --preset check
	cmake --build --preset check --target cuda-plans
	mkdir -p build/cuda-plans
	for card in $(or $(CARDS),$(if $(findstring --train,$(ARGS)),a100 h100,t4 a100 l4 h100 rtx5090)); do \
		LD_LIBRARY_PATH=$(if $(HOLLOW),$(CUDA_PLANS)/hollow:)$(CUDA_PLANS)/nodevice \
		$(CUDA_PLANS)/cuda-plans --all --targets $$card $(ARGS) --journal build/cuda-plans \
		--golden $(or $(GOLDEN),tests/cuda/plans.golden) --write || exit; done

# Races between the threads of a kernel's blocks, which take too long to look for in `make check`.
cuda-race: needs-tests
	cmake --preset check -DWEFT_CUDA_RACE=ON
	cmake --build --preset check --target cuda-kernels-race cuda-fault-race
	ctest --test-dir build/check --output-on-failure -R '^cuda-(kernels|fault)-race$$'

# The CUDA backend's host code on stand-ins for NVIDIA's libraries: which of its lines the tests run.
COUNTED = backend cache host kept rescue cost find vendor target dnn loading
cuda-coverage: needs-tests
	@cmake/needs.sh gcovr
	cmake -S . -B build/cuda-coverage -G Ninja -DWEFT_CUDA=OFF -DWEFT_CUDA_COVERAGE=ON
	cmake --build build/cuda-coverage --target weft_program cli_probe $(COUNTED:%=cuda-%)
	find build/cuda-coverage -name '*.gcda' -delete
	ctest --test-dir build/cuda-coverage --output-on-failure -R '^cuda-($(subst $() ,|,$(COUNTED))|selftest-.*)$$'
	gcovr --root . --filter 'src/cuda/.*\.c$$' --fail-under-line 90 build/cuda-coverage

# The NEON kernels, by Debian's cross compiler and an emulator; TESTS="^op-walker$$" runs a part.
aarch64: needs-tests
	@cmake/needs.sh gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user
	cmake/aarch64-root.sh build/aarch64-root
	sh tests/aarch64/run.sh . $(if $(TESTS),'$(TESTS)')

clean:
	rm -rf build

needs:
	@cmake/needs.sh build-essential cmake ninja-build pkg-config libjansson-dev libjpeg-dev libpng-dev \
		libwebp-dev libtiff-dev librandom123-dev zlib1g-dev libhdf5-dev

# OpenBLAS only so that the tests reach the kernel that opens it where it is installed, NumPy for the Python package,
# MPI for training on several ranks.
needs-tests: needs
	@cmake/needs.sh check libopenblas0 python3-numpy libopenmpi-dev openmpi-bin
