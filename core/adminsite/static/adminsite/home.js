"use strict";
// Keeps the first page up to date: asks for it every half a minute and takes over what changed, part by part, so that
// nothing flickers. Typing in the field above the clients narrows them down by the same way.
(() => {
  const GIVE_UP_MS = 8000;
  const TYPING_MS = 200;
  const home = document.getElementById("ex-home");
  const everyMs = Number(home.dataset.exEvery) * 1000;
  const field = home.querySelector("[data-ex-find] input[name=q]");
  const offline = home.querySelector("[data-ex-offline]");
  let lastSeen = new Date();
  let asked = 0;
  let typing = 0;

  const readersZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;

  // Says whose clock the times of the page are meant by. True when the server did not know it yet.
  function tellZone() {
    const cookie = `ex_zone=${readersZone() || ""}`;
    if (!readersZone() || document.cookie.split("; ").includes(cookie)) {
      return false;
    }
    const secure = window.location.protocol === "https:" ? "; secure" : "";
    document.cookie = `${cookie}; path=/; max-age=31536000; samesite=lax${secure}`;
    return true;
  }

  const focusables = (part) => [...part.querySelectorAll("a[href], button, summary")];

  // The part is replaced with the focus staying at the same place of it, and an opened table staying open.
  function takeOver(part, other, replace) {
    if (part.innerHTML === other.innerHTML) {
      return part;
    }
    const focused = focusables(part).indexOf(document.activeElement);
    const opened = [...part.querySelectorAll("details")].map((one) => one.open);
    const now = replace();
    [...now.querySelectorAll("details")].forEach((one, place) => {
      one.open = opened[place] || false;
    });
    focusables(now)[focused]?.focus();
    return now;
  }

  function takeOverParts(fresh) {
    for (const part of home.querySelectorAll("[data-ex-fresh]")) {
      const other = fresh.querySelector(`[data-ex-fresh="${part.dataset.exFresh}"]`);
      if (other) {
        takeOver(part, other, () => {
          part.innerHTML = other.innerHTML;
          return part;
        });
      }
    }
  }

  // Rows are told apart by their client: one that stays as it was is not touched, whatever happens around it.
  function takeOverRows(fresh) {
    const body = home.querySelector("[data-ex-rows]");
    const wanted = fresh.querySelector("[data-ex-rows]");
    if (!body || !wanted) {
      return;
    }
    const known = new Map([...body.children].map((row) => [row.dataset.exKey, row]));
    const rows = [...wanted.children].map((other) => {
      const row = known.get(other.dataset.exKey);
      return row ? takeOver(row, other, () => { row.replaceWith(other); return other; }) : other;
    });
    const isSame = rows.length === body.children.length && rows.every((row, place) => body.children[place] === row);
    if (!isSame) {
      const focused = document.activeElement;
      body.replaceChildren(...rows);
      if (body.contains(focused)) {
        focused.focus();
      }
    }
  }

  function address() {
    const query = new URLSearchParams(window.location.search);
    if (field) {
      query.delete("q");
      if (field.value.trim()) {
        query.set("q", field.value.trim());
      }
    }
    return query;
  }

  async function refresh() {
    const number = ++asked;
    const answer = await fetch(`${home.dataset.exLive}?${address()}`, { signal: AbortSignal.timeout(GIVE_UP_MS) });
    if (answer.status >= 500) {
      throw new Error(`The server answered ${answer.status}.`);
    }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (number !== asked) {
      return;
    }
    const other = fresh.getElementById("ex-home");
    // Signed out, or another client was chosen in another window: the page itself says what is so now.
    if (!other || other.dataset.exHome !== home.dataset.exHome) {
      window.location.reload();
      return;
    }
    lastSeen = new Date();
    offline.hidden = true;
    takeOverParts(fresh);
    takeOverRows(fresh);
  }

  function sayOffline() {
    offline.hidden = false;
    offline.textContent = `These are the numbers of ${lastSeen.toLocaleTimeString()}: the server did not answer. Trying again.`;
  }

  async function loop() {
    if (!document.hidden) {
      await refresh().catch(sayOffline);
    }
    window.setTimeout(loop, everyMs);
  }

  function narrow() {
    const query = new URLSearchParams(address());
    query.delete("page");
    window.history.replaceState(null, "", query.size ? `?${query}` : window.location.pathname);
    refresh().catch(sayOffline);
  }

  if (!home.dataset.exLive) {
    return;
  }
  field?.addEventListener("input", () => {
    window.clearTimeout(typing);
    typing = window.setTimeout(narrow, TYPING_MS);
  });
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (field && event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
      field.select();
    } else if (field && event.target === field && event.key === "ArrowDown") {
      event.preventDefault();
      home.querySelector("[data-ex-rows] .ex-client-name")?.focus();
    } else if (event.target.matches?.(".ex-client-name") && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      const names = [...home.querySelectorAll("[data-ex-rows] .ex-client-name")];
      const next = names[names.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1)];
      event.preventDefault();
      (next || field)?.focus();
    }
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && Date.now() - lastSeen.getTime() > everyMs) {
      refresh().catch(sayOffline);
    }
  });
  if (tellZone()) {
    refresh().catch(sayOffline);
  }
  window.setTimeout(loop, everyMs);
})();
