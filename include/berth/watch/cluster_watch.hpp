// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/balance/cluster_readings.hpp"
#include "berth/core/flat.hpp"
#include "berth/core/handle.hpp"
#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/result.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/slot.hpp"
#include "berth/watch/clocks.hpp"
#include "berth/watch/concepts.hpp"
#include "berth/watch/contact_rule.hpp"
#include "berth/watch/energy.hpp"
#include "berth/watch/estimate.hpp"
#include "berth/watch/health.hpp"
#include "berth/watch/samples.hpp"
#include "berth/watch/watch_report.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

// Length: one run, with its records of GPUs, nodes and domains.

namespace berth::inline v0 {

/// What is known of a GPU.
struct gpu_watched {
    health_state health = health_state::well;  ///< see `health_state`
    const char* reason = "";                   ///< of the last warning or sickness; "" if there was none
    bool heard = false;                        ///< false: it is silent or was never heard of, and all else is old
    estimate load{};                           ///< share in use
    estimate temperature{};                    ///< °C
    estimate power{};                          ///< W
    energy_reading energy{};                   ///< since it is watched
};

/// What is known of a node.
struct node_watched {
    health_state health = health_state::well;  ///< of the node as a whole
    bool heard = false;                        ///< false: neither it nor a GPU of it is heard of
    estimate power{};                          ///< W
};

/// A watch over a living cluster. Made by `fleet_watch::start`.
///
/// Samples come in any order, with gaps, doubled and late; `update` is called at least once an interval, with a time of
/// the caller's own clock. Neither clock needs to be right: one that is set back or ahead makes nothing old.
///
/// Samples of GPUs that are not there are answered with false. What joins is unknown until it is heard of, what leaves
/// is forgotten, and what takes its place inherits nothing. The cluster is only read: `apply_health` tells it.
///
/// Deterministic. Not thread-safe. `observe` is O(checks), `update` O(nodes + GPUs + domains). Nothing is allocated
/// while the cluster does not grow and no more changes come at a time than before. Memory O(nodes + GPUs + domains), of
/// the largest number that there was at a time.
template <class Policy>
class cluster_watch {
public:
    /// As `fleet_watch::start`.
    cluster_watch(const Policy& policy, const cluster& lender)
        : policy_{policy},
          cluster_{&lender},
          clock_{policy.contact.interval, policy.contact.interval * policy.contact.max_step},
          steps_{policy.contact.interval * policy.contact.max_step} {
        fit();
    }

    /// Reads a sample of a GPU.
    ///
    /// @return true if it was news; false if it was seen before, is late, or of a GPU that is not there. An error that
    ///         names GPU and field if it is no sample: then nothing has changed
    [[nodiscard]] result<bool> observe(const gpu_sample& s) {
        if (auto ok = check(s); !ok) return ok.error();
        const slot at = cluster_->find(s.gpu);
        if (!at.placed()) return false;
        forget_reported();
        gpu_record& r = record(s.gpu, at.node, lowest_gpu(at.gpus));
        const auto step = steps_.observe(r.steps, s.time);
        if (!step) return false;
        r.heard_now = r.ever = true;
        follow(policy_.load, r.load, *step, s.load);
        follow(policy_.power, r.power, *step, s.power);
        const bool believed = follow(policy_.temperature, r.temperature, *step, s.temperature);
        policy_.energy.observe(r.energy, *step, s.power, s.energy);
        const double passed = *step < steps_.max_step ? *step : (*step == *step ? steps_.max_step : *step);
        const gpu_view view{s, passed, believed ? believe(policy_.temperature, r.temperature, 0.0) : estimate{},
                            shown(policy_.load, r.load, true, 0.0)};
        verdict v = policy_.checks.judge(r.checks, view);
        v.good |= silence_bit;
        judge(r.health, v, passed, {.time = s.time, .gpu = s.gpu, .node = cluster_->handle(at.node)}, &r.reason);
        note_told(r);
        return true;
    }
    /// Reads a sample of a node, as of a GPU.
    [[nodiscard]] result<bool> observe(const node_sample& s) {
        if (auto ok = check(s); !ok) return ok.error();
        const auto n = cluster_->find(s.node);
        if (!n) return false;
        forget_reported();
        node_record& r = record(s.node, *n);
        const auto step = steps_.observe(r.steps, s.time);
        if (!step) return false;
        r.heard_now = r.ever = true;
        follow(policy_.power, r.power, *step, s.power);
        verdict v{{severity::good}, 0, silence_bit};
        if (s.fault && *s.fault) v = {{severity::bad, "node fault"}, 1, silence_bit};
        if (s.fault && !*s.fault) v.good |= 1;
        judge(r.health, v, *step, {.time = s.time, .node = s.node}, nullptr);
        return true;
    }

