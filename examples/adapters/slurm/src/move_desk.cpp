// SPDX-License-Identifier: Apache-2.0
#include "move_desk.hpp"

#include "berth/migrate/run/migration_report.hpp"
#include "berth/model/descriptions.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>
#include <utility>

namespace berth_slurm {

namespace {

/// A move that cannot be taken back is given up soon: its job then waits in the queue like others.
[[nodiscard]] berth::migration_limits slurm_limits() {
    berth::migration_limits limits;
    limits[berth::migration_action::reserve].max_attempts = 1;  // a target that is not free now will do later
    limits[berth::migration_action::restore].seconds = 60.0;
    limits[berth::migration_action::restore_back].seconds = 60.0;
    limits.max_attempts_back = 3;
    return limits;
}

/// One line: what a successor needs to go on.
[[nodiscard]] std::string header_of(const wanted_move& m) {
    std::ostringstream line;
    line << "berth-slurm-move 1 " << m.job << ' ' << m.from.node << ' ' << m.from.gpus << ' ' << m.to.node << ' '
         << m.to.gpus << ' ' << m.from.share << ' ' << m.cpus << ' ' << m.memory << ' ' << m.shards << '\n';
    return line.str();
}
[[nodiscard]] std::optional<wanted_move> read_header(const std::string& line) {
    std::istringstream in{line};
    std::string name;
    int version = 0;
    wanted_move m;
    in >> name >> version >> m.job >> m.from.node >> m.from.gpus >> m.to.node >> m.to.gpus >> m.from.share >> m.cpus >>
        m.memory >> m.shards;
    m.to.share = m.from.share;
    if (!in || name != "berth-slurm-move" || version != 1) return std::nullopt;
    if (m.from.gpus == 0 || m.to.gpus == 0) return std::nullopt;
    return m;
}
[[nodiscard]] bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = ::write(file, text.data(), text.size());
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return ::fdatasync(file) == 0;
}

}  // namespace

bool file_journal::write(std::string_view text, berth::journal_write how) {
    const bool append = how == berth::journal_write::append && std::filesystem::exists(path_);
    const std::filesystem::path target = append ? path_ : std::filesystem::path{path_.string() + ".new"};
    const int file = ::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | (append ? O_APPEND : O_TRUNC), 0600);
    if (file < 0) return false;
    const bool written = (append || write_all(file, first_)) && write_all(file, text);
    if (::close(file) != 0 || !written) return false;
    return append || std::rename(target.c_str(), path_.c_str()) == 0;
}

move_desk::active_move::active_move(slurm_port& port, const snapshot& seen, const wanted_move& move,
                                    move_options options, std::filesystem::path path)
    : world{{.gpu = {"share"}, .node = {}, .domain = {}}},
      executor{port, seen, move, options},
      journal{path, header_of(move)},
      file{std::move(path)} {
    // The engine has made sure of the room; here the nodes have just the GPUs that count, whole ones.
    std::map<std::string, berth::gpu_mask> nodes{{move.from.node, move.from.gpus}};
    nodes[move.to.node] |= move.to.gpus;
    for (const auto& [name, gpus] : nodes) {
        std::vector<std::string> names;
        for (berth::gpu_mask rest = gpus; rest != 0; rest &= rest - 1)
            names.push_back(engine_door::gpu_name(name, berth::lowest_gpu(rest)));
        std::vector<berth::gpu_description> described;
        for (const std::string& gpu : names) described.push_back({.uuid = gpu});
        (void)world.join(berth::node_description{.name = name, .gpus = described});
    }
    const berth::amount share[] = {move.from.share};
    const std::string name = std::to_string(move.job);
    const auto admitted = world.admit(berth::task_description{
        .name = name, .gpus = static_cast<std::size_t>(berth::gpu_count(move.from.gpus)), .gpu_demand = share});
    task = *admitted;
    const auto slot_of = [&](const allocation& at) {
        berth::slot where{*world.find(*world.find_node(at.node)), 0};
        for (berth::gpu_mask rest = at.gpus; rest != 0; rest &= rest - 1)
            where.gpus |= world.find(*world.find_gpu(engine_door::gpu_name(at.node, berth::lowest_gpu(rest)))).gpus;
        return where;
    };
    (void)world.occupy(task, slot_of(move.from));
}

