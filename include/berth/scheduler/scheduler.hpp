// SPDX-License-Identifier: Apache-2.0
#pragma once

// A scheduler in thirty lines. Events in, decisions out; no clock, no thread, no I/O of its own.
//
//   berth::scheduler engine{};                                            // or {policies, schema, options}
//
//   engine.node(0.0, {.name = "n0", .gpus = gpus});                       // or your own type of node
//   engine.job(1.0, {.name = "train", .task_count = 2, .gpus = 4, .terms = {.duration = 3600.0}});
//   const auto decisions = engine.decide(1.0);                            // after the last event of each time
//   for (const berth::decision& d : *decisions) {
//       switch (d.kind) {
//           case berth::decision_kind::start: run(engine.name(d.job), d.task, d.where); break;
//           case berth::decision_kind::evict: stop(engine.name(d.job), d.task); break;       // waits again
//           case berth::decision_kind::move: migrate(engine.name(d.job), d.task, d.from, d.where); break;
//           case berth::decision_kind::wait: note(engine.name(d.job), d.reasons); break;     // counted reasons
//           case berth::decision_kind::lost: note(engine.name(d.job), d.task, d.reason); break;
//       }
//   }
//   sleep_until(engine.wake_at());                                        // infinity: nothing to do before an event
//
//   engine.finish(50.0, "train");          engine.cancel(50.0, "other");  // jobs by name or by handle
//   engine.close(60.0, "n0");              engine.open(70.0, "n0");       // places by name or by handle
//   engine.drain(60.0, {"n0", "GPU-3"});   engine.health(65.0, "n0", false);
//   engine.reading(66.0, {"n0", "GPU-3"}, {.load = 0.9, .temperature = 81.0});
//   engine.threshold(66.0, {.temperature = 85.0});
//   engine.running(70.0, "found", 0, "n0", names_of_gpus);                // reality wins
//   engine.progress(80.0, "train", 0.7);   engine.node_gone(90.0, "n0");
//   engine.stopped(91.0, "train", 0);      engine.moved(91.0, "train", 1);  engine.failed(91.0, "train");
//
// Every event answers a result: an error names event, item and field; false is a duplicate, which changed nothing.
// `scheduler_policies` is what it is made of; `scheduler_options` what is usual. scheduler/scheduler_events.hpp has the
// events with what they promise.

#include "berth/scheduler/detail/job_changes.hpp"
#include "berth/scheduler/detail/job_events.hpp"
#include "berth/scheduler/detail/place_events.hpp"
#include "berth/scheduler/detail/queue_events.hpp"
#include "berth/scheduler/detail/scheduler_backfill.hpp"
#include "berth/scheduler/detail/scheduler_claims.hpp"
#include "berth/scheduler/detail/scheduler_decide.hpp"
#include "berth/scheduler/detail/scheduler_evictions.hpp"
#include "berth/scheduler/detail/scheduler_exchange.hpp"
#include "berth/scheduler/detail/scheduler_line.hpp"
#include "berth/scheduler/detail/scheduler_pages.hpp"
#include "berth/scheduler/detail/scheduler_places.hpp"
#include "berth/scheduler/detail/scheduler_relief.hpp"
#include "berth/scheduler/detail/scheduler_starts.hpp"
#include "berth/scheduler/detail/scheduler_turns.hpp"
#include "berth/scheduler/detail/scheduler_victims.hpp"
#include "berth/scheduler/detail/scheduler_waits.hpp"
#include "berth/scheduler/scheduler_interface.hpp"
