/* The client's link, copied with one press; where the browser refuses, it is selected to be copied by hand. */
(() => {
    "use strict";
    document.addEventListener("click", async (event) => {
        const button = event.target.closest("[data-copy-button]");
        if (!button) return;
        const field = button.closest("[data-copy-link]").querySelector("[data-link]");
        const words = button.querySelector("[data-copy-words]");
        try {
            await navigator.clipboard.writeText(field.value);
            words.textContent = "Copied";
        } catch {
            field.focus();
            field.select();
            words.textContent = "Press Ctrl+C";
        }
    });
})();
