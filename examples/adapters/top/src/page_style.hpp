// SPDX-License-Identifier: Apache-2.0
#pragma once

// The looks and the one script of a page, as text.

namespace top {

inline constexpr const char* page_style = R"css(
:root { color-scheme: light dark;
  --ground: #fafaf8; --card: #ffffff; --text: #1d1e1b; --muted: #6a6d66; --line: #dedfd9; --grid: #ecede8;
  --accent: #2563a8; --accent-soft: #dbe8f6; --good: #2e7d4f; --warm: #b45f06; --bad: #b3261e; --closed: #8b8e86;
  --track: #ecede8;
  --c0: #2f6db3; --c1: #c8742b; --c2: #2e8b6b; --c3: #9a56a8; --c4: #b8912a; --c5: #c14f63; --c6: #5a7d2a;
  --c7: #4a8fa3; }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) {
  --ground: #151613; --card: #1e201c; --text: #e8e9e3; --muted: #a0a399; --line: #363831; --grid: #2a2c26;
  --accent: #7ab0ea; --accent-soft: #24384e; --good: #6fc492; --warm: #eaa25a; --bad: #f2857b; --closed: #83867c;
  --track: #2d2f29;
  --c0: #6ea6e6; --c1: #e79a56; --c2: #62c2a0; --c3: #c58ad2; --c4: #d9b85a; --c5: #e8889a; --c6: #9bc264;
  --c7: #7fc3d6; } }
:root[data-theme="dark"] {
  --ground: #151613; --card: #1e201c; --text: #e8e9e3; --muted: #a0a399; --line: #363831; --grid: #2a2c26;
  --accent: #7ab0ea; --accent-soft: #24384e; --good: #6fc492; --warm: #eaa25a; --bad: #f2857b; --closed: #83867c;
  --track: #2d2f29; color-scheme: dark;
  --c0: #6ea6e6; --c1: #e79a56; --c2: #62c2a0; --c3: #c58ad2; --c4: #d9b85a; --c5: #e8889a; --c6: #9bc264;
  --c7: #7fc3d6; }
:root[data-theme="light"] { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.45 system-ui, "DejaVu Sans",
  sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 20px; }
header { display: flex; flex-wrap: wrap; gap: 4px 18px; align-items: baseline; margin-bottom: 14px; }
h1 { font-size: 21px; margin: 0; } h2 { font-size: 16px; margin: 26px 0 8px; }
header span, .note { color: var(--muted); } .note { font-size: 13px; margin: 6px 0 0; }
button { margin-left: auto; font: inherit; font-size: 13px; color: var(--text); background: var(--card);
  border: 1px solid var(--line); border-radius: 6px; padding: 3px 10px; cursor: pointer; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 10px; }
.tile, .card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 14px; }
.tile b { display: block; font-size: 24px; line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
.tile span { color: var(--muted); font-size: 13px; }
.tile.bad b { color: var(--bad); }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 430px), 1fr)); gap: 10px; }
.card h3 { margin: 0 0 2px; font-size: 13.5px; font-weight: 600; } .card h3 span { color: var(--muted);
  font-weight: 400; }
svg { display: block; width: 100%; height: auto; } svg text { fill: var(--muted); font-size: 11px; }
.grid-line { stroke: var(--grid); } .series { fill: none; stroke: var(--accent); stroke-width: 1.8; }
.area { fill: var(--accent-soft); opacity: .7; } .cross { stroke: var(--muted); stroke-dasharray: 3 3;
  visibility: hidden; }
