// SPDX-License-Identifier: Apache-2.0
#include "support/output_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace bench {

namespace {

berth::error refused(const std::string& path, const std::string& what) {
    return {berth::error_code::io, path + ": " + what};
}

}  // namespace

berth::result<void> check_output(const std::string& path) {
    if (path.empty()) return {};
    std::error_code ignored;
    const std::filesystem::path file{path};
    if (std::filesystem::is_directory(file, ignored)) return refused(path, "is a directory, not a file");
    const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : std::filesystem::path{"."};
    if (!std::filesystem::is_directory(parent, ignored)) return refused(path, "the folder does not exist");
    const bool there = std::filesystem::exists(file, ignored);
    if (access((there ? file : parent).c_str(), W_OK) != 0) {
        return refused(path, std::string{"cannot be written: "} + std::strerror(errno));
    }
    return {};
}

berth::result<void> write_file(const std::string& path, std::string_view bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out << bytes;
    out.flush();
    if (out) return {};
    return refused(path, "cannot be written");
}

}  // namespace bench
