"use strict";

/*
 * Sorting, filters and galleries of the page over all tables.
 *
 * The address holds the state, so that a view can be kept and passed on:
 *   #backbone=ViT-B/32            what a filter lets through; without it, everything
 *   &without=method               a filter that lets nothing through
 *   &sort.cirr.cirr_val=-R@10     the column that table cirr of cirr_val is sorted by, - for the largest first
 *   &gallery.cirr_val=searle,image-text   an open gallery and its two methods
 */
(() => {
  const FILTERS = ["table", "benchmark", "backbone", "method"];
  const MEASURED = 2;
  const PRINTED = 1;
  const NONE = 0;

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const sections = all("section.split");
  const galleries = all("details.gallery");
  const boxes = Object.fromEntries(FILTERS.map((name) => [name, all(`fieldset[data-filter=${name}] input`)]));

  /** Lines of each backbone in the papers' order, which sorting must be able to return to. */
  const inOrder = new Map();
  for (const line of all("tbody")) {
    if (line.classList.contains("backbone")) inOrder.set(line, []);
    else [...inOrder.values()].at(-1).push(line);
  }

  const sortKey = ({ dataset }) => `sort.${dataset.table}.${dataset.benchmark}`;
  const galleryKey = ({ dataset }) => `gallery.${dataset.benchmark}`;

  // ---- the address ------------------------------------------------------------------------------------------------

  const words = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");

  /** Change the address by what `change` does to its words, then show what it says. */
  function set(change) {
    const changed = words();
    change(changed);
    const text = changed.toString();
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
    show();
  }

  function show() {
    const said = words();
    showFilters(said);
    for (const section of sections) showSorted(section, said.get(sortKey(section)));
    for (const gallery of galleries) showGallery(gallery, said.get(galleryKey(gallery)));
  }

  // ---- filters ----------------------------------------------------------------------------------------------------

  function showFilters(said) {
    const lets = {};
    for (const name of FILTERS) {
      const chosen = said.has(name) || said.getAll("without").includes(name) ? new Set(said.getAll(name)) : null;
      for (const box of boxes[name]) box.checked = !chosen || chosen.has(box.value);
      lets[name] = (value) => !chosen || chosen.has(value);
    }
    for (const [head, lines] of inOrder) {
      for (const line of lines) {
        line.hidden = !lets.backbone(line.dataset.backbone) || !lets.method(line.dataset.method);
      }
      head.hidden = lines.every((line) => line.hidden);
    }
    for (const figure of all("figure[data-backbone]")) figure.hidden = !lets.backbone(figure.dataset.backbone);
    for (const charts of all(".charts")) charts.hidden = all("figure", charts).every((figure) => figure.hidden);
    for (const section of sections) {
      const { table, benchmark } = section.dataset;
      section.hidden = !lets.table(table) || !lets.benchmark(benchmark) || !section.querySelector("tbody:not([hidden])");
    }
    for (const item of all(".contents li")) {
      const links = all("a", item);
      for (const link of links) link.hidden = document.querySelector(link.hash).hidden;
      item.hidden = links.every((link) => link.hidden);
    }
    for (const gallery of galleries) gallery.hidden = !lets.benchmark(gallery.dataset.benchmark);
    const left = sections.filter((section) => !section.hidden).length;
    document.getElementById("found").textContent =
      left === sections.length ? "" : `${left} of ${sections.length} splits have what the filters let through.`;
  }

  function choose(name, values) {
    set((said) => {
      const without = said.getAll("without").filter((other) => other !== name);
      said.delete("without");
      said.delete(name);
      for (const other of values.length ? without : [...without, name]) said.append("without", other);
      if (values.length < boxes[name].length) for (const value of values) said.append(name, value);
    });
  }

  for (const name of FILTERS) {
    for (const box of boxes[name]) {
      box.addEventListener("change", () =>
        choose(name, boxes[name].filter((other) => other.checked).map((other) => other.value)));
    }
    for (const button of all(`fieldset[data-filter=${name}] button`)) {
      button.addEventListener("click", () =>
        choose(name, button.dataset.set === "all" ? boxes[name].map((box) => box.value) : []));
    }
  }

  // ---- sorting ----------------------------------------------------------------------------------------------------

  const number = (cell) => parseFloat(cell.textContent.replaceAll(",", ""));

  /** What a line is sorted by: its measured figure before one that is only in print, and nothing last. */
  function figure(line, column) {
    const [value, ...others] = [...line.rows];
    const measured = number(value.cells[column]);
    if (!Number.isNaN(measured)) return [MEASURED, measured];
    const printed = others
      .filter((row) => row.classList.contains("print"))
      .map((row) => number(row.cells[column]))
      .filter((found) => !Number.isNaN(found));
    return printed.length ? [PRINTED, printed[0]] : [NONE, 0];
  }

  const label = (line) => line.rows[0].cells[0].textContent.trim();

  /** Order of two lines; a bound is no competitor and stays last. */
  function compare(one, other, column, sign) {
    const bound = one.classList.contains("bound") - other.classList.contains("bound");
    if (bound) return bound;
    if (column === 0) return sign * label(one).localeCompare(label(other), "en");
    const [kind, value] = figure(one, column);
    const [otherKind, otherValue] = figure(other, column);
    return otherKind - kind || sign * (value - otherValue);
  }

  function showSorted(section, order) {
    const descends = Boolean(order?.startsWith("-"));
    const name = descends ? order.slice(1) : order;
    let column = null;
    for (const heading of all("th[data-column]", section)) {
      const chosen = heading.dataset.column === name;
      if (chosen) column = heading.cellIndex;
      heading.setAttribute("aria-sort", chosen ? (descends ? "descending" : "ascending") : "none");
    }
    for (const head of all("tbody.backbone", section)) {
      const lines = [...inOrder.get(head)];
      if (column !== null) lines.sort((one, other) => compare(one, other, column, descends ? -1 : 1));
      head.after(...lines);
    }
  }

  /** A figure's column goes largest, smallest, as printed; the methods' A to Z, Z to A, as printed. */
  for (const section of sections) {
    for (const heading of all("th[data-column]", section)) {
      heading.firstElementChild.addEventListener("click", () => {
        const { column } = heading.dataset;
        const turns = column === "Method" ? [column, `-${column}`] : [`-${column}`, column];
        const key = sortKey(section);
        set((said) => {
          const next = turns[turns.indexOf(said.get(key)) + 1];
          if (next) said.set(key, next);
          else said.delete(key);
        });
      });
    }
  }

  // ---- galleries --------------------------------------------------------------------------------------------------

  let pictures = null;
  const contents = new Map();

  /** An element with properties and children; texts are never read as HTML. */
  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  const count = (number) => number.toLocaleString("en");

  function showGallery(gallery, chosen) {
    gallery.open = chosen !== null;
    const shown = gallery.querySelector(".shown");
    if (chosen === null || shown.dataset.chosen === chosen) return;
    if (!contents.has(gallery)) contents.set(gallery, JSON.parse(gallery.querySelector("script").textContent));
    pictures ??= JSON.parse(document.getElementById("pictures").textContent);
    const content = contents.get(gallery);
    const known = content.methods.map(([method]) => method);
    let [a, b] = chosen.split(",");
    if (!known.includes(a) || !known.includes(b) || a === b) [a, b] = content.chosen;
    shown.dataset.chosen = chosen;
    shown.replaceChildren(chooser(gallery, content, a, b), ...comparison(content, a, b));
  }

  function chooser(gallery, content, a, b) {
    const select = (name, value) => {
      const options = content.methods.map(([method, text]) =>
        element("option", { value: method, textContent: text, selected: method === value }));
      return element("label", {}, name, element("select", { ariaLabel: name }, ...options));
    };
    const [first, second] = [select("Method A", a), select("Method B", b)];
    const changed = (now) => {
      // A method is compared with another: choosing the same one for both exchanges them.
      const pair = [now[0] === b ? b : now[0], now[1] === a ? a : now[1]];
      if (pair[0] === pair[1]) pair.splice(0, 2, b, a);
      set((said) => said.set(galleryKey(gallery), pair.join(",")));
      gallery.querySelector(now[0] === a ? "label + label select" : "select").focus();
    };
    first.lastChild.addEventListener("change", (event) => changed([event.target.value, b]));
    second.lastChild.addEventListener("change", (event) => changed([a, event.target.value]));
    return element("p", { className: "chooser" }, first, second);
  }

  function comparison(content, a, b) {
    const named = new Map(content.methods);
    const pair = content.pairs.find(({ methods }) => methods.includes(a) && methods.includes(b));
    const turned = pair.methods[0] === b;
    const [won, lost] = turned ? [pair.lost, pair.won] : [pair.won, pair.lost];
    const [nWon, nLost] = turned ? [pair.counts[1], pair.counts[0]] : pair.counts;
    const total = pair.counts[0] + pair.counts[1] + pair.counts[2];
    const few = (n, places) => (n > places.length ? `; the ${places.length} largest` : "");
    const parts = [
      [named.get(a), nWon, won],
      [named.get(b), nLost, lost],
    ];
    return parts.flatMap(([winner, n, places]) => [
      element("h3", {}, `${winner} wins `,
        element("span", { className: "muted", textContent: `${count(n)} of ${count(total)} queries${few(n, places)}` })),
      element("ul", { className: "examples" },
        ...places.map((place) => example(content, content.examples[place], [a, b], named))),
    ]);
  }

  function example(content, query, methods, named) {
    const about = [`query ${query.id}`, query.group].filter(Boolean).join(" · ");
    return element("li", {},
      element("div", { className: "query" },
        picture(content, query.reference, "reference"),
        element("div", {},
          ...query.captions.map((caption) => element("p", { className: "caption", textContent: caption })),
          element("p", { className: "muted", textContent: about }))),
      ...methods.map((method) => answer(content, query, query.answers[method], named.get(method))));
  }

  function answer(content, query, { rank, top }, name) {
    const found = `best ground truth at ${count(rank)} of ${count(query.candidates)}`;
    return element("div", { className: "answer" },
      element("p", {}, element("b", { textContent: name }), " ", element("span", { className: "muted", textContent: found })),
      element("ol", {}, ...top.map(([place, isTarget], index) =>
        element("li", { className: isTarget ? "target" : "" },
          picture(content, place, `rank ${index + 1}${isTarget ? ", ground truth" : ""}`),
          element("span", { textContent: `${index + 1}${isTarget ? " ✓" : ""}` })))));
  }

  function picture(content, place, what) {
    const [name, number] = content.images[place];
    const alt = `${what}: ${name}`;
    if (number === null) return element("span", { className: "no-picture", title: alt, textContent: name });
    return element("img", { alt, title: alt, src: `data:image/jpeg;base64,${pictures[number]}` });
  }

  for (const gallery of galleries) {
    gallery.querySelector("summary").addEventListener("click", (event) => {
      event.preventDefault();
      const key = galleryKey(gallery);
      set((said) => (said.has(key) ? said.delete(key) : said.set(key, "")));
    });
  }

  // A jump within the page must not take the place of the view in the address.
  for (const link of all(".contents a")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      document.querySelector(link.hash).scrollIntoView();
    });
  }

  addEventListener("hashchange", show);
  show();
})();
