// Asks whether files are still being made or mails are on their way; loads the page again once they are not.
(() => {
  const page = document.querySelector("[data-rp-progress]");
  if (!page) return;
  let tries = 0;

  async function poll() {
    tries += 1;
    try {
      const answer = await fetch(page.dataset.rpProgress, { headers: { Accept: "application/json" } });
      if (answer.ok && !(await answer.json()).is_moving) {
        window.location.reload();
        return;
      }
    } catch {
      // The next try tells.
    }
    setTimeout(poll, tries < 20 ? 700 : 5000);
  }

  setTimeout(poll, 500);
})();
