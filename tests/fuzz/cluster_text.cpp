// SPDX-License-Identifier: Apache-2.0
// Saved clusters: any text is loaded or refused. What is loaded is sound, comes back when it is saved, and stays sound while everything
// in it leaves.
#include "berth/model/cluster_text.hpp"

#include "berth/testing/check_cluster.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

void require(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
}

void require_sound(const berth::cluster& c) {
    const auto ok = berth::check_cluster(c);
    require(ok.has_value(), ok ? "" : ok.error().message.c_str());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    auto loaded = berth::load_cluster({reinterpret_cast<const char*>(data), size});
    if (!loaded) {
        require(loaded.error().message.starts_with("line "), "an error that names no line");
        return 0;
    }
    berth::cluster& c = *loaded;
    require_sound(c);
    const std::string text = berth::save_cluster(c);
    const auto again = berth::load_cluster(text);
    require(again.has_value() && berth::save_cluster(*again) == text, "what is saved is not what is loaded");
    for (std::size_t i = 0; i < c.fleet().node_count(); ++i) {
        const berth::node_index n{i};
        if (!c.fleet().present(n)) continue;
        (void)c.set_healthy(c.handle(n), i % 2 == 0);
        if (i % 3 == 0) (void)c.leave(c.handle(n));
    }
    require_sound(c);
    for (std::size_t t = 0; t < c.workload().task_count(); ++t) (void)c.retire(c.handle(berth::task_index{t}));
    require(c.task_count() == 0, "a task stays");
    require_sound(c);
    return 0;
}
