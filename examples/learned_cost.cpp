// SPDX-License-Identifier: Apache-2.0
// Speeds learned while tasks run: what is known of an unseen pair, exploration, a drift, a model saved and loaded.
#include "berth/feature/extract.hpp"
#include "berth/learn/class_speed.hpp"
#include "berth/learn/exploration.hpp"

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

struct card {
    std::string model;
    double tflops, bandwidth;
};
struct network {
    std::string name, family;
    double batch, speed;  // steps a second on the slow card; the scheduler does not know it
};

int main() {
    using berth::column, berth::columns;
    const std::vector<card> cards{{"slow", 4, 240}, {"middle", 9, 730}, {"fast", 14, 900}};
    const std::vector<network> networks{{"vision/16", "vision", 16, 2.5},    {"vision/64", "vision", 64, 0.75},
                                        {"speech/32", "speech", 32, 11.0},   {"speech/128", "speech", 128, 3.1},
                                        {"language/8", "language", 8, 24.0}, {"language/32", "language", 32, 12.0}};
    // Features are projections of your own structs; logarithms make the model one of ratios.
    const columns of_card{column{"tflops", [](const card& c) { return std::log(c.tflops / 9); }},
                          column{"bandwidth", [](const card& c) { return std::log(c.bandwidth / 730); }}};
    const columns of_network{column{"batch", [](const network& n) { return std::log(n.batch / 32); }}};
    const auto card_rows = extract(cards, of_card);
    const auto network_rows = extract(networks, of_network);
    if (!card_rows || !network_rows) return 1;

    berth::class_speed speeds;
    for (std::size_t g = 0; g < cards.size(); ++g) {
        if (!speeds.add_gpu_model(cards[g].model, card_rows->row(g))) return 1;
    }
    for (std::size_t c = 0; c < networks.size(); ++c) {
        if (!speeds.add_class(networks[c].name, networks[c].family, network_rows->row(c))) return 1;
    }
    double ageing = 1.0;  // of the fast card
    const auto measured = [&](std::size_t c, std::size_t g) {
        const double gain[] = {1.0, networks[c].family == "vision" ? 3.6 : 2.4,
                               networks[c].family == "vision" ? 5.9 : 3.3};
        return networks[c].speed * gain[g] * (g == 2 ? ageing : 1.0);
    };
    const auto show = [&](const char* when, std::size_t c, std::size_t g) {
        const berth::log_estimate e = speeds.predict(c, g);
        const auto [low, high] = e.interval(0.8);
        std::printf("%-24s %s on %s: %.2f steps/s (80 %%: %.2f to %.2f), truly %.2f\n", when, networks[c].name.c_str(),
                    cards[g].model.c_str(), e.median(), low, high, measured(c, g));
    };

    show("nothing observed:", 1, 2);
    for (std::size_t c = 0; c < networks.size(); ++c) {
        for (std::size_t g = 0; g < cards.size(); ++g) {
            if (c == 1 && g == 2) continue;
            if (!speeds.observe(c, g, measured(c, g))) return 1;
        }
    }
    show("never ran there:", 1, 2);

    // Where should the next 1000 steps run? What is little known is reckoned with at its better end.
    std::vector<berth::log_estimate> seconds;
    for (std::size_t g = 0; g < cards.size(); ++g) seconds.push_back(speeds.predict(1, g).into(1000.0));
    std::printf("next on %s\n", cards[berth::choose(seconds, berth::optimism{})].model.c_str());

    ageing = 0.5;
    for (int day = 0; day < 2; ++day) {
        for (std::size_t c = 0; c < networks.size(); ++c) {
            const auto told = speeds.observe(c, 2, measured(c, 2));
            if (told && told->drift)
                std::printf("day %d: the fast card has changed (%s)\n", day, networks[c].name.c_str());
        }
    }
    show("after the drift:", 1, 2);

    const auto copy = berth::class_speed::load(speeds.save());
    return copy && copy->predict(1, 2) == speeds.predict(1, 2) ? 0 : 1;
}
