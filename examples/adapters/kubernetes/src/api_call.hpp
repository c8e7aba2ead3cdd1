// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace berth_kube {

/// What is asked of the API server.
enum class call_kind : std::uint8_t {
    bind,   ///< POST of a Binding: the pod runs on that node, with the positions of its GPUs in an annotation
    evict,  ///< POST of an Eviction: the pod is to be stopped
    look,   ///< GET of the pod, after an answer that left open what has happened
    note,   ///< POST of an Event, which people see with `kubectl describe`; may be dropped
};

/// One request to the API server.
struct api_call {
    std::uint64_t id = 0;              ///< unique; its answer has the same
    call_kind kind = call_kind::look;  ///< what it is
    std::string path{};                ///< such as `/api/v1/namespaces/default/pods/train/binding`
    std::string body{};                ///< JSON; empty: a GET
    double not_before = 0.0;           ///< seconds: it is to wait until then
};

/// What came of a request.
struct api_answer {
    std::uint64_t id = 0;  ///< of the call
    int status = 0;        ///< of HTTP; 0: no answer, and nobody knows whether it was carried out
    std::string body{};    ///< as it came
};

}  // namespace berth_kube
