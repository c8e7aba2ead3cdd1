// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/core/index.hpp"
#include "berth/core/position_pool.hpp"
#include "berth/core/result.hpp"
#include "berth/core/sort_positions.hpp"
#include "berth/model/cluster.hpp"
#include "berth/model/detail/cluster_writer.hpp"
#include "berth/model/detail/fleet_editor.hpp"
#include "berth/model/detail/line_reader.hpp"
#include "berth/model/detail/workload_editor.hpp"
#include "berth/model/gpu_links.hpp"
#include "berth/model/resources.hpp"
#include "berth/model/slot.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Length: one text format; its sections are read in the order in which cluster_writer.hpp writes them.

namespace berth::inline v0::detail {

/// Builds a cluster from its text; `model/cluster_text.hpp` describes it. Everything that the text says is checked
/// before it is written, and what is read last is checked against what came first.
class cluster_loader {
public:
    [[nodiscard]] static result<cluster> load(std::string_view text) {
        line_reader in{text};
        in.begin("berth-cluster");
        const std::uint64_t version = in.number("version", 1'000'000);
        if (version != cluster_text_version) in.refuse("version", std::to_string(version), {cluster_text_version});
        in.end();
        resource_schema schema = read_schema(in);
        if (!in.ok()) return in.failure();
        cluster_loader loader{std::move(in), std::move(schema)};
        for (const char c : text) loader.most_ += c == '\n' ? 1 : 0;
        loader.read_models();
        loader.read_domains();
        loader.lay_nodes_out();
        loader.read_nodes();
        loader.read_identities();
        loader.read_shapes();
        loader.read_idle_shapes();
        loader.read_groups();
        loader.read_tasks();
        loader.read_alternatives();
        loader.read_moves();
        loader.read_reservations();
        loader.read_end();
        if (!loader.in_.ok()) return loader.in_.failure();
        return std::move(loader.made_);
    }

private:
    cluster_loader(line_reader in, resource_schema schema)
        : in_{std::move(in)}, made_{std::move(schema)}, fleet_{made_.fleet_}, work_{made_.work_} {}

    [[nodiscard]] bool ok() const noexcept { return in_.ok(); }
    [[nodiscard]] bool next(std::string_view kind) const noexcept { return ok() && in_.next_kind() == kind; }

    // ---- schema -----------------------------------------------------------------------------------------------------
    [[nodiscard]] static std::vector<std::string> read_counters(line_reader& in, const char* place) {
        std::vector<std::string> names;
        in.begin("counters");
        in.expect(place);
        while (in.line_has_more()) names.push_back(in.name("counter"));
        return names;
    }
    [[nodiscard]] static resource_schema read_schema(line_reader& in) {
        resource_schema schema;
        schema.gpu = read_counters(in, "gpu");
        schema.node = read_counters(in, "node");
        schema.domain = read_counters(in, "domain");
        in.begin("roles");
        schema.roles.cpu = in.name("cpu");
        schema.roles.memory = in.name("memory");
        schema.roles.gpu_memory = in.name("gpu-memory");
        in.end();
        if (!in.ok()) return schema;
        if (auto usable = cluster::check(schema); !usable) in.refuse(usable.error());
        return schema;
    }
    void read_models() {
        in_.begin("models");
        while (in_.line_has_more()) {
            const std::string name = in_.name("model");
            if (!ok()) return;
            if (fleet_.find_model(name)) return in_.refuse("model", name, {"one that is not listed yet"});
            const model_index m = fleet_editor{made_.fleet_}.find_or_add_model(name);
            workload_editor{made_.work_}.set_model_count(made_.fleet_.model_count());
            if (!m.valid()) return in_.refuse("model", name, {"at most ", max_models, " models"});
        }
    }
    [[nodiscard]] std::span<const amount> read_capacities(std::size_t counters) {
        amounts_.clear();
        for (std::size_t r = 0; r < counters; ++r) amounts_.push_back(in_.capacity("capacity"));
        return amounts_.view();
    }
    void read_domains() {
        while (next("domain")) {
            in_.begin("domain");
            const std::string name = in_.name("name");
            const std::size_t level = in_.number("level", 1'000'000);
            const auto capacities = read_capacities(fleet_.schema().domain.size());
            in_.end();
            if (!ok()) return;
            if (auto added = made_.add_domain(name, level, capacities); !added) in_.refuse(added.error());
        }
    }

