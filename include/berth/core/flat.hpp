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

/// The untyped memory of a `flat`, so that copying, growing and freeing are compiled once for all element types.
class flat_memory {
public:
    flat_memory() noexcept = default;
    flat_memory(const flat_memory& other) { append(other.bytes_, other.used_); }
    [[gnu::noinline]] flat_memory(flat_memory&& other) noexcept
        : bytes_{std::exchange(other.bytes_, nullptr)},
          used_{std::exchange(other.used_, 0)},
          capacity_{std::exchange(other.capacity_, 0)} {}
    /// Keeps the memory where it suffices: what is assigned in steady state allocates nothing.
    [[gnu::noinline]] flat_memory& operator=(const flat_memory& other) {
        if (this == &other) return *this;
        used_ = 0;
        append(other.bytes_, other.used_);
        return *this;
    }
    flat_memory& operator=(flat_memory&& other) noexcept {
        flat_memory taken{std::move(other)};
        swap(taken);
        return *this;
    }
    ~flat_memory() { ::operator delete(bytes_); }

protected:
    void swap(flat_memory& other) noexcept {
        std::swap(bytes_, other.bytes_);
        std::swap(used_, other.used_);
        std::swap(capacity_, other.capacity_);
    }
    /// If the allocation fails, nothing has changed.
    [[gnu::noinline]] void grow(std::size_t capacity) {
        if (capacity <= capacity_) return;
        void* bytes = ::operator new(capacity);
        if (used_ > 0) std::memcpy(bytes, bytes_, used_);
        ::operator delete(bytes_);
        bytes_ = bytes;
        capacity_ = capacity;
    }
    /// Makes room for more bytes than fit, at least twice as many as before.
    [[gnu::noinline]] void enlarge(std::size_t bytes) {
        grow(used_ + bytes > 2 * capacity_ ? used_ + bytes : 2 * capacity_);
    }
    /// Extends the used part and returns the address of the extension.
    [[nodiscard]] void* take(std::size_t bytes) {
        if (used_ + bytes > capacity_) [[unlikely]]
            enlarge(bytes);
        used_ += bytes;
        return static_cast<char*>(bytes_) + (used_ - bytes);
    }
    /// `from` may be part of this memory, hence the old block is freed last.
    [[gnu::noinline]] void append(const void* from, std::size_t bytes) {
        if (bytes == 0) return;
        flat_memory old;
        if (used_ + bytes > capacity_) {
            flat_memory larger;
            larger.grow(used_ + bytes > 2 * capacity_ ? used_ + bytes : 2 * capacity_);
            if (used_ > 0) std::memcpy(larger.bytes_, bytes_, used_);
            larger.used_ = used_;
            swap(larger);
            old.swap(larger);
        }
        std::memcpy(static_cast<char*>(bytes_) + used_, from, bytes);
        used_ += bytes;
    }

    void* bytes_ = nullptr;
    std::size_t used_ = 0;
    std::size_t capacity_ = 0;
};

/// A growing array of trivially copyable values. It has the part of `std::vector` that the library uses: every
/// `std::vector` of another type costs a translation unit some forty functions. Values and ranges that are appended may
/// lie in the array itself. `back` and `pop_back` need an element; positions are not checked.
template <class T>
class flat : private flat_memory {
    static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

public:
    flat() noexcept = default;
    explicit flat(std::size_t size, const T& value = T{}) { resize(size, value); }

    [[nodiscard]] std::size_t size() const noexcept { return used_ / sizeof(T); }
    [[nodiscard]] std::size_t capacity() const noexcept { return capacity_ / sizeof(T); }
    [[nodiscard]] bool empty() const noexcept { return used_ == 0; }
    [[nodiscard]] T* data() noexcept { return static_cast<T*>(bytes_); }
    [[nodiscard]] const T* data() const noexcept { return static_cast<const T*>(bytes_); }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data()[i]; }
    [[nodiscard]] T& back() noexcept {
        BERTH_ASSERT(!empty(), "berth: flat::back() of an empty array");
        return data()[size() - 1];
    }
    [[nodiscard]] T* begin() noexcept { return data(); }
    [[nodiscard]] T* end() noexcept { return data() + size(); }
    [[nodiscard]] const T* begin() const noexcept { return data(); }
    [[nodiscard]] const T* end() const noexcept { return data() + size(); }
    [[nodiscard]] std::span<const T> view() const noexcept { return {data(), size()}; }

    void swap(flat& other) noexcept { flat_memory::swap(other); }
    void reserve(std::size_t size) { grow(size * sizeof(T)); }
    /// Room for so many values, at least twice as many as now where it has to grow. If the allocation fails, nothing
    /// has changed.
    void make_room(std::size_t size) {
        if (size * sizeof(T) > capacity_) enlarge(size * sizeof(T) - used_);
    }
    void clear() noexcept { used_ = 0; }
    void push_back(T value) { ::new (take(sizeof(T))) T(value); }
    void pop_back() noexcept {
        BERTH_ASSERT(!empty(), "berth: flat::pop_back() of an empty array");
        used_ -= sizeof(T);
    }
    void append(std::span<const T> values) { flat_memory::append(values.data(), values.size_bytes()); }
    void assign(std::size_t size, T value) {
        clear();
        resize(size, value);
    }
    /// Equal values in equal order.
    friend bool operator==(const flat& a, const flat& b) noexcept {
        if (a.size() != b.size()) return false;
        for (std::size_t i = 0; i < a.size(); ++i) {
            if (!(a[i] == b[i])) return false;
        }
        return true;
    }
    [[gnu::noinline]] void resize(std::size_t size, T value = T{}) {
        if (size * sizeof(T) <= used_) {
            used_ = size * sizeof(T);
            return;
        }
        const std::size_t added = size - this->size();
        T* const first = static_cast<T*>(take(added * sizeof(T)));
        for (std::size_t i = 0; i < added; ++i) ::new (static_cast<void*>(first + i)) T(value);
    }
};

/// A growing array of any default-constructible values, with the few functions that the library needs; see `flat`.
template <class T>
class growing {
public:
    growing() noexcept = default;
    growing(const growing& other) : growing{} {  // delegates, so that a failed copy frees what it has
        resize(other.size_);
        for (std::size_t i = 0; i < size_; ++i) items_[i] = other.items_[i];
    }
    growing(growing&& other) noexcept { swap(other); }
    growing& operator=(growing other) noexcept {
        swap(other);
        return *this;
    }
    ~growing() { delete[] items_; }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    [[nodiscard]] T& operator[](std::size_t i) noexcept { return items_[i]; }
    [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return items_[i]; }

    /// Does not shrink: new values are default-constructed, old ones are moved if the array has to grow.
    void resize(std::size_t size) {
        if (size > capacity_) {
            growing larger;
            larger.capacity_ = size > 2 * capacity_ ? size : 2 * capacity_;
            larger.items_ = new T[larger.capacity_];
            for (std::size_t i = 0; i < size_; ++i) larger.items_[i] = std::move(items_[i]);
            larger.size_ = size_;
            swap(larger);
        }
        if (size > size_) size_ = size;
    }
    /// Appends a default-constructed value.
    T& grow() {
        resize(size_ + 1);
        return items_[size_ - 1];
    }

private:
    void swap(growing& other) noexcept {
        std::swap(items_, other.items_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
    }

    T* items_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace berth::inline v0::detail
