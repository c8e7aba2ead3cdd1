// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/io/detail/json_text.hpp"
#include "berth/io/detail/json_tree.hpp"
#include "berth/io/event_log_events.hpp"
#include "berth/io/kubernetes_quantity.hpp"
#include "berth/model/resources.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace berth::inline v0::io::detail {

inline constexpr double no_limit = std::numeric_limits<double>::max();

/// Takes known keys out of an object one by one, checks their types and ranges, and refuses what nobody took. After
/// the first error of the line all reads yield values without meaning.
class object_fields {
public:
    /// `what` names the object in messages, such as `a node event`. Keys are below `outer`, if there is one.
    object_fields(log_line& line, const json_value& object, const char* what, const field_path* outer = nullptr)
        : line_{line}, object_{object}, what_{what}, outer_{outer} {
        if (object_.is != json_value::kind::object) {
            refuse(error_code::malformed, sentence({"is ", kind_name(object_), ", expected an object: ", what}));
        } else {
            taken_.resize(object_.keys.size());
        }
    }

    [[nodiscard]] log_line& line() noexcept { return line_; }
    /// The path of one of its keys.
    [[nodiscard]] field_path at(std::string_view key) const noexcept { return {outer_, key, 0}; }
    void refuse(std::string_view key, error_code code, std::string_view what) { line_.refuse(at(key), code, what); }

    /// The value of a key, or null if it is absent.
    [[nodiscard]] const json_value* take(std::string_view key) {
        for (std::size_t i = 0; i < taken_.size(); ++i) {
            if (object_.keys[i] != key) continue;
            taken_[i] = true;
            return &object_.items[i];
        }
        return nullptr;
    }
    /// The value of a key, which is an error if it is absent.
    [[nodiscard]] const json_value* need(std::string_view key) {
        const json_value* value = take(key);
        if (value == nullptr) refuse(key, error_code::malformed, sentence({"is missing from ", what_}));
        return value;
    }
    /// Refuses keys that nobody took.
    void end() {
        for (std::size_t i = 0; i < taken_.size(); ++i) {
            if (!taken_[i]) refuse(object_.keys[i], error_code::unknown_name, sentence({"is no key of ", what_}));
        }
    }

    // What is absent is nothing, and what is there must be right.

    void read(std::string_view key, std::optional<std::string>& to) {
        if (const json_value* v = take(key)) to = name(*v, at(key));
    }
    void read(std::string_view key, std::optional<double>& to, double least, double most = no_limit) {
        if (const json_value* v = take(key)) to = number(*v, at(key), least, most);
    }
    void read(std::string_view key, double& to, double least, double most = no_limit) {
        if (const json_value* v = take(key)) to = number(*v, at(key), least, most);
    }
    /// A reading: absent if it is null.
    void measured(std::string_view key, std::optional<double>& to, double least) {
        const json_value* v = take(key);
        if (v != nullptr && v->is != json_value::kind::null) to = number(*v, at(key), least, no_limit);
    }
    template <class Whole>
    void read_whole(std::string_view key, Whole& to, std::int64_t least, std::int64_t most) {
        if (const json_value* v = take(key)) to = static_cast<Whole>(whole(*v, at(key), least, most));
    }
    template <class Whole>
    void read_whole(std::string_view key, std::optional<Whole>& to, std::int64_t least, std::int64_t most) {
        if (const json_value* v = take(key)) to = static_cast<Whole>(whole(*v, at(key), least, most));
    }
    void read(std::string_view key, bool& to) {
        if (const json_value* v = take(key)) to = flag(*v, at(key));
    }
    void read(std::string_view key, std::optional<bool>& to) {
        if (const json_value* v = take(key)) to = flag(*v, at(key));
    }
    /// One of two words: true for the second.
    void read_choice(std::string_view key, std::optional<bool>& to, std::string_view no, std::string_view yes) {
        const json_value* v = take(key);
        if (v == nullptr) return;
        const std::string found = name(*v, at(key));
        if (found != no && found != yes) {
            refuse(key, error_code::invalid_value,
                   sentence({"is ", shown(found), ", expected ", phrase::quoted(no), " or ", phrase::quoted(yes)}));
        }
        to = found == yes;
    }
    void read(std::string_view key, std::vector<std::string>& to) {
        if (const json_value* v = take(key)) to = names(*v, at(key));
    }
    void read(std::string_view key, counter_amounts& to, quantity_rounding rounding) {
        const json_value* v = take(key);
        if (v == nullptr) return;
        const field_path here = at(key);
        to.clear();
        each_key(*v, here, [&](const std::string& counter, const json_value& value, const field_path& path) {
            to.push_back({counter, units(value, path, counter, rounding)});
        });
    }
    void read(std::string_view key, std::vector<counter_quota>& to) {
        const json_value* v = take(key);
        if (v == nullptr) return;
        const field_path here = at(key);
        each_key(*v, here, [&](const std::string& counter, const json_value& value, const field_path& path) {
            to.push_back({counter, {}});
            if (value.is != json_value::kind::null)
                to.back().value = units(value, path, counter, quantity_rounding::down);
        });
    }

