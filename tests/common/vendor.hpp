// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/model/traits.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

// Foreign types with every form of property that the library can read.

namespace vendor {

/// Data members of the library's names.
struct plain_gpu {
    std::string model{};
    std::vector<int> capacity{};
    bool healthy = true;
};
struct plain_node {
    std::string name{};
    std::array<std::uint32_t, 2> capacity{};
    std::vector<plain_gpu> gpus{};
    std::vector<std::string> domains{};
    bool healthy = true;
};
struct plain_task {
    std::string name{};
    unsigned gpus = 1;
    std::vector<long long> gpu_demand{};
    std::vector<std::int64_t> node_demand{};
    std::vector<std::string> accepted_models{};
    std::string_view group{};
    bool gang = false;
    short priority = 0;
    std::uint64_t state_bytes = 0;
};

/// Member functions, which return temporaries.
class getter_gpu {
public:
    explicit getter_gpu(int generation) : generation_{generation} {}
    [[nodiscard]] std::string model() const {
        return "a model with a name too long to be stored inline, " + std::to_string(generation_);
    }

private:
    int generation_;
};
class getter_node {
public:
    explicit getter_node(int id) : id_{id} {}
    [[nodiscard]] std::string name() const {
        return "a host with a name too long to be stored inline, " + std::to_string(id_);
    }
    [[nodiscard]] std::vector<getter_gpu> gpus() const { return {getter_gpu{id_ % 2}, getter_gpu{1}}; }
    [[nodiscard]] std::vector<std::string> domains() const {
        return {"a rack with a name too long to be stored inline, " + std::to_string(id_ / 2)};
    }
    [[nodiscard]] std::vector<std::int64_t> capacity() const { return {id_, 2 * id_}; }
    [[nodiscard]] bool healthy() const { return id_ != 3; }

private:
    int id_;
};
class getter_task {
public:
    explicit getter_task(int id) : id_{id} {}
    [[nodiscard]] int gpus() const { return id_; }
    [[nodiscard]] std::string accepted_models() const {
        return "a model with a name too long to be stored inline, 1|a model with a name too long to be stored inline, "
               "0";
    }

private:
    int id_;
};

/// A C interface: arrays of char, null pointers, bit-fields, a count beside a table.
struct c_device {
    char product[16];
    std::uint64_t framebuffer_mib;
    unsigned ok : 1;
    unsigned reserved : 31;
};
struct c_host {
    const char* hostname;
    int device_count;
    c_device devices[4];
    int cores;
};
struct c_job {
    long id;
    int milli_gpu;
    const char* wanted;
    int nice;
};

/// Every property under its own name, in an inconvenient type.
struct c_task {
    char name[8];
    unsigned gpus : 4;
    unsigned gang : 1;
    const char* group;
    std::int8_t priority;
    std::uint16_t gpu_demand;
    const char* accepted_models[2];
};

}  // namespace vendor

template <>
struct berth::gpu_traits<vendor::c_device> {
    static auto model(const vendor::c_device& d) -> const char (&)[16] { return d.product; }
    static auto capacity(const vendor::c_device& d) { return std::array<std::uint64_t, 2>{1000, d.framebuffer_mib}; }
    static bool healthy(const vendor::c_device& d) { return d.ok != 0; }
};
template <>
struct berth::node_traits<vendor::c_host> {
    static auto name(const vendor::c_host& h) { return h.hostname; }
    static auto capacity(const vendor::c_host& h) { return h.cores; }
    static auto gpus(const vendor::c_host& h) { return std::vector(h.devices, h.devices + h.device_count); }
};
template <>
struct berth::task_traits<vendor::c_job> {
    static auto name(const vendor::c_job& j) { return std::to_string(j.id); }
    static auto gpu_demand(const vendor::c_job& j) { return std::array{j.milli_gpu, 0}; }
    static auto accepted_models(const vendor::c_job& j) { return j.wanted; }
    static auto priority(const vendor::c_job& j) { return -j.nice; }
};
/// A family of types at once.
template <class T>
struct berth::node_traits<std::unique_ptr<T>> {
    static decltype(auto) name(const std::unique_ptr<T>& p) { return detail::read_node_name(*p); }
    static decltype(auto) gpus(const std::unique_ptr<T>& p) { return detail::read_node_gpus(*p); }
};
