// SPDX-License-Identifier: Apache-2.0
#include "history.hpp"

#include <algorithm>

namespace top {

void sampled_history::add(const fleet_sample& s) {
    if (!samples_.empty() && s.time <= samples_.back().time) {
        const double hottest = samples_.back().hottest;
        samples_.back() = s;
        if (!(s.hottest >= hottest)) samples_.back().hottest = hottest;
        return;
    }
    samples_.push_back(s);
    if (samples_.size() < most) return;
    // The peak of a sample that is dropped stays with the one after it.
    std::size_t kept = 0;
    for (std::size_t i = 0; i < samples_.size(); i += 2) {
        fleet_sample one = samples_[i];
        if (i > 0 && samples_[i - 1].hottest > one.hottest) one.hottest = samples_[i - 1].hottest;
        if (i > 0 && std::isnan(one.hottest)) one.hottest = samples_[i - 1].hottest;
        samples_[kept++] = one;
    }
    samples_.resize(kept);
    step_ = (samples_.back().time - samples_.front().time) / static_cast<double>(kept);
}

std::size_t gpu_lanes::lane(const std::string& gpu, const std::string& node) {
    const auto [at, added] = index_.try_emplace(gpu, lanes_.size());
    if (added) lanes_.push_back({gpu, node, {}});
    lanes_[at->second].node = node;
    return at->second;
}

std::uint32_t gpu_lanes::job(const std::string& name) {
    const auto [at, added] = job_index_.try_emplace(name, static_cast<std::uint32_t>(job_names_.size()));
    if (added) job_names_.push_back(name);
    return at->second;
}

void gpu_lanes::begin(std::size_t lane, lane_segment::kind is, std::uint32_t job, std::uint32_t task, double time) {
    lanes_[lane].segments.push_back({is, job, task, time, unknown});
    if (++segments_ > most) forget_half();
}

void gpu_lanes::end(std::size_t lane, lane_segment::kind is, std::uint32_t job, std::uint32_t task, double time) {
    std::vector<lane_segment>& all = lanes_[lane].segments;
    for (std::size_t i = all.size(); i-- > 0;) {
        lane_segment& s = all[i];
        if (s.is != is || s.job != job || s.task != task || !std::isnan(s.end)) continue;
        s.end = time;
        if (s.end <= s.begin) {
            all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
            --segments_;
        }
        return;
    }
}

void gpu_lanes::forget_half() {
    std::vector<double> ends;
    for (const gpu_lane& one : lanes_) {
        for (const lane_segment& s : one.segments) {
            if (!std::isnan(s.end)) ends.push_back(s.end);
        }
    }
    if (ends.empty()) return;
    const auto middle = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() / 2);
    std::nth_element(ends.begin(), middle, ends.end());
    for (gpu_lane& one : lanes_) {
        forgotten_ += std::erase_if(one.segments, [&](const lane_segment& s) { return s.end <= *middle; });
    }
    segments_ = 0;
    for (const gpu_lane& one : lanes_) segments_ += one.segments.size();
}

}  // namespace top