    // ---- nodes ------------------------------------------------------------------------------------------------------
    void read_position(std::size_t expected) {
        const std::uint64_t position = in_.number("position", most_);
        if (position != expected) in_.refuse("position", std::to_string(position), {expected});
    }
    /// First all rooms for GPUs, in the order in which they lie: the positions of GPUs are those of the saved cluster.
    void lay_nodes_out() {
        const line_reader before = in_;
        flat<std::size_t> line;
        flat<std::size_t> first;
        flat<std::size_t> room;
        while (next("node") || next("gpu") || next("links")) {
            const bool node = next("node");
            in_.begin(node ? "node" : next("gpu") ? "gpu" : "links");
            if (node) {
                read_position(first.size());
                (void)in_.generation(0);
                first.push_back(in_.number("first-gpu", max_gpus_per_node * most_));
                room.push_back(in_.number("room", max_gpus_per_node));
                line.push_back(in_.lines());
            }
            in_.skip();
        }
        if (!ok()) return;
        const auto order = sorted_positions(first.size(), [&](std::size_t a, std::size_t b) {
            return first[a] != first[b] ? first[a] < first[b] : room[a] < room[b];
        });
        std::size_t end = 0;
        for (const std::size_t p : order) {
            if (first[p] != end) {
                return in_.refuse_line(line[p], "first-gpu", std::to_string(first[p]),
                                       {end, ", so that rooms lie side by side"});
            }
            end += room[p];
            (void)made_.append_vacant(room[p]);
        }
        // The i-th room went to position i; it belongs to order[i].
        flat<std::size_t> room_at(order.size());
        flat<std::size_t> place_of(order.size());
        for (std::size_t i = 0; i < order.size(); ++i) room_at[i] = place_of[i] = i;
        for (std::size_t i = 0; i < order.size(); ++i) {
            const std::size_t from = place_of[i];
            const std::size_t to = order[i];
            if (from == to) continue;
            fleet_editor{made_.fleet_}.swap_rooms(node_index{from}, node_index{to});
            std::swap(room_at[from], room_at[to]);
            place_of[room_at[from]] = from;
            place_of[room_at[to]] = to;
        }
        in_ = before;
    }
    void read_nodes() {
        for (std::size_t i = 0; next("node"); ++i) {
            in_.begin("node");
            read_position(i);
            const std::uint32_t generation = in_.generation(0);
            (void)in_.number("first-gpu", max_gpus_per_node * most_);
            (void)in_.number("room", max_gpus_per_node);
            if (!ok()) return;
            if (in_.next_is("vacant")) {
                in_.end();
                made_.nodes_.set_generation(i, generation);
            } else {
                read_node(node_index{i}, generation);
            }
        }
        made_.vacant_nodes_.clear();
        for (std::size_t i = 0; i < made_.nodes_.size(); ++i) {
            const node_index n{i};
            if (!made_.nodes_.is_taken(i)) made_.vacant_nodes_.add(fleet_editor::room(fleet_, n), n);
        }
    }
    void read_node(node_index n, std::uint32_t generation) {
        fleet_editor editor{made_.fleet_};
        const std::string name = in_.name("name");
        cluster::node_record state;
        state.healthy = in_.either("health", "healthy", "sick");
        state.open = in_.either("open", "open", "closed");
        const auto capacities = read_capacities(fleet_.schema().node.size());
        in_.expect("domains");
        flat<domain_index> domains;
        while (in_.line_has_more()) {
            const std::string domain = in_.name("domain");
            const auto d = fleet_.find_domain(domain);
            if (!d) return in_.refuse("domain", domain, {"one that is listed above"});
            if (!domains.empty() && fleet_.level(domains.back()) >= fleet_.level(*d)) {
                return in_.refuse("domain", domain, {"domains in ascending order of levels"});
            }
            domains.push_back(*d);
        }
        if (generation == 0) in_.refuse("generation", "0", {"at least 1"});
        if (!ok()) return;
        if (name.empty() || fleet_.find_node(name)) return in_.refuse("name", name, {"a name of its own"});
        editor.set_name(n, name);
        editor.set_capacity(n, capacities);
        editor.reserve_domains(n, domains.view());
        editor.set_domains(n, domains.view());
        std::size_t gpus = 0;
        for (; next("gpu"); ++gpus) read_gpu(n, gpus, state);
        if (!ok()) return;
        made_.node_states_[n.value()] = state;
        made_.write_state(n, gpus);
        const std::string links = next("links") ? read_links(gpus) : std::string{};
        if (!ok()) return;
        editor.number(n, links);
        made_.nodes_.set_generation(n.value(), generation - 1);
        made_.nodes_.take(n.value());
        made_.set_free_from(n, {});
        ++made_.structure_;
        made_.note(n);
    }
    /// As `fleet_editor::link_image`.
    [[nodiscard]] std::string read_links(std::size_t gpus) {
        in_.begin("links");
        flat<amount> scores(gpus * gpus, 0);
        for (std::size_t i = 0; i < gpus; ++i) {
            for (std::size_t j = i + 1; j < gpus; ++j) {
                const auto score = static_cast<amount>(in_.number("score", gpu_links::max_score));
                scores[i * gpus + j] = score;
                scores[j * gpus + i] = score;
            }
        }
        in_.end();
        node_description described;
        described.gpu_links = scores.view();
        return fleet_editor::link_image(described, {}, gpus);
    }
    void read_gpu(node_index n, std::size_t i, cluster::node_record& state) {
        fleet_editor editor{made_.fleet_};
        in_.begin("gpu");
        read_position(i);
        if (i >= editor.room(n))
            in_.refuse("position", std::to_string(i), {"at most the ", editor.room(n), " of its room"});
        const auto id = static_cast<std::uint32_t>(in_.number("identity", most_));
        const std::uint32_t generation = in_.generation(1);
        const std::string uuid = in_.name("uuid");
        const std::string model = in_.name("model");
        const bool there = in_.either("there", "there", "missing");
        const bool healthy = there && in_.either("health", "healthy", "sick");
        const auto capacities = there ? read_capacities(fleet_.schema().gpu.size()) : std::span<const amount>{};
        in_.end();
        const auto m = fleet_.find_model(model);
        if (ok() && !m) in_.refuse("model", model, {"one that is listed above"});
        if (ok() && !uuid.empty() && made_.uuids_.find(uuid)) in_.refuse("uuid", uuid, {"a UUID of its own"});
        if (!list_identity(id)) return;
        made_.gpus_.set_generation(id, generation - 1);
        made_.gpus_.take(id);
        if (!uuid.empty()) made_.uuids_.assign(id, uuid);
        made_.places_[id] = {n, static_cast<std::uint32_t>(i)};
        made_.gpu_id_[fleet_.gpu(n, i).value()] = id;
        editor.set_gpu(n, i, *m, capacities);
        if (!there) editor.vacate_gpu(n, i);
        const gpu_mask bit = gpu_mask{1} << i;
        if (there) state.there |= bit;
        if (healthy) state.healthy_gpus |= bit;
    }
    /// Marks an identity as listed. False if it was, or after an error.
    [[nodiscard]] bool list_identity(std::size_t id) {
        if (!ok()) return false;
        if (id >= listed_.size()) {
            made_.gpus_.extend(id + 1);
            made_.uuids_.extend(id + 1);
            made_.places_.resize(id + 1);
            listed_.resize(id + 1, 0);
        }
        if (listed_[id]++ == 0) return true;
        in_.refuse("identity", std::to_string(id), {"one that is not listed yet"});
        return false;
    }
    void read_identities() {
        while (next("identity")) {
            in_.begin("identity");
            const std::size_t id = in_.number("identity", most_);
            const std::uint32_t generation = in_.generation(0);
            in_.expect("vacant");
            in_.end();
            if (list_identity(id)) made_.gpus_.set_generation(id, generation);
        }
        for (std::size_t id = 0; id < listed_.size(); ++id) {
            if (listed_[id] == 0) in_.refuse("identity", std::to_string(id), {"a line about it before this"});
        }
    }

