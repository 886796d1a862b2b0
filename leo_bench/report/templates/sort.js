// Tables sort by a click on a column's head: numbers as numbers, cells without one last. Without this script they are plain tables.
for (const head of document.querySelectorAll("table.sortable thead th")) {
  const button = document.createElement("button");
  button.type = "button";
  button.setAttribute("aria-label", `Sort by ${head.textContent}`);
  head.append(button);  // lies over the head, whose text stays where it is: printed heads are repeated without buttons
  button.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0], column = head.cellIndex;
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign === 1 ? "ascending" : "descending");
    const texts = new Map([...body.rows].map(row => [row, row.cells[column].textContent.trim()]));
    const empty = text => text === "" || text === "-";
    const number = text => parseFloat(text.replace(/^< ?/, "").replace(/,(?=\d{3})/g, ""));
    const numeric = [...texts.values()].every(text => empty(text) || !isNaN(number(text)));
    const order = (a, b) => numeric ? number(a) - number(b) : a.localeCompare(b, "en", { numeric: true });
    const compare = (a, b) => empty(a) || empty(b) ? empty(a) - empty(b) : sign * order(a, b);
    body.append(...[...body.rows].sort((a, b) => compare(texts.get(a), texts.get(b))));
  });
}
