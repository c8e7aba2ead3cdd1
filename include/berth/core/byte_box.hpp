// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <vector>

namespace berth::inline v0 {

/// Bytes that one process hands to another, or keeps in a file: values as they lie in memory, so that both ends are the
/// same program on processors of one kind.
using byte_box = std::vector<std::byte>;

/// Appends values to a box.
class byte_writer {
public:
    /// @param box  outlives the writer; what it holds is kept
    explicit byte_writer(byte_box& box) noexcept : box_{&box} {}

    /// Appends values, without their number.
    template <class T>
    void put_all(std::span<const T> values) {
        static_assert(std::is_trivially_copyable_v<T>, "berth: only trivially copyable values travel as bytes");
        if (values.empty()) return;
        const std::size_t used = box_->size();
        box_->resize(used + values.size_bytes());
        std::memcpy(box_->data() + used, values.data(), values.size_bytes());
    }
    /// Appends a value.
    template <class T>
    void put(const T& value) {
        put_all(std::span<const T>{&value, 1});
    }

private:
    byte_box* box_;
};

/// Reads what a `byte_writer` wrote. Past the end it yields zeros, and `complete()` is false from then on, so that one
/// question after the last value suffices.
class byte_reader {
public:
    /// @param bytes  outlive the reader
    explicit byte_reader(std::span<const std::byte> bytes) noexcept : rest_{bytes} {}

    /// The next value.
    template <class T>
    [[nodiscard]] T get() {
        static_assert(std::is_trivially_copyable_v<T>, "berth: only trivially copyable values travel as bytes");
        T value{};
        if (const std::byte* from = take(sizeof(T))) std::memcpy(&value, from, sizeof(T));
        return value;
    }
    /// The next values, as many as there are places. Unchanged places if there are not so many.
    template <class T>
    void get_all(std::span<T> places) {
        static_assert(std::is_trivially_copyable_v<T>, "berth: only trivially copyable values travel as bytes");
        if (places.empty()) return;
        if (const std::byte* from = take(places.size_bytes())) std::memcpy(places.data(), from, places.size_bytes());
    }
    /// True if there are `count` more values of this size: to be asked before memory is taken for them.
    [[nodiscard]] bool has(std::uint64_t count, std::size_t size) const noexcept {
        return count <= rest_.size() / size;
    }
    /// True if nothing was read past the end.
    [[nodiscard]] bool complete() const noexcept { return complete_; }
    /// True if all bytes were read, and nothing past the end.
    [[nodiscard]] bool finished() const noexcept { return complete_ && rest_.empty(); }

private:
    [[nodiscard]] const std::byte* take(std::size_t bytes) noexcept {
        if (bytes > rest_.size()) {
            complete_ = false;
            rest_ = {};
            return nullptr;
        }
        const std::byte* from = rest_.data();
        rest_ = rest_.subspan(bytes);
        return from;
    }

    std::span<const std::byte> rest_;
    bool complete_ = true;
};

}  // namespace berth::inline v0
