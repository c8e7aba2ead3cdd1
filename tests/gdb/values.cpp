// SPDX-License-Identifier: Apache-2.0
// Values for gdb to print; run.py lists what each has to look like.
#include "berth/allocate/assignment/assignment_problem.hpp"
#include "berth/allocate/plan.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/matrix_view.hpp"
#include "berth/core/result.hpp"
#include "berth/migrate/order/migration_plan.hpp"

#include <array>
#include <cstdio>
#include <string>

using namespace berth;

// gdb stops here and looks at the caller.
extern "C" [[gnu::noinline]] void look(const void* all) { std::printf("%d\n", all != nullptr); }

struct values {
    node_index node{3};
    gpu_index no_gpu{};
    model_set_index models{2};
    slot shared{node_index{3}, 0b101};
    slot host_only{node_index{4}, 0};
    slot nowhere{};
    assignment three{{node_index{0}, 1}, unplaced, {node_index{1}, 0}};
    task_move move{task_index{7}, {node_index{3}, 1}, unplaced};
    gpu_move hop{task_index{1}, gpu_index{2}, gpu_index{9}};
    error broken{error_code::duplicate, "node 2: the name \"a\" is taken"};
    result<slot> good{slot{node_index{5}, 2}};
    result<slot> bad{error{error_code::io, "no such file"}};
    result<void> done{};
    result<void> undone{error{error_code::malformed, "line 3"}};
    plan placed{};
    assignment_plan solved{};
    migration_plan order{};
    std::array<double, 6> numbers{1, 2, 3, 4, 5, 6};
    matrix_view<const double> matrix{numbers.data(), 2, 3};
    detail::flat<int> list{3, 8};
};

int main() {
    values v;
    v.placed.assignment = v.three;
    v.placed.counters = {.placed = 2, .rejected = 1};
    v.placed.left_out.push_back(task_index{1});
    v.solved.gpu_of = {gpu_index{1}, gpu_index{0}};
    v.solved.cost = 12.5;
    v.solved.lower_bound = 12.0;
    look(&v);
    return 0;
}
