// SPDX-License-Identifier: Apache-2.0
#include "support/text_blocks.hpp"

#include <doctest/doctest.h>
#include <lzma.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

/// A file that is there as long as the object.
class file {
public:
    file(const char* name, const std::string& bytes)
        : path_{std::filesystem::temp_directory_path() / (std::to_string(getpid()) + name)} {
        std::ofstream{path_, std::ios::binary} << bytes;
    }
    ~file() { std::filesystem::remove(path_); }
    file(const file&) = delete;
    file& operator=(const file&) = delete;
    [[nodiscard]] std::string path() const { return path_.string(); }

private:
    std::filesystem::path path_;
};

std::string packed(const std::string& text) {
    std::vector<std::uint8_t> out(lzma_stream_buffer_bound(text.size()));
    std::size_t size = 0;
    REQUIRE(lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, nullptr, reinterpret_cast<const std::uint8_t*>(text.data()),
                                    text.size(), out.data(), &size, out.size()) == LZMA_OK);
    return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(size)};
}

berth::result<std::string> all_of(const std::string& path) {
    auto blocks = bench::file_blocks(path);
    if (!blocks) return blocks.error();
    std::string text;
    for (;;) {
        const auto block = (*blocks)();
        if (!block) return block.error();
        if (block->empty()) return text;
        text += *block;
    }
}

void refused(const file& f, std::string_view what) {
    const auto read = all_of(f.path());
    REQUIRE_FALSE(read.has_value());
    CHECK_MESSAGE(read.error().message.starts_with(f.path() + ": "), read.error().message);
    CHECK_MESSAGE(read.error().message.find(what) != std::string::npos, read.error().message);
}

std::string long_text() {
    std::string text;
    for (int i = 0; text.size() < 1'000'000; ++i) text += std::to_string(i * 7919) + (i % 10 == 0 ? '\n' : ' ');
    return text;
}

}  // namespace

TEST_CASE("files are read whole whether they are compressed or not") {
    const std::string text = long_text();
    CHECK(all_of(file{"berth_blocks.txt", text}.path()).value_or("") == text);
    CHECK(all_of(file{"berth_blocks.txt.xz", packed(text)}.path()).value_or("") == text);
    CHECK(all_of(file{"berth_blocks.dat", packed(text)}.path()).value_or("") == text);
    CHECK(all_of(file{"berth_blocks_twice.xz", packed("one ") + packed("two")}.path()).value_or("") == "one two");
    CHECK(all_of(file{"berth_blocks_none.txt", ""}.path()).value_or("x").empty());
    CHECK(all_of(file{"berth_blocks_none.xz", packed("")}.path()).value_or("x").empty());
}

TEST_CASE("what cannot be unpacked is refused") {
    const std::string bytes = packed(long_text());
    refused(file{"berth_blocks_cut.xz", bytes.substr(0, bytes.size() / 2)}, "cut off");
    refused(file{"berth_blocks_head.xz", bytes.substr(0, 6)}, "cut off");
    std::string damaged = bytes;
    damaged[bytes.size() / 2] = static_cast<char>(damaged[bytes.size() / 2] ^ 0x55);
    refused(file{"berth_blocks_damaged.xz", damaged}, "damaged");
    refused(file{"berth_blocks_plain.txt.xz", "1 2 3"}, "not compressed");
    refused(file{"berth_blocks_tail.xz", bytes + "and more than that"}, "damaged");
}

TEST_CASE("what cannot be opened is refused") {
    for (const char* path : {"/no/such/file.txt", "/tmp"}) {
        const auto read = bench::file_blocks(path);
        REQUIRE_FALSE(read.has_value());
        CHECK(read.error().message.starts_with(path));
    }
}

TEST_CASE("text in memory is one block") {
    const auto blocks = bench::text_blocks("abc");
    CHECK(*blocks() == "abc");
    CHECK(blocks()->empty());
    CHECK(blocks()->empty());
}
