// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/config.hpp"
#include "berth/core/message.hpp"
#include "berth/core/names.hpp"
#include "berth/core/result.hpp"
#include "berth/learn/detail/learn_text.hpp"
#include "berth/learn/drift_detector.hpp"
#include "berth/learn/log_estimate.hpp"
#include "berth/learn/log_regression.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Length: the effects, how they are named and how they are saved belong together.

namespace berth::inline v0 {

/// How much each effect is expected to matter before anything was observed: prior deviations of the logarithm, all
/// above 0. The defaults were chosen on training speeds of 26 classes on three GPU models (docs/learn.md); features are
/// expected to be logarithms about 0.
struct speed_effects {
    double level = 3.0;                   ///< the speed of all on all
    double gpu = 0.05;                    ///< a GPU model, beyond its features
    double gpu_without_features = 0.8;    ///< a GPU model that has no features
    double gpu_feature = 0.7;             ///< slope along a feature of GPU models
    double task_feature = 0.5;            ///< slope along a feature of classes
    double task_by_gpu_feature = 0.7;     ///< product of both
    double family = 1.4;                  ///< a family of classes
    double family_by_gpu = 0.2;           ///< a family on a GPU model
    double family_by_gpu_feature = 0.4;   ///< a family along a feature of GPU models
    double family_by_task_feature = 0.1;  ///< a family along a feature of classes
    double family_by_task_by_gpu = 0.3;   ///< a family along a product of both
    double task_class = 1.0;              ///< a class
    double class_by_gpu = 0.12;           ///< a class on a GPU model
    double class_by_gpu_feature = 0.2;    ///< a class along a feature of GPU models
};

/// How a `class_speed` learns.
struct class_speed_options {
    /// Noise of a measurement, forgetting, outliers, intervals.
    log_regression_options regression{.ridge = {.noise = 0.03}};
    speed_effects effects{};  ///< what is expected before anything was observed
    drift_options drift{};    ///< when a GPU model is thought to have changed
    /// How uncertain a GPU model is after its drift was detected: 0.7 is a factor of two. A class on it: half as much.
    double after_drift = 0.7;
    /// Coefficients that are learned at most; about 20 bytes × their square. Later classes are predicted from what they
    /// share with others.
    std::size_t max_coefficients = 1024;
};

/// Learns the speed of classes of tasks on GPU models, or any other positive quantity of the two: watts, say. Classes
/// may belong to families, and classes and GPU models may have features (`feature/extract.hpp` reads them from your own
/// structs). The logarithm of the speed is a sum of effects, each with a prior:
///
///     level + GPU model + features + family × (1, GPU model, features) + class × (1, GPU model, GPU features)
///
/// So a class that was seen on one GPU model is predicted on another from how its family and how others changed between
/// the two, a class never seen from its family and its features, and a GPU model never seen from its features. What
/// nobody knows has a wide interval: the effects that it depends on have their priors.
///
/// Intervals hold what they promise (`interval_scale`); outliers are doubted; a GPU model that has become slower or
/// faster is found by a `drift_detector` and learned anew, while what is known of classes stays. Deterministic in the
/// order of observations, see `recursive_ridge`.
///
/// `predict` is O(k²) for the k effects of a pair (about 20 with two features each), and does not allocate; `observe`
/// O(coefficients²).
class class_speed {
public:
    static constexpr std::size_t max_features = 8;  ///< of a class, and of a GPU model

    /// What an observation told.
    struct lesson {
        surprise seen;       ///< how well it was foreseen
        bool drift = false;  ///< the GPU model was found to have changed
    };

    /// @param options  how to learn
    explicit class_speed(class_speed_options options = {}) : options_{options}, regression_{options.regression} {}

    /// The options.
    [[nodiscard]] const class_speed_options& options() const noexcept { return options_; }

