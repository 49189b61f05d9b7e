/* The audience's numbers follow the ticked groups. */
(() => {
    "use strict";
    const target = document.querySelector("[data-audience]");
    const form = document.querySelector("#content-main form");
    if (!target || !form) return;
    const client = JSON.parse(document.getElementById("preview-config").textContent).extra.client;
    let asked = 0;

    const ticked = (name) => [...form.querySelectorAll(`input[name="${name}"]:checked`)].map((box) => box.value);

    async function refresh() {
        const query = new URLSearchParams({ client });
        ticked("include_groups").forEach((id) => query.append("include", id));
        ticked("exclude_groups").forEach((id) => query.append("exclude", id));
        ticked("include_segments").forEach((id) => query.append("include_segment", id));
        ticked("exclude_segments").forEach((id) => query.append("exclude_segment", id));
        await show(query);
    }

    async function show(query) {
        const number = ++asked;
        const response = await fetch(`${target.dataset.audience}?${query}`);
        if (response.ok && number === asked) target.innerHTML = await response.text();
        else if (number === asked) target.textContent = "The numbers cannot be fetched now. They come with Review and send.";
    }

    if (target.dataset.pending) show(target.dataset.pending);
    form.addEventListener("change", (event) => {
        if (/^(include|exclude)_(groups|segments)$/.test(event.target.name)) refresh();
    });
})();