    [[nodiscard]] std::string need_name(std::string_view key) {
        const json_value* v = need(key);
        return v != nullptr ? name(*v, at(key)) : std::string{};
    }
    [[nodiscard]] double need_number(std::string_view key, double least, double most = no_limit) {
        const json_value* v = need(key);
        return v != nullptr ? number(*v, at(key), least, most) : 0.0;
    }
    [[nodiscard]] bool need_flag(std::string_view key) {
        const json_value* v = need(key);
        return v != nullptr && flag(*v, at(key));
    }

    // Values wherever they stand.

    [[nodiscard]] std::string name(const json_value& v, const field_path& path) {
        if (!expect(v, path, json_value::kind::text, "a text")) return {};
        if (v.text.empty()) line_.refuse(path, error_code::invalid_value, "is empty, expected a name");
        return v.text;
    }
    [[nodiscard]] double number(const json_value& v, const field_path& path, double least, double most) {
        if (v.is != json_value::kind::whole && v.is != json_value::kind::real) {
            (void)expect(v, path, json_value::kind::real, "a number");
        } else if (!std::isfinite(v.real) || !(v.real >= least) || !(v.real <= most)) {
            std::string range = "at least " + text_of(least);
            if (least == -no_limit) range = "a finite number";
            if (most < no_limit) range = text_of(least) + " to " + text_of(most);
            line_.refuse(path, error_code::invalid_value, sentence({"is ", text_of(v.real), ", expected ", range}));
        }
        return v.real;
    }
    [[nodiscard]] std::int64_t whole(const json_value& v, const field_path& path, std::int64_t least,
                                     std::int64_t most) {
        if (v.is == json_value::kind::real) {
            line_.refuse(path, error_code::invalid_value,
                         sentence({"is ", text_of(v.real), ", expected a whole number ", least, "..", most}));
        } else if (expect(v, path, json_value::kind::whole, "a whole number") && (v.whole < least || v.whole > most)) {
            line_.refuse(path, error_code::invalid_value, sentence({"is ", v.whole, ", expected ", least, "..", most}));
        }
        return v.whole;
    }
    [[nodiscard]] bool flag(const json_value& v, const field_path& path) {
        return expect(v, path, json_value::kind::boolean, "true or false") && v.flag;
    }
    [[nodiscard]] std::vector<std::string> names(const json_value& v, const field_path& path) {
        std::vector<std::string> found;
        each_item(v, path, "a list of names",
                  [&](const json_value& one, const field_path& here) { found.push_back(name(one, here)); });
        return found;
    }
    /// An amount of a counter: a whole number of the log's units, or a quantity of Kubernetes.
    [[nodiscard]] amount units(const json_value& v, const field_path& path, std::string_view counter,
                               quantity_rounding rounding) {
        if (v.is != json_value::kind::text) return whole(v, path, 0, max_amount);
        quantity_unit unit = quantity_unit::plain;
        if (counter == "share" || counter == "gpu" || counter == "cpu") unit = quantity_unit::thousandths;
        if (counter == "memory" || counter == "gpu_memory") unit = quantity_unit::mebibytes;
        const result<amount> found = read_quantity(v.text, unit, rounding);
        if (!found) line_.refuse(path, found.error().code, found.error().message);
        return found.value_or(0);
    }
    template <class Visit>
    void each_item(const json_value& v, const field_path& path, const char* what, Visit&& visit) {
        if (!expect(v, path, json_value::kind::list, what)) return;
        for (std::size_t i = 0; i < v.items.size() && line_.ok(); ++i) visit(v.items[i], field_path{&path, {}, i});
    }
    template <class Visit>
    void each_key(const json_value& v, const field_path& path, Visit&& visit) {
        if (!expect(v, path, json_value::kind::object, "an object")) return;
        for (std::size_t i = 0; i < v.items.size() && line_.ok(); ++i) {
            const field_path here{&path, v.keys[i], i};
            if (v.keys[i].empty()) line_.refuse(path, error_code::invalid_value, "has an empty key, expected a name");
            visit(v.keys[i], v.items[i], here);
        }
    }

    [[nodiscard]] static std::string text_of(double number) {
        std::string text;
        append_number(text, number);
        return text;
    }

private:
    [[nodiscard]] static const char* kind_name(const json_value& v) noexcept {
        constexpr const char* names[] = {"null", "true", "a number", "a number", "a text", "a list", "an object"};
        return v.is == json_value::kind::boolean && !v.flag ? "false" : names[static_cast<std::size_t>(v.is)];
    }
    [[nodiscard]] bool expect(const json_value& v, const field_path& path, json_value::kind kind, const char* what) {
        if (v.is == kind) return true;
        line_.refuse(path, error_code::malformed, sentence({"is ", kind_name(v), ", expected ", what}));
        return false;
    }
    void refuse(error_code code, std::string_view what) {
        if (outer_ != nullptr) {
            line_.refuse(*outer_, code, what);
        } else {
            line_.refuse(std::string_view{}, code, what);
        }
    }

    log_line& line_;
    const json_value& object_;
    const char* what_;
    const field_path* outer_;
    std::vector<bool> taken_;
};

}  // namespace berth::inline v0::io::detail