    /// Makes a GPU model known. Refuses a repeated name, more than `max_features` features, a number of features that
    /// differs from that of earlier GPU models, and features that are not finite.
    ///
    /// @param name      unique
    /// @param features  such as logarithms of peak speed and bandwidth relative to a typical GPU; may be empty
    /// @return its position, from 0
    [[nodiscard]] result<std::size_t> add_gpu_model(std::string_view name, std::span<const double> features = {}) {
        return add("GPU model", gpus_, {}, name, features);
    }
    /// Makes a class known. Refuses like `add_gpu_model`.
    ///
    /// @param name      unique
    /// @param family    classes of one family resemble each other; empty: of none
    /// @param features  such as the logarithm of the batch size relative to a typical one; may be empty
    /// @return its position, from 0
    [[nodiscard]] result<std::size_t> add_class(std::string_view name, std::string_view family = {},
                                                std::span<const double> features = {}) {
        return add("class", classes_, family, name, features);
    }
    /// Names of the GPU models, by position.
    [[nodiscard]] const std::vector<std::string>& gpu_models() const noexcept { return gpus_.names.all(); }
    /// Names of the classes, by position.
    [[nodiscard]] const std::vector<std::string>& classes() const noexcept { return classes_.names.all(); }

    /// What is expected of a class on a GPU model, both by position.
    [[nodiscard]] log_estimate predict(std::size_t task_class, std::size_t gpu_model) const noexcept {
        BERTH_ASSERT(task_class < classes_.names.size() && gpu_model < gpus_.names.size(),
                     "berth: class_speed predicts classes and GPU models that were added");
        const traits about = traits_of(task_class, gpu_model);
        return predict(about);
    }
    /// What is expected of a class that was never added.
    ///
    /// @param family     may be one that is not known
    /// @param features   as many as classes have
    /// @param gpu_model  position
    [[nodiscard]] log_estimate predict(std::string_view family, std::span<const double> features,
                                       std::size_t gpu_model) const noexcept {
        BERTH_ASSERT(gpu_model < gpus_.names.size() && features.size() == classes_.width,
                     "berth: class_speed predicts GPU models that were added, from all features");
        const auto known = families_.find(family);
        return predict({none,
                        family.empty() ? none
                        : known        ? *known
                                       : stranger,
                        features, gpu_model, gpus_.features_of(gpu_model)});
    }

    /// Learns from a measurement. Refuses a value that is not finite or not above 0, and positions that do not exist.
    ///
    /// @param task_class  position
    /// @param gpu_model   position
    /// @param value       the measured speed
    result<lesson> observe(std::size_t task_class, std::size_t gpu_model, double value) {
        if (task_class >= classes_.names.size() || gpu_model >= gpus_.names.size()) {
            return detail::refuse(error_code::unknown_name, {"speed of class ", task_class, " on GPU model ", gpu_model,
                                                             ": there is no such class or GPU model"});
        }
        if (!std::isfinite(value) || !(value > 0.0)) {
            return detail::refuse(error_code::invalid_value,
                                  {"speed of ", detail::phrase::item("class", task_class, classes_.names[task_class]),
                                   " on ", detail::phrase::item("GPU model", gpu_model, gpus_.names[gpu_model]),
                                   ": is not a finite number above 0"});
        }
        const traits about = traits_of(task_class, gpu_model);
        const auto create = [this](std::string_view key, double deviation) {
            if (regression_.coefficients().size() >= options_.max_coefficients) return none;
            keys_.intern(key);
            return regression_.coefficients().append(deviation);
        };
        effect_row row;
        collect(about, row, create);
        lesson told;
        told.seen = regression_.observe(row.view(), value);
        if (told.seen.foreseen && drifts_[gpu_model].observe(told.seen.error)) {
            told.drift = true;
            forget_gpu(gpu_model);
        }
        return told;
    }

    /// The regression beneath: coefficients, interval factor.
    [[nodiscard]] const log_regression& regression() const noexcept { return regression_; }

