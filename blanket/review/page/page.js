// The page: what it shows is in `state`, which the server tells; what is chosen is in `view`.

import { Timeline, colour } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const TINTS = ["#2f9e8f", "#c2649a", "#4f81c7", "#b58a1b", "#8b6fc4", "#5c9a3f", "#c7653a", "#3f9ac0"];
const KEPT = 40; // decoded frames of each file
const view = { index: 0, playing: false, range: null, chosen: null, drawing: null, pending: null, boxes: true };
let state = null;
let changed = false;

const tint = (track) => (track.added ? colour("hidden") : TINTS[track.track % TINTS.length]);
const last = () => state.times.length - 1;
const words = ([a, b]) => (a === b ? `${a}` : `${a}-${b}`);
const frames = (range) => `${range[0] === range[1] ? "frame" : "frames"} ${words(range)}`;

// What the server says.

async function ask(place, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  };
  const answer = await fetch(place, options);
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.error);
  return value;
}

function say(text, kind = "") {
  $("message").textContent = text;
  $("message").className = kind;
}

async function refresh(promise) {
  try {
    const before = state;
    state = await promise;
    if (before && before.rendered !== state.rendered) forget("output");
    if (!state.tracks.some((track) => track.track === view.chosen)) view.chosen = null;
    view.index = Math.min(view.index, last());
    show();
    return true;
  } catch (error) {
    say(error.message, "wrong");
    return false;
  }
}

// Frames, the near ones ahead of being asked for.

const reels = { original: new Map(), output: new Map() };

function forget(which) {
  reels[which].clear();
}

function frame(which, index) {
  const reel = reels[which];
  const known = reel.get(index);
  if (known) {
    reel.delete(index);
    reel.set(index, known);
    return known;
  }
  const promise = fetch(`${which}/${index}`)
    .then((answer) => (answer.ok ? answer.blob() : null))
    .then((blob) => blob && createImageBitmap(blob));
  reel.set(index, promise);
  promise.catch(() => reel.delete(index));
  while (reel.size > KEPT) reel.delete(reel.keys().next().value);
  return promise;
}

async function paint() {
  const index = view.index;
  const pictures = await Promise.all([
    frame("original", index),
    state.rendered === null ? null : frame("output", index).catch(() => null),
  ]);
  if (index !== view.index) return;
  view.shown = index;
  ["original", "output"].forEach((which, place) => paintOn($(which), pictures[place], which === "original"));
  document.body.dataset.shown = index;
  for (const next of [index + 1, index + 2, index - 1]) {
    if (next >= 0 && next <= last() && (view.playing || next !== index + 2)) {
      frame("original", next);
      if (state.rendered !== null) frame("output", next);
    }
  }
}

function paintOn(canvas, picture, original) {
  const scale = Math.min(1, 1920 / Math.max(state.width, state.height));
  const size = [Math.round(state.width * scale), Math.round(state.height * scale)];
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
  const draw = canvas.getContext("2d");
  draw.clearRect(0, 0, ...size);
  if (picture) draw.drawImage(picture, 0, 0, ...size);
  const wide = (1.6 * canvas.width) / Math.max(canvas.clientWidth, 1);
  const outline = (box, style, dashed, label, thick = 1.4, below = false) => {
    const [x0, y0, x1, y1] = box.map((edge) => edge * scale);
    draw.lineWidth = (thick + 1.6) * wide;
    draw.setLineDash([]);
    draw.strokeStyle = "rgb(0 0 0 / .45)";
    draw.strokeRect(x0, y0, x1 - x0, y1 - y0);
    draw.lineWidth = thick * wide;
    draw.setLineDash(dashed ? [5 * wide, 4 * wide] : []);
    draw.strokeStyle = style;
    draw.strokeRect(x0, y0, x1 - x0, y1 - y0);
    if (!label) return;
    draw.font = `600 ${8 * wide}px system-ui, sans-serif`;
    const long = draw.measureText(label).width + 6 * wide;
    const top = below ? y1 : y0 > 12 * wide ? y0 - 12 * wide : y0;
    draw.fillStyle = style;
    draw.fillRect(x0 - wide, top, long, 12 * wide);
    draw.fillStyle = "#fff";
    draw.fillText(label, x0 + 2 * wide, top + 9 * wide);
  };
  if (original && view.boxes) {
    for (const track of state.tracks) {
      const box = boxOf(track, view.index);
      if (!box) continue;
      const what = doing(track, view.index);
      const label = `${track.track}${what === "replaced" ? "" : ` ${what}`}`;
      outline(box, tint(track), what !== "replaced", label, track.track === view.chosen ? 3 : 1.4);
    }
    for (const finding of state.findings) {
      const box = finding.boxes[view.index - finding.first];
      if (box) outline(box, colour(finding.verdict), true, finding.verdict, 1.4, true);
    }
  }
  if (original && view.drawing) outline(view.drawing, colour("accent"), true, "");
  else if (original && view.pending) outline(pendingBox(), colour("accent"), true, "new");
}

