// SPDX-License-Identifier: Apache-2.0
#include "object_watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace berth_kube {

namespace {

std::string version_of(const json& object) {
    std::string failure;
    return object_fields{object, "object", failure}.object("metadata").text("resourceVersion");
}

/// A text as a part of a query.
std::string escaped(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string found;
    for (const char c : text) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                           c == '_' || c == '.';
        if (plain) {
            found += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            found += {'%', digits[byte >> 4U], digits[byte & 15U]};
        }
    }
    return found;
}

}  // namespace

object_watch::object_watch(api_endpoint endpoint, watch_options options, std::function<void(object_change)> take,
                           std::function<void(const std::string&)> problem)
    : options_{std::move(options)},
      take_{std::move(take)},
      problem_{std::move(problem)},
      client_{std::move(endpoint)},
      thread_{[this] {
          run();
          ended_ = true;
      }} {}

object_watch::~object_watch() {
    {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
    }
    woken_.notify_all();
    while (!ended_) {
        client_.stop();
        std::this_thread::sleep_for(std::chrono::milliseconds{10});
    }
    thread_.join();
}

void object_watch::wait(double seconds) {
    std::unique_lock lock{mutex_};
    woken_.wait_for(lock, std::chrono::duration<double>{seconds}, [this] { return stopping_.load(); });
}

void object_watch::run() {
    double pause = options_.first_pause;
    while (!stopping_) {
        const bool good = version_.empty() ? list() : watch();
        if (good) {
            pause = options_.first_pause;
            continue;
        }
        if (stopping_) return;
        wait(pause);
        pause = std::min(2 * pause, options_.longest_pause);
    }
}

bool object_watch::list() {
    object_change all{object_change::kind::listed, {}};
    std::string more;
    std::string version;
    do {
        std::string path = options_.path + "?limit=" + std::to_string(options_.page);
        if (!more.empty()) path += "&continue=" + escaped(more);
        const http_answer answer = client_.get(path);
        if (stopping_) return false;
        if (answer.status != 200) {
            problem_("list of " + options_.path + ": " +
                     (answer.status == 0 ? answer.failure : "status " + std::to_string(answer.status)));
            return false;
        }
        auto parsed = parse_json(answer.body);
        if (!parsed) {
            problem_("list of " + options_.path + ": " + parsed.error().message);
            return false;
        }
        std::string failure;
        const object_fields page{parsed->value, "list", failure};
        const object_fields meta = page.object("metadata");
        version = meta.text("resourceVersion");
        more = meta.text("continue");
        if (version.empty()) page.fail("list.metadata.resourceVersion is missing");
        page.each("items", [&](const json&, const std::string&) {});
        if (!failure.empty()) {
            problem_("list of " + options_.path + ": " + failure);
            return false;
        }
        if (const auto items = parsed->value.find("items"); items != parsed->value.end()) {
            for (json& item : *items) all.objects.push_back(std::move(item));
        }
    } while (!more.empty());
    ++lists_;
    version_ = version;
    take_(std::move(all));
    return true;
}

bool object_watch::watch() {
    ++watches_;
    const std::string path = options_.path + "?watch=1&allowWatchBookmarks=true&resourceVersion=" + escaped(version_);
    const http_answer answer =
        client_.stream(path, options_.silence, [this](std::string_view line) { return take_line(line); });
    if (answer.status == 410) version_.clear();
    if (answer.status == 200 || answer.status == 410 || stopping_) return answer.status == 200;
    problem_("watch of " + options_.path + ": " +
             (answer.status == 0 ? answer.failure : "status " + std::to_string(answer.status)));
    return false;
}

bool object_watch::take_line(std::string_view line) {
    if (stopping_) return false;
    auto parsed = parse_json(line);
    std::string failure;
    if (!parsed) {
        problem_("watch of " + options_.path + ": " + parsed.error().message);
        return true;
    }
    const object_fields event{parsed->value, "event", failure};
    const std::string type = event.text("type");
    const json& object = event.any("object");
    if (type == "ERROR") {
        const std::int64_t code = event.object("object").whole("code", 0);
        problem_("watch of " + options_.path + ": status " + std::to_string(code) + ", it begins anew");
        version_.clear();
        return false;
    }
    if (const std::string version = version_of(object); !version.empty()) version_ = version;
    if (type == "BOOKMARK") return true;
    if (type == "ADDED" || type == "MODIFIED" || type == "DELETED") {
        const auto is = type == "DELETED" ? object_change::kind::deleted : object_change::kind::seen;
        object_change one{is, {}};
        one.objects.push_back(object);
        take_(std::move(one));
        return true;
    }
    problem_("watch of " + options_.path + ": an event of type \"" + type.substr(0, 40) + "\"");
    return true;
}

}  // namespace berth_kube
