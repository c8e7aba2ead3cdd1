// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/scheduler/detail/mig_copies.hpp"
#include "berth/scheduler/detail/queue_copies.hpp"
#include "berth/scheduler/detail/scheduler_archive.hpp"
#include "berth/scheduler/job_description.hpp"
#include "berth/scheduler/job_ref.hpp"
#include "berth/scheduler/place_reading.hpp"
#include "berth/scheduler/scheduler_events.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Length: every event in both directions.

namespace berth::inline v0::detail {

inline constexpr std::size_t most_demands = (std::size_t{1} << 20U) + 1;  // of a job, and of each of its tasks

/// A demand with its own memory.
struct demand_copy {
    std::uint64_t gpus = 1;
    std::vector<amount> gpu{};
    std::vector<amount> node{};
    std::vector<amount> domain{};
    kept_texts models{};
    double speed = 1.0;
    bool same_model = false;

    template <class Demand>
    void assign(const Demand& d) {
        gpus = d.gpus;
        gpu.assign(d.gpu_demand.begin(), d.gpu_demand.end());
        node.assign(d.node_demand.begin(), d.node_demand.end());
        domain.assign(d.domain_demand.begin(), d.domain_demand.end());
        models.assign(d.accepted_models);
    }
    template <class Archive>
    void visit_all(Archive& a) {
        visit(a, "gpus", gpus);
        visit(a, "gpu demand", gpu);
        visit(a, "node demand", node);
        visit(a, "domain demand", domain);
        visit(a, "models", models);
        visit(a, "speed", speed);
        visit(a, "same model", same_model);
    }
};

/// An event with its own memory: written to a journal, read from one, and given to a scheduler again.
class event_record {
public:
    static constexpr std::uint8_t domain_event = 200;
    static constexpr std::uint8_t carried_out = 201;
    static constexpr std::uint8_t page_turned = 202;
    static constexpr std::uint8_t board_event = 203;

    std::uint8_t kind = 0;  ///< `event_kind`, or one of the above
    double time = 0.0;

    [[nodiscard]] static event_record of(event_kind kind, double time) {
        event_record e;
        e.kind = static_cast<std::uint8_t>(kind);
        e.time = time;
        return e;
    }
    [[nodiscard]] bool is(event_kind other) const noexcept { return kind == static_cast<std::uint8_t>(other); }

    event_record& place(const place_ref& p) {
        named_place_ = p.named();
        is_gpu_ = p.is_gpu();
        node_name_ = p.node_name();
        gpu_name_ = p.gpu_name();
        node_ = p.node();
        gpu_ = p.gpu();
        return *this;
    }
    event_record& job(const job_ref& j, std::uint32_t task = every_task) {
        named_job_ = j.named();
        job_name_ = j.name();
        job_ = j.handle();
        task_ = task;
        return *this;
    }
    event_record& numbers(std::initializer_list<double> values) {
        std::size_t i = 0;
        for (const double value : values) numbers_[i++] = value;
        return *this;
    }
    event_record& flag(bool value) {
        flag_ = value;
        return *this;
    }
    event_record& where(const slot& s) {
        where_ = s;
        return *this;
    }
    event_record& domain(std::string_view name, std::size_t level, std::span<const amount> capacity) {
        kind = domain_event;
        node_name_ = name;
        level_ = level;
        amounts_.assign(capacity.begin(), capacity.end());
        return *this;
    }
    event_record& node(const node_description& n) {
        node_name_ = n.name;
        flag_ = n.healthy;
        amounts_.assign(n.capacity.begin(), n.capacity.end());
        links_.assign(n.gpu_links.begin(), n.gpu_links.end());
        texts_.assign(n.domains);
        gpus_.resize(n.gpus.size());
        for (std::size_t g = 0; g < gpus_.size(); ++g) {
            gpus_[g].model = n.gpus[g].model;
            gpus_[g].uuid = n.gpus[g].uuid;
            gpus_[g].healthy = n.gpus[g].healthy;
            gpus_[g].mig_board = n.gpus[g].mig_board;
            gpus_[g].capacity.assign(n.gpus[g].capacity.begin(), n.gpus[g].capacity.end());
        }
        return *this;
    }
    event_record& job(const job_description& d) {
        job_name_ = d.name;
        counts_[0] = d.task_count;
        counts_[1] = d.min_tasks;
        flag_ = d.same_model;
        priority_ = d.priority;
        state_bytes_ = d.state_bytes;
        numbers({d.terms.work, d.terms.duration, d.terms.delay});
        preemptible_ = d.terms.preemptible;
        restart_ = d.terms.restart;
        class_ = d.terms.job_class;
        queue_.name = d.terms.queue;
        mig_profile_ = d.mig_profile;
        rules_.assign(d.terms.place);
        demands_.resize(1 + d.tasks.size() + d.alternatives.size());
        demands_[0].assign(d);
        demands_[0].speed = d.speed;
        for (std::size_t i = 0; i < d.tasks.size(); ++i) demands_[1 + i].assign(d.tasks[i]);
        listed_ = static_cast<std::uint32_t>(d.tasks.size());
        for (std::size_t i = 0; i < d.alternatives.size(); ++i) {
            demand_copy& to = demands_[1 + d.tasks.size() + i];
            to.assign(d.alternatives[i]);
            to.speed = d.alternatives[i].speed;
            to.same_model = d.alternatives[i].same_model;
        }
        return *this;
    }

