// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "berth/core/flat.hpp"
#include "berth/model/descriptions.hpp"
#include "berth/model/resources.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace berth::inline v0::detail {

/// A node's description with memory of its own: a description may consist of views of the cluster that it changes ("a
/// node like that one").
class description_copy {
public:
    explicit description_copy(const node_description& given) : copied_{given} {
        std::size_t characters = given.name.size();
        std::size_t amounts = given.capacity.size() + given.gpu_links.size();
        for (const gpu_description& gpu : given.gpus) {
            characters += gpu.model.size() + gpu.uuid.size();
            amounts += gpu.capacity.size();
        }
        for (const std::string_view domain : given.domains) characters += domain.size();
        text_.reserve(characters);
        amounts_.reserve(amounts);
        gpus_.reserve(given.gpus.size());
        domains_.reserve(given.domains.size());

        copied_.name = copy(given.name);
        copied_.capacity = copy(given.capacity);
        copied_.gpu_links = copy(given.gpu_links);
        for (gpu_description gpu : given.gpus) {
            gpu.model = copy(gpu.model);
            gpu.uuid = copy(gpu.uuid);
            gpu.capacity = copy(gpu.capacity);
            gpus_.push_back(gpu);
        }
        for (const std::string_view domain : given.domains) domains_.push_back(copy(domain));
        copied_.gpus = gpus_.view();
        copied_.domains = domains_.view();
    }
    description_copy(const description_copy&) = delete;
    description_copy& operator=(const description_copy&) = delete;

    [[nodiscard]] const node_description& operator*() const noexcept { return copied_; }

private:
    // Memory for all was reserved, so that views stay valid.
    [[nodiscard]] std::string_view copy(std::string_view text) {
        const std::size_t begin = text_.size();
        text_.append(text);
        return std::string_view{text_}.substr(begin);
    }
    [[nodiscard]] std::span<const amount> copy(std::span<const amount> values) {
        const std::size_t begin = amounts_.size();
        amounts_.append(values);
        return amounts_.view().subspan(begin);
    }

    node_description copied_;
    std::string text_;
    flat<amount> amounts_;
    flat<gpu_description> gpus_;
    flat<std::string_view> domains_;
};

}  // namespace berth::inline v0::detail
