/* The preview follows what is typed; the code to share is copied with one press. */
(() => {
    "use strict";
    const NAMES = ["title", "introduction", "button", "consent_text", "language", "asked_fields"];
    const WAIT_MS = 250;

    const start = () => {
        const panels = document.querySelector("[data-signup-form]");
        const form = document.querySelector("#signupform_form");
        if (!panels || !form) return;
        const frame = panels.querySelector("[data-preview]");
        let timer = 0;

        const refresh = () => {
            const query = new URLSearchParams({ client: panels.dataset.client });
            for (const [name, value] of new FormData(form)) {
                if (NAMES.includes(name)) query.append(name, value);
            }
            frame.contentWindow.location.replace(`${panels.dataset.previewUrl}?${query}`);
        };

        form.addEventListener("input", () => {
            window.clearTimeout(timer);
            timer = window.setTimeout(refresh, WAIT_MS);
        });
        refresh();

        panels.addEventListener("click", async (event) => {
            const button = event.target.closest("[data-copy]");
            if (!button) return;
            const code = document.getElementById(button.dataset.copy);
            code.select();
            const said = panels.querySelector("[data-copied]");
            try {
                await navigator.clipboard.writeText(code.value);
                said.textContent = "Copied.";
            } catch {
                said.textContent = "The text is marked: copy it with Ctrl+C or ⌘C.";
            }
        });
    };

    if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
    else start();
})();
