"use strict";
// Filters, folding, copying and the view of one namespace. Without it the page says the same. Text only ever becomes text.
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const plural = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

  // --- findings ---
  const form = one("#filter");
  const groups = all(".group").map((element) => {
    const head = `${one("h3", element).textContent} ${one(".fix", element).textContent}`.toLowerCase();
    const rows = all(".rows > li", element).map((row) => ({
      element: row, text: null, namespace: row.dataset.n, shown: true,
    }));
    return { element, head, rows, data: element.dataset, count: one(".count", element), shown: true };
  });
  const total = groups.reduce((sum, group) => sum + group.rows.length, 0);

  const wanted = () => ({
    words: one("#f-text").value.toLowerCase().split(/\s+/).filter(Boolean),
    namespace: one("#f-namespace").value,
    rule: one("#f-rule").value,
    opens: one("#f-opens").checked,
    levels: new Set(all("[name=severity]:checked", form).map((box) => box.value)),
  });

  const fits = (row, group, words) => {
    if (!words.length) return true;
    row.text ??= row.element.textContent.toLowerCase();
    return words.every((word) => row.text.includes(word) || group.head.includes(word));
  };

  const filter = () => {
    const want = wanted();
    let found = 0;
    for (const group of groups) {
      const open = want.levels.has(group.data.severity) && (!want.rule || want.rule === `=${group.data.rule}`)
        && (!want.opens || group.data.opens === "1");
      let inside = 0;
      for (const row of group.rows) {
        const shown = open && (!want.namespace || want.namespace === `=${row.namespace}`) && fits(row, group, want.words);
        inside += shown;
        if (open && shown !== row.shown) {
          row.element.classList.toggle("off", !shown);
          row.shown = shown;
        }
      }
      if ((inside > 0) !== group.shown) {
        group.shown = inside > 0;
        group.element.classList.toggle("off", !group.shown);
      }
      if (inside) group.count.textContent = inside === group.rows.length ? inside : `${inside} of ${group.rows.length}`;
      found += inside;
    }
    one("#f-count").textContent = `${found} of ${plural(total, "finding")}`;
    one("#nothing").hidden = found > 0;
  };

  let due = 0;
  const soon = () => { cancelAnimationFrame(due); due = requestAnimationFrame(filter); };
  if (form) {
    form.hidden = false;
    form.addEventListener("input", soon);
    form.addEventListener("reset", () => setTimeout(filter));
    form.addEventListener("submit", (event) => event.preventDefault());
    filter();
    document.addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        one("#f-text").focus();
      }
    });
    for (const link of all("a[data-show]")) {
      link.addEventListener("click", () => {
        form.reset();
        one("#f-namespace").value = `=${link.dataset.show}`;
        setTimeout(filter);
      });
    }
    // A link to a rule shows it, whatever was filtered.
    for (const link of all('a[href^="#rule-"]')) link.addEventListener("click", () => { form.reset(); filter(); });
  }

  // --- namespaces ---
  const finder = one("#n-text");
  if (finder) {
    const rows = all("#standings tbody tr").map((element) => ({ element, text: element.textContent.toLowerCase() }));
    finder.closest("p").hidden = false;
    finder.addEventListener("input", () => {
      const words = finder.value.toLowerCase().split(/\s+/).filter(Boolean);
      let found = 0;
      for (const row of rows) {
        const shown = words.every((word) => row.text.includes(word));
        row.element.classList.toggle("off", !shown);
        found += shown;
      }
      one("#n-count").textContent = `${found} of ${plural(rows.length, "row")}`;
    });
  }

  // --- steps ---
  for (const tools of all(".tools")) {
    tools.hidden = false;
    tools.addEventListener("click", (event) => {
      const way = event.target.dataset.fold;
      if (way !== undefined) for (const each of all("details", tools.parentElement)) each.open = way === "open";
    });
  }
  const copied = async (button, text) => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy"; }, 1500);
  };
  for (const cell of all("[data-copy]")) {
    const button = document.createElement("button");
    const step = cell.closest("details");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy: ${cell.previousElementSibling.textContent}, step ${one(".rule", step).textContent}`);
    button.addEventListener("click", () => copied(button, all("code", cell).map((each) => each.textContent).join("\n")));
    cell.append(button);
  }

  // --- one namespace ---
  const chooser = one("#chooser");
  const known = JSON.parse(one("#known").textContent);
  const drawn = (tag, attributes, text) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const html = (tag, text, within) => {
    const element = document.createElement(tag);
    if (text !== undefined) element.textContent = text;
    if (within) within.append(element);
    return element;
  };
  const MOST = 12;
  const short = (text) => (text.length > 22 ? `${text.slice(0, 11)}…${text.slice(-10)}` : text);

  const picture = (name, callers, callees) => {
    const columns = [callers.slice(0, MOST), [name], callees.slice(0, MOST)];
    const tall = Math.max(...columns.map((each) => each.length), 1) * 34;
    const svg = drawn("svg", { viewBox: `0 0 640 ${tall + 2}`, width: 640, height: tall + 2, class: "mesh", "aria-hidden": "true" });
    const top = (count, row) => (tall - count * 34) / 2 + row * 34 + 4;
    columns.forEach((names, column) => names.forEach((each, row) => {
      const x = column * 230 + 1;
      const y = top(names.length, row);
      if (column !== 1) {
        const [from, to] = column === 0 ? [x + 178, 231] : [409, x];
        const [a, b] = column === 0 ? [y + 13, tall / 2] : [tall / 2, y + 13];
        const edge = drawn("g", { class: "edge" });
        edge.append(drawn("path", { d: `M${from} ${a}C${from + 30} ${a} ${to - 30} ${b} ${to} ${b}` }));
        edge.append(drawn("polygon", { points: `${to},${b} ${to - 7},${b - 3.5} ${to - 7},${b + 3.5}` }));
        svg.append(edge);
      }
      const tile = drawn("g", { class: "tile" });
      tile.append(drawn("rect", { x, y, width: 178, height: 26, rx: 4 }), drawn("text", { x: x + 10, y: y + 17, class: "label" }, short(each)));
      svg.append(tile);
    }));
    const scroll = html("div");
    scroll.className = "scroll";
    scroll.append(svg);
    return scroll;
  };

  const show = (mesh, index, out) => {
    const [name, today, after, verdict, wave, number] = mesh.boxes[index];
    const callers = mesh.edges.filter((edge) => edge[1] === index).map((edge) => mesh.boxes[edge[0]][0]);
    const callees = mesh.edges.filter((edge) => edge[0] === index).map((edge) => mesh.boxes[edge[1]][0]);
    const where = known.meshes.length > 1 ? ` (${mesh.name})` : "";
    html("h4", name + where, out);
    html("p", `Today: ${today}. After: ${after}.${verdict ? ` Verdict: ${verdict}.` : ""}${wave ? ` Moves in wave ${wave}.` : ""}`, out);
    html("p", `Called by ${callers.join(", ") || "nobody that was seen"}. Calls ${callees.join(", ") || "nobody that was seen"}.`, out);
    out.append(picture(name, callers, callees));
    if (callers.length > MOST || callees.length > MOST) html("p", `Only ${MOST} on each side are drawn; the text names all.`, out);
    if (number >= 0) {
      const link = html("a", "Its row in the table of namespaces", html("p", undefined, out));
      link.href = `#n-${number}`;
    }
  };

  if (chooser) {
    const input = one("#g-name");
    const out = one("#g-out");
    const names = new Set(known.meshes.flatMap((mesh) => mesh.boxes.map((box) => box[0])));
    const list = one("#g-names");
    for (const name of [...names].sort()) html("option", undefined, list).value = name;
    chooser.hidden = false;
    const choose = () => {
      out.replaceChildren();
      if (!names.has(input.value)) return;
      for (const mesh of known.meshes) {
        const index = mesh.boxes.findIndex((box) => box[0] === input.value);
        if (index >= 0) show(mesh, index, out);
      }
    };
    input.addEventListener("input", choose);
    for (const square of all("svg [data-name]")) {
      square.addEventListener("click", () => { input.value = square.dataset.name; choose(); chooser.scrollIntoView({ block: "nearest" }); });
    }
  }

  // --- paper: everything folded is opened for as long as it prints ---
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])");
    for (const each of closed) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of closed) each.open = false; });
})();
