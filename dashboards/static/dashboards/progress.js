"use strict";
// Brings the figures of a campaign on its way up to date every two seconds. Only texts and widths change, so nothing
// flickers; a new status changes what can be done and reloads the page.
(function () {
  const EVERY_MS = 2000;
  const GIVE_UP_MS = 8000;
  const panel = document.getElementById("ex-dash-progress");
  const connection = document.getElementById("ex-dash-connection");
  let lastSeen = new Date();

  function write(element, text) {
    if (element && element.textContent !== text) {
      element.textContent = text;
    }
  }

  function showPart(part) {
    const item = panel.querySelector(`[data-ex-part="${part.key}"]`);
    write(item.querySelector("[data-ex-count]"), part.count);
    write(item.querySelector("[data-ex-share]"), part.share);
    item.classList.toggle("ex-dash-empty", part.is_empty);
    panel.querySelector(`[data-ex-width="${part.key}"]`).style.width = part.width;
  }

  function showReaction(reaction) {
    const tile = document.querySelector(`[data-ex-reaction="${reaction.key}"]`);
    write(tile.querySelector("[data-ex-count]"), reaction.count);
    write(tile.querySelector("[data-ex-share]"), reaction.share);
    tile.querySelector("[data-ex-share]").title = reaction.base;
    write(tile.querySelector("[data-ex-machines]"), reaction.machines);
  }

  function errorItem(error) {
    const item = document.createElement("li");
    for (const [tag, text] of [["strong", error.count], ["span", error.label], ["q", error.words]]) {
      const part = document.createElement(tag);
      part.textContent = text;
      item.append(part, " ");
    }
    return item;
  }

  function showErrors(errors) {
    const list = document.querySelector("[data-ex-errors]");
    document.getElementById("ex-dash-errors").hidden = errors.length === 0;
    list.replaceChildren(...errors.map(errorItem));
  }

  function show(figures) {
    write(panel.querySelector('[data-ex="headline"]'), figures.headline);
    write(panel.querySelector('[data-ex="sentence"]'), figures.sentence);
    const behind = panel.querySelector('[data-ex="behind"]');
    write(behind, figures.behind);
    behind.hidden = figures.behind === "";
    figures.parts.forEach(showPart);
    figures.reactions.forEach(showReaction);
    showErrors(figures.errors);
    const told = figures.parts.filter((part) => !part.is_empty).map((part) => `${part.label} ${part.count}.`);
    panel.querySelector(".ex-dash-bar").setAttribute("aria-label", `Progress: ${told.join(" ")}`);
  }

  async function refresh() {
    const answer = await fetch(panel.dataset.exUrl, {
      headers: { Accept: "application/json" },
      signal: AbortSignal.timeout(GIVE_UP_MS),
    });
    const isJson = (answer.headers.get("Content-Type") || "").startsWith("application/json");
    // Signed out, another client chosen, or the status is a new one: the page itself says what is so now.
    if (answer.redirected || (answer.status >= 400 && answer.status < 500) || (answer.ok && !isJson)) {
      window.location.reload();
      return;
    }
    if (!answer.ok) {
      throw new Error(`The server answered ${answer.status}.`);
    }
    const figures = await answer.json();
    if (figures.status !== panel.dataset.exStatus) {
      window.location.reload();
      return;
    }
    lastSeen = new Date();
    write(connection, "");
    show(figures);
  }

  function sayOffline() {
    write(connection, `Not connected since ${lastSeen.toLocaleTimeString()}: figures are as of then. Trying again.`);
  }

  async function loop() {
    if (!document.hidden) {
      await refresh().catch(sayOffline);
    }
    window.setTimeout(loop, EVERY_MS);
  }

  window.setTimeout(loop, EVERY_MS);
})();
