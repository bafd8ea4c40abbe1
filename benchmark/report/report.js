"use strict";
(() => {
  const all = (query, within = document) => [...within.querySelectorAll(query)];
  const one = (query) => document.querySelector(query);
  const data = (id) => JSON.parse(document.getElementById(id).textContent);

  // ---- sorting: within each heading, as only its rows are ranked together
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };

  function key(row, column) {
    const cell = row.cells[column];
    return cell.dataset.value !== undefined ? Number(cell.dataset.value) : cell.textContent.trim();
  }

  function before(one, other, direction) {
    const holes = [one, other].map((value) => typeof value === "string" && /^[-–]?$/.test(value));
    if (holes[0] || holes[1]) return holes[0] - holes[1]; // last, whichever way it goes
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    const order = typeof one === "number" ? one - other : one.localeCompare(other, "en", { numeric: true });
    return direction === "descending" ? -order : order;
  }

  function sort(table, head) {
    const direction = NEXT[head.getAttribute("aria-sort") || "none"];
    all("thead th[aria-sort]", table).forEach((other) => other.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", direction);
    for (const body of table.tBodies) {
      const rows = all("tr[data-row]", body);
      rows.sort((a, b) => a.dataset.row - b.dataset.row);
      if (direction !== "none") {
        const keys = new Map(rows.map((row) => [row, key(row, head.cellIndex)]));
        rows.sort((a, b) => before(keys.get(a), keys.get(b), direction));
      }
      body.append(...rows);
    }
  }

  for (const table of all("table.board")) {
    for (const head of all("thead th:not([data-fixed])", table)) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, head));
    }
  }

  // ---- filtering: every word must occur in the row or in the title of its table
  function filter(text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    let total = 0;
    for (const part of all("article.grid")) {
      const title = part.querySelector("h3").textContent.toLowerCase();
      let here = 0;
      for (const row of all("tr[data-row]", part)) {
        const content = `${title} ${row.textContent.toLowerCase()}`;
        row.hidden = !words.every((word) => content.includes(word));
        here += !row.hidden;
        total += 1;
      }
      for (const body of all("tbody", part)) {
        body.hidden = !all("tr[data-row]", body).some((row) => !row.hidden);
      }
      part.hidden = here === 0 && words.length > 0;
      shown += here;
    }
    one("#found").textContent = words.length ? `${shown} of ${total} rows` : "";
  }

  // ---- CSV: the rows that are seen, in the order in which they are seen
  let lines = null;

  function csv(tables) {
    lines = lines || data("csv-data");
    const heads = new Set();
    const content = [];
    for (const table of tables) {
      const [head, ...rows] = lines[table.dataset.table];
      if (!heads.has(head)) content.push(head);
      heads.add(head);
      for (const row of all("tr[data-row]", table)) if (!row.hidden) content.push(rows[row.dataset.row]);
    }
    return content.join("\n") + "\n";
  }

  function save(name, text) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  const tables = all("table.board");
  for (const button of all("button[data-csv]")) {
    const table = tables.find((each) => each.dataset.table === button.dataset.csv);
    button.addEventListener("click", () => save(`${button.dataset.csv}.csv`, csv([table])));
  }
  one("#csv-all").addEventListener("click", () => save("leaderboard.csv", csv(tables)));
  one("#filter").addEventListener("input", (event) => filter(event.target.value));
  all(".tools").forEach((part) => { part.hidden = false; });

  // ---- records: written into the page when they are opened
  let records = null;

  function fill(details) {
    const place = details.querySelector("pre");
    if (!details.open || place.textContent) return;
    records = records || data("record-data");
    const text = JSON.stringify(records[details.id], null, 2);
    place.textContent = text.replace(/\[\s+([^[\]{}"]*?)\s+\]/g, (_, inside) => `[${inside.replace(/\s+/g, " ")}]`);
  }

  for (const details of all("details[data-record]")) details.addEventListener("toggle", () => fill(details));

  function follow() {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target || !target.matches("details[data-record]")) return;
    target.open = true;
    target.scrollIntoView();
    target.querySelector("summary").focus();
  }

  addEventListener("beforeprint", () => all("#ran details").forEach((details) => { details.open = true; }));
  addEventListener("hashchange", follow);
  follow();
})();
