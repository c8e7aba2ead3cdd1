// SPDX-License-Identifier: Apache-2.0
#pragma once

// Customisation points of this header, where your own types enter the library:
//
//   node_traits<T>   name, capacity, gpus, domains, healthy
//   gpu_traits<T>    model, capacity, healthy
//   task_traits<T>   name, gpus, gpu_demand, node_demand, domain_demand, accepted_models, group, gang, priority, state_bytes
//
// Every property is looked up in this order: a static function of your specialisation, a member function of that name, a
// data member of that name, the default given below. So a type with fitting member names needs nothing, and a type that you
// cannot edit needs one specialisation with only the properties that differ. There is no ADL.
//
// A property that is there but cannot be read from a const object does not compile; a misspelt one cannot be told from one
// that you left out, so compare what came out (fleet, workload) when you adapt a type for the first time.
//
// Elsewhere: features of a model are projections (feature/columns.hpp), policies are concepts (allocate/greedy/concepts.hpp,
// cost/concepts.hpp), progress and stopping are core/observer.hpp and core/run_control.hpp.

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
template <class T>
struct node_traits {};

/// How to read a GPU of your own type.
///
/// | property   | yields                                             | default                                  |
/// |------------|----------------------------------------------------|------------------------------------------|
/// | `model`    | text: `"A100"`                                     | `""`, one model for all                  |
/// | `capacity` | one integer per `resource_schema::gpu` counter     | 1000 thousandths, the others unlimited   |
/// | `healthy`  | bool; an unhealthy GPU takes no new task           | true                                     |
template <class T>
struct gpu_traits {};

/// How to read a task of your own type.
///
/// | property          | yields                                                        | default                      |
/// |-------------------|---------------------------------------------------------------|------------------------------|
/// | `name`            | text, unique in the workload                                  | `task-<position>`            |
/// | `gpus`            | how many distinct GPUs: 0, 1 (whole or a share), ..., 64      | 1                            |
/// | `gpu_demand`      | per GPU, one integer per `resource_schema::gpu` counter       | one whole GPU, nothing else  |
/// | `node_demand`     | one integer per `resource_schema::node` counter               | nothing                      |
/// | `domain_demand`   | one integer per `resource_schema::domain` counter             | nothing                      |
/// | `accepted_models` | text joined by `|`, or a range of texts; empty accepts all    | all                          |
/// | `group`           | text: the job or service it belongs to; empty for none        | none                         |
/// | `gang`            | bool: the group is placed all or none                         | false                        |
/// | `priority`        | int, larger is more important                                 | 0                            |
/// | `state_bytes`     | integer: what has to travel when the task is moved        | 0                            |
template <class T>
struct task_traits {};

namespace detail {

/// Stands for a property that a type does not offer.
struct absent {};

// Per property: `read_*`, which asks the trait, then a member function, then a data member (a bit-field by value), and else
// yields `absent`; `has_*`; and `offers_*`, which is `has_*` after a check that nothing of that name was passed over. The macro
// is undefined below.
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
BERTH_DETAIL_READER(gpu, model)
BERTH_DETAIL_READER(gpu, capacity)
BERTH_DETAIL_READER(gpu, healthy)
BERTH_DETAIL_READER(task, name)
BERTH_DETAIL_READER(task, gpus)
BERTH_DETAIL_READER(task, gpu_demand)
BERTH_DETAIL_READER(task, node_demand)
BERTH_DETAIL_READER(task, domain_demand)
BERTH_DETAIL_READER(task, accepted_models)
BERTH_DETAIL_READER(task, group)
BERTH_DETAIL_READER(task, gang)
BERTH_DETAIL_READER(task, priority)
BERTH_DETAIL_READER(task, state_bytes)

#undef BERTH_DETAIL_READER

}  // namespace detail

/// A type that can be a node: it offers `gpus`, through `node_traits` or as a member.
template <class T>
concept node_like = detail::has_node_gpus<T>;

/// A type that can be a GPU on its own: it says at least its model or its capacity.
template <class T>
concept gpu_like = detail::has_gpu_model<T> || detail::has_gpu_capacity<T>;

/// A type that can be a task: it says at least what it demands, or how many GPUs.
template <class T>
concept task_like = detail::has_task_gpus<T> || detail::has_task_gpu_demand<T> || detail::has_task_node_demand<T>;

}  // namespace berth::inline v0
