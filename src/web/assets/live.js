// Follows a run: figures as the server tells them, the finished page when it has ended.
// Without this script the page reloads itself every few seconds (a noscript refresh in its head).
(() => {
  const box = document.querySelector("[data-events]");
  if (!box || !window.EventSource) return;
  const dollars = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
  const set = (name, text) => {
    const place = box.querySelector(`[data-live="${name}"]`);
    if (place && text !== null && place.textContent !== text) place.textContent = text;
  };
  const money = (cents) => (Number.isFinite(cents) ? dollars.format(cents / 100) : null);
  const bar = box.querySelector("progress");
  const began = Date.parse(box.dataset.began);

  const elapsed = () => {
    if (!Number.isFinite(began)) return;
    const seconds = Math.max(0, Math.round((Date.now() - began) / 1000));
    set("elapsed", `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`);
    if (bar) bar.value = Math.min(seconds, bar.max);
  };
  const figures = (message) => {
    const told = JSON.parse(message.data);
    set("incumbent", money(told.incumbent));
    set("bound", money(told.bound));
    if (Number.isFinite(told.gap)) set("gap", `${(told.gap * 100).toFixed(2)} %`);
    box.dispatchEvent(new Event("told"));
  };

  const source = new EventSource(box.dataset.events);
  source.addEventListener("started", () => {
    set("state", "Running");
    if (!Number.isFinite(began)) location.reload();
  });
  source.addEventListener("progress", figures);
  source.addEventListener("incumbent", figures);
  source.addEventListener("retry", () => set("state", "Starting again after a failure"));
  source.addEventListener("final", () => {
    source.close();
    location.reload();
  });
  const clock = setInterval(elapsed, 1000);
  elapsed();
  addEventListener("pagehide", () => {
    clearInterval(clock);
    source.close();
  });
})();