    /// All that was learned, as text; `load` reads it.
    [[nodiscard]] std::string save() const {
        detail::learn_writer out;
        out.line("berth-class-speed").count(1);
        out.line("effects");
        for (const double deviation : listed(options_.effects)) out.number(deviation);
        out.line("drift").number(options_.drift.slack).number(options_.drift.threshold).number(options_.drift.clip);
        out.number(options_.after_drift).count(options_.max_coefficients);
        out.line("gpu-models").count(gpus_.names.size()).count(gpus_.width);
        for (std::size_t g = 0; g < gpus_.names.size(); ++g) {
            out.line("gpu-model").name(gpus_.names[g]).number(drifts_[g].up()).number(drifts_[g].down());
            for (const double feature : gpus_.features_of(g)) out.number(feature);
        }
        out.line("classes").count(classes_.names.size()).count(classes_.width);
        for (std::size_t c = 0; c < classes_.names.size(); ++c) {
            const std::size_t family = classes_.family[c];
            out.line("class").name(classes_.names[c]).name(family == none ? std::string{} : families_[family]);
            for (const double feature : classes_.features_of(c)) out.number(feature);
        }
        out.line("coefficients").count(keys_.size());
        for (const std::string& key : keys_.all()) out.line("effect").name(key);
        regression_.write(out);
        return std::move(out).text();
    }
    /// Reads the text of `save`. Learns on exactly as the saved one would.
    [[nodiscard]] static result<class_speed> load(std::string_view text) {
        detail::learn_reader in{text};
        class_speed made = read(in);
        in.finish();
        if (!in.ok()) return in.failure();
        return made;
    }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    static constexpr std::size_t stranger = none - 1;  // a family that was never seen

    enum class effect : std::uint8_t {
        level,
        gpu,
        gpu_feature,
        task_feature,
        task_by_gpu_feature,
        family,
        family_by_gpu,
        family_by_gpu_feature,
        family_by_task_feature,
        family_by_task_by_gpu,
        task_class,
        class_by_gpu,
        class_by_gpu_feature,
    };
    /// The GPU models, or the classes.
    struct group {
        name_table names;
        std::size_t width = 0;  // features of each
        std::vector<double> features;
        std::vector<std::size_t> family;  // of classes

        [[nodiscard]] std::span<const double> features_of(std::size_t i) const noexcept {
            return std::span<const double>{features}.subspan(i * width, width);
        }
    };
    /// All that the effects of a pair depend on.
    struct traits {
        std::size_t task_class;
        std::size_t family;
        std::span<const double> task;
        std::size_t gpu_model;
        std::span<const double> gpu;
    };
    /// The name of a coefficient, as printable text: kind, then positions.
    struct key_text {
        std::array<char, 48> text{};
        std::size_t size = 0;
        [[nodiscard]] std::string_view view() const noexcept { return {text.data(), size}; }
    };
    struct effect_row {
        std::array<regressor, 4 + 4 * max_features + 2 * max_features * max_features + 8> items;
        std::size_t size = 0;
        double unknown = 0.0;  // variance of effects without a coefficient
        [[nodiscard]] std::span<const regressor> view() const noexcept { return {items.data(), size}; }
    };

