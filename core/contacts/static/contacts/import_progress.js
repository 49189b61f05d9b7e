// Asks every two seconds how far reading, counting, the run or its undoing is, and changes only the text and the bar.
// Once the import has come to another state, the page is loaded again and leads to where it belongs.
"use strict";

(() => {
  const section = document.querySelector("[data-progress-url]");
  if (!section) return;
  const bar = section.querySelector("[role=progressbar]");
  const put = (element, text) => {
    if (element && element.textContent !== text) element.textContent = text;
  };

  function show(live) {
    bar.classList.toggle("ct-bar-unknown", live.percent === null);
    if (live.percent === null) bar.removeAttribute("aria-valuenow");
    else {
      bar.firstElementChild.style.width = `${live.percent}%`;
      bar.setAttribute("aria-valuenow", live.percent);
    }
    put(section.querySelector("[data-progress-line]"), live.line);
    put(section.querySelector("[data-progress-note]"), live.note);
    for (const [key, figure] of Object.entries(live.counts)) {
      put(section.querySelector(`[data-count="${key}"]`), figure);
    }
  }

  async function poll() {
    try {
      const answer = await fetch(section.dataset.progressUrl, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const live = await answer.json();
      if (live.state !== section.dataset.state) {
        window.location.reload();
        return;
      }
      show(live);
    } catch {
      put(section.querySelector("[data-progress-note]"), "The page cannot reach EngageX and keeps trying. The work goes on.");
    }
    setTimeout(poll, 2000);
  }

  setTimeout(poll, 1000);
})();
