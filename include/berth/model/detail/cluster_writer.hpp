// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/index.hpp"
#include "berth/core/message.hpp"
#include "berth/core/position_pool.hpp"
#include "berth/core/text_words.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/detail/fleet_editor.hpp"
#include "berth/model/detail/workload_editor.hpp"
#include "berth/model/gpu_links.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"
#include "berth/model/slot_text.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0::detail {

inline constexpr std::uint64_t cluster_text_version = 1;

/// Writes the text of a cluster; `model/cluster_text.hpp` describes it.
class cluster_writer {
public:
    explicit cluster_writer(const cluster& c) : c_{c} {
        begin("berth-cluster").number(cluster_text_version).end();
        write_schema();
        write_nodes();
        write_demands();
        write_tasks();
        begin("end").number(lines_).end();
    }
    [[nodiscard]] std::string text() && { return std::move(text_); }

private:
    cluster_writer& begin(const char* kind) {
        text_.append(kind);
        return *this;
    }
    cluster_writer& word(const char* word) {
        text_.append(" ").append(word);
        return *this;
    }
    template <std::integral Number>
    cluster_writer& number(Number value) {
        text_.push_back(' ');
        phrase{value}.append_to(text_);
        return *this;
    }
    cluster_writer& numbers(std::span<const amount> values) {
        for (const amount value : values) number(value);
        return *this;
    }
    cluster_writer& capacities(std::span<const amount> values) {
        for (const amount value : values) value == max_amount ? word("unlimited") : number(value);
        return *this;
    }
    cluster_writer& hex(std::uint64_t value) {
        append_hex(text_, value);
        return *this;
    }
    cluster_writer& name(std::string_view name) {
        text_.push_back(' ');
        append_quoted_name(text_, name);
        return *this;
    }
    cluster_writer& place(const slot& where) {
        text_.push_back(' ');
        append_slot(text_, where);
        return *this;
    }
    template <class Index>
    cluster_writer& position(Index at) {
        return at.valid() ? number(at.value()) : word("-");
    }
    void end() {
        text_.push_back('\n');
        ++lines_;
    }

