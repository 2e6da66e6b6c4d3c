// What the things to touch share: their data, controls and drawings.
//
// Each stands in place of the picture of its figure; its data, those of the file that the figure
// offers for download, stand in the page. Where no script runs, or one fails, the picture stays.
// All scripts are classic ones, as a browser loads no modules from a folder.
window.touch = (() => {
  "use strict";

  // Returns a new element; attributes that are functions listen, children may be texts.
  function make(tag, attributes = {}, ...children) {
    return filled(document.createElement(tag), attributes, children);
  }

  // The same for a part of a drawing (SVG).
  function draw(tag, attributes = {}, ...children) {
    return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
  }

  function filled(element, attributes, children) {
    for (const [name, value] of Object.entries(attributes)) {
      if (typeof value === "function") element.addEventListener(name, value);
      else if (value !== false) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  // Returns the rows of a figure's data, {column: text} each. No value holds a comma.
  function rowsOf(figure) {
    const data = document.querySelector(`script[data-figure="${figure.id}"]`);
    const [names, ...lines] = data.textContent.trim().split("\n");
    return lines.map((line) => {
      const values = line.split(",");
      return Object.fromEntries(names.split(",").map((name, place) => [name, values[place]]));
    });
  }

  // Returns the numbers of the columns whose names start with a word, such as p1 .. p5.
  function numbers(row, word) {
    const names = Object.keys(row).filter((name) => new RegExp(`^${word}\\d+$`).test(name));
    return names.map((name) => Number(row[name]));
  }

  // Puts what `build(box, rows)` makes in place of the picture of the figure `id`, if there is one.
  function start(id, title, build) {
    document.addEventListener("DOMContentLoaded", () => {
      const figure = document.getElementById(id);
      if (!figure) return;
      const box = make("div", { class: "touch", role: "group", "aria-label": title });
      build(box, rowsOf(figure));
      const picture = figure.querySelector("img");
      picture.loading = "eager"; // paper shows it
      (picture.closest("a") ?? picture).classList.add("touch-fallback");
      figure.prepend(box);
    });
  }

  // Returns a slider with its name and value; `text` says a value in words.
  function slider(name, { min, max, step, value, text = String }, changed) {
    const shown = make("output", {}, text(value));
    const input = make("input", { type: "range", min, max, step, value, "aria-valuetext": text(value) });
    const show = () => {
      shown.textContent = text(Number(input.value));
      input.setAttribute("aria-valuetext", shown.textContent);
    };
    input.addEventListener("input", () => { show(); changed(Number(input.value)); });
    const label = make("label", { class: "touch-slider" }, make("span", {}, name), input, shown);
    return { label, input, set: (now) => { input.value = now; show(); } };
  }

  // Returns buttons of which one is chosen; `options` is {value: name}.
  function choice(name, options, chosen, changed) {
    const group = `touch-${name.replace(/\W+/g, "-")}-${Math.random().toString(36).slice(2, 8)}`;
    const buttons = Object.entries(options).map(([value, text]) => make("label", {},
      make("input", {
        type: "radio", name: group, value, checked: value === String(chosen),
        change: () => changed(value),
      }), text));
    return make("fieldset", {}, make("legend", {}, name), ...buttons);
  }

  function button(name, pressed) {
    return make("button", { type: "button", click: pressed }, name);
  }

  // Returns a line of text that screen readers read when it has stood for a moment: `say` shows
  // and reads, `hear` only reads.
  function status() {
    const seen = make("p", { class: "touch-says", "aria-hidden": "true" });
    const heard = make("p", { class: "touch-heard", role: "status" });
    let waiting;
    const hear = (text) => {
      clearTimeout(waiting);
      waiting = setTimeout(() => { heard.textContent = text; }, 600);
    };
    const say = (text) => { seen.textContent = text; hear(text); };
    return { node: make("div", {}, seen, heard), say, hear };
  }

  // Returns a table of texts, its first column and first row being headings.
  function table(names, rows, caption) {
    const cells = ([first, ...others]) => [
      make("th", { scope: "row" }, first), ...others.map((text) => make("td", {}, text))];
    return make("div", { class: "table-scroll", tabindex: "0", role: "region", "aria-label": caption },
      make("table", {}, make("caption", {}, caption),
        make("thead", {}, make("tr", {}, ...names.map((name) => make("th", { scope: "col" }, name)))),
        make("tbody", {}, ...rows.map((row) => make("tr", {}, ...cells(row))))));
  }

  // Returns a function that gives random numbers in 0..1, the same for the same seed (mulberry32).
  function random(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
    };
  }

  // Returns the items in a random order (Fisher and Yates).
  function shuffled(items, lot) {
    const mixed = [...items];
    for (let last = mixed.length - 1; last > 0; last -= 1) {
      const other = Math.floor(lot() * (last + 1));
      [mixed[last], mixed[other]] = [mixed[other], mixed[last]];
    }
    return mixed;
  }

  const sum = (values) => values.reduce((total, value) => total + value, 0);
  const mean = (values) => sum(values) / values.length;

  return {
    make, draw, numbers, start, slider, choice, button, status, table, random, shuffled, sum, mean,
  };
})();
