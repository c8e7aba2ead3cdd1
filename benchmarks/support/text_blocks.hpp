// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace bench {

/// A sequence of blocks of bytes, each valid until the next call. An empty block is the end.
using block_source = std::function<berth::result<std::string_view>()>;

/// The bytes of a file, which may be compressed with xz (recognised by its first bytes, not by its name). Takes a few
/// hundred KiB of memory for any size. Refused, naming the file: a file that cannot be opened or read, and compressed
/// data that is damaged, truncated, or needs more than 256 MiB to unpack.
[[nodiscard]] berth::result<block_source> file_blocks(const std::string& path);

/// All blocks of a file as one text.
[[nodiscard]] berth::result<std::string> read_text(const std::string& path);

/// Text in memory, which outlives this, as one block.
[[nodiscard]] block_source text_blocks(std::string_view text);

}  // namespace bench
