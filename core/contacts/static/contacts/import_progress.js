// Asks every two seconds how far the import is and changes only the text and the bar; reloads once it has ended.
(() => {
  const section = document.querySelector("[data-progress-url]");
  if (!section) return;
  const bar = section.querySelector("[role=progressbar]");
  const put = (element, text) => {
    if (element && element.textContent !== text) element.textContent = text;
  };

  async function poll() {
    try {
      const answer = await fetch(section.dataset.progressUrl, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const progress = await answer.json();
      if (!progress.is_under_way) {
        window.location.reload();
        return;
      }
      bar.firstElementChild.style.width = `${progress.percent}%`;
      bar.setAttribute("aria-valuenow", progress.percent);
      put(section.querySelector("[data-progress-line]"), progress.line);
      put(section.querySelector("[data-progress-note]"), progress.note);
      for (const [key, figure] of Object.entries(progress.counts)) {
        put(section.querySelector(`[data-count="${key}"]`), figure);
      }
    } catch {
      put(section.querySelector("[data-progress-note]"), "The page cannot reach EngageX and keeps trying. The import goes on.");
    }
    setTimeout(poll, 2000);
  }

  setTimeout(poll, 1000);
})();
