// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"

#include "support/csv_table.hpp"
#include "support/text_blocks.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bench {

/// The whole numbers of a text, separated by white space, one after the other. Keeps the first error, with file, line
/// and the name of the number; from then on every number is 0 and `good` is false.
class number_stream {
public:
    /// @param file  is only named in messages
    number_stream(std::string file, block_source blocks) : file_{std::move(file)}, blocks_{std::move(blocks)} {}

    /// The next number, which lies within 0..most.
    /// @param field  `field()` makes the name of the number, called only for an error
    template <class Field>
    [[nodiscard]] std::uint64_t next(std::uint64_t most, const Field& field) {
        std::uint64_t value = 0;
        if (read(most, value)) return value;
        if (!failure_) failure_ = complaint(most, field());
        return 0;
    }
    /// Refuses the next number, whatever its value: no value would be valid.
    void refuse(std::string_view field, std::string_view why);
    /// Refuses further text.
    /// @param after  the name of the last number
    void finish(std::string_view after);

    [[nodiscard]] bool good() const noexcept { return !failure_.has_value(); }
    [[nodiscard]] const berth::error& failure() const { return *failure_; }

private:
    [[nodiscard]] bool read(std::uint64_t most, std::uint64_t& value);
    [[nodiscard]] bool read_word();
    [[nodiscard]] bool fill();
    [[nodiscard]] berth::error complaint(std::uint64_t most, std::string_view field) const;

    std::string file_;
    block_source blocks_;
    const char* at_ = nullptr;
    const char* end_ = nullptr;
    std::string word_;
    std::size_t line_ = 1;
    std::size_t count_ = 0;
    bool begun_ = false;
    std::optional<berth::error> failure_;
};

}  // namespace bench
