// SPDX-License-Identifier: Apache-2.0
#pragma once

// A simulated fleet with scripted faults under a watch: what is true is known here, so every decision of the watch can
// be judged. The watch's decisions go to the cluster, and a drained GPU is idle.
#include "berth/core/random.hpp"
#include "berth/model/cluster.hpp"
#include "berth/watch/fleet_watch.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace bench {

enum class watch_fault : std::uint8_t {
    none,
    xid,       ///< an XID error is shown until the GPU is repaired
    ecc,       ///< uncorrectable memory errors
    drift,     ///< the temperature drifts over the limit
    fan,       ///< the temperature rises over the limit within minutes
    gone,      ///< a GPU is silent, its neighbours are not
    sensor,    ///< the temperature sensor jumps to and fro; nothing is wrong
    reset,     ///< counters begin at 0, or show 0 once; nothing is wrong
    exporter,  ///< a node is silent; nothing is wrong
    clock,     ///< a node's clock is set; nothing is wrong
    rack,      ///< a rack is silent; nothing is wrong
    watch,     ///< the watch's own clock is set; nothing is wrong
};
inline constexpr std::size_t watch_fault_count = 12;
inline constexpr std::array<const char*, watch_fault_count> watch_fault_names{"none",
                                                                              "XID error",
                                                                              "uncorrectable ECC",
                                                                              "slow thermal drift",
                                                                              "fan failure",
                                                                              "GPU gone",
                                                                              "flapping sensor",
                                                                              "reset counters",
                                                                              "lost exporter",
                                                                              "clock step of a node",
                                                                              "silent rack",
                                                                              "clock step of the watch"};

/// What became of the faults of one kind.
struct watch_outcome {
    std::size_t faults = 0;
    std::size_t noticed = 0;      ///< drained; of an exporter: unknown
    std::size_t worst_delay = 0;  ///< samples after the first that showed it; of an exporter: samples missed
    double mean_delay = 0.0;
    std::size_t returned = 0;
    std::size_t worst_recovery = 0;  ///< good samples until the return
};

struct watched_result {
    std::array<watch_outcome, watch_fault_count> of{};
    std::uint64_t samples = 0;
    std::size_t false_drains = 0;
    std::size_t flaps = 0;                   ///< drained within an hour of a return, or returned while the fault lasted
    std::size_t left_out = 0;                ///< GPUs that are unhealthy at the end without a fault
    std::size_t telemetry_faults = 0;        ///< racks reported silent
    std::size_t wrong_energy = 0;            ///< GPUs whose energy is more than 2 % off at the end
    std::vector<std::string> first_reasons;  ///< of the first changes, and of all false ones
};

/// One run: nodes of eight GPUs, racks of `nodes_per_rack`.
class watched_fleet {
public:
    watched_fleet(std::size_t racks, std::size_t nodes_per_rack, std::size_t gpus_per_node, std::uint64_t seed)
        : random_{seed}, living_{{.gpu = {"share"}, .node = {}}} {
        for (std::size_t r = 0; r < racks; ++r) {
            const std::string rack_name = "rack" + std::to_string(r);
            (void)living_.add_domain(rack_name, 0);
            const std::string_view domains[] = {rack_name};
            for (std::size_t n = 0; n < nodes_per_rack; ++n) {
                const std::string name = "n" + std::to_string(nodes_.size());
                const std::vector<berth::gpu_description> gpus(gpus_per_node);
                const auto handle =
                    living_.join(berth::node_description{.name = name, .gpus = gpus, .domains = domains});
                nodes_.push_back({.handle = *handle, .rack = r});
                for (std::size_t g = 0; g < gpus_per_node; ++g) {
                    gpu made{.handle = living_.handle(*living_.find(*handle), g), .node = nodes_.size() - 1};
                    made.base = 35.0 + 13.0 * uniform();
                    made.base_load = uniform();
                    made.warm = made.temperature = made.base;
                    made.ecc = uniform() < 0.1 ? 3 : 0;
                    if (at_.size() <= made.handle.position()) at_.resize(made.handle.position() + 1);
                    at_[made.handle.position()] = gpus_.size();
                    gpus_.push_back(made);
                }
            }
        }
        racks_.resize(racks);
    }

