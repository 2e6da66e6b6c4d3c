// Image lab: what resolution, CLAHE and size leave of one calcification in a synthetic mammogram.
touch.lab = (() => {
  "use strict";
  const { make, mean } = touch;
  const BRIGHTNESS = 90; // grey levels that a calcification adds where it covers a pixel
  const FINE = 8; // places on a pixel's side at which its cover is counted
  const LENS = 1 / 8; // of the side: what the magnifier shows

  // Returns the image with a round calcification, centre and diameter in its pixels.
  function withCalcification(image, x, y, diameter) {
    const grey = Uint8ClampedArray.from(image.grey);
    const radius = diameter / 2;
    const reach = Math.ceil(radius) + 1;
    for (let row = Math.floor(y) - reach; row <= y + reach; row += 1) {
      for (let column = Math.floor(x) - reach; column <= x + reach; column += 1) {
        const inside = row >= 0 && column >= 0 && row < image.height && column < image.width;
        if (inside) grey[row * image.width + column] += BRIGHTNESS * cover(column, row, x, y, radius);
      }
    }
    return { ...image, grey };
  }

  // Returns the share of a pixel that a disc covers.
  function cover(column, row, x, y, radius) {
    let covered = 0;
    for (let k = 0; k < FINE ** 2; k += 1) {
      const [dx, dy] = [column + (k % FINE + 0.5) / FINE - x, row + (Math.floor(k / FINE) + 0.5) / FINE - y];
      if (dx ** 2 + dy ** 2 <= radius ** 2) covered += 1;
    }
    return covered / FINE ** 2;
  }

  // Returns by how many grey levels a calcification stands out at most, and how much the tissue
  // around it varies (standard deviation in a square of a quarter of the side).
  function contrast(marked, plain, x, y) {
    const rise = Math.max(...marked.grey.map((level, k) => Math.max(level - plain.grey[k], 0)));
    const half = plain.width / 8;
    const [column, row] = [x * plain.width, y * plain.height];
    const around = [...plain.grey].filter((_, k) =>
      Math.abs((k % plain.width) + 0.5 - column) <= half &&
      Math.abs(Math.floor(k / plain.width) + 0.5 - row) <= half);
    const middle = mean(around);
    return { rise, spread: Math.sqrt(mean(around.map((level) => (level - middle) ** 2))) };
  }

  function build(box, rows) {
    const row = rows[0];
    const [x, y] = [Number(row.x), Number(row.y)]; // of the calcification, 0 .. 1
    const state = { diameter: 6, times: 1, clahe: "on", clip: 2, tiles: 8, lens: [x, y] };
    const picture = make("canvas", {
      class: "touch-picture", tabindex: "0", role: "application",
      "aria-label": "A synthetic mammogram; arrow keys move the magnifier, with Shift further",
    });
    const magnified = make("canvas", { class: "touch-picture lens", role: "img", "aria-label": "What the magnifier shows" });
    const { node, say, hear } = touch.status();
    let original;
    let seen;

    function magnify() {
      if (!seen) return;
      const side = Math.max(4, Math.round(LENS * seen.width));
      const [left, top] = state.lens.map((place) =>
        Math.min(Math.max(Math.round(place * seen.width - side / 2), 0), seen.width - side));
      const grey = Uint8ClampedArray.from({ length: side ** 2 }, (_, k) =>
        seen.grey[(top + Math.floor(k / side)) * seen.width + left + (k % side)]);
      touch.pixels.show(magnified, { width: side, height: side, grey });
    }

    function prepared(image) {
      const small = touch.pixels.smaller(image, state.times);
      return state.clahe === "on" ? touch.clahe.apply(small, state.clip, state.tiles) : small;
    }

    function show() {
      const marked = withCalcification(original, x * original.width, y * original.height, state.diameter);
      seen = prepared(marked);
      touch.pixels.show(picture, seen);
      magnify();
      const { rise, spread } = contrast(seen, prepared(original), x, y);
      const verdict = rise === 0 ? "gone" : rise < spread ? "less than the tissue around it varies" :
        "more than the tissue around it varies";
      say(`${seen.width} × ${seen.height} pixels; the calcification is ` +
        `${(state.diameter / state.times).toFixed(1)} pixels wide and stands out by ` +
        `${rise} grey levels, tissue varies by ${spread.toFixed(1)}: ${verdict}.`);
    }

    const set = (name) => (value) => { state[name] = value; if (original) show(); };
    const sizes = [1, 2, 4, 8].map((times) => [times, `${row.size / times}`]);
    box.append(
      make("div", { class: "touch-controls" },
        touch.slider("Calcification, pixels of the original", {
          min: 0.5, max: 12, step: 0.5, value: state.diameter,
        }, set("diameter")).label,
        touch.choice("Pixels a side", Object.fromEntries(sizes), 1, (value) => set("times")(Number(value))),
        touch.choice("CLAHE", { on: "on", off: "off" }, "on", set("clahe")),
        touch.slider("Clip limit", { min: 0.5, max: 20, step: 0.5, value: state.clip }, set("clip")).label,
        touch.slider("Tiles a side", { min: 1, max: 16, step: 1, value: state.tiles }, set("tiles")).label),
      make("div", { class: "touch-panels wide" }, picture, magnified), node);
    touch.pixels.pointing(picture, [x, y], (left, top) => {
      state.lens = [left, top];
      magnify();
      hear(touch.pixels.inWords(left, top));
    });
    touch.pixels.read("png", row.image).then((image) => { original = image; show(); });
  }

  touch.start("lab", "Image lab", build);
  return { withCalcification, contrast };
})();
