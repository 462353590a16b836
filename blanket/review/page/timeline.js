// The line of frames: verdicts above, a row for each track below, all of them to click on.

const STRIP = 26;
const ROW = 12;
const GAP = 4;
const SIDE = 8;
const HEIGHTS = { "no-face": 0.12, replaced: 0.55, hidden: 0.55, suspect: 0.8, leak: 1 };
const ORDER = ["no-face", "replaced", "hidden", "suspect", "leak"];

export function colour(name) {
  const probe = document.createElement("i");
  probe.style.color = `var(--${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

export class Timeline {
  // canvas: where it is drawn. seek: called with the frame that is asked for.
  constructor(canvas, seek) {
    this.canvas = canvas;
    this.frames = 1;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      const share = (event.clientX - box.left - SIDE) / (box.width - 2 * SIDE);
      seek(Math.max(0, Math.min(this.frames - 1, Math.floor(share * this.frames))));
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      at(event);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (canvas.hasPointerCapture(event.pointerId)) at(event);
    });
  }

  // state: of the server. view: index, range, chosen; tints: the colour of each track.
  draw(state, view, tints) {
    const { canvas } = this;
    this.frames = state.times.length;
    const scale = window.devicePixelRatio || 1;
    const width = canvas.clientWidth;
    const height = 2 * SIDE + STRIP + state.tracks.length * (ROW + GAP) + (state.tracks.length ? GAP : 0);
    canvas.style.height = `${height}px`;
    canvas.width = Math.round(width * scale);
    canvas.height = Math.round(height * scale);
    const draw = canvas.getContext("2d");
    draw.scale(scale, scale);
    const step = (width - 2 * SIDE) / this.frames;
    const x = (frame) => SIDE + frame * step;
    const bar = (first, last, top, tall) =>
      draw.fillRect(x(first), top, Math.max((last - first + 1) * step, 1.5), tall);

    if (view.range) {
      draw.fillStyle = colour("accent");
      draw.globalAlpha = 0.16;
      bar(view.range[0], view.range[1], 0, height);
      draw.globalAlpha = 1;
    }
    // The worst last, so that a single frame of it is never painted over.
    for (const verdict of ORDER) {
      draw.fillStyle = colour(verdict);
      for (const [first, last, what] of state.verdicts) {
        const tall = STRIP * HEIGHTS[verdict];
        if (what === verdict) bar(first, last, SIDE + STRIP - tall, tall);
      }
    }
    draw.fillStyle = colour("muted");
    for (const cut of state.cuts) if (cut > 0) draw.fillRect(x(cut) - 0.5, SIDE, 1, STRIP);
    state.tracks.forEach((track, row) => {
      const top = SIDE + STRIP + GAP + row * (ROW + GAP) + GAP;
      for (const [first, last, what] of track.runs) {
        draw.fillStyle = what === "replaced" ? tints(track) : colour("hidden");
        draw.globalAlpha = view.chosen === null || view.chosen === track.track ? 1 : 0.55;
        const thin = what === "replaced" ? 0 : ROW / 4;
        bar(first, last, top + thin, ROW - 2 * thin);
      }
      draw.globalAlpha = 1;
    });
    draw.fillStyle = colour("ink");
    draw.fillRect(x(view.index + 0.5) - 1, 2, 2, height - 4);
    canvas.setAttribute("aria-valuemax", this.frames - 1);
    canvas.setAttribute("aria-valuenow", view.index);
  }
}