    /// Lets the days pass, one sample a minute. Faults come at these rates a day and 1,000 GPUs.
    [[nodiscard]] watched_result run(std::size_t days, double rate = 1.0) {
        const std::size_t minutes = days * 1440;
        script(minutes, rate);
        auto watch = berth::fleet_watch<>{}.start(living_);
        std::size_t next = 0;
        double offset = 1.7e9;  // of the watch's clock
        for (minute_ = 0; minute_ < minutes; ++minute_) {
            while (next < scripted_.size() && scripted_[next].begins <= minute_) begin(scripted_[next++], offset);
            for (std::size_t g = 0; g < gpus_.size(); ++g) one_gpu(watch, g);
            const auto report = watch.update(offset + 60.0 * static_cast<double>(minute_));
            if (!report) return result_;
            for (const berth::health_change& c : report->health) judge(c);
            for (const berth::contact_change& c : report->contact)
                result_.telemetry_faults += c.lost && !c.node.valid();
            (void)berth::apply_health(living_, report->health);
            for (node& n : nodes_) {
                if (n.fault != watch_fault::exporter || n.noticed || minute_ >= n.ends) continue;
                ++n.missed;
                if (!watch.state(n.handle).heard) notice(watch_fault::exporter, n.missed), n.noticed = true;
            }
        }
        for (const gpu& g : gpus_) {
            const berth::gpu_watched now = watch.state(g.handle);
            result_.left_out += !berth::usable(now.health) && minute_ > g.ends + 120;
            const double off = now.energy.joules / g.used - 1.0;
            result_.wrong_energy += g.sampled && (off < -0.02 || off > 0.02);
        }
        for (watch_outcome& o : result_.of) o.mean_delay /= o.noticed > 0 ? static_cast<double>(o.noticed) : 1.0;
        return result_;
    }

private:
    struct gpu {
        berth::gpu_handle handle;
        std::size_t node = 0;
        double base = 40.0, base_load = 0.0;  // °C when idle; load of its tasks
        double load = 0.0, warm = 40.0, temperature = 40.0, heat = 0.0, rate = 0.0, watts = 60.0;
        double energy = 0.0, used = 0.0;  // counter, J; truth since it is watched
        bool sampled = false;
        std::uint64_t ecc = 0;
        std::uint32_t code = 0;
        watch_fault fault = watch_fault::none;
        std::size_t ends = 0;             // minute
        std::size_t busy = 0;             // minute until which no other fault is scripted
        std::size_t shown = 0, good = 0;  // samples
        bool noticed = false, out = false, passed = false;
        std::size_t out_at = 0, back_at = 0;
        std::size_t garbage = 0, calm = 0;  // samples of a flapping sensor
    };
    struct node {
        berth::node_handle handle;
        std::size_t rack = 0;
        watch_fault fault = watch_fault::none;
        std::size_t ends = 0;
        double offset = 0.0;
        std::size_t missed = 0;
        bool noticed = false;
    };
    struct rack {
        std::size_t ends = 0;
    };
    struct fault {
        std::size_t begins = 0, ends = 0;
        watch_fault kind = watch_fault::none;
        std::size_t place = 0;
    };

    double uniform() { return berth::uniform01(random_); }
    std::size_t below(std::size_t n) { return berth::bounded(random_, static_cast<std::uint32_t>(n)); }
    double noise() { return uniform() + uniform() + uniform() + uniform() - 2.0; }  // of standard deviation 0.58