    // ---- demands ----------------------------------------------------------------------------------------------------
    void read_amounts(const char* place, std::size_t counters, flat<amount>& into) {
        in_.expect(place);
        for (std::size_t r = 0; r < counters; ++r) into.push_back(in_.quantity(place));
    }
    /// Reads the beginning of the next line of a table. True if the position is not vacant.
    [[nodiscard]] bool read_entry(const char* kind, position_pool& pool, bool with_generation = true) {
        const std::size_t position = pool.size();
        in_.begin(kind);
        read_position(position);
        const std::uint32_t generation = with_generation ? in_.generation(0) : 1;
        if (!ok()) return false;
        pool.extend(position + 1);
        if (in_.next_is("vacant")) {
            in_.end();
            pool.set_generation(position, generation);
            return false;
        }
        if (generation == 0) in_.refuse("generation", "0", {"at least 1"});
        pool.set_generation(position, generation - 1);
        return ok();
    }
    void read_shapes() {
        workload_editor editor{made_.work_};
        for (std::size_t i = 0; next("shape"); ++i) {
            const bool vacant = !read_entry("shape", made_.shapes_);
            if (!ok()) return;
            editor.extend(work_.task_count(), i + 1, work_.group_count());
            made_.pins_.resize(i + 1);
            made_.idle_shapes_.resize(i + 1);
            if (!vacant) read_shape(shape_index{i});
            editor.set_generation(shape_index{i}, made_.shapes_.generation(i));
        }
    }
    void read_shape(shape_index s) {
        workload_editor editor{made_.work_};
        const resource_schema& schema = fleet_.schema();
        flat<amount> gpu;
        flat<amount> node;
        flat<amount> domain;
        task_description task{.gpus = in_.number("gpus", max_gpus_per_node)};
        read_amounts("gpu", schema.gpu.size(), gpu);
        read_amounts("node", schema.node.size(), node);
        read_amounts("domain", schema.domain.size(), domain);
        in_.expect("accepts");
        const std::string accepted = in_.name("accepted models");
        const std::uint64_t mask = in_.hex("accepted models");
        task.same_model = in_.either("same-model", "same-model", "any-model");
        if (in_.line_has_more()) {
            in_.expect("takes-nothing");
            task.takes_nothing = true;
        }
        in_.end();
        if (!ok()) return;
        task.gpu_demand = gpu.view();
        task.node_demand = node.view();
        task.domain_demand = domain.view();
        if (auto good = editor.check_demands(task, {"shape"}); !good) return in_.refuse(good.error());
        if (task.same_model && task.gpus < 2)
            return in_.refuse("same-model", "same-model", {"it with two GPUs or more"});
        if (!names_models(accepted, mask)) return in_.refuse("accepted models", accepted, {"a mask of these models"});
        const demand_view demand = editor.complete(task, mask);
        editor.write_image(demand, accepted, made_.image_);
        if (editor.find_shape(made_.image_).valid()) return in_.refuse("shape", accepted, {"a demand of its own"});
        editor.put_shape(s, demand, accepted, made_.image_);
        made_.shapes_.take(s.value());
    }
    /// Whether a mask is that of a list of models, as far as that can be told: a model may have any name.
    [[nodiscard]] bool names_models(std::string_view accepted, std::uint64_t mask) const {
        constexpr std::uint64_t all = ~std::uint64_t{0};
        if (mask == all && accepted.empty()) return true;
        const std::size_t models = fleet_.model_count();
        if (models < max_models && mask >> models != 0) return false;
        for (std::size_t m = 0; m < models; ++m) {
            const std::string& name = fleet_.name(model_index{m});
            if (name.empty() || name.find('|') != std::string::npos) return true;
        }
        if (accepted.empty()) return false;
        for (std::size_t begin = 0; begin <= accepted.size();) {
            std::size_t end = accepted.find('|', begin);
            if (end == std::string_view::npos) end = accepted.size();
            if (const auto m = fleet_.find_model(accepted.substr(begin, end - begin))) {
                if ((mask >> m->value() & 1U) == 0) return false;
                mask &= ~(std::uint64_t{1} << m->value());
            }
            begin = end + 1;
        }
        return mask == 0;
    }
    void read_idle_shapes() {
        in_.begin("idle");
        while (in_.line_has_more()) {
            const std::size_t s = in_.number("shape", most_);
            if (!ok()) return;
            if (!made_.shapes_.is_taken(s) || made_.idle_shapes_.contains(s)) {
                return in_.refuse("shape", std::to_string(s), {"one that is listed above, once"});
            }
            made_.idle_shapes_.touch(s);
        }
        if (made_.idle_shapes_.size() > cluster::max_idle_shapes) {
            in_.refuse("idle", std::to_string(made_.idle_shapes_.size()), {"at most ", cluster::max_idle_shapes});
        }
    }
    [[nodiscard]] shape_index read_shape_position() {
        const std::size_t s = in_.number("shape", most_);
        if (ok() && !made_.shapes_.is_taken(s)) in_.refuse("shape", std::to_string(s), {"one that is listed above"});
        return ok() ? shape_index{s} : shape_index{};
    }

