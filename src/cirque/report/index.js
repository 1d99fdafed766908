"use strict";

/*
 * Sorting and filters of the page over all tables.
 *
 * The address holds the state, so that a view can be kept and passed on:
 *   #backbone=ViT-B/32            what a filter lets through; without it, everything
 *   &without=method               a filter that lets nothing through
 *   &sort.cirr.cirr_val=-R@10     the column that table cirr of cirr_val is sorted by, - for the largest first
 */
(() => {
  const FILTERS = ["table", "benchmark", "backbone", "method"];
  const MEASURED = 2;
  const PRINTED = 1;
  const NONE = 0;

  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const sections = all("section.split");
  const boxes = Object.fromEntries(FILTERS.map((name) => [name, all(`fieldset[data-filter=${name}] input`)]));

  /** Lines of each backbone in the papers' order, which sorting must be able to return to. */
  const inOrder = new Map();
  for (const line of all("tbody")) {
    if (line.classList.contains("backbone")) inOrder.set(line, []);
    else [...inOrder.values()].at(-1).push(line);
  }

  const sortKey = ({ dataset }) => `sort.${dataset.table}.${dataset.benchmark}`;

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

  /** Leave of the filters' values those whose label holds what is looked for. */
  const search = document.querySelector(".filters input[type=search]");
  search.addEventListener("input", () => {
    const wanted = search.value.trim().toLowerCase();
    for (const box of Object.values(boxes).flat()) {
      box.parentElement.hidden = !box.parentElement.textContent.toLowerCase().includes(wanted);
    }
    for (const inPrint of all(".filters fieldset details")) inPrint.open = Boolean(wanted);
    for (const part of all(".filters fieldset, .filters fieldset details")) {
      part.hidden = !part.querySelector("label:not([hidden])");
    }
  });

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
