// Contrast-limited adaptive histogram equalisation of grey images, as OpenCV computes it: after
// Zuiderveld 1994, with OpenCV's padding, clipping and rounding. Images are {width, height, grey}.
touch.clahe = (() => {
  "use strict";
  const LEVELS = 256;

  // Rounds halves to the even number, as OpenCV does.
  function rounded(value) {
    const low = Math.floor(value);
    const rest = value - low;
    return rest < 0.5 || (rest === 0.5 && low % 2 === 0) ? low : low + 1;
  }

  // Returns a pixel; beyond the right and lower edge the image is mirrored without its edge.
  function mirrored({ width, height, grey }, x, y) {
    const inside = (place, size) => (place < size ? place : 2 * size - 2 - place);
    return grey[inside(y, height) * width + inside(x, width)];
  }

  // Cuts a histogram at a limit, and shares what is cut off among all levels.
  function clipped(histogram, limit) {
    let excess = 0;
    for (let level = 0; level < LEVELS; level += 1) {
      if (histogram[level] <= limit) continue;
      excess += histogram[level] - limit;
      histogram[level] = limit;
    }
    const each = Math.floor(excess / LEVELS);
    let left = excess - each * LEVELS;
    for (let level = 0; level < LEVELS; level += 1) histogram[level] += each;
    const step = Math.max(Math.floor(LEVELS / Math.max(left, 1)), 1);
    for (let level = 0; level < LEVELS && left > 0; level += step, left -= 1) histogram[level] += 1;
  }

  // Returns the new grey level of each old one in a tile whose corner is (left, top).
  function levels(image, left, top, width, height, limit) {
    const histogram = new Int32Array(LEVELS);
    for (let y = top; y < top + height; y += 1) {
      for (let x = left; x < left + width; x += 1) histogram[mirrored(image, x, y)] += 1;
    }
    clipped(histogram, limit);
    const scale = Math.fround((LEVELS - 1) / (width * height));
    let total = 0;
    return Uint8Array.from(histogram, (count) => {
      total += count;
      return Math.min(rounded(Math.fround(total * scale)), LEVELS - 1);
    });
  }

  // Returns, for each pixel along one side, the two tiles it lies between and how near the second.
  function between(size, tileSize, tiles) {
    return Array.from({ length: size }, (_, place) => {
      const at = place / tileSize - 0.5;
      const first = Math.floor(at);
      return [Math.max(first, 0), Math.min(first + 1, tiles - 1), at - first];
    });
  }

  // Returns the image after CLAHE: `clip` in multiples of a flat histogram's bin, tiles x tiles.
  function apply(image, clip, tiles) {
    const { width, height, grey } = image;
    const fits = width % tiles === 0 && height % tiles === 0;
    const [across, down] = [width, height].map((size) =>
      (fits ? size : size + tiles - (size % tiles)) / tiles);
    const limit = Math.max(Math.trunc((clip * across * down) / LEVELS), 1);
    const maps = Array.from({ length: tiles * tiles }, (_, tile) => levels(
      image, (tile % tiles) * across, Math.floor(tile / tiles) * down, across, down, limit));
    const [columns, rows] = [between(width, across, tiles), between(height, down, tiles)];
    const result = new Uint8ClampedArray(grey.length);
    for (let y = 0; y < height; y += 1) {
      const [above, below, lower] = rows[y];
      for (let x = 0; x < width; x += 1) {
        const [left, right, further] = columns[x];
        const level = grey[y * width + x];
        const of = (row, column) => maps[row * tiles + column][level];
        const upper = of(above, left) * (1 - further) + of(above, right) * further;
        const under = of(below, left) * (1 - further) + of(below, right) * further;
        result[y * width + x] = rounded(upper * (1 - lower) + under * lower);
      }
    }
    return { width, height, grey: result };
  }

  return { apply };
})();
