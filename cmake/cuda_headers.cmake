# SPDX-License-Identifier: Apache-2.0
# The headers of berth::cuda. scripts/check_headers.py proves that this list equals the tree
# (--update rewrites it).
set(berth_cuda_headers
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/assignment_measures.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/candidate_lists.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/cost_matrix.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/cost_tile.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/evaluation_block.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/evaluation_kernel.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/evaluation_shape.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/evaluation_source.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/generation_block.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/generation_shape.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/packed_pricing.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/detail/pair_rows.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/device.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/device_buffer.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/device_cost.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/error.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/evaluation_ref.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/evaluator.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/genetic.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/lagrangian_bound.cuh"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/packed_bound.hpp"
    "${CMAKE_CURRENT_LIST_DIR}/../include/berth/cuda/pair_functor.hpp")