    /// Time passes: finds what is silent, and hands out what changed since the update before. Sick GPUs that the
    /// cluster calls healthy are in it each time, until it was told.
    ///
    /// @param now  seconds, by the caller's clock
    /// @return     the report, or an error if the time is not finite
    [[nodiscard]] result<watch_report> update(double now) {
        if (const char* wrong = detail::fault_of_time(now))
            return detail::refuse(error_code::invalid_value, {"update: time", wrong});
        forget_reported();
        (void)clock_.advance(time_, now);
        fit();
        listen();
        announce(now);
        miss(now);
        reported_ = true;
        ++round_;
        return watch_report{now, health_.view(), contact_.view()};
    }

    /// What is known of a GPU; nothing is, if it is not there.
    [[nodiscard]] gpu_watched state(gpu_handle gpu) const noexcept {
        const gpu_record* r = known(gpus_, gpu);
        if (r == nullptr || !cluster_->find(gpu).placed()) return {};
        const double age = time_.elapsed - r->heard_at;
        gpu_watched out{.health = r->health.health, .reason = r->reason, .heard = r->ever && !r->silent};
        out.energy = r->energy.total;
        out.load = shown(policy_.load, r->load, out.heard, age);
        out.temperature = shown(policy_.temperature, r->temperature, out.heard, age);
        out.power = shown(policy_.power, r->power, out.heard, age);
        return out;
    }
    /// What is known of a node; nothing is, if it is not there.
    [[nodiscard]] node_watched state(node_handle node) const noexcept {
        const node_record* r = known(nodes_, node);
        if (r == nullptr || !cluster_->find(node)) return {};
        node_watched out{.health = r->health.health, .heard = r->ever && !r->silent};
        out.power = shown(policy_.power, r->power, out.heard, time_.elapsed - r->own_heard_at);
        return out;
    }
    /// Reports loads, temperatures and power that are known; what is old is left out. O(nodes + GPUs).
    void report_to(cluster_readings& readings) const {
        for_each_node([&](node_index n, node_handle node) {
            if (const estimate e = state(node).power; e.known()) readings.power(node, e.value);
            for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
                const gpu_handle gpu = cluster_->handle(n, lowest_gpu(rest));
                const gpu_watched now = state(gpu);
                if (now.load.known()) readings.gpu_load(gpu, now.load.value);
                if (now.temperature.known()) readings.temperature(gpu, now.temperature.value);
            }
        });
    }

private:
    using rule_state = typename Policy::rule_type::state;
    using smooth_state = typename Policy::smooth_type::state;
    using guarded_state = typename Policy::guarded_type::state;
    static constexpr double never = std::numeric_limits<double>::infinity();

    /// One quantity, and the seconds from its last sample to the last sample of its place.
    template <class State>
    struct series {
        State state{};
        double behind = never;
    };
    struct gpu_record {
        std::uint32_t generation = 0;
        bool ever = false;
        bool heard_now = false;  ///< since the last update
        bool silent = false;
        bool announced = false;  ///< as silent
        bool told = true;        ///< healthy, by the last change that mattered
        std::uint64_t told_in = 0;
        double heard_at = 0.0;  ///< in elapsed time
        sample_steps::state steps{};
        series<smooth_state> load{};
        series<smooth_state> power{};
        series<guarded_state> temperature{};
        energy_meter::state energy{};
        typename Policy::checks_type::state checks{};
        rule_state health{};
        const char* reason = "";
    };
    struct node_record {
        std::uint32_t generation = 0;
        bool ever = false;
        bool heard_now = false;
        bool silent = false;
        bool announced = false;
        double heard_at = 0.0;      ///< it or one of its GPUs
        double own_heard_at = 0.0;  ///< the node itself
        double back_at = 0.0;       ///< when it was last heard of again
        sample_steps::state steps{};
        series<smooth_state> power{};
        rule_state health{};
    };
    struct domain_record {
        std::uint32_t nodes = 0;  ///< that were ever heard of
        std::uint32_t silent = 0;
        bool announced = false;
        bool was_silent = false;
        double back_at = 0.0;  ///< when it was last heard of again
    };

