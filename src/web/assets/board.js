// Carries a session of the board to another educator, by pointer or keyboard, and opens its need with that educator
// chosen. Nothing is changed here. Without this script each session is a plain link to the same page.
(() => {
  const board = document.querySelector("table.board");
  if (!board) return;
  const said = document.querySelector("[data-said]");
  const rows = [...board.querySelectorAll("tbody tr")];
  let carried = null;
  let target = null;

  const say = (text) => { said.textContent = text; };
  const aim = (row) => {
    if (target) target.classList.remove("aimed");
    target = row;
    if (target) target.classList.add("aimed");
  };
  const drop = () => {
    const [slot, row] = [carried, target];
    put();
    if (!slot || !row || row === slot.closest("tr")) return;
    const to = new URL(slot.href);
    to.searchParams.set("educator", row.dataset.educator);
    location.assign(to);
  };
  const take = (slot) => {
    carried = slot;
    slot.classList.add("carried");
    board.classList.add("carrying");
    aim(slot.closest("tr"));
    say(`Carrying ${slot.querySelector("strong").textContent}. Its time stays ${slot.dataset.bell}, the school’s bell.`);
  };
  const put = () => {
    if (carried) carried.classList.remove("carried");
    board.classList.remove("carrying");
    aim(null);
    carried = null;
  };

  board.addEventListener("dragstart", (event) => {
    const slot = event.target.closest("[data-need]");
    if (!slot) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", slot.href);
    take(slot);
  });
  board.addEventListener("dragover", (event) => {
    const row = event.target.closest("tbody tr");
    if (!carried || !row) return;
    event.preventDefault();
    aim(row);
  });
  board.addEventListener("drop", (event) => {
    event.preventDefault();
    drop();
  });
  board.addEventListener("dragend", put);
  board.addEventListener("keydown", (event) => {
    const slot = event.target.closest("[data-need]");
    if (!carried) {
      if (slot && event.key.toLowerCase() === "m" && !event.ctrlKey && !event.metaKey && !event.altKey) {
        event.preventDefault();
        take(slot);
      }
      return;
    }
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (step) {
      event.preventDefault();
      const row = rows[rows.indexOf(target) + step];
      if (!row) return;
      aim(row);
      row.scrollIntoView({ block: "nearest" });
      say(`To ${row.dataset.name}.`);
    } else if (event.key === "Enter") {
      event.preventDefault();
      drop();
    } else if (event.key === "Escape" || event.key === "Tab") {
      put();
      say("Put back.");
    }
  });
})();