    // ---- tasks ------------------------------------------------------------------------------------------------------
    void read_groups() {
        workload_editor editor{made_.work_};
        for (std::size_t i = 0; next("group"); ++i) {
            const bool vacant = !read_entry("group", made_.groups_, false);
            if (!ok()) return;
            editor.extend(work_.task_count(), work_.shape_count(), i + 1);
            if (vacant) continue;
            const std::string name = in_.name("name");
            const bool gang = in_.either("gang", "gang", "plain");
            const std::size_t min_tasks = in_.number("min-tasks", std::numeric_limits<std::uint32_t>::max());
            in_.end();
            if (!ok()) return;
            if (name.empty() || work_.find_group(name)) return in_.refuse("name", name, {"a name of its own"});
            if (!gang && min_tasks != 0)
                return in_.refuse("min-tasks", std::to_string(min_tasks), {"0 without a gang"});
            editor.put_group(group_index{i}, name, gang, min_tasks);
            made_.groups_.take(i);
        }
    }
    void read_tasks() {
        workload_editor editor{made_.work_};
        for (std::size_t i = 0; next("task"); ++i) {
            const bool vacant = !read_entry("task", made_.tasks_);
            if (!ok()) return;
            editor.extend(i + 1, work_.shape_count(), work_.group_count());
            made_.where_.push_back(unplaced);
            made_.target_.push_back(unplaced);
            made_.moving_at_.push_back(0);
            made_.runs_with_.push_back(0);
            made_.alternatives_.resize(i + 1);
            if (!vacant) read_task(task_index{i});
        }
    }
    void read_task(task_index t) {
        workload_editor editor{made_.work_};
        task_description task;
        const std::string name = in_.name("name");
        const shape_index shape = read_shape_position();
        group_index group;
        if (!in_.next_is("-")) {
            const std::size_t g = in_.number("group", most_);
            if (ok() && !made_.groups_.is_taken(g))
                in_.refuse("group", std::to_string(g), {"one that is listed above"});
            if (!ok()) return;
            group = group_index{g};
            task.gang = work_.is_gang(group);
        }
        task.priority = in_.priority();
        task.state_bytes = in_.quantity("state-bytes");
        task.same_model = in_.either("same-model", "same-model", "any-model");
        const slot where = in_.place("slot");
        in_.end();
        if (!ok()) return;
        if (!name.empty() && work_.find_task(name)) return in_.refuse("name", name, {"a name of its own"});
        editor.put_task(t, task, name, shape, group);
        made_.tasks_.take(t.value());
        if (!where.placed() || !enter(work_.demand(shape), where)) return;
        made_.settle_at(t, where);
    }
    /// Takes room. False if the slot does not exist.
    [[nodiscard]] bool enter(const demand_view& demand, const slot& where) {
        if (!ok()) return false;
        if (!fleet_.has(where, demand.gpus) || !fleet_.present(where.node)) {
            in_.refuse("slot", where.placed() ? std::to_string(where.node.value()) : "-",
                       {"a node and ", demand.gpus, " of its GPUs"});
            return false;
        }
        made_.hold(demand, where, true);
        return true;
    }
    void read_alternatives() {
        while (next("alternatives")) {
            in_.begin("alternatives");
            const std::size_t t = in_.number("task", most_);
            const std::size_t runs = in_.number("alternative", cluster::max_alternatives);
            if (!ok()) return;
            if (!made_.tasks_.is_taken(t) || !made_.alternatives_[t].empty()) {
                return in_.refuse("task", std::to_string(t), {"one that is listed above, once"});
            }
            while (in_.line_has_more()) {
                const shape_index shape = read_shape_position();
                const double speed = std::bit_cast<double>(in_.hex("speed"));
                if (ok() && !(speed > 0.0 && speed <= std::numeric_limits<double>::max())) {
                    in_.refuse("speed", "other", {"the bits of a finite number above 0"});
                }
                if (!ok()) return;
                made_.alternatives_.push_back(t, {shape, speed});
                ++made_.pins_[shape.value()];
            }
            const auto listed =
                work_.present(task_index{t}) ? made_.alternatives_[t] : std::span<const task_alternative>{};
            if (listed.size() < 2 || listed.size() > cluster::max_alternatives + 1 || runs >= listed.size() ||
                listed[runs].shape != work_.shape(task_index{t}) || (runs != 0 && !made_.where_[t].placed())) {
                return in_.refuse("alternatives", std::to_string(t),
                                  {"the task's demand among them, the first if it waits"});
            }
            made_.runs_with_[t] = static_cast<std::uint32_t>(runs);
        }
    }
    void read_moves() {
        while (next("move")) {
            in_.begin("move");
            const std::size_t t = in_.number("task", most_);
            const slot to = in_.place("slot");
            in_.end();
            if (!ok()) return;
            if (!made_.tasks_.is_taken(t) || !made_.where_[t].placed() || made_.target_[t].placed()) {
                return in_.refuse("task", std::to_string(t), {"one that has a slot, once"});
            }
            if (!enter(work_.demand(task_index{t}), to)) return;
            made_.start_moving(task_index{t}, to);
        }
    }
    void read_reservations() {
        for (std::size_t i = 0; next("reservation"); ++i) {
            const bool vacant = !read_entry("reservation", made_.reservations_);
            if (!ok()) return;
            made_.reserved_.push_back({});
            if (vacant) continue;
            const shape_index shape = read_shape_position();
            const slot where = in_.place("slot");
            in_.end();
            if (!ok() || !enter(work_.demand(shape), where)) return;
            made_.reserved_[i] = {shape, where};
            made_.reserved_on_.insert_sorted(where.node.value(), static_cast<std::uint32_t>(i));
            made_.reservations_.take(i);
            ++made_.pins_[shape.value()];
        }
    }
    void read_end() {
        const std::size_t lines = in_.lines();
        in_.begin("end");
        const std::uint64_t said = in_.number("lines", most_);
        if (said != lines) in_.refuse("lines", std::to_string(said), {lines});
        in_.end();
        if (!in_.at_end()) in_.refuse("text", "more", {"nothing after this line"});
        for (std::size_t s = 0; ok() && s < made_.shapes_.size(); ++s) {
            const bool used =
                made_.shapes_.is_taken(s) && (work_.frequency(shape_index{s}) != 0 || made_.pins_[s] != 0);
            if (made_.shapes_.is_taken(s) && used == made_.idle_shapes_.contains(s)) {
                in_.refuse("idle", std::to_string(s), {"exactly the shapes of no task and no reservation"});
            }
        }
        for (std::size_t g = 0; ok() && g < made_.groups_.size(); ++g) {
            if (made_.groups_.is_taken(g) == work_.members(group_index{g}).empty()) {
                in_.refuse("group", std::to_string(g), {"one with a task"});
            }
        }
    }

    line_reader in_;
    cluster made_;
    const berth::fleet& fleet_;
    const berth::workload& work_;
    std::size_t most_ = 0;  // lines of the text, so that no position exceeds what the text could list
    flat<amount> amounts_;
    flat<std::uint8_t> listed_;  // identities
};

}  // namespace berth::inline v0::detail
