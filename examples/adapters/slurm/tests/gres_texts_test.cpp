// SPDX-License-Identifier: Apache-2.0
#include "gres_texts.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace berth_slurm;

TEST_CASE("wishes: what users ask for, in all forms") {
    const auto wish = [](const char* comment, const char* constraint = "", std::uint64_t shards = 100) {
        const auto read = read_wish(comment, constraint, shards);
        REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
        return *read;
    };
    CHECK(wish("berth:gres:gpu:2") == gpu_wish{2, 1000, {}});
    CHECK(wish("berth:gpu") == gpu_wish{1, 1000, {}});
    CHECK(wish("berth:gres/gpu:a100:4") == gpu_wish{4, 1000, {"a100"}});
    CHECK(wish("berth:gres:shard:50") == gpu_wish{1, 500, {}});
    CHECK(wish("berth:gres:shard:1", "", 3) == gpu_wish{1, 334, {}});
    CHECK(wish("berth:gres:gpu:1", "a100|h100") == gpu_wish{1, 1000, {"a100", "h100"}});
    CHECK(wish("berth:gres:gpu:1", "[a100|h100]") == gpu_wish{1, 1000, {"a100", "h100"}});
    CHECK(wish("berth:gres:gpu:a100:1", "a100") == gpu_wish{1, 1000, {"a100"}});
}

TEST_CASE("wishes: what berth does not understand stays held, with a sentence") {
    const auto refusal = [](const char* comment, const char* constraint = "", std::uint64_t shards = 100) {
        const auto read = read_wish(comment, constraint, shards);
        REQUIRE_FALSE(read);
        return read.error().message;
    };
    CHECK(refusal("berth:gres:gpu:i1:1").find("berth decides which GPU") != std::string::npos);
    CHECK(refusal("berth:gres:gpu:1,gres:shard:5").find("more than one item") != std::string::npos);
    CHECK(refusal("berth:gres:shard:101").find("more shards than a GPU has") != std::string::npos);
    CHECK(refusal("berth:gres:shard:1", "", 0).find("not shared") != std::string::npos);
    CHECK(refusal("berth:gres:fpga:1").find("only gpu and shard") != std::string::npos);
    CHECK(refusal("berth:gres:gpu:0").find("count is 0") != std::string::npos);
    CHECK(refusal("berth:gres:gpu:65").find("no node has so many") != std::string::npos);
    CHECK(refusal("berth:").find("asks for nothing") != std::string::npos);
    CHECK(refusal("berth:gres:gpu:1", "a100&ib").find("as a constraint") != std::string::npos);
    CHECK(refusal("berth:gres:gpu:1", "a100|").empty() == false);
    CHECK(refusal("berth:gres:gpu:a100:1", "h100").find("different models") != std::string::npos);
    CHECK_FALSE(refusal("berth:gres:gpu:1(").empty());
}

TEST_CASE("requests and allocations: what is asked for is what is read back") {
    CHECK(gres_text(0b1010, 1000, 100) == "gres:gpu:i1:1,gres:gpu:i3:1");
    CHECK(gres_text(0b10, 500, 100) == "gres:shard:i1:50");
    CHECK(gres_text(0b10, 500, 0) == "gres:gpu:i1:1");
    CHECK(read_allocation("n", "gpu:i1:1(IDX:1),gpu:i3:1(IDX:3)", 100) == allocation{"n", 0b1010, 1000});
    CHECK(read_allocation("n", "shard:i1:50(IDX:1)", 100) == allocation{"n", 0b10, 500});
    CHECK(read_allocation("n", "gpu:i0:0(IDX:),gpu:i1:1(IDX:1)", 100) == allocation{"n", 0b10, 1000});
    CHECK(read_allocation("n", "(null)", 100) == allocation{"n", 0, 1000});
    for (const berth::amount share : {berth::amount{10}, berth::amount{250}, berth::amount{990}})
        CHECK(read_allocation("n", gres_text(1, share, 100), 100).share == share);
    for (std::uint64_t shards = 1; shards <= 100; ++shards) CHECK(shards_of(share_of(shards, 100), 100) == shards);
    for (std::uint64_t shards = 1; shards <= 7; ++shards) CHECK(shards_of(share_of(shards, 7), 7) == shards);
}

TEST_CASE("nodes: indices are the types of the GRES") {
    node_record node;
    read_node_gres(node, "gpu:i0:1,gpu:i1:1(S:0),gpu:i11:1,shard:i0:100,shard:i1:100");
    CHECK(node.gpus == 0b1000'0000'0011);
    CHECK(node.shards == 100);
    node_record untyped;
    read_node_gres(untyped, "gpu:a100:4");
    CHECK(untyped.gpus == 0);
    CHECK_FALSE(index_of_type("i"));
    CHECK_FALSE(index_of_type("i64"));
    CHECK_FALSE(index_of_type("i1x"));
    CHECK(index_of_type("i63") == 63U);
}
