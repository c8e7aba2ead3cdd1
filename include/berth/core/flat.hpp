// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"

#include <cstddef>
#include <cstring>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0::detail {

/// The memory of a `flat`, without its type: what copies, grows and frees is compiled once for all of them.
class flat_memory {
public:
    flat_memory() noexcept = default;
    flat_memory(const flat_memory& other) {
        grow(other.used_);
        used_ = other.used_;
        if (used_ > 0) std::memcpy(bytes_, other.bytes_, used_);
    }
    flat_memory(flat_memory&& other) noexcept
        : bytes_{std::exchange(other.bytes_, nullptr)},
          used_{std::exchange(other.used_, 0)},
          capacity_{std::exchange(other.capacity_, 0)} {}
    flat_memory& operator=(flat_memory other) noexcept {
        swap(other);
        return *this;
    }
    ~flat_memory() { ::operator delete(bytes_); }

protected:
    void swap(flat_memory& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(used_, other.used_);
        std::swap(capacity_, other.capacity_);
    }
    [[gnu::noinline]] void grow(std::size_t capacity) {
        if (capacity <= capacity_) return;
        void* bytes = ::operator new(capacity);
        if (used_ > 0) std::memcpy(bytes, bytes_, used_);
        ::operator delete(bytes_);
        bytes_ = bytes;
        capacity_ = capacity;
    }
    /// Room for so many bytes more, taken at once.
    [[nodiscard]] void* take(std::size_t bytes) {
        if (used_ + bytes > capacity_) grow(used_ + bytes > 2 * capacity_ ? used_ + bytes : 2 * capacity_);
        used_ += bytes;
        return static_cast<char*>(bytes_) + (used_ - bytes);
    }

    void* bytes_ = nullptr;
    std::size_t used_ = 0;
    std::size_t capacity_ = 0;
};

/// A growing array of plain values: what fleet, workload and ledger consist of. The part of `std::vector` that they use, without
/// the forty functions that a translation unit compiles for every `std::vector` of another type.
template <class T>
class flat : private flat_memory {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

public:
    flat() noexcept = default;
    explicit flat(std::size_t size, const T& value = T{}) { resize(size, value); }

    [[nodiscard]] std::size_t size() const noexcept { return used_ / sizeof(T); }
    [[nodiscard]] bool empty() const noexcept { return used_ == 0; }
    [[nodiscard]] T* data() noexcept { return static_cast<T*>(bytes_); }
    [[nodiscard]] const T* data() const noexcept { return static_cast<const T*>(bytes_); }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data()[i]; }
    [[nodiscard]] T& back() noexcept { return data()[size() - 1]; }
    [[nodiscard]] T* begin() noexcept { return data(); }
    [[nodiscard]] T* end() noexcept { return data() + size(); }
    [[nodiscard]] const T* begin() const noexcept { return data(); }
    [[nodiscard]] const T* end() const noexcept { return data() + size(); }
    [[nodiscard]] std::span<const T> view() const noexcept { return {data(), size()}; }

    void swap(flat& other) noexcept { flat_memory::swap(other); }
    void reserve(std::size_t size) { grow(size * sizeof(T)); }
    void clear() noexcept { used_ = 0; }
    void push_back(T value) { ::new (take(sizeof(T))) T(value); }
    void pop_back() noexcept { used_ -= sizeof(T); }
    void append(std::span<const T> values) {
        for (const T& value : values) push_back(value);
    }
    void assign(std::size_t size, const T& value) {
        clear();
        resize(size, value);
    }
    void resize(std::size_t size, const T& value = T{}) {
        if (size < this->size()) used_ = size * sizeof(T);
        if (size * sizeof(T) > capacity_) grow(size * sizeof(T) > 2 * capacity_ ? size * sizeof(T) : 2 * capacity_);
        while (this->size() < size) push_back(value);
    }
};

}  // namespace berth::inline v0::detail
