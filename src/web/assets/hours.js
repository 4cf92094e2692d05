// Paints availability: by dragging with a mouse or pen, by holding a finger and dragging, and by the arrow keys (with
// Shift they paint as they go). Without this script each cell is a plain check box.
(() => {
  const grid = document.querySelector("table.paint");
  if (!grid) return;
  const form = grid.closest("form");
  const rows = [...grid.querySelectorAll("tbody tr")].map((row) => [...row.querySelectorAll("input")]);
  const place = new Map(rows.flatMap((row, y) => row.map((cell, x) => [cell, [x, y]])));
  const HOLD = 300;
  let painting = null;
  let held = null;
  let changed = form.dataset.changed === "true";
  let sent = false;

  const set = (cell, on) => {
    if (cell.checked === on) return;
    cell.checked = on;
    changed = true;
  };
  const at = (event) => {
    const label = document.elementFromPoint(event.clientX, event.clientY)?.closest("table.paint label");
    return label?.querySelector("input");
  };
  const begin = (cell) => {
    painting = !cell.checked;
    set(cell, painting);
  };
  const end = () => {
    clearTimeout(held);
    painting = null;
  };

  // One stop for the whole grid; the arrow keys move inside it.
  const enter = (cell) => {
    for (const other of place.keys()) other.tabIndex = -1;
    cell.tabIndex = 0;
  };
  enter(rows.flat().find((cell) => cell.checked) ?? rows[0][0]);
  grid.addEventListener("focusin", (event) => place.has(event.target) && enter(event.target));
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const from = place.get(event.target);
    if (!step || !from) return;
    const next = rows[from[1] + step[1]]?.[from[0] + step[0]];
    event.preventDefault();
    if (!next) return;
    if (event.shiftKey) set(next, event.target.checked);
    next.focus();
  });

  grid.addEventListener("pointerdown", (event) => {
    const cell = at(event);
    if (!cell || event.button !== 0) return;
    if (event.pointerType === "touch") {
      held = setTimeout(() => begin(cell), HOLD);
    } else {
      event.preventDefault();
      cell.focus();
      begin(cell);
    }
  });
  // A finger that moves at once scrolls; one that has rested paints.
  grid.addEventListener("touchmove", (event) => {
    if (painting === null) return clearTimeout(held);
    event.preventDefault();
    const cell = at(event.touches[0]);
    if (cell) set(cell, painting);
  }, { passive: false });
  addEventListener("pointermove", (event) => {
    if (painting === null || event.pointerType === "touch") return;
    const cell = at(event);
    if (cell) set(cell, painting);
  });
  for (const name of ["pointerup", "pointercancel", "touchend", "blur"]) addEventListener(name, end);
  // What the pointer has painted is not turned around by the click that follows.
  grid.addEventListener("click", (event) => {
    if (event.target.closest("label") && event.detail > 0 && event.pointerType !== "touch") event.preventDefault();
  });

  form.addEventListener("change", () => { changed = true; });
  form.addEventListener("submit", () => { sent = true; });
  addEventListener("beforeunload", (event) => { if (changed && !sent) event.preventDefault(); });
})();