function boxOf(track, index) {
  const box = track.start === null ? null : track.boxes[index - track.start];
  return box && box.length ? box : null;
}

function doing(track, index) {
  const run = track.runs.find(([first, end]) => first <= index && index <= end);
  return run ? run[2] : null;
}

function pendingBox() {
  const { add, to, first, end } = view.pending;
  const share = end > first ? Math.max(0, Math.min(1, (view.index - first) / (end - first))) : 0;
  return add.map((edge, place) => edge + ((to || add)[place] - edge) * share);
}

// What is around the frames.

const line = new Timeline(document.querySelector("#timeline canvas"), (index) => go(index));

function show() {
  document.title = `Review: ${state.original}`;
  $("files").textContent = `${state.original} → ${state.output}`;
  const count = (name) => state.verdicts.reduce((sum, [a, b, what]) => sum + (what === name ? b - a + 1 : 0), 0);
  const parts = ["leak", "suspect", "hidden", "replaced"].map((name) => [count(name), name]).filter(([n]) => n);
  $("sums").textContent = [`${state.times.length} ${state.times.length === 1 ? "frame" : "frames"}`, ...parts.map(([n, name]) => `${n} ${name}`)].join(" · ");
  $("missing").hidden = state.rendered !== null;
  $("stale").textContent = changed && state.rendered !== null ? "render again to see the corrections" : "";
  $("number").max = last();
  $("command").textContent = state.command;
  $("render").disabled = state.rendering.stage !== null;
  if (state.rendering.stage !== null) watch();
  showTracks();
  showFindings();
  showCorrections();
  showFrame();
}

