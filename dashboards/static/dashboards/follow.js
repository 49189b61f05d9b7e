"use strict";
// Keeps the report of a campaign that stands still, waits to start or is over up to date: opens and clicks come in for
// weeks. The page is asked for again, and what changed in it takes its place; a new status changes what can be done
// and reloads the page.
(function () {
  const GIVE_UP_MS = 8000;
  const report = document.querySelector("[data-ex-follow]");
  const everyMs = Number(report.dataset.exFollow) * 1000;

  function picturesOf(page) {
    return Array.from(page.querySelectorAll("[data-ex-figure]"), (chart) => chart.id).join();
  }

  function takeOver(fresh) {
    for (const part of document.querySelectorAll("[data-ex-fresh]")) {
      const other = fresh.getElementById(part.id);
      if (other && other.innerHTML !== part.innerHTML) {
        part.innerHTML = other.innerHTML;
      }
    }
    for (const chart of document.querySelectorAll("[data-ex-figure]")) {
      const figure = document.getElementById(chart.dataset.exFigure);
      const other = fresh.getElementById(chart.dataset.exFigure);
      if (other && other.textContent !== figure.textContent) {
        figure.textContent = other.textContent;
        chart.setAttribute("aria-label", fresh.getElementById(chart.id).getAttribute("aria-label"));
        chart.dispatchEvent(new CustomEvent("ex-figure", { bubbles: true }));
      }
    }
  }

  async function refresh() {
    const answer = await fetch(window.location.href, { signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (answer.status >= 500) {
      return;
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const other = fresh.querySelector("[data-ex-follow]");
    // Signed out, another client chosen, or the status is a new one: the page itself says what is so now.
    if (!other || other.dataset.exStatus !== report.dataset.exStatus) {
      window.location.reload();
      return;
    }
    if (picturesOf(fresh) !== picturesOf(document)) {
      // The first open came in: there is something to draw now.
      window.location.reload();
      return;
    }
    takeOver(fresh);
  }

  async function loop() {
    if (!document.hidden) {
      // Without an answer the figures stay as they are until the next one comes.
      await refresh().catch(() => undefined);
    }
    window.setTimeout(loop, everyMs);
  }

  window.setTimeout(loop, everyMs);
})();
