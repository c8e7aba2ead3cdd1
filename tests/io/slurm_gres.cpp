// SPDX-License-Identifier: Apache-2.0
#include "berth/io/slurm_gres.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

using namespace berth;
using namespace berth::io;

namespace {

std::vector<slurm_gres> read(std::string_view text) {
    const auto items = read_slurm_gres(text);
    REQUIRE_MESSAGE(items, text);
    return *items;
}

}  // namespace

TEST_CASE("every form in which Slurm writes generic resources is read") {
    using list = std::vector<slurm_gres>;
    CHECK(read("(null)").empty());
    CHECK(read("").empty());
    CHECK(read("gpu") == list{{.name = "gpu"}});
    CHECK(read("gpu:2") == list{{.name = "gpu", .count = 2}});
    CHECK(read("gpu:a100:4(S:0-1),shard:400") ==
          list{{.name = "gpu", .type = "a100", .count = 4}, {.name = "shard", .count = 400}});
    CHECK(read("gpu:a100") == list{{.name = "gpu", .type = "a100"}});
    CHECK(read("gpu:a100:2(IDX:0-1),gpu:v100:0(IDX:N/A)") ==
          list{{.name = "gpu", .type = "a100", .count = 2, .indices = 3},
               {.name = "gpu", .type = "v100", .count = 0, .indices = 0}});
    CHECK(read("shard:50(IDX:0,2-3,63)") == list{{.name = "shard", .count = 50, .indices = 0x800000000000000dULL}});
    CHECK(read("gres:gpu:i1:1,gres:gpu:i3:1") ==
          list{{.name = "gpu", .type = "i1", .count = 1}, {.name = "gpu", .type = "i3", .count = 1}});
    CHECK(read("gres/gpu=2,gres/gpu:a100=2") ==
          list{{.name = "gpu", .count = 2}, {.name = "gpu", .type = "a100", .count = 2}});
    CHECK(read("bandwidth:lustre:no_consume:4G") ==
          list{{.name = "bandwidth", .type = "lustre", .count = 4ULL << 30U, .consumed = false}});
    CHECK(read("gpu:2k").front().count == 2048);
}

TEST_CASE("what is no list of resources is refused with the item and the reason") {
    struct broken {
        const char* text;
        const char* message;
    };
    const broken cases[] = {
        {",", "GRES \"\": it has no name"},
        {"gpu:1,", "GRES \"\": it has no name"},
        {":2", "GRES \":2\": it has no name"},
        {"gres/=2", "GRES \"gres/=2\": it has no name"},
        {"gpu:a:b:1", "GRES \"gpu:a:b:1\": it has more than a name, a type and a count"},
        {"gpu::1", "GRES \"gpu::1\": it has more than a name, a type and a count"},
        {"gpu:1(IDX:0", "GRES \"gpu:1(IDX:0\": the parenthesis is not closed"},
        {"gpu:1(IDX:0)x", "GRES \"gpu:1(IDX:0)x\": the parenthesis is not closed"},
        {"gpu:1(IDX:64)", "GRES \"gpu:1(IDX:64)\": IDX is no list of indices from 0 to 63, such as 0-1,3"},
        {"gpu:1(IDX:3-1)", "GRES \"gpu:1(IDX:3-1)\": IDX is no list of indices from 0 to 63, such as 0-1,3"},
        {"gpu:1(IDX:0,)", "GRES \"gpu:1(IDX:0,)\": IDX is no list of indices from 0 to 63, such as 0-1,3"},
        {"gpu:1(IDX:1-)", "GRES \"gpu:1(IDX:1-)\": IDX is no list of indices from 0 to 63, such as 0-1,3"},
        {"gpu:1(X:0)", "GRES \"gpu:1(X:0)\": the parenthesis holds neither IDX: nor S:"},
        {"gpu=x", "GRES \"gpu=x\": the count is not a whole number"},
        {"gpu=-1", "GRES \"gpu=-1\": the count is not a whole number"},
        {"gpu=99999999999999999999", "GRES \"gpu=99999999999999999999\": the count is not a whole number"},
        {"gpu=99999999999999999999T", "GRES \"gpu=99999999999999999999T\": the count is not a whole number"},
    };
    for (const broken& each : cases) {
        CAPTURE(each.text);
        const auto items = read_slurm_gres(each.text);
        REQUIRE_FALSE(items);
        CHECK(items.error().message == each.message);
    }
}

TEST_CASE("a request by index is read back as these indices") {
    CHECK(slurm_gres_of(0).empty());
    CHECK(slurm_gres_of(0b1010) == "gres:gpu:i1:1,gres:gpu:i3:1");
    for (const gpu_mask gpus : {gpu_mask{1}, gpu_mask{0xff}, ~gpu_mask{0}}) {
        const std::string text = slurm_gres_of(gpus, "index");
        gpu_mask again = 0;
        for (const slurm_gres& item : read(text)) again |= gpu_mask{1} << std::stoul(std::string{item.type.substr(5)});
        CHECK(again == gpus);
    }
}
