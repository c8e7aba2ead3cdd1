// SPDX-License-Identifier: Apache-2.0
#include "berth/feature/columns.hpp"

#include "berth/feature/extract.hpp"
#include "berth/feature/one_hot.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

namespace {

enum class health : std::uint8_t { good = 0, worn = 2 };

struct gpu_box {
    std::int64_t mem = 0;
    float temp = 0.0F;
    bool busy = false;
    health state = health::good;
    std::string model;

    [[nodiscard]] double slack() const { return 100.0 - static_cast<double>(temp); }
};

const std::vector<gpu_box> boxes{{.mem = 16, .temp = 40.5F, .busy = true, .state = health::good, .model = "T4"},
                                 {.mem = 80, .temp = 61.0F, .busy = false, .state = health::worn, .model = "A100"}};

// The smallest type that models the concept.
struct archetype_part {
    std::size_t width() const { return 1; }
    const char* label(std::size_t) const { return "a"; }
    bool read(const gpu_box&, std::span<double> out) const {
        out[0] = 7.0;
        return true;
    }
    const char* explain(const gpu_box&) const { return ""; }
};

[[maybe_unused]] const auto nothing = [] {};
using mem_column = berth::column<std::int64_t gpu_box::*>;
static_assert(berth::feature_part<mem_column, gpu_box>);
static_assert(berth::feature_part<mem_column, gpu_box*>);
static_assert(berth::feature_part<archetype_part, gpu_box>);
static_assert(!berth::feature_part<mem_column, int>, "not a member of this item");
static_assert(!berth::feature_part<berth::column<std::string gpu_box::*>, gpu_box>, "text is no number");
static_assert(!berth::feature_part<berth::column<decltype(nothing)>, gpu_box>, "a callable without a parameter");
static_assert(berth::feature_part<berth::one_hot<std::string gpu_box::*>, gpu_box>);
static_assert(!berth::feature_part<berth::one_hot<float gpu_box::*>, gpu_box>, "a measurement is no category");
static_assert(!berth::feature_part<int, gpu_box>);

}  // namespace

TEST_CASE("columns: read members, member functions, lambdas, bools and enumerations") {
    const berth::columns what{berth::column{"mem", &gpu_box::mem},
                              berth::column{"temp", &gpu_box::temp},
                              berth::column{"slack", &gpu_box::slack},
                              berth::column{"busy", &gpu_box::busy},
                              berth::column{"state", &gpu_box::state},
                              berth::column{std::string{"half"}, [](const gpu_box& g) { return g.mem / 2; }}};
    CHECK(what.width() == 6);
    const auto features = berth::extract(boxes, what);
    REQUIRE(features);
    CHECK(features->names() == std::vector<std::string>{"mem", "temp", "slack", "busy", "state", "half"});
    CHECK(features->rows() == 2);
    const std::vector<double> first(features->row(0).begin(), features->row(0).end());
    CHECK(first == std::vector<double>{16.0, 40.5, 59.5, 1.0, 0.0, 8.0});
    const std::vector<double> second(features->row(1).begin(), features->row(1).end());
    CHECK(second == std::vector<double>{80.0, 61.0, 39.0, 0.0, 2.0, 40.0});
}

TEST_CASE("columns: items may be raw or owning pointers, ranges may be arrays") {
    const berth::columns what{berth::column{"mem", &gpu_box::mem}, berth::column{"slack", &gpu_box::slack}};
    const gpu_box* plain[] = {&boxes[1], &boxes[0]};
    const auto features = berth::extract(plain, what);
    REQUIRE(features);
    CHECK((*features)(0, 0) == 80.0);
    std::vector<std::unique_ptr<gpu_box>> owning;
    owning.push_back(std::make_unique<gpu_box>(boxes[0]));
    CHECK(berth::extract(owning, what).value()(0, 1) == 59.5);
}

TEST_CASE("columns: accept a part with only the members of the concept") {
    const auto features = berth::extract(boxes, berth::columns{archetype_part{}, berth::column{"mem", &gpu_box::mem}});
    REQUIRE(features);
    CHECK((*features)(1, 0) == 7.0);
    CHECK((*features)(1, 1) == 80.0);
}

TEST_CASE("columns: concat joins feature sets") {
    const berth::columns left{berth::column{"mem", &gpu_box::mem}};
    const berth::columns right{berth::column{"temp", &gpu_box::temp},
                               berth::one_hot{"model", &gpu_box::model, {"T4", "A100"}}};
    const auto both = concat(left, right);
    CHECK(both.width() == 4);
    const auto features = berth::extract(boxes, both);
    REQUIRE(features);
    CHECK(features->names() == std::vector<std::string>{"mem", "temp", "model=T4", "model=A100"});
}

TEST_CASE("extract: an empty range gives a matrix with columns and no rows") {
    const auto features = berth::extract(std::vector<gpu_box>{}, berth::columns{berth::column{"mem", &gpu_box::mem}});
    REQUIRE(features);
    CHECK(features->rows() == 0);
    CHECK(features->cols() == 1);
}

TEST_CASE("extract: the error for a number that is not finite names row and column") {
    auto bad = boxes;
    const berth::columns what{berth::column{"mem", &gpu_box::mem}, berth::column{"temp", &gpu_box::temp}};
    bad[1].temp = std::numeric_limits<float>::quiet_NaN();
    CHECK(berth::extract(bad, what).error() ==
          berth::error{berth::error_code::invalid_value, "row 1, column \"temp\": nan is not a finite number"});
    bad[1].temp = -std::numeric_limits<float>::infinity();
    CHECK(berth::extract(bad, what).error().message == "row 1, column \"temp\": -inf is not a finite number");
    bad[0].temp = std::numeric_limits<float>::infinity();
    CHECK(berth::extract(bad, what).error().message == "row 0, column \"temp\": inf is not a finite number");
}

TEST_CASE("extract: refuses a column name that occurs twice") {
    const auto twice =
        berth::extract(boxes, berth::columns{berth::column{"mem", &gpu_box::mem}, berth::column{"temp", &gpu_box::temp},
                                             berth::column{"mem", &gpu_box::mem}});
    CHECK(twice.error() == berth::error{berth::error_code::duplicate, "columns 0 and 2 are both named \"mem\""});
}

TEST_CASE("extract_row: reads one item") {
    const berth::columns what{berth::column{"mem", &gpu_box::mem},
                              berth::one_hot{"model", &gpu_box::model, {"T4", "A100"}}};
    double row[3] = {};
    REQUIRE(berth::extract_row(boxes[1], what, row));
    CHECK(row[0] == 80.0);
    CHECK(row[1] == 0.0);
    CHECK(row[2] == 1.0);
    const gpu_box unknown{.model = "H200"};
    CHECK(berth::extract_row(unknown, what, row).error().message ==
          "column \"model\": \"H200\" is none of the 2 categories");
}
