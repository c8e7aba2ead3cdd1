// SPDX-License-Identifier: Apache-2.0
#include "libslurm_port.hpp"

#include "gres_texts.hpp"

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace berth_slurm {

namespace {

/// Above all priorities that priority/basic gives, which begin at 4294901760.
constexpr std::uint32_t top_priority = 4'294'960'000U;
constexpr std::uint32_t minutes_of_a_year = 365 * 24 * 60;
constexpr std::uint32_t infinite = 0xffffffffU;

[[nodiscard]] std::string_view text_of(const char* text) noexcept { return text == nullptr ? "" : text; }
/// libslurm takes texts by pointers that are not const; it does not write to them.
[[nodiscard]] char* loose(const std::string& text) noexcept { return const_cast<char*>(text.c_str()); }

[[nodiscard]] berth::error failure(const char* what, std::uint32_t job = 0) {
    const int code = slurm_get_errno();
    std::string message = what;
    if (job != 0) message += " of job " + std::to_string(job);
    return berth::error{berth::error_code::io, message + ": " + slurm_strerror(code)};
}

[[nodiscard]] std::vector<std::string> host_names(const char* list) {
    std::vector<std::string> names;
    if (list == nullptr || *list == '\0') return names;
    hostlist_t hosts = slurm_hostlist_create(list);
    if (hosts == nullptr) return names;
    while (char* host = slurm_hostlist_shift(hosts)) {
        names.emplace_back(host);
        std::free(host);
    }
    slurm_hostlist_destroy(hosts);
    return names;
}

[[nodiscard]] std::vector<std::string> comma_list(std::string_view text) {
    std::vector<std::string> items;
    while (!text.empty()) {
        const std::size_t end = text.find(',');
        if (end != 0) items.emplace_back(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return items;
}

[[nodiscard]] node_record to_record(const node_info_t& from) {
    node_record node;
    node.name = text_of(from.name);
    const std::uint32_t base = from.node_state & NODE_STATE_BASE;
    node.up = base != NODE_STATE_DOWN && base != NODE_STATE_UNKNOWN && base != NODE_STATE_ERROR &&
              base != NODE_STATE_FUTURE && (from.node_state & NODE_STATE_INVALID_REG) == 0;
    constexpr std::uint64_t closed = NODE_STATE_DRAIN | NODE_STATE_FAIL | NODE_STATE_NO_RESPOND | NODE_STATE_MAINT |
                                     NODE_STATE_POWERED_DOWN | NODE_STATE_POWERING_DOWN | NODE_STATE_REBOOT_REQUESTED |
                                     NODE_STATE_REBOOT_ISSUED;
    // After its start slurmctld knows the types of a node's shards only once the node has reported; before, it gives a
    // job whichever shards are free.
    const bool reported = text_of(from.gres_used).find("(null)") == std::string_view::npos;
    node.open = node.up && reported && (from.node_state & closed) == 0;
    node.reason = text_of(from.reason);
    node.cpus = from.cpus_efctv != 0 ? from.cpus_efctv : from.cpus;
    node.threads = std::max<unsigned>(1, from.threads);
    node.memory = static_cast<berth::amount>(from.real_memory - std::min(from.real_memory, from.mem_spec_limit));
    node.features = comma_list(text_of(from.features_act != nullptr ? from.features_act : from.features));
    read_node_gres(node, text_of(from.gres));
    return node;
}

[[nodiscard]] job_record to_record(const slurm_job_info_t& from, std::uint64_t shards, std::time_t now) {
    job_record job;
    job.id = from.job_id;
    const std::uint32_t base = from.job_state & JOB_STATE_BASE;
    job.completing = (from.job_state & JOB_COMPLETING) != 0;
    job.activity = base == JOB_PENDING                            ? job_activity::pending
                   : base == JOB_RUNNING || base == JOB_SUSPENDED ? job_activity::running
                                                                  : job_activity::ended;
    job.cancelled = base == JOB_CANCELLED;
    // A slurmctld that was killed has forgotten that it put a job back, and takes the end of its processes for a
    // failure.
    const int status = static_cast<int>(from.exit_code);
    const bool by_signal = (WIFSIGNALED(status) && (WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGKILL)) ||
                           (WIFEXITED(status) && (WEXITSTATUS(status) == 143 || WEXITSTATUS(status) == 137));
    job.killed = base == JOB_NODE_FAIL || (base == JOB_FAILED && by_signal);
    job.held = job.activity == job_activity::pending && from.priority == 0;
    job.held_by_admin = job.held && from.state_reason == WAIT_HELD;
    // A job that was started before gets a begin time two minutes ahead from Slurm; pinning sets it right.
    job.eligible = text_of(from.dependency).empty() && (from.restart_cnt > 0 || from.eligible_time <= now);
    job.batch = from.batch_flag != 0;
    job.requeue = from.requeue != 0;
    job.comment = text_of(from.admin_comment);
    job.constraint = text_of(from.features);
    job.gres = text_of(from.tres_per_node);
    job.nodes_wanted = text_of(from.req_nodes);
    job.nodes = std::max<std::uint32_t>(1, from.num_nodes);
    job.cpus = std::max<std::uint32_t>(1, from.num_cpus);
    const std::uint32_t cpus_each = (job.cpus + job.nodes - 1) / job.nodes;
    const std::uint64_t memory = from.pn_min_memory & ~std::uint64_t{MEM_PER_CPU};
    const bool per_cpu = (from.pn_min_memory & std::uint64_t{MEM_PER_CPU}) != 0;
    job.memory = static_cast<berth::amount>(per_cpu ? memory * cpus_each : memory);
    job.priority = static_cast<int>(std::int64_t{NICE_OFFSET} - std::int64_t{from.nice});
    // A job without a limit has one of a year once it runs.
    if (from.time_limit < minutes_of_a_year) job.time_limit = 60.0 * from.time_limit;
    job.restarts = from.restart_cnt;
    if (job.activity == job_activity::running || job.completing) {
        std::size_t i = 0;
        for (std::string& node : host_names(from.nodes)) {
            const char* gres = i < from.gres_detail_cnt ? from.gres_detail_str[i] : nullptr;
            job.places.push_back(read_allocation(std::move(node), text_of(gres), shards));
            ++i;
        }
    }
    return job;
}

[[nodiscard]] berth::result<void> update(job_desc_msg_t& wanted, const char* what) {
    if (slurm_update_job(&wanted) == SLURM_SUCCESS) return {};
    return failure(what, wanted.job_id);
}

}  // namespace

libslurm_port::libslurm_port(const std::string& configuration) {
    slurm_init(configuration.empty() ? nullptr : configuration.c_str());
}
libslurm_port::~libslurm_port() { slurm_fini(); }

berth::result<snapshot> libslurm_port::read() {
    // Jobs first: a node that fails between the two is then known to have failed before its jobs are placed anew.
    job_info_msg_t* jobs = nullptr;
    if (slurm_load_jobs(0, &jobs, SHOW_ALL | SHOW_DETAIL) != SLURM_SUCCESS) return failure("jobs");
    const std::unique_ptr<job_info_msg_t, decltype(&slurm_free_job_info_msg)> job_guard{jobs, slurm_free_job_info_msg};
    node_info_msg_t* nodes = nullptr;
    if (slurm_load_node(0, &nodes, SHOW_ALL | SHOW_DETAIL) != SLURM_SUCCESS) return failure("nodes");
    const std::unique_ptr<node_info_msg_t, decltype(&slurm_free_node_info_msg)> node_guard{nodes,
                                                                                           slurm_free_node_info_msg};

    slurm_conf_t* conf = nullptr;
    if (slurm_load_ctl_conf(told_at_, &conf) == SLURM_SUCCESS) {
        told_at_ = conf->last_update + 1;  // of the same second, it is told again
        booted_at_ = conf->boot_time;
        slurm_free_ctl_conf(conf);
    } else if (slurm_get_errno() != SLURM_NO_CHANGE_IN_DATA) {
        return failure("the start of slurmctld");
    }
    bool settled = std::time(nullptr) - booted_at_ >= static_cast<std::time_t>(settle_seconds);
    if (!settled) {
        settled = std::none_of(jobs->job_array, jobs->job_array + jobs->record_count,
                               [&](const slurm_job_info_t& job) { return job.submit_time < booted_at_; });
    }

    snapshot seen;
    seen.serial = ++serial_;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    seen.time = std::chrono::duration<double>(now).count();
    seen.nodes.reserve(nodes->record_count);
    std::uint64_t shards = 0;
    for (std::uint32_t i = 0; i < nodes->record_count; ++i) {
        if (nodes->node_array[i].name == nullptr) continue;
        seen.nodes.push_back(to_record(nodes->node_array[i]));
        if (!settled) seen.nodes.back().open = false;
        shards = std::max(shards, seen.nodes.back().shards);
    }
    seen.jobs.reserve(jobs->record_count);
    for (std::uint32_t i = 0; i < jobs->record_count; ++i)
        seen.jobs.push_back(to_record(jobs->job_array[i], shards, std::time(nullptr)));
    std::sort(seen.jobs.begin(), seen.jobs.end(), [](const job_record& a, const job_record& b) { return a.id < b.id; });
    return seen;
}

berth::result<void> libslurm_port::pin(const job_record& job, const std::string& nodes, const std::string& gres,
                                       bool first) {
    if (!job.held) {
        if (auto ok = hold(job.id); !ok) return ok;
    }
    const bool named = names_gpus(job.gres);
    if (named && !(read_allocation({}, job.gres, 0) == read_allocation({}, gres, 0))) {
        return berth::error{berth::error_code::inconsistent, "job " + std::to_string(job.id) + " was started with " +
                                                                 job.gres + " and keeps these indices, not " + gres};
    }
    job_desc_msg_t wanted;
    slurm_init_job_desc_msg(&wanted);
    wanted.job_id = job.id;
    wanted.req_nodes = loose(nodes);
    if (!named) wanted.tres_per_node = loose(gres);
    wanted.priority = infinite;
    // Else it waits two minutes after a requeue.
    if (job.restarts > 0 || first) wanted.begin_time = std::time(nullptr);
    if (auto ok = update(wanted, "pinning"); !ok) return ok;
    if (!first) return {};
    job_desc_msg_t raised;
    slurm_init_job_desc_msg(&raised);
    raised.job_id = job.id;
    raised.priority = top_priority;
    return update(raised, "the priority");
}
berth::result<void> libslurm_port::hold(std::uint32_t job) {
    job_desc_msg_t wanted;
    slurm_init_job_desc_msg(&wanted);
    wanted.job_id = job;
    wanted.priority = 0;
    wanted.alloc_sid = ALLOC_SID_USER_HOLD;  // else it looks like an operator's hold
    return update(wanted, "holding");
}
berth::result<void> libslurm_port::requeue(std::uint32_t job) {
    if (slurm_requeue(job, JOB_REQUEUE_HOLD) == SLURM_SUCCESS) return {};
    return failure("requeue", job);
}
berth::result<void> libslurm_port::signal(std::uint32_t job, int number) {
    if (slurm_signal_job(job, static_cast<std::uint16_t>(number)) == SLURM_SUCCESS) return {};
    return failure("signal", job);
}
berth::result<void> libslurm_port::cancel(std::uint32_t job) {
    if (slurm_kill_job(job, 9, 0) == SLURM_SUCCESS) return {};
    const int code = slurm_get_errno();
    if (code == ESLURM_ALREADY_DONE || code == ESLURM_INVALID_JOB_ID) return {};
    return failure("cancelling", job);
}
berth::result<std::uint32_t> libslurm_port::submit_holder(const holder_request& wanted) {
    job_desc_msg_t job;
    slurm_init_job_desc_msg(&job);
    std::string name = "berth-hold";
    std::string script = "#!/bin/sh\nexec sleep 2147483647\n";
    std::string nowhere = "/dev/null";
    std::string root = "/";
    std::string path = "PATH=/usr/bin:/bin";
    char* environment[] = {path.data(), nullptr};
    job.name = name.data();
    job.admin_comment = loose(wanted.comment);
    job.script = script.data();
    job.std_out = nowhere.data();
    job.std_err = nowhere.data();
    job.std_in = nowhere.data();
    job.work_dir = root.data();
    job.environment = environment;
    job.env_size = 1;
    job.user_id = 0;
    job.group_id = 0;
    job.min_nodes = job.max_nodes = 1;
    job.req_nodes = loose(wanted.node);
    job.tres_per_node = loose(wanted.gres);
    job.num_tasks = 1;
    job.cpus_per_task = static_cast<std::uint16_t>(std::min<std::uint32_t>(wanted.cpus, 65'000));
    job.min_cpus = wanted.cpus;
    job.pn_min_memory = static_cast<std::uint64_t>(std::max<berth::amount>(1, wanted.memory));
    job.priority = top_priority;
    job.requeue = 0;
    submit_response_msg_t* answer = nullptr;
    if (slurm_submit_batch_job(&job, &answer) != SLURM_SUCCESS) return failure("submitting a holder");
    const std::uint32_t id = answer->job_id;
    slurm_free_submit_response_response_msg(answer);
    return id;
}
berth::result<void> libslurm_port::drain(const std::string& node, const std::string& reason) {
    update_node_msg_t wanted;
    slurm_init_update_node_msg(&wanted);
    wanted.node_names = loose(node);
    wanted.node_state = NODE_STATE_DRAIN;
    wanted.reason = loose(reason);
    wanted.reason_uid = 0;
    if (slurm_update_node(&wanted) == SLURM_SUCCESS) return {};
    return failure("draining a node");
}
berth::result<void> libslurm_port::resume(const std::string& node) {
    update_node_msg_t wanted;
    slurm_init_update_node_msg(&wanted);
    wanted.node_names = loose(node);
    wanted.node_state = NODE_RESUME;
    if (slurm_update_node(&wanted) == SLURM_SUCCESS) return {};
    return failure("resuming a node");
}

}  // namespace berth_slurm
