// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/result.hpp"
#include "berth/model/cluster_text.hpp"
#include "berth/scheduler/detail/mix_image.hpp"
#include "berth/scheduler/detail/scheduler_archive.hpp"
#include "berth/scheduler/detail/scheduler_image.hpp"
#include "berth/scheduler/scheduler.hpp"
#include "berth/scheduler/scheduler_options.hpp"
#include "berth/scheduler/scheduler_policies.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace berth::inline v0 {

template <class Policies>
template <class Archive>
void scheduler<Policies>::visit_own(Archive& a) {
    a.line("scheduler");
    detail::visit(a, "unrelieved", unrelieved_);
    detail::visit(a, "reordered", reordered_);
    detail::visit(a, "watched at", watched_at_);
    for (detail::claim_sweep& sweep : sweeps_) {
        a.line("sweep");
        detail::visit(a, "next", sweep.next);
        detail::visit(a, "end", sweep.end);
    }
    if constexpr (backfills) {
        detail::visit(a, "reserved at", reserved_at_);
        visit_reservations(a);
    }
}

/// With queues reservations last from one decision to the next. Which demand a slot is for is told by the task and its
/// alternative; without slots a reservation only keeps its rank.
template <class Policies>
template <class Archive>
void scheduler<Policies>::visit_reservations(Archive& a) {
    std::size_t lasting = 0;
    for (std::size_t i = 0; i < reservations_ && by_turns_; ++i) lasting += is_of_its_job(reserved_[i]) ? 1 : 0;
    const std::size_t count = detail::visit_count(a, "reservations", lasting);
    for (std::size_t i = 0, from = 0; i < count && a.ok(); ++i, ++from) {
        if constexpr (Archive::reads) {
            reserved_.emplace_back();
        } else {
            while (!is_of_its_job(reserved_[from])) ++from;
        }
        a.line("-");
        detail::reserved_job& r = reserved_[from];
        detail::visit(a, "job", r.job);
        if (r.job >= records_.size() || !jobs_.is_taken(r.job)) return a.refuse("job", "one that is there");
        r.sequence = records_[r.job].sequence;
        detail::visit(a, "from", r.from);
        detail::visit(a, "until", r.until);
        if (!(r.from > -detail::never && r.from < detail::never)) return a.refuse("from", "a time");
        auto slots = static_cast<std::uint32_t>(!Archive::reads && list_forms(r) ? r.slots.size() : 0);
        detail::visit(a, "slots", slots);
        if constexpr (Archive::reads) list_waiting(r.job);
        if (slots > handles_.size()) return a.refuse("slots", "at most one for each task that waits");
        for (std::uint32_t k = 0; k < slots; ++k) {
            const task_index t = *cluster_.find(handles_[k]);
            const auto others = cluster_.alternatives(t);
            slot where;
            std::uint32_t form = 0;
            if constexpr (!Archive::reads) {
                where = r.slots[k];
                form = forms_[k];
            }
            detail::visit(a, "slot", where);
            detail::visit(a, "alternative", form);
            if (!where.placed() || (form > 0 && form >= others.size()))
                return a.refuse("alternative", "one of its task, on a node");
            if constexpr (Archive::reads) {
                r.slots.push_back(where);
                r.shapes.push_back(others.empty() ? cluster_.workload().shape(t) : others[form].shape);
            }
        }
        if constexpr (Archive::reads) reservations_ = reserved_.size();
    }
}

template <class Policies>
std::string scheduler<Policies>::save() {
    detail::mix_image mix{placer_->mix(), cluster_.fleet()};
    start_line_anew();
    start_policies(mix);
    detail::archive_writer a;
    a.line("berth-scheduler");
    a.word(detail::scheduler_text_version);
    detail::scheduler_image{static_cast<scheduler_events&>(*this), a}.visit_all();
    visit_own(a);
    mix.visit_all(a, 0);
    a.line("cluster");
    a.text.push_back('\n');
    a.text.append(save_cluster(cluster_));
    return std::move(a.text);
}

template <class Policies>
result<std::unique_ptr<scheduler<Policies>>> scheduler<Policies>::load(std::string_view text, Policies policies,
                                                                       scheduler_options options) {
    constexpr std::string_view mark = "\ncluster\n";
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos)
        return error{error_code::malformed, "scheduler text: the line \"cluster\" is missing"};
    auto loaded = load_cluster(text.substr(at + mark.size()));
    if (!loaded) return loaded.error();
    std::unique_ptr<scheduler> made{new scheduler(std::move(*loaded), std::move(policies), options)};
    detail::archive_reader a{text.substr(0, at)};
    a.line("berth-scheduler");
    const std::uint64_t version = a.number("version", 0, ~std::uint64_t{0});
    if (version != detail::scheduler_text_version) a.refuse("version", "4");
    detail::scheduler_image{static_cast<scheduler_events&>(*made), a}.visit_all();
    made->visit_own(a);
    detail::mix_image mix;
    const resource_schema& schema = made->cluster_.fleet().schema();
    mix.visit_all(a, schema.gpu.size() + schema.node.size() + schema.domain.size());
    if (!a.ok()) return a.failure();
    if (const auto usable = mix.prior(made->cluster_.fleet()); !usable) return usable.error();
    made->start_line_anew();
    made->start_policies(mix);
    return made;
}

/// A scheduler as text, for `load_scheduler`: its cluster, jobs, states of places, claims and moves under way, and a
/// summary of the demands that arrived. Policies and options are not in it.
///
/// Saving *turns the page*: what policies remember of the past beyond that (smoothed readings, cooldowns, prices, the
/// exact mix of demands) is made anew from what is written, in the scheduler that is saved as well. So it and one that
/// is loaded from the text decide alike from then on. Answers of earlier decisions are no longer valid.
///
/// O(text), a few milliseconds for thousands of jobs.
template <class Policies>
[[nodiscard]] std::string save_scheduler(scheduler<Policies>& engine) {
    return engine.save();
}

/// Reads what `save_scheduler` wrote. Options and policies should be those of the saved one.
///
/// @return the scheduler; or an error that names line and field, nothing is built then
template <class Policies = scheduler_policies<>>
[[nodiscard]] result<std::unique_ptr<scheduler<Policies>>> load_scheduler(std::string_view text, Policies policies = {},
                                                                          scheduler_options options = {}) {
    return scheduler<Policies>::load(text, std::move(policies), options);
}

}  // namespace berth::inline v0