function showFrame() {
  $("number").value = view.index;
  $("time").textContent = `${state.times[view.index].toFixed(2)} s`;
  const span = state.verdicts.find(([first, end]) => first <= view.index && view.index <= end);
  $("verdict").textContent = span ? [span[2].replace("-", " "), ...span[3]].join(", ") : "";
  $("verdict").style.color = span && span[2] !== "no-face" ? `var(--${span[2]})` : "var(--muted)";
  $("range").textContent = view.range ? words(view.range) : "all frames";
  $("scope").textContent = view.range ? `drop or hide in ${frames(view.range)}` : "";
  $("range").className = view.range ? "set" : "";
  $("clear").hidden = !view.range;
  $("play").textContent = view.playing ? "Stop" : "Play";
  $("adding").hidden = !view.pending;
  if (view.pending) $("adding-range").textContent = frames(pendingRange());
  for (const card of document.querySelectorAll(".track")) {
    card.classList.toggle("chosen", Number(card.dataset.track) === view.chosen);
  }
  line.draw(state, view, tint);
  paint();
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function showTracks() {
  $("tracks").replaceChildren(...state.tracks.map((track) => {
    const swatch = element("i", { className: "swatch" });
    swatch.style.background = tint(track);
    const subject = element("input", { type: "number", min: 0, value: track.subject });
    subject.setAttribute("aria-label", `Subject of track ${track.track}`);
    subject.addEventListener("change", () => assign(track.track, Number(subject.value)));
    const sums = {};
    for (const [first, end, what] of track.runs) sums[what] = (sums[what] || 0) + end - first + 1;
    const told = Object.entries(sums).map(([what, n]) => (what === "replaced" ? `${n} replaced` : `${n} hidden (${what})`));
    const name = element("div", { className: "name" }, swatch,
      element("span", { textContent: track.added ? `Track ${track.track} (added)` : `Track ${track.track}` }));
    const card = element("div", { className: "track" }, name,
      element("p", { textContent: `${frames([track.first, track.last])}: ${told.join(", ") || "left as it is"}` }));
    card.dataset.track = track.track;
    card.classList.toggle("gone", !track.runs.length);
    if (!track.added) {
      name.append(element("label", {}, "subject ", subject));
      const button = (text, title, act) => {
        const made = element("button", { textContent: text, title });
        made.addEventListener("click", (event) => { event.stopPropagation(); act(track.track); });
        return made;
      };
      card.append(element("div", { className: "row" },
        button("Drop", "It is no face: left as it is (d)", drop),
        button("Hide", "Hidden instead of replaced (h)", hide),
        button("Picture", "A picture of a face, on a wall or a screen: hidden throughout (w)", onWall)));
    }
    card.addEventListener("click", (event) => {
      if (event.target.closest("input")) return;
      choose(track.track);
      if (!boxOf(track, view.index)) go(track.first);
    });
    return card;
  }));
}

function showFindings() {
  $("found").hidden = !state.findings.length;
  $("findings").replaceChildren(...state.findings.map((finding) => {
    const track = finding.track === null ? "" : `, track ${finding.track}`;
    const button = element("button", {}, element("b", { className: finding.verdict, textContent: finding.verdict }),
      ` ${finding.reason}`, element("small", { textContent: `${frames([finding.first, finding.last])}${track}` }));
    button.addEventListener("click", () => go(finding.first));
    return element("li", {}, button);
  }));
}

function told(one) {
  const where = one.frames === undefined ? "" : `, ${String(one.frames).includes("-") ? "frames" : "frame"} ${one.frames}`;
  if ("drop" in one) return `Track ${one.drop} is no face${where}`;
  if ("hide" in one) return `Track ${one.hide} is hidden${where}`;
  if ("picture" in one) return `Track ${one.picture} is a picture`;
  if ("add" in one) return `A face was missed${where}`;
  return `Track ${one.assign} is subject ${one.subject}`;
}

function showCorrections() {
  $("none").hidden = state.corrections.length > 0;
  $("corrections").replaceChildren(...state.corrections.map((one) => {
    const text = element("button", {}, told(one), ...(one.note ? [element("small", { textContent: one.note })] : []));
    const track = state.tracks.find(({ track }) => track === (one.drop ?? one.hide ?? one.picture ?? one.assign));
    const first = one.frames === undefined ? (track ? track.first : 0) : parseInt(one.frames, 10);
    text.addEventListener("click", () => go(first));
    const away = element("button", { className: "bad", textContent: "✕", title: "Take it back" });
    away.setAttribute("aria-label", `Take back: ${told(one)}`);
    away.addEventListener("click", () => correct((all) => all.filter((other) => other !== one)));
    return element("li", {}, text, away);
  }));
}

// What a person does.

function go(index) {
  view.index = Math.max(0, Math.min(last(), index));
  showFrame();
}

function choose(number) {
  view.chosen = state.tracks.some(({ track }) => track === number) ? number : null;
  showFrame();
}

function look(direction) {
  const worth = (what) => ["leak", "suspect", "hidden"].includes(what);
  const places = state.verdicts.filter(([, , what]) => worth(what)).map(([first]) => first);
  const ahead = direction > 0 ? places.find((place) => place > view.index) : places.findLast((place) => place < view.index);
  if (ahead === undefined) say(direction > 0 ? "nothing more to look at after this frame" : "nothing to look at before this frame");
  else { say(""); go(ahead); }
}

function mark(end) {
  const [first, until] = view.range || [view.index, view.index];
  view.range = end ? [Math.min(first, view.index), view.index] : [view.index, Math.max(until, view.index)];
  if (!end && !view.range) view.range = [view.index, view.index];
  showFrame();
}

let saving = Promise.resolve();

// change: makes the new corrections of those that there are, once what was done before is saved.
function correct(change) {
  saving = saving.then(async () => {
    const body = { corrections: change(state.corrections), revision: state.revision };
    if (!(await refresh(ask("corrections", body)))) return;
    changed = true;
    say("saved", "good");
    show();
  });
  return saving;
}

const inRange = (one) => (view.range ? { ...one, frames: words(view.range) } : one);
const added = (one) => correct((all) => [...all, one]);
const drop = (track) => added(inRange({ drop: track }));
const hide = (track) => added(inRange({ hide: track }));
const onWall = (track) => added({ picture: track });
const assign = (track, subject) => added({ assign: track, subject });

function pendingRange() {
  const { first, end, to } = view.pending;
  return to || !view.range ? [first, end] : view.range;
}

async function addPending() {
  const { add, to } = view.pending;
  const round = (box) => box.map((edge) => Math.round(edge * 10) / 10);
  const one = { add: round(add), ...(to ? { to: round(to) } : {}), frames: words(pendingRange()) };
  view.pending = null;
  await added(one);
}

// Drawing a box on the original.

function place(event) {
  const canvas = $("original");
  const box = canvas.getBoundingClientRect();
  // The canvas keeps its shape within its box: as `object-fit: contain` at the top does.
  const scale = Math.min(box.width / canvas.width, box.height / canvas.height);
  const left = box.left + (box.width - canvas.width * scale) / 2;
  const ratio = state.width / canvas.width;
  const x = ((event.clientX - left) / scale) * ratio;
  const y = ((event.clientY - box.top) / scale) * ratio;
  return [Math.max(0, Math.min(state.width, x)), Math.max(0, Math.min(state.height, y))];
}

let start = null;
$("original").addEventListener("pointerdown", (event) => {
  $("original").setPointerCapture(event.pointerId);
  start = place(event);
});
$("original").addEventListener("pointermove", (event) => {
  if (!start) return;
  const [x, y] = place(event);
  view.drawing = [Math.min(start[0], x), Math.min(start[1], y), Math.max(start[0], x), Math.max(start[1], y)];
  paint();
});
$("original").addEventListener("pointerup", () => {
  const box = view.drawing;
  const [x, y] = start || [0, 0];
  start = view.drawing = null;
  if (box && box[2] - box[0] > 6 && box[3] - box[1] > 6) {
    const moved = view.pending && view.index > view.pending.first;
    view.pending = moved
      ? { ...view.pending, to: box, end: view.index }
      : { add: box, to: null, first: view.index, end: view.index };
    showFrame();
    return;
  }
  const hit = state.tracks.findLast((track) => {
    const at = boxOf(track, view.index);
    return at && at[0] <= x && x <= at[2] && at[1] <= y && y <= at[3];
  });
  choose(hit ? hit.track : null);
});
$("add").addEventListener("click", addPending);
$("cancel").addEventListener("click", () => { view.pending = null; showFrame(); });

// Playing: as fast as frames come, no faster than the video.

async function play() {
  view.playing = !view.playing;
  showFrame();
  while (view.playing && view.index < last()) {
    const begun = performance.now();
    const next = view.index + 1;
    await Promise.all([frame("original", next), state.rendered === null ? null : frame("output", next)]);
    const rest = (state.times[next] - state.times[next - 1]) * 1000 - (performance.now() - begun);
    await new Promise((after) => setTimeout(after, Math.max(rest, 0)));
    if (view.playing) go(next);
  }
  view.playing = false;
  showFrame();
}

// Rendering.

let watching = false;
async function watch() {
  if (watching) return;
  watching = true;
  try {
    for (;;) {
      const rendering = await ask("progress");
      if (rendering.stage === null) {
        const warnings = rendering.warnings || [];
        const said = [`rendered: ${rendering.said}`, ...warnings].join("; ");
        say(rendering.error || said, rendering.error ? "wrong" : warnings.length ? "doubtful" : "good");
        if (!rendering.error) changed = false;
        break;
      }
      say(`${rendering.stage} ${rendering.done}${rendering.total ? ` of ${rendering.total}` : ""}`);
      await new Promise((after) => setTimeout(after, 500));
    }
  } catch (error) {
    say(error.message, "wrong");
  }
  watching = false;
  refresh(ask("state"));
}

async function render() {
  $("render").disabled = true;
  await refresh(ask("render", {}));
}

// Keys and buttons: a button stands for its key.

const keys = {
  ArrowLeft: (event) => go(view.index - (event.shiftKey ? 10 : 1)),
  ArrowRight: (event) => go(view.index + (event.shiftKey ? 10 : 1)),
  Home: () => go(0),
  End: () => go(last()),
  " ": play,
  n: () => look(1),
  p: () => look(-1),
  i: () => mark(false),
  o: () => mark(true),
  b: () => { view.boxes = !view.boxes; paint(); },
  d: () => view.chosen !== null && drop(view.chosen),
  h: () => view.chosen !== null && hide(view.chosen),
  w: () => view.chosen !== null && onWall(view.chosen),
  u: () => state.corrections.length && correct((all) => all.slice(0, -1)),
  r: render,
  "?": () => $("help").showModal(),
  Enter: () => view.pending && addPending(),
  Escape: () => {
    if (view.pending) view.pending = null;
    else view.range = null;
    showFrame();
  },
};

document.addEventListener("keydown", (event) => {
  if (!state || event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  if (event.target.closest("input") && event.key !== "Escape") return;
  // A focused button is pressed by these keys.
  if (event.target.closest("button") && [" ", "Enter"].includes(event.key)) return;
  if (/^[0-9]$/.test(event.key)) choose(Number(event.key));
  else if (keys[event.key]) keys[event.key](event);
  else return;
  event.preventDefault();
});
for (const button of document.querySelectorAll("[data-key]")) {
  button.addEventListener("click", (event) => keys[button.dataset.key](event));
}
$("number").addEventListener("change", () => go(Number($("number").value) || 0));
$("render").addEventListener("click", render);
$("help-open").addEventListener("click", () => $("help").showModal());
window.addEventListener("resize", () => state && showFrame());
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state && showFrame());

refresh(ask("state"));
