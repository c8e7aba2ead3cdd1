# SPDX-License-Identifier: Apache-2.0
"""Stands in for ConanCenter's eigen/3.4.0, so that the test needs no remote: the system's headers under that name."""
from conan import ConanFile


class SystemEigen(ConanFile):
    name = "eigen"
    version = "3.4.0"
    package_type = "header-library"

    def package_info(self):
        self.cpp_info.set_property("cmake_file_name", "Eigen3")
        self.cpp_info.set_property("cmake_target_name", "Eigen3::Eigen")
        self.cpp_info.includedirs = ["/usr/include/eigen3"]
        self.cpp_info.bindirs, self.cpp_info.libdirs = [], []
