// SPDX-License-Identifier: Apache-2.0
#include "berth/core/config.hpp"
#include "berth/core/random.hpp"

#include "support/mrp_instance.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace bench {

using berth::amount;
using berth::reassignment_input;

namespace {

/// Draws the numbers of an instance, one per statement, so that the instance depends on the seed alone.
class mrp_maker {
public:
    mrp_maker(const mrp_recipe& recipe, std::uint64_t seed) : recipe_{recipe}, random_{seed} {
        if (recipe_.services == 0) {
            const std::size_t fewest = 2 * recipe_.processes / most_of_a_service() + 1;
            recipe_.services = std::max(recipe_.processes / 10, fewest);
        }
        recipe_.locations = std::clamp<std::size_t>(recipe_.locations, 1, recipe_.machines);
        recipe_.neighbourhoods = std::clamp<std::size_t>(recipe_.neighbourhoods, 1, recipe_.locations);
    }

    reassignment_input make() {
        make_processes();
        place();
        make_machines();
        make_spread();
        make_dependencies();
        for (std::size_t b = 0; b < recipe_.balances && recipe_.resources > 1; ++b) {
            const std::size_t first = below(recipe_.resources);
            const std::size_t step = 1 + below(recipe_.resources - 1);
            made_.balances.push_back({first, (first + step) % recipe_.resources, 2, 10});
        }
        made_.task_weight = 1;
        made_.group_weight = 10;
        made_.pair_weight = 100;
        return std::move(made_);
    }

private:
    std::size_t below(std::size_t n) { return berth::bounded(random_, static_cast<std::uint32_t>(n)); }
    [[nodiscard]] std::size_t most_of_a_service() const { return std::max<std::size_t>(recipe_.machines / 2, 1); }
    [[nodiscard]] std::size_t location(std::size_t machine) const {
        return machine * recipe_.locations / recipe_.machines;
    }
    [[nodiscard]] std::size_t neighbourhood(std::size_t machine) const {
        return location(machine) * recipe_.neighbourhoods / recipe_.locations;
    }

    /// Services in random sizes, no larger than half of the machines; sizes of processes spread over three powers of
    /// ten.
    void make_processes() {
        for (std::size_t r = 0; r < recipe_.resources; ++r) made_.resources.push_back({r % 3 == 0, 10});
        std::vector<std::size_t> size(recipe_.services, 0);
        const std::size_t most = most_of_a_service();
        BERTH_ASSERT(recipe_.processes <= most * recipe_.services, "bench: more processes than services have room for");
        for (std::size_t p = 0; p < recipe_.processes; ++p) {
            // The smaller of two draws: the first services are the large ones.
            std::size_t service = below(recipe_.services);
            service = std::min(service, below(recipe_.services));
            while (size[service] >= most) service = (service + 1) % recipe_.services;
            ++size[service];
            made_.group.push_back(static_cast<std::uint32_t>(service));
            const double scale = 10.0 * std::pow(1000.0, berth::uniform01(random_));
            for (std::size_t r = 0; r < recipe_.resources; ++r) {
                made_.demand.push_back(1 + static_cast<amount>(scale * (0.25 + berth::uniform01(random_))));
            }
            made_.move_cost.push_back(1);
        }
    }

    /// Puts each process on a random machine without another process of its service; machines have different
    /// probabilities.
    void place() {
        std::vector<std::vector<std::uint32_t>> members(recipe_.services);
        for (std::size_t p = 0; p < recipe_.processes; ++p)
            members[made_.group[p]].push_back(static_cast<std::uint32_t>(p));
        made_.initial.resize(recipe_.processes);
        std::vector<std::size_t> taken(recipe_.machines, recipe_.services);
        for (std::size_t s = 0; s < recipe_.services; ++s) {
            for (const std::uint32_t p : members[s]) {
                std::size_t machine = below(recipe_.machines);
                if (below(3) == 0) machine = std::min(machine, below(recipe_.machines));
                while (taken[machine] == s) machine = (machine + 1) % recipe_.machines;
                taken[machine] = s;
                made_.initial[p] = static_cast<std::uint32_t>(machine);
            }
        }
    }

