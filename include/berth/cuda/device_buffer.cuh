// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/result.hpp"
#include "berth/cuda/error.cuh"

#include <cuda_runtime.h>

#include <cstddef>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

namespace berth::inline v0::cuda {

/// Owns memory of the device: objects of a trivially copyable type, not initialised. Move only; not managed memory.
/// Allocating and freeing wait for the device: do both in `prepare`, not in a loop.
///
/// Copies are queued on a stream; keep the host's memory unchanged until `wait_for` the stream. Copies from host memory
/// that is not pinned wait by themselves.
template <class T>
class device_buffer {
    static_assert(std::is_trivially_copyable_v<T>, "berth: a device_buffer holds trivially copyable objects");

public:
    using value_type = T;  ///< of the objects

    /// Of no objects.
    device_buffer() noexcept = default;
    /// Memory for `count` objects; allocates nothing for 0. Fails without a device, and if the device has too little
    /// memory, after which everything else stays usable.
    [[nodiscard]] static result<device_buffer> allocate(std::size_t count) {
        device_buffer made;
        if (count == 0) return result<device_buffer>{std::move(made)};
        if (count > std::numeric_limits<std::size_t>::max() / sizeof(T)) {
            return failure(cudaErrorMemoryAllocation, {"device_buffer, ", count, " objects of ", sizeof(T), " bytes"});
        }
        void* memory = nullptr;
        if (const auto status = cudaMalloc(&memory, count * sizeof(T)); status != cudaSuccess) {
            return failure(status, {"device_buffer, ", count * sizeof(T), " bytes"});
        }
        made.data_ = static_cast<T*>(memory);
        made.size_ = count;
        return result<device_buffer>{std::move(made)};
    }

    /// Leaves the other buffer empty.
    device_buffer(device_buffer&& other) noexcept
        : data_{std::exchange(other.data_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    /// Exchanges the two buffers.
    device_buffer& operator=(device_buffer&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        return *this;
    }
    device_buffer(const device_buffer&) = delete;
    device_buffer& operator=(const device_buffer&) = delete;
    ~device_buffer() {
        if (data_ != nullptr) (void)cudaFree(data_);
    }

    /// An address on the device; null if the size is 0.
    [[nodiscard]] T* data() noexcept { return data_; }
    /// An address on the device; null if the size is 0.
    [[nodiscard]] const T* data() const noexcept { return data_; }
    /// Number of objects.
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    /// Size in bytes.
    [[nodiscard]] std::size_t bytes() const noexcept { return size_ * sizeof(T); }
    /// Addresses on the device, for signatures that take a span; the host must not read through it.
    [[nodiscard]] std::span<T> span() noexcept { return {data_, size_}; }
    /// The same, read-only.
    [[nodiscard]] std::span<const T> span() const noexcept { return {data_, size_}; }

    /// Copies from the host to the objects from `first` on, all of which exist.
    [[nodiscard]] result<void> upload(std::span<const T> from, cudaStream_t stream, std::size_t first = 0) {
        BERTH_ASSERT(first <= size_ && from.size() <= size_ - first, "berth: an upload fits into its device_buffer");
        if (from.empty()) return {};
        return check(cudaMemcpyAsync(data_ + first, from.data(), from.size_bytes(), cudaMemcpyHostToDevice, stream),
                     {"device_buffer, upload"});
    }
    /// Copies the objects from `first` on, all of which exist, to the host.
    [[nodiscard]] result<void> download(std::span<T> to, cudaStream_t stream, std::size_t first = 0) const {
        BERTH_ASSERT(first <= size_ && to.size() <= size_ - first,
                     "berth: a download reads objects of its device_buffer");
        if (to.empty()) return {};
        return check(cudaMemcpyAsync(to.data(), data_ + first, to.size_bytes(), cudaMemcpyDeviceToHost, stream),
                     {"device_buffer, download"});
    }
    /// Sets every byte to 0.
    [[nodiscard]] result<void> clear(cudaStream_t stream) {
        if (size_ == 0) return {};
        return check(cudaMemsetAsync(data_, 0, bytes(), stream), {"device_buffer, clear"});
    }

private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
};

/// A buffer with a copy of the host's objects, queued on the stream. Fails as `device_buffer::allocate`.
template <class T>
[[nodiscard]] result<device_buffer<T>> to_device(std::span<const T> from, cudaStream_t stream) {
    auto made = device_buffer<T>::allocate(from.size());
    if (!made) return made;
    if (const auto copied = made->upload(from, stream); !copied) return copied.error();
    return made;
}

}  // namespace berth::inline v0::cuda
