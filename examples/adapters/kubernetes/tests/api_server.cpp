// SPDX-License-Identifier: Apache-2.0
#include "api_server.hpp"

#include <httplib.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <set>
#include <utility>

namespace kube_test {

namespace {

void answer(httplib::Response& response, int status, const json& body) {
    response.status = status;
    response.set_content(body.dump(), "application/json");
}
void refuse(httplib::Response& response, int status, const std::string& reason, const std::string& message) {
    answer(response, status,
           {{"kind", "Status"},
            {"apiVersion", "v1"},
            {"status", "Failure"},
            {"message", message},
            {"reason", reason},
            {"code", status}});
}
/// The connection breaks before the answer is whole.
void break_off(httplib::Response& response) {
    response.set_content_provider(10, "application/json",
                                  [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
}

std::string key_of(const json& object) {
    const json& meta = object.at("metadata");
    const std::string name = meta.at("name").get<std::string>();
    return object.at("kind") == "Node" ? name : meta.value("namespace", "default") + "/" + name;
}

/// An amount, read without the code under test: thousandths.
long long thousandths(const json& value) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    const std::string unit = end;
    double factor = 1000.0;
    if (unit == "m") factor = 1.0;
    if (unit == "Mi") factor *= 1024.0 * 1024.0;
    if (unit == "Gi") factor *= 1024.0 * 1024.0 * 1024.0;
    return static_cast<long long>(number * factor + 0.5);
}

}  // namespace

json make_node(const std::string& name, int gpus, const std::string& cpu, const std::string& memory) {
    const json has{{"cpu", cpu}, {"memory", memory}, {"nvidia.com/gpu", std::to_string(gpus)}, {"pods", "110"}};
    return {{"kind", "Node"},
            {"apiVersion", "v1"},
            {"metadata", {{"name", name}, {"labels", {{"kubernetes.io/hostname", name}}}}},
            {"spec", json::object()},
            {"status",
             {{"capacity", has}, {"allocatable", has}, {"conditions", {{{"type", "Ready"}, {"status", "True"}}}}}}};
}

json make_pod(const std::string& name, int gpus, const std::string& cpu, const std::string& memory) {
    json wants{{"cpu", cpu}, {"memory", memory}};
    if (gpus > 0) wants["nvidia.com/gpu"] = std::to_string(gpus);
    const json container{{"name", "main"}, {"image", "none"}, {"resources", {{"requests", wants}, {"limits", wants}}}};
    return {{"kind", "Pod"},
            {"apiVersion", "v1"},
            {"metadata", {{"name", name}, {"namespace", "default"}}},
            {"spec", {{"schedulerName", "berth"}, {"containers", json::array({container})}}},
            {"status", {{"phase", "Pending"}}}};
}

api_server::api_server(server_options options) : options_{std::move(options)}, random_{options_.seed * 2 + 1} {
    server_ = std::make_unique<httplib::Server>();
    // A watch holds its thread.
    server_->new_task_queue = [] { return new httplib::ThreadPool(48); };
    server_->set_tcp_nodelay(true);
    server_->set_keep_alive_max_count(1'000'000);
    server_->set_keep_alive_timeout(2);
    routes();
    port_ = options_.port == 0 ? server_->bind_to_any_port("127.0.0.1")
                               : (server_->bind_to_port("127.0.0.1", options_.port) ? options_.port : -1);
    if (port_ < 0) return;
    thread_ = std::thread{[this] { server_->listen_after_bind(); }};
    while (!server_->is_running()) std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

api_server::~api_server() {
    stopping_ = true;
    { const std::lock_guard lock{mutex_}; }
    changed_.notify_all();
    server_->stop();
    if (thread_.joinable()) thread_.join();
}

bool api_server::happens(unsigned rate, const char* name) {
    if (rate == 0) return false;
    const std::lock_guard lock{mutex_};
    random_ ^= random_ << 13U;
    random_ ^= random_ >> 7U;
    random_ ^= random_ << 17U;
    const bool yes = random_ % 1000 < rate;
    if (yes) ++went_wrong_[name];
    return yes;
}

void api_server::set_faults(const server_faults& faults) {
    const std::lock_guard lock{mutex_};
    options_.faults = faults;
}

std::map<std::string, std::size_t> api_server::went_wrong() const {
    const std::lock_guard lock{mutex_};
    return went_wrong_;
}

void api_server::break_watches(bool forget) {
    const std::lock_guard lock{mutex_};
    ++epoch_;
    if (forget) {
        history_.clear();
        forgotten_ = ++version_;
    }
    changed_.notify_all();
}

// ---- objects: called without the lock -------------------------------------------------------------------------------

bool api_server::store(const std::string& kind, const std::string& key, json object, const char* type) {
    const std::lock_guard lock{mutex_};
    auto& of_kind = objects_[kind];
    const bool there = of_kind.contains(key);
    if (there == (std::string{type} == "ADDED")) return false;
    const std::uint64_t version = ++version_;
    object["metadata"]["resourceVersion"] = std::to_string(version);
    history_.push_back({version, kind, json{{"type", type}, {"object", object}}.dump() + "\n"});
    of_kind[key] = {std::move(object), version};
    while (history_.size() > options_.history) {
        forgotten_ = history_.front().version;
        history_.pop_front();
    }
    changed_.notify_all();
    return true;
}

bool api_server::erase(const std::string& kind, const std::string& key) {
    const std::lock_guard lock{mutex_};
    auto& of_kind = objects_[kind];
    const auto found = of_kind.find(key);
    if (found == of_kind.end()) return false;
    json object = std::move(found->second.object);
    of_kind.erase(found);
    const std::uint64_t version = ++version_;
    object["metadata"]["resourceVersion"] = std::to_string(version);
    history_.push_back({version, kind, json{{"type", "DELETED"}, {"object", std::move(object)}}.dump() + "\n"});
    changed_.notify_all();
    return true;
}

bool api_server::create(json object) {
    const std::string kind = object.at("kind").get<std::string>();
    json& meta = object["metadata"];
    if (kind != "Node" && !meta.contains("namespace")) meta["namespace"] = "default";
    if (!meta.contains("uid")) {
        const std::lock_guard lock{mutex_};
        char uid[40];
        std::snprintf(uid, sizeof uid, "%08llx-0000-4000-8000-%012llx", static_cast<unsigned long long>(options_.seed),
                      static_cast<unsigned long long>(++names_));
        meta["uid"] = uid;
    }
    const std::string key = key_of(object);
    return store(kind, key, std::move(object), "ADDED");
}

bool api_server::replace(json object) {
    const std::string kind = object.at("kind").get<std::string>();
    const std::string key = key_of(object);
    return store(kind, key, std::move(object), "MODIFIED");
}

bool api_server::remove(const std::string& kind, const std::string& key) {
    const json object = find(kind, key);
    if (!erase(kind, key)) return false;
    if (kind == "Pod" && options_.recreate && object["metadata"].contains("ownerReferences")) recreate(object);
    return true;
}

json api_server::find(const std::string& kind, const std::string& key) const {
    const std::lock_guard lock{mutex_};
    const auto of_kind = objects_.find(kind);
    if (of_kind == objects_.end()) return {};
    const auto found = of_kind->second.find(key);
    return found == of_kind->second.end() ? json{} : found->second.object;
}

std::vector<json> api_server::all(const std::string& kind) const {
    const std::lock_guard lock{mutex_};
    std::vector<json> found;
    const auto of_kind = objects_.find(kind);
    if (of_kind == objects_.end()) return found;
    for (const auto& [key, one] : of_kind->second) found.push_back(one.object);
    return found;
}

/// What a controller does: another pod, with another name, that waits.
void api_server::recreate(json pod) {
    std::uint64_t number = 0;
    {
        const std::lock_guard lock{mutex_};
        number = ++names_;
    }
    json& meta = pod["metadata"];
    std::string name = meta["name"].get<std::string>();
    name = name.substr(0, name.find(".again")) + ".again-" + std::to_string(number);
    meta["name"] = name;
    for (const char* key : {"uid", "resourceVersion", "deletionTimestamp"}) meta.erase(key);
    if (meta.contains("annotations")) meta["annotations"].erase("berth.dev/gpus");
    pod["spec"].erase("nodeName");
    pod["status"] = {{"phase", "Pending"}};
    create(std::move(pod));
}

// ---- requests -------------------------------------------------------------------------------------------------------

void api_server::routes() {
    const auto fault = [this](httplib::Response& response) {
        server_faults faults;
        {
            const std::lock_guard lock{mutex_};
            faults = options_.faults;
        }
        if (happens(faults.slow, "slow"))
            std::this_thread::sleep_for(std::chrono::duration<double>{faults.slow_seconds});
        if (happens(faults.broken, "broken")) return break_off(response), true;
        if (happens(faults.error, "error"))
            return refuse(response, 500, "InternalError", "etcdserver: request timed out"), true;
        return false;
    };
    const auto objects = [this](std::string kind) {
        return [this, kind = std::move(kind)](const httplib::Request& request, httplib::Response& response) {
            if (request.has_param("watch")) return watch(kind, request, response);
            list(kind, request, response);
        };
    };
    server_->Get("/api/v1/pods", objects("Pod"));
    server_->Get("/api/v1/nodes", objects("Node"));
    server_->Get("/api/v1/events", objects("Event"));
    server_->Get(R"(/api/v1/namespaces/([^/]+)/pods/([^/]+))",
                 [this, fault](const httplib::Request& request, httplib::Response& response) {
                     if (fault(response)) return;
                     const std::string key = request.matches[1].str() + "/" + request.matches[2].str();
                     const json pod = find("Pod", key);
                     if (pod.is_null()) return refuse(response, 404, "NotFound", "pods \"" + key + "\" not found");
                     answer(response, 200, pod);
                 });
    const auto create_one = [this](const httplib::Request& request, httplib::Response& response) {
        json object = json::parse(request.body, nullptr, false);
        if (!object.is_object() || !object.contains("kind") || !object.contains("metadata") ||
            !object["metadata"].contains("name"))
            return refuse(response, 400, "BadRequest", "no object with a kind and a name");
        if (request.matches.size() > 1) object["metadata"]["namespace"] = request.matches[1].str();
        if (!create(object)) return refuse(response, 409, "AlreadyExists", key_of(object) + " already exists");
        answer(response, 201, find(object["kind"].get<std::string>(), key_of(object)));
    };
    server_->Post("/api/v1/nodes", create_one);
    server_->Post(R"(/api/v1/namespaces/([^/]+)/pods)", create_one);
    server_->Post(R"(/api/v1/namespaces/([^/]+)/events)", create_one);
    server_->Patch(R"(/api/v1/nodes/([^/]+))", [this](const httplib::Request& request, httplib::Response& response) {
        json node = find("Node", request.matches[1].str());
        const json patch = json::parse(request.body, nullptr, false);
        if (node.is_null()) return refuse(response, 404, "NotFound", "no such node");
        if (!patch.is_object()) return refuse(response, 400, "BadRequest", "no object");
        node.merge_patch(patch);
        replace(node);
        answer(response, 200, node);
    });
    server_->Delete(R"(/api/v1/namespaces/([^/]+)/pods/([^/]+))",
                    [this](const httplib::Request& request, httplib::Response& response) {
                        const std::string key = request.matches[1].str() + "/" + request.matches[2].str();
                        if (!remove("Pod", key)) return refuse(response, 404, "NotFound", "no such pod");
                        answer(response, 200, {{"kind", "Status"}, {"status", "Success"}});
                    });
    server_->Delete(R"(/api/v1/nodes/([^/]+))", [this](const httplib::Request& request, httplib::Response& response) {
        if (!remove("Node", request.matches[1].str())) return refuse(response, 404, "NotFound", "no such node");
        answer(response, 200, {{"kind", "Status"}, {"status", "Success"}});
    });
    server_->Post(R"(/api/v1/namespaces/([^/]+)/pods/([^/]+)/binding)",
                  [this, fault](const httplib::Request& request, httplib::Response& response) {
                      if (fault(response)) return;
                      bind(request.matches[1].str() + "/" + request.matches[2].str(), request, response);
                  });
    server_->Post(R"(/api/v1/namespaces/([^/]+)/pods/([^/]+)/eviction)",
                  [this, fault](const httplib::Request& request, httplib::Response& response) {
                      if (fault(response)) return;
                      evict(request.matches[1].str() + "/" + request.matches[2].str(), response);
                  });
}

void api_server::list(const std::string& kind, const httplib::Request& request, httplib::Response& response) {
    server_faults faults;
    {
        const std::lock_guard lock{mutex_};
        faults = options_.faults;
    }
    if (happens(faults.list_error, "list_error")) return refuse(response, 503, "ServiceUnavailable", "try again");
    const std::string limit = request.get_param_value("limit");
    const std::size_t most = limit.empty() ? ~std::size_t{0} : std::strtoull(limit.c_str(), nullptr, 10);
    const std::string after = request.get_param_value("continue");
    const std::lock_guard lock{mutex_};
    json items = json::array();
    std::string last;
    const auto& of_kind = objects_[kind];
    auto one = after.empty() ? of_kind.begin() : of_kind.upper_bound(after);
    for (; one != of_kind.end() && items.size() < most; ++one) {
        items.push_back(one->second.object);
        last = one->first;
    }
    json meta{{"resourceVersion", std::to_string(version_)}};
    if (one != of_kind.end()) meta["continue"] = last;
    answer(response, 200, {{"kind", kind + "List"}, {"apiVersion", "v1"}, {"metadata", meta}, {"items", items}});
}

void api_server::watch(const std::string& kind, const httplib::Request& request, httplib::Response& response) {
    std::uint64_t from = std::strtoull(request.get_param_value("resourceVersion").c_str(), nullptr, 10);
    std::uint64_t epoch = 0;
    std::size_t most = 0;
    bool gone = false;
    bool as_event = false;
    {
        const std::lock_guard lock{mutex_};
        epoch = epoch_;
        most = options_.faults.watch_lines;
        gone = from < forgotten_;
        as_event = ++went_wrong_[gone ? "gone" : "watches"] % 2 == 0;
    }
    // The real one says so in either way.
    if (gone && !as_event) return refuse(response, 410, "Expired", "too old resource version");
    auto sent = std::make_shared<std::size_t>(0);
    auto at = std::make_shared<std::uint64_t>(from);
    response.set_chunked_content_provider(
        "application/json", [this, kind, gone, most, epoch, sent, at](std::size_t, httplib::DataSink& sink) {
            if (gone) {
                const json status{{"kind", "Status"}, {"code", 410}, {"reason", "Expired"}, {"status", "Failure"}};
                const std::string line = json{{"type", "ERROR"}, {"object", status}}.dump() + "\n";
                sink.write(line.data(), line.size());
                sink.done();
                return true;
            }
            std::string block;
            {
                std::unique_lock lock{mutex_};
                const auto next = [&] {
                    return std::upper_bound(history_.begin(), history_.end(), *at,
                                            [](std::uint64_t v, const change& c) { return v < c.version; });
                };
                changed_.wait_for(lock, std::chrono::duration<double>{options_.bookmark_every},
                                  [&] { return stopping_ || epoch != epoch_ || next() != history_.end(); });
                if (stopping_ || epoch != epoch_) return false;
                if (*at < forgotten_) return false;  // it is too slow for the history
                for (auto one = next(); one != history_.end() && block.size() < 100'000; ++one) {
                    *at = one->version;
                    if (one->kind != kind) continue;
                    block += one->line;
                    if (most > 0 && ++*sent >= most) break;
                }
                if (block.empty()) {
                    const json meta{{"resourceVersion", std::to_string(*at)}};
                    block = json{{"type", "BOOKMARK"}, {"object", {{"kind", kind}, {"metadata", meta}}}}.dump() + "\n";
                }
            }
            if (!sink.write(block.data(), block.size())) return false;
            return most == 0 || *sent < most;
        });
}

/// Another scheduler binds the pod to the first node.
void api_server::bind_elsewhere(const std::string& key) {
    json pod = find("Pod", key);
    const std::vector<json> nodes = all("Node");
    if (pod.is_null() || nodes.empty() || pod["spec"].contains("nodeName")) return;
    for (const json& container : pod["spec"]["containers"]) {
        if (container["resources"]["requests"].contains("nvidia.com/gpu")) return;
    }
    pod["spec"]["nodeName"] = nodes.front()["metadata"]["name"];
    replace(std::move(pod));
    ++rivals_;
}

void api_server::bind(const std::string& key, const httplib::Request& request, httplib::Response& response) {
    server_faults faults;
    {
        const std::lock_guard lock{mutex_};
        faults = options_.faults;
    }
    const json body = json::parse(request.body, nullptr, false);
    if (!body.is_object()) return refuse(response, 400, "BadRequest", "no JSON");
    if (happens(faults.spurious_conflict, "spurious_conflict"))
        return refuse(response, 409, "Conflict",
                      "Operation cannot be fulfilled; please apply your changes to the latest version");
    if (happens(faults.rival, "rival")) bind_elsewhere(key);
    const bool unanswered = happens(faults.bound_unanswered, "bound_unanswered");
    const std::string target = body.value(json::json_pointer{"/target/name"}, "");
    {
        const std::lock_guard lock{mutex_};
        auto& pods = objects_["Pod"];
        const auto found = pods.find(key);
        if (found == pods.end()) return refuse(response, 404, "NotFound", "pods \"" + key + "\" not found");
        json& pod = found->second.object;
        const std::string uid = body.value(json::json_pointer{"/metadata/uid"}, "");
        if (!uid.empty() && pod["metadata"]["uid"] != uid)
            return refuse(response, 409, "Conflict", "the UID in the precondition does not match");
        if (pod["spec"].contains("nodeName"))
            return refuse(response, 409, "Conflict",
                          "pod " + key + " is already assigned to node \"" +
                              pod["spec"]["nodeName"].get<std::string>() + "\"");
        pod["spec"]["nodeName"] = target;
        const json::json_pointer annotations{"/metadata/annotations"};
        if (body.contains(annotations)) {
            for (const auto& [name, value] : body[annotations].items()) pod["metadata"]["annotations"][name] = value;
        }
        const std::uint64_t version = ++version_;
        pod["metadata"]["resourceVersion"] = std::to_string(version);
        found->second.version = version;
        history_.push_back({version, "Pod", json{{"type", "MODIFIED"}, {"object", pod}}.dump() + "\n"});
        while (history_.size() > options_.history) {
            forgotten_ = history_.front().version;
            history_.pop_front();
        }
        ++bindings_;
        changed_.notify_all();
    }
    if (unanswered) return break_off(response);
    answer(response, 201, {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}, {"code", 201}});
}

void api_server::evict(const std::string& key, httplib::Response& response) {
    unsigned budget = 0;
    {
        const std::lock_guard lock{mutex_};
        budget = options_.faults.budget;
    }
    if (happens(budget, "budget"))
        return refuse(response, 429, "TooManyRequests",
                      "Cannot evict pod as it would violate the pod's disruption budget.");
    json pod = find("Pod", key);
    if (pod.is_null()) return refuse(response, 404, "NotFound", "pods \"" + key + "\" not found");
    pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
    replace(std::move(pod));
    remove("Pod", key);
    answer(response, 201, {{"kind", "Status"}, {"apiVersion", "v1"}, {"status", "Success"}, {"code", 201}});
}

// ---- the check ------------------------------------------------------------------------------------------------------

std::vector<std::string> api_server::check() const {
    const std::lock_guard lock{mutex_};
    std::vector<std::string> wrong;
    std::map<std::string, std::map<std::string, long long>> used;
    std::set<std::string> given;
    const auto pods = objects_.find("Pod");
    const auto nodes = objects_.find("Node");
    if (pods == objects_.end()) return wrong;
    for (const auto& [key, one] : pods->second) {
        const json& pod = one.object;
        if (!pod["spec"].contains("nodeName")) continue;
        const std::string node = pod["spec"]["nodeName"].get<std::string>();
        long long gpus = 0;
        used[node]["pods"] += 1000;
        for (const json& container : pod["spec"]["containers"]) {
            for (const auto& [name, value] : container["resources"]["requests"].items()) {
                used[node][name] += thousandths(value);
                if (name == "nvidia.com/gpu") gpus += thousandths(value) / 1000;
            }
        }
        const json::json_pointer annotation{"/metadata/annotations/berth.dev~1gpus"};
        const std::string list = pod.contains(annotation) ? pod[annotation].get<std::string>() : "";
        long long positions = 0;
        for (std::size_t at = 0; at < list.size();) {
            const std::size_t end = std::min(list.find(',', at), list.size());
            const std::string gpu = node + "/" + list.substr(at, end - at);
            if (!given.insert(gpu).second)
                wrong.push_back("GPU " + gpu + " was given twice, the second time to " + key);
            ++positions;
            at = end + 1;
        }
        if (positions != gpus)
            wrong.push_back(key + " has " + std::to_string(gpus) + " GPUs and the positions \"" + list + "\"");
    }
    for (const auto& [node, amounts] : used) {
        const auto found = nodes->second.find(node);
        if (found == nodes->second.end()) {
            wrong.push_back("pods are bound to " + node + ", which is not there");
            continue;
        }
        const json& has = found->second.object["status"]["allocatable"];
        for (const auto& [name, amount] : amounts) {
            if (!has.contains(name) || thousandths(has[name]) < amount)
                wrong.push_back(node + " has too little " + name);
        }
    }
    return wrong;
}

}  // namespace kube_test