    /// Places and times, such that no GPU has two faults at a time.
    void script(std::size_t minutes, double rate) {
        constexpr std::array<double, watch_fault_count> a_day{0, 20, 15, 20, 10, 5, 20, 40, 10, 6, 2, 1};
        for (std::size_t k = watch_fault_count - 1; k > 0; --k) {  // whole racks first
            const double wanted = a_day[k] * rate * static_cast<double>(gpus_.size() * minutes) / 1.44e6;
            const auto count = std::max<std::size_t>(1, static_cast<std::size_t>(wanted + 0.5));
            for (std::size_t i = 0; i < count; ++i) script_one(static_cast<watch_fault>(k), minutes);
        }
        std::sort(scripted_.begin(), scripted_.end(), [](const fault& a, const fault& b) {
            return a.begins != b.begins ? a.begins < b.begins : a.kind != b.kind ? a.kind < b.kind : a.place < b.place;
        });
    }
    void script_one(watch_fault kind, std::size_t minutes) {
        const bool of_node = kind == watch_fault::exporter || kind == watch_fault::clock;
        const std::size_t places = kind == watch_fault::rack ? racks_.size() : of_node ? nodes_.size() : gpus_.size();
        std::size_t length = 10 + below(35);
        if (kind == watch_fault::drift) length = 720;
        if (kind == watch_fault::ecc) length = 1 + below(5);
        if (kind == watch_fault::sensor || kind == watch_fault::exporter) length = 30 + below(120);
        for (int attempt = 0; attempt < 50; ++attempt) {
            const std::size_t begins = 60 + below(minutes > 1000 ? minutes - 1000 : 1);
            const std::size_t place = below(places);
            bool free = true;
            const auto each = [&](auto visit) {
                for (gpu& g : gpus_) {
                    const std::size_t at = kind == watch_fault::rack ? nodes_[g.node].rack
                                           : of_node                 ? g.node
                                                                     : at_[g.handle.position()];
                    if (kind == watch_fault::watch || at == place) visit(g);
                }
            };
            if (kind != watch_fault::watch) {
                each([&](const gpu& g) {
                    for (const fault& f : scripted_)
                        if (touches(f, g) && begins < f.ends + 180 && f.begins < begins + length + 180) free = false;
                });
            }
            if (!free) continue;
            scripted_.push_back({begins, begins + length, kind, place});
            return;
        }
    }
    [[nodiscard]] bool touches(const fault& f, const gpu& g) const {
        if (f.kind == watch_fault::watch) return false;
        if (f.kind == watch_fault::rack) return nodes_[g.node].rack == f.place;
        if (f.kind == watch_fault::exporter || f.kind == watch_fault::clock) return g.node == f.place;
        return at_[g.handle.position()] == f.place;
    }
    void begin(const fault& f, double& offset) {
        ++result_.of[static_cast<std::size_t>(f.kind)].faults;
        const double set = (below(2) == 0 ? -1.0 : 1.0) * (300.0 + 7200.0 * uniform());
        switch (f.kind) {
            case watch_fault::watch: offset += set; return;
            case watch_fault::rack: racks_[f.place].ends = f.ends; return;
            case watch_fault::clock: nodes_[f.place].offset += set; return;
            case watch_fault::exporter:
                nodes_[f.place].fault = f.kind;
                nodes_[f.place].ends = f.ends;
                nodes_[f.place].missed = 0;
                nodes_[f.place].noticed = false;
                return;
            default: break;
        }
        gpu& g = gpus_[f.place];
        g.fault = f.kind;
        g.ends = f.ends;
        g.shown = g.good = 0;
        g.noticed = g.passed = false;
        g.garbage = g.calm = 0;
        if (f.kind == watch_fault::drift) g.rate = 0.05 + 0.5 * uniform();
        if (f.kind == watch_fault::fan) g.rate = 3.0 + 12.0 * uniform();
        if (f.kind == watch_fault::drift || f.kind == watch_fault::fan) g.base_load = 0.8 + 0.2 * uniform();
        if (f.kind == watch_fault::reset && below(2) == 0) g.energy = 0.0, g.ecc = 0;
    }
    [[nodiscard]] static bool real(watch_fault kind) { return kind >= watch_fault::xid && kind <= watch_fault::gone; }
    [[nodiscard]] bool active(const gpu& g) const { return real(g.fault) && minute_ < g.ends; }
    [[nodiscard]] static bool thermal(watch_fault kind) {
        return kind == watch_fault::drift || kind == watch_fault::fan;
    }

