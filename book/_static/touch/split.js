// Split simulator: deal images or patients, copy rare images before or after, and grade each test
// image as its nearest training image. Who was in the pool is told apart from who never was.
touch.split = (() => {
  "use strict";
  const { make, draw, mean, shuffled } = touch;
  const TEST = 0.25; // share of the pool that is tested
  const NEW = 1 / 3; // share of patients who never enter the pool
  const DEALS = 30;

  // Returns the images with copies of rare ones: each category reaches `share` of the commonest.
  function copied(images, share, lot) {
    const byGrade = new Map();
    for (const image of images) byGrade.set(image.grade, [...(byGrade.get(image.grade) || []), image]);
    const goal = Math.round(share * Math.max(...[...byGrade.values()].map((held) => held.length)));
    return [...byGrade.values()].flatMap((held) => {
      const missing = Math.max(0, goal - held.length);
      return [...held, ...Array.from({ length: missing }, () => held[Math.floor(lot() * held.length)])];
    });
  }

  // Returns train, test (of the pool) and fresh (of patients who are in neither).
  // order: "before" or "after" the split; unit: "patient" or "image"; share: see `copied`.
  function deal(images, { order, unit, share }, seed) {
    const lot = touch.random(seed);
    const patients = shuffled([...new Set(images.map((image) => image.patient))], lot);
    const away = new Set(patients.slice(0, Math.round(NEW * patients.length)));
    const fresh = images.filter((image) => away.has(image.patient));
    let pool = images.filter((image) => !away.has(image.patient));
    if (order === "before") pool = copied(pool, share, lot);
    let tested;
    if (unit === "patient") {
      const known = shuffled([...new Set(pool.map((image) => image.patient))], lot);
      const held = new Set(known.slice(0, Math.round(TEST * known.length)));
      tested = pool.map((image) => held.has(image.patient));
    } else {
      const places = shuffled(pool.map((_, place) => place), lot);
      const held = new Set(places.slice(0, Math.round(TEST * pool.length)));
      tested = pool.map((_, place) => held.has(place));
    }
    let train = pool.filter((_, place) => !tested[place]);
    if (order === "after") train = copied(train, share, lot);
    return { train, test: pool.filter((_, place) => tested[place]), fresh };
  }

  // Returns the training image that is nearest to an image; the first, where several are.
  function nearest(image, train) {
    let [best, least] = [null, Infinity];
    for (const other of train) {
      const far = (image.x - other.x) ** 2 + (image.y - other.y) ** 2;
      if (far < least) [best, least] = [other, far];
    }
    return best;
  }

  // Returns the mean over categories of the share that is graded rightly (balanced accuracy).
  function score(images, train) {
    const right = new Map();
    for (const image of images) {
      const is = nearest(image, train).grade === image.grade ? 1 : 0;
      right.set(image.grade, [...(right.get(image.grade) || []), is]);
    }
    return mean([...right.values()].map(mean));
  }

  // Returns the scores of one deal.
  function play(images, rules, seed) {
    const { train, test, fresh } = deal(images, rules, seed);
    const known = new Set(train);
    return {
      test: score(test, train), fresh: score(fresh, train),
      again: test.filter((image) => known.has(image)).length / test.length,
    };
  }

  // Draws all images of the first deal: training ones as dots, test ones as rings.
  function scatter(images, { train, test }) {
    const [xs, ys] = ["x", "y"].map((name) => images.map((image) => image[name]));
    const place = (value, all, size) =>
      (8 + (size - 16) * ((value - Math.min(...all)) / (Math.max(...all) - Math.min(...all)))).toFixed(1);
    const at = (image) => ({ cx: place(image.x, xs, 300), cy: place(image.y, ys, 190) });
    return draw("svg", { viewBox: "0 0 300 190", class: "touch-wide", "aria-hidden": "true" },
      ...[...new Set(train)].map((image) => draw("circle", { class: `grade-${image.grade}`, r: 2.5, ...at(image) })),
      ...[...new Set(test)].map((image) => draw("circle", { class: "ring", r: 4.5, ...at(image) })));
  }

  // Draws the scores of all deals, test part above, new patients below.
  function strip(scores, chance) {
    const x = (value) => 84 + 200 * value;
    const row = (name, values, y) => [
      draw("text", { x: 80, y: y + 4, class: "up" }, name),
      ...values.map((value) => draw("circle", { class: "lot", cx: x(value).toFixed(1), cy: y, r: 3 })),
      draw("path", { class: "mark", d: `M${x(mean(values))} ${y - 12}v24` })];
    return draw("svg", { viewBox: "0 0 300 110", class: "touch-wide", "aria-hidden": "true" },
      draw("path", { class: "line all", d: `M${x(chance)} 8V84` }),
      ...row("Test part", scores.map((each) => each.test), 26),
      ...row("New patients", scores.map((each) => each.fresh), 62),
      draw("path", { class: "axis", d: "M84 84H284" }),
      ...[0, 0.5, 1].map((tick) => draw("text", { x: x(tick), y: 98 }, String(tick))));
  }

  function build(box, rows) {
    const images = rows.map((row) => ({
      patient: row.patient, grade: Number(row.grade), x: Number(row.x), y: Number(row.y),
    }));
    const rules = { order: "after", unit: "patient", share: 1 };
    const chance = 1 / new Set(images.map((image) => image.grade)).size;
    let seed = 1;
    const shown = make("div");
    const { node, say } = touch.status();

    function show() {
      const seeds = Array.from({ length: DEALS }, (_, k) => seed * DEALS + k);
      const scores = seeds.map((each) => play(images, rules, each));
      const [test, fresh] = ["test", "fresh"].map((part) => mean(scores.map((each) => each[part])));
      shown.replaceChildren(
        scatter(images, deal(images, rules, seeds[0])),
        make("p", {}, "The first deal: dots are in training, rings are tested, new patients are left out. " +
          `Below, the scores of all ${DEALS} deals with their mean; guessing is the dashed line.`),
        strip(scores, chance));
      say(`Mean of ${DEALS} deals: test part ${test.toFixed(2)}, new patients ${fresh.toFixed(2)}, ` +
        `guessing ${chance.toFixed(2)}. ${Math.round(100 * mean(scores.map((each) => each.again)))} % ` +
        "of the test images are in training, too.");
    }

    const set = (name, change = (value) => value) => (value) => { rules[name] = change(value); show(); };
    box.append(
      make("div", { class: "touch-controls" },
        touch.choice("Copy rare images", { after: "after the split, in training only", before: "before the split" },
          rules.order, set("order")),
        touch.choice("Deal out", { patient: "whole patients", image: "each image by itself" }, rules.unit, set("unit")),
        touch.slider("Copies: rare categories reach", {
          min: 0, max: 100, step: 10, value: 100, text: (value) => `${value} % of the commonest`,
        }, set("share", (value) => value / 100)).label,
        make("div", { class: "touch-row" }, touch.button("Deal anew", () => { seed += 1; show(); }))),
      node, shown);
    show();
  }

  touch.start("split", "Split simulator", build);
  return { copied, deal, score, play };
})();
