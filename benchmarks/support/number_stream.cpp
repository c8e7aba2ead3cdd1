// SPDX-License-Identifier: Apache-2.0
#include "support/number_stream.hpp"

#include <charconv>
#include <system_error>

namespace bench {

using berth::error;
using berth::error_code;

namespace {

constexpr std::size_t longest_word = 200;  // of longer ones the rest is not kept

bool is_space(char c) noexcept { return c == ' ' || c == '\n' || c == '\r' || c == '\t' || c == '\v' || c == '\f'; }

}  // namespace

bool number_stream::fill() {
    if (at_ != end_) return true;
    auto block = blocks_();
    if (!block) {
        if (!failure_) failure_ = block.error();
        return false;
    }
    if (block->empty()) return false;
    if (!begun_ && block->starts_with("\xef\xbb\xbf")) block->remove_prefix(3);
    begun_ = true;
    at_ = block->data();
    end_ = at_ + block->size();
    return at_ != end_ || fill();
}

bool number_stream::read_word() {
    word_.clear();
    while (fill()) {
        while (at_ != end_ && is_space(*at_)) line_ += *at_++ == '\n' ? 1U : 0U;
        if (at_ != end_) break;
    }
    while (fill()) {
        while (at_ != end_ && !is_space(*at_)) {
            if (word_.size() < longest_word) word_.push_back(*at_);
            ++at_;
        }
        if (at_ != end_) break;
    }
    return !word_.empty();
}

bool number_stream::read(std::uint64_t most, std::uint64_t& value) {
    if (failure_ || !read_word() || failure_) return false;
    const auto [end, code] = std::from_chars(word_.data(), word_.data() + word_.size(), value);
    if (code != std::errc{} || end != word_.data() + word_.size() || value > most) return false;
    ++count_;
    return true;
}

error number_stream::complaint(std::uint64_t most, std::string_view field) const {
    if (word_.empty()) {
        return file_fault(error_code::malformed, file_, line_, field,
                          "missing: the file ends after " + std::to_string(count_) + " numbers");
    }
    const bool negative = word_.front() == '-';
    std::uint64_t value = 0;
    const char* begin = word_.data() + (negative ? 1 : 0);
    const auto [end, code] = std::from_chars(begin, word_.data() + word_.size(), value);
    if (end != word_.data() + word_.size() || code == std::errc::invalid_argument) {
        return file_fault(error_code::malformed, file_, line_, field, shown(word_) + " is not a whole number");
    }
    return file_fault(negative ? error_code::invalid_value : error_code::overflow, file_, line_, field,
                      shown(word_) + " is not within 0.." + std::to_string(most));
}

void number_stream::refuse(std::string_view field, std::string_view why) {
    if (!good() || (!read_word() && !good())) return;
    failure_ = word_.empty()
                   ? complaint(0, field)
                   : file_fault(error_code::unknown_name, file_, line_, field, shown(word_) + ": " + std::string{why});
}

void number_stream::finish(std::string_view after) {
    if (!good() || !read_word() || !good()) return;
    failure_ =
        file_fault(error_code::malformed, file_, line_, "after " + std::string{after},
                   shown(word_) + " is one too many: the file should end after " + std::to_string(count_) + " numbers");
}

}  // namespace bench
