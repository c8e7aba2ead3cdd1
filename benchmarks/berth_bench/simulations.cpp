// SPDX-License-Identifier: Apache-2.0
#include "berth_bench/simulations.hpp"

#include "berth/core/random.hpp"
#include "berth/queue/attained_levels.hpp"
#include "berth/queue/berth_rounds.hpp"
#include "berth/queue/least_attained.hpp"
#include "berth/queue/look_ahead.hpp"
#include "berth/queue/max_min_shares.hpp"
#include "berth/queue/orders.hpp"
#include "berth/queue/priority_rounds.hpp"
#include "berth/queue/time_shares.hpp"
#include "berth/simulate/events.hpp"
#include "berth/simulate/learned_speeds.hpp"
#include "berth/simulate/rounds.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <map>
#include <tuple>

namespace bench {

using berth::result;
using berth::simulation_run;

namespace {

struct event_usage {
    std::vector<usage_sample>* usage = nullptr;
    std::vector<stay>* stays = nullptr;
    std::vector<std::vector<std::size_t>>* open = nullptr;  ///< of each job: its stays that have not ended
    std::span<const berth::simulated_job> jobs{};
    std::uint32_t gpus_per_node = 0;

    void operator()(double now, std::uint64_t gpus, std::size_t waiting) const {
        if (usage != nullptr) usage->push_back({now, static_cast<double>(gpus), static_cast<double>(waiting)});
    }
    void change(double now, std::uint32_t job, std::span<const std::uint32_t> nodes) const {
        if (stays == nullptr) return;
        for (const std::size_t s : (*open)[job]) (*stays)[s].to_s = now;
        (*open)[job].clear();
        std::uint32_t left = jobs[job].gpus;
        for (const std::uint32_t n : nodes) {
            const std::uint32_t here = std::min(left, gpus_per_node);
            left -= here;
            (*open)[job].push_back(stays->size());
            stays->push_back({now, now, job, n, here});
        }
    }
};

/// Jobs in an order of `queue/`.
template <berth::queue_order Order>
auto in_order(Order order) {
    return [order](const event_setup& setup) {
        berth::event_rules rules;
        if (setup.muri) rules = berth::levelled_order<Order> ? berth::muri_level_rules() : berth::muri_rules();
        rules.running_first = berth::levelled_order<Order>;
        rules.steps_known = setup.steps_known;
        std::vector<std::vector<std::size_t>> open(setup.stays != nullptr ? setup.jobs.size() : 0);
        const berth::event_simulation<event_usage> simulation{
            setup.jobs,
            setup.cluster.nodes,
            setup.cluster.gpus,
            rules,
            {setup.usage, setup.stays, &open, setup.jobs, setup.cluster.gpus}};
        return simulation.run(order, control_of(setup));
    };
}

/// berth's own: looks ahead as far as it knows durations.
result<simulation_run> berth_in_order(const event_setup& setup) {
    if (setup.steps_known) return in_order(berth::look_ahead{})(setup);
    return in_order(berth::attained_levels{})(setup);
}

struct round_usage {
    std::vector<usage_sample>* usage = nullptr;
    std::vector<stay>* stays = nullptr;
    std::vector<std::size_t>* open = nullptr;  ///< of each job: one more than its stay that has not ended

    void operator()(std::uint64_t, const berth::round_view& view, std::span<const berth::model_index> chosen) const {
        if (stays != nullptr) follow(view, chosen);
        if (usage == nullptr) return;
        usage_sample sample{.at_s = view.now_s};
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            (chosen[j].valid() ? sample.gpus : sample.waiting) += chosen[j].valid() ? view.jobs[j].gpus : 1.0;
        }
        usage->push_back(sample);
    }
    /// A stay goes on as long as the job is on the same model; one that ends within its round is cut in `close`.
    void follow(const berth::round_view& view, std::span<const berth::model_index> chosen) const {
        for (std::size_t j = 0; j < chosen.size(); ++j) {
            const std::uint32_t job = view.jobs[j].id;
            std::size_t& at = (*open)[job];
            const bool runs = chosen[j].valid();
            if (at > 0 && runs && (*stays)[at - 1].place == chosen[j].value()) continue;
            if (at > 0) (*stays)[at - 1].to_s = view.now_s;
            at = 0;
            if (!runs) continue;
            stays->push_back({view.now_s, std::numeric_limits<double>::infinity(), job,
                              static_cast<std::uint32_t>(chosen[j].value()), view.jobs[j].gpus});
            at = stays->size();
        }
    }
    void close(const simulation_run& run) const {
        if (stays == nullptr) return;
        for (stay& s : *stays) {
            const berth::job_record& record = run.jobs[s.job];
            s.to_s = std::min(s.to_s, record.done() ? record.end_s : run.end_s);
        }
    }
};

/// The order of a round: from the list, or drawn, or always the same. A list that ends too early yields nothing.
struct round_order {
    std::span<const std::vector<berth::model_index>> listed;
    std::span<const berth::model_index> given;
    bool shuffles = false;
    std::uint64_t seed = 0;
    std::vector<berth::model_index>* drawn = nullptr;

    std::span<const berth::model_index> operator()(std::uint64_t round) const {
        if (!listed.empty()) {
            if (round >= listed.size()) return {};
            return listed[round].empty() ? given : std::span<const berth::model_index>{listed[round]};
        }
        if (!shuffles) return given;
        drawn->assign(given.begin(), given.end());
        berth::xoshiro256 draw{berth::stream_seed(seed, round)};
        berth::shuffle(draw, std::span<berth::model_index>{*drawn});
        return *drawn;
    }
};

/// All that can run there is equally fast, as far as anybody knows.
struct unknown_speeds {
    berth::matrix_view<const double> possible;

