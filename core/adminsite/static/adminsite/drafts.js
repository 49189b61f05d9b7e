/* What is typed into a form that says so (data-ex-draft) is kept in this browser until it is saved: a closed tab, a
   session that ended or a crash lose nothing. Kept under the person's id, so that nobody else is offered it, and gone
   when she signs out. What is stored is text from who knows where: it is only ever put into fields as their value. */
"use strict";

(() => {
  const PREFIX = "ex-draft:";
  const PAUSE_MS = 400;
  const KEPT_DAYS = 30;
  const MOST = 3;
  const NOT_KEPT = ["hidden", "password", "file", "submit", "button", "reset", "image"];

  const storage = (() => {
    try {
      const found = window.localStorage;
      found.getItem(PREFIX);
      return found;
    } catch (error) {
      return null; // Turned off: leaving still asks.
    }
  })();

  const isDraft = (one) => Boolean(one) && typeof one === "object" && typeof one.id === "string"
    && Number.isFinite(Date.parse(one.at)) && Boolean(one.values) && typeof one.values === "object" && !Array.isArray(one.values);

  function read(key) {
    try {
      const found = JSON.parse(storage.getItem(key) || "[]");
      return Array.isArray(found) ? found.filter(isDraft).slice(0, MOST) : [];
    } catch (error) {
      return [];
    }
  }

  function write(key, drafts) {
    try {
      if (drafts.length) storage.setItem(key, JSON.stringify(drafts.slice(0, MOST)));
      else storage.removeItem(key);
      return true;
    } catch (error) {
      return false; // No room.
    }
  }

  const keysOf = (beginning) => Object.keys(storage).filter((key) => key.startsWith(beginning));

  /* Leaving by the door takes everything of this person along. */
  document.addEventListener("submit", (event) => {
    const user = document.querySelector("[data-ex-user]")?.dataset.exUser;
    if (storage && user && event.target.id === "logout-form") keysOf(`${PREFIX}${user}:`).forEach((key) => storage.removeItem(key));
  }, true);

  document.addEventListener("DOMContentLoaded", () => {
    const user = document.querySelector("[data-ex-user]")?.dataset.exUser;
    if (!storage) return;
    if (!user) {
      /* Nobody is signed in, as after a session that ended while a form was sent: who knows whether it was saved. */
      keysOf(PREFIX).forEach((key) => write(key, read(key).map((one) => ({ ...one, sent: false }))));
      return;
    }
    const mark = document.querySelector("[data-ex-draft]");
    const mine = mark ? `${PREFIX}${user}:${mark.dataset.exDraft}` : "";
    const oldest = Date.now() - KEPT_DAYS * 24 * 3600 * 1000;
    keysOf(`${PREFIX}${user}:`).forEach((key) => {
      /* Sent, and now another page, or the same one with a new version: it was saved. */
      const isSaved = (one) => one.sent && (one.path !== window.location.pathname || (key === mine && one.version !== mark.dataset.exDraftVersion));
      write(key, read(key).filter((one) => !isSaved(one) && Date.parse(one.at) > oldest));
    });
  });

  /* The form's own part, after the scripts that build its fields. */
  window.addEventListener("load", () => {
    const user = document.querySelector("[data-ex-user]")?.dataset.exUser;
    const mark = document.querySelector("[data-ex-draft]");
    const form = document.querySelector("#content-main form");
    if (!user || !mark || !form) return;
    const key = `${PREFIX}${user}:${mark.dataset.exDraft}`;
    const id = `${Date.now()}-${Math.random().toString(36).slice(2)}`;
    const begun = JSON.stringify(valuesOf(form));
    let isChanged = Boolean(document.querySelector(".errorlist, .errornote"));
    let isLeaving = false;
    let timer = 0;

    function keep(sent) {
      clearTimeout(timer);
      if (!storage) return;
      const values = valuesOf(form);
      const others = read(key).filter((one) => one.id !== id);
      const own = { id, at: new Date().toISOString(), version: mark.dataset.exDraftVersion, path: window.location.pathname, sent, values };
      const wasKept = write(key, isChanged && (sent || JSON.stringify(values) !== begun) ? [own, ...others] : others);
      note.hidden = wasKept;
    }

    const note = document.createElement("p");
    note.className = "ex-quiet";
    note.setAttribute("role", "status");
    note.textContent = "This browser has no room for a draft: save before you leave.";
    note.hidden = true;
    mark.append(note);

    function changed() {
      isChanged = true;
      clearTimeout(timer);
      timer = setTimeout(() => keep(false), PAUSE_MS);
    }
    form.addEventListener("input", changed);
    form.addEventListener("change", changed);
    form.addEventListener("submit", () => { isLeaving = true; keep(true); });
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden" && isChanged && !isLeaving) keep(false);
    });
    window.addEventListener("beforeunload", (event) => {
      if (!isChanged || isLeaving) return;
      keep(false);
      if (JSON.stringify(valuesOf(form)) !== begun || document.querySelector(".errorlist, .errornote")) event.preventDefault();
    });

    if (storage) read(key).filter((one) => JSON.stringify(one.values) !== begun).forEach(offer);

    function offer(draft) {
      const bar = document.createElement("div");
      bar.className = "ex-note ex-draft";
      const words = document.createElement("span");
      words.textContent = `There is a draft from ${moment(draft.at)} that was not saved.${
        draft.version === mark.dataset.exDraftVersion ? "" : " What it was made from has been saved anew since."}`;
      const restoring = button("Restore", () => {
        restore(form, draft.values);
        drop(draft);
        isChanged = true;
        keep(false);
        done(bar, "The draft is back in the form. It is not saved yet.");
      });
      const discarding = button("Discard", () => {
        drop(draft);
        done(bar, "The draft is gone.");
      });
      bar.append(words, restoring, discarding);
      mark.append(bar);
    }

    function drop(draft) {
      write(key, read(key).filter((one) => one.id !== draft.id));
    }

    function done(bar, words) {
      const said = document.createElement("span");
      said.setAttribute("role", "status");
      said.tabIndex = -1;
      said.textContent = words;
      bar.replaceChildren(said);
      said.focus();
    }
  });

  function button(label, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "ex-button";
    made.textContent = label;
    made.addEventListener("click", act);
    return made;
  }

  function moment(at) {
    const then = new Date(at);
    const time = then.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
    const isToday = then.toDateString() === new Date().toDateString();
    return isToday ? time : `${then.toLocaleDateString("en-GB", { day: "numeric", month: "long" })}, ${time}`;
  }

  const keepable = (field) => Boolean(field.name) && !NOT_KEPT.includes(field.type) && field.tagName !== "FIELDSET" && field.tagName !== "BUTTON"
    && field.tagName !== "OUTPUT" && !field.name.startsWith("_") && !field.disabled;

  /* By name: a text, or the list of what is chosen. */
  function valuesOf(form) {
    const values = {};
    for (const field of form.elements) {
      if (!keepable(field)) continue;
      if (field.type === "checkbox" || field.type === "radio") {
        values[field.name] = [...(values[field.name] || []), ...(field.checked ? [field.value] : [])];
      } else if (field.type === "select-multiple") {
        values[field.name] = [...field.selectedOptions].map((option) => option.value);
      } else {
        values[field.name] = field.value;
      }
    }
    return values;
  }

  function restore(form, values) {
    for (const field of form.elements) {
      if (!keepable(field) || !Object.hasOwn(values, field.name)) continue;
      const value = values[field.name];
      const chosen = Array.isArray(value) ? value.map(String) : null;
      if (field.type === "checkbox" || field.type === "radio") {
        if (!chosen) continue;
        field.checked = chosen.includes(field.value);
      } else if (field.type === "select-multiple") {
        if (!chosen) continue;
        [...field.options].forEach((option) => { option.selected = chosen.includes(option.value); });
      } else if (typeof value !== "string") {
        continue;
      } else if (field.tagName === "SELECT") {
        if (![...field.options].some((option) => option.value === value)) continue;
        field.value = value;
      } else if (!(window.exCode && window.exCode.write(field.name, value))) {
        field.value = value;
      }
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }
})();
