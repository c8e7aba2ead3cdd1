// SPDX-License-Identifier: Apache-2.0
#include "support/data_folders.hpp"
#include "support/gpu_links.hpp"
#include "support/mig_table.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace berth;

TEST_CASE("links of GPUs are read, and faults named with file, line and field") {
    const auto machines =
        bench::parse_gpu_links("links.csv", "system,a,b,nvlinks,pcie\nx,0,1,2,PIX\nx,0,2,0,\ny,1,0,0,SYS\n");
    REQUIRE(machines);
    REQUIRE(machines->size() == 2);
    CHECK((*machines)[0].links.size() == 3);
    CHECK((*machines)[0].links(1, 0) == 250);
    CHECK((*machines)[0].links(0, 2) == 0);
    CHECK((*machines)[1].links(0, 1) == 10);
    const auto message = [](const char* text) { return bench::parse_gpu_links("links.csv", text).error().message; };
    CHECK(message("system,a,b,nvlinks\n").find("links.csv:1: field \"pcie\"") == 0);
    CHECK(message("system,a,b,nvlinks,pcie\nx,1,1,0,SYS\n") == "links.csv:2: field \"b\": a GPU has no link to itself");
    CHECK(message("system,a,b,nvlinks,pcie\nx,0,1,0,USB\n") ==
          "links.csv:2: field \"pcie\": is \"USB\", expected SYS, NODE, PHB, PXB, PIX or nothing");
    CHECK(message("system,a,b,nvlinks,pcie\nx,0,64,0,SYS\n").find("links.csv:2: field \"b\"") == 0);
    CHECK(message("system,a,b,nvlinks,pcie\n,0,1,0,SYS\n").find("links.csv:2: field \"system\"") == 0);
    CHECK(bench::read_gpu_links(bench::own_data_folder("topology") + "/gpu-topologies.csv")->size() == 10);
}

TEST_CASE("profiles of boards are read, and faults named with file, line and field") {
    const auto boards = bench::read_mig_boards(bench::own_data_folder("mig") + "/mig-profiles.csv");
    REQUIRE(boards);
    CHECK(boards->size() == 7);
    const std::string header = "gpu,profile,compute_slices,memory_slices,starts,max_instances\n";
    const auto message = [&](const std::string& rows) {
        return bench::parse_mig_boards("mig.csv", header + rows).error().message;
    };
    CHECK(bench::parse_mig_boards("mig.csv", header + "B,1g,1,1,0 1,2\nB,2g,2,2,0,1\n")->front().compute_slices() == 2);
    CHECK(message("B,1g,1,1,0 x,1\n") == "mig.csv:2: field \"starts\": expected numbers from 0 to 7 between blanks");
    CHECK(message("B,1g,1,1,0,1\nB,1g,1,1,9,1\n") ==
          "mig.csv:3: field \"starts\": expected numbers from 0 to 7 between blanks");
    CHECK(message("B,1g,0,1,0,1\n").find("mig.csv:2: field \"compute_slices\"") == 0);
    CHECK(message("B,1g,1,1,0,1\nB,1g,1,1,0,1\n") == "mig.csv:2: MIG board \"B\": profile \"1g\": name is there twice");
    CHECK(message("B,1g,1,1,,1\n") == "mig.csv:2: MIG board \"B\": profile \"1g\": starts are missing");
    CHECK_FALSE(bench::parse_mig_boards("mig.csv", "gpu,profile\n"));
}