    /// Capacities that suffice for the placed processes: a machine with more than its share is nearly full, others have
    /// room.
    void make_machines() {
        const std::size_t resources = recipe_.resources;
        std::vector<amount> used(recipe_.machines * resources, 0);
        std::vector<amount> total(resources, 0);
        for (std::size_t p = 0; p < recipe_.processes; ++p) {
            for (std::size_t r = 0; r < resources; ++r) {
                used[made_.initial[p] * resources + r] += made_.demand[p * resources + r];
                total[r] += made_.demand[p * resources + r];
            }
        }
        // Machines with more than their share need more capacity: the share is chosen so that the total reaches the
        // wanted fill.
        const std::vector<double> share = shares(used, total);
        made_.pair_costs = berth::node_pair_costs{recipe_.machines};
        std::vector<std::uint32_t> row(recipe_.machines);
        for (std::size_t m = 0; m < recipe_.machines; ++m) {
            made_.location.push_back(static_cast<std::uint32_t>(location(m)));
            made_.neighbourhood.push_back(static_cast<std::uint32_t>(neighbourhood(m)));
            for (std::size_t r = 0; r < resources; ++r) {
                made_.capacity.push_back(std::max(used[m * resources + r], static_cast<amount>(share[r])));
            }
            for (std::size_t r = 0; r < resources; ++r) {
                const double safe = 0.8 + 0.15 * berth::uniform01(random_);
                made_.safety_capacity.push_back(
                    static_cast<amount>(safe * static_cast<double>(made_.capacity[m * resources + r])));
            }
            for (std::size_t to = 0; to < recipe_.machines; ++to) {
                row[to] = location(m) == location(to) ? 0U : neighbourhood(m) == neighbourhood(to) ? 1U : 2U;
            }
            made_.pair_costs.add_row(row);
        }
        made_.pair_costs.finish();
    }

    [[nodiscard]] std::vector<double> shares(const std::vector<amount>& used, const std::vector<amount>& total) const {
        const std::size_t resources = recipe_.resources;
        std::vector<double> share(resources, 0.0);
        for (std::size_t r = 0; r < resources; ++r) {
            const double wanted = static_cast<double>(total[r]) / recipe_.fill;
            double low = 0.0;
            double high = wanted + 1.0;
            for (int round = 0; round < 60; ++round) {
                const double middle = 0.5 * (low + high);
                double sum = 0.0;
                for (std::size_t m = 0; m < recipe_.machines; ++m) {
                    sum += std::max(middle, static_cast<double>(used[m * resources + r]));
                }
                (sum < wanted ? low : high) = middle;
            }
            share[r] = high;
        }
        return share;
    }

    void make_spread() {
        std::vector<std::vector<bool>> in(recipe_.services, std::vector<bool>(recipe_.locations, false));
        for (std::size_t p = 0; p < recipe_.processes; ++p) in[made_.group[p]][location(made_.initial[p])] = true;
        for (const auto& there : in) {
            const auto locations = static_cast<std::size_t>(std::count(there.begin(), there.end(), true));
            made_.spread.push_back(static_cast<std::uint32_t>(below(locations + 1)));
        }
    }

    /// About one dependency for each service, on a service that is in all of its neighbourhoods; most draws are
    /// rejected.
    void make_dependencies() {
        std::vector<std::vector<bool>> in(recipe_.services, std::vector<bool>(recipe_.neighbourhoods, false));
        for (std::size_t p = 0; p < recipe_.processes; ++p) in[made_.group[p]][neighbourhood(made_.initial[p])] = true;
        for (std::size_t s = 0; s < recipe_.services; ++s) {
            for (int tries = 0; tries < 4; ++tries) {
                const std::size_t on = below(recipe_.services);
                bool holds = on != s;
                for (std::size_t n = 0; n < recipe_.neighbourhoods && holds; ++n) holds = !in[s][n] || in[on][n];
                if (holds) made_.dependencies.push_back(static_cast<std::uint32_t>(on));
            }
            made_.dependency_ends.push_back(made_.dependencies.size());
        }
    }

    mrp_recipe recipe_;
    berth::xoshiro256 random_;
    reassignment_input made_;
};

}  // namespace

mrp_instance generate_mrp_instance(const mrp_recipe& recipe, std::uint64_t seed) {
    BERTH_ASSERT(recipe.machines > 0 && recipe.resources > 0, "bench: an instance has machines and resources");
    std::string name = "random_" + std::to_string(recipe.machines) + "x" + std::to_string(recipe.processes) + "x" +
                       std::to_string(recipe.resources);
    return {std::move(name), mrp_maker{recipe, seed}.make()};
}

}  // namespace bench
