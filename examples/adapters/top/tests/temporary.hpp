// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>

namespace berth_top_tests {

/// A file that goes with its object.
class temporary_file {
public:
    explicit temporary_file(const std::string& text) {
        static std::atomic<int> made{0};
        name_ = std::filesystem::temp_directory_path() /
                ("berth-top-" + std::to_string(::getpid()) + "-" + std::to_string(++made) + ".jsonl");
        append(text);
    }
    temporary_file(const temporary_file&) = delete;
    temporary_file& operator=(const temporary_file&) = delete;
    ~temporary_file() { remove(); }

    [[nodiscard]] std::string name() const { return name_.string(); }
    void append(const std::string& text) const { std::ofstream{name_, std::ios::app | std::ios::binary} << text; }
    void truncate() const { std::filesystem::resize_file(name_, 0); }
    /// Another file of the same name.
    void replace(const std::string& text) const {
        const std::filesystem::path other = name_.string() + ".new";
        std::ofstream{other, std::ios::binary} << text;
        std::filesystem::rename(other, name_);
    }
    void remove() const {
        std::error_code ignored;
        std::filesystem::remove(name_, ignored);
    }

private:
    std::filesystem::path name_;
};

}  // namespace berth_top_tests
