// Predict, then reveal: point at the finding before the map does, and tell the trained model's map
// from those of random weights. You, the model and the brightest place are scored alike.
touch.reveal = (() => {
  "use strict";
  const { make, draw } = touch;
  const MAPS = 4; // one of the trained model, three of random weights

  // Returns whether a place (0 .. 1, 0 .. 1) lies in a mask: {width, height, grey}, 255 inside.
  function hits(x, y, { width, height, grey }) {
    return grey[Math.floor(y * height) * width + Math.floor(x * width)] > 127;
  }

  // Draws a map of n x n cells: white is high.
  function map(cells) {
    const side = Math.sqrt(cells.length);
    return draw("svg", { viewBox: `0 0 ${side} ${side}`, class: "map", "aria-hidden": "true" },
      ...cells.map((value, k) => draw("rect", {
        x: k % side, y: Math.floor(k / side), width: 1.02, height: 1.02,
        fill: `rgb(${[20 + 235 * value, 20 + 225 * value ** 2, 60 + 150 * value ** 3].map(Math.round)})`,
      })));
  }

  // Draws a mark at a place of the picture; a constant map has none.
  function mark(who, [x, y]) {
    if (Number.isNaN(x)) return "";
    const shape = {
      you: "m-4 0h8m-4-4v8", model: "m-3-3l6 6m0-6l-6 6", brightest: "m-3.5 0a3.5 3.5 0 1 0 0-.01z",
    };
    return draw("path", { class: `cross ${who}`, d: `M${100 * x} ${100 * y}${shape[who]}` });
  }

  // Draws the edge of a mask.
  function edge({ width, height, grey }) {
    const of = (x, y) => x >= 0 && x < width && grey[y * width + x] > 127;
    const runs = [];
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x <= width; x += 1) {
        if (of(x, y) !== of(x - 1, y)) runs.push(`M${(100 * x) / width} ${(100 * y) / height}v${100 / height}`);
        if (x < width && y + 1 < height && of(x, y) !== of(x, y + 1)) {
          runs.push(`M${(100 * x) / width} ${(100 * (y + 1)) / height}h${100 / width}`);
        }
      }
    }
    return draw("path", { class: "finding", d: runs.join("") });
  }

  function build(box, rows) {
    const scores = { you: 0, model: 0, brightest: 0, maps: 0 };
    const lot = touch.random(rows.length);
    const picture = make("canvas", { class: "touch-picture" });
    const over = draw("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
    const frame = make("div", {
      class: "touch-frame", tabindex: "0", role: "application",
      "aria-label": "A synthetic mammogram: arrow keys move your cross, Enter answers",
    }, picture, over);
    const choices = make("div", { class: "touch-maps" });
    const legend = make("p");
    const next = make("div", { class: "touch-row" });
    const board = make("div");
    const { node, say, hear } = touch.status();
    let number = -1;
    let mask;
    let answered = true;

    const place = (row, who) => [Number(row[`${who}_x`]), Number(row[`${who}_y`])];

    function tally(played) {
      board.replaceChildren(touch.table(["", "Hits"], [
        ["You", `${scores.you} of ${played}`], ["The model's map", `${scores.model} of ${played}`],
        ["The brightest place", `${scores.brightest} of ${played}`],
        ["Trained maps that you picked", `${scores.maps} of ${played}`],
      ], "Who pointed into a finding"));
    }

    // First the reader points; then the map, the brightest place and the finding appear.
    function point(x, y) {
      if (answered) return;
      answered = true;
      const row = rows[number];
      const places = { you: [x, y], model: place(row, "model"), brightest: place(row, "brightest") };
      const hit = Object.entries(places).filter(([, at]) => hits(...at, mask)).map(([who]) => who);
      hit.forEach((who) => { scores[who] += 1; });
      over.replaceChildren(edge(mask), ...Object.entries(places).map(([who, at]) => mark(who, at)));
      const names = { you: "you", model: "the model", brightest: "the brightest place" };
      const who = hit.map((each) => names[each]).join(", ") || "nobody";
      say(`In the finding (green): ${who}. Now pick the map of the trained model: the others are of ` +
        "random weights.");
      legend.replaceChildren("+ you, × the model, ○ the brightest place");
      offer(row);
    }

    // Then the trained model's map is to be told from those of random weights.
    function offer(row) {
      const order = touch.shuffled(Array.from({ length: MAPS }, (_, k) => k), lot);
      const buttons = order.map((which, k) => make("button", {
        type: "button", "aria-label": `Map ${k + 1}, largest ${where(touch.numbers(row, `map${which}_`))}`,
        click: () => {
          const right = which === 0;
          if (right) scores.maps += 1;
          buttons.forEach((each, other) => {
            each.disabled = true;
            if (order[other] === 0) each.classList.add("trained");
          });
          say(`${right ? "Yes" : "No"}: map ${order.indexOf(0) + 1} is the trained model's.`);
          tally(number + 1);
          const last = number + 1 === rows.length;
          next.replaceChildren(touch.button(last ? "Play again" : "Next image", () => turn(last)));
        },
      }, map(touch.numbers(row, `map${which}_`))));
      choices.replaceChildren(...buttons);
    }

    // Returns in words where a map is largest.
    function where(cells) {
      const side = Math.sqrt(cells.length);
      const most = cells.indexOf(Math.max(...cells));
      const third = (value, names) => names[Math.min(Math.floor((3 * (value + 0.5)) / side), 2)];
      return `${third(Math.floor(most / side), ["at the top", "in the middle", "at the bottom"])}, ` +
        third(most % side, ["left", "centre", "right"]);
    }

    async function turn(anew) {
      if (anew) {
        number = -1;
        Object.keys(scores).forEach((who) => { scores[who] = 0; });
      }
      number += 1;
      choices.replaceChildren();
      legend.replaceChildren();
      next.replaceChildren();
      over.replaceChildren();
      tally(number);
      const image = await touch.pixels.read("jpeg", rows[number].image);
      const finding = await touch.pixels.read("png", rows[number].mask);
      touch.pixels.show(picture, image);
      mask = finding;
      answered = false;
      say(`Image ${number + 1} of ${rows.length}, BI-RADS ${rows[number].grade}: ` +
        "point at the place that looks suspicious to you.");
    }

    touch.pixels.pointing(frame, [0.5, 0.5], (x, y) => {
      if (answered) return;
      over.replaceChildren(mark("you", [x, y]));
      hear(touch.pixels.inWords(x, y));
    }, point);
    box.append(make("div", { class: "touch-panels wide" }, frame, choices), legend, node, next, board);
    turn(true);
  }

  touch.start("reveal", "Predict, then reveal", build);
  return { hits };
})();
