// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points: how the library reads your own node, GPU and task types.
//
//   node_traits<T>   name, capacity, gpus, domains, healthy, gpu_links
//   gpu_traits<T>    model, capacity, healthy, uuid
//   task_traits<T>   name, gpus, gpu_demand, node_demand, domain_demand, accepted_models, same_model, group, gang,
//                    min_tasks, priority, state_bytes, speed, alternatives
//
// Every property is looked up in this order: a static function of your specialisation, a member function of that name,
// a data member of that name, the default given below. A type with these member names needs nothing. For a type that
// you cannot edit, specialise the traits with the properties that differ, in the header that defines or wraps the type:
//
//   template <>
//   struct berth::task_traits<vendor::job> {
//       static std::size_t gpus(const vendor::job& j) { return j.num_devices; }
//       static std::array<std::int64_t, 2> node_demand(const vendor::job& j) { return {j.cpu_milli, j.memory_mib}; }
//   };
//
// A property that exists but cannot be read from a const object does not compile. A misspelt one looks like one that
// you left out, so check the resulting fleet and workload once when you adapt a type. `examples/vendor_types.cpp`
// adapts types of both sorts.
//
// Other customisation points: features of a model are projections (feature/columns.hpp), policies are concepts
// (allocate/greedy/concepts.hpp, cost/concepts.hpp), progress and stopping are core/observer.hpp and
// core/run_control.hpp.

#include "berth/model/resources.hpp"

#include <concepts>
#include <type_traits>
#include <utility>