    void write_counters(const char* place, const std::vector<std::string>& names) {
        begin("counters").word(place);
        for (const std::string& counter : names) name(counter);
        end();
    }
    void write_schema() {
        const berth::fleet& fleet = c_.fleet_;
        const resource_schema& schema = fleet.schema();
        write_counters("gpu", schema.gpu);
        write_counters("node", schema.node);
        write_counters("domain", schema.domain);
        begin("roles").name(schema.roles.cpu).name(schema.roles.memory).name(schema.roles.gpu_memory).end();
        begin("models");
        for (std::size_t m = 0; m < fleet.model_count(); ++m) name(fleet.name(model_index{m}));
        end();
        for (std::size_t i = 0; i < fleet.domain_count(); ++i) {
            const domain_index d{i};
            begin("domain").name(fleet.name(d)).number(fleet.level(d)).capacities(fleet.capacity(d)).end();
        }
    }
    void write_nodes() {
        const berth::fleet& fleet = c_.fleet_;
        for (std::size_t i = 0; i < fleet.node_count(); ++i) {
            const node_index n{i};
            begin("node").number(i).number(c_.nodes_.generation(i)).number(fleet.gpu(n, 0).value());
            number(fleet_editor::room(fleet, n));
            if (!fleet.present(n)) {
                word("vacant").end();
                continue;
            }
            name(fleet.name(n)).word(c_.healthy(n) ? "healthy" : "sick").word(c_.open(n) ? "open" : "closed");
            capacities(fleet.capacity(n)).word("domains");
            for (const domain_index d : fleet.domains(n)) name(fleet.name(d));
            end();
            for (std::size_t g = 0; g < fleet.gpu_count(n); ++g) write_gpu(n, g);
            if (const gpu_links links = fleet.links(n); links.known()) write_links(links);
        }
        for (std::size_t id = 0; id < c_.gpus_.size(); ++id) {
            if (!c_.gpus_.is_taken(id)) write_vacant("identity", id, c_.gpus_);
        }
    }
    void write_gpu(node_index n, std::size_t g) {
        const berth::fleet& fleet = c_.fleet_;
        const auto& state = c_.node_states_[n.value()];
        const gpu_handle handle = c_.handle(n, g);
        begin("gpu").number(g).number(handle.position()).number(handle.generation()).name(c_.uuid(n, g));
        name(fleet.name(fleet.model(fleet.gpu(n, g))));
        // A GPU that is missing has neither health nor capacity.
        if ((state.there >> g & 1U) == 0) {
            word("missing").end();
            return;
        }
        word("there").word((state.healthy_gpus >> g & 1U) != 0 ? "healthy" : "sick");
        capacities(fleet.capacity(fleet.gpu(n, g))).end();
    }
    void write_links(gpu_links links) {
        begin("links");
        for (std::size_t i = 0; i < links.size(); ++i) {
            for (std::size_t j = i + 1; j < links.size(); ++j) number(links(i, j));
        }
        end();
    }
    void write_vacant(const char* kind, std::size_t position, const position_pool& pool) {
        begin(kind).number(position).number(pool.generation(position)).word("vacant").end();
    }
    void write_demands() {
        const berth::workload& work = c_.work_;
        for (std::size_t i = 0; i < c_.shapes_.size(); ++i) {
            const shape_index s{i};
            if (!c_.shapes_.is_taken(i)) {
                write_vacant("shape", i, c_.shapes_);
                continue;
            }
            const demand_view demand = work.demand(s);
            begin("shape").number(i).number(c_.shapes_.generation(i)).number(demand.gpus);
            word("gpu").numbers(demand.gpu).word("node").numbers(demand.node).word("domain").numbers(demand.domain);
            word("accepts").name(work.accepted_text(s));
            text_.push_back(' ');
            hex(demand.accepted_models).word(demand.same_model ? "same-model" : "any-model");
            amount most = 0;
            for (const amount of : demand.gpu) most = of > most ? of : most;
            if (demand.gpus > 0 && most == 0) word("takes-nothing");
            end();
        }
        begin("idle");
        c_.idle_shapes_.for_each([&](std::size_t s) { number(s); });
        end();
    }
    void write_tasks() {
        const berth::workload& work = c_.work_;
        for (std::size_t i = 0; i < c_.groups_.size(); ++i) {
            const group_index g{i};
            begin("group").number(i);
            if (!c_.groups_.is_taken(i)) {
                word("vacant").end();
                continue;
            }
            name(work.name(g)).word(work.is_gang(g) ? "gang" : "plain");
            number(workload_editor::given_min_tasks(work, g)).end();
        }
        for (std::size_t i = 0; i < c_.tasks_.size(); ++i) {
            const task_index t{i};
            if (!c_.tasks_.is_taken(i)) {
                write_vacant("task", i, c_.tasks_);
                continue;
            }
            begin("task").number(i).number(c_.tasks_.generation(i)).name(work.name(t));
            number(work.shape(t).value()).position(work.group(t)).number(work.priority(t)).number(work.state_bytes(t));
            word(work.same_model(t) ? "same-model" : "any-model").place(c_.where_[i]).end();
        }
        for (std::size_t i = 0; i < c_.tasks_.size(); ++i) {
            const auto listed = c_.alternatives_[i];
            if (listed.empty()) continue;
            begin("alternatives").number(i).number(c_.runs_with_[i]);
            for (const task_alternative& one : listed) {
                number(one.shape.value());
                text_.push_back(' ');
                hex(std::bit_cast<std::uint64_t>(one.speed));
            }
            end();
        }
        for (const task_index t : c_.moving_) begin("move").number(t.value()).place(c_.target_[t.value()]).end();
        for (std::size_t r = 0; r < c_.reservations_.size(); ++r) {
            if (!c_.reservations_.is_taken(r)) {
                write_vacant("reservation", r, c_.reservations_);
                continue;
            }
            begin("reservation").number(r).number(c_.reservations_.generation(r));
            number(c_.reserved_[r].shape.value()).place(c_.reserved_[r].where).end();
        }
    }

    const cluster& c_;
    std::string text_;
    std::size_t lines_ = 0;
};

}  // namespace berth::inline v0::detail
