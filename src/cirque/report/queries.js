"use strict";

/*
 * The queries on which two methods differ most. The address holds the two: #methods=searle,image-text
 */
(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const [content, pictures] = [read("content"), read("pictures")];

  /** An element with properties and children; texts are never read as HTML. */
  function element(tag, properties = {}, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  const count = (number) => number.toLocaleString("en");

  /** Show the two methods that the address names; where it names no two of the page's, those that it opens with. */
  function show() {
    const known = content.methods.map(([method]) => method);
    const said = new URLSearchParams(location.hash.slice(1)).get("methods") ?? "";
    let [a, b] = said.split(",");
    if (!known.includes(a) || !known.includes(b) || a === b) [a, b] = content.chosen;
    document.getElementById("shown").replaceChildren(chooser(a, b), ...comparison(a, b));
  }

  function chooser(a, b) {
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
      history.replaceState(null, "", `#methods=${pair.join(",")}`);
      show();
      document.querySelector(now[0] === a ? "label + label select" : "select").focus();
    };
    first.lastChild.addEventListener("change", (event) => changed([event.target.value, b]));
    second.lastChild.addEventListener("change", (event) => changed([a, event.target.value]));
    return element("p", { className: "chooser" }, first, second);
  }

  function comparison(a, b) {
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
      element("h2", {}, `${winner} wins `,
        element("span", { className: "muted", textContent: `${count(n)} of ${count(total)} queries${few(n, places)}` })),
      element("ul", { className: "examples" },
        ...places.map((place) => example(content.examples[place], [a, b], named))),
    ]);
  }

  function example(query, methods, named) {
    const about = [`query ${query.id}`, query.group].filter(Boolean).join(" · ");
    return element("li", {},
      element("div", { className: "query" },
        picture(query.reference, "reference"),
        element("div", {},
          ...query.captions.map((caption) => element("p", { className: "caption", textContent: caption })),
          element("p", { className: "muted", textContent: about }))),
      ...methods.map((method) => answer(query, query.answers[method], named.get(method))));
  }

  function answer(query, { rank, top }, name) {
    const found = `best ground truth at ${count(rank)} of ${count(query.candidates)}`;
    return element("div", { className: "answer" },
      element("p", {}, element("b", { textContent: name }), " ", element("span", { className: "muted", textContent: found })),
      element("ol", {}, ...top.map(([place, isTarget], index) =>
        element("li", { className: isTarget ? "target" : "" },
          picture(place, `rank ${index + 1}${isTarget ? ", ground truth" : ""}`),
          element("span", { textContent: `${index + 1}${isTarget ? " ✓" : ""}` })))));
  }

  function picture(place, what) {
    const [name, number] = content.images[place];
    const alt = `${what}: ${name}`;
    if (number === null) return element("span", { className: "no-picture", title: alt, textContent: name });
    return element("img", { alt, title: alt, src: `data:image/jpeg;base64,${pictures[number]}` });
  }

  addEventListener("hashchange", show);
  show();
})();
