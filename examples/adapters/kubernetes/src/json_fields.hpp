// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <berth/core/result.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace berth_kube {

using json = nlohmann::json;

/// Reads the members of a JSON object that came from outside, with their types checked. A member that is absent or null
/// is not an error, as in Kubernetes' own types; one of another type is, and the first such error is kept. Throws
/// nothing of its own; after an error all reads answer with what stands for absent.
///
/// ```
/// object_fields pod{object, "pod", failure};
/// const object_fields meta = pod.object("metadata");
/// const std::string name = meta.text("name");
/// if (!failure.empty()) ...                          // pod.metadata.name is a number, expected a text
/// ```
class object_fields {
public:
    /// @param value    an object; anything else is an error at once. It outlives this
    /// @param path     names the object in messages, such as `pod.spec`
    /// @param failure  gets the first error; it outlives this and all that is made of it
    object_fields(const json& value, std::string path, std::string& failure);

    /// A member that is an object; an empty one if absent.
    [[nodiscard]] object_fields object(const char* key) const;
    /// A text; empty if absent.
    [[nodiscard]] std::string text(const char* key) const;
    /// A whole number; `absent` if absent.
    [[nodiscard]] std::int64_t whole(const char* key, std::int64_t absent) const;
    /// true or false; false if absent.
    [[nodiscard]] bool flag(const char* key) const;
    /// A text or a number as a text, as quantities come; empty if absent.
    [[nodiscard]] static std::string scalar(const json& value);
    /// The member, which may be of any type; null if absent.
    [[nodiscard]] const json& any(const char* key) const;

    /// Calls `f(element, path)` for each element of a member that is an array.
    template <class F>
    void each(const char* key, F f) const {
        const json& list = any(key);
        if (list.is_null()) return;
        if (!list.is_array()) return refuse(key, list, "an array");
        std::size_t i = 0;
        for (const json& element : list) f(element, path_ + "." + key + "[" + std::to_string(i++) + "]");
    }
    /// Calls `f(key, value, path)` for each member of a member that is an object.
    template <class F>
    void each_member(const char* key, F f) const {
        const json& object = any(key);
        if (object.is_null()) return;
        if (!object.is_object()) return refuse(key, object, "an object");
        for (const auto& [name, value] : object.items()) f(name, value, path_ + "." + key + "." + name);
    }
    /// Calls `f(key, text)` for each member of a member that is an object of texts.
    template <class F>
    void each_text(const char* key, F f) const {
        each_member(key, [&](const std::string& name, const json& value, const std::string& path) {
            if (!value.is_string()) return fail(path + " is " + value.type_name() + ", expected a text");
            f(name, value.get_ref<const std::string&>());
        });
    }

    /// Keeps an error, if it is the first.
    void fail(std::string what) const {
        if (failure_->empty()) *failure_ = std::move(what);
    }
    /// How messages name the object.
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    /// Where the first error is kept.
    [[nodiscard]] std::string& failure() const noexcept { return *failure_; }

private:
    void refuse(const char* key, const json& value, const char* expected) const;

    const json* value_;
    std::string path_;
    std::string* failure_;
};

/// A JSON value in a `berth::result`, which would take a bare one for the first element of an array.
struct json_value {
    json value = nullptr;  ///< the value
};

/// Reads a text as JSON. An error names the byte. Throws nothing.
[[nodiscard]] berth::result<json_value> parse_json(std::string_view text);

}  // namespace berth_kube
