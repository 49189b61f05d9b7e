// Asks every second how far the export is; reloads once it has ended.
(() => {
  const section = document.querySelector("[data-export-progress]");
  if (!section) return;
  const put = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };

  async function poll() {
    try {
      const answer = await fetch(section.dataset.exportProgress, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      const progress = await answer.json();
      if (!progress.is_under_way) {
        window.location.reload();
        return;
      }
      put(section.querySelector("[data-export-line]"), progress.line);
      put(section.querySelector("[data-export-note]"), "");
    } catch {
      put(section.querySelector("[data-export-note]"), "The page cannot reach EngageX and keeps trying. The export goes on.");
    }
    setTimeout(poll, 1000);
  }

  setTimeout(poll, 700);
})();
