// Asks every two seconds how far the rehearsal is, and changes only the text and the bar. When it is over, the page is
// loaded again with the result.
"use strict";

(() => {
  const section = document.querySelector("[data-progress-url]");
  if (!section) return;
  const bar = section.querySelector("[role=progressbar]");
  const put = (name, text) => {
    const element = section.querySelector(`[data-progress-${name}]`);
    if (element && element.textContent !== text) element.textContent = text;
  };

  async function poll() {
    try {
      const answer = await fetch(section.dataset.progressUrl, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const live = await answer.json();
      if (!live.is_moving) {
        window.location.reload();
        return;
      }
      if (live.percent !== null) {
        bar.firstElementChild.style.width = `${live.percent}%`;
        bar.setAttribute("aria-valuenow", live.percent);
      }
      put("line", live.line);
      put("note", live.note);
    } catch {
      put("note", "The page cannot reach EngageX and keeps trying. The work goes on.");
    }
    setTimeout(poll, 2000);
  }

  setTimeout(poll, 1000);
})();
