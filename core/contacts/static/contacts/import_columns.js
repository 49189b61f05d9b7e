// What was chosen and typed stays when somebody leaves the page and comes back; a changed guess is no guess any more.
"use strict";

(() => {
  const form = document.querySelector("[data-columns]");
  if (!form) return;
  const key = `import-columns:${form.dataset.columns}`;
  const isKept = (field) => field.name && field.type !== "hidden";

  const remember = () => {
    const values = [...form.elements].filter(isKept).map((field) => [field.name, field.value, field.checked ?? null]);
    sessionStorage.setItem(key, JSON.stringify({ saved: form.dataset.saved, values }));
  };

  // Only onto the page it was typed on: once saved, the server knows better.
  const restore = () => {
    const kept = JSON.parse(sessionStorage.getItem(key) || "null");
    if (!kept || kept.saved !== form.dataset.saved) return;
    for (const [name, value, checked] of kept.values) {
      for (const field of form.querySelectorAll(`[name="${CSS.escape(name)}"]`)) {
        if (checked === null || field.matches("select, [type=text], [type=date]")) field.value = value;
        else if (field.value === value) field.checked = checked;
      }
    }
  };

  form.addEventListener("change", (event) => {
    if (event.target.matches("select")) event.target.closest(".ct-map-to")?.querySelector("[data-origin]")?.remove();
    remember();
  });
  form.addEventListener("input", remember);
  form.addEventListener("submit", () => sessionStorage.removeItem(key));
  restore();
})();
