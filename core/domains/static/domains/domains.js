/* Copying a record's name or value. */
(() => {
    "use strict";
    const said = document.querySelector("[data-copied]");
    document.querySelectorAll("[data-copy-value]").forEach((button) =>
        button.addEventListener("click", async () => {
            await navigator.clipboard.writeText(button.parentElement.querySelector("[data-value]").textContent);
            said.textContent = "Copied.";
            button.textContent = "Copied";
            setTimeout(() => { button.textContent = "Copy"; }, 2000);
        }),
    );
})();
