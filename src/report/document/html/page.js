"use strict";
(() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Okabe and Ito's colours, told apart by everybody; the last is grey.
  const PALETTE = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#8c8c8c"];
  const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];
  const STEPS = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800, 604800, 2592000];
  const span = (seconds) => {
    let left = Math.round(seconds), text = "";
    for (const [unit, size] of UNITS) {
      const count = Math.floor(left / size);
      if (count) { text += count + unit; left -= count * size; }
    }
    return text || "0s";
  };
  const number = (value) => value == null ? "-" : Number(value.toPrecision(6)).toLocaleString("en-US", { maximumFractionDigits: 3 });

  // Each value holds until the next one: all lines over the instants of any of them.
  const aligned = (lines, end) => {
    const times = [...new Set(lines.flatMap((line) => line.times).concat([0, end]))].sort((a, b) => a - b);
    const values = lines.map(({ times: own, values }) => {
      let next = 0, now = null;
      return times.map((at) => {
        while (next < own.length && own[next] <= at) now = values[next++];
        return now;
      });
    });
    return [times, ...values];
  };

  class Figure {
    constructor(element) {
      this.element = element;
      this.data = JSON.parse(document.getElementById(element.dataset.of).textContent);
      this.plots = [];
      this.readout = element.querySelector(".readout");
      this.derivation = element.querySelector(".derivation");
      this.open = false;
      this.chosen = -1;
      this.draw();
      element.querySelector(".plots").addEventListener("keydown", (event) => this.key(event));
      // A click, not the end of a drag that zooms.
      let down = 0;
      element.querySelector(".plots").addEventListener("pointerdown", (event) => { down = event.clientX; });
      element.querySelector(".plots").addEventListener("click", (event) => Math.abs(event.clientX - down) < 4 && this.toggle());
      element.querySelector(".tools").addEventListener("click", (event) => this.tool(event.target.dataset.tool));
      new ResizeObserver(() => requestAnimationFrame(() => this.fit())).observe(element);
    }

    clock(at) {
      if (this.data.steps) return this.data.steps[Math.min(this.data.steps.length - 1, Math.max(0, Math.floor(at / 2)))];
      if (this.data.epoch == null) return span(at);
      return new Date((this.data.epoch + at) * 1000).toISOString().replace("T", " ").replace(".000Z", ` ${this.data.zone}`);
    }

    tick(at, step) {
      if (this.data.steps) return this.clock(at);
      if (this.data.epoch == null) return span(at);
      const text = new Date((this.data.epoch + at) * 1000).toISOString();
      return step >= 86400 ? text.slice(5, 10) : text.slice(11, step < 60 ? 19 : 16);
    }

    draw() {
      this.plots.forEach((plot) => plot.destroy());
      const sync = uPlot.sync(this.element.dataset.of);
      const width = this.width();
      this.plots = [...this.element.querySelectorAll(".panel")].map((place, index) => {
        const panel = this.data.panels[index];
        const ink = css("--ink"), grid = css("--line");
        const axis = { stroke: ink, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 } };
        const offset = this.data.epoch == null ? 0 : this.data.epoch % 86400;
        const line = ({ label, color, style, dash }) => ({
          label, stroke: PALETTE[color], width: style === "wide" ? 4 : style === "reference" ? 1.2 : 1.8,
          dash, points: { show: false },
          paths: uPlot.paths.stepped({ align: 1 }), value: (_, value) => number(value),
        });
        const options = {
          width, height: 240, cursor: { sync: { key: sync.key }, drag: { x: !this.data.steps, y: false } }, legend: { live: true },
          scales: { x: { time: false, range: (_, low, high) => [low, high] },
            y: { range: () => panel.range } },
          axes: [
            { ...axis, space: 70,
              splits: (_, __, low, high, space) => {
                if (this.data.steps) return this.data.steps.map((_, index) => 2 * index + 1);
                const step = STEPS.find((step) => step >= space) || 2592000;
                const first = Math.ceil((low + offset) / step) * step - offset, all = [];
                for (let at = first; at <= high; at += step) all.push(at);
                return all;
              },
              incrs: STEPS, values: (_, splits) => splits.map((at) => this.tick(at, splits.length > 1 ? splits[1] - splits[0] : 60)) },
            { ...axis, size: 62, values: (_, splits) => splits.map(number) },
          ],
          series: [{ label: this.data.steps ? "At" : "Time", value: (_, at) => at == null ? "-" : this.clock(at) }, ...panel.lines.map(line)],
          hooks: {
            drawClear: [(plot) => this.behind(plot, panel)],
            draw: [(plot) => this.marks(plot, index === 0)],
            setCursor: [(plot) => this.point(plot)],
            setScale: [(plot, key) => key === "x" && this.follow(plot)],
          },
        };
        place.querySelectorAll(".uplot").forEach((old) => old.remove());
        return new uPlot(options, aligned(panel.lines, this.data.end), place);
      });
    }

    width() { return Math.max(280, this.element.querySelector(".plots").clientWidth); }
    fit() {
      const width = this.width();
      if (this.plots[0] && this.plots[0].width !== width) this.plots.forEach((plot) => plot.setSize({ width, height: 240 }));
    }

    // Bands and areas behind the lines.
    behind(plot, panel) {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
      if (panel.band) {
        const [top, bottom] = [panel.band.to, panel.band.from].map((value) => plot.valToPos(value, "y", true));
        ctx.fillStyle = "rgba(140,140,140,.22)";
        ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
      }
      for (const area of panel.areas) {
        ctx.globalAlpha = 0.35; ctx.fillStyle = PALETTE[area.color];
        area.points.forEach(([at, low, high], index) => {
          if (low === high) return;
          const until = index + 1 < area.points.length ? area.points[index + 1][0] : this.data.end;
          const [left, right] = [at, until].map((x) => plot.valToPos(x, "x", true));
          const [top, bottom] = [high, low].map((y) => plot.valToPos(y, "y", true));
          ctx.fillRect(left, top, Math.max(1, right - left), bottom - top);
        });
      }
      ctx.restore();
    }

    // Events are upright lines, named at the first diagram; the chosen decision is one, too.
    marks(plot, named) {
      const { ctx, bbox } = plot;
      ctx.save();
      ctx.beginPath(); ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height); ctx.clip();
      ctx.strokeStyle = css("--mark"); ctx.fillStyle = css("--ink");
      ctx.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
      let free = -Infinity;
      for (const mark of this.data.marks) {
        if (mark.scales) continue;
        const x = Math.round(plot.valToPos(mark.at, "x", true));
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.setLineDash([3, 3]);
        ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
        const room = ctx.measureText(mark.label).width + 8;
        if (named && x > free && x + room < bbox.left + bbox.width) {
          ctx.fillText(mark.label, x + 4, bbox.top + 13 * devicePixelRatio);
          free = x + room;
        }
      }
      const chosen = this.data.marks[this.chosen];
      if (chosen) {
        const x = Math.round(plot.valToPos(chosen.at, "x", true));
        ctx.setLineDash([]); ctx.strokeStyle = PALETTE[3];
        ctx.beginPath(); ctx.moveTo(x, bbox.top); ctx.lineTo(x, bbox.top + bbox.height); ctx.stroke();
      }
      ctx.restore();
    }

    // What is said under the pointer: the instant, and the decisions and events that are near.
    point(plot) {
      const { left } = plot.cursor;
      if (left == null || left < 0) return;
      const at = plot.posToVal(left, "x"), reach = plot.posToVal(left + 8, "x") - at;
      const near = this.data.marks.map((mark, index) => ({ index, away: Math.abs(mark.at - at) })).filter(({ away }) => away <= reach);
      near.sort((one, other) => one.away - other.away);
      this.choose(near.length ? near[0].index : -1, near.slice(0, 4).map(({ index }) => index).sort((a, b) => a - b));
      if (!near.length) this.readout.textContent = this.clock(at);
    }

    // One event, said with those beside it.
    choose(index, beside = [index]) {
      const told = beside.map((one) => this.data.marks[one]);
      if (told.length) this.readout.textContent = told.map((mark) => `${this.clock(mark.at)}: ${mark.label}. ${mark.detail}`.trim()).join(" | ");
      if (index === this.chosen) return;
      // What is read stays until another event is chosen.
      if (index >= 0) this.shows = index;
      this.chosen = index;
      if (index >= 0) this.derive();
      this.plots.forEach((plot) => plot.redraw(false));
    }

    // All of a decision, if it is asked for.
    toggle() {
      if (this.chosen < 0 && !this.open) return;
      this.open = !this.open;
      this.derive();
    }

    derive() {
      const mark = this.data.marks[this.shows];
      const text = mark && (mark.derivation || "");
      this.derivation.hidden = !this.open || !text;
      if (text) this.derivation.textContent = `${this.clock(mark.at)}: ${mark.label}\n${text}`;
    }

    follow(plot) {
      const { min, max } = plot.scales.x;
      for (const other of this.plots) {
        if (other !== plot && (other.scales.x.min !== min || other.scales.x.max !== max)) other.setScale("x", { min, max });
      }
    }

    zoom(factor, shift = 0) {
      const plot = this.plots[0];
      if (!plot || this.data.steps) return;
      const { min, max } = plot.scales.x, end = this.data.end;
      const mark = this.data.marks[this.chosen];
      const middle = factor < 1 && mark && mark.at > min && mark.at < max ? mark.at : (min + max) / 2;
      const width = Math.min(end, Math.max(60, (max - min) * factor));
      let from = middle - width / 2 + shift * width;
      from = Math.min(Math.max(0, from), end - width);
      plot.setScale("x", { min: from, max: from + width });
    }

    tool(name) {
      if (name === "in") this.zoom(0.5);
      else if (name === "out") this.zoom(2);
      else if (name === "all") this.plots[0].setScale("x", { min: 0, max: this.data.end });
      else if (name === "previous") this.next(-1);
      else if (name === "next") this.next(1);
      else if (name === "toggle" || (name === "close" && this.open)) this.toggle();
    }

    next(step) {
      if (!this.data.marks.length) return;
      const index = Math.min(Math.max(0, this.chosen + step), this.data.marks.length - 1);
      this.choose(index);
      const { min, max } = this.plots[0].scales.x, at = this.data.marks[index].at;
      if (at < min || at > max) this.zoom(1, (at - (min + max) / 2) / (max - min));
    }

    key(event) {
      const tool = { ArrowLeft: "previous", ArrowRight: "next", "+": "in", "=": "in", "-": "out", 0: "all", Home: "all", Enter: "toggle", Escape: "close" }[event.key];
      if (!tool) return;
      event.preventDefault();
      this.tool(tool);
    }
  }

  const figures = [...document.querySelectorAll("figure[data-of]")].map((element) => new Figure(element));
  const again = () => figures.forEach((figure) => figure.draw());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  addEventListener("beforeprint", () => figures.forEach((figure) => figure.plots.forEach((plot) => plot.setSize({ width: 680, height: 200 }))));
  addEventListener("afterprint", () => figures.forEach((figure) => figure.plots.forEach((plot) => plot.setSize({ width: figure.width(), height: 240 }))));
  window.hpasim = { figures };
})();