    [[nodiscard]] static key_text name_effect(effect kind, std::size_t a = 0, std::size_t b = 0, std::size_t c = 0) {
        key_text key;
        key.text[key.size++] = static_cast<char>('a' + static_cast<int>(kind));
        for (std::size_t part : {a, b, c}) {
            do key.text[key.size++] = static_cast<char>('0' + part % 16);
            while ((part /= 16) != 0);
            key.text[key.size++] = '.';
        }
        return key;
    }
    [[nodiscard]] traits traits_of(std::size_t task_class, std::size_t gpu_model) const noexcept {
        return {task_class, classes_.family[task_class], classes_.features_of(task_class), gpu_model,
                gpus_.features_of(gpu_model)};
    }
    [[nodiscard]] log_estimate predict(const traits& about) const noexcept {
        effect_row row;
        collect(about, row, [](std::string_view, double) { return none; });
        return regression_.predict(row.view(), row.unknown);
    }
    /// Lists the effects of a pair, always in the same order. `create` answers with the position of a new coefficient,
    /// or `none`.
    template <class Create>
    void collect(const traits& about, effect_row& row, const Create& create) const {
        const speed_effects& prior = options_.effects;
        const auto add = [&](effect kind, double value, double deviation, std::size_t a = 0, std::size_t b = 0,
                             std::size_t c = 0) {
            if (value == 0.0) return;
            const key_text key = name_effect(kind, a, b, c);
            const auto known = keys_.find(key.view());
            const std::size_t at = known ? *known : create(key.view(), deviation);
            if (at == none) {
                row.unknown += deviation * deviation * value * value;
            } else {
                row.items[row.size++] = {at, value};
            }
        };
        const bool in_family = about.family != none;
        const std::size_t f = about.family;
        const std::size_t g = about.gpu_model;
        add(effect::level, 1.0, prior.level);
        add(effect::gpu, 1.0, about.gpu.empty() ? prior.gpu_without_features : prior.gpu, g);
        for (std::size_t k = 0; k < about.gpu.size(); ++k) add(effect::gpu_feature, about.gpu[k], prior.gpu_feature, k);
        for (std::size_t l = 0; l < about.task.size(); ++l) {
            add(effect::task_feature, about.task[l], prior.task_feature, l);
            for (std::size_t k = 0; k < about.gpu.size(); ++k) {
                add(effect::task_by_gpu_feature, about.task[l] * about.gpu[k], prior.task_by_gpu_feature, l, k);
            }
        }
        if (in_family) {
            add(effect::family, 1.0, prior.family, f);
            add(effect::family_by_gpu, 1.0, prior.family_by_gpu, f, g);
            for (std::size_t k = 0; k < about.gpu.size(); ++k) {
                add(effect::family_by_gpu_feature, about.gpu[k], prior.family_by_gpu_feature, f, k);
            }
            for (std::size_t l = 0; l < about.task.size(); ++l) {
                add(effect::family_by_task_feature, about.task[l], prior.family_by_task_feature, f, l);
                for (std::size_t k = 0; k < about.gpu.size(); ++k) {
                    add(effect::family_by_task_by_gpu, about.task[l] * about.gpu[k], prior.family_by_task_by_gpu, f, l,
                        k);
                }
            }
        }
        // A class of no family differs from others as much as families do.
        const std::size_t c = about.task_class;
        add(effect::task_class, 1.0, in_family ? prior.task_class : std::hypot(prior.task_class, prior.family), c);
        add(effect::class_by_gpu, 1.0,
            in_family ? prior.class_by_gpu : std::hypot(prior.class_by_gpu, prior.family_by_gpu), c, g);
        for (std::size_t k = 0; k < about.gpu.size(); ++k) {
            add(effect::class_by_gpu_feature, about.gpu[k],
                in_family ? prior.class_by_gpu_feature
                          : std::hypot(prior.class_by_gpu_feature, prior.family_by_gpu_feature),
                c, k);
        }
    }
    [[nodiscard]] result<std::size_t> add(const char* kind, group& to, std::string_view family, std::string_view name,
                                          std::span<const double> features) {
        using detail::phrase;
        const std::size_t at = to.names.size();
        if (name.empty()) { return detail::refuse(error_code::invalid_value, {kind, " ", at, ": has no name"}); }
        if (to.names.find(name)) {
            return detail::refuse(error_code::duplicate, {kind, " ", phrase::quoted(name), ": is known already"});
        }
        if (features.size() > max_features || (at > 0 && features.size() != to.width)) {
            return detail::refuse(error_code::inconsistent,
                                  {phrase::item(kind, at, name), ": has ", features.size(), " features, expected ",
                                   at > 0 ? "" : "at most ", at > 0 ? to.width : max_features});
        }
        for (std::size_t j = 0; j < features.size(); ++j) {
            if (std::isfinite(features[j])) continue;
            return detail::refuse(error_code::invalid_value,
                                  {phrase::item(kind, at, name), ": feature ", j, " is not a finite number"});
        }
        to.width = features.size();
        to.features.insert(to.features.end(), features.begin(), features.end());
        to.family.push_back(family.empty() ? none : families_.intern(family));
        (void)to.names.intern(name);
        if (drifts_.size() < gpus_.names.size()) drifts_.emplace_back(options_.drift);
        return at;
    }
    /// A GPU model changed, some observations ago: these have moved what is particular to their classes on it.
    void forget_gpu(std::size_t gpu_model) {
        const auto release = [this](const key_text& key, double deviation) {
            if (const auto at = keys_.find(key.view())) regression_.coefficients().release(*at, deviation);
        };
        release(name_effect(effect::gpu, gpu_model), options_.after_drift);
        for (std::size_t c = 0; c < classes_.names.size(); ++c) {
            release(name_effect(effect::class_by_gpu, c, gpu_model), 0.5 * options_.after_drift);
        }
    }
    [[nodiscard]] static std::array<double, 14> listed(const speed_effects& e) noexcept {
        return {e.level,
                e.gpu,
                e.gpu_without_features,
                e.gpu_feature,
                e.task_feature,
                e.task_by_gpu_feature,
                e.family,
                e.family_by_gpu,
                e.family_by_gpu_feature,
                e.family_by_task_feature,
                e.family_by_task_by_gpu,
                e.task_class,
                e.class_by_gpu,
                e.class_by_gpu_feature};
    }
    [[nodiscard]] static class_speed read(detail::learn_reader& in) {
        in.line("berth-class-speed");
        if (in.count("version", 1) != 1) in.refuse("version", "is not 1");
        class_speed_options options;
        in.line("effects");
        speed_effects& e = options.effects;
        for (double* deviation :
             {&e.level, &e.gpu, &e.gpu_without_features, &e.gpu_feature, &e.task_feature, &e.task_by_gpu_feature,
              &e.family, &e.family_by_gpu, &e.family_by_gpu_feature, &e.family_by_task_feature,
              &e.family_by_task_by_gpu, &e.task_class, &e.class_by_gpu, &e.class_by_gpu_feature}) {
            *deviation = in.positive("effect");
        }
        in.line("drift");
        options.drift.slack = in.number("slack");
        options.drift.threshold = in.positive("threshold");
        options.drift.clip = in.positive("clip");
        if (!(options.drift.clip > options.drift.slack)) in.refuse("clip", "is not above the slack");
        options.after_drift = in.positive("after-drift");
        options.max_coefficients = in.count("max-coefficients", static_cast<std::size_t>(-1));
        if (!in.ok()) return class_speed{};
        class_speed made{options};
        const auto read_group = [&in](const char* all, const char* one, const auto& add_one) {
            in.line(all);
            const std::size_t count = in.count("count", in.length());
            std::vector<double> features(in.count("features", max_features));
            for (std::size_t i = 0; i < count && in.ok(); ++i) {
                in.line(one);
                const std::string name = in.name("name");
                const auto added = add_one(name, features);
                if (in.ok() && !added) in.refuse("name", added.error().message);
            }
        };
        read_group("gpu-models", "gpu-model", [&](const std::string& name, std::vector<double>& features) {
            const double up = in.number("drift up");
            const double down = in.number("drift down");
            for (double& feature : features) feature = in.number("feature");
            auto added = made.add_gpu_model(name, features);
            if (added) made.drifts_[*added].resume(up, down);
            return added;
        });
        read_group("classes", "class", [&](const std::string& name, std::vector<double>& features) {
            const std::string family = in.name("family");
            for (double& feature : features) feature = in.number("feature");
            return made.add_class(name, family, features);
        });
        in.line("coefficients");
        const std::size_t count = in.count("count", in.length());
        for (std::size_t i = 0; i < count && in.ok(); ++i) {
            in.line("effect");
            if (made.keys_.intern(in.name("effect")) != i) in.refuse("effect", "is listed twice");
        }
        made.regression_ = log_regression::read(in);
        made.options_.regression = made.regression_.options();
        if (in.ok() && made.regression_.coefficients().size() != count) in.refuse("coefficients", "are not as many");
        return made;
    }

    class_speed_options options_;
    log_regression regression_;
    group gpus_;
    group classes_;
    name_table families_;
    name_table keys_;                     // names of the coefficients, by position
    std::vector<drift_detector> drifts_;  // one for each GPU model
};

}  // namespace berth::inline v0
