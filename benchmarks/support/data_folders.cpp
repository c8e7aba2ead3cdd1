// SPDX-License-Identifier: Apache-2.0
#include "support/data_folders.hpp"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace bench {

namespace {

namespace fs = std::filesystem;

fs::path own_data(const std::string& kind) {
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    for (const auto& folder : {fs::path{BERTH_DATA_DIR}, program.parent_path() / "../../../benchmarks/data",
                               program.parent_path() / "../share/berth", fs::path{"benchmarks/data"}}) {
        if (fs::is_directory(folder / kind, ignored)) return folder.lexically_normal();
    }
    return BERTH_DATA_DIR;
}

}  // namespace

std::string own_data_folder(const std::string& kind) { return (own_data(kind) / kind).lexically_normal().string(); }

std::string outside_data_folder(const std::string& kind) {
    const char* root = std::getenv("BERTH_DATA");
    const fs::path data = root != nullptr && *root != '\0' ? fs::path{root} : own_data(kind) / "../../../shared/data";
    return (data / kind).lexically_normal().string();
}

std::vector<std::string> data_folders(const std::string& kind) {
    std::vector<std::string> folders;
    std::error_code ignored;
    for (const std::string& folder : {own_data_folder(kind), outside_data_folder(kind)}) {
        if (fs::is_directory(folder, ignored)) folders.push_back(folder);
    }
    return folders;
}

}  // namespace bench