    event_record& board(const mig_board& of) {
        kind = board_event;
        board_.assign(of);
        return *this;
    }
    /// Of a slice that runs at a place.
    event_record& offset(std::uint32_t of) { return numbers({static_cast<double>(of)}).flag(true); }
    event_record& queue(const queue_description& d) {
        queue_.assign(d);
        return *this;
    }
    event_record& labels(std::span<const std::string_view> of) {
        texts_.assign(of);
        return *this;
    }

    /// Whether a record holds these: what is longer could be written, and not be read again.
    [[nodiscard]] static bool holds(std::span<const amount> amounts) noexcept { return amounts.size() <= most_listed; }
    [[nodiscard]] static bool holds(const queue_description& d) noexcept {
        return d.quota.size() <= most_listed && d.limit.size() <= most_listed;
    }
    [[nodiscard]] static bool holds(const node_description& n) noexcept {
        bool all = holds(n.capacity) && n.domains.size() <= most_listed && n.gpus.size() <= 64;
        for (const gpu_description& g : n.gpus) all = all && holds(g.capacity);
        return all;
    }
    [[nodiscard]] static bool holds(const job_description& d) noexcept {
        bool all = holds_demand(d) && rules_copy::holds(d.terms.place) && d.tasks.size() < most_demands &&
                   d.alternatives.size() < most_demands && 1 + d.tasks.size() + d.alternatives.size() <= most_demands;
        for (const job_task& t : d.tasks) all = all && holds_demand(t);
        for (const alternative_description& t : d.alternatives) all = all && holds_demand(t);
        return all;
    }

    template <class Archive>
    void visit_all(Archive& a) {
        a.line("event");
        visit(a, "kind", kind);
        visit(a, "time", time);
        if (kind == carried_out || kind == page_turned || is(event_kind::decide)) return;
        if (is(event_kind::job)) return visit_job(a);
        if (is(event_kind::queue)) return queue_.visit_all(a);
        if (kind == board_event) return board_.visit_all(a);
        if (is(event_kind::node) || kind == domain_event) return visit_node(a);
        visit(a, "named", named_place_);
        visit(a, "of a GPU", is_gpu_);
        a.string("node", node_name_);
        a.string("gpu", gpu_name_);
        visit(a, "node", node_);
        visit(a, "gpu", gpu_);
        visit(a, "named", named_job_);
        a.string("job", job_name_);
        visit(a, "job", job_);
        visit(a, "task", task_);
        visit(a, "flag", flag_);
        visit(a, "where", where_);
        for (double& x : numbers_) visit(a, "number", x);
        if (is(event_kind::labels)) visit(a, "labels", texts_);
    }