    void estimate(const berth::round_view& view, berth::matrix_view<double> out, berth::matrix_view<double>) const {
        for (std::size_t j = 0; j < view.jobs.size(); ++j) {
            for (std::size_t m = 0; m < out.cols(); ++m) out(j, m) = possible(view.jobs[j].id, m) > 0.0 ? 1.0 : 0.0;
        }
    }
};

/// Classes of jobs for learning: job type and GPUs; the family is the part of the type before the batch size.
berth::class_speed learner_of(const round_setup& setup, std::vector<std::size_t>& class_of) {
    berth::class_speed learner;
    for (const std::string& name : setup.models->names) static_cast<void>(learner.add_gpu_model(name));
    std::map<std::string, std::size_t> known;
    for (std::size_t j = 0; j < setup.jobs.size(); ++j) {
        const std::string& type = setup.trace->classes[j];
        const std::string gpus = " on " + std::to_string(setup.jobs[j].gpus);
        const auto [entry, fresh] = known.try_emplace(type + gpus, known.size());
        if (fresh) static_cast<void>(learner.add_class(type + gpus, type.substr(0, type.find(" (")) + gpus));
        class_of.push_back(entry->second);
    }
    return learner;
}

template <berth::round_policy Policy>
auto in_rounds(Policy policy, bool shuffles = false) {
    return [policy, shuffles](const round_setup& setup) -> result<simulation_run> {
        std::vector<berth::model_index> drawn;
        std::vector<std::size_t> open(setup.stays != nullptr ? setup.jobs.size() : 0);
        const round_usage watch{setup.usage, setup.stays, &open};
        const berth::round_simulation<round_order, round_usage> simulation{
            setup.jobs,
            setup.models->gpus,
            {setup.orders, setup.models->order, shuffles, setup.seed, &drawn},
            [&] {
                berth::round_rules rules = setup.gavel ? berth::gavel_rounds() : berth::round_rules{};
                rules.steps_known = setup.steps_known;
                return rules;
            }(),
            watch};
        const berth::matrix_view<const double> speeds{setup.speeds.data(), setup.jobs.size(),
                                                      setup.models->gpus.size()};
        const auto with_beliefs = [&](const auto& truth) -> result<simulation_run> {
            switch (setup.known) {
                case known_speeds::yes: break;
                case known_speeds::no: {
                    unknown_speeds beliefs{speeds};
                    return simulation.run(policy, truth, beliefs, control_of(setup));
                }
                case known_speeds::learned: {
                    std::vector<std::size_t> class_of;
                    berth::class_speed learner = learner_of(setup, class_of);
                    berth::learned_speeds<> beliefs{&learner, class_of, speeds};
                    return simulation.run(policy, truth, beliefs, control_of(setup));
                }
            }
            berth::table_speeds beliefs{speeds};
            return simulation.run(policy, truth, beliefs, control_of(setup));
        };
        auto run = with_beliefs(berth::uneven_speeds{speeds, setup.noise, setup.seed, setup.drifts});
        if (run) watch.close(*run);
        return run;
    };
}

template <berth::time_shares Shares>
auto by_shares(Shares shares, bool shuffles = false) {
    return in_rounds(berth::priority_rounds<Shares>{shares}, shuffles);
}

/// berth's own: for a batch that arrives at once, the end of the last job; else the mean completion time.
result<simulation_run> berth_in_rounds(const round_setup& setup) {
    const bool batch = setup.jobs.empty() || setup.jobs.front().arrival_s == setup.jobs.back().arrival_s;
    const bool makespan =
        setup.aim == wanted_aim::makespan || (setup.aim == wanted_aim::fitting && batch && setup.steps_known);
    return in_rounds(berth::berth_rounds{.aim = makespan ? berth::round_aim::makespan : berth::round_aim::completion})(
        setup);
}

}  // namespace

std::span<const event_policy> event_policies() {
    static const std::array policies{
        event_policy{"fifo", "the oldest first", in_order(berth::fifo{})},
        event_policy{"srtf", "least time still to run first", in_order(berth::shortest_remaining{})},
        event_policy{"srsf", "least time x GPUs still to run first", in_order(berth::shortest_service{})},
        event_policy{"tiresias", "least attained service in levels", in_order(berth::least_attained{})},
        event_policy{"berth", "least service first, with a look ahead", berth_in_order},
    };
    return policies;
}

std::span<const round_policy_entry> round_policies() {
    static const std::array policies{
        round_policy_entry{"fifo_perf", "the oldest first, on its fastest GPUs", false,
                           by_shares(berth::fifo_shares{})},
        round_policy_entry{"isolated", "an equal part of each model", true, by_shares(berth::isolated_shares{}, true)},
        round_policy_entry{"max_min_fairness", "the worst-off as well off as can be, all models alike", true,
                           by_shares(berth::max_min_shares{.by_speed = false}, true)},
        round_policy_entry{"max_min_fairness_perf", "the same by speeds", false, by_shares(berth::max_min_shares{})},
        round_policy_entry{"min_total_duration_perf", "all done as early as can be", false,
                           by_shares(berth::makespan_shares{})},
        round_policy_entry{"berth", "each round the most progress, the short and the late first", false,
                           berth_in_rounds},
    };
    return policies;
}

}  // namespace bench
