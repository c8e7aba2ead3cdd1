// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/scheduler_text.hpp"

#include "berth/allocate/greedy/scores/fit.hpp"
#include "berth/queue/least_attained.hpp"
#include "berth/scheduler/any_scheduler.hpp"
#include "berth/scheduler/backfill.hpp"
#include "berth/scheduler/share_rules.hpp"
#include "berth/watch/fleet_watch.hpp"

#include "common/random_day.hpp"
#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace {

/// Before each decision it turns the page; or it is killed, and goes on from its text.
template <bool Dies, class Policies>
class paging {
public:
    paging(Policies policies, berth::resource_schema schema, berth::scheduler_options options)
        : policies_{policies}, options_{options}, inner_{policies, std::move(schema), options} {}

    [[nodiscard]] berth::result<std::span<const berth::decision>> decide(double time) {
        const std::string text = inner_.save();
        if constexpr (Dies) {
            auto loaded = berth::load_scheduler(text, policies_, options_);
            if (!loaded) FAIL(loaded.error().message);
            inner_ = berth::any_scheduler{std::move(*loaded)};
        }
        return inner_.decide(time);
    }
    [[nodiscard]] berth::any_scheduler& inner() { return inner_; }

private:
    Policies policies_;
    berth::scheduler_options options_;
    berth::any_scheduler inner_;
};

template <class Policies>
void compare(const Policies& policies, int events, day_kind kind = day_kind::plain) {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        for (const auto acknowledge : {berth::acknowledgement::at_once, berth::acknowledgement::reported}) {
            CAPTURE(seed);
            CAPTURE(static_cast<int>(acknowledge));
            random_day<paging<false, Policies>> lives{policies, seed, acknowledge, kind};
            lives.run(events);
            random_day<paging<true, Policies>> dies{policies, seed, acknowledge, kind};
            dies.run(events);
            CHECK(dies.log() == lives.log());
        }
    }
}

}  // namespace

TEST_CASE("a scheduler that is killed before each decision decides as one that lives on") {
    SUBCASE("learned mix") { compare(berth::scheduler_policies{}, 12); }
    SUBCASE("evictions") {
        compare(berth::scheduler_policies<>{}
                    .with_placement(berth::greedy{berth::best_fit{}})
                    .with_order(berth::least_attained{.limits = {5.0, 20.0}})
                    .with_preemption(berth::replan{}),
                40);
    }
    SUBCASE("queues and rules") {
        compare(berth::scheduler_policies<>{}
                    .with_placement(berth::greedy{berth::best_fit{}})
                    .with_preemption(berth::share_rules{}),
                60, day_kind::queued);
    }
}

TEST_CASE("a text that is not one is refused with line and field") {
    berth::scheduler engine{};
    join(engine, {"n0"}, 2);
    REQUIRE(engine.job(0.0, {.name = "a \"b\"", .task_count = 2}));
    (void)engine.decide(0.0);
    const std::string text = engine.save();
    const auto loaded = berth::load_scheduler(text);
    REQUIRE(loaded);
    CHECK((*loaded)->find_job("a \"b\"").has_value());
    const auto message = [](const std::string& wrong) {
        const auto outcome = berth::load_scheduler(wrong);
        return outcome ? std::string{} : outcome.error().message;
    };
    CHECK(message("") == "scheduler text: the line \"cluster\" is missing");
    std::string other = text;
    other.replace(other.find("berth-scheduler 4"), 17, "berth-scheduler 1");
    CHECK(message(other) == "scheduler text, line 1: version, expected 4");
    // Each cut in the middle, and each changed character, is refused or loads; nothing else happens.
    std::size_t refused = 0;
    for (std::size_t i = 0; i < text.size(); i += 67) {
        other = text;
        other[i] = other[i] == '1' ? '9' : '1';
        refused += berth::load_scheduler(other) ? 0 : 1;
        CHECK_FALSE(berth::load_scheduler(std::string_view{text}.substr(0, i)));
    }
    CHECK(refused > 0);
}

TEST_CASE("reservations in a text are read back, and one that cannot be is refused or made anew") {
    const auto policies =
        berth::scheduler_policies<>{}.with_preemption(berth::share_rules{}).with_backfill(berth::easy_backfill{});
    berth::scheduler engine{policies};
    join(engine, {"n0"}, 2);
    const berth::queue_amount quota[] = {{"gpu", 2000}};
    REQUIRE(engine.queue(0.0, {.name = "q", .quota = quota}));
    REQUIRE(engine.job(0.0, {.name = "a", .terms = {.duration = 100.0, .queue = "q"}}));
    REQUIRE(engine.job(0.0, {.name = "wide", .gpus = 2, .terms = {.duration = 50.0, .queue = "q"}}));
    (void)engine.decide(0.0);
    REQUIRE(engine.reservations().size() == 1);
    const std::string text = engine.save();
    const auto again = berth::load_scheduler(text, policies);
    REQUIRE_MESSAGE(again, (again ? "" : again.error().message));
    REQUIRE((*again)->reservations().size() == 1);
    CHECK((*again)->reservations()[0].from == 100.0);
    CHECK((*again)->reservations()[0].where == engine.reservations()[0].where);
    const std::size_t begin = text.find("\nreservations 1\n");
    REQUIRE(begin != std::string::npos);
    std::size_t refused = 0;
    std::size_t loaded = 0;
    for (std::size_t i = begin; i < begin + 80 && i < text.find("\ncluster"); ++i) {
        for (const char c : {'0', '1', '7', 'f'}) {
            std::string other = text;
            other[i] = c;
            auto made = berth::load_scheduler(other, policies);
            ++(made ? loaded : refused);
            if (!made) continue;
            REQUIRE((*made)->finish(100.0, "a"));
            REQUIRE((*made)->decide(100.0));
            CHECK((*made)->running(*(*made)->find_job("wide")) == 1);
        }
    }
    CHECK(refused > 0);
    CHECK(loaded > 0);
}

