// SPDX-License-Identifier: Apache-2.0
// Compile-only: core pieces used in device code, behind a concept-constrained kernel.
#include "berth/core/matrix_view.hpp"
#include "berth/core/random.hpp"

#include <cstddef>
#include <cstdint>

namespace {

template <berth::random_source G>
__device__ double sum_of_row(berth::matrix_view<const double> matrix, std::size_t row, G& random) {
    double sum = 0.0;
    for (std::size_t column = 0; column < matrix.cols(); ++column) sum += matrix(row, column);
    return sum + static_cast<double>(random() >> 63U);
}

__global__ void row_sums(berth::matrix_view<const double> matrix, std::uint64_t seed, double* out) {
    const std::size_t row = blockIdx.x * std::size_t{blockDim.x} + threadIdx.x;
    if (row < matrix.rows()) {
        berth::xoshiro256 random{berth::stream_seed(seed, row)};
        out[row] = sum_of_row(matrix, row, random);
    }
}

}  // namespace

void launch_row_sums(berth::matrix_view<const double> matrix, std::uint64_t seed, double* out) {
    row_sums<<<1, 32>>>(matrix, seed, out);
}
