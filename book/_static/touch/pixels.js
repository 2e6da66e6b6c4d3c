// Grey images in the browser: read, scaled down, shown. Images are {width, height, grey}.
touch.pixels = (() => {
  "use strict";

  // Returns a promise of an image whose file, "png" or "jpeg", is given as base64.
  async function read(kind, text) {
    const picture = new Image();
    picture.src = `data:image/${kind};base64,${text}`;
    await picture.decode();
    const [width, height] = [picture.naturalWidth, picture.naturalHeight];
    const canvas = touch.make("canvas", { width, height });
    const context = canvas.getContext("2d");
    context.drawImage(picture, 0, 0);
    const rgba = context.getImageData(0, 0, width, height).data;
    return { width, height, grey: Uint8ClampedArray.from({ length: width * height }, (_, k) => rgba[4 * k]) };
  }

  // Returns the image scaled down by a whole number: means of squares of pixels.
  function smaller({ width, height, grey }, times) {
    const [w, h] = [width / times, height / times];
    const result = new Uint8ClampedArray(w * h);
    for (let y = 0; y < h; y += 1) {
      for (let x = 0; x < w; x += 1) {
        let total = 0;
        for (let row = 0; row < times; row += 1) {
          for (let column = 0; column < times; column += 1) {
            total += grey[(y * times + row) * width + x * times + column];
          }
        }
        result[y * w + x] = Math.round(total / times ** 2);
      }
    }
    return { width: w, height: h, grey: result };
  }

  // Shows an image on a canvas, each pixel as a square.
  function show(canvas, { width, height, grey }) {
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const shown = context.createImageData(width, height);
    grey.forEach((level, k) => shown.data.set([level, level, level, 255], 4 * k));
    context.putImageData(shown, 0, 0);
  }

  // Lets a place on an element (0 .. 1, 0 .. 1) be chosen by pointer or arrow keys.
  // `moved(x, y)` is told of each; `chosen(x, y)`, if given, of clicks and the Enter key.
  function pointing(element, start, moved, chosen = () => {}) {
    let [x, y] = start;
    const put = (left, top) => {
      [x, y] = [left, top].map((place) => Math.min(Math.max(place, 0), 0.999));
      moved(x, y);
    };
    const at = (event) => {
      const frame = element.getBoundingClientRect();
      put((event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
    };
    element.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") at(event); });
    element.addEventListener("click", (event) => { at(event); chosen(x, y); });
    element.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
      const far = event.shiftKey ? 0.1 : 0.02;
      if (event.key in steps) put(x + far * steps[event.key][0], y + far * steps[event.key][1]);
      else if (event.key === "Enter" || event.key === " ") chosen(x, y);
      else return;
      event.preventDefault();
    });
  }

  // Returns a place (0 .. 1, 0 .. 1) in words.
  function inWords(x, y) {
    return `${Math.round(100 * x)} % from the left, ${Math.round(100 * y)} % from the top`;
  }

  return { read, smaller, show, pointing, inWords };
})();
