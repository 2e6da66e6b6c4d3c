// Threshold and prevalence dials: what a decision does to 1,000 women, live.
touch.dials = (() => {
  "use strict";
  const { make, draw, sum, mean } = touch;
  const BINS = 10; // of equal mass, as in birads_lib/scores/calibration.py
  const THRESHOLDS = Array.from({ length: 99 }, (_, place) => (place + 1) / 100);
  const KINDS = { // of women, by what the decision does to them
    found: "needs it, acted on", missed: "needs it, not acted on",
    needless: "doesn't need it, acted on", spared: "doesn't need it, not acted on",
  };

  // Returns score and need of each image for the decision to act from a category on.
  function decided(rows, lowest) {
    return rows.map((row) => ({
      // Sums that reach a threshold on paper may miss it in their last bits.
      score: Math.round(sum(row.p.slice(lowest - 1)) * 1e12) / 1e12, positive: row.y >= lowest,
    }));
  }

  // Returns the shares of four kinds of images at a threshold; `prevalence` null: as in the data.
  function shares(images, threshold, prevalence) {
    const needing = images.filter((image) => image.positive);
    const others = images.filter((image) => !image.positive);
    const of = (group) => group.filter((image) => image.score >= threshold).length / group.length;
    const rate = prevalence ?? needing.length / images.length;
    return {
      found: rate * of(needing), missed: rate * (1 - of(needing)),
      needless: (1 - rate) * of(others), spared: (1 - rate) * (1 - of(others)),
    };
  }

  // Returns the net benefit of acting on the model, and of acting on all, in needed actions per
  // image (Vickers and Elkin 2006).
  function netBenefit(images, threshold, prevalence) {
    const { found, missed, needless, spared } = shares(images, threshold, prevalence);
    const odds = threshold / (1 - threshold);
    return {
      model: found - odds * needless, all: found + missed - odds * (needless + spared),
    };
  }

  // Returns a quantile of sorted values, between two of them as NumPy does it.
  function quantile(sorted, share) {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const [a, b] = [sorted[low], sorted[Math.min(low + 1, sorted.length - 1)]];
    const part = place - low;
    return part < 0.5 ? a + (b - a) * part : b - (b - a) * (1 - part);
  }

  // Returns predicted and observed frequency in bins of equal mass, {predicted, observed, images}.
  function reliability(images, prevalence) {
    const sorted = images.map((image) => image.score).sort((a, b) => a - b);
    const inner = Array.from({ length: BINS - 1 }, (_, k) => quantile(sorted, (k + 1) * 0.1));
    const edges = [...new Set(inner)];
    const needing = images.filter((image) => image.positive).length;
    const rate = prevalence ?? needing / images.length;
    const weight = (image) => (image.positive ? rate / needing : (1 - rate) / (images.length - needing));
    const bins = new Map();
    for (const image of images) {
      const place = edges.filter((edge) => edge <= image.score).length;
      bins.set(place, [...(bins.get(place) || []), image]);
    }
    return [...bins.entries()].sort(([a], [b]) => a - b).map(([, held]) => {
      const weights = held.map(weight);
      const weighted = (value) => sum(held.map((image, k) => weights[k] * value(image))) / sum(weights);
      return {
        predicted: weighted((image) => image.score),
        observed: weighted((image) => (image.positive ? 1 : 0)), images: held.length,
      };
    });
  }

  // Returns whole numbers in the proportions of the shares, which sum to `total`.
  function people(parts, total = 1000) {
    const exact = Object.entries(parts).map(([kind, share]) => [kind, share * total]);
    const counts = Object.fromEntries(exact.map(([kind, count]) => [kind, Math.floor(count)]));
    const missing = total - sum(Object.values(counts));
    const rest = ([, count]) => count - Math.floor(count);
    exact.sort((a, b) => rest(b) - rest(a)).slice(0, missing)
      .forEach(([kind]) => { counts[kind] += 1; });
    return counts;
  }

  // Draws 1,000 women, 40 a row: shape and colour say which kind each is of.
  function icons(counts) {
    const shapes = {
      found: "m3 0a3 3 0 1 0 .01 0z", missed: "m0 0l6 6m0-6l-6 6",
      needless: "m3 0l3 6h-6z", spared: "m2 3a1 1 0 1 0 2 0a1 1 0 1 0-2 0z",
    };
    let number = 0;
    const paths = Object.entries(shapes).map(([kind, shape]) => {
      const places = Array.from({ length: counts[kind] }, () => number++);
      const d = places.map((n) => `M${2 + 9 * (n % 40)} ${2 + 9 * Math.floor(n / 40)}${shape}`);
      return draw("path", { class: kind, d: d.join("") });
    });
    return draw("svg", { viewBox: "0 0 362 228", class: "touch-wide", "aria-hidden": "true" }, ...paths);
  }

  function legend(counts) {
    const shape = { found: "●", missed: "✕", needless: "▲", spared: "·" };
    return make("ul", { class: "touch-legend" }, ...Object.entries(KINDS).map(([kind, words]) =>
      make("li", {}, make("span", { class: kind, "aria-hidden": "true" }, shape[kind]),
        ` ${words}: ${counts[kind]}`)));
  }

  // Draws axes of 0 .. 1 along, `low` .. `high` up, and what `inside(x, y)` puts into them.
  function chart(title, [low, high], along, inside) {
    const x = (value) => 34 + 176 * value;
    const y = (value) => 170 - 140 * ((value - low) / (high - low));
    const ticks = [0, 0.5, 1].map((tick) =>
      draw("text", { x: x(tick), y: 184, class: "tick" }, String(tick)));
    const up = [low, 0, high].filter((tick, place, all) => all.indexOf(tick) === place).map((tick) =>
      draw("text", { x: 30, y: y(tick) + 3, class: "tick up" }, String(Number(tick.toFixed(2)))));
    return draw("svg", { viewBox: "0 0 220 202", "aria-hidden": "true" },
      draw("text", { x: 122, y: 16, class: "name" }, title),
      draw("path", { class: "axis", d: `M34 26V170H212M34 ${y(0)}H212` }), ...ticks, ...up,
      draw("text", { x: 122, y: 198, class: "tick" }, along), ...inside(x, y));
  }

  const line = (points) => `M${points.map(([a, b]) => `${a.toFixed(1)} ${b.toFixed(1)}`).join("L")}`;

  function curves(images, threshold, prevalence) {
    const values = THRESHOLDS.map((t) => netBenefit(images, t, prevalence));
    const high = Math.max(0.01, ...values.map((value) => value.model), values[0].all);
    const within = (value) => Math.max(value, -0.35 * high);
    return chart("Net benefit", [-0.35 * high, high], "Threshold", (x, y) => [
      ...["all", "model"].map((who) => draw("path", {
        class: `line ${who}`, d: line(THRESHOLDS.map((t, k) => [x(t), y(within(values[k][who]))])),
      })),
      draw("path", { class: "mark", d: `M${x(threshold)} 26V170` })]);
  }

  function diagram(images, prevalence) {
    const bins = reliability(images, prevalence);
    return chart("Reliability", [0, 1], "Predicted (up: observed)", (x, y) => [
      draw("path", { class: "line all", d: line([[x(0), y(0)], [x(1), y(1)]]) }),
      draw("path", {
        class: "line model", d: line(bins.map((bin) => [x(bin.predicted), y(bin.observed)])),
      }),
      ...bins.map((bin) => draw("circle", { class: "dot", cx: x(bin.predicted), cy: y(bin.observed), r: 3 }))]);
  }

  function build(box, rows) {
    const all = rows.map((row) => ({ y: Number(row.y_true), p: touch.numbers(row, "p") }));
    const decisions = [3, 4, 5].filter((lowest) =>
      all.some((row) => row.y >= lowest) && all.some((row) => row.y < lowest));
    let [lowest, threshold, prevalence] = [decisions.includes(4) ? 4 : decisions[0], 0.2, null];
    const { node, say } = touch.status();
    const shown = make("div");
    const natural = () => mean(decided(all, lowest).map((image) => (image.positive ? 1 : 0)));
    const rate = touch.slider("Women who need it, of 1,000", {
      min: 5, max: 600, step: 5, value: Math.round(1000 * natural()),
    }, (value) => { prevalence = value / 1000; show(); });

    function show() {
      const images = decided(all, lowest);
      const counts = people(shares(images, threshold, prevalence));
      const { model, all: ofAll } = netBenefit(images, threshold, prevalence);
      const best = model > Math.max(ofAll, 0) ? "the model" : ofAll > 0 ? "acting on all" : "acting on none";
      shown.replaceChildren(icons(counts), legend(counts),
        touch.table(["", "Acted on", "Not acted on"], [
          ["Needs it", String(counts.found), String(counts.missed)],
          ["Doesn't need it", String(counts.needless), String(counts.spared)]],
        "Confusion matrix of 1,000 women, one image each"),
        make("div", { class: "touch-panels wide" },
          curves(images, threshold, prevalence), diagram(images, prevalence)));
      say(`At ${Math.round(100 * threshold)} %: ${counts.found} found, ${counts.missed} missed, ` +
        `${counts.needless} needless actions. Net benefit: model ${model.toFixed(3)}, all ` +
        `${ofAll.toFixed(3)}, none 0. Best here: ${best}.`);
    }

    const asInData = touch.button("Prevalence as in the data", () => {
      prevalence = null;
      rate.set(Math.round(1000 * natural()));
      show();
    });
    box.append(
      make("div", { class: "touch-controls" },
        touch.choice("Act from", Object.fromEntries(decisions.map((k) => [k, `BI-RADS ${k}`])), lowest,
          (value) => { lowest = Number(value); if (prevalence === null) rate.set(Math.round(1000 * natural())); show(); }),
        touch.slider("Threshold probability", {
          min: 1, max: 99, step: 1, value: 100 * threshold, text: (value) => `${value} %`,
        }, (value) => { threshold = value / 100; show(); }).label,
        rate.label, make("div", { class: "touch-row" }, asInData)),
      node, shown);
    show();
  }

  touch.start("dials", "Threshold and prevalence dials", build);
  return { decided, shares, netBenefit, reliability, people };
})();
