// SPDX-License-Identifier: Apache-2.0
#include "berth/simulate/learned_speeds.hpp"

#include "berth/queue/max_min_shares.hpp"
#include "berth/queue/priority_rounds.hpp"

#include "common/gavel_trace.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace {

/// Nothing is known of any speed at the start.
struct learner {
    berth::class_speed model;
    std::vector<std::size_t> class_of;

    explicit learner(const gavel_trace& given) {
        std::map<std::string, std::size_t> known;
        for (const std::string& name : given.models.names) REQUIRE(model.add_gpu_model(name));
        for (std::size_t j = 0; j < given.trace.jobs.size(); ++j) {
            const std::string gpus = " on " + std::to_string(given.trace.jobs[j].gpus);
            const std::string& type = given.trace.classes[j];
            const auto [entry, fresh] = known.try_emplace(type + gpus, known.size());
            if (fresh) REQUIRE(model.add_class(type + gpus, type.substr(0, type.find(" (")) + gpus));
            class_of.push_back(entry->second);
        }
    }
};

template <class Policy, class Truth>
double learned_mean(const gavel_trace& given, const Policy& policy, const Truth& truth) {
    learner learns{given};
    berth::learned_speeds<> beliefs{&learns.model, learns.class_of, given.table()};
    const auto times = given.times(policy, true, truth, beliefs);
    CHECK(times.jobs == given.trace.jobs.size());
    return times.mean_s;
}

}  // namespace

TEST_CASE("learned speeds are worth nearly as much as known ones") {
    const gavel_trace given;
    const berth::table_speeds truth{given.table()};
    // Known speeds bring the mean from 18,705 to 13,766 s; learned ones have to bring four fifths of that.
    CHECK(learned_mean(given, berth::priority_rounds{berth::max_min_shares{}}, truth) <= 14'754.0);
}