    /// Does it again; `decide` is the caller's.
    [[nodiscard]] result<void> replay(scheduler_events& to) const {
        const auto outcome = [](const auto& done) { return done ? result<void>{} : result<void>{done.error()}; };
        const place_limits limits{numbers_[0], numbers_[1], numbers_[2]};
        if (kind == domain_event) return outcome(to.domain(node_name_, level_, amounts_));
        if (kind == board_event) {
            auto made = board_.make();
            return made ? outcome(to.mig_board(std::move(*made))) : result<void>{made.error()};
        }
        switch (static_cast<event_kind>(kind)) {
            case event_kind::node: return outcome(replay_node(to));
            case event_kind::node_gone: return outcome(to.node_gone(time, place()));
            case event_kind::close: return outcome(to.close(time, place()));
            case event_kind::open: return outcome(to.open(time, place()));
            case event_kind::drain: return outcome(to.drain(time, place()));
            case event_kind::health: return outcome(to.health(time, place(), flag_));
            case event_kind::reading:
                return outcome(
                    to.reading(time, place(), {numbers_[0], numbers_[1], numbers_[2], numbers_[3], numbers_[4]}));
            case event_kind::threshold:
                return flag_ ? outcome(to.threshold(time, limits)) : outcome(to.threshold(time, place(), limits));
            case event_kind::job: return outcome(replay_job(to));
            case event_kind::running: return outcome(replay_running(to));
            case event_kind::finish: return outcome(to.finish(time, job(), task_));
            case event_kind::cancel: return outcome(to.cancel(time, job(), task_));
            case event_kind::stopped: return outcome(to.stopped(time, job(), task_));
            case event_kind::moved: return outcome(to.moved(time, job(), task_));
            case event_kind::failed: return outcome(to.failed(time, job(), task_));
            case event_kind::progress: return outcome(to.progress(time, job(), numbers_[0]));
            case event_kind::queue:
                return queue_.describe([&](const queue_description& d) { return outcome(to.queue(time, d)); });
            case event_kind::labels: return outcome(to.labels(time, place(), texts_.views()));
            case event_kind::decide: break;
        }
        return error{error_code::malformed, "scheduler journal: an event of no known kind"};
    }

private:
    struct gpu_copy {
        std::string model{};
        std::string uuid{};
        bool healthy = true;
        std::vector<amount> capacity{};
        std::string mig_board{};
    };

    template <class Demand>
    [[nodiscard]] static bool holds_demand(const Demand& d) noexcept {
        return holds(d.gpu_demand) && holds(d.node_demand) && holds(d.domain_demand) &&
               d.accepted_models.size() <= most_listed;
    }
    [[nodiscard]] place_ref place() const {
        if (named_place_) return {std::string_view{node_name_}, std::string_view{gpu_name_}};
        return is_gpu_ ? place_ref{gpu_} : place_ref{node_};
    }
    [[nodiscard]] job_ref job() const { return named_job_ ? job_ref{std::string_view{job_name_}} : job_ref{job_}; }

