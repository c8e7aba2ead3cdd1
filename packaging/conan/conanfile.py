# SPDX-License-Identifier: Apache-2.0
"""Conan 2 recipe of the checkout it lies in:   conan create packaging/conan -s compiler.cppstd=20"""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load
from conan.tools.layout import basic_layout

required_conan_version = ">=2.0"


class BerthConan(ConanFile):
    name = "berth"
    description = "Placement of GPU tasks: where, who first, whether to rebalance, what to move, in which order"
    license = "Apache-2.0"
    topics = ("scheduling", "gpu", "placement", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    no_copy_source = True

    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..")

    def set_version(self):
        header = load(self, os.path.join(self._root(), "include", "berth", "version.hpp"))
        self.version = ".".join(re.search(rf"BERTH_VERSION_{part} +(\d+)", header)[1] for part in ("MAJOR", "MINOR", "PATCH"))

    def export_sources(self):
        copy(self, "include/*", self._root(), self.export_sources_folder)
        copy(self, "scripts/gdb/*", self._root(), self.export_sources_folder)
        copy(self, "LICENSE", self._root(), self.export_sources_folder)

    def layout(self):
        basic_layout(self)

    def requirements(self):
        self.requires("eigen/3.4.0", transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))
        copy(self, "berth.py", os.path.join(self.source_folder, "scripts", "gdb"),
             os.path.join(self.package_folder, "share", "berth", "gdb"))

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "berth")
        self.cpp_info.set_property("pkg_config_name", "berth-all")
        library = self.cpp_info.components["berth"]
        library.set_property("cmake_target_name", "berth::berth")
        library.set_property("pkg_config_name", "berth")
        library.bindirs, library.libdirs = [], []
        library.requires = ["eigen::eigen"]
        # Equal plans on every compiler and processor: no fused multiply-add.
        reproducible = self.cpp_info.components["reproducible"]
        reproducible.set_property("cmake_target_name", "berth::reproducible")
        reproducible.set_property("pkg_config_name", "berth-reproducible")
        reproducible.includedirs, reproducible.bindirs, reproducible.libdirs = [], [], []
        reproducible.requires = ["berth"]
        if self.settings.get_safe("compiler") in ("gcc", "clang", "apple-clang"):
            reproducible.cxxflags = ["-ffp-contract=off"]
