// SPDX-License-Identifier: Apache-2.0
#include "berth/feature/one_hot.hpp"

#include "berth/feature/extract.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace {

enum class tier { gold = 1, tin = 4 };

struct job {
    std::string_view queue;
    int zone = 0;
    tier kind = tier::gold;
};
const std::vector<job> jobs{{"batch", 3, tier::gold}, {"live", 1, tier::tin}, {"batch", 1, tier::tin}};

std::vector<double> row(const berth::feature_matrix& features, std::size_t i) {
    return {features.row(i).begin(), features.row(i).end()};
}

}  // namespace

TEST_CASE("one_hot: one column per category, in the order given") {
    const auto features =
        berth::extract(jobs, berth::columns{berth::one_hot{"queue", &job::queue, {"live", "batch", "idle"}}});
    REQUIRE(features);
    CHECK(features->names() == std::vector<std::string>{"queue=live", "queue=batch", "queue=idle"});
    CHECK(row(*features, 0) == std::vector<double>{0, 1, 0});
    CHECK(row(*features, 1) == std::vector<double>{1, 0, 0});
}

TEST_CASE("one_hot: integers and enumerations are listed by their number") {
    const auto features =
        berth::extract(jobs, berth::columns{berth::one_hot{"zone", &job::zone, {"1", "2", "3"}},
                                            berth::one_hot{"tier", [](const job& j) { return j.kind; }, {"1", "4"}}});
    REQUIRE(features);
    CHECK(row(*features, 0) == std::vector<double>{0, 0, 1, 1, 0});
    CHECK(row(*features, 2) == std::vector<double>{1, 0, 0, 0, 1});
}

TEST_CASE("one_hot: gather_categories lists all categories of a range in order of first appearance") {
    const auto categories = berth::gather_categories(jobs, &job::zone);
    CHECK(categories == std::vector<std::string>{"3", "1"});
    CHECK(berth::gather_categories(jobs, &job::queue) == std::vector<std::string>{"batch", "live"});
    const auto features = berth::extract(jobs, berth::columns{berth::one_hot{"zone", &job::zone, categories}});
    REQUIRE(features);
    for (std::size_t i = 0; i < jobs.size(); ++i) CHECK(features->row(i)[0] + features->row(i)[1] == 1.0);
}

TEST_CASE("one_hot: a repeated category counts once, an unknown one is an error with its row") {
    const berth::one_hot queue{"queue", &job::queue, {"batch", "batch"}};
    CHECK(queue.width() == 1);
    CHECK(berth::extract(jobs, berth::columns{queue}).error() ==
          berth::error{berth::error_code::invalid_value,
                       "row 1, column \"queue\": \"live\" is none of the 1 categories"});
}