.wide { overflow-x: auto; background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 8px 12px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th { text-align: left; font-weight: 600; font-size: 13px; color: var(--muted); padding: 4px 10px 4px 0;
  white-space: nowrap; }
td { padding: 4px 10px 4px 0; border-top: 1px solid var(--grid); vertical-align: top; }
td.n, th.n { text-align: right; }
.nodes td:first-child { white-space: nowrap; padding-top: 9px; }
.cells { display: flex; flex-wrap: wrap; gap: 5px; }
.gpu { width: 134px; border: 1px solid var(--line); border-radius: 6px; padding: 4px 7px; font-size: 11.5px;
  line-height: 1.35; }
.gpu .name { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; color: var(--muted); }
.gpu .bar { display: block; height: 6px; border-radius: 3px; background: var(--track); margin: 3px 0;
  overflow: hidden; }
.gpu .bar i { display: block; height: 100%; background: var(--accent); }
.gpu .now { white-space: nowrap; display: flex; justify-content: space-between; }
.gpu .unknown { color: var(--closed); }
.gpu.hot, .gpu.pressed { border-color: var(--warm); } .gpu.hot .state, .gpu.pressed .state { color: var(--warm); }
.gpu.sick { border-color: var(--bad); } .gpu.sick .state { color: var(--bad); }
.gpu.closed, .gpu.draining { border-style: dashed; border-color: var(--closed); }
.gpu .state { display: block; font-weight: 600; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.gpu .tasks { display: block; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.why { color: var(--warm); } .bad { color: var(--bad); } .faint { color: var(--muted); }
.lanes { min-width: 820px; } .lanes .track { fill: var(--track); } .lanes .label { fill: var(--text);
  font-size: 11.5px; }
.lanes .in { fill: #fff; font-size: 10.5px; pointer-events: none; } .sick-mark { fill: var(--bad); }
  .hot-mark { fill: var(--warm); }
:root[data-theme="dark"] .lanes .in { fill: #101210; }
@media (prefers-color-scheme: dark) { :root:not([data-theme="light"]) .lanes .in { fill: #101210; } }
.closed-mark { fill: var(--closed); }
.k0 { fill: var(--c0); } .k1 { fill: var(--c1); } .k2 { fill: var(--c2); } .k3 { fill: var(--c3); }
.k4 { fill: var(--c4); } .k5 { fill: var(--c5); } .k6 { fill: var(--c6); } .k7 { fill: var(--c7); }
ol.log { margin: 0; padding: 0; list-style: none; font-size: 13.5px; max-height: 340px; overflow: auto; }
ol.log li { padding: 2px 0; border-top: 1px solid var(--grid); } ol.log li:first-child { border: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 3px 16px; font-size: 13px; color: var(--muted); margin: 6px 0 0; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 5px; }
#tip { position: fixed; pointer-events: none; background: var(--card); color: var(--text);
  border: 1px solid var(--line);
  border-radius: 6px; padding: 5px 9px; font-size: 12.5px; box-shadow: 0 2px 10px #0003; visibility: hidden;
  white-space: nowrap; }
@media print { button { display: none; } body { background: #fff; } ol.log { max-height: none; } }
)css";

inline constexpr const char* page_script = R"js(
(() => {
  const root = document.documentElement, button = document.querySelector('button');
  button.onclick = () => {
    const dark = root.dataset.theme ? root.dataset.theme === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
    root.dataset.theme = dark ? 'light' : 'dark';
  };
  const charts = [...document.querySelectorAll('svg.chart')], tip = document.getElementById('tip');
  if (!charts.length) return;
  const past = JSON.parse(document.getElementById('past').textContent), n = past.time.length;
  const at = (svg, event) => {
    const box = svg.getBoundingClientRect(), d = svg.dataset;
    const x = (event.clientX - box.left) / box.width * 600, part = (x - d.left) / (d.right - d.left);
    const time = past.time[0] + Math.min(1, Math.max(0, part)) * (past.time[n - 1] - past.time[0]);
    let low = 0, high = n - 1;
    while (low < high) {
      const mid = (low + high + 1) >> 1;
      if (past.time[mid] <= time) low = mid; else high = mid - 1;
    }
    return low;
  };
  for (const svg of charts) {
    svg.onpointermove = event => {
      const i = at(svg, event), span = past.time[n - 1] - past.time[0] || 1;
      for (const one of charts) {
        const d = one.dataset, x = +d.left + (d.right - d.left) * (past.time[i] - past.time[0]) / span;
        const line = one.querySelector('.cross');
        line.setAttribute('x1', x); line.setAttribute('x2', x); line.style.visibility = 'visible';
      }
      tip.textContent = past.label[i] + ': ' + svg.dataset.name + ' ' +
        (past[svg.dataset.key][i] === null ? 'unknown' : past[svg.dataset.key][i] + svg.dataset.unit);
      tip.style.visibility = 'visible';
      tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + 'px';
      tip.style.top = event.clientY + 16 + 'px';
    };
    svg.onpointerleave = () => {
      tip.style.visibility = 'hidden';
      for (const one of charts) one.querySelector('.cross').style.visibility = 'hidden';
    };
  }
})();
)js";

}  // namespace top