    template <class Archive>
    void visit_node(Archive& a) {
        a.string("name", node_name_);
        visit(a, "healthy", flag_);
        visit(a, "level", level_);
        visit(a, "capacity", amounts_);
        visit(a, "domains", texts_);
        auto count = static_cast<std::uint32_t>(gpus_.size());
        visit(a, "gpus", count);
        if (count > 64) return a.refuse("gpus", "at most 64");
        visit(a, "links", links_);
        gpus_.resize(count);
        for (gpu_copy& g : gpus_) {
            a.string("model", g.model);
            a.string("uuid", g.uuid);
            visit(a, "healthy", g.healthy);
            visit(a, "capacity", g.capacity);
            a.string("mig board", g.mig_board);
        }
    }
    template <class Archive>
    void visit_job(Archive& a) {
        a.string("name", job_name_);
        visit(a, "tasks", counts_[0]);
        visit(a, "least", counts_[1]);
        visit(a, "same model", flag_);
        visit(a, "priority", priority_);
        visit(a, "state", state_bytes_);
        for (std::size_t i = 0; i < 3; ++i) visit(a, "number", numbers_[i]);
        visit(a, "preemptible", preemptible_);
        visit(a, "restart", restart_);
        a.string("class", class_);
        visit(a, "listed", listed_);
        auto count = static_cast<std::uint32_t>(demands_.size());
        visit(a, "demands", count);
        if (count == 0 || count > most_demands || listed_ >= count) return a.refuse("demands", "1 or more");
        for (std::size_t i = 0; i < count && a.ok(); ++i) {
            if constexpr (Archive::reads) demands_.emplace_back();  // one by one: the text may be short
            demands_[i].visit_all(a);
        }
        a.string("queue", queue_.name);
        a.string("mig profile", mig_profile_);
        rules_.visit_all(a);
    }
    [[nodiscard]] result<node_handle> replay_node(scheduler_events& to) const {
        std::vector<gpu_description> gpus;
        gpus.reserve(gpus_.size());
        for (const gpu_copy& g : gpus_) gpus.push_back({g.model, g.capacity, g.healthy, g.uuid, g.mig_board});
        const auto domains = texts_.views();
        return to.node(time, node_description{node_name_, amounts_, gpus, domains, flag_, links_});
    }
    [[nodiscard]] result<bool> replay_running(scheduler_events& to) const {
        if (!flag_) return to.running(time, job(), task_, where_);
        const bool usable = numbers_[0] >= 0.0 && numbers_[0] < 64.0;
        return to.running_slice(time, job(), task_, place(), usable ? static_cast<std::uint32_t>(numbers_[0]) : 64);
    }
    [[nodiscard]] result<job_handle> replay_job(scheduler_events& to) const {
        std::vector<std::vector<std::string_view>> models;
        models.reserve(demands_.size());
        for (const demand_copy& d : demands_) models.push_back(d.models.views());
        std::vector<job_task> tasks;
        std::vector<alternative_description> others;
        for (std::size_t i = 1; i < demands_.size(); ++i) {
            const demand_copy& d = demands_[i];
            const auto gpus = static_cast<std::size_t>(d.gpus);
            if (i <= listed_) {
                tasks.push_back({gpus, d.gpu, d.node, d.domain, models[i]});
            } else {
                others.push_back({gpus, d.gpu, d.node, d.domain, models[i], d.same_model, d.speed});
            }
        }
        const demand_copy& d = demands_[0];
        std::vector<std::string_view> views[5];
        const place_rules rules = rules_.describe(views);
        return to.job(time, {.name = job_name_,
                             .task_count = static_cast<std::size_t>(counts_[0]),
                             .tasks = tasks,
                             .min_tasks = static_cast<std::size_t>(counts_[1]),
                             .gpus = static_cast<std::size_t>(d.gpus),
                             .gpu_demand = d.gpu,
                             .node_demand = d.node,
                             .domain_demand = d.domain,
                             .accepted_models = models[0],
                             .alternatives = others,
                             .speed = d.speed,
                             .same_model = flag_,
                             .mig_profile = mig_profile_,
                             .priority = priority_,
                             .state_bytes = state_bytes_,
                             .terms = {.preemptible = preemptible_,
                                       .restart = restart_,
                                       .work = numbers_[0],
                                       .duration = numbers_[1],
                                       .delay = numbers_[2],
                                       .job_class = class_,
                                       .queue = queue_.name,
                                       .place = rules}});
    }

    bool named_place_ = false;
    bool is_gpu_ = false;
    bool named_job_ = false;
    bool flag_ = false;
    bool preemptible_ = true;
    bool restart_ = true;
    std::string node_name_{};
    std::string gpu_name_{};
    std::string job_name_{};
    std::string class_{};
    node_handle node_{};
    gpu_handle gpu_{};
    job_handle job_{};
    std::uint32_t task_ = every_task;
    std::uint32_t listed_ = 0;
    slot where_{};
    double numbers_[5]{};
    std::uint64_t counts_[2]{};
    std::uint64_t level_ = 0;
    int priority_ = 0;
    amount state_bytes_ = 0;
    std::vector<amount> amounts_;
    std::vector<amount> links_;
    kept_texts texts_;
    std::vector<gpu_copy> gpus_;
    std::vector<demand_copy> demands_;
    queue_copy queue_;  // of a job its name alone
    rules_copy rules_;
    std::string mig_profile_;
    mig_board_copy board_;
};

}  // namespace berth::inline v0::detail
