"use strict";
// Brings the figures of a campaign on its way up to date every two seconds. Only texts and widths change, so nothing
// flickers; a new status changes what can be done and reloads the page.
(function () {
  const EVERY_MS = 2000;
  const GIVE_UP_MS = 8000;
  const panel = document.getElementById("ex-dash-progress");
  const connection = document.getElementById("ex-dash-connection");
  const SPEAK_EVERY_MS = 30000;
  let lastSeen = new Date();
  let shownErrors = "";
  let spokenAt = Date.now();
  let spokenWhy = "";

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
    for (const [tag, text] of [["strong", error.count], ["a", error.label], ["q", error.words]]) {
      const part = document.createElement(tag);
      part.textContent = text;
      item.append(part, " ");
    }
    const link = item.querySelector("a");
    link.href = error.url;
    link.className = "ex-dash-link";
    return item;
  }

  // Rebuilt only when they change: a link that has the focus must not lose it every two seconds.
  function showErrors(errors) {
    const told = JSON.stringify(errors);
    if (told === shownErrors) {
      return;
    }
    shownErrors = told;
    const list = document.querySelector("[data-ex-errors]");
    document.getElementById("ex-dash-errors").hidden = errors.length === 0;
    const focused = [...list.querySelectorAll("a")].indexOf(document.activeElement);
    list.replaceChildren(...errors.map(errorItem));
    list.querySelectorAll("a")[focused]?.focus();
  }

  function showReasons(reasons) {
    const list = panel.querySelector("[data-ex-reasons]");
    list.hidden = reasons.length === 0;
    if ([...list.children].map((item) => item.textContent).join("\n") === reasons.join("\n")) {
      return;
    }
    list.replaceChildren(...reasons.map((words) => {
      const item = document.createElement("li");
      item.textContent = words;
      return item;
    }));
  }

  // Screen readers hear the sum once in a while, and at once when something holds the mails up.
  function speak(figures) {
    const why = figures.reasons.join(" ");
    if (Date.now() - spokenAt < SPEAK_EVERY_MS && why === spokenWhy) {
      return;
    }
    spokenAt = Date.now();
    spokenWhy = why;
    write(panel.querySelector("[data-ex-spoken]"), `${figures.spoken} ${why}`.trim());
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
    showReasons(figures.reasons);
    speak(figures);
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
    write(connection, `Numbers of ${lastSeen.toLocaleTimeString()}; the server did not answer. Trying again.`);
  }

  async function loop() {
    if (!document.hidden) {
      await refresh().catch(sayOffline);
    }
    window.setTimeout(loop, EVERY_MS);
  }

  window.setTimeout(loop, EVERY_MS);
})();
