// The loss playground: five probabilities by hand, four losses, and where each of them pushes.
touch.loss = (() => {
  "use strict";
  const { make, draw, sum } = touch;
  const EPSILON = 1e-7; // of Keras: no logarithm is taken of less
  const NAMES = { cross_entropy: "Cross-entropy", dal: "DAL", emd: "EMD", sord: "SORD" };

  // Returns each loss and its gradient by the probabilities, {name: {value, gradient}}.
  // `truth` is 0 .. K - 1. The formulas are those of birads_lib/losses/ordinal.py.
  function losses(p, truth, lambda) {
    const far = p.map((_, k) => Math.abs(truth - k)); // the distance from the true category
    const inside = p.map((value) => Math.min(Math.max(value, EPSILON), 1 - EPSILON));
    const crossEntropy = Math.log(sum(inside)) - Math.log(inside[truth]);
    const ofCrossEntropy = p.map((_, k) => (k === truth ? -1 / inside[k] : 0));
    const expected = sum(p.map((value, k) => value * far[k])); // E, the expected deviation
    const factor = 1 + lambda * expected;
    const above = []; // P_k - Q_k, of the cumulative distributions
    p.forEach((value, k) => above.push((above[k - 1] || 0) + value - (k === truth ? 1 : 0)));
    const weights = far.map((distance) => Math.exp(-(distance ** 2)));
    const soft = weights.map((weight) => weight / sum(weights)); // SORD's soft labels
    return {
      cross_entropy: { value: crossEntropy, gradient: ofCrossEntropy },
      dal: {
        value: crossEntropy * factor,
        gradient: ofCrossEntropy.map((slope, k) => slope * factor + crossEntropy * lambda * far[k]),
      },
      emd: {
        value: sum(above.map((gap) => gap ** 2)),
        gradient: p.map((_, k) => 2 * sum(above.slice(k))),
      },
      sord: {
        value: -sum(soft.map((share, k) => share * Math.log(Math.max(p[k], EPSILON)))),
        gradient: soft.map((share, k) => -share / Math.max(p[k], EPSILON)),
      },
    };
  }

  // Returns how a step of training moves each score before softmax: minus the gradient by it.
  function push(p, gradient) {
    const level = sum(p.map((value, k) => value * gradient[k]));
    return p.map((value, k) => value * (level - gradient[k]));
  }

  // Returns the probabilities after one is set by hand: the others keep their proportions.
  function moved(p, place, value) {
    const others = sum(p) - p[place];
    const share = (k) => (others > 1e-9 ? p[k] / others : 1 / (p.length - 1));
    return p.map((_, k) => (k === place ? value : (1 - value) * share(k)));
  }

  // Draws the probabilities as bars, and arrows for where a loss pushes them.
  function panel(name, p, truth, value, pushes, largest) {
    const bars = p.flatMap((share, k) => {
      const [x, top] = [16 + 38 * k, 150 - 86 * share];
      const length = 36 * (Math.abs(pushes[k]) / largest);
      const [near, far] = [top - 4, top - 4 - length]; // the arrow stands on its bar
      const [tip, side] = pushes[k] > 0 ? [far, 5] : [near, -5];
      const arrow = length < 1 ? [] : [
        draw("path", {
          class: "arrow",
          d: `M${x + 14} ${near}V${far}M${x + 9} ${tip + side}L${x + 14} ${tip}L${x + 19} ${tip + side}`,
        })];
      return [
        draw("rect", { class: `grade-${k + 1}`, x, y: top, width: 28, height: 150 - top }),
        draw("text", { x: x + 14, y: 166, class: k === truth ? "true" : "" }, String(k + 1)), ...arrow,
      ];
    });
    const title = draw("text", { x: 100, y: 16, class: "name" }, `${NAMES[name]} ${value.toFixed(3)}`);
    return draw("svg", { viewBox: "0 0 200 190", "aria-hidden": "true" }, title,
      draw("path", { class: "axis", d: "M8 150H198" }), ...bars,
      draw("text", { x: 16 + 38 * truth + 14, y: 182, class: "true" }, "true"));
  }

  function build(box, rows) {
    const examples = rows.map((row) => ({
      name: row.example, p: touch.numbers(row, "p"), truth: Number(row.truth) - 1,
    }));
    let { p, truth } = examples[0];
    let lambda = Number(rows[0].lambda);
    const panels = make("div", { class: "touch-panels" });
    const numbers = make("div");
    const { node, say } = touch.status();
    const percent = (value) => `${Math.round(value)} %`;
    const sliders = p.map((share, k) => touch.slider(`BI-RADS ${k + 1}`,
      { min: 0, max: 100, step: 1, value: 100 * share, text: percent },
      (value) => { p = moved(p, k, value / 100); show(k); }));
    const truths = make("div");
    const chooseTruth = () => truths.replaceChildren(touch.choice("True category",
      Object.fromEntries(p.map((_, k) => [k, String(k + 1)])), truth,
      (value) => { truth = Number(value); show(); }));

    function show(moving) {
      sliders.forEach((each, k) => { if (k !== moving) each.set(100 * p[k]); });
      const now = losses(p, truth, lambda);
      const pushes = Object.fromEntries(
        Object.entries(now).map(([name, { gradient }]) => [name, push(p, gradient)]));
      const largest = Math.max(1, ...Object.values(pushes).flat().map(Math.abs));
      panels.replaceChildren(...Object.entries(now).map(([name, { value }]) =>
        panel(name, p, truth, value, pushes[name], largest)));
      numbers.replaceChildren(touch.table(
        ["Loss", "Value", ...p.map((_, k) => `Push on ${k + 1}`)],
        Object.entries(now).map(([name, { value }]) =>
          [NAMES[name], value.toFixed(4), ...pushes[name].map((each) => each.toFixed(3))]),
        "The losses, and how a step of training moves the score of each category"));
      const expected = sum(p.map((share, k) => share * Math.abs(truth - k)));
      say(`The answer lies ${expected.toFixed(2)} categories from the truth on average, so DAL is ` +
        `1 + ${lambda.toFixed(1)} × ${expected.toFixed(2)} = ${(1 + lambda * expected).toFixed(2)} ` +
        "times the cross-entropy.");
    }

    box.append(
      make("div", { class: "touch-row" }, ...examples.map((example) => touch.button(example.name, () => {
        ({ p, truth } = example);
        chooseTruth();
        show();
      }))),
      make("div", { class: "touch-controls" }, ...sliders.map((each) => each.label),
        touch.slider("DAL's lambda", {
          min: 0, max: 4, step: 0.1, value: lambda, text: (value) => value.toFixed(1),
        }, (value) => { lambda = value; show(); }).label, truths),
      panels, node, numbers);
    chooseTruth();
    show();
  }

  touch.start("loss", "Loss playground", build);
  return { losses, push, moved };
})();