void move_desk::begin(const wanted_move& move, double now) {
    auto active = std::make_unique<active_move>(*port_, seen_, move, options_, file_of(move.job));
    std::filesystem::remove(active->file);
    berth::migration_plan plan;
    const berth::task_index task = *active->world.find(active->task);
    berth::slot to{*active->world.find(*active->world.find_node(move.to.node)), 0};
    for (berth::gpu_mask rest = move.to.gpus; rest != 0; rest &= rest - 1) {
        const auto gpu = active->world.find_gpu(engine_door::gpu_name(move.to.node, berth::lowest_gpu(rest)));
        to.gpus |= active->world.find(*gpu).gpus;
    }
    plan.steps = {{.task = task, .from = active->world.where(active->task), .to = to}};
    plan.wave_ends = {1};
    // A number larger than that of every run before, also before a restart: the clock.
    last_run_ = std::max(last_run_ + 1, static_cast<std::uint64_t>(now * 1e6));
    active->run.emplace(berth::start_migration(active->world, std::move(plan), last_run_, slurm_limits()));
    active->began = now;
    moves_.push_back(std::move(active));
}

std::vector<wanted_move> move_desk::resume(std::vector<std::string>& troubles) {
    std::vector<wanted_move> found;
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator{folder_}) {
        if (entry.path().extension() == ".move") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const std::filesystem::path& file : files) {
        std::ifstream in{file};
        std::string first;
        std::getline(in, first);
        const std::string text{std::istreambuf_iterator<char>{in}, {}};
        const auto move = read_header(first);
        auto progress = move ? berth::load_migration(text, berth::torn_line::drop)
                             : berth::result<berth::migration_progress>{
                                   berth::error{berth::error_code::malformed, "line 1 is not that of a move"}};
        if (progress) {
            auto active = std::make_unique<active_move>(*port_, seen_, *move, options_, file);
            last_run_ = std::max(last_run_, progress->run);
            auto run = berth::resume_migration(active->world, *std::move(progress), slurm_limits());
            if (run && run->hold()) {
                active->run.emplace(*std::move(run));
                moves_.push_back(std::move(active));
                found.push_back(*move);
                continue;
            }
            troubles.push_back(file.string() + ": " + (run ? "its ends cannot be held" : run.error().message));
        } else {
            troubles.push_back(file.string() + ": " + progress.error().message);
        }
        std::filesystem::rename(file, file.string() + ".unread");
    }
    return found;
}

void move_desk::advance(const snapshot& seen, double now, bridge& told) {
    seen_ = seen;
    for (std::size_t i = 0; i < moves_.size();) {
        active_move& m = *moves_[i];
        const wanted_move& move = m.executor.move();
        const job_record* r = seen_.find(move.job);
        if (r == nullptr || (r->activity == job_activity::ended && !r->completing)) {
            if (r == nullptr || !r->killed || ++m.put_back > 50) {
                m.world.retire(m.task);
            } else if (port_->requeue(move.job)) {
                sentences_.push_back("job " + std::to_string(move.job) + " is put back into the queue again");
            }
        }
        for (const allocation* end : {&move.from, &move.to}) {
            const node_record* node = seen_.find_node(end->node);
            const auto handle = m.world.find_node(end->node);
            if (handle && (node == nullptr || !node->up)) {
                if (end == &move.to) m.world.set_healthy(*handle, false);
            }
        }
        m.executor.drop_strays();
        if (m.run->advance(m.executor, now, m.journal)) {
            ++i;
            continue;
        }
        const berth::migration_record& record = m.run->progress().records.front();
        ++counts_[static_cast<std::size_t>(record.outcome)];
        std::string sentence = "the move of job " + std::to_string(move.job) + " from " + move.from.node + " to " +
                               move.to.node + " is " + to_string(record.outcome);
        if (record.failure != berth::migration_failure::none)
            sentence += std::string{" ("} + to_string(record.failure) + " at " + to_string(record.failed) + ")";
        if (!m.executor.refusal().empty()) sentence += "; Slurm said: " + m.executor.refusal();
        sentences_.push_back(std::move(sentence));
        told.move_ended(move.job, record.outcome == berth::migration_outcome::done, now);
        std::filesystem::remove(m.file);
        moves_.erase(moves_.begin() + static_cast<std::ptrdiff_t>(i));
    }
}

}  // namespace berth_slurm
