// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include <functional>
#include <string>
#include <string_view>

namespace bench {

/// The bytes of something, a block after the other, each valid until the next is asked for. Empty: that was all.
using block_source = std::function<berth::result<std::string_view>()>;

/// The bytes of a file, which may be compressed with xz (told by its first bytes, not by its name): a few hundred KiB in memory, whatever its
/// size. Refused, with the file named: what cannot be opened or read, and compressed data that is damaged, cut off, or would take more than
/// 256 MiB to unpack.
[[nodiscard]] berth::result<block_source> file_blocks(const std::string& path);

/// Text that is in memory and stays there, as one block.
[[nodiscard]] block_source text_blocks(std::string_view text);

}  // namespace bench