TEST_CASE("a short text that names far positions takes no memory for them") {
    berth::scheduler engine{};
    join(engine, {"n0", "n1"}, 2);
    REQUIRE(engine.close(0.0, "n0"));
    REQUIRE(engine.health(0.0, "n1", false));
    const std::string text = engine.save();
    const auto loaded = berth::load_scheduler(text);
    REQUIRE(loaded);
    CHECK((*loaded)->save() == text);
    const auto replaced = [&](const std::string& was, const std::string& now) {
        std::string other = text;
        const std::size_t at = other.find(was);
        REQUIRE(at != std::string::npos);
        return berth::load_scheduler(other.replace(at, was.size(), now));
    };
    REQUIRE(text.find("node 2\n- 0 ") != std::string::npos);
    CHECK(replaced("node 2\n- 0 ", "node 2\n- 4294967295 "));  // a place that is not there: nothing to keep
    const std::size_t engine_line = text.find("engine");
    const std::string line = text.substr(engine_line, text.find('\n', engine_line) - engine_line);
    CAPTURE(line);
    std::string wrong = line;
    std::size_t word = 0;
    for (int skipped = 0; skipped < 6; ++skipped) word = wrong.find(' ', word + 1);
    wrong.replace(word + 1, wrong.find(' ', word + 1) - word - 1, "4000000000");
    CHECK_FALSE(replaced(line, wrong));
}

TEST_CASE("a place that only the watch calls sick is written, and nobody else calls it well") {
    berth::scheduler engine{};
    join(engine, {"n0"}, 1);
    REQUIRE(engine.health(0.0, "n0", false));
    std::string text = engine.save();
    const std::size_t at = text.find("node 1\n- 0 1 0 ");
    REQUIRE(at != std::string::npos);
    text.replace(at, 15, "node 1\n- 0 1 3 ");  // reported well, seen sick
    const auto watched = berth::load_scheduler(text, berth::scheduler_policies{}.with_watch(berth::fleet_watch<>{}));
    REQUIRE(watched);
    CHECK((*watched)->save().find("node 1\n- 0 1 3 ") != std::string::npos);
    REQUIRE((*watched)->health(0.0, "n0", true));
    CHECK_FALSE((*watched)->cluster().healthy(berth::node_index{0}));
    const auto alone = berth::load_scheduler(text);  // without a watch it would never return
    REQUIRE(alone);
    CHECK((*alone)->cluster().healthy(berth::node_index{0}));
    text.replace(at, 15, "node 1\n- 0 1 4 ");
    CHECK_FALSE(berth::load_scheduler(text));
}

TEST_CASE(
    "names of ended jobs: the latest are kept where a loaded scheduler remembers fewer, all where it remembers more") {
    using engine_type = berth::scheduler<>;
    engine_type engine{berth::scheduler_policies<>{}, berth::resource_schema{}, {.remembered = 5}};
    double time = 0.0;
    const auto end = [&](engine_type& e, const std::string& name) {
        REQUIRE(e.job(time, {.name = name}));
        REQUIRE(*e.finish(time, name));
        time += 1.0;
    };
    // 0 ... 7: the ring has gone round once, 3 to 7 are in it.
    for (int i = 0; i < 8; ++i) end(engine, std::to_string(i));
    const std::string text = engine.save();
    const auto known = [&](engine_type& e) {
        std::string all;
        for (int i = 0; i < 12; ++i) {
            const auto again = e.finish(time, std::to_string(i));
            if (again && !*again) all += std::to_string(i) + " ";
        }
        return all;
    };
    const auto loaded = [&](std::size_t remembered) {
        auto made = berth::load_scheduler(text, berth::scheduler_policies<>{}, {.remembered = remembered});
        if (!made) FAIL(made.error().message);
        return *std::move(made);
    };
    CHECK(known(engine) == "3 4 5 6 7 ");
    CHECK(known(*loaded(5)) == "3 4 5 6 7 ");
    CHECK(loaded(5)->save() == text);
    const auto fewer = loaded(2);
    CHECK(known(*fewer) == "6 7 ");
    end(*fewer, "8");
    CHECK(known(*fewer) == "7 8 ");
    CHECK(known(*loaded(0)).empty());
    const auto more = loaded(7);
    CHECK(known(*more) == "3 4 5 6 7 ");
    for (const char* name : {"8", "9"}) end(*more, name);
    CHECK(known(*more) == "3 4 5 6 7 8 9 ");
    end(*more, "10");
    CHECK(known(*more) == "4 5 6 7 8 9 10 ");
}