    void live(gpu& g) {
        const bool hot = thermal(g.fault) && minute_ < g.ends;
        if (!hot && below(60) == 0) g.base_load = below(3) == 0 ? 0.0 : 0.5 + 0.5 * uniform();
        g.load = g.out && minute_ > g.out_at + 5 ? 0.0 : g.base_load;
        if (hot && g.temperature < 91.0) g.heat += g.rate;
        if (hot && g.temperature >= 85.0 && !g.passed) {
            g.passed = true;
            g.ends = std::min(g.ends, minute_ + 30 + below(60));  // repaired some time after
        }
        if (!hot) g.heat = std::max(0.0, g.heat - 4.0);
        g.warm += 0.5 * (g.base + 32.0 * g.load - g.warm);
        g.temperature = std::min(g.warm + g.heat, 93.0);
        g.watts = 60.0 + 340.0 * g.load;
        g.energy += 60.0 * g.watts;
        if (g.sampled) g.used += 60.0 * g.watts;
        g.code = g.fault == watch_fault::xid && minute_ < g.ends ? (g.base > 40.0 ? 79U : 48U) : 0U;
        if (g.fault == watch_fault::ecc && minute_ < g.ends) ++g.ecc;
    }
    /// What the exporter would show, if it were heard.
    [[nodiscard]] berth::gpu_sample shown_by(gpu& g) {
        const node& n = nodes_[g.node];
        berth::gpu_sample s{.time = 1.6e9 + n.offset + 60.0 * static_cast<double>(minute_) + 5.0 * uniform(),
                            .gpu = g.handle,
                            .load = std::clamp(g.load + 0.03 * noise(), 0.0, 1.0),
                            .temperature = g.temperature + noise(),
                            .power = std::max(0.0, g.watts + 5.0 * noise()),
                            .energy = g.energy,
                            .xid = g.code,
                            .ecc_uncorrectable = g.ecc,
                            .throttle_reasons = g.temperature >= 90.0 ? 0x40U : 0x0U};
        const bool lasts = minute_ < g.ends;
        if (g.fault == watch_fault::sensor && lasts) {
            if (g.garbage == 0 && g.calm == 0) g.garbage = 1 + below(2), g.calm = 1 + below(6);
            if (g.garbage > 0) {
                --g.garbage;
                s.temperature = below(2) == 0 ? 0.0 : 92.0 + 35.0 * uniform();
            } else {
                --g.calm;
            }
        }
        if (g.fault == watch_fault::reset && lasts && below(8) == 0) s.ecc_uncorrectable = 0, s.energy = 0.0;
        if (below(50) == 0) s.temperature = s.load = berth::gpu_sample::absent;
        return s;
    }
    template <class Watch>
    void one_gpu(Watch& watch, std::size_t i) {
        gpu& g = gpus_[i];
        const std::uint64_t ecc = g.ecc;
        live(g);
        const node& n = nodes_[g.node];
        const bool silent = (n.fault == watch_fault::exporter && minute_ < n.ends) || minute_ < racks_[n.rack].ends ||
                            (g.fault == watch_fault::gone && minute_ < g.ends);
        g.shown += g.fault == watch_fault::gone && minute_ < g.ends && !g.noticed ? 1 : 0;
        if (silent || below(100) == 0) return;
        g.sampled = true;
        const berth::gpu_sample s = shown_by(g);
        if (!g.noticed) {
            const bool shows = (g.fault == watch_fault::xid && s.xid != 0U) || g.passed ||
                               (g.fault == watch_fault::ecc && (g.ecc > ecc || g.shown > 0));
            g.shown += shows ? 1 : 0;
        } else if (g.out && minute_ >= g.ends && g.heat == 0.0) {
            ++g.good;
        }
        ++result_.samples;
        (void)watch.observe(s);
        if (below(200) == 0) (void)watch.observe(s);  // doubled
    }
    void notice(watch_fault kind, std::size_t delay) {
        watch_outcome& o = result_.of[static_cast<std::size_t>(kind)];
        ++o.noticed;
        o.worst_delay = std::max(o.worst_delay, delay);
        o.mean_delay += static_cast<double>(delay);
    }
    void judge(const berth::health_change& c) {
        if (!c.matters() || c.from == c.to) return;
        gpu& g = gpus_[at_[c.gpu.position()]];
        const auto say = [&](const char* what) {
            if (result_.first_reasons.size() < 20)
                result_.first_reasons.push_back(std::string{what} + ", minute " + std::to_string(minute_) + ", " +
                                                watch_fault_names[static_cast<std::size_t>(g.fault)] + ": " +
                                                berth::describe(c, living_));
        };
        if (c.healthy()) {
            watch_outcome& o = result_.of[static_cast<std::size_t>(g.fault)];
            ++o.returned;
            o.worst_recovery = std::max(o.worst_recovery, g.good);
            if (active(g)) ++result_.flaps, say("returned too early");
            g.out = false;
            g.back_at = minute_;
            return;
        }
        if (!real(g.fault) || minute_ > g.ends + 60) {
            ++result_.false_drains;
            say("false drain");
        } else if (!g.noticed) {
            g.noticed = true;
            notice(g.fault, g.shown > 0 ? g.shown - 1 : 0);
        }
        if (g.back_at > 0 && minute_ < g.back_at + 60) ++result_.flaps, say("flap");
        g.out = true;
        g.out_at = minute_;
    }

    berth::xoshiro256 random_;
    berth::cluster living_;
    std::vector<node> nodes_;
    std::vector<gpu> gpus_;
    std::vector<rack> racks_;
    std::vector<std::size_t> at_;  // GPUs by the position of their handles
    std::vector<fault> scripted_;
    std::size_t minute_ = 0;
    watched_result result_{};
};

}  // namespace bench
