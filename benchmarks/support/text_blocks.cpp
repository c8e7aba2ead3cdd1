// SPDX-License-Identifier: Apache-2.0
#include "support/text_blocks.hpp"

#include <lzma.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <vector>

namespace bench {

using berth::error;
using berth::error_code;
using berth::result;

namespace {

constexpr std::size_t block = std::size_t{1} << 17U;
constexpr std::uint64_t most_memory = std::uint64_t{1} << 28U;
constexpr std::array<unsigned char, 6> magic{0xfd, '7', 'z', 'X', 'Z', 0x00};

struct close_file {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};

error fault(const std::string& path, error_code code, const std::string& what) { return {code, path + ": " + what}; }

/// A file, read sequentially.
class plain_file {
public:
    plain_file(std::string path, std::FILE* file) : path_{std::move(path)}, file_{file}, bytes_(block) {}
    plain_file(const plain_file&) = delete;
    plain_file& operator=(const plain_file&) = delete;

    result<std::string_view> next() {
        const std::size_t got = std::fread(bytes_.data(), 1, bytes_.size(), file_.get());
        if (got == 0 && std::ferror(file_.get()) != 0) {
            return fault(path_, error_code::io, std::string{"cannot be read: "} + std::strerror(errno));
        }
        return std::string_view{bytes_.data(), got};
    }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

private:
    std::string path_;
    std::unique_ptr<std::FILE, close_file> file_;
    std::vector<char> bytes_;
};

class xz_file {
public:
    xz_file(std::shared_ptr<plain_file> file, std::string_view first)
        : file_{std::move(file)},
          bytes_(2 * block),
          good_{lzma_stream_decoder(&stream_, most_memory, LZMA_CONCATENATED) == LZMA_OK} {
        give(first);
    }
    ~xz_file() { lzma_end(&stream_); }
    xz_file(const xz_file&) = delete;
    xz_file& operator=(const xz_file&) = delete;

    result<std::string_view> next() {
        if (!good_) return fault(file_->path(), error_code::io, "there is no memory to unpack it");
        stream_.next_out = reinterpret_cast<std::uint8_t*>(bytes_.data());
        stream_.avail_out = bytes_.size();
        while (!over_ && stream_.avail_out > 0) {
            if (stream_.avail_in == 0 && !ended_) {
                const auto more = file_->next();
                if (!more) return more.error();
                ended_ = more->empty();
                give(*more);
            }
            const lzma_ret said = lzma_code(&stream_, ended_ ? LZMA_FINISH : LZMA_RUN);
            over_ = said == LZMA_STREAM_END;
            if (said != LZMA_OK && said != LZMA_STREAM_END) return refused(said);
        }
        return std::string_view{bytes_.data(), bytes_.size() - stream_.avail_out};
    }

private:
    void give(std::string_view bytes) noexcept {
        stream_.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
        stream_.avail_in = bytes.size();
    }
    [[nodiscard]] error refused(lzma_ret said) const {
        switch (said) {
            case LZMA_BUF_ERROR:
                return fault(file_->path(), error_code::malformed, "the compressed data (xz) is cut off");
            case LZMA_MEMLIMIT_ERROR:
                return fault(file_->path(), error_code::limit_exceeded, "unpacking it (xz) takes more than 256 MiB");
            case LZMA_MEM_ERROR: return fault(file_->path(), error_code::io, "there is no memory to unpack it");
            case LZMA_OPTIONS_ERROR:
                return fault(file_->path(), error_code::malformed,
                             "it is compressed (xz) in a way that is not supported");
            default: return fault(file_->path(), error_code::malformed, "the compressed data (xz) is damaged");
        }
    }

    std::shared_ptr<plain_file> file_;
    std::vector<char> bytes_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool good_;
    bool ended_ = false;
    bool over_ = false;
};

}  // namespace

result<block_source> file_blocks(const std::string& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return fault(path, error_code::io, "is a directory, not a file");
    std::FILE* opened = std::fopen(path.c_str(), "rb");
    if (opened == nullptr) {
        return fault(path, error_code::io, std::string{"cannot be opened: "} + std::strerror(errno));
    }
    auto file = std::make_shared<plain_file>(path, opened);
    const auto first = file->next();
    if (!first) return first.error();
    if (first->size() >= magic.size() && std::memcmp(first->data(), magic.data(), magic.size()) == 0) {
        auto unpacked = std::make_shared<xz_file>(file, *first);
        return block_source{[unpacked] { return unpacked->next(); }};
    }
    if (path.ends_with(".xz")) {
        return fault(path, error_code::malformed, "is not compressed with xz, as its name says");
    }
    return block_source{[file, begun = false, head = *first]() mutable -> result<std::string_view> {
        if (std::exchange(begun, true)) return file->next();
        return head;
    }};
}

result<std::string> read_text(const std::string& path) {
    const auto blocks = file_blocks(path);
    if (!blocks) return blocks.error();
    std::string text;
    for (;;) {
        const auto next = (*blocks)();
        if (!next) return next.error();
        if (next->empty()) return text;
        text += *next;
    }
}

block_source text_blocks(std::string_view text) {
    return [text]() mutable -> result<std::string_view> { return std::exchange(text, std::string_view{}); };
}

}  // namespace bench
