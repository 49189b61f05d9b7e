// What every page of the admin shares: forms say for which client they were made, the client switcher, the palette.
"use strict";

(() => {
  const FIELD = "_organization";
  const HEADER = "X-Organization";

  const organization = () => document.querySelector("[data-ex-organization]")?.dataset.exOrganization;
  const isFree = (form) => form.hasAttribute("data-ex-any-client") || form.id === "logout-form";

  // Fired for every way of sending a form: a click, form.submit(), new FormData(form), htmx.
  document.addEventListener("formdata", (event) => {
    const value = organization();
    const form = event.target;
    if (value && form.method === "post" && !isFree(form)) {
      event.formData.set(FIELD, value);
    }
  });

  document.addEventListener("htmx:configRequest", (event) => {
    const value = organization();
    if (value && event.detail.verb !== "get") {
      event.detail.headers[HEADER] = value;
    }
  });

  const plainFetch = window.fetch.bind(window);
  window.fetch = (resource, options = {}) => {
    const method = (options.method || resource.method || "GET").toUpperCase();
    const value = organization();
    const target = new URL(resource.url || resource, window.location.href);
    if (!value || method === "GET" || method === "HEAD" || target.origin !== window.location.origin) {
      return plainFetch(resource, options);
    }
    const headers = new Headers(options.headers || resource.headers || {});
    headers.set(HEADER, value);
    return plainFetch(resource, { ...options, headers });
  };

  // Pages without unfold's script follow the theme a person chose there.
  if (document.documentElement.hasAttribute("data-ex-plain")) {
    const chosen = (window.localStorage.getItem("_x_adminTheme") || "").replaceAll('"', "");
    const isDark = chosen === "dark" || (chosen !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
    document.documentElement.classList.toggle("dark", isDark);
  }

  const filterClients = (input) => {
    const wanted = input.value.trim().toLowerCase();
    const items = [...input.form.querySelectorAll(".ex-switcher-item")];
    for (const item of items) {
      item.hidden = !item.textContent.trim().toLowerCase().includes(wanted);
    }
    input.form.querySelector(".ex-switcher-none").hidden = items.some((item) => !item.hidden);
  };

  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-ex-filter]")) {
      filterClients(event.target);
    }
  });

  // Unfold hides a page until its script has run, and a hidden field takes no focus.
  window.addEventListener("load", () => {
    if (document.activeElement === document.body) {
      document.querySelector("[autofocus]")?.focus();
    }
  });

  // Unfold shows and focuses the palette's field some milliseconds late, and what is typed meanwhile is lost.
  const openPalette = (input) => {
    window.dispatchEvent(new CustomEvent("opencommand"));
    input.closest("[x-show]").style.removeProperty("display");
    input.focus();
  };

  document.addEventListener("keydown", (event) => {
    const palette = document.getElementById("search-input-command");
    // In a field Ctrl-K belongs to the field.
    const isTyping = event.target.closest?.("input, textarea, [contenteditable]");
    if (palette && !isTyping && event.key === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      event.stopPropagation();
      openPalette(palette);
    }
    const switcher = event.target.closest?.("[data-ex-switcher]");
    if (event.target.matches?.("[data-ex-filter]") && event.key === "Enter") {
      event.preventDefault();
      event.target.form.querySelector(".ex-switcher-item:not([hidden])")?.click();
    } else if (switcher && event.key === "Escape") {
      switcher.open = false;
      switcher.querySelector("summary").focus();
    } else if (switcher?.open && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
      event.preventDefault();
      const items = [...switcher.querySelectorAll(".ex-switcher-item:not([hidden])")];
      const step = event.key === "ArrowDown" ? 1 : -1;
      items[Math.max(items.indexOf(document.activeElement) + step, 0)]?.focus();
    }
  });

  document.addEventListener("click", (event) => {
    for (const switcher of document.querySelectorAll("[data-ex-switcher][open]")) {
      if (!switcher.contains(event.target)) {
        switcher.open = false;
      }
    }
    if (event.target.closest("[data-ex-palette]")) {
      window.dispatchEvent(new CustomEvent("opencommand"));
      event.stopPropagation();
    }
  });

  // A toggle event does not bubble, hence the capture.
  document.addEventListener(
    "toggle",
    (event) => {
      if (event.target.matches?.("[data-ex-switcher]") && event.target.open) {
        event.target.querySelector("[data-ex-filter]")?.focus();
      }
    },
    true,
  );

  // On a phone each cell of a list says what it holds. Unfold calls the first one of every row "Select record", box or
  // not, and gives the others in lower case.
  document.addEventListener("DOMContentLoaded", () => {
    for (const cell of document.querySelectorAll("#result_list [data-label]")) {
      const label = cell.dataset.label === "Select record" ? (cell.querySelector("input[type=checkbox]") ? "Select" : "") : cell.dataset.label;
      cell.dataset.label = label.charAt(0).toUpperCase() + label.slice(1);
    }
  });
})();
