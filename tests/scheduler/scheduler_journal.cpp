// SPDX-License-Identifier: Apache-2.0
#include "berth/scheduler/scheduler_journal.hpp"

#include "berth/allocate/greedy/scores/fit.hpp"

#include "common/random_day.hpp"
#include "common/scheduler_fleet.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

const berth::scheduler_policies policies{.placement = berth::greedy{berth::best_fit{}}};
using policies_type = std::remove_const_t<decltype(policies)>;

/// Keeps the text outside of the scheduler, so that it survives it; may be told to take nothing, or to cut a line.
struct shared_journal {
    std::string* text = nullptr;
    bool* takes = nullptr;

    [[nodiscard]] bool write(std::string_view more, berth::journal_write how) const {
        if (takes != nullptr && !*takes) return false;
        if (how == berth::journal_write::replace) text->clear();
        text->append(more);
        return true;
    }
};
using journalled = berth::journalled_scheduler<policies_type, shared_journal>;

/// Lives on, or is killed after every event and resumed from its journal.
template <bool Dies>
class mortal {
public:
    mortal(policies_type, berth::resource_schema schema, berth::scheduler_options options) : options_{options} {
        engine_ =
            std::make_unique<journalled>(policies, shared_journal{&text_, nullptr}, std::move(schema), options, 12);
    }
    [[nodiscard]] mortal& inner() { return *this; }
    [[nodiscard]] const berth::scheduler_events& known() const { return engine_->known(); }
    [[nodiscard]] const berth::cluster& cluster() const { return engine_->known().cluster(); }
    [[nodiscard]] auto decide(double time) { return alive().decide(time); }
    auto domain(std::string_view name, std::size_t level) { return alive().domain(name, level); }
    auto node(double t, const berth::node_description& d) { return alive().node(t, d); }
    auto labels(double t, const berth::place_ref& p, std::span<const std::string_view> l) {
        return alive().labels(t, p, l);
    }
    auto queue(double t, const berth::queue_description& d) { return alive().queue(t, d); }
    auto node_gone(double t, const berth::place_ref& p) { return alive().node_gone(t, p); }
    auto close(double t, const berth::place_ref& p) { return alive().close(t, p); }
    auto open(double t, const berth::place_ref& p) { return alive().open(t, p); }
    auto drain(double t, const berth::place_ref& p) { return alive().drain(t, p); }
    auto health(double t, const berth::place_ref& p, bool h) { return alive().health(t, p, h); }
    auto job(double t, const berth::job_description& d) { return alive().job(t, d); }
    auto running(double t, const berth::job_ref& j, std::uint32_t k, const berth::slot& s) {
        return alive().running(t, j, k, s);
    }
    auto finish(double t, const berth::job_ref& j) { return alive().finish(t, j); }
    auto stopped(double t, const berth::job_ref& j, std::uint32_t k) { return alive().stopped(t, j, k); }
    auto moved(double t, const berth::job_ref& j, std::uint32_t k) { return alive().moved(t, j, k); }
    auto failed(double t, const berth::job_ref& j, std::uint32_t k) { return alive().failed(t, j, k); }
    auto find_job(std::string_view name) const { return known().find_job(name); }
    auto task_count(berth::job_handle j) const { return known().task_count(j); }
    auto task(berth::job_handle j, std::uint32_t t) const { return known().task(j, t); }
    auto running(berth::job_handle j) const { return known().running(j); }
    auto waiting(berth::job_handle j) const { return known().waiting(j); }
    auto job_count() const { return known().job_count(); }
    auto name(berth::job_handle j) const { return known().name(j); }
    auto name(const berth::wait_count& r) const { return known().name(r); }
    [[nodiscard]] std::size_t longest() const { return longest_; }

private:
    [[nodiscard]] journalled& alive() {
        if constexpr (Dies) die();
        return *engine_;
    }
    void die() {
        longest_ = std::max(longest_, engine_->lines());
        engine_.reset();
        auto again = berth::resume_scheduler(text_, policies, shared_journal{&text_, nullptr}, options_, 12);
        if (!again) FAIL(again.error().message);
        engine_ = std::move(*again);
    }
    berth::scheduler_options options_;
    std::string text_;
    std::unique_ptr<journalled> engine_;
    std::size_t longest_ = 0;
};

}  // namespace

TEST_CASE("killed after every event and resumed from its journal, it decides as one that lives on") {
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
        for (const auto acknowledge : {berth::acknowledgement::at_once, berth::acknowledgement::reported}) {
            CAPTURE(seed);
            const day_kind kind = seed == 1 ? day_kind::plain : day_kind::queued;
            random_day<mortal<false>> lives{policies, seed, acknowledge, kind};
            lives.run(40);
            random_day<mortal<true>> dies{policies, seed, acknowledge, kind};
            dies.run(40);
            CHECK(dies.log() == lives.log());
            CHECK(dies.engine().longest() < 30);
        }
    }
}

