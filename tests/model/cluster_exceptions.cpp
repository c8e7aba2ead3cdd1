// SPDX-License-Identifier: Apache-2.0
#include "berth/model/cluster.hpp"
#include "berth/model/cluster_text.hpp"
#include "berth/testing/check_cluster.hpp"

#include "common/counting_new.hpp"
#include "common/random_events.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

using berth_test::random_events;
using berth_test::throws_at;

namespace {

/// The text of a cluster without what an event that failed may leave behind: vacant positions that were never taken, rooms
/// for GPUs, names of models, and demands that nobody has.
std::string visible(const berth::cluster& c) {
    const std::string text = berth::save_cluster(c);
    std::string kept;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find('\n', begin) + 1;
        const std::string_view line = std::string_view{text}.substr(begin, end - begin);
        const auto word_at = [&](std::size_t i) {
            std::size_t at = 0;
            while (i-- > 0) at = line.find(' ', at) + 1;
            return at;
        };
        const auto word = [&](std::size_t i) {
            return line.substr(word_at(i), line.find_first_of(" \n", word_at(i)) - word_at(i));
        };
        begin = end;
        if (word(0) == "models" || word(0) == "idle" || word(0) == "end") continue;
        if (word(2) == "0" && word(3) == "vacant") continue;
        if (word(0) == "shape") {
            const berth::shape_index s{static_cast<std::size_t>(std::stoul(std::string{word(1)}))};
            if (word(3) == "vacant" || c.workload().frequency(s) == 0) continue;
        }
        if (word(0) != "node") {
            kept.append(line);
        } else if (word(5) != "vacant" || word(2) != "0") {
            kept.append(line.substr(0, word_at(3))).append(line.substr(word_at(5)));
        }
    }
    return kept;
}

}  // namespace

TEST_CASE("cluster: an event changes nothing if an allocation fails") {
    std::size_t failed = 0;
    for (std::uint64_t seed = 200; seed < 203; ++seed) {
        random_events events{seed};
        berth::cluster c{events.schema()};
        events.add_domains(c);
        for (std::size_t i = 0; i < 250; ++i) {
            // A fresh copy has no memory to spare, so that every allocation that the event may need takes place.
            const std::string before = i % 2 == 0 ? visible(c) : std::string{};
            bool threw = i % 2 == 0;
            for (std::size_t n = 1; threw; ++n) {
                berth::cluster trial{c};
                random_events same = events;
                threw = false;
                std::string after = before;
                same.step(trial, [&](auto event) {
                    if (threw || !throws_at(n, event)) return;
                    threw = true;
                    ++failed;
                });
                if (!threw) break;
                const auto ok = berth::check_cluster(trial);
                if (!ok) FAIL("seed ", seed, ", event ", i, ", allocation ", n, ": ", ok.error().message);
                INFO("seed ", seed, ", event ", i, ", allocation ", n);
                REQUIRE(visible(trial) == before);
            }
            events.step(c);
        }
    }
    CHECK(failed > 1000);
}
