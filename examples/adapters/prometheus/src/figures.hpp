// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "watcher.hpp"

#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

namespace berth_watch {

/// berth's own figures, for Prometheus to scrape.
class figures {
public:
    /// Serves `/metrics` there. Throws what prometheus-cpp throws if the address cannot be listened on.
    explicit figures(const std::string& address);

    /// Takes over what a watcher knows after a look.
    ///
    /// @param answered  whether Prometheus answered
    /// @param seconds   that the question took
    void update(const watcher& from, bool answered, double seconds);

    /// The port that is listened on, of use where the address has port 0.
    [[nodiscard]] int port() const;

private:
    using counters = prometheus::Family<prometheus::Counter>;
    using gauges = prometheus::Family<prometheus::Gauge>;
    struct gpu_gauges {
        std::string node{};
        prometheus::Gauge* known = nullptr;
        prometheus::Gauge* usable = nullptr;
        prometheus::Counter* energy = nullptr;
        bool there = false;
    };

    void update_fleet(const watcher& from);
    void update_gpus(const watcher& from);

    std::shared_ptr<prometheus::Registry> registry_;
    counters& events_;
    counters& decisions_;
    counters& migrations_;
    counters& samples_;
    gauges& jobs_;
    gauges& gpus_;
    prometheus::Gauge& share_;
    prometheus::Gauge& fragmented_;
    prometheus::Gauge& under_way_;
    prometheus::Gauge& up_;
    prometheus::Histogram& decide_seconds_;
    prometheus::Histogram& query_seconds_;
    gauges& known_;
    gauges& usable_;
    counters& energy_;
    std::map<std::string, gpu_gauges, std::less<>> of_gpus_;
    prometheus::Exposer exposer_;  // last: it serves what is above
};

}  // namespace berth_watch