TEST_CASE("decisions that may not have been seen are told again, once") {
    std::string text;
    journalled engine{policies, shared_journal{&text}};
    join_described(engine, "n0", 2);
    REQUIRE(engine.job(1.0, {.name = "a", .gpus = 2}));
    REQUIRE(engine.decide(1.0)->size() == 1);
    const auto resumed = [&] { return *berth::resume_scheduler(text, policies, shared_journal{&text}); };
    {
        const auto again = resumed();
        REQUIRE(again->unconfirmed().size() == 1);
        CHECK(again->unconfirmed()[0].kind == berth::decision_kind::start);
    }
    engine.carried_out();
    CHECK(resumed()->unconfirmed().empty());
    CHECK(resumed()->decide(1.0)->empty());
}

TEST_CASE("what a journal does not take is not decided on, a line that was cut is dropped") {
    std::string text;
    bool takes = true;
    journalled engine{policies, shared_journal{&text, &takes}};
    join_described(engine, "n0", 2);
    takes = false;
    REQUIRE(engine.job(1.0, {.name = "a"}));
    const auto refused = engine.decide(1.0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "scheduler journal: the text was not taken, nothing is decided");
    takes = true;
    CHECK(engine.decide(1.0)->size() == 1);
    const std::string whole = text;
    text += "event 10 3ff00000";
    const auto again = berth::resume_scheduler(text, policies, shared_journal{&text});
    REQUIRE(again);
    CHECK((*again)->known().job_count() == 1);
    text = whole + "event what\n";
    CHECK_FALSE(berth::resume_scheduler(text, policies, shared_journal{&text}));
    CHECK_FALSE(berth::resume_scheduler("nothing", policies, shared_journal{&text}));
}

TEST_CASE("without a first page nothing is decided, and the first page has all that happened") {
    std::string text;
    bool takes = false;
    journalled engine{policies, shared_journal{&text, &takes}};
    join_described(engine, "n0", 2);
    takes = true;  // the events so far went nowhere
    REQUIRE(engine.job(1.0, {.name = "a"}));
    CHECK(text.empty());
    takes = false;
    const auto refused = engine.decide(1.0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == berth::error_code::io);
    takes = true;
    CHECK(engine.decide(1.0)->size() == 1);
    const auto again = berth::resume_scheduler(text, policies, shared_journal{&text});
    REQUIRE(again);
    CHECK((*again)->unconfirmed().size() == 1);
    CHECK((*again)->lines() == engine.lines());
}

TEST_CASE("a first decision before time 0 is in the journal") {
    std::string text;
    journalled engine{policies, shared_journal{&text}};
    CHECK_FALSE(engine.decide(-berth::detail::never));
    REQUIRE(engine.decide(-5.0));
    CHECK(engine.lines() == 1);
    join_described(engine, "n0", 2, "A100", -5.0);
    REQUIRE(engine.job(-4.0, {.name = "a"}));
    REQUIRE(engine.decide(-4.0)->size() == 1);
    const auto refused = engine.decide(-4.5);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "event decide: time is before that of the event before");
    const auto again = berth::resume_scheduler(text, policies, shared_journal{&text});
    REQUIRE(again);
    CHECK((*again)->known().now() == -4.0);
    CHECK((*again)->known().counts().events[static_cast<std::size_t>(berth::event_kind::decide)] == 2);
    REQUIRE((*again)->unconfirmed().size() == 1);
    CHECK((*again)->unconfirmed()[0].time == -4.0);
}

TEST_CASE("what a journal could not give back is refused before it happens") {
    std::string text;
    journalled engine{policies, shared_journal{&text}};
    join_described(engine, "n0", 2);
    const std::vector<std::string_view> models(5000, "A100");
    const auto refused = engine.job(1.0, {.name = "a", .accepted_models = models});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "job \"a\": a list is too long for a journal");
    const std::vector<berth::amount> amounts(5000);
    CHECK_FALSE(engine.domain("rack", 0, amounts));
    CHECK_FALSE(engine.node(1.0, {.name = "n1", .capacity = amounts}));
    CHECK(engine.known().job_count() == 0);
    REQUIRE(engine.job(1.0, {.name = "a", .accepted_models = std::span{models}.first(4096)}));
    CHECK(berth::resume_scheduler(text, policies, shared_journal{&text}));
    // A job of as many tasks as there may be: the record has them all and the job's own demand.
    const std::vector<berth::job_task> tasks(std::size_t{1} << 20U);
    CHECK(berth::detail::event_record::holds(berth::job_description{.name = "b", .tasks = tasks}));
    berth::detail::event_record written = berth::detail::event_record::of(berth::event_kind::job, 1.0);
    berth::detail::archive_writer line;
    written.job(berth::job_description{.name = "b"}).visit_all(line);
    const auto message = [&](const std::string& count) {
        std::string other = line.text;
        const std::size_t at = other.find("\"\" 0 1 ");  // no class, none listed, one demand
        REQUIRE(at != std::string::npos);
        berth::detail::archive_reader reader{other.replace(at, 7, "\"\" 0 " + count + " ")};
        berth::detail::event_record e;
        e.visit_all(reader);
        return reader.ok() ? std::string{} : reader.failure().message;
    };
    CHECK(message("1").empty());
    CHECK(message("1048577") ==
          "scheduler text, line 1: gpus, expected a number of its range");  // missing, not too many
    CHECK(message("1048578") == "scheduler text, line 1: demands, expected 1 or more");
}
