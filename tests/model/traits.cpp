// SPDX-License-Identifier: Apache-2.0
#include "berth/model/traits.hpp"

#include "common/vendor.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>

using berth::gpu_like;
using berth::node_like;
using berth::task_like;

namespace {

struct nothing {};
struct misspelt {
    std::string modell;
    int gpu = 1;
};
struct hidden {
private:
    std::string model;
};
struct with_argument {
    std::string model(int) const;
};

struct both {
    int gpus() const { return 1; }
    std::string name = "member";
    int priority = 1;
};

}  // namespace

/// Overrules what `both` offers, in part.
template <>
struct berth::task_traits<both> {
    static int gpus(const both&) { return 3; }
};

static_assert(gpu_like<vendor::plain_gpu> && gpu_like<vendor::getter_gpu> && gpu_like<vendor::c_device>);
static_assert(node_like<vendor::plain_node> && node_like<vendor::getter_node> && node_like<vendor::c_host>);
static_assert(task_like<vendor::plain_task> && task_like<vendor::getter_task> && task_like<vendor::c_job>);
static_assert(node_like<std::unique_ptr<vendor::plain_node>>);

static_assert(!gpu_like<nothing> && !node_like<nothing> && !task_like<nothing>);
static_assert(!gpu_like<misspelt> && !node_like<misspelt> && !task_like<misspelt>);
static_assert(!gpu_like<hidden> && !gpu_like<with_argument>);
static_assert(!gpu_like<int> && !node_like<int> && !task_like<int>);
static_assert(!node_like<vendor::plain_gpu> && !task_like<vendor::plain_gpu>);

// Trait before member function before data member; each property by itself.
static_assert(berth::detail::has_task_gpus<both> && berth::detail::has_task_name<both>);
static_assert(!berth::detail::has_task_group<both>);
static_assert(std::is_same_v<decltype(berth::detail::read_task_name(std::declval<const both&>())), const std::string&>,
              "a data member is not copied");

TEST_CASE("traits: order of lookup") {
    const both b;
    CHECK(berth::detail::read_task_gpus(b) == 3);
    CHECK(berth::detail::read_task_name(b) == "member");
    CHECK(berth::detail::read_task_priority(b) == 1);
    CHECK(&berth::detail::read_task_name(b) == &b.name);
}

TEST_CASE("traits: bit-fields are read by value") {
    const vendor::c_task task{"t", 5, 1, nullptr, 0, 1, {}};
    CHECK(berth::detail::read_task_gpus(task) == 5);
    static_assert(std::is_same_v<decltype(berth::detail::read_task_gpus(task)), unsigned>);
}
