// SPDX-License-Identifier: Apache-2.0
#include "json_fields.hpp"

#include <limits>
#include <utility>

namespace berth_kube {

namespace {

const json& nothing() {
    static const json null;
    return null;
}

}  // namespace

object_fields::object_fields(const json& value, std::string path, std::string& failure)
    : value_{&value}, path_{std::move(path)}, failure_{&failure} {
    if (!value.is_object()) {
        if (!value.is_null()) fail(path_ + " is " + value.type_name() + ", expected an object");
        value_ = &nothing();
    }
}

const json& object_fields::any(const char* key) const {
    if (!value_->is_object()) return nothing();
    const auto found = value_->find(key);
    return found == value_->end() ? nothing() : *found;
}

void object_fields::refuse(const char* key, const json& value, const char* expected) const {
    fail(path_ + "." + key + " is " + value.type_name() + ", expected " + expected);
}

object_fields object_fields::object(const char* key) const { return {any(key), path_ + "." + key, *failure_}; }

std::string object_fields::text(const char* key) const {
    const json& value = any(key);
    if (value.is_null()) return {};
    if (!value.is_string()) return refuse(key, value, "a text"), std::string{};
    return value.get<std::string>();
}

std::int64_t object_fields::whole(const char* key, std::int64_t absent) const {
    const json& value = any(key);
    if (value.is_null()) return absent;
    if (!value.is_number_integer()) return refuse(key, value, "a whole number"), absent;
    if (value.is_number_unsigned() &&
        value.get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        return refuse(key, value, "a whole number of 64 bits"), absent;
    return value.get<std::int64_t>();
}

bool object_fields::flag(const char* key) const {
    const json& value = any(key);
    if (value.is_null()) return false;
    if (!value.is_boolean()) return refuse(key, value, "true or false"), false;
    return value.get<bool>();
}

std::string object_fields::scalar(const json& value) {
    if (value.is_string()) return value.get<std::string>();
    return value.is_number() ? value.dump() : std::string{};
}

berth::result<json_value> parse_json(std::string_view text) {
    // nlohmann-json tells the place only by an exception.
    try {
        json_value found;
        found.value = json::parse(text);
        return found;
    } catch (const json::exception& e) {
        return berth::error{berth::error_code::malformed, std::string{"no JSON: "} + e.what()};
    }
}

}  // namespace berth_kube