    void forget_reported() noexcept {
        if (!reported_) return;
        health_.clear();
        contact_.clear();
        reported_ = false;
    }
    template <class Smoothing, class State>
    static bool follow(const Smoothing& policy, series<State>& s, double step, double x) {
        s.behind = step >= 0.0 ? s.behind + step : never;
        if (x != x) return false;
        const double since = s.behind < never ? s.behind : std::numeric_limits<double>::quiet_NaN();
        s.behind = 0.0;
        return policy.observe(s.state, since, x);
    }
    template <class Smoothing, class State>
    [[nodiscard]] static estimate believe(const Smoothing& policy, const series<State>& s, double age) {
        return {policy.value(s.state), policy.doubt(s.state, age), age};
    }
    template <class Smoothing, class State>
    [[nodiscard]] estimate shown(const Smoothing& policy, const series<State>& s, bool heard, double age) const {
        age += s.behind;
        if (!heard || policy_.contact.has_missed(age, policy_.contact.missed)) return {};
        return believe(policy, s, age);
    }
    void judge(rule_state& health, const verdict& v, double step, health_change change, const char** reason) {
        change.from = health.health;
        policy_.rule.advance(health, v, step);
        change.to = health.health;
        if (change.from == change.to) return;
        const bool worse = change.to == health_state::sick || change.to == health_state::suspect;
        if (worse) {
            change.reason = v.worst.reason;
            change.value = v.worst.value;
            if (reason != nullptr) *reason = v.worst.reason;
        }
        health_.push_back(change);
    }

    void note_told(gpu_record& r) const noexcept {
        if (usable(r.health.health) == r.told) return;
        r.told = usable(r.health.health);
        r.told_in = round_;
    }

