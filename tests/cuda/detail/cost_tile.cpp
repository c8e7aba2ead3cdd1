// SPDX-License-Identifier: Apache-2.0
// A cost matrix tile by tile, the threads of a tile one after the other.
#include "berth/cuda/detail/cost_tile.hpp"

#include "berth/core/random.hpp"
#include "berth/cost/evaluate.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using berth::matrix_view;

namespace {

struct ratio {
    double scale = 1.5;
    BERTH_HD double operator()(berth::device_row task, berth::device_row gpu) const {
        return scale * task[task.size() - 1] / gpu[gpu.size() - 1] + task[0] * gpu[0];
    }
};

}  // namespace

TEST_CASE("tiles of any size fill the matrix of fill_costs") {
    struct size {
        std::size_t tasks;
        std::size_t gpus;
        std::size_t task_features;
        std::size_t gpu_features;
    };
    using tile = berth::detail::cost_tile<ratio>;
    for (const size s : {size{1, 1, 1, 1}, size{70, 130, 3, 4}, size{32, 64, 2, 5}, size{5, 300, 8, 1}}) {
        berth::xoshiro256 random{s.tasks};
        std::vector<double> of_tasks(s.tasks * s.task_features);
        std::vector<double> of_gpus(s.gpus * s.gpu_features);
        for (double& x : of_tasks) x = 1.0 + uniform01(random);
        for (double& x : of_gpus) x = 1.0 + uniform01(random);
        const matrix_view<const double> tasks{of_tasks.data(), s.tasks, s.task_features};
        const matrix_view<const double> gpus{of_gpus.data(), s.gpus, s.gpu_features};
        std::vector<double> wanted(s.tasks * s.gpus);
        fill_costs(ratio{}, tasks, gpus, matrix_view<double>{wanted.data(), s.tasks, s.gpus});

        std::vector<double> found(s.tasks * s.gpus, -1.0);
        const tile work{ratio{}, tasks, gpus, {found.data(), s.tasks, s.gpus}};
        std::vector<double> features(work.shared_doubles());
        for (std::size_t t = 0; t < s.tasks; t += tile::tasks_of_tile) {
            for (std::size_t g = 0; g < s.gpus; g += tile::gpus_of_tile) {
                for (unsigned thread = 0; thread < tile::threads; ++thread) work.fetch(features.data(), t, g, thread);
                for (unsigned thread = 0; thread < tile::threads; ++thread) work.fill(features.data(), t, g, thread);
            }
        }
        CHECK(found == wanted);
    }
}
