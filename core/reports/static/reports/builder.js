// The builder: fields that belong to a choice, the order of sections, and the preview that follows what is typed.
(() => {
  const form = document.querySelector("[data-rp-builder]");
  if (!form) return;
  const preview = document.querySelector(".rp-preview");
  const frame = document.querySelector("[data-rp-frame]");
  const state = document.querySelector("[data-rp-state]");
  const list = form.querySelector("[data-rp-sections]");
  const said = form.querySelector("[data-rp-said]");
  const PAUSE = 450;

  function showFields() {
    for (const part of form.querySelectorAll("[data-rp-for]")) {
      const [name, values] = part.dataset.rpFor.split("=");
      part.hidden = !values.split("|").includes(form.elements[name].value);
    }
  }

  function showMoves() {
    const rows = [...list.children];
    rows.forEach((row, place) => {
      row.querySelector(".rp-moves").hidden = false;
      row.querySelector('[data-rp-move="-1"]').disabled = place === 0;
      row.querySelector('[data-rp-move="1"]').disabled = place === rows.length - 1;
    });
  }

  function move(button) {
    const row = button.closest("li");
    const step = Number(button.dataset.rpMove);
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
    showMoves();
    (button.disabled ? row.querySelector(".rp-move:not(:disabled)") : button).focus();
    const place = [...list.children].indexOf(row) + 1;
    said.textContent = `${row.querySelector("label").textContent.trim()}: place ${place} of ${list.children.length}`;
    later();
  }

  let timer = 0;
  let asked = 0;

  async function refresh() {
    const mine = ++asked;
    preview.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(form.dataset.rpBuilder, { method: "POST", body: new FormData(form) });
      if (!answer.ok) throw new Error(String(answer.status));
      const body = await answer.json();
      if (mine !== asked) return;
      state.textContent = body.problem || "";
      if (body.frame_url) frame.contentWindow.location.replace(body.frame_url);
    } catch {
      if (mine === asked) state.textContent = "The preview cannot be reached. What you typed is still here.";
    } finally {
      if (mine === asked) preview.removeAttribute("aria-busy");
    }
  }

  function later() {
    clearTimeout(timer);
    timer = setTimeout(refresh, PAUSE);
  }

  const shown = new Set(["period", "first_day", "last_day", "language", "title", "note", "sections"]);
  form.addEventListener("input", (event) => {
    showFields();
    if (shown.has(event.target.name)) later();
  });
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-rp-move]");
    if (button) move(button);
  });
  showFields();
  showMoves();
})();