    template <class Visit>
    void for_each_node(Visit visit) const {
        for (std::size_t i = 0; i < cluster_->fleet().node_count(); ++i) {
            const node_index n{i};
            if (cluster_->fleet().present(n)) visit(n, cluster_->handle(n));
        }
    }
    template <class Record, class Handle>
    [[nodiscard]] static const Record* known(const detail::growing<Record>& records, Handle h) noexcept {
        const bool there = h.position() < records.size() && records[h.position()].generation == h.generation();
        return there && h.valid() ? &records[h.position()] : nullptr;
    }
    [[nodiscard]] gpu_record& record(gpu_handle gpu, node_index n, std::size_t i) {
        if (gpus_.size() <= gpu.position()) gpus_.resize(gpu.position() + std::size_t{1});
        gpu_record& r = gpus_[gpu.position()];
        if (r.generation != gpu.generation()) {
            r = gpu_record{};
            r.generation = gpu.generation();
            r.heard_at = time_.elapsed;
            if (cluster_->healthy(n) && (cluster_->healthy_gpus(n) >> i & 1U) == 0) {
                policy_.rule.adopt(r.health);
                r.told = false;
            }
        }
        return r;
    }
    [[nodiscard]] node_record& record(node_handle node, node_index n) {
        if (nodes_.size() <= node.position()) nodes_.resize(node.position() + std::size_t{1});
        node_record& r = nodes_[node.position()];
        if (r.generation != node.generation()) {
            r = node_record{};
            r.generation = node.generation();
            r.heard_at = r.own_heard_at = time_.elapsed;
            if (!cluster_->healthy(n)) policy_.rule.adopt(r.health);
        }
        return r;
    }
    /// The innermost domain of a node; that of nodes without one comes after all others.
    [[nodiscard]] std::size_t rack(node_index n) const noexcept {
        const auto all = cluster_->fleet().domains(n);
        return all.empty() ? racks_.size() - 1 : all[0].value();
    }
    /// Room for whatever joined, so that samples find it.
    void fit() {
        if (structure_ == cluster_->structure_version()) return;
        structure_ = cluster_->structure_version();
        const domain_record outside = racks_.empty() ? domain_record{} : racks_.back();
        if (!racks_.empty()) racks_.pop_back();
        racks_.resize(cluster_->fleet().domain_count());
        racks_.push_back(outside);
        for_each_node([&](node_index n, node_handle node) {
            (void)record(node, n);
            for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1)
                (void)record(cluster_->handle(n, lowest_gpu(rest)), n, lowest_gpu(rest));
        });
    }
    /// Who was heard of since the last update, and who is silent.
    void listen() {
        for (domain_record& d : racks_) d.nodes = d.silent = 0;
        const double now = time_.elapsed;
        for_each_node([&](node_index n, node_handle handle) {
            node_record& node = record(handle, n);
            if (node.heard_now) node.own_heard_at = node.heard_at = now;
            for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
                gpu_record& gpu = record(cluster_->handle(n, lowest_gpu(rest)), n, lowest_gpu(rest));
                if (gpu.heard_now) {
                    gpu.heard_at = node.heard_at = now;
                    node.ever = true;
                }
                gpu.heard_now = false;
                gpu.silent = gpu.ever && policy_.contact.has_missed(now - gpu.heard_at, policy_.contact.missed);
            }
            node.heard_now = false;
            const bool was_silent = node.silent;
            node.silent = node.ever && policy_.contact.has_missed(now - node.heard_at, policy_.contact.missed);
            if (was_silent && !node.silent) node.back_at = now;
            domain_record& d = racks_[rack(n)];
            d.nodes += node.ever ? 1 : 0;
            d.silent += node.silent ? 1 : 0;
        });
        for (domain_record& d : racks_) {
            if (d.was_silent && !all_silent(d)) d.back_at = now;
            d.was_silent = all_silent(d);
        }
    }
    [[nodiscard]] static bool all_silent(const domain_record& d) noexcept { return d.nodes > 1 && d.silent == d.nodes; }

    /// Reports silence at the coarsest level, and its end wherever it was reported.
    void announce(double now) {
        const auto tell = [&](bool& announced, bool lost, bool heard, contact_change change) {
            if (lost == announced || (announced && !heard)) return;
            announced = change.lost = lost;
            change.time = now;
            contact_.push_back(change);
        };
        for (std::size_t d = 0; d < racks_.size(); ++d) {
            const bool silent = all_silent(racks_[d]);
            tell(racks_[d].announced, silent, !silent,
                 {.domain = d + 1 < racks_.size() ? domain_index{d} : domain_index{}});
        }
        for_each_node([&](node_index n, node_handle handle) {
            node_record& node = nodes_[handle.position()];
            tell(node.announced, node.silent && !all_silent(racks_[rack(n)]), !node.silent, {.node = handle});
        });
        for_each_node([&](node_index n, node_handle handle) {
            const bool silent = nodes_[handle.position()].silent;
            for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
                const gpu_handle h = cluster_->handle(n, lowest_gpu(rest));
                gpu_record& gpu = gpus_[h.position()];
                tell(gpu.announced, gpu.silent && !silent, !gpu.silent, {.gpu = h, .node = handle});
            }
        });
    }
    [[nodiscard]] static double later(double a, double b) noexcept { return a > b ? a : b; }
    /// What silence says about health, and what the cluster has not been told or has forgotten.
    void miss(double now) {
        const contact_rule& rule = policy_.contact;
        for_each_node([&](node_index n, node_handle handle) {
            node_record& node = nodes_[handle.position()];
            const domain_record& around = racks_[rack(n)];
            const double quiet = time_.elapsed - later(node.heard_at, around.back_at);
            if (node.silent && quiet >= rule.node_lost && !all_silent(around) && usable(node.health.health)) {
                judge(node.health, {{severity::bad, "no contact for seconds", quiet}, silence_bit}, 0.0,
                      {.time = now, .node = handle}, nullptr);
            }
            const gpu_mask healthy = cluster_->healthy(n) ? cluster_->healthy_gpus(n) : 0;
            for (gpu_mask rest = cluster_->gpus_there(n); rest != 0; rest &= rest - 1) {
                const gpu_handle h = cluster_->handle(n, lowest_gpu(rest));
                gpu_record& gpu = gpus_[h.position()];
                const double silent = time_.elapsed - later(gpu.heard_at, node.back_at);
                if (gpu.silent && !node.silent && rule.has_missed(silent, rule.missed) && usable(gpu.health.health)) {
                    const bool gone = rule.has_missed(silent, rule.lost);
                    judge(gpu.health,
                          {{gone ? severity::bad : severity::warning, "no contact for seconds", silent},
                           gone ? silence_bit : 0},
                          0.0, {.time = now, .gpu = h, .node = handle}, &gpu.reason);
                    note_told(gpu);
                }
                const health_state is = gpu.health.health;
                if (!usable(is) && (healthy >> lowest_gpu(rest) & 1U) != 0 && gpu.told_in != round_)
                    health_.push_back(
                        {.time = now, .gpu = h, .node = handle, .from = is, .to = is, .reason = gpu.reason});
            }
        });
    }

    Policy policy_;
    const cluster* cluster_;
    elapsed_time clock_;
    sample_steps steps_;
    elapsed_time::state time_{};
    std::uint64_t structure_ = ~std::uint64_t{0};
    std::uint64_t round_ = 1;
    bool reported_ = false;
    detail::growing<gpu_record> gpus_;    // by position of the handle
    detail::growing<node_record> nodes_;  // likewise
    detail::flat<domain_record> racks_;   // per domain, then that of nodes without one
    detail::flat<health_change> health_;
    detail::flat<contact_change> contact_;
};

}  // namespace berth::inline v0
