# SPDX-License-Identifier: Apache-2.0
"""A recipe of this checkout: conan create packaging/conan. Each option is one of CMakeLists.txt; what is not asked for
is off, whatever the machine has. Random123's headers come from the system (librandom123-dev), and with the profile
packaging/conan/debian all other libraries, too."""
import os
import re

from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load, rmdir
from conan.tools.gnu import PkgConfigDeps
from conan.tools.system.package_manager import Apt

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
SOURCES = ["CMakeLists.txt", "LICENSE", "README.md", "CHANGELOG.md", "arch/*", "bench/CMakeLists.txt",
           "bench/peers/weft_runner.c", "cmake/*", "docs/*", "include/*", "packaging/pkg-config/*", "recipes/*",
           "src/*"]


class Weft(ConanFile):
    name = "weft"
    description = "Convolutional networks in C, from LeNet-5 to EfficientNet: a library and the program weft"
    license = "Apache-2.0"
    topics = ("cnn", "inference", "training", "simd")
    package_type = "library"
    settings = "os", "arch", "compiler", "build_type"
    # shared: libweft.so or libweft.a; program: weft; webp, tiff: images; hdf5: Keras' weight files; cuda: the plug-in,
    # which nvcc compiles; openblas: as a GEMM kernel where it is found at run time
    options = {name: [True, False] for name in
               ("shared", "fPIC", "program", "webp", "tiff", "hdf5", "cuda", "openblas")}
    default_options = {"shared": False, "fPIC": True, "program": True, "webp": True, "tiff": True, "hdf5": True,
                       "cuda": False, "openblas": True, "libtiff/*:jpeg": "libjpeg-turbo"}
    implements = ["auto_shared_fpic"]

    def set_version(self):
        text = load(self, os.path.join(ROOT, "CMakeLists.txt"))
        self.version = re.search(r"project\(weft VERSION ([0-9.]+)", text).group(1)

    def export_sources(self):
        for pattern in SOURCES:
            copy(self, pattern, src=ROOT, dst=self.export_sources_folder)

    def configure(self):
        self.settings.rm_safe("compiler.cppstd")
        self.settings.rm_safe("compiler.libcxx")

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("libjpeg-turbo/[>=2.1 <4]")
        self.requires("libpng/[>=1.6 <2]")
        self.requires("zlib/[>=1.2.11 <2]")
        if self.options.webp:
            self.requires("libwebp/[>=1.2 <2]")
        if self.options.tiff:
            self.requires("libtiff/[>=4.5 <5]")
        if self.options.program:
            self.requires("jansson/[>=2.13 <3]", visible=False)
        if self.options.hdf5:
            self.requires("hdf5/[>=1.10 <2]", visible=False)

    def system_requirements(self):
        Apt(self).install(["librandom123-dev"], check=True)

    def validate(self):
        if self.settings.os != "Linux":
            raise ConanInvalidConfiguration("weft runs on Linux: its threads sleep on futexes")
        if str(self.settings.compiler) not in ("gcc", "clang"):
            raise ConanInvalidConfiguration("gcc or clang was expected")

    def generate(self):
        toolchain = CMakeToolchain(self)
        values = toolchain.cache_variables
        values["WEFT_BUILD_TESTS"] = False
        values["WEFT_REFERENCE"] = False
        values["WEFT_LIBRARY"] = "SHARED" if self.options.shared else "STATIC"
        values["WEFT_PROGRAM"] = bool(self.options.program)
        values["WEFT_WEBP"] = bool(self.options.webp)
        values["WEFT_TIFF"] = bool(self.options.tiff)
        values["WEFT_HDF5"] = "ON" if self.options.hdf5 else "OFF"
        values["WEFT_CUDA"] = "ON" if self.options.cuda else "OFF"
        values["WEFT_MPI"] = "OFF"
        values["WEFT_OPENBLAS"] = bool(self.options.openblas)
        toolchain.blocks.remove("output_dirs")  # they put helpers into bin/weft, which is the program
        values["CMAKE_INSTALL_LIBDIR"] = "lib"
        toolchain.generate()
        CMakeDeps(self).generate()
        PkgConfigDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.build()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", src=self.source_folder, dst=os.path.join(self.package_folder, "licenses"))
        rmdir(self, os.path.join(self.package_folder, "lib", "cmake"))
        rmdir(self, os.path.join(self.package_folder, "lib", "pkgconfig"))

    def package_info(self):
        self.cpp_info.libs = ["weft"]
        self.cpp_info.set_property("cmake_file_name", "weft")
        self.cpp_info.set_property("cmake_target_name", "weft::weft")
        self.cpp_info.set_property("pkg_config_name", "weft")
        self.cpp_info.requires = ["libjpeg-turbo::jpeg", "libpng::libpng", "zlib::zlib"]
        if self.options.webp:
            self.cpp_info.requires += ["libwebp::webp", "libwebp::webpdemux"]
        if self.options.tiff:
            self.cpp_info.requires += ["libtiff::libtiff"]
        self.cpp_info.system_libs = ["m", "dl", "pthread"]