namespace berth::inline v0 {

/// How to read a node (host) of your own type.
///
/// | property   | yields                                             | default                                  |
/// |------------|----------------------------------------------------|------------------------------------------|
/// | `name`     | text, unique in the fleet                          | `node-<position>`                        |
/// | `capacity` | one integer per `resource_schema::node` counter    | unlimited                                |
/// | `gpus`     | a range of GPUs (any type `gpu_traits` can read)   | none: the object itself is the one GPU   |
/// | `domains`  | a range of domain names, at most one per level     | none                                     |
/// | `healthy`  | bool; an unhealthy node takes no new task          | true                                     |
/// | `gpu_links`| scores of each two GPUs, row by row; integers      | not known                                |
template <class T>
struct node_traits {};

/// How to read a GPU of your own type.
///
/// | property   | yields                                             | default                                  |
/// |------------|----------------------------------------------------|------------------------------------------|
/// | `model`    | text: `"A100"`                                     | `""`, one model for all                  |
/// | `capacity` | one integer per `resource_schema::gpu` counter     | 1000 thousandths, the others unlimited   |
/// | `healthy`  | bool; an unhealthy GPU takes no new task           | true                                     |
/// | `uuid`     | text, unique in a cluster                          | empty: known by its position on the node |
template <class T>
struct gpu_traits {};

/// How to read a task of your own type.
///
/// | property          | yields                                                        | default                      |
/// |-------------------|---------------------------------------------------------------|------------------------------|
/// | `name`            | text, unique in the workload                                  | `task-<position>`            |
/// | `gpus`            | number of distinct GPUs: 0, 1 (whole or a share), ..., 64     | 1                            |
/// | `gpu_demand`      | per GPU, one integer per `resource_schema::gpu` counter       | one whole GPU, else 0        |
/// | `node_demand`     | one integer per `resource_schema::node` counter               | 0                            |
/// | `domain_demand`   | one integer per `resource_schema::domain` counter             | 0                            |
/// | `accepted_models` | text joined by `|`, or a range of texts; empty accepts all    | all                          |
/// | `same_model`      | bool: its GPUs, or all GPUs of its gang, are of one model     | false                        |
/// | `group`           | text: its job or service; empty for none                      | none                         |
/// | `gang`            | bool: the group is placed as a whole or not at all            | false                        |
/// | `min_tasks`       | integer: a gang starts when so many of its tasks have a slot  | 0, all of them               |
/// | `priority`        | int, larger is more important                                 | 0                            |
/// | `state_bytes`     | integer: bytes that travel when the task is moved             | 0                            |
/// | `speed`           | number above 0: relative speed with this demand               | 1                            |
/// | `alternatives`    | a range of objects, see below                                 | none                         |
///
/// An alternative is another demand that would do, for example CPU only. It is read as a task is, but only `gpus`,
/// `gpu_demand`, `node_demand`, `domain_demand`, `accepted_models`, `same_model` and `speed`. A `cluster` keeps them.
template <class T>
struct task_traits {};

namespace detail {

/// The value of a property that a type does not offer.
struct absent {};

// Per property: `read_*` reads from the trait, else a member function, else a data member (a bit-field by value), else
// returns `absent`; `has_*`; `offers_*` is `has_*` with an error if something of that name exists but is not readable.
// The macro is undefined below.
#define BERTH_DETAIL_READER(traits, property)                                                                          \
    template <class T>                                                                                                 \
    [[nodiscard]] constexpr decltype(auto) read_##traits##_##property(const T& object) {                               \
        if constexpr (requires { traits##_traits<T>::property(object); }) {                                            \
            return traits##_traits<T>::property(object);                                                               \
        } else if constexpr (requires { object.property(); }) {                                                        \
            return object.property();                                                                                  \
        } else if constexpr (requires { &object.property; }) {                                                         \
            return (object.property);                                                                                  \
        } else if constexpr (requires { object.property; }) {                                                          \
            return std::decay_t<decltype(object.property)>{object.property};                                           \
        } else {                                                                                                       \
            return absent{};                                                                                           \
        }                                                                                                              \
    }                                                                                                                  \
    template <class T>                                                                                                 \
    inline constexpr bool has_##traits##_##property =                                                                  \
        !std::same_as<std::remove_cvref_t<decltype(read_##traits##_##property(std::declval<const T&>()))>, absent>;    \
    template <class T>                                                                                                 \
    [[nodiscard]] consteval bool offers_##traits##_##property() {                                                      \
        static_assert(                                                                                                 \
            has_##traits##_##property<T> || !requires(T& object) { object.property(); },                               \
            "berth: the member function `" #property "` has to be const");                                             \
        static_assert(                                                                                                 \
            requires(const T& object) { traits##_traits<T>::property(object); } ||                                     \
                !requires { &traits##_traits<T>::property; },                                                          \
            "berth: `" #property "` of your " #traits "_traits has to be a static function of const T&");              \
        return has_##traits##_##property<T>;                                                                           \
    }

BERTH_DETAIL_READER(node, name)
BERTH_DETAIL_READER(node, capacity)
BERTH_DETAIL_READER(node, gpus)
BERTH_DETAIL_READER(node, domains)
BERTH_DETAIL_READER(node, healthy)
BERTH_DETAIL_READER(node, gpu_links)
BERTH_DETAIL_READER(gpu, model)
BERTH_DETAIL_READER(gpu, capacity)
BERTH_DETAIL_READER(gpu, healthy)
BERTH_DETAIL_READER(gpu, uuid)
BERTH_DETAIL_READER(task, name)
BERTH_DETAIL_READER(task, gpus)
BERTH_DETAIL_READER(task, gpu_demand)
BERTH_DETAIL_READER(task, node_demand)
BERTH_DETAIL_READER(task, domain_demand)
BERTH_DETAIL_READER(task, accepted_models)
BERTH_DETAIL_READER(task, same_model)
BERTH_DETAIL_READER(task, group)
BERTH_DETAIL_READER(task, gang)
BERTH_DETAIL_READER(task, min_tasks)
BERTH_DETAIL_READER(task, priority)
BERTH_DETAIL_READER(task, state_bytes)
BERTH_DETAIL_READER(task, speed)
BERTH_DETAIL_READER(task, alternatives)

#undef BERTH_DETAIL_READER

}  // namespace detail

/// A type that can be a node: it offers `gpus`, through `node_traits` or as a member.
template <class T>
concept node_like = detail::has_node_gpus<T>;

/// A type that can be a GPU: it offers at least `model` or `capacity`, through `gpu_traits` or as a member.
template <class T>
concept gpu_like = detail::has_gpu_model<T> || detail::has_gpu_capacity<T>;

/// A type that can be a task: it offers at least `gpus`, `gpu_demand` or `node_demand`, through `task_traits` or as a
/// member.
template <class T>
concept task_like = detail::has_task_gpus<T> || detail::has_task_gpu_demand<T> || detail::has_task_node_demand<T>;

}  // namespace berth::inline v0
