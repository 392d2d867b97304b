"use strict";
// The report works without this file but for what it does here: sort and filter tables, show intervals, look at
// pictures, copy commands, choose the theme. It keeps nothing and asks no one.
(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const flat = (text) => text.replace(/\s+/g, " ").trim();

  // ---- Tables: sort ----
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const reported = new WeakMap(); // body of a table -> its rows in the order of the report

  function rowsOf(table) {
    const body = table.tBodies[0];
    if (!reported.has(body)) reported.set(body, [...body.rows]);
    return reported.get(body);
  }

  // A number, a text, or null for what has no place in an order: undefined numbers, empty cells.
  function sortable(cell) {
    if (cell.dataset.value !== undefined) return cell.dataset.value === "" ? null : Number(cell.dataset.value);
    return flat(cell.textContent) || null;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b || 0; // two infinities differ by NaN
    if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
    return collator.compare(a, b);
  }

  // Once: best, largest or first on top; twice: the other way; three times: as the report has it.
  function sort(button) {
    const head = button.closest("th");
    const table = head.closest("table");
    const first = head.dataset.first ?? "ascending";
    const second = first === "ascending" ? "descending" : "ascending";
    const next = { [first]: second, [second]: null }[head.getAttribute("aria-sort")];
    const order = next === undefined ? first : next;
    all("th[aria-sort]", table.tHead).forEach((other) => other.removeAttribute("aria-sort"));
    let rows = rowsOf(table);
    if (order) {
      head.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const keyed = rows.map((row) => [sortable(row.cells[head.cellIndex]), row]);
      const known = keyed.filter(([key]) => key !== null).sort(([a], [b]) => sign * compare(a, b));
      rows = [...known, ...keyed.filter(([key]) => key === null)].map(([, row]) => row);
    }
    table.tBodies[0].append(...rows);
  }

  // ---- Tables: filter ----
  const words = new WeakMap(); // row -> its words in small letters, without numbers

  function wordsOf(row) {
    if (!words.has(row)) {
      const texts = [...row.cells].filter((cell) => cell.dataset.value === undefined).map((cell) => cell.textContent);
      words.set(row, flat(texts.join(" ")).toLowerCase());
    }
    return words.get(row);
  }

  function filter(tools) {
    const table = tools.parentElement.querySelector("table");
    const wanted = flat(tools.querySelector("input")?.value ?? "").toLowerCase().split(" ");
    const chosen = all("select", tools).filter((select) => select.selectedIndex > 0);
    const rows = rowsOf(table);
    let seen = 0;
    for (const row of rows) {
      const fits = wanted.every((word) => wordsOf(row).includes(word))
        && chosen.every((select) => flat(row.cells[Number(select.dataset.place)].textContent) === select.value);
      row.hidden = !fits;
      seen += fits ? 1 : 0;
    }
    tools.querySelector("output").textContent = seen < rows.length ? `${seen} of ${rows.length} rows` : `${seen} rows`;
  }

  // ---- Tables: intervals, as text that can be copied ----
  function showIntervals(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    if (!on) return all("td > small").forEach((small) => small.remove());
    for (const cell of all("td[title]")) {
      const found = /\[.*\]/.exec(cell.title);
      if (!found) continue;
      const small = document.createElement("small");
      small.textContent = found[0];
      cell.append(" ", small);
    }
  }

  // ---- The page ----
  const themes = ["auto", "light", "dark"];

  function nextTheme(button) {
    const theme = themes[(themes.indexOf(root.dataset.theme ?? "auto") + 1) % themes.length];
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    button.textContent = `Theme: ${theme}`;
  }

  async function copy(button) {
    const code = button.parentElement.querySelector("code");
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch { // an old browser, or one that does not allow it: the reader copies what is selected
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  // ---- Viewers: two layers of one image, an edge between them ----
  class Viewer {
    constructor(box) {
      this.data = JSON.parse(box.querySelector("script").textContent);
      this.stage = box.querySelector(".stage");
      this.selects = all("select", box);
      this.slider = box.querySelector("input[type=range]");
      this.thumbs = box.querySelector(".thumbs");
      this.status = box.querySelector(".shot output");
      this.wanted = []; // titles of the layers chosen left and right: they stay from image to image
      if (this.data.shots.length > 1) this.thumbs.append(...this.data.shots.map((shot, number) => this.thumb(shot, number)));
      else all("[data-step]", box).forEach((button) => { button.hidden = true; });
      this.show(0);
      this.cut(50);
    }

    thumb(shot, number) {
      const button = document.createElement("button");
      const image = document.createElement("img");
      button.type = "button";
      button.title = shot.name;
      image.alt = shot.name || `image ${number + 1}`;
      image.decoding = "async";
      if (shot.layers.length) image.src = this.data.images[shot.layers[0][1]];
      button.append(image);
      return button;
    }

    show(number) {
      const count = this.data.shots.length;
      this.number = (number + count) % count;
      const shot = this.data.shots[this.number];
      const titles = shot.layers.map(([title]) => title);
      const map = titles.findIndex((title) => title.includes(" of ") && !title.startsWith("prediction"));
      const usual = [0, map < 0 ? titles.length - 1 : map]; // the image and the first score map
      this.selects.forEach((select, side) => {
        select.replaceChildren(...titles.map((title) => new Option(title)));
        const kept = titles.indexOf(this.wanted[side]);
        select.selectedIndex = kept < 0 ? usual[side] : kept;
        this.draw(side);
      });
      const name = count > 1 ? `${this.number + 1} of ${count}: ${shot.name}` : shot.name;
      this.status.textContent = shot.note ? `${name}\n${shot.note}` : name;
      [...this.thumbs.children].forEach((thumb, place) => {
        thumb.setAttribute("aria-pressed", String(place === this.number));
        if (place === this.number) thumb.scrollIntoView({ block: "nearest", inline: "nearest" });
      });
    }

    step(by) {
      const moves = this.thumbs.contains(document.activeElement);
      this.show(this.number + by);
      if (moves) this.thumbs.children[this.number].focus();
    }

    choose(select) {
      this.wanted[this.selects.indexOf(select)] = select.value;
      this.draw(this.selects.indexOf(select));
      this.cut(this.slider.value);
    }

    draw(side) {
      const shot = this.data.shots[this.number];
      const layer = shot.layers[this.selects[side].selectedIndex];
      if (!layer) return;
      const picture = this.stage.children[side];
      picture.src = this.data.images[layer[1]];
      picture.alt = `${layer[0]}, ${shot.name}`;
    }

    cut(percent) {
      this.slider.value = percent;
      this.stage.style.setProperty("--cut", `${this.slider.value}%`);
      const [left, right] = this.selects.map((select) => select.value);
      this.slider.setAttribute("aria-valuetext", `${this.slider.value} % ${left}, the rest ${right}`);
    }

    drag(event) {
      const box = this.stage.getBoundingClientRect();
      this.cut((100 * (event.clientX - box.left)) / box.width);
    }
  }

  const viewers = new WeakMap();

  // Its pictures are read when it comes near the window.
  function viewer(inside) {
    const box = inside.closest?.(".viewer");
    if (!box?.querySelector("script")) return null;
    if (!viewers.has(box)) viewers.set(box, new Viewer(box));
    return viewers.get(box);
  }

  // The contents stand beside a wide sheet, and above a narrow one folded.
  const wide = matchMedia("(min-width: 68rem)");

  function foldContents() {
    document.querySelector(".contents details").open = wide.matches;
  }

  wide.addEventListener("change", foldContents);
  foldContents();

  // ---- What the reader does ----
  const clicks = {
    "thead button": sort,
    "#page-intervals": showIntervals,
    "#page-theme": nextTheme,
    "[data-copy]": copy,
    "[data-step]": (button) => viewer(button).step(Number(button.dataset.step)),
    ".thumbs button": (button) => viewer(button).show([...button.parentElement.children].indexOf(button)),
  };
  document.addEventListener("click", ({ target }) => {
    for (const [selector, act] of Object.entries(clicks)) {
      const found = target.closest(selector);
      if (found) return act(found);
    }
    if (target.closest(".contents a")) foldContents();
  });
  document.addEventListener("input", ({ target }) => {
    if (target.closest(".tools")) filter(target.closest(".tools"));
    else if (target.matches("[data-side]")) viewer(target).choose(target);
    else if (target.matches("[type=range]")) viewer(target).cut(target.value);
  });
  document.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const buttons = event.target.closest?.(".viewer button");
    if (!by || !buttons || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    viewer(buttons).step(by);
  });
  document.addEventListener("pointerdown", (event) => {
    const stage = event.target.closest(".stage");
    if (!stage || event.button !== 0) return;
    stage.setPointerCapture(event.pointerId);
    viewer(stage).drag(event);
  });
  document.addEventListener("pointermove", (event) => {
    const stage = event.target.closest?.(".stage");
    if (stage?.hasPointerCapture(event.pointerId)) viewer(stage).drag(event);
  });

  // ---- What comes into sight ----
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting && viewer(target)) near.unobserve(target);
    }
  }, { rootMargin: "800px" });
  for (const box of all(".viewer")) {
    const { width, height } = box.dataset;
    const stage = box.querySelector(".stage");
    if (!stage) continue;
    stage.style.aspectRatio = `${width} / ${height}`;
    stage.parentElement.style.maxWidth = `min(${(75 * width) / height}vh, ${4 * width}px)`; // not higher than the window, nor a blur
    near.observe(box);
  }

  // A box is a stop of the Tab key only while there is something to scroll in it.
  const fits = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const box = target.closest("[role=group]");
      if (box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  });
  all(".scroll, .scroll > table, .paper, .code pre").forEach((box) => fits.observe(box));

  // The line of the contents where the reader is: of the section that crosses the upper part of the window.
  const lines = new Map(all(".contents a").map((link) => [link.getAttribute("href").slice(1), link]));
  const seen = new Set();
  const here = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) seen[isIntersecting ? "add" : "delete"](target);
    const inside = [...lines.keys()].filter((key) => seen.has(document.getElementById(key)));
    lines.forEach((link, key) => {
      if (key === inside.at(-1)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
  }, { rootMargin: "-15% 0px -80% 0px" });
  lines.forEach((_, key) => here.observe(document.getElementById(key)));

  // On paper everything is open.
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = all(".fold:not([open])");
    opened.forEach((fold) => { fold.open = true; });
    all(".viewer").forEach(viewer);
  });
  addEventListener("afterprint", () => opened.forEach((fold) => { fold.open = false; }));
})();
