// SPDX-License-Identifier: Apache-2.0
#include "fleet_log.hpp"

#include "berth/io/event_log_names.hpp"
#include "berth/io/event_log_policies.hpp"
#include "berth/metrics/utilisation.hpp"

#include "engine.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <variant>

namespace top {

namespace io = berth::io;
using berth::error;
using berth::error_code;
using berth::result;

fleet_log::fleet_log(log_settings settings) : settings_{std::move(settings)}, reader_{settings_.file} {}

fleet_log::~fleet_log() {
    if (file_ >= 0) (void)::close(file_);
}

// ---- the file -------------------------------------------------------------------------------------------------------

result<bool> fleet_log::open_file() {
    struct stat is{};
    if (::stat(settings_.file.c_str(), &is) != 0) {
        if (errno == ENOENT && settings_.follow) return file_ >= 0;  // renamed: what is open still has its last lines
        return error{error_code::io, settings_.file + ": " + std::strerror(errno)};
    }
    if (file_ >= 0 && (is.st_ino != inode_ || static_cast<std::uint64_t>(is.st_size) < offset_)) {
        (void)::close(file_);
        file_ = -1;
        counters_ = {};
        scanning_ = true;
        start_anew();
    }
    if (file_ >= 0) return true;
    if (S_ISDIR(is.st_mode)) return error{error_code::io, settings_.file + ": is a folder"};
    file_ = ::open(settings_.file.c_str(), O_RDONLY | O_CLOEXEC);
    if (file_ < 0) return error{error_code::io, settings_.file + ": " + std::strerror(errno)};
    inode_ = is.st_ino;
    return true;
}

void fleet_log::start_anew() {
    offset_ = 0;
    again_ = false;
    if (scanning_) moments_.clear();
    reader_ = io::event_reader{settings_.file};
    engine_.reset();
    now_.reset();
    decided_at_ = -1.0;
    settled_ = ended_ = false;
    jobs_.clear();
    readings_.clear();
    under_way_.clear();
    recent_.clear();
    peak_ = unknown;
    history_ = {};
    lanes_ = {};
    touched_jobs_.clear();
    touched_nodes_.clear();
    places_.clear();
    marks_.clear();
}

result<bool> fleet_log::read_on() {
    std::array<char, 1 << 16> block;
    const auto pass = [&](io::event&& e) { return take(std::move(e)); };
    bool any = false;
    for (;;) {
        const ssize_t n = ::pread(file_, block.data(), block.size(), static_cast<off_t>(offset_));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return error{error_code::io, settings_.file + ": " + std::strerror(errno)};
        if (n == 0) break;
        any = true;
        offset_ += static_cast<std::uint64_t>(n);
        if (auto ok = reader_.read_block({block.data(), static_cast<std::size_t>(n)}, pass); !ok) return ok.error();
    }
    // The last line of a log that is being written may not be whole yet.
    if (!settings_.follow) {
        if (auto ok = reader_.finish(pass); !ok) return ok.error();
    }
    return any;
}

result<bool> fleet_log::poll() {
    if (failure_) return error{*failure_};
    const auto fail = [&](const error& e) {
        failure_ = e;
        return error{e};
    };
    const auto there = open_file();
    if (!there) return fail(there.error());
    if (!*there) return false;
    bool any = false;
    for (;;) {
        const auto read = read_on();
        if (!read) return fail(read.error());
        any = any || *read;
        if (!scanning_ && !again_) return any;
        scanning_ = false;
        start_anew();
    }
}

result<void> fleet_log::settle() {
    if (failure_) return error{*failure_};
    if (!now_ || !engine_ || settled_) return {};
    settled_ = true;
    if (auto ok = decide(*now_); !ok) {
        failure_ = ok.error();
        return ok;
    }
    return {};
}

result<void> fleet_log::go_to(double time) {
    settings_.until = time;
    if (file_ >= 0) start_anew();
    if (auto ok = poll(); !ok) return ok.error();
    return settle();
}

std::optional<double> fleet_log::moment_before(double time) const {
    const auto at = std::lower_bound(moments_.begin(), moments_.end(), time);
    return at == moments_.begin() ? std::nullopt : std::optional{*(at - 1)};
}
std::optional<double> fleet_log::moment_after(double time) const {
    const auto at = std::upper_bound(moments_.begin(), moments_.end(), time);
    return at == moments_.end() ? std::nullopt : std::optional{*at};
}

const place_readings* fleet_log::readings(std::string_view gpu) const {
    const auto at = readings_.find(gpu);
    return at == readings_.end() ? nullptr : &at->second;
}

// ---- events ---------------------------------------------------------------------------------------------------------

result<void> fleet_log::make_scheduler(const io::event& first) {
    const io::log_defaults defaults = io::defaults_of(first);
    policy_ = settings_.policy.value_or(defaults.policy);
    calls_ = io::event_log_calls{counters_};
    engine_ = make_engine(policy_, calls_.schema(), defaults.options);
    if (engine_) return {};
    const std::string why = "there is no policy \"" + policy_ + "\"; there are " + policy_names();
    if (settings_.policy) return error{error_code::unknown_name, "--policy: " + why};
    return reader_.fault(error_code::unknown_name, "policy", why);
}

result<void> fleet_log::take(io::event&& e) {
    const auto time = io::event_time(e);
    if (time && (moments_.empty() || *time > moments_.back())) moments_.push_back(*time);
    const std::size_t before = counters_.node.size() + counters_.gpu.size();
    io::note_counters(counters_, e);
    if (engine_ && counters_.node.size() + counters_.gpu.size() != before) again_ = true;
    if (scanning_ || again_) return {};
    if (time && *time > settings_.until) return {};
    if (const auto missing = io::find_not_yet(e)) {
        return reader_.fault(error_code::invalid_value, missing->field, missing->why);
    }
    if (!engine_) {
        if (auto ok = make_scheduler(e); !ok) return ok;
    }
    if (std::holds_alternative<io::expectation>(e)) ended_ = true;
    if (time && now_ && *time > *now_) {
        if (auto ok = advance(*time); !ok) return ok;
    } else if (time && settled_) {
        again_ = true;
        return {};
    }
    if (time) now_ = time;
    settled_ = false;
    if (auto ok = apply(e); !ok) return ok;
    note(e);
    if (std::holds_alternative<io::decide_event>(e)) return decide(*time);
    return {};
}

result<void> fleet_log::apply(const io::event& e) {
    const auto ok = calls_.call(*engine_, e);
    if (ok) return {};
    return error{ok.error().code, settings_.file + ":" + std::to_string(reader_.line()) + ": " + ok.error().message};
}

result<void> fleet_log::advance(double next) {
    if (!settled_) {
        if (auto ok = decide(*now_); !ok) return ok;
    }
    for (;;) {
        const double at = engine_->wake_at();
        if (!(at > decided_at_) || at >= next) return {};
        if (auto ok = decide(at); !ok) return ok;
    }
}

result<void> fleet_log::decide(double time) {
    decided_at_ = time;
    const auto decided = engine_->decide(time);
    if (!decided) return decided.error();
    std::vector<io::decision> made;
    for (const berth::decision& one : *decided) made.push_back(io::named(engine_->known(), one).what);
    constexpr std::size_t most_nodes = 1000;  // for each job that waits a look at every node
    for (io::decision& one : made) {
        auto* wait = std::get_if<io::wait_decision>(&one);
        if (wait != nullptr && engine_->cluster().node_count() <= most_nodes) {
            if (const auto job = engine_->find_job(wait->job))
                io::note_nearest(engine_->known(), engine_->explain(*job), *wait);
        }
        note(one);
        recent_.push_back(std::move(one));
        if (recent_.size() > most_recent) recent_.pop_front();
    }
    follow_jobs(time);
    follow_places(time);
    if (history_.wants(time)) take_sample(time);
    return {};
}

// ---- what is remembered ---------------------------------------------------------------------------------------------

void fleet_log::note(const io::event& e) {
    if (const auto* job = std::get_if<io::job_event>(&e)) {
        jobs_.insert_or_assign(job->job, job_facts{*job, job->time, {}});
        touched_jobs_.insert(job->job);  // one of that name may have ended just now
    } else if (const auto* node = std::get_if<io::node_event>(&e)) {
        touched_nodes_.insert(node->node);
        for (const io::gpu_entry& gpu : node->gpus) (void)lanes_.lane(gpu.gpu, node->node);
    } else if (const auto* gone = std::get_if<io::node_gone_event>(&e)) {
        touched_nodes_.insert(gone->node);
    } else if (const auto* place = std::get_if<io::place_event>(&e)) {
        touched_nodes_.insert(place->node);
    } else if (const auto* health = std::get_if<io::health_event>(&e)) {
        touched_nodes_.insert(health->node);
    } else if (const auto* reading = std::get_if<io::reading_event>(&e)) {
        touched_nodes_.insert(reading->node);
        note_reading(*reading);
    } else if (std::holds_alternative<io::threshold_event>(e)) {
        const berth::cluster& cluster = engine_->cluster();
        for (std::size_t i = 0; i < cluster.fleet().node_count(); ++i) {
            if (const berth::node_index n{i}; cluster.fleet().present(n))
                touched_nodes_.insert(cluster.fleet().name(n));
        }
    } else if (const auto* running = std::get_if<io::running_event>(&e)) {
        touched_jobs_.insert(running->job);
        under_way_.erase({running->job, running->task});
    } else if (const auto* task = std::get_if<io::task_event>(&e)) {
        note_report(*task);
    }
}

void fleet_log::note_reading(const io::reading_event& e) {
    place_readings& of = readings_[e.gpu ? *e.gpu : e.node];
    const double time = e.time - e.age.value_or(0.0);
    const auto put = [&](measured& to, const std::optional<double>& value) {
        if (value) to = {*value, time};
    };
    put(of.load, e.load);
    put(of.temperature, e.temperature);
    put(of.power, e.power);
    put(of.memory, e.memory);
    if (e.gpu && e.temperature && !(peak_ >= *e.temperature)) peak_ = *e.temperature;
}

void fleet_log::note_report(const io::task_event& e) {
    touched_jobs_.insert(e.job);
    for (auto at = under_way_.lower_bound({e.job, 0}); at != under_way_.end() && at->first.first == e.job;) {
        at = !e.task || at->first.second == *e.task ? under_way_.erase(at) : std::next(at);
    }
    if (e.report == io::task_report::stopped || e.report == io::task_report::failed) {
        if (const auto job = jobs_.find(e.job); job != jobs_.end()) job->second.waits_since = e.time;
    }
}

void fleet_log::note(const io::decision& d) {
    const bool reported = engine_->options().acknowledge == berth::acknowledgement::reported;
    const auto task_of = [&](const auto& one) {
        touched_jobs_.insert(one.job);
        return std::pair{one.job, one.task};
    };
    if (const auto* start = std::get_if<io::start_decision>(&d)) {
        (void)task_of(*start);
        if (const auto job = jobs_.find(start->job); job != jobs_.end()) job->second.wait.reset();
    } else if (const auto* evict = std::get_if<io::evict_decision>(&d)) {
        const auto task = task_of(*evict);
        if (reported) under_way_.insert_or_assign(task, step_under_way{d, evict->time});
        if (const auto job = jobs_.find(evict->job); job != jobs_.end()) job->second.waits_since = evict->time;
    } else if (const auto* move = std::get_if<io::move_decision>(&d)) {
        const auto task = task_of(*move);
        if (reported) under_way_.insert_or_assign(task, step_under_way{d, move->time});
    } else if (const auto* lost = std::get_if<io::lost_decision>(&d)) {
        under_way_.erase(task_of(*lost));
        if (const auto job = jobs_.find(lost->job); job != jobs_.end()) job->second.waits_since = lost->time;
    } else if (const auto* wait = std::get_if<io::wait_decision>(&d)) {
        if (const auto job = jobs_.find(wait->job); job != jobs_.end()) job->second.wait = *wait;
    }
}

void fleet_log::follow_jobs(double time) {
    const berth::scheduler_events& known = engine_->known();
    for (const std::string& name : touched_jobs_) {
        const auto job = known.find_job(name);
        std::vector<placed_task>& before = places_[name];
        std::vector<placed_task> now(job ? known.task_count(*job) : 0);
        for (std::size_t t = 0; t < now.size(); ++t) {
            const berth::task_handle task = known.task(*job, static_cast<std::uint32_t>(t));
            const io::log_place place = io::named(known, known.cluster().where(task));
            now[t] = {place.node, place.gpus};
        }
        const std::uint32_t number = lanes_.job(name);
        const std::size_t most = std::max(before.size(), now.size());
        before.resize(most);
        for (std::size_t t = 0; t < most; ++t) {
            const placed_task is = t < now.size() ? now[t] : placed_task{};
            if (is == before[t]) continue;
            const auto task = static_cast<std::uint32_t>(t);
            for (const std::string& gpu : before[t].gpus)
                lanes_.end(lanes_.lane(gpu, before[t].node), lane_segment::kind::task, number, task, time);
            for (const std::string& gpu : is.gpus)
                lanes_.begin(lanes_.lane(gpu, is.node), lane_segment::kind::task, number, task, time);
        }
        if (job) {
            before = std::move(now);
        } else {
            places_.erase(name);
            jobs_.erase(name);
        }
    }
    touched_jobs_.clear();
}

void fleet_log::follow_places(double time) {
    const berth::scheduler_events& known = engine_->known();
    const berth::cluster& cluster = known.cluster();
    for (const std::string& name : touched_nodes_) {
        std::map<std::string, lane_segment::kind>& before = marks_[name];
        std::map<std::string, lane_segment::kind> now;
        if (const auto node = cluster.find_node(name)) {
            const berth::node_index n = *cluster.find(*node);
            const berth::place_status own = known.status(*node);
            for (berth::gpu_mask rest = cluster.gpus_there(n); rest != 0; rest &= rest - 1) {
                const std::size_t i = berth::lowest_gpu(rest);
                const berth::place_status gpu = known.status(cluster.handle(n, i));
                const auto either = [&](bool berth::place_status::* what) { return own.*what || gpu.*what; };
                if (!own.healthy || !gpu.healthy || either(&berth::place_status::watched_sick)) {
                    now[cluster.uuid(n, i)] = lane_segment::kind::sick;
                } else if (either(&berth::place_status::hot)) {
                    now[cluster.uuid(n, i)] = lane_segment::kind::hot;
                } else if (!own.usable() || !gpu.usable()) {
                    now[cluster.uuid(n, i)] = lane_segment::kind::closed;
                }
            }
        }
        for (const auto& [gpu, kind] : before) {
            const auto still = now.find(gpu);
            if (still == now.end() || still->second != kind) lanes_.end(lanes_.lane(gpu, name), kind, 0, 0, time);
        }
        for (const auto& [gpu, kind] : now) {
            const auto was = before.find(gpu);
            if (was == before.end() || was->second != kind) lanes_.begin(lanes_.lane(gpu, name), kind, 0, 0, time);
        }
        if (now.empty()) {
            marks_.erase(name);
        } else {
            before = std::move(now);
        }
    }
    touched_nodes_.clear();
}

void fleet_log::take_sample(double time) {
    const berth::scheduler_events& known = engine_->known();
    const berth::gpu_share_use use = berth::gpu_share(known.cluster().ledger());
    fleet_sample s{.time = time, .hottest = peak_};
    s.in_use = use.capacity > 0 ? static_cast<double>(use.used) / static_cast<double>(use.capacity) : 0.0;
    for (const auto& [name, job] : jobs_) {
        const auto handle = known.find_job(name);
        if (!handle) continue;
        if (known.running(*handle) > 0) s.running += 1.0;
        if (known.waiting(*handle) > 0) s.waiting += 1.0;
    }
    const double oldest = time - known.options().reading_age;
    for (const gpu_lane& lane : lanes_.lanes()) {
        const place_readings* r = readings(lane.gpu);
        if (r == nullptr || !known.cluster().find_gpu(lane.gpu)) continue;
        if (r->power.time >= oldest) s.power = std::isnan(s.power) ? r->power.value : s.power + r->power.value;
        if (r->temperature.time >= oldest && !(s.hottest >= r->temperature.value)) s.hottest = r->temperature.value;
    }
    for (const auto& [node, gpus] : marks_) s.out += static_cast<double>(gpus.size());
    history_.add(s);
    peak_ = unknown;
}

}  // namespace top
